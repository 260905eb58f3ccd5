// SPDX-License-Identifier: GPL-2.0
/*
 * Which operation makes a page read as zero.
 *
 * That depends on how the VMM backs guest memory, which the guest cannot see:
 * DONTNEED zeroes anonymous private memory and leaves shared memory as it is,
 * REMOVE zeroes shared memory and is refused for private memory, and where the
 * host uses huge pages of its own, either may be refused or do nothing when
 * the range is smaller than one.  So it is tried: 2 MiB, the least that is
 * dropped later, are filled, dropped and read back.
 *
 * A node may have memory of several kinds, but the VMM adds and the kernel
 * takes memory in sections of 128 MiB or more, and what counts is proven for
 * each section of a node: for one of each node when the device is attached,
 * and for others with the first page in them that is to be dropped.  That page
 * is dropped as if it were known already, and only what was filled before says
 * whether it was right, so it costs no exit more than any other.
 */

/**
 * DOC: Generations
 *
 * Whatever is known is known of the VMM as it was when it was found out.  A
 * proof therefore has the number of a generation in it, and so has whoever
 * relies on one: it reads the number first, then the proof, has the page
 * dropped, and reads the number again.  The number changes before the VMM is
 * connected anew.  If it is the same in the end, everything in between was with
 * the VMM that was proven, however long the task was kept from running.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitfield.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/memory.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/notifier.h>
#include <linux/printk.h>
#include <linux/random.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/xarray.h>

#include "hugetlb.h"

#define PVMC_PROOF_SIZE		SZ_2M
#define PVMC_PROOF_ORDER	get_order(PVMC_PROOF_SIZE)
#define PVMC_PROOF_SECTION	SZ_128M

/* Failures that say nothing about the memory are worth this many tries. */
#define PVMC_PROOF_TRIES	3

/**
 * enum pvmc_proof - what is known of a section
 * @PVMC_PROOF_UNKNOWN: nothing
 * @PVMC_PROOF_DONTNEED: PVMEMCONTROL_DONTNEED zeroes
 * @PVMC_PROOF_REMOVE: PVMEMCONTROL_REMOVE zeroes
 * @PVMC_PROOF_NEITHER: neither does
 */
enum pvmc_proof {
	PVMC_PROOF_UNKNOWN,
	PVMC_PROOF_DONTNEED,
	PVMC_PROOF_REMOVE,
	PVMC_PROOF_NEITHER,
};

/* An entry of pvmc_proofs, as a number: */
#define PVMC_ENTRY_PROOF	GENMASK(1, 0)
#define PVMC_ENTRY_TRIES	GENMASK(3, 2)
#define PVMC_ENTRY_NID		GENMASK(15, 4)
#define PVMC_ENTRY_GENERATION	GENMASK(61, 16)

static_assert(MAX_NUMNODES <= 1 << 12);

/* By section.  What is of another generation, or node, is not there. */
static DEFINE_XARRAY(pvmc_proofs);

/*
 * Written by the client's callbacks, of which one runs at a time.  Bit 0: there
 * is a device, and it is connected.
 */
static unsigned long pvmc_generation;

/* What zeroed last in a node; no more than a guess. */
static u8 pvmc_proof_hints[MAX_NUMNODES];

unsigned long pvmc_proof_generation(void)
{
	/* Before the proof is read, or the page looked at: see above. */
	return smp_load_acquire(&pvmc_generation);
}

static void pvmc_generation_next(bool connected)
{
	unsigned long next = (pvmc_generation | 1) + 1 + connected;

	/* Before anything that is found out about the VMM as it is now. */
	smp_store_release(&pvmc_generation, next);
	if (connected)
		pvmc_known_start();
	else
		pvmc_known_stop();
}

static unsigned long pvmc_section(const void *addr)
{
	return virt_to_phys((void *)addr) / PVMC_PROOF_SECTION;
}

static enum pvmc_proof pvmc_proof_load(const void *addr, int nid,
				       unsigned long generation, int *tries)
{
	void *entry = xa_load(&pvmc_proofs, pvmc_section(addr));
	unsigned long value = entry ? xa_to_value(entry) : 0;

	*tries = 0;
	if (FIELD_GET(PVMC_ENTRY_GENERATION, value) != generation ||
	    FIELD_GET(PVMC_ENTRY_NID, value) != nid)
		return PVMC_PROOF_UNKNOWN;
	*tries = FIELD_GET(PVMC_ENTRY_TRIES, value);
	return FIELD_GET(PVMC_ENTRY_PROOF, value);
}

static void pvmc_proof_store(const void *addr, int nid,
			     unsigned long generation, int tries,
			     enum pvmc_proof proof)
{
	unsigned long value = FIELD_PREP(PVMC_ENTRY_GENERATION, generation) |
			      FIELD_PREP(PVMC_ENTRY_NID, nid) |
			      FIELD_PREP(PVMC_ENTRY_TRIES, tries) |
			      FIELD_PREP(PVMC_ENTRY_PROOF, proof);

	/* Without memory for it, the next page finds out again. */
	xa_store(&pvmc_proofs, pvmc_section(addr), xa_mk_value(value),
		 GFP_KERNEL | __GFP_NOWARN);
}

static u32 pvmc_proof_func(enum pvmc_proof proof)
{
	return proof == PVMC_PROOF_REMOVE ? PVMEMCONTROL_REMOVE :
					    PVMEMCONTROL_DONTNEED;
}

/* So that no byte is zero already. */
static void pvmc_proof_fill(void *addr)
{
	memset(addr, 1 | get_random_u8(), PVMC_PROOF_SIZE);
}

static bool pvmc_proof_zero(const void *addr)
{
	return !memchr_inv(addr, 0, PVMC_PROOF_SIZE);
}

/*
 * Try @func on [addr, addr + PVMC_PROOF_SIZE) of the direct map.  0: it reads
 * as zero everywhere.  -ENODATA: the VMM says it did it, but it does not.
 */
static int pvmc_prove_one(void *addr, u32 func)
{
	int err;

	pvmc_proof_fill(addr);
	err = pvmemcontrol_call(&pvmc_hugetlb_client, func, virt_to_phys(addr),
				PVMC_PROOF_SIZE, 0, NULL);
	if (err)
		return err;
	return pvmc_proof_zero(addr) ? 0 : -ENODATA;
}

/* Whether this says that the operation is not one for this memory. */
static bool pvmc_proof_against(int err)
{
	return err == -ENODATA || err == -EINVAL || err == -EACCES ||
	       err == -EOPNOTSUPP;
}

/* Find out for the section of @addr, whose content is lost. */
static enum pvmc_proof pvmc_prove(void *addr, int nid, unsigned long generation,
				  int tries)
{
	enum pvmc_proof proof;
	int dontneed, remove;

	dontneed = pvmc_prove_one(addr, PVMEMCONTROL_DONTNEED);
	remove = dontneed ? pvmc_prove_one(addr, PVMEMCONTROL_REMOVE) : 0;
	if (!dontneed)
		proof = PVMC_PROOF_DONTNEED;
	else if (!remove)
		proof = PVMC_PROOF_REMOVE;
	else if (pvmc_proof_against(dontneed) && pvmc_proof_against(remove))
		proof = PVMC_PROOF_NEITHER;
	else if (++tries > PVMC_PROOF_TRIES)
		proof = PVMC_PROOF_NEITHER;
	else
		proof = PVMC_PROOF_UNKNOWN;
	if (!dontneed || !remove)
		WRITE_ONCE(pvmc_proof_hints[nid], proof);

	if (proof == PVMC_PROOF_NEITHER)
		pr_notice_once("node %d: memory of the VMM is zeroed neither by DONTNEED (%pe) nor by REMOVE (%pe), the kernel clears such pages as ever\n",
			       nid, ERR_PTR(dontneed), ERR_PTR(remove));
	pvmc_proof_store(addr, nid, generation,
			 min(tries, PVMC_PROOF_TRIES), proof);
	return proof;
}

static void pvmc_proof_node(int nid)
{
	struct page *page;

	page = alloc_pages_node(nid, GFP_KERNEL | __GFP_THISNODE |
				__GFP_NORETRY | __GFP_NOWARN, PVMC_PROOF_ORDER);
	if (!page)
		return;
	pvmc_prove(page_address(page), nid, pvmc_proof_generation(), 0);
	__free_pages(page, PVMC_PROOF_ORDER);
}

/**
 * pvmc_proof_restore() - Find out for all nodes that have memory.
 * @client: pvmc_hugetlb_client
 *
 * Context: Process context.
 */
void pvmc_proof_restore(struct pvmemcontrol_client *client)
{
	int nid;

	pvmc_generation_next(true);
	for_each_node_state(nid, N_MEMORY)
		pvmc_proof_node(nid);
}

/**
 * pvmc_proof_attach() - As pvmc_proof_restore().
 * @client: pvmc_hugetlb_client
 *
 * Context: Process context.
 * Return: 0.
 */
int pvmc_proof_attach(struct pvmemcontrol_client *client)
{
	pvmc_proof_restore(client);
	return 0;
}

/**
 * pvmc_proof_forget() - Know nothing any more: it may be another host.
 * @client: pvmc_hugetlb_client
 *
 * Context: Process context.
 */
void pvmc_proof_forget(struct pvmemcontrol_client *client)
{
	pvmc_generation_next(false);
}

/**
 * pvmc_proof_begin() - What zeroes a page.
 * @page: head of a page of at least 2 MiB whose content nobody needs
 * @length: bytes
 * @generation: from pvmc_proof_generation()
 * @try: where it is not known yet, find out with @page, which takes a while
 * @func: set when 0 is returned
 * @trying: set when 0 is returned: a bit for each section of @page of which it
 *	is not known, and that has been prepared to find out; if there is any,
 *	pvmc_proof_end() must be called when @func has been done
 *
 * Context: Any without @try, else process context.
 * Return: 0, -ENODEV when there is no device, -EOPNOTSUPP when nothing zeroes
 * all of it, or it is not known what does.
 */
int pvmc_proof_begin(struct page *page, u64 length, unsigned long generation,
		     bool try, u32 *func, unsigned long *trying)
{
	enum pvmc_proof common = PVMC_PROOF_UNKNOWN;
	int nid = page_to_nid(page), tries;
	unsigned int section;
	u64 offset;

	*trying = 0;

	if (!(generation & 1))
		return -ENODEV;
	if (length > (u64)BITS_PER_LONG * PVMC_PROOF_SECTION)
		return -EOPNOTSUPP;

	/* A page begins at a multiple of its length, and so in a section. */
	for (offset = 0; offset < length; offset += PVMC_PROOF_SECTION) {
		void *addr = page_address(page) + offset;
		enum pvmc_proof proof;

		proof = pvmc_proof_load(addr, nid, generation, &tries);
		if (proof == PVMC_PROOF_UNKNOWN) {
			*trying |= BIT(offset / PVMC_PROOF_SECTION);
			continue;
		}
		if (common != PVMC_PROOF_UNKNOWN && proof != common)
			return -EOPNOTSUPP;
		common = proof;
	}
	if (common == PVMC_PROOF_NEITHER || (*trying && !try))
		return -EOPNOTSUPP;

	*func = pvmc_proof_func(common == PVMC_PROOF_UNKNOWN ?
				READ_ONCE(pvmc_proof_hints[nid]) : common);
	for_each_set_bit(section, trying, BITS_PER_LONG)
		pvmc_proof_fill(page_address(page) +
				(u64)section * PVMC_PROOF_SECTION);
	return 0;
}

/**
 * pvmc_proof_end() - Say whether a page that was tried reads as zero.
 * @page: as in pvmc_proof_begin()
 * @generation: as in pvmc_proof_begin()
 * @trying: from pvmc_proof_begin()
 * @func: what was done to the page
 * @err: and with what result
 *
 * Where it does not, what else zeroes is found out for the next page.
 *
 * Context: Process context.
 * Return: 0 when it does; -EOPNOTSUPP when @func is not what zeroes it; else
 * @err.
 */
int pvmc_proof_end(struct page *page, unsigned long generation,
		   unsigned long trying, u32 func, int err)
{
	enum pvmc_proof proof = func == PVMEMCONTROL_REMOVE ?
				PVMC_PROOF_REMOVE : PVMC_PROOF_DONTNEED;
	int nid = page_to_nid(page), tries;
	unsigned int section;

	for_each_set_bit(section, &trying, BITS_PER_LONG) {
		void *addr = page_address(page) +
			     (u64)section * PVMC_PROOF_SECTION;

		if (!err && pvmc_proof_zero(addr)) {
			pvmc_proof_store(addr, nid, generation, 0, proof);
			continue;
		}
		if (!err || pvmc_proof_against(err))
			err = -EOPNOTSUPP;
		if (pvmc_proof_load(addr, nid, generation, &tries) ==
		    PVMC_PROOF_UNKNOWN)
			pvmc_prove(addr, nid, generation, tries);
	}
	return err;
}

/* What was taken out and comes back is other memory. */
static int pvmc_proof_memory(struct notifier_block *nb, unsigned long action,
			     void *data)
{
	const struct memory_notify *what = data;
	unsigned long section = PFN_PHYS(what->start_pfn) / PVMC_PROOF_SECTION;
	unsigned long end = PFN_PHYS(what->start_pfn + what->nr_pages - 1) /
			    PVMC_PROOF_SECTION;

	if (action == MEM_GOING_ONLINE)
		for (; section <= end; section++)
			xa_erase(&pvmc_proofs, section);
	return NOTIFY_OK;
}

static struct notifier_block pvmc_proof_nb = {
	.notifier_call = pvmc_proof_memory,
};

int pvmc_proof_init(void)
{
	return register_memory_notifier(&pvmc_proof_nb);
}

/* When nobody asks any more. */
void pvmc_proof_exit(void)
{
	unregister_memory_notifier(&pvmc_proof_nb);
	xa_destroy(&pvmc_proofs);
}
