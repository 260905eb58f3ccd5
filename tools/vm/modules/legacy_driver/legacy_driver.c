// SPDX-License-Identifier: GPL-2.0
/*
 * A driver for protocol 1.0 as others have written it: everything in one file,
 * its own constants and register access, one 32-byte buffer per CPU.  It knows
 * nothing of this project and must find in our device what it expects of any
 * other VMM's.
 *
 * It tries the device when it is probed, and shows what it found as
 * "name value" lines in the PCI device's attribute "results":
 *
 *	failed_checks	checks that did not hold; each is in the log by name
 *	checks		how many there were
 *	cpus		how many CPUs have made a call
 *	page_size	of the host
 *	version		major and minor
 *	drop_kept	bytes of a dropped 2 MiB page that were not zero
 */
#include <linux/cpu.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/percpu.h>
#include <linux/smp.h>
#include <linux/string.h>

#define OLD_VENDOR	0x1ae0
#define OLD_DEVICE	0x0087

#define OLD_REG_PAYLOAD	0x00
#define OLD_REG_COMMAND	0x08
#define OLD_REGS_SIZE	0x10

#define OLD_RESET	0x060fe6d2
#define OLD_REGISTER	0x0e359539
#define OLD_READY	0x0ca8d227
#define OLD_DISCONNECT	0x030f5da0
#define OLD_ACK		0x03cf5196
#define OLD_ERROR	0x01fba249

#define OLD_INFO	0
#define OLD_DONTNEED	1
#define OLD_UNKNOWN	0x4242

#define OLD_TEST_ORDER	9	/* 2 MiB */
#define OLD_TEST_SIZE	(PAGE_SIZE << OLD_TEST_ORDER)

struct old_request {
	__le64 func_code;
	__le64 addr;
	__le64 length;
	__le64 arg;
};

struct old_response {
	__le32 ret_errno;
	__le32 ret_code;
	__le64 ret_value;
	__le64 arg0;
	__le64 arg1;
};

/* Aligned to its size, so that it cannot straddle a page. */
union old_buffer {
	struct old_request request;
	struct old_response response;
} __aligned(32);

struct old_cpu {
	union old_buffer buffer;
	u32 id;
};

struct old_driver {
	struct pci_dev *pdev;
	void __iomem *regs;
	struct old_cpu __percpu *cpu;

	unsigned int checks;
	unsigned int failed_checks;
	atomic_t cpus;
	u64 page_size;
	u64 major;
	u64 minor;
	size_t drop_kept;
};

/* Per-CPU memory is in the direct map for the first chunk only. */
static phys_addr_t old_phys(const void *ptr)
{
	if (is_vmalloc_addr(ptr))
		return page_to_phys(vmalloc_to_page(ptr)) + offset_in_page(ptr);
	return virt_to_phys((void *)ptr);
}

static void old_check(struct old_driver *old, bool holds, const char *what)
{
	old->checks++;
	if (holds)
		return;
	old->failed_checks++;
	dev_err(&old->pdev->dev, "check failed: %s\n", what);
}

static u32 old_command(struct old_driver *old, u32 command)
{
	iowrite32(command, old->regs + OLD_REG_COMMAND);
	return ioread32(old->regs + OLD_REG_COMMAND);
}

/*
 * Both ways of writing the payload are in use: two halves, and, on 64-bit
 * machines, one write.
 */
static int old_register(struct old_driver *old, phys_addr_t addr, bool halves,
			u32 *id)
{
	if (halves) {
		iowrite32(lower_32_bits(addr), old->regs + OLD_REG_PAYLOAD);
		iowrite32(upper_32_bits(addr), old->regs + OLD_REG_PAYLOAD + 4);
	} else {
		writeq(addr, old->regs + OLD_REG_PAYLOAD);
	}
	if (old_command(old, OLD_REGISTER) != OLD_ACK)
		return -EIO;
	*id = ioread32(old->regs + OLD_REG_PAYLOAD);
	return 0;
}

/* Sends the request in @data and puts the answer in its place. */
static void old_send(struct old_driver *old, union old_buffer *data)
{
	struct old_cpu *cpu;
	unsigned long flags;

	local_irq_save(flags);
	cpu = this_cpu_ptr(old->cpu);
	cpu->buffer = *data;
	/* The write that the VMM acts upon comes after the buffer's. */
	wmb();
	iowrite32(cpu->id, old->regs + OLD_REG_COMMAND);
	/* And the answer is read after it. */
	rmb();
	*data = cpu->buffer;
	local_irq_restore(flags);
}

static union old_buffer old_call(struct old_driver *old, u64 func, u64 addr,
				 u64 length)
{
	union old_buffer data = {
		.request = {
			.func_code = cpu_to_le64(func),
			.addr = cpu_to_le64(addr),
			.length = cpu_to_le64(length),
		},
	};

	old_send(old, &data);
	return data;
}

static bool old_is(const union old_buffer *data, u32 err, u32 code, u64 value,
		   u64 arg0, u64 arg1)
{
	const struct old_response *r = &data->response;

	return le32_to_cpu(r->ret_errno) == err &&
	       le32_to_cpu(r->ret_code) == code &&
	       le64_to_cpu(r->ret_value) == value &&
	       le64_to_cpu(r->arg0) == arg0 && le64_to_cpu(r->arg1) == arg1;
}

static int old_connect(struct old_driver *old)
{
	u32 expected = 0x80000000;
	unsigned int i;

	if (old_command(old, OLD_RESET) != OLD_ACK) {
		dev_err(&old->pdev->dev, "no answer to a reset\n");
		return -EIO;
	}
	for_each_possible_cpu(i) {
		struct old_cpu *cpu = per_cpu_ptr(old->cpu, i);
		int err;

		err = old_register(old, old_phys(&cpu->buffer), i % 2,
				   &cpu->id);
		if (err) {
			dev_err(&old->pdev->dev, "buffer %u refused\n", i);
			return err;
		}
		old_check(old, cpu->id == expected++, "ids count up");
	}
	if (old_command(old, OLD_READY) != OLD_ACK) {
		dev_err(&old->pdev->dev, "no answer to ready\n");
		return -EIO;
	}
	return 0;
}

static void old_info_here(void *arg)
{
	struct old_driver *old = arg;
	union old_buffer data = old_call(old, OLD_INFO, 0, 0);

	if (old_is(&data, 0, 0, old->page_size, 1, old->minor))
		atomic_inc(&old->cpus);
}

static void old_try_info(struct old_driver *old)
{
	union old_buffer data = old_call(old, OLD_INFO, 0, 0);

	old->page_size = le64_to_cpu(data.response.ret_value);
	old->major = le64_to_cpu(data.response.arg0);
	old->minor = le64_to_cpu(data.response.arg1);
	old_check(old, old_is(&data, 0, 0, old->page_size, 1, old->minor),
		  "INFO answers version 1");
	old_check(old, old->page_size >= 4096 && is_power_of_2(old->page_size),
		  "INFO answers a page size");
}

static void old_try_drop(struct old_driver *old, u8 *mem)
{
	u64 phys = virt_to_phys(mem);
	union old_buffer data;
	size_t i;

	memset(mem, 0xa5, OLD_TEST_SIZE);
	old_check(old, !memchr_inv(mem, 0xa5, OLD_TEST_SIZE),
		  "memory holds what was written");

	data = old_call(old, OLD_DONTNEED, phys, OLD_TEST_SIZE);
	old_check(old, old_is(&data, 0, 0, 0, 0, 0), "DONTNEED of 2 MiB");
	for (i = 0; i < OLD_TEST_SIZE; i++)
		old->drop_kept += READ_ONCE(mem[i]) != 0;
	old_check(old, !old->drop_kept, "dropped memory reads as zero");

	memset(mem, 0x5a, OLD_TEST_SIZE);
	old_check(old, !memchr_inv(mem, 0x5a, OLD_TEST_SIZE),
		  "dropped memory can be used again");
}

/* What must be refused, each in its own way, and change nothing. */
static void old_try_refused(struct old_driver *old, u8 *mem)
{
	u64 phys = virt_to_phys(mem);
	union old_buffer data;

	data = old_call(old, OLD_UNKNOWN, phys, OLD_TEST_SIZE);
	old_check(old, old_is(&data, EOPNOTSUPP, OLD_UNKNOWN, 0, 0, 0),
		  "unknown code is not supported");

	/* The host's own answer: an unaligned address is madvise()'s EINVAL. */
	data = old_call(old, OLD_DONTNEED, phys + 1, PAGE_SIZE);
	old_check(old, old_is(&data, EINVAL, 0, 0, 0, 0),
		  "unaligned address is the host's error");

	data = old_call(old, OLD_DONTNEED, pci_resource_start(old->pdev, 0) &
			PAGE_MASK, PAGE_SIZE);
	old_check(old, old_is(&data, EINVAL, OLD_DONTNEED, 0, 0, 0),
		  "device registers are refused");

	data = old_call(old, OLD_DONTNEED, -(u64)PAGE_SIZE, 2 * PAGE_SIZE);
	old_check(old, old_is(&data, EINVAL, OLD_DONTNEED, 0, 0, 0),
		  "range that wraps is refused");

	old_check(old, !memchr_inv(mem, 0x5a, OLD_TEST_SIZE),
		  "what was refused has changed nothing");
}

/* An id that the device does not know: nobody touches the buffer. */
static void old_try_silence(struct old_driver *old)
{
	union old_buffer *buffer;
	union old_buffer before;
	unsigned long flags;

	local_irq_save(flags);
	buffer = &this_cpu_ptr(old->cpu)->buffer;
	memset(&before, 0xc3, sizeof(before));
	*buffer = before;
	/* As for a request that is good, before and after. */
	wmb();
	iowrite32(0xfffffff0, old->regs + OLD_REG_COMMAND);
	/* See above. */
	rmb();
	old_check(old, !memcmp(&before, buffer, sizeof(before)),
		  "unknown id leaves the buffer alone");
	local_irq_restore(flags);
}

/* Transport commands when they are not due, then from the start again. */
static int old_try_commands(struct old_driver *old)
{
	union old_buffer before, data;
	u32 id;
	int err;

	old_check(old, old_command(old, 0x00000042) == OLD_ACK,
		  "senseless command is ignored");
	old_try_info(old);

	err = old_register(old, old_phys(&this_cpu_ptr(old->cpu)->buffer), true,
			   &id);
	old_check(old, err, "REGISTER after READY is an error");

	before = old_call(old, OLD_INFO, 0, 0);
	memset(&data, 0, sizeof(data));
	old_check(old, !memcmp(&before, &data, sizeof(data)),
		  "a broken device leaves the buffer alone");

	old_check(old, old_command(old, OLD_RESET) == OLD_ACK,
		  "RESET mends a broken device");
	err = old_register(old, pci_resource_start(old->pdev, 0), true, &id);
	old_check(old, err, "buffer outside of memory is an error");
	old_check(old, old_command(old, OLD_READY) == OLD_ERROR,
		  "READY of a broken device is an error");
	old_check(old, old_command(old, OLD_ACK) == OLD_ERROR,
		  "ACK is no command");

	err = old_connect(old);
	if (err)
		return err;
	old_try_info(old);
	return 0;
}

static int old_try(struct old_driver *old)
{
	u8 *mem = (u8 *)__get_free_pages(GFP_KERNEL, OLD_TEST_ORDER);
	int err;

	if (!mem)
		return -ENOMEM;

	cpus_read_lock();
	/* One CPU throughout, for what looks at its buffer. */
	migrate_disable();
	old_try_info(old);
	old_try_drop(old, mem);
	old_try_refused(old, mem);
	old_try_silence(old);
	err = old_try_commands(old);
	if (!err) {
		old->drop_kept = 0;
		old_try_drop(old, mem);
	}
	migrate_enable();
	if (!err)
		on_each_cpu(old_info_here, old, true);
	cpus_read_unlock();

	free_pages((unsigned long)mem, OLD_TEST_ORDER);
	return err;
}

static ssize_t results_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	struct old_driver *old = dev_get_drvdata(dev);

	return sysfs_emit(buf,
			  "failed_checks %u\nchecks %u\ncpus %d\npage_size %llu\nversion %llu.%llu\ndrop_kept %zu\n",
			  old->failed_checks, old->checks,
			  atomic_read(&old->cpus), old->page_size, old->major,
			  old->minor, old->drop_kept);
}
static DEVICE_ATTR_RO(results);

static struct attribute *old_attrs[] = {
	&dev_attr_results.attr,
	NULL
};
ATTRIBUTE_GROUPS(old);

static void old_free_cpu(void *cpu)
{
	free_percpu((void __percpu __force *)(uintptr_t)cpu);
}

static int old_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct device *dev = &pdev->dev;
	struct old_driver *old;
	int err;

	old = devm_kzalloc(dev, sizeof(*old), GFP_KERNEL);
	if (!old)
		return -ENOMEM;
	old->pdev = pdev;

	old->cpu = alloc_percpu(struct old_cpu);
	if (!old->cpu)
		return -ENOMEM;
	/* Before the registers' action, so that it is undone after it. */
	err = devm_add_action_or_reset(dev, old_free_cpu,
				       (void *)(uintptr_t)old->cpu);
	if (err)
		return err;

	err = pcim_enable_device(pdev);
	if (err)
		return err;
	old->regs = pcim_iomap(pdev, 0, OLD_REGS_SIZE);
	if (!old->regs)
		return -ENOMEM;

	err = old_connect(old);
	if (err)
		return err;
	err = old_try(old);
	if (err) {
		old_command(old, OLD_RESET);
		return err;
	}
	pci_set_drvdata(pdev, old);
	return 0;
}

static void old_remove(struct pci_dev *pdev)
{
	struct old_driver *old = pci_get_drvdata(pdev);

	/* The answer is an error: nobody is connected any more. */
	if (old_command(old, OLD_DISCONNECT) != OLD_ERROR)
		dev_err(&pdev->dev, "no answer to a disconnect\n");
}

static const struct pci_device_id old_ids[] = {
	{ PCI_DEVICE(OLD_VENDOR, OLD_DEVICE) },
	{ }
};
MODULE_DEVICE_TABLE(pci, old_ids);

static struct pci_driver old_pci_driver = {
	.name = KBUILD_MODNAME,
	.id_table = old_ids,
	.probe = old_probe,
	.remove = old_remove,
	.dev_groups = old_groups,
};
module_pci_driver(old_pci_driver);

MODULE_DESCRIPTION("Test: a foreign driver for protocol 1.0");
MODULE_LICENSE("GPL");
