// SPDX-License-Identifier: GPL-2.0
/*
 * Walking a mem_table: runs of equal values, and what has changed.
 */
#include <linux/export.h>
#include <linux/rcupdate.h>

#include "mem_node.h"

/* It is on the stack of whoever walks: said in Documentation/mem_table.rst. */
static_assert(sizeof(struct mem_table_walk) <= 1600);

/**
 * mem_table_walk_begin() - Begin to walk.
 * @walk: its state
 * @table: the table
 * @start: first page of the range
 * @nr: pages in it
 *
 * For mem_table_for_each_run() and mem_table_for_each_changed(): nothing is found
 * yet.
 *
 * Context: Any.
 * Return: The end of the runs that were found, which are none.
 */
struct mem_table_run *mem_table_walk_begin(struct mem_table_walk *walk,
					   struct mem_table *table,
					   unsigned long start,
					   unsigned long nr)
{
	walk->table = table;
	walk->next = min(start, MEM_TABLE_PAGES);
	walk->end = walk->next + min(nr, MEM_TABLE_PAGES - walk->next);
	walk->run_end = walk->run;
	return walk->run;
}
EXPORT_SYMBOL_GPL(mem_table_walk_begin);

/* What is above the top node: one entry up to the end. */
static const unsigned long mem_nothing;

/**
 * struct mem_slots - some entries of a node, as a reader finds them
 * @slot: the first
 * @base: the first page that @slot is about
 * @nr: how many there are up to the end of the node
 * @shift: how many times 2 the pages are that each is about
 */
struct mem_slots {
	const unsigned long *slot;
	unsigned long base;
	unsigned int nr;
	unsigned int shift;
};

/* Those from the one that has @pfn on.  In an RCU read-side critical section. */
static __always_inline void mem_find_slots(const struct mem_table *table,
					   unsigned long pfn,
					   struct mem_slots *found)
{
	unsigned long root = READ_ONCE(table->root);
	const unsigned long *slots = mem_root_slots(root);
	unsigned int shift = mem_level_shift(mem_root_level(root));
	unsigned int i;

	if (pfn >= mem_root_pages(root)) {
		found->slot = &mem_nothing;
		found->base = mem_root_pages(root);
		found->nr = 1;
		found->shift = mem_level_shift(MEM_TABLE_LEVELS);
		return;
	}
	for (;; shift -= MEM_TABLE_SHIFT) {
		unsigned long entry;

		i = (pfn >> shift) % MEM_TABLE_ENTRIES;
		entry = READ_ONCE(slots[i]);
		if (!mem_entry_is_node(entry))
			break;
		slots = (const unsigned long *)(entry - MEM_ENTRY_NODE);
	}
	found->slot = slots + i;
	found->base = pfn >> shift << shift;
	found->nr = MEM_TABLE_ENTRIES - i;
	found->shift = shift;
}

static __always_inline struct mem_table_run *
mem_walk_runs(struct mem_table_walk *walk, bool plain)
{
	const struct mem_table *table = walk->table;
	unsigned long now = MEM_ENTRY_NONE;
	unsigned long end = walk->end;
	unsigned long pfn = walk->next;
	unsigned long start = pfn;
	struct mem_table_run *run = walk->run;
	const struct mem_table_run *full = run + MEM_TABLE_RUNS;

	if (pfn >= end)
		return NULL;

	rcu_read_lock();
	while (pfn < end) {
		unsigned long size, pages_end;
		const unsigned long *slot;
		struct mem_slots found;

		mem_find_slots(table, pfn, &found);
		size = 1UL << found.shift;
		slot = found.slot;
		pages_end = min(end, found.base + found.nr * size);
		do {
			unsigned long entry = READ_ONCE(*slot++);

			/* Cut by now; look again. */
			if (unlikely(mem_entry_is_node(entry)))
				break;
			if (plain ? entry != now
				  : mem_differ(table, entry, now)) {
				unsigned long nr = pfn - start;

				run->start = start;
				run->nr = nr;
				run->value = mem_entry_value(now);
				now = entry;
				start = pfn;
				/* Before the first there was none. */
				run += !!nr;
				if (unlikely(run == full))
					goto out;
			}
			found.base += size;
			pfn = found.base;
		} while (pfn < pages_end);
	}
	run->start = start;
	run->nr = end - start;
	run->value = mem_entry_value(now);
	run++;
	pfn = end;
out:
	rcu_read_unlock();
	walk->next = pfn;
	walk->run_end = run;
	return walk->run;
}

/**
 * mem_table_walk_runs() - Find the next runs of a walk.
 * @walk: from mem_table_walk_begin()
 *
 * For mem_table_for_each_run(): as many as there is room for, up to
 * @walk->run_end.
 *
 * Context: As for mem_table_load().
 * Return: The first of them; NULL at the end of the range.
 */
struct mem_table_run *mem_table_walk_runs(struct mem_table_walk *walk)
{
	return walk->table->same ? mem_walk_runs(walk, false)
				 : mem_walk_runs(walk, true);
}
EXPORT_SYMBOL_GPL(mem_table_walk_runs);

/* Whether the run of @value goes on at @pfn; if so, up to before @end. */
static bool mem_run_ahead(const struct mem_table *table, unsigned long value,
			  unsigned long *pfn)
{
	struct mem_slots found;
	unsigned int i;

	mem_find_slots(table, *pfn, &found);
	for (i = 0; i < found.nr; i++) {
		unsigned long entry = READ_ONCE(found.slot[i]);

		/* Cut by now; look again. */
		if (mem_entry_is_node(entry))
			break;
		if (!mem_same(table, entry, mem_value_entry(value)))
			return false;
		found.base += 1UL << found.shift;
		*pfn = min(found.base, MEM_TABLE_PAGES);
	}
	return *pfn < MEM_TABLE_PAGES;
}

/**
 * mem_table_run_at() - Find the run of equal values that a page is in.
 * @table: the table
 * @pfn: the page
 * @run: set to the run, as long as it can be in both directions
 *
 * What is said of mem_table_for_each_run() while values change holds here too.
 *
 * Context: As for mem_table_load().
 * Return: Whether there is such a page.
 */
bool mem_table_run_at(struct mem_table *table, unsigned long pfn,
		      struct mem_table_run *run)
{
	unsigned long value, start = pfn, end = pfn;

	if (pfn >= MEM_TABLE_PAGES)
		return false;

	rcu_read_lock();
	value = mem_table_load(table, pfn);
	while (mem_run_ahead(table, value, &end))
		;
	while (start) {
		struct mem_slots found;
		unsigned long entry;

		mem_find_slots(table, start - 1, &found);
		entry = READ_ONCE(*found.slot);
		if (mem_entry_is_node(entry))
			continue;
		if (!mem_same(table, entry, mem_value_entry(value)))
			break;
		start = found.base;
	}
	rcu_read_unlock();
	run->start = start;
	/* It may have got another value after it was looked at. */
	run->nr = max(end, pfn + 1) - start;
	run->value = value;
	return true;
}
EXPORT_SYMBOL_GPL(mem_table_run_at);

/*
 * The next run of changed pages, of which nobody will be told again.  Nodes in
 * which nothing is changed any more may have become uniform by that.
 */
static bool mem_take_changed(struct mem_table *table, unsigned long *next,
			     struct mem_table_run *run)
{
	struct mem_node *node = table->top;
	unsigned long pfn = *next;

	run->nr = 0;
	if (node && !node->nr_changed)
		return false;
	while (node) {
		unsigned long end = mem_slot_last(node, MEM_TABLE_ENTRIES - 1);
		unsigned int i = MEM_TABLE_ENTRIES;
		unsigned long entry, value;

		if (pfn <= end && node->nr_changed)
			i = find_next_bit(node->changed, MEM_TABLE_ENTRIES,
					  mem_index(pfn, node->level));
		if (i == MEM_TABLE_ENTRIES) {
			struct mem_node *parent = node->parent;

			pfn = max(pfn, end + 1);
			if (mem_node_uniform(node))
				mem_table_node_fold(table, node);
			node = parent;
			continue;
		}
		pfn = max(pfn, mem_slot_base(node, i));
		entry = node->slots[i];
		if (mem_entry_is_node(entry)) {
			node = mem_entry_node(entry);
			continue;
		}
		value = mem_entry_value(entry);
		if (!run->nr) {
			run->start = pfn;
			run->value = value;
		} else if (pfn != run->start + run->nr ||
			   !mem_same(table, entry,
				     mem_value_entry(run->value))) {
			break;
		}
		mem_table_node_unmark(node, i);
		pfn = mem_slot_last(node, i) + 1;
		run->nr = pfn - run->start;
	}
	*next = pfn;
	return run->nr;
}

/**
 * mem_table_walk_changed() - Find the next run that has changed, and forget it.
 * @walk: from mem_table_walk_begin()
 *
 * For mem_table_for_each_changed().
 *
 * Context: As for mem_table_store() with the table's flags.
 * Return: The run; NULL when nothing behind the last one has changed.
 */
struct mem_table_run *mem_table_walk_changed(struct mem_table_walk *walk)
{
	unsigned long flags = mem_table_lock(walk->table);
	bool found = mem_take_changed(walk->table, &walk->next, walk->run);

	mem_table_unlock(walk->table, flags);
	return found ? walk->run : NULL;
}
EXPORT_SYMBOL_GPL(mem_table_walk_changed);
