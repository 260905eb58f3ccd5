/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of pvmemcontrol_kstack share: a VMM that notes which pages it
 * forbids, and what must hold at any time.
 */
#ifndef _PVMC_KSTACK_FIXTURE_H
#define _PVMC_KSTACK_FIXTURE_H

#include "batch_fixture.h"
#include "kstack/kstack.h"

/* More than there are in a block of the smallest. */
#define KSTACK_MANY	110U

struct kstack_fixture {
	struct fake_vmm *vmm;
	struct pvmc_device *dev;
	u64 features;			/* of the next VMM, beside vectors */
	bool shared;			/* so is its memory */
	bool no_promise;		/* it does not say what zeroes */
	unsigned long *forbidden;	/* by page frame */
	unsigned long nr_pages;
	struct pvmemcontrol_kstack *stack[KSTACK_MANY];
	unsigned int nr;
};

int kstack_init(struct kunit *test);
int kstack_init_plugged(struct kunit *test, bool vectors, u64 features);
void kstack_exit(struct kunit *test);
void kstack_use_vmm(struct kstack_fixture *f, struct fake_vmm *vmm);
void kstack_plug(struct kunit *test, bool vectors);
void kstack_client(struct kunit *test);
u64 kstack_exits(void);
unsigned int kstack_forbidden(struct kstack_fixture *f);
unsigned int kstack_blocks(void);
void kstack_consistent(struct kunit *test);
struct pvmemcontrol_kstack *kstack_get(struct kunit *test, size_t size);
void kstack_put_all(struct kstack_fixture *f);
void kstack_shrink(void);
void kstack_empty(struct kunit *test);

#endif /* _PVMC_KSTACK_FIXTURE_H */
