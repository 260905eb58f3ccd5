/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of mem_table share: entries and nodes.
 */
#ifndef _MEM_NODE_H
#define _MEM_NODE_H

#include <linux/bitmap.h>
#include <linux/lockdep.h>
#include <linux/mem_table.h>
#include <linux/mm.h>
#include <linux/spinlock.h>

/*
 * An entry is a value shifted left by one, or the address of another node's
 * entries with bit 0 set.
 */
#define MEM_ENTRY_NODE	1UL

/* Stands for the neighbour of the first and of the last entry of a node. */
#define MEM_ENTRY_NONE	MEM_ENTRY_NODE

/**
 * struct mem_node - what writers know of a node
 * @slots: the entries, a page, which is all that readers see of a node
 * @parent: the node above it, NULL for the top one.  Of a node that is not in
 *	use, the next of the list in which it is
 * @base: the first page that it is about
 * @slot: its place in @parent
 * @breaks: how often two adjacent entries are not the same; 0 when all are
 * @nr_changed: bits set in @changed
 * @level: 0 for a node whose entries are single pages
 * @rcu: for freeing it
 * @changed: for each entry, whether what it is about has changed; for another
 *	node, whether anything in it has.  Only of tables with MEM_TABLE_TRACK
 *
 * Apart from the entries, so that those are a page, and the descriptor of that
 * page leads back here.
 */
struct mem_node {
	unsigned long *slots;
	struct mem_node *parent;
	unsigned long base;
	u16 slot;
	u16 breaks;
	u16 nr_changed;
	u8 level;
	struct rcu_head rcu;
	DECLARE_BITMAP(changed, MEM_TABLE_ENTRIES);
};

static inline bool mem_entry_is_node(unsigned long entry)
{
	return entry & MEM_ENTRY_NODE;
}

static inline unsigned long mem_entry_value(unsigned long entry)
{
	return entry >> 1;
}

static inline unsigned long mem_value_entry(unsigned long value)
{
	return value << 1;
}

static inline unsigned long mem_node_entry(struct mem_node *node)
{
	return (unsigned long)node->slots | MEM_ENTRY_NODE;
}

static inline struct mem_node *mem_entry_node(unsigned long entry)
{
	struct page *page = virt_to_page((void *)(entry - MEM_ENTRY_NODE));

	return (struct mem_node *)page_private(page);
}

/* How many times 2 the pages are that an entry of this level is about. */
static inline unsigned int mem_level_shift(unsigned int level)
{
	return level * MEM_TABLE_SHIFT;
}

static inline unsigned long mem_level_pages(unsigned int level)
{
	return 1UL << mem_level_shift(level);
}

static inline unsigned int mem_index(unsigned long pfn, unsigned int level)
{
	return (pfn >> mem_level_shift(level)) & (MEM_TABLE_ENTRIES - 1);
}

/* The first page of entry @i. */
static inline unsigned long mem_slot_base(const struct mem_node *node,
					  unsigned int i)
{
	return node->base + ((unsigned long)i << mem_level_shift(node->level));
}

/* The last page of entry @i. */
static inline unsigned long mem_slot_last(const struct mem_node *node,
					  unsigned int i)
{
	return mem_slot_base(node, i) + mem_level_pages(node->level) - 1;
}

static inline unsigned long *mem_root_slots(unsigned long root)
{
	return (unsigned long *)(root & PAGE_MASK);
}

static inline unsigned int mem_root_level(unsigned long root)
{
	return root & ~PAGE_MASK;
}

/* How many pages, from 0 on, can have a value that is not 0. */
static inline unsigned long mem_root_pages(unsigned long root)
{
	return root ? mem_level_pages(mem_root_level(root) + 1) : 0;
}

/* Whether the values in two entries count as one. */
static inline bool mem_same(const struct mem_table *table, unsigned long a,
			    unsigned long b)
{
	if (a == b)
		return true;
	return unlikely(table->same) &&
	       table->same(mem_entry_value(a), mem_entry_value(b));
}

/*
 * Whether two adjacent entries are to be told apart.  Nodes always are: no two
 * entries are the same node.
 */
static inline bool mem_differ(const struct mem_table *table, unsigned long a,
			      unsigned long b)
{
	if (a == b)
		return false;
	if (likely(!table->same))
		return true;
	return mem_entry_is_node(a | b) || !mem_same(table, a, b);
}

/* Whether an entry of the node above can stand for all of it. */
static inline bool mem_node_uniform(const struct mem_node *node)
{
	return !node->breaks && (!node->nr_changed ||
				 node->nr_changed == MEM_TABLE_ENTRIES);
}

static inline unsigned long mem_table_lock(struct mem_table *table)
	__acquires(&table->lock)
{
	unsigned long flags = 0;

	if (table->flags & MEM_TABLE_IRQSAFE)
		spin_lock_irqsave(&table->lock, flags);
	else
		spin_lock(&table->lock);
	return flags;
}

static inline void mem_table_unlock(struct mem_table *table,
				    unsigned long flags)
	__releases(&table->lock)
{
	if (table->flags & MEM_TABLE_IRQSAFE)
		spin_unlock_irqrestore(&table->lock, flags);
	else
		spin_unlock(&table->lock);
}

/* Readers see either the entry before or @entry, and all of a node in it. */
static __always_inline void mem_node_set(const struct mem_table *table,
					 struct mem_node *node,
					 unsigned int i, unsigned long entry)
{
	unsigned long left = i ? node->slots[i - 1] : MEM_ENTRY_NONE;
	unsigned long right = i + 1 < MEM_TABLE_ENTRIES ? node->slots[i + 1]
							: MEM_ENTRY_NONE;
	unsigned long old = node->slots[i];

	if (likely(!table->same))
		node->breaks += (left != entry) + (entry != right) -
				(left != old) - (old != right);
	else
		node->breaks += mem_differ(table, left, entry) +
				mem_differ(table, entry, right) -
				mem_differ(table, left, old) -
				mem_differ(table, old, right);
	/* What is in a node is there before the node is. */
	smp_store_release(&node->slots[i], entry);
}

/* mem_node.c */
int mem_table_reserve_fill(struct mem_table_reserve *reserve, unsigned int nr,
			   gfp_t gfp);
struct mem_node *mem_table_reserve_take(struct mem_table_reserve *reserve);
void mem_table_node_free(struct mem_node *node);
void mem_table_node_mark(struct mem_node *node, unsigned int i);
void mem_table_node_unmark(struct mem_node *node, unsigned int i);
bool mem_table_node_have_spare(const struct mem_table *table,
			       unsigned int level, unsigned long base);
struct mem_node *mem_table_node_split(struct mem_table *table,
				      struct mem_node *node, unsigned int i,
				      struct mem_table_reserve *reserve);
void mem_table_node_put_values(struct mem_table *table, struct mem_node *node,
			       unsigned int i, const unsigned long *values,
			       struct mem_table_reserve *reserve);
void mem_table_node_fold(struct mem_table *table, struct mem_node *node);
void mem_table_node_drop(struct mem_table *table, struct mem_node *node);
unsigned int mem_table_growth(const struct mem_table *table,
			      unsigned long last);
void mem_table_grow(struct mem_table *table, unsigned long last,
		    struct mem_table_reserve *reserve);

/* mem_table.c */
void mem_table_exit(void);

#endif /* _MEM_NODE_H */
