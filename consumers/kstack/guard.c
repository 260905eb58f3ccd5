// SPDX-License-Identifier: GPL-2.0
/*
 * The guards of a block, as the host has them: set, touched, opened.
 */

/**
 * DOC: What was touched
 *
 * With the policy to report, a guard that was touched is open.  It is set again, but
 * whoever was seen to go over the end of his stack is left alone until he comes back;
 * who was not seen keeps what he has there, and is stopped once more.  What
 * owner() says of a guard lasts until the core has opened it, both in one NMI: before
 * it is set again all such are waited for.
 */
#include <linux/atomic.h>
#include <linux/io.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>

#include "kstack.h"

/* Guards of one block, twice, and the block: what is sent at most together. */
#define PVMC_GUARD_RANGES \
	(2 * (PVMC_BLOCK_SIZE / (PVMC_KSTACK_MIN + PAGE_SIZE)) + 1)

DEFINE_MUTEX(pvmc_guard_mutex);	/* see kstack.h */
DEFINE_PER_CPU(struct pvmc_kstack_counters, pvmc_kstack_counters);

/* No guards are to be set any more; guarded by pvmc_guard_mutex. */
static bool pvmc_guards_barred;

/* Some were taken and are yet to be waited for; guarded by pvmc_guard_mutex. */
static bool pvmc_guards_taken;

/* For a batch; guarded by pvmc_guard_mutex. */
static struct pvmemcontrol_range pvmc_guard_ranges[PVMC_GUARD_RANGES];

/* What becomes of the guards; that of the content is of no matter. */
struct pvmc_guard_batch {
	struct pvmemcontrol_batch batch;
	struct pvmc_kstack_block *setting;	/* NULL when they are opened */
	int err;
};

static void pvmc_block_touched(struct pvmc_kstack_block *block)
{
	/* Whoever finds that finds what else was said. */
	smp_store_release(&block->touched, true);
	pvmc_idle_hit();
}

/* Whether an error is that of a single guard that was touched, and no other's. */
static bool pvmc_guard_answered(struct pvmc_kstack_block *block,
				phys_addr_t addr, int err)
{
	struct pvmemcontrol_kstack *stack;
	bool guard;

	stack = &block->stack[pvmc_block_index(block, addr, &guard)];
	if (!err) {
		cmpxchg(&stack->touch, PVMC_SETTING, PVMC_UNTOUCHED);
		return false;
	}
	if (READ_ONCE(stack->touch) == PVMC_UNTOUCHED)
		return false;
	cmpxchg(&stack->touch, PVMC_SETTING, PVMC_TOUCHED);
	this_cpu_inc(pvmc_kstack_counters.guard_failed);
	/* Whoever wants the stack asks again; or we do, if the VMM was but busy. */
	if (err == -EAGAIN)
		pvmc_block_touched(block);
	else
		WRITE_ONCE(block->touched, true);
	return true;
}

static void pvmc_guard_report(struct pvmemcontrol_batch *batch,
			      const struct pvmemcontrol_range *range, u64 done,
			      int error)
{
	struct pvmc_guard_batch *guards =
		container_of(batch, struct pvmc_guard_batch, batch);

	if (range->func == PVMEMCONTROL_DONTNEED ||
	    range->func == PVMEMCONTROL_REMOVE)
		return;
	if (guards->setting &&
	    pvmc_guard_answered(guards->setting, range->start, error))
		return;
	if (error && !guards->err)
		guards->err = error;
}

/* Returns the first error of anything but dropping content. */
static int pvmc_guard_send(struct pvmc_guard_batch *guards)
{
	pvmemcontrol_batch_finish(&guards->batch);
	return guards->err;
}

static void pvmc_guard_begin(struct pvmc_guard_batch *guards,
			     struct pvmc_kstack_block *setting)
{
	lockdep_assert_held(&pvmc_guard_mutex);

	guards->setting = setting;
	guards->err = 0;
	pvmemcontrol_batch_init_memory(&guards->batch, &pvmc_kstack_client,
				       pvmc_guard_ranges, PVMC_GUARD_RANGES);
	guards->batch.report = pvmc_guard_report;
}

static phys_addr_t pvmc_guard_phys(const struct pvmemcontrol_kstack *stack)
{
	return virt_to_phys(stack->base) - PAGE_SIZE;
}

/* Whether a guard was touched that may be set again. */
static bool pvmc_guard_take(struct pvmemcontrol_kstack *stack)
{
	/* Who touches it from here on has it set once more. */
	if (cmpxchg(&stack->touch, PVMC_TOUCHED, PVMC_SETTING) != PVMC_TOUCHED)
		return false;
	if (!READ_ONCE(stack->overflowed))
		return true;
	cmpxchg(&stack->touch, PVMC_SETTING, PVMC_TOUCHED);
	return false;
}

/**
 * pvmc_guards_take() - Take the guards of a block that are to be set again.
 * @block: block, of which stacks may be in use
 *
 * They are when the block's are set the next time; for many blocks it is waited
 * once if all are taken before.
 *
 * Context: Process context, with pvmc_guard_mutex held.
 */
void pvmc_guards_take(struct pvmc_kstack_block *block)
{
	unsigned int i;

	lockdep_assert_held(&pvmc_guard_mutex);

	/* Before it is looked which. */
	if (!xchg(&block->touched, false))
		return;
	for (i = 0; i < block->nr; i++) {
		if (!pvmc_guard_take(&block->stack[i]))
			continue;
		block->stack[i].kept = true;
		block->taken = true;
		pvmc_guards_taken = true;
	}
}

/* What has been taken is open then, or whoever touches it is stopped again. */
static void pvmc_guards_wait(void)
{
	if (!pvmc_guards_taken)
		return;
	pvmc_guards_taken = false;
	synchronize_rcu();
}

/*
 * What was touched may be in use by who is over the end, seen or not: it is not
 * dropped, and he is stopped once more.
 */
static void pvmc_guard_add(struct pvmc_guard_batch *guards,
			   struct pvmemcontrol_kstack *stack, u32 func,
			   u32 drops)
{
	phys_addr_t guard = pvmc_guard_phys(stack);

	if (func && READ_ONCE(stack->kept))
		cmpxchg(&stack->touch, PVMC_UNTOUCHED, PVMC_SETTING);
	switch (READ_ONCE(stack->touch)) {
	case PVMC_SETTING:
		stack->block->by_protection = true;
		pvmemcontrol_batch_add(&guards->batch,
				       PVMEMCONTROL_MPROTECT_NONE, guard,
				       PAGE_SIZE, 0);
		break;
	case PVMC_UNTOUCHED:
		if (drops && !READ_ONCE(stack->used))
			pvmemcontrol_batch_add(&guards->batch, drops, guard,
					       PAGE_SIZE, 0);
		if (func)
			pvmemcontrol_batch_add(&guards->batch, func, guard,
					       PAGE_SIZE, 0);
		break;
	case PVMC_TOUCHED:
		break;
	}
}

/* Those that were touched. */
static int pvmc_host_guard_again(struct pvmc_kstack_block *block)
{
	struct pvmc_guard_batch guards;
	unsigned int i;

	pvmc_guards_take(block);
	pvmc_guards_wait();
	block->taken = false;
	pvmc_guard_begin(&guards, block);
	for (i = 0; i < block->nr; i++)
		pvmc_guard_add(&guards, &block->stack[i], 0, 0);
	pvmc_guard_send(&guards);
	return guards.batch.error;
}

/* All. */
static int pvmc_host_guard(struct pvmc_kstack_block *block, bool fresh,
			   bool own)
{
	u32 func = own ? PVMEMCONTROL_GUARD : PVMEMCONTROL_MPROTECT_NONE;
	bool was_open = block->guarding == PVMC_OPEN;
	u32 drops = pvmc_drop_func(block);
	struct pvmc_guard_batch guards;
	unsigned int i;
	int err;

	pvmc_guards_take(block);
	pvmc_guards_wait();
	block->taken = false;
	pvmc_guard_begin(&guards, block);
	/* In one range while nobody has any of it. */
	if (fresh && drops)
		pvmemcontrol_batch_add(&guards.batch, drops,
				       pvmc_block_start(block),
				       PVMC_BLOCK_SIZE, 0);
	WRITE_ONCE(block->guarding, PVMC_UNSURE);
	/* What they were in the meantime; GUARD does that by itself. */
	for (i = 0; i < block->nr; i++)
		pvmc_guard_add(&guards, &block->stack[i], func,
			       !fresh && was_open && !own ? drops : 0);
	if (own)
		block->by_guard = true;
	else
		block->by_protection = true;
	err = pvmc_guard_send(&guards);
	for (i = 0; i < block->nr && fresh && drops; i++) {
		struct pvmemcontrol_kstack *stack = &block->stack[i];

		/* They were zero before. */
		if (!pvmc_drop_zeroes(block))
			stack->left_by = PVMC_LEFT_BY_MANY;
		if (!guards.batch.errors)
			stack->backed = false;
	}
	return err;
}

static int pvmc_host_open(struct pvmc_kstack_block *block)
{
	struct pvmc_guard_batch guards;
	struct pvmemcontrol_info info;
	unsigned int i;
	int err;

	err = pvmemcontrol_get_info(&info);
	if (err)
		return err;
	pvmc_guard_begin(&guards, NULL);
	if (block->by_protection)
		pvmemcontrol_batch_add(&guards.batch, PVMEMCONTROL_MPROTECT_RW,
				       pvmc_block_start(block),
				       PVMC_BLOCK_SIZE, 0);
	/* A VMM that does not know it has not got any, by whatever way. */
	for (i = 0; i < block->nr && block->by_guard &&
	     info.features & PVMEMCONTROL_FEATURE_GUARD; i++)
		pvmemcontrol_batch_add(&guards.batch, PVMEMCONTROL_UNGUARD,
				       pvmc_guard_phys(&block->stack[i]), PAGE_SIZE, 0);
	err = pvmc_guard_send(&guards);
	if (err)
		return err;
	block->by_protection = false;
	block->by_guard = false;
	return 0;
}

/**
 * pvmc_block_set() - Have the host set the guards of a block.
 * @block: block
 * @fresh: it is new: all that is in it is dropped too
 *
 * Context: Process context, with pvmc_guard_mutex held.  May sleep.
 * Return: 0 or a negative errno, as pvmemcontrol_call(); -EOPNOTSUPP: the host's pages
 * are larger than ours.
 */
int pvmc_block_set(struct pvmc_kstack_block *block, bool fresh)
{
	struct pvmemcontrol_info info;
	int err;

	lockdep_assert_held(&pvmc_guard_mutex);

	if (pvmc_guards_barred)
		return -EIO;
	/* Without a device nothing becomes unsure. */
	err = pvmemcontrol_get_info(&info);
	if (err)
		return err;
	if (info.host_page_size > PAGE_SIZE)
		return -EOPNOTSUPP;
	if (block->guarding == PVMC_GUARDED)
		return pvmc_host_guard_again(block);
	err = pvmc_host_guard(block, fresh,
			      info.features & PVMEMCONTROL_FEATURE_GUARD);
	if (err) {
		this_cpu_inc(pvmc_kstack_counters.guard_failed);
		return err;
	}
	WRITE_ONCE(block->guarding, PVMC_GUARDED);
	return 0;
}

/**
 * pvmc_guards_bar() - Have no guards set, or have them set again.
 * @bar: whether they are not to be
 *
 * The device may work on for a while after all guards were opened because it is
 * about to go.
 *
 * Context: Process context, with pvmc_guard_mutex held.
 */
void pvmc_guards_bar(bool bar)
{
	lockdep_assert_held(&pvmc_guard_mutex);

	pvmc_guards_barred = bar;
}

/**
 * pvmc_guard_touched() - A guard is going to be opened as it was touched.
 * @stack: whose
 * @overflow: by who runs on it
 *
 * Context: Any, NMI too; with preemption off until it is open.
 */
void pvmc_guard_touched(struct pvmemcontrol_kstack *stack, bool overflow)
{
	if (overflow && READ_ONCE(stack->used))
		WRITE_ONCE(stack->overflowed, true);
	/* Whoever takes it finds that. */
	smp_wmb();
	WRITE_ONCE(stack->touch, PVMC_TOUCHED);
	pvmc_block_touched(stack->block);
}

/**
 * pvmc_guard_release() - The guard may be set of a stack that had overflowed.
 * @stack: stack
 *
 * Context: Any, as whoever ran on it.
 */
void pvmc_guard_release(struct pvmemcontrol_kstack *stack)
{
	WRITE_ONCE(stack->overflowed, false);
	pvmc_block_touched(stack->block);
}

/**
 * pvmc_block_forget() - The host may have forgotten the guards of a block.
 * @block: block, of which stacks may be in use
 *
 * Context: Process context, with pvmc_guard_mutex held.
 */
void pvmc_block_forget(struct pvmc_kstack_block *block)
{
	lockdep_assert_held(&pvmc_guard_mutex);

	if (block->guarding == PVMC_GUARDED)
		WRITE_ONCE(block->guarding, PVMC_UNSURE);
}

/**
 * pvmc_block_guard() - Have the host set the guards of a block.
 * @block: block, of which stacks may be in use
 *
 * Where it has them, only those that were touched.  One that was touched by who
 * runs on its stack is left alone until he has come back: what he has there may
 * be lost, and on a slow console he would be reported for ever.
 *
 * Context: Process context, with pvmc_guard_mutex held.
 * Return: 0 or a negative errno, as pvmemcontrol_call().
 */
int pvmc_block_guard(struct pvmc_kstack_block *block)
{
	return pvmc_block_set(block, false);
}

/**
 * pvmc_block_open() - Have the host open the guards of a block.
 * @block: block, of which stacks may be in use
 *
 * Context: Process context, with pvmc_guard_mutex held.  Does not sleep.
 * Return: 0 when they are open; else a negative errno, as pvmemcontrol_call(),
 * and the block must not be used for anything else.
 */
int pvmc_block_open(struct pvmc_kstack_block *block)
{
	unsigned int i;
	int err;

	lockdep_assert_held(&pvmc_guard_mutex);

	if (block->guarding == PVMC_OPEN)
		return 0;
	WRITE_ONCE(block->guarding, PVMC_CLOSING);
	err = pvmc_host_open(block);
	if (err) {
		WRITE_ONCE(block->guarding, PVMC_UNSURE);
		this_cpu_inc(pvmc_kstack_counters.open_failed);
		return err;
	}
	/* If one is not, owner() says that it was to be, and it is opened now. */
	for (i = 0; i < block->nr; i++)
		READ_ONCE(*(u64 *)(block->stack[i].base - PAGE_SIZE));
	WRITE_ONCE(block->guarding, PVMC_OPEN);
	return 0;
}
