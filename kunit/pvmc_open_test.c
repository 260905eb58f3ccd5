// SPDX-License-Identifier: GPL-2.0
/*
 * Opening all of a range: which parts the VMM is asked for, and what is an error.
 */
#include <linux/sizes.h>

#include "fake_vmm.h"

struct open_fixture {
	struct fake_vmm *vmm;
	struct pvmc_device *dev;
};

static int open_init(struct kunit *test)
{
	struct open_fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	test->priv = f;
	f->vmm = fake_vmm_new(test);
	f->vmm->zeroes = false;
	f->dev = fake_vmm_plug(test, f->vmm);
	return 0;
}

static int open_range(struct open_fixture *f, u64 start, u64 end)
{
	int err;

	mutex_lock(&pvmc_registry_lock);
	err = pvmc_open_range(f->dev, start, end);
	mutex_unlock(&pvmc_registry_lock);
	return err;
}

static void open_expect(struct kunit *test, const u64 (*want)[2],
			unsigned int nr)
{
	struct open_fixture *f = test->priv;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, nr, f->vmm->requests);
	for (i = 0; i < nr; i++) {
		KUNIT_EXPECT_EQ(test, (u64)PVMEMCONTROL_MPROTECT_RW,
				(u64)f->vmm->log[i].func_code);
		KUNIT_EXPECT_EQ(test, want[i][0], (u64)f->vmm->log[i].addr);
		KUNIT_EXPECT_EQ(test, want[i][1], (u64)f->vmm->log[i].length);
	}
}

/* Whole pages, in pieces as other calls. */
static void open_pieces(struct kunit *test)
{
	static const u64 want[][2] = {
		{ SZ_64M, SZ_64M },
		{ SZ_128M, SZ_128M },
		{ SZ_256M, PAGE_SIZE },
	};
	struct open_fixture *f = test->priv;

	KUNIT_EXPECT_EQ(test, 0, open_range(f, SZ_64M + 100, SZ_256M + 1));
	open_expect(test, want, ARRAY_SIZE(want));
}

/* Not all of it in one region: smaller parts, and then larger ones again. */
static void open_refused_once(struct kunit *test)
{
	static const u64 want[][2] = {
		{ SZ_4M, SZ_4M },
		{ SZ_4M, SZ_2M },
		{ SZ_4M + SZ_2M, SZ_2M },
	};
	struct open_fixture *f = test->priv;

	fake_vmm_fault(f->vmm, FAKE_FAULT_REFUSE, EINVAL, 0, 1);
	KUNIT_EXPECT_EQ(test, 0, open_range(f, SZ_4M, SZ_8M));
	open_expect(test, want, ARRAY_SIZE(want));
}

/* No RAM at all: page by page, and that is no error. */
static void open_refused(struct kunit *test)
{
	static const u64 want[][2] = {
		{ SZ_1M, 4 * SZ_4K },
		{ SZ_1M, 2 * SZ_4K },
		{ SZ_1M, SZ_4K },
		{ SZ_1M + SZ_4K, SZ_4K },
		{ SZ_1M + 2 * SZ_4K, 2 * SZ_4K },
		{ SZ_1M + 2 * SZ_4K, SZ_4K },
		{ SZ_1M + 3 * SZ_4K, SZ_4K },
	};
	struct open_fixture *f = test->priv;

	fake_vmm_fault(f->vmm, FAKE_FAULT_REFUSE, EINVAL, 0, -1);
	KUNIT_EXPECT_EQ(test, 0, open_range(f, SZ_1M, SZ_1M + 4 * SZ_4K));
	open_expect(test, want, ARRAY_SIZE(want));
}

/* Not for each page that there is. */
static void open_refused_always(struct kunit *test)
{
	struct open_fixture *f = test->priv;

	fake_vmm_fault(f->vmm, FAKE_FAULT_REFUSE, EINVAL, 0, -1);
	KUNIT_EXPECT_EQ(test, -EIO, open_range(f, 0, SZ_1G));
	/* It is asked for 64 MiB of pages, and for what they are part of. */
	KUNIT_EXPECT_GT(test, f->vmm->requests, SZ_64M / SZ_4K);
	KUNIT_EXPECT_LT(test, f->vmm->requests, 3 * (SZ_64M / SZ_4K));
	f->vmm->requests = 0;
	KUNIT_EXPECT_EQ(test, 0, open_range(f, 0, SZ_64M));
}

/*
 * The first answer that says that it was not done is what comes of it, and the rest
 * is opened all the same where somebody is there to do it.
 */
static void open_fails(struct kunit *test)
{
	static const struct {
		enum fake_fault fault;
		u32 err;
		int count;
		int want;
		unsigned int requests;
	} cases[] = {
		{ FAKE_FAULT_ERRNO, ENOMEM, 1, -ENOMEM, 8 },
		{ FAKE_FAULT_ERRNO, EACCES, 1, -EACCES, 8 },
		/* Which is no error. */
		{ FAKE_FAULT_ERRNO, EAGAIN, 3, 0, 8 + 3 },
		{ FAKE_FAULT_ERRNO, EAGAIN, -1, -EAGAIN, 8 + 8 * 64 },
		/* Who cannot open anything has not closed anything. */
		{ FAKE_FAULT_REFUSE, EOPNOTSUPP, 1, 0, 1 },
		{ FAKE_FAULT_SILENT, 0, 1, -EIO, 1 },
	};
	struct open_fixture *f = test->priv;
	int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		f->vmm->requests = 0;
		fake_vmm_fault(f->vmm, cases[i].fault, cases[i].err, 0,
			       cases[i].count);
		KUNIT_EXPECT_EQ_MSG(test, cases[i].want,
				    open_range(f, SZ_1M, SZ_1G), "%s",
				    fake_fault_names[cases[i].fault]);
		KUNIT_EXPECT_EQ(test, cases[i].requests, f->vmm->requests);
	}
	KUNIT_EXPECT_TRUE(test, fake_wait_recovered(f->dev, 1));
}

static struct kunit_case pvmc_open_cases[] = {
	KUNIT_CASE(open_pieces),
	KUNIT_CASE(open_refused_once),
	KUNIT_CASE(open_refused),
	KUNIT_CASE(open_refused_always),
	KUNIT_CASE(open_fails),
	{}
};

static struct kunit_suite pvmc_open_suite = {
	.name = "pvmc_open",
	.init = open_init,
	.test_cases = pvmc_open_cases,
};
kunit_test_suite(pvmc_open_suite);
