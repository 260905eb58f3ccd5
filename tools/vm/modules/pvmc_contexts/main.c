// SPDX-License-Identifier: GPL-2.0
/*
 * A client that calls from every context there is, to be built against the
 * installed headers alone.
 *
 * In debugfs, folder pvmc_contexts:
 *
 *	run	write process, irqsoff, softirq, hardirq, nmi, allcpus, nested,
 *		or arm (the next NMI from outside makes calls)
 *	clear	write anything: all numbers back to 0
 *	results	"name value" lines:
 *		tries.CONTEXT	rounds of calls in that context
 *		bad.CONTEXT	rounds in which a result was not as promised
 *		bad_step.CONTEXT	which of enum ctx_step that was
 *		cpus.CONTEXT	CPUs that took part
 *		batch_exits.CONTEXT	exits that the batches took
 *		nested.CONTEXT	rounds that interrupted a call on the same CPU
 *		attached, detached, restored	callbacks
 */
#include <linux/cpu.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/smp.h>
#include <linux/string.h>

#include <asm/apic.h>
#include <asm/nmi.h>

#include "contexts.h"

#define CTX_ROUNDS	100	/* in one run, on each CPU */
#define CTX_STORM	500	/* interrupts that each CPU sends in a nested run */
#define CTX_PAGE_ORDER	2
#define CTX_NMI_WAIT_US	(10 * USEC_PER_SEC)

static const char * const ctx_names[CTX_NR] = {
	"process", "irqsoff", "softirq", "hardirq", "nmi",
};

DEFINE_PER_CPU(struct ctx_cpu, ctx_cpus);
static DEFINE_MUTEX(ctx_lock);		/* one run at a time */
static atomic_t ctx_attached, ctx_detached, ctx_restored;

static int ctx_attach(struct pvmemcontrol_client *client)
{
	atomic_inc(&ctx_attached);
	/* Calls from a callback are allowed. */
	return pvmemcontrol_ping(client);
}

static void ctx_detach(struct pvmemcontrol_client *client)
{
	atomic_inc(&ctx_detached);
}

static void ctx_restore(struct pvmemcontrol_client *client)
{
	atomic_inc(&ctx_restored);
}

static const struct pvmemcontrol_client_ops ctx_ops = {
	.attach = ctx_attach,
	.detach = ctx_detach,
	.restore = ctx_restore,
};

struct pvmemcontrol_client ctx_client = {
	.name = "contexts",
	.ops = &ctx_ops,
};

/* --- how to get there ---------------------------------------------------- */

static int ctx_run_process(void *unused)
{
	unsigned int i;

	for (i = 0; i < CTX_ROUNDS; i++)
		ctx_try(CTX_PROCESS);
	return 0;
}

static int ctx_run_irqsoff(void *unused)
{
	unsigned long flags;
	unsigned int i;

	for (i = 0; i < CTX_ROUNDS; i++) {
		local_irq_save(flags);
		ctx_try(CTX_IRQSOFF);
		local_irq_restore(flags);
	}
	return 0;
}

static void ctx_softirq(struct tasklet_struct *unused)
{
	ctx_try(CTX_SOFTIRQ);
}

static int ctx_run_softirq(void *unused)
{
	struct ctx_cpu *cpu = this_cpu_ptr(&ctx_cpus);
	unsigned int i;

	for (i = 0; i < CTX_ROUNDS; i++) {
		tasklet_hi_schedule(&cpu->softirq);
		tasklet_unlock_wait(&cpu->softirq);
		while (test_bit(TASKLET_STATE_SCHED, &cpu->softirq.state))
			cond_resched_tasks_rcu_qs();
	}
	return 0;
}

static void ctx_hardirq(struct irq_work *unused)
{
	ctx_try(CTX_HARDIRQ);
}

static int ctx_run_hardirq(void *unused)
{
	struct ctx_cpu *cpu = this_cpu_ptr(&ctx_cpus);
	unsigned int i;

	for (i = 0; i < CTX_ROUNDS; i++) {
		irq_work_queue(&cpu->hardirq);
		irq_work_sync(&cpu->hardirq);
	}
	return 0;
}

static int ctx_nmi(unsigned int type, struct pt_regs *regs)
{
	struct ctx_cpu *cpu = this_cpu_ptr(&ctx_cpus);

	if (atomic_read(&cpu->nmi_armed) != 1)
		return NMI_DONE;
	ctx_try(CTX_NMI);
	atomic_set(&cpu->nmi_armed, 0);
	return NMI_HANDLED;
}

/*
 * The kernel's own way of sending an NMI is not for modules, so the interrupt
 * controller is told directly.
 */
static void ctx_send_nmi_to_others(void)
{
	u32 command = APIC_DEST_ALLBUT | APIC_DM_NMI;
	unsigned long flags;

	local_irq_save(flags);
	if (x2apic_mode) {
		wrmsr(APIC_BASE_MSR + (APIC_ICR >> 4), command, 0);
	} else {
		while (native_apic_mem_read(APIC_ICR) & APIC_ICR_BUSY)
			cpu_relax();
		native_apic_mem_write(APIC_ICR, command);
	}
	local_irq_restore(flags);
}

/* Returns whether all others have taken the last one. */
static bool ctx_nmi_taken(void)
{
	unsigned int cpu;

	for_each_online_cpu(cpu)
		if (atomic_read(&per_cpu(ctx_cpus.nmi_armed, cpu)))
			return false;
	return true;
}

static void ctx_nmi_others(void)
{
	unsigned int cpu;

	preempt_disable();
	for_each_online_cpu(cpu)
		if (cpu != smp_processor_id())
			atomic_set(&per_cpu(ctx_cpus.nmi_armed, cpu), 1);
	ctx_send_nmi_to_others();
	preempt_enable();
}

static int ctx_run_nmi(void *unused)
{
	unsigned long waited = 0;
	unsigned int i;

	for (i = 0; i < CTX_ROUNDS; i++) {
		ctx_nmi_others();
		while (!ctx_nmi_taken() && waited < CTX_NMI_WAIT_US) {
			udelay(1);
			waited++;
		}
		if (!ctx_nmi_taken()) {
			this_cpu_inc(ctx_cpus.bad[CTX_NMI]);
			this_cpu_write(ctx_cpus.bad_step[CTX_NMI],
				       CTX_STEP_NMI_LOST);
			return -ETIMEDOUT;
		}
	}
	return 0;
}

static int ctx_on_each(int (*fn)(void *))
{
	unsigned int cpu;
	int err = 0;

	cpus_read_lock();
	for_each_online_cpu(cpu) {
		err = smp_call_on_cpu(cpu, fn, NULL, false);
		if (err)
			break;
	}
	cpus_read_unlock();
	return err;
}

/* --- all at once --------------------------------------------------------- */

/*
 * With preemption off, so that who finds a call in progress on this CPU has
 * interrupted it, and is not a task that runs in between.
 */
static int ctx_victim(void *unused)
{
	while (!kthread_should_stop()) {
		preempt_disable();
		ctx_try(CTX_PROCESS);
		preempt_enable();
		cond_resched_tasks_rcu_qs();
	}
	return 0;
}

static void ctx_remote(void *info)
{
	struct ctx_cpu *cpu = info;

	tasklet_hi_schedule(&cpu->softirq);
	ctx_try(CTX_HARDIRQ);
}

static void ctx_stop_victims(void)
{
	unsigned int i;

	for_each_possible_cpu(i) {
		struct ctx_cpu *cpu = per_cpu_ptr(&ctx_cpus, i);

		if (cpu->victim)
			kthread_stop(cpu->victim);
		cpu->victim = NULL;
	}
}

static int ctx_start_victims(void)
{
	struct task_struct *task;
	unsigned int i;

	for_each_online_cpu(i) {
		task = kthread_create_on_cpu(ctx_victim, NULL, i,
					     "ctx_victim/%u");
		if (IS_ERR(task)) {
			ctx_stop_victims();
			return PTR_ERR(task);
		}
		per_cpu(ctx_cpus.victim, i) = task;
		wake_up_process(task);
	}
	return 0;
}

static unsigned long ctx_tries_process(void)
{
	unsigned long sum = 0;
	unsigned int i;

	for_each_possible_cpu(i)
		sum += READ_ONCE(per_cpu(ctx_cpus.tries[CTX_PROCESS], i));
	return sum;
}

/* All CPUs call at once, undisturbed. */
static int ctx_run_allcpus(void)
{
	unsigned long until = ctx_tries_process() +
			      10 * CTX_ROUNDS * num_online_cpus();
	int err = ctx_start_victims();

	if (err)
		return err;
	while (ctx_tries_process() < until && !fatal_signal_pending(current))
		usleep_range(1000, 2000);
	ctx_stop_victims();
	return 0;
}

/* Interrupts and NMIs for all other CPUs, each sent when the last is done. */
static int ctx_storm(void *unused)
{
	unsigned int round, i;

	for (round = 0; round < CTX_STORM; round++) {
		for_each_online_cpu(i) {
			struct ctx_cpu *cpu = per_cpu_ptr(&ctx_cpus, i);

			if (i == smp_processor_id())
				continue;
			while (smp_call_function_single_async(i,
							      &cpu->remote))
				cpu_relax();
		}
		/* At any point of what the interrupt does, and of others. */
		udelay(get_random_u32() % 64);
		if (ctx_nmi_taken())
			ctx_nmi_others();
		if (round % 16 == 0)
			usleep_range(100, 200);
	}
	return 0;
}

/*
 * All CPUs call at once, and are interrupted by interrupts, which leave
 * softirqs behind, and by NMIs, all of which call as well.
 */
static int ctx_run_nested(void)
{
	unsigned int i;
	int err;

	err = ctx_start_victims();
	if (err)
		return err;
	err = ctx_on_each(ctx_storm);
	ctx_stop_victims();

	for (i = 0; i < 1000 && !ctx_nmi_taken(); i++)
		usleep_range(1000, 2000);
	if (!err && !ctx_nmi_taken())
		err = -ETIMEDOUT;
	for_each_possible_cpu(i) {
		struct ctx_cpu *cpu = per_cpu_ptr(&ctx_cpus, i);

		/* What it did is seen when it is over. */
		while (smp_load_acquire(&cpu->remote.node.u_flags) &
		       CSD_FLAG_LOCK)
			usleep_range(100, 200);
		tasklet_kill(&cpu->softirq);
	}
	return err;
}

/* --- debugfs ------------------------------------------------------------- */

static int ctx_arm(void)
{
	unsigned int i;

	for_each_online_cpu(i)
		atomic_set(&per_cpu(ctx_cpus.nmi_armed, i), 1);
	return 0;
}

static int ctx_run(const char *what)
{
	if (!strcmp(what, "process"))
		return ctx_on_each(ctx_run_process);
	if (!strcmp(what, "irqsoff"))
		return ctx_on_each(ctx_run_irqsoff);
	if (!strcmp(what, "softirq"))
		return ctx_on_each(ctx_run_softirq);
	if (!strcmp(what, "hardirq"))
		return ctx_on_each(ctx_run_hardirq);
	if (!strcmp(what, "nmi"))
		return ctx_on_each(ctx_run_nmi);
	if (!strcmp(what, "allcpus"))
		return ctx_run_allcpus();
	if (!strcmp(what, "nested"))
		return ctx_run_nested();
	if (!strcmp(what, "arm"))
		return ctx_arm();
	return -EINVAL;
}

static ssize_t ctx_run_write(struct file *file, const char __user *ubuf,
			     size_t count, loff_t *ppos)
{
	char what[16] = {};
	int err;

	if (count >= sizeof(what))
		return -EINVAL;
	if (copy_from_user(what, ubuf, count))
		return -EFAULT;
	if (mutex_lock_interruptible(&ctx_lock))
		return -EINTR;
	err = ctx_run(strim(what));
	mutex_unlock(&ctx_lock);
	return err ?: count;
}

static const struct file_operations ctx_run_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = ctx_run_write,
	.llseek = noop_llseek,
};

static int ctx_clear_set(void *unused, u64 value)
{
	unsigned int i;

	for_each_possible_cpu(i) {
		struct ctx_cpu *cpu = per_cpu_ptr(&ctx_cpus, i);

		memset(cpu->tries, 0, sizeof(cpu->tries));
		memset(cpu->bad, 0, sizeof(cpu->bad));
		memset(cpu->nested, 0, sizeof(cpu->nested));
		memset(cpu->batch_exits, 0, sizeof(cpu->batch_exits));
		memset(cpu->bad_step, 0, sizeof(cpu->bad_step));
		atomic_set(&cpu->nmi_armed, 0);
	}
	atomic_set(&ctx_attached, 0);
	atomic_set(&ctx_detached, 0);
	atomic_set(&ctx_restored, 0);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(ctx_clear_fops, NULL, ctx_clear_set, "%llu\n");

static int results_show(struct seq_file *s, void *unused)
{
	unsigned int context, i;

	for (context = 0; context < CTX_NR; context++) {
		unsigned long tries = 0, bad = 0, nested = 0, exits = 0;
		unsigned int step = 0, cpus = 0;

		for_each_possible_cpu(i) {
			struct ctx_cpu *cpu = per_cpu_ptr(&ctx_cpus, i);

			tries += READ_ONCE(cpu->tries[context]);
			bad += READ_ONCE(cpu->bad[context]);
			nested += READ_ONCE(cpu->nested[context]);
			exits += READ_ONCE(cpu->batch_exits[context]);
			cpus += !!READ_ONCE(cpu->tries[context]);
			step = READ_ONCE(cpu->bad_step[context]) ?: step;
		}
		seq_printf(s, "tries.%s %lu\n", ctx_names[context], tries);
		seq_printf(s, "cpus.%s %u\n", ctx_names[context], cpus);
		seq_printf(s, "bad.%s %lu\n", ctx_names[context], bad);
		seq_printf(s, "bad_step.%s %u\n", ctx_names[context], step);
		seq_printf(s, "nested.%s %lu\n", ctx_names[context], nested);
		seq_printf(s, "batch_exits.%s %lu\n", ctx_names[context], exits);
	}
	seq_printf(s, "attached %d\ndetached %d\nrestored %d\n",
		   atomic_read(&ctx_attached), atomic_read(&ctx_detached),
		   atomic_read(&ctx_restored));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(results);

/* --- coming and going ---------------------------------------------------- */

static struct dentry *ctx_dir;

static void ctx_free_pages(void)
{
	unsigned int i, context;

	for_each_possible_cpu(i) {
		struct ctx_cpu *cpu = per_cpu_ptr(&ctx_cpus, i);

		for (context = 0; context < CTX_NR; context++)
			if (cpu->page[context])
				__free_pages(cpu->page[context],
					     CTX_PAGE_ORDER);
	}
}

static int ctx_prepare(void)
{
	unsigned int i, context;

	for_each_possible_cpu(i) {
		struct ctx_cpu *cpu = per_cpu_ptr(&ctx_cpus, i);

		for (context = 0; context < CTX_NR; context++) {
			cpu->page[context] = alloc_pages(GFP_KERNEL,
							 CTX_PAGE_ORDER);
			if (!cpu->page[context])
				return -ENOMEM;
		}
		tasklet_setup(&cpu->softirq, ctx_softirq);
		cpu->hardirq = IRQ_WORK_INIT_HARD(ctx_hardirq);
		INIT_CSD(&cpu->remote, ctx_remote, cpu);
	}
	return 0;
}

static int __init ctx_init(void)
{
	int err = ctx_prepare();

	if (err)
		goto free_pages;
	err = register_nmi_handler(NMI_LOCAL, ctx_nmi, 0, "pvmc_contexts");
	if (err)
		goto free_pages;
	err = pvmemcontrol_register_client(&ctx_client);
	if (err)
		goto unregister_nmi;

	ctx_dir = debugfs_create_dir("pvmc_contexts", NULL);
	debugfs_create_file("run", 0200, ctx_dir, NULL, &ctx_run_fops);
	debugfs_create_file_unsafe("clear", 0200, ctx_dir, NULL,
				   &ctx_clear_fops);
	debugfs_create_file("results", 0400, ctx_dir, NULL, &results_fops);
	return 0;

unregister_nmi:
	unregister_nmi_handler(NMI_LOCAL, "pvmc_contexts");
free_pages:
	ctx_free_pages();
	return err;
}
module_init(ctx_init);

static void __exit ctx_exit(void)
{
	debugfs_remove_recursive(ctx_dir);
	unregister_nmi_handler(NMI_LOCAL, "pvmc_contexts");
	pvmemcontrol_unregister_client(&ctx_client);
	ctx_free_pages();
}
module_exit(ctx_exit);

MODULE_DESCRIPTION("Test: pvmemcontrol calls from every context");
MODULE_LICENSE("GPL");
