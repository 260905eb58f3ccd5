// SPDX-License-Identifier: GPL-2.0
/*
 * The table of all pages: what becomes of a value, changes taken back, and what
 * is known of what the host was told.
 *
 * All that writes to the table holds perm_mutex.  While the host can be reached,
 * what the table says it was told is what the page wants, or that nobody knows:
 * a change says so from the start, and is corrected where sending it fails.
 * That is how nothing has to be written where all goes well.
 */
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/lockdep.h>
#include <linux/sched.h>
#include <linux/sizes.h>

#include "perm.h"

/* How much is forgotten at a time. */
#define PERM_FORGET_PAGES	(SZ_1G >> PAGE_SHIFT)

struct mem_table perm_table;

/**
 * perm_value_change() - Add a change to a page's counters.
 * @old: the value
 * @by: what is added to them
 * @say: the host is going to be told, if that is something new
 *
 * With -@by it does the opposite: the new value tells what the old one was.
 *
 * Return: the new value, or -ERANGE or -EOVERFLOW.
 */
long perm_value_change(unsigned long old, const s32 *by, bool say)
{
	s64 counter[NR_PERM_COUNTERS];
	unsigned long new = 0;
	int i;

	for (i = 0; i < NR_PERM_COUNTERS; i++) {
		counter[i] = (s64)perm_counter(old, i) + by[i];
		if (counter[i] < 0)
			return -ERANGE;
		if (counter[i] > PVMEMCONTROL_PERM_MAX)
			return -EOVERFLOW;
		/* More that permit something than there are. */
		if (counter[i] > counter[PERM_MAPPINGS])
			return -ERANGE;
		new |= (unsigned long)counter[i] << perm_counter_shift(i);
	}
	if (say && perm_told(old) != PERM_TOLD_UNKNOWN)
		return new | perm_wanted(new);
	return new | perm_told(old);
}

struct perm_undo {
	s32 by[NR_PERM_COUNTERS];
	bool say;
};

static long perm_value_undone(unsigned long old, void *arg)
{
	const struct perm_undo *undo = arg;

	return perm_value_change(old, undo->by, undo->say);
}

/*
 * As mem_table_update(), where an error would leave the table wrong for good.
 * Memory is needed only where entries have become one, and then little.
 */
static void perm_table_must(unsigned long start, unsigned long nr,
			    mem_table_update_fn fn, void *arg)
{
	struct mem_table_reserve reserve = MEM_TABLE_RESERVE_INIT;
	int err;

	if (!nr)
		return;
	err = mem_table_update(&perm_table, start, nr, fn, arg, GFP_KERNEL);
	if (err == -ENOMEM) {
		mem_table_reserve(&reserve, start, nr,
				  GFP_KERNEL | __GFP_NOFAIL);
		err = mem_table_update_reserved(&perm_table, start, nr, fn,
						arg, &reserve);
		mem_table_unreserve(&reserve);
	}
	WARN_ON(err);
}

/**
 * perm_table_undo() - Take a change back.
 * @start: the first page
 * @nr: how many
 * @by: what was added
 * @say: as it was when that was done
 *
 * Context: Process context, under perm_mutex.  May sleep.
 */
void perm_table_undo(unsigned long start, unsigned long nr, const s32 *by,
		     bool say)
{
	struct perm_undo undo = { .say = say };
	int i;

	lockdep_assert_held(&perm_mutex);

	for (i = 0; i < NR_PERM_COUNTERS; i++)
		undo.by[i] = -by[i];
	perm_table_must(start, nr, perm_value_undone, &undo);
}

static long perm_value_told(unsigned long old, void *arg)
{
	return perm_with_told(old, *(enum perm_told *)arg);
}

/**
 * perm_table_told() - Remember what a range was told.
 * @start: the first page
 * @nr: how many
 * @told: what, or that nobody knows
 *
 * Context: Process context, under perm_mutex.  May sleep.
 */
void perm_table_told(unsigned long start, unsigned long nr, enum perm_told told)
{
	lockdep_assert_held(&perm_mutex);

	perm_table_must(start, nr, perm_value_told, &told);
}

static long perm_value_forgotten(unsigned long old, void *unused)
{
	if (perm_told(old) == PERM_TOLD_RW)
		return old;
	return perm_with_told(old, PERM_TOLD_UNKNOWN);
}

/**
 * perm_table_forget() - Nothing that the host was told holds any more.
 *
 * But where it was told that it may permit everything it does so still: that
 * is also what a host does that was told nothing.
 *
 * In steps, as an update holds a spinlock until it is done.  Each is of whole
 * runs of equal values: nothing has to be cut for it, which takes no memory.
 *
 * Context: Process context, under perm_mutex.  May sleep.
 */
void perm_table_forget(void)
{
	unsigned long start = 0, end = 0;
	struct mem_table_walk walk;
	struct mem_table_run *run;

	lockdep_assert_held(&perm_mutex);

	mem_table_for_each_run(run, &walk, &perm_table, 0, MEM_TABLE_PAGES) {
		if (perm_value_forgotten(run->value, NULL) == run->value)
			continue;
		if (end && run->start + run->nr - start > PERM_FORGET_PAGES) {
			perm_table_must(start, end - start,
					perm_value_forgotten, NULL);
			cond_resched();
			end = 0;
		}
		if (!end)
			start = run->start;
		end = run->start + run->nr;
	}
	perm_table_must(start, end - start, perm_value_forgotten, NULL);
}

/* How many pages are of any interest. */
unsigned long perm_table_owned(void)
{
	struct mem_table_walk walk;
	struct mem_table_run *run;
	unsigned long nr = 0;

	mem_table_for_each_run(run, &walk, &perm_table, 0, MEM_TABLE_PAGES)
		if (run->value)
			nr += run->nr;
	return nr;
}

/**
 * pvmemcontrol_perm_told() - Ask what the host was last told of a page.
 * @start: guest physical address of the page, or in it
 *
 * While a commit is under way this is what it was told before, or already what
 * it is being told.
 *
 * Context: Any, NMI included.  Takes no lock.
 * Return: Set of PVMEMCONTROL_PERM_R and PVMEMCONTROL_PERM_W; both also where
 * it was told nothing; 0 for neither; -ENODATA where a request failed, or the
 * host may have forgotten, so that nobody knows.
 */
int pvmemcontrol_perm_told(phys_addr_t start)
{
	unsigned long value = mem_table_load(&perm_table, start >> PAGE_SHIFT);

	switch (perm_told(value)) {
	case PERM_TOLD_NONE:
		return 0;
	case PERM_TOLD_R:
		return PVMEMCONTROL_PERM_R;
	case PERM_TOLD_W:
		return PVMEMCONTROL_PERM_W;
	case PERM_TOLD_RW:
		return PVMEMCONTROL_PERM_R | PVMEMCONTROL_PERM_W;
	default:
		return -ENODATA;
	}
}
EXPORT_SYMBOL_GPL(pvmemcontrol_perm_told);

void perm_table_init(void)
{
	mem_table_init(&perm_table, 0, NULL);
}

void perm_table_exit(void)
{
	mem_table_destroy(&perm_table);
}
