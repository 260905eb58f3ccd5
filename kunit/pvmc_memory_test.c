// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that is added: what the VMM said of all memory is asked again.
 */
#include <linux/sizes.h>

#include "fake_vmm.h"

#define ZEROING	(BIT_ULL(PVMEMCONTROL_DONTNEED) | BIT_ULL(PVMEMCONTROL_REMOVE))
#define LESS	BIT_ULL(PVMEMCONTROL_REMOVE)

struct memory_fixture {
	struct fake_vmm *vmm;
	struct pvmc_device *dev;
};

static int memory_init(struct kunit *test)
{
	struct memory_fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	test->priv = f;
	f->vmm = fake_vmm_new(test);
	fake_vmm_vectors(f->vmm);
	f->vmm->zeroing = ZEROING;
	f->vmm->priv = f;
	f->dev = fake_vmm_plug(test, f->vmm);
	return 0;
}

static u64 memory_zeroing(struct kunit *test)
{
	struct pvmemcontrol_info info;

	KUNIT_EXPECT_EQ(test, 0, pvmemcontrol_get_info(&info));
	/* All else is as it was. */
	KUNIT_EXPECT_EQ(test, (u32)PVMC_VECTOR_ENTRIES, info.vector_max);
	return info.zeroing;
}

/* Less is true of more memory; and what once was not true never is again. */
static void memory_other_backing(struct kunit *test)
{
	struct memory_fixture *f = test->priv;

	pvmc_memory_comes();
	KUNIT_EXPECT_EQ(test, 2U, f->vmm->asked);
	KUNIT_EXPECT_EQ(test, ZEROING, memory_zeroing(test));
	f->vmm->zeroing = LESS;
	f->vmm->vector_max = 1;
	KUNIT_EXPECT_EQ(test, ZEROING, memory_zeroing(test));
	pvmc_memory_comes();
	KUNIT_EXPECT_EQ(test, LESS, memory_zeroing(test));
	f->vmm->zeroing = U64_MAX;
	pvmc_memory_comes();
	KUNIT_EXPECT_EQ(test, LESS, memory_zeroing(test));
}

/* Without an answer that makes sense nothing is true of it. */
static void memory_no_answer(struct kunit *test)
{
	static const struct {
		enum fake_fault fault;
		bool recovers;
	} faults[] = {
		{ FAKE_FAULT_REFUSE, false },
		{ FAKE_FAULT_ERRNO, false },
		{ FAKE_FAULT_LIE, false },
		{ FAKE_FAULT_SILENT, true },
		{ FAKE_FAULT_ELSEWHERE, true },
	};
	struct memory_fixture *f = test->priv;
	unsigned long recovered = 0;
	unsigned long flags;
	int i;

	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		pvmc_device_suspend(f->dev);
		KUNIT_ASSERT_EQ(test, 0, pvmc_device_resume(f->dev));
		KUNIT_EXPECT_EQ(test, ZEROING, memory_zeroing(test));
		/* Not connected anew before this was looked at. */
		local_irq_save(flags);
		fake_vmm_fault(f->vmm, faults[i].fault, EINVAL, 0, 1);
		pvmc_memory_comes();
		KUNIT_EXPECT_EQ(test, 0ULL, f->dev->info.zeroing);
		local_irq_restore(flags);
		recovered += faults[i].recovers;
		KUNIT_EXPECT_TRUE(test, fake_wait_recovered(f->dev, recovered));
	}
}

/* It has nothing to say. */
static void memory_1_0(struct kunit *test)
{
	struct memory_fixture *f = test->priv;
	unsigned int asked;

	f->vmm->features = 0;
	pvmc_device_suspend(f->dev);
	KUNIT_ASSERT_EQ(test, 0, pvmc_device_resume(f->dev));
	asked = f->vmm->asked;
	pvmc_memory_comes();
	KUNIT_EXPECT_EQ(test, asked, f->vmm->asked);
}

/* After the VMM was asked, and before the device is up. */
static void memory_comes_meanwhile(struct fake_vmm *vmm,
				   const struct pvmemcontrol_vmm_call *call)
{
	if (call->func_code != PVMEMCONTROL_VIOLATION)
		return;
	vmm->zeroing = LESS;
	pvmc_memory_comes();
}

static void memory_while_connected(struct kunit *test)
{
	struct memory_fixture *f = test->priv;

	f->vmm->features |= PVMEMCONTROL_FEATURE_VIOLATION;
	pvmc_device_suspend(f->dev);
	f->vmm->on_kick = memory_comes_meanwhile;
	KUNIT_EXPECT_EQ(test, 0, pvmc_device_resume(f->dev));
	KUNIT_EXPECT_EQ(test, LESS, memory_zeroing(test));

	/* So when it is new. */
	fake_vmm_unplug(test, f->dev);
	f->vmm->zeroing = ZEROING;
	f->dev = fake_vmm_plug(test, f->vmm);
	KUNIT_EXPECT_EQ(test, LESS, memory_zeroing(test));

	/* While it is suspended it is left alone. */
	f->vmm->on_kick = NULL;
	pvmc_device_suspend(f->dev);
	pvmc_memory_comes();
	KUNIT_EXPECT_EQ(test, 0U, f->vmm->ignored);
	KUNIT_EXPECT_EQ(test, 0, pvmc_device_resume(f->dev));
}

static struct kunit_case pvmc_memory_cases[] = {
	KUNIT_CASE(memory_other_backing),
	KUNIT_CASE(memory_no_answer),
	KUNIT_CASE(memory_1_0),
	KUNIT_CASE(memory_while_connected),
	{}
};

static struct kunit_suite pvmc_memory_suite = {
	.name = "pvmc_memory",
	.init = memory_init,
	.test_cases = pvmc_memory_cases,
};
kunit_test_suite(pvmc_memory_suite);
