// SPDX-License-Identifier: GPL-2.0
/*
 * When it is loaded, fills free memory with data and frees it again.
 *
 * It takes chunks as large as huge pages but not compound, so the kernel says
 * nothing of their use in the descriptors of most of their pages: whatever a
 * huge page has left there stays.
 */
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/nodemask.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/string.h>

#define CHUNK_SIZE	SZ_2M
#define CHUNK_ORDER	get_order(CHUNK_SIZE)

static unsigned int mib = 512;
module_param(mib, uint, 0444);
MODULE_PARM_DESC(mib, "how much, divided among the nodes");

static unsigned int dirtied;
module_param(dirtied, uint, 0444);
MODULE_PARM_DESC(dirtied, "MiB that could be had");

static int __init pvmc_dirty_init(void)
{
	unsigned int chunks = mib / (CHUNK_SIZE / SZ_1M);
	unsigned int each = chunks / num_node_state(N_MEMORY);
	struct page *page, *next;
	LIST_HEAD(taken);
	unsigned int i;
	int nid;

	for_each_node_state(nid, N_MEMORY) {
		for (i = 0; i < each; i++) {
			page = alloc_pages_node(nid, GFP_HIGHUSER_MOVABLE |
						__GFP_THISNODE | __GFP_NOWARN |
						__GFP_NORETRY, CHUNK_ORDER);
			if (!page)
				break;
			memset(page_address(page), 0xd1, CHUNK_SIZE);
			list_add(&page->lru, &taken);
			dirtied += CHUNK_SIZE / SZ_1M;
			cond_resched();
		}
	}
	list_for_each_entry_safe(page, next, &taken, lru) {
		list_del(&page->lru);
		__free_pages(page, CHUNK_ORDER);
	}
	return 0;
}

static void __exit pvmc_dirty_exit(void)
{
}

module_init(pvmc_dirty_init);
module_exit(pvmc_dirty_exit);

MODULE_DESCRIPTION("Leaves data in free memory");
MODULE_LICENSE("GPL");
