// SPDX-License-Identifier: GPL-2.0
/*
 * Which operation makes a page read as zero.
 *
 * That depends on how the VMM backs guest memory, which the guest cannot see:
 * DONTNEED zeroes anonymous private memory and leaves shared memory as it is,
 * REMOVE zeroes shared memory and is refused for private memory, and where the
 * host uses huge pages of its own, either may be refused or do nothing when
 * the range is smaller than one.  Different nodes may be backed differently.
 * So it is tried, for each node, on a page of the smallest size that is
 * dropped later.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/printk.h>
#include <linux/random.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "hugetlb.h"

#define PVMC_PROOF_SIZE		SZ_2M
#define PVMC_PROOF_ORDER	get_order(PVMC_PROOF_SIZE)

/**
 * enum pvmc_proof - what is known of a node
 * @PVMC_PROOF_NONE: no device, nothing can be known
 * @PVMC_PROOF_UNKNOWN: there was no memory to try it on; the next page that is
 *	to be cleared serves
 * @PVMC_PROOF_DONTNEED: PVMEMCONTROL_DONTNEED zeroes
 * @PVMC_PROOF_REMOVE: PVMEMCONTROL_REMOVE zeroes
 * @PVMC_PROOF_NEITHER: neither does
 */
enum pvmc_proof {
	PVMC_PROOF_NONE,
	PVMC_PROOF_UNKNOWN,
	PVMC_PROOF_DONTNEED,
	PVMC_PROOF_REMOVE,
	PVMC_PROOF_NEITHER,
};

/*
 * Written by the client's callbacks, one at a time, and from UNKNOWN by who
 * finds it out.  Read without a lock: whoever reads what is just being taken
 * back is no worse off than one who read it before.
 */
static enum pvmc_proof pvmc_proofs[MAX_NUMNODES];

/*
 * Try @func on [addr, addr + PVMC_PROOF_SIZE) of the direct map.  0: it reads
 * as zero everywhere.  -ENODATA: the VMM says it did it, but it does not.
 */
static int pvmc_prove_one(void *addr, u32 func)
{
	int err;

	/* No byte of it is zero already. */
	memset(addr, 1 | get_random_u8(), PVMC_PROOF_SIZE);
	err = pvmemcontrol_call(&pvmc_hugetlb_client, func, virt_to_phys(addr),
				PVMC_PROOF_SIZE, 0, NULL);
	if (err)
		return err;
	return memchr_inv(addr, 0, PVMC_PROOF_SIZE) ? -ENODATA : 0;
}

static enum pvmc_proof pvmc_prove(void *addr, int nid)
{
	int dontneed, remove;

	dontneed = pvmc_prove_one(addr, PVMEMCONTROL_DONTNEED);
	if (!dontneed)
		return PVMC_PROOF_DONTNEED;
	remove = pvmc_prove_one(addr, PVMEMCONTROL_REMOVE);
	if (!remove)
		return PVMC_PROOF_REMOVE;

	pr_notice("node %d: the VMM's memory is not zeroed by DONTNEED (%pe) nor by REMOVE (%pe), the kernel clears pages as ever\n",
		  nid, ERR_PTR(dontneed), ERR_PTR(remove));
	return PVMC_PROOF_NEITHER;
}

static void pvmc_proof_set_all(enum pvmc_proof proof)
{
	int nid;

	for (nid = 0; nid < MAX_NUMNODES; nid++)
		WRITE_ONCE(pvmc_proofs[nid], proof);
}

static void pvmc_proof_node(int nid)
{
	struct page *page;

	page = alloc_pages_node(nid, GFP_KERNEL | __GFP_THISNODE |
				__GFP_NORETRY | __GFP_NOWARN, PVMC_PROOF_ORDER);
	if (!page)
		return;
	WRITE_ONCE(pvmc_proofs[nid], pvmc_prove(page_address(page), nid));
	__free_pages(page, PVMC_PROOF_ORDER);
}

/**
 * pvmc_proof_attach() - Find out for all nodes that have memory.
 * @client: pvmc_hugetlb_client
 *
 * Context: Process context.
 * Return: 0.
 */
int pvmc_proof_attach(struct pvmemcontrol_client *client)
{
	int nid;

	pvmc_proof_set_all(PVMC_PROOF_UNKNOWN);
	pvmc_known_start();
	for_each_node_state(nid, N_MEMORY)
		pvmc_proof_node(nid);
	return 0;
}

/**
 * pvmc_proof_detach() - Know nothing any more.
 * @client: pvmc_hugetlb_client
 *
 * Context: Process context.
 */
void pvmc_proof_detach(struct pvmemcontrol_client *client)
{
	pvmc_proof_set_all(PVMC_PROOF_NONE);
	pvmc_known_stop();
}

/**
 * pvmc_proof_restore() - Find out again: it may be another host.
 * @client: pvmc_hugetlb_client
 *
 * Context: Process context.
 */
void pvmc_proof_restore(struct pvmemcontrol_client *client)
{
	pvmc_proof_attach(client);
}

/**
 * pvmc_proof_operation() - What zeroes a page.
 * @page: head of a page of at least 2 MiB whose content nobody needs
 * @try: where it is not known yet, find out with @page, which takes a while
 * @func: set when 0 is returned
 *
 * Context: Any without @try, else process context.
 * Return: 0, -ENODEV when there is no device, -EOPNOTSUPP when nothing zeroes
 * or it is not known what does.
 */
int pvmc_proof_operation(struct page *page, bool try, u32 *func)
{
	int nid = page_to_nid(page);
	enum pvmc_proof proof = READ_ONCE(pvmc_proofs[nid]);

	if (unlikely(proof == PVMC_PROOF_UNKNOWN) && try) {
		proof = pvmc_prove(page_address(page), nid);
		cmpxchg(&pvmc_proofs[nid], PVMC_PROOF_UNKNOWN, proof);
	}

	switch (proof) {
	case PVMC_PROOF_DONTNEED:
		*func = PVMEMCONTROL_DONTNEED;
		return 0;
	case PVMC_PROOF_REMOVE:
		*func = PVMEMCONTROL_REMOVE;
		return 0;
	case PVMC_PROOF_NONE:
		return -ENODEV;
	default:
		return -EOPNOTSUPP;
	}
}
