/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of pvmemcontrol_perm share.
 */
#ifndef _PVMC_PERM_H
#define _PVMC_PERM_H

#include <linux/mem_table.h>
#include <linux/mutex.h>
#include <linux/pvmemcontrol.h>
#include <linux/pvmemcontrol_perm.h>
#include <linux/types.h>

#include "value.h"

/**
 * struct perm_stats - what has been done so far; guarded by perm_mutex
 * @commits: transactions that were applied
 * @refused: transactions of which nothing was
 * @ranges: that were sent
 * @pages: in those
 * @exits: that this took
 * @errors: ranges that failed
 * @restores: times that everything was said again
 * @last_ranges: that the last commit sent
 * @last_exits: that it took
 * @last_error: what it returned
 * @last_ns: how long it took
 */
struct perm_stats {
	u64 commits;
	u64 refused;
	u64 ranges;
	u64 pages;
	u64 exits;
	u64 errors;
	u64 restores;
	u64 last_ranges;
	u64 last_exits;
	int last_error;
	u64 last_ns;
};

/* txn.c */
int perm_txn_normalise(struct pvmemcontrol_perm_txn *txn);

/* table.c */
extern struct mem_table perm_table;
long perm_value_change(unsigned long old, const s32 *by, bool say);
void perm_table_undo(unsigned long start, unsigned long nr, const s32 *by,
		     bool say);
void perm_table_told(unsigned long start, unsigned long nr,
		     enum perm_told told);
void perm_table_forget(void);
unsigned long perm_table_owned(void);
void perm_table_init(void);
void perm_table_exit(void);

/* Pages that the host is to be told the same of. */
struct perm_run {
	unsigned long start;
	unsigned long end;
	enum perm_told told;
};

#define PERM_PLAN_INLINE	4

/**
 * struct perm_send - telling the host what it was not told
 * @batch: in which it is sent
 * @txn: whose commit it is, or NULL
 * @open_all: all pages shall be readable and writable, whatever they want
 * @settle: what it was told has to be written down then; else it has been
 * @have: @run is one
 * @run: what has not been planned yet
 * @next: the page after those looked at
 * @left_start: the first page that may have been left unsaid before
 * @left_end: the page after the last
 * @nr: runs in @plan
 * @capacity: how many there is room for
 * @plan: what is sent in the end
 * @inlined: room for a few without memory from elsewhere
 */
struct perm_send {
	struct pvmemcontrol_batch batch;
	struct pvmemcontrol_perm_txn *txn;
	bool open_all;
	bool settle;
	bool have;
	struct perm_run run;
	unsigned long next;
	unsigned long left_start;
	unsigned long left_end;
	size_t nr;
	size_t capacity;
	struct perm_run *plan;
	struct perm_run inlined[PERM_PLAN_INLINE];
};

/* send.c */
void perm_send_init(void);
void perm_send_begin(struct perm_send *send, struct pvmemcontrol_perm_txn *txn);
int perm_send_until(struct perm_send *send, unsigned long end);
int perm_send_look(struct perm_send *send, const struct mem_table_run *run,
		   unsigned long new);
int perm_send_end(struct perm_send *send);
void perm_send_cancel(struct perm_send *send);
void perm_send_all(struct perm_send *send, bool open_all);

/* commit.c */
extern struct mutex perm_mutex;
extern struct perm_stats perm_stats;
extern struct pvmemcontrol_client pvmc_perm_client;
void perm_say_again(void);
void perm_retry_exit(void);

/* debugfs.c */
void perm_debugfs_init(void);
void perm_debugfs_exit(void);

#endif /* _PVMC_PERM_H */
