// SPDX-License-Identifier: GPL-2.0
/*
 * For a program: /dev/pvmc_violate has one page to map.  Writing a function code
 * as a u64 protects it so; reading says what the NMI handler has seen since on
 * the CPU that reads, as a struct vio_seen.
 */
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/smp.h>
#include <linux/uaccess.h>

#include "violate.h"

static u8 *vio_user_page;

static int vio_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (vma->vm_pgoff || vma->vm_end - vma->vm_start != PAGE_SIZE)
		return -EINVAL;
	return remap_pfn_range(vma, vma->vm_start,
			       virt_to_phys(vio_user_page) >> PAGE_SHIFT,
			       PAGE_SIZE, vma->vm_page_prot);
}

static ssize_t vio_write(struct file *file, const char __user *from,
			 size_t count, loff_t *pos)
{
	u64 func;
	int err;

	if (count != sizeof(func))
		return -EINVAL;
	if (copy_from_user(&func, from, sizeof(func)))
		return -EFAULT;
	preempt_disable();
	vio_cpus[smp_processor_id()]->seen.nr = 0;
	err = vio_protect(func, virt_to_phys(vio_user_page));
	preempt_enable();
	return err ? -EIO : count;
}

static ssize_t vio_read_seen(struct file *file, char __user *to, size_t count,
			     loff_t *pos)
{
	struct vio_seen seen;

	if (count != sizeof(seen))
		return -EINVAL;
	preempt_disable();
	seen = vio_cpus[smp_processor_id()]->seen;
	preempt_enable();
	/* As the program knows it: within the page */
	seen.addr -= virt_to_phys(vio_user_page);
	return copy_to_user(to, &seen, sizeof(seen)) ? -EFAULT : count;
}

static const struct file_operations vio_fops = {
	.owner = THIS_MODULE,
	.mmap = vio_mmap,
	.write = vio_write,
	.read = vio_read_seen,
};

static struct miscdevice vio_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = KBUILD_MODNAME,
	.fops = &vio_fops,
	.mode = 0600,
};

int vio_user_init(void)
{
	int err;

	vio_user_page = (u8 *)get_zeroed_page(GFP_KERNEL);
	if (!vio_user_page)
		return -ENOMEM;
	err = misc_register(&vio_misc);
	if (err)
		free_page((unsigned long)vio_user_page);
	return err;
}

void vio_user_exit(void)
{
	misc_deregister(&vio_misc);
	free_page((unsigned long)vio_user_page);
}
