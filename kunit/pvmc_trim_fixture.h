/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of trimming share: threads that are made up, with stacks that
 * are not, and a clock that only requests move.
 */
#ifndef _PVMC_TRIM_FIXTURE_H
#define _PVMC_TRIM_FIXTURE_H

#include <linux/time64.h>

#include "fake_vmm.h"
#include "kstack/trim.h"

/* More than are at hand at once. */
#define TRIM_MANY	(PVMC_TRIM_THREADS + 70)
#define TRIM_FEW	24
#define TRIM_BASE	0xffffc90000100000UL

struct trim_thread {
	struct page *pages[PVMC_TRIM_STACK_PAGES];
	unsigned long sp;
	unsigned long stamp;
	enum pvmc_trim_outcome outcome;
	int references;
};

struct trim_fixture {
	struct fake_vmm *vmm;
	struct pvmc_device *dev;
	struct pvmemcontrol_client client;
	struct pvmc_trim_run *run;
	struct pvmc_trim_stats stats;
	bool keep_end;
	bool in_pause;
	unsigned int outside;		/* requests while others could run */
	unsigned int pauses;
	unsigned int end_after;		/* pauses; 0: not early */
	u64 longest;
	u64 now;
	u64 look_ns, exit_ns, range_ns;	/* how long things take */
	u64 slower_from, slower_by;	/* requests; times */
	unsigned int nr;
	struct trim_thread threads[TRIM_MANY];
};

u8 trim_pattern(const struct trim_thread *t);
int trim_init(struct kunit *test);
void trim_exit(struct kunit *test);
void trim_use_vmm(struct trim_fixture *f, struct fake_vmm *vmm);
void trim_plug(struct kunit *test, bool vectors);
void trim_threads(struct kunit *test, unsigned int nr, bool odd);
void trim_begin_again(struct trim_fixture *f);
int trim_run(struct trim_fixture *f);
u64 trim_verify(struct kunit *test, bool all);
u64 trim_seen(const struct trim_fixture *f);

#endif /* _PVMC_TRIM_FIXTURE_H */
