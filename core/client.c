// SPDX-License-Identifier: GPL-2.0
/*
 * The registry of clients, and telling them what becomes of the device.
 */
#include <linux/export.h>
#include <linux/kobject.h>
#include <linux/percpu.h>
#include <linux/rculist.h>
#include <linux/slab.h>

#include "core.h"

#include <trace/events/pvmemcontrol.h>

/*
 * In order of registration; written under pvmc_registry_lock, read under it or
 * RCU.
 */
static LIST_HEAD(pvmc_clients);

/* /sys/kernel/pvmemcontrol */
static struct kobject *pvmc_clients_kobj;

static void pvmc_client_release(struct kobject *kobj)
{
	struct pvmc_client_node *node =
		container_of(kobj, struct pvmc_client_node, kobj);

	free_percpu(node->counters);
	kfree(node);
}

static const struct kobj_type pvmc_client_ktype = {
	.release = pvmc_client_release,
	.sysfs_ops = &kobj_sysfs_ops,
	.default_groups = pvmc_client_groups,
};

/* Whether there is a device, and calls reach it. */
static bool pvmc_device_works(void)
{
	struct pvmc_device *dev;

	lockdep_assert_held(&pvmc_registry_lock);
	dev = rcu_dereference_protected(pvmc_active, true);
	return dev && READ_ONCE(dev->state) == PVMC_UP;
}

/*
 * Where the device does not work, it is done when it does again.  So it is when
 * it has ceased to while the client was at it: what that says then is not of
 * the device.
 */
static void pvmc_attach(struct pvmc_client_node *node)
{
	struct pvmemcontrol_client *client = node->client;
	int err = 0;

	if (node->attached || node->refused || !pvmc_device_works())
		return;
	if (client->ops && client->ops->attach)
		err = client->ops->attach(client);
	node->attached = !err;
	node->refused = err && err != -EIO && err != -ENODEV;
}

static void pvmc_detach(struct pvmc_client_node *node)
{
	struct pvmemcontrol_client *client = node->client;

	if (node->attached && client->ops && client->ops->detach)
		client->ops->detach(client);
	node->attached = false;
	node->refused = false;
}

/* A device came.  Called with pvmc_active set. */
void pvmc_clients_attach(void)
{
	struct pvmc_client_node *node;

	lockdep_assert_held(&pvmc_registry_lock);

	list_for_each_entry(node, &pvmc_clients, node)
		pvmc_attach(node);
}

/* The device is about to go.  The last that came is the first to leave. */
void pvmc_clients_detach(void)
{
	struct pvmc_client_node *node;

	lockdep_assert_held(&pvmc_registry_lock);

	list_for_each_entry_reverse(node, &pvmc_clients, node)
		pvmc_detach(node);
}

/* Whether @node is told what becomes of @dev: if kernel code uses that one. */
static bool pvmc_is_told(const struct pvmc_client_node *node,
			 const struct pvmc_device *dev)
{
	return rcu_access_pointer(pvmc_active) == dev && node->attached &&
	       node->client->ops;
}

/* This kernel gives way to something else; calls still reach the VMM. */
void pvmc_clients_release(struct pvmc_device *dev)
{
	struct pvmc_client_node *node;

	lockdep_assert_held(&pvmc_registry_lock);

	list_for_each_entry(node, &pvmc_clients, node)
		if (pvmc_is_told(node, dev) && node->client->ops->release)
			node->client->ops->release(node->client);
}

/* The VMM may have forgotten what it was told through @dev; no calls reach it. */
void pvmc_clients_forget(struct pvmc_device *dev)
{
	struct pvmc_client_node *node;

	lockdep_assert_held(&pvmc_registry_lock);

	list_for_each_entry(node, &pvmc_clients, node)
		if (pvmc_is_told(node, dev) && node->client->ops->forget)
			node->client->ops->forget(node->client);
}

static void pvmc_restore(struct pvmc_client_node *node,
			 const struct pvmc_device *dev)
{
	struct pvmemcontrol_client *client = node->client;

	if (!client->ops || !client->ops->restore)
		return;
	trace_pvmemcontrol_restore(MINOR(dev->dev.devt), client->name);
	client->ops->restore(client);
}

/* It is connected again.  Who came meanwhile has not been attached to it. */
void pvmc_clients_restore(struct pvmc_device *dev)
{
	struct pvmc_client_node *node;

	lockdep_assert_held(&pvmc_registry_lock);

	if (rcu_access_pointer(pvmc_active) != dev)
		return;
	list_for_each_entry(node, &pvmc_clients, node) {
		if (node->attached)
			pvmc_restore(node, dev);
		else
			pvmc_attach(node);
	}
}

/**
 * pvmc_clients_owner() - Ask the clients whose a page is.
 * @access: what was done to it
 * @client: set to whose it is, or NULL
 * @what: set to the client's words for it
 *
 * Context: NMI, or any with preemption off.
 * Return: What that client says, PVMEMCONTROL_NOT_MINE where there is none.
 */
enum pvmemcontrol_owner
pvmc_clients_owner(const struct pvmemcontrol_access *access,
		   struct pvmemcontrol_client **client, char *what)
{
	struct pvmc_client_node *node;

	list_for_each_entry_rcu(node, &pvmc_clients, node,
				rcu_read_lock_sched_held()) {
		const struct pvmemcontrol_client_ops *ops = node->client->ops;
		enum pvmemcontrol_owner owner;

		if (!ops || !ops->owner)
			continue;
		owner = ops->owner(node->client, access, what);
		what[PVMEMCONTROL_DESCRIPTION - 1] = 0;
		if (owner == PVMEMCONTROL_NOT_MINE)
			continue;
		*client = node->client;
		return owner;
	}
	*client = NULL;
	return PVMEMCONTROL_NOT_MINE;
}

static bool pvmc_client_find(const char *name)
{
	struct pvmc_client_node *node;

	list_for_each_entry(node, &pvmc_clients, node)
		if (!strcmp(node->client->name, name))
			return true;
	return false;
}

/**
 * pvmemcontrol_register_client() - Become a user of the device.
 * @client: name and callbacks; must stay until it is unregistered
 *
 * Works whether or not there is a device.  Where there is one that works, the
 * attach callback has been called when this returns; where there is not, it is
 * called when there is, which may be before this returns.  The client's counters
 * are in /sys/kernel/pvmemcontrol/NAME/.
 *
 * Context: Process context, but not from a client's callback.  May sleep.
 * Return: 0; -EINVAL when the name is missing or is not one path component;
 * -EEXIST when a client of that name is registered; -ENOMEM.
 */
int pvmemcontrol_register_client(struct pvmemcontrol_client *client)
{
	struct pvmc_client_node *node;
	int err;

	if (!client->name || !*client->name || strchr(client->name, '/') ||
	    client->name[0] == '.')
		return -EINVAL;

	node = kzalloc(sizeof(*node), GFP_KERNEL);
	if (!node)
		return -ENOMEM;
	kobject_init(&node->kobj, &pvmc_client_ktype);
	node->client = client;
	node->counters = alloc_percpu(struct pvmc_client_counters);
	if (!node->counters) {
		err = -ENOMEM;
		goto put;
	}

	mutex_lock(&pvmc_registry_lock);
	/* sysfs would find it too, and complain at length. */
	err = -EEXIST;
	if (pvmc_client_find(client->name))
		goto unlock;
	err = kobject_add(&node->kobj, pvmc_clients_kobj, "%s", client->name);
	if (err)
		goto unlock;
	client->counters = node->counters;
	client->node = node;
	list_add_tail_rcu(&node->node, &pvmc_clients);
	pvmc_attach(node);
	mutex_unlock(&pvmc_registry_lock);
	return 0;

unlock:
	mutex_unlock(&pvmc_registry_lock);
put:
	kobject_put(&node->kobj);
	return err;
}
EXPORT_SYMBOL_GPL(pvmemcontrol_register_client);

/**
 * pvmemcontrol_unregister_client() - Be a user of the device no longer.
 * @client: registered client
 *
 * The detach callback is called if the client is attached, and may still make
 * calls; no callback runs when this returns.  The caller sees to it that it
 * makes no more calls for this client.
 *
 * Context: Process context, but not from a client's callback.  May sleep.
 */
void pvmemcontrol_unregister_client(struct pvmemcontrol_client *client)
{
	struct pvmc_client_node *node = client->node;

	mutex_lock(&pvmc_registry_lock);
	pvmc_detach(node);
	list_del_rcu(&node->node);
	kobject_del(&node->kobj);
	mutex_unlock(&pvmc_registry_lock);

	/* Who asks for the owner of a page may still be asking this one. */
	synchronize_rcu();
	client->counters = NULL;
	client->node = NULL;
	kobject_put(&node->kobj);
}
EXPORT_SYMBOL_GPL(pvmemcontrol_unregister_client);

int __init pvmc_clients_init(void)
{
	pvmc_clients_kobj = kobject_create_and_add("pvmemcontrol", kernel_kobj);
	return pvmc_clients_kobj ? 0 : -ENOMEM;
}

void pvmc_clients_exit(void)
{
	kobject_put(pvmc_clients_kobj);
}
