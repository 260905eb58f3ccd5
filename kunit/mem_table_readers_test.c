// SPDX-License-Identifier: GPL-2.0
/*
 * Readers that come at any point of a change, and changes that come at any
 * point of reading: a timer interrupts the writer, or the reader.
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
#define READERS_PAGES	BIT(18)

/* How often one is to be interrupted by the other, in so many rounds. */
#define READERS_HITS	1500
#define READERS_ROUNDS	3000000

/* Pages to walk over each time. */
#define READERS_WALK	1000UL

/* Changes to make in an interrupt. */
#define READERS_BURST	8

#define READERS_PERIOD	(200 * NSEC_PER_USEC)

/**
 * struct readers - a writer and the reader that interrupts it
 * @newest: the greatest value that the writer has begun to write
 * @start: where it writes
 * @nr: and how many pages
 * @busy: whether who is interrupted is at it now
 * @writer_timer: whether it is the writer that interrupts
 * @seen: the last value that the reader was given for each page
 * @values: to write
 * @walk: the writer's; not on the stack, on which the timer comes too
 * @reader_walk: the reader's
 * @hits: how often the one came while the other was at it
 * @wrong: how often what the reader was given was wrong
 * @err: what the writer was told
 */
struct readers {
	struct mem_table table;
	struct hrtimer timer;
	struct rnd_state rnd;
	struct rnd_state reader_rnd;
	unsigned long newest;
	unsigned long start;
	unsigned long nr;
	bool busy;
	bool writer_timer;
	unsigned long *seen;
	unsigned long values[64];
	struct mem_table_walk walk;
	struct mem_table_walk reader_walk;
	unsigned long hits;
	unsigned long wrong;
	int err;
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
	struct mem_table_run *run;

	pfn = clamp(pfn, READERS_BASE, end - 1);
	next = pfn;
	mem_table_for_each_run(run, &r->reader_walk, &r->table, pfn,
			       min(end - pfn, READERS_WALK)) {
		r->wrong += run->start != next || !run->nr;
		next = run->start + run->nr;
		for (i = run->start; i < next; i++)
			readers_saw(r, i, run->value);
	}
	r->wrong += next != pfn + min(end - pfn, READERS_WALK);
}

static void readers_look(struct readers *r)
{
	unsigned long start = READ_ONCE(r->start), nr = READ_ONCE(r->nr);
	u32 random = prandom_u32_state(&r->reader_rnd);
	unsigned int i;

	for (i = 0; i < 4; i++) {
		readers_load(r, start + nr * i / 4);
		readers_load(r, READERS_BASE +
				prandom_u32_state(&r->reader_rnd) %
				READERS_PAGES);
	}
	readers_load(r, start - 1);
	readers_load(r, start + nr);
	readers_walk(r, start + random % (nr + 50) - 50);
}

static long readers_update(unsigned long old, void *arg)
{
	return *(unsigned long *)arg;
}

/* From all of it, which merges everything, to a page, which splits it again. */
static int readers_change(struct readers *r, gfp_t gfp)
{
	u32 kind = prandom_u32_state(&r->rnd) % 32;
	unsigned long start = prandom_u32_state(&r->rnd) % READERS_PAGES;
	unsigned long value = r->newest + 1;
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
	if (kind >= 16 && kind < 18) {
		for (i = 0; i < nr; i++)
			r->values[i] = value + i % 3;
		err = mem_table_store_values(&r->table, start, r->values, nr,
					     gfp, NULL);
	} else if (kind & 1) {
		err = mem_table_update(&r->table, start, nr, readers_update,
				       &value, gfp);
	} else {
		err = mem_table_store(&r->table, start, nr, value, gfp);
	}
	if (kind == 31) {
		mem_table_for_each_changed(run, &r->walk, &r->table)
			;
	}
	return err;
}

/* In hard interrupt context, wherever the other is. */
static enum hrtimer_restart readers_timer(struct hrtimer *timer)
{
	struct readers *r = container_of(timer, struct readers, timer);
	unsigned int i;

	r->hits += READ_ONCE(r->busy);
	if (!r->writer_timer)
		readers_look(r);
	for (i = 0; r->writer_timer && i < READERS_BURST; i++)
		r->err = r->err ?: readers_change(r, GFP_ATOMIC);
	hrtimer_forward_now(timer, ns_to_ktime(READERS_PERIOD));
	return HRTIMER_RESTART;
}

struct readers_kind {
	const char *name;
	unsigned int flags;
	bool writer_timer;
};

static const struct readers_kind readers_kinds[] = {
	{ "in a change", 0, false },
	{ "in a tracked change", MEM_TABLE_TRACK, false },
	{ "in reading", MEM_TABLE_IRQSAFE, true },
	{ "in reading, tracked", MEM_TABLE_IRQSAFE | MEM_TABLE_TRACK, true },
};

static void readers_kind_name(const struct readers_kind *kind, char *name)
{
	strscpy(name, kind->name, KUNIT_PARAM_DESC_SIZE);
}
KUNIT_ARRAY_PARAM(readers_kind, readers_kinds, readers_kind_name);

static void readers_interrupt(struct kunit *test)
{
	const struct readers_kind *kind = test->param_value;
	struct readers *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);
	unsigned long i;

	KUNIT_ASSERT_NOT_NULL(test, r);
	r->seen = vzalloc(READERS_PAGES * sizeof(*r->seen));
	KUNIT_ASSERT_NOT_NULL(test, r->seen);
	r->start = READERS_BASE;
	r->nr = 1;
	r->writer_timer = kind->writer_timer;
	prandom_seed_state(&r->rnd, 815);
	prandom_seed_state(&r->reader_rnd, 816);
	/* Locks that are taken in another way are of another class. */
	if (kind->writer_timer)
		mem_table_init(&r->table, kind->flags, NULL);
	else
		mem_table_init(&r->table, kind->flags, NULL);

	hrtimer_init(&r->timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
	r->timer.function = readers_timer;
	hrtimer_start(&r->timer, ns_to_ktime(READERS_PERIOD),
		      HRTIMER_MODE_REL_HARD);
	for (i = 0; !READ_ONCE(r->err) && i < READERS_ROUNDS &&
	     READ_ONCE(r->hits) < READERS_HITS; i++) {
		WRITE_ONCE(r->busy, true);
		if (kind->writer_timer)
			readers_look(r);
		else
			r->err = readers_change(r, GFP_KERNEL);
		WRITE_ONCE(r->busy, false);
		/* Lets grace periods end, and nodes be freed and used again. */
		if (i % 16 == 0)
			cond_resched();
	}
	hrtimer_cancel(&r->timer);

	KUNIT_EXPECT_EQ(test, 0, r->err);
	KUNIT_EXPECT_GE(test, r->hits, (unsigned long)READERS_HITS);
	KUNIT_EXPECT_EQ(test, 0UL, r->wrong);
	KUNIT_EXPECT_NULL(test, oracle_broken(&r->table));
	mem_table_destroy(&r->table);
	vfree(r->seen);
}

static struct kunit_case readers_cases[] = {
	KUNIT_CASE_PARAM(readers_interrupt, readers_kind_gen_params),
	{}
};

static struct kunit_suite readers_suite = {
	.name = "mem_table_readers",
	.test_cases = readers_cases,
};

kunit_test_suite(readers_suite);
