// SPDX-License-Identifier: GPL-2.0
/*
 * The fault matrix of pvmemcontrol_hugetlb: a page that is said to be zero is,
 * whichever exit goes wrong, and however.
 */
#include <linux/mm.h>
#include <linux/sizes.h>

#include "hugetlb/hugetlb.h"
#include "matrix.h"

#define HUGE_SIZE	SZ_2M
#define HUGE_ORDER	get_order(HUGE_SIZE)

struct huge {
	struct fake_vmm *vmm;
	struct page *page;
};

static int huge_init(struct kunit *test)
{
	struct huge *h = kunit_kzalloc(test, sizeof(*h), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, h);
	test->priv = h;
	h->page = alloc_pages(GFP_KERNEL | __GFP_COMP, HUGE_ORDER);
	KUNIT_ASSERT_NOT_NULL(test, h->page);
	pvmc_hugetlb_verify = 0;
	pvmc_hugetlb_distrusted = false;
	return 0;
}

static void huge_exit(struct kunit *test)
{
	struct huge *h = test->priv;

	matrix_clear_away(test);
	if (pvmc_hugetlb_client.node)
		pvmemcontrol_unregister_client(&pvmc_hugetlb_client);
	if (h && h->page)
		__free_pages(h->page, HUGE_ORDER);
}

static struct fake_vmm *huge_new_vmm(struct kunit *test, bool vectors)
{
	struct huge *h = test->priv;

	h->vmm = matrix_new_vmm(test, vectors);
	return h->vmm;
}

static bool huge_zero(struct kunit *test)
{
	struct huge *h = test->priv;
	bool zero;

	memset(page_address(h->page), 0xa5, HUGE_SIZE);
	zero = pvmc_hugetlb_zero(h->page, HUGE_SIZE);
	if (zero && !matrix_lied(test))
		KUNIT_EXPECT_NULL(test, memchr_inv(page_address(h->page), 0,
						   HUGE_SIZE));
	return zero;
}

/* The device goes and comes, then the client goes, and the device. */
static void huge_part(struct kunit *test)
{
	matrix_unplug(test);
	KUNIT_EXPECT_FALSE(test, huge_zero(test));
	matrix_plug(test);
	huge_zero(test);
	huge_zero(test);
	pvmemcontrol_unregister_client(&pvmc_hugetlb_client);
	KUNIT_EXPECT_FALSE(test, huge_zero(test));
	matrix_unplug(test);
	matrix_come_again(test);
	matrix_client_add(test, &pvmc_hugetlb_client);
}

static void huge_stay(struct kunit *test)
{
	matrix_suspend();
	KUNIT_EXPECT_FALSE(test, huge_zero(test));
	matrix_resume(test);
	huge_zero(test);
	huge_zero(test);
	matrix_mend(test);
}

static void huge_run(struct kunit *test)
{
	matrix_plug(test);
	matrix_client_add(test, &pvmc_hugetlb_client);
	huge_zero(test);
	huge_zero(test);
	if (matrix_parts(test))
		huge_part(test);
	else
		huge_stay(test);
	huge_zero(test);
	/* What is said of memory is proven anew. */
	matrix_suspend();
	matrix_resume(test);
	KUNIT_EXPECT_TRUE(test, huge_zero(test));
	matrix_unplug(test);
	KUNIT_EXPECT_FALSE(test, huge_zero(test));
	pvmemcontrol_unregister_client(&pvmc_hugetlb_client);
}

static void matrix_hugetlb(struct kunit *test)
{
	static const struct matrix_flow flow = {
		.new_vmm = huge_new_vmm,
		.run = huge_run,
		.stride = 2,
	};

	matrix_run(test, &flow);
}

static struct kunit_case pvmc_matrix_hugetlb_cases[] = {
	KUNIT_CASE_PARAM(matrix_hugetlb, matrix_params_single),
	{}
};

static struct kunit_suite pvmc_matrix_hugetlb_suite = {
	.name = "pvmc_matrix_hugetlb",
	.init = huge_init,
	.exit = huge_exit,
	.test_cases = pvmc_matrix_hugetlb_cases,
};

kunit_test_suite(pvmc_matrix_hugetlb_suite);
