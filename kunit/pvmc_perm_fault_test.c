// SPDX-License-Identifier: GPL-2.0
/*
 * pvmemcontrol_perm when the host fails, lies, falls silent, goes and comes,
 * and when there is no memory: what is said to have been told was told, and in
 * the end each page has what it wants.
 */
#include <linux/sizes.h>

#include "pvmc_perm_host.h"

#define FAULT_RANGES	5

struct perm_fault {
	enum fake_fault fault;
	u32 err;
};

static const struct perm_fault perm_faults[] = {
	{ FAKE_FAULT_SILENT, 0 },
	{ FAKE_FAULT_ERRNO, EINVAL },
	{ FAKE_FAULT_ERRNO, ENOMEM },
	{ FAKE_FAULT_ERRNO, 9999 },
	{ FAKE_FAULT_REFUSE, EOPNOTSUPP },
	{ FAKE_FAULT_REFUSE, EINVAL },
	{ FAKE_FAULT_GARBAGE, 0 },
	{ FAKE_FAULT_FORGET, 0 },
	{ FAKE_FAULT_ELSEWHERE, 0 },
	{ FAKE_FAULT_GONE, 0 },
};

static void perm_fault_name(const struct perm_fault *f, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s %u", fake_fault_names[f->fault],
		 f->err);
}
KUNIT_ARRAY_PARAM(perm_fault, perm_faults, perm_fault_name);

static bool perm_fault_recovers(enum fake_fault fault)
{
	return fault == FAKE_FAULT_SILENT || fault == FAKE_FAULT_FORGET ||
	       fault == FAKE_FAULT_ELSEWHERE;
}

/* Whether the host says which range it could not do. */
static bool perm_fault_names_one(const struct perm_fault *f, bool vectors,
				 bool entries)
{
	if (f->fault != FAKE_FAULT_ERRNO && f->fault != FAKE_FAULT_REFUSE)
		return false;
	/* Of a vector that ends with nonsense nothing is believed. */
	return !vectors || (entries && f->err < MAX_ERRNO);
}

/* How many commits of @nr fail. */
static unsigned int perm_fault_failures(const struct perm_fault *f,
					bool vectors, bool entries,
					unsigned int nr)
{
	/* A refused vector is sent one by one, and a refused range in parts. */
	if (f->fault == FAKE_FAULT_REFUSE &&
	    (f->err == EINVAL || (vectors && !entries)))
		return 0;
	/* It may pass for an answer, once in a long while. */
	return f->fault == FAKE_FAULT_GARBAGE ? nr - 1 : nr;
}

/* Ranges that cannot be one: R, NONE, R, ..., over large entries and small. */
static void perm_fault_changes(struct pvmemcontrol_perm_txn *txn, bool map)
{
	int i;

	for (i = 0; i < FAULT_RANGES; i++) {
		unsigned int perms = i % 2 ? 0 : PERM_R;

		if (map)
			host_map(txn, 500 + 700 * i, 700, perms);
		else
			host_unmap(txn, 500 + 700 * i, 700, perms);
	}
}

static int perm_fault_commit(struct pvmemcontrol_perm_txn *txn, bool map)
{
	pvmemcontrol_perm_begin(txn);
	perm_fault_changes(txn, map);
	return pvmemcontrol_perm_commit(txn);
}

/* The same ranges, W, R, W, ..., and back. */
static int perm_fault_toggle(struct pvmemcontrol_perm_txn *txn, bool back)
{
	int i;

	pvmemcontrol_perm_begin(txn);
	for (i = 0; i < FAULT_RANGES; i++) {
		unsigned int a = i % 2 ? 0 : PERM_R;
		unsigned int b = i % 2 ? PERM_X : PERM_W;

		host_change(txn, 500 + 700 * i, 700, back ? b : a,
			    back ? a : b);
	}
	return pvmemcontrol_perm_commit(txn);
}

/* The device goes, and another comes. */
static void perm_fault_replace(struct host *h, bool vectors)
{
	host_unplug(h);
	host_open(h);
	host_new_vmm(h, vectors);
	host_plug(h);
}

/* One request goes wrong, each of them in turn. */
static void perm_fault_each(struct kunit *test, bool vectors, bool entries)
{
	const struct perm_fault *f = test->param_value;
	struct host *h = test->priv;
	struct pvmemcontrol_perm_txn txn;
	unsigned int i, nr, failures = 0;
	unsigned long recoveries = 0;

	host_new_vmm(h, vectors);
	h->vmm->fault_entries = entries;
	host_plug(h);
	host_attach(h);
	/* What a VMM that has closed pages does not do, nobody knows. */
	KUNIT_ASSERT_EQ(test, 0, host_commit_map(0, 1, PERM_R));
	KUNIT_ASSERT_EQ(test, 0, host_commit_unmap(0, 1, PERM_R));
	nr = vectors && !entries ? 1 : FAULT_RANGES;

	for (i = 0; i < 2 * nr; i++) {
		int err;

		h->vmm->fault_entries = entries;
		fake_vmm_fault(h->vmm, f->fault, f->err, i / 2, 1);
		host_clear(h);
		err = i ? perm_fault_toggle(&txn, !(i % 2)) :
			  perm_fault_commit(&txn, true);
		failures += !!err;
		KUNIT_EXPECT_TRUE(test, txn.applied);
		KUNIT_EXPECT_EQ(test, err, txn.error);
		KUNIT_EXPECT_EQ(test, err != 0, txn.failed_length != 0);
		/* The ends of a run are where values change. */
		if (err)
			KUNIT_EXPECT_EQ(test, -ENODATA,
					pvmemcontrol_perm_told(txn.failed_start));
		if (err && perm_fault_names_one(f, vectors, entries)) {
			KUNIT_EXPECT_EQ(test, host_phys(500 + 700 * (i / 2)),
					txn.failed_start);
			KUNIT_EXPECT_EQ(test, 700ULL << PAGE_SHIFT,
					txn.failed_length);
			/* And the others have been told. */
			KUNIT_EXPECT_EQ(test, (unsigned int)FAULT_RANGES,
					h->nr_calls);
		}
		host_expect_told(h);
		fake_vmm_fault(h->vmm, FAKE_FAULT_NONE, 0, 0, 0);

		if (perm_fault_recovers(f->fault) && err) {
			recoveries++;
			KUNIT_ASSERT_TRUE(test, fake_wait_recovered(h->dev,
								    recoveries));
		} else if (f->fault == FAKE_FAULT_GONE) {
			perm_fault_replace(h, vectors);
		} else {
			/* Whoever comes next says it. */
			KUNIT_EXPECT_EQ(test, 0, host_commit_nothing());
		}
		host_expect_wanted(h);
	}
	nr = perm_fault_failures(f, vectors, entries, 2 * nr);
	KUNIT_EXPECT_GE(test, failures, nr);
}

static void perm_fault_calls(struct kunit *test)
{
	perm_fault_each(test, false, false);
}

static void perm_fault_vectors(struct kunit *test)
{
	perm_fault_each(test, true, false);
}

static void perm_fault_entries(struct kunit *test)
{
	perm_fault_each(test, true, true);
}

/* It has to believe it; what it does next works all the same. */
static void perm_fault_lie(struct kunit *test)
{
	struct pvmemcontrol_perm_txn txn;
	struct host *h = test->priv;

	host_new_vmm(h, false);
	host_plug(h);
	host_attach(h);
	fake_vmm_fault(h->vmm, FAKE_FAULT_LIE, 0, 0, 1);
	KUNIT_EXPECT_EQ(test, 0, perm_fault_commit(&txn, true));
	KUNIT_EXPECT_EQ(test, PERM_RW, host_permits(h, 500));
	KUNIT_EXPECT_EQ(test, PERM_R, pvmemcontrol_perm_told(host_phys(500)));
	host_expect(h, 1200, 700, 0);
	pvmc_device_suspend(h->dev);
	KUNIT_EXPECT_EQ(test, 0, pvmc_device_resume(h->dev));
	host_expect_wanted(h);
	KUNIT_EXPECT_EQ(test, 0, perm_fault_commit(&txn, false));
	host_expect_wanted(h);
}

/* What somebody else could not be told is not this one's error. */
static void perm_fault_others(struct kunit *test)
{
	struct pvmemcontrol_perm_txn txn;
	struct host *h = test->priv;

	host_new_vmm(h, false);
	host_plug(h);
	host_attach(h);
	fake_vmm_fault(h->vmm, FAKE_FAULT_ERRNO, EINVAL, 0, 2);
	KUNIT_EXPECT_EQ(test, -EINVAL, host_commit_map(100, 10, 0));
	host_clear(h);
	KUNIT_EXPECT_EQ(test, 0, host_commit_map(200, 10, 0));
	KUNIT_EXPECT_EQ(test, 2U, h->nr_calls);
	host_expect(h, 200, 10, 0);
	KUNIT_EXPECT_EQ(test, -ENODATA, pvmemcontrol_perm_told(host_phys(100)));

	/* It is that of one who asks for nothing else. */
	fake_vmm_fault(h->vmm, FAKE_FAULT_ERRNO, EIO, 0, 1);
	pvmemcontrol_perm_begin(&txn);
	KUNIT_EXPECT_EQ(test, -EIO, pvmemcontrol_perm_commit(&txn));
	KUNIT_EXPECT_EQ(test, host_phys(100), txn.failed_start);
	host_clear(h);
	/* Overlapped by what is changed, on both sides. */
	pvmemcontrol_perm_begin(&txn);
	host_map(&txn, 95, 7, 0);
	host_map(&txn, 108, 7, PERM_W);
	KUNIT_EXPECT_EQ(test, 0, pvmemcontrol_perm_commit(&txn));
	KUNIT_EXPECT_EQ(test, 2U, h->nr_calls);
	host_expect(h, 95, 13, 0);
	host_expect(h, 108, 7, PERM_W);
	host_expect_wanted(h);
	host_clear(h);
	KUNIT_EXPECT_EQ(test, 0, host_commit_nothing());
	KUNIT_EXPECT_EQ(test, 0U, h->nr_calls);
}

/* A long range goes in pieces; those before the one that fails count. */
static void perm_fault_piece(struct kunit *test)
{
	const unsigned long piece = SZ_128M >> PAGE_SHIFT;
	struct pvmemcontrol_perm_txn txn;
	struct host *h = test->priv;

	host_new_vmm(h, false);
	host_plug(h);
	host_attach(h);
	fake_vmm_fault(h->vmm, FAKE_FAULT_ERRNO, ENOMEM, 2, 1);
	/* From where entries of 1 GiB begin. */
	pvmemcontrol_perm_begin(&txn);
	host_map(&txn, 4090, 6 + 2 * piece + 10, PERM_R);
	KUNIT_EXPECT_EQ(test, -ENOMEM, pvmemcontrol_perm_commit(&txn));
	KUNIT_EXPECT_TRUE(test, txn.applied);
	host_expect(h, 4090, 6, PERM_R);
	KUNIT_EXPECT_EQ(test, PERM_R,
			pvmemcontrol_perm_told(host_phys(4096 + piece - 1)));
	KUNIT_EXPECT_EQ(test, -ENODATA,
			pvmemcontrol_perm_told(host_phys(4096 + piece)));
	host_expect_told(h);
	host_clear(h);
	KUNIT_EXPECT_EQ(test, 0, host_commit_nothing());
	KUNIT_EXPECT_EQ(test, 4096 + piece, h->call[0].start);
	host_expect_wanted(h);
}

static void perm_attach_later(struct kunit *test)
{
	struct pvmemcontrol_perm_txn txn;
	struct host *h = test->priv;

	KUNIT_EXPECT_EQ(test, -ENODEV, perm_fault_commit(&txn, true));
	KUNIT_EXPECT_TRUE(test, txn.applied);
	KUNIT_EXPECT_EQ(test, PERM_RW, pvmemcontrol_perm_told(host_phys(500)));
	host_attach(h);
	KUNIT_EXPECT_EQ(test, -ENODEV, host_commit_map(4200, 10, PERM_W));
	host_new_vmm(h, true);
	host_plug(h);
	KUNIT_EXPECT_EQ(test, FAULT_RANGES + 1U, h->nr_calls);
	KUNIT_EXPECT_EQ(test, 1U, h->vmm->vectors);
	host_expect(h, 500, 700, PERM_R);
	host_expect_wanted(h);

	/* The device leaves in good order: nothing stays closed. */
	host_unplug(h);
	host_expect(h, 0, 4300, PERM_RW);
	KUNIT_EXPECT_EQ(test, -ENODEV, host_commit_map(4300, 10, 0));
	host_new_vmm(h, false);
	host_plug(h);
	host_expect_wanted(h);
	/* So does the client. */
	host_clear(h);
	fake_client_del(test, &pvmc_perm_client);
	host_expect(h, 0, 4400, PERM_RW);
	/* Adjacent ranges are opened as one. */
	KUNIT_EXPECT_EQ(test, 3U, h->nr_calls);
}

/* Suspended, reset or migrated: all is said again. */
static void perm_restored(struct kunit *test)
{
	struct pvmemcontrol_perm_txn txn;
	struct host *h = test->priv;

	host_new_vmm(h, true);
	host_plug(h);
	host_attach(h);
	KUNIT_EXPECT_EQ(test, 0, perm_fault_commit(&txn, true));
	KUNIT_EXPECT_EQ(test, 0, host_commit_map(4500, 10, PERM_RW));
	pvmc_device_suspend(h->dev);
	/* Opened: who comes next would not know what it must not touch. */
	KUNIT_EXPECT_EQ(test, PERM_RW, host_permits(h, 500));
	KUNIT_EXPECT_EQ(test, PERM_RW, pvmemcontrol_perm_told(host_phys(500)));
	KUNIT_EXPECT_EQ(test, PERM_RW, pvmemcontrol_perm_told(host_phys(4500)));
	host_open(h);
	host_clear(h);
	/* Meanwhile it can be changed, but not said. */
	KUNIT_EXPECT_EQ(test, -EIO, host_commit_map(4600, 10, PERM_R));
	KUNIT_EXPECT_EQ(test, -EIO, host_commit_unmap(500, 700, PERM_R));
	KUNIT_EXPECT_EQ(test, 0U, h->nr_calls);
	KUNIT_EXPECT_EQ(test, 0, pvmc_device_resume(h->dev));
	host_expect_wanted(h);
	host_expect(h, 500, 700, PERM_RW);
	host_expect(h, 4600, 10, PERM_R);
	KUNIT_EXPECT_EQ(test, (unsigned int)FAULT_RANGES, h->nr_calls);
}

/* The restoring itself fails, and is made up for. */
static void perm_restore_fails(struct kunit *test)
{
	struct pvmemcontrol_perm_txn txn;
	struct host *h = test->priv;

	KUNIT_EXPECT_EQ(test, -ENODEV, perm_fault_commit(&txn, true));
	host_new_vmm(h, false);
	host_plug(h);
	fake_vmm_fault(h->vmm, FAKE_FAULT_ERRNO, EAGAIN, 2, 2);
	host_attach(h);
	host_expect_told(h);
	KUNIT_EXPECT_EQ(test, -ENODATA,
			pvmemcontrol_perm_told(host_phys(500 + 700 * 2)));
	host_clear(h);
	KUNIT_EXPECT_EQ(test, 0, host_commit_map(5000, 10, 0));
	KUNIT_EXPECT_EQ(test, 3U, h->nr_calls);
	host_expect_wanted(h);
	/* Opening fails: it is not said that it did not. */
	fake_vmm_fault(h->vmm, FAKE_FAULT_ERRNO, EAGAIN, 0, 1);
	host_unplug(h);
	host_expect_told(h);
	host_new_vmm(h, false);
	host_plug(h);
	host_expect_wanted(h);
}

#ifdef CONFIG_FAULT_INJECTION
#define OOM_PAGES	(4096 + 1024)

/* With entries that merge and split in all sizes. */
static void perm_oom_changes(struct pvmemcontrol_perm_txn *txn)
{
	int i;

	/* Completes 2 MiB, which become one entry. */
	host_map(txn, 511, 1, PERM_R);
	host_map(txn, 1024, 1024, PERM_X);
	for (i = 0; i < 4; i++)
		host_map(txn, 2048 + 512 * i + 7, 3, 0);
	/* Not in order. */
	host_unmap(txn, 3, 3, PERM_R);
	host_map(txn, 4096 + 500, 300, PERM_W);
}

/*
 * From some allocation on there is no memory: all is done or nothing, and the host has been told
 * just what it is said to have been.
 */
static void perm_oom(struct kunit *test)
{
	unsigned long *values = kunit_kmalloc(test, OOM_PAGES * sizeof(*values),
					      GFP_KERNEL);
	struct host *h = test->priv;
	int nth, refused = 0;
	bool failed = true;

	KUNIT_ASSERT_NOT_NULL(test, values);
	host_new_vmm(h, false);
	host_plug(h);
	host_attach(h);
	for (nth = 1; failed && nth < 1000; nth++) {
		struct pvmemcontrol_perm_txn txn;
		unsigned long i, differ = 0;
		int err;

		perm_table_exit();
		host_open(h);
		KUNIT_EXPECT_EQ(test, 0, host_commit_map(0, 511, PERM_R));
		KUNIT_EXPECT_EQ(test, 0, host_commit_map(1024, 512, PERM_RW));
		for (i = 0; i < OOM_PAGES; i++)
			values[i] = mem_table_load(&perm_table, HOST_BASE + i);

		/* A piece of what is sent fails, too. */
		fake_vmm_fault(h->vmm, FAKE_FAULT_ERRNO, EAGAIN, nth % 4, 1);
		fail_from_begin(test, nth);
		pvmemcontrol_perm_begin(&txn);
		perm_oom_changes(&txn);
		err = pvmemcontrol_perm_commit(&txn);
		failed = fail_from_end(test);
		fake_vmm_fault(h->vmm, FAKE_FAULT_NONE, 0, 0, 0);

		for (i = 0; i < OOM_PAGES; i++)
			differ += values[i] != mem_table_load(&perm_table,
							      HOST_BASE + i);
		KUNIT_EXPECT_EQ(test, txn.applied ? -EAGAIN : -ENOMEM, err);
		KUNIT_EXPECT_EQ(test, txn.applied, differ != 0);
		refused += !txn.applied;
		host_expect_told(h);
		KUNIT_EXPECT_EQ(test, 0, host_commit_nothing());
		host_expect_wanted(h);
	}
	KUNIT_EXPECT_FALSE(test, failed);
	KUNIT_EXPECT_GT(test, refused, 5);
}

/* The part that was done is told from the rest, memory or not. */
static void perm_oom_piece(struct kunit *test)
{
	const unsigned long piece = SZ_128M >> PAGE_SHIFT;
	struct host *h = test->priv;
	bool failed = true;
	int nth, err, sent = 0;

	host_new_vmm(h, false);
	host_plug(h);
	host_attach(h);
	for (nth = 1; failed && nth < 100; nth++) {
		perm_table_exit();
		host_open(h);
		fake_vmm_fault(h->vmm, FAKE_FAULT_ERRNO, EAGAIN, 1, 1);
		fail_from_begin(test, nth);
		/* One entry, and pieces that are not. */
		err = host_commit_map(4096, SZ_1G >> PAGE_SHIFT, PERM_R);
		failed = fail_from_end(test);
		if (err == -EAGAIN) {
			sent++;
			host_expect(h, 4096 + piece - 1, 1, PERM_R);
			KUNIT_EXPECT_EQ(test, -ENODATA,
					pvmemcontrol_perm_told(host_phys(4096 + piece)));
		} else {
			KUNIT_EXPECT_EQ(test, -ENOMEM, err);
		}
		host_expect_told(h);
		fake_vmm_fault(h->vmm, FAKE_FAULT_NONE, 0, 0, 0);
		KUNIT_EXPECT_EQ(test, 0, host_commit_nothing());
		host_expect_wanted(h);
	}
	KUNIT_EXPECT_FALSE(test, failed);
	/* Without memory, too. */
	KUNIT_EXPECT_GT(test, sent, 1);
}
#endif

static struct kunit_case perm_fault_test_cases[] = {
	KUNIT_CASE_PARAM(perm_fault_calls, perm_fault_gen_params),
	KUNIT_CASE_PARAM(perm_fault_vectors, perm_fault_gen_params),
	KUNIT_CASE_PARAM(perm_fault_entries, perm_fault_gen_params),
	KUNIT_CASE(perm_fault_lie),
	KUNIT_CASE(perm_fault_others),
	KUNIT_CASE(perm_fault_piece),
	KUNIT_CASE(perm_attach_later),
	KUNIT_CASE(perm_restored),
	KUNIT_CASE(perm_restore_fails),
#ifdef CONFIG_FAULT_INJECTION
	KUNIT_CASE(perm_oom),
	KUNIT_CASE(perm_oom_piece),
#endif
	{}
};

static struct kunit_suite perm_fault_suite = {
	.name = "pvmc_perm_fault",
	.init = host_init,
	.exit = host_exit,
	.test_cases = perm_fault_test_cases,
};
kunit_test_suite(perm_fault_suite);
