// SPDX-License-Identifier: GPL-2.0
/*
 * Batches: ranges that are collected, and sent with the fewest exits.
 */

/**
 * DOC: Order
 *
 * Ranges of one operation (function and argument) that touch or overlap become
 * one.  For that a batch is sorted by address when it is flushed.  Where ranges
 * of different operations overlap, what is left in the end depends on which
 * comes last: such a batch is sent in the order in which it was added, and only
 * what was added one after the other merges.
 */

/**
 * DOC: Memory
 *
 * A batch that is full grows, or where it cannot, sends what it has: lack of
 * memory costs exits and is no error.
 */
#include <linux/export.h>
#include <linux/io.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/sched/clock.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "batch.h"
#include "call.h"
#include "core.h"
#include "tracing.h"

/* 2 MiB of ranges; who has more does not notice an exit. */
#define PVMC_BATCH_MAX	SZ_64K

static u64 pvmc_range_end(const struct pvmemcontrol_range *range)
{
	return range->start + range->length;
}

static bool pvmc_range_same_op(const struct pvmemcontrol_range *a,
			       const struct pvmemcontrol_range *b)
{
	return a->func == b->func && a->arg == b->arg;
}

/* Makes @a what both cover, where that is one range of one operation. */
static bool pvmc_range_merge(struct pvmemcontrol_range *a,
			     const struct pvmemcontrol_range *b)
{
	u64 start, end;

	if (!pvmc_range_same_op(a, b) || b->start > pvmc_range_end(a) ||
	    pvmc_range_end(b) < a->start)
		return false;
	start = min(a->start, b->start);
	end = max(pvmc_range_end(a), pvmc_range_end(b));
	a->start = start;
	a->length = end - start;
	a->order = min(a->order, b->order);
	return true;
}

static int pvmc_by_start(const void *a, const void *b)
{
	const struct pvmemcontrol_range *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static int pvmc_by_order(const void *a, const void *b)
{
	const struct pvmemcontrol_range *x = a, *y = b;

	return x->order < y->order ? -1 : x->order > y->order;
}

/* Whether it matters in which order the ranges, sorted by start, are sent. */
static bool pvmc_batch_conflicts(const struct pvmemcontrol_batch *batch)
{
	const struct pvmemcontrol_range *widest = batch->range;
	u32 i;

	/* None before @widest ends later, so nothing else can be overlapped. */
	for (i = 1; i < batch->nr; i++) {
		const struct pvmemcontrol_range *range = &batch->range[i];

		if (range->start < pvmc_range_end(widest) &&
		    !pvmc_range_same_op(range, widest))
			return true;
		if (pvmc_range_end(range) > pvmc_range_end(widest))
			widest = range;
	}
	return false;
}

static void pvmc_batch_merge(struct pvmemcontrol_batch *batch)
{
	u32 i, kept = 0;

	if (!batch->nr)
		return;
	if (!batch->sorted)
		sort(batch->range, batch->nr, sizeof(*batch->range),
		     pvmc_by_start, NULL);
	batch->sorted = true;
	if (pvmc_batch_conflicts(batch)) {
		sort(batch->range, batch->nr, sizeof(*batch->range),
		     pvmc_by_order, NULL);
		batch->sorted = false;
	}
	for (i = 1; i < batch->nr; i++)
		if (!pvmc_range_merge(&batch->range[kept], &batch->range[i]))
			batch->range[++kept] = batch->range[i];
	batch->nr = kept + 1;
}

/* The range that is next has been dealt with, or will not be. */
static void pvmc_send_report(struct pvmc_send *send, int err)
{
	struct pvmemcontrol_batch *batch = send->batch;
	const struct pvmemcontrol_range *range = &batch->range[send->next];

	batch->ranges++;
	if (err && !batch->errors++) {
		batch->failed = *range;
		batch->failed_done = send->done;
		batch->error = err;
	}
	if (batch->report)
		batch->report(batch, range, send->done, err);
	send->next++;
	send->done = 0;
}

static void pvmc_send_one(struct pvmc_send *send)
{
	struct pvmemcontrol_batch *batch = send->batch;
	const struct pvmemcontrol_range *range = &batch->range[send->next];
	struct pvmc_progress progress = { .batch = send->id };
	int err;

	err = pvmc_call_client(batch->client, range->func,
			       range->start + send->done,
			       range->length - send->done, range->arg,
			       &progress);
	batch->exits += progress.exits;
	send->done += progress.done;
	pvmc_send_report(send, err);
}

/* Puts what comes next into @wire.  Returns how many, and of how many bytes. */
static u32 pvmc_send_fill(const struct pvmc_send *send,
			  const struct pvmc_device *dev, struct pvmc_wire *wire,
			  u64 *bytes)
{
	const struct pvmemcontrol_batch *batch = send->batch;
	u64 done = send->done, total = 0;
	u32 i = send->next, nr = 0;

	while (i < batch->nr && nr < dev->info.vector_max) {
		const struct pvmemcontrol_range *range = &batch->range[i];
		u64 start = range->start + done;
		u64 length = pvmc_piece_length(send->piece, start,
					       range->length - done);

		/* Whoever sends it alone finds out what is wrong with it. */
		if (pvmc_check_range(dev, range->start, range->length))
			break;
		if (total + length > send->piece && nr)
			break;
		wire[nr].word[0] = cpu_to_le64(range->func);
		wire[nr].word[1] = cpu_to_le64(start);
		wire[nr].word[2] = cpu_to_le64(length);
		wire[nr].word[3] = cpu_to_le64(range->arg);
		nr++;
		total += length;
		done += length;
		if (done == range->length) {
			done = 0;
			i++;
		}
	}
	*bytes = total;
	return nr;
}

static void pvmc_exchange_vector(const struct pvmc_send *send,
				 struct pvmc_device *dev,
				 struct pvmc_vector *vector,
				 const struct pvmc_wire *wire)
{
	struct pvmemcontrol_buf buf = {
		.call.func_code = PVMEMCONTROL_VECTOR,
		.call.addr = virt_to_phys((void *)wire),
		.call.length = vector->nr,
	};
	bool traced = pvmc_batches_traced();
	u64 begin = 0;

	vector->call = buf.call;
	if (traced)
		vector->id = pvmc_trace_enter(send->batch->client, buf.call,
					      send->id);
	if (traced || static_branch_unlikely(&pvmc_timing))
		begin = local_clock();
	vector->err = pvmc_exchange(dev, &buf);
	if (begin)
		vector->ns = local_clock() - begin;

	if (vector->err) {
		vector->result = PVMC_VECTOR_UNKNOWN;
		return;
	}
	vector->ret = buf.ret;
	vector->result = pvmc_answer_vector(&buf.ret, vector->nr,
					    &vector->succeeded);
	if (vector->result != PVMC_VECTOR_DONE)
		this_cpu_inc(dev->cpu->counters.errors);
}

/*
 * The array is memory of the core, one per CPU and level of interruption as
 * the buffers are: were it the batch's, a VMM that answers late would write to
 * what somebody else has by then.
 *
 * Returns whether there was an exit.
 */
static bool pvmc_send_vector(struct pvmc_send *send, struct pvmc_device *dev,
			     struct pvmc_vector *vector)
{
	struct pvmc_cpu *cpu = this_cpu_ptr(dev->cpu);
	unsigned int depth = cpu->vector_depth;
	struct pvmc_wire *wire;

	if (depth >= PVMC_VECTOR_LEVELS)
		return false;
	wire = cpu->vector[depth];
	WRITE_ONCE(cpu->vector_depth, depth + 1);
	barrier();	/* whoever interrupts from here on leaves wire alone */

	vector->nr = pvmc_send_fill(send, dev, wire, &vector->bytes);
	/* One range needs no array. */
	if (vector->nr > 1)
		pvmc_exchange_vector(send, dev, vector, wire);

	barrier();
	WRITE_ONCE(cpu->vector_depth, depth);
	return vector->nr > 1 && vector->err != -EBUSY;
}

/* As much as fits into one exit, where the VMM takes more than one range. */
static bool pvmc_send_exit(struct pvmc_send *send, struct pvmc_vector *vector)
{
	struct pvmc_device *dev;
	bool sent = false;

	preempt_disable();
	dev = rcu_dereference_sched(pvmc_active);
	if (dev && !pvmc_check_state(dev) && dev->info.vector_max > 1) {
		send->piece = pvmc_piece(dev);
		sent = pvmc_send_vector(send, dev, vector);
	}
	preempt_enable();
	return sent;
}

/* These were dealt with; the same cuts as when the array was filled. */
static u64 pvmc_send_succeeded(struct pvmc_send *send, u32 nr)
{
	u64 total = 0;

	while (nr--) {
		const struct pvmemcontrol_range *range =
			&send->batch->range[send->next];
		u64 length = pvmc_piece_length(send->piece,
					       range->start + send->done,
					       range->length - send->done);

		send->done += length;
		total += length;
		if (send->done == range->length)
			pvmc_send_report(send, 0);
	}
	return total;
}

/* Some of these may have been dealt with: nobody knows which. */
static void pvmc_send_unknown(struct pvmc_send *send, u64 bytes, int err)
{
	while (bytes) {
		const struct pvmemcontrol_range *range =
			&send->batch->range[send->next];

		bytes -= min(bytes, range->length - send->done);
		pvmc_send_report(send, err);
	}
}

/* Accounts for what became of each range.  Returns the error of any. */
static int pvmc_send_account(struct pvmc_send *send,
			     const struct pvmc_vector *vector, u64 *done)
{
	int err = 0;

	*done = 0;
	switch (vector->result) {
	case PVMC_VECTOR_DONE:
		*done = pvmc_send_succeeded(send, vector->succeeded);
		break;
	case PVMC_VECTOR_FAILED:
		*done = pvmc_send_succeeded(send, vector->succeeded);
		err = pvmc_answer_error(send->batch->range[send->next].func,
					&vector->ret);
		pvmc_send_report(send, err);
		break;
	case PVMC_VECTOR_REFUSED:
		err = -EINVAL;
		send->single = true;
		break;
	case PVMC_VECTOR_UNKNOWN:
		err = vector->err ?: -EIO;
		pvmc_send_unknown(send, vector->bytes, err);
		break;
	}
	return err;
}

static void pvmc_send_count(const struct pvmc_send *send,
			    const struct pvmc_vector *vector, u64 done, int err)
{
	struct pvmemcontrol_client *client = send->batch->client;
	struct pvmc_client_counters __percpu *counters = client->counters;

	this_cpu_inc(counters->calls);
	this_cpu_inc(counters->exits);
	this_cpu_add(counters->ranges, vector->succeeded);
	this_cpu_add(counters->pages, done >> PAGE_SHIFT);
	if (err)
		this_cpu_inc(counters->errors);
	if (static_branch_unlikely(&pvmc_timing))
		this_cpu_add(counters->time_ns, vector->ns);
	if (trace_pvmemcontrol_call_exit_enabled())
		pvmc_trace_vector_exit(send, vector, done, 1, err);
}

static void pvmc_send_next(struct pvmc_send *send)
{
	struct pvmc_vector vector = {};
	u64 done;
	int err;

	if (send->single || !pvmc_send_exit(send, &vector)) {
		/* No buffer was free for a vector; one may be by now. */
		if (trace_pvmemcontrol_call_exit_enabled())
			pvmc_trace_vector_exit(send, &vector, 0, 0, vector.err);
		pvmc_send_one(send);
		return;
	}
	send->batch->exits++;
	if (trace_pvmemcontrol_vector_entry_enabled())
		pvmc_trace_entries(send, &vector);
	err = pvmc_send_account(send, &vector, &done);
	pvmc_send_count(send, &vector, done, err);
}

/**
 * pvmemcontrol_batch_init() - Begin to collect ranges.
 * @batch: on the stack or elsewhere; its former content does not matter
 * @client: registered client
 * @gfp: how memory may be allocated when the batch grows, with which
 *	pvmemcontrol_batch_add() then must be allowed; 0 for not at all
 *
 * A batch belongs to one context at a time.  What was added is sent by
 * pvmemcontrol_batch_flush(), or before that where there is no memory for more.
 * Each batch ends with pvmemcontrol_batch_finish().
 *
 * Context: Any.
 */
void pvmemcontrol_batch_init(struct pvmemcontrol_batch *batch,
			     struct pvmemcontrol_client *client, gfp_t gfp)
{
	memset(batch, 0, offsetof(struct pvmemcontrol_batch, inlined));
	batch->client = client;
	batch->gfp = gfp;
	batch->range = batch->inlined;
	batch->capacity = ARRAY_SIZE(batch->inlined);
	batch->sorted = true;
}
EXPORT_SYMBOL_GPL(pvmemcontrol_batch_init);

/**
 * pvmemcontrol_batch_init_memory() - Begin to collect ranges in given memory.
 * @batch: as for pvmemcontrol_batch_init()
 * @client: registered client
 * @memory: room for ranges, the caller's until the batch is finished
 * @nr: for how many, at least 1
 *
 * Nothing is allocated; the batch is sent whenever @memory is full.
 *
 * Context: Any.
 */
void pvmemcontrol_batch_init_memory(struct pvmemcontrol_batch *batch,
				    struct pvmemcontrol_client *client,
				    struct pvmemcontrol_range *memory, u32 nr)
{
	pvmemcontrol_batch_init(batch, client, 0);
	if (nr && memory) {
		batch->range = memory;
		batch->capacity = nr;
	}
}
EXPORT_SYMBOL_GPL(pvmemcontrol_batch_init_memory);

static bool pvmc_batch_grow(struct pvmemcontrol_batch *batch)
{
	u32 capacity = max_t(u32, 2 * batch->capacity,
			     PAGE_SIZE / sizeof(*batch->range));
	gfp_t gfp = batch->gfp | __GFP_NOWARN | __GFP_NORETRY;
	struct pvmemcontrol_range *range;

	if (!batch->gfp || capacity > PVMC_BATCH_MAX)
		return false;
	range = gfpflags_allow_blocking(gfp) ?
		kvmalloc_array(capacity, sizeof(*range), gfp) :
		kmalloc_array(capacity, sizeof(*range), gfp);
	if (!range)
		return false;
	memcpy(range, batch->range, batch->nr * sizeof(*range));
	if (batch->own)
		kvfree(batch->range);
	batch->range = range;
	batch->capacity = capacity;
	batch->own = true;
	return true;
}

/* Merging what there is may do; for a handful it is not worth the while. */
static void pvmc_batch_make_room(struct pvmemcontrol_batch *batch)
{
	pvmc_batch_merge(batch);
	if (batch->nr > batch->capacity / 2 || batch->next_order == U32_MAX)
		pvmemcontrol_batch_flush(batch);
}

/**
 * pvmemcontrol_batch_add() - Add a range to a batch.
 * @batch: batch
 * @func: as for pvmemcontrol_call(), but not PVMEMCONTROL_INFO
 * @start: as for pvmemcontrol_call()
 * @length: as for pvmemcontrol_call()
 * @arg: as for pvmemcontrol_call()
 *
 * In any order.  Ranges of the same @func and @arg that touch or overlap become
 * one.  Of ranges with another @func or @arg that overlap, those that were
 * added first are also carried out first.
 *
 * Sends what was added before where there is no memory for more; what comes of
 * that is in the batch, as for pvmemcontrol_batch_flush().
 *
 * Context: Any that the batch's gfp allows.
 * Return: 0; -EOPNOTSUPP when @func cannot be in a batch; -EINVAL when the
 * range is empty or wraps.  Then the batch is as it was.
 */
int pvmemcontrol_batch_add(struct pvmemcontrol_batch *batch, u32 func,
			   phys_addr_t start, u64 length, u64 arg)
{
	struct pvmemcontrol_range range = {
		.start = start,
		.length = length,
		.arg = arg,
		.func = func,
	};
	u64 end;

	if (!pvmc_func_has_range(func))
		return -EOPNOTSUPP;
	if (!length || check_add_overflow((u64)start, length, &end))
		return -EINVAL;

	batch->added++;
	batch->pages += length >> PAGE_SHIFT;
	range.order = batch->next_order;
	if (batch->nr && start >= batch->range[batch->nr - 1].start &&
	    pvmc_range_merge(&batch->range[batch->nr - 1], &range))
		return 0;

	if (batch->next_order == U32_MAX ||
	    (batch->nr == batch->capacity && !pvmc_batch_grow(batch)))
		pvmc_batch_make_room(batch);
	if (batch->nr && start < batch->range[batch->nr - 1].start)
		batch->sorted = false;
	range.order = batch->next_order++;
	batch->range[batch->nr++] = range;
	return 0;
}
EXPORT_SYMBOL_GPL(pvmemcontrol_batch_add);

/**
 * pvmemcontrol_batch_flush() - Send what was added to a batch.
 * @batch: batch; empty afterwards, and may be used again
 *
 * Takes the fewest exits: one for each range after merging, or, where the VMM
 * knows vectors, one for as many as it takes at once.  One exit deals with no
 * more than the module parameter piece_mib says, all its ranges together.
 *
 * A range that fails does not keep those after it from being sent.  Where the
 * VMM does not answer, or what it answers makes no sense, all ranges of that
 * exit count as failed with 0 or more bytes dealt with: whether they were is
 * not known.  The counters in the batch, @failed and @report say what became of
 * which range, all of them from pvmemcontrol_batch_init() on.
 *
 * Context: Any, as pvmemcontrol_call().
 * Return: 0 when no range failed since pvmemcontrol_batch_init(), else the
 * error of the first that did, as pvmemcontrol_call().
 */
int pvmemcontrol_batch_flush(struct pvmemcontrol_batch *batch)
{
	struct pvmc_send send = { .batch = batch };
	u64 ranges = batch->ranges, exits = batch->exits;
	u64 errors = batch->errors;

	if (pvmc_batches_traced())
		send.id = pvmc_trace_id();
	pvmc_batch_merge(batch);
	while (send.next < batch->nr) {
		pvmc_send_next(&send);
		pvmc_resched();
	}
	if (batch->nr)
		trace_pvmemcontrol_batch(batch->client->name, send.id,
					 batch->added - batch->flushed,
					 batch->ranges - ranges,
					 batch->exits - exits,
					 batch->errors - errors);
	batch->flushed = batch->added;
	batch->nr = 0;
	batch->next_order = 0;
	batch->sorted = true;
	return batch->error;
}
EXPORT_SYMBOL_GPL(pvmemcontrol_batch_flush);

/**
 * pvmemcontrol_batch_finish() - Send what is left in a batch, and end it.
 * @batch: batch; what it counted can still be read
 *
 * Context: As pvmemcontrol_batch_add().
 * Return: As pvmemcontrol_batch_flush().
 */
int pvmemcontrol_batch_finish(struct pvmemcontrol_batch *batch)
{
	int err = pvmemcontrol_batch_flush(batch);

	if (batch->own)
		kvfree(batch->range);
	batch->own = false;
	batch->range = batch->inlined;
	batch->capacity = ARRAY_SIZE(batch->inlined);
	return err;
}
EXPORT_SYMBOL_GPL(pvmemcontrol_batch_finish);
