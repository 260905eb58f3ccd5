/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _PVMC_PERM_BENCH_H
#define _PVMC_PERM_BENCH_H

#include <linux/pvmemcontrol.h>
#include <linux/pvmemcontrol_perm.h>
#include <linux/types.h>

extern struct pvmemcontrol_client bench_client;

/* Permissions are PVMEMCONTROL_PERM_*, or this for no mapping. */
#define LIST_ABSENT	0x80

#define LIST_PAGES	65536
#define LIST_PARTS	3

/* What a line of the list says. */
struct list_change {
	u32 first;
	u32 end;
	u8 part;
	u8 old;
	u8 new;
};

/* The changes from @change on, up to those of the next. */
struct list_txn {
	u32 change;
	u32 phase;
};

/* list.c: one more txn than there are says where the last one ends */
extern struct list_change *list_changes;
extern struct list_txn *list_txns;
extern u32 list_nr_txns;
int list_write(const char *text, size_t length);
void list_free(void);

/* replay.c */
enum replay_way {
	REPLAY_PAGES,	/* a call for each page that wants something else */
	REPLAY_TXNS,	/* a commit for each transaction of the list */
	REPLAY_PHASES,	/* a commit for all transactions of a phase */
};

struct replay_result {
	u64 pages;
	u64 ranges;
	u64 exits;
	u64 ns;
};

int replay_start(enum replay_way way, unsigned long base);
int replay_go(struct replay_result *result);
int replay_stop(void);
void replay_free(void);

/* scatter.c */
#define SCATTER_ROUNDS	9	/* odd, for medians */

struct scatter {
	unsigned long base;
	unsigned long pages;
	unsigned long runs;
	unsigned long stride;
	/* of the last round */
	u64 ranges;
	u64 exits;
	u64 bare_exits;
	/* medians */
	u64 collect_ns;
	u64 commit_ns;
	u64 bare_ns;
	u64 ratio;	/* in thousandths */
};

int scatter_run(struct scatter *s);

#endif /* _PVMC_PERM_BENCH_H */
