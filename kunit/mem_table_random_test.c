// SPDX-License-Identifier: GPL-2.0
/*
 * A million random operations on mem_tables, and flat arrays beside them.
 */
#include <linux/mm.h>

#include "fake_vmm.h"
#include "mem_table_oracle.h"

/* For each of the kinds of tables below. */
#define RANDOM_OPERATIONS	250000
#define RANDOM_FULL_CHECK	10000
#define RANDOM_CHANGED_CHECK	1000

#define RANDOM_VALUES		2048

struct random_table {
	const char *name;
	unsigned int flags;
	mem_table_same_fn same;
};

static bool random_same(unsigned long a, unsigned long b)
{
	return (a & 3) == (b & 3);
}

static const struct random_table random_tables[] = {
	{ "plain", 0, NULL },
	{ "tracked", MEM_TABLE_TRACK, NULL },
	{ "tracked, from any context", MEM_TABLE_TRACK | MEM_TABLE_IRQSAFE,
	  NULL },
	{ "tracked, with an equivalence", MEM_TABLE_TRACK, random_same },
};

static void random_table_name(const struct random_table *table, char *name)
{
	strscpy(name, table->name, KUNIT_PARAM_DESC_SIZE);
}
KUNIT_ARRAY_PARAM(random_table, random_tables, random_table_name);

/* Few, so that neighbours are often equal; and the ends of what is possible. */
static unsigned long random_value(struct oracle *o)
{
	static const unsigned long values[] = { 0, 0, 0, 1, 1, 2, 3, 4,
						MEM_TABLE_MAX - 1,
						MEM_TABLE_MAX };

	return values[oracle_random(o, ARRAY_SIZE(values))];
}

/* A range of cells: of any size, small ones more often, aligned or not. */
static void random_range(struct oracle *o, unsigned int *first,
			 unsigned int *nr)
{
	unsigned int kind = oracle_random(o, 512);
	unsigned int i = oracle_random(o, o->nr);
	unsigned int n = 1;

	if (kind < 384) {
		n = 1 + oracle_random(o, 4);
	} else if (kind < 480) {
		n = 1 + oracle_random(o, 100);
	} else if (kind < 508) {
		/* On to where an entry of a higher level ends. */
		i -= min_t(unsigned int, i, 256 + oracle_random(o, 512));
		while (i && o->cells[i].start % MEM_TABLE_ENTRIES)
			i--;
		n = kind & 1 ? MEM_TABLE_ENTRIES
			     : 1 + oracle_random(o, MEM_TABLE_ENTRIES);
	} else if (kind < 511) {
		n = 1 + oracle_random(o, 3000);
	} else {
		n = 1 + oracle_random(o, o->nr);
	}
	*first = i;
	*nr = min(n, o->nr - i);
}

#define RANDOM_REFUSED	3UL

/* Refuses one value, and has others become equal. */
static long random_update(unsigned long old, void *arg)
{
	unsigned long add = *(unsigned long *)arg;

	if (add && (old & 3) == RANDOM_REFUSED)
		return -EOVERFLOW;
	return (old & 3) + (add & 3);
}

static int oracle_update(struct oracle *o, unsigned int first,
			 unsigned int nr, unsigned long add)
{
	unsigned int i;

	for (i = first; add && i < first + nr; i++) {
		if ((o->cells[i].value & 3) == RANDOM_REFUSED)
			return -EOVERFLOW;
	}
	for (i = first; i < first + nr; i++)
		oracle_set(o, i, random_update(o->cells[i].value, &add));
	return 0;
}

/* Of one range, as far as it consists of single pages. */
static int random_store_values(struct oracle *o, unsigned int first,
			       unsigned int *nr, unsigned long *values,
			       unsigned long *stored, gfp_t gfp)
{
	unsigned int i, alike = oracle_random(o, 3) * 300;
	int err;

	*nr = min(*nr, 1U + oracle_random(o, RANDOM_VALUES));
	for (i = 0; i < *nr && oracle_pages(o, first + i, 1) == 1; i++)
		values[i] = i && i < alike ? values[i - 1] : random_value(o);
	if (!i)
		return 0;
	*nr = i;
	err = mem_table_store_values(&o->table, o->cells[first].start, values,
				     i, gfp, stored);
	for (i = 0; i < *stored; i++)
		oracle_set(o, first + i, values[i]);
	return err;
}

/* One operation on the table; on the flat array too if it took place. */
static int random_operation(struct oracle *o, unsigned int first,
			    unsigned int *nr, unsigned long *values, gfp_t gfp)
{
	unsigned long start = o->cells[first].start;
	unsigned long pages = oracle_pages(o, first, *nr);
	unsigned long value = random_value(o);
	unsigned long add = oracle_random(o, 3);
	unsigned long stored = 0;
	unsigned int kind = oracle_random(o, 16);
	unsigned int i;
	int err, expected;

	if (kind < 9) {
		err = mem_table_store(&o->table, start, pages, value, gfp);
		for (i = first; !err && i < first + *nr; i++)
			oracle_set(o, i, value);
		return err;
	}
	if (kind < 10)
		return random_store_values(o, first, nr, values, &stored, gfp);

	err = mem_table_update(&o->table, start, pages, random_update, &add,
			       gfp);
	if (err == -ENOMEM)
		return err;
	expected = oracle_update(o, first, *nr, add);
	KUNIT_EXPECT_EQ(o->test, expected, err);
	return 0;
}

static void random_operations(struct kunit *test)
{
	const struct random_table *t = test->param_value;
	struct oracle *o = oracle_new(test, t->flags, t->same);
	unsigned long *values = kunit_kcalloc(test, RANDOM_VALUES,
					      sizeof(*values), GFP_KERNEL);
	unsigned int i;
	bool ok = true;

	for (i = 0; values && ok && i < RANDOM_OPERATIONS; i++) {
		unsigned int first, nr;
		int err;

		random_range(o, &first, &nr);
		err = random_operation(o, first, &nr, values, GFP_KERNEL);
		KUNIT_EXPECT_EQ(test, 0, err);
		ok = !err && oracle_check_near(o, first, nr);
		if (ok && i % RANDOM_FULL_CHECK == 0)
			ok = oracle_check(o);
		if (ok && i % RANDOM_CHANGED_CHECK == 0)
			ok = oracle_check_changed(o);
		cond_resched();
	}
	if (ok)
		ok = oracle_check(o) && oracle_check_changed(o) &&
		     oracle_check(o);
	KUNIT_EXPECT_EQ(test, (unsigned int)RANDOM_OPERATIONS, i);
	oracle_del(o);
}

/* Runs found from the middle, not in order. */
static void random_run_at(struct kunit *test)
{
	struct oracle *o = oracle_new(test, 0, NULL);
	unsigned int i, first, nr;

	for (i = 0; i < 5000; i++) {
		struct mem_table_run run;
		unsigned int end;

		random_range(o, &first, &nr);
		KUNIT_ASSERT_EQ(test, 0,
				mem_table_store(&o->table,
						o->cells[first].start,
						oracle_pages(o, first, nr), i % 3,
						GFP_KERNEL));
		for (end = first; end < first + nr; end++)
			oracle_set(o, end, i % 3);
		end = first + oracle_random(o, nr) + 1;
		KUNIT_ASSERT_TRUE(test,
				  mem_table_run_at(&o->table,
						   o->cells[end].start - 1,
						   &run));
		first = end - 1;
		while (first && o->cells[first - 1].value == i % 3)
			first--;
		while (end < o->nr && o->cells[end].value == i % 3)
			end++;
		KUNIT_ASSERT_EQ(test, o->cells[first].start, run.start);
		KUNIT_ASSERT_EQ(test, oracle_pages(o, first, end - first),
				run.nr);
		KUNIT_ASSERT_EQ(test, (unsigned long)i % 3, run.value);
	}
	oracle_del(o);
}

#ifdef CONFIG_FAULT_INJECTION
/*
 * Each allocation of an operation fails in turn.  What may not wait for memory
 * says so and has changed nothing, but for what it says it has.
 */
static void random_no_memory(struct kunit *test)
{
	const struct random_table *t = test->param_value;
	struct oracle *o = oracle_new(test, t->flags, t->same);
	unsigned long *values = kunit_kcalloc(test, RANDOM_VALUES,
					      sizeof(*values), GFP_KERNEL);
	unsigned int i, first, nr, failures = 0;
	bool ok = true;

	for (i = 0; values && ok && i < 3000; i++) {
		struct rnd_state again;
		unsigned int nth = 1;
		bool failed;
		int err;

		random_range(o, &first, &nr);
		again = o->rnd;
		do {
			unsigned int n = nr;

			o->rnd = again;
			fail_nth_begin(test, nth++);
			err = random_operation(o, first, &n, values,
					       GFP_ATOMIC | __GFP_NOWARN);
			failed = fail_nth_end();
			/* The slab allocator can do with fewer pages. */
			ok = !err || (failed && err == -ENOMEM);
			KUNIT_EXPECT_TRUE(test, ok);
			failures += err == -ENOMEM;
			ok = ok && oracle_check_near(o, first, n);
		} while (ok && err);
		if (ok && i % 50 == 0)
			ok = oracle_check(o);
	}
	ok = ok && oracle_check(o) && oracle_check_changed(o);
	KUNIT_EXPECT_GT(test, failures, 100U);
	oracle_del(o);
}

/* One failure is made up for where it is allowed to wait. */
static void random_wait_for_memory(struct kunit *test)
{
	struct oracle *o = oracle_new(test, MEM_TABLE_TRACK, NULL);
	unsigned long *values = kunit_kcalloc(test, RANDOM_VALUES,
					      sizeof(*values), GFP_KERNEL);
	unsigned int i, first, nr, failures = 0;
	bool ok = true;

	for (i = 0; values && ok && i < 2000; i++) {
		int err;

		random_range(o, &first, &nr);
		fail_nth_begin(test, 1 + oracle_random(o, 4));
		err = random_operation(o, first, &nr, values, GFP_KERNEL);
		failures += fail_nth_end();
		KUNIT_EXPECT_EQ(test, 0, err);
		ok = !err && oracle_check_near(o, first, nr);
	}
	ok = ok && oracle_check(o);
	KUNIT_EXPECT_GT(test, failures, 20U);
	oracle_del(o);
}

/* With a reserve, and other changes between reserving and the update. */
static void random_reserved(struct kunit *test)
{
	struct mem_table_reserve reserve = MEM_TABLE_RESERVE_INIT;
	struct oracle *o = oracle_new(test, MEM_TABLE_TRACK, NULL);
	unsigned int i, j, first, nr, other, other_nr;
	unsigned long used = 0;
	bool ok = true;

	for (i = 0; ok && i < 10000; i++) {
		unsigned long value = random_value(o);
		unsigned int before;
		int err;

		/* Some of them on an empty table. */
		if (i % 100 == 0) {
			mem_table_destroy(&o->table);
			for (j = 0; j < o->nr; j++) {
				o->cells[j].value = 0;
				o->cells[j].changed = false;
			}
		}
		random_range(o, &first, &nr);
		KUNIT_ASSERT_EQ(test, 0,
				mem_table_reserve(&reserve,
						  o->cells[first].start,
						  oracle_pages(o, first, nr),
						  GFP_KERNEL));
		random_range(o, &other, &other_nr);
		if (i % 100) {
			KUNIT_ASSERT_EQ(test, 0,
					mem_table_store(&o->table,
							o->cells[other].start,
							oracle_pages(o, other,
								     other_nr),
							i % 3, GFP_KERNEL));
			for (j = other; j < other + other_nr; j++)
				oracle_set(o, j, i % 3);
		}
		before = reserve.nr;
		fail_nth_begin(test, 1);
		err = mem_table_store_reserved(&o->table, o->cells[first].start,
					       oracle_pages(o, first, nr),
					       value, &reserve);
		fail_nth_end();
		KUNIT_EXPECT_EQ(test, 0, err);
		used = max_t(unsigned long, used, before - reserve.nr);
		for (j = first; j < first + nr; j++)
			oracle_set(o, j, value);
		ok = !err && oracle_check_near(o, first, nr);
	}
	ok = ok && oracle_check(o) && oracle_check_changed(o);
	KUNIT_EXPECT_GT(test, used, 4UL);
	mem_table_unreserve(&reserve);
	oracle_del(o);
}
#endif

static struct kunit_case random_cases[] = {
	KUNIT_CASE_PARAM(random_operations, random_table_gen_params),
	KUNIT_CASE(random_run_at),
#ifdef CONFIG_FAULT_INJECTION
	KUNIT_CASE_PARAM(random_no_memory, random_table_gen_params),
	KUNIT_CASE(random_wait_for_memory),
	KUNIT_CASE(random_reserved),
#endif
	{}
};

static struct kunit_suite random_suite = {
	.name = "mem_table_random",
	.test_cases = random_cases,
};

kunit_test_suite(random_suite);
