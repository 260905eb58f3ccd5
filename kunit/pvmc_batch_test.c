// SPDX-License-Identifier: GPL-2.0
/*
 * Batches: what merges, and how many exits it takes; each with a VMM of
 * protocol 1.0 and one of 1.1.
 */
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/sizes.h>

#include "batch_fixture.h"

/* In any order, what touches or overlaps becomes one. */
static void batch_merges(struct kunit *test)
{
	static const struct {
		unsigned int page, nr;
	} added[] = {
		{ 10, 2 }, { 12, 1 }, { 20, 4 }, { 18, 3 }, { 13, 5 },
		{ 100, 1 }, { 98, 1 }, { 99, 1 }, { 20, 1 },
	};
	struct batch_fixture *f = test->priv;
	int i;

	batch_begin(f, GFP_KERNEL);
	for (i = 0; i < ARRAY_SIZE(added); i++)
		batch_add(test, PVMEMCONTROL_MPROTECT_R, added[i].page,
			  added[i].nr);
	KUNIT_EXPECT_EQ(test, 0U, f->vmm->requests);
	KUNIT_EXPECT_EQ(test, 0, pvmemcontrol_batch_finish(&f->batch));

	KUNIT_ASSERT_EQ(test, 2U, f->vmm->requests);
	KUNIT_EXPECT_EQ(test, SPACE_START + 10 * PAGE_SIZE, f->vmm->log[0].addr);
	KUNIT_EXPECT_EQ(test, 14 * PAGE_SIZE, (unsigned long)f->vmm->log[0].length);
	KUNIT_EXPECT_EQ(test, SPACE_START + 98 * PAGE_SIZE, f->vmm->log[1].addr);
	KUNIT_EXPECT_EQ(test, 3 * PAGE_SIZE, (unsigned long)f->vmm->log[1].length);

	KUNIT_EXPECT_EQ(test, 9ULL, f->batch.added);
	KUNIT_EXPECT_EQ(test, 19ULL, f->batch.pages);
	KUNIT_EXPECT_EQ(test, 2ULL, f->batch.ranges);
	KUNIT_EXPECT_EQ(test, batch_vectors(test) ? 1ULL : 2ULL, f->batch.exits);
	KUNIT_EXPECT_EQ(test, f->batch.exits,
			fake_client_sum(&f->client.counters->exits));
	KUNIT_EXPECT_EQ(test, 2ULL,
			fake_client_sum(&f->client.counters->ranges));
	KUNIT_EXPECT_EQ(test, 17ULL,
			fake_client_sum(&f->client.counters->pages));
}

/* Another function, or another argument, is another operation. */
static void batch_keeps_apart(struct kunit *test)
{
	struct batch_fixture *f = test->priv;

	batch_begin(f, GFP_KERNEL);
	batch_add(test, PVMEMCONTROL_MPROTECT_R, 0, 1);
	batch_add(test, PVMEMCONTROL_MPROTECT_RW, 1, 1);
	batch_add(test, PVMEMCONTROL_MPROTECT_R, 2, 1);
	pvmemcontrol_batch_add(&f->batch, PVMEMCONTROL_SET_VMA_ANON_NAME,
			       SPACE_START + 3 * PAGE_SIZE, PAGE_SIZE, 1);
	pvmemcontrol_batch_add(&f->batch, PVMEMCONTROL_SET_VMA_ANON_NAME,
			       SPACE_START + 4 * PAGE_SIZE, PAGE_SIZE, 2);
	KUNIT_EXPECT_EQ(test, 0, pvmemcontrol_batch_finish(&f->batch));
	KUNIT_EXPECT_EQ(test, 5U, f->vmm->requests);
	KUNIT_EXPECT_EQ(test, 1ULL, f->vmm->log[3].arg);
	KUNIT_EXPECT_EQ(test, 2ULL, f->vmm->log[4].arg);
}

/*
 * Whatever is added in whatever order, the VMM ends up where it would have by
 * one request after the other; for one function, with the fewest ranges.
 */
static void batch_random(struct kunit *test)
{
	struct batch_fixture *f = test->priv;
	u8 *want = kunit_kzalloc(test, SPACE_PAGES, GFP_KERNEL);
	struct rnd_state rnd;
	int round, i;

	KUNIT_ASSERT_NOT_NULL(test, want);
	prandom_seed_state(&rnd, 4711);
	for (round = 0; round < 2000; round++) {
		unsigned int adds = prandom_u32_state(&rnd) % 60;
		unsigned int funcs = 1 + prandom_u32_state(&rnd) % 3;
		/* Often so that it has to be sent before its end. */
		bool small = prandom_u32_state(&rnd) % 2;

		batch_begin(f, small ? 0 : GFP_KERNEL);
		memset(want, NOTHING, SPACE_PAGES);
		for (i = 0; i < adds; i++) {
			u32 page = prandom_u32_state(&rnd) % (SPACE_PAGES - 32);
			u32 nr = 1 + prandom_u32_state(&rnd) % 32;
			u32 func = PVMEMCONTROL_MPROTECT_NONE +
				   prandom_u32_state(&rnd) % funcs;

			batch_add(test, func, page, nr);
			memset(want + page, func, nr);
		}
		KUNIT_ASSERT_EQ(test, 0, pvmemcontrol_batch_finish(&f->batch));
		if (memcmp(want, f->did, SPACE_PAGES) ||
		    memcmp(want, f->reported, SPACE_PAGES))
			KUNIT_FAIL(test, "round %d: not what was asked", round);
		KUNIT_EXPECT_EQ(test, f->batch.ranges, f->reports);
		if (funcs == 1 && !small)
			KUNIT_EXPECT_EQ(test, batch_runs(want),
					f->vmm->requests);
	}
}

/* As many to an exit as the VMM takes, and one each where it takes no vector. */
static void batch_exits(struct kunit *test)
{
	struct batch_fixture *f = test->priv;
	unsigned int i;

	batch_begin(f, GFP_KERNEL);
	for (i = 0; i < 300; i++)
		batch_add(test, PVMEMCONTROL_DONTDUMP, i * 2, 1);
	KUNIT_EXPECT_EQ(test, 0, pvmemcontrol_batch_finish(&f->batch));
	KUNIT_EXPECT_EQ(test, 300U, f->vmm->requests);
	KUNIT_EXPECT_EQ(test, 300ULL, f->batch.ranges);
	KUNIT_EXPECT_EQ(test, batch_vectors(test) ? 3ULL : 300ULL,
			f->batch.exits);
	KUNIT_EXPECT_EQ(test, batch_vectors(test) ? 3U : 0U, f->vmm->vectors);
}

/* One exit deals with no more than a piece, all its ranges together. */
static void batch_pieces(struct kunit *test)
{
	const u64 pages = SZ_1M >> PAGE_SHIFT;
	struct batch_fixture *f = test->priv;
	unsigned int i;
	u64 sum = 0;

	pvmc_piece_mib = 1;
	batch_begin(f, GFP_KERNEL);
	/* A quarter each: four to an exit, none of them cut. */
	for (i = 0; i < 12; i++)
		pvmemcontrol_batch_add(&f->batch, PVMEMCONTROL_PAGEOUT,
				       SPACE_START + SZ_4K + i * SZ_512K,
				       SZ_256K, 0);
	KUNIT_EXPECT_EQ(test, 0, pvmemcontrol_batch_flush(&f->batch));
	KUNIT_EXPECT_EQ(test, 12U, f->vmm->requests);
	KUNIT_EXPECT_EQ(test, batch_vectors(test) ? 3ULL : 12ULL,
			f->batch.exits);

	/* Longer than a piece: cut, with the ends in exits with others. */
	batch_clear(f);
	pvmemcontrol_batch_add(&f->batch, PVMEMCONTROL_PAGEOUT, SZ_1G - SZ_4K,
			       SZ_1M * 2 + SZ_8K, 0);
	pvmemcontrol_batch_add(&f->batch, PVMEMCONTROL_PAGEOUT, SZ_2G, SZ_4K,
			       0);
	KUNIT_EXPECT_EQ(test, 0, pvmemcontrol_batch_finish(&f->batch));
	for (i = 0; i < f->vmm->requests; i++) {
		KUNIT_EXPECT_LE(test, f->vmm->log[i].length, (u64)SZ_1M);
		sum += f->vmm->log[i].length >> PAGE_SHIFT;
	}
	KUNIT_EXPECT_EQ(test, 2 * pages + 3, sum);
	KUNIT_EXPECT_EQ(test, 2ULL, f->reports);
	KUNIT_EXPECT_EQ(test, 14ULL, f->batch.ranges);
}

/* Bad ranges are told when they are added, or named when they are sent. */
static void batch_bad(struct kunit *test)
{
	struct batch_fixture *f = test->priv;

	batch_begin(f, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, -EINVAL,
			pvmemcontrol_batch_add(&f->batch, PVMEMCONTROL_FREE, 0,
					       0, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			pvmemcontrol_batch_add(&f->batch, PVMEMCONTROL_FREE,
					       -(u64)SZ_4K, SZ_8K, 0));
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			pvmemcontrol_batch_add(&f->batch, PVMEMCONTROL_INFO,
					       0, SZ_4K, 0));
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			pvmemcontrol_batch_add(&f->batch, PVMEMCONTROL_VECTOR,
					       0, SZ_4K, 0));
	KUNIT_EXPECT_EQ(test, 0ULL, f->batch.added);

	batch_add(test, PVMEMCONTROL_FREE, 0, 1);
	KUNIT_EXPECT_EQ(test, 0,
			pvmemcontrol_batch_add(&f->batch, PVMEMCONTROL_FREE,
					       SPACE_START + SZ_16K + 1, SZ_4K,
					       0));
	batch_add(test, PVMEMCONTROL_FREE, 8, 1);
	batch_add(test, PVMEMCONTROL_FREE, 10, 1);
	KUNIT_EXPECT_EQ(test, -EINVAL, pvmemcontrol_batch_finish(&f->batch));
	KUNIT_EXPECT_EQ(test, 1ULL, f->batch.errors);
	KUNIT_EXPECT_EQ(test, SPACE_START + SZ_16K + 1, f->batch.failed.start);
	KUNIT_EXPECT_EQ(test, 3U, f->vmm->requests);
}

/* Memory that the caller gave, and not a byte beyond it. */
static void batch_given_memory(struct kunit *test)
{
	struct pvmemcontrol_range memory[5];
	struct batch_fixture *f = test->priv;
	unsigned int i;

	memset(memory, 0x5a, sizeof(memory));
	pvmemcontrol_batch_init_memory(&f->batch, &f->client, memory, 4);
	f->batch.report = batch_report;
	batch_clear(f);
	for (i = 0; i < 100; i++)
		batch_add(test, PVMEMCONTROL_MERGEABLE, i * 2, 1);
	KUNIT_EXPECT_EQ(test, 0, pvmemcontrol_batch_finish(&f->batch));
	KUNIT_EXPECT_EQ(test, 100U, f->vmm->requests);
	KUNIT_EXPECT_EQ(test, batch_vectors(test) ? 25ULL : 100ULL,
			f->batch.exits);
	KUNIT_EXPECT_NULL(test, memchr_inv(&memory[4], 0x5a,
					   sizeof(memory[4])));
}

static struct kunit_case pvmc_batch_cases[] = {
	KUNIT_CASE_PARAM(batch_merges, batch_mode_params),
	KUNIT_CASE_PARAM(batch_keeps_apart, batch_mode_params),
	KUNIT_CASE_PARAM(batch_random, batch_mode_params),
	KUNIT_CASE_PARAM(batch_exits, batch_mode_params),
	KUNIT_CASE_PARAM(batch_pieces, batch_mode_params),
	KUNIT_CASE_PARAM(batch_bad, batch_mode_params),
	KUNIT_CASE_PARAM(batch_given_memory, batch_mode_params),
	{}
};

static struct kunit_suite pvmc_batch_suite = {
	.name = "pvmc_batch",
	.init = batch_init,
	.exit = batch_exit,
	.test_cases = pvmc_batch_cases,
};
kunit_test_suite(pvmc_batch_suite);
