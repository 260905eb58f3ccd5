/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every exit of something that is done, times everything that may be wrong with
 * an exit; and every allocation, failing.
 */
#ifndef _PVMC_MATRIX_H
#define _PVMC_MATRIX_H

#include "fake_vmm.h"

/**
 * enum matrix_point - what is counted
 * @MATRIX_EXITS: requests; or the entries of vectors
 * @MATRIX_STEPS: requests, and what it takes to connect the device and to part
 *	from it; or entries: for what becomes of the device itself
 * @MATRIX_ALLOCATION: allocations; one fails
 * @MATRIX_MEMORY: allocations; one fails, and so do all after it
 */
enum matrix_point {
	MATRIX_EXITS,
	MATRIX_STEPS,
	MATRIX_ALLOCATION,
	MATRIX_MEMORY,
};

/**
 * struct matrix_kind - a way for something to go wrong
 * @name: for the test's name
 * @points: where
 * @fault: what the VMM does
 * @first: the first fault_errno
 * @last: the last one
 * @few: how many of them are enough, unless all are asked for
 */
struct matrix_kind {
	const char *name;
	enum matrix_point points;
	enum fake_fault fault;
	u32 first, last, few;
};

/**
 * struct matrix_case - a parameter of tests
 * @kind: what happens
 * @vectors: the VMM knows protocol 1.1
 * @entries: it is entries of vectors that go wrong, not exits
 * @parts: client and device go before anything is mended
 * @all: it is not one exit, or entry, that goes wrong, but all from that one on
 */
struct matrix_case {
	const struct matrix_kind *kind;
	bool vectors;
	bool entries;
	bool parts;
	bool all;
};

/* All of them; or all but those about entries of vectors */
const void *matrix_params(const void *prev, char *desc);
const void *matrix_params_single(const void *prev, char *desc);

/**
 * struct matrix_flow - something that is done
 * @new_vmm: makes a VMM of the test's fixture, as matrix_new_vmm() does, and
 *	plugs nothing in
 * @run: does all of it, from matrix_plug() to matrix_unplug(), and looks
 *	whether all is as it must be; what the test itself needs it has before
 *	that, or after matrix_mend(); or where matrix_parts(), in place of that,
 *	after client and device have gone and matrix_come_again()
 * @stride: every how many exits one goes wrong, where there are very many,
 *	unless all are asked for
 */
struct matrix_flow {
	struct fake_vmm *(*new_vmm)(struct kunit *test, bool vectors);
	void (*run)(struct kunit *test);
	int stride;
};

void matrix_run(struct kunit *test, const struct matrix_flow *flow);
void matrix_clear_away(struct kunit *test);
struct fake_vmm *matrix_new_vmm(struct kunit *test, bool vectors);

/* For a flow: what becomes of its VMM's device, and of a client. */
void matrix_plug(struct kunit *test);
void matrix_suspend(void);
void matrix_resume(struct kunit *test);
void matrix_mend(struct kunit *test);
void matrix_unplug(struct kunit *test);
void matrix_come_again(struct kunit *test);
void matrix_client_add(struct kunit *test, struct pvmemcontrol_client *client);

void matrix_errno(struct kunit *test, int err);
bool matrix_lied(struct kunit *test);
bool matrix_parts(struct kunit *test);

#endif /* _PVMC_MATRIX_H */
