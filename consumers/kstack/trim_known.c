// SPDX-License-Identifier: GPL-2.0
/*
 * Which threads have given all they have, and which have been seen asleep.
 *
 * A thread that has not run since it was trimmed has nothing new to give.  It is
 * remembered by its number, with a stamp in which are when it began and how often
 * it has been switched out; who has a number again has another stamp.  Two stamps that are
 * the same by chance cost some memory and nothing else, and so does it when
 * there is no memory to remember a thread.
 */
#include <linux/bits.h>
#include <linux/gfp.h>
#include <linux/xarray.h>

#include "trim.h"

/* Set in an entry of one that was only seen. */
#define PVMC_TRIM_SEEN	BIT(0)

/* By pid; a stamp each. */
static DEFINE_XARRAY(pvmc_trim_table);

static void *pvmc_trim_entry(unsigned long stamp, bool trimmed)
{
	unsigned long value = stamp << 1 & LONG_MAX;

	return xa_mk_value(trimmed ? value : value | PVMC_TRIM_SEEN);
}

/* Was it @trimmed, or was it seen, and has not run since? */
bool pvmc_trim_known(u32 pid, unsigned long stamp, bool trimmed)
{
	return xa_load(&pvmc_trim_table, pid) ==
	       pvmc_trim_entry(stamp, trimmed);
}

/* Context: As @gfp says. */
void pvmc_trim_remember(u32 pid, unsigned long stamp, bool trimmed, gfp_t gfp)
{
	void *old = xa_store(&pvmc_trim_table, pid,
			     pvmc_trim_entry(stamp, trimmed),
			     gfp | __GFP_NOWARN);

	if (xa_is_err(old))
		xa_erase(&pvmc_trim_table, pid);
}

/**
 * pvmc_trim_worth() - Whether to look at a thread that seems to sleep.
 * @run: run
 * @stats: where it is counted when not
 * @pid: its number
 * @stamp: and its stamp
 *
 * Context: Any but NMI.
 * Return: whether it is.
 */
bool pvmc_trim_worth(const struct pvmc_trim_run *run,
		     struct pvmc_trim_stats *stats, u32 pid,
		     unsigned long stamp)
{
	if (pvmc_trim_known(pid, stamp, true)) {
		stats->threads[PVMC_TRIM_UNCHANGED]++;
		return false;
	}
	if (!run->patient || pvmc_trim_known(pid, stamp, false))
		return true;
	/* Only if it has slept until the next run. */
	pvmc_trim_remember(pid, stamp, false, GFP_NOWAIT);
	stats->threads[PVMC_TRIM_RECENT]++;
	return false;
}

/* Those that are not @alive any more; NULL: all. */
void pvmc_trim_forget(bool (*alive)(u32 pid))
{
	unsigned long pid;
	void *entry;

	if (!alive) {
		xa_destroy(&pvmc_trim_table);
		return;
	}
	xa_for_each(&pvmc_trim_table, pid, entry)
		if (!alive(pid))
			xa_erase(&pvmc_trim_table, pid);
}
