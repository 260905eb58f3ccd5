// SPDX-License-Identifier: GPL-2.0
/*
 * The fault matrix of the pool of guarded stacks: what is on a stack in use
 * stays, nothing is forbidden but guards, and those that are said to hold do.
 */
#include <linux/bitmap.h>
#include <linux/err.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/page-flags.h>

#include "matrix.h"
#include "pvmc_kstack_fixture.h"

/* Of which there are the fewest in a block, and so the fewest guards. */
#define SIZE	PVMEMCONTROL_KSTACK_MAX

/* Blocks that cannot be opened: more than there are at a time. */
#define LOST_MAX	8U

/* A word of each page of a stack in use. */
static u64 *kstack_word(const struct kstack_fixture *f, unsigned int i,
			size_t at)
{
	return pvmemcontrol_kstack_base(f->stack[i]) + at + i * sizeof(u64);
}

static u64 kstack_value(const struct kstack_fixture *f, unsigned int i,
			size_t at)
{
	return 0x5a5aa5a5ULL << 32 | (at + i);
}

static void kstack_fill(const struct kstack_fixture *f, unsigned int i)
{
	size_t at;

	for (at = 0; at < SIZE; at += PAGE_SIZE)
		*kstack_word(f, i, at) = kstack_value(f, i, at);
}

static bool kstack_filled(const struct kstack_fixture *f, unsigned int i)
{
	size_t at;

	for (at = 0; at < SIZE; at += PAGE_SIZE)
		if (*kstack_word(f, i, at) != kstack_value(f, i, at))
			return false;
	return true;
}

static void kstack_check(struct kunit *test)
{
	struct kstack_fixture *f = test->priv;
	unsigned int i;

	for (i = 0; i < f->nr; i++)
		KUNIT_EXPECT_TRUE_MSG(test, kstack_filled(f, i), "stack %u", i);
	if (!matrix_lied(test))
		kstack_consistent(test);
}

/* One more in use, if there is one to be had. */
static int kstack_take(struct kunit *test, unsigned int flags)
{
	struct kstack_fixture *f = test->priv;
	struct pvmemcontrol_kstack *stack;

	stack = pvmemcontrol_kstack_alloc(SIZE, flags, "the matrix");
	if (IS_ERR(stack)) {
		matrix_errno(test, PTR_ERR(stack));
	} else {
		if (!(flags & PVMEMCONTROL_KSTACK_UNGUARDED))
			KUNIT_EXPECT_TRUE(test,
					  pvmemcontrol_kstack_guarded(stack));
		f->stack[f->nr] = stack;
		kstack_fill(f, f->nr++);
	}
	kstack_check(test);
	return PTR_ERR_OR_ZERO(stack);
}

static void kstack_put_one(struct kstack_fixture *f)
{
	if (f->nr)
		pvmemcontrol_kstack_free(f->stack[--f->nr]);
}

/* What is free is given back, and then what nobody uses. */
static void kstack_give_back(struct kunit *test)
{
	kstack_put_one(test->priv);
	pvmc_idle_run(0);
	kstack_check(test);
	kstack_shrink();
	kstack_check(test);
}

static struct fake_vmm *kstack_new_vmm(struct kunit *test, bool vectors)
{
	struct kstack_fixture *f = test->priv;

	kstack_use_vmm(f, matrix_new_vmm(test, vectors));
	f->vmm->features |= f->features;
	return f->vmm;
}

/* The memory of blocks that are lost is nobody's, and their guards are marked. */
static void kstack_lose(struct kunit *test)
{
	struct pvmc_kstack_class *class =
		&pvmc_kstack_classes[PVMC_KSTACK_CLASSES - 1];
	struct pvmc_kstack_block *block;
	struct page *lost[LOST_MAX];
	unsigned int i, j, guards, nr = 0;

	list_for_each_entry(block, &class->blocks, node) {
		KUNIT_ASSERT_LT(test, nr, LOST_MAX);
		lost[nr++] = block->page;
	}
	KUNIT_EXPECT_EQ(test, nr, kstack_blocks());
	pvmc_pool_lose();
	KUNIT_EXPECT_EQ(test, 0U, kstack_blocks());
	for (i = 0; i < nr; i++) {
		KUNIT_EXPECT_NULL(test, pvmc_block_find(page_to_phys(lost[i])));
		KUNIT_EXPECT_EQ(test, 1, page_count(lost[i]));
		for (j = 0, guards = 0; j < PVMC_BLOCK_PAGES; j++) {
			if (!PageOffline(lost[i] + j))
				continue;
			__ClearPageOffline(lost[i] + j);
			guards++;
		}
		KUNIT_EXPECT_EQ(test, class->per_block, guards);
		/* But this VMM stops nobody. */
		__free_pages(lost[i], get_order(PVMC_BLOCK_SIZE));
	}
}

/* The device goes and comes, then all that pvmemcontrol_kstack is, as it does. */
static void kstack_part(struct kunit *test)
{
	struct kstack_fixture *f = test->priv;

	matrix_unplug(test);
	kstack_check(test);
	KUNIT_EXPECT_NE(test, 0, kstack_take(test, 0));
	kstack_take(test, PVMEMCONTROL_KSTACK_UNGUARDED);
	matrix_plug(test);
	kstack_check(test);
	kstack_take(test, 0);
	kstack_give_back(test);
	kstack_put_all(f);
	pvmc_pool_exit();
	kstack_check(test);
	pvmemcontrol_unregister_client(&pvmc_kstack_client);
	pvmc_idle_exit();
	kstack_check(test);
	kstack_lose(test);
	matrix_unplug(test);

	/* And comes again, and the VMM has nothing of what it had. */
	bitmap_zero(f->forbidden, f->nr_pages);
	pvmc_pool_init();
	matrix_come_again(test);
	matrix_client_add(test, &pvmc_kstack_client);
}

static void kstack_stay(struct kunit *test)
{
	matrix_suspend();
	KUNIT_EXPECT_NE(test, 0, kstack_take(test, 0));
	matrix_resume(test);
	kstack_check(test);
	kstack_take(test, PVMEMCONTROL_KSTACK_UNGUARDED);
	kstack_take(test, PVMEMCONTROL_KSTACK_NOWAIT);
	kstack_give_back(test);
	matrix_mend(test);
}

static void kstack_mended(struct kunit *test)
{
	struct kstack_fixture *f = test->priv;
	unsigned int i;

	for (i = 0; i < PVMC_KSTACK_CLASSES; i++)
		KUNIT_EXPECT_TRUE(test, list_empty(&pvmc_kstack_classes[i].doubtful));
	/* What it said that it had done, and had not, nobody knows. */
	matrix_suspend();
	if (matrix_lied(test))
		bitmap_zero(f->forbidden, f->nr_pages);
	matrix_resume(test);
	kstack_consistent(test);
	KUNIT_EXPECT_EQ(test, 0, kstack_take(test, 0));
	KUNIT_EXPECT_EQ(test, 0, kstack_take(test, 0));
	kstack_consistent(test);
	kstack_give_back(test);
	kstack_put_all(f);
	pvmc_pool_exit();
	KUNIT_EXPECT_EQ(test, 0U, kstack_blocks());
	KUNIT_EXPECT_EQ(test, 0U, kstack_forbidden(f));
}

static void kstack_run(struct kunit *test)
{
	kstack_take(test, PVMEMCONTROL_KSTACK_UNGUARDED);
	matrix_plug(test);
	matrix_client_add(test, &pvmc_kstack_client);
	kstack_check(test);
	kstack_take(test, 0);
	kstack_take(test, 0);
	kstack_take(test, PVMEMCONTROL_KSTACK_NOWAIT);
	kstack_give_back(test);
	if (matrix_parts(test))
		kstack_part(test);
	else
		kstack_stay(test);
	kstack_mended(test);
	pvmemcontrol_unregister_client(&pvmc_kstack_client);
	pvmc_idle_exit();
	matrix_unplug(test);
}

static const struct matrix_flow kstack_flow = {
	.new_vmm = kstack_new_vmm,
	.run = kstack_run,
	.stride = 7,
};

/* Guards by protection. */
static void matrix_kstack(struct kunit *test)
{
	matrix_run(test, &kstack_flow);
}

/* Guards by GUARD, where there are vectors. */
static void matrix_kstack_guards(struct kunit *test)
{
	struct kstack_fixture *f = test->priv;

	f->features = PVMEMCONTROL_FEATURE_GUARD;
	matrix_run(test, &kstack_flow);
}

static int kstack_matrix_init(struct kunit *test)
{
	const void *param = test->param_value;
	int err;

	/* The fixture has a parameter of its own. */
	test->param_value = NULL;
	err = kstack_init(test);
	test->param_value = param;
	return err;
}

static void kstack_matrix_exit(struct kunit *test)
{
	matrix_clear_away(test);
	kstack_exit(test);
	if (pvmc_kstack_client.node)
		pvmemcontrol_unregister_client(&pvmc_kstack_client);
	pvmc_idle_exit();
}

static struct kunit_case pvmc_matrix_kstack_cases[] = {
	KUNIT_CASE_PARAM(matrix_kstack, matrix_params),
	KUNIT_CASE_PARAM(matrix_kstack_guards, matrix_params),
	{}
};

static struct kunit_suite pvmc_matrix_kstack_suite = {
	.name = "pvmc_matrix_kstack",
	.init = kstack_matrix_init,
	.exit = kstack_matrix_exit,
	.test_cases = pvmc_matrix_kstack_cases,
};
kunit_test_suite(pvmc_matrix_kstack_suite);
