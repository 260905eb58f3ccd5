// SPDX-License-Identifier: GPL-2.0
/*
 * Batches: what is known after something went wrong, and what is made of what
 * the VMM says that it has.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "batch_fixture.h"

static const enum fake_fault batch_faults[] = {
	FAKE_FAULT_SILENT, FAKE_FAULT_ERRNO, FAKE_FAULT_REFUSE,
	FAKE_FAULT_LIE, FAKE_FAULT_GARBAGE, FAKE_FAULT_ELSEWHERE,
	FAKE_FAULT_FORGET, FAKE_FAULT_GONE,
};

static void batch_fault_once(struct kunit *test, enum fake_fault fault,
			     bool entries, int skip)
{
	struct batch_fixture *f = test->priv;
	const char *name = fake_fault_names[fault];
	unsigned int i, lost = 0;

	batch_plug(test, batch_vectors(test));
	batch_begin(f, GFP_KERNEL);
	f->vmm->fault_entries = entries;
	fake_vmm_fault(f->vmm, fault, ENOMEM, skip, 1);
	for (i = 0; i < 10; i++)
		batch_add(test, PVMEMCONTROL_MPROTECT_R, i * 3, 2);
	pvmemcontrol_batch_finish(&f->batch);

	KUNIT_EXPECT_EQ_MSG(test, 10ULL, f->reports, "%s at %d", name, skip);
	KUNIT_EXPECT_EQ(test, f->batch.errors, f->failures);
	for (i = 0; i < SPACE_PAGES; i++)
		if (f->reported[i] != NOTHING && f->reported[i] != f->did[i])
			lost++;
	if (fault == FAKE_FAULT_LIE)
		return;		/* nobody can know */
	/* Vectors refused as such: the ranges are sent one by one, and well. */
	if (fault == FAKE_FAULT_REFUSE && batch_vectors(test) && !entries) {
		KUNIT_EXPECT_EQ(test, 0ULL, f->batch.errors);
		KUNIT_EXPECT_EQ(test, 11ULL, f->batch.exits);
		return;
	}
	if (fault != FAKE_FAULT_GARBAGE) {
		KUNIT_EXPECT_EQ_MSG(test, 0U, lost, "%s at %d", name, skip);
		KUNIT_EXPECT_GE(test, f->batch.errors, 1ULL);
	}
	if (f->batch.errors) {
		KUNIT_EXPECT_NE(test, 0, f->batch.error);
		KUNIT_EXPECT_EQ(test, 2 * PAGE_SIZE,
				(unsigned long)f->batch.failed.length);
	}
	/* An error of one range is of that one only. */
	if ((fault == FAKE_FAULT_ERRNO || fault == FAKE_FAULT_REFUSE) &&
	    (entries || !batch_vectors(test))) {
		KUNIT_EXPECT_EQ(test, 1ULL, f->batch.errors);
		KUNIT_EXPECT_EQ(test, SPACE_START + skip * 3 * PAGE_SIZE,
				f->batch.failed.start);
		KUNIT_EXPECT_EQ(test, fault == FAKE_FAULT_ERRNO ? -ENOMEM :
				-EINVAL, f->batch.error);
		KUNIT_EXPECT_EQ(test, 10U, f->vmm->requests);
	}
}

/* Every way to go wrong, at every range: nothing is taken for done that is not. */
static void batch_fault(struct kunit *test)
{
	struct batch_fixture *f = test->priv;
	int fault, skip;

	for (fault = 0; fault < ARRAY_SIZE(batch_faults); fault++) {
		for (skip = 0; skip < 10; skip++) {
			fake_vmm_unplug(test, f->dev);
			batch_fault_once(test, batch_faults[fault], true, skip);
			if (skip)
				continue;
			fake_vmm_unplug(test, f->dev);
			batch_fault_once(test, batch_faults[fault], false, 0);
		}
	}
}

/* Without a device nothing is sent, and each range says so. */
static void batch_no_device(struct kunit *test)
{
	struct batch_fixture *f = test->priv;

	fake_vmm_unplug(test, f->dev);
	batch_begin(f, GFP_KERNEL);
	batch_add(test, PVMEMCONTROL_DONTNEED, 0, 1);
	batch_add(test, PVMEMCONTROL_DONTNEED, 2, 1);
	KUNIT_EXPECT_EQ(test, -ENODEV, pvmemcontrol_batch_finish(&f->batch));
	KUNIT_EXPECT_EQ(test, 2ULL, f->failures);
	KUNIT_EXPECT_EQ(test, 0ULL, f->batch.exits);
}

static void batch_nest(struct fake_vmm *vmm,
		       const struct pvmemcontrol_vmm_call *call)
{
	struct batch_fixture *f = vmm->priv;
	struct pvmemcontrol_batch *batch = &f->nested[f->depth];
	int i;

	if (f->depth == NESTED)
		return;
	f->depth++;
	pvmemcontrol_batch_init(batch, &f->client, 0);
	for (i = 0; i < 3; i++)
		pvmemcontrol_batch_add(batch, PVMEMCONTROL_MPROTECT_NONE,
				       SPACE_START + (100 * f->depth + i * 2) *
				       PAGE_SIZE, PAGE_SIZE, 0);
	pvmemcontrol_batch_finish(batch);
	f->depth--;
}

/*
 * Batches that interrupt each other, as deep as it goes: none spoils what
 * another one sends.
 */
static void batch_nested(struct kunit *test)
{
	struct batch_fixture *f = test->priv;
	unsigned int i;

	batch_begin(f, 0);
	f->vmm->on_kick = batch_nest;
	for (i = 0; i < 4; i++)
		batch_add(test, PVMEMCONTROL_MPROTECT_R, i * 2, 1);
	local_irq_disable();
	pvmemcontrol_batch_finish(&f->batch);
	local_irq_enable();
	f->vmm->on_kick = NULL;
	KUNIT_EXPECT_EQ(test, 0, f->batch.error);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, (u8)PVMEMCONTROL_MPROTECT_R,
				f->did[i * 2]);
	for (i = 0; i < NESTED; i++) {
		KUNIT_EXPECT_EQ(test, 0, f->nested[i].error);
		KUNIT_EXPECT_EQ(test, (u8)PVMEMCONTROL_MPROTECT_NONE,
				f->did[100 * (i + 1) + 4]);
	}
}

#ifdef CONFIG_FAULT_INJECTION
/* Without memory a batch takes more exits, and does the same. */
static void batch_no_memory(struct kunit *test)
{
	struct batch_fixture *f = test->priv;
	unsigned int i;
	int nth;

	for (nth = 1; nth < 6; nth++) {
		batch_begin(f, nth & 1 ? GFP_KERNEL : GFP_ATOMIC);
		fail_nth_begin(test, nth);
		for (i = 0; i < SPACE_PAGES / 2; i++)
			batch_add(test, PVMEMCONTROL_FREE, i * 2, 1);
		fail_nth_end();
		KUNIT_EXPECT_EQ(test, 0, pvmemcontrol_batch_finish(&f->batch));
		KUNIT_EXPECT_EQ(test, SPACE_PAGES / 2U, batch_runs(f->did));
	}
}

/* Without memory for vectors the device works as one of 1.0. */
static void batch_no_memory_for_vectors(struct kunit *test)
{
	struct batch_fixture *f = test->priv;
	bool worked = false;
	int nth, refused = 0, plain = 0;

	for (nth = 1; nth < 200 && !worked; nth++) {
		struct pvmc_device *dev;
		bool failed;

		f->vmm = fake_vmm_new(test);
		fake_vmm_vectors(f->vmm);
		f->vmm->zeroes = false;
		f->vmm->priv = f;
		f->vmm->on_done = batch_on_done;
		fail_nth_begin(test, nth);
		dev = pvmc_device_register(NULL, &fake_vmm_ops, f->vmm);
		failed = fail_nth_end();
		worked = !failed;
		if (IS_ERR(dev)) {
			refused++;
			continue;
		}
		plain += dev->info.vector_max == 1;
		batch_begin(f, GFP_KERNEL);
		batch_add(test, PVMEMCONTROL_FREE, 0, 1);
		batch_add(test, PVMEMCONTROL_FREE, 2, 1);
		KUNIT_EXPECT_EQ(test, 0, pvmemcontrol_batch_finish(&f->batch));
		KUNIT_EXPECT_EQ(test, 2U, batch_runs(f->did));
		KUNIT_EXPECT_EQ(test, dev->info.vector_max == 1 ? 2ULL : 1ULL,
				f->batch.exits);
		pvmc_device_unregister(dev);
	}
	KUNIT_EXPECT_TRUE(test, worked);
	KUNIT_EXPECT_GT(test, refused, 0);
	/* How many depends on what the allocator has at hand. */
	KUNIT_EXPECT_GT(test, plain, 0);
}
#endif

/* What FEATURES claims, and what is made of it. */
static void batch_features(struct kunit *test)
{
	static const struct {
		u64 features, max;
		u32 want;
	} cases[] = {
		{ PVMEMCONTROL_FEATURE_VECTOR, 128, 128 },
		{ PVMEMCONTROL_FEATURE_VECTOR, 7, 7 },
		{ PVMEMCONTROL_FEATURE_VECTOR, 1, 1 },
		{ PVMEMCONTROL_FEATURE_VECTOR, 0, 1 },
		{ PVMEMCONTROL_FEATURE_VECTOR, U64_MAX, 128 },
		{ PVMEMCONTROL_FEATURE_VECTOR, 1ULL << 32, 128 },
		{ U64_MAX, 129, 128 },
		{ PVMEMCONTROL_FEATURE_VIOLATION, 128, 1 },
		{ 0, 0, 1 },
	};
	struct batch_fixture *f = test->priv;
	struct pvmemcontrol_info info;
	u64 zeroing;
	int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		zeroing = 0;
		if (cases[i].features)
			zeroing = 6;

		f->vmm = fake_vmm_new(test);
		f->vmm->features = cases[i].features;
		f->vmm->vector_max = cases[i].max;
		f->vmm->zeroing = 6;
		f->dev = fake_vmm_plug(test, f->vmm);
		KUNIT_ASSERT_EQ(test, 0, pvmemcontrol_get_info(&info));
		KUNIT_EXPECT_EQ(test, cases[i].want, info.vector_max);
		KUNIT_EXPECT_EQ(test, cases[i].features, info.features);
		KUNIT_EXPECT_EQ(test, zeroing, info.zeroing);
		KUNIT_EXPECT_EQ(test, 1U, f->vmm->asked);
		fake_vmm_unplug(test, f->dev);
	}
}

/* Entries beyond what the VMM said are never sent in one exit. */
static void batch_small_vectors(struct kunit *test)
{
	struct batch_fixture *f = test->priv;
	unsigned int i;

	batch_plug(test, true);
	fake_vmm_unplug(test, f->dev);
	f->vmm->vector_max = 7;
	f->dev = fake_vmm_plug(test, f->vmm);
	batch_begin(f, GFP_KERNEL);
	for (i = 0; i < 21; i++)
		batch_add(test, PVMEMCONTROL_FREE, i * 2, 1);
	KUNIT_EXPECT_EQ(test, 0, pvmemcontrol_batch_finish(&f->batch));
	KUNIT_EXPECT_EQ(test, 3ULL, f->batch.exits);
	KUNIT_EXPECT_EQ(test, 21U, f->vmm->requests);
}

/* Leaves a vector early: asked again for the rest, unless it has done nothing. */
static void batch_goes_on(struct kunit *test)
{
	struct batch_fixture *f = test->priv;
	unsigned int i, skip;

	for (skip = 0; skip < 10; skip++) {
		batch_plug(test, true);
		batch_begin(f, GFP_KERNEL);
		f->vmm->fault_entries = true;
		fake_vmm_fault(f->vmm, FAKE_FAULT_ERRNO, EAGAIN, skip, 1);
		for (i = 0; i < 10; i++)
			batch_add(test, PVMEMCONTROL_FREE, i * 2, 1);
		KUNIT_EXPECT_EQ(test, skip ? 0 : -EAGAIN,
				pvmemcontrol_batch_finish(&f->batch));
		KUNIT_EXPECT_EQ(test, skip ? 0ULL : 1ULL, f->batch.errors);
		KUNIT_EXPECT_EQ(test, 2ULL, f->batch.exits);
		KUNIT_EXPECT_EQ(test, skip ? 11U : 10U, f->vmm->requests);
		KUNIT_EXPECT_EQ(test, skip ? 10U : 9U, batch_runs(f->did));
		fake_vmm_unplug(test, f->dev);
	}
	/* Without end, and without getting any further: it is let be. */
	batch_plug(test, true);
	batch_begin(f, GFP_KERNEL);
	f->vmm->fault_entries = true;
	fake_vmm_fault(f->vmm, FAKE_FAULT_ERRNO, EAGAIN, 3, 1000);
	for (i = 0; i < 10; i++)
		batch_add(test, PVMEMCONTROL_FREE, i * 2, 1);
	KUNIT_EXPECT_EQ(test, -EAGAIN, pvmemcontrol_batch_finish(&f->batch));
	KUNIT_EXPECT_EQ(test, 7ULL, f->batch.errors);
}

/* Claims to take vectors, and refuses each: they are sent one by one. */
static void batch_refused_vectors(struct kunit *test)
{
	struct batch_fixture *f = test->priv;
	unsigned int i;

	batch_plug(test, true);
	batch_begin(f, GFP_KERNEL);
	f->vmm->vector_max = 2;
	for (i = 0; i < 20; i++)
		batch_add(test, PVMEMCONTROL_FREE, i * 2, 1);
	KUNIT_EXPECT_EQ(test, 0, pvmemcontrol_batch_finish(&f->batch));
	KUNIT_EXPECT_EQ(test, 21ULL, f->batch.exits);
	KUNIT_EXPECT_EQ(test, 20U, batch_runs(f->did));
}

/* The same guest on another VMM: asked anew, and believed. */
static void batch_other_vmm(struct kunit *test)
{
	struct batch_fixture *f = test->priv;
	struct pvmemcontrol_info info;

	batch_plug(test, true);
	f->vmm->features = 0;
	fake_vmm_fault(f->vmm, FAKE_FAULT_FORGET, 0, 0, 1);
	pvmemcontrol_ping(&f->client);
	KUNIT_ASSERT_TRUE(test, fake_wait_recovered(f->dev, 1));
	KUNIT_ASSERT_EQ(test, 0, pvmemcontrol_get_info(&info));
	KUNIT_EXPECT_EQ(test, 1U, info.vector_max);

	batch_begin(f, GFP_KERNEL);
	batch_add(test, PVMEMCONTROL_FREE, 0, 1);
	batch_add(test, PVMEMCONTROL_FREE, 2, 1);
	KUNIT_EXPECT_EQ(test, 0, pvmemcontrol_batch_finish(&f->batch));
	KUNIT_EXPECT_EQ(test, 2ULL, f->batch.exits);
	KUNIT_EXPECT_EQ(test, 0U, f->vmm->vectors);
}

static struct kunit_case pvmc_batch_fault_cases[] = {
	KUNIT_CASE_PARAM(batch_fault, batch_mode_params),
	KUNIT_CASE_PARAM(batch_no_device, batch_mode_params),
	KUNIT_CASE_PARAM(batch_nested, batch_mode_params),
#ifdef CONFIG_FAULT_INJECTION
	KUNIT_CASE_PARAM(batch_no_memory, batch_mode_params),
	KUNIT_CASE(batch_no_memory_for_vectors),
#endif
	KUNIT_CASE(batch_features),
	KUNIT_CASE(batch_small_vectors),
	KUNIT_CASE(batch_goes_on),
	KUNIT_CASE(batch_refused_vectors),
	KUNIT_CASE(batch_other_vmm),
	{}
};

static struct kunit_suite pvmc_batch_fault_suite = {
	.name = "pvmc_batch_fault",
	.init = batch_init,
	.exit = batch_exit,
	.test_cases = pvmc_batch_fault_cases,
};
kunit_test_suite(pvmc_batch_fault_suite);
