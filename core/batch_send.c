// SPDX-License-Identifier: GPL-2.0
/*
 * Batches on their way to the VMM: many ranges in one exit where it takes them,
 * and what became of each.
 */
#include <linux/align.h>
#include <linux/io.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/sched/clock.h>

#include "batch.h"
#include "call.h"
#include "core.h"
#include "tracing.h"

/*
 * How often the VMM may refuse parts of what one exit was to deal with.  To find
 * where one of its regions ends takes at most as many as there are halves of a
 * piece, 18 for 1 GiB; one that refuses without end must not keep us at it.
 */
#define PVMC_PARTS_REFUSED	64

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

/*
 * The VMM takes what is in one of its regions of RAM and has refused what comes
 * next.  Ranges that were good each may have merged into one that is in two
 * regions, and nobody can see that from here: so try smaller parts, and larger
 * ones again behind where the border was.
 */
static int pvmc_send_parts(struct pvmc_send *send)
{
	struct pvmemcontrol_batch *batch = send->batch;
	const struct pvmemcontrol_range *range = &batch->range[send->next];
	u64 start = range->start + send->done;
	struct pvmemcontrol_info info;
	unsigned int refused = 1;
	u64 piece, part, end;
	int err;

	err = pvmemcontrol_get_info(&info);
	if (err)
		return err;
	piece = pvmc_piece_for(info.host_page_size);
	end = start + pvmc_piece_length(piece, start,
					range->length - send->done);
	if (end - start <= info.host_page_size)
		return -EINVAL;
	part = rounddown_pow_of_two(end - start - 1);

	while (start < end) {
		struct pvmc_progress progress = { .batch = send->id };
		u64 length = pvmc_piece_length(part, start, end - start);

		err = pvmc_call_client(batch->client, range->func, start,
				       length, range->arg, &progress);
		batch->exits += progress.exits;
		send->done += progress.done;
		start += progress.done;
		if (progress.refused && length > info.host_page_size &&
		    refused++ < PVMC_PARTS_REFUSED)
			part = rounddown_pow_of_two(length - 1);
		else if (err)
			return err;
		while (!err && part < piece && IS_ALIGNED(start, 2 * part))
			part *= 2;
		pvmc_resched();
	}
	return 0;
}

static void pvmc_send_refused(struct pvmc_send *send)
{
	int err = pvmc_send_parts(send);

	send->refused = false;
	if (err || send->done == send->batch->range[send->next].length)
		pvmc_send_report(send, err);
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
	if (progress.refused)
		pvmc_send_refused(send);
	else
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
	u32 func;

	*done = 0;
	switch (vector->result) {
	case PVMC_VECTOR_DONE:
		*done = pvmc_send_succeeded(send, vector->succeeded);
		break;
	case PVMC_VECTOR_FAILED:
		*done = pvmc_send_succeeded(send, vector->succeeded);
		func = send->batch->range[send->next].func;
		err = pvmc_answer_error(func, &vector->ret);
		send->refused = pvmc_answer_refused(func, &vector->ret);
		if (send->refused)
			break;
		/* The VMM was wanted elsewhere; it goes on where it was. */
		if (err == -EAGAIN && vector->succeeded)
			return 0;
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

/**
 * pvmc_send_next() - Send as much of a batch as fits into one exit.
 * @send: how far it has got; there is a range that is next
 *
 * Context: Any, as pvmemcontrol_call().
 */
void pvmc_send_next(struct pvmc_send *send)
{
	struct pvmc_vector vector = {};
	u64 done;
	int err;

	if (send->refused) {
		pvmc_send_refused(send);
		return;
	}
	/* Who is not registered is found out by the call. */
	if (send->single || !send->batch->client->counters ||
	    !pvmc_send_exit(send, &vector)) {
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
