// SPDX-License-Identifier: GPL-2.0
/*
 * What a mem_table should hold, kept the simple way, and whether it does.
 */
#include <linux/mm.h>

#include "mem_node.h"
#include "mem_table_oracle.h"

/* Single pages on both sides of where nodes and large entries end. */
#define ORACLE_SIDE	(MEM_TABLE_ENTRIES * 3 / 2)

static const unsigned long oracle_places[] = {
	0,
	1UL << 18,
	5UL << 18,
	1UL << 27,
	(3UL << 27) + (7UL << 18) + (5UL << 9),
	1UL << 36,
	MEM_TABLE_PAGES / 2,
	MEM_TABLE_PAGES,
};

static void oracle_cells(struct oracle *o)
{
	unsigned long next = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(oracle_places); i++) {
		unsigned long place = oracle_places[i];
		unsigned long pfn = place - min(place, ORACLE_SIDE);
		unsigned long end = min(place + ORACLE_SIDE, MEM_TABLE_PAGES);

		if (pfn > next)
			o->cells[o->nr++].start = next;
		for (; pfn < end; pfn++)
			o->cells[o->nr++].start = pfn;
		next = end;
	}
	o->cells[o->nr].start = MEM_TABLE_PAGES;
}

struct oracle *oracle_new(struct kunit *test, unsigned int flags,
			  mem_table_same_fn same)
{
	size_t nr = ARRAY_SIZE(oracle_places) * (2 * ORACLE_SIDE + 1) + 1;
	struct oracle *o = kunit_kzalloc(test, sizeof(*o), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, o);
	o->cells = kvcalloc(nr, sizeof(*o->cells), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, o->cells);
	o->test = test;
	o->same = same;
	o->flags = flags;
	oracle_cells(o);
	prandom_seed_state(&o->rnd, 4711);
	mem_table_init(&o->table, flags, same);
	return o;
}

void oracle_del(struct oracle *o)
{
	mem_table_destroy(&o->table);
	KUNIT_EXPECT_EQ(o->test, (size_t)0, mem_table_bytes(&o->table));
	kvfree(o->cells);
}

u32 oracle_random(struct oracle *o, u32 below)
{
	return prandom_u32_state(&o->rnd) % below;
}

bool oracle_same(struct oracle *o, unsigned long a, unsigned long b)
{
	return a == b || (o->same && o->same(a, b));
}

unsigned long oracle_pages(struct oracle *o, unsigned int i, unsigned int nr)
{
	return o->cells[i + nr].start - o->cells[i].start;
}

void oracle_set(struct oracle *o, unsigned int i, unsigned long value)
{
	if (oracle_same(o, o->cells[i].value, value))
		return;
	o->cells[i].value = value;
	if (o->flags & MEM_TABLE_TRACK)
		o->cells[i].changed = true;
}

static bool oracle_load(struct oracle *o, unsigned int i, unsigned long pfn)
{
	unsigned long value = mem_table_load(&o->table, pfn);

	if (oracle_same(o, value, o->cells[i].value))
		return true;
	KUNIT_FAIL(o->test, "page %#lx has %#lx, not %#lx", pfn, value,
		   o->cells[i].value);
	return false;
}

/* The ends of a range, what is beside them, and something inside. */
bool oracle_check_near(struct oracle *o, unsigned int i, unsigned int nr)
{
	unsigned int inside = i + oracle_random(o, nr);
	unsigned int last = i + nr - 1;

	return oracle_load(o, i, o->cells[i].start) &&
	       oracle_load(o, last, o->cells[last + 1].start - 1) &&
	       oracle_load(o, inside, o->cells[inside].start) &&
	       (!i || oracle_load(o, i - 1, o->cells[i].start - 1)) &&
	       (last + 1 == o->nr ||
		oracle_load(o, last + 1, o->cells[last + 1].start));
}

/* The cell after the run of equal values that begins with cell @i. */
static unsigned int oracle_run_end(struct oracle *o, unsigned int i)
{
	unsigned int end = i + 1;

	while (end < o->nr &&
	       oracle_same(o, o->cells[end].value, o->cells[i].value))
		end++;
	return end;
}

static bool oracle_run_is(struct oracle *o, const struct mem_table_run *run,
			  unsigned int i, unsigned int end)
{
	if (run->start == o->cells[i].start &&
	    run->start + run->nr == o->cells[end].start &&
	    oracle_same(o, run->value, o->cells[i].value))
		return true;
	KUNIT_FAIL(o->test, "run %#lx+%#lx %#lx is not %#lx to %#lx %#lx",
		   run->start, run->nr, run->value, o->cells[i].start,
		   o->cells[end].start, o->cells[i].value);
	return false;
}

/* Everything: the values, that runs are as long as can be, the structure. */
bool oracle_check(struct oracle *o)
{
	const char *broken = oracle_broken(&o->table);
	struct mem_table_run *run;
	struct mem_table_walk walk;
	unsigned int i = 0, end;

	if (broken) {
		KUNIT_FAIL(o->test, "%s", broken);
		return false;
	}
	mem_table_for_each_run(run, &walk, &o->table, 0, MEM_TABLE_PAGES) {
		if (i == o->nr) {
			KUNIT_FAIL(o->test, "more runs than there should be");
			return false;
		}
		end = oracle_run_end(o, i);
		if (!oracle_run_is(o, run, i, end))
			return false;
		i = end;
	}
	KUNIT_EXPECT_EQ(o->test, o->nr, i);
	return i == o->nr;
}

/* What changed, as a walk says it, and that it says it once. */
bool oracle_check_changed(struct oracle *o)
{
	struct mem_table_run *run;
	struct mem_table_walk walk;
	unsigned int i = 0, end;

	mem_table_for_each_changed(run, &walk, &o->table) {
		while (i < o->nr && !o->cells[i].changed)
			i++;
		if (i == o->nr) {
			KUNIT_FAIL(o->test, "%#lx+%#lx has not changed",
				   run->start, run->nr);
			return false;
		}
		for (end = i; end < o->nr && o->cells[end].changed &&
		     oracle_same(o, o->cells[end].value, o->cells[i].value);
		     end++)
			o->cells[end].changed = false;
		if (!oracle_run_is(o, run, i, end))
			return false;
		i = end;
	}
	while (i < o->nr && !o->cells[i].changed)
		i++;
	if (i < o->nr) {
		KUNIT_FAIL(o->test, "%#lx has changed", o->cells[i].start);
		return false;
	}
	mem_table_for_each_changed(run, &walk, &o->table) {
		KUNIT_FAIL(o->test, "%#lx+%#lx said twice", run->start,
			   run->nr);
		return false;
	}
	return true;
}

static const char *oracle_broken_node(struct mem_table *table,
				      struct mem_node *node,
				      unsigned long *nr_nodes)
{
	bool leaf_found = !node->level;
	unsigned int breaks = 0;
	const char *broken;
	unsigned int i;

	++*nr_nodes;
	if (node->parent && mem_node_uniform(node))
		return "a node that could be an entry";
	if (node->nr_changed != bitmap_weight(node->changed, MEM_TABLE_ENTRIES))
		return "the count of changed entries is wrong";
	if (node->nr_changed && !(table->flags & MEM_TABLE_TRACK))
		return "a change was remembered";

	for (i = 0; i < MEM_TABLE_ENTRIES; i++) {
		unsigned long entry = node->slots[i];
		struct mem_node *child;

		if (i)
			breaks += mem_differ(table, node->slots[i - 1], entry);
		if (!mem_entry_is_node(entry))
			continue;
		if (leaf_found)
			return "a node below single pages";
		child = mem_entry_node(entry);
		if (child->slots != (void *)(entry - MEM_ENTRY_NODE) ||
		    child->parent != node || child->slot != i ||
		    child->level != node->level - 1 ||
		    child->base != mem_slot_base(node, i))
			return "a node is not where it thinks that it is";
		if (test_bit(i, node->changed) != !!child->nr_changed)
			return "a change below is not told above, or the reverse";
		broken = oracle_broken_node(table, child, nr_nodes);
		if (broken)
			return broken;
	}
	return breaks == node->breaks ? NULL : "the count of breaks is wrong";
}

/* What is wrong with the nodes of a table, and that there are no others. */
const char *oracle_broken(struct mem_table *table)
{
	unsigned long nr_nodes = 0;
	const char *broken = NULL;
	unsigned int i;

	if (!table->top)
		return table->root ? "a root without a node" : NULL;
	if (mem_root_slots(table->root) != table->top->slots ||
	    mem_root_level(table->root) != table->top->level ||
	    table->top->parent || table->top->base)
		return "the root is not the top node";

	broken = oracle_broken_node(table, table->top, &nr_nodes);
	for (i = 0; i < MEM_TABLE_LEVELS; i++)
		nr_nodes += !!table->spare[i];
	if (!broken && nr_nodes != table->nr_nodes)
		broken = "the count of nodes is wrong";
	return broken;
}
