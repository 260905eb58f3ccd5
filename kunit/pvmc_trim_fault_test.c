// SPDX-License-Identifier: GPL-2.0
/*
 * Runs over made-up threads while the VMM, or memory, fails.
 */
#include <linux/errno.h>

#include "pvmc_trim_fixture.h"

struct trim_fault_case {
	enum fake_fault fault;
	u32 err;
	bool vectors;
	bool entries;
};

static const struct trim_fault_case trim_fault_cases[] = {
	{ FAKE_FAULT_SILENT, 0, false, false },
	{ FAKE_FAULT_SILENT, 0, true, false },
	{ FAKE_FAULT_SILENT, 0, true, true },
	{ FAKE_FAULT_ERRNO, ENOMEM, false, false },
	{ FAKE_FAULT_ERRNO, ENOMEM, true, true },
	{ FAKE_FAULT_ERRNO, 9999, true, true },
	{ FAKE_FAULT_REFUSE, EOPNOTSUPP, false, false },
	{ FAKE_FAULT_REFUSE, EINVAL, true, true },
	{ FAKE_FAULT_LIE, 0, false, false },
	{ FAKE_FAULT_LIE, 0, true, true },
	{ FAKE_FAULT_GARBAGE, 0, false, false },
	{ FAKE_FAULT_GARBAGE, 0, true, false },
	{ FAKE_FAULT_GARBAGE, 0, true, true },
	{ FAKE_FAULT_ELSEWHERE, 0, true, false },
	{ FAKE_FAULT_FORGET, 0, true, false },
	{ FAKE_FAULT_GONE, 0, false, false },
	{ FAKE_FAULT_GONE, 0, true, false },
	{ FAKE_FAULT_GONE, 0, true, true },
};

static void trim_fault_name(const struct trim_fault_case *c, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s %u, %s%s",
		 fake_fault_names[c->fault], c->err,
		 c->vectors ? "1.1" : "1.0", c->entries ? " entries" : "");
}
KUNIT_ARRAY_PARAM(trim_fault, trim_fault_cases, trim_fault_name);

static bool trim_silences(enum fake_fault fault)
{
	return fault == FAKE_FAULT_SILENT || fault == FAKE_FAULT_FORGET ||
	       fault == FAKE_FAULT_ELSEWHERE;
}

/*
 * Something goes wrong with one request, whichever, or, with a number of -1,
 * with all: no byte is lost, the run ends, and what it has not given is given
 * later.
 */
static void trim_fault(struct kunit *test)
{
	const struct trim_fault_case *c = test->param_value;
	struct trim_fixture *f = test->priv;
	int skip, err;

	trim_plug(test, c->vectors);
	f->vmm->fault_entries = c->entries;
	trim_threads(test, TRIM_FEW, true);
	for (skip = -1; skip < 12; skip++) {
		unsigned long recoveries = f->dev->recoveries;
		u64 failed = f->stats.failed;

		trim_begin_again(f);
		fake_vmm_fault(f->vmm, c->fault, c->err, max(skip, 0),
			       skip < 0 ? -1 : 1);
		err = trim_run(f);
		trim_verify(test, false);
		KUNIT_EXPECT_EQ(test, failed + !!err, f->stats.failed);
		/*
		 * All went well before that many.  What is refused once is sent
		 * again, if it has parts.
		 */
		if (!f->vmm->fault_count &&
		    (c->fault != FAKE_FAULT_REFUSE || c->err != EINVAL ||
		     err))
			KUNIT_EXPECT_EQ(test, c->fault != FAKE_FAULT_LIE ||
					!f->pauses, err != 0);
		f->vmm->fault = FAKE_FAULT_NONE;
		if (c->fault == FAKE_FAULT_GONE && !f->vmm->present)
			break;
		if (trim_silences(c->fault) && err)
			KUNIT_EXPECT_TRUE(test, fake_wait_recovered(f->dev,
								    recoveries + 1));
		pvmc_trim_forget(NULL);
		KUNIT_EXPECT_EQ(test, 0, trim_run(f));
		trim_verify(test, true);
	}
}

#ifdef CONFIG_FAULT_INJECTION
/* Without memory less is remembered, and nothing else is different. */
static void trim_no_memory(struct kunit *test)
{
	struct trim_fixture *f = test->priv;
	bool failed = true;
	int nth;

	trim_plug(test, false);
	trim_threads(test, TRIM_FEW, true);
	for (nth = 1; failed; nth++) {
		int err;

		trim_begin_again(f);
		fail_nth_begin(test, nth);
		err = trim_run(f);
		failed = fail_nth_end();
		/* The first is the page that it is tried with. */
		KUNIT_EXPECT_EQ(test, nth == 1 && failed ? -ENOMEM : 0, err);
		trim_verify(test, nth > 1 || !failed);
	}
	KUNIT_EXPECT_GT(test, nth, 3);
}
#endif

static struct kunit_case trim_fault_run_cases[] = {
	KUNIT_CASE_PARAM(trim_fault, trim_fault_gen_params),
#ifdef CONFIG_FAULT_INJECTION
	KUNIT_CASE(trim_no_memory),
#endif
	{}
};

static struct kunit_suite trim_fault_suite = {
	.name = "pvmc_trim_fault",
	.init = trim_init,
	.exit = trim_exit,
	.test_cases = trim_fault_run_cases,
};
kunit_test_suite(trim_fault_suite);
