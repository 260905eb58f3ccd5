// SPDX-License-Identifier: GPL-2.0
/*
 * The nodes of a mem_table: their memory, their entries, splitting an entry
 * into a node and folding a node into an entry.
 *
 * Everything here that takes a table is called under its lock.
 */
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "mem_node.h"

#include <trace/events/pvmemcontrol.h>

/* Of a node that no reader can see, and none was told of. */
void mem_table_node_free(struct mem_node *node)
{
	struct page *page = virt_to_page(node->slots);

	set_page_private(page, 0);
	__free_page(page);
	kfree(node);
}

static void mem_node_free_rcu(struct rcu_head *rcu)
{
	mem_table_node_free(container_of(rcu, struct mem_node, rcu));
}

/* Its entries are filled in when it is put into use. */
static struct mem_node *mem_node_alloc(gfp_t gfp)
{
	struct mem_node *node = kmalloc(sizeof(*node), gfp);
	struct page *page;

	if (!node)
		return NULL;
	page = alloc_page(gfp);
	if (!page) {
		kfree(node);
		return NULL;
	}
	set_page_private(page, (unsigned long)node);
	node->slots = page_address(page);
	return node;
}

/* What it has got remains there also when it fails. */
int mem_table_reserve_fill(struct mem_table_reserve *reserve, unsigned int nr,
			   gfp_t gfp)
{
	while (reserve->nr < nr) {
		struct mem_node *node = mem_node_alloc(gfp);

		if (!node)
			return -ENOMEM;
		node->parent = reserve->nodes;
		reserve->nodes = node;
		reserve->nr++;
	}
	return 0;
}

struct mem_node *mem_table_reserve_take(struct mem_table_reserve *reserve)
{
	struct mem_node *node = reserve->nodes;

	if (node) {
		reserve->nodes = node->parent;
		reserve->nr--;
	}
	return node;
}

/* Entry @i has changed, and so has what is above it. */
void mem_table_node_mark(struct mem_node *node, unsigned int i)
{
	while (!test_bit(i, node->changed)) {
		__set_bit(i, node->changed);
		if (node->nr_changed++ || !node->parent)
			break;
		i = node->slot;
		node = node->parent;
	}
}

/* That entry @i has changed is forgotten. */
void mem_table_node_unmark(struct mem_node *node, unsigned int i)
{
	while (test_bit(i, node->changed)) {
		__clear_bit(i, node->changed);
		if (--node->nr_changed || !node->parent)
			break;
		i = node->slot;
		node = node->parent;
	}
}

bool mem_table_node_have_spare(const struct mem_table *table,
			       unsigned int level, unsigned long base)
{
	const struct mem_node *node = table->spare[level];

	return node && node->base == base;
}

/*
 * A node for the pages from @base on: the one that was last folded at this
 * level if it was for the same pages, else one that no reader has seen.
 *
 * Readers may still be looking at the former.  Those came to it when it was in
 * use, so what they find in it, now or later, is what the page had at some time
 * since.  For other pages it cannot be used before a grace period is over.
 */
static struct mem_node *mem_node_get(struct mem_table *table,
				     unsigned int level, unsigned long base,
				     struct mem_table_reserve *reserve)
{
	struct mem_node *node = table->spare[level];

	if (node && node->base == base) {
		table->spare[level] = NULL;
		return node;
	}
	node = mem_table_reserve_take(reserve);
	if (WARN_ON_ONCE(!node))
		return NULL;
	table->nr_nodes++;
	node->base = base;
	node->level = level;
	/* No entry, so not what is wanted, and neither of none nor of all. */
	node->slots[0] = MEM_ENTRY_NONE;
	node->nr_changed = 1;
	return node;
}

static void mem_node_fill(const struct mem_table *table, struct mem_node *node,
			  unsigned long entry, bool changed)
{
	unsigned int nr_changed = changed ? MEM_TABLE_ENTRIES : 0;
	unsigned int i;

	if (node->slots[0] == MEM_ENTRY_NONE) {
		memset_l(node->slots, entry, MEM_TABLE_ENTRIES);
	} else if (table->same || node->slots[0] != entry) {
		for (i = 0; i < MEM_TABLE_ENTRIES; i++)
			WRITE_ONCE(node->slots[i], entry);
	}
	node->breaks = 0;
	if (node->nr_changed == nr_changed)
		return;
	node->nr_changed = nr_changed;
	if (changed)
		bitmap_fill(node->changed, MEM_TABLE_ENTRIES);
	else
		bitmap_zero(node->changed, MEM_TABLE_ENTRIES);
}

static void mem_node_link(struct mem_table *table, struct mem_node *node,
			  unsigned int i, struct mem_node *child)
{
	child->parent = node;
	child->slot = i;
	mem_node_set(table, node, i, mem_node_entry(child));
}

/* Of an entry with a value make a node in which each has that value. */
struct mem_node *mem_table_node_split(struct mem_table *table,
				      struct mem_node *node, unsigned int i,
				      struct mem_table_reserve *reserve)
{
	struct mem_node *child = mem_node_get(table, node->level - 1,
					      mem_slot_base(node, i), reserve);

	if (!child)
		return NULL;
	mem_node_fill(table, child, node->slots[i],
		      test_bit(i, node->changed));
	mem_node_link(table, node, i, child);
	trace_pvmemcontrol_mem_table_split(table, node->level, i, child->base);
	return child;
}

/*
 * Of an entry with a value make a node with these values, which are not all
 * equal.
 */
void mem_table_node_put_values(struct mem_table *table, struct mem_node *node,
			       unsigned int i, const unsigned long *values,
			       struct mem_table_reserve *reserve)
{
	unsigned long old = node->slots[i], left = MEM_ENTRY_NONE;
	bool changed = test_bit(i, node->changed);
	bool track = table->flags & MEM_TABLE_TRACK;
	struct mem_node *child;
	int breaks = -1;
	unsigned int j;

	child = mem_node_get(table, 0, mem_slot_base(node, i), reserve);
	if (!child)
		return;
	for (j = 0; j < MEM_TABLE_ENTRIES; j++) {
		unsigned long entry = mem_value_entry(values[j]);

		breaks += entry != left;
		WRITE_ONCE(child->slots[j], entry);
		left = entry;
	}
	child->breaks = breaks;
	child->nr_changed = changed ? MEM_TABLE_ENTRIES : 0;
	if (changed)
		bitmap_fill(child->changed, MEM_TABLE_ENTRIES);
	else
		bitmap_zero(child->changed, MEM_TABLE_ENTRIES);
	for (j = 0; track && !changed && j < MEM_TABLE_ENTRIES; j++) {
		if (child->slots[j] != old) {
			__set_bit(j, child->changed);
			child->nr_changed++;
		}
	}
	mem_node_link(table, node, i, child);
	trace_pvmemcontrol_mem_table_split(table, node->level, i, child->base);
	if (child->nr_changed)
		mem_table_node_mark(node, i);
	table->leaf = child;
}

/*
 * Put an entry in the place of a uniform node.  The last of each level is kept,
 * as what toggles one page makes it again.
 */
void mem_table_node_fold(struct mem_table *table, struct mem_node *node)
{
	struct mem_node *spare = table->spare[node->level];

	if (!node->parent)
		return;
	mem_node_set(table, node->parent, node->slot, node->slots[0]);
	trace_pvmemcontrol_mem_table_merge(table, node->parent->level,
					   node->slot, node->base);
	if (table->leaf == node)
		table->leaf = NULL;
	table->spare[node->level] = node;
	if (spare) {
		table->nr_nodes--;
		call_rcu(&spare->rcu, mem_node_free_rcu);
	}
}

/* Free what is in a node that is no longer in the table, and then itself. */
void mem_table_node_drop(struct mem_table *table, struct mem_node *node)
{
	unsigned int i;

	if (node->level) {
		for (i = 0; i < MEM_TABLE_ENTRIES; i++) {
			unsigned long entry = node->slots[i];

			if (mem_entry_is_node(entry))
				mem_table_node_drop(table,
						    mem_entry_node(entry));
		}
	}
	if (table->leaf == node)
		table->leaf = NULL;
	table->nr_nodes--;
	call_rcu(&node->rcu, mem_node_free_rcu);
}

static unsigned int mem_level_for(unsigned long last)
{
	unsigned int level = 0;

	while (last >> mem_level_shift(level + 1))
		level++;
	return level;
}

/* How many nodes mem_table_grow() takes. */
unsigned int mem_table_growth(const struct mem_table *table,
			      unsigned long last)
{
	if (!table->top)
		return 1;
	return max_t(int, mem_level_for(last) - table->top->level, 0);
}

/* Put nodes on top, or the first one into an empty table, to reach @last. */
void mem_table_grow(struct mem_table *table, unsigned long last,
		    struct mem_table_reserve *reserve)
{
	unsigned int goal = mem_level_for(last);

	while (!table->top || table->top->level < goal) {
		struct mem_node *old = table->top;
		struct mem_node *node;

		node = mem_node_get(table, old ? old->level + 1 : goal, 0,
				    reserve);
		if (!node)
			return;
		mem_node_fill(table, node, mem_value_entry(0), false);
		node->parent = NULL;
		if (old) {
			mem_node_link(table, node, 0, old);
			if (old->nr_changed)
				mem_table_node_mark(node, 0);
		}
		table->top = node;
		/* What is in a node is there before the node is. */
		smp_store_release(&table->root,
				  (unsigned long)node->slots | node->level);
		if (old && mem_node_uniform(old))
			mem_table_node_fold(table, old);
	}
}
