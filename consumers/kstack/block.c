// SPDX-License-Identifier: GPL-2.0
/*
 * Blocks of 2 MiB, and the guards in them.
 *
 * A block is one huge page of the direct map and stays one: the guest's page
 * tables know nothing of guards.  It holds a page that is not used, a guard, a
 * stack, a guard, a stack and so on.  What is left at the end is not used.
 */

/**
 * DOC: The first page
 *
 * load_unaligned_zeropad() and its like read words that begin in a page and end
 * in the next one of the direct map, whosever that is: names of files and
 * packets are read so.  They may, and are ready for a fault, but not for a
 * violation.  So the page before a block, which is anybody's, must not have a
 * guard behind it.  Before all other guards is a stack of ours, and who reads
 * over the top of one is named.
 */

/**
 * DOC: A guard is not memory
 *
 * Nothing may look into a guard while the host forbids it.  The page allocator
 * has handed the block out, so what is left is who goes through all memory: the
 * readers of /proc/kcore, hibernation and crash dumps.  They leave out pages
 * that are marked as offline, as these are.  And kmemleak, which does not read
 * pages as such; but what the boot allocator gave out it goes on reading when
 * that has been freed as an initrd is, and so is told.
 *
 * A block goes back to the page allocator only after the VMM has said that it
 * opened all of it, and a word of each guard has been read to see whether that
 * is so.
 */
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/kmemleak.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/page-flags.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "kstack.h"

#define PVMC_BLOCK_ORDER	get_order(PVMC_BLOCK_SIZE)

/* Guards of one block, twice, and the block: what is sent at most together. */
#define PVMC_GUARD_RANGES \
	(2 * (PVMC_BLOCK_SIZE / (PVMC_KSTACK_MIN + PAGE_SIZE)) + 1)

DEFINE_MUTEX(pvmc_guard_mutex);	/* see kstack.h */
DEFINE_PER_CPU(struct pvmc_kstack_counters, pvmc_kstack_counters);

/* By number of the 2 MiB; read under RCU. */
static DEFINE_XARRAY(pvmc_blocks);

/* No guards are to be set any more; guarded by pvmc_guard_mutex. */
static bool pvmc_guards_barred;

/* For a batch; guarded by pvmc_guard_mutex. */
static struct pvmemcontrol_range pvmc_guard_ranges[PVMC_GUARD_RANGES];

/**
 * pvmc_block_start() - Where a block is.
 * @block: block
 *
 * Context: Any.
 * Return: The guest physical address of its first byte.
 */
phys_addr_t pvmc_block_start(const struct pvmc_kstack_block *block)
{
	return page_to_phys(block->page);
}

static phys_addr_t pvmc_guard_phys(const struct pvmc_kstack_block *block,
				   unsigned int i)
{
	return pvmc_block_start(block) + PVMC_BLOCK_PAD +
	       (phys_addr_t)i * (PAGE_SIZE + block->class->size);
}

static struct page *pvmc_guard_page(const struct pvmc_kstack_block *block,
				    unsigned int i)
{
	return pfn_to_page(PHYS_PFN(pvmc_guard_phys(block, i)));
}

/**
 * pvmc_block_find() - Which block an address is in.
 * @addr: guest physical address
 *
 * Context: Any, in an RCU read-side critical section or as its owner.
 * Return: The block, or NULL.
 */
struct pvmc_kstack_block *pvmc_block_find(phys_addr_t addr)
{
	return xa_load(&pvmc_blocks, addr / PVMC_BLOCK_SIZE);
}

/**
 * pvmc_block_index() - Which of a block's stacks an address belongs to.
 * @block: block
 * @addr: guest physical address in it
 * @guard: set to whether it is the guard, and not the stack
 *
 * Context: Any.
 * Return: Number of the stack; block->nr for what is behind the last, or before
 * the first.
 */
unsigned int pvmc_block_index(const struct pvmc_kstack_block *block,
			      phys_addr_t addr, bool *guard)
{
	unsigned long offset = addr - pvmc_block_start(block);
	unsigned long stride = PAGE_SIZE + block->class->size;

	*guard = false;
	if (offset < PVMC_BLOCK_PAD)
		return block->nr;
	offset -= PVMC_BLOCK_PAD;
	*guard = offset % stride < PAGE_SIZE && offset / stride < block->nr;
	return min_t(unsigned long, offset / stride, block->nr);
}

/* What becomes of the guards; that of the content is of no matter. */
struct pvmc_guard_batch {
	struct pvmemcontrol_batch batch;
	int err;
};

static void pvmc_guard_report(struct pvmemcontrol_batch *batch,
			      const struct pvmemcontrol_range *range, u64 done,
			      int error)
{
	struct pvmc_guard_batch *guards =
		container_of(batch, struct pvmc_guard_batch, batch);

	if (range->func == PVMEMCONTROL_DONTNEED ||
	    range->func == PVMEMCONTROL_REMOVE)
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

static void pvmc_guard_begin(struct pvmc_guard_batch *guards)
{
	lockdep_assert_held(&pvmc_guard_mutex);

	guards->err = 0;
	pvmemcontrol_batch_init_memory(&guards->batch, &pvmc_kstack_client,
				       pvmc_guard_ranges, PVMC_GUARD_RANGES);
	guards->batch.report = pvmc_guard_report;
}

/* Whether a guard is to be set now. */
static bool pvmc_guard_wanted(struct pvmemcontrol_kstack *stack, bool all)
{
	if (!all && !READ_ONCE(stack->touched))
		return false;
	/*
	 * Who touches it from here on has it set again once more.  Pairs with
	 * pvmc_hit(): who is seen not to have overflowed has not set the other yet.
	 */
	smp_store_mb(stack->touched, false);
	if (!READ_ONCE(stack->overflowed))
		return true;
	WRITE_ONCE(stack->touched, true);
	return false;
}

static int pvmc_host_guard(struct pvmc_kstack_block *block, bool fresh,
			   bool own)
{
	u32 func = own ? PVMEMCONTROL_GUARD : PVMEMCONTROL_MPROTECT_NONE;
	bool was_open = block->guarding == PVMC_OPEN;
	bool all = !pvmc_guarding_told(block->guarding);
	u32 drops = pvmc_drop_func(block);
	struct pvmc_guard_batch guards;
	unsigned int i;
	int err;

	pvmc_guard_begin(&guards);
	/* In one range while nobody has any of it. */
	if (fresh && drops)
		pvmemcontrol_batch_add(&guards.batch, drops,
				       pvmc_block_start(block),
				       PVMC_BLOCK_SIZE, 0);
	WRITE_ONCE(block->guarding, PVMC_UNSURE);
	for (i = 0; i < block->nr; i++) {
		if (!pvmc_guard_wanted(&block->stack[i], all))
			continue;
		/* What it was in the meantime; GUARD does that by itself. */
		if (!fresh && was_open && !own && drops)
			pvmemcontrol_batch_add(&guards.batch, drops,
					       pvmc_guard_phys(block, i),
					       PAGE_SIZE, 0);
		pvmemcontrol_batch_add(&guards.batch, func,
				       pvmc_guard_phys(block, i), PAGE_SIZE, 0);
	}
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
	pvmc_guard_begin(&guards);
	if (block->by_protection)
		pvmemcontrol_batch_add(&guards.batch, PVMEMCONTROL_MPROTECT_RW,
				       pvmc_block_start(block),
				       PVMC_BLOCK_SIZE, 0);
	/* A VMM that does not know it has not got any, by whatever way. */
	for (i = 0; i < block->nr && block->by_guard &&
	     info.features & PVMEMCONTROL_FEATURE_GUARD; i++)
		pvmemcontrol_batch_add(&guards.batch, PVMEMCONTROL_UNGUARD,
				       pvmc_guard_phys(block, i), PAGE_SIZE, 0);
	err = pvmc_guard_send(&guards);
	if (err)
		return err;
	block->by_protection = false;
	block->by_guard = false;
	return 0;
}

static int pvmc_block_set(struct pvmc_kstack_block *block, bool fresh)
{
	int touched = atomic_read(&block->nr_touched);
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
	err = pvmc_host_guard(block, fresh,
			      info.features & PVMEMCONTROL_FEATURE_GUARD);
	if (err) {
		this_cpu_inc(pvmc_kstack_counters.guard_failed);
		return err;
	}
	WRITE_ONCE(block->guarding, PVMC_GUARDED);
	/* Before it is looked whether somebody was too early to find that. */
	smp_mb();
	if (atomic_read(&block->nr_touched) != touched)
		cmpxchg(&block->guarding, PVMC_GUARDED, PVMC_TOUCHED);
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
 * pvmc_block_touched() - There may be guards to be set again.
 * @block: block; which ones its stacks say
 *
 * Context: Any, NMI too.
 */
void pvmc_block_touched(struct pvmc_kstack_block *block)
{
	atomic_inc(&block->nr_touched);
	/* Whoever is setting them sees that, or it is seen here that he has. */
	smp_mb__after_atomic();
	cmpxchg(&block->guarding, PVMC_GUARDED, PVMC_TOUCHED);
	pvmc_idle_hit();
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

	if (pvmc_guarding_told(block->guarding))
		WRITE_ONCE(block->guarding, PVMC_UNSURE);
}

/**
 * pvmc_block_guard() - Have the host set the guards of a block.
 * @block: block, of which stacks may be in use
 *
 * Those that it surely has are left alone; and so are those that are in use by
 * who went over the end: what he has there would be lost.
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
		READ_ONCE(*(u64 *)phys_to_virt(pvmc_guard_phys(block, i)));
	WRITE_ONCE(block->guarding, PVMC_OPEN);
	return 0;
}

/*
 * Before anything is forbidden: who is reading memory right now, having seen
 * no mark, is waited for.
 */
static void pvmc_block_mark(struct pvmc_kstack_block *block)
{
	unsigned int i;

	page_offline_begin();
	for (i = 0; i < block->nr; i++)
		__SetPageOffline(pvmc_guard_page(block, i));
	page_offline_end();
}

/*
 * kmemleak takes out what it knows before it puts back the rest of it: who told it
 * of another block meanwhile would not be heard.
 */
static void pvmc_block_untrack(struct pvmc_kstack_block *block)
{
	unsigned int i;

	lockdep_assert_held(&pvmc_guard_mutex);

	for (i = 0; i < block->nr; i++)
		kmemleak_free_part_phys(pvmc_guard_phys(block, i), PAGE_SIZE);
}

/* Once all is open, nobody needs to wait for anybody. */
static void pvmc_block_unmark(struct pvmc_kstack_block *block)
{
	unsigned int i;

	for (i = 0; i < block->nr; i++)
		__ClearPageOffline(pvmc_guard_page(block, i));
}

static void pvmc_block_destroy(struct pvmc_kstack_block *block)
{
	pvmc_block_unmark(block);
	xa_erase(&pvmc_blocks, pvmc_block_start(block) / PVMC_BLOCK_SIZE);
	__free_pages(block->page, PVMC_BLOCK_ORDER);
	kvfree_rcu(block, rcu);
}

/**
 * pvmc_block_free() - Give a block back to the page allocator.
 * @block: block of which no stack is in use, and which is in no list
 *
 * Context: Process context, with pvmc_guard_mutex held.  Does not sleep.
 * Return: Whether that was possible; else nothing has happened.
 */
bool pvmc_block_free(struct pvmc_kstack_block *block)
{
	if (pvmc_block_open(block))
		return false;
	this_cpu_inc(pvmc_kstack_counters.blocks_freed);
	pvmc_block_destroy(block);
	return true;
}

/**
 * pvmc_block_lose() - Forget a block, and leave its memory to nobody.
 * @block: block that cannot be freed, and which is in no list
 *
 * Context: Process context, when nobody looks for blocks any more.
 */
void pvmc_block_lose(struct pvmc_kstack_block *block)
{
	xa_erase(&pvmc_blocks, pvmc_block_start(block) / PVMC_BLOCK_SIZE);
	kvfree(block);
}

static struct pvmc_kstack_block *
pvmc_block_carve(struct pvmc_kstack_class *class)
{
	struct pvmc_kstack_block *block;
	unsigned int i;

	block = kvzalloc(struct_size(block, stack, class->per_block),
			 GFP_KERNEL);
	if (!block)
		return NULL;
	block->class = class;
	block->nr = class->per_block;
	block->page = alloc_pages(GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY |
				  __GFP_ZERO, PVMC_BLOCK_ORDER);
	if (!block->page)
		goto free;
	for (i = 0; i < block->nr; i++) {
		struct pvmemcontrol_kstack *stack = &block->stack[i];

		INIT_LIST_HEAD(&stack->node);
		stack->block = block;
		stack->base = phys_to_virt(pvmc_guard_phys(block, i)) +
			      PAGE_SIZE;
		stack->backed = true;
	}
	if (xa_err(xa_store(&pvmc_blocks,
			    pvmc_block_start(block) / PVMC_BLOCK_SIZE, block,
			    GFP_KERNEL)))
		goto free_pages;
	return block;

free_pages:
	__free_pages(block->page, PVMC_BLOCK_ORDER);
free:
	kvfree(block);
	return NULL;
}

/**
 * pvmc_block_new() - Make a block.
 * @class: for which stacks
 * @flags: PVMEMCONTROL_KSTACK_UNGUARDED where guards are not needed
 *
 * The block is in its class's list of blocks then, but its stacks are nowhere.
 *
 * Context: Process context, with pvmc_guard_mutex not held.  May sleep.
 * Return: The block, guarded unless @flags allow otherwise; or an error
 * pointer: -ENOMEM, or why there are no guards, as pvmemcontrol_call().
 */
struct pvmc_kstack_block *pvmc_block_new(struct pvmc_kstack_class *class,
					 unsigned int flags)
{
	struct pvmc_kstack_block *block;
	struct pvmemcontrol_info info;
	int err;

	/* Not worth 2 MiB to find that out. */
	err = pvmemcontrol_get_info(&info);
	if (err && !(flags & PVMEMCONTROL_KSTACK_UNGUARDED))
		return ERR_PTR(err);
	pvmc_drop_learn();
	block = pvmc_block_carve(class);
	if (!block)
		return ERR_PTR(-ENOMEM);
	pvmc_block_mark(block);

	mutex_lock(&pvmc_guard_mutex);
	pvmc_block_untrack(block);
	err = pvmc_block_set(block, true);
	if (err && !(flags & PVMEMCONTROL_KSTACK_UNGUARDED) &&
	    !pvmc_block_open(block)) {
		pvmc_block_destroy(block);
		mutex_unlock(&pvmc_guard_mutex);
		return ERR_PTR(err);
	}
	/* It may have guards that cannot be opened: then it stays. */
	list_add_tail(&block->node, &class->blocks);
	this_cpu_inc(pvmc_kstack_counters.blocks_made);
	mutex_unlock(&pvmc_guard_mutex);
	return block;
}
