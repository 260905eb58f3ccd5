// SPDX-License-Identifier: GPL-2.0
/*
 * The pool of guarded stacks, when the VMM or the memory fails: no page that
 * may be forbidden is ever anything but a guard.
 */
#include <linux/err.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "pvmc_kstack_fixture.h"

struct kstack_fault_case {
	const char *name;
	enum fake_fault fault;
	u32 err;
	bool vectors;
	bool entries;
};

static const struct kstack_fault_case kstack_fault_cases[] = {
	{ "errno, 1.0", FAKE_FAULT_ERRNO, ENOMEM },
	{ "I/O error, 1.0", FAKE_FAULT_ERRNO, EIO },
	{ "refuse, 1.0", FAKE_FAULT_REFUSE, EINVAL },
	{ "silent, 1.0", FAKE_FAULT_SILENT },
	{ "forget, 1.0", FAKE_FAULT_FORGET },
	{ "garbage, 1.0", FAKE_FAULT_GARBAGE },
	{ "errno, vector", FAKE_FAULT_ERRNO, ENOMEM, true },
	{ "silent, vector", FAKE_FAULT_SILENT, 0, true },
	{ "forget, vector", FAKE_FAULT_FORGET, 0, true },
	{ "garbage, vector", FAKE_FAULT_GARBAGE, 0, true },
	{ "errno, entry", FAKE_FAULT_ERRNO, ENOMEM, true, true },
	{ "I/O error, entry", FAKE_FAULT_ERRNO, EIO, true, true },
	{ "refuse, entry", FAKE_FAULT_REFUSE, EINVAL, true, true },
	{ "silent, entry", FAKE_FAULT_SILENT, 0, true, true },
};

static void kstack_fault_name(const struct kstack_fault_case *c, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s", c->name);
}
KUNIT_ARRAY_PARAM(kstack_fault, kstack_fault_cases, kstack_fault_name);

static int kstack_fault_init(struct kunit *test)
{
	const struct kstack_fault_case *c = test->param_value;

	return kstack_init_plugged(test, c && c->vectors, 0);
}

static void kstack_break(struct kunit *test, int skip, int count)
{
	const struct kstack_fault_case *c = test->param_value;
	struct kstack_fixture *f = test->priv;

	f->vmm->fault_entries = c->entries;
	fake_vmm_fault(f->vmm, c->fault, c->err, skip, count);
}

/* It does again what it is asked; waits until it is connected. */
static void kstack_mend(struct kunit *test)
{
	struct kstack_fixture *f = test->priv;

	fake_vmm_fault(f->vmm, FAKE_FAULT_NONE, 0, 0, 0);
	while (READ_ONCE(f->dev->state) != PVMC_UP)
		fake_wait_recovered(f->dev, f->dev->recoveries);
}

/* One of the requests for a block goes wrong. */
static void kstack_guard_fails(struct kunit *test)
{
	static const int skips[] = { 0, 1, 2, 50, 101, 102 };
	struct kstack_fixture *f = test->priv;
	struct pvmemcontrol_kstack *stack;
	int i;

	for (i = 0; i < ARRAY_SIZE(skips); i++) {
		kstack_break(test, skips[i], 1);
		stack = pvmemcontrol_kstack_alloc(SZ_16K, 0, "fault");
		kstack_consistent(test);
		kstack_mend(test);
		if (IS_ERR(stack)) {
			/* What cannot be had now, can be later. */
			kstack_get(test, SZ_16K);
		} else {
			f->stack[f->nr++] = stack;
			KUNIT_EXPECT_TRUE(test,
					  pvmemcontrol_kstack_guarded(stack));
		}
		kstack_consistent(test);
		kstack_empty(test);
	}
}

/* All of them do: there is no stack, and what is left can be freed later. */
static void kstack_never_guards(struct kunit *test)
{
	struct kstack_fixture *f = test->priv;
	struct pvmemcontrol_kstack *stack;
	unsigned int i;

	kstack_break(test, 0, -1);
	for (i = 0; i < 3; i++) {
		stack = pvmemcontrol_kstack_alloc(SZ_16K, 0, "fault");
		KUNIT_EXPECT_TRUE(test, IS_ERR(stack));
		kstack_consistent(test);
	}
	/* Who can do without gets one, and keeps it. */
	stack = pvmemcontrol_kstack_alloc(SZ_16K, PVMEMCONTROL_KSTACK_UNGUARDED,
					  "fault");
	KUNIT_ASSERT_FALSE(test, IS_ERR(stack));
	f->stack[f->nr++] = stack;
	memset(stack->base, 0x5a, SZ_16K);
	KUNIT_EXPECT_FALSE(test, pvmemcontrol_kstack_guarded(stack));
	kstack_mend(test);
	kstack_consistent(test);
	KUNIT_EXPECT_NULL(test, memchr_inv(stack->base, 0x5a, SZ_16K));
	kstack_empty(test);
}

/* A block that cannot be opened is kept, with what is in it, and counted. */
static void kstack_open_fails(struct kunit *test)
{
	struct kstack_fixture *f = test->priv;
	u64 before = fake_client_sum(&pvmc_kstack_counters.open_failed);

	kstack_get(test, SZ_16K);
	kstack_put_all(f);
	kstack_break(test, 0, -1);
	f->vmm->fault_entries = false;
	kstack_shrink();
	KUNIT_EXPECT_EQ(test, 1U, kstack_blocks());
	KUNIT_EXPECT_EQ(test, 102U, kstack_forbidden(f));
	KUNIT_EXPECT_EQ(test, before + 1,
			fake_client_sum(&pvmc_kstack_counters.open_failed));
	kstack_consistent(test);
	kstack_mend(test);
	/* It is of use all the same. */
	kstack_get(test, SZ_16K);
	KUNIT_EXPECT_EQ(test, 1U, kstack_blocks());
	kstack_consistent(test);
	kstack_empty(test);
}

/* Stacks that are given back and the VMM does not say so. */
static void kstack_give_back_fails(struct kunit *test)
{
	const struct kstack_fault_case *c = test->param_value;
	bool unanswered = c->fault != FAKE_FAULT_ERRNO &&
			  c->fault != FAKE_FAULT_REFUSE;
	struct kstack_fixture *f = test->priv;
	unsigned int i, kept = 0;

	for (i = 0; i < 100; i++)
		kstack_get(test, SZ_16K);
	kstack_put_all(f);
	pvmc_cache_drain(0);
	kstack_break(test, 10, 1);
	f->vmm->fault_skip = c->vectors && !c->entries ? 0 : 10;
	pvmc_idle_run(0);
	/* Nobody gets one that it might yet drop. */
	for (i = 0; i < PVMC_KSTACK_CLASSES; i++)
		kept += list_count_nodes(&pvmc_kstack_classes[i].doubtful);
	kstack_consistent(test);
	kstack_mend(test);
	if (!unanswered)
		KUNIT_EXPECT_EQ(test, 0U, kept);
	for (i = 0; i < PVMC_KSTACK_CLASSES && f->dev->recoveries; i++)
		KUNIT_EXPECT_TRUE(test, list_empty(&pvmc_kstack_classes[i].doubtful));
	kstack_consistent(test);
}

/* Kept aside until it was connected anew, and then free again. */
static void kstack_doubtful(struct kunit *test)
{
	struct kstack_fixture *f = test->priv;
	unsigned int i;

	kstack_plug(test, true);
	kstack_client(test);
	for (i = 0; i < 100; i++)
		kstack_get(test, SZ_16K);
	kstack_put_all(f);
	fake_vmm_fault(f->vmm, FAKE_FAULT_SILENT, 0, 0, -1);
	pvmc_idle_run(0);
	KUNIT_EXPECT_EQ(test, (size_t)100,
			list_count_nodes(&pvmc_kstack_classes[0].doubtful));
	KUNIT_EXPECT_EQ(test, 2U, pvmc_kstack_classes[0].blocks.next ?
			container_of(pvmc_kstack_classes[0].blocks.next,
				     struct pvmc_kstack_block, node)->nr_idle :
			0U);
	fake_vmm_fault(f->vmm, FAKE_FAULT_NONE, 0, 0, 0);
	KUNIT_ASSERT_TRUE(test, fake_wait_recovered(f->dev, 1));
	KUNIT_EXPECT_TRUE(test, list_empty(&pvmc_kstack_classes[0].doubtful));
	kstack_consistent(test);
	kstack_empty(test);
}

/* Between forget() and restore() there are no guards to be had. */
static void kstack_forgets(struct kunit *test)
{
	const struct pvmemcontrol_client_ops *ops = pvmc_kstack_client.ops;
	struct kstack_fixture *f = test->priv;
	struct pvmemcontrol_kstack *stack;
	u64 before;

	kstack_plug(test, true);
	kstack_client(test);
	kstack_get(test, SZ_16K);
	kstack_get(test, SZ_256K);
	memset(f->stack[0]->base, 0x5a, SZ_16K);
	ops->forget(&pvmc_kstack_client);
	bitmap_zero(f->forbidden, f->nr_pages);
	KUNIT_EXPECT_FALSE(test, pvmemcontrol_kstack_guarded(f->stack[0]));
	stack = pvmemcontrol_kstack_alloc(SZ_16K, PVMEMCONTROL_KSTACK_NOWAIT,
					  "");
	KUNIT_EXPECT_EQ(test, (long)-EAGAIN, PTR_ERR(stack));
	/* Each block is said again, and nothing in use is dropped. */
	before = kstack_exits();
	ops->restore(&pvmc_kstack_client);
	KUNIT_EXPECT_EQ(test, before + 2, kstack_exits());
	KUNIT_EXPECT_TRUE(test, pvmemcontrol_kstack_guarded(f->stack[0]));
	KUNIT_EXPECT_NULL(test, memchr_inv(f->stack[0]->base, 0x5a, SZ_16K));
	kstack_consistent(test);
	/* Whoever may sleep has them set before. */
	ops->forget(&pvmc_kstack_client);
	bitmap_zero(f->forbidden, f->nr_pages);
	kstack_get(test, SZ_16K);
	kstack_consistent(test);
	ops->restore(&pvmc_kstack_client);
	kstack_empty(test);
}

/* A guard that was touched is to be set again, while somebody is beyond his end. */
static void kstack_touched_fails(struct kunit *test)
{
	struct kstack_fixture *f = test->priv;
	void *guard;
	int i;

	for (i = 0; i < 2; i++) {
		kstack_get(test, SZ_16K);
		pvmc_guard_touched(f->stack[i], i);
		guard = f->stack[i]->base - PAGE_SIZE;
		clear_bit(PHYS_PFN(virt_to_phys(guard)), f->forbidden);
		memset(guard, 0x5a, PAGE_SIZE);
	}
	kstack_break(test, 0, 1);
	pvmc_pool_guard();
	kstack_mend(test);
	kstack_consistent(test);
	pvmc_pool_guard();
	KUNIT_EXPECT_TRUE(test, pvmemcontrol_kstack_guarded(f->stack[0]));
	KUNIT_EXPECT_FALSE(test, pvmemcontrol_kstack_guarded(f->stack[1]));
	kstack_consistent(test);
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_NULL(test, memchr_inv(f->stack[i]->base - PAGE_SIZE,
						   0x5a, PAGE_SIZE));
	kstack_empty(test);
}

#ifdef CONFIG_FAULT_INJECTION
/* Each allocation fails in turn. */
static void kstack_alloc_fails(struct kunit *test)
{
	struct kstack_fixture *f = test->priv;
	struct pvmemcontrol_kstack *stack;
	int nth;
	bool failed;

	kstack_plug(test, true);
	kstack_client(test);
	for (nth = 1;; nth++) {
		fail_nth_begin(test, nth);
		stack = pvmemcontrol_kstack_alloc(SZ_16K, 0, "nth");
		failed = fail_nth_end();
		kstack_consistent(test);
		if (!IS_ERR(stack))
			f->stack[f->nr++] = stack;
		else
			KUNIT_EXPECT_EQ(test, (long)-ENOMEM, PTR_ERR(stack));
		kstack_empty(test);
		if (!failed)
			break;
	}
	/* The block, its pages, and its place in the table at least. */
	KUNIT_EXPECT_GE(test, nth, 3);
	KUNIT_EXPECT_FALSE(test, IS_ERR(stack));
}
#endif

static struct kunit_case pvmc_kstack_fault_cases[] = {
	KUNIT_CASE_PARAM(kstack_guard_fails, kstack_fault_gen_params),
	KUNIT_CASE_PARAM(kstack_never_guards, kstack_fault_gen_params),
	KUNIT_CASE_PARAM(kstack_open_fails, kstack_fault_gen_params),
	KUNIT_CASE_PARAM(kstack_give_back_fails, kstack_fault_gen_params),
	KUNIT_CASE_PARAM(kstack_touched_fails, kstack_fault_gen_params),
	KUNIT_CASE(kstack_doubtful),
	KUNIT_CASE(kstack_forgets),
#ifdef CONFIG_FAULT_INJECTION
	KUNIT_CASE(kstack_alloc_fails),
#endif
	{}
};

static struct kunit_suite pvmc_kstack_fault_suite = {
	.name = "pvmc_kstack_fault",
	.init = kstack_fault_init,
	.exit = kstack_exit,
	.test_cases = pvmc_kstack_fault_cases,
};
kunit_test_suite(pvmc_kstack_fault_suite);
