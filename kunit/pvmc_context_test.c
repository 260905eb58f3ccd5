// SPDX-License-Identifier: GPL-2.0
/*
 * Calls from every context, and calls that interrupt calls.  User Mode Linux
 * has no NMI; that one is tested in a guest.
 */
#include <linux/completion.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/irq_work.h>
#include <linux/mm.h>
#include <linux/spinlock.h>
#include <linux/timer.h>

#include "fake_vmm.h"

struct context_fixture {
	struct fake_vmm *vmm;
	struct pvmc_device *dev;
	struct pvmemcontrol_client client;
	struct timer_list timer;
	struct hrtimer hrtimer;
	struct completion done;
	bool in_context;
	int err;
	int depth;
};

/* on_kick() has no other way to the running test. */
static struct context_fixture *context_now;

static int context_init(struct kunit *test)
{
	struct context_fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	test->priv = f;
	context_now = f;
	init_completion(&f->done);
	f->err = 1;
	f->vmm = fake_vmm_new(test);
	f->vmm->zeroes = false;
	f->dev = fake_vmm_plug(test, f->vmm);
	f->client.name = "test";
	fake_client_add(test, &f->client);
	return 0;
}

static int context_call(struct context_fixture *f)
{
	return pvmemcontrol_dontneed(&f->client, SZ_1M, PAGE_SIZE);
}

static void context_process(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 0, context_call(test->priv));
}

static void context_irqs_off(struct kunit *test)
{
	unsigned long flags;
	int err;

	local_irq_save(flags);
	err = context_call(test->priv);
	KUNIT_EXPECT_TRUE(test, irqs_disabled());
	local_irq_restore(flags);
	KUNIT_EXPECT_EQ(test, 0, err);
}

/* With pieces: where it may not sleep, it does not. */
static void context_locked(struct kunit *test)
{
	static DEFINE_SPINLOCK(lock);
	struct context_fixture *f = test->priv;
	int err;

	spin_lock(&lock);
	err = pvmemcontrol_dontneed(&f->client, SZ_1G, SZ_1G);
	spin_unlock(&lock);
	KUNIT_EXPECT_EQ(test, 0, err);

	rcu_read_lock();
	err = pvmemcontrol_dontneed(&f->client, SZ_1G, SZ_1G);
	rcu_read_unlock();
	KUNIT_EXPECT_EQ(test, 0, err);
	KUNIT_EXPECT_EQ(test, 16U, f->vmm->requests);
}

static void context_timer(struct timer_list *timer)
{
	struct context_fixture *f = from_timer(f, timer, timer);

	f->in_context = in_serving_softirq();
	f->err = context_call(f);
	complete(&f->done);
}

static void context_softirq(struct kunit *test)
{
	struct context_fixture *f = test->priv;

	timer_setup(&f->timer, context_timer, 0);
	mod_timer(&f->timer, jiffies + 1);
	wait_for_completion(&f->done);
	del_timer_sync(&f->timer);
	KUNIT_EXPECT_TRUE(test, f->in_context);
	KUNIT_EXPECT_EQ(test, 0, f->err);
}

static enum hrtimer_restart context_hrtimer(struct hrtimer *timer)
{
	struct context_fixture *f = container_of(timer, struct context_fixture,
						 hrtimer);

	f->in_context = in_hardirq();
	f->err = context_call(f);
	complete(&f->done);
	return HRTIMER_NORESTART;
}

static void context_hardirq(struct kunit *test)
{
	struct context_fixture *f = test->priv;

	hrtimer_init(&f->hrtimer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
	f->hrtimer.function = context_hrtimer;
	hrtimer_start(&f->hrtimer, ms_to_ktime(1), HRTIMER_MODE_REL_HARD);
	wait_for_completion(&f->done);
	hrtimer_cancel(&f->hrtimer);
	KUNIT_EXPECT_TRUE(test, f->in_context);
	KUNIT_EXPECT_EQ(test, 0, f->err);
}

/* As an interrupt would: a call while the VMM is dealing with another. */
static void context_nest(struct fake_vmm *vmm,
			 const struct pvmemcontrol_vmm_call *call)
{
	struct context_fixture *f = context_now;

	if (!f->depth)
		return;
	f->depth--;
	f->err = context_call(f);
}

/* Each of as many levels as there are gets its own buffer and answer. */
static void context_nested(struct kunit *test)
{
	struct context_fixture *f = test->priv;
	unsigned int i;

	f->vmm->on_kick = context_nest;
	f->depth = PVMC_LEVELS - 1;
	f->err = 0;
	/* Only the innermost fails: the others must not see its answer. */
	fake_vmm_fault(f->vmm, FAKE_FAULT_ERRNO, EAGAIN, 0, 1);
	KUNIT_EXPECT_EQ(test, 0, context_call(f));
	KUNIT_EXPECT_EQ(test, (unsigned int)PVMC_LEVELS, f->vmm->requests);
	KUNIT_EXPECT_EQ(test, 1ULL,
			fake_client_sum(&f->client.counters->errors));

	/* All are free again. */
	f->depth = PVMC_LEVELS - 1;
	KUNIT_EXPECT_EQ(test, 0, context_call(f));
	KUNIT_EXPECT_EQ(test, 2U * PVMC_LEVELS, f->vmm->requests);
	for_each_possible_cpu(i)
		KUNIT_EXPECT_EQ(test, 0U, per_cpu_ptr(f->dev->cpu, i)->depth);
}

/* One level more is refused without an exit, and nothing is lost. */
static void context_too_deep(struct kunit *test)
{
	struct context_fixture *f = test->priv;

	f->vmm->on_kick = context_nest;
	f->depth = PVMC_LEVELS;
	KUNIT_EXPECT_EQ(test, 0, context_call(f));
	KUNIT_EXPECT_EQ(test, (unsigned int)PVMC_LEVELS, f->vmm->requests);
	KUNIT_EXPECT_EQ(test, (u64)PVMC_LEVELS,
			fake_client_sum(&f->client.counters->exits));
	KUNIT_EXPECT_EQ(test, 1ULL,
			fake_client_sum(&f->client.counters->errors));
}

/* No buffer straddles a page or shares a cache line. */
static void context_buffers(struct kunit *test)
{
	struct context_fixture *f = test->priv;
	unsigned int i, j;

	KUNIT_EXPECT_EQ(test, num_possible_cpus() * PVMC_LEVELS,
			f->vmm->nr_buffers);
	for (i = 0; i < f->vmm->nr_buffers; i++) {
		u64 buf = f->vmm->buffers[i];

		KUNIT_EXPECT_EQ(test, buf >> PAGE_SHIFT,
				(buf + PVMEMCONTROL_BUF_SIZE - 1) >> PAGE_SHIFT);
		KUNIT_EXPECT_EQ(test, 0ULL, buf & (SMP_CACHE_BYTES - 1));
		for (j = 0; j < i; j++)
			KUNIT_EXPECT_NE(test, buf, (u64)f->vmm->buffers[j]);
	}
}

static struct kunit_case pvmc_context_cases[] = {
	KUNIT_CASE(context_process),
	KUNIT_CASE(context_irqs_off),
	KUNIT_CASE(context_locked),
	KUNIT_CASE(context_softirq),
	KUNIT_CASE(context_hardirq),
	KUNIT_CASE(context_nested),
	KUNIT_CASE(context_too_deep),
	KUNIT_CASE(context_buffers),
	{}
};

static struct kunit_suite pvmc_context_suite = {
	.name = "pvmc_context",
	.init = context_init,
	.test_cases = pvmc_context_cases,
};
kunit_test_suite(pvmc_context_suite);
