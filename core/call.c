// SPDX-License-Identifier: GPL-2.0
/*
 * Calls: from a client's range to exits.
 */

/**
 * DOC: Contexts
 *
 * A call may be made in any context and takes no lock.  It uses a buffer of
 * its own CPU, and with preemption off nothing else on that CPU runs until the
 * VMM has answered but what interrupts the call: a softirq, an interrupt, an
 * NMI, each of which may make calls too, and is done with them before the
 * interrupted call goes on.  The buffers of a CPU are therefore a stack, and
 * its depth is a plain number.  A call that is interrupted between reading and
 * writing it finds it unchanged.
 *
 * Having preemption off also makes a call an RCU reader: whoever takes a device
 * away or connects it anew makes calls fail first, by pvmc_active or by the
 * device's state, and then waits with synchronize_rcu() for those in flight.
 */
#include <linux/export.h>
#include <linux/io.h>
#include <linux/irq_work.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched/clock.h>
#include <linux/sched/signal.h>

#include "call.h"
#include "core.h"
#include "tracing.h"

/*
 * What a call that succeeds runs through fits in this, and so is on one page:
 * each further one is a fifth of the time of a request under an emulator, and
 * an entry of the instruction TLB elsewhere.  In a section of its own, the
 * alignment takes no padding between functions; of these vmlinux, too, has what
 * is hot in its text.
 */
typeof(pvmemcontrol_call) pvmemcontrol_call __section(".text.hot.pvmc_call") __aligned(1024);

static_assert(sizeof(struct pvmc_wire) == PVMEMCONTROL_BUF_SIZE);
static_assert(sizeof(struct pvmemcontrol_buf) == PVMEMCONTROL_BUF_SIZE);
static_assert(sizeof(struct pvmc_slot) % PVMEMCONTROL_BUF_SIZE == 0);
static_assert(PAGE_SIZE % sizeof(struct pvmc_slot) == 0);

/*
 * The buffer at @depth, which is still in use, holds the request: the VMM has
 * forgotten the buffer, or the device is no longer there.
 */
static noinline int pvmc_unanswered(struct pvmc_device *dev,
				    unsigned int depth, u64 func, u64 start,
				    u64 length)
{
	/*
	 * An answer that comes late must not find another request there: no
	 * call uses the buffer after this.
	 */
	bool mine = cmpxchg(&dev->state, PVMC_UP, PVMC_DOWN) == PVMC_UP;

	barrier();
	this_cpu_write(dev->cpu->depth, depth);

	this_cpu_inc(dev->cpu->counters.exits);
	this_cpu_inc(dev->cpu->counters.no_answers);
	trace_pvmemcontrol_no_answer(MINOR(dev->dev.devt), func, start, length);
	/* Who else connects it, or has taken it down, sees to it. */
	if (mine)
		irq_work_queue(&dev->no_answer);
	if (READ_ONCE(dev->state) == PVMC_GONE ||
	    !dev->ops->present(dev->transport))
		return -ENODEV;
	return -EIO;
}

/*
 * Here and in what this is inlined into, requests and answers are values, not
 * pointers: the compiler keeps them in registers on the way to the buffer and
 * back.
 */
static __always_inline int
__pvmc_exchange(struct pvmc_device *dev, struct pvmemcontrol_vmm_call call,
		struct pvmemcontrol_vmm_ret *ret)
{
	struct pvmc_cpu *cpu = this_cpu_ptr(dev->cpu);
	unsigned int depth = cpu->depth;
	struct pvmc_wire sent, got;
	struct pvmc_slot *slot;
	u64 first;

	if (unlikely(depth >= PVMC_LEVELS))
		return -EBUSY;
	slot = &cpu->slot[depth];
	WRITE_ONCE(cpu->depth, depth + 1);
	barrier();	/* whoever interrupts from here on leaves slot alone */

	sent.word[0] = cpu_to_le64(call.func_code);
	sent.word[1] = cpu_to_le64(call.addr);
	sent.word[2] = cpu_to_le64(call.length);
	sent.word[3] = cpu_to_le64(call.arg);
	WRITE_ONCE(slot->wire.word[0], sent.word[0]);
	WRITE_ONCE(slot->wire.word[1], sent.word[1]);
	WRITE_ONCE(slot->wire.word[2], sent.word[2]);
	WRITE_ONCE(slot->wire.word[3], sent.word[3]);

	if (likely(dev->doorbell))
		writel(slot->id, dev->doorbell);
	else
		dev->ops->kick(dev->transport, slot->id);

	/* Once, so that what is checked is what is used. */
	dma_rmb();
	got.word[0] = READ_ONCE(slot->wire.word[0]);
	got.word[1] = READ_ONCE(slot->wire.word[1]);
	got.word[2] = READ_ONCE(slot->wire.word[2]);
	got.word[3] = READ_ONCE(slot->wire.word[3]);

	if (unlikely(got.word[0] == sent.word[0] &&
		     got.word[1] == sent.word[1] &&
		     got.word[2] == sent.word[2] &&
		     got.word[3] == sent.word[3]))
		return pvmc_unanswered(dev, depth, call.func_code, call.addr,
				       call.length);

	barrier();
	WRITE_ONCE(cpu->depth, depth);

	this_cpu_inc(dev->cpu->counters.exits);
	first = le64_to_cpu(got.word[0]);
	ret->ret_errno = lower_32_bits(first);
	ret->ret_code = upper_32_bits(first);
	ret->ret_value = le64_to_cpu(got.word[1]);
	ret->arg0 = le64_to_cpu(got.word[2]);
	ret->arg1 = le64_to_cpu(got.word[3]);
	return 0;
}

/**
 * pvmc_exchange() - Send one request to a device and get the answer.
 * @dev: device whose transport is connected or being connected
 * @buf: the request; overwritten by the answer when there is one
 *
 * A request must differ from every answer that a VMM may give to it, or no
 * answer could not be told from that answer.  PVMEMCONTROL_INFO with all else
 * zero does (the page size is not zero).  So does every other function of
 * protocol 1.0 with a length other than zero (the answer has zero in its
 * place), and every unknown one of 32 bits (the answer has it in the upper
 * half of the word, where the request has zero).
 *
 * Context: Any, with preemption off.
 * Return: 0 when the VMM answered, whatever it did; -EIO when it did not, in
 * which case the device is connected anew as soon as possible; -ENODEV when
 * the device is not there any more; -EBUSY when more calls interrupted each
 * other than there are buffers.
 */
int pvmc_exchange(struct pvmc_device *dev, struct pvmemcontrol_buf *buf)
{
	return __pvmc_exchange(dev, buf->call, &buf->ret);
}

/* What the next exit asks for; preemption is off. */
static __always_inline int
pvmc_next_piece(const struct pvmc_device *dev, u64 done, bool has_range,
		struct pvmemcontrol_vmm_call *call)
{
	int err;

	if (unlikely(!dev))
		return -ENODEV;
	err = pvmc_check_state(dev);
	if (unlikely(err))
		return err;

	if (has_range) {
		call->addr += done;
		call->length -= done;
		err = pvmc_check_range(dev, call->addr, call->length);
		if (unlikely(err))
			return err;
		call->length = pvmc_piece_length(pvmc_piece(dev), call->addr,
						 call->length);
	} else if (call->func_code == PVMEMCONTROL_INFO) {
		call->addr = 0;
		call->length = 0;
		call->arg = 0;
	}
	return 0;
}

static noinline int pvmc_answered_error(struct pvmc_device *dev, u32 func,
					struct pvmemcontrol_vmm_ret ret)
{
	this_cpu_inc(dev->cpu->counters.errors);
	return pvmc_answer_error(func, &ret);
}

static __always_inline int
pvmc_call_pieces(struct pvmc_device *fixed,
		 const struct pvmemcontrol_vmm_call *call,
		 struct pvmemcontrol_vmm_ret *ret,
		 struct pvmc_progress *progress)
{
	bool has_range = pvmc_func_has_range(call->func_code);
	int err;

	for (;;) {
		struct pvmemcontrol_vmm_call piece = *call;
		struct pvmc_device *dev;

		progress->answered = false;
		preempt_disable();
		dev = fixed ?: rcu_dereference_sched(pvmc_active);
		err = pvmc_next_piece(dev, progress->done, has_range, &piece);
		if (unlikely(err)) {
			preempt_enable();
			return err;
		}
		err = __pvmc_exchange(dev, piece, ret);
		progress->exits += err != -EBUSY;
		if (likely(!err)) {
			progress->answered = true;
			if (unlikely(ret->ret_errno || ret->ret_code))
				err = pvmc_answered_error(dev, call->func_code,
							  *ret);
		}
		preempt_enable();
		if (unlikely(err))
			return err;
		if (!has_range)
			return 0;
		progress->done += piece.length;
		if (likely(progress->done == call->length))
			return 0;

		pvmc_resched();
		if (fixed && fatal_signal_pending(current)) {
			progress->answered = false;
			return -EINTR;
		}
	}
}

static __always_inline int
pvmc_call_counted(struct pvmc_device *fixed,
		  struct pvmemcontrol_client *client,
		  const struct pvmemcontrol_vmm_call *call,
		  struct pvmemcontrol_vmm_ret *ret,
		  struct pvmc_progress *progress)
{
	struct pvmc_client_counters __percpu *counters = client->counters;
	int err;

	err = pvmc_call_pieces(fixed, call, ret, progress);

	this_cpu_inc(counters->calls);
	this_cpu_add(counters->exits, progress->exits);
	if (progress->done) {
		this_cpu_inc(counters->ranges);
		this_cpu_add(counters->pages, progress->done >> PAGE_SHIFT);
	}
	if (unlikely(err))
		this_cpu_inc(counters->errors);
	return err;
}

/* The same, for whoever wants to know of it, if there is somebody. */
static __always_inline int pvmc_call(struct pvmc_device *fixed,
				     struct pvmemcontrol_client *client,
				     const struct pvmemcontrol_vmm_call *call,
				     struct pvmemcontrol_vmm_ret *ret,
				     struct pvmc_progress *progress)
{
	bool timed = static_branch_unlikely(&pvmc_timing) ||
		     trace_pvmemcontrol_call_exit_enabled();
	u64 id = 0, begin = 0, ns = 0;
	int err;

	if (pvmc_calls_traced())
		id = pvmc_trace_enter(client, *call, progress->batch);
	if (timed)
		begin = local_clock();

	err = pvmc_call_counted(fixed, client, call, ret, progress);

	if (timed) {
		ns = local_clock() - begin;
		if (static_branch_unlikely(&pvmc_timing))
			this_cpu_add(client->counters->time_ns, ns);
	}
	if (trace_pvmemcontrol_call_exit_enabled())
		pvmc_trace_exit(client, id, *call, *progress, err, ns);
	return err;
}

/* What kernel code may not ask for, as nobody here knows what it does. */
static __always_inline bool pvmc_func_unknown(u32 func)
{
	return func >= PVMEMCONTROL_NR_FUNC_1_0 && !pvmc_func_has_range(func);
}

/*
 * A call that is not sent counts, and can be seen, as others that fail.  One for
 * nobody, who was never registered or is not any more, does not.
 */
static noinline int pvmc_call_unknown(struct pvmemcontrol_client *client,
				      u64 func, u64 start, u64 length, u64 arg)
{
	const struct pvmemcontrol_vmm_call call = {
		.func_code = func,
		.addr = start,
		.length = length,
		.arg = arg,
	};
	u64 id = 0;

	if (WARN_ON_ONCE(!client->counters))
		return -EINVAL;
	if (pvmc_calls_traced())
		id = pvmc_trace_enter(client, call, 0);
	this_cpu_inc(client->counters->calls);
	this_cpu_inc(client->counters->errors);
	pvmc_trace_exit(client, id, call, (struct pvmc_progress) {},
			-EOPNOTSUPP, 0);
	return -EOPNOTSUPP;
}

/*
 * As pvmemcontrol_call().  All that it takes to be followed is here, so that
 * those that nobody follows need not keep anything for it.
 */
static noinline int pvmc_call_followed(struct pvmemcontrol_client *client,
				       u32 func, phys_addr_t start, u64 length,
				       u64 arg, u64 *done)
{
	struct pvmc_progress progress = {};
	int err;

	if (pvmc_func_unknown(func))
		err = pvmc_call_unknown(client, func, start, length, arg);
	else
		err = pvmc_call_client(client, func, start, length, arg,
				       &progress);
	if (done)
		*done = progress.done;
	return err;
}

/**
 * pvmemcontrol_call() - Have the VMM do something to a range of guest memory.
 * @client: registered client
 * @func: PVMEMCONTROL_DONTNEED, ..., PVMEMCONTROL_UNMERGEABLE;
 *	PVMEMCONTROL_GUARD or PVMEMCONTROL_UNGUARD where the VMM has
 *	PVMEMCONTROL_FEATURE_GUARD; or PVMEMCONTROL_INFO, which does nothing
 * @start: guest physical address of the first byte, a multiple of the host's
 *	page size
 * @length: bytes, a multiple of the host's page size and not 0; ignored for
 *	PVMEMCONTROL_INFO
 * @arg: the number in the name for PVMEMCONTROL_SET_VMA_ANON_NAME, 0 for no
 *	name; ignored otherwise
 * @done: NULL, or set to how many bytes from @start on the VMM has dealt with,
 *	on failure too.  The piece after those may have been dealt with in part.
 *
 * When this returns 0 the VMM says that it has done it.  The range goes to the
 * VMM in pieces that end at multiples of the module parameter piece_mib, one
 * exit each, so that no CPU is kept from the guest for longer than one takes.
 *
 * Context: Any: process, softirq, hard irq, NMI, interrupts off, any locks
 * held, any number of CPUs at once.  Never sleeps, but lets others run between
 * pieces where that is allowed.
 * Return: 0; -ENODEV when there is no device; -EINVAL when the range is empty,
 * not aligned, wraps, lies beyond what the CPU can address, or the VMM refused
 * it (it is not RAM, or not all in one region of RAM), or, with a warning, when
 * @client is not registered; -EOPNOTSUPP when the VMM does not know @func; -EIO
 * when the VMM did not answer or its answer made no sense; -EBUSY when more calls
 * interrupted each other than there are buffers; else the errno of the host's
 * madvise(), mprotect(), mlock2(), munlock() or prctl().
 */
int pvmemcontrol_call(struct pvmemcontrol_client *client, u32 func,
		      phys_addr_t start, u64 length, u64 arg, u64 *done)
{
	const struct pvmemcontrol_vmm_call call = {
		.func_code = func,
		.addr = start,
		.length = length,
		.arg = arg,
	};
	struct pvmc_progress progress = {};
	struct pvmemcontrol_vmm_ret ret;
	int err;

	if (pvmc_calls_followed())
		return pvmc_call_followed(client, func, start, length, arg,
					  done);
	if (unlikely(!client->counters || pvmc_func_unknown(func)))
		err = pvmc_call_unknown(client, func, start, length, arg);
	else
		err = pvmc_call_counted(NULL, client, &call, &ret, &progress);
	if (done)
		*done = progress.done;
	return err;
}
EXPORT_SYMBOL_GPL(pvmemcontrol_call);

/**
 * pvmc_call_client() - As pvmemcontrol_call(), for a function that is known.
 * @client: as there
 * @func: as there, and known
 * @start: as there
 * @length: as there
 * @arg: as there
 * @progress: set to how far it got and what it took; with @batch set
 *
 * Context: Any.
 * Return: As pvmemcontrol_call().
 */
int pvmc_call_client(struct pvmemcontrol_client *client, u32 func,
		     phys_addr_t start, u64 length, u64 arg,
		     struct pvmc_progress *progress)
{
	const struct pvmemcontrol_vmm_call call = {
		.func_code = func,
		.addr = start,
		.length = length,
		.arg = arg,
	};
	struct pvmemcontrol_vmm_ret ret;
	int err;

	*progress = (struct pvmc_progress) { .batch = progress->batch };
	if (WARN_ON_ONCE(!client->counters))
		return -EINVAL;
	err = pvmc_call(NULL, client, &call, &ret, progress);
	progress->refused = err && progress->answered &&
			    pvmc_answer_refused(func, &ret);
	return err;
}

/*
 * User space may ask for functions that we do not know, but not for those that
 * have the VMM write to an address of its choice, nor for any that could not
 * be told from the answer.
 */
static bool pvmc_func_for_user(u64 func)
{
	return func <= U32_MAX && func != PVMEMCONTROL_VECTOR &&
	       func != PVMEMCONTROL_VIOLATION;
}

/**
 * pvmc_call_device() - Carry out a request from user space.
 * @dev: device that is asked
 * @client: who is counted
 * @buf: the request; overwritten by the VMM's answer when 0 is returned
 *
 * As pvmemcontrol_call(), but what the VMM answered is for the caller to read,
 * and functions beyond protocol 1.0 go to the VMM as they are; those that user
 * space may not use are refused in its name.  Where a range takes several
 * exits, the answer is the first that is not success.
 *
 * Context: Process context.  May sleep between exits.
 * Return: 0 when the VMM answered; -EINTR when the task was killed between two
 * exits; else as pvmemcontrol_call().
 */
int pvmc_call_device(struct pvmc_device *dev,
		     struct pvmemcontrol_client *client,
		     struct pvmemcontrol_buf *buf)
{
	const struct pvmemcontrol_vmm_call call = buf->call;
	struct pvmc_progress progress = {};
	int err;

	if (!pvmc_func_for_user(call.func_code)) {
		pvmc_call_unknown(client, call.func_code, call.addr,
				  call.length, call.arg);
		buf->ret = (struct pvmemcontrol_vmm_ret) {
			.ret_errno = EOPNOTSUPP,
			.ret_code = lower_32_bits(call.func_code),
		};
		return 0;
	}
	err = pvmc_call(dev, client, &call, &buf->ret, &progress);
	return progress.answered ? 0 : err;
}

/**
 * pvmemcontrol_get_info() - Ask what the VMM said of itself.
 * @info: set when 0 is returned
 *
 * No exit: the VMM was asked when it was connected, and for what zeroes also
 * before memory that was added since could be used.
 *
 * Context: Any.
 * Return: 0; -ENODEV when there is no device; -EIO when there is one but its
 * VMM does not answer at this time.
 */
int pvmemcontrol_get_info(struct pvmemcontrol_info *info)
{
	struct pvmc_device *dev;
	int err = -ENODEV;

	preempt_disable();
	dev = rcu_dereference_sched(pvmc_active);
	if (dev)
		err = pvmc_check_state(dev);
	if (!err) {
		/* Memory may come at any time; the rest does not change. */
		*info = data_race(dev->info);
		info->zeroing = READ_ONCE(dev->info.zeroing);
	}
	preempt_enable();
	return err;
}
EXPORT_SYMBOL_GPL(pvmemcontrol_get_info);
