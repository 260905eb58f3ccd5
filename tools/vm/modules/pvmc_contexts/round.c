// SPDX-License-Identifier: GPL-2.0
/*
 * A round of calls, which knows what each must return.
 */
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/string.h>

#include <asm/apicdef.h>

#include "contexts.h"

static int ctx_call(u32 func, u64 start, u64 length, u64 *done)
{
	int err;

	this_cpu_inc(ctx_cpus.in_call);
	err = pvmemcontrol_call(&ctx_client, func, start, length, 0, done);
	this_cpu_dec(ctx_cpus.in_call);
	return err;
}

/* Without memory from elsewhere: three ranges, of which one cannot be. */
static bool ctx_batch(enum ctx_context context, u64 start)
{
	struct pvmemcontrol_batch batch;
	int err;

	pvmemcontrol_batch_init(&batch, &ctx_client, 0);
	pvmemcontrol_batch_add(&batch, PVMEMCONTROL_DONTNEED,
			       APIC_DEFAULT_PHYS_BASE, PAGE_SIZE, 0);
	pvmemcontrol_batch_add(&batch, PVMEMCONTROL_DONTDUMP,
			       start + PAGE_SIZE, PAGE_SIZE, 0);
	pvmemcontrol_batch_add(&batch, PVMEMCONTROL_DONTDUMP, start, PAGE_SIZE,
			       0);
	pvmemcontrol_batch_add(&batch, PVMEMCONTROL_DONTDUMP,
			       start + 3 * PAGE_SIZE, PAGE_SIZE, 0);
	this_cpu_inc(ctx_cpus.in_call);
	err = pvmemcontrol_batch_finish(&batch);
	this_cpu_dec(ctx_cpus.in_call);
	this_cpu_add(ctx_cpus.batch_exits[context], batch.exits);
	return err == -EINVAL && batch.ranges == 3 && batch.errors == 1 &&
	       batch.failed.start == APIC_DEFAULT_PHYS_BASE;
}

static bool ctx_is(enum ctx_context context)
{
	switch (context) {
	case CTX_PROCESS:
		return in_task() && !irqs_disabled();
	case CTX_IRQSOFF:
		return in_task() && irqs_disabled();
	case CTX_SOFTIRQ:
		return in_serving_softirq() && !in_hardirq() && !in_nmi();
	case CTX_HARDIRQ:
		return in_hardirq() && !in_nmi();
	default:
		return in_nmi();
	}
}

static enum ctx_step ctx_round(enum ctx_context context)
{
	struct page *page = this_cpu_read(ctx_cpus.page[context]);
	struct pvmemcontrol_info info = {};
	u64 start = page_to_phys(page);
	u64 done = 1;

	if (!ctx_is(context))
		return CTX_STEP_CONTEXT;
	if (ctx_call(PVMEMCONTROL_INFO, 0, 0, NULL))
		return CTX_STEP_PING;
	if (pvmemcontrol_get_info(&info) || info.major != 1 ||
	    info.host_page_size < SZ_4K)
		return CTX_STEP_GET_INFO;
	if (ctx_call(PVMEMCONTROL_DONTDUMP, start, PAGE_SIZE, &done) ||
	    done != PAGE_SIZE)
		return CTX_STEP_DONTDUMP;
	if (ctx_call(PVMEMCONTROL_DONTNEED, start + 8, PAGE_SIZE, &done) !=
	    -EINVAL || done)
		return CTX_STEP_UNALIGNED;
	if (ctx_call(PVMEMCONTROL_DONTNEED, start, 0, &done) != -EINVAL || done)
		return CTX_STEP_EMPTY;
	if (ctx_call(PVMEMCONTROL_DONTNEED, -PAGE_SIZE, 2 * PAGE_SIZE, &done) !=
	    -EINVAL || done)
		return CTX_STEP_WRAPS;
	if (ctx_call(PVMEMCONTROL_DONTNEED, APIC_DEFAULT_PHYS_BASE, PAGE_SIZE,
		     &done) != -EINVAL || done)
		return CTX_STEP_NO_RAM;
	if (ctx_call(99, start, PAGE_SIZE, &done) != -EOPNOTSUPP || done)
		return CTX_STEP_UNKNOWN;

	if (!ctx_batch(context, start))
		return CTX_STEP_BATCH;

	memset(page_address(page), 0x80 | context, PAGE_SIZE);
	if (ctx_call(PVMEMCONTROL_DONTNEED, start, PAGE_SIZE, &done) ||
	    done != PAGE_SIZE)
		return CTX_STEP_DROP;
	if (memchr_inv(page_address(page), 0, PAGE_SIZE))
		return CTX_STEP_CONTENT;
	return CTX_STEP_NONE;
}

/* On the CPU that it began on, in @context. */
void ctx_try(enum ctx_context context)
{
	struct ctx_cpu *cpu = this_cpu_ptr(&ctx_cpus);
	enum ctx_step step;

	if (cpu->in_call)
		cpu->nested[context]++;
	step = ctx_round(context);
	cpu->tries[context]++;
	if (step) {
		cpu->bad[context]++;
		cpu->bad_step[context] = step;
	}
}
