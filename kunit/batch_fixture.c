// SPDX-License-Identifier: GPL-2.0
/*
 * What the tests of batches share.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "batch_fixture.h"

static const struct batch_mode batch_modes[] = {
	{ "1.0", false },
	{ "1.1", true },
};

static void batch_mode_name(const struct batch_mode *mode, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s", mode->name);
}
KUNIT_ARRAY_PARAM(mode, batch_modes, batch_mode_name);

const void *batch_mode_params(const void *prev, char *desc)
{
	return mode_gen_params(prev, desc);
}

static struct batch_fixture *batch_of(struct pvmemcontrol_batch *batch)
{
	return container_of(batch, struct batch_fixture, batch);
}

static void batch_mark(u8 *pages, u64 start, u64 length, u8 func)
{
	u64 first = (start - SPACE_START) >> PAGE_SHIFT;
	u64 nr = length >> PAGE_SHIFT;

	if (start >= SPACE_START && first + nr <= SPACE_PAGES)
		memset(pages + first, func, nr);
}

void batch_on_done(struct fake_vmm *vmm,
		   const struct pvmemcontrol_vmm_call *call)
{
	struct batch_fixture *f = vmm->priv;

	batch_mark(f->did, call->addr, call->length, call->func_code);
}

void batch_report(struct pvmemcontrol_batch *batch,
		  const struct pvmemcontrol_range *range, u64 done, int error)
{
	struct batch_fixture *f = batch_of(batch);

	f->reports++;
	if (error)
		f->failures++;
	batch_mark(f->reported, range->start, done, range->func);
}

void batch_clear(struct batch_fixture *f)
{
	memset(f->did, NOTHING, SPACE_PAGES);
	memset(f->reported, NOTHING, SPACE_PAGES);
	f->reports = 0;
	f->failures = 0;
	f->vmm->requests = 0;
	f->vmm->vectors = 0;
}

void batch_plug(struct kunit *test, bool vectors)
{
	struct batch_fixture *f = test->priv;

	f->vmm = fake_vmm_new(test);
	f->vmm->zeroes = false;
	f->vmm->on_done = batch_on_done;
	f->vmm->priv = f;
	if (vectors)
		fake_vmm_vectors(f->vmm);
	f->dev = fake_vmm_plug(test, f->vmm);
}

int batch_init(struct kunit *test)
{
	struct batch_fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	test->priv = f;
	f->did = kunit_kzalloc(test, SPACE_PAGES, GFP_KERNEL);
	f->reported = kunit_kzalloc(test, SPACE_PAGES, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, f->did);
	KUNIT_ASSERT_NOT_NULL(test, f->reported);
	f->client.name = "test";
	fake_client_add(test, &f->client);
	if (test->param_value)
		batch_plug(test, ((const struct batch_mode *)
				  test->param_value)->vectors);
	return 0;
}

void batch_exit(struct kunit *test)
{
	pvmc_piece_mib = 128;
}

bool batch_vectors(struct kunit *test)
{
	return ((const struct batch_mode *)test->param_value)->vectors;
}

void batch_begin(struct batch_fixture *f, gfp_t gfp)
{
	pvmemcontrol_batch_init(&f->batch, &f->client, gfp);
	f->batch.report = batch_report;
	batch_clear(f);
}

void batch_add(struct kunit *test, u32 func, unsigned int page,
	       unsigned int nr)
{
	struct batch_fixture *f = test->priv;

	KUNIT_EXPECT_EQ(test, 0,
			pvmemcontrol_batch_add(&f->batch, func,
					       SPACE_START +
					       ((u64)page << PAGE_SHIFT),
					       (u64)nr << PAGE_SHIFT, 0));
}

/* The fewest ranges of one function that do what was asked. */
unsigned int batch_runs(const u8 *pages)
{
	unsigned int i, runs = 0;

	for (i = 0; i < SPACE_PAGES; i++)
		if (pages[i] != NOTHING && (!i || pages[i - 1] == NOTHING))
			runs++;
	return runs;
}
