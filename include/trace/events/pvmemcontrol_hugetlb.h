/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM pvmemcontrol_hugetlb

#if !defined(_TRACE_PVMEMCONTROL_HUGETLB_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_PVMEMCONTROL_HUGETLB_H

#include <linux/tracepoint.h>

DECLARE_EVENT_CLASS(pvmemcontrol_hugetlb_range,
	TP_PROTO(u64 start, u64 length, int nid),
	TP_ARGS(start, length, nid),
	TP_STRUCT__entry(
		__field(u64, start)
		__field(u64, length)
		__field(int, nid)
	),
	TP_fast_assign(
		__entry->start = start;
		__entry->length = length;
		__entry->nid = nid;
	),
	TP_printk("start=0x%llx length=0x%llx nid=%d",
		  __entry->start, __entry->length, __entry->nid)
);

/* A page is handed out and was dropped for it. */
DEFINE_EVENT(pvmemcontrol_hugetlb_range, pvmemcontrol_hugetlb_drop,
	TP_PROTO(u64 start, u64 length, int nid),
	TP_ARGS(start, length, nid)
);

/* A page goes back to the pool and was dropped on its way. */
DEFINE_EVENT(pvmemcontrol_hugetlb_range, pvmemcontrol_hugetlb_return,
	TP_PROTO(u64 start, u64 length, int nid),
	TP_ARGS(start, length, nid)
);

/* The kernel clears a range itself; @error says why. */
TRACE_EVENT(pvmemcontrol_hugetlb_fallback,
	TP_PROTO(u64 start, u64 length, int nid, int error),
	TP_ARGS(start, length, nid, error),
	TP_STRUCT__entry(
		__field(u64, start)
		__field(u64, length)
		__field(int, nid)
		__field(int, error)
	),
	TP_fast_assign(
		__entry->start = start;
		__entry->length = length;
		__entry->nid = nid;
		__entry->error = error;
	),
	TP_printk("start=0x%llx length=0x%llx nid=%d error=%d",
		  __entry->start, __entry->length, __entry->nid,
		  __entry->error)
);

#endif /* _TRACE_PVMEMCONTROL_HUGETLB_H */

#include <trace/define_trace.h>
