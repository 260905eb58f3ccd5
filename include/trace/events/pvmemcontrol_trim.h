/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM pvmemcontrol_trim

#if !defined(_TRACE_PVMEMCONTROL_TRIM_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_PVMEMCONTROL_TRIM_H

#include <linux/tracepoint.h>

/* A pause of @ns in which @threads were looked at and @pages given back. */
TRACE_EVENT(pvmemcontrol_trim,
	TP_PROTO(u32 threads, u64 pages, u64 exits, u64 ns, int error),
	TP_ARGS(threads, pages, exits, ns, error),
	TP_STRUCT__entry(
		__field(u64, pages)
		__field(u64, exits)
		__field(u64, ns)
		__field(u32, threads)
		__field(int, error)
	),
	TP_fast_assign(
		__entry->pages = pages;
		__entry->exits = exits;
		__entry->ns = ns;
		__entry->threads = threads;
		__entry->error = error;
	),
	TP_printk("threads=%u pages=%llu exits=%llu ns=%llu error=%d",
		  __entry->threads, __entry->pages, __entry->exits,
		  __entry->ns, __entry->error)
);

#endif /* _TRACE_PVMEMCONTROL_TRIM_H */

#include <trace/define_trace.h>
