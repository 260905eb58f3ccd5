// SPDX-License-Identifier: GPL-2.0
/*
 * Having a page dropped, in place of clearing it or when it is not used any
 * more, and telling when not to.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/compiler.h>
#include <linux/io.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/printk.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/sizes.h>

#include "../../core/compat.h"
#include "hugetlb.h"

#define CREATE_TRACE_POINTS
#include <trace/events/pvmemcontrol_hugetlb.h>

/* Longer ranges take too long, or several exits, where nobody else can run. */
#define PVMC_RETURN_ATOMIC_MAX	SZ_2M

DEFINE_PER_CPU(struct pvmc_hugetlb_counters, pvmc_hugetlb_counters);

/* Read back a word of every Nth page that is dropped; 0: of none. */
unsigned int pvmc_hugetlb_verify = 16;

static DEFINE_PER_CPU(unsigned int, pvmc_verify_turn);

/* Set once and for all when a page that was proven to be zeroed was not. */
bool pvmc_hugetlb_distrusted;

static const struct pvmemcontrol_client_ops pvmc_hugetlb_client_ops = {
	.attach = pvmc_proof_attach,
	.detach = pvmc_proof_forget,
	.forget = pvmc_proof_forget,
	.restore = pvmc_proof_restore,
};

struct pvmemcontrol_client pvmc_hugetlb_client = {
	.name = "hugetlb",
	.ops = &pvmc_hugetlb_client_ops,
};

/* A word of the page to verify it by, or NULL when it is not its turn. */
static u64 *pvmc_verify_word(struct page *page, u64 length)
{
	unsigned int every = READ_ONCE(pvmc_hugetlb_verify);
	u64 *word;

	if (!every || this_cpu_inc_return(pvmc_verify_turn) % every)
		return NULL;
	word = page_address(page);
	/* Lengths are powers of two; which word is not for the VMM to guess. */
	return word + (get_random_u64() & (length / sizeof(*word) - 1));
}

static int pvmc_verify(const u64 *word, u64 start)
{
	if (!word)
		return 0;
	this_cpu_inc(pvmc_hugetlb_counters.verified);
	if (likely(!READ_ONCE(*word)))
		return 0;
	if (!xchg(&pvmc_hugetlb_distrusted, true))
		pr_err("the VMM claims to have dropped the page at 0x%llx but has not; the kernel clears all pages from now on\n",
		       start);
	pvmc_known_stop();
	return -EUCLEAN;
}

static void pvmc_count_fallback(int err)
{
	switch (err) {
	case -ENODEV:
		this_cpu_inc(pvmc_hugetlb_counters.no_device);
		break;
	case -EOPNOTSUPP:
		this_cpu_inc(pvmc_hugetlb_counters.unproven);
		break;
	case -EUCLEAN:
		this_cpu_inc(pvmc_hugetlb_counters.mismatched);
		break;
	case -EKEYREJECTED:
		this_cpu_inc(pvmc_hugetlb_counters.distrusted);
		break;
	default:
		this_cpu_inc(pvmc_hugetlb_counters.failed);
		break;
	}
}

static int pvmc_drop(struct page *page, u64 length, bool try)
{
	unsigned long generation = pvmc_proof_generation();
	u64 start = page_to_phys(page);
	unsigned long trying;
	u64 *word;
	u32 func;
	int err;

	if (unlikely(READ_ONCE(pvmc_hugetlb_distrusted)))
		return -EKEYREJECTED;
	err = pvmc_proof_begin(page, length, generation, try, &func, &trying);
	if (err)
		return err;
	/* What is zero already proves nothing. */
	word = pvmc_verify_word(page, length);
	if (word)
		WRITE_ONCE(*word, ~0ULL);
	err = pvmemcontrol_call(&pvmc_hugetlb_client, func, start, length, 0,
				NULL);
	if (unlikely(trying)) {
		err = pvmc_proof_end(page, generation, trying, func, err);
		if (err == -EOPNOTSUPP)
			return err;
	}
	/* What was proven may not be what fails; keep the reasons apart. */
	if (err)
		return err == -ENODEV ? -ENODEV : -EIO;
	/* It may have been another VMM that did it than the one proven. */
	if (unlikely(pvmc_proof_generation() != generation))
		return -EIO;
	return pvmc_verify(word, start);
}

/**
 * pvmc_hugetlb_zero() - Have a page read as zero without clearing it.
 * @page: head of a page of at least 2 MiB that is being handed out; its
 *	content is lost, whatever is returned
 * @length: bytes, a power of two
 *
 * Context: Process context.  Lets others run between two exits.
 * Return: whether all of it reads as zero.  If not, the caller clears it.
 */
bool pvmc_hugetlb_zero(struct page *page, u64 length)
{
	int err;

	if (pvmc_known_take(page) &&
	    !pvmc_verify(pvmc_verify_word(page, length), page_to_phys(page))) {
		this_cpu_inc(pvmc_hugetlb_counters.known);
		return true;
	}

	err = pvmc_drop(page, length, true);
	if (unlikely(err)) {
		pvmc_count_fallback(err);
		trace_pvmemcontrol_hugetlb_fallback(page_to_phys(page), length,
						    page_to_nid(page), err);
		return false;
	}
	this_cpu_inc(pvmc_hugetlb_counters.dropped);
	this_cpu_add(pvmc_hugetlb_counters.dropped_bytes, length);
	trace_pvmemcontrol_hugetlb_drop(page_to_phys(page), length,
					page_to_nid(page));
	return true;
}

/*
 * Whether others may run meanwhile.  A reader of RCU can be preempted, and must
 * not take long all the same.
 */
static bool pvmc_may_take_long(void)
{
	return preemptible() && !rcu_preempt_depth();
}

/**
 * pvmc_hugetlb_return() - Give a page's memory back on its way into the pool.
 * @page: head of a page of at least 2 MiB that nobody uses any more; its
 *	content is lost
 * @length: bytes, a power of two
 *
 * When it is handed out again, pvmc_hugetlb_zero() knows that it reads as
 * zero.
 *
 * Context: Any.  Lets others run between two exits where that is allowed;
 * where it is not, does nothing that takes more than one.
 */
void pvmc_hugetlb_return(struct page *page, u64 length)
{
	unsigned long mark = pvmc_known_begin();
	bool long_ok = pvmc_may_take_long();

	pvmc_known_clear(page);
	if (length > PVMC_RETURN_ATOMIC_MAX && !long_ok) {
		this_cpu_inc(pvmc_hugetlb_counters.return_atomic);
		return;
	}
	if (pvmc_drop(page, length, long_ok)) {
		this_cpu_inc(pvmc_hugetlb_counters.return_failed);
		return;
	}
	if (length <= PAGE_SIZE << PVMC_MARK_ORDER_MAX)
		pvmc_known_set(page, mark);
	this_cpu_inc(pvmc_hugetlb_counters.returned);
	this_cpu_add(pvmc_hugetlb_counters.returned_bytes, length);
	trace_pvmemcontrol_hugetlb_return(page_to_phys(page), length,
					  page_to_nid(page));
}
