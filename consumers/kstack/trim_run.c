// SPDX-License-Identifier: GPL-2.0
/*
 * A run: all threads are looked at, some at a time, while no other CPU does
 * anything.
 */

/**
 * DOC: Pauses
 *
 * Only when nobody else can run is a thread that sleeps sure to sleep on until
 * its pages have been given back.  So it is looked at, and the VMM asked, in one
 * pause of all other CPUs, which must be short.  How long the VMM takes is
 * learned from how long it took: work is cut into chunks, and what is expected
 * to end later than half way through the time that is allowed is left for the
 * next pause.  The first chunk is a single thread, and where each range takes an
 * exit of its own all of them are: so the clock is looked at, and whether there
 * was an error, every few exits.  Nothing is
 * allocated and nothing waited for; a VMM that fails ends the run, and one that
 * is far too slow again and again does too.
 */
#include <linux/io.h>
#include <linux/math64.h>
#include <linux/minmax.h>

#include "trim.h"

#define CREATE_TRACE_POINTS
#include <trace/events/pvmemcontrol_trim.h>

static void pvmc_trim_report(struct pvmemcontrol_batch *batch,
			     const struct pvmemcontrol_range *range, u64 done,
			     int error)
{
	struct pvmc_trim_run *run = container_of(batch, struct pvmc_trim_run,
						 batch);

	run->pages += done >> PAGE_SHIFT;
}

/* Adds the thread's dead pages to the batch. */
static enum pvmc_trim_outcome pvmc_trim_add(struct pvmc_trim_run *run,
					    struct pvmc_trim_thread *thread)
{
	struct pvmc_trim_stack stack;
	enum pvmc_trim_outcome outcome;
	unsigned int first, nr, i;
	bool all = true;

	outcome = run->ops->look(thread, &stack);
	if (outcome != PVMC_TRIM_GIVEN)
		return outcome;
	if (!pvmc_trim_within(&stack))
		return PVMC_TRIM_ELSEWHERE;
	nr = pvmc_trim_dead(&stack, &first);
	if (!nr)
		return PVMC_TRIM_NOTHING;
	for (i = first; i < first + nr; i++) {
		struct page *page = stack.pages[i];
		u32 func = run->func[page_to_nid(page)];

		if (func == PVMEMCONTROL_INFO ||
		    pvmemcontrol_batch_add(&run->batch, func,
					   page_to_phys(page), PAGE_SIZE, 0))
			all = false;
	}
	return all ? PVMC_TRIM_GIVEN : PVMC_TRIM_FAILED;
}

/* What this much work is expected to take. */
static u64 pvmc_trim_expect(const struct pvmc_trim_run *run, u64 threads,
			    u64 ranges)
{
	return threads * run->look_ns + ranges * run->range_ns;
}

/* The same for a thread of which all pages are dead. */
static u64 pvmc_trim_expect_thread(const struct pvmc_trim_run *run)
{
	return pvmc_trim_expect(run, 1, PVMC_TRIM_STACK_PAGES);
}

/* Slower than expected is believed at once, faster by and by. */
static void pvmc_trim_learn(u64 *each_ns, u64 ns, u64 nr)
{
	u64 found = div64_u64(ns, nr) + 1;

	if (found > *each_ns)
		*each_ns = found;
	else
		*each_ns -= (*each_ns - found) / 8;
}

/* Looks at threads, and sends what that gives, in about @budget ns. */
static void pvmc_trim_chunk(struct pvmc_trim_run *run, u64 budget)
{
	struct pvmemcontrol_batch *batch = &run->batch;
	unsigned int first = run->next, i;
	u64 begin = run->ops->clock(), sent;

	pvmemcontrol_batch_init_memory(batch, run->client, run->ranges,
				       ARRAY_SIZE(run->ranges));
	batch->report = pvmc_trim_report;
	do {
		struct pvmc_trim_thread *thread = &run->threads[run->next++];

		thread->outcome = pvmc_trim_add(run, thread);
		if (!run->look_ns || (batch->added && !run->range_ns))
			break;	/* find out how long it takes first */
	} while (run->next < run->nr && batch->added < run->most &&
		 pvmc_trim_expect(run, run->next - first, batch->added) +
		 pvmc_trim_expect_thread(run) <= budget);

	sent = run->ops->clock();
	pvmc_trim_learn(&run->look_ns, sent - begin, run->next - first);
	if (!batch->added)
		return;
	run->error = pvmemcontrol_batch_finish(batch);
	run->exits += batch->exits;
	pvmc_trim_learn(&run->range_ns, run->ops->clock() - sent, batch->added);
	if (!run->error)
		return;
	for (i = first; i < run->next; i++)
		if (run->threads[i].outcome == PVMC_TRIM_GIVEN)
			run->threads[i].outcome = PVMC_TRIM_FAILED;
}

/* While no other CPU does anything else, interrupts off. */
static int pvmc_trim_pause(void *data)
{
	struct pvmc_trim_run *run = data;
	/* It may all take twice as long as expected. */
	u64 begin = run->ops->clock(), enough = run->limit_ns / 2;

	do {
		pvmc_trim_chunk(run, enough - run->pause_ns);
		run->pause_ns = run->ops->clock() - begin;
	} while (!run->error && run->next < run->nr &&
		 run->pause_ns + pvmc_trim_expect_thread(run) <= enough);
	return 0;
}

static void pvmc_trim_account(struct pvmc_trim_run *run,
			      struct pvmc_trim_stats *stats)
{
	bool late = run->pause_ns > run->limit_ns;

	trace_pvmemcontrol_trim(run->next - run->begun, run->pages, run->exits,
				run->pause_ns, run->error);
	stats->pages += run->pages;
	stats->exits += run->exits;
	stats->pauses++;
	stats->overruns += late;
	stats->last_ns = run->pause_ns;
	stats->longest_ns = max(stats->longest_ns, run->pause_ns);
	stats->total_ns += run->pause_ns;

	if (run->pause_ns / PVMC_TRIM_FAR_TOO_LONG > run->limit_ns)
		run->slow++;
	else if (run->exits)
		run->slow = 0;
	if (run->slow >= PVMC_TRIM_TOO_MANY && !run->error)
		run->error = -ETIMEDOUT;
}

/* Deals with the threads at hand.  Returns whether the run is to end. */
static bool pvmc_trim_threads(struct pvmc_trim_run *run,
			      struct pvmc_trim_stats *stats)
{
	bool end = false;

	while (!end && run->next < run->nr) {
		run->begun = run->next;
		run->pages = 0;
		run->exits = 0;
		run->pause_ns = 0;
		run->error = run->ops->pause(pvmc_trim_pause, run) ?:
			     run->error;
		if (run->next == run->begun)
			return true;
		pvmc_trim_account(run, stats);
		end = run->error || run->ops->rest(run, run->pause_ns);
	}
	return end;
}

static void pvmc_trim_settle(struct pvmc_trim_run *run,
			     struct pvmc_trim_stats *stats)
{
	unsigned int i;

	for (i = 0; i < run->nr; i++) {
		struct pvmc_trim_thread *thread = &run->threads[i];

		if (i < run->next) {
			stats->threads[thread->outcome]++;
			if (thread->outcome == PVMC_TRIM_GIVEN ||
			    thread->outcome == PVMC_TRIM_NOTHING)
				pvmc_trim_remember(thread->pid, thread->stamp,
						   true, GFP_KERNEL);
		}
		run->ops->release(thread);
	}
}

/**
 * pvmc_trim_run() - Give back the dead pages of all threads that sleep.
 * @run: with @client, @ops, @limit_ns and @patient set
 * @stats: to add to
 *
 * Context: Process context.  May sleep.
 * Return: 0; -EINTR when @rest said so; else a negative errno: why the rest was
 * left alone.
 */
int pvmc_trim_run(struct pvmc_trim_run *run, struct pvmc_trim_stats *stats)
{
	bool more = true, end = false;

	stats->runs++;
	run->pid = 0;
	run->look_ns = 0;
	run->range_ns = 0;
	run->slow = 0;
	run->error = pvmc_trim_prove(run);
	while (!run->error && more && !end) {
		run->nr = 0;
		run->next = 0;
		more = run->ops->collect(run, stats);
		if (run->patient && run->nr < PVMC_TRIM_WORTHWHILE)
			stats->threads[PVMC_TRIM_RECENT] += run->nr;
		else
			end = pvmc_trim_threads(run, stats);
		pvmc_trim_settle(run, stats);
	}
	if (end && !run->error)
		run->error = -EINTR;
	stats->failed += !!run->error;
	return run->error;
}
