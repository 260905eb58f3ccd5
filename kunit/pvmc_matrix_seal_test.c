// SPDX-License-Identifier: GPL-2.0
/*
 * The fault matrix of sealing: a page that the host may still seal goes to
 * nobody else, and in the end what is to be sealed is, and nothing else.
 */
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/string.h>

#include "matrix.h"
#include "perm/perm.h"
#include "perm/seal.h"

#define SEAL_PAGES	12
#define SEAL_OPEN	(PVMEMCONTROL_PERM_R | PVMEMCONTROL_PERM_W)

/**
 * struct part - pages that are sealed together
 * @first: of the fixture's pages
 * @nr: how many
 * @waits: until it is ready
 * @left: whoever had them has freed them
 * @failed: there was no memory to seal them
 */
struct part {
	unsigned int first;
	unsigned int nr;
	bool waits;
	bool left;
	bool failed;
};

enum seal_part {
	SEAL_KERNEL,
	SEAL_MODULE,
	SEAL_AFTER_INIT,
	SEAL_ANOTHER,
	NR_SEAL_PARTS
};

struct seal_fixture {
	struct fake_vmm *vmm;
	struct page *page[SEAL_PAGES];
	u8 permits[SEAL_PAGES];		/* by page: what the host does */
	bool outside;			/* it was told of another page */
	bool ready;
	struct part part[NR_SEAL_PARTS];
};

static struct seal_fixture *seal_f;

static int seal_perms_of(u64 func)
{
	switch (func) {
	case PVMEMCONTROL_MPROTECT_NONE:
		return 0;
	case PVMEMCONTROL_MPROTECT_R:
		return PVMEMCONTROL_PERM_R;
	case PVMEMCONTROL_MPROTECT_W:
		return PVMEMCONTROL_PERM_W;
	case PVMEMCONTROL_MPROTECT_RW:
		return SEAL_OPEN;
	default:
		return -1;
	}
}

static void seal_on_done(struct fake_vmm *vmm,
			 const struct pvmemcontrol_vmm_call *call)
{
	u64 nr = call->length >> PAGE_SHIFT;
	int perms = seal_perms_of(call->func_code);
	unsigned int i;

	if (perms < 0)
		return;
	for (i = 0; i < SEAL_PAGES; i++) {
		if (page_to_phys(seal_f->page[i]) - call->addr >= call->length)
			continue;
		seal_f->permits[i] = perms;
		nr--;
	}
	if (nr)
		seal_f->outside = true;
}

static struct fake_vmm *seal_new_vmm(struct kunit *test, bool vectors)
{
	seal_f->vmm = matrix_new_vmm(test, vectors);
	seal_f->vmm->on_done = seal_on_done;
	return seal_f->vmm;
}

static bool seal_is_ready(const struct seal_area *area)
{
	return seal_f->ready;
}

static void seal_flush_now(void)
{
	mutex_lock(&seal_mutex);
	seal_flush();
	mutex_unlock(&seal_mutex);
}

static const struct part *seal_part_of(unsigned int page)
{
	const struct part *part = seal_f->part;

	while (page - part->first >= part->nr)
		part++;
	return part;
}

/* Also in the middle of it all, but not of what is tried again just then. */
static void seal_check(struct kunit *test)
{
	unsigned int i;

	mutex_lock(&seal_mutex);
	mutex_lock(&perm_mutex);
	KUNIT_EXPECT_FALSE(test, seal_f->outside);
	for (i = 0; i < SEAL_PAGES && !matrix_lied(test); i++) {
		int told = pvmemcontrol_perm_told(page_to_phys(seal_f->page[i]));
		const struct part *part = seal_part_of(i);

		if (told != -ENODATA)
			KUNIT_EXPECT_EQ_MSG(test, told, seal_f->permits[i],
					    "page %u", i);
		/* One reference is ours. */
		if (!part->left)
			KUNIT_EXPECT_EQ(test, 1, page_count(seal_f->page[i]));
		else if (seal_f->permits[i] != SEAL_OPEN)
			KUNIT_EXPECT_EQ(test, 2, page_count(seal_f->page[i]));
	}
	mutex_unlock(&perm_mutex);
	mutex_unlock(&seal_mutex);
}

/* Each page is what it should be, and nobody's is held. */
static void seal_settled_all(struct kunit *test)
{
	unsigned int i;

	mutex_lock(&seal_mutex);
	mutex_lock(&perm_mutex);
	for (i = 0; i < SEAL_PAGES; i++) {
		const struct part *part = seal_part_of(i);
		int wanted = PVMEMCONTROL_PERM_R;

		if (part->left || part->failed)
			wanted = SEAL_OPEN;
		KUNIT_EXPECT_EQ_MSG(test, wanted, seal_f->permits[i],
				    "page %u", i);
		KUNIT_EXPECT_EQ(test, 1, page_count(seal_f->page[i]));
	}
	KUNIT_EXPECT_EQ(test, 0ULL, seal_stats.held);
	mutex_unlock(&perm_mutex);
	mutex_unlock(&seal_mutex);
}

static void seal_comes(struct kunit *test, enum seal_part which)
{
	struct part *part = &seal_f->part[which];
	u64 failed = seal_stats.failed;
	struct seal_area *area;
	unsigned int i;

	area = seal_area_alloc(part, part->nr);
	part->left = false;
	part->failed = !area;
	if (!area)
		return;
	for (i = part->first; i < part->first + part->nr; i++)
		KUNIT_EXPECT_EQ(test, 0,
				seal_area_add_page(area,
						   page_to_pfn(seal_f->page[i])));
	area->freed = which != SEAL_KERNEL;
	if (part->waits) {
		area->state = SEAL_WAITING;
		area->ready = seal_is_ready;
	}
	mutex_lock(&seal_mutex);
	seal_enter(area);
	seal_flush();
	mutex_unlock(&seal_mutex);
	part->failed = seal_stats.failed != failed;
	seal_check(test);
}

/* What has waited long enough. */
static void seal_readies(struct kunit *test)
{
	u64 failed = seal_stats.failed;

	seal_f->ready = true;
	seal_flush_now();
	if (seal_stats.failed != failed)
		seal_f->part[SEAL_AFTER_INIT].failed = true;
	seal_check(test);
}

static void seal_goes(struct kunit *test, enum seal_part which)
{
	mutex_lock(&seal_mutex);
	seal_leave(&seal_f->part[which]);
	seal_flush();
	mutex_unlock(&seal_mutex);
	/* Its pages are freed from here on. */
	seal_f->part[which].left = true;
	seal_check(test);
}

static void seal_forget_all(void)
{
	memset(seal_f->permits, SEAL_OPEN, SEAL_PAGES);
	memset(&seal_stats, 0, sizeof(seal_stats));
	perm_send_init();
	seal_f->ready = false;
}

/* Nothing is left in the end but pages that the VMM has not opened. */
static void seal_lost(struct kunit *test)
{
	u64 held = 0;
	unsigned int i;

	KUNIT_EXPECT_TRUE(test, list_empty(&seal_areas));
	for (i = 0; i < NR_SEAL_PARTS; i++)
		seal_f->part[i].left = true;
	for (i = 0; i < SEAL_PAGES; i++) {
		/* Of the kernel's own nothing is freed. */
		bool may_be = seal_part_of(i) != &seal_f->part[SEAL_KERNEL];

		if (page_count(seal_f->page[i]) == 1) {
			if (may_be && !matrix_lied(test))
				KUNIT_EXPECT_EQ_MSG(test, SEAL_OPEN,
						    seal_f->permits[i],
						    "page %u", i);
			continue;
		}
		KUNIT_EXPECT_TRUE(test, may_be);
		KUNIT_EXPECT_EQ(test, 2, page_count(seal_f->page[i]));
		put_page(seal_f->page[i]);
		held++;
	}
	KUNIT_EXPECT_EQ(test, held, seal_stats.held);
	seal_stats.held = 0;
}

/* Whether its pages are nobody's, and may become somebody's. */
static bool seal_is_free(enum seal_part which)
{
	const struct part *part = &seal_f->part[which];
	unsigned int i;

	for (i = part->first; i < part->first + part->nr; i++)
		if (page_count(seal_f->page[i]) > 1)
			return false;
	return true;
}

/* The device goes and comes, then all that pvmemcontrol_perm is, as it does. */
static void seal_part(struct kunit *test)
{
	matrix_unplug(test);
	seal_check(test);
	seal_goes(test, SEAL_AFTER_INIT);
	matrix_plug(test);
	seal_check(test);
	if (seal_is_free(SEAL_MODULE))
		seal_comes(test, SEAL_MODULE);
	seal_comes(test, SEAL_ANOTHER);
	seal_exit();
	seal_lost(test);
	pvmemcontrol_unregister_client(&pvmc_perm_client);
	perm_retry_exit();
	perm_table_exit();
	matrix_unplug(test);

	/* And comes again, and the VMM has nothing of what it had. */
	memset(seal_f->permits, SEAL_OPEN, SEAL_PAGES);
	perm_table_init();
	perm_send_init();
	matrix_come_again(test);
	matrix_client_add(test, &pvmc_perm_client);
	seal_comes(test, SEAL_KERNEL);
	seal_comes(test, SEAL_ANOTHER);
}

static void seal_stay(struct kunit *test)
{
	matrix_suspend();
	seal_check(test);
	matrix_resume(test);
	seal_check(test);
	seal_comes(test, SEAL_ANOTHER);
	seal_goes(test, SEAL_AFTER_INIT);
	matrix_mend(test);
}

static void seal_mended(struct kunit *test)
{
	if (matrix_lied(test)) {
		matrix_suspend();
		memset(seal_f->permits, SEAL_OPEN, SEAL_PAGES);
		matrix_resume(test);
	}
	seal_flush_now();
	seal_check(test);
	seal_settled_all(test);
	seal_goes(test, SEAL_ANOTHER);
	seal_settled_all(test);
	seal_comes(test, SEAL_MODULE);
	KUNIT_EXPECT_FALSE(test, seal_f->part[SEAL_MODULE].failed);
	seal_settled_all(test);
}

static void seal_run(struct kunit *test)
{
	unsigned int i;

	seal_forget_all();
	seal_comes(test, SEAL_KERNEL);
	matrix_plug(test);
	matrix_client_add(test, &pvmc_perm_client);
	seal_check(test);
	seal_comes(test, SEAL_MODULE);
	seal_comes(test, SEAL_AFTER_INIT);
	seal_readies(test);
	seal_goes(test, SEAL_MODULE);
	if (matrix_parts(test))
		seal_part(test);
	else
		seal_stay(test);
	seal_mended(test);
	seal_exit();
	KUNIT_EXPECT_TRUE(test, list_empty(&seal_areas));
	for (i = 0; i < NR_SEAL_PARTS; i++)
		seal_f->part[i].left = true;
	seal_settled_all(test);
	KUNIT_EXPECT_EQ(test, 0UL, perm_table_owned());
	pvmemcontrol_unregister_client(&pvmc_perm_client);
	perm_retry_exit();
	matrix_unplug(test);
}

static void matrix_seal(struct kunit *test)
{
	static const struct matrix_flow flow = {
		.new_vmm = seal_new_vmm,
		.run = seal_run,
		.stride = 2,
	};

	matrix_run(test, &flow);
}

static int seal_matrix_init(struct kunit *test)
{
	static const struct part parts[NR_SEAL_PARTS] = {
		[SEAL_KERNEL] = { .first = 0, .nr = 2 },
		[SEAL_MODULE] = { .first = 2, .nr = 5 },
		[SEAL_AFTER_INIT] = { .first = 7, .nr = 2, .waits = true },
		[SEAL_ANOTHER] = { .first = 9, .nr = 3 },
	};
	unsigned int i;

	seal_f = kunit_kzalloc(test, sizeof(*seal_f), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, seal_f);
	for (i = 0; i < SEAL_PAGES; i++) {
		seal_f->page[i] = alloc_page(GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, seal_f->page[i]);
	}
	memcpy(seal_f->part, parts, sizeof(parts));
	perm_table_init();
	perm_opened_init();
	return 0;
}

static void seal_matrix_exit(struct kunit *test)
{
	unsigned int i;

	matrix_clear_away(test);
	seal_exit();
	if (pvmc_perm_client.node)
		pvmemcontrol_unregister_client(&pvmc_perm_client);
	perm_opened_exit();
	perm_retry_exit();
	perm_table_exit();
	for (i = 0; i < SEAL_PAGES && seal_f; i++)
		if (seal_f->page[i])
			__free_page(seal_f->page[i]);
}

static struct kunit_case pvmc_matrix_seal_cases[] = {
	KUNIT_CASE_PARAM(matrix_seal, matrix_params),
	{}
};

static struct kunit_suite pvmc_matrix_seal_suite = {
	.name = "pvmc_matrix_seal",
	.init = seal_matrix_init,
	.exit = seal_matrix_exit,
	.test_cases = pvmc_matrix_seal_cases,
};
kunit_test_suite(pvmc_matrix_seal_suite);
