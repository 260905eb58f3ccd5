// SPDX-License-Identifier: GPL-2.0
/*
 * pvmemcontrol_perm: what pages want, what the host is told of it, and the
 * arithmetic of mappings.
 */
#include <linux/kthread.h>
#include <linux/prandom.h>
#include <linux/sched.h>

#include "pvmc_perm_host.h"

static const bool perm_vectors[] = { false, true };

static void perm_vectors_name(const bool *vectors, char *name)
{
	strscpy(name, *vectors ? "vectors" : "1.0", KUNIT_PARAM_DESC_SIZE);
}
KUNIT_ARRAY_PARAM(perm_vectors, perm_vectors, perm_vectors_name);

/* A host with a VMM of the case's version, and the client attached. */
static struct host *perm_host(struct kunit *test)
{
	const bool *vectors = test->param_value;
	struct host *h = test->priv;

	host_new_vmm(h, vectors && *vectors);
	host_plug(h);
	host_attach(h);
	return h;
}

/* One mapping: what it permits, and what that means for the host. */
static void perm_one_mapping(struct kunit *test)
{
	struct host *h = perm_host(test);
	unsigned int perms;

	for (perms = 0; perms < 8; perms++) {
		int wants = (perms & PERM_RX ? PERM_R : 0) | (perms & PERM_W);

		KUNIT_EXPECT_EQ(test, 0, host_commit_map(10, 3, perms));
		host_expect(h, 10, 3, wants);
		host_expect(h, 9, 1, PERM_RW);
		host_expect(h, 13, 1, PERM_RW);
		KUNIT_EXPECT_EQ(test, 3UL, perm_table_owned());
		KUNIT_EXPECT_EQ(test, 0, host_commit_unmap(10, 3, perms));
		host_expect(h, 10, 3, PERM_RW);
		/* And nothing is left of it. */
		KUNIT_EXPECT_EQ(test, 0UL, perm_table_owned());
	}
}

static void perm_union(struct kunit *test)
{
	struct host *h = perm_host(test);

	/* Text, its writable alias for patching, and a guard besides. */
	KUNIT_EXPECT_EQ(test, 0, host_commit_map(0, 20, PERM_RX));
	KUNIT_EXPECT_EQ(test, 0, host_commit_map(10, 20, PERM_W));
	host_expect(h, 0, 10, PERM_R);
	host_expect(h, 10, 10, PERM_RW);
	host_expect(h, 20, 10, PERM_W);
	KUNIT_EXPECT_EQ(test, 0, host_commit_map(5, 20, 0));
	host_expect(h, 0, 10, PERM_R);
	host_expect(h, 10, 10, PERM_RW);
	host_expect(h, 20, 10, PERM_W);
	KUNIT_EXPECT_EQ(test, 0, host_commit_unmap(0, 20, PERM_RX));
	host_expect(h, 0, 5, PERM_RW);
	host_expect(h, 5, 5, 0);
	host_expect(h, 10, 20, PERM_W);
	KUNIT_EXPECT_EQ(test, 0, host_commit_unmap(10, 20, PERM_W));
	host_expect(h, 5, 20, 0);
	host_expect(h, 25, 5, PERM_RW);
	KUNIT_EXPECT_EQ(test, 0, host_commit_unmap(5, 20, 0));
	host_expect(h, 0, 40, PERM_RW);
	KUNIT_EXPECT_EQ(test, 0UL, perm_table_owned());
}

/* What has not changed is not said, and what lies between is passed over. */
static void perm_fewest(struct kunit *test)
{
	struct pvmemcontrol_perm_txn txn;
	struct host *h = perm_host(test);

	KUNIT_EXPECT_EQ(test, 0, host_commit_map(100, 10, PERM_R));
	pvmemcontrol_perm_begin(&txn);
	host_map(&txn, 95, 5, PERM_R);
	host_map(&txn, 110, 5, PERM_R);
	/* Wants nothing new, and is neither changed nor in the way. */
	host_map(&txn, 103, 2, PERM_X);
	host_clear(h);
	KUNIT_EXPECT_EQ(test, 0, pvmemcontrol_perm_commit(&txn));
	KUNIT_EXPECT_EQ(test, 1ULL, txn.ranges);
	KUNIT_EXPECT_EQ(test, 1ULL, txn.exits);
	KUNIT_EXPECT_EQ(test, 1U, h->nr_calls);
	KUNIT_EXPECT_EQ(test, 95UL, h->call[0].start);
	KUNIT_EXPECT_EQ(test, 20UL, h->call[0].nr);
	host_expect(h, 95, 20, PERM_R);

	/* Nothing at all: no exit. */
	pvmemcontrol_perm_begin(&txn);
	host_map(&txn, 98, 4, PERM_R);
	host_map(&txn, 300, 4, PERM_RW);
	host_clear(h);
	KUNIT_EXPECT_EQ(test, 0, pvmemcontrol_perm_commit(&txn));
	KUNIT_EXPECT_EQ(test, 0U, h->nr_calls);

	/* Pages of nobody, between, are left alone. */
	pvmemcontrol_perm_begin(&txn);
	host_map(&txn, 202, 2, 0);
	host_map(&txn, 200, 1, 0);
	host_clear(h);
	KUNIT_EXPECT_EQ(test, 0, pvmemcontrol_perm_commit(&txn));
	KUNIT_EXPECT_EQ(test, 2ULL, txn.ranges);
	host_expect(h, 201, 1, PERM_RW);
	KUNIT_EXPECT_EQ(test, 2U, h->nr_calls);
	host_expect_wanted(h);
}

/* Order within a transaction does not matter, nor what it passes through. */
static void perm_net(struct kunit *test)
{
	struct pvmemcontrol_perm_txn txn;
	struct host *h = perm_host(test);
	int i;

	pvmemcontrol_perm_begin(&txn);
	host_unmap(&txn, 5, 10, PERM_R);
	for (i = 0; i < 9; i++)
		host_map(&txn, 20 - i, 1, PERM_W);
	host_map(&txn, 5, 10, PERM_R);
	host_change(&txn, 30, 2, 0, PERM_X);
	host_change(&txn, 50, 2, PERM_R, PERM_R);
	host_map(&txn, 30, 2, 0);
	KUNIT_EXPECT_EQ(test, 0, pvmemcontrol_perm_commit(&txn));
	KUNIT_EXPECT_TRUE(test, txn.applied);
	host_expect(h, 0, 12, PERM_RW);
	host_expect(h, 12, 9, PERM_W);
	host_expect(h, 30, 2, PERM_R);
	KUNIT_EXPECT_EQ(test, 11UL, perm_table_owned());
	KUNIT_EXPECT_EQ(test, 2ULL, txn.ranges);

	pvmemcontrol_perm_begin(&txn);
	host_map(&txn, 0, 1000, 0);
	pvmemcontrol_perm_abort(&txn);
	KUNIT_EXPECT_EQ(test, 11UL, perm_table_owned());
	host_expect_wanted(h);
}

/* A bad range: the transaction does nothing, whatever else is in it. */
static void perm_bad_range(struct kunit *test)
{
	static const struct {
		phys_addr_t start;
		u64 length;
		unsigned int perms;
	} bad[] = {
		{ 0x1000, 0, PERM_R },
		{ 0x1001, 0x1000, PERM_R },
		{ 0x1000, 0x1001, PERM_R },
		{ 0x1000, 0x1000, 8 },
		{ (phys_addr_t)MEM_TABLE_PAGES << PAGE_SHIFT, 0x1000, PERM_R },
		{ 0x1000, (u64)MEM_TABLE_PAGES << PAGE_SHIFT, PERM_R },
		{ 0x1000, -0x1000ULL, PERM_R },
	};
	struct pvmemcontrol_perm_txn txn;
	struct host *h = perm_host(test);
	int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		pvmemcontrol_perm_begin(&txn);
		KUNIT_EXPECT_EQ(test, 0, host_map(&txn, 0, 10, 0));
		KUNIT_EXPECT_EQ(test, -EINVAL,
				pvmemcontrol_perm_map(&txn, bad[i].start,
						      bad[i].length,
						      bad[i].perms));
		KUNIT_EXPECT_EQ(test, -EINVAL, host_map(&txn, 20, 10, 0));
		KUNIT_EXPECT_EQ(test, -EINVAL, pvmemcontrol_perm_commit(&txn));
		KUNIT_EXPECT_FALSE(test, txn.applied);
		KUNIT_EXPECT_EQ(test, bad[i].start, txn.failed_start);
		KUNIT_EXPECT_EQ(test, bad[i].length, txn.failed_length);
	}
	KUNIT_EXPECT_EQ(test, 0UL, perm_table_owned());
	KUNIT_EXPECT_EQ(test, 0U, h->nr_calls);
}

#define PERM_CHECKED	2048

static unsigned long *perm_values(struct kunit *test)
{
	unsigned long *values = kunit_kmalloc(test, PERM_CHECKED *
					      sizeof(*values), GFP_KERNEL);
	unsigned long i;

	KUNIT_ASSERT_NOT_NULL(test, values);
	for (i = 0; i < PERM_CHECKED; i++)
		values[i] = mem_table_load(&perm_table, HOST_BASE + i);
	return values;
}

static void perm_expect_values(struct kunit *test, const unsigned long *values)
{
	unsigned long i;

	for (i = 0; i < PERM_CHECKED; i++) {
		unsigned long now = mem_table_load(&perm_table, HOST_BASE + i);

		if (values[i] == now)
			continue;
		KUNIT_FAIL(test, "page %lu: %lx, was %lx", i, now, values[i]);
		break;
	}
}

/* Refused as a whole, with the page named, and no trace left. */
static void perm_expect_refused(struct kunit *test,
				struct pvmemcontrol_perm_txn *txn, int error,
				unsigned long page, unsigned long nr)
{
	unsigned long *values = perm_values(test);
	struct host *h = test->priv;

	host_clear(h);
	KUNIT_EXPECT_EQ(test, error, pvmemcontrol_perm_commit(txn));
	KUNIT_EXPECT_EQ(test, error, txn->error);
	KUNIT_EXPECT_FALSE(test, txn->applied);
	KUNIT_EXPECT_EQ(test, host_phys(page), txn->failed_start);
	KUNIT_EXPECT_EQ(test, (u64)nr << PAGE_SHIFT, txn->failed_length);
	KUNIT_EXPECT_EQ(test, 0U, h->nr_calls);
	perm_expect_values(test, values);
	kunit_kfree(test, values);
}

static void perm_overflow(struct kunit *test)
{
	struct pvmemcontrol_perm_txn txn;
	struct host *h = perm_host(test);
	int i;

	for (i = 0; i < PVMEMCONTROL_PERM_MAX; i++)
		if (host_commit_map(700, 2, PERM_X))
			break;
	KUNIT_EXPECT_EQ(test, PVMEMCONTROL_PERM_MAX, i);
	host_expect(h, 700, 2, PERM_R);

	pvmemcontrol_perm_begin(&txn);
	host_map(&txn, 0, 512, PERM_R);
	host_map(&txn, 600, 200, PERM_R);
	perm_expect_refused(test, &txn, -EOVERFLOW, 700, 2);

	/* Unsorted, and one more and one fewer are none. */
	pvmemcontrol_perm_begin(&txn);
	host_map(&txn, 701, 1, PERM_X);
	host_map(&txn, 0, 5, PERM_R);
	host_unmap(&txn, 701, 1, PERM_X);
	KUNIT_EXPECT_EQ(test, 0, pvmemcontrol_perm_commit(&txn));
	host_expect(h, 0, 5, PERM_R);

	pvmemcontrol_perm_begin(&txn);
	host_change(&txn, 700, 2, PERM_X, PERM_R);
	KUNIT_EXPECT_EQ(test, 0, pvmemcontrol_perm_commit(&txn));
	KUNIT_EXPECT_EQ(test, 0, host_commit_unmap(700, 2, PERM_R));
	KUNIT_EXPECT_EQ(test, 0, host_commit_map(700, 2, PERM_R));
	KUNIT_EXPECT_EQ(test, -EOVERFLOW, host_commit_map(701, 1, 0));
	for (i = 1; i < PVMEMCONTROL_PERM_MAX; i++)
		if (host_commit_unmap(700, 2, PERM_X))
			break;
	KUNIT_EXPECT_EQ(test, PVMEMCONTROL_PERM_MAX, i);
	KUNIT_EXPECT_EQ(test, -ERANGE, host_commit_unmap(700, 2, PERM_X));
	host_expect(h, 700, 2, PERM_R);
	KUNIT_EXPECT_EQ(test, 0, host_commit_unmap(700, 2, PERM_R));
	host_expect(h, 700, 2, PERM_RW);
}

static void perm_underflow(struct kunit *test)
{
	struct pvmemcontrol_perm_txn txn;
	struct host *h = perm_host(test);

	KUNIT_EXPECT_EQ(test, 0, host_commit_map(100, 10, PERM_RX));

	/* Was never mapped. */
	pvmemcontrol_perm_begin(&txn);
	host_map(&txn, 50, 10, 0);
	host_unmap(&txn, 99, 2, PERM_RX);
	perm_expect_refused(test, &txn, -ERANGE, 99, 1);
	/* Was mapped with less. */
	pvmemcontrol_perm_begin(&txn);
	host_unmap(&txn, 50, 1, PERM_RW);
	perm_expect_refused(test, &txn, -ERANGE, 50, 1);
	/* Was mapped with more: a permission without a mapping is left. */
	pvmemcontrol_perm_begin(&txn);
	host_unmap(&txn, 100, 10, PERM_X);
	perm_expect_refused(test, &txn, -ERANGE, 100, 10);
	/* Likewise when it is not there at all. */
	pvmemcontrol_perm_begin(&txn);
	host_change(&txn, 0, 2000, 0, PERM_W);
	perm_expect_refused(test, &txn, -ERANGE, 0, 100);
	pvmemcontrol_perm_begin(&txn);
	host_change(&txn, 0, 2000, PERM_W, 0);
	perm_expect_refused(test, &txn, -ERANGE, 0, 100);
	/* The last of several, after others that merge and split. */
	KUNIT_EXPECT_EQ(test, 0, host_commit_map(1024, 511, PERM_R));
	pvmemcontrol_perm_begin(&txn);
	host_map(&txn, 0, 50, PERM_R);
	host_map(&txn, 1535, 1, PERM_R);
	host_unmap(&txn, 1600, 1, PERM_R);
	perm_expect_refused(test, &txn, -ERANGE, 1600, 1);
	host_expect_wanted(h);
}

struct perm_driver {
	struct task_struct *task;
	struct completion done;
	struct rnd_state rnd;
	int err;
};

#define PERM_DRIVER_ROUNDS	400
#define PERM_DRIVER_MAPPINGS	8

/* Maps ranges as it likes, and in the end one that stays. */
static int perm_driver(void *data)
{
	struct {
		unsigned long page, nr;
		unsigned int perms;
	} have[PERM_DRIVER_MAPPINGS] = {};
	struct perm_driver *d = data;
	int i, err = 0;

	for (i = 0; i < PERM_DRIVER_ROUNDS && !err; i++) {
		struct pvmemcontrol_perm_txn txn;
		int j = prandom_u32_state(&d->rnd) % PERM_DRIVER_MAPPINGS;

		pvmemcontrol_perm_begin(&txn);
		if (have[j].nr)
			host_unmap(&txn, have[j].page, have[j].nr,
				   have[j].perms);
		have[j].page = 480 + prandom_u32_state(&d->rnd) % 60;
		have[j].nr = 1 + prandom_u32_state(&d->rnd) % 60;
		have[j].perms = prandom_u32_state(&d->rnd) % 8;
		host_map(&txn, have[j].page, have[j].nr, have[j].perms);
		err = pvmemcontrol_perm_commit(&txn);
		cond_resched();
	}
	for (i = 0; i < PERM_DRIVER_MAPPINGS && !err; i++)
		if (have[i].nr)
			err = host_commit_unmap(have[i].page, have[i].nr,
						have[i].perms);
	d->err = err;
	complete(&d->done);
	return 0;
}

/* At once, on the same pages; then what both still need. */
static void perm_two_drivers(struct kunit *test)
{
	struct perm_driver d[2] = {};
	struct host *h = perm_host(test);
	int i;

	for (i = 0; i < 2; i++) {
		init_completion(&d[i].done);
		prandom_seed_state(&d[i].rnd, 1000 + i);
		d[i].task = kthread_run(perm_driver, &d[i], "perm/%d", i);
		KUNIT_ASSERT_FALSE(test, IS_ERR(d[i].task));
	}
	for (i = 0; i < 2; i++) {
		wait_for_completion(&d[i].done);
		KUNIT_EXPECT_EQ(test, 0, d[i].err);
	}
	KUNIT_EXPECT_EQ(test, 0UL, perm_table_owned());
	host_expect(h, 0, 1000, PERM_RW);

	KUNIT_EXPECT_EQ(test, 0, host_commit_map(500, 20, PERM_R));
	KUNIT_EXPECT_EQ(test, 0, host_commit_map(510, 20, PERM_W));
	host_expect(h, 500, 10, PERM_R);
	host_expect(h, 510, 10, PERM_RW);
	host_expect(h, 520, 10, PERM_W);
}

/*
 * Whatever the host was told of is unknown then, over more than a step and
 * entries of all sizes; this takes no memory.
 */
static void perm_forgets(struct kunit *test)
{
	const unsigned long last = HOST_PAGES - 10;
	struct host *h = perm_host(test);
	unsigned long i;

	/* A large entry, with some before, next to and after it. */
	KUNIT_ASSERT_EQ(test, 0, host_commit_map(4096, MEM_TABLE_ENTRIES *
						 MEM_TABLE_ENTRIES, PERM_R));
	for (i = 0; i < 200; i += 2)
		KUNIT_ASSERT_EQ(test, 0, host_commit_map(i, 1, 0));
	KUNIT_ASSERT_EQ(test, 0, host_commit_map(4094, 2, 0));
	KUNIT_ASSERT_EQ(test, 0, host_commit_map(last, 3, PERM_R));
	KUNIT_ASSERT_EQ(test, 0, host_commit_map(last + 5, 1, PERM_RW));

#ifdef CONFIG_FAULT_INJECTION
	fail_from_begin(test, 1);
#endif
	mutex_lock(&perm_mutex);
	perm_table_forget();
	mutex_unlock(&perm_mutex);
#ifdef CONFIG_FAULT_INJECTION
	KUNIT_EXPECT_FALSE(test, fail_from_end(test));
#endif
	for (i = 0; i < HOST_PAGES; i++) {
		bool told = (i < 200 && i % 2 == 0) ||
			    (i >= 4094 && i < 4096 + MEM_TABLE_ENTRIES *
					      MEM_TABLE_ENTRIES) ||
			    (i >= last && i < last + 3);

		if ((pvmemcontrol_perm_told(host_phys(i)) == -ENODATA) == told)
			continue;
		KUNIT_FAIL(test, "page %lu", i);
		break;
	}
	/* And all is said again. */
	KUNIT_EXPECT_EQ(test, 0, host_commit_nothing());
	host_expect_told(h);
}

static struct kunit_case perm_cases[] = {
	KUNIT_CASE_PARAM(perm_forgets, perm_vectors_gen_params),
	KUNIT_CASE_PARAM(perm_one_mapping, perm_vectors_gen_params),
	KUNIT_CASE_PARAM(perm_union, perm_vectors_gen_params),
	KUNIT_CASE_PARAM(perm_fewest, perm_vectors_gen_params),
	KUNIT_CASE_PARAM(perm_net, perm_vectors_gen_params),
	KUNIT_CASE(perm_bad_range),
	KUNIT_CASE(perm_overflow),
	KUNIT_CASE(perm_underflow),
	KUNIT_CASE_PARAM(perm_two_drivers, perm_vectors_gen_params),
	{}
};

static struct kunit_suite perm_suite = {
	.name = "pvmc_perm",
	.init = host_init,
	.exit = host_exit,
	.test_cases = perm_cases,
};
kunit_test_suite(perm_suite);
