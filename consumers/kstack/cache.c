// SPDX-License-Identifier: GPL-2.0
/*
 * Stacks that are free, and handing them out.
 */

/**
 * DOC: Where free stacks are
 *
 * Each CPU has a cache of a few stacks of each size, which it uses with
 * interrupts off and nobody else ever touches.  So in steady state neither an
 * allocation nor a free takes a lock, and nothing is asked of the VMM.  When
 * the cache is empty or full, half of it comes from or goes to the class, in
 * which all CPUs share, under its lock.  What has not been used for a while goes
 * from the caches to the class by idle.c, which then gives its memory back.
 */
#include <linux/cpu.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/smp.h>
#include <linux/string.h>

#include "kstack.h"

/**
 * struct pvmc_kstack_cache - free stacks of one size on one CPU
 * @nr: how many
 * @stack: the last freed is the last
 *
 * Used by its CPU with interrupts off, and by nobody else while that is online.
 */
struct pvmc_kstack_cache {
	unsigned int nr;
	struct pvmemcontrol_kstack *stack[PVMC_CACHE_MAX];
};

/**
 * struct pvmc_kstack_caches - free stacks on one CPU
 * @any: there may be some, so somebody will look; others may read it
 * @oldest: jiffies when the one that is free for longest was freed, or earlier;
 *	others may read it
 * @cache: the stacks
 */
struct pvmc_kstack_caches {
	bool any;
	unsigned long oldest;
	struct pvmc_kstack_cache cache[PVMC_KSTACK_CLASSES];
};

static DEFINE_PER_CPU(struct pvmc_kstack_caches, pvmc_caches);

static struct pvmc_kstack_class *pvmc_class_of(size_t size)
{
	if (size > PVMEMCONTROL_KSTACK_MAX)
		return NULL;
	if (size <= PVMC_KSTACK_MIN)
		return &pvmc_kstack_classes[0];
	return &pvmc_kstack_classes[order_base_2(size) -
				    ilog2(PVMC_KSTACK_MIN)];
}

static struct pvmc_kstack_cache *pvmc_cache(struct pvmc_kstack_caches *caches,
					    struct pvmc_kstack_class *class)
{
	return &caches->cache[class - pvmc_kstack_classes];
}

/*
 * Something was put into the caches of this CPU, with interrupts off.  Whoever
 * drains them clears pvmc_idle_armed, then reads @any; here it is the other way
 * round, so one of both sees the other.  Only draining clears @any.
 */
static void pvmc_cache_filled(struct pvmc_kstack_caches *caches)
{
	if (unlikely(!caches->any)) {
		WRITE_ONCE(caches->oldest, jiffies);
		WRITE_ONCE(caches->any, true);
		/* Before it is read whether somebody is going to look. */
		smp_mb();
	}
	pvmc_idle_arm();
}

static bool pvmc_touched(const struct pvmemcontrol_kstack *stack)
{
	return READ_ONCE(stack->touch) != PVMC_UNTOUCHED;
}

static struct pvmemcontrol_kstack *pvmc_first(struct list_head *stacks)
{
	struct pvmemcontrol_kstack *stack;
	unsigned int passed = 0;

	/* With interrupts off: if many were touched, so be it. */
	list_for_each_entry(stack, stacks, node) {
		if (likely(!pvmc_touched(stack)))
			return stack;
		if (++passed == PVMC_CACHE_MAX)
			break;
	}
	return NULL;
}

/* What a class has: without need nothing that was touched, or costs memory. */
static struct pvmemcontrol_kstack *pvmc_best(struct pvmc_kstack_class *class)
{
	return pvmc_first(&class->warm) ?: pvmc_first(&class->cold) ?:
		list_first_entry_or_null(&class->warm,
					 struct pvmemcontrol_kstack, node) ?:
		list_first_entry_or_null(&class->cold,
					 struct pvmemcontrol_kstack, node);
}

/* Fills the cache of this CPU, with interrupts off. */
static void pvmc_cache_refill(struct pvmc_kstack_class *class,
			      struct pvmc_kstack_cache *cache)
{
	struct pvmemcontrol_kstack *stack;

	raw_spin_lock(&class->lock);
	while (cache->nr < class->cache_max / 2) {
		stack = pvmc_best(class);
		if (!stack)
			break;
		pvmc_class_take(class, stack);
		stack->since = jiffies;
		cache->stack[cache->nr++] = stack;
	}
	raw_spin_unlock(&class->lock);
	this_cpu_inc(pvmc_kstack_counters.refills);
	if (cache->nr)
		pvmc_cache_filled(this_cpu_ptr(&pvmc_caches));
}

/* Puts the first @nr of a cache into the class, with interrupts off. */
static void pvmc_cache_flush(struct pvmc_kstack_class *class,
			     struct pvmc_kstack_cache *cache, unsigned int nr)
{
	unsigned int i;

	raw_spin_lock(&class->lock);
	for (i = 0; i < nr; i++)
		pvmc_class_put(class, cache->stack[i]);
	raw_spin_unlock(&class->lock);
	for (i = nr; i < cache->nr; i++)
		cache->stack[i - nr] = cache->stack[i];
	cache->nr -= nr;
}

static struct pvmemcontrol_kstack *pvmc_pop(struct pvmc_kstack_class *class)
{
	struct pvmemcontrol_kstack *stack = NULL;
	struct pvmc_kstack_cache *cache;
	unsigned long flags;

	local_irq_save(flags);
	cache = pvmc_cache(this_cpu_ptr(&pvmc_caches), class);
	if (unlikely(!cache->nr))
		pvmc_cache_refill(class, cache);
	if (likely(cache->nr))
		stack = cache->stack[--cache->nr];
	local_irq_restore(flags);
	return stack;
}

static void pvmc_push(struct pvmemcontrol_kstack *stack)
{
	struct pvmc_kstack_class *class = stack->block->class;
	struct pvmc_kstack_cache *cache;
	unsigned long flags;

	local_irq_save(flags);
	cache = pvmc_cache(this_cpu_ptr(&pvmc_caches), class);
	if (unlikely(cache->nr == class->cache_max))
		pvmc_cache_flush(class, cache, class->cache_max / 2);
	stack->since = jiffies;
	cache->stack[cache->nr++] = stack;
	pvmc_cache_filled(this_cpu_ptr(&pvmc_caches));
	local_irq_restore(flags);
}

/* To its class, to be got when there is no other. */
static void pvmc_put_last(struct pvmemcontrol_kstack *stack)
{
	struct pvmc_kstack_class *class = stack->block->class;
	unsigned long flags;

	raw_spin_lock_irqsave(&class->lock, flags);
	pvmc_class_put(class, stack);
	if (!stack->doubtful)
		list_move_tail(&stack->node, stack->backed ? &class->warm :
							     &class->cold);
	raw_spin_unlock_irqrestore(&class->lock, flags);
	/* As in pvmc_cache_filled(). */
	smp_mb();
	pvmc_idle_arm();
}

/* A new block; its first stack is the caller's. */
static struct pvmemcontrol_kstack *pvmc_grow(struct pvmc_kstack_class *class,
					     unsigned int flags)
{
	struct pvmc_kstack_block *block = pvmc_block_new(class, flags);
	unsigned long irqflags;
	unsigned int i;

	if (IS_ERR(block))
		return ERR_CAST(block);
	raw_spin_lock_irqsave(&class->lock, irqflags);
	for (i = 1; i < block->nr; i++)
		pvmc_class_put(class, &block->stack[i]);
	raw_spin_unlock_irqrestore(&class->lock, irqflags);
	return &block->stack[0];
}

/* The caller has a stack whose guard does not hold, and wants one that does. */
static int pvmc_guard_again(struct pvmemcontrol_kstack *stack,
			    unsigned int flags)
{
	struct pvmemcontrol_info info;
	int err;

	err = pvmemcontrol_get_info(&info);
	if (err)
		return err;
	if (flags & PVMEMCONTROL_KSTACK_NOWAIT)
		return -EAGAIN;
	mutex_lock(&pvmc_guard_mutex);
	if (!pvmemcontrol_kstack_guarded(stack))
		err = pvmc_block_guard(stack->block);
	/* It is of no matter here what became of the others. */
	if (pvmemcontrol_kstack_guarded(stack))
		err = 0;
	else
		err = err ?: -EAGAIN;
	mutex_unlock(&pvmc_guard_mutex);
	return err;
}

static struct pvmemcontrol_kstack *
pvmc_alloc(struct pvmc_kstack_class *class, unsigned int flags)
{
	struct pvmemcontrol_kstack *stack;
	unsigned int passed = 0;
	int err;

	for (;;) {
		stack = pvmc_pop(class);
		if (unlikely(!stack)) {
			if (flags & PVMEMCONTROL_KSTACK_NOWAIT)
				return ERR_PTR(-EAGAIN);
			stack = pvmc_grow(class, flags);
			if (IS_ERR(stack))
				return stack;
		}
		if (likely(pvmemcontrol_kstack_guarded(stack)) ||
		    flags & PVMEMCONTROL_KSTACK_UNGUARDED)
			return stack;
		/* There are others than those that were touched, or few at all. */
		if (!pvmc_touched(stack) || passed++ == PVMC_CACHE_MAX)
			break;
		pvmc_put_last(stack);
	}
	err = pvmc_guard_again(stack, flags);
	if (!err)
		return stack;
	if (pvmc_touched(stack))
		pvmc_put_last(stack);
	else
		pvmc_push(stack);
	return ERR_PTR(err);
}

/* Nobody gets to see what others have left. */
static void pvmc_clear_others(struct pvmemcontrol_kstack *stack,
			      unsigned int flags, unsigned long ip)
{
	unsigned long by = stack->left_by;

	stack->left_by = ip;
	if (likely(by == ip) || !by)
		return;
	if (flags & PVMEMCONTROL_KSTACK_UNCLEARED)
		stack->left_by = PVMC_LEFT_BY_MANY;
	else
		memset(stack->base, 0, stack->block->class->size);
}

/**
 * pvmc_kstack_get() - pvmemcontrol_kstack_alloc() for another.
 * @size: as there
 * @flags: as there
 * @what: as there
 * @ip: where it was called
 *
 * Context: as there.
 * Return: as there.
 */
struct pvmemcontrol_kstack *pvmc_kstack_get(size_t size, unsigned int flags,
					    const char *what, unsigned long ip)
{
	struct pvmc_kstack_class *class = pvmc_class_of(size);
	struct pvmemcontrol_kstack *stack;

	if (unlikely(!class || in_nmi()))
		return ERR_PTR(-EINVAL);
	stack = pvmc_alloc(class, flags);
	if (IS_ERR(stack)) {
		this_cpu_inc(pvmc_kstack_counters.failed);
		return stack;
	}
	pvmc_clear_others(stack, flags, ip);
	stack->ip = ip;
	stack->backed = true;
	WRITE_ONCE(stack->what, what);
	/* owner() may look at any time: whose it is before that it is used. */
	smp_store_release(&stack->used, true);
	this_cpu_inc(pvmc_kstack_counters.allocs);
	return stack;
}

/**
 * pvmemcontrol_kstack_alloc() - Get a stack with a guard below it.
 * @size: bytes, at most PVMEMCONTROL_KSTACK_MAX; rounded up to the next of
 *	16, 32, 64, 128 and 256 KiB
 * @flags: PVMEMCONTROL_KSTACK_NOWAIT, PVMEMCONTROL_KSTACK_UNGUARDED,
 *	PVMEMCONTROL_KSTACK_UNCLEARED
 * @what: the caller's words for it, for when the guard is touched; stays the
 *	caller's, and must stay there as long as the stack is not freed
 *
 * What is in it is zero, or was left by who called from the same place, unless
 * @flags have PVMEMCONTROL_KSTACK_UNCLEARED.  Usually it comes from a cache of
 * this CPU; else from the pool, and where that is empty, and @flags do not have
 * PVMEMCONTROL_KSTACK_NOWAIT, from a new block of 2 MiB.
 *
 * Context: Any but NMI.  May sleep unless @flags have
 * PVMEMCONTROL_KSTACK_NOWAIT.
 * Return: The stack, or an error pointer: -EINVAL: no such size, or in NMI;
 * -EAGAIN: not without sleeping, or somebody touches its guard right now;
 * -ENOMEM; or where the host sets no guards, and @flags do not have
 * PVMEMCONTROL_KSTACK_UNGUARDED: -ENODEV: no device; others as
 * pvmemcontrol_call().
 */
struct pvmemcontrol_kstack *
pvmemcontrol_kstack_alloc(size_t size, unsigned int flags, const char *what)
{
	return pvmc_kstack_get(size, flags, what, _RET_IP_);
}
EXPORT_SYMBOL_GPL(pvmemcontrol_kstack_alloc);

/**
 * pvmemcontrol_kstack_free() - Give a stack back.
 * @stack: from pvmemcontrol_kstack_alloc(), and nobody runs on it; or NULL
 *
 * When it stays free, the host gets the memory behind it.
 *
 * Context: Any but NMI.
 */
void pvmemcontrol_kstack_free(struct pvmemcontrol_kstack *stack)
{
	if (!stack || WARN_ON_ONCE(in_nmi()))
		return;
	if (WARN_ONCE(!stack->used || READ_ONCE(stack->running),
		      "a stack is freed that is %s",
		      stack->used ? "run on" : "free"))
		return;
	WRITE_ONCE(stack->used, false);
	WRITE_ONCE(stack->what, NULL);
	pvmc_guard_left(stack);
	WRITE_ONCE(stack->kept, false);
	if (unlikely(pvmc_touched(stack))) {
		stack->since = jiffies;
		pvmc_put_last(stack);
	} else {
		pvmc_push(stack);
	}
	this_cpu_inc(pvmc_kstack_counters.frees);
}
EXPORT_SYMBOL_GPL(pvmemcontrol_kstack_free);

/**
 * pvmemcontrol_kstack_base() - Where a stack is.
 * @stack: stack
 *
 * It lies in the direct map; the page below is its guard.
 *
 * Context: Any.
 * Return: Its lowest byte.
 */
void *pvmemcontrol_kstack_base(const struct pvmemcontrol_kstack *stack)
{
	return stack->base;
}
EXPORT_SYMBOL_GPL(pvmemcontrol_kstack_base);

/**
 * pvmemcontrol_kstack_size() - How large a stack is.
 * @stack: stack
 *
 * Context: Any.
 * Return: Bytes, the guard not included.
 */
size_t pvmemcontrol_kstack_size(const struct pvmemcontrol_kstack *stack)
{
	return stack->block->class->size;
}
EXPORT_SYMBOL_GPL(pvmemcontrol_kstack_size);

/**
 * pvmemcontrol_kstack_guarded() - Whether the guard of a stack holds.
 * @stack: stack
 *
 * It does not where there is no device, and for a while after the VMM has
 * forgotten what it was told (suspend, migration, restored snapshots); and not
 * after it was touched, where the policy is to report that: for seconds, or if
 * that was by who runs on the stack, until he has returned, or it is freed.
 *
 * Context: Any.
 * Return: Whether the VMM has said that it stops whoever touches the guard.
 */
bool pvmemcontrol_kstack_guarded(const struct pvmemcontrol_kstack *stack)
{
	return READ_ONCE(stack->block->guarding) == PVMC_GUARDED &&
	       READ_ONCE(stack->touch) == PVMC_UNTOUCHED;
}
EXPORT_SYMBOL_GPL(pvmemcontrol_kstack_guarded);

/* What was not used for @age jiffies goes into the classes. */
static bool pvmc_caches_drain(struct pvmc_kstack_caches *caches,
			      unsigned long age)
{
	unsigned long oldest = jiffies;
	bool left = false;
	unsigned int i, nr;

	for (i = 0; i < PVMC_KSTACK_CLASSES; i++) {
		struct pvmc_kstack_cache *cache = &caches->cache[i];

		/* The oldest come first. */
		for (nr = 0; nr < cache->nr; nr++)
			if (jiffies - cache->stack[nr]->since < age)
				break;
		if (nr)
			pvmc_cache_flush(&pvmc_kstack_classes[i], cache, nr);
		if (!cache->nr)
			continue;
		left = true;
		if (time_before(cache->stack[0]->since, oldest))
			oldest = cache->stack[0]->since;
	}
	WRITE_ONCE(caches->oldest, oldest);
	WRITE_ONCE(caches->any, left);
	return left;
}

struct pvmc_drain {
	unsigned long age;
	bool left;
};

/* Whether there is anything to be had from this CPU. */
static bool pvmc_cache_drain_cond(int cpu, void *arg)
{
	struct pvmc_kstack_caches *caches = per_cpu_ptr(&pvmc_caches, cpu);
	struct pvmc_drain *drain = arg;

	if (!READ_ONCE(caches->any))
		return false;
	if (jiffies - READ_ONCE(caches->oldest) >= drain->age)
		return true;
	WRITE_ONCE(drain->left, true);
	return false;
}

static void pvmc_cache_drain_here(void *arg)
{
	struct pvmc_drain *drain = arg;

	if (pvmc_caches_drain(this_cpu_ptr(&pvmc_caches), drain->age))
		WRITE_ONCE(drain->left, true);
}

/**
 * pvmc_cache_drain() - Have the CPUs' caches emptied of what is not used.
 * @age: for how many jiffies
 *
 * CPUs that have nothing for it are not interrupted.
 *
 * Context: Process context.  May sleep.
 * Return: Whether anything is left in them.
 */
bool pvmc_cache_drain(unsigned long age)
{
	struct pvmc_drain drain = { .age = age };
	unsigned long flags;
	int cpu;

	cpus_read_lock();
	/* What the caller has changed, before it is read who has something. */
	smp_mb();
	on_each_cpu_cond(pvmc_cache_drain_cond, pvmc_cache_drain_here, &drain,
			 true);
	for_each_possible_cpu(cpu) {
		if (cpu_online(cpu))
			continue;
		local_irq_save(flags);
		drain.left |= pvmc_caches_drain(per_cpu_ptr(&pvmc_caches, cpu),
						age);
		local_irq_restore(flags);
	}
	cpus_read_unlock();
	return drain.left;
}
