// SPDX-License-Identifier: GPL-2.0
/*
 * What stays free: the memory behind stacks goes to the host, and blocks go to
 * the page allocator when memory is short.
 */

/**
 * DOC: Nothing that is in use is given back
 *
 * A stack is taken out of its class before the host is asked to drop what is
 * in it, and comes back when the host has answered.  If it has not, the stack
 * is kept aside until the VMM has been connected anew.  A request that is not
 * answered is over all the same when the write that sent it has returned: that
 * is the protocol, and what all else here relies on (Documentation/security.rst).
 * But a VMM that did not answer is none to rely on, and keeping what is free
 * costs nothing.
 */
#include <linux/io.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/moduleparam.h>
#include <linux/shrinker.h>
#include <linux/workqueue.h>

#include "kstack.h"
#include "../../core/compat.h"

/* One exit, where the VMM takes vectors. */
#define PVMC_GIVE_BACK	128

unsigned int pvmc_idle_ms = 1000;

static void pvmc_idle_work(struct work_struct *work);
static DECLARE_DELAYED_WORK(pvmc_idle, pvmc_idle_work);

/*
 * The work is queued, or has not yet begun to look.  Whether a CPU has stacks is
 * looked at after this was cleared, and whoever puts the first into its cache
 * says so before he looks at this: either the stack is seen, or that this is not
 * set.  While a CPU has any, it is set, or the work is running and sets it.
 */
static bool pvmc_idle_armed;

/*
 * Guards pvmc_idle_up: the work may be queued by whoever sets the parameter.  The
 * work looks at it without: it may not be there to make calls any more.
 */
static DEFINE_MUTEX(pvmc_idle_lock);
static bool pvmc_idle_up;

/* A guard was touched: look at them, also if nothing is to be given back. */
static bool pvmc_idle_touched;

/* For a batch; guarded by pvmc_guard_mutex. */
static struct pvmemcontrol_range pvmc_idle_ranges[PVMC_GIVE_BACK];

static void __pvmc_idle_arm(void)
{
	unsigned int ms = READ_ONCE(pvmc_idle_ms);

	/* With 0 nothing is given back; who sets another value arms. */
	if (!ms && !READ_ONCE(pvmc_idle_touched))
		return;
	WRITE_ONCE(pvmc_idle_armed, true);
	queue_delayed_work(system_unbound_wq, &pvmc_idle,
			   msecs_to_jiffies(ms ? ms / 2 : 1000) + 1);
}

/**
 * pvmc_idle_arm() - There are free stacks that may have to be given back.
 *
 * Context: Any but NMI.  Where a stack has just been put into a CPU's cache,
 * with interrupts off since before that; where into a class, after a full barrier.
 */
void pvmc_idle_arm(void)
{
	if (unlikely(!READ_ONCE(pvmc_idle_armed)))
		__pvmc_idle_arm();
}

static void pvmc_idle_hit_work(struct irq_work *unused)
{
	unsigned int ms = READ_ONCE(pvmc_idle_ms);

	/* It does not wait for longer because that is said again. */
	if (xchg(&pvmc_idle_touched, true))
		return;
	WRITE_ONCE(pvmc_idle_armed, true);
	mod_delayed_work(system_unbound_wq, &pvmc_idle,
			 msecs_to_jiffies(ms ? min(ms / 2, 1000U) : 1000) + 1);
}

static DEFINE_IRQ_WORK(pvmc_idle_hit_irq_work, pvmc_idle_hit_work);

/**
 * pvmc_idle_hit() - A guard was touched, and may have to be set again.
 *
 * That is looked at even while no stack is free.
 *
 * Context: Any, NMI too.
 */
void pvmc_idle_hit(void)
{
	irq_work_queue(&pvmc_idle_hit_irq_work);
}

static struct pvmemcontrol_kstack *pvmc_stack_at(phys_addr_t addr)
{
	struct pvmc_kstack_block *block = pvmc_block_find(addr);
	bool guard;

	return &block->stack[pvmc_block_index(block, addr, &guard)];
}

/* Who refuses is not asked again before somebody has used it. */
static void pvmc_idle_refused(struct pvmemcontrol_kstack *stack)
{
	stack->backed = false;
	this_cpu_inc(pvmc_kstack_counters.give_back_failed);
}

static void pvmc_idle_report(struct pvmemcontrol_batch *batch,
			     const struct pvmemcontrol_range *range, u64 done,
			     int error)
{
	struct pvmemcontrol_kstack *stack = pvmc_stack_at(range->start);

	/*
	 * Zero, or as it was if the VMM lies, or has not done it; else who knows:
	 * it may have been done whatever was answered.
	 */
	if (!pvmc_drop_zeroes(stack->block))
		stack->left_by = PVMC_LEFT_BY_MANY;
	if (!error) {
		stack->backed = false;
		this_cpu_inc(pvmc_kstack_counters.given_back);
		return;
	}
	pvmc_idle_refused(stack);
	if (error == -EIO) {
		stack->backed = true;
		stack->doubtful = true;
	}
}

/* Takes what has been free for @age out of the class, at most one batch. */
static unsigned int pvmc_idle_collect(struct pvmc_kstack_class *class,
				      unsigned long age,
				      struct list_head *stacks)
{
	struct pvmemcontrol_kstack *stack;
	unsigned int nr = 0;

	raw_spin_lock_irq(&class->lock);
	while (nr < PVMC_GIVE_BACK && !list_empty(&class->warm)) {
		/* Not in order of age, but almost. */
		stack = list_last_entry(&class->warm,
					struct pvmemcontrol_kstack, node);
		if (jiffies - stack->since < age)
			break;
		pvmc_class_take(class, stack);
		list_add(&stack->node, stacks);
		nr++;
	}
	raw_spin_unlock_irq(&class->lock);
	return nr;
}

/*
 * Whether each request has been answered, if with nonsense or an errno that
 * looks the same.  One that was not takes the device down, and who connects it
 * anew has this client forget first, which waits for pvmc_guard_mutex.
 */
static bool pvmc_idle_answered(void)
{
	struct pvmemcontrol_info info;

	lockdep_assert_held(&pvmc_guard_mutex);

	return !pvmemcontrol_get_info(&info);
}

static unsigned int pvmc_idle_give_back(struct pvmc_kstack_class *class,
					unsigned long age)
{
	struct pvmemcontrol_kstack *stack, *next;
	struct pvmemcontrol_batch batch;
	LIST_HEAD(stacks);
	unsigned int nr;
	bool answered;

	lockdep_assert_held(&pvmc_guard_mutex);

	nr = pvmc_idle_collect(class, age, &stacks);
	if (!nr)
		return 0;
	pvmemcontrol_batch_init_memory(&batch, &pvmc_kstack_client,
				       pvmc_idle_ranges, PVMC_GIVE_BACK);
	batch.report = pvmc_idle_report;
	list_for_each_entry(stack, &stacks, node) {
		u32 drops = pvmc_drop_func(stack->block);

		if (drops)
			pvmemcontrol_batch_add(&batch, drops,
					       virt_to_phys(stack->base),
					       class->size, 0);
		else
			pvmc_idle_refused(stack);
	}
	pvmemcontrol_batch_finish(&batch);
	answered = pvmc_idle_answered();

	raw_spin_lock_irq(&class->lock);
	list_for_each_entry_safe(stack, next, &stacks, node) {
		list_del_init(&stack->node);
		if (stack->doubtful && answered) {
			stack->doubtful = false;
			stack->backed = false;
		}
		pvmc_class_put(class, stack);
	}
	raw_spin_unlock_irq(&class->lock);
	return nr;
}

/**
 * pvmc_idle_run() - Give back the memory behind stacks that stay free.
 * @age: for how many jiffies
 *
 * Context: Process context.  May sleep.
 * Return: Whether there are stacks left that are to be given back later.
 */
bool pvmc_idle_run(unsigned long age)
{
	struct pvmemcontrol_info info;
	unsigned int i;
	bool left;

	left = pvmc_cache_drain(age);
	/* Without a device it would all be refused; attach() comes here. */
	if (pvmemcontrol_get_info(&info))
		return left;
	pvmc_pool_guard();
	pvmc_drop_learn();
	for (i = 0; i < PVMC_KSTACK_CLASSES; i++) {
		struct pvmc_kstack_class *class = &pvmc_kstack_classes[i];
		unsigned int nr;

		do {
			mutex_lock(&pvmc_guard_mutex);
			nr = pvmc_idle_give_back(class, age);
			mutex_unlock(&pvmc_guard_mutex);
		} while (nr == PVMC_GIVE_BACK);
		left |= READ_ONCE(class->nr_warm) > 0;
	}
	return left;
}

static void pvmc_idle_work(struct work_struct *work)
{
	unsigned int ms = READ_ONCE(pvmc_idle_ms);

	WRITE_ONCE(pvmc_idle_armed, false);
	if (!READ_ONCE(pvmc_idle_up))
		return;
	/* Those that are touched from here on are looked at again. */
	if (xchg(&pvmc_idle_touched, false) && !ms)
		pvmc_pool_guard();
	if (ms && pvmc_idle_run(msecs_to_jiffies(ms)))
		__pvmc_idle_arm();
}

/**
 * pvmc_idle_is_queued() - Whether somebody is going to look.
 *
 * Context: Any.
 * Return: Whether the work is queued.
 */
bool pvmc_idle_is_queued(void)
{
	return delayed_work_pending(&pvmc_idle);
}

static int pvmc_idle_ms_set(const char *val, const struct kernel_param *param)
{
	int err;

	mutex_lock(&pvmc_idle_lock);
	err = param_set_uint(val, param);
	if (!err && pvmc_idle_up)
		__pvmc_idle_arm();
	mutex_unlock(&pvmc_idle_lock);
	return err;
}

static const struct kernel_param_ops pvmc_idle_ms_ops = {
	.set = pvmc_idle_ms_set,
	.get = param_get_uint,
};
module_param_cb(idle_ms, &pvmc_idle_ms_ops, &pvmc_idle_ms, 0644);
MODULE_PARM_DESC(idle_ms, "how long a stack is free until its memory is given back, 0 for never");

static void pvmc_idle_set_up(bool up)
{
	mutex_lock(&pvmc_idle_lock);
	WRITE_ONCE(pvmc_idle_up, up);
	mutex_unlock(&pvmc_idle_lock);
}

/**
 * pvmc_idle_init() - What stays free is given back from now on.
 *
 * Context: Process context.  May sleep.
 */
void pvmc_idle_init(void)
{
	pvmc_idle_set_up(true);
	/* It may have been asked for before. */
	__pvmc_idle_arm();
}

/**
 * pvmc_idle_stop() - Make no calls any more.
 *
 * Who frees stacks, and who restores, may still queue the work; it does nothing.
 *
 * Context: Process context.  May sleep.
 */
void pvmc_idle_stop(void)
{
	pvmc_idle_set_up(false);
	cancel_delayed_work_sync(&pvmc_idle);
}

/**
 * pvmc_idle_exit() - Leave nothing queued.
 *
 * Context: Process context, after pvmc_idle_stop(), when nobody frees stacks any
 * more.  May sleep.
 */
void pvmc_idle_exit(void)
{
	irq_work_sync(&pvmc_idle_hit_irq_work);
	cancel_delayed_work_sync(&pvmc_idle);
	WRITE_ONCE(pvmc_idle_armed, false);
	WRITE_ONCE(pvmc_idle_touched, false);
}

static unsigned long pvmc_shrink_count(struct shrinker *shrinker,
				       struct shrink_control *sc)
{
	return pvmc_pool_empty_blocks() * PVMC_BLOCK_PAGES ?: SHRINK_EMPTY;
}

static unsigned long pvmc_shrink_scan(struct shrinker *shrinker,
				      struct shrink_control *sc)
{
	unsigned long nr = DIV_ROUND_UP(sc->nr_to_scan, PVMC_BLOCK_PAGES);
	unsigned long freed;

	/* Whoever has it may be waiting for memory. */
	if (!mutex_trylock(&pvmc_guard_mutex))
		return SHRINK_STOP;
	freed = pvmc_pool_shrink(nr);
	mutex_unlock(&pvmc_guard_mutex);
	return freed ? freed * PVMC_BLOCK_PAGES : SHRINK_STOP;
}

static struct shrinker *pvmc_shrinker;

/**
 * pvmc_shrinker_init() - Have memory taken from us when it is short.
 *
 * Context: Process context.
 * Return: 0 or -ENOMEM.
 */
int pvmc_shrinker_init(void)
{
	pvmc_shrinker = pvmc_shrinker_new("pvmemcontrol_kstack",
					  pvmc_shrink_count, pvmc_shrink_scan);
	return pvmc_shrinker ? 0 : -ENOMEM;
}

/**
 * pvmc_shrinker_exit() - Undo pvmc_shrinker_init().
 *
 * Context: Process context.
 */
void pvmc_shrinker_exit(void)
{
	pvmc_shrinker_free(pvmc_shrinker);
}
