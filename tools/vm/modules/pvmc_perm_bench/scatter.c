// SPDX-License-Identifier: GPL-2.0
/*
 * A transaction over many pages in many runs, and a batch of the same ranges
 * without anything to remember: what comes on top of the exits.
 */
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sort.h>

#include "bench.h"

static int scatter_compare(const void *a, const void *b)
{
	return *(const u64 *)a < *(const u64 *)b ? -1 :
	       *(const u64 *)a > *(const u64 *)b;
}

static u64 scatter_median(u64 *values)
{
	sort(values, SCATTER_ROUNDS, sizeof(*values), scatter_compare, NULL);
	return values[SCATTER_ROUNDS / 2];
}

static void scatter_range(const struct scatter *s, unsigned long i,
			  phys_addr_t *start, u64 *length)
{
	unsigned long nr = s->pages / s->runs;

	if (i < s->pages % s->runs)
		nr++;
	*start = (phys_addr_t)(s->base + i * s->stride) << PAGE_SHIFT;
	*length = (u64)nr << PAGE_SHIFT;
}

static int scatter_commit(struct scatter *s, bool map, u64 *collect_ns,
			  u64 *commit_ns)
{
	struct pvmemcontrol_perm_txn txn;
	u64 length, begin, middle;
	phys_addr_t start;
	unsigned long i;
	int err;

	begin = ktime_get_ns();
	pvmemcontrol_perm_begin(&txn);
	for (i = 0; i < s->runs; i++) {
		scatter_range(s, i, &start, &length);
		if (map)
			pvmemcontrol_perm_map(&txn, start, length,
					      PVMEMCONTROL_PERM_R);
		else
			pvmemcontrol_perm_unmap(&txn, start, length,
						PVMEMCONTROL_PERM_R);
	}
	middle = ktime_get_ns();
	err = pvmemcontrol_perm_commit(&txn);
	*commit_ns = ktime_get_ns() - middle;
	*collect_ns = middle - begin;
	s->ranges = txn.ranges;
	s->exits = txn.exits;
	return err;
}

/* Only the sending is timed. */
static int scatter_bare(struct scatter *s, u32 func, u64 *ns)
{
	struct pvmemcontrol_batch batch;
	phys_addr_t start;
	unsigned long i;
	u64 length, begin;
	int err = 0;

	pvmemcontrol_batch_init(&batch, &bench_client, GFP_KERNEL);
	for (i = 0; i < s->runs && !err; i++) {
		scatter_range(s, i, &start, &length);
		err = pvmemcontrol_batch_add(&batch, func, start, length, 0);
	}
	begin = ktime_get_ns();
	err = pvmemcontrol_batch_flush(&batch) ?: err;
	*ns = ktime_get_ns() - begin;
	pvmemcontrol_batch_finish(&batch);
	s->bare_exits = batch.exits;
	return err;
}

/*
 * In turn, so that whatever else the machine does slows both; the ratio is that
 * of neighbours.  Both begin with all open, and end so.
 */
int scatter_run(struct scatter *s)
{
	static u64 collect[SCATTER_ROUNDS], commit[SCATTER_ROUNDS],
		   bare[SCATTER_ROUNDS], ratio[SCATTER_ROUNDS];
	u64 exits, ranges, unused;
	int i, err;

	if (!s->runs || s->pages / s->runs >= s->stride)
		return -EINVAL;
	for (i = 0; i < SCATTER_ROUNDS; i++) {
		err = scatter_bare(s, PVMEMCONTROL_MPROTECT_R, &bare[i]);
		if (!err)
			err = scatter_bare(s, PVMEMCONTROL_MPROTECT_RW,
					   &unused);
		/* What the round before made garbage is not this one's. */
		rcu_barrier();
		if (!err)
			err = scatter_commit(s, true, &collect[i], &commit[i]);
		if (err)
			return err;
		exits = s->exits;
		ranges = s->ranges;
		err = scatter_commit(s, false, &unused, &unused);
		if (err)
			return err;
		s->exits = exits;
		s->ranges = ranges;
		ratio[i] = div64_u64(commit[i] * 1000, bare[i]);
		cond_resched();
	}
	s->collect_ns = scatter_median(collect);
	s->commit_ns = scatter_median(commit);
	s->bare_ns = scatter_median(bare);
	s->ratio = scatter_median(ratio);
	return 0;
}
