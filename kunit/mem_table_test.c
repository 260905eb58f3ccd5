// SPDX-License-Identifier: GPL-2.0
/*
 * The rules of mem_table, one at a time.
 */
#include <linux/irq_work.h>
#include <linux/mm.h>

#include "mem_node.h"
#include "mem_table_oracle.h"

#define TABLE_2M	512UL
#define TABLE_1G	BIT(18)
#define TABLE_512G	BIT(27)
#define TABLE_256T	BIT(36)

static int table_init(struct kunit *test)
{
	struct mem_table *table = kunit_kzalloc(test, sizeof(*table),
						GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, table);
	mem_table_init(table, MEM_TABLE_TRACK | MEM_TABLE_IRQSAFE, NULL);
	test->priv = table;
	return 0;
}

static void table_exit(struct kunit *test)
{
	if (test->priv)
		mem_table_destroy(test->priv);
}

static void table_store(struct kunit *test, unsigned long start,
			unsigned long nr, unsigned long value)
{
	KUNIT_ASSERT_EQ(test, 0, mem_table_store(test->priv, start, nr, value,
						 GFP_KERNEL));
	KUNIT_ASSERT_NULL(test, oracle_broken(test->priv));
}

static void table_expect(struct kunit *test, unsigned long pfn,
			 unsigned long value)
{
	KUNIT_EXPECT_EQ(test, value, mem_table_load(test->priv, pfn));
}

/* Nodes in use; what is kept for later is not. */
static unsigned long table_nodes(struct kunit *test)
{
	struct mem_table *table = test->priv;
	unsigned long nr = table->nr_nodes;
	unsigned int i;

	for (i = 0; i < MEM_TABLE_LEVELS; i++)
		nr -= !!table->spare[i];
	return nr;
}

static void table_forget_changes(struct kunit *test)
{
	struct mem_table_walk walk;
	struct mem_table_run *run;

	mem_table_for_each_changed(run, &walk, test->priv)
		;
}

static void table_empty(struct kunit *test)
{
	table_expect(test, 0, 0);
	table_expect(test, MEM_TABLE_PAGES - 1, 0);
	table_expect(test, MEM_TABLE_PAGES, 0);
	table_expect(test, ULONG_MAX, 0);
	KUNIT_EXPECT_EQ(test, (size_t)0, mem_table_bytes(test->priv));

	/* What is so anyway takes no memory. */
	table_store(test, 0, MEM_TABLE_PAGES, 0);
	KUNIT_EXPECT_EQ(test, (size_t)0, mem_table_bytes(test->priv));
}

static void table_limits(struct kunit *test)
{
	struct mem_table_reserve reserve = MEM_TABLE_RESERVE_INIT;
	unsigned long values[2] = { 1, MEM_TABLE_MAX + 1 }, done = 7;
	struct mem_table *table = test->priv;
	struct mem_table_run run;

	KUNIT_EXPECT_GE(test, MEM_TABLE_PAGES, 1UL << (52 - PAGE_SHIFT));
	KUNIT_EXPECT_EQ(test, -EINVAL, mem_table_store(table, MEM_TABLE_PAGES,
						       1, 1, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, -EINVAL, mem_table_store(table, 1,
						       MEM_TABLE_PAGES, 1,
						       GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, -EINVAL, mem_table_store(table, 1, ULONG_MAX, 1,
						       GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, -EINVAL, mem_table_store(table, 1, 1,
						       MEM_TABLE_MAX + 1,
						       GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			mem_table_store_values(table, 0, values, 2, GFP_KERNEL,
					       &done));
	KUNIT_EXPECT_EQ(test, 0UL, done);
	KUNIT_EXPECT_EQ(test, -EINVAL, mem_table_reserve(&reserve, ULONG_MAX, 2,
							 GFP_KERNEL));
	KUNIT_EXPECT_FALSE(test, mem_table_run_at(table, MEM_TABLE_PAGES,
						  &run));
	KUNIT_EXPECT_EQ(test, 0, mem_table_store(table, 5, 0, 1, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, 0UL, table_nodes(test));

	table_store(test, MEM_TABLE_PAGES - 1, 1, MEM_TABLE_MAX);
	table_expect(test, MEM_TABLE_PAGES - 1, MEM_TABLE_MAX);
	table_expect(test, MEM_TABLE_PAGES - 2, 0);
	table_store(test, 0, MEM_TABLE_PAGES, MEM_TABLE_MAX);
	table_expect(test, 0, MEM_TABLE_MAX);
}

struct table_level {
	const char *name;
	unsigned long pages;
	unsigned int level;
};

static const struct table_level table_levels[] = {
	{ "2 MiB", TABLE_2M, 1 },
	{ "1 GiB", TABLE_1G, 2 },
	{ "512 GiB", TABLE_512G, 3 },
	{ "256 TiB", TABLE_256T, 4 },
};

static void table_level_name(const struct table_level *level, char *name)
{
	strscpy(name, level->name, KUNIT_PARAM_DESC_SIZE);
}
KUNIT_ARRAY_PARAM(table_level, table_levels, table_level_name);

/* One entry; a node for each level when a page differs; one entry again. */
static void table_split_merge(struct kunit *test)
{
	const struct table_level *level = test->param_value;
	unsigned long start = 3 * level->pages, page = start + level->pages / 3;

	table_store(test, start, level->pages, 5);
	table_forget_changes(test);
	KUNIT_EXPECT_EQ(test, 1UL, table_nodes(test));

	table_store(test, page, 1, 6);
	KUNIT_EXPECT_EQ(test, 1UL + level->level, table_nodes(test));
	table_expect(test, page - 1, 5);
	table_expect(test, page, 6);
	table_expect(test, page + 1, 5);
	table_expect(test, start - 1, 0);
	table_expect(test, start + level->pages, 0);

	/* That it has changed, and only it, is to be said yet. */
	table_store(test, page, 1, 5);
	KUNIT_EXPECT_EQ(test, 1UL + level->level, table_nodes(test));
	table_forget_changes(test);
	KUNIT_ASSERT_NULL(test, oracle_broken(test->priv));
	KUNIT_EXPECT_EQ(test, 1UL, table_nodes(test));
	table_expect(test, page, 5);
}

/* Entries that become the same one after the other end as one of a level up. */
static void table_merge_up(struct kunit *test)
{
	unsigned long pfn;

	for (pfn = 0; pfn < TABLE_1G; pfn++)
		KUNIT_ASSERT_EQ(test, 0,
				mem_table_store(test->priv, TABLE_1G + pfn, 1,
						9, GFP_KERNEL));
	KUNIT_ASSERT_NULL(test, oracle_broken(test->priv));
	KUNIT_EXPECT_EQ(test, 1UL, table_nodes(test));
	table_expect(test, 2 * TABLE_1G - 1, 9);
}

/* What a page had does not show in what was made of the same memory. */
static void table_nothing_old(struct kunit *test)
{
	unsigned long i;

	table_store(test, 0, TABLE_2M, 1);
	for (i = 0; i < TABLE_2M; i++)
		table_store(test, i, 1, 100 + i);
	table_store(test, 0, TABLE_2M, 2);
	table_forget_changes(test);
	table_store(test, 7, 1, 3);
	for (i = 0; i < TABLE_2M; i++)
		table_expect(test, i, i == 7 ? 3 : 2);
	table_store(test, 7, 1, 2);
	table_forget_changes(test);
	table_store(test, 0, TABLE_2M, 4);
	table_store(test, 9, 1, 5);
	for (i = 0; i < TABLE_2M; i++)
		table_expect(test, i, i == 9 ? 5 : 4);
}

struct table_calls {
	unsigned long nr;
	unsigned long refused;
};

static long table_count_calls(unsigned long old, void *arg)
{
	struct table_calls *calls = arg;

	calls->nr++;
	return old == calls->refused ? -ERANGE : old + 1;
}

/* The function is called for values, not for pages. */
static void table_update_calls(struct kunit *test)
{
	struct table_calls calls = { .refused = 77 };

	table_store(test, 0, TABLE_512G, 1);
	table_store(test, 100, 50, 2);
	KUNIT_EXPECT_EQ(test, 0,
			mem_table_update(test->priv, 0, TABLE_512G,
					 table_count_calls, &calls,
					 GFP_KERNEL));
	KUNIT_EXPECT_LT(test, calls.nr, 30UL);
	table_expect(test, 99, 2);
	table_expect(test, 100, 3);
	table_expect(test, 150, 2);
	table_expect(test, TABLE_512G - 1, 2);
	table_expect(test, TABLE_512G, 0);
}

/* What is refused near the end has changed nothing at the beginning. */
static void table_update_refused(struct kunit *test)
{
	struct table_calls calls = { .refused = 77 };

	table_store(test, 0, 3 * TABLE_1G, 1);
	table_store(test, 3 * TABLE_1G - 1, 1, 77);
	KUNIT_EXPECT_EQ(test, -ERANGE,
			mem_table_update(test->priv, 5, 3 * TABLE_1G,
					 table_count_calls, &calls,
					 GFP_KERNEL));
	table_expect(test, 5, 1);
	table_expect(test, 3 * TABLE_1G - 1, 77);
	table_expect(test, 3 * TABLE_1G, 0);
}

/* A walk's body may change what it walks over; leaving it loses nothing. */
static void table_changed_body(struct kunit *test)
{
	struct mem_table_walk walk;
	struct mem_table_run *run;
	unsigned long seen = 0;

	table_store(test, 10, 5, 1);
	table_store(test, 20, 5, 2);
	table_store(test, TABLE_1G, 2 * TABLE_1G, 3);
	mem_table_for_each_changed(run, &walk, test->priv) {
		KUNIT_EXPECT_EQ(test, 10UL, run->start);
		KUNIT_EXPECT_EQ(test, 5UL, run->nr);
		break;
	}
	mem_table_for_each_changed(run, &walk, test->priv) {
		seen++;
		if (run->value != 2)
			continue;
		/* Behind, to be said next time, and ahead. */
		table_store(test, 11, 1, 7);
		table_store(test, 2 * TABLE_1G, 1, 8);
	}
	KUNIT_EXPECT_EQ(test, 4UL, seen);
	mem_table_for_each_changed(run, &walk, test->priv) {
		KUNIT_EXPECT_EQ(test, 11UL, run->start);
		KUNIT_EXPECT_EQ(test, 7UL, run->value);
		seen++;
	}
	KUNIT_EXPECT_EQ(test, 5UL, seen);
}

static void table_walk_part(struct kunit *test)
{
	struct mem_table_walk walk;
	struct mem_table_run *run;
	unsigned long nr = 0;

	table_store(test, 100, TABLE_1G, 1);
	mem_table_for_each_run(run, &walk, test->priv, 50, TABLE_1G) {
		KUNIT_EXPECT_EQ(test, nr ? 100UL : 50UL, run->start);
		KUNIT_EXPECT_EQ(test, nr ? TABLE_1G - 50 : 50UL, run->nr);
		nr++;
	}
	KUNIT_EXPECT_EQ(test, 2UL, nr);
	mem_table_for_each_run(run, &walk, test->priv, 50, 0)
		nr++;
	mem_table_for_each_run(run, &walk, test->priv, ULONG_MAX, ULONG_MAX)
		nr++;
	KUNIT_EXPECT_EQ(test, 2UL, nr);
	mem_table_for_each_run(run, &walk, test->priv, TABLE_1G * 2, ULONG_MAX)
		nr += run->nr;
	KUNIT_EXPECT_EQ(test, 2 + MEM_TABLE_PAGES - TABLE_1G * 2, nr);
}

static bool table_same_low(unsigned long a, unsigned long b)
{
	return (a & 0xff) == (b & 0xff);
}

/* The consumer says what is the same. */
static void table_consumer_decides(struct kunit *test)
{
	struct mem_table *table = test->priv;
	unsigned long page = TABLE_1G + 5;

	table->same = table_same_low;
	table_store(test, TABLE_1G, TABLE_1G, 0x101);
	table_store(test, page, 1, 0x201);
	KUNIT_EXPECT_EQ(test, 1UL, table_nodes(test));
	table_forget_changes(test);
	table_store(test, page, 1, 0x202);
	KUNIT_EXPECT_EQ(test, 3UL, table_nodes(test));
	table_store(test, page, 1, 0x301);
	table_forget_changes(test);
	KUNIT_EXPECT_EQ(test, 1UL, table_nodes(test));
	KUNIT_EXPECT_EQ(test, 1UL, mem_table_load(table, page) & 0xff);
}

struct table_irq {
	struct irq_work work;
	struct mem_table_reserve reserve;
	struct mem_table *table;
	int err;
};

static void table_in_irq(struct irq_work *work)
{
	struct table_irq *irq = container_of(work, struct table_irq, work);

	irq->err = in_hardirq() ? 0 : -EPERM;
	irq->err = irq->err ?:
		   mem_table_store(irq->table, 3, 1, 4, GFP_ATOMIC) ?:
		   mem_table_store_reserved(irq->table, TABLE_1G + 3, 7, 8,
					    &irq->reserve);
}

/* With interrupts off, and from one. */
static void table_atomic(struct kunit *test)
{
	struct table_irq irq = { .table = test->priv, .err = 1 };
	unsigned long flags;

	init_irq_work(&irq.work, table_in_irq);
	KUNIT_ASSERT_EQ(test, 0, mem_table_reserve(&irq.reserve, TABLE_1G + 3,
						   7, GFP_KERNEL));
	irq_work_queue(&irq.work);
	irq_work_sync(&irq.work);
	KUNIT_EXPECT_EQ(test, 0, irq.err);
	mem_table_unreserve(&irq.reserve);
	table_expect(test, 3, 4);
	table_expect(test, TABLE_1G + 9, 8);

	local_irq_save(flags);
	irq.err = mem_table_store(test->priv, 0, 100, 6, GFP_NOWAIT);
	local_irq_restore(flags);
	KUNIT_EXPECT_EQ(test, 0, irq.err);
	table_expect(test, 99, 6);
}

static struct kunit_case table_cases[] = {
	KUNIT_CASE(table_empty),
	KUNIT_CASE(table_limits),
	KUNIT_CASE_PARAM(table_split_merge, table_level_gen_params),
	KUNIT_CASE(table_merge_up),
	KUNIT_CASE(table_nothing_old),
	KUNIT_CASE(table_update_calls),
	KUNIT_CASE(table_update_refused),
	KUNIT_CASE(table_changed_body),
	KUNIT_CASE(table_walk_part),
	KUNIT_CASE(table_consumer_decides),
	KUNIT_CASE(table_atomic),
	{}
};

static struct kunit_suite table_suite = {
	.name = "mem_table",
	.init = table_init,
	.exit = table_exit,
	.test_cases = table_cases,
};

kunit_test_suite(table_suite);
