// SPDX-License-Identifier: GPL-2.0
/*
 * Batches over memory that the VMM has in several regions: it takes no range that
 * is not all in one.
 */
#include <linux/mm.h>
#include <linux/sizes.h>

#include "batch_fixture.h"

#define PAGE_AT(page)	(SPACE_START + (u64)(page) * PAGE_SIZE)

/* Enough to find one border in SPACE_PAGES, and to go on behind it. */
#define BORDER_EXITS	40ULL

/* What was reported as done was done, and the other way round. */
static void region_expect(struct kunit *test, unsigned int page,
			  unsigned int nr, unsigned int done)
{
	struct batch_fixture *f = test->priv;
	unsigned int i;

	for (i = page; i < page + nr; i++) {
		u8 want = i < page + done ? PVMEMCONTROL_MPROTECT_R : NOTHING;

		if (f->did[i] == want && f->reported[i] == want)
			continue;
		KUNIT_FAIL(test, "page %u: did %x, reported %x, not %x", i,
			   f->did[i], f->reported[i], want);
		return;
	}
}

/* Two ranges, each in a region of its own, that touch; border at any page. */
static void region_border(struct kunit *test)
{
	struct batch_fixture *f = test->priv;
	unsigned int border;

	for (border = 1; border < SPACE_PAGES; border += border < 40 ? 1 : 97) {
		f->vmm->region_end = PAGE_AT(border);
		batch_begin(f, 0);
		batch_add(test, PVMEMCONTROL_MPROTECT_R, border,
			  SPACE_PAGES - border);
		batch_add(test, PVMEMCONTROL_MPROTECT_R, 0, border);
		KUNIT_EXPECT_EQ(test, 0, pvmemcontrol_batch_finish(&f->batch));
		region_expect(test, 0, SPACE_PAGES, SPACE_PAGES);
		KUNIT_EXPECT_EQ(test, 0ULL, f->batch.errors);
		KUNIT_EXPECT_EQ(test, 1ULL, f->batch.ranges);
		KUNIT_EXPECT_EQ(test, 1ULL, f->reports);
		KUNIT_EXPECT_LE(test, f->batch.exits, BORDER_EXITS);
	}
	/* And none in between: nothing that would take more exits. */
	f->vmm->region_end = PAGE_AT(500);
	batch_begin(f, 0);
	batch_add(test, PVMEMCONTROL_MPROTECT_R, 400, 100);
	batch_add(test, PVMEMCONTROL_MPROTECT_R, 550, 100);
	KUNIT_EXPECT_EQ(test, 0, pvmemcontrol_batch_finish(&f->batch));
	KUNIT_EXPECT_EQ(test, batch_vectors(test) ? 1ULL : 2ULL,
			f->batch.exits);
}

/* One of many; those before and behind it are not sent twice. */
static void region_one_of_many(struct kunit *test)
{
	struct batch_fixture *f = test->priv;
	unsigned int i;

	f->vmm->region_end = PAGE_AT(333);
	batch_begin(f, GFP_KERNEL);
	for (i = 0; i < SPACE_PAGES; i += 16)
		batch_add(test, PVMEMCONTROL_MPROTECT_R, i, 15);
	local_irq_disable();
	KUNIT_EXPECT_EQ(test, 0, pvmemcontrol_batch_finish(&f->batch));
	local_irq_enable();
	for (i = 0; i < SPACE_PAGES; i += 16)
		region_expect(test, i, 16, 15);
	KUNIT_EXPECT_EQ(test, SPACE_PAGES / 16ULL, f->reports);
	KUNIT_EXPECT_EQ(test, 0ULL, f->failures);
	KUNIT_EXPECT_LE(test, f->vmm->requests, SPACE_PAGES / 16U + 12);
	if (batch_vectors(test))
		KUNIT_EXPECT_LE(test, f->batch.exits, 16ULL);
}

/* Longer than an exit deals with, cut into pieces, one of which has a border. */
static void region_long(struct kunit *test)
{
	struct batch_fixture *f = test->priv;

	pvmc_piece_mib = 1;
	f->vmm->region_end = PAGE_AT(700);
	batch_begin(f, 0);
	batch_add(test, PVMEMCONTROL_MPROTECT_R, 3, SPACE_PAGES - 3);
	KUNIT_EXPECT_EQ(test, 0, pvmemcontrol_batch_finish(&f->batch));
	region_expect(test, 3, SPACE_PAGES - 3, SPACE_PAGES - 3);
	KUNIT_EXPECT_LE(test, f->batch.exits, BORDER_EXITS);
}

/* Where RAM ends, so does what was done, and that is said. */
static void region_end(struct kunit *test)
{
	struct batch_fixture *f = test->priv;
	unsigned int end;

	for (end = 0; end < 600; end += 37) {
		f->vmm->ram_end = PAGE_AT(end);
		batch_begin(f, 0);
		batch_add(test, PVMEMCONTROL_MPROTECT_R, 0, 600);
		KUNIT_EXPECT_EQ(test, -EINVAL,
				pvmemcontrol_batch_finish(&f->batch));
		region_expect(test, 0, 600, end);
		KUNIT_EXPECT_EQ(test, 1ULL, f->batch.errors);
		KUNIT_EXPECT_EQ(test, (u64)end << PAGE_SHIFT,
				f->batch.failed_done);
		KUNIT_EXPECT_LE(test, f->batch.exits, BORDER_EXITS);
	}
}

/* Refuses everything but single pages: given up soon. */
static void region_refuses(struct kunit *test)
{
	struct batch_fixture *f = test->priv;
	unsigned int done;

	f->vmm->longest = PAGE_SIZE;
	batch_begin(f, 0);
	batch_add(test, PVMEMCONTROL_MPROTECT_R, 0, SPACE_PAGES);
	KUNIT_EXPECT_EQ(test, -EINVAL, pvmemcontrol_batch_finish(&f->batch));
	done = f->batch.failed_done >> PAGE_SHIFT;
	region_expect(test, 0, SPACE_PAGES, done);
	KUNIT_EXPECT_LE(test, f->batch.exits, 200ULL);

	/* One of them is not cut, whatever is said of it. */
	fake_vmm_fault(f->vmm, FAKE_FAULT_REFUSE, EINVAL, 0, -1);
	batch_begin(f, 0);
	batch_add(test, PVMEMCONTROL_MPROTECT_R, 7, 1);
	KUNIT_EXPECT_EQ(test, -EINVAL, pvmemcontrol_batch_finish(&f->batch));
	KUNIT_EXPECT_EQ(test, 1ULL, f->batch.exits);
}

/* What the host cannot do to a range it cannot to a part: not asked again. */
static void region_host_errno(struct kunit *test)
{
	struct batch_fixture *f = test->priv;

	fake_vmm_fault(f->vmm, FAKE_FAULT_ERRNO, EINVAL, 0, -1);
	batch_begin(f, 0);
	batch_add(test, PVMEMCONTROL_MPROTECT_R, 0, 100);
	KUNIT_EXPECT_EQ(test, -EINVAL, pvmemcontrol_batch_finish(&f->batch));
	KUNIT_EXPECT_EQ(test, 1ULL, f->batch.exits);
}

/* Goes, falls silent or fails at each of the parts. */
static void region_fault(struct kunit *test)
{
	static const enum fake_fault faults[] = {
		FAKE_FAULT_SILENT, FAKE_FAULT_ERRNO, FAKE_FAULT_FORGET,
		FAKE_FAULT_ELSEWHERE, FAKE_FAULT_GONE,
	};
	struct batch_fixture *f = test->priv;
	unsigned int i, skip;

	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		for (skip = 0; skip < 20; skip++) {
			fake_vmm_unplug(test, f->dev);
			batch_plug(test, batch_vectors(test));
			f->vmm->region_end = PAGE_AT(300);
			fake_vmm_fault(f->vmm, faults[i], EAGAIN, skip, 1);
			batch_begin(f, 0);
			batch_add(test, PVMEMCONTROL_MPROTECT_R, 0, 510);
			batch_add(test, PVMEMCONTROL_MPROTECT_R, 600, 5);
			pvmemcontrol_batch_finish(&f->batch);
			KUNIT_EXPECT_EQ(test, 2ULL, f->reports);
			KUNIT_EXPECT_EQ(test, f->failures, f->batch.errors);
			KUNIT_EXPECT_EQ(test, 0,
					memcmp(f->did, f->reported,
					       SPACE_PAGES));
		}
	}
}

static struct kunit_case pvmc_batch_region_cases[] = {
	KUNIT_CASE_PARAM(region_border, batch_mode_params),
	KUNIT_CASE_PARAM(region_one_of_many, batch_mode_params),
	KUNIT_CASE_PARAM(region_long, batch_mode_params),
	KUNIT_CASE_PARAM(region_end, batch_mode_params),
	KUNIT_CASE_PARAM(region_refuses, batch_mode_params),
	KUNIT_CASE_PARAM(region_host_errno, batch_mode_params),
	KUNIT_CASE_PARAM(region_fault, batch_mode_params),
	{}
};

static struct kunit_suite pvmc_batch_region_suite = {
	.name = "pvmc_batch_region",
	.init = batch_init,
	.exit = batch_exit,
	.test_cases = pvmc_batch_region_cases,
};
kunit_test_suite(pvmc_batch_region_suite);
