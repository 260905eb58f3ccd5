// SPDX-License-Identifier: GPL-2.0
/*
 * What gives the memory behind stacks back to the host, by node.
 *
 * Nothing but the host's memory depends on it: what is given back is free, and
 * what it reads as afterwards does not matter.
 */
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/string.h>

#include "kstack.h"

/* One finds out at a time; guards pvmc_drop_found.  Before pvmc_guard_mutex. */
static DEFINE_MUTEX(pvmc_drop_mutex);
static u8 pvmc_drop_found[MAX_NUMNODES];

/* What was found; guarded by pvmc_guard_mutex, as all that follows. */
static u8 pvmc_drop_funcs[MAX_NUMNODES];
static bool pvmc_drop_known;
/* Set of functions after which it is sure to be zero. */
static u64 pvmc_drop_zeroing;
/* How often it was forgotten. */
static unsigned long pvmc_drop_epoch;

static bool pvmc_drop_try(struct pvmemcontrol_client *client, struct page *page,
			  u32 func, int *err)
{
	void *addr = page_address(page);

	memset(addr, 0xa5, PAGE_SIZE);
	*err = pvmemcontrol_call(client, func, page_to_phys(page), PAGE_SIZE,
				 0, NULL);
	return !*err && !memchr_inv(addr, 0, PAGE_SIZE);
}

static int pvmc_drop_prove_node(struct pvmemcontrol_client *client, int nid,
				u8 *func)
{
	struct page *page;
	int err;

	page = alloc_pages_node(nid, GFP_KERNEL | __GFP_THISNODE |
				__GFP_NOWARN, 0);
	if (!page)
		return -ENOMEM;
	if (pvmc_drop_try(client, page, PVMEMCONTROL_DONTNEED, &err))
		*func = PVMEMCONTROL_DONTNEED;
	else if (pvmc_drop_try(client, page, PVMEMCONTROL_REMOVE, &err))
		*func = PVMEMCONTROL_REMOVE;
	else if (!err)
		err = -EOPNOTSUPP;
	__free_page(page);
	return *func ? 0 : err;
}

/**
 * pvmc_drop_prove() - Find out what gives a page back to the host.
 * @client: whose calls these are
 * @info: what the VMM says of itself
 * @funcs: by node, set for those that have memory; PVMEMCONTROL_INFO: nothing
 *	does
 *
 * DONTNEED does where the VMM's memory is anonymous and private, and does
 * nothing where it is shared; REMOVE is the other way round.  A VMM of version
 * 1.1 says what leaves zeroes, which is to say drops the page.  Where it says
 * nothing, it is tried with a page of each node.
 *
 * Context: Process context.  May sleep.
 * Return: 0 when something does in any node, else a negative errno.
 */
int pvmc_drop_prove(struct pvmemcontrol_client *client,
		    const struct pvmemcontrol_info *info, u8 *funcs)
{
	int err, nid, result = -ENODEV;

	for_each_node_state(nid, N_MEMORY) {
		funcs[nid] = PVMEMCONTROL_INFO;
		if (info->zeroing & BIT_ULL(PVMEMCONTROL_DONTNEED))
			funcs[nid] = PVMEMCONTROL_DONTNEED;
		else if (info->zeroing & BIT_ULL(PVMEMCONTROL_REMOVE))
			funcs[nid] = PVMEMCONTROL_REMOVE;
		err = funcs[nid] ? 0 : pvmc_drop_prove_node(client, nid,
							    &funcs[nid]);
		if (result)
			result = err;
	}
	return result;
}

/* Whether another time it might be another result. */
static bool pvmc_drop_passing(int err)
{
	return err == -ENOMEM || err == -EIO || err == -ENODEV;
}

/**
 * pvmc_drop_learn() - Find out what gives stacks back, if that is not known.
 *
 * Context: Process context, with pvmc_guard_mutex not held.  May sleep.
 */
void pvmc_drop_learn(void)
{
	struct pvmemcontrol_info info;
	unsigned long epoch;
	bool known;
	int err;

	if (READ_ONCE(pvmc_drop_known) || pvmemcontrol_get_info(&info))
		return;
	mutex_lock(&pvmc_drop_mutex);
	mutex_lock(&pvmc_guard_mutex);
	known = pvmc_drop_known;
	epoch = pvmc_drop_epoch;
	mutex_unlock(&pvmc_guard_mutex);
	/* Of the VMM as it is from here on. */
	err = known ? 0 : pvmemcontrol_get_info(&info);
	if (known || err || info.host_page_size > PAGE_SIZE)
		goto unlock;
	memset(pvmc_drop_found, PVMEMCONTROL_INFO, sizeof(pvmc_drop_found));
	err = pvmc_drop_prove(&pvmc_kstack_client, &info, pvmc_drop_found);
	mutex_lock(&pvmc_guard_mutex);
	if (epoch == pvmc_drop_epoch && !pvmc_drop_passing(err)) {
		memcpy(pvmc_drop_funcs, pvmc_drop_found,
		       sizeof(pvmc_drop_funcs));
		pvmc_drop_zeroing = info.zeroing;
		WRITE_ONCE(pvmc_drop_known, true);
	}
	mutex_unlock(&pvmc_guard_mutex);
unlock:
	mutex_unlock(&pvmc_drop_mutex);
}

/**
 * pvmc_drop_forget() - It may be another VMM, or none.
 *
 * Context: Process context, with pvmc_guard_mutex held.
 */
void pvmc_drop_forget(void)
{
	lockdep_assert_held(&pvmc_guard_mutex);

	memset(pvmc_drop_funcs, PVMEMCONTROL_INFO, sizeof(pvmc_drop_funcs));
	pvmc_drop_zeroing = 0;
	WRITE_ONCE(pvmc_drop_known, false);
	pvmc_drop_epoch++;
}

/**
 * pvmc_drop_func() - What gives memory of a block back.
 * @block: block
 *
 * Context: Process context, with pvmc_guard_mutex held.
 * Return: PVMEMCONTROL_DONTNEED or PVMEMCONTROL_REMOVE; PVMEMCONTROL_INFO:
 * nothing does, or it is not known.
 */
u32 pvmc_drop_func(const struct pvmc_kstack_block *block)
{
	lockdep_assert_held(&pvmc_guard_mutex);

	return pvmc_drop_funcs[page_to_nid(block->page)];
}

/**
 * pvmc_drop_zeroes() - Whether memory of a block that was given back is zero.
 * @block: block
 *
 * Context: Process context, with pvmc_guard_mutex held.
 * Return: Whether the VMM says that it always is.
 */
bool pvmc_drop_zeroes(const struct pvmc_kstack_block *block)
{
	struct pvmemcontrol_info info;

	/* Memory may have come since, of which it does not say so. */
	return !pvmemcontrol_get_info(&info) &&
	       (pvmc_drop_zeroing & info.zeroing &
		BIT_ULL(pvmc_drop_func(block)));
}
