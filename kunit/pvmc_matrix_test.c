// SPDX-License-Identifier: GPL-2.0
/*
 * The fault matrix of the core: a device that comes and goes, calls, batches.
 */
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/sizes.h>

#include "matrix.h"

#define LIFE_PAGES	8
#define LIFE_ORDER	3
#define STALE		0xa5

struct life {
	struct fake_vmm *vmm;
	struct pvmemcontrol_client client;
	struct page *pages;
	u8 *dropped;			/* by page: it was really asked for */
	u64 calls;
	u64 failures;
	u64 counted_calls;		/* before that, by the core */
	u64 counted_errors;
	int attached;
};

static struct life *life_of(struct pvmemcontrol_client *client)
{
	return container_of(client, struct life, client);
}

static void *life_page(struct life *l, unsigned int page)
{
	return page_address(l->pages) + page * PAGE_SIZE;
}

static phys_addr_t life_phys(struct life *l, unsigned int page)
{
	return page_to_phys(l->pages) + page * PAGE_SIZE;
}

static int life_drop(struct life *l, unsigned int page, unsigned int nr)
{
	u64 done = U64_MAX;
	int err;

	err = pvmemcontrol_call(&l->client, PVMEMCONTROL_DONTNEED,
				life_phys(l, page), nr * PAGE_SIZE, 0, &done);
	l->calls++;
	l->failures += err < 0;
	if (!err && done != nr * PAGE_SIZE)
		return 1;
	if (err && done >= nr * PAGE_SIZE)
		return 1;
	return err;
}

static int life_attach(struct pvmemcontrol_client *client)
{
	struct life *l = life_of(client);

	l->attached++;
	life_drop(l, 6, 1);
	return 0;
}

static void life_detach(struct pvmemcontrol_client *client)
{
	struct life *l = life_of(client);

	l->attached--;
	life_drop(l, 7, 1);
}

static void life_restore(struct pvmemcontrol_client *client)
{
	life_drop(life_of(client), 6, 1);
}

static const struct pvmemcontrol_client_ops life_ops = {
	.attach = life_attach,
	.detach = life_detach,
	.restore = life_restore,
};

static void life_on_done(struct fake_vmm *vmm,
			 const struct pvmemcontrol_vmm_call *call)
{
	struct life *l = vmm->priv;
	u64 first = (call->addr - life_phys(l, 0)) >> PAGE_SHIFT;
	u64 nr = call->length >> PAGE_SHIFT;

	if (call->func_code == PVMEMCONTROL_DONTNEED &&
	    first < LIFE_PAGES && nr <= LIFE_PAGES - first)
		memset(l->dropped + first, 1, nr);
}

static struct fake_vmm *life_new_vmm(struct kunit *test, bool vectors)
{
	struct life *l = test->priv;

	l->vmm = matrix_new_vmm(test, vectors);
	l->vmm->on_done = life_on_done;
	l->vmm->priv = l;
	return l->vmm;
}

static int life_init(struct kunit *test)
{
	struct life *l = kunit_kzalloc(test, sizeof(*l), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, l);
	test->priv = l;
	l->dropped = kunit_kzalloc(test, LIFE_PAGES, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, l->dropped);
	l->pages = alloc_pages(GFP_KERNEL, LIFE_ORDER);
	KUNIT_ASSERT_NOT_NULL(test, l->pages);
	l->client.name = "life";
	l->client.ops = &life_ops;
	return pvmemcontrol_register_client(&l->client);
}

static void life_exit(struct kunit *test)
{
	struct life *l = test->priv;

	matrix_clear_away(test);
	if (l && l->client.node)
		pvmemcontrol_unregister_client(&l->client);
	if (l && l->pages)
		__free_pages(l->pages, LIFE_ORDER);
}

/* A page that was not dropped has what it had, one that was has nothing. */
static void life_memory(struct kunit *test)
{
	struct life *l = test->priv;
	unsigned int i;

	for (i = 0; i < LIFE_PAGES; i++)
		KUNIT_EXPECT_NULL_MSG(test,
				      memchr_inv(life_page(l, i),
						 l->dropped[i] ? 0 : STALE,
						 PAGE_SIZE),
				      "page %u", i);
}

/* A call that says that it succeeded has. */
static void life_call(struct kunit *test, unsigned int page, unsigned int nr)
{
	struct life *l = test->priv;
	int err = life_drop(l, page, nr);

	matrix_errno(test, err);
	if (err || matrix_lied(test))
		return;
	KUNIT_EXPECT_NULL(test, memchr_inv(life_page(l, page), 0,
					   nr * PAGE_SIZE));
}

static void life_batch(struct kunit *test)
{
	struct pvmemcontrol_batch batch;
	struct life *l = test->priv;
	unsigned int i;
	int err;

	pvmemcontrol_batch_init(&batch, &l->client, GFP_KERNEL);
	for (i = 0; i < 4; i++)
		pvmemcontrol_batch_add(&batch, i & 1 ? PVMEMCONTROL_MPROTECT_R :
				       PVMEMCONTROL_MPROTECT_RW,
				       life_phys(l, i), PAGE_SIZE, 0);
	err = pvmemcontrol_batch_finish(&batch);
	matrix_errno(test, err);
	KUNIT_EXPECT_EQ(test, err != 0, batch.errors != 0);
	KUNIT_EXPECT_LE(test, batch.errors, 4ULL);
}

static void life_use(struct kunit *test)
{
	life_call(test, 0, 1);
	life_call(test, 1, 3);
	life_batch(test);
}

static void life_count(struct life *l)
{
	l->calls = 0;
	l->failures = 0;
	l->counted_calls = fake_client_sum(&l->client.counters->calls);
	l->counted_errors = fake_client_sum(&l->client.counters->errors);
}

/* Those of batches come on top. */
static void life_counted(struct kunit *test)
{
	struct life *l = test->priv;

	KUNIT_EXPECT_GE(test, fake_client_sum(&l->client.counters->calls),
			l->counted_calls + l->calls);
	KUNIT_EXPECT_GE(test, fake_client_sum(&l->client.counters->errors),
			l->counted_errors + l->failures);
}

/* The device goes and comes, then the client goes, and the device. */
static void life_part(struct kunit *test)
{
	struct life *l = test->priv;

	matrix_unplug(test);
	KUNIT_EXPECT_EQ(test, 0, l->attached);
	KUNIT_EXPECT_EQ(test, -ENODEV, life_drop(l, 0, 1));
	life_memory(test);
	matrix_plug(test);
	life_use(test);
	life_memory(test);
	life_counted(test);
	pvmemcontrol_unregister_client(&l->client);
	KUNIT_EXPECT_EQ(test, 0, l->attached);
	life_memory(test);
	matrix_unplug(test);
	life_memory(test);
	matrix_come_again(test);
	matrix_client_add(test, &l->client);
	life_count(l);
}

static void life_stay(struct kunit *test)
{
	struct life *l = test->priv;

	matrix_suspend();
	KUNIT_EXPECT_EQ(test, l->attached ? -EIO : -ENODEV, life_drop(l, 0, 1));
	matrix_resume(test);
	life_use(test);
	life_memory(test);
	matrix_mend(test);
}

static void life_run(struct kunit *test)
{
	struct life *l = test->priv;

	memset(page_address(l->pages), STALE, LIFE_PAGES * PAGE_SIZE);
	memset(l->dropped, 0, LIFE_PAGES);
	life_count(l);
	KUNIT_EXPECT_EQ(test, -ENODEV, life_drop(l, 0, 1));
	matrix_plug(test);
	KUNIT_EXPECT_EQ(test, 1, l->attached);
	life_use(test);
	life_memory(test);
	if (matrix_parts(test))
		life_part(test);
	else
		life_stay(test);
	KUNIT_EXPECT_EQ(test, 1, l->attached);
	KUNIT_EXPECT_EQ(test, 0, life_drop(l, 4, 2));
	life_memory(test);
	matrix_unplug(test);
	KUNIT_EXPECT_EQ(test, 0, l->attached);
	KUNIT_EXPECT_EQ(test, -ENODEV, life_drop(l, 0, 1));
	life_memory(test);
	life_counted(test);
}

static void matrix_core(struct kunit *test)
{
	static const struct matrix_flow flow = {
		.new_vmm = life_new_vmm,
		.run = life_run,
	};

	matrix_run(test, &flow);
}

static struct kunit_case pvmc_matrix_cases[] = {
	KUNIT_CASE_PARAM(matrix_core, matrix_params),
	{}
};

static struct kunit_suite pvmc_matrix_suite = {
	.name = "pvmc_matrix",
	.init = life_init,
	.exit = life_exit,
	.test_cases = pvmc_matrix_cases,
};
kunit_test_suite(pvmc_matrix_suite);
