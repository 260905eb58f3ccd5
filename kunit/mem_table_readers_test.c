// SPDX-License-Identifier: GPL-2.0
/*
 * Readers that come at any point of a change: a timer interrupts the writer.
 *
 * Values only ever grow.  What a reader is given must be no less than what it
 * was given before for the same page, and not more than what the writer has
 * begun to write.  A node that is used again too early, or is visible before it
 * is filled, shows as an older value, or as something that never was one.
 */
#include <linux/hrtimer.h>
#include <linux/sched.h>
#include <linux/vmalloc.h>

#include "mem_node.h"
#include "mem_table_oracle.h"

/* One entry of the third level, when it is uniform. */
#define READERS_BASE	(7UL << 18)
#define READERS_PAGES	(1UL << 18)

/* How often a change is to be interrupted. */
#define READERS_HITS	3000
#define READERS_CHANGES	3000000

#define READERS_PERIOD	(50 * NSEC_PER_USEC)

/**
 * struct readers - a writer and the reader that interrupts it
 * @newest: the greatest value that the writer has begun to write
 * @start: where it writes
 * @nr: and how many pages
 * @writing: whether it is at it now
 * @seen: the last value that the reader was given for each page
 * @hits: how often the reader came while the writer was writing
 * @wrong: how often what it was given was wrong
 */
struct readers {
	struct mem_table table;
	struct hrtimer timer;
	struct rnd_state rnd;
	struct rnd_state timer_rnd;
	unsigned long newest;
	unsigned long start;
	unsigned long nr;
	bool writing;
	unsigned long *seen;
	unsigned long values[64];
	unsigned long hits;
	unsigned long wrong;
};

static void readers_saw(struct readers *r, unsigned long pfn,
			unsigned long value)
{
	unsigned long *seen = &r->seen[pfn - READERS_BASE];

	r->wrong += value < *seen || value > READ_ONCE(r->newest);
	*seen = value;
}

static void readers_load(struct readers *r, unsigned long pfn)
{
	pfn = clamp(pfn, READERS_BASE, READERS_BASE + READERS_PAGES - 1);
	readers_saw(r, pfn, mem_table_load(&r->table, pfn));
}

static void readers_walk(struct readers *r, unsigned long pfn)
{
	unsigned long end = READERS_BASE + READERS_PAGES, next, i;
	struct mem_table_walk walk;
	struct mem_table_run *run;

	pfn = clamp(pfn, READERS_BASE, end - 1);
	next = pfn;
	mem_table_for_each_run(run, &walk, &r->table, pfn,
			       min(end - pfn, 100UL)) {
		r->wrong += run->start != next || !run->nr;
		next = run->start + run->nr;
		for (i = run->start; i < next; i++)
			readers_saw(r, i, run->value);
	}
	r->wrong += next != pfn + min(end - pfn, 100UL);
}

/* In hard interrupt context, wherever the writer is. */
static enum hrtimer_restart readers_timer(struct hrtimer *timer)
{
	struct readers *r = container_of(timer, struct readers, timer);
	unsigned long start = READ_ONCE(r->start), nr = READ_ONCE(r->nr);
	u32 random = prandom_u32_state(&r->timer_rnd);
	unsigned int i;

	for (i = 0; i < 4; i++) {
		readers_load(r, start + nr * i / 4);
		readers_load(r, READERS_BASE + prandom_u32_state(&r->timer_rnd) %
				READERS_PAGES);
	}
	readers_load(r, start - 1);
	readers_load(r, start + nr);
	readers_walk(r, start + random % (nr + 50) - 50);
	r->hits += READ_ONCE(r->writing);
	hrtimer_forward_now(timer, ns_to_ktime(READERS_PERIOD));
	return HRTIMER_RESTART;
}

static long readers_update(unsigned long old, void *arg)
{
	return *(unsigned long *)arg;
}

/* From all of it, which merges everything, to a page, which splits it again. */
static int readers_change(struct readers *r)
{
	u32 kind = prandom_u32_state(&r->rnd) % 32;
	unsigned long start = prandom_u32_state(&r->rnd) % READERS_PAGES;
	unsigned long value = r->newest + 1;
	struct mem_table_walk walk;
	struct mem_table_run *run;
	unsigned long nr = 1, i;
	int err;

	/* Mostly in a few places, so that they fill up and become uniform. */
	if (kind < 24)
		start %= 2048;
	if (kind < 1) {
		start = 0;
		nr = READERS_PAGES;
	} else if (kind < 8) {
		start &= ~(MEM_TABLE_ENTRIES - 1);
		nr = MEM_TABLE_ENTRIES;
	} else if (kind < 16) {
		nr = 1 + prandom_u32_state(&r->rnd) % 600;
	} else if (kind < 18) {
		nr = ARRAY_SIZE(r->values);
	}
	nr = min(nr, READERS_PAGES - start);
	start += READERS_BASE;

	WRITE_ONCE(r->start, start);
	WRITE_ONCE(r->nr, nr);
	WRITE_ONCE(r->newest, value + 2);
	WRITE_ONCE(r->writing, true);
	if (kind >= 16 && kind < 18) {
		for (i = 0; i < nr; i++)
			r->values[i] = value + i % 3;
		err = mem_table_store_values(&r->table, start, r->values, nr,
					     GFP_KERNEL, NULL);
	} else if (kind & 1) {
		err = mem_table_update(&r->table, start, nr, readers_update,
				       &value, GFP_KERNEL);
	} else {
		err = mem_table_store(&r->table, start, nr, value, GFP_KERNEL);
	}
	if (kind == 31) {
		mem_table_for_each_changed(run, &walk, &r->table)
			;
	}
	WRITE_ONCE(r->writing, false);
	return err;
}

static const unsigned int readers_flags[] = { 0, MEM_TABLE_TRACK };

static void readers_flags_name(const unsigned int *flags, char *name)
{
	strscpy(name, *flags ? "tracked" : "plain", KUNIT_PARAM_DESC_SIZE);
}
KUNIT_ARRAY_PARAM(readers_flags, readers_flags, readers_flags_name);

static void readers_interrupt(struct kunit *test)
{
	const unsigned int *flags = test->param_value;
	struct readers *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);
	unsigned long i;
	int err = 0;

	KUNIT_ASSERT_NOT_NULL(test, r);
	r->seen = vzalloc(READERS_PAGES * sizeof(*r->seen));
	KUNIT_ASSERT_NOT_NULL(test, r->seen);
	r->start = READERS_BASE;
	r->nr = 1;
	prandom_seed_state(&r->rnd, 815);
	prandom_seed_state(&r->timer_rnd, 816);
	mem_table_init(&r->table, *flags, NULL);

	hrtimer_init(&r->timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
	r->timer.function = readers_timer;
	hrtimer_start(&r->timer, ns_to_ktime(READERS_PERIOD),
		      HRTIMER_MODE_REL_HARD);
	for (i = 0; !err && i < READERS_CHANGES &&
	     READ_ONCE(r->hits) < READERS_HITS; i++) {
		err = readers_change(r);
		/* Lets grace periods end, and nodes be freed and used again. */
		if (i % 16 == 0)
			cond_resched();
	}
	hrtimer_cancel(&r->timer);

	KUNIT_EXPECT_EQ(test, 0, err);
	KUNIT_EXPECT_GE(test, r->hits, (unsigned long)READERS_HITS);
	KUNIT_EXPECT_EQ(test, 0UL, r->wrong);
	KUNIT_EXPECT_NULL(test, oracle_broken(&r->table));
	mem_table_destroy(&r->table);
	vfree(r->seen);
}

static struct kunit_case readers_cases[] = {
	KUNIT_CASE_PARAM(readers_interrupt, readers_flags_gen_params),
	{}
};

static struct kunit_suite readers_suite = {
	.name = "mem_table_readers",
	.test_cases = readers_cases,
};

kunit_test_suite(readers_suite);
