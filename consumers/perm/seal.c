// SPDX-License-Identifier: GPL-2.0
/*
 * Areas of read-only data, sealed and opened again.
 */

/**
 * DOC: Sealing
 *
 * An area is sealed by a mapping that permits reading, in the table of all
 * permissions, and opened by taking that away.  What each area is to be is
 * noted first; then one transaction makes of all what they are to be.
 *
 * When an area is opened its pages are about to be freed, and then may be
 * anybody's.  So it stays an area until the host is known to have opened them:
 * until then they are held, so that nobody gets them, and who finds one closed
 * all the same is told that this is a leftover (seal_owner.c).  It is tried
 * again every second.
 */

/**
 * DOC: Locking of areas
 *
 * seal_mutex guards the list, but for readers under RCU, and all that areas
 * are made of, but for what does not change while they are in it.  It is taken
 * before perm_mutex, and by module notifiers, so nothing that loads a module or
 * registers a notifier is called under it.
 */
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "perm.h"
#include "seal.h"

/* How long until those that wait are looked at, and what failed tried again. */
#define SEAL_WAIT	(HZ / 10)
#define SEAL_RETRY	HZ

/* Guards all of this: above. */
DEFINE_MUTEX(seal_mutex);
LIST_HEAD(seal_areas);
struct seal_stats seal_stats;

/* Nothing is sealed any more; guarded by seal_mutex. */
static bool seal_over;

static void seal_again(struct work_struct *work);
static DECLARE_DELAYED_WORK(seal_work, seal_again);

/**
 * seal_area_alloc() - Make an area without pages.
 * @of: the module whose it is to be, or NULL
 * @capacity: how many runs of pages it may have
 *
 * Context: Process context.  May sleep.
 * Return: The area, to be given to seal_enter() or seal_area_free(); or NULL.
 */
struct seal_area *seal_area_alloc(const void *of, unsigned int capacity)
{
	struct seal_area *area;

	area = kvzalloc(struct_size(area, run, capacity),
			GFP_KERNEL | __GFP_NOWARN);
	if (!area)
		return NULL;
	area->of = of;
	area->state = SEAL_SEALED;
	area->capacity = capacity;
	return area;
}

/**
 * seal_area_add_range() - An area has these pages as well.
 * @area: not entered yet
 * @start: the first
 * @nr: how many
 *
 * Return: 0, or -ENOSPC when it has no room for them.
 */
int seal_area_add_range(struct seal_area *area, unsigned long start,
			unsigned long nr)
{
	struct seal_run *last = NULL;

	if (area->nr_runs)
		last = &area->run[area->nr_runs - 1];
	if (last && last->start + last->nr == start) {
		last->nr += nr;
	} else if (last && start + nr == last->start) {
		last->start = start;
		last->nr += nr;
	} else if (area->nr_runs < area->capacity) {
		area->run[area->nr_runs].start = start;
		area->run[area->nr_runs++].nr = nr;
	} else {
		return -ENOSPC;
	}
	area->nr_pages += nr;
	return 0;
}

int seal_area_add_page(struct seal_area *area, unsigned long pfn)
{
	return seal_area_add_range(area, pfn, 1);
}

/* One that has not been entered. */
void seal_area_free(struct seal_area *area)
{
	kvfree(area);
}

/**
 * seal_enter() - An area is to be sealed, or to wait for that.
 * @area: whose pages are no other area's
 *
 * Context: Process context, under seal_mutex, and not seal_closed().
 */
void seal_enter(struct seal_area *area)
{
	lockdep_assert_held(&seal_mutex);

	list_add_tail_rcu(&area->node, &seal_areas);
}

static void seal_remove(struct seal_area *area)
{
	list_del_rcu(&area->node);
	kvfree_rcu(area, rcu);
}

/**
 * seal_leave() - All areas of somebody are to be open.
 * @of: the module, or NULL
 *
 * Context: Process context, under seal_mutex.
 */
void seal_leave(const void *of)
{
	struct seal_area *area;

	lockdep_assert_held(&seal_mutex);

	list_for_each_entry(area, &seal_areas, node)
		if (area->of == of)
			WRITE_ONCE(area->state, SEAL_LEAVING);
}

/* Whether somebody has areas that are not leaving. */
bool seal_known(const void *of)
{
	struct seal_area *area;

	lockdep_assert_held(&seal_mutex);

	list_for_each_entry(area, &seal_areas, node)
		if (area->of == of && area->state != SEAL_LEAVING)
			return true;
	return false;
}

/* Whether nothing may be entered any more. */
bool seal_closed(void)
{
	lockdep_assert_held(&seal_mutex);

	return seal_over;
}

/* Whether an area is not what it is to be. */
static bool seal_differs(const struct seal_area *area)
{
	if (area->state == SEAL_LEAVING)
		return area->mapped;
	return area->state == SEAL_SEALED && !area->mapped;
}

/* Whether the host permits what it is to, as far as is known. */
static bool seal_settled(const struct seal_area *area)
{
	struct mem_table_walk walk;
	struct mem_table_run *run;
	unsigned int i;

	for (i = 0; i < area->nr_runs; i++)
		mem_table_for_each_run(run, &walk, &perm_table,
				       area->run[i].start, area->run[i].nr)
			if (perm_told(run->value) != perm_wanted(run->value))
				return false;
	return true;
}

static void seal_collect(struct pvmemcontrol_perm_txn *txn,
			 const struct seal_area *area)
{
	unsigned int i;

	for (i = 0; i < area->nr_runs; i++) {
		phys_addr_t start = (phys_addr_t)area->run[i].start
				    << PAGE_SHIFT;
		u64 length = (u64)area->run[i].nr << PAGE_SHIFT;

		if (area->mapped)
			pvmemcontrol_perm_unmap(txn, start, length,
						PVMEMCONTROL_PERM_R);
		else
			pvmemcontrol_perm_map(txn, start, length,
					      PVMEMCONTROL_PERM_R);
	}
}

static void seal_done(struct seal_area *area, u64 exits)
{
	area->mapped = !area->mapped;
	if (area->mapped) {
		area->exits = exits;
		seal_stats.sealed++;
	} else {
		seal_stats.opened++;
	}
}

/*
 * Make of all areas, or of those that leave, what they are to be.  With no area
 * that differs what failed before is tried again.
 */
static int seal_commit(bool leaving_only)
{
	struct pvmemcontrol_perm_txn txn;
	struct seal_area *area;
	int err;

	pvmemcontrol_perm_begin(&txn);
	list_for_each_entry(area, &seal_areas, node)
		if (seal_differs(area) &&
		    (!leaving_only || area->state == SEAL_LEAVING))
			seal_collect(&txn, area);
	err = pvmemcontrol_perm_commit(&txn);
	seal_stats.exits += txn.exits;
	if (!txn.applied)
		return err;

	if (err) {
		seal_stats.host_errors++;
		/* That there is no VMM is nothing to say here. */
		if (err != -ENODEV && err != -EIO)
			pr_warn_once("pvmemcontrol_perm: the VMM does not seal or open all that it should: %pe\n",
				     ERR_PTR(err));
	}
	list_for_each_entry(area, &seal_areas, node)
		if (seal_differs(area) &&
		    (!leaving_only || area->state == SEAL_LEAVING))
			seal_done(area, txn.exits);
	return 0;
}

/* Those that could not be sealed do without: they are not tried again. */
static void seal_give_up(void)
{
	struct seal_area *area, *next;

	list_for_each_entry_safe(area, next, &seal_areas, node) {
		if (area->state != SEAL_SEALED || area->mapped)
			continue;
		seal_stats.failed++;
		seal_remove(area);
	}
}

/* The pages of an area go to nobody else, or may again. */
static void seal_hold(struct seal_area *area, bool hold)
{
	unsigned int i;

	if (!area->freed || area->held == hold)
		return;
	area->held = hold;
	seal_stats.held += hold ? area->nr_pages : -area->nr_pages;
	for (i = 0; i < area->nr_runs; i++) {
		unsigned long pfn = area->run[i].start;
		unsigned long end = pfn + area->run[i].nr;

		for (; pfn < end; pfn++) {
			if (hold)
				get_page(pfn_to_page(pfn));
			else
				put_page(pfn_to_page(pfn));
		}
	}
}

/* Those that left and are open are gone.  Returns how many are not. */
static unsigned int seal_bury(void)
{
	struct seal_area *area, *next;
	unsigned int left = 0;

	list_for_each_entry_safe(area, next, &seal_areas, node) {
		if (area->state != SEAL_LEAVING)
			continue;
		if (area->mapped || !seal_settled(area)) {
			seal_hold(area, true);
			left++;
			continue;
		}
		seal_hold(area, false);
		seal_remove(area);
	}
	return left;
}

/**
 * seal_flush() - Make of all areas what they are to be.
 *
 * Of those that leave nothing is to be done by the caller, also where it does
 * not succeed: their pages may be freed when this returns.
 *
 * Context: Process context, under seal_mutex.  Sleeps.
 */
void seal_flush(void)
{
	unsigned int waiting = 0, differ = 0, leave = 0;
	struct seal_area *area;

	lockdep_assert_held(&seal_mutex);

	list_for_each_entry(area, &seal_areas, node) {
		if (area->state == SEAL_WAITING && area->ready(area))
			WRITE_ONCE(area->state, SEAL_SEALED);
		waiting += area->state == SEAL_WAITING;
		leave += area->state == SEAL_LEAVING;
		differ += seal_differs(area);
	}
	if (differ || leave) {
		if (seal_commit(false)) {
			seal_give_up();
			seal_commit(true);
		}
		leave = seal_bury();
	}
	if (waiting)
		mod_delayed_work(system_wq, &seal_work, SEAL_WAIT);
	else if (leave)
		mod_delayed_work(system_wq, &seal_work, SEAL_RETRY);
}

static void seal_again(struct work_struct *work)
{
	mutex_lock(&seal_mutex);
	seal_flush();
	mutex_unlock(&seal_mutex);
}

/**
 * seal_close() - Open all areas, and let nothing be entered any more.
 *
 * Whose areas they are may go as long as we are told of it; from the end of this
 * on nothing is asked of them any more.
 *
 * Context: Process context, while we are told of modules that go.  Sleeps.
 */
void seal_close(void)
{
	struct seal_area *area;

	mutex_lock(&seal_mutex);
	seal_over = true;
	list_for_each_entry(area, &seal_areas, node)
		WRITE_ONCE(area->state, SEAL_LEAVING);
	seal_flush();
	mutex_unlock(&seal_mutex);
}

/**
 * seal_exit() - Open all areas, and forget them.
 *
 * Pages that the host might still seal stay held for ever.
 *
 * Context: Process context, when nobody enters areas any more; where their
 * owners may go, after seal_close().  Sleeps.
 */
void seal_exit(void)
{
	struct seal_area *area, *next;

	seal_close();
	mutex_lock(&seal_mutex);
	if (!list_empty(&seal_areas))
		pr_warn("pvmemcontrol_perm: the VMM does not open all that was sealed: %llu pages are lost\n",
			seal_stats.held);
	list_for_each_entry_safe(area, next, &seal_areas, node)
		seal_remove(area);
	/* Whoever begins again, which the tests do. */
	seal_over = false;
	mutex_unlock(&seal_mutex);
	cancel_delayed_work_sync(&seal_work);
}

/**
 * seal_describe() - Find the area that a page is in.
 * @pfn: the page
 * @state: what the area is to be
 * @what: its description, of PVMEMCONTROL_DESCRIPTION bytes
 *
 * Context: Any, NMI included, with preemption off.
 * Return: Whether there is one.
 */
bool seal_describe(unsigned long pfn, enum seal_state *state, char *what)
{
	struct seal_area *area;
	unsigned int i;

	list_for_each_entry_rcu(area, &seal_areas, node,
				rcu_read_lock_sched_held()) {
		for (i = 0; i < area->nr_runs; i++) {
			if (pfn - area->run[i].start >= area->run[i].nr)
				continue;
			*state = READ_ONCE(area->state);
			strscpy(what, area->what, PVMEMCONTROL_DESCRIPTION);
			return true;
		}
	}
	return false;
}
