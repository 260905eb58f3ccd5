// SPDX-License-Identifier: GPL-2.0
/*
 * Giving back the memory behind stacks, whatever gives it back, if anything.
 */
#include <linux/err.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "pvmc_kstack_fixture.h"

#define SOME	40U

static u64 drop_given(void)
{
	return fake_client_sum(&pvmc_kstack_counters.given_back);
}

static u64 drop_failed(void)
{
	return fake_client_sum(&pvmc_kstack_counters.give_back_failed);
}

/* Some stacks that are full, and then free; returns how many are zero then. */
static unsigned int drop_some(struct kunit *test)
{
	struct kstack_fixture *f = test->priv;
	unsigned int i, zero = 0;

	for (i = 0; i < SOME; i++)
		memset(pvmemcontrol_kstack_base(kstack_get(test, SZ_16K)), 1,
		       SZ_16K);
	kstack_put_all(f);
	pvmc_idle_run(0);
	for (i = 0; i < SOME; i++)
		zero += !memchr_inv(pvmemcontrol_kstack_base(f->stack[i]), 0,
				    SZ_16K);
	return zero;
}

static void drop_begin(struct kunit *test, bool shared, bool zeroes)
{
	struct kstack_fixture *f = test->priv;

	f->shared = shared;
	kstack_plug(test, batch_vectors(test));
	f->vmm->zeroes = zeroes;
	kstack_client(test);
}

static void drop_private(struct kunit *test)
{
	u64 given = drop_given();

	drop_begin(test, false, true);
	KUNIT_EXPECT_EQ(test, SOME, drop_some(test));
	KUNIT_EXPECT_EQ(test, given + SOME, drop_given());
}

/* DONTNEED would drop nothing: neither a block that is made nor stacks. */
static void drop_shared(struct kunit *test)
{
	struct kstack_fixture *f = test->priv;
	u64 given = drop_given();
	unsigned int made;

	drop_begin(test, true, true);
	made = f->vmm->requests;
	KUNIT_EXPECT_EQ(test, SOME, drop_some(test));
	KUNIT_EXPECT_EQ(test, given + SOME, drop_given());
	KUNIT_EXPECT_EQ(test, (u64)PVMEMCONTROL_REMOVE,
			f->vmm->log[made].func_code);
	KUNIT_EXPECT_EQ(test, (u64)PVMC_BLOCK_SIZE, f->vmm->log[made].length);
	kstack_consistent(test);
}

/* What is not given back is not counted as if it were, and not asked for. */
static void drop_nothing(struct kunit *test)
{
	struct kstack_fixture *f = test->priv;
	const unsigned int block = pvmc_kstack_classes[0].per_block;
	u64 given = drop_given(), failed = drop_failed();
	unsigned int requests;

	f->no_promise = true;
	drop_begin(test, true, false);
	KUNIT_EXPECT_EQ(test, 0U, drop_some(test));
	KUNIT_EXPECT_EQ(test, given, drop_given());
	KUNIT_EXPECT_EQ(test, failed + block, drop_failed());
	requests = f->vmm->requests;
	pvmc_idle_run(0);
	KUNIT_EXPECT_EQ(test, requests, f->vmm->requests);
	KUNIT_EXPECT_EQ(test, failed + block, drop_failed());
	kstack_consistent(test);
}

/* The next VMM has memory of another kind. */
static void drop_other(struct kunit *test)
{
	struct kstack_fixture *f = test->priv;

	drop_begin(test, false, true);
	KUNIT_EXPECT_EQ(test, SOME, drop_some(test));
	fake_vmm_unplug(test, f->dev);
	f->shared = true;
	kstack_plug(test, batch_vectors(test));
	KUNIT_EXPECT_EQ(test, SOME, drop_some(test));
	kstack_consistent(test);
}

/* It cannot be found out now: then it is later. */
static void drop_fault(struct kunit *test)
{
	static const struct {
		enum fake_fault fault;
		u32 err;
		bool later;
	} faults[] = {
		{ FAKE_FAULT_ERRNO, EIO, true },
		{ FAKE_FAULT_ERRNO, EINVAL, false },
		{ FAKE_FAULT_LIE, 0, false },
		{ FAKE_FAULT_GARBAGE, 0, true },
		{ FAKE_FAULT_SILENT, 0, true },
	};
	struct kstack_fixture *f = test->priv;
	unsigned int i;

	f->no_promise = true;
	drop_begin(test, false, true);
	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		mutex_lock(&pvmc_guard_mutex);
		pvmc_drop_forget();
		mutex_unlock(&pvmc_guard_mutex);
		fake_vmm_fault(f->vmm, faults[i].fault, faults[i].err, 0, -1);
		pvmc_drop_learn();
		fake_vmm_fault(f->vmm, FAKE_FAULT_NONE, 0, 0, 0);
		while (READ_ONCE(f->dev->state) != PVMC_UP)
			fake_wait_recovered(f->dev, f->dev->recoveries);
		KUNIT_EXPECT_EQ_MSG(test, faults[i].later ? SOME : 0,
				    drop_some(test), "fault %u", i);
		kstack_consistent(test);
	}
	/* And it goes while it is asked. */
	mutex_lock(&pvmc_guard_mutex);
	pvmc_drop_forget();
	mutex_unlock(&pvmc_guard_mutex);
	fake_vmm_fault(f->vmm, FAKE_FAULT_GONE, 0, 0, 1);
	pvmc_drop_learn();
	KUNIT_EXPECT_TRUE(test, IS_ERR(pvmemcontrol_kstack_alloc(SZ_32K, 0,
								 "gone")));
}

/* What the host does with a page that it drops is not known: nor is whether it did. */
static void drop_unsure(struct kunit *test)
{
	static const enum fake_fault faults[] = {
		FAKE_FAULT_ERRNO, FAKE_FAULT_GARBAGE, FAKE_FAULT_SILENT,
		FAKE_FAULT_ELSEWHERE,
	};
	struct kstack_fixture *f = test->priv;
	unsigned int i, j, known, unsure;

	f->no_promise = true;
	drop_begin(test, false, true);
	KUNIT_EXPECT_EQ(test, SOME, drop_some(test));
	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		for (j = 0; j < SOME; j++)
			kstack_get(test, SZ_16K);
		kstack_put_all(f);
		known = 0;
		unsure = 0;
		for (j = 0; j < SOME; j++)
			known += f->stack[j]->left_by != PVMC_LEFT_BY_MANY;
		fake_vmm_fault(f->vmm, faults[i], EIO, 0, 1);
		pvmc_idle_run(0);
		fake_vmm_fault(f->vmm, FAKE_FAULT_NONE, 0, 0, 0);
		for (j = 0; j < SOME; j++)
			unsure += f->stack[j]->left_by == PVMC_LEFT_BY_MANY;
		KUNIT_EXPECT_EQ_MSG(test, SOME, known, "%s",
				    fake_fault_names[faults[i]]);
		KUNIT_EXPECT_EQ_MSG(test, SOME, unsure, "%s",
				    fake_fault_names[faults[i]]);
		while (READ_ONCE(f->dev->state) != PVMC_UP)
			fake_wait_recovered(f->dev, f->dev->recoveries);
		pvmc_idle_run(0);
	}
}

/* Some stacks are had and given back: of how many is it not known what they hold? */
static unsigned int drop_strange(struct kunit *test)
{
	struct kstack_fixture *f = test->priv;
	unsigned int i, strange = 0;

	for (i = 0; i < SOME; i++)
		kstack_get(test, SZ_16K);
	kstack_put_all(f);
	pvmc_idle_run(0);
	for (i = 0; i < SOME; i++)
		strange += f->stack[i]->left_by == PVMC_LEFT_BY_MANY;
	return strange;
}

/* The VMM says that what it drops is zero, until memory comes of which it is not. */
static void drop_memory_comes(struct kunit *test)
{
	struct kstack_fixture *f = test->priv;

	kstack_plug(test, true);
	f->vmm->zeroes = true;
	kstack_client(test);
	KUNIT_EXPECT_EQ(test, SOME, drop_some(test));
	KUNIT_EXPECT_EQ(test, 0U, drop_strange(test));
	f->vmm->zeroing = 0;
	pvmc_memory_comes();
	KUNIT_EXPECT_EQ(test, SOME, drop_strange(test));
	kstack_consistent(test);
}

#ifdef CONFIG_FAULT_INJECTION
static void drop_no_memory(struct kunit *test)
{
	struct kstack_fixture *f = test->priv;

	f->no_promise = true;
	kstack_plug(test, false);
	kstack_client(test);
	mutex_lock(&pvmc_guard_mutex);
	pvmc_drop_forget();
	mutex_unlock(&pvmc_guard_mutex);
	fail_nth_begin(test, 1);
	pvmc_drop_learn();
	KUNIT_EXPECT_TRUE(test, fail_nth_end());
	KUNIT_EXPECT_EQ(test, SOME, drop_some(test));
}
#endif

static struct kunit_case pvmc_kstack_drop_cases[] = {
	KUNIT_CASE_PARAM(drop_private, batch_mode_params),
	KUNIT_CASE_PARAM(drop_shared, batch_mode_params),
	KUNIT_CASE_PARAM(drop_nothing, batch_mode_params),
	KUNIT_CASE_PARAM(drop_other, batch_mode_params),
	KUNIT_CASE_PARAM(drop_fault, batch_mode_params),
	KUNIT_CASE_PARAM(drop_unsure, batch_mode_params),
	KUNIT_CASE(drop_memory_comes),
#ifdef CONFIG_FAULT_INJECTION
	KUNIT_CASE(drop_no_memory),
#endif
	{}
};

static int drop_init(struct kunit *test)
{
	const void *mode = test->param_value;
	int err;

	/* The device is each test's. */
	test->param_value = NULL;
	err = kstack_init(test);
	test->param_value = mode;
	return err;
}

static struct kunit_suite pvmc_kstack_drop_suite = {
	.name = "pvmc_kstack_drop",
	.init = drop_init,
	.exit = kstack_exit,
	.test_cases = pvmc_kstack_drop_cases,
};
kunit_test_suite(pvmc_kstack_drop_suite);
