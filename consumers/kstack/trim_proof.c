// SPDX-License-Identifier: GPL-2.0
/*
 * What gives a page back to the host.
 *
 * DONTNEED does where the VMM's memory is anonymous and private, and does
 * nothing where it is shared; REMOVE is the other way round.  A VMM of version
 * 1.1 says what leaves zeroes, which is to say drops the page.  Where it says
 * nothing, it is tried with a page of each node.
 *
 * Nothing depends on it but the memory that is won: what a dead page reads as
 * afterwards does not matter.  So it is found out anew for each run, and nobody
 * needs to notice when the VMM has become another.
 */
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/string.h>

#include "trim.h"

static bool pvmc_trim_try(struct pvmc_trim_run *run, struct page *page,
			  u32 func, int *err)
{
	void *addr = page_address(page);

	memset(addr, 0xa5, PAGE_SIZE);
	*err = pvmemcontrol_call(run->client, func, page_to_phys(page),
				 PAGE_SIZE, 0, NULL);
	return !*err && !memchr_inv(addr, 0, PAGE_SIZE);
}

static int pvmc_trim_prove_node(struct pvmc_trim_run *run, int nid)
{
	struct page *page;
	int err;

	page = alloc_pages_node(nid, GFP_KERNEL | __GFP_THISNODE |
				__GFP_NOWARN, 0);
	if (!page)
		return -ENOMEM;
	if (pvmc_trim_try(run, page, PVMEMCONTROL_DONTNEED, &err))
		run->func[nid] = PVMEMCONTROL_DONTNEED;
	else if (pvmc_trim_try(run, page, PVMEMCONTROL_REMOVE, &err))
		run->func[nid] = PVMEMCONTROL_REMOVE;
	else if (!err)
		err = -EOPNOTSUPP;
	__free_page(page);
	return run->func[nid] ? 0 : err;
}

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
	int err, nid, result = -ENODEV;

	err = pvmemcontrol_get_info(&info);
	if (err)
		return err;
	/* Whole stacks of several pages are not given back, and pages not cut. */
	if (info.host_page_size > PAGE_SIZE)
		return -EOPNOTSUPP;
	run->most = info.vector_max > 1 ? PVMC_TRIM_RANGES : 1;

	for_each_node_state(nid, N_MEMORY) {
		run->func[nid] = PVMEMCONTROL_INFO;
		if (info.zeroing & BIT_ULL(PVMEMCONTROL_DONTNEED))
			run->func[nid] = PVMEMCONTROL_DONTNEED;
		else if (info.zeroing & BIT_ULL(PVMEMCONTROL_REMOVE))
			run->func[nid] = PVMEMCONTROL_REMOVE;
		err = run->func[nid] ? 0 : pvmc_trim_prove_node(run, nid);
		if (result)
			result = err;
	}
	return result;
}
