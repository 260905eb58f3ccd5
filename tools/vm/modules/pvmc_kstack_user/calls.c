// SPDX-License-Identifier: GPL-2.0
/*
 * What a function may do on a guarded stack, and what of the kernel looks at
 * the stack that it runs on.
 */
#include <linux/compiler.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/sched/task_stack.h>
#include <linux/sizes.h>
#include <linux/stacktrace.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#include <core/compat.h>
#include "user.h"

static bool on_own_stack(const void *p)
{
	return object_is_on_stack(p);
}

static long call_where(void *arg)
{
	*(bool *)arg = on_own_stack(&arg);
	return 0x1122334455667788;
}

/* Down to @end, and counts the frames, which are larger with KASAN. */
static noinline long call_down(unsigned long end)
{
	char frame[1000];
	long below = 0;

	memset(frame, 0x77, sizeof(frame));
	barrier_data(frame);
	if ((unsigned long)frame > end)
		below = call_down(end);
	barrier_data(frame);
	return below + !memchr_inv(frame, 0x77, sizeof(frame));
}

/* Uses @arg bytes of stack. */
static long call_deep(void *arg)
{
	return call_down((unsigned long)&arg - (unsigned long)arg);
}

/* A call within a call, @arg deep, each on a smaller stack. */
static long call_nested(void *arg)
{
	static const size_t sizes[] = { SZ_16K, SZ_64K, SZ_128K, SZ_256K };
	long level = (long)arg, ret = 0;

	if (!level)
		return 1;
	if (pvmemcontrol_kstack_call(sizes[level - 1], 0, call_nested,
				     (void *)(level - 1), &ret))
		return -1000;
	return ret + 1;
}

static long call_sleep(void *unused)
{
	static DEFINE_MUTEX(mutex);
	char mark[64];

	memset(mark, 0x42, sizeof(mark));
	might_sleep();
	mutex_lock(&mutex);
	msleep(30);
	mutex_unlock(&mutex);
	schedule_timeout_uninterruptible(2);
	return memchr_inv(mark, 0x42, sizeof(mark)) ? -1 : 0;
}

/* Goes from CPU to CPU; returns how many it was on. */
static long call_migrate(void *unused)
{
	long cpus = 0;
	int cpu;

	for_each_online_cpu(cpu) {
		if (set_cpus_allowed_ptr(current, cpumask_of(cpu)))
			return -1;
		cpus += raw_smp_processor_id() == cpu;
	}
	set_cpus_allowed_ptr(current, cpu_possible_mask);
	return cpus;
}

static enum hrtimer_restart call_tick(struct hrtimer *timer)
{
	return HRTIMER_NORESTART;
}

/* Computes while timers interrupt it, and gives way. */
static long call_interrupted(void *unused)
{
	unsigned long end = jiffies + HZ / 5, sum = 0, i;
	struct hrtimer timer;

	hrtimer_setup_on_stack(&timer, call_tick, CLOCK_MONOTONIC,
			       HRTIMER_MODE_REL);
	while (time_before(jiffies, end)) {
		hrtimer_start(&timer, ns_to_ktime(50000), HRTIMER_MODE_REL);
		for (i = 0; i < 20000; i++)
			sum += i ^ (sum >> 3);
		cond_resched();
	}
	hrtimer_cancel(&timer);
	destroy_hrtimer_on_stack(&timer);
	return sum ? 0 : -1;
}

static void call_worker(struct work_struct *work)
{
}

/* What lives on the stack while others use it. */
static long call_objects(void *unused)
{
	DECLARE_COMPLETION_ONSTACK(done);
	struct work_struct work;

	INIT_WORK_ONSTACK(&work, call_worker);
	schedule_work(&work);
	flush_work(&work);
	destroy_work_on_stack(&work);
	return wait_for_completion_timeout(&done, 2) ? -1 : 0;
}

/* Not known to the unwinder: it must end, and not fall. */
static long call_trace(void *unused)
{
	unsigned long entries[32];
	int nr;

	/* It complains of itself where preemption is on. */
	if (IS_ENABLED(CONFIG_DEBUG_PREEMPT))
		preempt_disable();
	nr = stack_trace_save(entries, ARRAY_SIZE(entries), 0);
	if (IS_ENABLED(CONFIG_DEBUG_PREEMPT))
		preempt_enable();
	return nr;
}

static void call_on_all(void *unused)
{
	unsigned long entries[32];

	stack_trace_save(entries, ARRAY_SIZE(entries), 0);
}

/* As the profiler does: from an interrupt. */
static long call_trace_irq(void *unused)
{
	user_in("hardirq", call_on_all, NULL);
	return 0;
}

static long call_value(void *arg)
{
	return (long)arg + 1;
}

struct call_here {
	struct pvmemcontrol_kstack *stack;
	unsigned int flags;
	int err;
	long ret;
};

static void call_here(void *arg)
{
	struct call_here *c = arg;

	if (c->stack)
		c->err = pvmemcontrol_kstack_call_on(c->stack, call_value,
						     (void *)41, &c->ret);
	else
		c->err = pvmemcontrol_kstack_call(SZ_16K, c->flags, call_value,
						  (void *)41, &c->ret);
}

static void calls_contexts(struct seq_file *m)
{
	static const char *const contexts[] = {
		"process", "softirq", "hardirq", "nmi"
	};
	struct call_here c = { .flags = PVMEMCONTROL_KSTACK_NOWAIT };
	char name[64];
	int i, err;

	for (i = 0; i < ARRAY_SIZE(contexts); i++) {
		c.stack = pvmemcontrol_kstack_alloc(SZ_16K, 0, "a context");
		if (IS_ERR(c.stack)) {
			user_result(m, contexts[i], false, PTR_ERR(c.stack));
			continue;
		}
		err = user_in(contexts[i], call_here, &c);
		snprintf(name, sizeof(name), "on a stack one has, %s",
			 contexts[i]);
		user_result(m, name, !err && !c.err && c.ret == 42,
			    err ?: c.err);
		pvmemcontrol_kstack_free(c.stack);
		c.stack = NULL;
		c.ret = 0;
		err = user_in(contexts[i], call_here, &c);
		snprintf(name, sizeof(name), "from the pool, %s", contexts[i]);
		if (!strcmp(contexts[i], "nmi"))
			user_result(m, name, !err && c.err == -EINVAL, c.err);
		else
			user_result(m, name, !err && !c.err && c.ret == 42,
				    err ?: c.err);
	}
}

static struct pvmemcontrol_kstack *busy_stack;

static long call_busy(void *unused)
{
	return pvmemcontrol_kstack_call_on(busy_stack, call_value, NULL, NULL);
}

static void calls_busy(struct seq_file *m)
{
	long ret = 0;

	busy_stack = pvmemcontrol_kstack_alloc(SZ_16K, 0, "busy");
	if (IS_ERR(busy_stack)) {
		user_result(m, "busy", false, PTR_ERR(busy_stack));
		return;
	}
	pvmemcontrol_kstack_call_on(busy_stack, call_busy, NULL, &ret);
	user_result(m, "not twice at once", ret == -EBUSY, ret);
	pvmemcontrol_kstack_free(busy_stack);
}

int user_calls(struct seq_file *m)
{
	static const struct {
		const char *name;
		size_t size;
		pvmemcontrol_kstack_fn fn;
		void *arg;
		long min, max;
	} calls[] = {
		{ "250 KiB deep", SZ_256K, call_deep, (void *)250000, 150,
		  300 },
		{ "a call within a call", SZ_256K, call_nested, (void *)4, 5,
		  5 },
		{ "sleeping", SZ_16K, call_sleep },
		{ "migrating", SZ_16K, call_migrate, NULL, 2, 64 },
		{ "interrupted and preempted", SZ_16K, call_interrupted },
		{ "objects that others use", SZ_16K, call_objects },
		{ "its stack trace", SZ_16K, call_trace, NULL, 0, 32 },
		{ "its stack trace, interrupted", SZ_16K, call_trace_irq },
	};
	bool own = true;
	long ret = 0;
	int err, i;

	err = pvmemcontrol_kstack_call(SZ_16K, 0, call_where, &own, &ret);
	user_result(m, "returns a value", !err && ret == 0x1122334455667788,
		    err);
	user_result(m, "on another stack", !own && on_own_stack(&own), own);
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		ret = -1;
		err = pvmemcontrol_kstack_call(calls[i].size, 0, calls[i].fn,
					       calls[i].arg, &ret);
		user_result(m, calls[i].name, !err && ret >= calls[i].min &&
			    ret <= calls[i].max, err ?: ret);
	}
	calls_contexts(m);
	calls_busy(m);
	return 0;
}

struct copy_out {
	char __user *to;
	size_t count;
};

/* A buffer on this stack, to user space: its bounds are checked there. */
static long call_copy_out(void *arg)
{
	struct copy_out *c = arg;
	char text[64] = "from a guarded stack\n", back[64] = {};
	size_t count = min(c->count, strlen(text));

	if (copy_to_user(c->to, text, count) ||
	    copy_from_user(back, c->to, count))
		return -EFAULT;
	return memcmp(back, text, count) ? -EBADE : count;
}

long user_copy_out(char __user *to, size_t count)
{
	struct copy_out c = { .to = to, .count = count };
	long ret;
	int err;

	err = pvmemcontrol_kstack_call(SZ_16K, 0, call_copy_out, &c, &ret);
	return err ?: ret;
}

static long call_interruptible(void *arg)
{
	unsigned long ms = (unsigned long)arg;
	long left;

	left = schedule_timeout_interruptible(msecs_to_jiffies(ms));
	return left ? -EINTR : 0;
}

/* For others to look at, and to kill. */
long user_sleep(unsigned int ms)
{
	long ret;
	int err;

	err = pvmemcontrol_kstack_call(SZ_32K, 0, call_interruptible,
				       (void *)(unsigned long)ms, &ret);
	return err ?: ret;
}

static long call_exit(void *done)
{
	kthread_complete_and_exit(done, 0);
}

static int lose_thread(void *done)
{
	return pvmemcontrol_kstack_call(SZ_16K, 0, call_exit, done, NULL);
}

/* A thread ends on the stack: that is lost, and nothing else. */
int user_lose(void)
{
	DECLARE_COMPLETION_ONSTACK(done);
	struct task_struct *task;

	task = kthread_run(lose_thread, &done, "pvmc_kstack_lose");
	if (IS_ERR(task))
		return PTR_ERR(task);
	wait_for_completion(&done);
	return 0;
}
