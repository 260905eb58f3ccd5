// SPDX-License-Identifier: GPL-2.0
/*
 * A client that protects pages of its own and touches them, to be built against
 * the installed headers alone.
 *
 * In debugfs, folder pvmc_guarded:
 *
 *	run	write "CONTEXT KIND": process, softirq, hardirq or nmi, and
 *		read, write or locked: an access to a page that forbids it; fails
 *		where anything is not as it must be
 *	parallel	write N: so many on each CPU, all CPUs at once
 *	protect	write anything: forbid page 0, for others to touch
 *	page	page 0, to be mapped
 *	results	what the last run came to
 */
#include <linux/cpu.h>
#include <linux/debugfs.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/ptrace.h>
#include <linux/pvmemcontrol.h>
#include <linux/sched/clock.h>
#include <linux/seq_file.h>
#include <linux/smp.h>
#include <linux/uaccess.h>

#include "guarded.h"

#define GUARDED_PAGES	256
#define GUARDED_CONTENT	0x5a5a5a5a5a5a5a5aULL
/* Not at its beginning, to see that the address is exact. */
#define GUARDED_OFFSET	0x128

static DEFINE_MUTEX(guarded_lock);	/* one run at a time */
static struct page *guarded_pages;
static struct guarded_spot guarded_spots[GUARDED_PAGES];
static unsigned int guarded_wrong;
static char guarded_why[128];
static atomic_t guarded_gate;

static const char *const guarded_kinds[NR_GUARDED_KINDS] = {
	"read", "write", "locked",
};

static phys_addr_t guarded_phys(unsigned int page)
{
	return page_to_phys(guarded_pages + page);
}

/* In NMI; each spot's page is touched by one CPU only. */
static enum pvmemcontrol_owner
guarded_owner(struct pvmemcontrol_client *client,
	      const struct pvmemcontrol_access *access, char *what)
{
	struct guarded_spot *spot;
	unsigned long page;

	if (access->addr < guarded_phys(0) ||
	    access->addr >= guarded_phys(GUARDED_PAGES))
		return PVMEMCONTROL_NOT_MINE;
	page = (access->addr - guarded_phys(0)) >> PAGE_SHIFT;
	spot = &guarded_spots[page];
	spot->told_at = local_clock();
	spot->told++;
	spot->told_addr = access->addr;
	spot->told_access = access->access;
	spot->told_stopped = access->stopped;
	spot->told_ip = instruction_pointer(access->regs);
	spot->told_cpu = smp_processor_id();
	snprintf(what, PVMEMCONTROL_DESCRIPTION, "guarded page %lu", page);
	return PVMEMCONTROL_MINE;
}

static const struct pvmemcontrol_client_ops guarded_ops = {
	.owner = guarded_owner,
};

static struct pvmemcontrol_client guarded_client = {
	.name = "guarded",
	.ops = &guarded_ops,
};

static int guarded_prepare(unsigned int page, enum guarded_kind kind)
{
	struct guarded_spot *spot = &guarded_spots[page];
	void *at = page_address(guarded_pages + page);

	memset64(at, GUARDED_CONTENT, PAGE_SIZE / 8);
	memset(spot, 0, sizeof(*spot));
	spot->at = at + GUARDED_OFFSET;
	spot->kind = kind;
	return pvmemcontrol_call(&guarded_client, kind == GUARDED_READ ?
				 PVMEMCONTROL_MPROTECT_NONE :
				 PVMEMCONTROL_MPROTECT_R, guarded_phys(page),
				 PAGE_SIZE, 0, NULL);
}

/* What must have been told, and what must be in memory now. */
static void guarded_verify(unsigned int page, bool stopped)
{
	static const u32 accesses[NR_GUARDED_KINDS] = {
		PVMEMCONTROL_ACCESS_READ, PVMEMCONTROL_ACCESS_WRITE,
		PVMEMCONTROL_ACCESS_WRITE,
	};
	static const u64 contents[NR_GUARDED_KINDS] = {
		GUARDED_CONTENT, ~0ULL, GUARDED_CONTENT + 1,
	};
	const struct guarded_spot *spot = &guarded_spots[page];
	const char *why = NULL;

	if (spot->told != 1)
		why = spot->told ? "told more than once" : "not told";
	else if (spot->told_addr != guarded_phys(page) + GUARDED_OFFSET)
		why = "another address";
	else if (!(spot->told_access & accesses[spot->kind]))
		why = "another kind of access";
	else if (spot->told_stopped != stopped)
		why = stopped ? "not stopped" : "stopped";
	else if (stopped && spot->told_ip != spot->ip)
		why = "another instruction";
	else if (spot->told_cpu != spot->cpu)
		why = "another CPU";
	else if (*spot->at != contents[spot->kind])
		why = "another content";
	else if (spot->kind == GUARDED_READ && spot->value != GUARDED_CONTENT)
		why = "another value read";
	if (!why)
		return;
	guarded_wrong++;
	snprintf(guarded_why, sizeof(guarded_why),
		 "page %u: %s (told %u, addr %llx, access %u, ip %pS for %pS, content %llx)",
		 page, why, spot->told, (u64)spot->told_addr,
		 spot->told_access, (void *)spot->told_ip, (void *)spot->ip,
		 *spot->at);
}

static int guarded_open(unsigned int page)
{
	return pvmemcontrol_call(&guarded_client, PVMEMCONTROL_MPROTECT_RW,
				 guarded_phys(page), PAGE_SIZE, 0, NULL);
}

static int guarded_kind_of(const char *name)
{
	return match_string(guarded_kinds, NR_GUARDED_KINDS, name);
}

static ssize_t run_write(struct file *file, const char __user *from,
			 size_t count, loff_t *ppos)
{
	char line[32] = {}, context[16], name[16];
	int kind, err;

	if (count >= sizeof(line) || copy_from_user(line, from, count))
		return -EFAULT;
	if (sscanf(line, "%15s %15s", context, name) != 2)
		return -EINVAL;
	kind = guarded_kind_of(name);
	if (kind < 0)
		return kind;

	mutex_lock(&guarded_lock);
	guarded_wrong = 0;
	*guarded_why = 0;
	err = guarded_prepare(0, kind);
	if (!err)
		err = guarded_in(context, &guarded_spots[0]);
	/* The VMM cannot stop an NMI's own: it is told of afterwards. */
	if (!strcmp(context, "nmi") && !err)
		err = guarded_open(0);
	if (!err)
		guarded_verify(0, strcmp(context, "nmi"));
	guarded_open(0);
	if (!err && guarded_wrong)
		err = -EBADE;
	mutex_unlock(&guarded_lock);
	return err ?: count;
}

static const struct file_operations run_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = run_write,
};

static void guarded_burst(void *each)
{
	unsigned int nr = (unsigned long)each, i;
	unsigned int first = smp_processor_id() * nr;

	/* Together, as far as that goes. */
	atomic_dec(&guarded_gate);
	while (atomic_read(&guarded_gate) > 0)
		cpu_relax();
	for (i = first; i < first + nr; i++)
		guarded_access(&guarded_spots[i]);
}

static int guarded_parallel(void *unused, u64 each)
{
	unsigned int nr, i;
	int err = 0;

	if (!each || each * nr_cpu_ids > GUARDED_PAGES)
		return -EINVAL;
	mutex_lock(&guarded_lock);
	cpus_read_lock();
	guarded_wrong = 0;
	*guarded_why = 0;
	nr = each * num_online_cpus();
	for (i = 0; i < nr && !err; i++)
		err = guarded_prepare(i, i % NR_GUARDED_KINDS);
	if (!err) {
		atomic_set(&guarded_gate, num_online_cpus());
		on_each_cpu(guarded_burst, (void *)(unsigned long)each, 1);
		for (i = 0; i < nr; i++)
			guarded_verify(i, true);
	}
	for (i = 0; i < nr; i++)
		guarded_open(i);
	cpus_read_unlock();
	if (!err && guarded_wrong)
		err = -EBADE;
	mutex_unlock(&guarded_lock);
	return err;
}
DEFINE_DEBUGFS_ATTRIBUTE(parallel_fops, NULL, guarded_parallel, "%llu\n");

static int guarded_protect(void *unused, u64 value)
{
	int err;

	mutex_lock(&guarded_lock);
	err = value ? guarded_prepare(0, GUARDED_READ) : guarded_open(0);
	mutex_unlock(&guarded_lock);
	return err;
}
DEFINE_DEBUGFS_ATTRIBUTE(protect_fops, NULL, guarded_protect, "%llu\n");

static int page_mmap(struct file *file, struct vm_area_struct *vma)
{
	return remap_pfn_range(vma, vma->vm_start,
			       guarded_phys(0) >> PAGE_SHIFT,
			       min(PAGE_SIZE, vma->vm_end - vma->vm_start),
			       vma->vm_page_prot);
}

static const struct file_operations page_fops = {
	.owner = THIS_MODULE,
	.mmap = page_mmap,
};

static int results_show(struct seq_file *s, void *unused)
{
	mutex_lock(&guarded_lock);
	seq_printf(s, "wrong %u\nwhy %s\n", guarded_wrong, guarded_why);
	seq_printf(s, "told %u\naddr 0x%llx\nip 0x%lx\n", guarded_spots[0].told,
		   (u64)guarded_phys(0), guarded_spots[0].told_ip);
	seq_printf(s, "delivery_ns %llu\n",
		   guarded_spots[0].told_at - guarded_spots[0].began);
	mutex_unlock(&guarded_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(results);

static struct dentry *guarded_dir;

static int __init guarded_init(void)
{
	int err;

	guarded_pages = alloc_pages(GFP_KERNEL, ilog2(GUARDED_PAGES));
	if (!guarded_pages)
		return -ENOMEM;
	err = guarded_contexts_init();
	if (err)
		goto free;
	err = pvmemcontrol_register_client(&guarded_client);
	if (err)
		goto contexts;
	guarded_dir = debugfs_create_dir("pvmc_guarded", NULL);
	debugfs_create_file("run", 0200, guarded_dir, NULL, &run_fops);
	debugfs_create_file("parallel", 0200, guarded_dir, NULL,
			    &parallel_fops);
	debugfs_create_file("protect", 0200, guarded_dir, NULL, &protect_fops);
	debugfs_create_file_unsafe("page", 0600, guarded_dir, NULL,
				   &page_fops);
	debugfs_create_file("results", 0400, guarded_dir, NULL, &results_fops);
	return 0;

contexts:
	guarded_contexts_exit();
free:
	__free_pages(guarded_pages, ilog2(GUARDED_PAGES));
	return err;
}
module_init(guarded_init);

static void __exit guarded_exit(void)
{
	debugfs_remove(guarded_dir);
	guarded_open(0);
	pvmemcontrol_unregister_client(&guarded_client);
	guarded_contexts_exit();
	__free_pages(guarded_pages, ilog2(GUARDED_PAGES));
}
module_exit(guarded_exit);

MODULE_DESCRIPTION("pvmemcontrol test: pages that are touched although protected");
MODULE_LICENSE("GPL");
