/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM pvmemcontrol_perm

#if !defined(_TRACE_PVMEMCONTROL_PERM_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_PVMEMCONTROL_PERM_H

#include <linux/pvmemcontrol_perm.h>
#include <linux/tracepoint.h>

/* A transaction was committed; with an error and not applied: nothing was. */
TRACE_EVENT(pvmemcontrol_perm_commit,
	TP_PROTO(const struct pvmemcontrol_perm_txn *txn, u64 ns),
	TP_ARGS(txn, ns),
	TP_STRUCT__entry(
		__field(u32, changes)
		__field(bool, applied)
		__field(int, error)
		__field(u64, failed_start)
		__field(u64, failed_length)
		__field(u64, ranges)
		__field(u64, exits)
		__field(u64, ns)
	),
	TP_fast_assign(
		__entry->changes = txn->nr;
		__entry->applied = txn->applied;
		__entry->error = txn->error;
		__entry->failed_start = txn->failed_start;
		__entry->failed_length = txn->failed_length;
		__entry->ranges = txn->ranges;
		__entry->exits = txn->exits;
		__entry->ns = ns;
	),
	TP_printk("changes=%u applied=%d error=%d failed_start=0x%llx failed_length=0x%llx ranges=%llu exits=%llu ns=%llu",
		  __entry->changes, __entry->applied, __entry->error,
		  __entry->failed_start, __entry->failed_length,
		  __entry->ranges, __entry->exits, __entry->ns)
);

/* All pages were said again, or with @open_all opened. */
TRACE_EVENT(pvmemcontrol_perm_restore,
	TP_PROTO(bool open_all, u64 ranges, u64 exits, u64 errors),
	TP_ARGS(open_all, ranges, exits, errors),
	TP_STRUCT__entry(
		__field(bool, open_all)
		__field(u64, ranges)
		__field(u64, exits)
		__field(u64, errors)
	),
	TP_fast_assign(
		__entry->open_all = open_all;
		__entry->ranges = ranges;
		__entry->exits = exits;
		__entry->errors = errors;
	),
	TP_printk("open_all=%d ranges=%llu exits=%llu errors=%llu",
		  __entry->open_all, __entry->ranges, __entry->exits,
		  __entry->errors)
);

#endif /* _TRACE_PVMEMCONTROL_PERM_H */

#include <trace/define_trace.h>
