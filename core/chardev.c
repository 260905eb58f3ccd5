// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/pvmemcontrolN: requests from user space.
 */
#include <linux/capability.h>
#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/module.h>
#include <linux/security.h>
#include <linux/uaccess.h>

#include "core.h"

/* All files together are one client. */
struct pvmemcontrol_client pvmc_ioctl_client = {
	.name = "ioctl",
};

static dev_t pvmc_devt;
static DEFINE_IDA(pvmc_minors);

static int pvmc_open(struct inode *inode, struct file *file)
{
	int err;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	/* As /dev/mem can, this can change the kernel under itself. */
	err = security_locked_down(LOCKDOWN_DEV_MEM);
	if (err)
		return err;
	if (file->f_flags & O_EXCL)
		return -EINVAL;

	/* The open file holds the cdev, and that holds the device. */
	file->private_data = container_of(inode->i_cdev, struct pvmc_device,
					  cdev);
	return nonseekable_open(inode, file);
}

static long pvmc_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct pvmc_device *dev = file->private_data;
	struct pvmemcontrol_buf __user *argp = (void __user *)arg;
	struct pvmemcontrol_buf buf;
	int err;

	if (cmd != PVMEMCONTROL_IOCTL_VMM)
		return -ENOTTY;
	/* A copy for each call: threads may share the file. */
	if (copy_from_user(&buf, argp, sizeof(buf)))
		return -EFAULT;
	err = pvmc_call_device(dev, &pvmc_ioctl_client, &buf);
	if (err)
		return err;
	if (copy_to_user(argp, &buf, sizeof(buf)))
		return -EFAULT;
	return 0;
}

static const struct file_operations pvmc_fops = {
	.owner = THIS_MODULE,
	.open = pvmc_open,
	.unlocked_ioctl = pvmc_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

/**
 * pvmc_chardev_add() - Give a device its file.
 * @dev: device that is up
 *
 * Context: Process context.
 * Return: 0, -ENOSPC when there are too many devices, -ENOMEM, or as
 * cdev_device_add().
 */
int pvmc_chardev_add(struct pvmc_device *dev)
{
	int minor, err;

	minor = ida_alloc_max(&pvmc_minors, PVMC_MAX_DEVICES - 1, GFP_KERNEL);
	if (minor < 0)
		return minor;

	dev->dev.devt = MKDEV(MAJOR(pvmc_devt), minor);
	err = dev_set_name(&dev->dev, "pvmemcontrol%d", minor);
	if (err)
		goto free_minor;
	cdev_init(&dev->cdev, &pvmc_fops);
	dev->cdev.owner = THIS_MODULE;
	err = cdev_device_add(&dev->cdev, &dev->dev);
	if (err)
		goto free_minor;
	return 0;

free_minor:
	ida_free(&pvmc_minors, minor);
	return err;
}

/**
 * pvmc_chardev_del() - Take a device's file away.
 * @dev: device that is gone
 *
 * Files that are open stay open.
 *
 * Context: Process context.
 */
void pvmc_chardev_del(struct pvmc_device *dev)
{
	cdev_device_del(&dev->cdev, &dev->dev);
	ida_free(&pvmc_minors, MINOR(dev->dev.devt));
}

int __init pvmc_chardev_init(void)
{
	return alloc_chrdev_region(&pvmc_devt, 0, PVMC_MAX_DEVICES,
				   "pvmemcontrol");
}

void pvmc_chardev_exit(void)
{
	unregister_chrdev_region(pvmc_devt, PVMC_MAX_DEVICES);
}
