// SPDX-License-Identifier: GPL-2.0
/* The device, spoken to directly: the driver's own calls know 1.0 only. */
#include <linux/io.h>
#include <linux/slab.h>
#include <linux/smp.h>

#include "violate.h"

struct vio_cpu *vio_cpus[NR_CPUS];
struct pvmemcontrol_violation *vio_records;

static void __iomem *vio_regs;

int vio_call(unsigned int level, u64 func, phys_addr_t addr, u64 length,
	     u64 arg, u64 *value)
{
	struct vio_cpu *cpu = vio_cpus[raw_smp_processor_id()];
	struct pvmemcontrol_buf *buf = &cpu->buffer[level];

	buf->call = (struct pvmemcontrol_vmm_call) {
		.func_code = func, .addr = addr, .length = length, .arg = arg,
	};
	/* The write that the VMM acts upon comes after the buffer's. */
	wmb();
	iowrite32(cpu->id[level], vio_regs + PVMEMCONTROL_REG_COMMAND);
	/* And the answer is read after it. */
	rmb();
	if (value)
		*value = buf->ret.ret_value;
	return buf->ret.ret_errno;
}

static u32 vio_command(u32 command)
{
	iowrite32(command, vio_regs + PVMEMCONTROL_REG_COMMAND);
	return ioread32(vio_regs + PVMEMCONTROL_REG_COMMAND);
}

static int vio_register(struct vio_cpu *cpu, unsigned int level)
{
	phys_addr_t phys = virt_to_phys(&cpu->buffer[level]);

	iowrite32(lower_32_bits(phys), vio_regs + PVMEMCONTROL_REG_PAYLOAD);
	iowrite32(upper_32_bits(phys), vio_regs + PVMEMCONTROL_REG_PAYLOAD + 4);
	if (vio_command(PVMEMCONTROL_TRANSPORT_REGISTER) !=
	    PVMEMCONTROL_TRANSPORT_ACK)
		return -EIO;
	cpu->id[level] = ioread32(vio_regs + PVMEMCONTROL_REG_PAYLOAD);
	return 0;
}

static void vio_listen(void *failed)
{
	u64 index;

	if (vio_call(VIO_TASK, PVMEMCONTROL_VIOLATION,
		     virt_to_phys(vio_records), PAGE_SIZE,
		     PVMEMCONTROL_VIOLATION_NMI, &index))
		atomic_inc(failed);
	else
		vio_cpus[smp_processor_id()]->index = index;
}

int vio_connect(struct pci_dev *pdev, void __iomem *regs)
{
	atomic_t failed = ATOMIC_INIT(0);
	unsigned int i, level;

	vio_regs = regs;
	vio_records = (void *)devm_get_free_pages(&pdev->dev,
						  GFP_KERNEL | __GFP_ZERO, 0);
	if (!vio_records)
		return -ENOMEM;
	if (vio_command(PVMEMCONTROL_TRANSPORT_RESET) !=
	    PVMEMCONTROL_TRANSPORT_ACK)
		return -EIO;
	for_each_possible_cpu(i) {
		vio_cpus[i] = devm_kzalloc(&pdev->dev, SZ_1K, GFP_KERNEL);
		if (!vio_cpus[i])
			return -ENOMEM;
		vio_cpus[i] = PTR_ALIGN(vio_cpus[i], 32);
		for (level = 0; level < VIO_LEVELS; level++)
			if (vio_register(vio_cpus[i], level))
				return -EIO;
	}
	if (vio_command(PVMEMCONTROL_TRANSPORT_READY) !=
	    PVMEMCONTROL_TRANSPORT_ACK)
		return -EIO;
	on_each_cpu(vio_listen, &failed, true);
	return atomic_read(&failed) ? -EIO : 0;
}

void vio_disconnect(void)
{
	preempt_disable();
	vio_call(VIO_TASK, PVMEMCONTROL_VIOLATION, 0, PAGE_SIZE, 0, NULL);
	preempt_enable();
	vio_command(PVMEMCONTROL_TRANSPORT_DISCONNECT);
}
