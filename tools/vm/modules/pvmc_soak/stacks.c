// SPDX-License-Identifier: GPL-2.0
/*
 * Users of guarded stacks.  Each holds some, of all sizes, of which it knows all
 * that is in them, and makes calls that go down to near the end of one, and may
 * sleep there.
 */
#include <linux/bottom_half.h>
#include <linux/compiler.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/prandom.h>
#include <linux/pvmemcontrol_kstack.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sizes.h>

#include "soak.h"

#define SOAK_USERS	3
#define SOAK_SLOTS	8
#define SOAK_FRAME	48	/* words */
/* What is below a frame when its function sleeps, with KASAN. */
#define SOAK_RESERVE	(12 * SZ_1K)

struct soak_slot {
	struct pvmemcontrol_kstack *stack;
	u64 tag;
};

struct soak_user {
	struct task_struct *task;
	struct rnd_state rnd;
	struct soak_slot slot[SOAK_SLOTS];
};

struct soak_dive {
	unsigned long bytes;
	unsigned int ms;
	u64 tag;
};

static struct soak_user soak_users[SOAK_USERS];

static u32 random_below(struct soak_user *user, u32 below)
{
	return prandom_u32_state(&user->rnd) % below;
}

static void soak_failed(int err)
{
	if (err == -EAGAIN)
		soak_count(SOAK_STACKS_NONE_FREE);
	else
		soak_count(SOAK_STACK_ERRORS);
}

/* Returns how many frames were not as they had been left. */
static noinline long soak_down(unsigned long end, u64 tag, unsigned int ms)
{
	u64 frame[SOAK_FRAME];
	long wrong = 0;

	soak_fill(frame, SOAK_FRAME, tag);
	barrier_data(frame);
	if ((unsigned long)frame > end)
		wrong = soak_down(end, tag + SOAK_FRAME, ms);
	else if (ms)
		msleep(ms);
	barrier_data(frame);
	return wrong + !soak_is_filled(frame, SOAK_FRAME, tag);
}

static long soak_dive(void *arg)
{
	struct soak_dive *dive = arg;

	return soak_down((unsigned long)&arg - dive->bytes, dive->tag,
			 dive->ms);
}

static size_t random_size(struct soak_user *user)
{
	static const size_t sizes[] = {
		SZ_16K, SZ_16K, SZ_16K, SZ_16K, SZ_32K, SZ_64K, SZ_128K, SZ_256K
	};

	return sizes[random_below(user, ARRAY_SIZE(sizes))];
}

static void soak_call(struct soak_user *user)
{
	size_t size = random_size(user);
	struct soak_dive dive = {
		.bytes = size > SZ_16K ? size - SOAK_RESERVE : SZ_4K,
		.ms = random_below(user, 4) ? 0 : 1,
		.tag = soak_next_tag(),
	};
	long ret = 0;
	int err;

	err = pvmemcontrol_kstack_call(size, 0, soak_dive, &dive, &ret);
	if (err)
		return soak_failed(err);
	if (ret)
		soak_wrong("frames have changed", ret);
	soak_count(SOAK_CALLS);
}

/* Where nobody may sleep: on what is in the pool. */
static void soak_call_atomic(struct soak_user *user)
{
	struct soak_dive dive = { .bytes = SZ_4K, .tag = soak_next_tag() };
	long ret = 0;
	int err;

	local_bh_disable();
	err = pvmemcontrol_kstack_call(SZ_16K, PVMEMCONTROL_KSTACK_NOWAIT,
				       soak_dive, &dive, &ret);
	local_bh_enable();
	if (err)
		return soak_failed(err);
	if (ret)
		soak_wrong("frames have changed, softirq", ret);
	soak_count(SOAK_CALLS);
}

static void soak_take(struct soak_user *user, struct soak_slot *slot)
{
	unsigned int flags = 0, dice = random_below(user, 8);
	size_t size = random_size(user);

	if (dice == 0)
		flags = PVMEMCONTROL_KSTACK_UNGUARDED;
	else if (dice == 1)
		flags = PVMEMCONTROL_KSTACK_NOWAIT;
	slot->stack = pvmemcontrol_kstack_alloc(size, flags, "soak");
	if (IS_ERR(slot->stack)) {
		soak_failed(PTR_ERR(slot->stack));
		slot->stack = NULL;
		return;
	}
	if (pvmemcontrol_kstack_size(slot->stack) < size)
		soak_wrong("a stack is too small", size);
	soak_count(SOAK_STACKS);
	if (!pvmemcontrol_kstack_guarded(slot->stack))
		soak_count(SOAK_STACKS_UNGUARDED);
	slot->tag = soak_next_tag();
	soak_fill(pvmemcontrol_kstack_base(slot->stack),
		  pvmemcontrol_kstack_size(slot->stack) / sizeof(u64),
		  slot->tag);
}

static void soak_give(struct soak_slot *slot)
{
	if (!soak_is_filled(pvmemcontrol_kstack_base(slot->stack),
			    pvmemcontrol_kstack_size(slot->stack) / sizeof(u64),
			    slot->tag))
		soak_wrong("a stack has changed",
			   pvmemcontrol_kstack_size(slot->stack));
	soak_count(SOAK_STACKS_CHECKED);
	pvmemcontrol_kstack_free(slot->stack);
	slot->stack = NULL;
}

static int soak_user(void *arg)
{
	struct soak_user *user = arg;
	struct soak_slot *slot;
	unsigned int i;

	set_user_nice(current, SOAK_NICE);
	while (!kthread_should_stop()) {
		slot = &user->slot[random_below(user, SOAK_SLOTS)];
		if (random_below(user, 3) == 0)
			soak_call(user);
		else if (random_below(user, 6) == 0)
			soak_call_atomic(user);
		else if (slot->stack)
			soak_give(slot);
		else
			soak_take(user, slot);
		/* At times as fast as can be, at times idle for long enough. */
		if (random_below(user, 64) == 0)
			msleep(200 + random_below(user, 400));
		else if (random_below(user, 4))
			usleep_range(500, 10000);
		cond_resched_tasks_rcu_qs();
	}
	for (i = 0; i < SOAK_SLOTS; i++)
		if (user->slot[i].stack)
			soak_give(&user->slot[i]);
	return 0;
}

void soak_stacks_stop(void)
{
	unsigned int i;

	for (i = 0; i < SOAK_USERS; i++) {
		if (soak_users[i].task)
			kthread_stop(soak_users[i].task);
		soak_users[i].task = NULL;
	}
}

int soak_stacks_start(u64 seed)
{
	struct task_struct *task;
	unsigned int i;

	for (i = 0; i < SOAK_USERS; i++) {
		prandom_seed_state(&soak_users[i].rnd, seed * SOAK_USERS + i);
		task = kthread_run(soak_user, &soak_users[i], "pvmc_soak/%u",
				   i);
		if (IS_ERR(task)) {
			soak_stacks_stop();
			return PTR_ERR(task);
		}
		soak_users[i].task = task;
	}
	return 0;
}
