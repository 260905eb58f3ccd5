// SPDX-License-Identifier: GPL-2.0
/*
 * Guards that were touched and opened, as the policy is to report: they are set
 * again, and nobody loses what he has there.
 */
#include <linux/bitmap.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/kthread.h>
#include <linux/ptrace.h>
#include <linux/string.h>

#include "pvmc_kstack_fixture.h"

struct kstack_touched_case {
	const char *name;
	bool vectors;
	u64 features;
};

static const struct kstack_touched_case kstack_touched_cases[] = {
	{ "1.0" },
	{ "1.1", true },
	{ "1.1, its own guards", true, PVMEMCONTROL_FEATURE_GUARD },
};

static void kstack_touched_name(const struct kstack_touched_case *c, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s", c->name);
}
KUNIT_ARRAY_PARAM(kstack_touched, kstack_touched_cases, kstack_touched_name);

/* A pool of which three stacks are in use, all guarded. */
static int kstack_touched_init(struct kunit *test)
{
	const struct kstack_touched_case *c = test->param_value;
	unsigned int i;
	int err;

	err = kstack_init_plugged(test, c->vectors, c->features);
	for (i = 0; i < 3 && !err; i++)
		kstack_get(test, SZ_16K);
	return err;
}

static void *kstack_guard(const struct pvmemcontrol_kstack *stack)
{
	return stack->base - PAGE_SIZE;
}

static unsigned long kstack_guard_pfn(const struct pvmemcontrol_kstack *stack)
{
	return PHYS_PFN(virt_to_phys(kstack_guard(stack)));
}

/* Too large for a stack, with some architectures. */
static struct pt_regs kstack_regs;

/* Somebody is stopped at a guard, with his stack pointer there. */
static void kstack_hit(struct kunit *test, struct pvmemcontrol_kstack *stack,
		       const void *sp, bool stopped)
{
	char what[PVMEMCONTROL_DESCRIPTION];
	struct pvmemcontrol_access access = {
		.addr = virt_to_phys(kstack_guard(stack)) + 8,
		.access = PVMEMCONTROL_ACCESS_WRITE,
		.stopped = stopped,
		.regs = &kstack_regs,
	};

#ifdef CONFIG_X86
	kstack_regs.sp = (unsigned long)sp;
#endif
	KUNIT_EXPECT_EQ(test, stack->block->guarding == PVMC_CLOSING ?
			      PVMEMCONTROL_STALE : PVMEMCONTROL_MINE,
			pvmc_kstack_owner(&pvmc_kstack_client, &access, what));
	/* Where the architecture does not say who runs where. */
	if (!IS_ENABLED(CONFIG_X86) && stopped && stack->used && sp)
		stack->overflowed = true;
}

/* And then the core has the page opened. */
static void kstack_open(struct kstack_fixture *f,
			struct pvmemcontrol_kstack *stack)
{
	unsigned long pfn = kstack_guard_pfn(stack);
	bool own = f->features & PVMEMCONTROL_FEATURE_GUARD;

	if (test_and_clear_bit(pfn, f->forbidden) && own)
		memset(kstack_guard(stack), 0, PAGE_SIZE);
}

static void kstack_touch(struct kunit *test, struct pvmemcontrol_kstack *stack)
{
	kstack_hit(test, stack, NULL, true);
	kstack_open(test->priv, stack);
}

/* He who runs on it goes on, and has something there. */
static void kstack_overflow(struct kunit *test,
			    struct pvmemcontrol_kstack *stack)
{
	kstack_hit(test, stack, stack->base - 64, true);
	kstack_open(test->priv, stack);
	memset(kstack_guard(stack), 0x5a, PAGE_SIZE);
}

static bool kstack_set(struct kunit *test,
		       const struct pvmemcontrol_kstack *stack)
{
	struct kstack_fixture *f = test->priv;

	return test_bit(kstack_guard_pfn(stack), f->forbidden);
}

static bool kstack_kept(const struct pvmemcontrol_kstack *stack)
{
	return !memchr_inv(kstack_guard(stack), 0x5a, PAGE_SIZE);
}

/* It is that which is told, and nothing else; and nothing is lost. */
static void kstack_touched(struct kunit *test)
{
	struct kstack_fixture *f = test->priv;
	struct pvmemcontrol_kstack **stack = f->stack;
	unsigned int before = f->vmm->requests;
	struct pvmemcontrol_kstack *other;

	kstack_touch(test, stack[1]);
	/* Unseen, as it is open. */
	memset(kstack_guard(stack[1]), 0x5a, PAGE_SIZE);
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
	KUNIT_EXPECT_TRUE(test, kstack_set(test, stack[1]));
	KUNIT_EXPECT_TRUE(test, kstack_kept(stack[1]));
	KUNIT_EXPECT_TRUE(test, pvmemcontrol_kstack_guarded(stack[1]));
	pvmc_pool_guard();
	KUNIT_EXPECT_EQ(test, before + 1, f->vmm->requests);
	kstack_consistent(test);
	kstack_empty(test);
}

/* An access that was let through leaves the guard as it was. */
static void kstack_let_through(struct kunit *test)
{
	struct kstack_fixture *f = test->priv;
	unsigned int before = f->vmm->requests;

	kstack_hit(test, f->stack[0], f->stack[0]->base + 64, false);
	KUNIT_EXPECT_TRUE(test, pvmemcontrol_kstack_guarded(f->stack[0]));
	pvmc_pool_guard();
	KUNIT_EXPECT_EQ(test, before, f->vmm->requests);
	kstack_empty(test);
}

#ifdef CONFIG_X86
/* Of whom it is taken that he overflowed: who runs on the stack, and nobody else. */
static void kstack_who(struct kunit *test)
{
	struct kstack_fixture *f = test->priv;
	struct pvmemcontrol_kstack *stack = f->stack[2];

	kstack_hit(test, stack, kstack_guard(stack) - 1, true);
	KUNIT_EXPECT_FALSE(test, stack->overflowed);
	kstack_hit(test, stack, stack->base + SZ_16K, true);
	KUNIT_EXPECT_FALSE(test, stack->overflowed);
	kstack_hit(test, stack, stack->base + SZ_16K - 8, true);
	KUNIT_EXPECT_TRUE(test, stack->overflowed);
	pvmc_guard_left(stack);
	KUNIT_EXPECT_FALSE(test, stack->overflowed);
	kstack_hit(test, stack, kstack_guard(stack), true);
	KUNIT_EXPECT_TRUE(test, stack->overflowed);
	/* Nobody has it any more: he has no business there. */
	f->nr--;
	pvmemcontrol_kstack_free(stack);
	KUNIT_EXPECT_FALSE(test, stack->overflowed);
	kstack_hit(test, stack, kstack_guard(stack), true);
	KUNIT_EXPECT_FALSE(test, stack->overflowed);
	kstack_empty(test);
}

#endif

/* Nobody takes from who is beyond the end what he has there. */
static void kstack_overflowed(struct kunit *test)
{
	const struct pvmemcontrol_client_ops *ops = pvmc_kstack_client.ops;
	struct kstack_fixture *f = test->priv;
	struct pvmemcontrol_kstack *stack = f->stack[2];
	struct pvmc_kstack_block *block = stack->block;
	unsigned int before = f->vmm->requests;

	kstack_overflow(test, stack);
	pvmc_pool_guard();
	KUNIT_EXPECT_EQ(test, before, f->vmm->requests);
	KUNIT_EXPECT_FALSE(test, kstack_set(test, stack));
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
	KUNIT_EXPECT_FALSE(test, kstack_set(test, stack));
	KUNIT_EXPECT_TRUE(test, pvmemcontrol_kstack_guarded(f->stack[0]));
	KUNIT_EXPECT_TRUE(test, kstack_kept(stack));
	kstack_consistent(test);

	/* He has come back; and whoever is next has a guard. */
	f->nr--;
	pvmemcontrol_kstack_free(stack);
	while (kstack_get(test, SZ_16K) != stack)
		KUNIT_ASSERT_LT(test, f->nr, block->nr);
	KUNIT_EXPECT_TRUE(test, kstack_set(test, stack));
	kstack_consistent(test);
	kstack_empty(test);
}

/* While guards are being opened, and that fails then. */
static void kstack_overflowed_closing(struct kunit *test)
{
	struct kstack_fixture *f = test->priv;
	struct pvmemcontrol_kstack *stack = f->stack[1];
	struct pvmc_kstack_block *block = stack->block;

	mutex_lock(&pvmc_guard_mutex);
	block->guarding = PVMC_CLOSING;
	kstack_overflow(test, stack);
	block->guarding = PVMC_UNSURE;
	mutex_unlock(&pvmc_guard_mutex);
	pvmc_pool_guard();
	KUNIT_EXPECT_EQ(test, PVMC_GUARDED, block->guarding);
	KUNIT_EXPECT_FALSE(test, kstack_set(test, stack));
	KUNIT_EXPECT_TRUE(test, kstack_kept(stack));
	kstack_consistent(test);
	kstack_empty(test);
}

#ifdef CONFIG_X86
static long kstack_go_over(void *arg)
{
	struct kunit *test = arg;
	struct kstack_fixture *f = test->priv;

	kstack_overflow(test, f->stack[0]);
	pvmc_pool_guard();
	KUNIT_EXPECT_FALSE(test, kstack_set(test, f->stack[0]));
	KUNIT_EXPECT_TRUE(test, kstack_kept(f->stack[0]));
	return 0;
}

/* One that was only called there has come back when the call is over. */
static void kstack_overflowed_call(struct kunit *test)
{
	struct kstack_fixture *f = test->priv;

	KUNIT_EXPECT_EQ(test, 0, pvmemcontrol_kstack_call_on(f->stack[0],
							     kstack_go_over,
							     test, NULL));
	KUNIT_EXPECT_FALSE(test, f->stack[0]->overflowed);
	KUNIT_EXPECT_FALSE(test, pvmemcontrol_kstack_guarded(f->stack[0]));
	pvmc_pool_guard();
	KUNIT_EXPECT_TRUE(test, kstack_set(test, f->stack[0]));
	KUNIT_EXPECT_TRUE(test, pvmemcontrol_kstack_guarded(f->stack[0]));
	kstack_consistent(test);
	kstack_empty(test);
}

#endif

/* While the VMM sets it, it is touched again, or another is. */
static void (*kstack_note)(struct fake_vmm *vmm,
			   const struct pvmemcontrol_vmm_call *call);
static struct kunit *kstack_test;
static struct pvmemcontrol_kstack *kstack_next;

static void kstack_touch_next(struct fake_vmm *vmm,
			      const struct pvmemcontrol_vmm_call *call)
{
	kstack_note(vmm, call);
	vmm->on_done = kstack_note;
	kstack_touch(kstack_test, kstack_next);
}

static void kstack_touched_meanwhile(struct kunit *test)
{
	struct kstack_fixture *f = test->priv;
	unsigned int i;

	kstack_test = test;
	kstack_note = f->vmm->on_done;
	for (i = 0; i < 2; i++) {
		kstack_next = f->stack[i];
		f->vmm->on_done = kstack_touch_next;
		kstack_touch(test, f->stack[1]);
		pvmc_pool_guard();
		KUNIT_EXPECT_FALSE(test, kstack_set(test, kstack_next));
		KUNIT_EXPECT_FALSE(test,
				   pvmemcontrol_kstack_guarded(kstack_next));
		KUNIT_EXPECT_EQ(test, i == 0,
				pvmemcontrol_kstack_guarded(f->stack[1]));
		kstack_consistent(test);
		pvmc_pool_guard();
		KUNIT_EXPECT_TRUE(test, kstack_set(test, kstack_next));
		KUNIT_EXPECT_TRUE(test,
				  pvmemcontrol_kstack_guarded(kstack_next));
		kstack_consistent(test);
	}
	kstack_empty(test);
}

/* One who is slow between saying so and the opening. */
static DECLARE_COMPLETION(kstack_said);

static int kstack_slow(void *unused)
{
	struct kstack_fixture *f = kstack_test->priv;

	rcu_read_lock();
	kstack_hit(kstack_test, f->stack[0], NULL, true);
	complete(&kstack_said);
	mdelay(50);
	kstack_open(f, f->stack[0]);
	rcu_read_unlock();
	while (!kthread_should_stop())
		msleep(20);
	return 0;
}

static void kstack_touched_slowly(struct kunit *test)
{
	struct kstack_fixture *f = test->priv;
	struct task_struct *slow;

	kstack_test = test;
	reinit_completion(&kstack_said);
	slow = kthread_run(kstack_slow, NULL, "kstack_slow");
	KUNIT_ASSERT_FALSE(test, IS_ERR(slow));
	wait_for_completion(&kstack_said);
	pvmc_pool_guard();
	KUNIT_EXPECT_TRUE(test, pvmemcontrol_kstack_guarded(f->stack[0]));
	KUNIT_EXPECT_EQ(test, 0, kthread_stop(slow));
	KUNIT_EXPECT_TRUE(test, kstack_set(test, f->stack[0]));
	kstack_consistent(test);
	kstack_empty(test);
}

/* The VMM refuses: that one is not taken to hold, and it alone is told again. */
static void kstack_touched_refused(struct kunit *test)
{
	struct kstack_fixture *f = test->priv;
	unsigned int before = f->vmm->requests;

	kstack_touch(test, f->stack[0]);
	kstack_touch(test, f->stack[1]);
	kstack_overflow(test, f->stack[2]);
	f->vmm->fault_entries = true;
	fake_vmm_fault(f->vmm, FAKE_FAULT_ERRNO, EAGAIN, 0, 1);
	pvmc_pool_guard();
	KUNIT_EXPECT_EQ(test, 1, pvmemcontrol_kstack_guarded(f->stack[0]) +
				 pvmemcontrol_kstack_guarded(f->stack[1]));
	kstack_consistent(test);
	KUNIT_EXPECT_EQ(test, before + 2, f->vmm->requests);
	pvmc_pool_guard();
	KUNIT_EXPECT_EQ(test, before + 3, f->vmm->requests);
	KUNIT_EXPECT_TRUE(test, pvmemcontrol_kstack_guarded(f->stack[0]));
	KUNIT_EXPECT_TRUE(test, pvmemcontrol_kstack_guarded(f->stack[1]));
	KUNIT_EXPECT_FALSE(test, kstack_set(test, f->stack[2]));
	KUNIT_EXPECT_TRUE(test, kstack_kept(f->stack[2]));
	kstack_consistent(test);
	kstack_empty(test);
}

/* What was kept is, until the stack is freed, also when all are told anew. */
static void kstack_touched_kept(struct kunit *test)
{
	const struct pvmemcontrol_client_ops *ops = pvmc_kstack_client.ops;
	struct kstack_fixture *f = test->priv;
	struct pvmemcontrol_kstack *stack = f->stack[0];
	unsigned int i;

	kstack_touch(test, stack);
	memset(kstack_guard(stack), 0x5a, PAGE_SIZE);
	for (i = 0; i < 3; i++) {
		ops->forget(&pvmc_kstack_client);
		/* Or the VMM has not forgotten them. */
		if (i)
			bitmap_zero(f->forbidden, f->nr_pages);
		ops->restore(&pvmc_kstack_client);
		KUNIT_EXPECT_TRUE(test, pvmemcontrol_kstack_guarded(stack));
		KUNIT_EXPECT_EQ(test, stack->block->nr, kstack_forbidden(f));
		KUNIT_EXPECT_TRUE(test, kstack_kept(stack));
		kstack_consistent(test);
	}
	kstack_put_all(f);
	KUNIT_EXPECT_FALSE(test, stack->kept);
	kstack_empty(test);
}

/* All are told anew, and one of them cannot be set: that one only, or all are. */
static void kstack_touched_refused_anew(struct kunit *test)
{
	struct kstack_fixture *f = test->priv;
	struct pvmemcontrol_kstack *stack = f->stack[0];
	struct pvmc_kstack_block *block = stack->block;
	unsigned int i, alone = 0;

	f->vmm->fault_entries = true;
	for (i = 0; i < block->nr; i++) {
		kstack_touch(test, stack);
		mutex_lock(&pvmc_guard_mutex);
		pvmc_block_forget(block);
		mutex_unlock(&pvmc_guard_mutex);
		bitmap_zero(f->forbidden, f->nr_pages);
		fake_vmm_fault(f->vmm, FAKE_FAULT_ERRNO, ENOSPC, i, 1);
		pvmc_pool_guard();
		KUNIT_EXPECT_EQ(test, block->nr - 1, kstack_forbidden(f));
		KUNIT_EXPECT_FALSE(test, pvmemcontrol_kstack_guarded(stack));
		if (kstack_set(test, stack)) {
			KUNIT_EXPECT_EQ(test, PVMC_UNSURE, block->guarding);
		} else {
			KUNIT_EXPECT_EQ(test, PVMC_GUARDED, block->guarding);
			KUNIT_EXPECT_TRUE(test,
					  pvmemcontrol_kstack_guarded(f->stack[1]));
			alone++;
		}
		kstack_consistent(test);
		pvmc_pool_guard();
		KUNIT_EXPECT_TRUE(test, pvmemcontrol_kstack_guarded(stack));
		kstack_consistent(test);
	}
	KUNIT_EXPECT_EQ(test, 1U, alone);
	kstack_empty(test);
}

/* A VMM that is busy is asked again, by itself. */
static void kstack_touched_busy(struct kunit *test)
{
	struct kstack_fixture *f = test->priv;

	kstack_touch(test, f->stack[0]);
	while (!pvmc_idle_is_queued())
		cpu_relax();
	pvmc_idle_exit();
	f->vmm->fault_entries = true;
	fake_vmm_fault(f->vmm, FAKE_FAULT_ERRNO, ENOSPC, 0, 1);
	pvmc_pool_guard();
	pvmc_idle_exit();
	KUNIT_EXPECT_FALSE(test, pvmemcontrol_kstack_guarded(f->stack[0]));
	fake_vmm_fault(f->vmm, FAKE_FAULT_ERRNO, EAGAIN, 0, 1);
	pvmc_pool_guard();
	KUNIT_EXPECT_FALSE(test, pvmemcontrol_kstack_guarded(f->stack[0]));
	while (!pvmc_idle_is_queued())
		cpu_relax();
	pvmc_idle_exit();
	pvmc_pool_guard();
	KUNIT_EXPECT_TRUE(test, pvmemcontrol_kstack_guarded(f->stack[0]));
	kstack_empty(test);
}

/* A free one that was touched is in nobody's way, of whichever size. */
static void kstack_touched_free(struct kunit *test)
{
	static const size_t sizes[] = { SZ_16K, SZ_256K };
	const unsigned int flags = PVMEMCONTROL_KSTACK_NOWAIT;
	struct kstack_fixture *f = test->priv;
	struct pvmemcontrol_kstack *stack, *other;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		stack = kstack_get(test, sizes[i]);
		f->nr--;
		pvmemcontrol_kstack_free(stack);
		kstack_touch(test, stack);
		other = pvmemcontrol_kstack_alloc(sizes[i], flags, "");
		KUNIT_ASSERT_FALSE(test, IS_ERR(other));
		KUNIT_EXPECT_PTR_NE(test, other, stack);
		KUNIT_EXPECT_TRUE(test, pvmemcontrol_kstack_guarded(other));
		pvmemcontrol_kstack_free(other);
	}
	pvmc_pool_guard();
	kstack_consistent(test);
	kstack_empty(test);
}

/* The last one there is set for who may wait, and not had by who may not. */
static void kstack_touched_last(struct kunit *test)
{
	struct kstack_fixture *f = test->priv;
	struct pvmemcontrol_kstack *stack, *none;

	do {
		stack = kstack_get(test, SZ_256K);
	} while (f->nr < 3 + stack->block->nr);
	f->nr--;
	kstack_touch(test, stack);
	pvmemcontrol_kstack_free(stack);
	none = pvmemcontrol_kstack_alloc(SZ_256K, PVMEMCONTROL_KSTACK_NOWAIT,
					 "");
	KUNIT_EXPECT_EQ(test, (long)-EAGAIN, PTR_ERR(none));
	KUNIT_EXPECT_PTR_EQ(test, stack, kstack_get(test, SZ_256K));
	kstack_consistent(test);
	kstack_empty(test);
}

/* Who needs no guard gets what was touched, and may go over the end of that. */
static void kstack_touched_unguarded(struct kunit *test)
{
	struct kstack_fixture *f = test->priv;
	struct pvmemcontrol_kstack *stack = f->stack[--f->nr];
	const unsigned int flags = PVMEMCONTROL_KSTACK_UNGUARDED;

	kstack_touch(test, stack);
	pvmemcontrol_kstack_free(stack);
	do {
		KUNIT_ASSERT_LT(test, f->nr, stack->block->nr);
		f->stack[f->nr] = pvmemcontrol_kstack_alloc(SZ_16K, flags,
							    "any");
		KUNIT_ASSERT_FALSE(test, IS_ERR(f->stack[f->nr]));
	} while (f->stack[f->nr++] != stack);
	KUNIT_EXPECT_FALSE(test, kstack_set(test, stack));
	memset(kstack_guard(stack), 0x5a, PAGE_SIZE);
	pvmc_pool_guard();
	KUNIT_EXPECT_TRUE(test, kstack_set(test, stack));
	KUNIT_EXPECT_TRUE(test, kstack_kept(stack));
	kstack_consistent(test);
	kstack_empty(test);
}

static struct kunit_case pvmc_kstack_touched_cases[] = {
	KUNIT_CASE_PARAM(kstack_touched, kstack_touched_gen_params),
	KUNIT_CASE_PARAM(kstack_let_through, kstack_touched_gen_params),
#ifdef CONFIG_X86
	KUNIT_CASE_PARAM(kstack_who, kstack_touched_gen_params),
	KUNIT_CASE_PARAM(kstack_overflowed_call, kstack_touched_gen_params),
#endif
	KUNIT_CASE_PARAM(kstack_overflowed, kstack_touched_gen_params),
	KUNIT_CASE_PARAM(kstack_overflowed_closing, kstack_touched_gen_params),
	KUNIT_CASE_PARAM(kstack_touched_meanwhile, kstack_touched_gen_params),
	KUNIT_CASE_PARAM(kstack_touched_slowly, kstack_touched_gen_params),
	KUNIT_CASE_PARAM(kstack_touched_refused, kstack_touched_gen_params),
	KUNIT_CASE_PARAM(kstack_touched_refused_anew, kstack_touched_gen_params),
	KUNIT_CASE_PARAM(kstack_touched_kept, kstack_touched_gen_params),
	KUNIT_CASE_PARAM(kstack_touched_busy, kstack_touched_gen_params),
	KUNIT_CASE_PARAM(kstack_touched_free, kstack_touched_gen_params),
	KUNIT_CASE_PARAM(kstack_touched_last, kstack_touched_gen_params),
	KUNIT_CASE_PARAM(kstack_touched_unguarded, kstack_touched_gen_params),
	{}
};

static struct kunit_suite pvmc_kstack_touched_suite = {
	.name = "pvmc_kstack_touched",
	.init = kstack_touched_init,
	.exit = kstack_exit,
	.test_cases = pvmc_kstack_touched_cases,
};
kunit_test_suite(pvmc_kstack_touched_suite);
