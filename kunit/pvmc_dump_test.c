// SPDX-License-Identifier: GPL-2.0
/*
 * Old memory, opened before it is read: what the VMM is asked for, and when a page
 * may be read that it does not open.
 */
#include <linux/sizes.h>

#include "fake_vmm.h"

struct dump_fixture {
	struct fake_vmm *vmm;
	struct pvmc_device *dev;
	u64 base;
};

/* What was opened last is remembered, so each test has memory of its own. */
static u64 dump_next = SZ_4G;

static int dump_init(struct kunit *test)
{
	struct dump_fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	test->priv = f;
	f->base = dump_next;
	dump_next += SZ_4G;
	f->vmm = fake_vmm_new(test);
	f->vmm->zeroes = false;
	f->dev = fake_vmm_plug(test, f->vmm);
	fake_client_add(test, &pvmc_dump_client);
	return 0;
}

/* The VMM is told this, and nothing else since the last time. */
static void dump_expect(struct kunit *test, unsigned int nr, u64 start,
			u64 length)
{
	struct dump_fixture *f = test->priv;
	const struct pvmemcontrol_vmm_call *last = &f->vmm->log[nr - 1];

	KUNIT_ASSERT_EQ(test, nr, f->vmm->requests);
	if (nr) {
		KUNIT_EXPECT_EQ(test, (u64)PVMEMCONTROL_MPROTECT_RW,
				(u64)last->func_code);
		KUNIT_EXPECT_EQ(test, start, (u64)last->addr);
		KUNIT_EXPECT_EQ(test, length, (u64)last->length);
	}
	f->vmm->requests = 0;
}

static void dump_parts(struct kunit *test)
{
	struct dump_fixture *f = test->priv;

	KUNIT_EXPECT_TRUE(test, pvmc_dump_open(f->base + SZ_1M));
	dump_expect(test, 1, f->base, SZ_2M);
	KUNIT_EXPECT_TRUE(test, pvmc_dump_open(f->base + SZ_1M + SZ_4K));
	dump_expect(test, 0, 0, 0);
	KUNIT_EXPECT_TRUE(test, pvmc_dump_open(f->base + SZ_2M));
	dump_expect(test, 1, f->base + SZ_2M, SZ_2M);
}

/* Half of a part is no RAM: the pages of the other are opened. */
static void dump_end_of_ram(struct kunit *test)
{
	struct dump_fixture *f = test->priv;

	f->vmm->ram_end = f->base + SZ_1M;
	KUNIT_EXPECT_TRUE(test, pvmc_dump_open(f->base));
	dump_expect(test, 2, f->base, SZ_4K);
	KUNIT_EXPECT_TRUE(test, pvmc_dump_open(f->base + SZ_4K));
	dump_expect(test, 2, f->base + SZ_4K, SZ_4K);
	/* What is no RAM cannot have been closed. */
	KUNIT_EXPECT_TRUE(test, pvmc_dump_open(f->base + SZ_1M));
	dump_expect(test, 2, f->base + SZ_1M, SZ_4K);
}

/* The host's pages are larger than this kernel's, or even than a part. */
static void dump_large_pages(struct kunit *test)
{
	struct dump_fixture *f = test->priv;

	f->vmm->page_size = SZ_64K;
	pvmc_device_suspend(f->dev);
	KUNIT_ASSERT_EQ(test, 0, pvmc_device_resume(f->dev));
	f->vmm->ram_end = f->base + SZ_1M;
	KUNIT_EXPECT_TRUE(test, pvmc_dump_open(f->base + SZ_64K + SZ_4K));
	dump_expect(test, 2, f->base + SZ_64K, SZ_64K);

	f->vmm->page_size = SZ_1G;
	f->vmm->ram_end = 0;
	pvmc_device_suspend(f->dev);
	KUNIT_ASSERT_EQ(test, 0, pvmc_device_resume(f->dev));
	KUNIT_EXPECT_TRUE(test, pvmc_dump_open(f->base + SZ_1G + SZ_16M));
	dump_expect(test, 1, f->base + SZ_1G, SZ_1G);
	KUNIT_EXPECT_TRUE(test, pvmc_dump_open(f->base + SZ_1G + SZ_16M));
	dump_expect(test, 0, 0, 0);
}

/* Only of what is no RAM, or cannot be closed, it does not matter. */
static void dump_not_opened(struct kunit *test)
{
	static const struct {
		enum fake_fault fault;
		u32 err;
		bool open;
	} cases[] = {
		{ FAKE_FAULT_REFUSE, EINVAL, true },
		{ FAKE_FAULT_REFUSE, EOPNOTSUPP, true },
		{ FAKE_FAULT_REFUSE, EPERM, false },
		{ FAKE_FAULT_ERRNO, EINVAL, false },
		{ FAKE_FAULT_ERRNO, ENOMEM, false },
	};
	struct dump_fixture *f = test->priv;
	int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		fake_vmm_fault(f->vmm, cases[i].fault, cases[i].err, 0, -1);
		KUNIT_EXPECT_EQ_MSG(test, cases[i].open,
				    pvmc_dump_open(f->base), "%s %u",
				    fake_fault_names[cases[i].fault],
				    cases[i].err);
	}
}

/* Silent for once it is waited for; for good, that has an end. */
static void dump_silent(struct kunit *test)
{
	struct dump_fixture *f = test->priv;
	unsigned long begin;

	fake_vmm_fault(f->vmm, FAKE_FAULT_SILENT, 0, 0, 1);
	KUNIT_EXPECT_TRUE(test, pvmc_dump_open(f->base));
	KUNIT_EXPECT_TRUE(test, fake_wait_recovered(f->dev, 1));

	fake_vmm_fault(f->vmm, FAKE_FAULT_SILENT, 0, 0, -1);
	KUNIT_EXPECT_FALSE(test, pvmc_dump_open(f->base + SZ_2M));
	/* Not again for each page. */
	begin = jiffies;
	KUNIT_EXPECT_FALSE(test, pvmc_dump_open(f->base + SZ_2M));
	KUNIT_EXPECT_LT(test, jiffies - begin, (unsigned long)HZ / 2);

	/* Without a device nothing was ever closed. */
	fake_vmm_unplug(test, f->dev);
	KUNIT_EXPECT_TRUE(test, pvmc_dump_open(f->base + SZ_2M));
}

static struct kunit_case pvmc_dump_cases[] = {
	KUNIT_CASE(dump_parts),
	KUNIT_CASE(dump_end_of_ram),
	KUNIT_CASE(dump_large_pages),
	KUNIT_CASE(dump_not_opened),
	KUNIT_CASE(dump_silent),
	{}
};

static struct kunit_suite pvmc_dump_suite = {
	.name = "pvmc_dump",
	.init = dump_init,
	.test_cases = pvmc_dump_cases,
};
kunit_test_suite(pvmc_dump_suite);
