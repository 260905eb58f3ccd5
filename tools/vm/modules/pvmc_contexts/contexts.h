/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _PVMC_CONTEXTS_H
#define _PVMC_CONTEXTS_H

#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/percpu.h>
#include <linux/pvmemcontrol.h>
#include <linux/smp.h>

enum ctx_context {
	CTX_PROCESS,
	CTX_IRQSOFF,
	CTX_SOFTIRQ,
	CTX_HARDIRQ,
	CTX_NMI,
	CTX_NR
};

/* The calls of a round. */
enum ctx_step {
	CTX_STEP_NONE,
	CTX_STEP_CONTEXT,	/* not in the context that it should be */
	CTX_STEP_PING,
	CTX_STEP_GET_INFO,
	CTX_STEP_DONTDUMP,
	CTX_STEP_UNALIGNED,
	CTX_STEP_EMPTY,
	CTX_STEP_WRAPS,
	CTX_STEP_NO_RAM,
	CTX_STEP_UNKNOWN,
	CTX_STEP_BATCH,
	CTX_STEP_DROP,
	CTX_STEP_CONTENT,
	CTX_STEP_NMI_LOST,
};

/*
 * Numbers are written by their own CPU only, each by the context that it
 * belongs to.
 */
struct ctx_cpu {
	struct page *page[CTX_NR];
	unsigned long tries[CTX_NR];
	unsigned long bad[CTX_NR];
	unsigned long nested[CTX_NR];
	unsigned long batch_exits[CTX_NR];
	enum ctx_step bad_step[CTX_NR];
	unsigned int in_call;

	struct tasklet_struct softirq;
	struct irq_work hardirq;
	call_single_data_t remote;
	atomic_t nmi_armed;
	struct task_struct *victim;
};

DECLARE_PER_CPU(struct ctx_cpu, ctx_cpus);
extern struct pvmemcontrol_client ctx_client;

void ctx_try(enum ctx_context context);

#endif /* _PVMC_CONTEXTS_H */
