// SPDX-License-Identifier: GPL-2.0
/*
 * pvmemcontrol_pci.ko: the registers of the pvmemcontrol PCI device.
 *
 * BAR 0, all little-endian:
 *	0x00  w 64	payload: a buffer's address, written as two 32-bit words
 *	0x00  r 32	payload: after REGISTER the buffer's id
 *	0x08  w 32	command: a transport command, or a buffer's id
 *	0x08  r 32	ACK or ERROR; all ones when the device is gone
 */
#include <linux/io.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <uapi/linux/pvmemcontrol_pci.h>

#include "transport.h"

struct pvmc_pci {
	struct pvmc_device *dev;
	void __iomem *regs;
};

static u32 pvmc_pci_command(struct pvmc_pci *pvmc, u32 command)
{
	writel(command, pvmc->regs + PVMEMCONTROL_REG_COMMAND);
	return readl(pvmc->regs + PVMEMCONTROL_REG_COMMAND);
}

static int pvmc_pci_reset(void *transport)
{
	return pvmc_pci_command(transport, PVMEMCONTROL_TRANSPORT_RESET) ==
	       PVMEMCONTROL_TRANSPORT_ACK ? 0 : -EIO;
}

static int pvmc_pci_register_buffer(void *transport, phys_addr_t buf, u32 *id)
{
	struct pvmc_pci *pvmc = transport;

	writel(lower_32_bits(buf), pvmc->regs + PVMEMCONTROL_REG_PAYLOAD);
	writel(upper_32_bits(buf), pvmc->regs + PVMEMCONTROL_REG_PAYLOAD_HIGH);
	if (pvmc_pci_command(pvmc, PVMEMCONTROL_TRANSPORT_REGISTER) !=
	    PVMEMCONTROL_TRANSPORT_ACK)
		return -EIO;

	*id = readl(pvmc->regs + PVMEMCONTROL_REG_PAYLOAD);
	/* An id that looks like a transport command would be taken for one. */
	return *id & PVMEMCONTROL_CONNECTION_ID ? 0 : -EIO;
}

static int pvmc_pci_ready(void *transport)
{
	return pvmc_pci_command(transport, PVMEMCONTROL_TRANSPORT_READY) ==
	       PVMEMCONTROL_TRANSPORT_ACK ? 0 : -EIO;
}

static void pvmc_pci_disconnect(void *transport)
{
	/* Answered with ERROR, always; there is nothing to be learnt from it. */
	pvmc_pci_command(transport, PVMEMCONTROL_TRANSPORT_DISCONNECT);
}

static void __iomem *pvmc_pci_doorbell(void *transport)
{
	struct pvmc_pci *pvmc = transport;

	return pvmc->regs + PVMEMCONTROL_REG_COMMAND;
}

static bool pvmc_pci_present(void *transport)
{
	struct pvmc_pci *pvmc = transport;

	return readl(pvmc->regs + PVMEMCONTROL_REG_COMMAND) != ~0U;
}

static const struct pvmc_transport_ops pvmc_pci_ops = {
	.reset = pvmc_pci_reset,
	.register_buffer = pvmc_pci_register_buffer,
	.ready = pvmc_pci_ready,
	.disconnect = pvmc_pci_disconnect,
	.doorbell = pvmc_pci_doorbell,
	.present = pvmc_pci_present,
};

static int pvmc_pci_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct pvmc_pci *pvmc;
	int err;

	pvmc = devm_kzalloc(&pdev->dev, sizeof(*pvmc), GFP_KERNEL);
	if (!pvmc)
		return -ENOMEM;

	err = pcim_enable_device(pdev);
	if (err)
		return err;
	if (pci_resource_len(pdev, 0) < PVMEMCONTROL_BAR_SIZE)
		return dev_err_probe(&pdev->dev, -ENODEV, "BAR 0 too small\n");
	err = pcim_iomap_regions(pdev, BIT(0), KBUILD_MODNAME);
	if (err)
		return err;
	pvmc->regs = pcim_iomap_table(pdev)[0];

	pvmc->dev = pvmc_device_register(&pdev->dev, &pvmc_pci_ops, pvmc);
	if (IS_ERR(pvmc->dev))
		return dev_err_probe(&pdev->dev, PTR_ERR(pvmc->dev),
				     "cannot connect to the VMM\n");
	pci_set_drvdata(pdev, pvmc);
	return 0;
}

static void pvmc_pci_remove(struct pci_dev *pdev)
{
	struct pvmc_pci *pvmc = pci_get_drvdata(pdev);

	pvmc_device_unregister(pvmc->dev);
}

/* So that what is started next, by kexec say, finds a device at rest. */
static void pvmc_pci_shutdown(struct pci_dev *pdev)
{
	struct pvmc_pci *pvmc = pci_get_drvdata(pdev);

	pvmc_device_shutdown(pvmc->dev);
}

static int pvmc_pci_suspend(struct device *d)
{
	struct pvmc_pci *pvmc = dev_get_drvdata(d);

	pvmc_device_suspend(pvmc->dev);
	return 0;
}

static int pvmc_pci_resume(struct device *d)
{
	struct pvmc_pci *pvmc = dev_get_drvdata(d);

	return pvmc_device_resume(pvmc->dev);
}

/* An image of memory is about to be made, or loaded over this kernel's. */
static int pvmc_pci_freeze(struct device *d)
{
	struct pvmc_pci *pvmc = dev_get_drvdata(d);

	return pvmc_device_freeze(pvmc->dev);
}

static const struct dev_pm_ops pvmc_pci_pm_ops = {
	.suspend = pm_sleep_ptr(pvmc_pci_suspend),
	.resume = pm_sleep_ptr(pvmc_pci_resume),
	.freeze = pm_sleep_ptr(pvmc_pci_freeze),
	.thaw = pm_sleep_ptr(pvmc_pci_resume),
	.poweroff = pm_sleep_ptr(pvmc_pci_suspend),
	.restore = pm_sleep_ptr(pvmc_pci_resume),
};

static void pvmc_pci_reset_prepare(struct pci_dev *pdev)
{
	pvmc_pci_suspend(&pdev->dev);
}

static void pvmc_pci_reset_done(struct pci_dev *pdev)
{
	pvmc_pci_resume(&pdev->dev);
}

static const struct pci_error_handlers pvmc_pci_err_handler = {
	.reset_prepare = pvmc_pci_reset_prepare,
	.reset_done = pvmc_pci_reset_done,
};

static const struct pci_device_id pvmc_pci_ids[] = {
	{ PCI_DEVICE_SUB(PVMEMCONTROL_PCI_VENDOR_ID, PVMEMCONTROL_PCI_DEVICE_ID,
			 PVMEMCONTROL_PCI_SUBSYSTEM_VENDOR_ID,
			 PVMEMCONTROL_PCI_SUBSYSTEM_ID) },
	{}
};
MODULE_DEVICE_TABLE(pci, pvmc_pci_ids);

static struct pci_driver pvmc_pci_driver = {
	.name = KBUILD_MODNAME,
	.id_table = pvmc_pci_ids,
	.probe = pvmc_pci_probe,
	.remove = pvmc_pci_remove,
	.shutdown = pvmc_pci_shutdown,
	.driver.pm = pm_sleep_ptr(&pvmc_pci_pm_ops),
	.err_handler = &pvmc_pci_err_handler,
};
module_pci_driver(pvmc_pci_driver);

MODULE_DESCRIPTION("Guest memory control by the VMM: PCI transport");
MODULE_LICENSE("GPL");
