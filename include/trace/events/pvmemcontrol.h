/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM pvmemcontrol

#if !defined(_TRACE_PVMEMCONTROL_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_PVMEMCONTROL_H

#include <linux/tracepoint.h>
#include <uapi/linux/pvmemcontrol.h>

/* Longer names of clients are cut: a fixed array needs no string helpers. */
#define PVMEMCONTROL_TRACE_NAME	16

#define show_pvmemcontrol_func(func)					\
	__print_symbolic(func,						\
		{ PVMEMCONTROL_INFO,		"INFO" },		\
		{ PVMEMCONTROL_DONTNEED,	"DONTNEED" },		\
		{ PVMEMCONTROL_REMOVE,		"REMOVE" },		\
		{ PVMEMCONTROL_FREE,		"FREE" },		\
		{ PVMEMCONTROL_PAGEOUT,		"PAGEOUT" },		\
		{ PVMEMCONTROL_DONTDUMP,	"DONTDUMP" },		\
		{ PVMEMCONTROL_SET_VMA_ANON_NAME, "SET_VMA_ANON_NAME" },\
		{ PVMEMCONTROL_MLOCK,		"MLOCK" },		\
		{ PVMEMCONTROL_MUNLOCK,		"MUNLOCK" },		\
		{ PVMEMCONTROL_MPROTECT_NONE,	"MPROTECT_NONE" },	\
		{ PVMEMCONTROL_MPROTECT_R,	"MPROTECT_R" },		\
		{ PVMEMCONTROL_MPROTECT_W,	"MPROTECT_W" },		\
		{ PVMEMCONTROL_MPROTECT_RW,	"MPROTECT_RW" },	\
		{ PVMEMCONTROL_MERGEABLE,	"MERGEABLE" },		\
		{ PVMEMCONTROL_UNMERGEABLE,	"UNMERGEABLE" })

TRACE_EVENT(pvmemcontrol_call_enter,
	TP_PROTO(const char *client, u64 id, u32 func, u64 start, u64 length,
		 u64 arg),
	TP_ARGS(client, id, func, start, length, arg),
	TP_STRUCT__entry(
		__array(char, client, PVMEMCONTROL_TRACE_NAME)
		__field(u64, id)
		__field(u64, start)
		__field(u64, length)
		__field(u64, arg)
		__field(u32, func)
	),
	TP_fast_assign(
		strscpy(__entry->client, client, PVMEMCONTROL_TRACE_NAME);
		__entry->id = id;
		__entry->start = start;
		__entry->length = length;
		__entry->arg = arg;
		__entry->func = func;
	),
	TP_printk("client=%s id=%llu func=%s start=0x%llx length=0x%llx arg=0x%llx",
		  __entry->client, __entry->id,
		  show_pvmemcontrol_func(__entry->func), __entry->start,
		  __entry->length, __entry->arg)
);

/* @ns is from before the first exit to after the last. */
TRACE_EVENT(pvmemcontrol_call_exit,
	TP_PROTO(const char *client, u64 id, u32 func, u64 done, u32 exits,
		 int error, u64 ns),
	TP_ARGS(client, id, func, done, exits, error, ns),
	TP_STRUCT__entry(
		__array(char, client, PVMEMCONTROL_TRACE_NAME)
		__field(u64, id)
		__field(u64, done)
		__field(u64, ns)
		__field(u32, func)
		__field(u32, exits)
		__field(int, error)
	),
	TP_fast_assign(
		strscpy(__entry->client, client, PVMEMCONTROL_TRACE_NAME);
		__entry->id = id;
		__entry->done = done;
		__entry->ns = ns;
		__entry->func = func;
		__entry->exits = exits;
		__entry->error = error;
	),
	TP_printk("client=%s id=%llu func=%s done=0x%llx exits=%u error=%d ns=%llu",
		  __entry->client, __entry->id,
		  show_pvmemcontrol_func(__entry->func), __entry->done,
		  __entry->exits, __entry->error, __entry->ns)
);

TRACE_EVENT(pvmemcontrol_no_answer,
	TP_PROTO(u32 device, u32 func, u64 start, u64 length),
	TP_ARGS(device, func, start, length),
	TP_STRUCT__entry(
		__field(u64, start)
		__field(u64, length)
		__field(u32, device)
		__field(u32, func)
	),
	TP_fast_assign(
		__entry->start = start;
		__entry->length = length;
		__entry->device = device;
		__entry->func = func;
	),
	TP_printk("device=%u func=%s start=0x%llx length=0x%llx",
		  __entry->device, show_pvmemcontrol_func(__entry->func),
		  __entry->start, __entry->length)
);

TRACE_EVENT(pvmemcontrol_restore,
	TP_PROTO(u32 device, const char *client),
	TP_ARGS(device, client),
	TP_STRUCT__entry(
		__array(char, client, PVMEMCONTROL_TRACE_NAME)
		__field(u32, device)
	),
	TP_fast_assign(
		strscpy(__entry->client, client, PVMEMCONTROL_TRACE_NAME);
		__entry->device = device;
	),
	TP_printk("device=%u client=%s", __entry->device, __entry->client)
);

#endif /* _TRACE_PVMEMCONTROL_H */

#include <trace/define_trace.h>
