/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a host would permit of each page, known from what reached the fake VMM.
 */
#ifndef _PVMC_PERM_HOST_H
#define _PVMC_PERM_HOST_H

#include <kunit/test.h>
#include <linux/pvmemcontrol_perm.h>

#include "fake_vmm.h"
#include "perm/perm.h"

#define PERM_R	PVMEMCONTROL_PERM_R
#define PERM_W	PVMEMCONTROL_PERM_W
#define PERM_X	PVMEMCONTROL_PERM_X
#define PERM_RW	(PERM_R | PERM_W)
#define PERM_RX	(PERM_R | PERM_X)

/* What is asked about: an entry of 1 GiB, and some on both sides of it. */
#define HOST_BASE	(MEM_TABLE_ENTRIES * MEM_TABLE_ENTRIES - 4096)
#define HOST_PAGES	(4096 + MEM_TABLE_ENTRIES * MEM_TABLE_ENTRIES + 4096)

#define HOST_CALLS	512

/**
 * struct host_call - a protection that was asked for
 * @start: the first page
 * @nr: how many
 * @perms: what they are to permit
 * @done: the host has done it
 */
struct host_call {
	unsigned long start;
	unsigned long nr;
	int perms;
	bool done;
};

/**
 * struct host - a host, and what it permits
 * @vmm: its VMM
 * @dev: plugged in, or NULL
 * @perms: for each page from HOST_BASE on: what it permits
 * @call: what it was asked since host_clear()
 * @nr_calls: how many of those
 * @outside: it was asked about a page that no test has to do with
 */
struct host {
	struct kunit *test;
	struct fake_vmm *vmm;
	struct pvmc_device *dev;
	u8 *perms;
	struct host_call call[HOST_CALLS];
	unsigned int nr_calls;
	bool outside;
};

int host_init(struct kunit *test);
void host_exit(struct kunit *test);
void host_new_vmm(struct host *h, bool vectors);
void host_plug(struct host *h);
void host_unplug(struct host *h);
void host_attach(struct host *h);
void host_clear(struct host *h);
void host_open(struct host *h);

int host_permits(struct host *h, unsigned long page);
void host_expect(struct host *h, unsigned long page, unsigned long nr,
		 int perms);
void host_expect_told(struct host *h);
void host_expect_wanted(struct host *h);

static inline phys_addr_t host_phys(unsigned long page)
{
	return (phys_addr_t)(HOST_BASE + page) << PAGE_SHIFT;
}

static inline int host_map(struct pvmemcontrol_perm_txn *txn,
			   unsigned long page, unsigned long nr,
			   unsigned int perms)
{
	return pvmemcontrol_perm_map(txn, host_phys(page), nr << PAGE_SHIFT,
				     perms);
}

static inline int host_change(struct pvmemcontrol_perm_txn *txn,
			      unsigned long page, unsigned long nr,
			      unsigned int old, unsigned int perms)
{
	return pvmemcontrol_perm_change(txn, host_phys(page), nr << PAGE_SHIFT,
					old, perms);
}

static inline int host_unmap(struct pvmemcontrol_perm_txn *txn,
			     unsigned long page, unsigned long nr,
			     unsigned int old)
{
	return pvmemcontrol_perm_unmap(txn, host_phys(page), nr << PAGE_SHIFT,
				       old);
}

int host_commit_map(unsigned long page, unsigned long nr, unsigned int perms);
int host_commit_unmap(unsigned long page, unsigned long nr, unsigned int old);
int host_commit_nothing(void);

#endif /* _PVMC_PERM_HOST_H */
