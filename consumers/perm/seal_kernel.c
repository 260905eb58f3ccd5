// SPDX-License-Identifier: GPL-2.0
/*
 * Sealing the kernel's own read-only data, what is read-only after init
 * included.
 *
 * Where it is the kernel says in the list of resources, and no symbol that a
 * module may use does.  The list is read without its lock, which is no module's
 * either: what lies below the kernel and within its memory has been there since
 * boot, and stays.
 */
#include <linux/ctype.h>
#include <linux/ioport.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/pfn.h>
#include <linux/string.h>

#include "perm.h"
#include "seal.h"

static bool seal_kernel;
module_param(seal_kernel, bool, 0444);
MODULE_PARM_DESC(seal_kernel, "seal the kernel's own read-only data");

/* Something that is in it, to tell that what was found is that. */
static phys_addr_t seal_kernel_example(void)
{
	return __pa_symbol(_ctype);
}

static const struct resource *seal_kernel_find(phys_addr_t at)
{
	const struct resource *ram, *part;

	for (ram = iomem_resource.child; ram; ram = ram->sibling)
		if (ram->start <= at && at <= ram->end)
			break;
	for (part = ram ? ram->child : NULL; part; part = part->sibling)
		if (part->start <= at && at <= part->end)
			break;
	if (!part || strcmp(part->name, "Kernel rodata"))
		return NULL;
	return part;
}

/* Without it the rest works as well. */
void seal_kernel_init(void)
{
	const struct resource *rodata;
	struct seal_area *area = NULL;
	unsigned long start;

	if (!seal_kernel)
		return;
	rodata = seal_kernel_find(seal_kernel_example());
	if (!rodata) {
		pr_warn("pvmemcontrol_perm: the kernel does not say where its read-only data is\n");
		return;
	}
	area = seal_area_alloc(NULL, 1);
	mutex_lock(&seal_mutex);
	if (area) {
		/* Whole pages of it. */
		start = PFN_UP(rodata->start);
		seal_area_add_range(area, start,
				    PFN_DOWN(rodata->end + 1) - start);
		strscpy(area->what, "rodata of the kernel", sizeof(area->what));
		seal_enter(area);
		seal_flush();
	} else {
		seal_stats.failed++;
	}
	mutex_unlock(&seal_mutex);
}
