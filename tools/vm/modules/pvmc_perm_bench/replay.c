// SPDX-License-Identifier: GPL-2.0
/*
 * Replays a recorded list on memory that nobody uses: a call for each page, or
 * commits.
 */
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "bench.h"

/* What each page is mapped with, and what a host was told page by page. */
static u8 *replay_parts[LIST_PARTS];
static u8 *replay_told;

static enum replay_way replay_way;
static unsigned long replay_base;
static bool replay_started;

void replay_free(void)
{
	int i;

	for (i = 0; i < LIST_PARTS; i++) {
		kvfree(replay_parts[i]);
		replay_parts[i] = NULL;
	}
	kvfree(replay_told);
	replay_told = NULL;
	replay_started = false;
}

static int replay_alloc(void)
{
	int i;

	replay_told = kvmalloc(LIST_PAGES, GFP_KERNEL);
	if (!replay_told)
		return -ENOMEM;
	memset(replay_told, PVMEMCONTROL_MPROTECT_RW, LIST_PAGES);
	for (i = 0; i < LIST_PARTS; i++) {
		replay_parts[i] = kvmalloc(LIST_PAGES, GFP_KERNEL);
		if (!replay_parts[i])
			return -ENOMEM;
		memset(replay_parts[i], LIST_ABSENT, LIST_PAGES);
	}
	return 0;
}

static phys_addr_t replay_phys(unsigned long page)
{
	return (phys_addr_t)(replay_base + page) << PAGE_SHIFT;
}

static u32 replay_wanted(unsigned long page)
{
	unsigned int perms = 0;
	int i;

	for (i = 0; i < LIST_PARTS; i++)
		perms |= replay_parts[i][page];
	/* Not a mapping anywhere. */
	if (perms == LIST_ABSENT)
		return PVMEMCONTROL_MPROTECT_RW;
	if (!(perms & PVMEMCONTROL_PERM_W))
		return PVMEMCONTROL_MPROTECT_R;
	return perms & (PVMEMCONTROL_PERM_R | PVMEMCONTROL_PERM_X) ?
	       PVMEMCONTROL_MPROTECT_RW : PVMEMCONTROL_MPROTECT_W;
}

static int replay_page(unsigned long page, struct replay_result *result)
{
	u32 wanted = replay_wanted(page);

	if (replay_told[page] == wanted)
		return 0;
	replay_told[page] = wanted;
	result->pages++;
	result->ranges++;
	result->exits++;
	return pvmemcontrol_call(&bench_client, wanted, replay_phys(page),
				 PAGE_SIZE, 0, NULL);
}

static int replay_txn_pages(const struct list_txn *txn,
			    struct replay_result *result)
{
	const struct list_change *c;
	unsigned long page;
	int err = 0;

	/* All of it, and then each page once. */
	for (c = &list_changes[txn[0].change]; c < &list_changes[txn[1].change];
	     c++)
		memset(replay_parts[c->part] + c->first, c->new,
		       c->end - c->first);
	for (c = &list_changes[txn[0].change]; c < &list_changes[txn[1].change];
	     c++)
		for (page = c->first; page < c->end && !err; page++)
			err = replay_page(page, result);
	return err;
}

static void replay_add(struct pvmemcontrol_perm_txn *perm,
		       const struct list_change *c)
{
	phys_addr_t start = replay_phys(c->first);
	u64 length = (u64)(c->end - c->first) << PAGE_SHIFT;

	if (c->old == LIST_ABSENT)
		pvmemcontrol_perm_map(perm, start, length, c->new);
	else if (c->new == LIST_ABSENT)
		pvmemcontrol_perm_unmap(perm, start, length, c->old);
	else
		pvmemcontrol_perm_change(perm, start, length, c->old, c->new);
	memset(replay_parts[c->part] + c->first, c->new, c->end - c->first);
}

/* All up to @end in one commit. */
static int replay_txns_commit(const struct list_txn *txn,
			      const struct list_txn *end,
			      struct replay_result *result)
{
	struct pvmemcontrol_perm_txn perm;
	u32 i;
	int err;

	pvmemcontrol_perm_begin(&perm);
	for (i = txn->change; i < end->change; i++)
		replay_add(&perm, &list_changes[i]);
	err = pvmemcontrol_perm_commit(&perm);
	result->ranges += perm.ranges;
	result->exits += perm.exits;
	return err;
}

static int replay_txns(const struct list_txn *txn, const struct list_txn *end,
		       struct replay_result *result)
{
	int err = 0;

	while (txn < end && !err) {
		const struct list_txn *next = txn + 1;

		while (replay_way == REPLAY_PHASES && next < end &&
		       next->phase == txn->phase)
			next++;
		if (replay_way == REPLAY_PAGES)
			err = replay_txn_pages(txn, result);
		else
			err = replay_txns_commit(txn, next, result);
		txn = next;
		cond_resched();
	}
	return err;
}

/* Has the host know the state at the list's beginning. */
int replay_start(enum replay_way way, unsigned long base)
{
	struct replay_result unused = {};
	int err;

	if (replay_started || !list_nr_txns)
		return -EINVAL;
	err = replay_alloc();
	if (err) {
		replay_free();
		return err;
	}
	replay_way = way;
	replay_base = base;
	replay_started = true;
	return replay_txns(list_txns, list_txns + 1, &unused);
}

/* All the changes of the list. */
int replay_go(struct replay_result *result)
{
	u64 begin = ktime_get_ns();
	int err;

	if (!replay_started)
		return -EINVAL;
	memset(result, 0, sizeof(*result));
	err = replay_txns(list_txns + 1, list_txns + list_nr_txns, result);
	result->ns = ktime_get_ns() - begin;
	return err;
}

static void replay_unmap(struct pvmemcontrol_perm_txn *perm, const u8 *part)
{
	unsigned long page, first = 0;

	for (page = 1; page <= LIST_PAGES; page++) {
		if (page < LIST_PAGES && part[page] == part[first])
			continue;
		if (part[first] != LIST_ABSENT)
			pvmemcontrol_perm_unmap(perm, replay_phys(first),
						(page - first) << PAGE_SHIFT,
						part[first]);
		first = page;
	}
}

/* Has the host permit everything again. */
int replay_stop(void)
{
	struct pvmemcontrol_perm_txn perm;
	int i, err;

	if (!replay_started)
		return -EINVAL;
	if (replay_way == REPLAY_PAGES) {
		err = pvmemcontrol_call(&bench_client, PVMEMCONTROL_MPROTECT_RW,
					replay_phys(0),
					(u64)LIST_PAGES << PAGE_SHIFT, 0, NULL);
	} else {
		pvmemcontrol_perm_begin(&perm);
		for (i = 0; i < LIST_PARTS; i++)
			replay_unmap(&perm, replay_parts[i]);
		err = pvmemcontrol_perm_commit(&perm);
	}
	replay_free();
	return err;
}
