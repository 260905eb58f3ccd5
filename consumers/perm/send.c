// SPDX-License-Identifier: GPL-2.0
/*
 * Telling the host what it has to know, in as few ranges as there can be.
 *
 * A run is as long as pages want the same, begins and ends with pages that
 * want something else than the host was told, and passes over pages that have
 * what they want.  It never leaves the pages that are this table's: of others
 * it is not known what somebody else may have told the host, or whether they
 * are RAM.  As each run is right for all of its pages, none has for a moment
 * what it should not, and with that no fewer ranges do.
 *
 * Runs are planned first, and sent when it is certain that there is nothing
 * that could have the changes taken back.
 */
#include <linux/kernel.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "perm.h"

/*
 * Pages of which the host may have to be told something apart from those of a
 * transaction: what failed.  Guarded by perm_mutex.
 */
static unsigned long perm_left_start, perm_left_end;

/*
 * Whether the VMM may have closed any page: it said anything but that it does
 * not know the function.  Guarded by perm_mutex.
 */
static bool perm_host_closes;

/* Before anything is sent. */
void perm_send_init(void)
{
	perm_left_start = 0;
	perm_left_end = 0;
	perm_host_closes = false;
}

static void perm_leave(unsigned long start, unsigned long nr)
{
	if (perm_left_start == perm_left_end) {
		perm_left_start = start;
		perm_left_end = start + nr;
		return;
	}
	perm_left_start = min(perm_left_start, start);
	perm_left_end = max(perm_left_end, start + nr);
}

/* Whether a range has to do with a transaction. */
static bool perm_txn_concerned(const struct pvmemcontrol_perm_txn *txn,
			       unsigned long start, unsigned long nr)
{
	u32 low = 0, high = txn->nr;

	/* One that changes nothing is there to say what failed before. */
	if (!txn->nr)
		return true;
	/* The first that does not end before the range begins. */
	while (low < high) {
		u32 i = low + (high - low) / 2;

		if (txn->change[i].start + txn->change[i].nr <= start)
			low = i + 1;
		else
			high = i;
	}
	return low < txn->nr && txn->change[low].start < start + nr;
}

static void perm_failed(struct perm_send *send, unsigned long start,
			unsigned long nr, int error)
{
	struct pvmemcontrol_perm_txn *txn = send->txn;

	perm_leave(start, nr);
	if (!txn || txn->error || !perm_txn_concerned(txn, start, nr))
		return;
	txn->error = error;
	txn->failed_start = (phys_addr_t)start << PAGE_SHIFT;
	txn->failed_length = (u64)nr << PAGE_SHIFT;
}

static void perm_report(struct pvmemcontrol_batch *batch,
			const struct pvmemcontrol_range *range, u64 done,
			int error)
{
	struct perm_send *send = container_of(batch, struct perm_send, batch);
	unsigned long start = range->start >> PAGE_SHIFT;
	unsigned long nr = range->length >> PAGE_SHIFT;
	enum perm_told told;

	if (error != -EOPNOTSUPP || done)
		perm_host_closes = true;
	if (likely(!error && !send->settle))
		return;
	done = error ? min_t(u64, done >> PAGE_SHIFT, nr) : nr;
	if (send->settle)
		perm_table_told(start, done, perm_told_of_func(range->func));
	if (error) {
		/* What it never closed is open. */
		told = perm_host_closes ? PERM_TOLD_UNKNOWN : PERM_TOLD_RW;
		perm_table_told(start + done, nr - done, told);
		perm_failed(send, start, nr, error);
	}
}

/* Sends what is planned. */
static void perm_send_plan(struct perm_send *send)
{
	size_t i;

	for (i = 0; i < send->nr; i++) {
		const struct perm_run *run = &send->plan[i];

		/* Cannot fail with what comes from a table of pages. */
		WARN_ON(pvmemcontrol_batch_add(&send->batch,
					       perm_func(run->told),
					       (phys_addr_t)run->start <<
							PAGE_SHIFT,
					       (u64)(run->end - run->start) <<
							PAGE_SHIFT, 0));
	}
	send->nr = 0;
	/* What goes wrong is reported. */
	pvmemcontrol_batch_flush(&send->batch);
}

static int perm_plan_grow(struct perm_send *send)
{
	size_t capacity = max_t(size_t, 2 * send->capacity,
				PAGE_SIZE / sizeof(*send->plan));
	struct perm_run *plan;

	plan = kvmalloc_array(capacity, sizeof(*plan), GFP_KERNEL);
	if (!plan)
		return -ENOMEM;
	memcpy(plan, send->plan, send->nr * sizeof(*plan));
	if (send->plan != send->inlined)
		kvfree(send->plan);
	send->plan = plan;
	send->capacity = capacity;
	return 0;
}

/* The run ends here. */
static int perm_send_run(struct perm_send *send)
{
	int err;

	if (!send->have)
		return 0;
	if (send->nr == send->capacity) {
		err = perm_plan_grow(send);
		if (err && send->txn)
			return err;
		/* Nothing to take back: it only costs exits. */
		if (err)
			perm_send_plan(send);
	}
	send->have = false;
	send->plan[send->nr++] = send->run;
	return 0;
}

/**
 * perm_send_look() - Look at pages, whether something has to be said of them.
 * @send: begun
 * @run: pages of one value, not before those looked at so far
 * @new: the value that they get, as far as it is about mappings
 *
 * Context: Process context, under perm_mutex.  May sleep.
 * Return: 0, or -ENOMEM where there is a transaction.
 */
int perm_send_look(struct perm_send *send, const struct mem_table_run *run,
		   unsigned long new)
{
	enum perm_told wanted = send->open_all ? PERM_TOLD_RW :
						 perm_wanted(new);
	bool need = perm_told(run->value) != wanted;
	int err;

	send->next = run->start + run->nr;
	if (send->have && (wanted != send->run.told || (!need && !new))) {
		err = perm_send_run(send);
		if (err)
			return err;
	}
	if (!need)
		return 0;
	if (!send->have) {
		send->have = true;
		send->run.start = run->start;
		send->run.told = wanted;
	}
	send->run.end = send->next;
	return 0;
}

/* Look at all pages up to @end, or as long as there is a run that goes on. */
static int perm_send_range(struct perm_send *send, unsigned long end, bool all)
{
	/* Too large for the stack; guarded by perm_mutex. */
	static struct mem_table_walk walk;
	struct mem_table_run *run;
	unsigned long start = send->next;
	int err;

	if (start >= end)
		return 0;
	send->next = end;
	if (!all && !send->have)
		return 0;
	/* Most often it does not get far. */
	if (!all && !mem_table_load(&perm_table, start))
		return perm_send_run(send);
	mem_table_for_each_run(run, &walk, &perm_table, start, end - start) {
		err = perm_send_look(send, run, run->value);
		if (err)
			return err;
		if (!all && !send->have)
			break;
	}
	send->next = end;
	return 0;
}

/**
 * perm_send_until() - Deal with pages that no transaction has to do with.
 * @send: begun
 * @end: up to here, from where the last look ended
 *
 * Context: Process context, under perm_mutex.  May sleep.
 * Return: 0, or -ENOMEM where there is a transaction.
 */
int perm_send_until(struct perm_send *send, unsigned long end)
{
	int err;

	err = perm_send_range(send, min(end, send->left_start), false);
	if (!err)
		err = perm_send_range(send, min(end, send->left_end), true);
	if (!err)
		err = perm_send_range(send, end, false);
	return err;
}

/**
 * perm_send_begin() - Begin to plan what the host is to be told.
 * @send: until perm_send_end() or perm_send_cancel()
 * @txn: whose commit it is, or NULL
 *
 * Context: Process context, under perm_mutex.
 */
void perm_send_begin(struct perm_send *send, struct pvmemcontrol_perm_txn *txn)
{
	lockdep_assert_held(&perm_mutex);

	send->txn = txn;
	send->open_all = false;
	send->have = false;
	send->next = 0;
	send->left_start = perm_left_start;
	send->left_end = perm_left_end;
	send->settle = perm_left_start != perm_left_end;
	send->nr = 0;
	send->capacity = ARRAY_SIZE(send->inlined);
	send->plan = send->inlined;
	pvmemcontrol_batch_init(&send->batch, &pvmc_perm_client, GFP_KERNEL);
	send->batch.report = perm_report;
}

/**
 * perm_send_cancel() - Tell the host nothing.
 * @send: begun; not any more afterwards
 *
 * Context: Process context.
 */
void perm_send_cancel(struct perm_send *send)
{
	pvmemcontrol_batch_finish(&send->batch);
	if (send->plan != send->inlined)
		kvfree(send->plan);
}

static void perm_send_planned(struct perm_send *send)
{
	struct pvmemcontrol_batch *batch = &send->batch;

	perm_left_start = 0;
	perm_left_end = 0;
	perm_send_plan(send);
	perm_stats.ranges += batch->ranges;
	perm_stats.pages += batch->pages;
	perm_stats.exits += batch->exits;
	perm_stats.errors += batch->errors;
	perm_send_cancel(send);
}

/**
 * perm_send_end() - Plan what is left, and tell the host all of it.
 * @send: begun; not any more afterwards, if it succeeds
 *
 * Context: Process context, under perm_mutex.  May sleep.
 * Return: 0; or -ENOMEM where there is a transaction, with nothing told.
 */
int perm_send_end(struct perm_send *send)
{
	int err;

	err = perm_send_until(send, max(send->next, send->left_end));
	if (!err)
		err = perm_send_run(send);
	if (!err)
		perm_send_planned(send);
	return err;
}

/**
 * perm_send_all() - Tell the host of all pages what it was not told.
 * @send: what came of it
 * @open_all: that all may be read and written, whatever they want
 *
 * Context: Process context, under perm_mutex.  May sleep.
 */
void perm_send_all(struct perm_send *send, bool open_all)
{
	perm_send_begin(send, NULL);
	send->open_all = open_all;
	send->settle = true;
	send->left_start = 0;
	send->left_end = MEM_TABLE_PAGES;
	perm_send_end(send);
}
