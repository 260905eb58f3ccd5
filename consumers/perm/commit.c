// SPDX-License-Identifier: GPL-2.0
/*
 * Committing transactions, and what the core says of the device.
 */

/**
 * DOC: Locking
 *
 * perm_mutex guards perm_table against writers, what has been left unsaid,
 * whether there is a host to tell, and the statistics.  It is held from the
 * first change of a commit until all that was sent has been answered, so what
 * the table says the host was told is what it was told last.  The core's own
 * mutex is held when its callbacks come, and is taken before this one; nothing
 * that takes it is called under this one.
 *
 * Readers of the table, pvmemcontrol_perm_told(), take no lock.
 */
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/workqueue.h>

#include "perm.h"
#include "seal.h"

#define CREATE_TRACE_POINTS
#include <trace/events/pvmemcontrol_perm.h>

/* Guards everything but reading the table: above. */
DEFINE_MUTEX(perm_mutex);

struct perm_stats perm_stats;

/*
 * 0: calls reach the host; else why it makes no sense to try.  Then all is said
 * when it does again.  Guarded by perm_mutex.
 */
static int perm_unreachable = -ENODEV;

static void perm_name_failed(struct pvmemcontrol_perm_txn *txn,
			     const struct mem_table_run *run)
{
	txn->failed_start = (phys_addr_t)run->start << PAGE_SHIFT;
	txn->failed_length = (u64)run->nr << PAGE_SHIFT;
}

/* How many values are looked up before they are replaced: see below. */
#define PERM_PENDING	32

/**
 * struct perm_apply - how far a transaction has been applied
 * @txn: the transaction
 * @send: where to plan what is to be said, or NULL
 * @applied: the pages of its changes before this one have their new values
 * @nr: how many runs have not, though their values are known
 * @pending: those, with the new values
 */
struct perm_apply {
	struct pvmemcontrol_perm_txn *txn;
	struct perm_send *send;
	unsigned long applied;
	unsigned int nr;
	struct mem_table_run pending[PERM_PENDING];
};

static int perm_store_pending(struct perm_apply *apply)
{
	const struct mem_table_run *run;
	unsigned int i;
	int err;

	for (i = 0; i < apply->nr; i++) {
		run = &apply->pending[i];
		err = mem_table_store(&perm_table, run->start, run->nr,
				      run->value, GFP_KERNEL);
		if (err) {
			perm_name_failed(apply->txn, run);
			return err;
		}
		apply->applied = run->start + run->nr;
	}
	apply->nr = 0;
	return 0;
}

/*
 * Make a change, and plan what is to be said of it.
 *
 * New values are stored some runs later: where a large entry is cut for one
 * change, looking at the next one in it costs a look at each page.
 */
static int perm_apply(struct perm_apply *apply,
		      const struct pvmemcontrol_perm_change *c)
{
	struct perm_send *send = apply->send;
	/* Too large for the stack; guarded by perm_mutex. */
	static struct mem_table_walk walk;
	struct mem_table_run *run;
	long new;
	int err;

	err = send ? perm_send_until(send, c->start) : 0;
	if (err)
		return err;
	mem_table_for_each_run(run, &walk, &perm_table, c->start, c->nr) {
		new = perm_value_change(run->value, c->by, send);
		if (new < 0) {
			perm_name_failed(apply->txn, run);
			return new;
		}
		err = send ? perm_send_look(send, run, new) : 0;
		if (!err && apply->nr == PERM_PENDING)
			err = perm_store_pending(apply);
		if (err)
			return err;
		apply->pending[apply->nr] = *run;
		apply->pending[apply->nr++].value = new;
	}
	return 0;
}

/* All of the changes or none; with @send, up to the host's being told. */
static int perm_apply_all(struct pvmemcontrol_perm_txn *txn,
			  struct perm_send *send)
{
	struct perm_apply apply = { .txn = txn, .send = send };
	const struct pvmemcontrol_perm_change *c;
	u32 i;
	int err = 0;

	for (i = 0; i < txn->nr && !err; i++)
		err = perm_apply(&apply, &txn->change[i]);
	err = err ?: perm_store_pending(&apply);
	if (!err && send)
		err = perm_send_end(send);
	if (!err)
		return 0;

	if (send)
		perm_send_cancel(send);
	for (i = 0; i < txn->nr; i++) {
		c = &txn->change[i];
		if (c->start >= apply.applied)
			break;
		perm_table_undo(c->start, min(c->nr, apply.applied - c->start),
				c->by, send);
	}
	return err;
}

static int perm_commit(struct pvmemcontrol_perm_txn *txn)
{
	struct perm_send send;
	int err;

	if (!perm_unreachable)
		perm_send_begin(&send, txn);
	err = perm_apply_all(txn, perm_unreachable ? NULL : &send);
	if (err) {
		perm_stats.refused++;
		txn->error = err;
		return err;
	}
	txn->applied = true;
	perm_stats.commits++;
	if (perm_unreachable) {
		txn->error = perm_unreachable;
	} else {
		txn->ranges = send.batch.ranges;
		txn->exits = send.batch.exits;
	}
	return txn->error;
}

/**
 * pvmemcontrol_perm_commit() - Make the changes, and tell the host.
 * @txn: begun; not begun any more afterwards, but for its results to be read
 *
 * What counts is what a transaction does to a page in total, not the order in
 * which it does it.  Either all of it is done to the counters or none.  If it
 * is, the host is told for each page that wants something else now than the
 * host was last told: with the fewest ranges, all in one batch; and again what
 * it could not be told before.
 *
 * When @txn->applied is set and an error is returned, the counters say what is
 * the case, and the host may permit more or less than that in some of the
 * transaction's ranges, of which @txn names the first.  They are tried again
 * with each commit, also with one of an empty transaction, and when the VMM is
 * connected anew.  That ranges of others fail is no error of this one, unless
 * it is empty.
 *
 * Context: Process context.  Sleeps, and allocates memory with GFP_KERNEL.
 * Return: 0.  With nothing done: the error of a call that collected changes;
 * -EOVERFLOW when a page would have more than PVMEMCONTROL_PERM_MAX mappings;
 * -ERANGE when one would have fewer than none, of any permission, or more of
 * one than mappings at all; -ENOMEM.  With the changes made: -ENODEV when there
 * is no device; -EIO while the VMM is being connected anew; else as
 * pvmemcontrol_call().
 */
int pvmemcontrol_perm_commit(struct pvmemcontrol_perm_txn *txn)
{
	u64 begin = ktime_get_ns();
	int err = txn->error ?: perm_txn_normalise(txn);

	mutex_lock(&perm_mutex);
	if (err) {
		txn->error = err;
		perm_stats.refused++;
	} else {
		err = perm_commit(txn);
	}
	perm_stats.last_ns = ktime_get_ns() - begin;
	perm_stats.last_ranges = txn->ranges;
	perm_stats.last_exits = txn->exits;
	perm_stats.last_error = err;
	trace_pvmemcontrol_perm_commit(txn, perm_stats.last_ns);
	mutex_unlock(&perm_mutex);

	pvmemcontrol_perm_abort(txn);
	return err;
}
EXPORT_SYMBOL_GPL(pvmemcontrol_perm_commit);

static void perm_retry(struct work_struct *work);
static DECLARE_DELAYED_WORK(perm_retry_work, perm_retry);

/* Jiffies to the next try; guarded by perm_mutex. */
static unsigned long perm_retry_wait;

static void perm_say_all(bool open_all)
{
	struct perm_send send;

	perm_send_all(&send, open_all);
	/*
	 * Nobody who asked for it is told what failed here.  That the VMM does
	 * not know the function does not change.
	 */
	if (send.batch.errors && !open_all &&
	    send.batch.error != -EOPNOTSUPP) {
		pr_warn_once("pvmemcontrol_perm: the VMM does not protect all that it should: %pe\n",
			     ERR_PTR(send.batch.error));
		perm_retry_wait = clamp(perm_retry_wait * 2, (unsigned long)HZ,
					60UL * HZ);
		mod_delayed_work(system_wq, &perm_retry_work, perm_retry_wait);
	} else {
		perm_retry_wait = 0;
	}
	trace_pvmemcontrol_perm_restore(open_all, send.batch.ranges,
					send.batch.exits, send.batch.errors);
}

/**
 * perm_say_again() - Tell the host of all pages what it was not told.
 *
 * Where that fails it is tried again later.
 *
 * Context: Process context, under perm_mutex.  May sleep.
 */
void perm_say_again(void)
{
	lockdep_assert_held(&perm_mutex);

	/* All is said when it can be reached again. */
	if (!perm_unreachable)
		perm_say_all(false);
}

static void perm_retry(struct work_struct *work)
{
	mutex_lock(&perm_mutex);
	perm_say_again();
	mutex_unlock(&perm_mutex);
}

/* When there is no device any more. */
void perm_retry_exit(void)
{
	cancel_delayed_work_sync(&perm_retry_work);
}

static int perm_attach(struct pvmemcontrol_client *client)
{
	mutex_lock(&perm_mutex);
	perm_unreachable = 0;
	perm_say_all(false);
	perm_stats.restores++;
	mutex_unlock(&perm_mutex);
	return 0;
}

static void perm_restore(struct pvmemcontrol_client *client)
{
	perm_attach(client);
}

static void perm_forget(struct pvmemcontrol_client *client)
{
	mutex_lock(&perm_mutex);
	perm_unreachable = -EIO;
	perm_table_forget();
	mutex_unlock(&perm_mutex);
}

/* Nobody will be there to open what is closed. */
static void perm_leave_open(int unreachable)
{
	mutex_lock(&perm_mutex);
	perm_say_all(true);
	perm_unreachable = unreachable;
	mutex_unlock(&perm_mutex);
}

static void perm_release(struct pvmemcontrol_client *client)
{
	perm_leave_open(-EIO);
}

static void perm_detach(struct pvmemcontrol_client *client)
{
	perm_leave_open(-ENODEV);
}

static const struct pvmemcontrol_client_ops pvmc_perm_client_ops = {
	.attach = perm_attach,
	.detach = perm_detach,
	.release = perm_release,
	.forget = perm_forget,
	.restore = perm_restore,
	.owner = perm_owner,
};

struct pvmemcontrol_client pvmc_perm_client = {
	.name = "perm",
	.ops = &pvmc_perm_client_ops,
};
