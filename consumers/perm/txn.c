// SPDX-License-Identifier: GPL-2.0
/*
 * Transactions: changes are collected where nobody else sees them, and made of
 * them is one change for each page.
 */
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/sort.h>
#include <linux/string.h>

#include "perm.h"

#define PERM_ALL	(PVMEMCONTROL_PERM_R | PVMEMCONTROL_PERM_W | \
			 PVMEMCONTROL_PERM_X)

/**
 * pvmemcontrol_perm_begin() - Begin to collect changes.
 * @txn: usually on the stack
 *
 * Ends with pvmemcontrol_perm_commit() or pvmemcontrol_perm_abort().
 *
 * Context: Any.
 */
void pvmemcontrol_perm_begin(struct pvmemcontrol_perm_txn *txn)
{
	txn->applied = false;
	txn->error = 0;
	txn->failed_start = 0;
	txn->failed_length = 0;
	txn->ranges = 0;
	txn->exits = 0;
	txn->sorted = true;
	txn->nr = 0;
	txn->capacity = PVMEMCONTROL_PERM_INLINE;
	txn->change = txn->inlined;
}
EXPORT_SYMBOL_GPL(pvmemcontrol_perm_begin);

static void perm_txn_free(struct pvmemcontrol_perm_txn *txn)
{
	if (txn->change != txn->inlined)
		kvfree(txn->change);
	txn->change = txn->inlined;
	txn->capacity = PVMEMCONTROL_PERM_INLINE;
	txn->nr = 0;
	txn->sorted = true;
}

/**
 * pvmemcontrol_perm_abort() - Forget the changes that were collected.
 * @txn: begun; not begun any more afterwards
 *
 * Harmless after pvmemcontrol_perm_commit().
 *
 * Context: Process context.
 */
void pvmemcontrol_perm_abort(struct pvmemcontrol_perm_txn *txn)
{
	perm_txn_free(txn);
}
EXPORT_SYMBOL_GPL(pvmemcontrol_perm_abort);

static int perm_txn_grow(struct pvmemcontrol_perm_txn *txn)
{
	struct pvmemcontrol_perm_change *change;
	u32 capacity;

	if (check_mul_overflow(txn->capacity, 2U, &capacity))
		return -ENOMEM;
	change = kvmalloc_array(capacity, sizeof(*change), GFP_KERNEL);
	if (!change)
		return -ENOMEM;
	memcpy(change, txn->change, txn->nr * sizeof(*change));
	if (txn->change != txn->inlined)
		kvfree(txn->change);
	txn->change = change;
	txn->capacity = capacity;
	return 0;
}

static void perm_txn_count(s32 *by, unsigned int perms, s32 n)
{
	by[PERM_MAPPINGS] += n;
	if (perms & PVMEMCONTROL_PERM_R)
		by[PERM_READABLE] += n;
	if (perms & PVMEMCONTROL_PERM_W)
		by[PERM_WRITABLE] += n;
	if (perms & PVMEMCONTROL_PERM_X)
		by[PERM_EXECUTABLE] += n;
}

static bool perm_by_nothing(const s32 *by)
{
	return !(by[PERM_MAPPINGS] | by[PERM_READABLE] | by[PERM_WRITABLE] |
		 by[PERM_EXECUTABLE]);
}

static int __perm_txn_add(struct pvmemcontrol_perm_txn *txn, phys_addr_t phys,
			  u64 length, const s32 *by)
{
	struct pvmemcontrol_perm_change *last = NULL;
	unsigned long start = phys >> PAGE_SHIFT;
	unsigned long nr = length >> PAGE_SHIFT;
	int err;

	if (!length || ((phys | length) & ~PAGE_MASK) ||
	    start >= MEM_TABLE_PAGES || nr > MEM_TABLE_PAGES - start)
		return -EINVAL;
	if (perm_by_nothing(by))
		return 0;

	if (txn->nr)
		last = &txn->change[txn->nr - 1];
	if (last && last->start + last->nr == start &&
	    !memcmp(last->by, by, sizeof(last->by))) {
		last->nr += nr;
		return 0;
	}
	if (txn->nr == txn->capacity) {
		err = perm_txn_grow(txn);
		if (err)
			return err;
		if (last)
			last = &txn->change[txn->nr - 1];
	}
	if (last && last->start + last->nr > start)
		txn->sorted = false;
	last = &txn->change[txn->nr++];
	last->start = start;
	last->nr = nr;
	memcpy(last->by, by, sizeof(last->by));
	return 0;
}

static int perm_txn_add(struct pvmemcontrol_perm_txn *txn, phys_addr_t start,
			u64 length, unsigned int perms, const s32 *by)
{
	int err;

	if (txn->error)
		return txn->error;
	err = -EINVAL;
	if (!(perms & ~PERM_ALL))
		err = __perm_txn_add(txn, start, length, by);
	if (err) {
		txn->error = err;
		txn->failed_start = start;
		txn->failed_length = length;
	}
	return err;
}

/**
 * pvmemcontrol_perm_map() - A range is being mapped once more.
 * @txn: begun
 * @start: guest physical address of the first byte, a multiple of PAGE_SIZE
 * @length: bytes, a multiple of PAGE_SIZE and not 0
 * @perms: set of PVMEMCONTROL_PERM_*: what the mapping permits, or 0
 *
 * An error is also what pvmemcontrol_perm_commit() then returns, having done
 * nothing, so it is enough to look there.
 *
 * Context: Process context.  May sleep.
 * Return: 0; -EINVAL when that is no range, or no set of permissions; -ENOMEM;
 * or the transaction's earlier error.
 */
int pvmemcontrol_perm_map(struct pvmemcontrol_perm_txn *txn, phys_addr_t start,
			  u64 length, unsigned int perms)
{
	s32 by[NR_PERM_COUNTERS] = {};

	perm_txn_count(by, perms, 1);
	return perm_txn_add(txn, start, length, perms, by);
}
EXPORT_SYMBOL_GPL(pvmemcontrol_perm_map);

/**
 * pvmemcontrol_perm_change() - A mapping of a range gets other permissions.
 * @txn: begun
 * @start: as for pvmemcontrol_perm_map()
 * @length: as for pvmemcontrol_perm_map()
 * @old: what the mapping permitted
 * @perms: what it permits now
 *
 * Context: Process context.  May sleep.
 * Return: As pvmemcontrol_perm_map().
 */
int pvmemcontrol_perm_change(struct pvmemcontrol_perm_txn *txn,
			     phys_addr_t start, u64 length,
			     unsigned int old, unsigned int perms)
{
	s32 by[NR_PERM_COUNTERS] = {};

	perm_txn_count(by, old, -1);
	perm_txn_count(by, perms, 1);
	return perm_txn_add(txn, start, length, old | perms, by);
}
EXPORT_SYMBOL_GPL(pvmemcontrol_perm_change);

/**
 * pvmemcontrol_perm_unmap() - A mapping of a range is being removed.
 * @txn: begun
 * @start: as for pvmemcontrol_perm_map()
 * @length: as for pvmemcontrol_perm_map()
 * @old: what the mapping permitted
 *
 * Context: Process context.  May sleep.
 * Return: As pvmemcontrol_perm_map().
 */
int pvmemcontrol_perm_unmap(struct pvmemcontrol_perm_txn *txn,
			    phys_addr_t start, u64 length, unsigned int old)
{
	s32 by[NR_PERM_COUNTERS] = {};

	perm_txn_count(by, old, -1);
	return perm_txn_add(txn, start, length, old, by);
}
EXPORT_SYMBOL_GPL(pvmemcontrol_perm_unmap);

/* Where changes begin or cease to apply. */
struct perm_edge {
	unsigned long at;
	s32 by[NR_PERM_COUNTERS];
};

static int perm_edge_compare(const void *a, const void *b)
{
	const struct perm_edge *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

/**
 * perm_txn_normalise() - Make one change for each page of all there are.
 * @txn: with changes in any order, and more than one for a page
 *
 * Afterwards no two ranges overlap, and they are in ascending order.  Most
 * transactions are like that from the start.
 *
 * Context: Process context.  May sleep.
 * Return: 0, or -ENOMEM with the transaction as it was.
 */
int perm_txn_normalise(struct pvmemcontrol_perm_txn *txn)
{
	struct pvmemcontrol_perm_change *change;
	s32 by[NR_PERM_COUNTERS] = {};
	struct perm_edge *edges;
	size_t i, j, nr_edges;
	u32 nr = 0;

	if (txn->sorted)
		return 0;

	nr_edges = 2 * (size_t)txn->nr;
	edges = kvmalloc_array(nr_edges, sizeof(*edges), GFP_KERNEL);
	change = kvmalloc_array(nr_edges, sizeof(*change), GFP_KERNEL);
	if (!edges || !change) {
		kvfree(edges);
		kvfree(change);
		return -ENOMEM;
	}
	for (i = 0; i < txn->nr; i++) {
		const struct pvmemcontrol_perm_change *c = &txn->change[i];

		edges[2 * i].at = c->start;
		edges[2 * i + 1].at = c->start + c->nr;
		for (j = 0; j < NR_PERM_COUNTERS; j++) {
			edges[2 * i].by[j] = c->by[j];
			edges[2 * i + 1].by[j] = -c->by[j];
		}
	}
	sort(edges, nr_edges, sizeof(*edges), perm_edge_compare, NULL);

	for (i = 0; i < nr_edges; i++) {
		struct pvmemcontrol_perm_change *last;

		for (j = 0; j < NR_PERM_COUNTERS; j++)
			by[j] += edges[i].by[j];
		if (i + 1 == nr_edges || edges[i + 1].at == edges[i].at ||
		    perm_by_nothing(by))
			continue;
		last = nr ? &change[nr - 1] : NULL;
		if (last && last->start + last->nr == edges[i].at &&
		    !memcmp(last->by, by, sizeof(by))) {
			last->nr += edges[i + 1].at - edges[i].at;
			continue;
		}
		last = &change[nr++];
		last->start = edges[i].at;
		last->nr = edges[i + 1].at - edges[i].at;
		memcpy(last->by, by, sizeof(by));
	}
	kvfree(edges);

	if (txn->change != txn->inlined)
		kvfree(txn->change);
	txn->change = change;
	txn->capacity = nr_edges;
	txn->nr = nr;
	txn->sorted = true;
	return 0;
}
