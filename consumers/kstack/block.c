// SPDX-License-Identifier: GPL-2.0
/*
 * Blocks of 2 MiB, and where the guards are in them.
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

/* By number of the 2 MiB; read under RCU. */
static DEFINE_XARRAY(pvmc_blocks);

/* When the last was freed, in RCU's time; guarded by pvmc_guard_mutex. */
static unsigned long pvmc_block_freed;

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
	lockdep_assert_held(&pvmc_guard_mutex);

	pvmc_block_freed = get_state_synchronize_rcu();
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
	/* A guard that was there before may be being opened, as it was touched. */
	cond_synchronize_rcu(pvmc_block_freed);
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
