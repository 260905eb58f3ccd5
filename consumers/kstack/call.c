// SPDX-License-Identifier: GPL-2.0
/*
 * Running a function on a guarded stack.
 *
 * The task, its thread_info, preempt_count and all else that the kernel keeps
 * are where they were, as none of it is found by the stack pointer.  What is
 * found so, and what comes of that, is in Documentation/kstack.rst.
 */
#include <linux/atomic.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/instruction_pointer.h>

#include "kstack.h"

/**
 * pvmc_kstack_run() - Run what is to be run, on the stack that this is called on.
 * @run: what
 *
 * Called by pvmc_kstack_switch() alone.
 *
 * Context: Any.
 * Return: What it returns.
 */
long pvmc_kstack_run(const struct pvmc_kstack_run *run)
{
	return run->fn(run->arg);
}

/**
 * pvmemcontrol_kstack_call_on() - Run a function on a stack that one has.
 * @stack: stack
 * @fn: function
 * @arg: its argument
 * @ret: set to what it returns; or NULL
 *
 * Context: Any; @fn runs in the same.  In NMI, the host may not be able to stop
 * an overflow before it has happened.
 * Return: 0; -EBUSY when somebody runs on the stack.
 */
int pvmemcontrol_kstack_call_on(struct pvmemcontrol_kstack *stack,
				pvmemcontrol_kstack_fn fn, void *arg, long *ret)
{
	const struct pvmc_kstack_run run = { .fn = fn, .arg = arg };
	long result;

	if (xchg(&stack->running, 1))
		return -EBUSY;
	result = pvmc_kstack_switch(&run, pvmc_kstack_top(stack));
	pvmc_guard_left(stack);
	/* Whoever runs on it next finds us gone. */
	smp_store_release(&stack->running, 0);
	if (ret)
		*ret = result;
	return 0;
}
EXPORT_SYMBOL_GPL(pvmemcontrol_kstack_call_on);

/**
 * pvmemcontrol_kstack_call() - Run a function on a guarded stack.
 * @size: bytes of stack that it needs, as for pvmemcontrol_kstack_alloc()
 * @flags: as for pvmemcontrol_kstack_alloc()
 * @fn: function
 * @arg: its argument
 * @ret: set to what it returns; or NULL
 *
 * @fn may do what its caller may: sleep, be preempted and migrate too, and
 * make such calls itself.
 *
 * Context: Any but NMI; may sleep before @fn runs unless @flags have
 * PVMEMCONTROL_KSTACK_NOWAIT.  @fn runs in the same.
 * Return: 0; or a negative errno as pvmemcontrol_kstack_alloc(), and @fn was
 * not run.
 */
int pvmemcontrol_kstack_call(size_t size, unsigned int flags,
			     pvmemcontrol_kstack_fn fn, void *arg, long *ret)
{
	struct pvmemcontrol_kstack *stack;
	int err;

	stack = pvmc_kstack_get(size, flags, NULL, _RET_IP_);
	if (IS_ERR(stack))
		return PTR_ERR(stack);
	WRITE_ONCE(stack->ip, (unsigned long)fn);
	err = pvmemcontrol_kstack_call_on(stack, fn, arg, ret);
	pvmemcontrol_kstack_free(stack);
	return err;
}
EXPORT_SYMBOL_GPL(pvmemcontrol_kstack_call);
