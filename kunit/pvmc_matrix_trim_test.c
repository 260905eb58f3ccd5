// SPDX-License-Identifier: GPL-2.0
/*
 * The fault matrix of trimming stacks: no live byte is lost, nothing is asked
 * while others could run, and what was not given can be given later.
 */
#include "matrix.h"
#include "pvmc_trim_fixture.h"

#define MATRIX_THREADS	8

static struct fake_vmm *trim_new_vmm(struct kunit *test, bool vectors)
{
	struct trim_fixture *f = test->priv;

	trim_use_vmm(f, matrix_new_vmm(test, vectors));
	return f->vmm;
}

static int trim_once(struct kunit *test)
{
	struct trim_fixture *f = test->priv;
	u64 failed = f->stats.failed;
	int err = trim_run(f);

	matrix_errno(test, err);
	KUNIT_EXPECT_EQ(test, failed + !!err, f->stats.failed);
	trim_verify(test, false);
	return err;
}

/* The device goes and comes, then the client goes, and the device. */
static void trim_part(struct kunit *test)
{
	struct trim_fixture *f = test->priv;

	matrix_unplug(test);
	KUNIT_EXPECT_EQ(test, -ENODEV, trim_once(test));
	trim_begin_again(f);
	matrix_plug(test);
	trim_once(test);
	trim_once(test);
	pvmemcontrol_unregister_client(&f->client);
	matrix_unplug(test);
	trim_verify(test, false);
	matrix_come_again(test);
	matrix_client_add(test, &f->client);
}

static void trim_stay(struct kunit *test)
{
	matrix_suspend();
	KUNIT_EXPECT_NE(test, 0, trim_once(test));
	matrix_resume(test);
	trim_begin_again(test->priv);
	trim_once(test);
	matrix_mend(test);
}

static void trim_matrix_run(struct kunit *test)
{
	struct trim_fixture *f = test->priv;

	trim_begin_again(f);
	matrix_plug(test);
	matrix_client_add(test, &f->client);
	trim_once(test);
	/* Who was not trimmed is. */
	trim_once(test);
	if (matrix_parts(test))
		trim_part(test);
	else
		trim_stay(test);
	/* What it says of itself it says anew. */
	matrix_suspend();
	matrix_resume(test);
	KUNIT_EXPECT_EQ(test, 0, trim_once(test));
	if (!matrix_lied(test))
		trim_verify(test, true);
	pvmc_trim_forget(NULL);
	KUNIT_EXPECT_EQ(test, 0, trim_once(test));
	trim_verify(test, true);
	matrix_unplug(test);
	KUNIT_EXPECT_EQ(test, -ENODEV, trim_once(test));
	pvmemcontrol_unregister_client(&f->client);
}

static void matrix_trim(struct kunit *test)
{
	static const struct matrix_flow flow = {
		.new_vmm = trim_new_vmm,
		.run = trim_matrix_run,
		.stride = 3,
	};
	struct trim_fixture *f = test->priv;

	trim_threads(test, MATRIX_THREADS, true);
	/* Whatever the others have: more than one range. */
	f->threads[0].sp = TRIM_BASE + THREAD_SIZE - sizeof(long);
	f->threads[0].outcome = PVMC_TRIM_GIVEN;
	matrix_run(test, &flow);
}

static void trim_matrix_exit(struct kunit *test)
{
	struct trim_fixture *f = test->priv;

	matrix_clear_away(test);
	if (f && f->client.node)
		pvmemcontrol_unregister_client(&f->client);
	trim_exit(test);
}

static struct kunit_case pvmc_matrix_trim_cases[] = {
	KUNIT_CASE_PARAM(matrix_trim, matrix_params),
	{}
};

static struct kunit_suite pvmc_matrix_trim_suite = {
	.name = "pvmc_matrix_trim",
	.init = trim_init,
	.exit = trim_matrix_exit,
	.test_cases = pvmc_matrix_trim_cases,
};
kunit_test_suite(pvmc_matrix_trim_suite);
