// SPDX-License-Identifier: GPL-2.0
/*
 * How fast mem_table is, and its peers in the same run.  Lines with "bench:"
 * are for tools/bench/mem_table.uml.  Tests only that what was measured did
 * what it should; figures are for reading.
 */
#include <kunit/test.h>
#include <linux/mem_table.h>
#include <linux/ktime.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sort.h>
#include <linux/vmalloc.h>

#include "mem_table_bench.h"

#define BENCH_SAMPLES	9
#define BENCH_LOOKUPS	BIT(20)

unsigned int bench_errors;

static struct mem_table bench_table;

static void table_init(void)
{
	mem_table_init(&bench_table, 0, NULL);
}

static void table_init_tracked(void)
{
	mem_table_init(&bench_table, MEM_TABLE_TRACK, NULL);
}

static void table_destroy(void)
{
	mem_table_destroy(&bench_table);
}

static void table_store(unsigned long start, unsigned long nr,
			unsigned long value)
{
	bench_must(!mem_table_store(&bench_table, start, nr, value,
				    GFP_KERNEL));
}

BENCH_STORE_PAGES(table)

static void table_store_all(const unsigned long *values)
{
	bench_must(!mem_table_store_values(&bench_table, BENCH_BASE, values,
					   BENCH_PAGES, GFP_KERNEL, NULL));
}

static unsigned long table_load(unsigned long pfn)
{
	return mem_table_load(&bench_table, pfn);
}

static unsigned long table_walk(void)
{
	struct mem_table_walk walk;
	struct mem_table_run *run;
	unsigned long sum = 0;

	mem_table_for_each_run(run, &walk, &bench_table, BENCH_BASE,
			       BENCH_PAGES)
		sum += run->value + run->nr;
	return sum;
}

static unsigned long table_changed(void)
{
	struct mem_table_walk walk;
	struct mem_table_run *run;
	unsigned long sum = 0;

	mem_table_for_each_changed(run, &walk, &bench_table)
		sum += run->value + run->nr;
	return sum;
}

const struct bench_peer bench_mem_table = {
	.name = "mem_table",
	.init = table_init,
	.destroy = table_destroy,
	.store = table_store,
	.store_pages = table_store_pages,
	.store_all = table_store_all,
	.load = table_load,
	.walk = table_walk,
};

static const struct bench_peer bench_tracked = {
	.name = "mem_table_tracked",
	.init = table_init_tracked,
	.destroy = table_destroy,
	.store = table_store,
	.store_pages = table_store_pages,
	.store_all = table_store_all,
	.load = table_load,
	.walk = table_walk,
	.changed = table_changed,
};

/* In units of 1/100 ns. */
struct bench {
	struct kunit *test;
	const struct bench_peer *peer;
	u64 sample[BENCH_SAMPLES];
	unsigned long *values;
};

static int bench_compare(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

static void bench_print(const char *peer, const char *name, u64 hundredths)
{
	pr_info("bench: mem_table.%s%s%s %llu.%02llu\n", peer, *peer ? "." : "",
		name, hundredths / 100, hundredths % 100);
}

typedef u64 (*bench_fn)(struct bench *b, unsigned long *times);

/*
 * The median of what @fn says it took, in 1/100 ns for each of the times that
 * it did it.  Memory that waits for a grace period is freed in between.
 */
static u64 bench_median(struct bench *b, const struct bench_peer *peer,
			bench_fn fn)
{
	unsigned int i;

	b->peer = peer;
	for (i = 0; i < BENCH_SAMPLES; i++) {
		unsigned long times = 1;
		u64 ns = fn(b, &times);

		b->sample[i] = ns * 100 / times;
		rcu_barrier();
		cond_resched();
	}
	sort(b->sample, BENCH_SAMPLES, sizeof(u64), bench_compare, NULL);
	return b->sample[BENCH_SAMPLES / 2];
}

static u64 bench_set(struct bench *b, unsigned long *times, unsigned long nr)
{
	unsigned long range = BENCH_PAGES * 16;
	unsigned long rounds = b->peer->slow ? 2 : 400, round, pfn;
	u64 ns;

	if (nr < BENCH_PAGES || b->peer->slow)
		range = BENCH_PAGES;
	if (nr == BENCH_PAGES)
		rounds *= b->peer->slow ? 1 : 20;
	b->peer->init();
	b->peer->store(BENCH_BASE, range, 1);
	ns = ktime_get_ns();
	for (round = 0; round < rounds; round++) {
		for (pfn = BENCH_BASE; pfn < BENCH_BASE + range; pfn += nr)
			b->peer->store(pfn, nr, 2 + (round & 1));
	}
	ns = ktime_get_ns() - ns;
	*times = rounds * (range / nr);
	b->peer->destroy();
	return ns;
}

static u64 bench_set_2m(struct bench *b, unsigned long *times)
{
	return bench_set(b, times, 512);
}

static u64 bench_set_1g(struct bench *b, unsigned long *times)
{
	return bench_set(b, times, BENCH_PAGES);
}

/* Alternating values, into an empty table. */
static u64 bench_store_page(struct bench *b, unsigned long *times)
{
	u64 ns;

	b->peer->init();
	ns = ktime_get_ns();
	b->peer->store_pages(1);
	ns = ktime_get_ns() - ns;
	*times = BENCH_PAGES;
	b->peer->destroy();
	return ns;
}

/* The same where other alternating values are already. */
static u64 bench_change_page(struct bench *b, unsigned long *times)
{
	u64 ns;

	b->peer->init();
	b->peer->store_pages(1);
	ns = ktime_get_ns();
	b->peer->store_pages(3);
	ns = ktime_get_ns() - ns;
	*times = BENCH_PAGES;
	b->peer->destroy();
	return ns;
}

static u64 bench_bulk(struct bench *b, unsigned long *times)
{
	unsigned long i;
	u64 ns;

	for (i = 0; i < BENCH_PAGES; i++)
		b->values[i] = 1 + (i & 1);
	b->peer->init();
	ns = ktime_get_ns();
	b->peer->store_all(b->values);
	ns = ktime_get_ns() - ns;
	*times = BENCH_PAGES;
	b->peer->destroy();
	return ns;
}

/* Where to look next depends on what was found. */
static u64 bench_lookups(struct bench *b, unsigned long *times)
{
	unsigned long pfn = BENCH_BASE, x = 1, i;
	u64 ns = ktime_get_ns();

	for (i = 0; i < BENCH_LOOKUPS; i++) {
		x = x * 6364136223846793005UL + b->peer->load(pfn);
		pfn = BENCH_BASE + (x >> 46);
	}
	ns = ktime_get_ns() - ns;
	KUNIT_EXPECT_LT(b->test, pfn, BENCH_BASE + BENCH_PAGES);
	*times = BENCH_LOOKUPS;
	return ns;
}

/* Every other 2 MiB uniform, the rest page by page. */
static u64 bench_lookup_mixed(struct bench *b, unsigned long *times)
{
	unsigned long i, j, x = 1;
	u64 ns;

	b->peer->init();
	for (i = 0; i < BENCH_PAGES; i += 512) {
		x = x * 6364136223846793005UL + 1442695040888963407UL;
		if (x >> 63)
			b->peer->store(BENCH_BASE + i, 512, 1 + (x >> 62 & 1));
		else
			for (j = 0; j < 512; j++)
				b->peer->store(BENCH_BASE + i + j, 1,
					       1 + (j & 1));
	}
	ns = bench_lookups(b, times);
	b->peer->destroy();
	return ns;
}

static u64 bench_lookup_alternating(struct bench *b, unsigned long *times)
{
	u64 ns;

	b->peer->init();
	b->peer->store_pages(1);
	ns = bench_lookups(b, times);
	b->peer->destroy();
	return ns;
}

static u64 bench_lookup_uniform(struct bench *b, unsigned long *times)
{
	u64 ns;

	b->peer->init();
	b->peer->store(BENCH_BASE, BENCH_PAGES, 1);
	ns = bench_lookups(b, times);
	b->peer->destroy();
	return ns;
}

static u64 bench_walk_alternating(struct bench *b, unsigned long *times)
{
	unsigned long i, expected = BENCH_PAGES * 5 / 2, sum = 0;
	u64 ns;

	b->peer->init();
	b->peer->store_pages(1);
	ns = ktime_get_ns();
	for (i = 0; i < 8; i++)
		sum += b->peer->walk();
	ns = ktime_get_ns() - ns;
	KUNIT_EXPECT_EQ(b->test, 8 * expected, sum);
	*times = 8 * BENCH_PAGES;
	b->peer->destroy();
	return ns;
}

static u64 bench_walk_uniform(struct bench *b, unsigned long *times)
{
	unsigned long i, sum = 0;
	u64 ns;

	*times = b->peer->slow ? 4 : 50000;
	b->peer->init();
	b->peer->store(BENCH_BASE, BENCH_PAGES, 1);
	ns = ktime_get_ns();
	for (i = 0; i < *times; i++)
		sum += b->peer->walk();
	ns = ktime_get_ns() - ns;
	KUNIT_EXPECT_EQ(b->test, *times * (BENCH_PAGES + 1), sum);
	b->peer->destroy();
	return ns;
}

/* Those that do not know what has changed have to look at everything. */
static u64 bench_toggle(struct bench *b, unsigned long *times, bool random)
{
	unsigned long (*walk)(void) = b->peer->changed ?: b->peer->walk;
	unsigned long i, x = 1, pfn = BENCH_BASE + BENCH_PAGES / 3, sum = 0;
	u64 ns;

	*times = b->peer->slow ? 4 : 20000;
	b->peer->init();
	b->peer->store(BENCH_BASE, BENCH_PAGES, 1);
	walk();
	ns = ktime_get_ns();
	for (i = 0; i < *times; i++) {
		if (random && !(i & 1)) {
			x = x * 6364136223846793005UL + 1442695040888963407UL;
			pfn = BENCH_BASE + (x >> 46);
		}
		b->peer->store(pfn, 1, 1 + !(i & 1));
		sum += walk();
	}
	ns = ktime_get_ns() - ns;
	if (b->peer->changed)
		KUNIT_EXPECT_EQ(b->test, *times / 2 * 5, sum);
	b->peer->destroy();
	return ns;
}

static u64 bench_toggle_walk(struct bench *b, unsigned long *times)
{
	return bench_toggle(b, times, false);
}

/* Another page each time: nothing can be kept from the last time. */
static u64 bench_toggle_random(struct bench *b, unsigned long *times)
{
	return bench_toggle(b, times, true);
}

static u64 bench_report(struct bench *b, const char *peer, const char *name,
			const struct bench_peer *of, bench_fn fn)
{
	u64 median = bench_median(b, of, fn);

	bench_print(peer, name, median);
	return median;
}

static u64 bench_ratio(u64 a, u64 b)
{
	return a * 100 / max_t(u64, b, 1);
}

static void bench_sets(struct bench *b)
{
	u64 own, xarray, range, maple;

	own = bench_report(b, "", "set_2m_ns", &bench_mem_table, bench_set_2m);
	xarray = bench_report(b, "xarray", "set_2m_ns", &bench_xarray,
			      bench_set_2m);
	bench_report(b, "store_range", "set_2m_ns", &bench_store_range,
		     bench_set_2m);
	bench_report(b, "maple", "set_2m_ns", &bench_maple, bench_set_2m);
	bench_report(b, "flat", "set_2m_ns", &bench_flat, bench_set_2m);
	bench_print("", "set_2m_vs_xarray", bench_ratio(xarray, own));

	own = bench_report(b, "", "set_1g_ns", &bench_mem_table, bench_set_1g);
	bench_report(b, "xarray", "set_1g_ns", &bench_xarray, bench_set_1g);
	range = bench_report(b, "store_range", "set_1g_ns", &bench_store_range,
			     bench_set_1g);
	maple = bench_report(b, "maple", "set_1g_ns", &bench_maple,
			     bench_set_1g);
	bench_print("", "set_1g_vs_maple", bench_ratio(maple, own));
	bench_print("", "set_1g_vs_store_range", bench_ratio(range, own));
}

static void bench_pages(struct bench *b)
{
	bench_report(b, "", "store_page_ns", &bench_mem_table,
		     bench_store_page);
	bench_report(b, "tracked", "store_page_ns", &bench_tracked,
		     bench_store_page);
	bench_report(b, "flat", "store_page_ns", &bench_flat,
		     bench_store_page);
	bench_report(b, "xarray", "store_page_ns", &bench_xarray,
		     bench_store_page);
	bench_report(b, "maple", "store_page_ns", &bench_maple,
		     bench_store_page);
	bench_report(b, "", "change_page_ns", &bench_mem_table,
		     bench_change_page);
	bench_report(b, "xarray", "change_page_ns", &bench_xarray,
		     bench_change_page);

	bench_report(b, "", "bulk_ns_per_page", &bench_mem_table, bench_bulk);
	bench_report(b, "tracked", "bulk_ns_per_page", &bench_tracked,
		     bench_bulk);
	bench_report(b, "cursor", "bulk_ns_per_page", &bench_cursor,
		     bench_bulk);
}

static void bench_loads(struct bench *b)
{
	u64 own, flat;

	own = bench_report(b, "", "lookup_mixed_ns", &bench_mem_table,
			   bench_lookup_mixed);
	flat = bench_report(b, "flat", "lookup_mixed_ns", &bench_flat,
			    bench_lookup_mixed);
	bench_report(b, "xarray", "lookup_mixed_ns", &bench_xarray,
		     bench_lookup_mixed);
	bench_report(b, "maple", "lookup_mixed_ns", &bench_maple,
		     bench_lookup_mixed);
	bench_print("", "lookup_mixed_vs_flat", bench_ratio(own, flat));
	bench_report(b, "", "lookup_alternating_ns", &bench_mem_table,
		     bench_lookup_alternating);
	bench_report(b, "flat", "lookup_alternating_ns", &bench_flat,
		     bench_lookup_alternating);

	bench_report(b, "", "lookup_uniform_ns", &bench_mem_table,
		     bench_lookup_uniform);
	bench_report(b, "flat", "lookup_uniform_ns", &bench_flat,
		     bench_lookup_uniform);
	bench_report(b, "xarray", "lookup_uniform_ns", &bench_xarray,
		     bench_lookup_uniform);
	bench_report(b, "maple", "lookup_uniform_ns", &bench_maple,
		     bench_lookup_uniform);
}

static void bench_walks(struct bench *b)
{
	static const struct bench_peer * const peers[] = {
		&bench_flat, &bench_xarray, &bench_maple,
	};
	unsigned int i;

	bench_report(b, "", "walk_alternating_ns_per_page", &bench_mem_table,
		     bench_walk_alternating);
	bench_report(b, "", "walk_uniform_ns", &bench_mem_table,
		     bench_walk_uniform);
	bench_report(b, "", "toggle_walk_ns", &bench_tracked,
		     bench_toggle_walk);
	bench_report(b, "", "toggle_walk_random_ns", &bench_tracked,
		     bench_toggle_random);
	for (i = 0; i < ARRAY_SIZE(peers); i++) {
		bench_report(b, peers[i]->name, "walk_alternating_ns_per_page",
			     peers[i], bench_walk_alternating);
		bench_report(b, peers[i]->name, "walk_uniform_ns", peers[i],
			     bench_walk_uniform);
		bench_report(b, peers[i]->name, "toggle_walk_ns", peers[i],
			     bench_toggle_walk);
	}
}

/* With all that a table takes after it has been in use. */
static void bench_bytes(struct bench *b)
{
	unsigned long i;

	table_init_tracked();
	table_store(BENCH_BASE, BENCH_PAGES, 1);
	table_store(BENCH_BASE + 5, 1, 2);
	table_changed();
	table_store(BENCH_BASE + 5, 1, 1);
	table_changed();
	pr_info("bench: mem_table.bytes_uniform_1g %zu\n",
		mem_table_bytes(&bench_table));
	for (i = 0; i < BENCH_PAGES; i++)
		table_store(BENCH_BASE + i, 1, 1 + (i & 1));
	pr_info("bench: mem_table.bytes_alternating_1g %zu\n",
		mem_table_bytes(&bench_table));
	table_destroy();
}

static void bench_all(struct kunit *test)
{
	struct bench b = { .test = test };

	b.values = vmalloc(BENCH_PAGES * sizeof(*b.values));
	KUNIT_ASSERT_NOT_NULL(test, b.values);
	bench_sets(&b);
	bench_pages(&b);
	bench_loads(&b);
	bench_walks(&b);
	bench_bytes(&b);
	KUNIT_EXPECT_EQ(test, 0U, bench_errors);
	vfree(b.values);
}

static struct kunit_case bench_cases[] = {
	KUNIT_CASE(bench_all),
	{}
};

static struct kunit_suite bench_suite = {
	.name = "mem_table_bench",
	.test_cases = bench_cases,
};

kunit_test_suite(bench_suite);
