// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel that makes a dump of one that has panicked: being asked before each
 * page of the old memory is read.
 */
#include <linux/crash_dump.h>
#include <linux/pfn.h>

#include "core.h"

/* Called before a page of the old kernel is read or mapped.  Process context. */
static bool pvmc_dump_pfn_is_ram(struct vmcore_cb *cb, unsigned long pfn)
{
	return pvmc_dump_open(PFN_PHYS(pfn));
}

static struct vmcore_cb pvmc_dump_cb = {
	.pfn_is_ram = pvmc_dump_pfn_is_ram,
};

/**
 * pvmc_dump_init() - Be asked before old memory is read, where there is any.
 *
 * Context: Process context.
 * Return: 0, or as pvmemcontrol_register_client().
 */
int __init pvmc_dump_init(void)
{
	int err;

	if (!is_kdump_kernel())
		return 0;
	err = pvmemcontrol_register_client(&pvmc_dump_client);
	if (!err)
		register_vmcore_cb(&pvmc_dump_cb);
	return err;
}

/**
 * pvmc_dump_exit() - Undo pvmc_dump_init().
 *
 * Context: Process context.
 */
void pvmc_dump_exit(void)
{
	if (!is_kdump_kernel())
		return;
	unregister_vmcore_cb(&pvmc_dump_cb);
	pvmemcontrol_unregister_client(&pvmc_dump_client);
}
