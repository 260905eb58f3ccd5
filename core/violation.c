// SPDX-License-Identifier: GPL-2.0
/*
 * Violations: what follows when somebody touches a page that is protected.
 */

/**
 * DOC: Violations
 *
 * The VMM stops the access, writes a record into a page of ours and sends an
 * NMI to the CPU that did it, on which the instruction will be tried again when
 * the NMI is over.  So the page has to be open by then, or the kernel has to
 * have panicked: else the same would happen again without end.
 *
 * A CPU takes its own records only, and knows them by the VMM's number for it.
 * That is asked for on each CPU when the device is connected, and on one that
 * comes; where there was no answer, again when there is a record.  The VMM writes
 * to a record only while its sequence is 0 and the guest only while it is not, so
 * no lock is needed.
 *
 * That a record came says that the VMM knows this kernel's buffers, as it
 * forgets both at once.  So it is asked to open the page whatever the state of
 * the device is: a device that is down is so because of another request, and to
 * connect it anew waits for this CPU (pvmc_quiesce()), which does not get on
 * before the page is open.  Only between RESET and VIOLATION, which are exits
 * apart, does the VMM not know where to tell; what it does then is its affair.
 *
 * All of this runs in NMI and may interrupt anything: it takes no lock, makes
 * calls as any context may, and prints what printk can print from there.
 */
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/nmi.h>
#include <linux/ptrace.h>
#include <linux/ratelimit.h>
#include <linux/rculist.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/slab.h>
#include <linux/smp.h>

#include "call.h"
#include "core.h"

#include <trace/events/pvmemcontrol.h>

/* The VMM's number of this CPU is not known yet. */
#define PVMC_VCPU_UNKNOWN	U32_MAX

/*
 * For how long a CPU may be stopped at a page that cannot be opened; ns.  One
 * that was not stopped for as long is not stopped at the same any more.  Nor does
 * it matter that the device is connected anew meanwhile, which it may be again and
 * again while a program tries to get at the page.  The clock is one that goes on
 * without the interrupts of this CPU, which may get none in all that time.
 */
#define PVMC_CLOSED_LONGEST	(10ULL * NSEC_PER_SEC)

#define PVMC_RECORDS	(SZ_4K / sizeof(struct pvmemcontrol_violation))

enum pvmc_policy_override pvmc_policy_override;

/* Enough to see what goes on, and not so many that nothing else goes on. */
static DEFINE_RATELIMIT_STATE(pvmc_violation_ratelimit, 5 * HZ, 10);

/* What comes with the answer is what the VMM calls this CPU. */
static int pvmc_ask_violation(struct pvmc_device *dev,
			      struct pvmemcontrol_vmm_ret *ret)
{
	struct pvmemcontrol_buf buf = {
		.call.func_code = PVMEMCONTROL_VIOLATION,
		.call.addr = virt_to_phys(dev->records),
		.call.arg = PVMEMCONTROL_VIOLATION_NMI,
	};
	int err;

	err = pvmc_exchange(dev, &buf);
	if (err)
		return err;
	*ret = buf.ret;
	if (!pvmc_answer_error(PVMEMCONTROL_VIOLATION, ret) &&
	    ret->ret_value < PVMC_VCPU_UNKNOWN)
		this_cpu_write(dev->cpu->vcpu, ret->ret_value);
	return 0;
}

/* What the VMM calls this CPU, PVMC_VCPU_UNKNOWN if it does not say. */
static u32 pvmc_vcpu(struct pvmc_device *dev)
{
	struct pvmemcontrol_vmm_ret ret;

	if (this_cpu_read(dev->cpu->vcpu) == PVMC_VCPU_UNKNOWN)
		pvmc_ask_violation(dev, &ret);
	return this_cpu_read(dev->cpu->vcpu);
}

static void pvmc_learn_vcpu(void *dev)
{
	pvmc_vcpu(dev);
}

/**
 * pvmc_watch_cpu() - Ask what the VMM calls a CPU that has come.
 * @cpu: this one
 *
 * It may be another vCPU than the one that had its number before.
 *
 * Context: Process context, on @cpu.
 * Return: 0.
 */
int pvmc_watch_cpu(unsigned int cpu)
{
	struct pvmc_device *dev;

	preempt_disable();
	list_for_each_entry_rcu(dev, &pvmc_devices, node,
				rcu_read_lock_sched_held()) {
		this_cpu_write(dev->cpu->vcpu, PVMC_VCPU_UNKNOWN);
		if (!pvmc_check_state(dev) &&
		    dev->info.features & PVMEMCONTROL_FEATURE_VIOLATION)
			pvmc_vcpu(dev);
	}
	preempt_enable();
	return 0;
}

/**
 * pvmc_watch() - Have the VMM tell of violations.
 * @dev: device that is being connected
 *
 * Without memory, without a VMM that can, or on a machine on which we cannot
 * take its NMI, it does not.  Sleeps only for memory for the records, which is
 * when the VMM has told of none before.
 *
 * Context: Process context, with pvmc_registry_lock held.
 * Return: 0 when it does or does not; else as pvmc_exchange().
 */
int pvmc_watch(struct pvmc_device *dev)
{
	struct pvmemcontrol_violation *records = dev->records;
	struct pvmemcontrol_vmm_ret ret;
	int cpu, err, i;

	if (!(dev->info.features & PVMEMCONTROL_FEATURE_VIOLATION))
		return 0;
	if (pvmc_nmi_possible() && !records)
		records = kzalloc(SZ_4K, GFP_KERNEL);
	if (!pvmc_nmi_possible() || !records) {
		dev->info.features &= ~PVMEMCONTROL_FEATURE_VIOLATION;
		return 0;
	}
	/* An NMI that looks for records finds none of them there. */
	smp_store_release(&dev->records, records);

	/* Who is reading one must not find it half gone. */
	for (i = 0; i < PVMC_RECORDS; i++)
		WRITE_ONCE(records[i].sequence, 0);
	for_each_possible_cpu(cpu)
		WRITE_ONCE(per_cpu_ptr(dev->cpu, cpu)->vcpu, PVMC_VCPU_UNKNOWN);
	preempt_disable();
	err = pvmc_ask_violation(dev, &ret);
	preempt_enable();
	if (err)
		return err;
	if (pvmc_answer_error(PVMEMCONTROL_VIOLATION, &ret))
		dev->info.features &= ~PVMEMCONTROL_FEATURE_VIOLATION;
	return 0;
}

/**
 * pvmc_watch_cpus() - Ask what the VMM calls each CPU.
 * @dev: device that is connected
 *
 * Context: Process context, with pvmc_registry_lock held.  Waits for each CPU to
 * take an interrupt.
 */
void pvmc_watch_cpus(struct pvmc_device *dev)
{
	int cpu;

	if (!(dev->info.features & PVMEMCONTROL_FEATURE_VIOLATION))
		return;
	/* One that goes meanwhile is not asked, and one that comes is by itself. */
	for_each_online_cpu(cpu)
		smp_call_function_single(cpu, pvmc_learn_vcpu, dev, true);
}

/*
 * Takes what @record says, which is there, where it is @vcpu's.  It is read
 * once, as the VMM may write there all the time, whatever it should do.
 */
static bool pvmc_violation_take(struct pvmemcontrol_violation *record, u32 vcpu,
				struct pvmemcontrol_access *access)
{
	u64 addr;

	dma_rmb();
	access->vcpu = le32_to_cpu((__force __le32)READ_ONCE(record->vcpu));
	if (access->vcpu != vcpu)
		return false;
	addr = le64_to_cpu((__force __le64)READ_ONCE(record->addr));
	access->addr = addr;
	access->access = le32_to_cpu((__force __le32)READ_ONCE(record->access));
	access->stopped = le32_to_cpu((__force __le32)READ_ONCE(record->flags)) &
			  PVMEMCONTROL_VIOLATION_STOPPED;
	/* It has been read before the VMM takes it for free. */
	smp_store_release(&record->sequence, 0);
	return true;
}

static int pvmc_violation_open(struct pvmc_device *dev, phys_addr_t addr)
{
	/* Once: who connects the device to another VMM sets it meanwhile. */
	u64 size = READ_ONCE(dev->info.host_page_size);
	struct pvmemcontrol_buf buf = {
		.call.func_code = PVMEMCONTROL_MPROTECT_RW,
		.call.addr = addr & ~(size - 1),
		.call.length = size,
	};
	int err;

	err = pvmc_exchange(dev, &buf);
	if (!err)
		err = pvmc_answer_error(PVMEMCONTROL_MPROTECT_RW, &buf.ret);
	return err;
}

/* Nobody is stopped there any more, wherever who was has gone to. */
static void pvmc_violation_over(struct pvmc_device *dev, phys_addr_t page)
{
	int cpu, i;

	for_each_possible_cpu(cpu) {
		struct pvmc_closed *closed = per_cpu_ptr(dev->cpu, cpu)->closed;

		for (i = 0; i < PVMC_CLOSED; i++)
			if (READ_ONCE(closed[i].since) &&
			    READ_ONCE(closed[i].page) == page)
				WRITE_ONCE(closed[i].since, 0);
	}
}

/* There was no answer, or none that says whether the page is open. */
static bool pvmc_violation_unsure(int err)
{
	return err == -EIO || err == -EBUSY || err == -ENODEV || err == -EAGAIN;
}

/*
 * What is noted of @page, new if @since is 0: in the place of one that nobody was
 * stopped at for long, even if that has not been noted, or else of the latest, so
 * that the time of the others comes.
 */
static struct pvmc_closed *pvmc_violation_closed(struct pvmc_device *dev,
						 phys_addr_t page, u64 now)
{
	struct pvmc_closed *closed = this_cpu_ptr(dev->cpu)->closed;
	struct pvmc_closed *victim = NULL;
	int i;

	for (i = 0; i < PVMC_CLOSED; i++, closed++) {
		u64 since = READ_ONCE(closed->since);

		if (since && now - closed->last >= PVMC_CLOSED_LONGEST) {
			WRITE_ONCE(closed->since, 0);
			since = 0;
		}
		if (since && closed->page == page)
			return closed;
		if (!victim || (victim->since && (!since ||
						  since > victim->since)))
			victim = closed;
	}
	WRITE_ONCE(victim->since, 0);
	WRITE_ONCE(victim->page, page);
	return victim;
}

/*
 * Whether the page is open is not known.  If it is not, the access is stopped
 * once more, and the VMM asked once more, but not for ever.  That is said once.
 * The VMM was asked at @began; it may take as long as it likes to say nothing.
 */
static void pvmc_violation_later(struct pvmc_device *dev, phys_addr_t page,
				 u64 began, int err,
				 struct pvmc_verdict *verdict)
{
	struct pvmc_closed *closed = pvmc_violation_closed(dev, page, began);
	u64 since = READ_ONCE(closed->since);

	if (since) {
		verdict->silent = true;
	} else {
		since = began ?: 1;
		WRITE_ONCE(closed->since, since);
	}
	closed->last = sched_clock();
	if (closed->last - since < PVMC_CLOSED_LONGEST) {
		verdict->again = true;
		return;
	}
	verdict->error = err;
	verdict->silent = false;
	verdict->panic = true;
}

static const char *pvmc_access_name(u32 access)
{
	switch (access) {
	case PVMEMCONTROL_ACCESS_READ:
		return "read of";
	case PVMEMCONTROL_ACCESS_WRITE:
		return "write to";
	case PVMEMCONTROL_ACCESS_FETCH:
		return "execution of";
	default:
		return "access to";
	}
}

static void pvmc_violation_print(const struct pvmemcontrol_access *access,
				 const struct pvmc_verdict *verdict)
{
	const char *name = verdict->client ? verdict->client->name : "nobody";
	const char *stopped = access->stopped ? "stopped" : "not stopped";
	char where[64];

	if (user_mode(access->regs))
		snprintf(where, sizeof(where), "user space 0x%lx",
			 instruction_pointer(access->regs));
	else
		snprintf(where, sizeof(where), "%pS",
			 (void *)instruction_pointer(access->regs));
	pr_warn("pvmemcontrol: %s protected page %pa of %s%s%s, %s: vCPU %u, CPU %u, task %s/%d, at %s\n",
		pvmc_access_name(access->access), &access->addr, name,
		*verdict->what ? ": " : "", verdict->what, stopped,
		access->vcpu, smp_processor_id(), current->comm,
		task_pid_nr(current), where);
	if (verdict->error)
		pr_emerg("pvmemcontrol: and the VMM does not open that page: %pe\n",
			 ERR_PTR(verdict->error));
}

static enum pvmemcontrol_policy pvmc_policy(struct pvmemcontrol_client *client)
{
	switch (READ_ONCE(pvmc_policy_override)) {
	case PVMC_POLICY_REPORT:
		return PVMEMCONTROL_REPORT;
	case PVMC_POLICY_PANIC:
		return PVMEMCONTROL_PANIC;
	case PVMC_POLICY_CLIENT:
		break;
	}
	return client ? READ_ONCE(client->policy) : PVMEMCONTROL_REPORT;
}

/**
 * pvmc_violation() - Deal with one violation.
 * @dev: where it was reported
 * @access: what was done
 * @verdict: set to whose page it was and what is to follow
 *
 * Opens the page unless the kernel is to panic.  It is to panic as well when
 * the VMM says that it does not open the page, or does not say for too long.
 *
 * Clients rely on that owner() and the opening are in one section with preemption
 * off, see struct pvmemcontrol_client_ops.
 *
 * Context: NMI, or any with preemption off.
 */
void pvmc_violation(struct pvmc_device *dev,
		    const struct pvmemcontrol_access *access,
		    struct pvmc_verdict *verdict)
{
	phys_addr_t page = access->addr & PAGE_MASK;
	enum pvmemcontrol_owner owner;
	u64 began;
	int err;

	memset(verdict, 0, sizeof(*verdict));
	owner = pvmc_clients_owner(access, &verdict->client, verdict->what);
	verdict->panic = owner != PVMEMCONTROL_STALE &&
			 pvmc_policy(verdict->client) == PVMEMCONTROL_PANIC;
	verdict->silent = owner == PVMEMCONTROL_STALE;

	this_cpu_inc(dev->cpu->counters.violations);
	if (verdict->client && owner == PVMEMCONTROL_MINE)
		this_cpu_inc(verdict->client->counters->violations);
	trace_pvmemcontrol_violation(MINOR(dev->dev.devt),
				     verdict->client ? verdict->client->name :
				     "", verdict->what, access->addr,
				     access->access, access->vcpu,
				     access->stopped,
				     instruction_pointer(access->regs));

	if (verdict->panic || !access->stopped)
		return;
	began = sched_clock();
	err = pvmc_violation_open(dev, page);
	if (pvmc_violation_unsure(err)) {
		pvmc_violation_later(dev, page, began, err, verdict);
		return;
	}
	pvmc_violation_over(dev, page);
	/* The instruction would be stopped again, and again. */
	verdict->error = err;
	verdict->panic = err;
}

static unsigned int pvmc_device_violations(struct pvmc_device *dev,
					   struct pt_regs *regs)
{
	struct pvmemcontrol_access access = { .regs = regs };
	struct pvmemcontrol_violation *records;
	struct pvmc_verdict verdict;
	unsigned int i, taken = 0;
	u32 vcpu;

	/* That none is in it was written before it was there. */
	records = smp_load_acquire(&dev->records);
	if (!records)
		return 0;
	for (i = 0; i < PVMC_RECORDS; i++) {
		if (!READ_ONCE(records[i].sequence))
			continue;
		/* A guess could take what another CPU is waiting for. */
		vcpu = pvmc_vcpu(dev);
		if (vcpu == PVMC_VCPU_UNKNOWN)
			break;
		if (!pvmc_violation_take(&records[i], vcpu, &access))
			continue;
		taken++;
		pvmc_violation(dev, &access, &verdict);
		if (verdict.panic || (!verdict.silent &&
				      __ratelimit(&pvmc_violation_ratelimit)))
			pvmc_violation_print(&access, &verdict);
		if (!verdict.panic)
			continue;
		nmi_panic(regs, "pvmemcontrol: a protected page was touched");
		/* This CPU is panicking already, and has to come to its end. */
		if (access.stopped)
			pvmc_violation_open(dev, access.addr);
	}
	return taken;
}

/**
 * pvmc_violations() - Deal with what the VMM says that this CPU has touched.
 * @regs: of what the NMI interrupted
 *
 * Context: NMI, or any with preemption off.
 * Return: How many violations there were.
 */
unsigned int pvmc_violations(struct pt_regs *regs)
{
	struct pvmc_device *dev;
	unsigned int taken = 0;

	list_for_each_entry_rcu(dev, &pvmc_devices, node,
				rcu_read_lock_sched_held())
		taken += pvmc_device_violations(dev, regs);
	return taken;
}
