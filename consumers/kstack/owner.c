// SPDX-License-Identifier: GPL-2.0
/*
 * A guard was touched: which stack it is of, and whose.
 *
 * Runs in NMI, on the NMI's own stack, as the one that overflowed is of no use
 * any more.  The words of a stack's owner are the owner's memory, which may be
 * going right now if it is not its stack that overflows: they are read as what
 * may not be there.
 */
#include <linux/atomic.h>
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/percpu.h>
#include <linux/printk.h>
#include <linux/ptrace.h>
#include <linux/ratelimit.h>
#include <linux/uaccess.h>

#include "kstack.h"

/* What fits into the description beside the rest. */
#define PVMC_WHAT	24

static DEFINE_RATELIMIT_STATE(pvmc_hit_ratelimit, 5 * HZ, 10);

static void pvmc_what(const struct pvmemcontrol_kstack *stack, char *what)
{
	const char *from = READ_ONCE(stack->what);
	unsigned int i;

	for (i = 0; i < PVMC_WHAT - 1; i++)
		if (copy_from_kernel_nofault(&what[i], from + i, 1) || !what[i])
			break;
	what[i] = 0;
}

static void pvmc_describe(const struct pvmemcontrol_kstack *stack, char *to)
{
	unsigned int kib = stack->block->class->size / SZ_1K;
	void *ip = (void *)READ_ONCE(stack->ip);
	char what[PVMC_WHAT];

	/* Then its owner's words are there too. */
	if (!smp_load_acquire(&stack->used)) {
		snprintf(to, PVMEMCONTROL_DESCRIPTION,
			 "guard of a free %u KiB stack", kib);
	} else if (!READ_ONCE(stack->what)) {
		snprintf(to, PVMEMCONTROL_DESCRIPTION,
			 "guard of %u KiB stack for %ps", kib, ip);
	} else {
		pvmc_what(stack, what);
		snprintf(to, PVMEMCONTROL_DESCRIPTION,
			 "guard of %u KiB stack: %s, of %ps", kib, what, ip);
	}
}

/* 0 where the architecture does not tell. */
static unsigned long pvmc_stack_pointer(struct pt_regs *regs)
{
#ifdef CONFIG_HAVE_REGS_AND_STACK_ACCESS_API
	if (!user_mode(regs))
		return kernel_stack_pointer(regs);
#endif
	return 0;
}

/* A large frame may lie wholly below the stack before it is used. */
static bool pvmc_runs_on(const struct pvmemcontrol_kstack *stack,
			 struct pt_regs *regs)
{
	unsigned long guard = (unsigned long)stack->base - PAGE_SIZE;
	unsigned long sp = pvmc_stack_pointer(regs);

	return sp >= guard && sp < (unsigned long)pvmc_kstack_top(stack);
}

static void pvmc_hit(const struct pvmemcontrol_kstack *stack,
		     const struct pvmemcontrol_access *access, const char *what,
		     bool overflow)
{
	phys_addr_t base = virt_to_phys(stack->base);

	this_cpu_inc(pvmc_kstack_counters.hits);
	if (!__ratelimit(&pvmc_hit_ratelimit))
		return;
	pr_emerg("pvmemcontrol_kstack: %s, at %pa\n", what, &base);
	if (overflow)
		pvmc_print_callers(stack, access->regs);
	else
		pr_emerg("pvmemcontrol_kstack: touched from another stack\n");
}

/**
 * pvmc_kstack_owner() - Say whether a page is a guard, and of which stack.
 * @client: ours
 * @access: what was done to it
 * @what: set to what it is
 *
 * Context: NMI.
 * Return: PVMEMCONTROL_MINE: it is; PVMEMCONTROL_STALE: it was, and is to be
 * memory as any other; PVMEMCONTROL_NOT_MINE.
 */
enum pvmemcontrol_owner
pvmc_kstack_owner(struct pvmemcontrol_client *client,
		  const struct pvmemcontrol_access *access, char *what)
{
	enum pvmemcontrol_owner owner = PVMEMCONTROL_NOT_MINE;
	struct pvmemcontrol_kstack *stack;
	struct pvmc_kstack_block *block;
	bool overflow, guard;
	unsigned int i;

	rcu_read_lock();
	block = pvmc_block_find(access->addr);
	if (!block)
		goto unlock;
	i = pvmc_block_index(block, access->addr, &guard);
	if (!guard)
		goto unlock;
	stack = &block->stack[i];
	overflow = pvmc_runs_on(stack, access->regs);
	/* It may be opened now, unless that was let through. */
	if (access->stopped)
		pvmc_guard_touched(stack, overflow);
	switch (READ_ONCE(block->guarding)) {
	case PVMC_OPEN:
	case PVMC_CLOSING:
		owner = PVMEMCONTROL_STALE;
		break;
	case PVMC_UNSURE:
	case PVMC_GUARDED:
		owner = PVMEMCONTROL_MINE;
		pvmc_describe(stack, what);
		pvmc_hit(stack, access, what, overflow);
		break;
	}
unlock:
	/* Preemption stays off: the page is opened before anybody has waited. */
	rcu_read_unlock();
	return owner;
}
