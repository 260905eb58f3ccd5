// SPDX-License-Identifier: GPL-2.0
/*
 * Random transactions on a few pages and large ranges, against counters kept
 * the simple way, and against the fewest ranges that there can be, found by
 * trying all.
 */
#include <linux/prandom.h>

#include "pvmc_perm_host.h"

#define MODEL_TXNS	12000
#define MODEL_CHANGES	6
#define MODEL_MAPPINGS	12

/*
 * Where pages are alone, and where many are always changed together: around
 * borders of entries of both sizes.  The last is where it ends.
 */
static const unsigned int model_start[] = {
	510, 511, 512, 513, 514, 515, 1023, 1024, 1536, 2048, 2560, 2561, 2900,
	3071, 3072, 3584, 4094, 4095, 4096, 4608, 5119, 5120, 5121, 5122, 5123,
};

#define MODEL_CELLS	(ARRAY_SIZE(model_start) - 1)

struct model_mapping {
	unsigned int first;
	unsigned int nr;
	unsigned int perms;
};

/**
 * struct model - what there should be
 * @count: mappings, and those that are readable, writable and executable
 * @told: perms, or -ENODATA
 * @mapping: those that there are
 * @never: a mapping that never was is removed in this transaction
 * @sent: ranges that had to be sent so far, counted by trying all
 * @failed: of those, how many the host did not do
 * @refused: transactions that had to be refused
 */
struct model {
	struct host *h;
	struct rnd_state rnd;
	int count[MODEL_CELLS][4];
	int told[MODEL_CELLS];
	struct model_mapping mapping[MODEL_MAPPINGS];
	unsigned int nr_mappings;
	struct model_mapping never;
	unsigned long sent;
	unsigned long failed;
	unsigned long refused;
};

static u32 model_random(struct model *m, u32 below)
{
	return prandom_u32_state(&m->rnd) % below;
}

static unsigned long model_pages(unsigned int first, unsigned int nr)
{
	return model_start[first + nr] - model_start[first];
}

static unsigned int model_cell(unsigned long page)
{
	unsigned int i = 0;

	while (i < MODEL_CELLS && model_start[i] < page)
		i++;
	return i;
}

static int model_wanted(const struct model *m, unsigned int i)
{
	const int *count = m->count[i];

	if (!count[0])
		return PERM_RW;
	return (count[1] || count[3] ? PERM_R : 0) | (count[2] ? PERM_W : 0);
}

static bool model_owned(const struct model *m, unsigned int i)
{
	return m->count[i][0] || m->told[i] != PERM_RW;
}

/* Whether one range may cover these cells. */
static bool model_range_allowed(const struct model *m, unsigned int first,
				unsigned int last)
{
	unsigned int i;

	for (i = first; i <= last; i++)
		if (!model_owned(m, i) ||
		    model_wanted(m, i) != model_wanted(m, first))
			return false;
	return true;
}

/* The fewest ranges after which each cell has what it wants. */
static unsigned int model_fewest(const struct model *m)
{
	unsigned int fewest[MODEL_CELLS + 1];
	unsigned int i, j;

	/* For the cells from i on: not with i in a range, or i to j in one. */
	fewest[MODEL_CELLS] = 0;
	for (i = MODEL_CELLS; i--;) {
		fewest[i] = UINT_MAX;
		if (m->told[i] == model_wanted(m, i))
			fewest[i] = fewest[i + 1];
		for (j = i; j < MODEL_CELLS; j++)
			if (model_range_allowed(m, i, j))
				fewest[i] = min(fewest[i], fewest[j + 1] + 1);
	}
	return fewest[0];
}

static void model_add(struct model *m, const struct model_mapping *mapping,
		      int by)
{
	unsigned int i;

	for (i = mapping->first; i < mapping->first + mapping->nr; i++) {
		m->count[i][0] += by;
		if (mapping->perms & PERM_R)
			m->count[i][1] += by;
		if (mapping->perms & PERM_W)
			m->count[i][2] += by;
		if (mapping->perms & PERM_X)
			m->count[i][3] += by;
	}
}

static void model_txn_add(struct pvmemcontrol_perm_txn *txn,
			  const struct model_mapping *mapping, bool map)
{
	unsigned long page = model_start[mapping->first];
	unsigned long nr = model_pages(mapping->first, mapping->nr);

	if (map)
		host_map(txn, page, nr, mapping->perms);
	else
		host_unmap(txn, page, nr, mapping->perms);
}

/* Of what is here, with a mapping that is not once in a while. */
static void model_change(struct model *m, struct pvmemcontrol_perm_txn *txn)
{
	unsigned int kind = model_random(m, 64);
	struct model_mapping mapping = {
		.first = model_random(m, MODEL_CELLS),
		.perms = model_random(m, 8),
	};
	struct model_mapping *old;

	mapping.nr = 1 + model_random(m, model_random(m, 4) ?
				      3 : MODEL_CELLS);
	mapping.nr = min_t(unsigned int, mapping.nr,
			   MODEL_CELLS - mapping.first);

	if (!kind && !m->never.nr) {
		m->never = mapping;
		model_add(m, &mapping, -1);
		model_txn_add(txn, &mapping, false);
	} else if (kind < 32 && m->nr_mappings < MODEL_MAPPINGS) {
		m->mapping[m->nr_mappings++] = mapping;
		model_add(m, &mapping, 1);
		model_txn_add(txn, &mapping, true);
	} else if (m->nr_mappings) {
		old = &m->mapping[model_random(m, m->nr_mappings)];
		model_add(m, old, -1);
		if (kind < 40) {
			host_change(txn, model_start[old->first],
				    model_pages(old->first, old->nr),
				    old->perms, mapping.perms);
			old->perms = mapping.perms;
			model_add(m, old, 1);
		} else {
			model_txn_add(txn, old, false);
			*old = m->mapping[--m->nr_mappings];
		}
	}
}

/* The first cell that cannot be like that; MODEL_CELLS if all can. */
static unsigned int model_bad(const struct model *m)
{
	unsigned int i, j;

	for (i = 0; i < MODEL_CELLS; i++)
		for (j = 0; j < 4; j++)
			if (m->count[i][j] < 0 ||
			    m->count[i][j] > m->count[i][0])
				return i;
	return MODEL_CELLS;
}

/* What the host was asked since it was cleared; returns the error to expect. */
static int model_asked(struct model *m, const struct model *before,
		       unsigned long *failed_page)
{
	bool nothing = !memcmp(before->count, m->count, sizeof(m->count));
	struct host *h = m->h;
	unsigned int i, c;
	int error = 0;

	for (c = 0; c < h->nr_calls; c++) {
		const struct host_call *call = &h->call[c];
		unsigned int first = model_cell(call->start);
		unsigned int end = model_cell(call->start + call->nr);
		bool ours = nothing;

		KUNIT_EXPECT_EQ(h->test, (unsigned long)model_start[first],
				call->start);
		KUNIT_EXPECT_TRUE(h->test, end > first &&
				  model_range_allowed(m, first, end - 1));
		KUNIT_EXPECT_EQ(h->test, model_wanted(m, first), call->perms);
		for (i = first; i < end; i++)
			ours |= !!memcmp(before->count[i], m->count[i],
					 sizeof(m->count[i]));
		if (!call->done && ours && !error) {
			error = -h->vmm->fault_errno;
			*failed_page = call->start;
		}
	}
	for (c = 0; c < h->nr_calls; c++) {
		const struct host_call *call = &h->call[c];

		m->failed += !call->done;
		for (i = model_cell(call->start);
		     i < model_cell(call->start + call->nr); i++)
			m->told[i] = call->done ? call->perms : -ENODATA;
	}
	return error;
}

static bool model_check_told(const struct model *m)
{
	unsigned int i;

	for (i = 0; i < MODEL_CELLS; i++) {
		unsigned long last = model_start[i + 1] - 1;

		if (m->told[i] !=
		    pvmemcontrol_perm_told(host_phys(model_start[i])) ||
		    m->told[i] != pvmemcontrol_perm_told(host_phys(last)))
			return false;
		if (m->told[i] >= 0 &&
		    (m->told[i] != host_permits(m->h, model_start[i]) ||
		     m->told[i] != host_permits(m->h, last)))
			return false;
	}
	return true;
}

static void model_commit(struct model *m, const struct model *before,
			 struct pvmemcontrol_perm_txn *txn)
{
	struct kunit *test = m->h->test;
	unsigned int bad = model_bad(m);
	unsigned long failed_page = 0;
	unsigned int fewest;
	int error;

	host_clear(m->h);
	error = pvmemcontrol_perm_commit(txn);
	if (bad != MODEL_CELLS) {
		KUNIT_EXPECT_EQ(test, -ERANGE, error);
		KUNIT_EXPECT_EQ(test, host_phys(model_start[bad]),
				txn->failed_start);
		KUNIT_EXPECT_FALSE(test, txn->applied);
		KUNIT_EXPECT_EQ(test, 0U, m->h->nr_calls);
		m->refused++;
		*m = (struct model) {
			.h = m->h, .rnd = m->rnd, .sent = m->sent,
			.failed = m->failed, .refused = m->refused,
			.nr_mappings = before->nr_mappings,
		};
		memcpy(m->count, before->count, sizeof(m->count));
		memcpy(m->told, before->told, sizeof(m->told));
		memcpy(m->mapping, before->mapping, sizeof(m->mapping));
		return;
	}
	KUNIT_EXPECT_TRUE(test, txn->applied);
	fewest = model_fewest(m);
	m->sent += fewest;
	KUNIT_EXPECT_EQ(test, (u64)fewest, txn->ranges);
	KUNIT_EXPECT_EQ(test, fewest, m->h->nr_calls);
	if (!(m->h->vmm->features & PVMEMCONTROL_FEATURE_VECTOR))
		KUNIT_EXPECT_EQ(test, (u64)fewest, txn->exits);
	else if (m->h->vmm->fault == FAKE_FAULT_NONE)
		KUNIT_EXPECT_EQ(test, (u64)!!fewest, txn->exits);
	KUNIT_EXPECT_EQ(test, model_asked(m, before, &failed_page), error);
	if (error)
		KUNIT_EXPECT_EQ(test, host_phys(failed_page),
				txn->failed_start);
}

/* It was removed all the same, as others of that kind are there. */
static void model_never(struct model *m, struct model *before)
{
	struct pvmemcontrol_perm_txn txn;

	*before = *m;
	pvmemcontrol_perm_begin(&txn);
	model_add(m, &m->never, 1);
	model_txn_add(&txn, &m->never, true);
	model_commit(m, before, &txn);
	m->never.nr = 0;
}

struct model_case {
	const char *name;
	bool vectors;
	bool faults;
};

static const struct model_case model_cases[] = {
	{ "1.0", false, false },
	{ "vectors", true, false },
	{ "1.0, ranges fail", false, true },
	{ "vectors, entries fail", true, true },
};

static void model_case_name(const struct model_case *c, char *name)
{
	strscpy(name, c->name, KUNIT_PARAM_DESC_SIZE);
}
KUNIT_ARRAY_PARAM(model, model_cases, model_case_name);

/* Any, but after EAGAIN a batch goes on where it was. */
static int model_errno(struct model *m)
{
	int err = 1 + model_random(m, 30);

	return err == EAGAIN ? EBUSY : err;
}

static void perm_random(struct kunit *test)
{
	const struct model_case *c = test->param_value;
	struct host *h = test->priv;
	struct model *m, *before;
	unsigned int i, j;

	m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	before = kunit_kzalloc(test, sizeof(*before), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, m);
	KUNIT_ASSERT_NOT_NULL(test, before);
	m->h = h;
	prandom_seed_state(&m->rnd, 4711);
	for (i = 0; i < MODEL_CELLS; i++)
		m->told[i] = PERM_RW;
	host_new_vmm(h, c->vectors);
	h->vmm->fault_entries = true;
	host_plug(h);
	host_attach(h);

	for (i = 0; i < MODEL_TXNS; i++) {
		struct pvmemcontrol_perm_txn txn;

		*before = *m;
		pvmemcontrol_perm_begin(&txn);
		for (j = model_random(m, MODEL_CHANGES + 1); j; j--)
			model_change(m, &txn);
		if (c->faults)
			fake_vmm_fault(h->vmm, model_random(m, 2) ?
				       FAKE_FAULT_ERRNO : FAKE_FAULT_NONE,
				       model_errno(m),
				       model_random(m, 3),
				       1 + model_random(m, 3));
		model_commit(m, before, &txn);
		if (m->never.nr)
			model_never(m, before);
		if (!model_check_told(m))
			KUNIT_FAIL(test, "told otherwise");
		if (h->outside || test->status == KUNIT_FAILURE) {
			kunit_info(test, "in transaction %u", i);
			break;
		}
		if (!(i % 256))
			cond_resched();
	}
	fake_vmm_fault(h->vmm, FAKE_FAULT_NONE, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, 0, host_commit_nothing());
	host_expect_wanted(h);
	/* It was about something. */
	KUNIT_EXPECT_GT(test, m->sent, MODEL_TXNS / 2UL);
	KUNIT_EXPECT_GT(test, m->refused, MODEL_TXNS / 100UL);
	if (c->faults)
		KUNIT_EXPECT_GT(test, m->failed, MODEL_TXNS / 20UL);
}

static struct kunit_case perm_random_cases[] = {
	KUNIT_CASE_PARAM(perm_random, model_gen_params),
	{}
};

static struct kunit_suite perm_random_suite = {
	.name = "pvmc_perm_random",
	.init = host_init,
	.exit = host_exit,
	.test_cases = perm_random_cases,
};
kunit_test_suite(perm_random_suite);
