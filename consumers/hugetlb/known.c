// SPDX-License-Identifier: GPL-2.0
/*
 * Which pages of the pool are known to read as zero.
 *
 * A page is marked when it has been dropped on its way into the pool, and
 * unmarked when it is handed out.  It must lose the mark on every other way
 * out of the pool too, and there are many: split up and given to the page
 * allocator, demoted, migrated to, used for a copy.  So the mark is in the
 * page's own struct pages, in a tail page of which hugetlb uses next to nothing:
 *
 *  - a flag, which the page allocator takes from each page that is freed to it,
 *    head or tail.  So nothing is left of the mark in memory that is others',
 *    and what becomes a huge page again has none.  Whatever comes back into the
 *    pool without having been freed, as when it is demoted, is marked anew, or
 *    unmarked, on that way;
 *  - what a mark is just now, and of which page, in a word that the page
 *    allocator itself uses for pages that are free, so that nobody expects to
 *    find anything in particular there.  Descriptors are copied where their
 *    memory is saved: a copy is the mark of another page, and none.
 *
 * What cannot be found by walking pages, all marks of a time when the VMM was
 * another or was not trusted, is forgotten by changing what a mark is.
 */
#include <linux/bitops.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/spinlock.h>

#include "../../core/compat.h"
#include "hugetlb.h"

/* Guards pvmc_known_closed and the writing of pvmc_known_mark. */
static DEFINE_SPINLOCK(pvmc_known_lock);

/* No page will be known any more: what unmarks pages is about to go. */
static bool pvmc_known_closed;

/* What a valid mark is, and what a page is marked with; 0: none is. */
static unsigned long pvmc_known_mark;

static struct page *pvmc_known_page(struct page *head)
{
	return head + PVMC_MARK_SUBPAGE;
}

/* What @head has in it when it is marked with @mark. */
static void *pvmc_known_word(struct page *head, unsigned long mark)
{
	return (void *)(mark ^ page_to_pfn(head));
}

static void pvmc_known_change(unsigned long mark, bool close)
{
	unsigned long flags;

	spin_lock_irqsave(&pvmc_known_lock, flags);
	pvmc_known_closed |= close;
	WRITE_ONCE(pvmc_known_mark, pvmc_known_closed ? 0 : mark);
	spin_unlock_irqrestore(&pvmc_known_lock, flags);
}

/* Never 0, and not what a mark was before, this module loaded or not. */
static unsigned long pvmc_known_new(void)
{
	return get_random_u64() | 1;
}

/* Pages marked so far are not known; those marked from now on are. */
void pvmc_known_start(void)
{
	pvmc_known_change(pvmc_known_new(), false);
}

/* The same, unless none are known at all. */
void pvmc_known_renew(void)
{
	unsigned long flags;

	spin_lock_irqsave(&pvmc_known_lock, flags);
	if (pvmc_known_mark)
		WRITE_ONCE(pvmc_known_mark, pvmc_known_new());
	spin_unlock_irqrestore(&pvmc_known_lock, flags);
}

/* Neither are those that are marked from now on. */
void pvmc_known_stop(void)
{
	pvmc_known_change(0, false);
}

/* Nor will any ever be. */
void pvmc_known_close(void)
{
	pvmc_known_change(0, true);
}

/* What to pass to pvmc_known_set(), taken before the page is dropped. */
unsigned long pvmc_known_begin(void)
{
	return READ_ONCE(pvmc_known_mark);
}

/* @head reads as zero, and did so when @mark was what a mark is. */
void pvmc_known_set(struct page *head, unsigned long mark)
{
	struct page *page = pvmc_known_page(head);

	page->lru.prev = pvmc_known_word(head, mark);
	set_bit(PVMC_MARK_FLAG, pvmc_page_flags(page));
}

void pvmc_known_clear(struct page *head)
{
	clear_bit(PVMC_MARK_FLAG, pvmc_page_flags(pvmc_known_page(head)));
}

/* Whether @head reads as zero; not any more after this. */
bool pvmc_known_take(struct page *head)
{
	unsigned long mark = READ_ONCE(pvmc_known_mark);
	struct page *page = pvmc_known_page(head);

	if (!test_and_clear_bit(PVMC_MARK_FLAG, pvmc_page_flags(page)))
		return false;
	return mark && page->lru.prev == pvmc_known_word(head, mark);
}
