// SPDX-License-Identifier: GPL-2.0
/*
 * Guards that were touched and opened, as the policy is to report: they are set
 * again, but not under who runs there.
 */
#include <linux/bitmap.h>
#include <linux/io.h>

#include "pvmc_kstack_fixture.h"

/* A pool of which three stacks are in use, all guarded. */
static int kstack_touched_init(struct kunit *test)
{
	int err = kstack_init(test);
	unsigned int i;

	for (i = 0; i < 3 && !err; i++)
		kstack_get(test, SZ_16K);
	return err;
}

static unsigned long kstack_guard_pfn(const struct pvmemcontrol_kstack *stack)
{
	return PHYS_PFN(virt_to_phys(stack->base)) - 1;
}

/* As owner() does, and then the core, which has the page opened. */
static void kstack_touch(struct kstack_fixture *f,
			 struct pvmemcontrol_kstack *stack, bool overflow)
{
	stack->overflowed |= overflow;
	stack->touched = true;
	pvmc_block_touched(stack->block);
	clear_bit(kstack_guard_pfn(stack), f->forbidden);
}

static bool kstack_set(struct kstack_fixture *f,
		       const struct pvmemcontrol_kstack *stack)
{
	return test_bit(kstack_guard_pfn(stack), f->forbidden);
}

/* It is that which is told, and nothing else. */
static void kstack_touched(struct kunit *test)
{
	struct kstack_fixture *f = test->priv;
	struct pvmemcontrol_kstack **stack = f->stack;
	unsigned int before = f->vmm->requests;
	struct pvmemcontrol_kstack *other;

	kstack_touch(f, stack[1], false);
	KUNIT_EXPECT_FALSE(test, pvmemcontrol_kstack_guarded(stack[1]));
	KUNIT_EXPECT_TRUE(test, pvmemcontrol_kstack_guarded(stack[0]));
	kstack_consistent(test);
	/* The others are handed out as before. */
	other = pvmemcontrol_kstack_alloc(SZ_16K, PVMEMCONTROL_KSTACK_NOWAIT,
					  "");
	KUNIT_ASSERT_FALSE(test, IS_ERR(other));
	pvmemcontrol_kstack_free(other);
	KUNIT_EXPECT_EQ(test, before, f->vmm->requests);

	pvmc_pool_guard();
	KUNIT_EXPECT_EQ(test, before + 1, f->vmm->requests);
	KUNIT_EXPECT_TRUE(test, kstack_set(f, stack[1]));
	KUNIT_EXPECT_TRUE(test, pvmemcontrol_kstack_guarded(stack[1]));
	pvmc_pool_guard();
	KUNIT_EXPECT_EQ(test, before + 1, f->vmm->requests);
	kstack_consistent(test);
	kstack_empty(test);
}

/* Nobody takes from who is beyond the end what he has there. */
static void kstack_overflowed(struct kunit *test)
{
	const struct pvmemcontrol_client_ops *ops = pvmc_kstack_client.ops;
	struct kstack_fixture *f = test->priv;
	struct pvmemcontrol_kstack *stack = f->stack[2];
	struct pvmc_kstack_block *block = stack->block;
	unsigned int before = f->vmm->requests;

	kstack_touch(f, stack, true);
	pvmc_pool_guard();
	KUNIT_EXPECT_EQ(test, before, f->vmm->requests);
	KUNIT_EXPECT_FALSE(test, kstack_set(f, stack));
	KUNIT_EXPECT_FALSE(test, pvmemcontrol_kstack_guarded(stack));
	/* Nor when all are told anew, or had been opened. */
	ops->forget(&pvmc_kstack_client);
	bitmap_zero(f->forbidden, f->nr_pages);
	ops->restore(&pvmc_kstack_client);
	KUNIT_EXPECT_EQ(test, block->nr - 1, kstack_forbidden(f));
	mutex_lock(&pvmc_guard_mutex);
	KUNIT_EXPECT_EQ(test, 0, pvmc_block_open(block));
	KUNIT_EXPECT_EQ(test, 0, pvmc_block_guard(block));
	mutex_unlock(&pvmc_guard_mutex);
	KUNIT_EXPECT_EQ(test, block->nr - 1, kstack_forbidden(f));
	KUNIT_EXPECT_FALSE(test, kstack_set(f, stack));
	KUNIT_EXPECT_TRUE(test, pvmemcontrol_kstack_guarded(f->stack[0]));
	kstack_consistent(test);

	/* He has come back; and whoever is next has a guard. */
	f->nr--;
	pvmemcontrol_kstack_free(stack);
	before = f->vmm->requests;
	KUNIT_EXPECT_PTR_EQ(test, stack, kstack_get(test, SZ_16K));
	KUNIT_EXPECT_EQ(test, before + 1, f->vmm->requests);
	KUNIT_EXPECT_TRUE(test, kstack_set(f, stack));
	kstack_consistent(test);
	kstack_empty(test);
}

/* One that was freed and that nobody wants is set again too. */
static void kstack_overflowed_freed(struct kunit *test)
{
	struct kstack_fixture *f = test->priv;
	struct pvmemcontrol_kstack *stack = f->stack[2];

	kstack_touch(f, stack, true);
	pvmc_pool_guard();
	kstack_put_all(f);
	KUNIT_EXPECT_FALSE(test, kstack_set(f, stack));
	pvmc_pool_guard();
	KUNIT_EXPECT_TRUE(test, kstack_set(f, stack));
	kstack_consistent(test);
	kstack_empty(test);
}

/* While the VMM sets one, another is touched. */
static void (*kstack_on_done)(struct fake_vmm *vmm,
			      const struct pvmemcontrol_vmm_call *call);

static void kstack_touch_another(struct fake_vmm *vmm,
				 const struct pvmemcontrol_vmm_call *call)
{
	struct kstack_fixture *f = vmm->priv;

	kstack_on_done(vmm, call);
	vmm->on_done = kstack_on_done;
	kstack_touch(f, f->stack[0], false);
}

static void kstack_touched_meanwhile(struct kunit *test)
{
	struct kstack_fixture *f = test->priv;

	kstack_on_done = f->vmm->on_done;
	f->vmm->on_done = kstack_touch_another;
	kstack_touch(f, f->stack[1], false);
	pvmc_pool_guard();
	KUNIT_EXPECT_TRUE(test, kstack_set(f, f->stack[1]));
	KUNIT_EXPECT_FALSE(test, kstack_set(f, f->stack[0]));
	KUNIT_EXPECT_TRUE(test, pvmemcontrol_kstack_guarded(f->stack[1]));
	KUNIT_EXPECT_FALSE(test, pvmemcontrol_kstack_guarded(f->stack[0]));
	pvmc_pool_guard();
	KUNIT_EXPECT_TRUE(test, kstack_set(f, f->stack[0]));
	KUNIT_EXPECT_TRUE(test, pvmemcontrol_kstack_guarded(f->stack[0]));
	kstack_consistent(test);
	kstack_empty(test);
}

/* The VMM refuses: none is taken to hold, and all are told again. */
static void kstack_touched_refused(struct kunit *test)
{
	struct kstack_fixture *f = test->priv;
	unsigned int i;

	kstack_touch(f, f->stack[0], false);
	kstack_touch(f, f->stack[2], true);
	fake_vmm_fault(f->vmm, FAKE_FAULT_ERRNO, ENOMEM, 0, 1);
	pvmc_pool_guard();
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_FALSE(test,
				   pvmemcontrol_kstack_guarded(f->stack[i]));
	kstack_consistent(test);
	pvmc_pool_guard();
	KUNIT_EXPECT_TRUE(test, kstack_set(f, f->stack[0]));
	KUNIT_EXPECT_TRUE(test, pvmemcontrol_kstack_guarded(f->stack[0]));
	KUNIT_EXPECT_TRUE(test, pvmemcontrol_kstack_guarded(f->stack[1]));
	KUNIT_EXPECT_FALSE(test, kstack_set(f, f->stack[2]));
	kstack_consistent(test);
	kstack_empty(test);
}

static struct kunit_case pvmc_kstack_touched_cases[] = {
	KUNIT_CASE_PARAM(kstack_touched, batch_mode_params),
	KUNIT_CASE_PARAM(kstack_overflowed, batch_mode_params),
	KUNIT_CASE_PARAM(kstack_overflowed_freed, batch_mode_params),
	KUNIT_CASE_PARAM(kstack_touched_meanwhile, batch_mode_params),
	KUNIT_CASE_PARAM(kstack_touched_refused, batch_mode_params),
	{}
};

static struct kunit_suite pvmc_kstack_touched_suite = {
	.name = "pvmc_kstack_touched",
	.init = kstack_touched_init,
	.exit = kstack_exit,
	.test_cases = pvmc_kstack_touched_cases,
};
kunit_test_suite(pvmc_kstack_touched_suite);
