// SPDX-License-Identifier: GPL-2.0
/*
 * What a host would permit of each page, known from what reached the fake VMM.
 */
#include <linux/mm.h>
#include <linux/string.h>

#include "pvmc_perm_host.h"

static int host_perms_of(u64 func)
{
	switch (func) {
	case PVMEMCONTROL_MPROTECT_NONE:
		return 0;
	case PVMEMCONTROL_MPROTECT_R:
		return PERM_R;
	case PVMEMCONTROL_MPROTECT_W:
		return PERM_W;
	case PVMEMCONTROL_MPROTECT_RW:
		return PERM_RW;
	default:
		return -1;
	}
}

/* Forget what was asked. */
void host_clear(struct host *h)
{
	h->nr_calls = 0;
}

/* The host is another, or has forgotten. */
void host_open(struct host *h)
{
	memset(h->perms, PERM_RW, HOST_PAGES);
}

static void host_kick(struct fake_vmm *vmm,
		      const struct pvmemcontrol_vmm_call *call)
{
	struct host *h = vmm->priv;
	int perms = host_perms_of(call->func_code);
	struct host_call *c;

	if (perms < 0)
		return;
	/* Who looks at them clears them in time. */
	if (h->nr_calls == HOST_CALLS)
		host_clear(h);
	c = &h->call[h->nr_calls++];
	c->start = (call->addr >> PAGE_SHIFT) - HOST_BASE;
	c->nr = call->length >> PAGE_SHIFT;
	c->perms = perms;
	c->done = false;
	if (c->start >= HOST_PAGES || c->nr > HOST_PAGES - c->start)
		h->outside = true;
}

/* Called for the call that was last kicked, as it is the one carried out. */
static void host_done(struct fake_vmm *vmm,
		      const struct pvmemcontrol_vmm_call *call)
{
	struct host *h = vmm->priv;
	struct host_call *c;

	if (host_perms_of(call->func_code) < 0 || h->outside)
		return;
	c = &h->call[h->nr_calls - 1];
	c->done = true;
	memset(h->perms + c->start, c->perms, c->nr);
}

int host_init(struct kunit *test)
{
	struct host *h = kunit_kzalloc(test, sizeof(*h), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, h);
	h->test = test;
	h->perms = kunit_kzalloc(test, HOST_PAGES, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, h->perms);
	host_open(h);
	perm_table_init();
	perm_send_init();
	test->priv = h;
	return 0;
}

/* Whatever the test left: the client goes while its table is there. */
void host_exit(struct kunit *test)
{
	struct host *h = test->priv;

	if (!h)
		return;
	if (h->vmm)
		fake_vmm_fault(h->vmm, FAKE_FAULT_NONE, 0, 0, 0);
	if (pvmc_perm_client.node)
		fake_client_del(test, &pvmc_perm_client);
	perm_table_exit();
	KUNIT_EXPECT_FALSE(test, h->outside);
}

void host_new_vmm(struct host *h, bool vectors)
{
	h->vmm = fake_vmm_new(h->test);
	h->vmm->priv = h;
	h->vmm->on_kick = host_kick;
	h->vmm->on_done = host_done;
	if (vectors)
		fake_vmm_vectors(h->vmm);
}

void host_plug(struct host *h)
{
	h->dev = fake_vmm_plug(h->test, h->vmm);
}

void host_unplug(struct host *h)
{
	fake_vmm_unplug(h->test, h->dev);
	h->dev = NULL;
}

void host_attach(struct host *h)
{
	fake_client_add(h->test, &pvmc_perm_client);
}

int host_permits(struct host *h, unsigned long page)
{
	return h->perms[page];
}

/* The host permits these, and it is known that it does. */
void host_expect(struct host *h, unsigned long page, unsigned long nr,
		 int perms)
{
	for (; nr--; page++) {
		KUNIT_EXPECT_EQ_MSG(h->test, perms, host_permits(h, page),
				    "page %lu", page);
		KUNIT_EXPECT_EQ_MSG(h->test, perms,
				    pvmemcontrol_perm_told(host_phys(page)),
				    "page %lu", page);
	}
}

static int host_wanted(unsigned long value)
{
	int perms = 0;

	if (!perm_counter(value, PERM_MAPPINGS))
		return PERM_RW;
	if (perm_counter(value, PERM_READABLE) ||
	    perm_counter(value, PERM_EXECUTABLE))
		perms |= PERM_R;
	if (perm_counter(value, PERM_WRITABLE))
		perms |= PERM_W;
	return perms;
}

/* Look at each page, by runs of those of which the same is known. */
static void host_expect_all(struct host *h, bool wanted)
{
	struct mem_table_walk walk;
	struct mem_table_run *run;

	mem_table_for_each_run(run, &walk, &perm_table, HOST_BASE, HOST_PAGES) {
		unsigned long page = run->start - HOST_BASE;
		int told = pvmemcontrol_perm_told(host_phys(page));

		if (wanted && told != host_wanted(run->value)) {
			KUNIT_FAIL(h->test, "page %lu: wants %d, told %d", page,
				   host_wanted(run->value), told);
			break;
		}
		if (told != -ENODATA &&
		    memchr_inv(h->perms + page, told, run->nr)) {
			KUNIT_FAIL(h->test,
				   "%lu pages from %lu: told %d, permits %d",
				   run->nr, page, told, host_permits(h, page));
			break;
		}
	}
}

/* Nothing is said of any page that is not so. */
void host_expect_told(struct host *h)
{
	host_expect_all(h, false);
}

/* Each page permits just what its mappings need, and it is known. */
void host_expect_wanted(struct host *h)
{
	host_expect_all(h, true);
}

int host_commit_map(unsigned long page, unsigned long nr, unsigned int perms)
{
	struct pvmemcontrol_perm_txn txn;

	pvmemcontrol_perm_begin(&txn);
	host_map(&txn, page, nr, perms);
	return pvmemcontrol_perm_commit(&txn);
}

int host_commit_unmap(unsigned long page, unsigned long nr, unsigned int old)
{
	struct pvmemcontrol_perm_txn txn;

	pvmemcontrol_perm_begin(&txn);
	host_unmap(&txn, page, nr, old);
	return pvmemcontrol_perm_commit(&txn);
}

int host_commit_nothing(void)
{
	struct pvmemcontrol_perm_txn txn;

	pvmemcontrol_perm_begin(&txn);
	return pvmemcontrol_perm_commit(&txn);
}
