// SPDX-License-Identifier: GPL-2.0
/*
 * What gives a page back to the host.
 *
 * Nothing depends on it but the memory that is won: what a dead page reads as
 * afterwards does not matter.  So it is found out anew for each run, and nobody
 * needs to notice when the VMM has become another.
 */
#include <linux/errno.h>

#include "kstack.h"
#include "trim.h"

/**
 * pvmc_trim_prove() - Find out what gives a page back to the host.
 * @run: run of which to set @func, and @most as what it takes to send it
 *
 * Context: Process context.  May sleep.
 * Return: 0 when something does in any node, else a negative errno.
 */
int pvmc_trim_prove(struct pvmc_trim_run *run)
{
	struct pvmemcontrol_info info;
	int err;

	err = pvmemcontrol_get_info(&info);
	if (err)
		return err;
	/* Whole stacks of several pages are not given back, and pages not cut. */
	if (info.host_page_size > PAGE_SIZE)
		return -EOPNOTSUPP;
	run->most = info.vector_max > 1 ? PVMC_TRIM_RANGES : 1;
	return pvmc_drop_prove(run->client, &info, run->func);
}
