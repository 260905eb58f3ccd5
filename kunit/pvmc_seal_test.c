// SPDX-License-Identifier: GPL-2.0
/*
 * Sealed areas: what becomes of them with a host that fails and without memory,
 * and whose page it is that was touched.
 */
#include <linux/delay.h>
#include <linux/irqflags.h>
#include <linux/string.h>

#include "perm/seal.h"
#include "pvmc_perm_host.h"

#define WRITES	PVMEMCONTROL_ACCESS_WRITE
#define READS	PVMEMCONTROL_ACCESS_READ
#define FETCHES	PVMEMCONTROL_ACCESS_FETCH

/* Whose areas they are: only the address matters. */
static const char seal_one, seal_other;

static bool seal_test_ready;

static bool seal_is_ready(const struct seal_area *area)
{
	return seal_test_ready;
}

static struct seal_area *seal_new(struct kunit *test, const void *of,
				  const char *what, unsigned int capacity)
{
	struct seal_area *area = seal_area_alloc(of, capacity);

	KUNIT_ASSERT_NOT_NULL(test, area);
	strscpy(area->what, what, sizeof(area->what));
	return area;
}

static void seal_add(struct kunit *test, struct seal_area *area,
		     unsigned long page, unsigned long nr)
{
	KUNIT_EXPECT_EQ(test, 0, seal_area_add_range(area, HOST_BASE + page,
						     nr));
}

static void seal_enter_flush(struct seal_area *area)
{
	mutex_lock(&seal_mutex);
	seal_enter(area);
	seal_flush();
	mutex_unlock(&seal_mutex);
}

/* One area of one range, sealed as far as the host does it. */
static void seal_range(struct kunit *test, const void *of, const char *what,
		       unsigned long page, unsigned long nr)
{
	struct seal_area *area = seal_new(test, of, what, 1);

	seal_add(test, area, page, nr);
	seal_enter_flush(area);
}

static void seal_leave_flush(const void *of)
{
	mutex_lock(&seal_mutex);
	seal_leave(of);
	seal_flush();
	mutex_unlock(&seal_mutex);
}

static void seal_flush_again(void)
{
	mutex_lock(&seal_mutex);
	seal_flush();
	mutex_unlock(&seal_mutex);
}

static bool seal_none(void)
{
	bool none;

	mutex_lock(&seal_mutex);
	none = list_empty(&seal_areas);
	mutex_unlock(&seal_mutex);
	return none;
}

static enum pvmemcontrol_owner seal_touch_at(u64 addr, u32 access, char *what)
{
	struct pvmemcontrol_access a = { .addr = addr, .access = access };
	enum pvmemcontrol_owner owner;

	memset(what, 0, PVMEMCONTROL_DESCRIPTION);
	preempt_disable();
	owner = perm_owner(&pvmc_perm_client, &a, what);
	preempt_enable();
	return owner;
}

/* The client is asked whose page it is. */
static void seal_expect_owner(struct kunit *test, unsigned long page,
			      u32 access, enum pvmemcontrol_owner owner,
			      const char *says)
{
	char what[PVMEMCONTROL_DESCRIPTION];

	KUNIT_EXPECT_EQ_MSG(test, owner,
			    seal_touch_at(host_phys(page) + 8, access, what),
			    "page %lu, access %u", page, access);
	KUNIT_EXPECT_STREQ(test, says, what);
}

static int seal_init(struct kunit *test)
{
	int err = host_init(test);

	if (err)
		return err;
	seal_test_ready = false;
	memset(&seal_stats, 0, sizeof(seal_stats));
	perm_opened_init();
	host_new_vmm(test->priv, true);
	host_plug(test->priv);
	host_attach(test->priv);
	return 0;
}

static void seal_test_exit(struct kunit *test)
{
	struct host *h = test->priv;

	if (h && h->vmm)
		fake_vmm_fault(h->vmm, FAKE_FAULT_NONE, 0, 0, 0);
	seal_exit();
	perm_opened_exit();
	host_exit(test);
}

/* Pages in any order are sealed in one commit, and opened in one. */
static void seal_scattered(struct kunit *test)
{
	struct host *h = test->priv;
	struct seal_area *area = seal_new(test, &seal_one, "one", 3);

	seal_add(test, area, 30, 2);
	seal_add(test, area, 29, 1);
	seal_add(test, area, 32, 1);
	seal_add(test, area, 10, 1);
	seal_add(test, area, 100, 5);
	KUNIT_EXPECT_EQ(test, -ENOSPC,
			seal_area_add_range(area, HOST_BASE + 50, 1));
	KUNIT_EXPECT_EQ(test, 10UL, area->nr_pages);
	seal_enter_flush(area);

	host_expect(h, 0, 10, PERM_RW);
	host_expect(h, 10, 1, PERM_R);
	host_expect(h, 11, 18, PERM_RW);
	host_expect(h, 29, 4, PERM_R);
	host_expect(h, 33, 67, PERM_RW);
	host_expect(h, 100, 5, PERM_R);
	host_expect(h, 105, 5, PERM_RW);
	KUNIT_EXPECT_EQ(test, 1ULL, seal_stats.exits);

	seal_leave_flush(&seal_one);
	host_expect(h, 0, 110, PERM_RW);
	KUNIT_EXPECT_EQ(test, 2ULL, seal_stats.exits);
	KUNIT_EXPECT_TRUE(test, seal_none());
}

/* What waits is sealed when it is ready, with what comes then. */
static void seal_waits(struct kunit *test)
{
	struct host *h = test->priv;
	struct seal_area *area = seal_new(test, &seal_one, "one", 1);

	seal_add(test, area, 10, 5);
	area->state = SEAL_WAITING;
	area->ready = seal_is_ready;
	seal_enter_flush(area);
	host_expect(h, 10, 5, PERM_RW);
	KUNIT_EXPECT_EQ(test, 0ULL, seal_stats.exits);
	seal_expect_owner(test, 12, WRITES, PVMEMCONTROL_NOT_MINE, "");

	seal_test_ready = true;
	seal_range(test, &seal_other, "other", 20, 5);
	host_expect(h, 10, 5, PERM_R);
	host_expect(h, 20, 5, PERM_R);
	KUNIT_EXPECT_EQ(test, 1ULL, seal_stats.exits);
}

static bool seal_is_gone;

/* Whoever asks this of what has gone, asks what may have been freed. */
static bool seal_not_gone(const struct seal_area *area)
{
	WARN_ON(seal_is_gone);
	return false;
}

/*
 * When all is closed, those that wait are not looked at again: not while the VMM
 * does not open the rest, and not in the end.
 */
static void seal_closes(struct kunit *test)
{
	static const enum fake_fault faults[] = {
		FAKE_FAULT_ERRNO, FAKE_FAULT_SILENT, FAKE_FAULT_NONE
	};
	struct host *h = test->priv;
	struct seal_area *area;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		area = seal_new(test, &seal_one, "one", 1);
		seal_add(test, area, 10, 5);
		area->state = SEAL_WAITING;
		area->ready = seal_not_gone;
		seal_is_gone = false;
		seal_enter_flush(area);
		seal_range(test, &seal_other, "other", 20, 5);

		fake_vmm_fault(h->vmm, faults[i], EIO, 0, -1);
		seal_close();
		seal_is_gone = true;
		mutex_lock(&seal_mutex);
		KUNIT_EXPECT_TRUE(test, seal_closed());
		mutex_unlock(&seal_mutex);
		seal_flush_again();
		KUNIT_EXPECT_EQ(test, faults[i] == FAKE_FAULT_NONE,
				seal_none());
		fake_vmm_fault(h->vmm, FAKE_FAULT_NONE, 0, 0, 0);
		while (READ_ONCE(h->dev->state) != PVMC_UP)
			fake_wait_recovered(h->dev, h->dev->recoveries);
		seal_exit();
		KUNIT_EXPECT_TRUE(test, seal_none());
		host_expect(h, 10, 15, PERM_RW);
	}
}

/* Who leaves while he waits costs nothing; others stay. */
static void seal_leaves(struct kunit *test)
{
	struct host *h = test->priv;
	struct seal_area *area = seal_new(test, &seal_one, "one", 1);

	seal_add(test, area, 10, 5);
	area->state = SEAL_WAITING;
	area->ready = seal_is_ready;
	seal_enter_flush(area);
	seal_range(test, &seal_other, "other", 20, 5);

	mutex_lock(&seal_mutex);
	KUNIT_EXPECT_TRUE(test, seal_known(&seal_one));
	mutex_unlock(&seal_mutex);
	seal_leave_flush(&seal_one);
	mutex_lock(&seal_mutex);
	KUNIT_EXPECT_FALSE(test, seal_known(&seal_one));
	KUNIT_EXPECT_TRUE(test, seal_known(&seal_other));
	mutex_unlock(&seal_mutex);
	host_expect(h, 10, 10, PERM_RW);
	host_expect(h, 20, 5, PERM_R);

	seal_exit();
	host_expect(h, 20, 5, PERM_RW);
	KUNIT_EXPECT_TRUE(test, seal_none());
}

static void seal_owners(struct kunit *test)
{
	char what[PVMEMCONTROL_DESCRIPTION];

	seal_range(test, &seal_one, "rodata of module one", 10, 5);
	seal_range(test, &seal_other, "rodata of module other", 15, 5);
	KUNIT_ASSERT_EQ(test, 0, host_commit_map(30, 1, 0));
	KUNIT_ASSERT_EQ(test, 0, host_commit_map(31, 1, PERM_W));
	KUNIT_ASSERT_EQ(test, 0, host_commit_map(32, 1, PERM_RX));
	KUNIT_ASSERT_EQ(test, 0, host_commit_map(33, 1, PERM_RW));

	seal_expect_owner(test, 9, WRITES, PVMEMCONTROL_NOT_MINE, "");
	seal_expect_owner(test, 10, WRITES, PVMEMCONTROL_MINE,
			  "rodata of module one");
	seal_expect_owner(test, 14, WRITES, PVMEMCONTROL_MINE,
			  "rodata of module one");
	seal_expect_owner(test, 15, WRITES | READS, PVMEMCONTROL_MINE,
			  "rodata of module other");
	/* Not known what it was. */
	seal_expect_owner(test, 15, 0, PVMEMCONTROL_MINE,
			  "rodata of module other");
	/* Permitted, so the host is not up to date. */
	seal_expect_owner(test, 15, READS, PVMEMCONTROL_STALE,
			  "rodata of module other");
	seal_expect_owner(test, 20, WRITES, PVMEMCONTROL_NOT_MINE, "");

	seal_expect_owner(test, 30, READS, PVMEMCONTROL_MINE,
			  "mapped without permissions");
	seal_expect_owner(test, 31, READS, PVMEMCONTROL_MINE,
			  "mapped for writing");
	seal_expect_owner(test, 31, FETCHES, PVMEMCONTROL_MINE,
			  "mapped for writing");
	seal_expect_owner(test, 31, WRITES, PVMEMCONTROL_STALE,
			  "mapped for writing");
	seal_expect_owner(test, 32, WRITES, PVMEMCONTROL_MINE,
			  "mapped for reading");
	seal_expect_owner(test, 32, FETCHES, PVMEMCONTROL_STALE,
			  "mapped for reading");
	seal_expect_owner(test, 33, WRITES, PVMEMCONTROL_NOT_MINE, "");

	/* The VMM may say anything. */
	KUNIT_EXPECT_EQ(test, PVMEMCONTROL_NOT_MINE,
			seal_touch_at(U64_MAX, WRITES, what));
}

struct seal_fault {
	enum fake_fault fault;
	u32 err;
};

static const struct seal_fault seal_faults[] = {
	{ FAKE_FAULT_SILENT, 0 },
	{ FAKE_FAULT_ERRNO, ENOMEM },
	{ FAKE_FAULT_REFUSE, EOPNOTSUPP },
	{ FAKE_FAULT_FORGET, 0 },
	{ FAKE_FAULT_GONE, 0 },
};

static void seal_fault_name(const struct seal_fault *f, char *name)
{
	strscpy(name, fake_fault_names[f->fault], KUNIT_PARAM_DESC_SIZE);
}
KUNIT_ARRAY_PARAM(seal_fault, seal_faults, seal_fault_name);

/* Fails from now on, whatever is asked. */
static void seal_break(struct host *h, const struct seal_fault *f)
{
	fake_vmm_fault(h->vmm, f->fault, f->err, 0, -1);
}

/* And does not any more; in good order or as another. */
static void seal_mend(struct kunit *test, const struct seal_fault *f)
{
	struct host *h = test->priv;

	fake_vmm_fault(h->vmm, FAKE_FAULT_NONE, 0, 0, 0);
	if (f->fault == FAKE_FAULT_GONE) {
		host_unplug(h);
		host_open(h);
		host_new_vmm(h, true);
		host_plug(h);
	} else if (f->fault == FAKE_FAULT_SILENT ||
		   f->fault == FAKE_FAULT_FORGET) {
		KUNIT_ASSERT_TRUE(test, fake_wait_recovered(h->dev, 1));
	}
}

/* A host that does not open: a write there is nobody's fault, until it does. */
static void seal_open_fails(struct kunit *test)
{
	const struct seal_fault *f = test->param_value;
	struct host *h = test->priv;

	seal_range(test, &seal_one, "one", 10, 5);
	seal_range(test, &seal_other, "other", 20, 5);
	seal_break(h, f);
	seal_leave_flush(&seal_one);
	KUNIT_EXPECT_FALSE(test, seal_none());
	KUNIT_EXPECT_EQ(test, PERM_R, host_permits(h, 12));
	seal_expect_owner(test, 12, WRITES, PVMEMCONTROL_STALE, "one");
	seal_expect_owner(test, 22, WRITES, PVMEMCONTROL_MINE, "other");

	seal_mend(test, f);
	seal_flush_again();
	host_expect(h, 10, 5, PERM_RW);
	host_expect(h, 20, 5, PERM_R);
	seal_expect_owner(test, 12, WRITES, PVMEMCONTROL_NOT_MINE, "");
	KUNIT_EXPECT_EQ(test, 1ULL, seal_stats.opened);
}

/* A host that does not seal: what was to be sealed is, as soon as it does. */
static void seal_close_fails(struct kunit *test)
{
	const struct seal_fault *f = test->param_value;
	struct host *h = test->priv;

	seal_break(h, f);
	seal_range(test, &seal_one, "one", 10, 5);
	KUNIT_EXPECT_EQ(test, PERM_RW, host_permits(h, 12));
	KUNIT_EXPECT_EQ(test, 1ULL, seal_stats.host_errors);
	KUNIT_EXPECT_EQ(test, 0ULL, seal_stats.failed);
	seal_mend(test, f);
	seal_range(test, &seal_other, "other", 20, 5);
	host_expect(h, 10, 5, PERM_R);
	host_expect(h, 20, 5, PERM_R);
}

/*
 * A VMM that never knew how to protect holds nobody's pages: what it did not
 * close is open.  One that knew once may have closed them.
 */
static void seal_not_known(struct kunit *test)
{
	struct host *h = test->priv;

	fake_vmm_fault(h->vmm, FAKE_FAULT_REFUSE, EOPNOTSUPP, 0, -1);
	seal_range(test, &seal_one, "one", 10, 5);
	seal_range(test, &seal_other, "other", 20, 5);
	KUNIT_EXPECT_EQ(test, 1ULL, !!seal_stats.host_errors);
	seal_leave_flush(&seal_one);
	seal_expect_owner(test, 12, WRITES, PVMEMCONTROL_NOT_MINE, "");
	seal_leave_flush(&seal_other);
	KUNIT_EXPECT_TRUE(test, seal_none());
	host_expect(h, 10, 15, PERM_RW);

	fake_vmm_fault(h->vmm, FAKE_FAULT_NONE, 0, 0, 0);
	seal_range(test, &seal_one, "one", 10, 5);
	host_expect(h, 10, 5, PERM_R);
	fake_vmm_fault(h->vmm, FAKE_FAULT_REFUSE, EOPNOTSUPP, 0, -1);
	seal_leave_flush(&seal_one);
	KUNIT_EXPECT_FALSE(test, seal_none());
	fake_vmm_fault(h->vmm, FAKE_FAULT_NONE, 0, 0, 0);
	seal_flush_again();
	KUNIT_EXPECT_TRUE(test, seal_none());
}

/* Opened by the core after a report: it is told again, one or many. */
static void seal_closed_again(struct kunit *test)
{
	struct host *h = test->priv;
	char what[PVMEMCONTROL_DESCRIPTION];
	unsigned long flags;
	int nr, i, tries;

	seal_range(test, &seal_one, "one", 0, 100);
	for (nr = 1; nr <= 100; nr *= 10) {
		/* As in an NMI: what is queued does not run before its end. */
		local_irq_save(flags);
		for (i = 0; i < nr; i++) {
			seal_touch_at(host_phys(i), WRITES, what);
			h->perms[i] = PERM_RW;
		}
		local_irq_restore(flags);
		for (tries = 0; tries < 500; tries++) {
			if (!memchr_inv(h->perms, PERM_R, 100))
				break;
			msleep(20);
		}
		host_expect(h, 0, 100, PERM_R);
	}
}

#ifdef CONFIG_FAULT_INJECTION
/* More than a transaction has room for. */
static struct seal_area *seal_oom_area(struct kunit *test)
{
	struct seal_area *area = seal_new(test, &seal_one, "one", 20);
	int i;

	for (i = 0; i < 20; i++)
		seal_add(test, area, 10 + 3 * i, 1);
	return area;
}

/* Each allocation fails in turn, and all after it. */
static void seal_oom(struct kunit *test)
{
	struct host *h = test->priv;
	unsigned int unsealed = 0, left = 0;
	bool failed = true;
	struct seal_area *area;
	int nth;

	for (nth = 1; failed && nth < 200; nth++) {
		area = seal_oom_area(test);
		fail_from_begin(test, nth);
		seal_enter_flush(area);
		failed = fail_from_end(test);
		host_expect_told(h);
		if (seal_none()) {
			unsealed++;
			KUNIT_EXPECT_EQ(test, PERM_RW, host_permits(h, 13));
		}
		seal_leave_flush(&seal_one);
		KUNIT_EXPECT_TRUE(test, seal_none());
		host_expect_wanted(h);
	}
	KUNIT_EXPECT_FALSE(test, failed);
	KUNIT_EXPECT_GT(test, unsealed, 0U);
	KUNIT_EXPECT_EQ(test, (u64)unsealed, seal_stats.failed);

	for (nth = 1, failed = true; failed && nth < 200; nth++) {
		seal_enter_flush(seal_oom_area(test));
		host_expect(h, 13, 1, PERM_R);
		fail_from_begin(test, nth);
		seal_leave_flush(&seal_one);
		failed = fail_from_end(test);
		host_expect_told(h);
		if (!seal_none()) {
			left++;
			seal_expect_owner(test, 13, WRITES, PVMEMCONTROL_STALE,
					  "one");
		}
		seal_flush_again();
		KUNIT_EXPECT_TRUE(test, seal_none());
		host_expect(h, 10, 60, PERM_RW);
	}
	KUNIT_EXPECT_FALSE(test, failed);
	KUNIT_EXPECT_GT(test, left, 0U);
}
#endif

struct seal_list_case {
	const char *name;
	const char *list;
	phys_addr_t at;
	int err;
	unsigned long start, nr;
};

static const struct seal_list_case seal_list_cases[] = {
	{ "found", "00001000-0009fbff : System RAM\n"
	  "00100000-3ffdffff : System RAM\n"
	  "  01000000-01e02c2f : Kernel code\n"
	  "  02000000-02a8afff : Kernel rodata\n"
	  "  02c00000-02e4fbff : Kernel data\n", 0x2001000, 0, 0x2000, 0xa8b },
	{ "not whole pages", "  02000010-02a8affe : Kernel rodata", 0x2001000,
	  0, 0x2001, 0xa89 },
	{ "elsewhere", "  02000000-02a8afff : Kernel rodata\n", 0x2a8b000,
	  -ENOENT },
	{ "not for you", "  00000000-00000000 : Kernel rodata\n", 0x2001000,
	  -ENOENT },
	{ "another name", "  02000000-02a8afff : Kernel rodata too\n",
	  0x2001000, -ENOENT },
	{ "less than a page", "  02000010-02000800 : Kernel rodata\n",
	  0x2000100, -ENOENT },
	{ "to the end", "  02000000-ffffffffffffffff : Kernel rodata\n",
	  0x2001000, -ENOENT },
	{ "nonsense", "\n:\n-\n0-\n02000000 : Kernel rodata\n", 0x2000100,
	  -ENOENT },
	{ "nothing", "", 0, -ENOENT },
};

static void seal_list_name(const struct seal_list_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}
KUNIT_ARRAY_PARAM(seal_list, seal_list_cases, seal_list_name);

/* Where the kernel's own is. */
static void seal_kernel_list(struct kunit *test)
{
	const struct seal_list_case *c = test->param_value;
	struct seal_run data = {};
	char list[512];

	strscpy(list, c->list, sizeof(list));
	KUNIT_EXPECT_EQ(test, c->err, seal_kernel_parse(list, c->at, &data));
	KUNIT_EXPECT_EQ(test, c->start, c->err ? 0 : data.start);
	KUNIT_EXPECT_EQ(test, c->nr, c->err ? 0 : data.nr);
}

static struct kunit_case pvmc_seal_cases[] = {
	KUNIT_CASE(seal_scattered),
	KUNIT_CASE(seal_waits),
	KUNIT_CASE(seal_closes),
	KUNIT_CASE_PARAM(seal_kernel_list, seal_list_gen_params),
	KUNIT_CASE(seal_leaves),
	KUNIT_CASE(seal_owners),
	KUNIT_CASE_PARAM(seal_open_fails, seal_fault_gen_params),
	KUNIT_CASE_PARAM(seal_close_fails, seal_fault_gen_params),
	KUNIT_CASE(seal_not_known),
	KUNIT_CASE(seal_closed_again),
#ifdef CONFIG_FAULT_INJECTION
	KUNIT_CASE(seal_oom),
#endif
	{}
};

static struct kunit_suite pvmc_seal_suite = {
	.name = "pvmc_seal",
	.init = seal_init,
	.exit = seal_test_exit,
	.test_cases = pvmc_seal_cases,
};
kunit_test_suite(pvmc_seal_suite);
