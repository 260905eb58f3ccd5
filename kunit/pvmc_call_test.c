// SPDX-License-Identifier: GPL-2.0
/*
 * Calls: checks before an exit, pieces, errors, counters.
 */
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/sched/clock.h>
#include <linux/sizes.h>

#include "fake_vmm.h"

#define RANGE_ORDER	4
#define RANGE_SIZE	(PAGE_SIZE << RANGE_ORDER)

struct call_fixture {
	struct fake_vmm *vmm;
	struct pvmc_device *dev;
	struct pvmemcontrol_client client;
	struct page *page;
	phys_addr_t start;
};

static int call_init(struct kunit *test)
{
	struct call_fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	test->priv = f;
	f->page = alloc_pages(GFP_KERNEL, RANGE_ORDER);
	KUNIT_ASSERT_NOT_NULL(test, f->page);
	f->start = page_to_phys(f->page);
	memset(page_address(f->page), 0x5a, RANGE_SIZE);
	f->vmm = fake_vmm_new(test);
	f->dev = fake_vmm_plug(test, f->vmm);
	f->client.name = "test";
	fake_client_add(test, &f->client);
	return 0;
}

static void call_exit(struct kunit *test)
{
	struct call_fixture *f = test->priv;

	pvmc_piece_mib = 128;
	if (f && f->page)
		__free_pages(f->page, RANGE_ORDER);
}

/* Every function reaches the VMM with what it was called with. */
static void call_functions(struct kunit *test)
{
	struct call_fixture *f = test->priv;
	u32 func;
	u64 done;

	for (func = 1; func < PVMEMCONTROL_NR_FUNC_1_0; func++) {
		int want = func == PVMEMCONTROL_REMOVE ? -EINVAL : 0;

		f->vmm->requests = 0;
		KUNIT_EXPECT_EQ(test, want,
				pvmemcontrol_call(&f->client, func, f->start,
						  PAGE_SIZE, 77, &done));
		KUNIT_EXPECT_EQ(test, want ? 0ULL : (u64)PAGE_SIZE, done);
		KUNIT_ASSERT_EQ(test, 1U, f->vmm->requests);
		KUNIT_EXPECT_EQ(test, (u64)func, f->vmm->log[0].func_code);
		KUNIT_EXPECT_EQ(test, (u64)f->start, f->vmm->log[0].addr);
		KUNIT_EXPECT_EQ(test, (u64)PAGE_SIZE, f->vmm->log[0].length);
		KUNIT_EXPECT_EQ(test, 77ULL, f->vmm->log[0].arg);
	}
}

static void call_dontneed_zeroes(struct kunit *test)
{
	struct call_fixture *f = test->priv;

	KUNIT_EXPECT_EQ(test, 0, pvmemcontrol_dontneed(&f->client, f->start,
						       RANGE_SIZE));
	KUNIT_EXPECT_NULL(test, memchr_inv(page_address(f->page), 0,
					   RANGE_SIZE));
}

static void call_info(struct kunit *test)
{
	struct call_fixture *f = test->priv;
	struct pvmemcontrol_info info;
	unsigned int infos = f->vmm->infos;

	KUNIT_EXPECT_EQ(test, 0, pvmemcontrol_ping(&f->client));
	KUNIT_EXPECT_EQ(test, infos + 1, f->vmm->infos);

	KUNIT_EXPECT_EQ(test, 0, pvmemcontrol_get_info(&info));
	KUNIT_EXPECT_EQ(test, infos + 1, f->vmm->infos);
	KUNIT_EXPECT_EQ(test, (u64)SZ_4K, info.host_page_size);
	KUNIT_EXPECT_EQ(test, 1U, info.major);
	KUNIT_EXPECT_EQ(test, 0U, info.minor);
}

/* What the core can know, it does not spend an exit on. */
static void call_bad_ranges(struct kunit *test)
{
	struct call_fixture *f = test->priv;
	static const struct {
		u64 offset, length;
	} bad[] = {
		{ 0, 0 },
		{ 1, PAGE_SIZE },
		{ 0, PAGE_SIZE + 1 },
		{ 0, 1 },
		{ SZ_4K / 2, SZ_4K },
		{ 0, U64_MAX },
		{ 0, ~(u64)(SZ_4K - 1) },
	};
	u64 exits = fake_client_sum(&f->client.counters->exits);
	u64 done = 7;
	int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		KUNIT_EXPECT_EQ_MSG(test, -EINVAL,
				    pvmemcontrol_call(&f->client,
						      PVMEMCONTROL_DONTNEED,
						      f->start + bad[i].offset,
						      bad[i].length, 0, &done),
				    "offset %llx length %llx", bad[i].offset,
				    bad[i].length);
		KUNIT_EXPECT_EQ(test, 0ULL, done);
	}
	KUNIT_EXPECT_EQ(test, -EINVAL,
			pvmemcontrol_dontneed(&f->client, -(u64)SZ_4K, SZ_8K));
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			pvmemcontrol_call(&f->client, PVMEMCONTROL_NR_FUNC_1_0,
					  f->start, PAGE_SIZE, 0, &done));

	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			pvmemcontrol_call(&f->client, PVMEMCONTROL_VECTOR,
					  f->start, PAGE_SIZE, 0, &done));

	KUNIT_EXPECT_EQ(test, 0U, f->vmm->requests);
	KUNIT_EXPECT_EQ(test, exits,
			fake_client_sum(&f->client.counters->exits));
	KUNIT_EXPECT_EQ(test, (u64)ARRAY_SIZE(bad) + 3,
			fake_client_sum(&f->client.counters->errors));
}

/* Beyond 1.0, but known: the VMM says whether it knows it too. */
static void call_guard(struct kunit *test)
{
	struct call_fixture *f = test->priv;
	u64 done;

	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			pvmemcontrol_call(&f->client, PVMEMCONTROL_GUARD,
					  f->start, PAGE_SIZE, 0, &done));
	KUNIT_EXPECT_EQ(test, 0ULL, done);
	KUNIT_EXPECT_EQ(test, -EINVAL,
			pvmemcontrol_call(&f->client, PVMEMCONTROL_UNGUARD,
					  f->start + 1, PAGE_SIZE, 0, &done));
	KUNIT_EXPECT_EQ(test, 1U, f->vmm->requests);
}

/* A host with larger pages than ours has larger ranges. */
static void call_host_page_size(struct kunit *test)
{
	struct call_fixture *f = test->priv;
	struct fake_vmm *vmm = fake_vmm_new(test);
	u64 aligned = ALIGN(f->start, SZ_64K);

	fake_vmm_unplug(test, f->dev);
	vmm->page_size = SZ_64K;
	vmm->zeroes = false;
	fake_vmm_plug(test, vmm);

	KUNIT_EXPECT_EQ(test, -EINVAL,
			pvmemcontrol_dontneed(&f->client, aligned, SZ_4K));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			pvmemcontrol_dontneed(&f->client, aligned + SZ_4K,
					      SZ_64K));
	KUNIT_EXPECT_EQ(test, 0U, vmm->requests);
	KUNIT_EXPECT_EQ(test, 0,
			pvmemcontrol_dontneed(&f->client, aligned, SZ_64K));
	KUNIT_EXPECT_EQ(test, 1U, vmm->requests);
}

/* Pieces cover the range without gap or overlap, and end at multiples. */
static void call_pieces(struct kunit *test)
{
	struct call_fixture *f = test->priv;
	const u64 start = SZ_1G - 3 * SZ_4K, length = SZ_8M + 5 * SZ_4K;
	u64 next = start, done;
	unsigned int i;

	f->vmm->zeroes = false;
	pvmc_piece_mib = 1;
	KUNIT_EXPECT_EQ(test, 0,
			pvmemcontrol_call(&f->client, PVMEMCONTROL_PAGEOUT,
					  start, length, 5, &done));
	KUNIT_EXPECT_EQ(test, length, done);
	/* A bit, eight whole ones, and a bit. */
	KUNIT_ASSERT_EQ(test, 10U, f->vmm->requests);
	for (i = 0; i < f->vmm->requests; i++) {
		const struct pvmemcontrol_vmm_call *piece = &f->vmm->log[i];

		KUNIT_EXPECT_EQ(test, next, piece->addr);
		KUNIT_EXPECT_EQ(test, 5ULL, piece->arg);
		KUNIT_EXPECT_LE(test, piece->length, (u64)SZ_1M);
		next += piece->length;
		if (i < f->vmm->requests - 1)
			KUNIT_EXPECT_EQ(test, 0ULL, next & (SZ_1M - 1));
	}
	KUNIT_EXPECT_EQ(test, start + length, next);

	KUNIT_EXPECT_EQ(test, 10ULL,
			fake_client_sum(&f->client.counters->exits));
	KUNIT_EXPECT_EQ(test, 1ULL, fake_client_sum(&f->client.counters->calls));
	KUNIT_EXPECT_EQ(test, 1ULL,
			fake_client_sum(&f->client.counters->ranges));
	KUNIT_EXPECT_EQ(test, length >> PAGE_SHIFT,
			fake_client_sum(&f->client.counters->pages));
}

/* 1 GiB with the default is eight. */
static void call_default_piece(struct kunit *test)
{
	struct call_fixture *f = test->priv;

	f->vmm->zeroes = false;
	KUNIT_EXPECT_EQ(test, 0, pvmemcontrol_dontneed(&f->client, SZ_1G,
						       SZ_1G));
	KUNIT_EXPECT_EQ(test, 8U, f->vmm->requests);
}

/* A piece that fails ends the call, and what was done before is told. */
static void call_partial(struct kunit *test)
{
	struct call_fixture *f = test->priv;
	u64 done;

	f->vmm->zeroes = false;
	pvmc_piece_mib = 1;
	fake_vmm_fault(f->vmm, FAKE_FAULT_ERRNO, ENOMEM, 3, 1);
	KUNIT_EXPECT_EQ(test, -ENOMEM,
			pvmemcontrol_call(&f->client, PVMEMCONTROL_DONTNEED,
					  SZ_1G, SZ_8M, 0, &done));
	KUNIT_EXPECT_EQ(test, 3ULL * SZ_1M, done);
	KUNIT_EXPECT_EQ(test, 4U, f->vmm->requests);
	KUNIT_EXPECT_EQ(test, 1ULL,
			fake_client_sum(&f->client.counters->errors));
	KUNIT_EXPECT_EQ(test, 3ULL * SZ_1M >> PAGE_SHIFT,
			fake_client_sum(&f->client.counters->pages));
}

struct fault_case {
	enum fake_fault fault;
	u32 err;
	int want;
};

static const struct fault_case fault_cases[] = {
	{ FAKE_FAULT_SILENT, 0, -EIO },
	{ FAKE_FAULT_ERRNO, EAGAIN, -EAGAIN },
	{ FAKE_FAULT_ERRNO, ENOMEM, -ENOMEM },
	{ FAKE_FAULT_ERRNO, EHWPOISON + 1, -EIO },
	{ FAKE_FAULT_REFUSE, EOPNOTSUPP, -EOPNOTSUPP },
	{ FAKE_FAULT_REFUSE, EINVAL, -EINVAL },
	{ FAKE_FAULT_REFUSE, EPERM, -EINVAL },
	{ FAKE_FAULT_ELSEWHERE, 0, -EIO },
	{ FAKE_FAULT_FORGET, 0, -EIO },
	{ FAKE_FAULT_GONE, 0, -ENODEV },
};

static void fault_case_name(const struct fault_case *c, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s %u",
		 fake_fault_names[c->fault], c->err);
}
KUNIT_ARRAY_PARAM(fault, fault_cases, fault_case_name);

/* Whatever the VMM does, the caller gets the right errno and only that. */
static void call_fault(struct kunit *test)
{
	const struct fault_case *c = test->param_value;
	struct call_fixture *f = test->priv;
	u64 done = 7;

	fake_vmm_fault(f->vmm, c->fault, c->err, 0, 1);
	KUNIT_EXPECT_EQ(test, c->want,
			pvmemcontrol_call(&f->client, PVMEMCONTROL_DONTNEED,
					  f->start, RANGE_SIZE, 0, &done));
	KUNIT_EXPECT_EQ(test, 0ULL, done);
	KUNIT_EXPECT_EQ(test, 1ULL,
			fake_client_sum(&f->client.counters->errors));
	/* None of these touched memory. */
	KUNIT_EXPECT_NULL(test, memchr_inv(page_address(f->page), 0x5a,
					   RANGE_SIZE));
}

/*
 * Functions whose number is an errno: "host EPERM" to DONTNEED starts with the
 * same eight bytes as the request itself.
 */
static void call_errno_like_func(struct kunit *test)
{
	struct call_fixture *f = test->priv;
	u32 func;

	for (func = 1; func < PVMEMCONTROL_NR_FUNC_1_0; func++) {
		fake_vmm_fault(f->vmm, FAKE_FAULT_ERRNO, func, 0, 1);
		KUNIT_EXPECT_EQ(test, -(int)func,
				pvmemcontrol_call(&f->client, func, 0,
						  PAGE_SIZE, 0, NULL));
	}
	KUNIT_EXPECT_EQ(test, 0ULL,
			fake_client_sum(&f->dev->cpu->counters.no_answers));
}

/* Garbage in every field: some errno or success, nothing worse. */
static void call_garbage(struct kunit *test)
{
	struct call_fixture *f = test->priv;
	int i, err;

	fake_vmm_fault(f->vmm, FAKE_FAULT_GARBAGE, 0, 0, -1);
	for (i = 0; i < 10000; i++) {
		u64 done = 0;

		err = pvmemcontrol_call(&f->client, PVMEMCONTROL_DONTNEED,
					f->start, RANGE_SIZE, 0, &done);
		if (err < -EHWPOISON || err > 0 ||
		    done != (err ? 0 : RANGE_SIZE))
			KUNIT_FAIL(test, "err %d done %llu", err, done);
	}
	KUNIT_EXPECT_EQ(test, 10000U, f->vmm->requests);
}

/* Takes long enough for the coarsest clock to move. */
static void call_take_time(struct fake_vmm *vmm,
			   const struct pvmemcontrol_vmm_call *call)
{
	u64 begin = local_clock();
	int tries;

	for (tries = 0; tries < 1000 && local_clock() == begin; tries++)
		mdelay(1);
}

static void call_timing(struct kunit *test)
{
	struct call_fixture *f = test->priv;

	f->vmm->on_kick = call_take_time;

	KUNIT_EXPECT_EQ(test, 0, pvmemcontrol_ping(&f->client));
	KUNIT_EXPECT_EQ(test, 0ULL,
			fake_client_sum(&f->client.counters->time_ns));
	pvmc_set_timing(true);
	pvmemcontrol_dontneed(&f->client, f->start, RANGE_SIZE);
	pvmc_set_timing(false);
	KUNIT_EXPECT_GT(test, fake_client_sum(&f->client.counters->time_ns),
			0ULL);
}

static struct kunit_case pvmc_call_cases[] = {
	KUNIT_CASE(call_functions),
	KUNIT_CASE(call_dontneed_zeroes),
	KUNIT_CASE(call_info),
	KUNIT_CASE(call_bad_ranges),
	KUNIT_CASE(call_guard),
	KUNIT_CASE(call_host_page_size),
	KUNIT_CASE(call_pieces),
	KUNIT_CASE(call_default_piece),
	KUNIT_CASE(call_partial),
	KUNIT_CASE_PARAM(call_fault, fault_gen_params),
	KUNIT_CASE(call_errno_like_func),
	KUNIT_CASE(call_garbage),
	KUNIT_CASE(call_timing),
	{}
};

static struct kunit_suite pvmc_call_suite = {
	.name = "pvmc_call",
	.init = call_init,
	.exit = call_exit,
	.test_cases = pvmc_call_cases,
};
kunit_test_suite(pvmc_call_suite);
