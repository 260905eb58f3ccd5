// SPDX-License-Identifier: GPL-2.0
/*
 * The threads of this kernel, and how they are kept from running.
 */

/**
 * DOC: What is sure in a pause
 *
 * All other CPUs are in their stopper threads, with interrupts off, and this
 * one calls from its own.  So nobody wakes a thread that matters, switches to
 * one, or ends one: a thread that is on no CPU has its stack pointer saved, and
 * what it was when the pause began it is until the pause is over.
 *
 * The reference keeps the task_struct, not the stack.  That a stack is still
 * the thread's says its reference count, which is 0 from the moment when it
 * begins to be freed; who was stopped in the middle of freeing it goes on
 * later, and finds a stack whose dead pages read otherwise.  The pages of a
 * stack are those of its vm_struct, which lives as long as the stack and goes
 * with it when it is kept for another thread.
 *
 * Idle threads are no threads of a process and are not walked over.  The
 * stoppers are on their CPUs.  A newborn thread has not been on any: it is about
 * to be.
 */
#include <linux/delay.h>
#include <linux/hash.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/sched/task_stack.h>
#include <linux/stop_machine.h>
#include <linux/timekeeping.h>
#include <linux/vmalloc.h>

#include "../../core/compat.h"
#include "trim.h"

/* How many threads are walked over before others may run. */
#define PVMC_TRIM_WALK		256

/* The others have so many times as long as they were stopped for. */
#define PVMC_TRIM_REST		4

/* Changes with each time that it was switched out, and with who it is. */
static unsigned long pvmc_trim_stamp(const struct task_struct *task)
{
	return task->start_time * GOLDEN_RATIO_64 +
	       READ_ONCE(task->nvcsw) + READ_ONCE(task->nivcsw);
}

/* Whether it sleeps; a guess unless in a pause. */
static enum pvmc_trim_outcome pvmc_trim_state(struct task_struct *task)
{
	unsigned int state = READ_ONCE(task->__state);

	if (state & (TASK_DEAD | TASK_NEW))
		return PVMC_TRIM_GONE;
	if (state == TASK_RUNNING || state & TASK_WAKING ||
	    pvmc_task_on_cpu(task))
		return PVMC_TRIM_RUNNING;
	return PVMC_TRIM_GIVEN;
}

static enum pvmc_trim_outcome pvmc_trim_look(struct pvmc_trim_thread *thread,
					     struct pvmc_trim_stack *stack)
{
	struct task_struct *task = thread->task;
	enum pvmc_trim_outcome outcome = pvmc_trim_state(task);
	struct vm_struct *vm = task_stack_vm_area(task);

	thread->stamp = pvmc_trim_stamp(task);
	if (outcome != PVMC_TRIM_GIVEN)
		return outcome;
	if (!pvmc_task_has_stack(task))
		return PVMC_TRIM_GONE;
	if (!vm || !vm->pages || vm->addr != task_stack_page(task) ||
	    vm->nr_pages != PVMC_TRIM_STACK_PAGES)
		return PVMC_TRIM_KIND;
	stack->base = (unsigned long)vm->addr;
	stack->size = THREAD_SIZE;
	stack->sp = pvmc_task_sp(task);
	stack->keep_end = pvmc_trim_keep_end();
	stack->pages = vm->pages;
	return PVMC_TRIM_GIVEN;
}

/* Takes what is worth a look, and counts the rest. */
static void pvmc_trim_consider(struct pvmc_trim_run *run,
			       struct pvmc_trim_stats *stats, u32 pid,
			       struct task_struct *task)
{
	struct pvmc_trim_thread *thread = &run->threads[run->nr];
	enum pvmc_trim_outcome outcome = pvmc_trim_state(task);

	if (outcome != PVMC_TRIM_GIVEN) {
		stats->threads[outcome]++;
		return;
	}
	if (!pvmc_trim_worth(run, stats, pid, pvmc_trim_stamp(task)))
		return;
	thread->task = get_task_struct(task);
	thread->pid = pid;
	run->nr++;
}

/* Returns whether there may be more. */
static bool pvmc_trim_walk(struct pvmc_trim_run *run,
			   struct pvmc_trim_stats *stats)
{
	unsigned int i;

	for (i = 0; i < PVMC_TRIM_WALK && run->nr < PVMC_TRIM_THREADS; i++) {
		struct pid *pid = find_ge_pid(run->pid, &init_pid_ns);
		struct task_struct *task;

		if (!pid)
			return false;
		run->pid = pid_nr(pid) + 1;
		/* It may be the number of a group whose leader has gone. */
		task = pid_task(pid, PIDTYPE_PID);
		if (task)
			pvmc_trim_consider(run, stats, pid_nr(pid), task);
	}
	return true;
}

static bool pvmc_trim_collect(struct pvmc_trim_run *run,
			      struct pvmc_trim_stats *stats)
{
	bool more;

	do {
		rcu_read_lock();
		more = pvmc_trim_walk(run, stats);
		rcu_read_unlock();
		cond_resched();
	} while (more && run->nr < PVMC_TRIM_THREADS);
	return more;
}

static void pvmc_trim_release(struct pvmc_trim_thread *thread)
{
	put_task_struct(thread->task);
}

static int pvmc_trim_stop(int (*fn)(void *), void *data)
{
	return stop_machine(fn, data, NULL);
}

static bool pvmc_trim_rest(struct pvmc_trim_run *run, u64 ns)
{
	unsigned long us = clamp_t(u64, div_u64(ns, NSEC_PER_USEC), 25,
				   USEC_PER_SEC) * PVMC_TRIM_REST;

	usleep_range(us, us + us / 2);
	return READ_ONCE(pvmc_trim_closing) || fatal_signal_pending(current);
}

const struct pvmc_trim_ops pvmc_trim_task_ops = {
	.collect = pvmc_trim_collect,
	.release = pvmc_trim_release,
	.look = pvmc_trim_look,
	.pause = pvmc_trim_stop,
	.clock = ktime_get_mono_fast_ns,
	.rest = pvmc_trim_rest,
};

/* Whether there is a thread of that number. */
bool pvmc_trim_task_alive(u32 nr)
{
	struct pid *pid;
	bool alive;

	rcu_read_lock();
	pid = find_ge_pid(nr, &init_pid_ns);
	alive = pid && pid_nr(pid) == nr && pid_task(pid, PIDTYPE_PID);
	rcu_read_unlock();
	return alive;
}
