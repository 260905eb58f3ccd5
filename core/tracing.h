/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What can be seen of calls from outside.
 *
 * With all events off, each of these is an instruction that does nothing, and
 * what an event is told is put together elsewhere: the path of a call is short,
 * see call.c.
 */
#ifndef _PVMC_TRACING_H
#define _PVMC_TRACING_H

#include "batch.h"
#include "core.h"

#include <trace/events/pvmemcontrol.h>

/*
 * Whether somebody wants to know of calls, or how long they take; never in a
 * core that is built without tracepoints.
 */
static __always_inline bool pvmc_calls_followed(void)
{
	return !__is_defined(NOTRACE) &&
	       static_branch_unlikely(&pvmc_followed);
}

/* Whether somebody wants to know of calls. */
static __always_inline bool pvmc_calls_traced(void)
{
	return trace_pvmemcontrol_call_enter_enabled() ||
	       trace_pvmemcontrol_call_exit_enabled();
}

/* Or of what is in vectors and batches. */
static __always_inline bool pvmc_batches_traced(void)
{
	return pvmc_calls_traced() || trace_pvmemcontrol_batch_enabled() ||
	       trace_pvmemcontrol_vector_entry_enabled();
}

u64 pvmc_trace_id(void);
u64 pvmc_trace_enter(struct pvmemcontrol_client *client,
		     struct pvmemcontrol_vmm_call call, u64 batch);
void pvmc_trace_exit(struct pvmemcontrol_client *client, u64 id,
		     struct pvmemcontrol_vmm_call call,
		     struct pvmc_progress progress, int err, u64 ns);
void pvmc_trace_vector_exit(const struct pvmc_send *send,
			    const struct pvmc_vector *vector, u64 done,
			    u32 exits, int err);
void pvmc_trace_entries(const struct pvmc_send *send,
			const struct pvmc_vector *vector);

#endif /* _PVMC_TRACING_H */
