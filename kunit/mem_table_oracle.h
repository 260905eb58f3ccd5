/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a mem_table should hold, kept the simple way, and whether it does.
 */
#ifndef _MEM_TABLE_ORACLE_H
#define _MEM_TABLE_ORACLE_H

#include <kunit/test.h>
#include <linux/mem_table.h>
#include <linux/prandom.h>

/**
 * struct oracle_cell - one page, or many that are always changed together
 * @start: the first page; the next cell's @start is where it ends
 * @value: of each
 * @changed: since the last walk
 */
struct oracle_cell {
	unsigned long start;
	unsigned long value;
	bool changed;
};

/**
 * struct oracle - a table, and a flat array of what should be in it
 * @cells: all pages; single ones around the ends of nodes of each level
 * @nr: cells; one more says where the last one ends
 * @rnd: so that a failure happens again
 */
struct oracle {
	struct kunit *test;
	struct mem_table table;
	mem_table_same_fn same;
	unsigned int flags;
	struct oracle_cell *cells;
	unsigned int nr;
	struct rnd_state rnd;
};

struct oracle *oracle_new(struct kunit *test, unsigned int flags,
			  mem_table_same_fn same);
void oracle_del(struct oracle *o);
u32 oracle_random(struct oracle *o, u32 below);
bool oracle_same(struct oracle *o, unsigned long a, unsigned long b);
unsigned long oracle_pages(struct oracle *o, unsigned int i, unsigned int nr);
void oracle_set(struct oracle *o, unsigned int i, unsigned long value);
bool oracle_check(struct oracle *o);
bool oracle_check_near(struct oracle *o, unsigned int i, unsigned int nr);
bool oracle_check_changed(struct oracle *o);

const char *oracle_broken(struct mem_table *table);

#endif /* _MEM_TABLE_ORACLE_H */
