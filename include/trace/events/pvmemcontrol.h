/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM pvmemcontrol

#if !defined(_TRACE_PVMEMCONTROL_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_PVMEMCONTROL_H

#include <linux/tracepoint.h>
#include <uapi/linux/pvmemcontrol.h>

/*
 * Longer names of clients are cut: a fixed array needs no string helpers.  What
 * is behind a name is zero, as tools compare all of the array.
 */
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
		{ PVMEMCONTROL_UNMERGEABLE,	"UNMERGEABLE" },	\
		{ PVMEMCONTROL_FEATURES,	"FEATURES" },		\
		{ PVMEMCONTROL_VECTOR,		"VECTOR" },		\
		{ PVMEMCONTROL_VIOLATION,	"VIOLATION" },		\
		{ PVMEMCONTROL_GUARD,		"GUARD" },		\
		{ PVMEMCONTROL_UNGUARD,		"UNGUARD" })

/* With any of the two that use these, calls look who follows them. */
int pvmc_follow(void);
void pvmc_unfollow(void);

/*
 * A call begins.  @batch is the @id of the pvmemcontrol_batch that it is part
 * of, 0 where there is none.  A vector's @start is where its array is, and its
 * @length how many entries that has.
 */
TRACE_EVENT_FN(pvmemcontrol_call_enter,
	TP_PROTO(const char *client, u64 id, u64 batch, u32 func, u64 start,
		 u64 length, u64 arg),
	TP_ARGS(client, id, batch, func, start, length, arg),
	TP_STRUCT__entry(
		__array(char, client, PVMEMCONTROL_TRACE_NAME)
		__field(u64, id)
		__field(u64, batch)
		__field(u64, start)
		__field(u64, length)
		__field(u64, arg)
		__field(u32, func)
	),
	TP_fast_assign(
		strscpy_pad(__entry->client, client, PVMEMCONTROL_TRACE_NAME);
		__entry->id = id;
		__entry->batch = batch;
		__entry->start = start;
		__entry->length = length;
		__entry->arg = arg;
		__entry->func = func;
	),
	TP_printk("client=%s id=%llu batch=%llu func=%s start=0x%llx length=0x%llx arg=0x%llx",
		  __entry->client, __entry->id, __entry->batch,
		  show_pvmemcontrol_func(__entry->func), __entry->start,
		  __entry->length, __entry->arg),
	pvmc_follow, pvmc_unfollow
);

/*
 * It has ended: @done bytes were dealt with, of a vector those of all entries.
 * @ns is from before the first exit to after the last.  There is none without
 * the other event, which has the same @id.
 */
TRACE_EVENT_FN_COND(pvmemcontrol_call_exit,
	TP_PROTO(const char *client, u64 id, u32 func, u64 start, u64 length,
		 u64 done, u32 exits, int error, u64 ns),
	TP_ARGS(client, id, func, start, length, done, exits, error, ns),
	TP_CONDITION(id),
	TP_STRUCT__entry(
		__array(char, client, PVMEMCONTROL_TRACE_NAME)
		__field(u64, id)
		__field(u64, start)
		__field(u64, length)
		__field(u64, done)
		__field(u64, ns)
		__field(u32, func)
		__field(u32, exits)
		__field(int, error)
	),
	TP_fast_assign(
		strscpy_pad(__entry->client, client, PVMEMCONTROL_TRACE_NAME);
		__entry->id = id;
		__entry->start = start;
		__entry->length = length;
		__entry->done = done;
		__entry->ns = ns;
		__entry->func = func;
		__entry->exits = exits;
		__entry->error = error;
	),
	TP_printk("client=%s id=%llu func=%s start=0x%llx length=0x%llx done=0x%llx exits=%u error=%d ns=%llu",
		  __entry->client, __entry->id,
		  show_pvmemcontrol_func(__entry->func), __entry->start,
		  __entry->length, __entry->done, __entry->exits,
		  __entry->error, __entry->ns),
	pvmc_follow, pvmc_unfollow
);

/*
 * What became of one entry of the vector that is call @id, between that call's
 * two events.  Entries that the VMM has not come to have none.
 */
TRACE_EVENT(pvmemcontrol_vector_entry,
	TP_PROTO(const char *client, u64 id, u32 func, u64 start, u64 length,
		 int error),
	TP_ARGS(client, id, func, start, length, error),
	TP_STRUCT__entry(
		__array(char, client, PVMEMCONTROL_TRACE_NAME)
		__field(u64, id)
		__field(u64, start)
		__field(u64, length)
		__field(u32, func)
		__field(int, error)
	),
	TP_fast_assign(
		strscpy_pad(__entry->client, client, PVMEMCONTROL_TRACE_NAME);
		__entry->id = id;
		__entry->start = start;
		__entry->length = length;
		__entry->func = func;
		__entry->error = error;
	),
	TP_printk("client=%s id=%llu func=%s start=0x%llx length=0x%llx error=%d",
		  __entry->client, __entry->id,
		  show_pvmemcontrol_func(__entry->func), __entry->start,
		  __entry->length, __entry->error)
);

/*
 * A batch was sent: @added ranges became @ranges, and took @exits.  The calls
 * that did it came before, and have this @id as their @batch; @id is 0 where
 * nobody was looking when the sending began.
 */
TRACE_EVENT(pvmemcontrol_batch,
	TP_PROTO(const char *client, u64 id, u64 added, u64 ranges, u64 exits,
		 u64 errors),
	TP_ARGS(client, id, added, ranges, exits, errors),
	TP_STRUCT__entry(
		__array(char, client, PVMEMCONTROL_TRACE_NAME)
		__field(u64, id)
		__field(u64, added)
		__field(u64, ranges)
		__field(u64, exits)
		__field(u64, errors)
	),
	TP_fast_assign(
		strscpy_pad(__entry->client, client, PVMEMCONTROL_TRACE_NAME);
		__entry->id = id;
		__entry->added = added;
		__entry->ranges = ranges;
		__entry->exits = exits;
		__entry->errors = errors;
	),
	TP_printk("client=%s id=%llu added=%llu ranges=%llu exits=%llu errors=%llu",
		  __entry->client, __entry->id, __entry->added,
		  __entry->ranges, __entry->exits, __entry->errors)
);

/* A request was left without answer, by whoever it was made. */
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

/* @client and @what are empty where no client owns the page. */
TRACE_EVENT(pvmemcontrol_violation,
	TP_PROTO(u32 device, const char *client, const char *what, u64 addr,
		 u32 access, u32 vcpu, bool stopped, unsigned long ip),
	TP_ARGS(device, client, what, addr, access, vcpu, stopped, ip),
	TP_STRUCT__entry(
		__array(char, client, PVMEMCONTROL_TRACE_NAME)
		__array(char, what, PVMEMCONTROL_DESCRIPTION)
		__field(u64, addr)
		__field(unsigned long, ip)
		__field(u32, device)
		__field(u32, access)
		__field(u32, vcpu)
		__field(bool, stopped)
	),
	TP_fast_assign(
		strscpy_pad(__entry->client, client, PVMEMCONTROL_TRACE_NAME);
		strscpy_pad(__entry->what, what, PVMEMCONTROL_DESCRIPTION);
		__entry->addr = addr;
		__entry->ip = ip;
		__entry->device = device;
		__entry->access = access;
		__entry->vcpu = vcpu;
		__entry->stopped = stopped;
	),
	TP_printk("device=%u client=%s what=\"%s\" addr=0x%llx access=%s vcpu=%u stopped=%d ip=%pS",
		  __entry->device, __entry->client, __entry->what,
		  __entry->addr,
		  __print_flags(__entry->access, "|",
				{ PVMEMCONTROL_ACCESS_READ, "read" },
				{ PVMEMCONTROL_ACCESS_WRITE, "write" },
				{ PVMEMCONTROL_ACCESS_FETCH, "fetch" }),
		  __entry->vcpu, __entry->stopped, (void *)__entry->ip)
);

/* The VMM may have forgotten what @client had said, which is asked to say it. */
TRACE_EVENT(pvmemcontrol_restore,
	TP_PROTO(u32 device, const char *client),
	TP_ARGS(device, client),
	TP_STRUCT__entry(
		__array(char, client, PVMEMCONTROL_TRACE_NAME)
		__field(u32, device)
	),
	TP_fast_assign(
		strscpy_pad(__entry->client, client, PVMEMCONTROL_TRACE_NAME);
		__entry->device = device;
	),
	TP_printk("device=%u client=%s", __entry->device, __entry->client)
);

/*
 * @index is an entry's place in its node, which is of @level (0: its entries are
 * single pages, 1: 512 pages each, ...), and @pfn the first page of the entry.
 */
DECLARE_EVENT_CLASS(pvmemcontrol_mem_table,
	TP_PROTO(const void *table, u32 level, u32 index, u64 pfn),
	TP_ARGS(table, level, index, pfn),
	TP_STRUCT__entry(
		__field(const void *, table)
		__field(u64, pfn)
		__field(u32, level)
		__field(u32, index)
	),
	TP_fast_assign(
		__entry->table = table;
		__entry->pfn = pfn;
		__entry->level = level;
		__entry->index = index;
	),
	TP_printk("table=%p level=%u index=%u pfn=0x%llx", __entry->table,
		  __entry->level, __entry->index, __entry->pfn)
);

/* An entry with a value has become a node. */
DEFINE_EVENT(pvmemcontrol_mem_table, pvmemcontrol_mem_table_split,
	TP_PROTO(const void *table, u32 level, u32 index, u64 pfn),
	TP_ARGS(table, level, index, pfn)
);

/* A node has become an entry with a value. */
DEFINE_EVENT(pvmemcontrol_mem_table, pvmemcontrol_mem_table_merge,
	TP_PROTO(const void *table, u32 level, u32 index, u64 pfn),
	TP_ARGS(table, level, index, pfn)
);

#endif /* _TRACE_PVMEMCONTROL_H */

#include <trace/define_trace.h>
