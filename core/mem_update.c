// SPDX-License-Identifier: GPL-2.0
/*
 * Changing a range of a mem_table.  In three steps, so that nothing is changed
 * when something fails: ask whether the new values are there, and count the
 * nodes that it takes; cut the entries that the ends of the range lie in;
 * change the entries, all of which are now either in the range or not.
 */
#include <linux/err.h>

#include "mem_node.h"
#include "mem_update.h"

#include <trace/events/pvmemcontrol.h>

/*
 * What becomes of an entry with a value, or MEM_ENTRY_NONE, with the error, if
 * nothing can.
 */
static unsigned long mem_op_entry(const struct mem_table *table,
				  const struct mem_op *op, unsigned long old,
				  int *err)
{
	unsigned long entry = op->entry;
	long value;

	if (op->kind == MEM_OP_CALL) {
		value = op->fn(mem_entry_value(old), op->arg);
		if (value < 0) {
			*err = value >= -MAX_ERRNO ? value : -EINVAL;
			return MEM_ENTRY_NONE;
		}
		entry = mem_value_entry(value);
	}
	return mem_same(table, old, entry) ? old : entry;
}

/* Whether an entry that the range covers in part needs not be cut. */
static bool mem_op_keeps(const struct mem_table *table,
			 const struct mem_op *op, unsigned long old)
{
	int err;

	if (op->kind == MEM_OP_VALUES)
		return false;
	return mem_op_entry(table, op, old, &err) == old;
}

/* Ask for each run of values in a node what would become of it. */
static int mem_check(const struct mem_table *table,
		     const struct mem_node *node, unsigned long start,
		     unsigned long last, const struct mem_op *op)
{
	unsigned int i = mem_index(start, node->level);
	unsigned int end = mem_index(last, node->level);
	unsigned long before = MEM_ENTRY_NONE;
	int err = 0;

	for (; i <= end && !err; i++) {
		unsigned long entry = node->slots[i];

		if (mem_entry_is_node(entry))
			err = mem_check(table, mem_entry_node(entry),
					max(start, mem_slot_base(node, i)),
					min(last, mem_slot_last(node, i)), op);
		else if (entry != before)
			mem_op_entry(table, op, entry, &err);
		before = entry;
	}
	return err;
}

/*
 * How many nodes it takes to cut an entry of @level so that from @start to
 * @last there are entries of their own.
 */
static unsigned int mem_cut_count(const struct mem_table *table,
				  unsigned int level, unsigned long start,
				  unsigned long last, bool pages)
{
	unsigned long size = mem_level_pages(level);
	unsigned long base = start & ~(size - 1);
	unsigned int nr;

	if (!level || (!pages && start == base && last == base + size - 1))
		return 0;
	nr = !mem_table_node_have_spare(table, --level, base);
	size = mem_level_pages(level);
	if ((start ^ last) & ~(size - 1))
		return nr + mem_cut_count(table, level, start,
					  start | (size - 1), pages) +
			mem_cut_count(table, level, last & ~(size - 1), last,
				      pages);
	return nr + mem_cut_count(table, level, start, last, pages);
}

static unsigned int mem_cut(struct mem_table *table, struct mem_node *node,
			    unsigned long start, unsigned long last,
			    const struct mem_op *op,
			    struct mem_table_reserve *reserve);

static unsigned int mem_cut_slot(struct mem_table *table,
				 struct mem_node *node, unsigned int i,
				 unsigned long start, unsigned long last,
				 const struct mem_op *op,
				 struct mem_table_reserve *reserve)
{
	unsigned long entry = node->slots[i];
	bool pages = op->kind == MEM_OP_VALUES;
	struct mem_node *child = NULL;
	bool whole;

	start = max(start, mem_slot_base(node, i));
	last = min(last, mem_slot_last(node, i));
	whole = last - start + 1 == mem_level_pages(node->level);
	if (whole && !pages)
		return 0;

	if (mem_entry_is_node(entry)) {
		child = mem_entry_node(entry);
	} else if (mem_op_keeps(table, op, entry)) {
		return 0;
	} else if (!reserve) {
		return mem_cut_count(table, node->level, start, last, pages);
	} else if (whole && !table->same) {
		/* Will be a node that is made of the values. */
		return 0;
	}
	if (!child)
		child = mem_table_node_split(table, node, i, reserve);
	if (!child)
		return 0;
	return mem_cut(table, child, start, last, op, reserve);
}

/*
 * Cut the entries that the ends of the range lie in; without @reserve, only
 * count the nodes that it would take.
 */
static unsigned int mem_cut(struct mem_table *table, struct mem_node *node,
			    unsigned long start, unsigned long last,
			    const struct mem_op *op,
			    struct mem_table_reserve *reserve)
{
	unsigned int first = mem_index(start, node->level);
	unsigned int end = mem_index(last, node->level);
	unsigned int nr;

	if (!node->level)
		return 0;
	nr = mem_cut_slot(table, node, first, start, last, op, reserve);
	if (end != first)
		nr += mem_cut_slot(table, node, end, start, last, op, reserve);
	return nr;
}

/* Change entries of pages.  Compiled once for each kind of operation. */
static __always_inline void mem_apply_pages(struct mem_table *table,
					    struct mem_node *node,
					    unsigned int i, unsigned int end,
					    const struct mem_op *op,
					    enum mem_op_kind kind, bool plain)
{
	const unsigned long *value = op->values + (node->base + i - op->base);
	bool track = table->flags & MEM_TABLE_TRACK;
	unsigned long asked = MEM_ENTRY_NONE, new = op->entry;
	unsigned long *slot = node->slots + i;
	unsigned long *last = node->slots + end;
	unsigned long left_old, left_new;
	unsigned int nr_changed = 0;
	int breaks = 0;
	int err;

	left_old = i ? slot[-1] : MEM_ENTRY_NONE;
	left_new = left_old;
	for (; slot <= last; slot++) {
		unsigned long old = *slot;

		if (kind == MEM_OP_VALUES) {
			new = mem_value_entry(*value++);
		} else if (kind == MEM_OP_CALL && old != asked) {
			new = mem_op_entry(table, op, old, &err);
			asked = old;
		} else if (kind == MEM_OP_STORE && !plain) {
			new = op->entry;
		}
		if (!plain && mem_same(table, old, new))
			new = old;
		if (plain)
			breaks += (left_new != new) - (left_old != old);
		else
			breaks += mem_differ(table, left_new, new) -
				  mem_differ(table, left_old, old);
		left_old = old;
		left_new = new;
		if (new == old)
			continue;
		WRITE_ONCE(*slot, new);
		if (track) {
			unsigned int at = slot - node->slots;

			nr_changed += !__test_and_set_bit(at, node->changed);
		}
	}
	if (end + 1 < MEM_TABLE_ENTRIES)
		breaks += mem_differ(table, left_new, *slot) -
			  mem_differ(table, left_old, *slot);
	node->breaks += breaks;

	if (nr_changed && !node->nr_changed && node->parent)
		mem_table_node_mark(node->parent, node->slot);
	node->nr_changed += nr_changed;
	table->leaf = node;
}

static void mem_apply_leaf(struct mem_table *table, struct mem_node *node,
			   unsigned int first, unsigned int end,
			   const struct mem_op *op)
{
	if (unlikely(table->same))
		mem_apply_pages(table, node, first, end, op, op->kind, false);
	else if (op->kind == MEM_OP_STORE)
		mem_apply_pages(table, node, first, end, op, MEM_OP_STORE,
				true);
	else if (op->kind == MEM_OP_CALL)
		mem_apply_pages(table, node, first, end, op, MEM_OP_CALL,
				true);
	else
		mem_apply_pages(table, node, first, end, op, MEM_OP_VALUES,
				true);
}

/* Put an entry in the place of a node, whatever is in that. */
static void mem_replace(struct mem_table *table, struct mem_node *node,
			unsigned int i, unsigned long entry)
{
	struct mem_node *child = mem_entry_node(node->slots[i]);

	mem_node_set(table, node, i, entry);
	trace_pvmemcontrol_mem_table_merge(table, node->level, i, child->base);
	mem_table_node_drop(table, child);
}

/* Change all entries from @start to @last, which lie wholly in that range. */
static void mem_apply(struct mem_table *table, struct mem_node *node,
		      unsigned long start, unsigned long last,
		      const struct mem_op *op,
		      struct mem_table_reserve *reserve)
{
	unsigned int i = mem_index(start, node->level);
	unsigned int end = mem_index(last, node->level);
	unsigned long asked = MEM_ENTRY_NONE, answer = 0;
	bool track = table->flags & MEM_TABLE_TRACK;
	int err;

	if (!node->level) {
		mem_apply_leaf(table, node, i, end, op);
		return;
	}
	for (; i <= end; i++) {
		unsigned long a = max(start, mem_slot_base(node, i));
		unsigned long b = min(last, mem_slot_last(node, i));
		bool whole = b - a + 1 == mem_level_pages(node->level);
		unsigned long entry = node->slots[i];

		if (mem_entry_is_node(entry)) {
			struct mem_node *child = mem_entry_node(entry);

			/* Which pages change is only known to the child. */
			if (whole && op->kind == MEM_OP_STORE && !track) {
				mem_replace(table, node, i, op->entry);
				continue;
			}
			mem_apply(table, child, a, b, op, reserve);
			if (mem_node_uniform(child))
				mem_table_node_fold(table, child);
			continue;
		}
		if (op->kind == MEM_OP_VALUES) {
			mem_table_node_put_values(table, node, i,
						  op->values + (a - op->base),
						  reserve);
			continue;
		}
		if (entry != asked)
			answer = mem_op_entry(table, op, entry, &err);
		asked = entry;
		/* If it is not whole it would have been cut, but for this. */
		if (answer == entry)
			continue;
		mem_node_set(table, node, i, answer);
		if (track)
			mem_table_node_mark(node, i);
	}
}

/**
 * mem_table_change() - Change a range.
 * @table: the table
 * @start: the first page
 * @last: the last page
 * @op: how to
 * @reserve: where to take nodes from
 * @gfp: for those that are not there
 * @need: set to how many there should be, if it returns -ENOMEM
 *
 * Context: Under the table's lock.
 * Return: 0, or with no value changed -ENOMEM, or what the function returned.
 */
int mem_table_change(struct mem_table *table, unsigned long start,
		     unsigned long last, const struct mem_op *op,
		     struct mem_table_reserve *reserve, gfp_t gfp,
		     unsigned int *need)
{
	unsigned long pages = mem_root_pages(table->root);
	int err = 0;

	lockdep_assert_held(&table->lock);

	if (op->kind == MEM_OP_CALL && table->top && start < pages)
		err = mem_check(table, table->top, start,
				min(last, pages - 1), op);
	if (err)
		return err;

	if (last >= pages) {
		bool keeps = op->kind != MEM_OP_VALUES &&
			mem_op_entry(table, op, mem_value_entry(0), &err) ==
			mem_value_entry(0);

		if (err)
			return err;
		if (keeps && start >= pages)
			return 0;
		if (keeps) {
			last = pages - 1;
		} else {
			*need = mem_table_growth(table, last);
			if (mem_table_reserve_fill(reserve, *need, gfp))
				return -ENOMEM;
			mem_table_grow(table, last, reserve);
		}
	}

	*need = mem_cut(table, table->top, start, last, op, NULL);
	if (mem_table_reserve_fill(reserve, *need, gfp))
		return -ENOMEM;
	mem_cut(table, table->top, start, last, op, reserve);
	mem_apply(table, table->top, start, last, op, reserve);
	return 0;
}
