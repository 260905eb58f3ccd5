// SPDX-License-Identifier: GPL-2.0
/*
 * What pvmemcontrol_hugetlb decides: whatever the VMM does, a page that is
 * said to be zero is.
 */
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/sizes.h>

#include "compat.h"
#include "fake_vmm.h"
#include "hugetlb/hugetlb.h"

#define HUGE_SIZE	SZ_2M
#define HUGE_ORDER	get_order(HUGE_SIZE)

struct hugetlb_fixture {
	struct fake_vmm *vmm;
	struct pvmc_device *dev;
	struct page *page;
};

static int hugetlb_init(struct kunit *test)
{
	struct hugetlb_fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	test->priv = f;
	f->page = alloc_pages(GFP_KERNEL | __GFP_COMP, HUGE_ORDER);
	KUNIT_ASSERT_NOT_NULL(test, f->page);
	f->vmm = fake_vmm_new(test);
	pvmc_hugetlb_verify = 0;
	pvmc_hugetlb_distrusted = false;
	return 0;
}

static void hugetlb_exit(struct kunit *test)
{
	struct hugetlb_fixture *f = test->priv;

	if (f && f->page)
		__free_pages(f->page, HUGE_ORDER);
}

/* The page as its last owner left it goes in; 1: came out as zero. */
static int hugetlb_zero(struct kunit *test)
{
	struct hugetlb_fixture *f = test->priv;
	bool zero;

	memset(page_address(f->page), 0xa5, HUGE_SIZE);
	zero = pvmc_hugetlb_zero(f->page, HUGE_SIZE);
	if (zero)
		KUNIT_EXPECT_NULL(test, memchr_inv(page_address(f->page), 0,
						   HUGE_SIZE));
	return zero;
}

/* Then it is known what zeroes the page. */
static void hugetlb_plug(struct kunit *test)
{
	struct hugetlb_fixture *f = test->priv;

	f->dev = fake_vmm_plug(test, f->vmm);
	fake_client_add(test, &pvmc_hugetlb_client);
	hugetlb_zero(test);
}

static void hugetlb_private(struct kunit *test)
{
	struct hugetlb_fixture *f = test->priv;
	unsigned int requests;

	hugetlb_plug(test);
	requests = f->vmm->requests;
	KUNIT_EXPECT_EQ(test, 1, hugetlb_zero(test));
	KUNIT_EXPECT_EQ(test, requests + 1, f->vmm->requests);
	KUNIT_EXPECT_EQ(test, (u64)PVMEMCONTROL_DONTNEED,
			f->vmm->log[requests].func_code);
}

static void hugetlb_shared(struct kunit *test)
{
	struct hugetlb_fixture *f = test->priv;
	unsigned int requests;

	f->vmm->shared = true;
	hugetlb_plug(test);
	requests = f->vmm->requests;
	KUNIT_EXPECT_EQ(test, 1, hugetlb_zero(test));
	KUNIT_EXPECT_EQ(test, (u64)PVMEMCONTROL_REMOVE,
			f->vmm->log[requests].func_code);
}

/* Huge pages in the host: success, and nothing happens. */
static void hugetlb_nothing_zeroes(struct kunit *test)
{
	struct hugetlb_fixture *f = test->priv;
	unsigned int requests;

	f->vmm->shared = true;
	f->vmm->zeroes = false;
	hugetlb_plug(test);
	requests = f->vmm->requests;
	KUNIT_EXPECT_GE(test, requests, 2U);
	KUNIT_EXPECT_EQ(test, 0, hugetlb_zero(test));
	KUNIT_EXPECT_EQ(test, requests, f->vmm->requests);
}

static void hugetlb_no_device(struct kunit *test)
{
	struct hugetlb_fixture *f = test->priv;

	fake_client_add(test, &pvmc_hugetlb_client);
	KUNIT_EXPECT_EQ(test, 0, hugetlb_zero(test));
	f->dev = fake_vmm_plug(test, f->vmm);
	KUNIT_EXPECT_EQ(test, 1, hugetlb_zero(test));
	fake_vmm_unplug(test, f->dev);
	KUNIT_EXPECT_EQ(test, 0, hugetlb_zero(test));
}

struct hugetlb_fault_case {
	enum fake_fault fault;
	u32 err;
};

static const struct hugetlb_fault_case hugetlb_fault_cases[] = {
	{ FAKE_FAULT_SILENT, 0 },
	{ FAKE_FAULT_ERRNO, EINVAL },
	{ FAKE_FAULT_ERRNO, EAGAIN },
	{ FAKE_FAULT_ERRNO, 9999 },
	{ FAKE_FAULT_REFUSE, EOPNOTSUPP },
	{ FAKE_FAULT_REFUSE, EINVAL },
	{ FAKE_FAULT_ELSEWHERE, 0 },
	{ FAKE_FAULT_FORGET, 0 },
	{ FAKE_FAULT_GARBAGE, 0 },
	{ FAKE_FAULT_GONE, 0 },
};

static void hugetlb_fault_name(const struct hugetlb_fault_case *c, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s %u",
		 fake_fault_names[c->fault], c->err);
}
KUNIT_ARRAY_PARAM(hugetlb_fault, hugetlb_fault_cases, hugetlb_fault_name);

/* In use: the kernel clears that page, and later ones are dropped again. */
static void hugetlb_fault(struct kunit *test)
{
	const struct hugetlb_fault_case *c = test->param_value;
	struct hugetlb_fixture *f = test->priv;

	hugetlb_plug(test);
	fake_vmm_fault(f->vmm, c->fault, c->err, 0, 1);
	KUNIT_EXPECT_EQ(test, 0, hugetlb_zero(test));
	if (c->fault == FAKE_FAULT_GONE)
		return;
	if (c->fault == FAKE_FAULT_SILENT || c->fault == FAKE_FAULT_FORGET ||
	    c->fault == FAKE_FAULT_ELSEWHERE)
		KUNIT_EXPECT_TRUE(test, fake_wait_recovered(f->dev, 1));
	KUNIT_EXPECT_EQ(test, 1, hugetlb_zero(test));
}

/* During the proof: never a page that is not zero, until proven otherwise. */
static void hugetlb_fault_in_proof(struct kunit *test)
{
	const struct hugetlb_fault_case *c = test->param_value;
	struct hugetlb_fixture *f = test->priv;
	bool against = c->err == EINVAL || c->err == EOPNOTSUPP;

	f->dev = fake_vmm_plug(test, f->vmm);
	fake_vmm_fault(f->vmm, c->fault, c->err, 0, 1);
	fake_client_add(test, &pvmc_hugetlb_client);
	/* It is the proof of this much. */
	if (f->vmm->log[0].addr / SZ_16M != page_to_phys(f->page) / SZ_16M)
		against = false;
	hugetlb_zero(test);
	if (c->fault == FAKE_FAULT_GONE) {
		KUNIT_EXPECT_EQ(test, 0, hugetlb_zero(test));
		return;
	}
	if (c->fault == FAKE_FAULT_SILENT || c->fault == FAKE_FAULT_FORGET ||
	    c->fault == FAKE_FAULT_ELSEWHERE)
		KUNIT_EXPECT_TRUE(test, fake_wait_recovered(f->dev, 1));
	/* One bad answer does not make memory bad, unless it says just that. */
	KUNIT_EXPECT_EQ(test, !against, hugetlb_zero(test));
}

/* Failures without end: after some tries it is left at that. */
static void hugetlb_proof_gives_up(struct kunit *test)
{
	struct hugetlb_fixture *f = test->priv;
	unsigned int requests;
	int i;

	f->dev = fake_vmm_plug(test, f->vmm);
	fake_vmm_fault(f->vmm, FAKE_FAULT_ERRNO, EAGAIN, 0, -1);
	fake_client_add(test, &pvmc_hugetlb_client);
	for (i = 0; i < 5; i++)
		KUNIT_EXPECT_EQ(test, 0, hugetlb_zero(test));
	requests = f->vmm->requests;
	KUNIT_EXPECT_EQ(test, 0, hugetlb_zero(test));
	KUNIT_EXPECT_EQ(test, requests, f->vmm->requests);
}

/* Memory of two kinds in one node: what is true of one is not of the other. */
static void hugetlb_mixed(struct kunit *test)
{
	struct hugetlb_fixture *f = test->priv;

	f->dev = fake_vmm_plug(test, f->vmm);
	/* Kinds begin where sections do. */
	f->vmm->shared_start = round_down(page_to_phys(f->page), SZ_128M);
	fake_client_add(test, &pvmc_hugetlb_client);
	/* The first page may be what it is found out with. */
	hugetlb_zero(test);
	KUNIT_EXPECT_EQ(test, 1, hugetlb_zero(test));
	KUNIT_EXPECT_EQ(test, (u64)PVMEMCONTROL_REMOVE,
			f->vmm->log[f->vmm->requests - 1].func_code);
}

static struct page *hugetlb_page_now;
static int hugetlb_stale, hugetlb_said_zero;

/* Somebody takes a page as soon as calls reach the VMM again. */
static void hugetlb_eager_restore(struct pvmemcontrol_client *client)
{
	memset(page_address(hugetlb_page_now), 0xa5, HUGE_SIZE);
	hugetlb_said_zero = pvmc_hugetlb_zero(hugetlb_page_now, HUGE_SIZE);
	hugetlb_stale = memchr_inv(page_address(hugetlb_page_now), 0,
				   HUGE_SIZE) != NULL;
}

static const struct pvmemcontrol_client_ops hugetlb_eager_ops = {
	.restore = hugetlb_eager_restore,
};

/* The VMM is another, and the proof of before is not good for it. */
static void hugetlb_restore_order(struct kunit *test)
{
	static struct pvmemcontrol_client eager = {
		.name = "eager",
		.ops = &hugetlb_eager_ops,
	};
	struct hugetlb_fixture *f = test->priv;

	hugetlb_page_now = f->page;
	f->dev = fake_vmm_plug(test, f->vmm);
	fake_client_add(test, &eager);
	fake_client_add(test, &pvmc_hugetlb_client);
	pvmc_device_suspend(f->dev);
	f->vmm->shared = true;
	KUNIT_EXPECT_EQ(test, 0, pvmc_device_resume(f->dev));
	KUNIT_EXPECT_FALSE(test, hugetlb_said_zero && hugetlb_stale);
}

/* While a page is being dropped, the VMM becomes another. */
static void hugetlb_swap(struct fake_vmm *vmm,
			 const struct pvmemcontrol_vmm_call *call)
{
	vmm->on_kick = NULL;
	pvmc_proof_forget(&pvmc_hugetlb_client);
	vmm->shared = true;
}

static void hugetlb_swapped_in_drop(struct kunit *test)
{
	struct hugetlb_fixture *f = test->priv;

	hugetlb_plug(test);
	KUNIT_EXPECT_EQ(test, 1, hugetlb_zero(test));
	f->vmm->on_kick = hugetlb_swap;
	KUNIT_EXPECT_EQ(test, 0, hugetlb_zero(test));
	pvmc_proof_restore(&pvmc_hugetlb_client);
	KUNIT_EXPECT_EQ(test, 1, hugetlb_zero(test));
}

/* Success is claimed from the first request on, nothing is done. */
static void hugetlb_lie_in_proof(struct kunit *test)
{
	struct hugetlb_fixture *f = test->priv;

	f->dev = fake_vmm_plug(test, f->vmm);
	fake_vmm_fault(f->vmm, FAKE_FAULT_LIE, 0, 0, -1);
	fake_client_add(test, &pvmc_hugetlb_client);
	KUNIT_EXPECT_EQ(test, 0, hugetlb_zero(test));
}

/* Proven, and then the VMM lies: caught when it is that page's turn. */
static void hugetlb_lie_verified(struct kunit *test)
{
	struct hugetlb_fixture *f = test->priv;
	u64 mismatched = fake_client_sum(&pvmc_hugetlb_counters.mismatched);

	pvmc_hugetlb_verify = 1;
	hugetlb_plug(test);
	KUNIT_EXPECT_EQ(test, 1, hugetlb_zero(test));
	fake_vmm_fault(f->vmm, FAKE_FAULT_LIE, 0, 0, 1);
	KUNIT_EXPECT_EQ(test, 0, hugetlb_zero(test));
	KUNIT_EXPECT_TRUE(test, pvmc_hugetlb_distrusted);
	KUNIT_EXPECT_EQ(test, mismatched + 1,
			fake_client_sum(&pvmc_hugetlb_counters.mismatched));

	/* For good, though it has stopped. */
	KUNIT_EXPECT_EQ(test, 0, hugetlb_zero(test));
}

static void hugetlb_verify_every(struct kunit *test)
{
	u64 before = fake_client_sum(&pvmc_hugetlb_counters.verified);
	int i;

	hugetlb_plug(test);
	pvmc_hugetlb_verify = 4;
	for (i = 0; i < 16; i++)
		KUNIT_EXPECT_EQ(test, 1, hugetlb_zero(test));
	KUNIT_EXPECT_EQ(test, before + 4,
			fake_client_sum(&pvmc_hugetlb_counters.verified));
}

/* Another host, backed otherwise: proven again before it is relied on. */
static void hugetlb_restore(struct kunit *test)
{
	struct hugetlb_fixture *f = test->priv;

	hugetlb_plug(test);
	KUNIT_EXPECT_EQ(test, 1, hugetlb_zero(test));
	pvmc_device_suspend(f->dev);
	KUNIT_EXPECT_EQ(test, 0, hugetlb_zero(test));
	f->vmm->shared = true;
	KUNIT_EXPECT_EQ(test, 0, pvmc_device_resume(f->dev));
	KUNIT_EXPECT_EQ(test, 1, hugetlb_zero(test));
	KUNIT_EXPECT_EQ(test, (u64)PVMEMCONTROL_REMOVE,
			f->vmm->log[f->vmm->requests - 1].func_code);
}

/* Used, and back into the pool. */
static void hugetlb_return(struct kunit *test)
{
	struct hugetlb_fixture *f = test->priv;

	memset(page_address(f->page), 0xa5, HUGE_SIZE);
	pvmc_hugetlb_return(f->page, HUGE_SIZE);
}

/* Handed out as it is: 1: as zero, which it is. */
static int hugetlb_hand_out(struct kunit *test)
{
	struct hugetlb_fixture *f = test->priv;
	bool zero = pvmc_hugetlb_zero(f->page, HUGE_SIZE);

	if (zero)
		KUNIT_EXPECT_NULL(test, memchr_inv(page_address(f->page), 0,
						   HUGE_SIZE));
	return zero;
}

/* Dropped once, on its way back; nothing is asked when it is handed out. */
static void hugetlb_known(struct kunit *test)
{
	struct hugetlb_fixture *f = test->priv;
	unsigned int requests;

	hugetlb_plug(test);
	hugetlb_return(test);
	requests = f->vmm->requests;
	KUNIT_EXPECT_EQ(test, 1, hugetlb_hand_out(test));
	KUNIT_EXPECT_EQ(test, requests, f->vmm->requests);
	/* Known once, and not for its next user. */
	KUNIT_EXPECT_EQ(test, 1, hugetlb_zero(test));
	KUNIT_EXPECT_EQ(test, requests + 1, f->vmm->requests);
}

/* What a page knew before it was made a compound page is lost. */
static void hugetlb_known_remade(struct kunit *test)
{
	struct hugetlb_fixture *f = test->priv;
	unsigned int requests, i;
	unsigned long pfn;

	hugetlb_plug(test);
	hugetlb_return(test);
	pfn = page_to_pfn(f->page);
	__free_pages(f->page, HUGE_ORDER);
	/* Nor is anything of it left in what others get. */
	f->page = alloc_pages(GFP_KERNEL, HUGE_ORDER);
	KUNIT_ASSERT_NOT_NULL(test, f->page);
	KUNIT_ASSERT_EQ(test, pfn, page_to_pfn(f->page));
	for (i = 0; i < 1 << HUGE_ORDER; i++) {
		KUNIT_EXPECT_EQ(test, 0UL, page_private(f->page + i));
		KUNIT_EXPECT_FALSE(test, *pvmc_page_flags(f->page + i) &
				   PAGE_FLAGS_CHECK_AT_PREP);
	}
	__free_pages(f->page, HUGE_ORDER);
	f->page = alloc_pages(GFP_KERNEL | __GFP_COMP, HUGE_ORDER);
	KUNIT_ASSERT_NOT_NULL(test, f->page);
	KUNIT_ASSERT_EQ(test, pfn, page_to_pfn(f->page));
	requests = f->vmm->requests;
	KUNIT_EXPECT_EQ(test, 1, hugetlb_zero(test));
	KUNIT_EXPECT_EQ(test, requests + 1, f->vmm->requests);
}

/* The VMM fails while a page goes back: it is not known, but used again. */
static void hugetlb_return_fault(struct kunit *test)
{
	const struct hugetlb_fault_case *c = test->param_value;
	struct hugetlb_fixture *f = test->priv;
	unsigned int requests;

	hugetlb_plug(test);
	/* An earlier mark must not survive either. */
	hugetlb_return(test);
	fake_vmm_fault(f->vmm, c->fault, c->err, 0, 1);
	hugetlb_return(test);
	if (c->fault == FAKE_FAULT_SILENT || c->fault == FAKE_FAULT_FORGET ||
	    c->fault == FAKE_FAULT_ELSEWHERE)
		KUNIT_EXPECT_TRUE(test, fake_wait_recovered(f->dev, 1));
	requests = f->vmm->requests;
	if (c->fault == FAKE_FAULT_GONE) {
		KUNIT_EXPECT_EQ(test, 0, hugetlb_hand_out(test));
		return;
	}
	KUNIT_EXPECT_EQ(test, 1, hugetlb_hand_out(test));
	KUNIT_EXPECT_EQ(test, requests + 1, f->vmm->requests);
}

/* Marks of before the VMM may have changed are worth nothing. */
static void hugetlb_known_restore(struct kunit *test)
{
	struct hugetlb_fixture *f = test->priv;
	unsigned int requests;

	hugetlb_plug(test);
	hugetlb_return(test);
	pvmc_device_suspend(f->dev);
	KUNIT_EXPECT_EQ(test, 0, pvmc_device_resume(f->dev));
	requests = f->vmm->requests;
	KUNIT_EXPECT_EQ(test, 1, hugetlb_hand_out(test));
	KUNIT_EXPECT_EQ(test, requests + 1, f->vmm->requests);

	hugetlb_return(test);
	fake_vmm_unplug(test, f->dev);
	KUNIT_EXPECT_EQ(test, 0, hugetlb_hand_out(test));
}

/* The VMM lies about a page that goes back. */
static void hugetlb_return_lie(struct kunit *test)
{
	struct hugetlb_fixture *f = test->priv;

	pvmc_hugetlb_verify = 1;
	hugetlb_plug(test);
	fake_vmm_fault(f->vmm, FAKE_FAULT_LIE, 0, 0, 1);
	hugetlb_return(test);
	KUNIT_EXPECT_TRUE(test, pvmc_hugetlb_distrusted);
	KUNIT_EXPECT_EQ(test, 0, hugetlb_hand_out(test));
}

/* Something wrote to a page of the pool: seen when it is its turn. */
static void hugetlb_known_scribbled(struct kunit *test)
{
	struct hugetlb_fixture *f = test->priv;

	pvmc_hugetlb_verify = 1;
	hugetlb_plug(test);
	hugetlb_return(test);
	memset(page_address(f->page), 0xff, HUGE_SIZE);
	KUNIT_EXPECT_EQ(test, 0, hugetlb_hand_out(test));
	KUNIT_EXPECT_TRUE(test, pvmc_hugetlb_distrusted);
}

/* Where nobody else can run, short work is done and long work is left. */
static void hugetlb_return_atomic(struct kunit *test)
{
	struct hugetlb_fixture *f = test->priv;
	unsigned int requests;
	unsigned long flags;
	u64 before = fake_client_sum(&pvmc_hugetlb_counters.return_atomic);

	hugetlb_plug(test);
	requests = f->vmm->requests;
	local_irq_save(flags);
	hugetlb_return(test);
	local_irq_restore(flags);
	KUNIT_EXPECT_EQ(test, requests + 1, f->vmm->requests);

	local_irq_save(flags);
	pvmc_hugetlb_return(f->page, 2 * HUGE_SIZE);
	local_irq_restore(flags);
	KUNIT_EXPECT_EQ(test, requests + 1, f->vmm->requests);
	KUNIT_EXPECT_EQ(test, before + 1,
			fake_client_sum(&pvmc_hugetlb_counters.return_atomic));
	KUNIT_EXPECT_EQ(test, 1, hugetlb_zero(test));
	KUNIT_EXPECT_EQ(test, requests + 2, f->vmm->requests);

	/* Nor while it is waited for who reads. */
	rcu_read_lock();
	pvmc_hugetlb_return(f->page, 2 * HUGE_SIZE);
	rcu_read_unlock();
	KUNIT_EXPECT_EQ(test, before + 2,
			fake_client_sum(&pvmc_hugetlb_counters.return_atomic));
}

/* Where others can run, long work is done too. */
static void hugetlb_return_long(struct kunit *test)
{
	struct hugetlb_fixture *f = test->priv;
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_COMP,
					HUGE_ORDER + 1);
	unsigned int requests;

	KUNIT_ASSERT_NOT_NULL(test, page);
	hugetlb_plug(test);
	/* Of its section nothing may be known yet. */
	pvmc_hugetlb_zero(page, 2 * HUGE_SIZE);
	requests = f->vmm->requests;
	memset(page_address(page), 0xa5, 2 * HUGE_SIZE);
	pvmc_hugetlb_return(page, 2 * HUGE_SIZE);
	KUNIT_EXPECT_EQ(test, requests + 1, f->vmm->requests);
	KUNIT_EXPECT_NULL(test, memchr_inv(page_address(page), 0,
					   2 * HUGE_SIZE));
	__free_pages(page, HUGE_ORDER + 1);
}

#ifdef CONFIG_FAULT_INJECTION
/* No memory for the proof: the first page to be cleared serves. */
static void hugetlb_no_memory(struct kunit *test)
{
	struct hugetlb_fixture *f = test->priv;

	hugetlb_plug(test);
	f->vmm->requests = 0;
	pvmc_proof_forget(&pvmc_hugetlb_client);
	fail_nth_begin(test, 1);
	pvmc_proof_restore(&pvmc_hugetlb_client);
	KUNIT_EXPECT_TRUE(test, fail_nth_end());
	KUNIT_EXPECT_EQ(test, 0U, f->vmm->requests);

	/* It costs no request more than if it were known. */
	KUNIT_EXPECT_EQ(test, 1, hugetlb_zero(test));
	KUNIT_EXPECT_EQ(test, 1U, f->vmm->requests);
	KUNIT_EXPECT_EQ(test, 1, hugetlb_zero(test));
	KUNIT_EXPECT_EQ(test, 2U, f->vmm->requests);
}

/* The same, and the VMM lies: the guess is not believed. */
static void hugetlb_no_memory_lie(struct kunit *test)
{
	struct hugetlb_fixture *f = test->priv;

	hugetlb_plug(test);
	pvmc_proof_forget(&pvmc_hugetlb_client);
	fail_nth_begin(test, 1);
	pvmc_proof_restore(&pvmc_hugetlb_client);
	KUNIT_EXPECT_TRUE(test, fail_nth_end());

	fake_vmm_fault(f->vmm, FAKE_FAULT_LIE, 0, 0, -1);
	KUNIT_EXPECT_EQ(test, 0, hugetlb_zero(test));
	KUNIT_EXPECT_EQ(test, 0, hugetlb_zero(test));
	KUNIT_EXPECT_FALSE(test, pvmc_hugetlb_distrusted);
}
#endif

static struct kunit_case pvmc_hugetlb_cases[] = {
	KUNIT_CASE(hugetlb_private),
	KUNIT_CASE(hugetlb_shared),
	KUNIT_CASE(hugetlb_nothing_zeroes),
	KUNIT_CASE(hugetlb_no_device),
	KUNIT_CASE_PARAM(hugetlb_fault, hugetlb_fault_gen_params),
	KUNIT_CASE_PARAM(hugetlb_fault_in_proof, hugetlb_fault_gen_params),
	KUNIT_CASE(hugetlb_lie_in_proof),
	KUNIT_CASE(hugetlb_lie_verified),
	KUNIT_CASE(hugetlb_verify_every),
	KUNIT_CASE(hugetlb_restore),
	KUNIT_CASE(hugetlb_known),
	KUNIT_CASE(hugetlb_known_remade),
	KUNIT_CASE_PARAM(hugetlb_return_fault, hugetlb_fault_gen_params),
	KUNIT_CASE(hugetlb_known_restore),
	KUNIT_CASE(hugetlb_return_lie),
	KUNIT_CASE(hugetlb_known_scribbled),
	KUNIT_CASE(hugetlb_return_atomic),
	KUNIT_CASE(hugetlb_return_long),
	KUNIT_CASE(hugetlb_proof_gives_up),
	KUNIT_CASE(hugetlb_mixed),
	KUNIT_CASE(hugetlb_restore_order),
	KUNIT_CASE(hugetlb_swapped_in_drop),
#ifdef CONFIG_FAULT_INJECTION
	KUNIT_CASE(hugetlb_no_memory),
	KUNIT_CASE(hugetlb_no_memory_lie),
#endif
	{}
};

static struct kunit_suite pvmc_hugetlb_suite = {
	.name = "pvmc_hugetlb",
	.init = hugetlb_init,
	.exit = hugetlb_exit,
	.test_cases = pvmc_hugetlb_cases,
};
kunit_test_suite(pvmc_hugetlb_suite);
