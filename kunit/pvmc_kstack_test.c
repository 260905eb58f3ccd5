// SPDX-License-Identifier: GPL-2.0
/*
 * The pool of guarded stacks, with a VMM that does what it says.
 */
#include <linux/err.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/ptrace.h>
#include <linux/string.h>

#include "pvmc_kstack_fixture.h"

static struct pt_regs kstack_regs;

/* A block takes one exit where there are vectors, and is what it should be. */
static void kstack_block_exits(struct kunit *test)
{
	struct kstack_fixture *f = test->priv;
	unsigned int i, guards = 0;
	phys_addr_t base;
	u64 exits;

	for (i = 0; i < PVMC_KSTACK_CLASSES; i++) {
		struct pvmc_kstack_class *class = &pvmc_kstack_classes[i];
		u64 before = kstack_exits();
		struct pvmemcontrol_kstack *stack =
			kstack_get(test, PVMC_KSTACK_MIN << i);

		guards += class->per_block;
		exits = batch_vectors(test) ? 1 : 1 + class->per_block;
		KUNIT_EXPECT_EQ(test, before + exits, kstack_exits());
		KUNIT_EXPECT_EQ(test, guards, kstack_forbidden(f));
		KUNIT_EXPECT_EQ(test, (size_t)PVMC_KSTACK_MIN << i,
				pvmemcontrol_kstack_size(stack));
		base = virt_to_phys(pvmemcontrol_kstack_base(stack));
		KUNIT_EXPECT_TRUE(test, test_bit(PHYS_PFN(base) - 1,
						 f->forbidden));
		/* The smaller one that has the same. */
		kstack_get(test, (PVMC_KSTACK_MIN << i) - PAGE_SIZE);
		KUNIT_EXPECT_EQ(test, i + 1, kstack_blocks());
	}
	kstack_consistent(test);
	kstack_empty(test);
}

/* Opening is one exit, with vectors or without. */
static void kstack_open_exits(struct kunit *test)
{
	u64 before;

	kstack_get(test, SZ_16K);
	before = kstack_exits();
	kstack_empty(test);
	KUNIT_EXPECT_EQ(test, before + 1, kstack_exits());
}

static void kstack_sizes(struct kunit *test)
{
	struct pvmemcontrol_kstack *stack;

	stack = pvmemcontrol_kstack_alloc(PVMEMCONTROL_KSTACK_MAX + 1, 0, "");
	KUNIT_EXPECT_EQ(test, (long)-EINVAL, PTR_ERR(stack));
	stack = pvmemcontrol_kstack_alloc(SIZE_MAX, 0, "");
	KUNIT_EXPECT_EQ(test, (long)-EINVAL, PTR_ERR(stack));
	stack = kstack_get(test, 0);
	KUNIT_EXPECT_EQ(test, (size_t)SZ_16K, pvmemcontrol_kstack_size(stack));
	stack = kstack_get(test, SZ_16K + 1);
	KUNIT_EXPECT_EQ(test, (size_t)SZ_32K, pvmemcontrol_kstack_size(stack));
	stack = kstack_get(test, PVMEMCONTROL_KSTACK_MAX);
	KUNIT_EXPECT_EQ(test, (size_t)SZ_256K, pvmemcontrol_kstack_size(stack));
	pvmemcontrol_kstack_free(NULL);
}

/*
 * Whoever reads over the end of the page before the block, or of the last one in
 * it, must not meet a guard; each stack has its own right below.
 */
static void kstack_layout(struct kunit *test)
{
	struct kstack_fixture *f = test->priv;
	unsigned int c, i;
	bool guard;

	for (c = 0; c < PVMC_KSTACK_CLASSES; c++) {
		size_t size = PVMC_KSTACK_MIN << c;
		struct pvmc_kstack_block *block = kstack_get(test, size)->block;
		phys_addr_t start = pvmc_block_start(block);
		phys_addr_t last = start + PVMC_BLOCK_SIZE - 1, at;

		KUNIT_EXPECT_EQ(test, block->nr,
				pvmc_block_index(block, start, &guard));
		KUNIT_EXPECT_FALSE(test, guard);
		KUNIT_EXPECT_FALSE(test, test_bit(PHYS_PFN(start),
						  f->forbidden));
		pvmc_block_index(block, last, &guard);
		KUNIT_EXPECT_FALSE(test, guard);
		for (i = 0; i < block->nr; i++) {
			at = virt_to_phys(block->stack[i].base);
			KUNIT_EXPECT_LE(test, at + size - 1, last);
			KUNIT_EXPECT_EQ(test, i, pvmc_block_index(block, at,
								  &guard));
			KUNIT_EXPECT_FALSE(test, guard);
			KUNIT_EXPECT_EQ(test, i,
					pvmc_block_index(block, at + size - 1,
							 &guard));
			KUNIT_EXPECT_FALSE(test, guard);
			KUNIT_EXPECT_EQ(test, i, pvmc_block_index(block, at - 1,
								  &guard));
			KUNIT_EXPECT_TRUE(test, guard);
			KUNIT_EXPECT_TRUE(test, test_bit(PHYS_PFN(at) - 1,
							 f->forbidden));
		}
	}
	/* As many as without the page. */
	KUNIT_EXPECT_EQ(test, 102 + 56 + 30 + 15 + 7, (int)kstack_forbidden(f));
	kstack_empty(test);
}

/* Two places at which stacks are got. */
static noinline struct pvmemcontrol_kstack *kstack_here(unsigned int flags)
{
	struct pvmemcontrol_kstack *stack;

	stack = pvmemcontrol_kstack_alloc(SZ_16K, flags, "here");
	barrier();
	return stack;
}

static noinline struct pvmemcontrol_kstack *kstack_there(unsigned int flags)
{
	struct pvmemcontrol_kstack *stack;

	stack = pvmemcontrol_kstack_alloc(SZ_16K, flags, "there");
	barrier();
	return stack;
}

static void kstack_expect_all(struct kunit *test,
			      struct pvmemcontrol_kstack *stack, int c)
{
	KUNIT_ASSERT_FALSE(test, IS_ERR(stack));
	KUNIT_EXPECT_NULL(test, memchr_inv(stack->base, c, SZ_16K));
}

static void kstack_leave(struct pvmemcontrol_kstack *stack, int c)
{
	memset(stack->base, c, SZ_16K);
	pvmemcontrol_kstack_free(stack);
}

/* Nobody sees what others have left, who does not say that it may be. */
static void kstack_cleared(struct kunit *test)
{
	const unsigned int uncleared = PVMEMCONTROL_KSTACK_UNCLEARED;
	struct kstack_fixture *f = test->priv;
	struct pvmemcontrol_kstack *stack;

	stack = kstack_here(0);
	kstack_expect_all(test, stack, 0);
	kstack_leave(stack, 1);
	/* His own is not cleared. */
	stack = kstack_here(0);
	kstack_expect_all(test, stack, 1);
	kstack_leave(stack, 1);
	stack = kstack_there(0);
	kstack_expect_all(test, stack, 0);
	kstack_leave(stack, 2);
	/* Who did not want it cleared has not made it his own by that. */
	stack = kstack_here(uncleared);
	kstack_expect_all(test, stack, 2);
	pvmemcontrol_kstack_free(stack);
	stack = kstack_here(0);
	kstack_expect_all(test, stack, 0);
	kstack_leave(stack, 3);
	/* Given back, as the VMM says, and it is not so. */
	fake_vmm_fault(f->vmm, FAKE_FAULT_LIE, 0, 0, -1);
	pvmc_idle_run(0);
	fake_vmm_fault(f->vmm, FAKE_FAULT_NONE, 0, 0, 0);
	kstack_expect_all(test, stack, 3);
	do {
		stack = kstack_there(0);
		KUNIT_ASSERT_LT(test, f->nr, KSTACK_MANY);
		f->stack[f->nr++] = stack;
		kstack_expect_all(test, stack, 0);
	} while (f->nr < 102);
}

/* No work is queued, and nobody interrupted, where nothing is given back. */
static void kstack_no_work(struct kunit *test)
{
	struct kstack_fixture *f = test->priv;

	pvmc_idle_ms = 0;
	kstack_get(test, SZ_16K);
	kstack_put_all(f);
	KUNIT_EXPECT_FALSE(test, pvmc_idle_is_queued());
	/* But when a guard was touched. */
	pvmc_idle_hit();
	while (!pvmc_idle_is_queued())
		cpu_relax();
	pvmc_idle_exit();
	KUNIT_EXPECT_FALSE(test, pvmc_idle_is_queued());
	/* What is left in a cache for long is seen, also what was there then. */
	KUNIT_EXPECT_TRUE(test, pvmc_cache_drain(1000 * HZ));
	KUNIT_EXPECT_FALSE(test, pvmc_cache_drain(0));
	KUNIT_EXPECT_FALSE(test, pvmc_cache_drain(0));
	kstack_get(test, SZ_16K);
	KUNIT_EXPECT_TRUE(test, pvmc_cache_drain(1000 * HZ));
}

static u64 kstack_refills(void)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += per_cpu(pvmc_kstack_counters, cpu).refills;
	return sum;
}

/* Neither an exit nor the class's lock. */
static void kstack_steady(struct kunit *test)
{
	const unsigned int flags = PVMEMCONTROL_KSTACK_NOWAIT;
	struct pvmemcontrol_kstack *stack[4];
	u64 exits, refills;
	unsigned int i, j;

	for (i = 0; i < 4; i++)
		kstack_get(test, SZ_16K);
	kstack_put_all(test->priv);
	exits = kstack_exits();
	refills = kstack_refills();
	for (i = 0; i < 1000; i++) {
		for (j = 0; j < 4; j++)
			stack[j] = pvmemcontrol_kstack_alloc(SZ_16K, flags,
							     "steady");
		for (j = 0; j < 4; j++) {
			KUNIT_ASSERT_FALSE(test, IS_ERR(stack[j]));
			pvmemcontrol_kstack_free(stack[j]);
		}
	}
	KUNIT_EXPECT_EQ(test, exits, kstack_exits());
	KUNIT_EXPECT_EQ(test, refills, kstack_refills());
}

static void *kstack_other_than(const struct pvmemcontrol_kstack *stack, int c)
{
	return memchr_inv(stack->base, c, SZ_16K);
}

/* What is in use keeps what is in it, whatever becomes of the others. */
static void kstack_keeps(struct kunit *test)
{
	struct kstack_fixture *f = test->priv;
	unsigned int i, round;

	for (i = 0; i < KSTACK_MANY; i++)
		memset(pvmemcontrol_kstack_base(kstack_get(test, SZ_16K)), i,
		       SZ_16K);
	KUNIT_EXPECT_EQ(test, 2U, kstack_blocks());
	for (round = 0; round < 3; round++) {
		for (i = round; i < KSTACK_MANY; i += 3) {
			pvmemcontrol_kstack_free(f->stack[i]);
			f->stack[i] = NULL;
		}
		pvmc_idle_run(0);
		kstack_shrink();
		for (i = 0; i < KSTACK_MANY; i++)
			if (f->stack[i])
				KUNIT_EXPECT_NULL(test, kstack_other_than(f->stack[i], i));
		kstack_consistent(test);
	}
	f->nr = 0;
	kstack_empty(test);
}

static unsigned int kstack_warm(void)
{
	return pvmc_kstack_classes[0].nr_warm;
}

/* Each stack once, all in one exit where there are vectors. */
static void kstack_gives_back(struct kunit *test)
{
	struct kstack_fixture *f = test->priv;
	u64 before;
	unsigned int i;

	for (i = 0; i < 100; i++)
		memset(pvmemcontrol_kstack_base(kstack_get(test, SZ_16K)), 1,
		       SZ_16K);
	before = kstack_exits();
	pvmc_idle_run(0);
	KUNIT_EXPECT_EQ(test, before, kstack_exits());
	kstack_put_all(f);
	/* Not long enough. */
	KUNIT_EXPECT_TRUE(test, pvmc_idle_run(1000 * HZ));
	KUNIT_EXPECT_EQ(test, before, kstack_exits());
	KUNIT_EXPECT_FALSE(test, pvmc_idle_run(0));
	KUNIT_EXPECT_EQ(test, kstack_exits() - before,
			batch_vectors(test) ? 1ULL : 100ULL);
	KUNIT_EXPECT_EQ(test, 0U, kstack_warm());
	/* They are zero now, as this VMM's memory is, and not asked again. */
	before = kstack_exits();
	pvmc_idle_run(0);
	KUNIT_EXPECT_EQ(test, before, kstack_exits());
	for (i = 0; i < 100; i++)
		KUNIT_EXPECT_NULL(test, kstack_other_than(kstack_get(test, SZ_16K), 0));
	KUNIT_EXPECT_EQ(test, before, kstack_exits());
	kstack_consistent(test);
}

/* A block is freed when all of it is free, and no other. */
static void kstack_shrinks(struct kunit *test)
{
	struct kstack_fixture *f = test->priv;
	unsigned int i;

	for (i = 0; i < KSTACK_MANY; i++)
		kstack_get(test, SZ_16K);
	KUNIT_EXPECT_EQ(test, 0UL, pvmc_pool_empty_blocks());
	kstack_shrink();
	KUNIT_EXPECT_EQ(test, 2U, kstack_blocks());
	/* All but the one that is left of the second. */
	while (f->nr > 1)
		pvmemcontrol_kstack_free(f->stack[--f->nr]);
	kstack_shrink();
	KUNIT_EXPECT_EQ(test, 1U, kstack_blocks());
	kstack_consistent(test);
	kstack_empty(test);
}

/* By default there is none without a guard. */
static void kstack_no_device(struct kunit *test)
{
	const unsigned int flags = PVMEMCONTROL_KSTACK_UNGUARDED;
	struct kstack_fixture *f = test->priv;
	struct pvmemcontrol_kstack *stack;

	kstack_client(test);
	stack = pvmemcontrol_kstack_alloc(SZ_16K, 0, "");
	KUNIT_EXPECT_EQ(test, (long)-ENODEV, PTR_ERR(stack));
	stack = pvmemcontrol_kstack_alloc(SZ_16K, flags, "");
	KUNIT_ASSERT_FALSE(test, IS_ERR(stack));
	f->stack[f->nr++] = stack;
	KUNIT_EXPECT_FALSE(test, pvmemcontrol_kstack_guarded(stack));
	memset(stack->base, 0x5a, SZ_16K);
	stack = pvmemcontrol_kstack_alloc(SZ_16K, 0, "");
	KUNIT_EXPECT_EQ(test, (long)-ENODEV, PTR_ERR(stack));
	stack = pvmemcontrol_kstack_alloc(SZ_16K, PVMEMCONTROL_KSTACK_NOWAIT,
					  "");
	KUNIT_EXPECT_EQ(test, (long)-ENODEV, PTR_ERR(stack));
	kstack_consistent(test);
	/* Then one comes, and what is in use has its guard. */
	kstack_plug(test, true);
	KUNIT_EXPECT_TRUE(test, pvmemcontrol_kstack_guarded(f->stack[0]));
	KUNIT_EXPECT_EQ(test, 102U, kstack_forbidden(f));
	KUNIT_EXPECT_NULL(test, memchr_inv(f->stack[0]->base, 0x5a, SZ_16K));
	kstack_get(test, SZ_16K);
	KUNIT_EXPECT_EQ(test, 1U, kstack_blocks());
	kstack_consistent(test);
	/* It leaves in good order: nothing is forbidden any more. */
	fake_vmm_unplug(test, f->dev);
	KUNIT_EXPECT_EQ(test, 0U, kstack_forbidden(f));
	KUNIT_EXPECT_FALSE(test, pvmemcontrol_kstack_guarded(f->stack[0]));
	kstack_consistent(test);
	kstack_empty(test);
}

/* It leaves at once: what may be forbidden is not freed before it is back. */
static void kstack_device_lost(struct kunit *test)
{
	struct kstack_fixture *f = test->priv;

	kstack_get(test, SZ_16K);
	f->vmm->present = false;
	fake_vmm_unplug(test, f->dev);
	KUNIT_EXPECT_FALSE(test, pvmemcontrol_kstack_guarded(f->stack[0]));
	kstack_put_all(f);
	kstack_shrink();
	KUNIT_EXPECT_EQ(test, 1U, kstack_blocks());
	kstack_consistent(test);
	kstack_plug(test, batch_vectors(test));
	kstack_get(test, SZ_16K);
	KUNIT_EXPECT_EQ(test, 1U, kstack_blocks());
	kstack_consistent(test);
	kstack_empty(test);
}

static enum pvmemcontrol_owner kstack_ask(phys_addr_t addr, char *what)
{
	struct pvmemcontrol_access access = {
		.addr = addr,
		.access = PVMEMCONTROL_ACCESS_WRITE,
		.stopped = true,
		.regs = &kstack_regs,
	};

	memset(what, 0, PVMEMCONTROL_DESCRIPTION);
	return pvmc_kstack_owner(&pvmc_kstack_client, &access, what);
}

static void kstack_owners(struct kunit *test)
{
	char what[PVMEMCONTROL_DESCRIPTION];
	struct pvmemcontrol_kstack *stack = kstack_get(test, SZ_64K);
	phys_addr_t base = virt_to_phys(stack->base);
	struct pvmc_kstack_block *block = stack->block;
	phys_addr_t end = pvmc_block_start(block) + PVMC_BLOCK_SIZE;

	KUNIT_EXPECT_EQ(test, PVMEMCONTROL_MINE, kstack_ask(base - 1, what));
	KUNIT_EXPECT_STREQ(test, what,
			   "guard of 64 KiB stack: the test, of kstack_get");
	KUNIT_EXPECT_EQ(test, PVMEMCONTROL_MINE,
			kstack_ask(base - PAGE_SIZE, what));
	KUNIT_EXPECT_EQ(test, PVMEMCONTROL_NOT_MINE, kstack_ask(base, what));
	KUNIT_EXPECT_EQ(test, PVMEMCONTROL_NOT_MINE,
			kstack_ask(base + SZ_64K - 1, what));
	/* The next one's, which nobody has. */
	KUNIT_EXPECT_EQ(test, PVMEMCONTROL_MINE,
			kstack_ask(base + SZ_64K, what));
	KUNIT_EXPECT_STREQ(test, what, "guard of a free 64 KiB stack");
	/* What is left over at the end, and who is next. */
	KUNIT_EXPECT_EQ(test, PVMEMCONTROL_NOT_MINE, kstack_ask(end - 1, what));
	KUNIT_EXPECT_EQ(test, PVMEMCONTROL_NOT_MINE, kstack_ask(end, what));
	/* Words that are longer than there is room for, and none at all. */
	stack->what = "twenty-three characters and then some more";
	kstack_ask(base - 1, what);
	KUNIT_EXPECT_STREQ(test, what,
			   "guard of 64 KiB stack: twenty-three characters, of kstack_get");
	stack->what = NULL;
	kstack_ask(base - 1, what);
	KUNIT_EXPECT_STREQ(test, what,
			   "guard of 64 KiB stack for kstack_get");

	mutex_lock(&pvmc_guard_mutex);
	block->guarding = PVMC_CLOSING;
	KUNIT_EXPECT_EQ(test, PVMEMCONTROL_STALE, kstack_ask(base - 1, what));
	block->guarding = PVMC_GUARDED;
	KUNIT_EXPECT_EQ(test, 0, pvmc_block_open(block));
	KUNIT_EXPECT_EQ(test, PVMEMCONTROL_STALE, kstack_ask(base - 1, what));
	mutex_unlock(&pvmc_guard_mutex);
	kstack_empty(test);
	KUNIT_EXPECT_EQ(test, PVMEMCONTROL_NOT_MINE,
			kstack_ask(base - 1, what));
}

/* Where the VMM has functions for guards, no others are used for them. */
static void kstack_own_functions(struct kunit *test)
{
	struct kstack_fixture *f = test->priv;
	u64 before;

	f->features = PVMEMCONTROL_FEATURE_GUARD;
	kstack_plug(test, true);
	kstack_client(test);
	before = kstack_exits();
	kstack_get(test, SZ_64K);
	KUNIT_EXPECT_EQ(test, before + 1, kstack_exits());
	KUNIT_EXPECT_EQ(test, 30U, kstack_forbidden(f));
	KUNIT_EXPECT_EQ(test, (u64)PVMEMCONTROL_DONTNEED,
			f->vmm->log[0].func_code);
	KUNIT_EXPECT_EQ(test, (u64)PVMEMCONTROL_GUARD,
			f->vmm->log[1].func_code);
	KUNIT_EXPECT_EQ(test, 31U, f->vmm->requests);
	kstack_consistent(test);
	/* The next does not have them: it is told what it knows. */
	f->features = 0;
	fake_vmm_unplug(test, f->dev);
	KUNIT_EXPECT_EQ(test, 0U, kstack_forbidden(f));
	kstack_plug(test, true);
	KUNIT_EXPECT_EQ(test, 30U, kstack_forbidden(f));
	/* Nothing is dropped under who may be over the end, but for the others. */
	KUNIT_EXPECT_EQ(test, (u64)PVMEMCONTROL_MPROTECT_NONE,
			f->vmm->log[0].func_code);
	KUNIT_EXPECT_EQ(test, (u64)PVMEMCONTROL_DONTNEED,
			f->vmm->log[1].func_code);
	KUNIT_EXPECT_EQ(test, 59U, f->vmm->requests);
	kstack_consistent(test);
	kstack_empty(test);
}

static struct kunit_case pvmc_kstack_cases[] = {
	KUNIT_CASE_PARAM(kstack_block_exits, batch_mode_params),
	KUNIT_CASE_PARAM(kstack_open_exits, batch_mode_params),
	KUNIT_CASE_PARAM(kstack_sizes, batch_mode_params),
	KUNIT_CASE_PARAM(kstack_layout, batch_mode_params),
	KUNIT_CASE_PARAM(kstack_cleared, batch_mode_params),
	KUNIT_CASE_PARAM(kstack_no_work, batch_mode_params),
	KUNIT_CASE_PARAM(kstack_steady, batch_mode_params),
	KUNIT_CASE_PARAM(kstack_keeps, batch_mode_params),
	KUNIT_CASE_PARAM(kstack_gives_back, batch_mode_params),
	KUNIT_CASE_PARAM(kstack_shrinks, batch_mode_params),
	KUNIT_CASE(kstack_own_functions),
	KUNIT_CASE(kstack_no_device),
	KUNIT_CASE_PARAM(kstack_device_lost, batch_mode_params),
	KUNIT_CASE_PARAM(kstack_owners, batch_mode_params),
	{}
};

static struct kunit_suite pvmc_kstack_suite = {
	.name = "pvmc_kstack",
	.init = kstack_init,
	.exit = kstack_exit,
	.test_cases = pvmc_kstack_cases,
};
kunit_test_suite(pvmc_kstack_suite);
