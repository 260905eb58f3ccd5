/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Changing a range of a mem_table.
 */
#ifndef _MEM_UPDATE_H
#define _MEM_UPDATE_H

#include <linux/mem_table.h>

/**
 * enum mem_op_kind - where new entries come from
 * @MEM_OP_STORE: all are one
 * @MEM_OP_CALL: a function makes them of the old ones
 * @MEM_OP_VALUES: an array; the range is within one node of level 0
 */
enum mem_op_kind {
	MEM_OP_STORE,
	MEM_OP_CALL,
	MEM_OP_VALUES,
};

/**
 * struct mem_op - what to do to the entries in a range
 * @kind: which of the following are in use
 * @entry: of MEM_OP_STORE
 * @fn: of MEM_OP_CALL
 * @arg: of MEM_OP_CALL
 * @values: of MEM_OP_VALUES
 * @base: the page that has the first of @values
 */
struct mem_op {
	enum mem_op_kind kind;
	unsigned long entry;
	mem_table_update_fn fn;
	void *arg;
	const unsigned long *values;
	unsigned long base;
};

int mem_table_change(struct mem_table *table, unsigned long start,
		     unsigned long last, const struct mem_op *op,
		     struct mem_table_reserve *reserve, gfp_t gfp,
		     unsigned int *need);

#endif /* _MEM_UPDATE_H */
