// SPDX-License-Identifier: GPL-2.0
/*
 * Stacks of one size, in blocks, and what becomes of all of them.
 */

/**
 * DOC: When the guards hold
 *
 * Between forget() and restore() of the client nobody knows what the VMM makes
 * of the guards: blocks are PVMC_UNSURE.  Stacks in use go on being used;
 * allocations that are to be guarded fail unless they may sleep and the guards
 * can be set again.
 */
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/printk.h>

#include "kstack.h"

struct pvmc_kstack_class pvmc_kstack_classes[PVMC_KSTACK_CLASSES];

/**
 * pvmc_class_put() - Put a free stack into its class.
 * @class: its class, with the lock held
 * @stack: stack, in no list and no cache
 *
 * Context: Any but NMI.
 */
void pvmc_class_put(struct pvmc_kstack_class *class,
		    struct pvmemcontrol_kstack *stack)
{
	lockdep_assert_held(&class->lock);

	if (stack->doubtful) {
		list_add(&stack->node, &class->doubtful);
		return;
	}
	if (stack->backed) {
		list_add(&stack->node, &class->warm);
		class->nr_warm++;
	} else {
		list_add(&stack->node, &class->cold);
	}
	if (++stack->block->nr_idle == stack->block->nr)
		class->nr_empty++;
}

/**
 * pvmc_class_take() - Take a free stack out of its class.
 * @class: its class, with the lock held
 * @stack: stack in @class->warm or @class->cold
 *
 * Context: Any but NMI.
 */
void pvmc_class_take(struct pvmc_kstack_class *class,
		     struct pvmemcontrol_kstack *stack)
{
	lockdep_assert_held(&class->lock);

	list_del_init(&stack->node);
	if (stack->backed)
		class->nr_warm--;
	if (stack->block->nr_idle-- == stack->block->nr)
		class->nr_empty--;
}

/**
 * pvmc_pool_empty_blocks() - How many blocks nobody uses.
 *
 * Context: Any.
 * Return: Blocks of which all stacks are free, and in no CPU's cache.
 */
unsigned long pvmc_pool_empty_blocks(void)
{
	unsigned long nr = 0;
	unsigned int i;

	for (i = 0; i < PVMC_KSTACK_CLASSES; i++)
		nr += READ_ONCE(pvmc_kstack_classes[i].nr_empty);
	return nr;
}

/* Takes a block's stacks out of the class if all are there. */
static bool pvmc_block_take(struct pvmc_kstack_block *block)
{
	struct pvmc_kstack_class *class = block->class;
	unsigned long flags;
	bool empty;
	unsigned int i;

	raw_spin_lock_irqsave(&class->lock, flags);
	empty = block->nr_idle == block->nr;
	for (i = 0; i < block->nr && empty; i++)
		pvmc_class_take(class, &block->stack[i]);
	raw_spin_unlock_irqrestore(&class->lock, flags);
	return empty;
}

static void pvmc_block_put(struct pvmc_kstack_block *block)
{
	struct pvmc_kstack_class *class = block->class;
	unsigned long flags;
	unsigned int i;

	raw_spin_lock_irqsave(&class->lock, flags);
	for (i = 0; i < block->nr; i++)
		pvmc_class_put(class, &block->stack[i]);
	raw_spin_unlock_irqrestore(&class->lock, flags);
}

static unsigned long pvmc_class_shrink(struct pvmc_kstack_class *class,
				       unsigned long nr)
{
	struct pvmc_kstack_block *block, *next;
	unsigned long freed = 0;

	list_for_each_entry_safe(block, next, &class->blocks, node) {
		if (freed == nr)
			break;
		if (!pvmc_block_take(block))
			continue;
		list_del(&block->node);
		if (pvmc_block_free(block)) {
			freed++;
			continue;
		}
		/* The rest would not fare better. */
		list_add(&block->node, &class->blocks);
		pvmc_block_put(block);
		break;
	}
	return freed;
}

/**
 * pvmc_pool_shrink() - Give blocks back to the page allocator.
 * @nr_blocks: how many at most
 *
 * Context: Process context, with pvmc_guard_mutex held.  Does not sleep.
 * Return: How many were given back.
 */
unsigned long pvmc_pool_shrink(unsigned long nr_blocks)
{
	unsigned long freed = 0;
	int i;

	lockdep_assert_held(&pvmc_guard_mutex);

	/* Large stacks are the rarer ones. */
	for (i = PVMC_KSTACK_CLASSES - 1; i >= 0 && freed < nr_blocks; i--)
		freed += pvmc_class_shrink(&pvmc_kstack_classes[i],
					   nr_blocks - freed);
	return freed;
}

static void pvmc_each_block(void (*fn)(struct pvmc_kstack_block *block))
{
	struct pvmc_kstack_block *block;
	unsigned int i;

	lockdep_assert_held(&pvmc_guard_mutex);

	for (i = 0; i < PVMC_KSTACK_CLASSES; i++)
		list_for_each_entry(block, &pvmc_kstack_classes[i].blocks, node)
			fn(block);
}

/**
 * pvmc_pool_forget() - The VMM may have forgotten the guards.
 *
 * Context: Process context, with pvmc_guard_mutex not held.  May sleep.
 */
void pvmc_pool_forget(void)
{
	mutex_lock(&pvmc_guard_mutex);
	pvmc_drop_forget();
	pvmc_each_block(pvmc_block_forget);
	mutex_unlock(&pvmc_guard_mutex);
}

static void pvmc_block_restore(struct pvmc_kstack_block *block)
{
	pvmc_block_forget(block);
	pvmc_block_guard(block);
}

/*
 * Stacks that were given back may not be any more, where the VMM runs on
 * another host; and what was under way is over.
 */
static void pvmc_class_warm(struct pvmc_kstack_class *class)
{
	struct pvmemcontrol_kstack *stack, *next;
	LIST_HEAD(over);

	raw_spin_lock_irq(&class->lock);
	list_for_each_entry(stack, &class->cold, node) {
		stack->backed = true;
		class->nr_warm++;
	}
	list_splice_tail_init(&class->cold, &class->warm);
	list_splice_init(&class->doubtful, &over);
	list_for_each_entry_safe(stack, next, &over, node) {
		list_del_init(&stack->node);
		stack->doubtful = false;
		pvmc_class_put(class, stack);
	}
	raw_spin_unlock_irq(&class->lock);
}

/**
 * pvmc_pool_restore() - Tell the VMM all guards.
 *
 * Context: Process context, with pvmc_guard_mutex not held.  May sleep.
 */
void pvmc_pool_restore(void)
{
	unsigned int i;

	mutex_lock(&pvmc_guard_mutex);
	pvmc_drop_forget();
	mutex_unlock(&pvmc_guard_mutex);
	pvmc_drop_learn();

	mutex_lock(&pvmc_guard_mutex);
	pvmc_guards_bar(false);
	pvmc_each_block(pvmc_guards_take);
	/* Where that fails, whoever wants a stack tries again. */
	pvmc_each_block(pvmc_block_restore);
	for (i = 0; i < PVMC_KSTACK_CLASSES; i++)
		pvmc_class_warm(&pvmc_kstack_classes[i]);
	mutex_unlock(&pvmc_guard_mutex);
	pvmc_idle_arm();
}

static bool pvmc_block_is_unsure(const struct pvmc_kstack_block *block)
{
	return block->guarding == PVMC_UNSURE ||
	       (block->guarding == PVMC_GUARDED &&
		(READ_ONCE(block->touched) || block->taken));
}

static void pvmc_block_take_unsure(struct pvmc_kstack_block *block)
{
	if (pvmc_block_is_unsure(block))
		pvmc_guards_take(block);
}

static void pvmc_block_guard_unsure(struct pvmc_kstack_block *block)
{
	if (pvmc_block_is_unsure(block))
		pvmc_block_guard(block);
}

/**
 * pvmc_pool_guard() - Tell the VMM the guards that it may not have.
 *
 * Context: Process context, with pvmc_guard_mutex not held.  May sleep.
 */
void pvmc_pool_guard(void)
{
	mutex_lock(&pvmc_guard_mutex);
	pvmc_each_block(pvmc_block_take_unsure);
	pvmc_each_block(pvmc_block_guard_unsure);
	mutex_unlock(&pvmc_guard_mutex);
}

static void pvmc_block_detach(struct pvmc_kstack_block *block)
{
	pvmc_block_open(block);
}

/**
 * pvmc_pool_detach() - Open all guards, as nobody will be able to soon.
 *
 * Stacks in use go on being used.
 *
 * Context: Process context, with pvmc_guard_mutex not held.  May sleep.
 */
void pvmc_pool_detach(void)
{
	mutex_lock(&pvmc_guard_mutex);
	pvmc_guards_bar(true);
	pvmc_each_block(pvmc_block_detach);
	pvmc_drop_forget();
	mutex_unlock(&pvmc_guard_mutex);
}

static void pvmc_class_init(struct pvmc_kstack_class *class, size_t size)
{
	class->size = size;
	class->per_block = (PVMC_BLOCK_SIZE - PVMC_BLOCK_PAD) /
			   (size + PAGE_SIZE);
	class->cache_max = clamp_t(unsigned int, PVMC_CACHE_BYTES / size, 2,
				   PVMC_CACHE_MAX);
	raw_spin_lock_init(&class->lock);
	INIT_LIST_HEAD(&class->warm);
	INIT_LIST_HEAD(&class->cold);
	INIT_LIST_HEAD(&class->doubtful);
	INIT_LIST_HEAD(&class->blocks);
	class->nr_warm = 0;
	class->nr_empty = 0;
}

/**
 * pvmc_pool_init() - Begin with nothing in the pool.
 *
 * Context: Process context.
 */
void pvmc_pool_init(void)
{
	unsigned int i;

	for (i = 0; i < PVMC_KSTACK_CLASSES; i++)
		pvmc_class_init(&pvmc_kstack_classes[i], PVMC_KSTACK_MIN << i);
}

/**
 * pvmc_pool_exit() - Free all blocks.
 *
 * The users are gone.  What they have not freed, or the VMM does not open, is
 * lost.
 *
 * Context: Process context.  May sleep.
 */
void pvmc_pool_exit(void)
{
	unsigned long lost = 0;
	unsigned int i;

	pvmc_cache_drain(0);
	/* Those too that the VMM left unanswered: it is not asked again. */
	for (i = 0; i < PVMC_KSTACK_CLASSES; i++)
		pvmc_class_warm(&pvmc_kstack_classes[i]);
	mutex_lock(&pvmc_guard_mutex);
	pvmc_pool_shrink(ULONG_MAX);
	for (i = 0; i < PVMC_KSTACK_CLASSES; i++)
		lost += list_count_nodes(&pvmc_kstack_classes[i].blocks);
	mutex_unlock(&pvmc_guard_mutex);
	if (lost)
		pr_warn("pvmemcontrol_kstack: %lu blocks of 2 MiB are lost: their stacks are in use, or the VMM does not open their guards\n",
			lost);
}

/**
 * pvmc_pool_lose() - Forget the blocks that pvmc_pool_exit() could not free.
 *
 * Context: Process context, when the client is gone and no work is queued.
 */
void pvmc_pool_lose(void)
{
	struct pvmc_kstack_block *block, *next;
	unsigned int i;

	for (i = 0; i < PVMC_KSTACK_CLASSES; i++) {
		struct list_head *blocks = &pvmc_kstack_classes[i].blocks;

		list_for_each_entry_safe(block, next, blocks, node) {
			list_del(&block->node);
			pvmc_block_lose(block);
		}
	}
}
