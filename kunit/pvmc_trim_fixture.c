// SPDX-License-Identifier: GPL-2.0
/*
 * What the tests of trimming share.
 */
#include <linux/io.h>
#include <linux/random.h>
#include <linux/slab.h>

#include "pvmc_trim_fixture.h"

/* The run's functions have no argument for it. */
static struct trim_fixture *trim_f;

u8 trim_pattern(const struct trim_thread *t)
{
	return 1 + (t - trim_f->threads) % 255;
}

static bool trim_collect(struct pvmc_trim_run *run,
			 struct pvmc_trim_stats *stats)
{
	for (; run->pid < trim_f->nr && run->nr < PVMC_TRIM_THREADS;
	     run->pid++) {
		struct trim_thread *t = &trim_f->threads[run->pid];

		if (!pvmc_trim_worth(run, stats, run->pid, t->stamp))
			continue;
		t->references++;
		run->threads[run->nr].task = (void *)t;
		run->threads[run->nr++].pid = run->pid;
	}
	return run->pid < trim_f->nr;
}

static void trim_release(struct pvmc_trim_thread *thread)
{
	((struct trim_thread *)thread->task)->references--;
}

static enum pvmc_trim_outcome trim_look(struct pvmc_trim_thread *thread,
					struct pvmc_trim_stack *stack)
{
	struct trim_thread *t = (void *)thread->task;

	if (!trim_f->in_pause)
		trim_f->outside++;
	trim_f->now += trim_f->look_ns;
	thread->stamp = t->stamp;
	stack->base = TRIM_BASE;
	stack->size = THREAD_SIZE;
	stack->sp = t->sp;
	stack->keep_end = trim_f->keep_end;
	stack->pages = t->pages;
	return t->outcome;
}

static int trim_pause(int (*fn)(void *), void *data)
{
	u64 begin = trim_f->now;
	int err;

	trim_f->in_pause = true;
	err = fn(data);
	trim_f->in_pause = false;
	trim_f->pauses++;
	trim_f->longest = max(trim_f->longest, trim_f->now - begin);
	return err;
}

static u64 trim_clock(void)
{
	return trim_f->now;
}

static bool trim_rest(struct pvmc_trim_run *run, u64 ns)
{
	return trim_f->end_after && trim_f->pauses >= trim_f->end_after;
}

static const struct pvmc_trim_ops trim_ops = {
	.collect = trim_collect,
	.release = trim_release,
	.look = trim_look,
	.pause = trim_pause,
	.clock = trim_clock,
	.rest = trim_rest,
};

static u64 trim_slowness(const struct fake_vmm *vmm)
{
	return trim_f->slower_by && vmm->requests >= trim_f->slower_from ?
		trim_f->slower_by : 1;
}

static void trim_on_kick(struct fake_vmm *vmm,
			 const struct pvmemcontrol_vmm_call *call)
{
	if (call->func_code == PVMEMCONTROL_VECTOR)
		trim_f->now += trim_f->exit_ns * trim_slowness(vmm);
}

static bool trim_is_stack(u64 addr)
{
	unsigned int i, page;

	for (i = 0; i < trim_f->nr; i++)
		for (page = 0; page < PVMC_TRIM_STACK_PAGES; page++)
			if (page_to_phys(trim_f->threads[i].pages[page]) == addr)
				return true;
	return false;
}

static void trim_on_done(struct fake_vmm *vmm,
			 const struct pvmemcontrol_vmm_call *call)
{
	trim_f->now += trim_f->range_ns * trim_slowness(vmm);
	if (!trim_f->in_pause && trim_is_stack(call->addr))
		trim_f->outside++;
}

/* One in four is not asleep, has no stack pointer in its stack, and so on. */
static void trim_new_thread(struct kunit *test, struct trim_thread *t, bool odd)
{
	unsigned int i;

	for (i = 0; i < PVMC_TRIM_STACK_PAGES; i++) {
		t->pages[i] = alloc_page(GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, t->pages[i]);
		memset(page_address(t->pages[i]), trim_pattern(t), PAGE_SIZE);
	}
	t->stamp = get_random_u32();
	t->sp = TRIM_BASE + ALIGN_DOWN(get_random_u32() % THREAD_SIZE,
				       sizeof(long));
	t->outcome = PVMC_TRIM_GIVEN;
	if (!odd)
		return;
	if (get_random_u32() % 8 == 0)
		t->sp = TRIM_BASE + THREAD_SIZE + get_random_u32() % THREAD_SIZE;
	if (get_random_u32() % 8 == 0)
		t->outcome = PVMC_TRIM_RUNNING + get_random_u32() % 4;
}

void trim_threads(struct kunit *test, unsigned int nr, bool odd)
{
	struct trim_fixture *f = test->priv;

	for (f->nr = 0; f->nr < nr; f->nr++)
		trim_new_thread(test, &f->threads[f->nr], odd);
}

/* Stacks full of old data again, of threads that nobody remembers. */
void trim_begin_again(struct trim_fixture *f)
{
	unsigned int i, page;

	pvmc_trim_forget(NULL);
	for (i = 0; i < f->nr; i++)
		for (page = 0; page < PVMC_TRIM_STACK_PAGES; page++)
			memset(page_address(f->threads[i].pages[page]),
			       trim_pattern(&f->threads[i]), PAGE_SIZE);
}

/* It is this VMM whose requests take time, and are watched. */
void trim_use_vmm(struct trim_fixture *f, struct fake_vmm *vmm)
{
	f->vmm = vmm;
	vmm->on_kick = trim_on_kick;
	vmm->on_done = trim_on_done;
}

int trim_init(struct kunit *test)
{
	struct trim_fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	test->priv = f;
	trim_f = f;
	f->run = kunit_kzalloc(test, sizeof(*f->run), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, f->run);
	f->run->client = &f->client;
	f->run->ops = &trim_ops;
	f->run->limit_ns = NSEC_PER_MSEC;
	f->client.name = "trim";
	f->keep_end = true;
	trim_use_vmm(f, fake_vmm_new(test));
	pvmc_trim_forget(NULL);
	return 0;
}

void trim_exit(struct kunit *test)
{
	struct trim_fixture *f = test->priv;
	unsigned int i, page;

	pvmc_trim_forget(NULL);
	for (i = 0; f && i < TRIM_MANY; i++)
		for (page = 0; page < PVMC_TRIM_STACK_PAGES; page++)
			if (f->threads[i].pages[page])
				__free_page(f->threads[i].pages[page]);
}

void trim_plug(struct kunit *test, bool vectors)
{
	struct trim_fixture *f = test->priv;

	if (vectors)
		fake_vmm_vectors(f->vmm);
	f->dev = fake_vmm_plug(test, f->vmm);
	fake_client_add(test, &f->client);
}

int trim_run(struct trim_fixture *f)
{
	f->pauses = 0;
	f->longest = 0;
	return pvmc_trim_run(f->run, &f->stats);
}

/* Whether a byte of the page is needed. */
static bool trim_live(const struct trim_fixture *f, const struct trim_thread *t,
		      unsigned int page)
{
	unsigned long end = TRIM_BASE + (page + 1) * PAGE_SIZE;

	return t->outcome != PVMC_TRIM_GIVEN ||
	       t->sp >= TRIM_BASE + THREAD_SIZE ||
	       !IS_ALIGNED(t->sp, sizeof(long)) || t->sp < TRIM_BASE ||
	       end + PVMC_TRIM_MARGIN > t->sp || (f->keep_end && !page);
}

/* Looks at every byte of every stack.  Returns how many pages were dropped. */
u64 trim_verify(struct kunit *test, bool all)
{
	struct trim_fixture *f = test->priv;
	unsigned int i, page;
	u64 dropped = 0;

	for (i = 0; i < f->nr; i++) {
		struct trim_thread *t = &f->threads[i];

		KUNIT_EXPECT_EQ(test, 0, t->references);
		for (page = 0; page < PVMC_TRIM_STACK_PAGES; page++) {
			void *addr = page_address(t->pages[page]);
			bool kept, zero;

			kept = !memchr_inv(addr, trim_pattern(t), PAGE_SIZE);
			zero = !memchr_inv(addr, 0, PAGE_SIZE);
			dropped += zero;
			if (trim_live(f, t, page))
				KUNIT_EXPECT_TRUE_MSG(test, kept,
						      "thread %u page %u", i,
						      page);
			else if (all)
				KUNIT_EXPECT_TRUE_MSG(test, zero,
						      "thread %u page %u", i,
						      page);
			else
				KUNIT_EXPECT_TRUE(test, kept || zero);
		}
	}
	KUNIT_EXPECT_EQ(test, 0U, f->outside);
	return dropped;
}

u64 trim_seen(const struct trim_fixture *f)
{
	u64 seen = 0;
	int i;

	for (i = 0; i < PVMC_TRIM_OUTCOMES; i++)
		seen += f->stats.threads[i];
	return seen;
}
