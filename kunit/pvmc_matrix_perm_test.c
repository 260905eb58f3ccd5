// SPDX-License-Identifier: GPL-2.0
/*
 * The fault matrix of pvmemcontrol_perm: transactions are done or not, nothing
 * is said of what the host permits that is not so, and with a host that does
 * what it is told each page permits what its mappings need.
 */
#include <linux/mm.h>

#include "matrix.h"
#include "pvmc_perm_host.h"

/**
 * struct mapping - a range that is mapped, or not
 * @start: the first page
 * @nr: how many
 * @perms: what it permits
 * @mapped: it is
 */
struct mapping {
	unsigned long start;
	unsigned long nr;
	unsigned int perms;
	bool mapped;
};

/* Some over others, some large entries, and more than a transaction holds. */
static struct mapping mappings[] = {
	{ 500, 8, PERM_R },
	{ 504, 3, PERM_W },
	{ 511, 514, PERM_RX },
	{ 1025, 2, 0 },
	{ 1030, 1, PERM_W },
	{ 1032, 6, PERM_RW },
	{ 4090, 12, PERM_R },
	{ 4600, 3, PERM_X },
};

#define MAPPINGS	ARRAY_SIZE(mappings)
#define ALL		GENMASK(MAPPINGS - 1, 0)

/* Beside the mappings, at their ends, and within. */
#define PLACES		5

static unsigned long perm_place(const struct mapping *m, unsigned int place)
{
	const unsigned long places[PLACES] = {
		m->start - 1, m->start, m->start + m->nr / 2,
		m->start + m->nr - 1, m->start + m->nr,
	};

	return places[place];
}

/* What is mapped is what is counted. */
static void perm_counted(struct kunit *test, unsigned long page)
{
	unsigned long value = mem_table_load(&perm_table, HOST_BASE + page);
	unsigned int all = 0, r = 0, w = 0, x = 0, i;

	for (i = 0; i < MAPPINGS; i++) {
		const struct mapping *m = &mappings[i];

		if (!m->mapped || page - m->start >= m->nr)
			continue;
		all++;
		r += !!(m->perms & PERM_R);
		w += !!(m->perms & PERM_W);
		x += !!(m->perms & PERM_X);
	}
	KUNIT_EXPECT_EQ(test, all, perm_counter(value, PERM_MAPPINGS));
	KUNIT_EXPECT_EQ(test, r, perm_counter(value, PERM_READABLE));
	KUNIT_EXPECT_EQ(test, w, perm_counter(value, PERM_WRITABLE));
	KUNIT_EXPECT_EQ(test, x, perm_counter(value, PERM_EXECUTABLE));
}

/* Whoever says all again in the background may be in the middle of it. */
static void perm_check(struct kunit *test)
{
	unsigned int i;

	mutex_lock(&perm_mutex);
	for (i = 0; i < MAPPINGS * PLACES; i++)
		perm_counted(test, perm_place(&mappings[i / PLACES],
					      i % PLACES));
	if (!matrix_lied(test))
		host_expect_told(test->priv);
	mutex_unlock(&perm_mutex);
}

static void perm_expect_wanted(struct kunit *test)
{
	mutex_lock(&perm_mutex);
	host_expect_wanted(test->priv);
	mutex_unlock(&perm_mutex);
}

/* Maps what of these is not mapped, and unmaps the others, all or nothing. */
static int perm_toggle(struct kunit *test, unsigned long which)
{
	struct pvmemcontrol_perm_txn txn;
	unsigned int i;
	int err;

	pvmemcontrol_perm_begin(&txn);
	for (i = 0; i < MAPPINGS; i++) {
		const struct mapping *m = &mappings[i];

		if (!(which & BIT(i)))
			continue;
		if (m->mapped)
			host_unmap(&txn, m->start, m->nr, m->perms);
		else
			host_map(&txn, m->start, m->nr, m->perms);
	}
	err = pvmemcontrol_perm_commit(&txn);
	matrix_errno(test, err);
	KUNIT_EXPECT_EQ(test, err, txn.error);
	/* Either it is done, or there is a reason. */
	KUNIT_EXPECT_TRUE(test, txn.applied || err == -ENOMEM);
	for (i = 0; i < MAPPINGS && txn.applied; i++)
		if (which & BIT(i))
			mappings[i].mapped = !mappings[i].mapped;
	perm_check(test);
	return err;
}

static unsigned long perm_mapped(void)
{
	unsigned long which = 0;
	unsigned int i;

	for (i = 0; i < MAPPINGS; i++)
		which |= mappings[i].mapped ? BIT(i) : 0;
	return which;
}

static struct fake_vmm *perm_new_vmm(struct kunit *test, bool vectors)
{
	struct host *h = test->priv;

	host_new_vmm(h, vectors);
	if (vectors)
		h->vmm->features |= PVMEMCONTROL_FEATURE_VIOLATION;
	return h->vmm;
}

static void perm_forget_all(struct host *h)
{
	unsigned int i;

	perm_retry_exit();
	perm_table_exit();
	perm_send_init();
	host_open(h);
	for (i = 0; i < MAPPINGS; i++)
		mappings[i].mapped = false;
}

/* Whoever leaves has all opened; of what failed nobody knows. */
static void perm_left(struct kunit *test)
{
	unsigned int i;

	perm_check(test);
	for (i = 0; i < MAPPINGS * PLACES; i++) {
		unsigned long page = perm_place(&mappings[i / PLACES],
						i % PLACES);
		int told = pvmemcontrol_perm_told(host_phys(page));

		KUNIT_EXPECT_TRUE_MSG(test, told == PERM_RW || told == -ENODATA,
				      "page %lu", page);
	}
}

/* The device goes and comes, then the client goes, and the device. */
static void perm_part(struct kunit *test)
{
	matrix_unplug(test);
	perm_left(test);
	KUNIT_EXPECT_NE(test, 0, perm_toggle(test, 0x18));
	matrix_plug(test);
	perm_check(test);
	perm_toggle(test, 0x43);
	pvmemcontrol_unregister_client(&pvmc_perm_client);
	perm_retry_exit();
	perm_left(test);
	matrix_unplug(test);
	perm_left(test);
	matrix_come_again(test);
	matrix_client_add(test, &pvmc_perm_client);
}

static void perm_stay(struct kunit *test)
{
	matrix_suspend();
	perm_check(test);
	perm_toggle(test, 0x60);
	matrix_resume(test);
	perm_check(test);
	perm_toggle(test, 0xe2);
	matrix_mend(test);
}

static void perm_mended(struct kunit *test)
{
	struct host *h = test->priv;

	KUNIT_EXPECT_EQ(test, 0, host_commit_nothing());
	if (!matrix_lied(test))
		perm_expect_wanted(test);
	/* Who was lied to says all again at the latest when it is resumed. */
	matrix_suspend();
	host_open(h);
	matrix_resume(test);
	perm_expect_wanted(test);
	perm_check(test);
	KUNIT_EXPECT_EQ(test, 0, perm_toggle(test, ALL & ~perm_mapped()));
	perm_expect_wanted(test);
	KUNIT_EXPECT_EQ(test, 0, perm_toggle(test, 0x2a));
	perm_expect_wanted(test);
	KUNIT_EXPECT_EQ(test, 0, perm_toggle(test, perm_mapped()));
	perm_expect_wanted(test);
	KUNIT_EXPECT_EQ(test, 0UL, perm_table_owned());
	/* For the end to have something to do. */
	KUNIT_EXPECT_EQ(test, 0, perm_toggle(test, 0x15));
}

static void perm_run(struct kunit *test)
{
	struct host *h = test->priv;

	perm_forget_all(h);
	perm_toggle(test, 0x03);
	matrix_plug(test);
	matrix_client_add(test, &pvmc_perm_client);
	perm_check(test);
	perm_toggle(test, 0x7c);
	perm_toggle(test, 0x95);
	if (matrix_parts(test))
		perm_part(test);
	else
		perm_stay(test);
	perm_mended(test);
	matrix_unplug(test);
	host_expect(h, 490, 550, PERM_RW);
	KUNIT_EXPECT_EQ(test, -ENODEV, perm_toggle(test, 0x01));
	pvmemcontrol_unregister_client(&pvmc_perm_client);
}

static void matrix_perm(struct kunit *test)
{
	static const struct matrix_flow flow = {
		.new_vmm = perm_new_vmm,
		.run = perm_run,
		.stride = 3,
	};

	matrix_run(test, &flow);
}

static void perm_matrix_exit(struct kunit *test)
{
	matrix_clear_away(test);
	if (pvmc_perm_client.node)
		pvmemcontrol_unregister_client(&pvmc_perm_client);
	perm_retry_exit();
	host_exit(test);
}

static struct kunit_case pvmc_matrix_perm_cases[] = {
	KUNIT_CASE_PARAM(matrix_perm, matrix_params),
	{}
};

static struct kunit_suite pvmc_matrix_perm_suite = {
	.name = "pvmc_matrix_perm",
	.init = host_init,
	.exit = perm_matrix_exit,
	.test_cases = pvmc_matrix_perm_cases,
};
kunit_test_suite(pvmc_matrix_perm_suite);
