// SPDX-License-Identifier: GPL-2.0
/*
 * Connecting a device: the handshake in which the VMM learns of all buffers,
 * and doing it again when the VMM has forgotten them.
 */
#include <linux/cpumask.h>
#include <linux/device.h>
#include <linux/io.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>

#include "core.h"

/*
 * A VMM that lost its state answers at the first try.  One that stays silent
 * is tried less and less often; so is one that lets itself be connected only
 * to leave a request without answer again within PVMC_BACKOFF_CALM, but that
 * one is in use meanwhile and is not left alone for as long.
 */
#define PVMC_BACKOFF_MIN	msecs_to_jiffies(10)
#define PVMC_BACKOFF_SILENT	(60 * HZ)
#define PVMC_BACKOFF_RELAPSE	(1 * HZ)
#define PVMC_BACKOFF_CALM	(10 * HZ)

/* Per-CPU memory is in the direct map or mapped page by page. */
static phys_addr_t pvmc_wire_to_phys(struct pvmc_wire *wire)
{
	if (is_vmalloc_addr(wire))
		return page_to_phys(vmalloc_to_page(wire)) +
		       offset_in_page(wire);
	return virt_to_phys(wire);
}

static int pvmc_register_cpu(struct pvmc_device *dev, struct pvmc_cpu *cpu)
{
	int err, level;

	for (level = 0; level < PVMC_LEVELS; level++) {
		struct pvmc_slot *slot = &cpu->slot[level];

		err = dev->ops->register_buffer(dev->transport,
						pvmc_wire_to_phys(&slot->wire),
						&slot->id);
		if (err)
			return err;
	}
	return 0;
}

/* What the VMM has beyond protocol 1.0. */
static int pvmc_ask_features(struct pvmc_device *dev)
{
	struct pvmemcontrol_buf buf = {
		.call.func_code = PVMEMCONTROL_FEATURES,
	};
	int err;

	pvmc_memory_begin(dev);
	preempt_disable();
	err = pvmc_exchange(dev, &buf);
	preempt_enable();
	if (err)
		return err;
	pvmc_answer_features(&buf.ret, &dev->info);
	return 0;
}

/**
 * pvmc_connect() - Register all buffers with the VMM and ask what it is.
 * @dev: device that no call can be using
 *
 * Leaves the state of the device as it is.  A CPU that is stopped at a protected
 * page makes requests all the while.  When it fails later than at the
 * first step, the VMM has been told that no requests follow.
 *
 * Context: Process context, with pvmc_registry_lock held.
 * Return: 0, or a negative errno: of the transport, of pvmc_exchange() or of
 * pvmc_answer_info().
 */
int pvmc_connect(struct pvmc_device *dev)
{
	struct pvmemcontrol_buf buf = {
		.call.func_code = PVMEMCONTROL_INFO,
	};
	int cpu, err;

	lockdep_assert_held(&pvmc_registry_lock);

	err = dev->ops->reset(dev->transport);
	if (err)
		return err;
	/* A CPU that comes later could not register: that ends with READY. */
	for_each_possible_cpu(cpu) {
		err = pvmc_register_cpu(dev, per_cpu_ptr(dev->cpu, cpu));
		if (err)
			goto disconnect;
	}
	err = dev->ops->ready(dev->transport);
	if (err)
		goto disconnect;

	preempt_disable();
	err = pvmc_exchange(dev, &buf);
	preempt_enable();
	if (!err)
		err = pvmc_answer_info(&buf.ret, &dev->info);
	if (!err)
		err = pvmc_ask_features(dev);
	/*
	 * From RESET to this, whoever touches a protected page has the VMM pause
	 * the guest, so nobody else gets a turn before it.
	 */
	if (!err)
		err = pvmc_watch(dev);
	if (err)
		goto disconnect;
	/* Without memory for vectors it is used as if it had none of them. */
	if (dev->info.vector_max > 1 && pvmc_vectors_alloc(dev))
		dev->info.vector_max = 1;
	pvmc_watch_cpus(dev);
	return 0;

disconnect:
	dev->ops->disconnect(dev->transport);
	return err;
}

/**
 * pvmc_quiesce() - Keep calls off a device, and wait for those in flight.
 * @dev: device
 * @state: why: any but PVMC_UP
 *
 * A recovery that is due is not any more.
 *
 * Context: Process context, with pvmc_registry_lock held.  Waits for an RCU
 * grace period.
 */
void pvmc_quiesce(struct pvmc_device *dev, enum pvmc_state state)
{
	lockdep_assert_held(&pvmc_registry_lock);

	WRITE_ONCE(dev->state, state);
	synchronize_rcu();
	/*
	 * Who found that there was no answer did so before this; it is known,
	 * and must not have the device taken down again when it is up.
	 */
	irq_work_sync(&dev->no_answer);
	cancel_delayed_work(&dev->recover);
}

/**
 * pvmc_device_up() - Let calls use a device that has been connected anew.
 * @dev: device
 *
 * Context: Process context, with pvmc_registry_lock held.
 */
void pvmc_device_up(struct pvmc_device *dev)
{
	lockdep_assert_held(&pvmc_registry_lock);

	pvmc_set_up(dev);
	pvmc_memory_check(dev);
	pvmc_clients_restore(dev);
	pvmc_elect();
}

static void pvmc_back_off(struct pvmc_device *dev, unsigned long longest)
{
	WRITE_ONCE(dev->backoff, clamp(dev->backoff * 2,
				       (unsigned long)PVMC_BACKOFF_MIN,
				       longest));
}

/**
 * pvmc_recover() - Connect a device whose VMM did not answer.
 * @work: the device's recover.work
 *
 * Context: Process context.
 */
void pvmc_recover(struct work_struct *work)
{
	struct pvmc_device *dev = container_of(work, struct pvmc_device,
					       recover.work);
	int err;

	mutex_lock(&pvmc_registry_lock);
	/* It may have been connected, or suspended, since this was asked for. */
	if (dev->state != PVMC_DOWN)
		goto unlock;

	pvmc_quiesce(dev, PVMC_DOWN);
	pvmc_clients_forget(dev);
	err = pvmc_connect(dev);

	if (err)
		pvmc_back_off(dev, PVMC_BACKOFF_SILENT);
	else if (time_before(jiffies, dev->last_recovery + PVMC_BACKOFF_CALM))
		pvmc_back_off(dev, PVMC_BACKOFF_RELAPSE);
	else
		WRITE_ONCE(dev->backoff, 0);

	if (err) {
		dev_warn_ratelimited(&dev->dev, "cannot connect to the VMM: %pe\n",
				     ERR_PTR(err));
		queue_delayed_work(system_long_wq, &dev->recover,
				   dev->backoff);
		goto unlock;
	}

	dev_notice_ratelimited(&dev->dev,
			       "VMM left a request unanswered, connected anew\n");
	dev->last_recovery = jiffies;
	WRITE_ONCE(dev->recoveries, dev->recoveries + 1);
	pvmc_device_up(dev);
unlock:
	mutex_unlock(&pvmc_registry_lock);
}
