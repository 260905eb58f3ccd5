// SPDX-License-Identifier: GPL-2.0
/*
 * The lower bound: a device of its own, one buffer, no checks but whether
 * there was an answer.
 */
#include <linux/io.h>
#include <linux/irqflags.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <uapi/linux/pvmemcontrol_pci.h>

#include "bench.h"

static struct pci_dev *bare_pdev;
static void __iomem *bare_regs;
static u64 *bare_buf;
static u32 bare_id;

static u32 bare_command(u32 command)
{
	writel(command, bare_regs + PVMEMCONTROL_REG_COMMAND);
	return readl(bare_regs + PVMEMCONTROL_REG_COMMAND);
}

static int bare_handshake(void)
{
	phys_addr_t phys = virt_to_phys(bare_buf);

	if (bare_command(PVMEMCONTROL_TRANSPORT_RESET) !=
	    PVMEMCONTROL_TRANSPORT_ACK)
		return -EIO;
	writel(lower_32_bits(phys), bare_regs + PVMEMCONTROL_REG_PAYLOAD);
	writel(upper_32_bits(phys), bare_regs + PVMEMCONTROL_REG_PAYLOAD_HIGH);
	if (bare_command(PVMEMCONTROL_TRANSPORT_REGISTER) !=
	    PVMEMCONTROL_TRANSPORT_ACK)
		return -EIO;
	bare_id = readl(bare_regs + PVMEMCONTROL_REG_PAYLOAD);
	return bare_command(PVMEMCONTROL_TRANSPORT_READY) ==
	       PVMEMCONTROL_TRANSPORT_ACK ? 0 : -EIO;
}

/* The device must not be bound to a driver. */
int bare_connect(const char *pci_name)
{
	unsigned int domain, bus, slot, func;
	int err;

	if (sscanf(pci_name, "%x:%x:%x.%x", &domain, &bus, &slot, &func) != 4)
		return -EINVAL;
	bare_pdev = pci_get_domain_bus_and_slot(domain, bus,
						PCI_DEVFN(slot, func));
	if (!bare_pdev)
		return -ENODEV;
	err = -EBUSY;
	if (bare_pdev->dev.driver)
		goto put;
	err = pci_enable_device(bare_pdev);
	if (err)
		goto put;
	err = -ENOMEM;
	bare_regs = pci_iomap(bare_pdev, 0, 0);
	if (!bare_regs)
		goto disable;
	bare_buf = kzalloc(SMP_CACHE_BYTES, GFP_KERNEL);
	if (!bare_buf)
		goto unmap;
	err = bare_handshake();
	if (err)
		goto free;
	return 0;

free:
	kfree(bare_buf);
unmap:
	pci_iounmap(bare_pdev, bare_regs);
disable:
	pci_disable_device(bare_pdev);
put:
	pci_dev_put(bare_pdev);
	return err;
}

void bare_disconnect(void)
{
	bare_command(PVMEMCONTROL_TRANSPORT_DISCONNECT);
	kfree(bare_buf);
	pci_iounmap(bare_pdev, bare_regs);
	pci_disable_device(bare_pdev);
	pci_dev_put(bare_pdev);
}

/* Interrupts off, fill the 32 bytes, one write, read the answer. */
int bare_ping(void)
{
	unsigned long flags;
	int err;

	local_irq_save(flags);
	WRITE_ONCE(bare_buf[0], PVMEMCONTROL_INFO);
	WRITE_ONCE(bare_buf[1], 0);
	WRITE_ONCE(bare_buf[2], 0);
	WRITE_ONCE(bare_buf[3], 0);
	writel(bare_id, bare_regs + PVMEMCONTROL_REG_COMMAND);
	err = READ_ONCE(bare_buf[0]) || !READ_ONCE(bare_buf[1]) ||
	      READ_ONCE(bare_buf[2]) != PVMEMCONTROL_VERSION_MAJOR ||
	      READ_ONCE(bare_buf[3]) > U32_MAX ? -EIO : 0;
	local_irq_restore(flags);
	return err;
}
