// SPDX-License-Identifier: GPL-2.0
/*
 * Telling of calls, for whoever has switched the events on.
 */
#include <linux/percpu.h>
#include <linux/smp.h>

#include "call.h"
#include "tracing.h"

static DEFINE_PER_CPU(u64, pvmc_trace_seq);

/**
 * pvmc_trace_id() - A number for what is to be traced.
 *
 * Context: Any.
 * Return: A number that nothing else has, or is likely to have, while it lasts;
 * not 0.
 */
u64 pvmc_trace_id(void)
{
	u32 cpu = get_cpu();
	u64 id = ((u64)cpu << 48) | this_cpu_inc_return(pvmc_trace_seq);

	put_cpu();
	return id;
}

/**
 * pvmc_trace_enter() - Tell that a call begins.
 * @client: whose it is
 * @call: what is asked
 * @batch: the number of the batch that it is part of, or 0
 *
 * Context: Any.
 * Return: The call's number.
 */
u64 pvmc_trace_enter(struct pvmemcontrol_client *client,
		     struct pvmemcontrol_vmm_call call, u64 batch)
{
	u64 id = pvmc_trace_id();

	trace_pvmemcontrol_call_enter(client->name, id, batch, call.func_code,
				      call.addr, call.length, call.arg);
	return id;
}

/**
 * pvmc_trace_exit() - Tell that a call has ended.
 * @client: whose it was
 * @id: what pvmc_trace_enter() returned; 0 where it was not called
 * @call: what was asked
 * @progress: how far it got and what it took
 * @err: what is returned
 * @ns: how long it took
 *
 * Context: Any.
 */
void pvmc_trace_exit(struct pvmemcontrol_client *client, u64 id,
		     struct pvmemcontrol_vmm_call call,
		     struct pvmc_progress progress, int err, u64 ns)
{
	trace_pvmemcontrol_call_exit(client->name, id, call.func_code,
				     call.addr, call.length, progress.done,
				     progress.exits, err, ns);
}

/**
 * pvmc_trace_vector_exit() - Tell that the call which is a vector has ended.
 * @send: the batch that it is of
 * @vector: the vector
 * @done: bytes of its entries that were dealt with
 * @exits: that it took
 * @err: what became of it
 *
 * Context: Any.
 */
void pvmc_trace_vector_exit(const struct pvmc_send *send,
			    const struct pvmc_vector *vector, u64 done,
			    u32 exits, int err)
{
	trace_pvmemcontrol_call_exit(send->batch->client->name, vector->id,
				     PVMEMCONTROL_VECTOR, vector->call.addr,
				     vector->call.length, done, exits, err,
				     vector->ns);
}

/**
 * pvmc_trace_entries() - Tell what became of a vector's entries.
 * @send: as it was when the vector was filled
 * @vector: the vector, with the VMM's answer
 *
 * Context: Any.
 */
void pvmc_trace_entries(const struct pvmc_send *send,
			const struct pvmc_vector *vector)
{
	const struct pvmemcontrol_range *range = &send->batch->range[send->next];
	u64 done = send->done;
	u32 i;

	if (!vector->id || vector->result == PVMC_VECTOR_REFUSED)
		return;
	for (i = 0; i < vector->nr; i++) {
		u64 start = range->start + done;
		u64 length = pvmc_piece_length(send->piece, start,
					       range->length - done);
		int err = 0;

		if (vector->result == PVMC_VECTOR_UNKNOWN)
			err = vector->err ?: -EIO;
		else if (i == vector->succeeded)
			err = pvmc_answer_error(range->func, &vector->ret);
		trace_pvmemcontrol_vector_entry(send->batch->client->name,
						vector->id, range->func, start,
						length, err);
		/* The VMM has not come to those after the one that failed. */
		if (err && vector->result == PVMC_VECTOR_FAILED)
			return;
		done += length;
		if (done == range->length) {
			done = 0;
			range++;
		}
	}
}
