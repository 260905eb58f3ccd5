// SPDX-License-Identifier: GPL-2.0
/*
 * The accesses, and getting into the contexts in which they are made.
 */
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/nmi.h>
#include <linux/preempt.h>
#include <linux/sched/clock.h>
#include <linux/smp.h>
#include <linux/string.h>

#include <asm/apic.h>
#include <asm/nmi.h>

#include "guarded.h"

#define NMI_WAIT_MS	10000

/* The spot that the next softirq or interrupt is to touch. */
static struct guarded_spot *guarded_armed;
/* And the next NMI; those that tell of violations come here too. */
static struct guarded_spot *guarded_nmi_armed;
static bool guarded_as_it_should;

#define AT "leaq 77f(%%rip), %%rax\n\tmovq %%rax, %[ip]\n77:\t"

void guarded_access(struct guarded_spot *spot)
{
	spot->cpu = raw_smp_processor_id();
	spot->began = local_clock();
	switch (spot->kind) {
	case GUARDED_READ:
		asm volatile(AT "movq (%[at]), %%rax\n\tmovq %%rax, %[value]"
			     : [ip] "=m" (spot->ip), [value] "=m" (spot->value)
			     : [at] "r" (spot->at) : "rax", "memory");
		break;
	case GUARDED_WRITE:
		asm volatile(AT "movq %[new], (%[at])"
			     : [ip] "=m" (spot->ip)
			     : [at] "r" (spot->at), [new] "r" (~0ULL)
			     : "rax", "memory");
		break;
	default:
		asm volatile(AT "lock addq $1, (%[at])"
			     : [ip] "=m" (spot->ip)
			     : [at] "r" (spot->at) : "rax", "memory", "cc");
		break;
	}
}

static void guarded_softirq(struct tasklet_struct *unused)
{
	guarded_as_it_should = in_serving_softirq() && !in_hardirq();
	guarded_access(guarded_armed);
}

static DECLARE_TASKLET(guarded_tasklet, guarded_softirq);

static void guarded_hardirq(struct irq_work *unused)
{
	guarded_as_it_should = in_hardirq();
	guarded_access(guarded_armed);
}

/* With PREEMPT_RT it would be done in a thread else. */
static struct irq_work guarded_irq_work = IRQ_WORK_INIT_HARD(guarded_hardirq);

static int guarded_nmi(unsigned int type, struct pt_regs *regs)
{
	struct guarded_spot *spot = xchg(&guarded_nmi_armed, NULL);

	if (!spot)
		return NMI_DONE;
	guarded_as_it_should = in_nmi();
	guarded_access(spot);
	return NMI_HANDLED;
}

/* The kernel's own way of sending an NMI is not for modules. */
static int guarded_send_nmi(void)
{
	unsigned long flags;
	unsigned int waited;
	u32 id, unused;

	local_irq_save(flags);
	/* There is no shorthand to oneself for an NMI: by its number. */
	if (x2apic_mode) {
		rdmsr(APIC_BASE_MSR + (APIC_ID >> 4), id, unused);
		wrmsr(APIC_BASE_MSR + (APIC_ICR >> 4), APIC_DM_NMI, id);
	} else {
		/* Which is at the same place in both. */
		native_apic_mem_write(APIC_ICR2,
				      native_apic_mem_read(APIC_ID));
		native_apic_mem_write(APIC_ICR, APIC_DM_NMI);
	}
	local_irq_restore(flags);
	for (waited = 0; READ_ONCE(guarded_nmi_armed) && waited < NMI_WAIT_MS;
	     waited++)
		mdelay(1);
	return READ_ONCE(guarded_nmi_armed) ? -ETIMEDOUT : 0;
}

int guarded_in(const char *context, struct guarded_spot *spot)
{
	int err = 0;

	guarded_as_it_should = false;
	WRITE_ONCE(guarded_armed, spot);
	if (!strcmp(context, "process")) {
		guarded_as_it_should = in_task();
		/* It may be preempted, but not go to another CPU meanwhile. */
		migrate_disable();
		guarded_access(spot);
		migrate_enable();
	} else if (!strcmp(context, "softirq")) {
		tasklet_schedule(&guarded_tasklet);
		/* Waits until it has run. */
		while (test_bit(TASKLET_STATE_SCHED, &guarded_tasklet.state))
			msleep(20);
		tasklet_unlock_wait(&guarded_tasklet);
	} else if (!strcmp(context, "hardirq")) {
		irq_work_queue(&guarded_irq_work);
		irq_work_sync(&guarded_irq_work);
	} else if (!strcmp(context, "nmi")) {
		preempt_disable();
		WRITE_ONCE(guarded_nmi_armed, spot);
		err = guarded_send_nmi();
		WRITE_ONCE(guarded_nmi_armed, NULL);
		preempt_enable();
	} else {
		err = -EINVAL;
	}
	if (!err && !guarded_as_it_should)
		err = -EDOM;
	return err;
}

int guarded_contexts_init(void)
{
	return register_nmi_handler(NMI_LOCAL, guarded_nmi, 0, "pvmc_guarded");
}

void guarded_contexts_exit(void)
{
	unregister_nmi_handler(NMI_LOCAL, "pvmc_guarded");
	tasklet_kill(&guarded_tasklet);
	irq_work_sync(&guarded_irq_work);
}
