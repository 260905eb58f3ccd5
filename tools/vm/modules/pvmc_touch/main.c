// SPDX-License-Identifier: GPL-2.0
/*
 * Touches memory that it has had protected, and looks at how the VMM tells.
 * It is a driver of its own, so that nothing else deals with the violation.
 *
 * Writing "PROTECTION WAY CPU" to the PCI device's attribute "touch" does it
 * once, on that CPU; PROTECTION is none or r, WAY one of read, write, locked,
 * copy (rep movsb, into the page from before it), cross (a write across its
 * edge), fetch and stack (the frame of an interrupt).  Reading the attribute
 * shows what happened, "name value" lines:
 *
 *	right		1 if the instruction then did what it should
 *	nmis		NMIs meanwhile
 *	records		violations that were told
 *	offset		from the start of the page to the address that was told
 *	access		PVMEMCONTROL_ACCESS_*
 *	vcpu		which one is said to have done it
 *	cpu		on which the NMI came
 *	stopped		PVMEMCONTROL_VIOLATION_STOPPED
 *	ip		where the NMI found the CPU
 *	ip_offset	from the instruction to there
 *
 * The handler of NMIs opens the page.  With the parameter tell=0 the VMM has
 * not been told how to tell, and the handler opens the page at any NMI.
 */
#include <linux/bitops.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/nmi.h>
#include <linux/pci.h>
#include <linux/pvmemcontrol.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <uapi/linux/pvmemcontrol.h>
#include <uapi/linux/pvmemcontrol_pci.h>

#include "touch.h"

#define TOUCH_PATTERN	0x0123456789abcdefULL
#define TOUCH_VALUE	0x1111111122222222ULL
#define TOUCH_COPY	64	/* bytes; half of them in the page */
#define TOUCH_CODE	0x5eed
#define TOUCH_ROUNDS	300000000ULL	/* until no interrupt will come any more */

static bool tell = true;
module_param(tell, bool, 0444);
MODULE_PARM_DESC(tell, "let the VMM tell of violations");

enum touch_way {
	TOUCH_READ, TOUCH_WRITE, TOUCH_LOCKED, TOUCH_COPIED, TOUCH_CROSS,
	TOUCH_FETCH, TOUCH_STACK,
};

static const char * const touch_ways[] = {
	"read", "write", "locked", "copy", "cross", "fetch",
	"stack",
};

/* One at a time: the attribute's lock. */
static struct touch {
	void __iomem *regs;
	/* Of processes, and of the NMI handler; in one page */
	struct pvmemcontrol_buf *buffers;
	u32 ids[2];
	struct pvmemcontrol_violation *records;
	u8 *pages;		/* three; the one in the middle is touched */

	bool armed;
	phys_addr_t page;	/* protected */
	enum touch_way way;

	bool right;
	unsigned int nmis;
	unsigned int nr_records;
	struct pvmemcontrol_violation record;
	unsigned int cpu;
	unsigned long ip;
} touch;

static DEFINE_MUTEX(touch_lock);

static u32 touch_command(u32 command)
{
	iowrite32(command, touch.regs + PVMEMCONTROL_REG_COMMAND);
	return ioread32(touch.regs + PVMEMCONTROL_REG_COMMAND);
}

/*
 * Returns the host's errno, or -1 if there was no answer.
 */
static int touch_call(int which, u32 func, phys_addr_t addr, u64 arg)
{
	struct pvmemcontrol_buf *buffer = &touch.buffers[which];

	buffer->call = (struct pvmemcontrol_vmm_call) {
		.func_code = func,
		.addr = addr,
		.length = PAGE_SIZE,
		.arg = arg,
	};
	/* The write that the VMM acts upon comes after the buffer's. */
	wmb();
	iowrite32(touch.ids[which], touch.regs + PVMEMCONTROL_REG_COMMAND);
	/* And the answer is read after it. */
	rmb();
	if (buffer->call.func_code == func && buffer->call.length == PAGE_SIZE)
		return -1;
	return buffer->ret.ret_errno;
}

static int touch_nmi(unsigned int type, struct pt_regs *regs)
{
	bool told = false;
	unsigned int i;

	if (!READ_ONCE(touch.armed))
		return NMI_DONE;
	touch.nmis++;
	for (i = 0; i < PAGE_SIZE / sizeof(*touch.records); i++) {
		struct pvmemcontrol_violation *record = &touch.records[i];

		if (!READ_ONCE(record->sequence))
			continue;
		/* The rest is there when the number is. */
		smp_rmb();
		touch.record = *record;
		/* And has been read before the VMM may write there again. */
		smp_mb();
		WRITE_ONCE(record->sequence, 0);
		touch.nr_records++;
		told = true;
	}
	if (!told && tell)
		return NMI_DONE;
	touch.cpu = smp_processor_id();
	touch.ip = regs->ip;
	touch_call(1, PVMEMCONTROL_MPROTECT_RW, touch.page, 0);
	return NMI_HANDLED;
}

static const void *touch_ip(enum touch_way way)
{
	switch (way) {
	case TOUCH_READ:
		return pvmc_touch_read_ip;
	case TOUCH_WRITE:
	case TOUCH_CROSS:
		return pvmc_touch_write_ip;
	case TOUCH_LOCKED:
		return pvmc_touch_locked_ip;
	case TOUCH_COPIED:
		return pvmc_touch_copy_ip;
	case TOUCH_FETCH:
		return (const void *)pvmc_touch_code;
	case TOUCH_STACK:
		break;
	}
	return NULL;
}

/* Returns whether the instruction has done its work. */
static bool touch_it(enum touch_way way, u8 *page)
{
	u64 *word = (u64 *)page;
	u8 *before;

	switch (way) {
	case TOUCH_READ:
		return pvmc_touch_read(word, 0, 0, 0) == TOUCH_PATTERN;
	case TOUCH_WRITE:
		pvmc_touch_write(word, TOUCH_VALUE, 0, 0);
		return *word == TOUCH_VALUE && word[1] == TOUCH_PATTERN;
	case TOUCH_LOCKED:
		return pvmc_touch_locked(word, TOUCH_VALUE, 0, 0) ==
		       TOUCH_PATTERN && *word == TOUCH_PATTERN + TOUCH_VALUE;
	case TOUCH_COPIED:
		before = page - TOUCH_COPY / 2;
		memset(page - PAGE_SIZE, 0xc3, TOUCH_COPY);
		pvmc_touch_copy(before, (u64)(page - PAGE_SIZE), 0, TOUCH_COPY);
		return !memchr_inv(before, 0xc3, TOUCH_COPY) &&
		       word[TOUCH_COPY / 16] == TOUCH_PATTERN;
	case TOUCH_CROSS:
		pvmc_touch_write(page - 4, TOUCH_VALUE, 0, 0);
		return *(u32 *)(page - 4) == lower_32_bits(TOUCH_VALUE) &&
		       *(u32 *)page == upper_32_bits(TOUCH_VALUE);
	case TOUCH_FETCH:
		return pvmc_touch_code(NULL, 0, 0, 0) == TOUCH_CODE;
	case TOUCH_STACK:
		/* Nobody else may come to run on that stack. */
		preempt_disable();
		pvmc_touch_stack(page + PAGE_SIZE, (u64)&touch.nmis, 0,
				 TOUCH_ROUNDS);
		preempt_enable();
		return touch.nmis;
	}
	return false;
}

static int touch_here(void *protection)
{
	u8 *page = touch.pages + PAGE_SIZE;
	int err;

	memset64((u64 *)page, TOUCH_PATTERN, PAGE_SIZE / sizeof(u64));
	touch.page = virt_to_phys(page);
	if (touch.way == TOUCH_FETCH)
		touch.page = page_to_phys(vmalloc_to_page(pvmc_touch_code));
	touch.right = false;
	touch.nmis = 0;
	touch.nr_records = 0;
	memset(&touch.record, 0, sizeof(touch.record));
	touch.ip = 0;

	WRITE_ONCE(touch.armed, true);
	err = touch_call(0, *(u32 *)protection, touch.page, 0);
	if (!err)
		touch.right = touch_it(touch.way, page);
	WRITE_ONCE(touch.armed, false);
	if (touch_call(0, PVMEMCONTROL_MPROTECT_RW, touch.page, 0))
		err = EIO;
	return err ? -EIO : 0;
}

static ssize_t touch_store(struct device *dev, struct device_attribute *attr,
			   const char *buf, size_t len)
{
	char protection[8], way[8];
	unsigned int cpu;
	u32 func;
	int err;

	if (sscanf(buf, "%7s %7s %u", protection, way, &cpu) != 3)
		return -EINVAL;
	if (!strcmp(protection, "none"))
		func = PVMEMCONTROL_MPROTECT_NONE;
	else if (!strcmp(protection, "r"))
		func = PVMEMCONTROL_MPROTECT_R;
	else
		return -EINVAL;
	err = match_string(touch_ways, ARRAY_SIZE(touch_ways), way);
	if (err < 0)
		return err;

	mutex_lock(&touch_lock);
	touch.way = err;
	err = smp_call_on_cpu(cpu, touch_here, &func, false);
	mutex_unlock(&touch_lock);
	return err ?: len;
}

static ssize_t touch_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	const struct pvmemcontrol_violation *record = &touch.record;

	int len;

	len = sysfs_emit(buf, "right %d\nnmis %u\nrecords %u\n", touch.right,
			 touch.nmis, touch.nr_records);
	len += sysfs_emit_at(buf, len, "offset %lld\naccess %u\n",
			     record->addr ? (s64)(record->addr - touch.page) :
					    -1, record->access);
	len += sysfs_emit_at(buf, len, "vcpu %u\ncpu %u\nstopped %u\n",
			     record->vcpu, touch.cpu,
			     record->flags & PVMEMCONTROL_VIOLATION_STOPPED);
	len += sysfs_emit_at(buf, len, "ip %lu\nip_offset %ld\n", touch.ip,
			     (long)touch.ip - (long)touch_ip(touch.way));
	return len;
}
static DEVICE_ATTR_RW(touch);

static struct attribute *touch_attrs[] = {
	&dev_attr_touch.attr,
	NULL
};
ATTRIBUTE_GROUPS(touch);

static int touch_connect(void)
{
	int i;

	if (touch_command(PVMEMCONTROL_TRANSPORT_RESET) != PVMEMCONTROL_TRANSPORT_ACK)
		return -EIO;
	for (i = 0; i < 2; i++) {
		phys_addr_t addr = virt_to_phys(&touch.buffers[i]);

		iowrite32(lower_32_bits(addr), touch.regs);
		iowrite32(upper_32_bits(addr), touch.regs + 4);
		if (touch_command(PVMEMCONTROL_TRANSPORT_REGISTER) !=
		    PVMEMCONTROL_TRANSPORT_ACK)
			return -EIO;
		touch.ids[i] = ioread32(touch.regs);
	}
	if (touch_command(PVMEMCONTROL_TRANSPORT_READY) != PVMEMCONTROL_TRANSPORT_ACK)
		return -EIO;
	if (tell && touch_call(0, PVMEMCONTROL_VIOLATION,
			       virt_to_phys(touch.records),
			       PVMEMCONTROL_VIOLATION_NMI))
		return -EIO;
	return 0;
}

static void touch_free(void *memory)
{
	free_pages((unsigned long)memory, 3);
}

static int touch_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	u8 *memory = (u8 *)__get_free_pages(GFP_KERNEL | __GFP_ZERO, 3);
	int err;

	if (!memory)
		return -ENOMEM;
	err = devm_add_action_or_reset(&pdev->dev, touch_free, memory);
	if (err)
		return err;
	touch.pages = memory;
	touch.records = (void *)(memory + 3 * PAGE_SIZE);
	touch.buffers = (void *)(memory + 4 * PAGE_SIZE);

	err = pcim_enable_device(pdev);
	if (err)
		return err;
	touch.regs = pcim_iomap(pdev, 0, PVMEMCONTROL_BAR_SIZE);
	if (!touch.regs)
		return -ENOMEM;
	err = touch_connect();
	if (err)
		return err;
	return register_nmi_handler(NMI_LOCAL, touch_nmi, 0, "pvmc_touch");
}

static void touch_remove(struct pci_dev *pdev)
{
	unregister_nmi_handler(NMI_LOCAL, "pvmc_touch");
	if (tell)
		touch_call(0, PVMEMCONTROL_VIOLATION, 0, 0);
	touch_command(PVMEMCONTROL_TRANSPORT_RESET);
}

static const struct pci_device_id touch_ids[] = {
	{ PCI_DEVICE(PVMEMCONTROL_PCI_VENDOR_ID, PVMEMCONTROL_PCI_DEVICE_ID) },
	{ }
};

static struct pci_driver touch_driver = {
	.name = "pvmc_touch",
	.id_table = touch_ids,
	.probe = touch_probe,
	.remove = touch_remove,
	.dev_groups = touch_groups,
};
module_pci_driver(touch_driver);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Test of violations of protections");
