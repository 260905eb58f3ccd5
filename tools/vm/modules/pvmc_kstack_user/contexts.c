// SPDX-License-Identifier: GPL-2.0
/*
 * Getting into the contexts in which stacks are used.
 */
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/mutex.h>
#include <linux/nmi.h>
#include <linux/preempt.h>
#include <linux/string.h>

#include <asm/apic.h>
#include <asm/nmi.h>

#include "user.h"

#define NMI_WAIT_MS	10000

/* Guards all below: one is somewhere at a time. */
static DEFINE_MUTEX(user_context_lock);
static void (*user_fn)(void *arg);
static void *user_arg;
static bool user_armed;
static bool user_as_it_should;

static void user_run(bool as_it_should)
{
	user_as_it_should = as_it_should;
	user_fn(user_arg);
}

static void user_softirq(struct tasklet_struct *unused)
{
	user_run(in_serving_softirq() && !in_hardirq());
}

static DECLARE_TASKLET(user_tasklet, user_softirq);

static void user_hardirq(struct irq_work *unused)
{
	user_run(in_hardirq());
}

/* With PREEMPT_RT it would be done in a thread else. */
static struct irq_work user_irq_work = IRQ_WORK_INIT_HARD(user_hardirq);

/* First of all handlers, so it sees memory as the VMM stopped the instruction. */
static int user_nmi(unsigned int type, struct pt_regs *regs)
{
	user_overflow_look();
	if (!xchg(&user_armed, false))
		return NMI_DONE;
	user_run(in_nmi());
	return NMI_HANDLED;
}

static int user_send_nmi(void)
{
	unsigned int waited;
	u32 id, unused;

	/* The kernel's own way of sending one is not for modules. */
	if (x2apic_mode) {
		rdmsr(APIC_BASE_MSR + (APIC_ID >> 4), id, unused);
		wrmsr(APIC_BASE_MSR + (APIC_ICR >> 4), APIC_DM_NMI, id);
	} else {
		/* Which is at the same place in both. */
		native_apic_mem_write(APIC_ICR2,
				      native_apic_mem_read(APIC_ID));
		native_apic_mem_write(APIC_ICR, APIC_DM_NMI);
	}
	for (waited = 0; READ_ONCE(user_armed) && waited < NMI_WAIT_MS; waited++)
		mdelay(1);
	return READ_ONCE(user_armed) ? -ETIMEDOUT : 0;
}

int user_in(const char *context, void (*fn)(void *), void *arg)
{
	int err = 0;

	mutex_lock(&user_context_lock);
	user_as_it_should = false;
	user_fn = fn;
	user_arg = arg;
	if (!strcmp(context, "process")) {
		user_run(in_task());
	} else if (!strcmp(context, "softirq")) {
		tasklet_schedule(&user_tasklet);
		while (test_bit(TASKLET_STATE_SCHED, &user_tasklet.state))
			msleep(20);
		tasklet_unlock_wait(&user_tasklet);
	} else if (!strcmp(context, "hardirq")) {
		irq_work_queue(&user_irq_work);
		irq_work_sync(&user_irq_work);
	} else if (!strcmp(context, "nmi")) {
		preempt_disable();
		WRITE_ONCE(user_armed, true);
		err = user_send_nmi();
		preempt_enable();
	} else {
		err = -EINVAL;
	}
	err = err ?: user_as_it_should ? 0 : -EDOM;
	mutex_unlock(&user_context_lock);
	return err;
}

int user_contexts_init(void)
{
	return register_nmi_handler(NMI_LOCAL, user_nmi, NMI_FLAG_FIRST,
				    "pvmc_kstack_user");
}

void user_contexts_exit(void)
{
	unregister_nmi_handler(NMI_LOCAL, "pvmc_kstack_user");
	tasklet_kill(&user_tasklet);
	irq_work_sync(&user_irq_work);
}
