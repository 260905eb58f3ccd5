// SPDX-License-Identifier: GPL-2.0
/*
 * What the tests of pvmemcontrol_kstack share.
 */
#include <linux/bitmap.h>
#include <linux/err.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/page-flags.h>
#include <linux/slab.h>

#include "pvmc_kstack_fixture.h"

static void kstack_on_done(struct fake_vmm *vmm,
			   const struct pvmemcontrol_vmm_call *call)
{
	struct kstack_fixture *f = vmm->priv;
	unsigned long first = PHYS_PFN(call->addr);
	unsigned long nr = call->length >> PAGE_SHIFT;
	unsigned long i;

	if (first + nr > f->nr_pages)
		return;
	switch (call->func_code) {
	case PVMEMCONTROL_GUARD:
		for (i = first; i < first + nr; i++)
			if (!test_bit(i, f->forbidden))
				memset(phys_to_virt(PFN_PHYS(i)), 0, PAGE_SIZE);
		fallthrough;
	case PVMEMCONTROL_MPROTECT_NONE:
		bitmap_set(f->forbidden, first, nr);
		break;
	case PVMEMCONTROL_MPROTECT_RW:
	case PVMEMCONTROL_UNGUARD:
		bitmap_clear(f->forbidden, first, nr);
		break;
	}
}

/* It is this VMM that forbids pages. */
void kstack_use_vmm(struct kstack_fixture *f, struct fake_vmm *vmm)
{
	f->vmm = vmm;
	vmm->on_done = kstack_on_done;
	vmm->priv = f;
}

/* A VMM with 1.0 or 1.1, for what calls kstack_client() next. */
void kstack_plug(struct kunit *test, bool vectors)
{
	struct kstack_fixture *f = test->priv;

	kstack_use_vmm(f, fake_vmm_new(test));
	if (vectors)
		fake_vmm_vectors(f->vmm);
	f->vmm->features |= f->features;
	f->vmm->shared = f->shared;
	if (vectors && f->shared)
		f->vmm->zeroing = BIT_ULL(PVMEMCONTROL_REMOVE);
	if (f->no_promise)
		f->vmm->zeroing = 0;
	f->dev = fake_vmm_plug(test, f->vmm);
}

static int kstack_pool_init(struct kunit_resource *res, void *unused)
{
	pvmc_pool_init();
	return 0;
}

static void kstack_pool_free(struct kunit_resource *res)
{
	pvmc_pool_exit();
}

/* The pool and its client; freed in reverse, the device and the VMM last. */
void kstack_client(struct kunit *test)
{
	fake_client_add(test, &pvmc_kstack_client);
	kunit_alloc_resource(test, kstack_pool_init, kstack_pool_free,
			     GFP_KERNEL, NULL);
}

int kstack_init(struct kunit *test)
{
	struct kstack_fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	test->priv = f;
	f->nr_pages = PHYS_PFN(virt_to_phys(high_memory - 1)) + 1;
	f->forbidden = kunit_kzalloc(test, BITS_TO_LONGS(f->nr_pages) *
				     sizeof(long), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, f->forbidden);
	/* What is given back is given back by the tests. */
	pvmc_idle_ms = 0;
	pvmc_pool_init();
	if (test->param_value) {
		kstack_plug(test, batch_vectors(test));
		kstack_client(test);
	}
	return 0;
}

/* The same for tests whose parameter is another than the fixture's. */
int kstack_init_plugged(struct kunit *test, bool vectors, u64 features)
{
	const void *param = test->param_value;
	struct kstack_fixture *f;
	int err;

	test->param_value = NULL;
	err = kstack_init(test);
	test->param_value = param;
	if (err || !param)
		return err;
	f = test->priv;
	f->features = features;
	kstack_plug(test, vectors);
	kstack_client(test);
	return 0;
}

void kstack_exit(struct kunit *test)
{
	struct kstack_fixture *f = test->priv;

	if (f && f->vmm)
		fake_vmm_fault(f->vmm, FAKE_FAULT_NONE, 0, 0, 0);
	if (f)
		kstack_put_all(f);
	pvmc_idle_exit();
}

u64 kstack_exits(void)
{
	return fake_client_sum(&pvmc_kstack_client.counters->exits);
}

unsigned int kstack_forbidden(struct kstack_fixture *f)
{
	return bitmap_weight(f->forbidden, f->nr_pages);
}

unsigned int kstack_blocks(void)
{
	unsigned int i, nr = 0;

	for (i = 0; i < PVMC_KSTACK_CLASSES; i++)
		nr += list_count_nodes(&pvmc_kstack_classes[i].blocks);
	return nr;
}

static void kstack_block_consistent(struct kunit *test,
				    struct pvmc_kstack_block *block)
{
	struct kstack_fixture *f = test->priv;
	unsigned long first = PHYS_PFN(pvmc_block_start(block));
	struct pvmemcontrol_kstack *stack;
	unsigned long i;
	bool guard;

	for (i = first; i < first + PVMC_BLOCK_PAGES; i++) {
		stack = &block->stack[pvmc_block_index(block, PFN_PHYS(i),
						       &guard)];
		KUNIT_EXPECT_EQ(test, guard, PageOffline(pfn_to_page(i)));
		if (!guard)
			KUNIT_EXPECT_FALSE(test, test_bit(i, f->forbidden));
		else if (stack->touch != PVMC_UNTOUCHED)
			KUNIT_EXPECT_EQ(test, PVMC_TOUCHED, stack->touch);
		else if (stack->overflowed)
			KUNIT_FAIL(test, "overflowed, and not touched");
		else if (block->guarding == PVMC_GUARDED)
			KUNIT_EXPECT_TRUE(test, test_bit(i, f->forbidden));
		else if (block->guarding == PVMC_OPEN)
			KUNIT_EXPECT_FALSE(test, test_bit(i, f->forbidden));
	}
}

/*
 * What is forbidden is a guard of a block; and where they hold, all are that were not
 * touched.
 */
void kstack_consistent(struct kunit *test)
{
	struct kstack_fixture *f = test->priv;
	struct pvmc_kstack_block *block;
	unsigned long i;

	mutex_lock(&pvmc_guard_mutex);
	for (i = 0; i < PVMC_KSTACK_CLASSES; i++)
		list_for_each_entry(block, &pvmc_kstack_classes[i].blocks, node)
			kstack_block_consistent(test, block);
	for_each_set_bit(i, f->forbidden, f->nr_pages)
		KUNIT_EXPECT_NOT_NULL(test, pvmc_block_find(PFN_PHYS(i)));
	mutex_unlock(&pvmc_guard_mutex);
}

/* A guarded one, which kstack_put_all() gives back. */
struct pvmemcontrol_kstack *kstack_get(struct kunit *test, size_t size)
{
	struct kstack_fixture *f = test->priv;
	struct pvmemcontrol_kstack *stack;

	KUNIT_ASSERT_LT(test, f->nr, KSTACK_MANY);
	stack = pvmemcontrol_kstack_alloc(size, 0, "the test");
	KUNIT_ASSERT_FALSE_MSG(test, IS_ERR(stack), "%pe", stack);
	KUNIT_EXPECT_TRUE(test, pvmemcontrol_kstack_guarded(stack));
	f->stack[f->nr++] = stack;
	return stack;
}

void kstack_put_all(struct kstack_fixture *f)
{
	while (f->nr)
		pvmemcontrol_kstack_free(f->stack[--f->nr]);
}

/* As when memory is short, and nothing was used for long. */
void kstack_shrink(void)
{
	pvmc_cache_drain(0);
	mutex_lock(&pvmc_guard_mutex);
	pvmc_pool_shrink(ULONG_MAX);
	mutex_unlock(&pvmc_guard_mutex);
}

/* Nothing is left, neither here nor at the VMM. */
void kstack_empty(struct kunit *test)
{
	struct kstack_fixture *f = test->priv;

	kstack_put_all(f);
	kstack_shrink();
	KUNIT_EXPECT_EQ(test, 0U, kstack_blocks());
	KUNIT_EXPECT_EQ(test, 0U, kstack_forbidden(f));
}
