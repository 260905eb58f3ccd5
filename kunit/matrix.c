// SPDX-License-Identifier: GPL-2.0
/*
 * Every exit of something that is done, times everything that may be wrong with
 * an exit; and every allocation, failing.  What there is to go wrong is counted,
 * not chosen: one run for each until a run has no such exit or allocation any
 * more, which is the one without a fault.
 */
#include <linux/irq_work.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "matrix.h"

/* All of the errnos that there are, and some that there are not */
#define LAST_ERRNO	EHWPOISON

#define ALL_FIELDS	(FAKE_FIELDS * NR_FAKE_GARBAGE - 1)

static const struct matrix_kind matrix_kinds[] = {
	{ "errno", MATRIX_EXITS, FAKE_FAULT_ERRNO, 1, LAST_ERRNO + 2, 1 },
	{ "restart", MATRIX_EXITS, FAKE_FAULT_ERRNO, 512, 516, 1 },
	{ "no errno", MATRIX_EXITS, FAKE_FAULT_ERRNO, 4095, 4096, 1 },
	{ "huge errno", MATRIX_EXITS, FAKE_FAULT_ERRNO, U32_MAX, U32_MAX, 1 },
	{ "refused", MATRIX_EXITS, FAKE_FAULT_REFUSE, 0, LAST_ERRNO + 2, 2 },
	{ "unknown", MATRIX_EXITS, FAKE_FAULT_REFUSE, EOPNOTSUPP, EOPNOTSUPP,
	  1 },
	{ "silent", MATRIX_EXITS, FAKE_FAULT_SILENT, 0, 0, 1 },
	{ "lie", MATRIX_EXITS, FAKE_FAULT_LIE, 0, 0, 1 },
	{ "garbage", MATRIX_EXITS, FAKE_FAULT_GARBAGE, 0, 0, 1 },
	{ "field", MATRIX_EXITS, FAKE_FAULT_FIELD, 0, ALL_FIELDS, FAKE_FIELDS },
	{ "elsewhere", MATRIX_EXITS, FAKE_FAULT_ELSEWHERE, 0, 0, 1 },
	{ "late", MATRIX_EXITS, FAKE_FAULT_LATE, 0, 0, 1 },
	{ "broken", MATRIX_STEPS, FAKE_FAULT_FORGET, 0, 0, 1 },
	{ "reset", MATRIX_STEPS, FAKE_FAULT_RESET, 0, 0, 1 },
	{ "removed", MATRIX_STEPS, FAKE_FAULT_GONE, 0, 0, 1 },
	{ "added again", MATRIX_STEPS, FAKE_FAULT_READD, 0, 0, 1 },
#ifdef CONFIG_FAULT_INJECTION
	{ "allocation", MATRIX_ALLOCATION, FAKE_FAULT_NONE, 0, 0, 1 },
	{ "no memory", MATRIX_MEMORY, FAKE_FAULT_NONE, 0, 0, 1 },
#endif
};

/* What goes wrong: an exit of 1.0, one of 1.1, or an entry of a vector. */
static const struct {
	const char *name;
	bool vectors;
	bool entries;
} matrix_modes[] = {
	{ "1.0", false, false },
	{ "1.1", true, false },
	{ "entries", true, true },
};

/*
 * How it ends: the VMM is mended, or whoever uses it leaves it as it is, which is
 * after one thing has gone wrong, or while all does.
 */
static const struct {
	const char *name;
	bool parts;
	bool all;
} matrix_ends[] = {
	{ "", false, false },
	{ ", parting", true, false },
	{ ", all, parting", true, true },
};

#define MATRIX_CASES	(ARRAY_SIZE(matrix_kinds) * ARRAY_SIZE(matrix_modes) * \
			 ARRAY_SIZE(matrix_ends))

static struct matrix_case matrix_cases[MATRIX_CASES];

/* On the kernel's command line: all errnos and all garbage, not a few of each */
static bool matrix_full;
module_param_named(full, matrix_full, bool, 0444);

/*
 * The bus that the VMM's device is on.  The lock stands for what a bus locks when
 * a device comes, goes, or loses its power: one at a time.
 */
static DEFINE_MUTEX(matrix_bus);
static struct kunit *matrix_test;
static struct fake_vmm *matrix_vmm;
static struct pvmc_device *matrix_dev;

/* Under the lock, or when nobody plugs anything in. */
static int matrix_register(void)
{
	struct pvmc_device *dev;

	dev = pvmc_device_register(NULL, &fake_vmm_ops, matrix_vmm);
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	matrix_dev = dev;
	return 0;
}

static void matrix_unregister(void)
{
	struct pvmc_device *dev = matrix_dev;

	matrix_dev = NULL;
	if (dev)
		pvmc_device_unregister(dev);
}

/* It was gone for a moment, at any time. */
static void matrix_readd(struct work_struct *work)
{
	mutex_lock(&matrix_bus);
	matrix_unregister();
	matrix_register();
	mutex_unlock(&matrix_bus);
}

static DECLARE_WORK(matrix_readd_work, matrix_readd);

static void matrix_on_readd(struct fake_vmm *vmm)
{
	schedule_work(&matrix_readd_work);
}

/* There was an allocation of that number. */
static bool matrix_failed;

#ifdef CONFIG_FAULT_INJECTION
/* Which allocations fail: those of the flow, until matrix_memory_is_back(). */
static enum {
	MATRIX_ALL_SUCCEED,
	MATRIX_ONE_FAILS,
	MATRIX_NO_MEMORY,
} matrix_failing;

static void matrix_memory_fails(struct kunit *test, bool all, int nth)
{
	matrix_failed = false;
	matrix_failing = all ? MATRIX_NO_MEMORY : MATRIX_ONE_FAILS;
	if (all)
		fail_from_begin(test, nth);
	else
		fail_nth_begin(test, nth);
}

static void matrix_memory_is_back(struct kunit *test)
{
	if (matrix_failing == MATRIX_NO_MEMORY)
		matrix_failed = fail_from_end(test);
	else if (matrix_failing == MATRIX_ONE_FAILS)
		matrix_failed = fail_nth_end();
	matrix_failing = MATRIX_ALL_SUCCEED;
}
#else
static void matrix_memory_fails(struct kunit *test, bool all, int nth)
{
}

static void matrix_memory_is_back(struct kunit *test)
{
}
#endif

/* Each kind in each mode that is another for it, with each end, after @prev. */
static const void *matrix_next(const struct matrix_case *prev, char *desc,
			       bool entries)
{
	unsigned int i = prev ? prev - matrix_cases + 1 : 0;

	for (; i < MATRIX_CASES; i++) {
		struct matrix_case *c = &matrix_cases[i];
		unsigned int end = i % ARRAY_SIZE(matrix_ends);
		unsigned int mode = i / ARRAY_SIZE(matrix_ends) %
				    ARRAY_SIZE(matrix_modes);

		c->kind = &matrix_kinds[i / ARRAY_SIZE(matrix_ends) /
					ARRAY_SIZE(matrix_modes)];
		c->vectors = matrix_modes[mode].vectors;
		c->entries = matrix_modes[mode].entries;
		c->parts = matrix_ends[end].parts;
		c->all = matrix_ends[end].all;
		if (c->entries &&
		    (!entries || c->kind->fault == FAKE_FAULT_NONE))
			continue;
		/* One device goes once, and memory is a kind of its own. */
		if (c->all && c->kind->points != MATRIX_EXITS)
			continue;
		snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s, %s%s",
			 c->kind->name, matrix_modes[mode].name,
			 matrix_ends[end].name);
		return c;
	}
	return NULL;
}

const void *matrix_params(const void *prev, char *desc)
{
	return matrix_next(prev, desc, true);
}

/* For what sends one range at a time. */
const void *matrix_params_single(const void *prev, char *desc)
{
	return matrix_next(prev, desc, false);
}

/* With whatever of the protocol there is. */
struct fake_vmm *matrix_new_vmm(struct kunit *test, bool vectors)
{
	struct fake_vmm *vmm = fake_vmm_new(test);

	if (vectors) {
		fake_vmm_vectors(vmm);
		vmm->features |= PVMEMCONTROL_FEATURE_VIOLATION;
	}
	return vmm;
}

/* One that callers may be given. */
void matrix_errno(struct kunit *test, int err)
{
	KUNIT_EXPECT_LE(test, err, 0);
	KUNIT_EXPECT_GE(test, err, -LAST_ERRNO);
}

/* Success was claimed, and nothing done; nobody can know. */
bool matrix_lied(struct kunit *test)
{
	const struct matrix_case *c = test->param_value;

	return c->kind->fault == FAKE_FAULT_LIE;
}

/* Client and device go while all goes wrong that does, and then come again. */
bool matrix_parts(struct kunit *test)
{
	const struct matrix_case *c = test->param_value;

	return c->parts;
}

/* It was told that nothing follows: what was its memory may be anybody's. */
static void matrix_disconnected(struct kunit *test)
{
	KUNIT_EXPECT_NE(test, FAKE_READY, matrix_vmm->state);
	KUNIT_EXPECT_NULL(test, matrix_vmm->late);
}

/* From now on all goes well, with VMM and memory. */
static void matrix_no_fault(struct kunit *test)
{
	matrix_vmm->fault = FAKE_FAULT_NONE;
	matrix_memory_is_back(test);
	/* Others wait for the bus. */
	flush_work(&matrix_readd_work);
}

static void matrix_plug_again(struct kunit *test)
{
	mutex_lock(&matrix_bus);
	matrix_unregister();
	matrix_vmm->present = true;
	KUNIT_EXPECT_EQ(test, 0, matrix_register());
	mutex_unlock(&matrix_bus);
}

/**
 * matrix_plug() - Have a device come.
 * @test: the test; the VMM is what the flow's new_vmm has made
 *
 * Where it cannot be connected it is plugged in again, and all goes well from
 * then on.
 *
 * Context: Process context.
 */
void matrix_plug(struct kunit *test)
{
	int err;

	mutex_lock(&matrix_bus);
	err = matrix_register();
	if (err)
		matrix_disconnected(test);
	mutex_unlock(&matrix_bus);
	matrix_errno(test, err);
	if (err)
		matrix_no_fault(test);
	else
		flush_work(&matrix_readd_work);
	if (!matrix_dev)
		matrix_plug_again(test);
}

/**
 * matrix_suspend() - Have the device lose its power.
 *
 * It neither comes nor goes until matrix_resume().
 *
 * Context: Process context.
 */
void matrix_suspend(void)
{
	mutex_lock(&matrix_bus);
	if (matrix_dev)
		pvmc_device_suspend(matrix_dev);
}

/* And have it again. */
void matrix_resume(struct kunit *test)
{
	if (matrix_dev)
		matrix_errno(test, pvmc_device_resume(matrix_dev));
	mutex_unlock(&matrix_bus);
}

/**
 * matrix_mend() - Have the VMM do what it is asked from now on.
 * @test: the test
 *
 * Waits until it is connected anew if that is due, however long it would have
 * been left alone.  One that has gone comes again.  And there is memory.
 *
 * Context: Process context.
 */
void matrix_mend(struct kunit *test)
{
	matrix_no_fault(test);
	if (matrix_dev && matrix_vmm->present) {
		/* Only one at a time may wait for it, and the recovery does. */
		mutex_lock(&pvmc_registry_lock);
		irq_work_sync(&matrix_dev->no_answer);
		mutex_unlock(&pvmc_registry_lock);
		flush_delayed_work(&matrix_dev->recover);
	} else {
		matrix_plug_again(test);
	}
	KUNIT_EXPECT_NOT_NULL(test, matrix_dev);
	if (matrix_dev)
		KUNIT_EXPECT_EQ(test, PVMC_UP, READ_ONCE(matrix_dev->state));
}

static void matrix_unplug_any(void)
{
	do {
		mutex_lock(&matrix_bus);
		matrix_unregister();
		mutex_unlock(&matrix_bus);
		flush_work(&matrix_readd_work);
	} while (matrix_dev);
}

/* Have the device go, for good. */
void matrix_unplug(struct kunit *test)
{
	matrix_unplug_any();
	matrix_disconnected(test);
}

/**
 * matrix_come_again() - Have a device come, and all go well from now on.
 * @test: the test; the device has gone
 *
 * Context: Process context.
 */
void matrix_come_again(struct kunit *test)
{
	matrix_no_fault(test);
	matrix_plug_again(test);
}

/**
 * matrix_client_add() - Register a client.
 * @test: the test
 * @client: its client
 *
 * Where there is no memory for it, again when there is.
 *
 * Context: Process context.
 */
void matrix_client_add(struct kunit *test, struct pvmemcontrol_client *client)
{
	int err = pvmemcontrol_register_client(client);

	if (!err)
		return;
	KUNIT_EXPECT_EQ(test, -ENOMEM, err);
	matrix_memory_is_back(test);
	KUNIT_ASSERT_EQ(test, 0, pvmemcontrol_register_client(client));
}

/* However a test has ended: for its exit(). */
void matrix_clear_away(struct kunit *test)
{
	matrix_memory_is_back(test);
	matrix_unplug_any();
}

static bool matrix_point(struct kunit *test, const struct matrix_flow *flow,
			 u32 err, int nr)
{
	const struct matrix_case *c = test->param_value;
	struct fake_vmm *last = test == matrix_test ? matrix_vmm : NULL;
	struct fake_vmm *vmm = flow->new_vmm(test, c->vectors);

	/* There are very many of them, and the fixture has the new one now. */
	if (last)
		kunit_kfree(test, last);
	matrix_test = test;
	matrix_vmm = vmm;

	vmm->on_readd = matrix_on_readd;
	vmm->fault_entries = c->entries;
	vmm->entries_only = c->entries;
	if (c->kind->fault == FAKE_FAULT_NONE) {
		matrix_memory_fails(test, c->kind->points == MATRIX_MEMORY,
				    nr + 1);
		flow->run(test);
		matrix_memory_is_back(test);
		return matrix_failed;
	}
	vmm->fault_steps = c->kind->points == MATRIX_STEPS && !c->entries;
	fake_vmm_fault(vmm, c->kind->fault, err, nr, c->all ? -1 : 1);
	flow->run(test);
	return vmm->faults;
}

static int matrix_stride(const struct matrix_flow *flow,
			 const struct matrix_case *c)
{
	/* There are not so many allocations. */
	if (matrix_full || c->kind->fault == FAKE_FAULT_NONE)
		return 1;
	return max(flow->stride, 1) * (c->parts ? 2 : 1);
}

/**
 * matrix_run() - Run a flow with each of its exits going wrong in turn.
 * @test: its parameter is a kind
 * @flow: what is to be run
 *
 * Prints how many points there were, and how many of these were survived.
 *
 * Context: Process context.
 */
void matrix_run(struct kunit *test, const struct matrix_flow *flow)
{
	const struct matrix_case *c = test->param_value;
	const struct matrix_kind *kind = c->kind;
	/* Where all goes wrong it matters little with what it began. */
	u32 last = matrix_full && !c->all ? kind->last :
					    kind->first + kind->few - 1;
	unsigned int points = 0, survived = 0;
	u32 err = kind->first;
	bool happened;
	int nr;

	matrix_test = NULL;
	do {
		for (nr = 0;; nr += matrix_stride(flow, c)) {
			KUNIT_ASSERT_LT(test, nr, 2000);
			/* So that it can be said which one it was. */
			test->status = KUNIT_SUCCESS;
			happened = matrix_point(test, flow, err, nr);
			points += happened;
			survived += happened && test->status == KUNIT_SUCCESS;
			if (test->status != KUNIT_SUCCESS)
				kunit_info(test, "not survived: %s (%u) at %d\n",
					   kind->name, err, nr);
			if (test->status != KUNIT_SUCCESS || !happened)
				break;
		}
	} while (test->status == KUNIT_SUCCESS && err++ != last);
	kunit_info(test, "matrix: %u points, %u survived\n", points,
		   survived);
	KUNIT_EXPECT_GT(test, points, 0U);
}
