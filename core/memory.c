// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that is added while the kernel runs.
 *
 * What the VMM says that a discard leaves behind it says of all memory that there
 * is; memory that comes may be backed in another way.  So it is asked again before
 * any of that is in use.
 */

/**
 * DOC: Memory that comes
 *
 * The notifier takes no lock: it is called with those of memory hotplug held,
 * and clients' callbacks, under pvmc_registry_lock, may take these.  With
 * preemption off and the device up it excludes that the device is connected
 * meanwhile, as every call does.  Where the device is not up, whoever brings it
 * up finds that memory has come since it asked, and asks again.
 */
#include <linux/atomic.h>
#include <linux/memory.h>
#include <linux/preempt.h>
#include <linux/rculist.h>

#include "call.h"
#include "core.h"

/* How often memory has come. */
static atomic_t pvmc_memory_count = ATOMIC_INIT(0);

/* More memory cannot make it more that is true of all.  Preemption is off. */
static void pvmc_memory_ask(struct pvmc_device *dev)
{
	struct pvmemcontrol_buf buf = {
		.call.func_code = PVMEMCONTROL_FEATURES,
	};
	struct pvmemcontrol_info now = {};

	if (!dev->info.features)
		return;
	if (!pvmc_exchange(dev, &buf))
		pvmc_answer_features(&buf.ret, &now);
	WRITE_ONCE(dev->info.zeroing, dev->info.zeroing & now.zeroing);
}

/**
 * pvmc_memory_begin() - Note which memory there is.
 * @dev: device whose VMM is about to be asked for its features
 *
 * Context: Process context, with pvmc_registry_lock held.
 */
void pvmc_memory_begin(struct pvmc_device *dev)
{
	dev->memory_count = atomic_read(&pvmc_memory_count);
}

/**
 * pvmc_memory_check() - Ask again if memory has come since pvmc_memory_begin().
 * @dev: device that is up, and known
 *
 * Context: Process context, with pvmc_registry_lock held.
 */
void pvmc_memory_check(struct pvmc_device *dev)
{
	/* That it is up is seen by who counts after this. */
	smp_mb();
	if (dev->memory_count == atomic_read(&pvmc_memory_count))
		return;
	preempt_disable();
	if (!pvmc_check_state(dev))
		pvmc_memory_ask(dev);
	preempt_enable();
}

/**
 * pvmc_memory_comes() - Ask each VMM again, as memory is about to be used.
 *
 * Context: Process context.
 */
void pvmc_memory_comes(void)
{
	struct pvmc_device *dev;

	/* Fully ordered: who comes up after this counts it. */
	atomic_inc_return(&pvmc_memory_count);
	preempt_disable();
	list_for_each_entry_rcu(dev, &pvmc_devices, node,
				rcu_read_lock_sched_held())
		if (!pvmc_check_state(dev))
			pvmc_memory_ask(dev);
	preempt_enable();
}

static int pvmc_memory_notify(struct notifier_block *nb, unsigned long action,
			      void *data)
{
	if (action == MEM_GOING_ONLINE)
		pvmc_memory_comes();
	return NOTIFY_OK;
}

static struct notifier_block pvmc_memory_nb = {
	.notifier_call = pvmc_memory_notify,
};

/**
 * pvmc_memory_init() - Be told of memory that comes.
 *
 * Context: Process context.
 * Return: 0, or a negative errno.
 */
int __init pvmc_memory_init(void)
{
	return register_memory_notifier(&pvmc_memory_nb);
}

/**
 * pvmc_memory_exit() - Undo pvmc_memory_init().
 *
 * Context: Process context.
 */
void pvmc_memory_exit(void)
{
	unregister_memory_notifier(&pvmc_memory_nb);
}
