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
 * DOC: What a proof does not prove
 *
 * Where memory is a private mapping of a file, DONTNEED brings back what is in
 * the file.  That may be zero in the page that was tried, and something else in
 * the next.  So what was tried is not all:
 *
 *  - a VMM of version 1.1 says which operations always leave zeroes, and
 *    DONTNEED is only used where it is one of them.  It has said so of the
 *    memory that there was when it was connected; memory that has come since
 *    does without DONTNEED;
 *  - a VMM of version 1.0 says nothing.  There each 16 MiB are tried, and if
 *    ever anything comes back that is neither zero nor what was there, nothing
 *    of this VMM is dropped with DONTNEED any more.  What was handed out before
 *    cannot be got back: Documentation/hugetlb.rst says so.
 *
 * REMOVE makes a hole in what is behind the memory, or fails.  There is nothing
 * that a hole could read as but zero, so trying it is enough.
 */

/**
 * DOC: Generations
 *
 * Whatever is known is known of the VMM as it was when it was found out.  A
 * proof therefore has the number of a generation in it, and so has whoever
 * relies on one: it reads the number first, then the proof, has the page
 * dropped, and reads the number again.  The number changes before the VMM is
 * connected anew, and when something is found out that makes proofs void.  If
 * it is the same in the end, everything in between was with the VMM that was
 * proven, however long the task was kept from running.
 *
 * What the VMM has said of itself is in the number too, so that nobody can have
 * the one without the other.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/bitfield.h>
#include <linux/bits.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/memory.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/notifier.h>
#include <linux/printk.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/xarray.h>

#include "hugetlb.h"

#define PVMC_PROOF_SIZE		SZ_2M
#define PVMC_PROOF_ORDER	get_order(PVMC_PROOF_SIZE)

/* What is proven with one page: where the VMM has said something, and where not. */
#define PVMC_PROOF_SECTION_SAID	SZ_128M
#define PVMC_PROOF_SECTION	SZ_16M

/* What is in memory before it is dropped: no byte of it is zero. */
#define PVMC_PROOF_FILL		0xd7

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
/* It came after the VMM had said what zeroes. */
#define PVMC_ENTRY_LATE		BIT(62)

static_assert(MAX_NUMNODES <= 1 << 12);

/* A generation's number: what there is in it besides the number. */
#define PVMC_GENERATION_CONNECTED	BIT(0)	/* there is a device, and it is */
#define PVMC_GENERATION_SAID		BIT(1)	/* it says what always zeroes */
#define PVMC_GENERATION_DONTNEED	BIT(2)	/* DONTNEED may be tried */
#define PVMC_GENERATION_FLAGS		GENMASK(2, 0)

/* By section.  What is of another generation, or node, is not there. */
static DEFINE_XARRAY(pvmc_proofs);

/*
 * Written by the client's callbacks, of which one runs at a time, and by whoever
 * finds out that DONTNEED must not be used.
 */
static unsigned long pvmc_generation;

/* What zeroed last in a node; no more than a guess. */
static u8 pvmc_proof_hints[MAX_NUMNODES];

unsigned long pvmc_proof_generation(void)
{
	/* Before the proof is read, or the page looked at: see above. */
	return smp_load_acquire(&pvmc_generation);
}

static unsigned long pvmc_generation_after(unsigned long old,
					   unsigned long flags)
{
	return (old | PVMC_GENERATION_FLAGS) + 1 + flags;
}

static void pvmc_generation_next(unsigned long flags)
{
	unsigned long old;

	/* Before anything that is found out about the VMM as it is now. */
	do {
		old = READ_ONCE(pvmc_generation);
	} while (cmpxchg(&pvmc_generation, old,
			 pvmc_generation_after(old, flags)) != old);
	if (flags & PVMC_GENERATION_CONNECTED)
		pvmc_known_start();
	else
		pvmc_known_stop();
}

/*
 * DONTNEED has brought something back.  If it is another generation by now, it
 * was another VMM, or is known already.
 */
static void pvmc_generation_revives(unsigned long generation)
{
	unsigned long flags = generation & PVMC_GENERATION_FLAGS &
			      ~PVMC_GENERATION_DONTNEED;

	if (cmpxchg(&pvmc_generation, generation,
		    pvmc_generation_after(generation, flags)) != generation)
		return;
	/* Unless it has been disconnected meanwhile; it says so after this. */
	pvmc_known_renew();
	pr_warn_once("memory of the VMM has content to come back to, the kernel clears pages that would have it\n");
}

/* How much one page is the proof of. */
static u64 pvmc_section_size(unsigned long generation)
{
	return generation & PVMC_GENERATION_SAID ? PVMC_PROOF_SECTION_SAID :
						   PVMC_PROOF_SECTION;
}

static unsigned long pvmc_section(const void *addr, unsigned long generation)
{
	return virt_to_phys((void *)addr) / pvmc_section_size(generation);
}

static unsigned long pvmc_entry(const void *addr, unsigned long generation)
{
	void *entry = xa_load(&pvmc_proofs, pvmc_section(addr, generation));

	return entry ? xa_to_value(entry) : 0;
}

/*
 * Whether it came when the VMM had said what zeroes: since then, or while it was
 * being connected, in the generation before.
 */
static bool pvmc_late(unsigned long value, unsigned long generation)
{
	unsigned long of = FIELD_GET(PVMC_ENTRY_GENERATION, value);

	return value & PVMC_ENTRY_LATE && generation & PVMC_GENERATION_SAID &&
	       (of == generation || pvmc_generation_after(of, 0) ==
				    (generation & ~PVMC_GENERATION_FLAGS));
}

/* Whether DONTNEED may be tried there, or relied on. */
static bool pvmc_may_dontneed(const void *addr, unsigned long generation)
{
	return generation & PVMC_GENERATION_DONTNEED &&
	       !pvmc_late(pvmc_entry(addr, generation), generation);
}

static enum pvmc_proof pvmc_proof_load(const void *addr, int nid,
				       unsigned long generation, int *tries)
{
	unsigned long value = pvmc_entry(addr, generation);

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

	if (pvmc_late(pvmc_entry(addr, generation), generation))
		value |= PVMC_ENTRY_LATE;
	/*
	 * Whoever frees a page may hold anything.  Without memory for it, the
	 * next page finds out again.
	 */
	xa_store(&pvmc_proofs, pvmc_section(addr, generation),
		 xa_mk_value(value), GFP_NOWAIT | __GFP_NOWARN);
}

static u32 pvmc_proof_func(enum pvmc_proof proof)
{
	return proof == PVMC_PROOF_REMOVE ? PVMEMCONTROL_REMOVE :
					    PVMEMCONTROL_DONTNEED;
}

/* So that no byte is zero already. */
static void pvmc_proof_fill(void *addr)
{
	memset(addr, PVMC_PROOF_FILL, PVMC_PROOF_SIZE);
}

/*
 * What the VMM made of it, having said that it did it.  0: it reads as zero
 * everywhere.  -ENODATA: it does not.
 */
static int pvmc_proof_look(const u8 *addr, unsigned long generation, u32 func)
{
	const u8 *other = memchr_inv(addr, 0, PVMC_PROOF_SIZE);

	if (!other)
		return 0;
	if (func == PVMEMCONTROL_DONTNEED &&
	    (*other != PVMC_PROOF_FILL ||
	     memchr_inv(other, PVMC_PROOF_FILL, addr + PVMC_PROOF_SIZE - other)))
		pvmc_generation_revives(generation);
	return -ENODATA;
}

/*
 * Try @func on [addr, addr + PVMC_PROOF_SIZE) of the direct map.  Returns what
 * the VMM does, else as pvmc_proof_look().
 */
static int pvmc_prove_one(void *addr, unsigned long generation, u32 func)
{
	int err;

	pvmc_proof_fill(addr);
	err = pvmemcontrol_call(&pvmc_hugetlb_client, func, virt_to_phys(addr),
				PVMC_PROOF_SIZE, 0, NULL);
	return err ?: pvmc_proof_look(addr, generation, func);
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

	dontneed = pvmc_may_dontneed(addr, generation) ?
		   pvmc_prove_one(addr, generation, PVMEMCONTROL_DONTNEED) :
		   -EOPNOTSUPP;
	remove = dontneed ?
		 pvmc_prove_one(addr, generation, PVMEMCONTROL_REMOVE) : 0;
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

/* What the VMM says of itself, in the flags of a generation. */
static unsigned long pvmc_proof_ask(void)
{
	struct pvmemcontrol_info info;

	if (pvmemcontrol_get_info(&info))
		return 0;
	if (!info.minor && !info.features && !info.zeroing)
		return PVMC_GENERATION_CONNECTED | PVMC_GENERATION_DONTNEED;
	if (!(info.zeroing & BIT_ULL(PVMEMCONTROL_DONTNEED)))
		return PVMC_GENERATION_CONNECTED | PVMC_GENERATION_SAID;
	return PVMC_GENERATION_CONNECTED | PVMC_GENERATION_SAID |
	       PVMC_GENERATION_DONTNEED;
}

/**
 * pvmc_proof_restore() - Find out for all nodes that have memory.
 * @client: pvmc_hugetlb_client
 *
 * Context: Process context.
 */
void pvmc_proof_restore(struct pvmemcontrol_client *client)
{
	unsigned long flags = pvmc_proof_ask();
	int nid;

	pvmc_generation_next(flags);
	if (!(flags & PVMC_GENERATION_CONNECTED))
		return;
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
	pvmc_generation_next(0);
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
	u64 offset, size = pvmc_section_size(generation);
	int nid = page_to_nid(page), tries;
	bool may_dontneed = true;
	unsigned int section;

	*trying = 0;

	if (!(generation & PVMC_GENERATION_CONNECTED))
		return -ENODEV;
	if (length > BITS_PER_LONG * size)
		return -EOPNOTSUPP;

	/* A page begins at a multiple of its length, and so in a section. */
	for (offset = 0; offset < length; offset += size) {
		void *addr = page_address(page) + offset;
		enum pvmc_proof proof;

		proof = pvmc_proof_load(addr, nid, generation, &tries);
		if (proof == PVMC_PROOF_UNKNOWN) {
			*trying |= BIT(offset / size);
			may_dontneed &= pvmc_may_dontneed(addr, generation);
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
	if (*func == PVMEMCONTROL_DONTNEED && !may_dontneed) {
		if (common == PVMC_PROOF_DONTNEED)
			return -EOPNOTSUPP;
		*func = PVMEMCONTROL_REMOVE;
	}
	for_each_set_bit(section, trying, BITS_PER_LONG)
		pvmc_proof_fill(page_address(page) + section * size);
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
	u64 size = pvmc_section_size(generation);
	int nid = page_to_nid(page), tries;
	unsigned int section;

	for_each_set_bit(section, &trying, BITS_PER_LONG) {
		void *addr = page_address(page) + section * size;

		if (!err && !pvmc_proof_look(addr, generation, func)) {
			pvmc_proof_store(addr, nid, generation, 0, proof);
			continue;
		}
		if (!err || pvmc_proof_against(err))
			err = -EOPNOTSUPP;
		if (pvmc_proof_generation() == generation &&
		    pvmc_proof_load(addr, nid, generation, &tries) ==
		    PVMC_PROOF_UNKNOWN)
			pvmc_prove(addr, nid, generation, tries);
	}
	return err;
}

/**
 * pvmc_proof_online() - Memory is about to be used, for the first time or again.
 * @start: number of its first page
 * @nr: how many pages it has
 *
 * What was taken out and comes back is other memory, and what the VMM has said
 * it has not said of this.
 *
 * Context: Process context.  May sleep.
 * Return: 0; -ENOMEM: it must not be used, as more would be believed of it than
 * is known.
 */
int pvmc_proof_online(unsigned long start, unsigned long nr)
{
	unsigned long generation = pvmc_proof_generation();
	unsigned long late = FIELD_PREP(PVMC_ENTRY_GENERATION, generation) |
			     PVMC_ENTRY_LATE;
	u64 size = PVMC_PROOF_SECTION_SAID;
	unsigned long section, end;

	if (generation & PVMC_GENERATION_CONNECTED)
		size = pvmc_section_size(generation);
	section = PFN_PHYS(start) / size;
	end = PFN_PHYS(start + nr - 1) / size;
	for (; section <= end; section++) {
		void *old;

		if (size == PVMC_PROOF_SECTION) {
			xa_erase(&pvmc_proofs, section);
			continue;
		}
		old = xa_store(&pvmc_proofs, section, xa_mk_value(late),
			       GFP_KERNEL);
		if (xa_is_err(old))
			return xa_err(old);
	}
	return 0;
}

static int pvmc_proof_memory(struct notifier_block *nb, unsigned long action,
			     void *data)
{
	const struct memory_notify *what = data;

	if (action != MEM_GOING_ONLINE)
		return NOTIFY_OK;
	return notifier_from_errno(pvmc_proof_online(what->start_pfn,
						     what->nr_pages));
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
