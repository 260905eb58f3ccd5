/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What mem_table and its peers are measured with: each operation on each kind
 * of table, for the same pages, in the same run.
 */
#ifndef _MEM_TABLE_BENCH_H
#define _MEM_TABLE_BENCH_H

#include <linux/types.h>

/* Where memory above the hole below 4 GiB begins; 1 GiB from there on. */
#define BENCH_BASE	BIT(20)
#define BENCH_PAGES	BIT(18)
#define BENCH_LAST	(BENCH_BASE + BENCH_PAGES - 1)

/**
 * struct bench_peer - a kind of table
 * @name: what its figures are called
 * @init: make an empty one
 * @destroy: and free it
 * @store: set a range
 * @store_pages: set each page of the 1 GiB with a call of its own, by turns to
 *	@first and the value after it
 * @store_all: set each page of the 1 GiB to the value in an array, in one go;
 *	NULL if it has no such thing
 * @load: look a page up
 * @walk: go through the runs of the 1 GiB; return the sum of what was seen
 * @changed: the same of what has changed since the last time; NULL if it does
 *	not know
 * @slow: large ranges take it so long that few will do
 */
struct bench_peer {
	const char *name;
	void (*init)(void);
	void (*destroy)(void);
	void (*store)(unsigned long start, unsigned long nr,
		      unsigned long value);
	void (*store_pages)(unsigned long first);
	void (*store_all)(const unsigned long *values);
	unsigned long (*load)(unsigned long pfn);
	unsigned long (*walk)(void);
	unsigned long (*changed)(void);
	bool slow;
};

/* Without an indirect call for each page, which not every peer is worth. */
#define BENCH_STORE_PAGES(peer)						\
static void peer##_store_pages(unsigned long first)			\
{									\
	unsigned long i;						\
									\
	for (i = 0; i < BENCH_PAGES; i++)				\
		peer##_store(BENCH_BASE + i, 1, first + (i & 1));	\
}

extern unsigned int bench_errors;

/* An allocation that fails would show as a figure that is too good. */
static inline void bench_must(bool good)
{
	if (unlikely(!good))
		bench_errors++;
}

extern const struct bench_peer bench_mem_table;
extern const struct bench_peer bench_flat;
extern const struct bench_peer bench_xarray;
extern const struct bench_peer bench_cursor;
extern const struct bench_peer bench_store_range;
extern const struct bench_peer bench_maple;

#endif /* _MEM_TABLE_BENCH_H */
