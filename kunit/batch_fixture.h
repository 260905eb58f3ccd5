/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of batches share: a VMM that notes what it did to which page,
 * and a batch that notes what it was told.
 */
#ifndef _PVMC_BATCH_FIXTURE_H
#define _PVMC_BATCH_FIXTURE_H

#include "fake_vmm.h"

/* The pages that the tests deal with. */
#define SPACE_START	BIT_ULL(32)
#define SPACE_PAGES	1024U

#define NOTHING		0xff

/* One more than there are arrays for, which the outermost has the first of. */
#define NESTED		PVMC_VECTOR_LEVELS

struct batch_fixture {
	struct fake_vmm *vmm;
	struct pvmc_device *dev;
	struct pvmemcontrol_client client;
	struct pvmemcontrol_batch batch;
	u8 *did;		/* by page: the function that the VMM did last */
	u8 *reported;		/* by page: the function that succeeded last */
	u64 reports;
	u64 failures;
	int depth;
	struct pvmemcontrol_batch nested[NESTED];
};

/* A parameter of tests: what the VMM speaks. */
struct batch_mode {
	const char *name;
	bool vectors;
};

const void *batch_mode_params(const void *prev, char *desc);

int batch_init(struct kunit *test);
void batch_exit(struct kunit *test);
void batch_plug(struct kunit *test, bool vectors);
bool batch_vectors(struct kunit *test);
void batch_clear(struct batch_fixture *f);
void batch_on_done(struct fake_vmm *vmm,
		   const struct pvmemcontrol_vmm_call *call);
void batch_report(struct pvmemcontrol_batch *batch,
		  const struct pvmemcontrol_range *range, u64 done, int error);
void batch_begin(struct batch_fixture *f, gfp_t gfp);
void batch_add(struct kunit *test, u32 func, unsigned int page,
	       unsigned int nr);
unsigned int batch_runs(const u8 *pages);

#endif /* _PVMC_BATCH_FIXTURE_H */
