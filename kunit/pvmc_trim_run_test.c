// SPDX-License-Identifier: GPL-2.0
/*
 * Runs over made-up threads: what becomes of each byte of their stacks, and how
 * long all CPUs stand still.
 */
#include <linux/errno.h>

#include "pvmc_trim_fixture.h"

struct trim_mode {
	const char *name;
	bool vectors;
	bool keep_end;
};

static const struct trim_mode trim_modes[] = {
	{ "1.0", false, true },
	{ "1.0, end given", false, false },
	{ "1.1", true, true },
	{ "1.1, end given", true, false },
};

static void trim_mode_name(const struct trim_mode *mode, char *desc)
{
	strscpy(desc, mode->name, KUNIT_PARAM_DESC_SIZE);
}
KUNIT_ARRAY_PARAM(trim_mode, trim_modes, trim_mode_name);

/* All that is dead goes, nothing else does, and it is told truly. */
static void trim_gives(struct kunit *test)
{
	const struct trim_mode *mode = test->param_value;
	struct trim_fixture *f = test->priv;
	struct trim_thread *t;
	u64 pages, exits;

	f->keep_end = mode->keep_end;
	trim_plug(test, mode->vectors);
	trim_threads(test, TRIM_MANY, true);
	KUNIT_EXPECT_EQ(test, 0, trim_run(f));
	pages = trim_verify(test, true);
	KUNIT_EXPECT_GT(test, pages, 0ULL);
	KUNIT_EXPECT_EQ(test, pages, f->stats.pages);
	KUNIT_EXPECT_EQ(test, (u64)TRIM_MANY, trim_seen(f));
	KUNIT_EXPECT_EQ(test, (u64)f->pauses, f->stats.pauses);
	if (mode->vectors)
		KUNIT_EXPECT_LT(test, f->stats.exits, pages / 4);
	else
		KUNIT_EXPECT_LE(test, f->stats.exits, pages);

	/* Who has given all is not asked again. */
	exits = f->stats.exits;
	KUNIT_EXPECT_EQ(test, 0, trim_run(f));
	KUNIT_EXPECT_EQ(test, exits, f->stats.exits);
	KUNIT_EXPECT_EQ(test, pages, f->stats.pages);

	/* Unless it has run. */
	t = &f->threads[7];
	t->stamp++;
	t->outcome = PVMC_TRIM_GIVEN;
	t->sp = TRIM_BASE + THREAD_SIZE - 256;
	memset(page_address(t->pages[1]), trim_pattern(t), PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, 0, trim_run(f));
	KUNIT_EXPECT_GT(test, f->stats.exits, exits);
	trim_verify(test, true);
}

static bool trim_none_alive(u32 pid)
{
	return false;
}

/* Another thread with the number of one that has ended. */
static void trim_forgets(struct kunit *test)
{
	struct trim_fixture *f = test->priv;
	u64 unchanged;

	trim_plug(test, true);
	trim_threads(test, TRIM_FEW, false);
	KUNIT_EXPECT_EQ(test, 0, trim_run(f));
	pvmc_trim_forget(trim_none_alive);
	unchanged = f->stats.threads[PVMC_TRIM_UNCHANGED];
	KUNIT_EXPECT_EQ(test, 0, trim_run(f));
	KUNIT_EXPECT_EQ(test, unchanged,
			f->stats.threads[PVMC_TRIM_UNCHANGED]);
	KUNIT_EXPECT_EQ(test, 0, trim_run(f));
	KUNIT_EXPECT_EQ(test, unchanged + TRIM_FEW,
			f->stats.threads[PVMC_TRIM_UNCHANGED]);
}

/* A patient run leaves alone who has run since the one before. */
static void trim_patient(struct kunit *test)
{
	struct trim_fixture *f = test->priv;
	u64 pages;
	int i;

	trim_plug(test, true);
	trim_threads(test, TRIM_FEW, false);
	f->run->patient = true;
	for (i = 0; i < 3; i++) {
		int j;

		for (j = 0; j < TRIM_FEW; j += 2)
			f->threads[j].stamp++;
		KUNIT_EXPECT_EQ(test, 0, trim_run(f));
	}
	KUNIT_EXPECT_EQ(test, (u64)TRIM_FEW + TRIM_FEW,
			f->stats.threads[PVMC_TRIM_RECENT]);
	/* All others have been seen, then looked at, then known. */
	KUNIT_EXPECT_EQ(test, (u64)TRIM_FEW / 2,
			f->stats.threads[PVMC_TRIM_GIVEN] +
			f->stats.threads[PVMC_TRIM_NOTHING]);
	KUNIT_EXPECT_EQ(test, (u64)TRIM_FEW / 2,
			f->stats.threads[PVMC_TRIM_UNCHANGED]);
	pages = trim_verify(test, false);
	KUNIT_EXPECT_EQ(test, pages, f->stats.pages);

	/* Once they sleep they are trimmed too; if they are many enough. */
	KUNIT_EXPECT_EQ(test, 0, trim_run(f));
	trim_verify(test, true);
	for (i = 0; i < PVMC_TRIM_WORTHWHILE - 1; i++)
		f->threads[i].stamp++;
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, 0, trim_run(f));
		KUNIT_EXPECT_EQ(test, 0U, f->pauses);
	}
	f->run->patient = false;
	KUNIT_EXPECT_EQ(test, 0, trim_run(f));
	KUNIT_EXPECT_EQ(test, 1U, f->pauses);
	KUNIT_EXPECT_EQ(test, (u64)TRIM_FEW + PVMC_TRIM_WORTHWHILE - 1,
			f->stats.threads[PVMC_TRIM_GIVEN] +
			f->stats.threads[PVMC_TRIM_NOTHING]);
}

/* Memory that is shared: DONTNEED would drop nothing. */
static void trim_shared(struct kunit *test)
{
	struct trim_fixture *f = test->priv;

	f->vmm->shared = true;
	trim_plug(test, false);
	trim_threads(test, TRIM_FEW, false);
	KUNIT_EXPECT_EQ(test, 0, trim_run(f));
	KUNIT_EXPECT_GT(test, trim_verify(test, true), 0ULL);
}

/* Nothing gives anything back: nobody is stopped for it. */
static void trim_useless(struct kunit *test)
{
	struct trim_fixture *f = test->priv;

	f->vmm->shared = true;
	f->vmm->zeroes = false;
	trim_plug(test, false);
	trim_threads(test, TRIM_FEW, false);
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, trim_run(f));
	KUNIT_EXPECT_EQ(test, 0U, f->pauses);
	KUNIT_EXPECT_EQ(test, 0ULL, trim_verify(test, false));
}

static void trim_large_pages(struct kunit *test)
{
	struct trim_fixture *f = test->priv;

	f->vmm->page_size = SZ_64K;
	trim_plug(test, true);
	trim_threads(test, TRIM_FEW, false);
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, trim_run(f));
	KUNIT_EXPECT_EQ(test, 0U, f->pauses);
}

static void trim_no_device(struct kunit *test)
{
	struct trim_fixture *f = test->priv;

	fake_client_add(test, &f->client);
	trim_threads(test, TRIM_FEW, false);
	KUNIT_EXPECT_EQ(test, -ENODEV, trim_run(f));
	KUNIT_EXPECT_EQ(test, 0U, f->pauses);
}

/* Somebody wants it to end. */
static void trim_ends_early(struct kunit *test)
{
	struct trim_fixture *f = test->priv;

	trim_plug(test, true);
	trim_threads(test, TRIM_MANY, false);
	f->range_ns = 20 * NSEC_PER_USEC;
	f->end_after = 3;
	KUNIT_EXPECT_EQ(test, -EINTR, trim_run(f));
	KUNIT_EXPECT_EQ(test, 3U, f->pauses);
	trim_verify(test, false);
	f->end_after = 0;
	KUNIT_EXPECT_EQ(test, 0, trim_run(f));
	trim_verify(test, true);
}

struct trim_cost {
	u64 look_ns, exit_ns, range_ns;
	u64 slower_from, slower_by;
};

static const struct trim_cost trim_costs[] = {
	{ 0, 0, 0 },
	{ 100, 0, 0 },
	{ 100, 1000, 100 },
	{ 500, 20000, 1000 },
	{ 1000, 60000, 5000 },
	{ 5000, 20000, 20000 },
	{ 5000, 90000, 30000 },
	/* All at once it takes twice as long. */
	{ 100, 10000, 2000, 500, 2 },
	{ 1000, 30000, 10000, 100, 2 },
};

static void trim_cost_name(const struct trim_cost *cost, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%llu %llu %llu ns, %llu times",
		 cost->look_ns, cost->exit_ns, cost->range_ns,
		 max(cost->slower_by, 1ULL));
}
KUNIT_ARRAY_PARAM(trim_cost, trim_costs, trim_cost_name);

/* By the tests' clock no pause is longer than allowed; nor are there too many. */
static void trim_pauses(struct kunit *test)
{
	const struct trim_cost *cost = test->param_value;
	struct trim_fixture *f = test->priv;
	u64 busy;

	trim_plug(test, true);
	trim_threads(test, TRIM_MANY, false);
	f->look_ns = cost->look_ns;
	f->exit_ns = cost->exit_ns;
	f->range_ns = cost->range_ns;
	f->slower_from = cost->slower_from;
	f->slower_by = cost->slower_by;
	busy = f->now;
	KUNIT_EXPECT_EQ(test, 0, trim_run(f));
	busy = f->now - busy;
	trim_verify(test, true);
	KUNIT_EXPECT_LE(test, f->longest, f->run->limit_ns);
	KUNIT_EXPECT_EQ(test, f->longest, f->stats.longest_ns);
	KUNIT_EXPECT_EQ(test, 0ULL, f->stats.overruns);
	KUNIT_EXPECT_LE(test, (u64)f->pauses,
			24 + 8 * div64_u64(busy, f->run->limit_ns));
}

/*
 * Without vectors the clock is looked at after each thread: one that becomes
 * eight times as slow in the middle is noticed within the pause.
 */
static void trim_slower_1_0(struct kunit *test)
{
	struct trim_fixture *f = test->priv;

	trim_plug(test, false);
	trim_threads(test, TRIM_MANY, false);
	f->look_ns = 100;
	f->range_ns = 10 * NSEC_PER_USEC;
	f->slower_from = 100;
	f->slower_by = 8;
	KUNIT_EXPECT_EQ(test, 0, trim_run(f));
	trim_verify(test, true);
	KUNIT_EXPECT_LE(test, f->longest, f->run->limit_ns);
	KUNIT_EXPECT_EQ(test, 0ULL, f->stats.overruns);
}

/* One that fails is not asked for what others have. */
static void trim_fails_1_0(struct kunit *test)
{
	struct trim_fixture *f = test->priv;

	trim_plug(test, false);
	trim_threads(test, TRIM_MANY, false);
	fake_vmm_fault(f->vmm, FAKE_FAULT_ERRNO, ENOMEM, 50, -1);
	KUNIT_EXPECT_EQ(test, -ENOMEM, trim_run(f));
	trim_verify(test, false);
	KUNIT_EXPECT_GT(test, f->vmm->requests, 50U);
	KUNIT_EXPECT_LE(test, f->vmm->requests,
			50U + (unsigned int)PVMC_TRIM_STACK_PAGES);
}

/* A VMM that takes far too long for a single thread is left alone soon. */
static void trim_far_too_slow(struct kunit *test)
{
	struct trim_fixture *f = test->priv;
	unsigned int i;

	trim_plug(test, true);
	trim_threads(test, TRIM_MANY, false);
	for (i = 0; i < f->nr; i++)
		f->threads[i].sp = TRIM_BASE + THREAD_SIZE - 512;
	f->range_ns = 100 * NSEC_PER_MSEC;
	KUNIT_EXPECT_EQ(test, -ETIMEDOUT, trim_run(f));
	KUNIT_EXPECT_EQ(test, f->pauses, (unsigned int)PVMC_TRIM_TOO_MANY);
	trim_verify(test, false);
}

static struct kunit_case trim_run_cases[] = {
	KUNIT_CASE_PARAM(trim_gives, trim_mode_gen_params),
	KUNIT_CASE(trim_forgets),
	KUNIT_CASE(trim_patient),
	KUNIT_CASE(trim_shared),
	KUNIT_CASE(trim_useless),
	KUNIT_CASE(trim_large_pages),
	KUNIT_CASE(trim_no_device),
	KUNIT_CASE(trim_ends_early),
	KUNIT_CASE_PARAM(trim_pauses, trim_cost_gen_params),
	KUNIT_CASE(trim_slower_1_0),
	KUNIT_CASE(trim_fails_1_0),
	KUNIT_CASE(trim_far_too_slow),
	{}
};

static struct kunit_suite trim_run_suite = {
	.name = "pvmc_trim_run",
	.init = trim_init,
	.exit = trim_exit,
	.test_cases = trim_run_cases,
};
kunit_test_suite(trim_run_suite);
