// SPDX-License-Identifier: GPL-2.0
/*
 * Violations: whose page it was, what follows, and a VMM that writes what it
 * likes into the records.
 */
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/ptrace.h>
#include <linux/random.h>
#include <linux/sched/clock.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "fake_vmm.h"

#define OWNED	BIT_ULL(32)
#define STALE	(OWNED + SZ_4K)
#define OTHERS	(OWNED + SZ_8K)
#define STOPPED	PVMEMCONTROL_VIOLATION_STOPPED
#define WROTE	PVMEMCONTROL_ACCESS_WRITE

/* Too large for the stack on some machines; only its address matters. */
static struct pt_regs violation_regs;

struct violation_fixture {
	struct fake_vmm *vmm;
	struct pvmc_device *dev;
	struct pvmemcontrol_client client;
	struct pvmemcontrol_client other;
	struct pvmemcontrol_access seen;
	unsigned int asked;
	bool had_vectors;
};

static struct violation_fixture *violation_of(struct pvmemcontrol_client *client)
{
	return container_of(client, struct violation_fixture, client);
}

static enum pvmemcontrol_owner
violation_owner(struct pvmemcontrol_client *client,
		const struct pvmemcontrol_access *access, char *what)
{
	struct violation_fixture *f = violation_of(client);

	f->seen = *access;
	f->asked++;
	switch (access->addr & ~(u64)(SZ_4K - 1)) {
	case OWNED:
		/* One that does not end what it writes. */
		memset(what, 'x', PVMEMCONTROL_DESCRIPTION);
		memcpy(what, "the page", 8);
		return PVMEMCONTROL_MINE;
	case STALE:
		return PVMEMCONTROL_STALE;
	default:
		return PVMEMCONTROL_NOT_MINE;
	}
}

static const struct pvmemcontrol_client_ops violation_ops = {
	.owner = violation_owner,
};

static int violation_init(struct kunit *test)
{
	struct violation_fixture *f = kunit_kzalloc(test, sizeof(*f),
						    GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	test->priv = f;
	f->vmm = fake_vmm_new(test);
	fake_vmm_vectors(f->vmm);
	f->vmm->features |= PVMEMCONTROL_FEATURE_VIOLATION;
	f->vmm->zeroes = false;
	f->dev = fake_vmm_plug(test, f->vmm);
	f->other.name = "other";
	fake_client_add(test, &f->other);
	f->client.name = "test";
	f->client.ops = &violation_ops;
	fake_client_add(test, &f->client);
	return 0;
}

static void violation_exit(struct kunit *test)
{
	pvmc_policy_override = PVMC_POLICY_CLIENT;
}

/* As in an NMI that comes here. */
static unsigned int violation_nmi(void)
{
	unsigned int taken;

	preempt_disable();
	taken = pvmc_violations(&violation_regs);
	preempt_enable();
	return taken;
}

static struct pvmc_verdict violation_judge(struct violation_fixture *f,
					   u64 addr, bool stopped)
{
	struct pvmemcontrol_access access = {
		.addr = addr,
		.access = WROTE,
		.stopped = stopped,
		.regs = &violation_regs,
	};
	struct pvmc_verdict verdict;

	preempt_disable();
	pvmc_violation(f->dev, &access, &verdict);
	preempt_enable();
	return verdict;
}

/* The page is opened, and who owns it is told and counted. */
static void violation_opens(struct kunit *test)
{
	struct violation_fixture *f = test->priv;

	KUNIT_EXPECT_EQ(test, 0U, violation_nmi());
	KUNIT_ASSERT_TRUE(test, fake_vmm_violate(f->vmm, OWNED + 0x123, WROTE,
						 FAKE_VCPU, STOPPED));
	KUNIT_EXPECT_EQ(test, 1U, violation_nmi());
	KUNIT_ASSERT_EQ(test, 1U, f->vmm->requests);
	KUNIT_EXPECT_EQ(test, (u64)PVMEMCONTROL_MPROTECT_RW,
			f->vmm->log[0].func_code);
	KUNIT_EXPECT_EQ(test, (u64)OWNED, f->vmm->log[0].addr);
	KUNIT_EXPECT_EQ(test, (u64)SZ_4K, f->vmm->log[0].length);

	KUNIT_EXPECT_EQ(test, 1U, f->asked);
	KUNIT_EXPECT_EQ(test, (u64)OWNED + 0x123, (u64)f->seen.addr);
	KUNIT_EXPECT_EQ(test, WROTE, f->seen.access);
	KUNIT_EXPECT_EQ(test, (u32)FAKE_VCPU, f->seen.vcpu);
	KUNIT_EXPECT_TRUE(test, f->seen.stopped);
	KUNIT_EXPECT_EQ(test, 1ULL,
			fake_client_sum(&f->client.counters->violations));
	KUNIT_EXPECT_EQ(test, 0ULL,
			fake_client_sum(&f->other.counters->violations));
	KUNIT_EXPECT_EQ(test, 1ULL,
			fake_client_sum(&f->dev->cpu->counters.violations));
	/* Taken once. */
	KUNIT_EXPECT_EQ(test, 0U, violation_nmi());
	KUNIT_EXPECT_EQ(test, 1U, f->vmm->requests);
}

/* Another CPU's are left to it; which is ours was asked before. */
static void violation_other_cpu(struct kunit *test)
{
	struct violation_fixture *f = test->priv;
	unsigned int asked = f->vmm->asked_vcpu;

	KUNIT_EXPECT_EQ(test, num_online_cpus(), asked);
	fake_vmm_violate(f->vmm, OWNED, WROTE, FAKE_VCPU + 1, STOPPED);
	KUNIT_EXPECT_EQ(test, 0U, violation_nmi());
	KUNIT_EXPECT_EQ(test, 0U, violation_nmi());
	KUNIT_EXPECT_EQ(test, asked, f->vmm->asked_vcpu);
	KUNIT_EXPECT_NE(test, 0ULL, f->vmm->records[0].sequence);
	KUNIT_EXPECT_EQ(test, 0U, f->vmm->requests);
	fake_vmm_violate(f->vmm, OWNED, WROTE, FAKE_VCPU, STOPPED);
	KUNIT_EXPECT_EQ(test, 1U, violation_nmi());
	KUNIT_EXPECT_NE(test, 0ULL, f->vmm->records[0].sequence);
	KUNIT_EXPECT_EQ(test, 0ULL, f->vmm->records[1].sequence);
}

/* Which is ours the VMM does not say: none is, whatever is in them. */
static void violation_unknown_cpu(struct kunit *test)
{
	static const enum fake_fault faults[] = {
		FAKE_FAULT_REFUSE, FAKE_FAULT_SILENT, FAKE_FAULT_ERRNO,
	};
	struct violation_fixture *f = test->priv;
	unsigned long flags;
	int i;

	local_irq_save(flags);
	this_cpu_write(f->dev->cpu->vcpu, U32_MAX);
	fake_vmm_violate(f->vmm, OWNED, WROTE, smp_processor_id(), STOPPED);
	fake_vmm_violate(f->vmm, OWNED, WROTE, U32_MAX, STOPPED);
	fake_vmm_violate(f->vmm, OWNED, WROTE, FAKE_VCPU, STOPPED);
	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		fake_vmm_fault(f->vmm, faults[i], EINVAL, 0, -1);
		KUNIT_EXPECT_EQ(test, 0U, violation_nmi());
	}
	fake_vmm_fault(f->vmm, FAKE_FAULT_NONE, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, 1U, violation_nmi());
	local_irq_restore(flags);
	KUNIT_EXPECT_NE(test, 0ULL, f->vmm->records[0].sequence);
	KUNIT_EXPECT_NE(test, 0ULL, f->vmm->records[1].sequence);
}

/* A CPU that comes may be another one. */
static void violation_cpu_comes(struct kunit *test)
{
	struct violation_fixture *f = test->priv;
	unsigned int asked = f->vmm->asked_vcpu;

	migrate_disable();
	this_cpu_write(f->dev->cpu->vcpu, FAKE_VCPU + 1);
	KUNIT_EXPECT_EQ(test, 0, pvmc_watch_cpu(smp_processor_id()));
	KUNIT_EXPECT_EQ(test, (u32)FAKE_VCPU,
			this_cpu_read(f->dev->cpu->vcpu));
	KUNIT_EXPECT_EQ(test, asked + 1, f->vmm->asked_vcpu);

	/* That the VMM refuses is no reason for it not to come. */
	fake_vmm_fault(f->vmm, FAKE_FAULT_REFUSE, EINVAL, 0, 1);
	KUNIT_EXPECT_EQ(test, 0, pvmc_watch_cpu(smp_processor_id()));
	KUNIT_EXPECT_EQ(test, U32_MAX, this_cpu_read(f->dev->cpu->vcpu));
	/* Then it is asked when there is need to. */
	fake_vmm_violate(f->vmm, OWNED, WROTE, FAKE_VCPU, STOPPED);
	KUNIT_EXPECT_EQ(test, 1U, violation_nmi());

	pvmc_device_suspend(f->dev);
	KUNIT_EXPECT_EQ(test, 0, pvmc_watch_cpu(smp_processor_id()));
	KUNIT_EXPECT_EQ(test, 0U, f->vmm->ignored);
	migrate_enable();
	KUNIT_EXPECT_EQ(test, 0, pvmc_device_resume(f->dev));
	KUNIT_EXPECT_EQ(test, 0U, violation_nmi());
}

/* As many as the page holds, in one NMI. */
static void violation_full(struct kunit *test)
{
	struct violation_fixture *f = test->priv;
	unsigned int nr = 0;

	while (fake_vmm_violate(f->vmm, OTHERS, WROTE, FAKE_VCPU, STOPPED))
		nr++;
	KUNIT_EXPECT_EQ(test, 128U, nr);
	KUNIT_EXPECT_EQ(test, nr, violation_nmi());
	KUNIT_EXPECT_TRUE(test, fake_vmm_violate(f->vmm, OTHERS, WROTE,
						 FAKE_VCPU, STOPPED));
}

/* What was not stopped needs no opening: it is over. */
static void violation_let_through(struct kunit *test)
{
	struct violation_fixture *f = test->priv;

	fake_vmm_violate(f->vmm, OWNED, WROTE, FAKE_VCPU, 0);
	KUNIT_EXPECT_EQ(test, 1U, violation_nmi());
	KUNIT_EXPECT_EQ(test, 0U, f->vmm->requests);
	KUNIT_EXPECT_EQ(test, 1ULL,
			fake_client_sum(&f->client.counters->violations));
}

static void violation_policies(struct kunit *test)
{
	struct violation_fixture *f = test->priv;
	struct pvmc_verdict verdict;

	verdict = violation_judge(f, OWNED, true);
	KUNIT_EXPECT_PTR_EQ(test, &f->client, verdict.client);
	KUNIT_EXPECT_FALSE(test, verdict.panic);
	KUNIT_EXPECT_FALSE(test, verdict.silent);
	KUNIT_EXPECT_EQ(test, 0, strncmp(verdict.what, "the page", 8));
	KUNIT_EXPECT_EQ(test, PVMEMCONTROL_DESCRIPTION - 1UL,
			strlen(verdict.what));

	/* Nobody's page: the one by an ioctl, say. */
	verdict = violation_judge(f, OTHERS, true);
	KUNIT_EXPECT_NULL(test, verdict.client);
	KUNIT_EXPECT_FALSE(test, verdict.panic);

	f->vmm->requests = 0;
	f->client.policy = PVMEMCONTROL_PANIC;
	verdict = violation_judge(f, OWNED, true);
	KUNIT_EXPECT_TRUE(test, verdict.panic);
	KUNIT_EXPECT_FALSE(test, violation_judge(f, OTHERS, false).panic);
	pvmc_policy_override = PVMC_POLICY_PANIC;
	KUNIT_EXPECT_TRUE(test, violation_judge(f, OTHERS, true).panic);
	/* Not opened before a panic. */
	KUNIT_EXPECT_EQ(test, 0U, f->vmm->requests);

	pvmc_policy_override = PVMC_POLICY_REPORT;
	KUNIT_EXPECT_FALSE(test, violation_judge(f, OWNED, true).panic);
	KUNIT_EXPECT_EQ(test, 1U, f->vmm->requests);
}

/* A page that its owner wanted open is opened, whatever the policy. */
static void violation_stale(struct kunit *test)
{
	struct violation_fixture *f = test->priv;
	struct pvmc_verdict verdict;

	f->client.policy = PVMEMCONTROL_PANIC;
	verdict = violation_judge(f, STALE, true);
	KUNIT_EXPECT_FALSE(test, verdict.panic);
	KUNIT_EXPECT_TRUE(test, verdict.silent);
	KUNIT_EXPECT_EQ(test, 1U, f->vmm->requests);
	KUNIT_EXPECT_EQ(test, 0ULL,
			fake_client_sum(&f->client.counters->violations));
}

/* As if the CPU had been stopped at the page for that long. */
static void violation_stopped_for(struct violation_fixture *f, u64 seconds)
{
	struct pvmc_closed *closed = this_cpu_ptr(f->dev->cpu)->closed;

	closed->page = OWNED & PAGE_MASK;
	closed->since = sched_clock() - seconds * NSEC_PER_SEC;
	closed->last = sched_clock();
}

static u64 violation_stopped_since(struct violation_fixture *f)
{
	return this_cpu_read(f->dev->cpu->closed[0].since);
}

/*
 * A page that the VMM does not open would be touched again without end.  One of
 * which it does not say whether it has may be open.
 */
static void violation_cannot_open(struct kunit *test)
{
	static const struct {
		enum fake_fault fault;
		u32 err;
		bool said;
	} faults[] = {
		{ FAKE_FAULT_ERRNO, EINVAL, true },
		{ FAKE_FAULT_ERRNO, EAGAIN, false },
		{ FAKE_FAULT_REFUSE, EINVAL, true },
		{ FAKE_FAULT_SILENT, 0, false },
		{ FAKE_FAULT_ELSEWHERE, 0, false },
		{ FAKE_FAULT_FORGET, 0, false },
		{ FAKE_FAULT_GONE, 0, false },
	};
	struct violation_fixture *f = test->priv;
	struct pvmc_verdict verdict;
	int i;

	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		fake_vmm_unplug(test, f->dev);
		f->vmm->present = true;
		f->dev = fake_vmm_plug(test, f->vmm);
		fake_vmm_fault(f->vmm, faults[i].fault, faults[i].err, 0, 1);
		verdict = violation_judge(f, OWNED, true);
		KUNIT_EXPECT_EQ(test, faults[i].said, verdict.panic);
		KUNIT_EXPECT_EQ(test, !faults[i].said, verdict.again);
		KUNIT_EXPECT_EQ(test, faults[i].said, verdict.error != 0);
		/* What was not stopped goes on. */
		fake_vmm_fault(f->vmm, faults[i].fault, faults[i].err, 0, 1);
		KUNIT_EXPECT_FALSE(test, violation_judge(f, OWNED, false).panic);
		fake_vmm_fault(f->vmm, FAKE_FAULT_NONE, 0, 0, 0);
	}
}

/* All buffers of this CPU are in use: there will be one. */
static void violation_busy(struct kunit *test)
{
	struct violation_fixture *f = test->priv;
	struct pvmc_verdict verdict;

	this_cpu_write(f->dev->cpu->depth, PVMC_LEVELS);
	verdict = violation_judge(f, OWNED, true);
	KUNIT_EXPECT_TRUE(test, verdict.again && !verdict.panic);
	violation_stopped_for(f, 11);
	verdict = violation_judge(f, OWNED, true);
	KUNIT_EXPECT_TRUE(test, verdict.panic);
	KUNIT_EXPECT_EQ(test, -EBUSY, verdict.error);
	this_cpu_write(f->dev->cpu->depth, 0);
	KUNIT_EXPECT_FALSE(test, violation_judge(f, OWNED, true).again);
	KUNIT_EXPECT_EQ(test, 0ULL, violation_stopped_since(f));
}

/*
 * One request was left without answer, and whoever connects the device anew
 * waits for this CPU: the VMM opens the page all the same.
 */
static void violation_down(struct kunit *test)
{
	struct violation_fixture *f = test->priv;
	unsigned long flags;
	unsigned int taken;

	local_irq_save(flags);
	fake_vmm_fault(f->vmm, FAKE_FAULT_SILENT, 0, 0, 1);
	KUNIT_EXPECT_EQ(test, -EIO, pvmemcontrol_ping(&f->client));
	KUNIT_EXPECT_EQ(test, PVMC_DOWN, READ_ONCE(f->dev->state));
	fake_vmm_violate(f->vmm, OWNED, WROTE, FAKE_VCPU, STOPPED);
	taken = violation_nmi();
	KUNIT_EXPECT_FALSE(test, violation_judge(f, OWNED, true).again);
	local_irq_restore(flags);
	KUNIT_EXPECT_EQ(test, 1U, taken);
	KUNIT_EXPECT_EQ(test, 2U, f->vmm->requests);
	KUNIT_EXPECT_TRUE(test, fake_wait_recovered(f->dev, 1));
}

/*
 * While the VMM is silent the page cannot be opened, but maybe soon: it is not
 * the end, unless it takes too long.
 */
static void violation_meanwhile(struct kunit *test)
{
	struct violation_fixture *f = test->priv;
	struct pvmc_verdict verdict;
	unsigned long flags;

	/* Nothing is recovered in between. */
	local_irq_save(flags);
	fake_vmm_fault(f->vmm, FAKE_FAULT_SILENT, 0, 0, -1);
	verdict = violation_judge(f, OWNED, true);
	KUNIT_EXPECT_TRUE(test, verdict.again && !verdict.panic);
	KUNIT_EXPECT_EQ(test, PVMC_DOWN, READ_ONCE(f->dev->state));
	KUNIT_EXPECT_TRUE(test, violation_judge(f, STALE, true).again);

	/* Since longer ago than that. */
	violation_stopped_for(f, 11);
	verdict = violation_judge(f, OWNED, true);
	KUNIT_EXPECT_TRUE(test, verdict.panic);
	KUNIT_EXPECT_EQ(test, -EIO, verdict.error);

	/* And that was hours ago, and ended somehow. */
	this_cpu_write(f->dev->cpu->closed[0].last,
		       sched_clock() - 3600 * NSEC_PER_SEC);
	verdict = violation_judge(f, OWNED, true);
	KUNIT_EXPECT_TRUE(test, verdict.again && !verdict.panic);

	fake_vmm_fault(f->vmm, FAKE_FAULT_NONE, 0, 0, 0);
	verdict = violation_judge(f, OWNED, true);
	KUNIT_EXPECT_FALSE(test, verdict.again);
	KUNIT_EXPECT_FALSE(test, verdict.panic);
	KUNIT_EXPECT_EQ(test, 0ULL, violation_stopped_since(f));

	local_irq_restore(flags);
	KUNIT_EXPECT_TRUE(test, fake_wait_recovered(f->dev, 1));
}

/*
 * Who can be interrupted in between lets the device be connected anew, each time,
 * and that does not make it any better.
 */
static void violation_never(struct kunit *test)
{
	struct violation_fixture *f = test->priv;
	struct pvmc_verdict verdict;

	migrate_disable();
	violation_stopped_for(f, 5);
	fake_vmm_fault(f->vmm, FAKE_FAULT_SILENT, 0, 0, 1);
	verdict = violation_judge(f, OWNED, true);
	KUNIT_EXPECT_TRUE(test, verdict.again && verdict.silent);
	KUNIT_EXPECT_TRUE(test, fake_wait_recovered(f->dev, 1));

	KUNIT_EXPECT_NE(test, 0ULL, violation_stopped_since(f));
	violation_stopped_for(f, 11);
	fake_vmm_fault(f->vmm, FAKE_FAULT_SILENT, 0, 0, 1);
	verdict = violation_judge(f, OWNED, true);
	KUNIT_EXPECT_TRUE(test, verdict.panic);
	migrate_enable();
	KUNIT_EXPECT_TRUE(test, fake_wait_recovered(f->dev, 2));
}

/* It is about one page, and over for all CPUs when one has opened that. */
static void violation_over(struct kunit *test)
{
	struct violation_fixture *f = test->priv;
	struct pvmc_verdict verdict;
	struct pvmc_cpu *other;
	unsigned long flags;

	other = per_cpu_ptr(f->dev->cpu, cpumask_last(cpu_possible_mask));
	local_irq_save(flags);
	violation_stopped_for(f, 11);
	fake_vmm_fault(f->vmm, FAKE_FAULT_SILENT, 0, 0, 2);
	verdict = violation_judge(f, OTHERS, true);
	KUNIT_EXPECT_TRUE(test, verdict.again && !verdict.silent);
	/* Which does not give the first one its time again. */
	KUNIT_EXPECT_TRUE(test, violation_judge(f, OWNED, true).panic);

	violation_stopped_for(f, 5);
	other->closed[0].page = OWNED & PAGE_MASK;
	other->closed[0].since = 1;
	KUNIT_EXPECT_FALSE(test, violation_judge(f, OTHERS, true).again);
	KUNIT_EXPECT_NE(test, 0ULL, violation_stopped_since(f));
	KUNIT_EXPECT_NE(test, 0ULL, other->closed[0].since);
	KUNIT_EXPECT_FALSE(test, violation_judge(f, OWNED, true).again);
	KUNIT_EXPECT_EQ(test, 0ULL, violation_stopped_since(f));
	KUNIT_EXPECT_EQ(test, 0ULL, other->closed[0].since);
	local_irq_restore(flags);
	KUNIT_EXPECT_TRUE(test, fake_wait_recovered(f->dev, 1));
}

/* What takes memory comes when the VMM tells of violations again; others ask later. */
static void violation_first_of_all(struct fake_vmm *vmm,
				   const struct pvmemcontrol_vmm_call *call)
{
	struct violation_fixture *f = vmm->priv;

	if (call->func_code == PVMEMCONTROL_VIOLATION)
		f->had_vectors &= !!this_cpu_read(f->dev->cpu->vector[0]);
}

static void violation_before_vectors(struct kunit *test)
{
	struct violation_fixture *f = test->priv;

	pvmc_device_suspend(f->dev);
	pvmc_vectors_free(f->dev);
	f->had_vectors = true;
	f->vmm->priv = f;
	f->vmm->on_kick = violation_first_of_all;
	KUNIT_EXPECT_EQ(test, 0, pvmc_device_resume(f->dev));
	f->vmm->on_kick = NULL;
	KUNIT_EXPECT_FALSE(test, f->had_vectors);
	KUNIT_EXPECT_NOT_NULL(test, this_cpu_read(f->dev->cpu->vector[0]));
}

/* Any bytes in the records: nothing worse than a report. */
static void violation_garbage(struct kunit *test)
{
	struct violation_fixture *f = test->priv;
	unsigned int taken, i, j;

	for (i = 0; i < 50; i++) {
		get_random_bytes(f->vmm->records, SZ_4K);
		/* Few would be ours. */
		for (j = 0; j < 128; j += 3)
			f->vmm->records[j].vcpu = (__force u32)
				cpu_to_le32(FAKE_VCPU);
		taken = violation_nmi();
		KUNIT_EXPECT_GE(test, taken, 43U);
		KUNIT_EXPECT_LE(test, taken, 128U);
	}
}

/* Not told of by a VMM that cannot, or refuses, or when there is no memory. */
static void violation_not_watched(struct kunit *test)
{
	struct violation_fixture *f = test->priv;
	struct pvmemcontrol_info info;

	fake_vmm_unplug(test, f->dev);
	f->vmm = fake_vmm_new(test);
	fake_vmm_vectors(f->vmm);
	f->dev = fake_vmm_plug(test, f->vmm);
	KUNIT_EXPECT_EQ(test, 0U, f->vmm->asked_vcpu);
	KUNIT_EXPECT_NULL(test, f->dev->records);
	KUNIT_EXPECT_EQ(test, 0U, violation_nmi());
	fake_vmm_unplug(test, f->dev);

	/* INFO, FEATURES, and then the one that is refused. */
	f->vmm->features |= PVMEMCONTROL_FEATURE_VIOLATION;
	fake_vmm_fault(f->vmm, FAKE_FAULT_REFUSE, EINVAL, 2, 1);
	f->dev = fake_vmm_plug(test, f->vmm);
	KUNIT_EXPECT_EQ(test, 1U, f->vmm->asked_vcpu);
	KUNIT_ASSERT_EQ(test, 0, pvmemcontrol_get_info(&info));
	KUNIT_EXPECT_EQ(test, (u64)PVMEMCONTROL_FEATURE_VECTOR, info.features);
}

/* A VMM that forgot is told again where to write. */
static void violation_recovered(struct kunit *test)
{
	struct violation_fixture *f = test->priv;

	fake_vmm_violate(f->vmm, OWNED, WROTE, FAKE_VCPU, STOPPED);
	f->vmm->records = NULL;
	fake_vmm_fault(f->vmm, FAKE_FAULT_FORGET, 0, 0, 1);
	pvmemcontrol_ping(&f->client);
	KUNIT_ASSERT_TRUE(test, fake_wait_recovered(f->dev, 1));
	KUNIT_ASSERT_NOT_NULL(test, f->vmm->records);
	/* What was under way then is void. */
	KUNIT_EXPECT_EQ(test, 0U, violation_nmi());
	fake_vmm_violate(f->vmm, OWNED, WROTE, FAKE_VCPU, STOPPED);
	KUNIT_EXPECT_EQ(test, 1U, violation_nmi());
}

static struct kunit_case pvmc_violation_cases[] = {
	KUNIT_CASE(violation_opens),
	KUNIT_CASE(violation_other_cpu),
	KUNIT_CASE(violation_unknown_cpu),
	KUNIT_CASE(violation_cpu_comes),
	KUNIT_CASE(violation_full),
	KUNIT_CASE(violation_let_through),
	KUNIT_CASE(violation_policies),
	KUNIT_CASE(violation_stale),
	KUNIT_CASE(violation_cannot_open),
	KUNIT_CASE(violation_busy),
	KUNIT_CASE(violation_down),
	KUNIT_CASE(violation_meanwhile),
	KUNIT_CASE(violation_never),
	KUNIT_CASE(violation_over),
	KUNIT_CASE(violation_before_vectors),
	KUNIT_CASE(violation_garbage),
	KUNIT_CASE(violation_not_watched),
	KUNIT_CASE(violation_recovered),
	{}
};

static struct kunit_suite pvmc_violation_suite = {
	.name = "pvmc_violation",
	.init = violation_init,
	.exit = violation_exit,
	.test_cases = pvmc_violation_cases,
};
kunit_test_suite(pvmc_violation_suite);
