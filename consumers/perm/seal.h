/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is sealed: areas of read-only data that the host is told of as mapped
 * for reading only.
 */
#ifndef _PVMC_PERM_SEAL_H
#define _PVMC_PERM_SEAL_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/pvmemcontrol.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

/**
 * enum seal_state - what an area is to be
 * @SEAL_WAITING: not sealed yet, for it is still being written
 * @SEAL_SEALED: sealed
 * @SEAL_LEAVING: open, and then no area any more
 */
enum seal_state {
	SEAL_WAITING,
	SEAL_SEALED,
	SEAL_LEAVING,
};

/**
 * struct seal_run - adjacent pages
 * @start: the first
 * @nr: how many
 */
struct seal_run {
	unsigned long start;
	unsigned long nr;
};

/**
 * struct seal_area - pages that are sealed and opened together
 * @node: in the list of all: changed under seal_mutex, read under RCU
 * @rcu: for when it goes
 * @of: the module whose it is; NULL for the kernel's
 * @ready: whether one that is waiting has waited long enough; under seal_mutex
 * @state: what it is to be; changed under seal_mutex
 * @mapped: it is in the table of permissions; under seal_mutex
 * @freed: its pages will be freed when it leaves
 * @held: and are not yet, for there are references to them; under seal_mutex
 * @exits: that sealing it took, alone or together with others
 * @nr_pages: how many pages it has
 * @what: its description
 * @capacity: how many of @run there is room for
 * @nr_runs: how many there are
 * @run: its pages
 */
struct seal_area {
	struct list_head node;
	struct rcu_head rcu;
	const void *of;
	bool (*ready)(const struct seal_area *area);
	enum seal_state state;
	bool mapped;
	bool freed;
	bool held;
	u64 exits;
	unsigned long nr_pages;
	char what[PVMEMCONTROL_DESCRIPTION];
	unsigned int capacity;
	unsigned int nr_runs;
	struct seal_run run[];
};

/**
 * struct seal_stats - what has been done so far; guarded by seal_mutex
 * @sealed: areas that were sealed
 * @opened: areas that were opened again
 * @failed: areas that were not sealed, as there was no memory
 * @exits: that all of it took
 * @host_errors: commits of which the host did not do all
 * @held: pages that went to nobody else, as the host might still seal them
 */
struct seal_stats {
	u64 sealed;
	u64 opened;
	u64 failed;
	u64 exits;
	u64 host_errors;
	u64 held;
};

/* seal.c */
extern struct mutex seal_mutex;
extern struct list_head seal_areas;
extern struct seal_stats seal_stats;

struct seal_area *seal_area_alloc(const void *of, unsigned int capacity);
int seal_area_add_page(struct seal_area *area, unsigned long pfn);
int seal_area_add_range(struct seal_area *area, unsigned long start,
			unsigned long nr);
void seal_area_free(struct seal_area *area);
void seal_enter(struct seal_area *area);
void seal_leave(const void *of);
bool seal_known(const void *of);
bool seal_closed(void);
void seal_flush(void);
void seal_close(void);
void seal_exit(void);
bool seal_describe(unsigned long pfn, enum seal_state *state, char *what);

/* seal_owner.c */
enum pvmemcontrol_owner perm_owner(struct pvmemcontrol_client *client,
				   const struct pvmemcontrol_access *access,
				   char *what);
u64 perm_opened_total(void);
void perm_opened_init(void);
void perm_opened_exit(void);

/* seal_module.c */
int seal_modules_init(void);
void seal_modules_exit(void);

/* seal_kernel.c */
int seal_kernel_parse(char *list, phys_addr_t at, struct seal_run *data);
void seal_kernel_init(void);

/* seal_debugfs.c */
void seal_debugfs_init(void);

#endif /* _PVMC_PERM_SEAL_H */
