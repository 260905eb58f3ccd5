// SPDX-License-Identifier: GPL-2.0
/*
 * What can be read of devices in /sys/class/pvmemcontrol/pvmemcontrolN/ and of
 * clients in /sys/kernel/pvmemcontrol/NAME/.
 *
 * Nothing here takes pvmc_registry_lock: taking a file away waits for those
 * who read it, and may happen with the lock held.
 */
#include <linux/cpumask.h>
#include <linux/percpu.h>
#include <linux/sysfs.h>

#include "core.h"

/* Counters are written by their own CPU, at any time; a sum is a snapshot. */
static u64 pvmc_sum(u64 __percpu *counter)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(*per_cpu_ptr(counter, cpu));
	return sum;
}

static ssize_t version_show(struct device *d, struct device_attribute *attr,
			    char *buf)
{
	struct pvmc_device *dev = to_pvmc_device(d);

	return sysfs_emit(buf, "%u.%u\n", READ_ONCE(dev->info.major),
			  READ_ONCE(dev->info.minor));
}
static DEVICE_ATTR_RO(version);

static ssize_t host_page_size_show(struct device *d,
				   struct device_attribute *attr, char *buf)
{
	struct pvmc_device *dev = to_pvmc_device(d);

	return sysfs_emit(buf, "%llu\n", READ_ONCE(dev->info.host_page_size));
}
static DEVICE_ATTR_RO(host_page_size);

static ssize_t features_show(struct device *d, struct device_attribute *attr,
			     char *buf)
{
	return sysfs_emit(buf, "0x%llx\n",
			  READ_ONCE(to_pvmc_device(d)->info.features));
}
static DEVICE_ATTR_RO(features);

static ssize_t vector_max_show(struct device *d, struct device_attribute *attr,
			       char *buf)
{
	return sysfs_emit(buf, "%u\n",
			  READ_ONCE(to_pvmc_device(d)->info.vector_max));
}
static DEVICE_ATTR_RO(vector_max);

static ssize_t state_show(struct device *d, struct device_attribute *attr,
			  char *buf)
{
	static const char *const names[] = {
		[PVMC_DOWN] = "down",
		[PVMC_UP] = "up",
		[PVMC_SUSPENDED] = "suspended",
		[PVMC_GONE] = "gone",
	};

	return sysfs_emit(buf, "%s\n",
			  names[READ_ONCE(to_pvmc_device(d)->state)]);
}
static DEVICE_ATTR_RO(state);

static ssize_t recoveries_show(struct device *d, struct device_attribute *attr,
			       char *buf)
{
	return sysfs_emit(buf, "%lu\n",
			  READ_ONCE(to_pvmc_device(d)->recoveries));
}
static DEVICE_ATTR_RO(recoveries);

#define PVMC_DEVICE_COUNTER(name)					\
static ssize_t name##_show(struct device *d,				\
			   struct device_attribute *attr, char *buf)	\
{									\
	return sysfs_emit(buf, "%llu\n",				\
		pvmc_sum(&to_pvmc_device(d)->cpu->counters.name));	\
}									\
static DEVICE_ATTR_RO(name)

PVMC_DEVICE_COUNTER(exits);
PVMC_DEVICE_COUNTER(errors);
PVMC_DEVICE_COUNTER(no_answers);
PVMC_DEVICE_COUNTER(violations);

static struct attribute *pvmc_device_attrs[] = {
	&dev_attr_version.attr,
	&dev_attr_host_page_size.attr,
	&dev_attr_features.attr,
	&dev_attr_vector_max.attr,
	&dev_attr_state.attr,
	&dev_attr_recoveries.attr,
	&dev_attr_exits.attr,
	&dev_attr_errors.attr,
	&dev_attr_no_answers.attr,
	&dev_attr_violations.attr,
	NULL
};

static const struct attribute_group pvmc_device_group = {
	.attrs = pvmc_device_attrs,
};

const struct attribute_group *pvmc_device_groups[] = {
	&pvmc_device_group,
	NULL
};

#define PVMC_CLIENT_COUNTER(name)					\
static ssize_t client_##name##_show(struct kobject *kobj,		\
				    struct kobj_attribute *attr,	\
				    char *buf)				\
{									\
	struct pvmc_client_node *node =					\
		container_of(kobj, struct pvmc_client_node, kobj);	\
									\
	return sysfs_emit(buf, "%llu\n",				\
			  pvmc_sum(&node->counters->name));		\
}									\
static struct kobj_attribute client_attr_##name =			\
	__ATTR(name, 0444, client_##name##_show, NULL)

PVMC_CLIENT_COUNTER(calls);
PVMC_CLIENT_COUNTER(ranges);
PVMC_CLIENT_COUNTER(pages);
PVMC_CLIENT_COUNTER(exits);
PVMC_CLIENT_COUNTER(errors);
PVMC_CLIENT_COUNTER(time_ns);
PVMC_CLIENT_COUNTER(violations);

static const char *const pvmc_client_policies[] = {
	[PVMEMCONTROL_REPORT] = "report",
	[PVMEMCONTROL_PANIC] = "panic",
};

static struct pvmemcontrol_client *to_pvmc_client(struct kobject *kobj)
{
	return container_of(kobj, struct pvmc_client_node, kobj)->client;
}

static ssize_t policy_show(struct kobject *kobj, struct kobj_attribute *attr,
			   char *buf)
{
	enum pvmemcontrol_policy policy = READ_ONCE(to_pvmc_client(kobj)->policy);

	return sysfs_emit(buf, "%s\n",
			  pvmc_client_policies[policy == PVMEMCONTROL_PANIC]);
}

static ssize_t policy_store(struct kobject *kobj, struct kobj_attribute *attr,
			    const char *buf, size_t count)
{
	int policy = sysfs_match_string(pvmc_client_policies, buf);

	if (policy < 0)
		return policy;
	WRITE_ONCE(to_pvmc_client(kobj)->policy, policy);
	return count;
}

static struct kobj_attribute client_attr_policy = __ATTR_RW(policy);

static struct attribute *pvmc_client_attrs[] = {
	&client_attr_calls.attr,
	&client_attr_ranges.attr,
	&client_attr_pages.attr,
	&client_attr_exits.attr,
	&client_attr_errors.attr,
	&client_attr_time_ns.attr,
	&client_attr_violations.attr,
	&client_attr_policy.attr,
	NULL
};

static const struct attribute_group pvmc_client_group = {
	.attrs = pvmc_client_attrs,
};

const struct attribute_group *pvmc_client_groups[] = {
	&pvmc_client_group,
	NULL
};
