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
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/overflow.h>
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
 * Where the VMM refuses a range, as not all in one of its regions of RAM, that is
 * sent in smaller parts: ranges that merged need not be in the same region.  It
 * remains one range that is reported once.
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
