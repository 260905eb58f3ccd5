/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which pages of the guest are mapped with which permissions, and having the
 * host allow no more than those: the interface for kernel code.
 *
 *	struct pvmemcontrol_perm_txn txn;
 *
 *	pvmemcontrol_perm_begin(&txn);
 *	pvmemcontrol_perm_map(&txn, text, text_length,
 *			      PVMEMCONTROL_PERM_R | PVMEMCONTROL_PERM_X);
 *	pvmemcontrol_perm_map(&txn, guard, PAGE_SIZE, 0);
 *	err = pvmemcontrol_perm_commit(&txn);
 *
 * See Documentation/perm.rst.
 */
#ifndef _LINUX_PVMEMCONTROL_PERM_H
#define _LINUX_PVMEMCONTROL_PERM_H

#include <linux/bits.h>
#include <linux/types.h>

/* What a mapping permits; 0 for one that permits nothing. */
#define PVMEMCONTROL_PERM_R	BIT(0)
#define PVMEMCONTROL_PERM_W	BIT(1)
#define PVMEMCONTROL_PERM_X	BIT(2)

/* How many mappings a page may have. */
#define PVMEMCONTROL_PERM_MAX	32767

/* What a transaction has room for without memory from elsewhere. */
#define PVMEMCONTROL_PERM_INLINE	4

#define PVMEMCONTROL_PERM_COUNTERS	4

/**
 * struct pvmemcontrol_perm_change - what a transaction does to a range
 * @start: the first page
 * @nr: how many
 * @by: what is added to each page's counters
 */
struct pvmemcontrol_perm_change {
	/* private: */
	unsigned long start;
	unsigned long nr;
	s32 by[PVMEMCONTROL_PERM_COUNTERS];
};

/**
 * struct pvmemcontrol_perm_txn - changes that are made together
 * @applied: the changes have been made, whatever the host made of it; false:
 *	none of them
 * @error: what pvmemcontrol_perm_commit() returned
 * @failed_start: guest physical address of the first range that @error is about
 * @failed_length: bytes of it; 0 where @error is about no range
 * @ranges: that were sent to the host
 * @exits: that this took
 *
 * For the caller to read after pvmemcontrol_perm_commit().
 */
struct pvmemcontrol_perm_txn {
	bool applied;
	int error;
	phys_addr_t failed_start;
	u64 failed_length;
	u64 ranges;
	u64 exits;

	/* private: */
	bool sorted;
	u32 nr;
	u32 capacity;
	struct pvmemcontrol_perm_change *change;
	struct pvmemcontrol_perm_change inlined[PVMEMCONTROL_PERM_INLINE];
};

void pvmemcontrol_perm_begin(struct pvmemcontrol_perm_txn *txn);
int pvmemcontrol_perm_map(struct pvmemcontrol_perm_txn *txn, phys_addr_t start,
			  u64 length, unsigned int perms);
int pvmemcontrol_perm_change(struct pvmemcontrol_perm_txn *txn,
			     phys_addr_t start, u64 length,
			     unsigned int old, unsigned int perms);
int pvmemcontrol_perm_unmap(struct pvmemcontrol_perm_txn *txn,
			    phys_addr_t start, u64 length, unsigned int old);
int pvmemcontrol_perm_commit(struct pvmemcontrol_perm_txn *txn);
void pvmemcontrol_perm_abort(struct pvmemcontrol_perm_txn *txn);

int pvmemcontrol_perm_told(phys_addr_t start);

#endif /* _LINUX_PVMEMCONTROL_PERM_H */
