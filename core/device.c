// SPDX-License-Identifier: GPL-2.0
/*
 * The registry of devices: which exist, and which of them kernel code uses.
 */

/**
 * DOC: Locking
 *
 * pvmc_registry_lock guards the lists of devices and of clients, which device
 * is the active one, and every change of a device's state; it is held while
 * transports do their handshake and while clients' callbacks run, which keeps
 * attach, detach and restore in order.  Calls take no lock: they see
 * pvmc_active and a device's state with preemption off, see call.c.  Nothing
 * is taken inside pvmc_registry_lock that calls or interrupts take.
 *
 * All devices belong to the one VMM that runs this guest, and any of them can
 * reach all of its memory.  Kernel code uses the oldest that works; each has a
 * character device of its own.
 */
#include <linux/device.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/percpu.h>
#include <linux/rculist.h>
#include <linux/slab.h>

#include "core.h"

/* Guards pvmc_devices, the clients, pvmc_active and devices' states: above. */
DEFINE_MUTEX(pvmc_registry_lock);

struct pvmc_device __rcu *pvmc_active;

/* Oldest first; written under pvmc_registry_lock, read under it or RCU. */
LIST_HEAD(pvmc_devices);

/* From where a call noticed that there was no answer, NMI included. */
void pvmc_device_no_answer(struct irq_work *work)
{
	struct pvmc_device *dev = container_of(work, struct pvmc_device,
					       no_answer);

	queue_delayed_work(system_long_wq, &dev->recover,
			   READ_ONCE(dev->backoff));
}

static struct pvmc_device *pvmc_active_locked(void)
{
	return rcu_dereference_protected(pvmc_active,
				lockdep_is_held(&pvmc_registry_lock));
}

/*
 * Have kernel code use the oldest device that works, if it does not use one.
 * One that it uses it keeps until that leaves, working or not.
 */
void pvmc_elect(void)
{
	struct pvmc_device *dev;

	lockdep_assert_held(&pvmc_registry_lock);

	if (pvmc_active_locked())
		return;
	list_for_each_entry(dev, &pvmc_devices, node) {
		if (READ_ONCE(dev->state) != PVMC_UP)
			continue;
		rcu_assign_pointer(pvmc_active, dev);
		pvmc_clients_attach();
		return;
	}
}

static void pvmc_device_release(struct device *d)
{
	struct pvmc_device *dev = to_pvmc_device(d);

	if (dev->cpu)
		pvmc_vectors_free(dev);
	free_percpu(dev->cpu);
	kfree(dev->records);
	kfree(dev);
}

/**
 * pvmc_device_register() - Connect a device and make it known.
 * @parent: what the transport is bound to
 * @ops: the transport's functions
 * @transport: argument for them
 *
 * Context: Process context.
 * Return: the device; ERR_PTR(-ENOMEM), ERR_PTR(-ENOSPC) when there are too
 * many devices, or why it could not be connected: ERR_PTR(-EIO) when the VMM
 * did not answer, ERR_PTR(-EPROTO) when it speaks another protocol.
 */
struct pvmc_device *pvmc_device_register(struct device *parent,
					 const struct pvmc_transport_ops *ops,
					 void *transport)
{
	struct pvmc_device *dev;
	int err;

	dev = kzalloc(sizeof(*dev), GFP_KERNEL);
	if (!dev)
		return ERR_PTR(-ENOMEM);

	dev->ops = ops;
	dev->transport = transport;
	dev->doorbell = ops->doorbell ? ops->doorbell(transport) : NULL;
	init_irq_work(&dev->no_answer, pvmc_device_no_answer);
	INIT_DELAYED_WORK(&dev->recover, pvmc_recover);
	dev->last_recovery = jiffies - MAX_JIFFY_OFFSET / 2;
	device_initialize(&dev->dev);
	dev->dev.class = &pvmc_class;
	dev->dev.parent = parent;
	dev->dev.groups = pvmc_device_groups;
	dev->dev.release = pvmc_device_release;

	dev->cpu = __alloc_percpu(sizeof(struct pvmc_cpu),
				  __alignof__(struct pvmc_cpu));
	if (!dev->cpu) {
		put_device(&dev->dev);
		return ERR_PTR(-ENOMEM);
	}

	mutex_lock(&pvmc_registry_lock);
	err = pvmc_connect(dev);
	if (err) {
		if (IS_ENABLED(CONFIG_PROC_VMCORE))
			pvmc_dump_unconnected(err);
		goto unlock;
	}
	pvmc_set_up(dev);

	err = pvmc_chardev_add(dev);
	if (err)
		goto disconnect;
	list_add_tail_rcu(&dev->node, &pvmc_devices);
	pvmc_memory_check(dev);
	pvmc_elect();
	mutex_unlock(&pvmc_registry_lock);
	return dev;

disconnect:
	pvmc_quiesce(dev, PVMC_GONE);
	ops->disconnect(transport);
unlock:
	pvmc_quiesce(dev, PVMC_GONE);
	mutex_unlock(&pvmc_registry_lock);
	cancel_delayed_work_sync(&dev->recover);
	put_device(&dev->dev);
	return ERR_PTR(err);
}
EXPORT_SYMBOL_GPL(pvmc_device_register);

/**
 * pvmc_device_unregister() - Forget a device.
 * @dev: device from pvmc_device_register()
 *
 * When this returns nobody uses the transport any more; files that are still
 * open fail with -ENODEV.
 *
 * Context: Process context.  Waits for calls in flight.
 */
void pvmc_device_unregister(struct pvmc_device *dev)
{
	bool active;

	mutex_lock(&pvmc_registry_lock);
	/*
	 * The clients first, while their calls still reach the VMM; then what
	 * leads to the device; then those who are under way in it.
	 */
	active = pvmc_active_locked() == dev;
	if (active) {
		pvmc_clients_detach();
		rcu_assign_pointer(pvmc_active, NULL);
	}
	list_del_rcu(&dev->node);
	pvmc_quiesce(dev, PVMC_GONE);
	mutex_unlock(&pvmc_registry_lock);

	/*
	 * Outside of the lock: removing sysfs files waits for their readers,
	 * and the recovery that is waited for takes the lock.
	 */
	pvmc_chardev_del(dev);
	cancel_delayed_work_sync(&dev->recover);
	dev->ops->disconnect(dev->transport);

	mutex_lock(&pvmc_registry_lock);
	if (active)
		pvmc_elect();
	mutex_unlock(&pvmc_registry_lock);
	put_device(&dev->dev);
}
EXPORT_SYMBOL_GPL(pvmc_device_unregister);

/*
 * A VMM that left a request without answer has closed what it had closed before,
 * and may do what it is asked by now.  Tried once: whoever wants a device to rest
 * does not wait until it does.
 */
static void pvmc_device_wake(struct pvmc_device *dev)
{
	if (READ_ONCE(dev->state) == PVMC_UP)
		return;
	pvmc_quiesce(dev, PVMC_DOWN);
	if (!pvmc_connect(dev))
		pvmc_set_up(dev);
}

/* Nobody can close anything by now.  It may have fallen silent only just. */
static int pvmc_device_open(struct pvmc_device *dev)
{
	int err = pvmc_open_all(dev);

	if (err == -EIO)
		err = pvmc_connect(dev) ?: pvmc_open_all(dev);
	if (err)
		dev_err(&dev->dev, "the VMM does not open all of memory: %pe\n",
			ERR_PTR(err));
	return err;
}

/* The clients undo before what must not outlast this kernel. */
static int pvmc_device_rest(struct pvmc_device *dev, bool open)
{
	int err = 0;

	mutex_lock(&pvmc_registry_lock);
	if (open)
		pvmc_device_wake(dev);
	pvmc_clients_release(dev);
	pvmc_quiesce(dev, PVMC_SUSPENDED);
	if (open)
		err = pvmc_device_open(dev);
	pvmc_clients_forget(dev);
	dev->ops->disconnect(dev->transport);
	mutex_unlock(&pvmc_registry_lock);
	return err;
}

/**
 * pvmc_device_suspend() - Keep calls off a device that is about to lose power.
 * @dev: device from pvmc_device_register()
 *
 * Until pvmc_device_resume() calls fail with -EIO.
 *
 * Context: Process context.  Waits for calls in flight.
 */
void pvmc_device_suspend(struct pvmc_device *dev)
{
	pvmc_device_rest(dev, false);
}
EXPORT_SYMBOL_GPL(pvmc_device_suspend);

/**
 * pvmc_device_shutdown() - Leave a device, and all of memory, to another kernel.
 * @dev: device from pvmc_device_register()
 *
 * One that is not connected is connected, once, as what is closed would stop the
 * other kernel.
 *
 * Context: Process context.  Waits for calls in flight.
 */
void pvmc_device_shutdown(struct pvmc_device *dev)
{
	/* Nothing is left to do for who hears that it is not so. */
	pvmc_device_rest(dev, true);
}
EXPORT_SYMBOL_GPL(pvmc_device_shutdown);

/**
 * pvmc_device_freeze() - Let somebody read or write all of memory as it is.
 * @dev: device from pvmc_device_register()
 *
 * For a hibernation image: it is made of all pages, and loaded over all pages of
 * the kernel that loads it.  One that is closed would stop the machine.  Until
 * pvmc_device_resume() calls fail with -EIO.
 *
 * Context: Process context.  Waits for calls in flight.
 * Return: 0; or as pvmemcontrol_call(), when the VMM does not open all of it: the
 * device then is what it is after pvmc_device_resume().
 */
int pvmc_device_freeze(struct pvmc_device *dev)
{
	int err = pvmc_device_rest(dev, true);

	if (err)
		pvmc_device_resume(dev);
	return err;
}
EXPORT_SYMBOL_GPL(pvmc_device_freeze);

/**
 * pvmc_device_resume() - Connect a device that was suspended.
 * @dev: device from pvmc_device_register()
 *
 * The clients are told to restore.  Where the VMM does not answer, trying goes
 * on in the background.
 *
 * Context: Process context.  Waits for calls in flight.
 * Return: 0, or why the device is not connected, as pvmc_device_register().
 */
int pvmc_device_resume(struct pvmc_device *dev)
{
	int err;

	mutex_lock(&pvmc_registry_lock);
	/* One that was not suspended may be in use, or be about to be recovered. */
	pvmc_quiesce(dev, PVMC_DOWN);
	err = pvmc_connect(dev);
	if (err) {
		queue_delayed_work(system_long_wq, &dev->recover,
				   dev->backoff);
	} else {
		pvmc_device_up(dev);
	}
	mutex_unlock(&pvmc_registry_lock);
	return err;
}
EXPORT_SYMBOL_GPL(pvmc_device_resume);
