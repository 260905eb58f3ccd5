// SPDX-License-Identifier: GPL-2.0
/*
 * Sealing the kernel's own read-only data, what is read-only after init
 * included.
 *
 * Where it is the kernel says in the list of resources, and no symbol that a
 * module may use does.  The list has a lock, which is no module's, and what is
 * exported for walking over it gives no names and nothing that is within memory.
 * So it is read where everybody reads it, in /proc/iomem.  Where that is not to
 * be had, nothing of the kernel is sealed.
 */
#include <linux/ctype.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/magic.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/pfn.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "perm.h"
#include "seal.h"

/* A machine with more than that in the list does without. */
#define SEAL_LIST_SIZE	SZ_128K

static bool seal_kernel;
module_param(seal_kernel, bool, 0444);
MODULE_PARM_DESC(seal_kernel, "seal the kernel's own read-only data");

/* Something that is in it, to tell that what was found is that. */
static phys_addr_t seal_kernel_example(void)
{
	return __pa_symbol(_ctype);
}

/**
 * seal_kernel_parse() - Find the kernel's read-only data in the list.
 * @list: what /proc/iomem says; changed
 * @at: an address in that data
 * @data: set to its whole pages
 *
 * Context: Any.
 * Return: 0, or -ENOENT when it is not there, or not around @at.
 */
int seal_kernel_parse(char *list, phys_addr_t at, struct seal_run *data)
{
	unsigned long long first, last;
	char *line;
	int name;

	while ((line = strsep(&list, "\n"))) {
		name = 0;
		/* Zeroes are for those who may not know. */
		if (sscanf(line, " %llx-%llx : %n", &first, &last, &name) < 2 ||
		    !name || strcmp(line + name, "Kernel rodata") ||
		    at < first || at > last || last == ULLONG_MAX)
			continue;
		data->start = PFN_UP(first);
		if (PFN_DOWN(last + 1) <= data->start)
			continue;
		data->nr = PFN_DOWN(last + 1) - data->start;
		return 0;
	}
	return -ENOENT;
}

static ssize_t seal_kernel_read(char *list, size_t size)
{
	struct file *file = filp_open("/proc/iomem", O_RDONLY, 0);
	size_t done = 0;
	loff_t pos = 0;
	ssize_t nr;

	if (IS_ERR(file))
		return PTR_ERR(file);
	nr = -EINVAL;
	if (file_inode(file)->i_sb->s_magic != PROC_SUPER_MAGIC)
		goto close;
	do {
		nr = kernel_read(file, list + done, size - done, &pos);
		if (nr > 0)
			done += nr;
	} while (nr > 0 && done < size);
	if (!nr)
		nr = done;
	else if (nr > 0)
		nr = -E2BIG;
close:
	filp_close(file, NULL);
	return nr;
}

static int seal_kernel_find(struct seal_run *data)
{
	char *list = kvmalloc(SEAL_LIST_SIZE, GFP_KERNEL | __GFP_NOWARN);
	ssize_t nr;
	int err;

	if (!list)
		return -ENOMEM;
	nr = seal_kernel_read(list, SEAL_LIST_SIZE - 1);
	if (nr < 0) {
		err = nr;
	} else {
		list[nr] = 0;
		err = seal_kernel_parse(list, seal_kernel_example(), data);
	}
	kvfree(list);
	return err;
}

/* Without it the rest works as well. */
void seal_kernel_init(void)
{
	struct seal_area *area;
	struct seal_run data;
	int err;

	if (!seal_kernel)
		return;
	err = seal_kernel_find(&data);
	if (err) {
		pr_warn("pvmemcontrol_perm: /proc/iomem does not say where the kernel's read-only data is (%pe): it is not sealed\n",
			ERR_PTR(err));
		return;
	}
	area = seal_area_alloc(NULL, 1);
	mutex_lock(&seal_mutex);
	if (area) {
		seal_area_add_range(area, data.start, data.nr);
		strscpy(area->what, "rodata of the kernel", sizeof(area->what));
		seal_enter(area);
		seal_flush();
	} else {
		seal_stats.failed++;
	}
	mutex_unlock(&seal_mutex);
}
