// SPDX-License-Identifier: GPL-2.0
/*
 * What pvmemcontrol_hugetlb makes of what a VMM says always leaves zeroes, and
 * of memory that has something to come back to when it is dropped.
 */
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/sizes.h>

#include "compat.h"
#include "fake_vmm.h"
#include "hugetlb/hugetlb.h"

#define HUGE_SIZE	SZ_2M
#define HUGE_ORDER	get_order(HUGE_SIZE)

/* What is in the file behind the memory, and what its last owner left. */
#define FILE_BYTE	0x46
#define USER_BYTE	0xa5

struct said {
	struct fake_vmm *vmm;
	struct pvmc_device *dev;
	struct page *page;
	phys_addr_t file_start;
	phys_addr_t file_end;
	unsigned int probes;
	bool probe_has_zero;
};

static int said_init(struct kunit *test)
{
	struct said *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, s);
	test->priv = s;
	s->page = alloc_pages(GFP_KERNEL | __GFP_COMP, HUGE_ORDER);
	KUNIT_ASSERT_NOT_NULL(test, s->page);
	s->vmm = fake_vmm_new(test);
	s->vmm->priv = s;
	pvmc_hugetlb_verify = 0;
	pvmc_hugetlb_distrusted = false;
	return 0;
}

static void said_exit(struct kunit *test)
{
	struct said *s = test->priv;

	if (s && s->page)
		__free_pages(s->page, HUGE_ORDER);
}

/* A private mapping of a file: what is in that comes back. */
static void said_revive(struct fake_vmm *vmm,
			const struct pvmemcontrol_vmm_call *call)
{
	struct said *s = vmm->priv;
	phys_addr_t start = max_t(u64, call->addr, s->file_start);
	phys_addr_t end = min_t(u64, call->addr + call->length, s->file_end);

	if (call->func_code == PVMEMCONTROL_DONTNEED && start < end)
		memset(phys_to_virt(start), FILE_BYTE, end - start);
}

static void said_file(struct kunit *test, phys_addr_t start, phys_addr_t end)
{
	struct said *s = test->priv;

	s->file_start = start;
	s->file_end = end;
	s->vmm->on_done = said_revive;
}

/* A VMM of 1.1 that says that these always leave zeroes. */
static void said_1_1(struct kunit *test, u64 zeroing)
{
	struct said *s = test->priv;

	fake_vmm_vectors(s->vmm);
	s->vmm->zeroing = zeroing;
}

static void said_plug(struct kunit *test)
{
	struct said *s = test->priv;

	s->dev = fake_vmm_plug(test, s->vmm);
	fake_client_add(test, &pvmc_hugetlb_client);
}

static int said_zero(struct kunit *test)
{
	struct said *s = test->priv;
	bool zero;

	memset(page_address(s->page), USER_BYTE, HUGE_SIZE);
	zero = pvmc_hugetlb_zero(s->page, HUGE_SIZE);
	if (zero)
		KUNIT_EXPECT_NULL(test, memchr_inv(page_address(s->page), 0,
						   HUGE_SIZE));
	return zero;
}

static unsigned int said_asked(struct kunit *test, u64 func)
{
	struct said *s = test->priv;
	unsigned int i, nr = 0;

	for (i = 0; i < min_t(unsigned int, s->vmm->requests, FAKE_LOG); i++)
		nr += s->vmm->log[i].func_code == func;
	return nr;
}

static void said_dontneed(struct kunit *test)
{
	said_1_1(test, BIT_ULL(PVMEMCONTROL_DONTNEED));
	said_plug(test);
	KUNIT_EXPECT_EQ(test, 1, said_zero(test));
	KUNIT_EXPECT_EQ(test, 1, said_zero(test));
	KUNIT_EXPECT_EQ(test, 0U, said_asked(test, PVMEMCONTROL_REMOVE));
}

/* It would zero, this time, but nobody says that it always does. */
static void said_nothing(struct kunit *test)
{
	struct said *s = test->priv;

	said_1_1(test, 0);
	said_plug(test);
	KUNIT_EXPECT_EQ(test, 0, said_zero(test));
	KUNIT_EXPECT_EQ(test, 0, said_zero(test));
	KUNIT_EXPECT_EQ(test, 0U, said_asked(test, PVMEMCONTROL_DONTNEED));

	/* The next says so. */
	pvmc_device_suspend(s->dev);
	s->vmm->zeroing = BIT_ULL(PVMEMCONTROL_DONTNEED);
	KUNIT_ASSERT_EQ(test, 0, pvmc_device_resume(s->dev));
	KUNIT_EXPECT_EQ(test, 1, said_zero(test));
	/* And the one after that does not again. */
	pvmc_device_suspend(s->dev);
	s->vmm->zeroing = 0;
	KUNIT_ASSERT_EQ(test, 0, pvmc_device_resume(s->dev));
	s->vmm->requests = 0;
	KUNIT_EXPECT_EQ(test, 0, said_zero(test));
	KUNIT_EXPECT_EQ(test, 0U, said_asked(test, PVMEMCONTROL_DONTNEED));
}

/* A hole reads as zero wherever it could be made. */
static void said_nothing_shared(struct kunit *test)
{
	struct said *s = test->priv;

	said_1_1(test, 0);
	s->vmm->shared = true;
	said_plug(test);
	KUNIT_EXPECT_EQ(test, 1, said_zero(test));
	KUNIT_EXPECT_EQ(test, 0U, said_asked(test, PVMEMCONTROL_DONTNEED));
}

/* It says that it always zeroes, and it does not: the proof counts as well. */
static void said_wrongly(struct kunit *test)
{
	struct said *s = test->priv;

	said_1_1(test, BIT_ULL(PVMEMCONTROL_DONTNEED));
	s->vmm->shared = true;
	s->vmm->zeroes = false;
	said_plug(test);
	KUNIT_EXPECT_EQ(test, 0, said_zero(test));
	KUNIT_EXPECT_EQ(test, 0, said_zero(test));
}

static phys_addr_t said_section(struct kunit *test)
{
	struct said *s = test->priv;

	return round_down(page_to_phys(s->page), SZ_128M);
}

static int said_online(struct kunit *test)
{
	return pvmc_proof_online(PHYS_PFN(said_section(test)),
				 PHYS_PFN(SZ_128M));
}

static void said_probe(struct fake_vmm *vmm,
		       const struct pvmemcontrol_vmm_call *call)
{
	struct said *s = vmm->priv;

	if (call->func_code != PVMEMCONTROL_DONTNEED)
		return;
	s->probes++;
	if (memchr(phys_to_virt(call->addr), 0, call->length))
		s->probe_has_zero = true;
}

/* What is zero already would prove nothing. */
static void said_probe_filled(struct kunit *test)
{
	struct said *s = test->priv;

	s->vmm->on_kick = said_probe;
	said_plug(test);
	KUNIT_EXPECT_EQ(test, 1U, s->probes);
	/* It has to be found out anew. */
	KUNIT_EXPECT_EQ(test, 0, said_online(test));
	memset(page_address(s->page), 0, HUGE_SIZE);
	KUNIT_EXPECT_TRUE(test, pvmc_hugetlb_zero(s->page, HUGE_SIZE));
	KUNIT_EXPECT_EQ(test, 2U, s->probes);
	KUNIT_EXPECT_FALSE(test, s->probe_has_zero);
}

/* A VMM of 1.0, and a file that is nowhere zero: found out at once. */
static void said_file_full(struct kunit *test)
{
	struct said *s = test->priv;
	unsigned int asked;

	said_file(test, 0, PHYS_ADDR_MAX);
	said_plug(test);
	asked = said_asked(test, PVMEMCONTROL_DONTNEED);
	KUNIT_EXPECT_EQ(test, 1U, asked);
	KUNIT_EXPECT_EQ(test, 0, said_zero(test));
	KUNIT_EXPECT_EQ(test, 0, said_zero(test));
	KUNIT_EXPECT_EQ(test, asked, said_asked(test, PVMEMCONTROL_DONTNEED));

	/* Of another VMM it is found out again. */
	pvmc_device_suspend(s->dev);
	s->vmm->on_done = NULL;
	KUNIT_ASSERT_EQ(test, 0, pvmc_device_resume(s->dev));
	KUNIT_EXPECT_EQ(test, 1, said_zero(test));
}

/*
 * A file with a little in it, in one 16 MiB of many: whoever meets it first has
 * it proven that no other memory of this VMM is dropped so either.
 */
static void said_file_part(struct kunit *test)
{
	struct said *s = test->priv;
	phys_addr_t part = round_down(page_to_phys(s->page), SZ_16M);
	struct page *other = NULL, *page;
	LIST_HEAD(pages);

	/* One that is elsewhere. */
	while (!other) {
		page = alloc_pages(GFP_KERNEL | __GFP_COMP | __GFP_NOWARN |
				   __GFP_NORETRY, HUGE_ORDER);
		if (!page)
			break;
		if (round_down(page_to_phys(page), SZ_16M) != part)
			other = page;
		else
			list_add(&page->lru, &pages);
	}
	while (!list_empty(&pages)) {
		page = list_first_entry(&pages, struct page, lru);
		list_del(&page->lru);
		__free_pages(page, HUGE_ORDER);
	}
	KUNIT_ASSERT_NOT_NULL(test, other);

	said_file(test, part, part + SZ_16M);
	s->dev = fake_vmm_plug(test, s->vmm);
	fake_client_add(test, &pvmc_hugetlb_client);
	/* Proven, and known. */
	pvmc_hugetlb_zero(other, HUGE_SIZE);
	pvmc_hugetlb_return(other, HUGE_SIZE);

	KUNIT_EXPECT_EQ(test, 0, said_zero(test));
	s->vmm->requests = 0;
	memset(page_address(other), USER_BYTE, HUGE_SIZE);
	KUNIT_EXPECT_FALSE(test, pvmc_hugetlb_zero(other, HUGE_SIZE));
	KUNIT_EXPECT_EQ(test, 0, said_zero(test));
	KUNIT_EXPECT_EQ(test, 0U, said_asked(test, PVMEMCONTROL_DONTNEED));
	__free_pages(other, HUGE_ORDER);
}

static void said_not_there(struct fake_vmm *vmm,
			   const struct pvmemcontrol_vmm_call *call)
{
	struct said *s = vmm->priv;

	if (call->func_code == PVMEMCONTROL_DONTNEED &&
	    call->addr >= s->file_start && call->addr < s->file_end)
		s->probes++;
}

/* The VMM has not said it of memory that has come since. */
static void said_before_online(struct kunit *test)
{
	struct said *s = test->priv;

	said_1_1(test, BIT_ULL(PVMEMCONTROL_DONTNEED));
	said_plug(test);
	KUNIT_EXPECT_EQ(test, 1, said_zero(test));
	said_file(test, said_section(test), said_section(test) + SZ_128M);
	s->vmm->on_kick = said_not_there;
	KUNIT_EXPECT_EQ(test, 0, said_online(test));
	KUNIT_EXPECT_EQ(test, 0, said_zero(test));
	KUNIT_EXPECT_EQ(test, 0, said_zero(test));
	KUNIT_EXPECT_EQ(test, 0U, s->probes);

	/* Nor, as far as anybody knows, of what came meanwhile. */
	pvmc_device_suspend(s->dev);
	KUNIT_EXPECT_EQ(test, 0, said_online(test));
	KUNIT_ASSERT_EQ(test, 0, pvmc_device_resume(s->dev));
	KUNIT_EXPECT_EQ(test, 0, said_zero(test));
	KUNIT_EXPECT_EQ(test, 0, said_zero(test));
	KUNIT_EXPECT_EQ(test, 0U, s->probes);

	/* It has when it is asked the next time. */
	pvmc_device_suspend(s->dev);
	s->vmm->on_done = NULL;
	KUNIT_ASSERT_EQ(test, 0, pvmc_device_resume(s->dev));
	KUNIT_EXPECT_EQ(test, 1, said_zero(test));
	KUNIT_EXPECT_GT(test, s->probes, 0U);
}

/* Of a VMM that says nothing, it is tried as ever. */
static void said_online_1_0(struct kunit *test)
{
	said_plug(test);
	KUNIT_EXPECT_EQ(test, 1, said_zero(test));
	KUNIT_EXPECT_EQ(test, 0, said_online(test));
	KUNIT_EXPECT_EQ(test, 1, said_zero(test));
}

/* The VMM fails, vanishes or goes silent with memory that it said nothing of. */
static void said_online_fault(struct kunit *test)
{
	static const enum fake_fault faults[] = {
		FAKE_FAULT_SILENT, FAKE_FAULT_ERRNO, FAKE_FAULT_LIE,
		FAKE_FAULT_GARBAGE, FAKE_FAULT_GONE,
	};
	struct said *s = test->priv;
	unsigned int i;

	said_1_1(test, BIT_ULL(PVMEMCONTROL_DONTNEED));
	said_plug(test);
	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		KUNIT_EXPECT_EQ(test, 0, said_online(test));
		fake_vmm_fault(s->vmm, faults[i], EIO, 0, 1);
		KUNIT_EXPECT_EQ(test, 0, said_zero(test));
		if (faults[i] == FAKE_FAULT_SILENT)
			KUNIT_EXPECT_TRUE(test, fake_wait_recovered(s->dev, 1));
	}
}

#ifdef CONFIG_FAULT_INJECTION
/* It is not used without being remembered. */
static void said_online_no_memory(struct kunit *test)
{
	unsigned long far = PHYS_PFN(SZ_1G) << 12;

	said_1_1(test, BIT_ULL(PVMEMCONTROL_DONTNEED));
	said_plug(test);
	fail_from_begin(test, 1);
	KUNIT_EXPECT_EQ(test, -ENOMEM, pvmc_proof_online(far, 1));
	KUNIT_EXPECT_TRUE(test, fail_from_end(test));
	KUNIT_EXPECT_EQ(test, 0, pvmc_proof_online(far, 1));
}
#endif

/* A mark that was copied to another page's descriptor marks nothing. */
static void said_known_copied(struct kunit *test)
{
	struct page *other = alloc_pages(GFP_KERNEL | __GFP_COMP, HUGE_ORDER);
	struct said *f = test->priv;
	struct page *from, *to;

	KUNIT_ASSERT_NOT_NULL(test, other);
	said_plug(test);
	said_zero(test);
	pvmc_hugetlb_return(f->page, HUGE_SIZE);
	from = f->page + PVMC_MARK_SUBPAGE;
	to = other + PVMC_MARK_SUBPAGE;
	to->lru.prev = from->lru.prev;
	set_bit(PVMC_MARK_FLAG, pvmc_page_flags(to));
	KUNIT_EXPECT_FALSE(test, pvmc_known_take(other));
	KUNIT_EXPECT_TRUE(test, pvmc_known_take(f->page));
	__free_pages(other, HUGE_ORDER);
}

static struct kunit_case pvmc_hugetlb_said_cases[] = {
	KUNIT_CASE(said_dontneed),
	KUNIT_CASE(said_nothing),
	KUNIT_CASE(said_nothing_shared),
	KUNIT_CASE(said_wrongly),
	KUNIT_CASE(said_probe_filled),
	KUNIT_CASE(said_file_full),
	KUNIT_CASE(said_file_part),
	KUNIT_CASE(said_before_online),
	KUNIT_CASE(said_online_1_0),
	KUNIT_CASE(said_online_fault),
	KUNIT_CASE(said_known_copied),
#ifdef CONFIG_FAULT_INJECTION
	KUNIT_CASE(said_online_no_memory),
#endif
	{}
};

static struct kunit_suite pvmc_hugetlb_said_suite = {
	.name = "pvmc_hugetlb_said",
	.init = said_init,
	.exit = said_exit,
	.test_cases = pvmc_hugetlb_said_cases,
};

kunit_test_suite(pvmc_hugetlb_said_suite);
