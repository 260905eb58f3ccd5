// SPDX-License-Identifier: GPL-2.0
/*
 * Two drivers that tell pvmemcontrol_perm of mappings, at random: of pages that
 * both have, and of others of their own.  They touch what all mappings permit and
 * the host was told to permit, and nothing else: there is never a violation.
 */
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/io.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/prandom.h>
#include <linux/pvmemcontrol_perm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "soak.h"

#define SOAK_DRIVERS	2
#define SOAK_ORDER	5
#define SOAK_PAGES	32	/* of that order */
#define SOAK_WORDS	(PAGE_SIZE / sizeof(u64))
#define SOAK_RW		(PVMEMCONTROL_PERM_R | PVMEMCONTROL_PERM_W)
#define SOAK_UNMAPPED	0xff
#define SOAK_LAST_TRIES	600

/**
 * struct soak_area - pages that somebody maps
 * @lock: guards the others, from before a commit until the pages were looked at
 * @pages: them
 * @perms: what each driver's mapping of each permits, SOAK_UNMAPPED for none
 * @tag: what is in each
 */
struct soak_area {
	struct mutex lock;	/* above */
	struct page *pages;
	u8 perms[SOAK_DRIVERS][SOAK_PAGES];
	u64 tag[SOAK_PAGES];
};

struct soak_driver {
	struct task_struct *task;
	struct rnd_state rnd;
};

/* One for both, then one for each. */
static struct soak_area soak_areas[1 + SOAK_DRIVERS];
static struct soak_driver soak_drivers[SOAK_DRIVERS];

static u32 random_below(struct soak_driver *driver, u32 below)
{
	return prandom_u32_state(&driver->rnd) % below;
}

static phys_addr_t area_phys(struct soak_area *area, unsigned int page)
{
	return page_to_phys(area->pages + page);
}

static u64 *area_page(struct soak_area *area, unsigned int page)
{
	return page_address(area->pages + page);
}

/* What all mappings of a page permit together. */
static unsigned int area_wanted(struct soak_area *area, unsigned int page)
{
	unsigned int wanted = 0, i;
	bool mapped = false;

	for (i = 0; i < SOAK_DRIVERS; i++) {
		if (area->perms[i][page] == SOAK_UNMAPPED)
			continue;
		mapped = true;
		wanted |= area->perms[i][page];
	}
	return mapped ? wanted : SOAK_RW;
}

static void area_look(struct soak_area *area, unsigned int page, bool write)
{
	int told = pvmemcontrol_perm_told(area_phys(area, page));
	unsigned int may;

	/* What the host may not know yet it may be told at any time. */
	may = told < 0 ? 0 : told & area_wanted(area, page);
	if (!(may & PVMEMCONTROL_PERM_R)) {
		soak_count(SOAK_PAGES_CLOSED);
		return;
	}
	if (!soak_is_filled(area_page(area, page), SOAK_WORDS,
			    area->tag[page]))
		soak_wrong("a page has changed", page);
	soak_count(SOAK_PAGES_READ);
	if (!write || !(may & PVMEMCONTROL_PERM_W))
		return;
	area->tag[page] = soak_next_tag();
	soak_fill(area_page(area, page), SOAK_WORDS, area->tag[page]);
	soak_count(SOAK_PAGES_WRITTEN);
}

/* Whatever the driver has there, then it has @perms, in the table as well. */
static void area_collect(struct soak_area *area,
			 struct pvmemcontrol_perm_txn *txn, u8 *table,
			 unsigned int page, unsigned int nr, u8 perms)
{
	unsigned int end = page + nr, from;
	phys_addr_t start;
	u64 length;
	u8 old;

	while (page < end) {
		from = page;
		old = table[from];
		for (; page < end && table[page] == old; page++)
			table[page] = perms;
		start = area_phys(area, from);
		length = (page - from) * PAGE_SIZE;
		if (old == perms)
			continue;
		if (old == SOAK_UNMAPPED)
			pvmemcontrol_perm_map(txn, start, length, perms);
		else if (perms == SOAK_UNMAPPED)
			pvmemcontrol_perm_unmap(txn, start, length, old);
		else
			pvmemcontrol_perm_change(txn, start, length, old,
						 perms);
	}
}

/* With the lock held.  Returns what the commit does. */
static int area_commit(struct soak_area *area, unsigned int who,
		       struct pvmemcontrol_perm_txn *txn, const u8 *table)
{
	int err = pvmemcontrol_perm_commit(txn);

	soak_count(SOAK_COMMITS);
	if (err)
		soak_count(SOAK_COMMITS_ERRORS);
	/* It knows nothing of a mapping that we have, or the reverse. */
	if (err == -ERANGE || err == -EOVERFLOW)
		soak_wrong("mappings are not counted well", err);
	if (txn->applied)
		memcpy(area->perms[who], table, SOAK_PAGES);
	return err;
}

static void soak_transact(struct soak_driver *driver, struct soak_area *area)
{
	static const u8 perms[] = {
		SOAK_UNMAPPED, SOAK_UNMAPPED, 0, PVMEMCONTROL_PERM_R,
		PVMEMCONTROL_PERM_R, SOAK_RW, SOAK_RW,
		PVMEMCONTROL_PERM_R | PVMEMCONTROL_PERM_X
	};
	unsigned int who = driver - soak_drivers, i, page, nr;
	struct pvmemcontrol_perm_txn txn;
	u8 table[SOAK_PAGES];

	mutex_lock(&area->lock);
	memcpy(table, area->perms[who], sizeof(table));
	pvmemcontrol_perm_begin(&txn);
	for (i = random_below(driver, 6); i < 6; i++) {
		page = random_below(driver, SOAK_PAGES);
		nr = 1 + random_below(driver, SOAK_PAGES - page);
		area_collect(area, &txn, table, page, nr,
			     perms[random_below(driver, ARRAY_SIZE(perms))]);
	}
	if (random_below(driver, 16))
		area_commit(area, who, &txn, table);
	else
		pvmemcontrol_perm_abort(&txn);
	for (i = 0; i < SOAK_PAGES; i++)
		area_look(area, i, random_below(driver, 2));
	mutex_unlock(&area->lock);
}

static int soak_driver(void *arg)
{
	struct soak_driver *driver = arg;
	struct soak_area *own = &soak_areas[1 + (driver - soak_drivers)];

	set_user_nice(current, SOAK_NICE);
	while (!kthread_should_stop()) {
		soak_transact(driver, random_below(driver, 2) ? own :
								soak_areas);
		if (random_below(driver, 32) == 0)
			msleep(100);
		else
			usleep_range(2000, 20000);
		cond_resched_tasks_rcu_qs();
	}
	return 0;
}

/* Until the host has opened all, or seems never to. */
static void area_leave(struct soak_area *area)
{
	struct pvmemcontrol_perm_txn txn;
	unsigned int who, tries, i;
	u8 table[SOAK_PAGES];
	int err = 0;

	mutex_lock(&area->lock);
	for (tries = 0; tries < SOAK_LAST_TRIES; tries++) {
		for (who = 0; who < SOAK_DRIVERS; who++) {
			memcpy(table, area->perms[who], sizeof(table));
			pvmemcontrol_perm_begin(&txn);
			area_collect(area, &txn, table, 0, SOAK_PAGES,
				     SOAK_UNMAPPED);
			err = area_commit(area, who, &txn, table) ?: err;
		}
		/* Nor anything of before that was left undone. */
		pvmemcontrol_perm_begin(&txn);
		err = pvmemcontrol_perm_commit(&txn) ?: err;
		if (!err)
			break;
		err = 0;
		msleep(100);
	}
	for (i = 0; i < SOAK_PAGES; i++)
		area_look(area, i, true);
	mutex_unlock(&area->lock);
	if (tries < SOAK_LAST_TRIES) {
		__free_pages(area->pages, SOAK_ORDER);
	} else {
		/* What may be closed goes to nobody. */
		soak_count(SOAK_STUCK);
	}
	area->pages = NULL;
}

static int area_init(struct soak_area *area)
{
	unsigned int i;

	mutex_init(&area->lock);
	memset(area->perms, SOAK_UNMAPPED, sizeof(area->perms));
	area->pages = alloc_pages(GFP_KERNEL, SOAK_ORDER);
	if (!area->pages)
		return -ENOMEM;
	for (i = 0; i < SOAK_PAGES; i++) {
		area->tag[i] = soak_next_tag();
		soak_fill(area_page(area, i), SOAK_WORDS, area->tag[i]);
	}
	return 0;
}

void soak_perms_stop(void)
{
	unsigned int i;

	for (i = 0; i < SOAK_DRIVERS; i++) {
		if (soak_drivers[i].task)
			kthread_stop(soak_drivers[i].task);
		soak_drivers[i].task = NULL;
	}
	for (i = 0; i < ARRAY_SIZE(soak_areas); i++)
		if (soak_areas[i].pages)
			area_leave(&soak_areas[i]);
}

int soak_perms_start(u64 seed)
{
	struct task_struct *task;
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(soak_areas); i++) {
		err = area_init(&soak_areas[i]);
		if (err)
			goto stop;
	}
	for (i = 0; i < SOAK_DRIVERS; i++) {
		prandom_seed_state(&soak_drivers[i].rnd,
				   ~seed * SOAK_DRIVERS + i);
		task = kthread_run(soak_driver, &soak_drivers[i],
				   "pvmc_soak_perm/%u", i);
		if (IS_ERR(task)) {
			err = PTR_ERR(task);
			goto stop;
		}
		soak_drivers[i].task = task;
	}
	return 0;

stop:
	soak_perms_stop();
	return err;
}
