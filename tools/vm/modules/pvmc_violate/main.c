// SPDX-License-Identifier: GPL-2.0
/*
 * Touches memory that it has had protected, in each way that there is, and looks
 * whether the VMM tells it exactly what happened before it happens.  It speaks
 * to the device itself and has its own handler of NMIs, which opens the page.
 *
 * In debugfs, pvmc_violate/: reading "accesses", "fetches", "string",
 * "own", "nmi" or "parallel" tries that and says "ok NAME" or "not ok NAME: WHY"
 * in lines.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/nmi.h>
#include <linux/set_memory.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/vmalloc.h>
#include <asm/nmi.h>
#include <asm/pgtable.h>
#include <asm/ptrace.h>

#include "violate.h"

static struct dentry *vio_dir;
/* Two pages, one after the other, and two that are alone */
static u8 *vio_pages, *vio_source, *vio_other;

/* -- The handler --------------------------------------------------------- */

static void vio_note(struct vio_cpu *cpu, struct pvmemcontrol_violation *r,
		     struct pt_regs *regs)
{
	cpu->seen = (struct vio_seen) {
		.nr = cpu->seen.nr + 1,
		.addr = r->addr, .access = r->access, .flags = r->flags,
		.ip = regs->ip, .cx = regs->cx, .si = regs->si, .di = regs->di,
		.user = user_mode(regs),
		.watched = cpu->watch ? READ_ONCE(*cpu->watch) : 0,
	};
}

/*
 * Under KVM a page is opened for a moment to let an access through, which a busy
 * host may use for something else: then it is let through, and told, again.
 */
static bool vio_repeats;
module_param_named(repeats, vio_repeats, bool, 0400);

static int vio_nmi(unsigned int type, struct pt_regs *regs)
{
	struct vio_cpu *cpu = vio_cpus[smp_processor_id()];
	/* The kernel expects no NMI without a cause behind one that had many. */
	int handled = NMI_DONE;
	unsigned int i;

	for (i = 0; i < PAGE_SIZE / sizeof(vio_records[0]); i++) {
		struct pvmemcontrol_violation *r = &vio_records[i];

		/* The rest of it was written before. */
		if (!smp_load_acquire(&r->sequence) || r->vcpu != cpu->index)
			continue;
		if (cpu->touch) {
			u64 *touch = cpu->touch;

			cpu->touch = NULL;
			cpu->touched = READ_ONCE(*touch);
		}
		vio_note(cpu, r, regs);
		vio_call(VIO_NMI, PVMEMCONTROL_MPROTECT_RW, r->addr & PAGE_MASK,
			 PAGE_SIZE, 0, NULL);
		/* Read before the VMM may write to it again. */
		smp_store_release(&r->sequence, 0);
		handled += NMI_HANDLED;
	}
	return handled;
}

/* -- Tests --------------------------------------------------------------- */

/* What did not hold first */
struct vio_verdict {
	const char *what;
	u64 got, want;
};

static void vio_expect(struct vio_verdict *v, const char *what, u64 got,
		       u64 want)
{
	if (!v->what && got != want)
		*v = (struct vio_verdict) { what, got, want };
}

static void vio_result(struct seq_file *m, const char *name,
		       const struct vio_verdict *v)
{
	if (v->what)
		seq_printf(m, "not ok %s: %s is %#llx and not %#llx\n", name,
			   v->what, v->got, v->want);
	else
		seq_printf(m, "ok %s\n", name);
}

static void vio_arm(struct vio_verdict *v, u64 func, phys_addr_t page)
{
	vio_expect(v, "errno of the device", vio_protect(func, page), 0);
}

static struct vio_cpu *vio_this_cpu(void)
{
	return vio_cpus[smp_processor_id()];
}

/* Does what @access says, on this CPU. */
static void vio_try(struct seq_file *m, const struct vio_access *a, u64 func)
{
	struct vio_cpu *cpu = vio_this_cpu();
	struct vio_spot spot = {
		.at = vio_pages + a->offset, .length = 256,
	};
	phys_addr_t start = virt_to_phys(vio_pages);
	unsigned int before = cpu->seen.nr;
	char name[64];
	struct vio_verdict v = {};
	u64 result;

	snprintf(name, sizeof(name), "%s%s", a->name,
		 func == PVMEMCONTROL_MPROTECT_R ? ", read-only" : "");
	memset(vio_pages, 0x5a, 2 * PAGE_SIZE);
	vio_arm(&v, func, start + a->page * PAGE_SIZE);
	/* What is in front of the protected page must not change before. */
	cpu->watch = a->page ? spot.at : NULL;
	if (a->page)
		cpu->watch = (u64 *)(vio_pages + PAGE_SIZE - 8);
	a->touch(&spot);
	cpu->watch = NULL;

	vio_expect(&v, "number of NMIs", cpu->seen.nr, before + 1);
	vio_expect(&v, "instruction", cpu->seen.ip, spot.ip);
	vio_expect(&v, "address", cpu->seen.addr, start + a->stop);
	vio_expect(&v, "access", cpu->seen.access, a->access);
	vio_expect(&v, "flags", cpu->seen.flags,
		   PVMEMCONTROL_VIOLATION_STOPPED);
	vio_expect(&v, "user mode", cpu->seen.user, 0);
	if (a->page)
		vio_expect(&v, "memory before", cpu->seen.watched, VIO_CONTENT);
	memcpy(&result, spot.at, sizeof(result));
	vio_expect(&v, "memory after", result, a->result ?: VIO_CONTENT);
	if (a->touch == vio_read)
		vio_expect(&v, "value read", spot.value, VIO_CONTENT);
	vio_result(m, name, &v);
}

static int accesses_show(struct seq_file *m, void *unused)
{
	unsigned int i;

	preempt_disable();
	for (i = 0; i < vio_nr_accesses; i++) {
		vio_try(m, &vio_accesses[i], PVMEMCONTROL_MPROTECT_NONE);
		if (vio_accesses[i].access == PVMEMCONTROL_ACCESS_WRITE)
			vio_try(m, &vio_accesses[i], PVMEMCONTROL_MPROTECT_R);
	}
	preempt_enable();
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(accesses);

static phys_addr_t vio_text_phys(void *text)
{
	return page_to_phys(vmalloc_to_page(text)) + offset_in_page(text);
}

static void vio_fetch(struct seq_file *m, const char *name,
		      u64 (*code)(void), u64 (*call)(void), void *stop)
{
	struct vio_cpu *cpu = vio_this_cpu();
	unsigned int before = cpu->seen.nr;
	phys_addr_t phys = vio_text_phys(stop);
	struct vio_verdict v = {};

	/* Translated already, if it is emulated */
	vio_expect(&v, "value returned", call(), 0x1234);
	vio_expect(&v, "number of NMIs", cpu->seen.nr, before);
	vio_arm(&v, PVMEMCONTROL_MPROTECT_NONE, phys);
	vio_expect(&v, "value returned", call(), 0x1234);
	vio_expect(&v, "number of NMIs", cpu->seen.nr, before + 1);
	vio_expect(&v, "instruction", cpu->seen.ip, (unsigned long)code);
	vio_expect(&v, "address", cpu->seen.addr, phys);
	vio_expect(&v, "access", cpu->seen.access, PVMEMCONTROL_ACCESS_FETCH);
	vio_expect(&v, "flags", cpu->seen.flags,
		   PVMEMCONTROL_VIOLATION_STOPPED);
	vio_result(m, name, &v);
}

static int fetches_show(struct seq_file *m, void *unused)
{
	void *edge = (void *)PAGE_ALIGN((unsigned long)vio_code_across);

	preempt_disable();
	vio_fetch(m, "fetch", vio_code, vio_code, vio_code);
	vio_fetch(m, "fetch again", vio_code, vio_code, vio_code);
	vio_fetch(m, "fetch across the edge", vio_code_across, vio_code_across,
		  edge);
	preempt_enable();
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(fetches);

static void vio_string(struct seq_file *m, const char *name, bool source)
{
	struct vio_cpu *cpu = vio_this_cpu();
	unsigned int before = cpu->seen.nr, i;
	struct vio_spot spot = { .length = 256 };
	/* The edge is 100 bytes away. */
	u8 *far = vio_pages + PAGE_SIZE - 100;
	struct vio_verdict v = {};

	for (i = 0; i < 256; i++)
		vio_source[i] = i;
	memset(vio_pages, 0x5a, 2 * PAGE_SIZE);
	if (source)
		memcpy(far, vio_source, 256);
	spot.at = source ? vio_source + 1024 : far;
	spot.source = source ? far : vio_source;
	vio_arm(&v, PVMEMCONTROL_MPROTECT_NONE,
		virt_to_phys(vio_pages + PAGE_SIZE));
	vio_copy(&spot);
	vio_expect(&v, "number of NMIs", cpu->seen.nr, before + 1);
	vio_expect(&v, "instruction", cpu->seen.ip, spot.ip);
	vio_expect(&v, "count", cpu->seen.cx, 256 - 100);
	vio_expect(&v, "target", cpu->seen.di, (unsigned long)spot.at + 100);
	vio_expect(&v, "source", cpu->seen.si,
		   (unsigned long)spot.source + 100);
	vio_expect(&v, "address", cpu->seen.addr,
		   virt_to_phys(vio_pages + PAGE_SIZE));
	vio_expect(&v, "access", cpu->seen.access,
		   source ? PVMEMCONTROL_ACCESS_READ :
			    PVMEMCONTROL_ACCESS_WRITE);
	vio_expect(&v, "difference", memcmp(spot.at, vio_source, 256), 0);
	vio_result(m, name, &v);
}

static int string_show(struct seq_file *m, void *unused)
{
	preempt_disable();
	vio_string(m, "rep movs to it", false);
	vio_string(m, "rep movs from it", true);
	preempt_enable();
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(string);

/* A page of page tables that is protected: walking it is the CPU's business. */
static void vio_walk(struct seq_file *m, u64 *mapped)
{
	const char *name = "page table walk";
	struct vio_cpu *cpu = vio_this_cpu();
	unsigned int before = cpu->seen.nr, level;
	pte_t *pte = lookup_address((unsigned long)mapped, &level);
	struct vio_verdict v = {};
	u64 got;

	vio_expect(&v, "level", level, PG_LEVEL_4K);
	vio_arm(&v, PVMEMCONTROL_MPROTECT_NONE, virt_to_phys(pte));
	asm volatile("invlpg (%0)" : : "r" (mapped) : "memory");
	got = READ_ONCE(*mapped);
	vio_arm(&v, PVMEMCONTROL_MPROTECT_RW, virt_to_phys(pte));
	vio_expect(&v, "value read", got, VIO_CONTENT);
	vio_expect(&v, "number of NMIs", cpu->seen.nr, before);
	vio_result(m, name, &v);
}

static int own_show(struct seq_file *m, void *unused)
{
	unsigned long flags;
	u64 *mapped = vmalloc(PAGE_SIZE);

	if (!mapped)
		return -ENOMEM;
	*mapped = VIO_CONTENT;
	local_irq_save(flags);
	vio_walk(m, mapped);
	local_irq_restore(flags);
	vfree(mapped);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(own);

/* The handler itself touches a page: it cannot be told until it is done. */
static void vio_in_nmi(struct seq_file *m)
{
	const char *name = "violation in an NMI";
	struct vio_cpu *cpu = vio_this_cpu();
	unsigned int before = cpu->seen.nr;
	struct vio_spot spot = { .at = vio_pages };
	struct vio_verdict v = {};

	memset(vio_pages, 0x5a, PAGE_SIZE);
	memset(vio_other, 0x77, PAGE_SIZE);
	vio_arm(&v, PVMEMCONTROL_MPROTECT_NONE, virt_to_phys(vio_pages));
	vio_arm(&v, PVMEMCONTROL_MPROTECT_NONE, virt_to_phys(vio_other));
	cpu->touch = (u64 *)vio_other;
	vio_read(&spot);
	vio_expect(&v, "value read in the NMI", cpu->touched,
		   0x7777777777777777ULL);
	vio_expect(&v, "value read", spot.value, VIO_CONTENT);
	if (!vio_repeats || cpu->seen.nr < before + 2)
		vio_expect(&v, "number of NMIs", cpu->seen.nr, before + 2);
	vio_expect(&v, "address", cpu->seen.addr, virt_to_phys(vio_other));
	vio_expect(&v, "flags", cpu->seen.flags, 0);
	vio_result(m, name, &v);
}

static int nmi_show(struct seq_file *m, void *unused)
{
	preempt_disable();
	vio_in_nmi(m);
	preempt_enable();
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(nmi);

/* -- All CPUs at once ---------------------------------------------------- */

#define VIO_ROUNDS 200

struct vio_parallel {
	atomic_t waiting;
	atomic_t wrong;
};

/* One page each, which only this CPU touches, and always at the same time */
static void vio_parallel_here(void *arg)
{
	struct vio_parallel *p = arg;
	struct vio_cpu *cpu = vio_this_cpu();
	u8 *page = (u8 *)get_zeroed_page(GFP_ATOMIC);
	struct vio_spot spot = { .at = page };
	unsigned int i, before = cpu->seen.nr;

	atomic_dec(&p->waiting);
	while (atomic_read(&p->waiting) > 0)
		cpu_relax();
	for (i = 0; page && i < VIO_ROUNDS; i++) {
		*(u64 *)page = i;
		vio_protect(PVMEMCONTROL_MPROTECT_NONE, virt_to_phys(page));
		vio_read(&spot);
		if (spot.value != i || cpu->seen.nr != before + i + 1 ||
		    cpu->seen.ip != spot.ip ||
		    cpu->seen.addr != virt_to_phys(page))
			atomic_inc(&p->wrong);
	}
	if (!page)
		atomic_inc(&p->wrong);
	free_page((unsigned long)page);
}

static int parallel_show(struct seq_file *m, void *unused)
{
	struct vio_parallel p = {
		.waiting = ATOMIC_INIT(num_online_cpus()),
	};
	struct vio_verdict v = {};

	on_each_cpu(vio_parallel_here, &p, true);
	vio_expect(&v, "rounds that went wrong", atomic_read(&p.wrong), 0);
	vio_result(m, "all CPUs at once", &v);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(parallel);

/* -- Life ---------------------------------------------------------------- */

static int vio_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	void __iomem *regs;
	int err;

	vio_pages = (void *)devm_get_free_pages(&pdev->dev, GFP_KERNEL, 1);
	vio_source = (void *)devm_get_free_pages(&pdev->dev, GFP_KERNEL, 0);
	vio_other = (void *)devm_get_free_pages(&pdev->dev, GFP_KERNEL, 0);
	if (!vio_pages || !vio_source || !vio_other)
		return -ENOMEM;
	err = pcim_enable_device(pdev);
	if (err)
		return err;
	regs = pcim_iomap(pdev, 0, PVMEMCONTROL_BAR_SIZE);
	if (!regs)
		return -ENOMEM;
	err = vio_connect(pdev, regs);
	if (err)
		return err;
	err = register_nmi_handler(NMI_LOCAL, vio_nmi, 0, KBUILD_MODNAME);
	if (err)
		return err;
	err = vio_user_init();
	if (err) {
		unregister_nmi_handler(NMI_LOCAL, KBUILD_MODNAME);
		return err;
	}
	vio_dir = debugfs_create_dir(KBUILD_MODNAME, NULL);
	debugfs_create_file("accesses", 0400, vio_dir, NULL, &accesses_fops);
	debugfs_create_file("fetches", 0400, vio_dir, NULL, &fetches_fops);
	debugfs_create_file("string", 0400, vio_dir, NULL, &string_fops);
	debugfs_create_file("own", 0400, vio_dir, NULL, &own_fops);
	debugfs_create_file("nmi", 0400, vio_dir, NULL, &nmi_fops);
	debugfs_create_file("parallel", 0400, vio_dir, NULL, &parallel_fops);
	return 0;
}

static void vio_remove(struct pci_dev *pdev)
{
	debugfs_remove(vio_dir);
	vio_user_exit();
	vio_disconnect();
	unregister_nmi_handler(NMI_LOCAL, KBUILD_MODNAME);
}

static const struct pci_device_id vio_ids[] = {
	{ PCI_DEVICE(PVMEMCONTROL_PCI_VENDOR_ID, PVMEMCONTROL_PCI_DEVICE_ID) },
	{ }
};

static struct pci_driver vio_driver = {
	.name = KBUILD_MODNAME,
	.id_table = vio_ids,
	.probe = vio_probe,
	.remove = vio_remove,
};
module_pci_driver(vio_driver);

MODULE_DESCRIPTION("Test: accesses to protected memory");
MODULE_LICENSE("GPL");
