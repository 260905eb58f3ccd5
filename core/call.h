/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is the same for a call and for a batch: what is checked before an exit,
 * and how much one exit is given to do.
 */
#ifndef _PVMC_CALL_H
#define _PVMC_CALL_H

#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sizes.h>

#include "compat.h"
#include "core.h"

/* These do something to a range; what others do we do not know. */
static inline bool pvmc_func_has_range(u64 func)
{
	return (func != PVMEMCONTROL_INFO && func < PVMEMCONTROL_NR_FUNC_1_0) ||
	       func == PVMEMCONTROL_GUARD || func == PVMEMCONTROL_UNGUARD;
}

/* What can be said without asking the VMM. */
static inline int pvmc_check_range(const struct pvmc_device *dev, u64 start,
				   u64 length)
{
	u64 last;

	if (!length || ((start | length) & (dev->info.host_page_size - 1)))
		return -EINVAL;
	if (check_add_overflow(start, length - 1, &last) ||
	    last > pvmc_phys_last())
		return -EINVAL;
	return 0;
}

static inline int pvmc_check_state(const struct pvmc_device *dev)
{
	/* Who finds it up finds what it was connected as: pvmc_set_up(). */
	enum pvmc_state state = smp_load_acquire(&dev->state);

	if (likely(state == PVMC_UP))
		return 0;
	return state == PVMC_GONE ? -ENODEV : -EIO;
}

/* The most that one exit is to deal with, in bytes; a power of two. */
static inline u64 pvmc_piece_for(u64 host_page_size)
{
	return max((u64)READ_ONCE(pvmc_piece_mib) * SZ_1M, host_page_size);
}

static inline u64 pvmc_piece(const struct pvmc_device *dev)
{
	return pvmc_piece_for(dev->info.host_page_size);
}

/* What is too long for one exit is cut at multiples of a piece. */
static inline u64 pvmc_piece_length(u64 piece, u64 start, u64 length)
{
	return length <= piece ? length : piece - (start & (piece - 1));
}

/* Not every kernel can tell; where it cannot, nobody is waiting any less. */
static inline void pvmc_resched(void)
{
	if (IS_ENABLED(CONFIG_PREEMPT_COUNT) && preemptible() &&
	    !rcu_preempt_depth())
		cond_resched();
}

#endif /* _PVMC_CALL_H */
