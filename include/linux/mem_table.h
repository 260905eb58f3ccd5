/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A table from page frame number to an unsigned long, shaped like the
 * hardware's page tables: a uniform aligned range is one entry, at any level.
 *
 *	static struct mem_table table;
 *
 *	mem_table_init(&table, MEM_TABLE_TRACK, NULL);
 *	...
 *	err = mem_table_store(&table, start_pfn, nr_pages, 3, GFP_KERNEL);
 *	...
 *	value = mem_table_load(&table, pfn);
 *	...
 *	mem_table_for_each_changed(run, &walk, &table)
 *		tell(run->start, run->nr, run->value);
 *	...
 *	mem_table_destroy(&table);
 *
 * See Documentation/mem_table.rst.
 */
#ifndef _LINUX_MEM_TABLE_H
#define _LINUX_MEM_TABLE_H

#include <linux/bits.h>
#include <linux/gfp.h>
#include <linux/limits.h>
#include <linux/lockdep_types.h>
#include <linux/spinlock_types.h>
#include <linux/types.h>

struct mem_node;

/* A node is one page: 512 entries where pages are of 4 KiB. */
#define MEM_TABLE_SHIFT		(PAGE_SHIFT - 3)
#define MEM_TABLE_ENTRIES	BIT(MEM_TABLE_SHIFT)

/* Enough for physical addresses of 52 bits, the most there are. */
#define MEM_TABLE_LEVELS	DIV_ROUND_UP(52 - PAGE_SHIFT, MEM_TABLE_SHIFT)
#define MEM_TABLE_PAGES		BIT(MEM_TABLE_LEVELS * MEM_TABLE_SHIFT)

/* The format reserves one bit of an entry. */
#define MEM_TABLE_MAX		((unsigned long)LONG_MAX)

/**
 * enum mem_table_flags - what a table is to do besides
 * @MEM_TABLE_TRACK: remember which pages' values changed, for
 *	mem_table_for_each_changed()
 * @MEM_TABLE_IRQSAFE: writers may come from any context but NMI, not only from
 *	process context; with PREEMPT_RT, any in which a spinlock_t may be taken
 */
enum mem_table_flags {
	MEM_TABLE_TRACK		= BIT(0),
	MEM_TABLE_IRQSAFE	= BIT(1),
};

/**
 * typedef mem_table_same_fn - whether two values count as one
 * @a: a value
 * @b: another
 *
 * Must be an equivalence that does not change while the table is in use.  Of
 * values that are the same, the table may keep either.
 *
 * Return: Whether they are to be merged.
 */
typedef bool (*mem_table_same_fn)(unsigned long a, unsigned long b);

/**
 * typedef mem_table_update_fn - what a value becomes
 * @old: the value before
 * @arg: as given to mem_table_update()
 *
 * Called under the table's lock, and more than once for the same value: it may
 * depend on nothing but @old and what @arg points to, and change nothing.
 *
 * Return: The value after, or a negative errno, with which the update ends
 * before anything has changed.
 */
typedef long (*mem_table_update_fn)(unsigned long old, void *arg);

/**
 * struct mem_table - a value for each page of physical memory
 *
 * For how it is locked see "DOC: Locking" in core/mem_table.c.
 */
struct mem_table {
	/* private: the top node's entries, and its level in the low bits */
	unsigned long root;
	unsigned int flags;
	/* guards all of this, and the nodes */
	spinlock_t lock;
	mem_table_same_fn same;
	struct mem_node *top;
	struct mem_node *leaf;
	struct mem_node *spare[MEM_TABLE_LEVELS];
	unsigned long nr_nodes;
};

/**
 * struct mem_table_reserve - memory for an update that must not fail
 *
 * Initialise with MEM_TABLE_RESERVE_INIT, or with zeroes.
 */
struct mem_table_reserve {
	/* private: */
	struct mem_node *nodes;
	unsigned int nr;
};

#define MEM_TABLE_RESERVE_INIT	{ }

/**
 * struct mem_table_run - adjacent pages of one value
 * @start: the first
 * @nr: how many
 * @value: of each of them
 */
struct mem_table_run {
	unsigned long start;
	unsigned long nr;
	unsigned long value;
};

/* As many as are looked up at a time; most of what a walk takes of the stack. */
#define MEM_TABLE_RUNS	64

/**
 * struct mem_table_walk - where a walk has got to
 */
struct mem_table_walk {
	/* private: */
	struct mem_table *table;
	unsigned long next;
	unsigned long end;
	struct mem_table_run *run_end;
	struct mem_table_run run[MEM_TABLE_RUNS];
};

void __mem_table_init(struct mem_table *table, unsigned int flags,
		      mem_table_same_fn same, const char *name,
		      struct lock_class_key *key);

/**
 * mem_table_init() - Make a table in which every page's value is 0.
 * @table: its memory
 * @flags: of enum mem_table_flags
 * @same: which values are to be merged, or NULL for those that are equal
 *
 * Allocates nothing.
 *
 * Context: Any.
 */
#define mem_table_init(table, flags, same)				\
do {									\
	static struct lock_class_key __key;				\
									\
	__mem_table_init(table, flags, same, #table, &__key);		\
} while (0)

void mem_table_destroy(struct mem_table *table);

unsigned long mem_table_load(const struct mem_table *table, unsigned long pfn);

int mem_table_store(struct mem_table *table, unsigned long start,
		    unsigned long nr, unsigned long value, gfp_t gfp);
int mem_table_store_values(struct mem_table *table, unsigned long start,
			   const unsigned long *values, unsigned long nr,
			   gfp_t gfp, unsigned long *done);
int mem_table_update(struct mem_table *table, unsigned long start,
		     unsigned long nr, mem_table_update_fn fn, void *arg,
		     gfp_t gfp);

int mem_table_reserve(struct mem_table_reserve *reserve, unsigned long start,
		      unsigned long nr, gfp_t gfp);
void mem_table_unreserve(struct mem_table_reserve *reserve);
int mem_table_store_reserved(struct mem_table *table, unsigned long start,
			     unsigned long nr, unsigned long value,
			     struct mem_table_reserve *reserve);
int mem_table_update_reserved(struct mem_table *table, unsigned long start,
			      unsigned long nr, mem_table_update_fn fn,
			      void *arg, struct mem_table_reserve *reserve);

bool mem_table_run_at(struct mem_table *table, unsigned long pfn,
		      struct mem_table_run *run);
size_t mem_table_bytes(struct mem_table *table);

struct mem_table_run *mem_table_walk_begin(struct mem_table_walk *walk,
					   struct mem_table *table,
					   unsigned long start,
					   unsigned long nr);
struct mem_table_run *mem_table_walk_runs(struct mem_table_walk *walk);
struct mem_table_run *mem_table_walk_changed(struct mem_table_walk *walk);

/**
 * mem_table_for_each_run() - Look at the runs of equal values in a range.
 * @pos: struct mem_table_run pointer, the run in the loop's body
 * @walk: struct mem_table_walk pointer, in use until the loop ends
 * @table: the table
 * @start: first page of the range
 * @nr: pages in it
 *
 * The runs come in ascending order, without gaps, and cover the range.  Each
 * is as long as it can be: the next has another value.  While values change
 * meanwhile, each run is right for some moment during the loop, and two that
 * are next to each other may have the same value.
 *
 * Takes no lock, and holds nothing while the body runs, which may sleep and
 * may change the table.
 *
 * Context: As for mem_table_load(); what is in the body may ask for more.
 */
#define mem_table_for_each_run(pos, walk, table, start, nr)		\
	for ((pos) = mem_table_walk_begin(walk, table, start, nr);	\
	     (pos) != (walk)->run_end ||				\
	     ((pos) = mem_table_walk_runs(walk));			\
	     (pos)++)

/**
 * mem_table_for_each_changed() - Look at what changed, and forget that it did.
 * @pos: struct mem_table_run pointer, the run in the loop's body
 * @walk: struct mem_table_walk pointer, in use until the loop ends
 * @table: the table, which was made with MEM_TABLE_TRACK
 *
 * Gives the pages which got a value that was not the same as before, since
 * they were last given here; also those that have their former value again.  In
 * ascending order, in runs of equal values that are as long as they can be.  That a page changed
 * is forgotten in the same moment in which its value is read, so that no change
 * is lost, and just before the body runs: leaving the loop early is fine.
 *
 * Holds nothing while the body runs, which may sleep and may change the table.
 *
 * Context: As for mem_table_store() with the table's flags.
 */
#define mem_table_for_each_changed(pos, walk, table)			\
	for (mem_table_walk_begin(walk, table, 0, MEM_TABLE_PAGES);	\
	     ((pos) = mem_table_walk_changed(walk));)

#endif /* _LINUX_MEM_TABLE_H */
