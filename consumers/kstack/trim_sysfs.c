// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/module/pvmemcontrol_kstack/trim/: what runs have done, and a file that
 * makes one.
 */
#include <linux/kstrtox.h>
#include <linux/module.h>
#include <linux/sysfs.h>

#include "../../core/compat.h"
#include "trim.h"

struct pvmc_trim_attribute {
	struct module_attribute attr;
	const u64 *value;
};

static ssize_t pvmc_trim_show(PVMC_MODULE_ATTR *attr,
			      struct module_kobject *mk, char *buf)
{
	const struct pvmc_trim_attribute *counted =
		container_of(attr, struct pvmc_trim_attribute, attr);

	return sysfs_emit(buf, "%llu\n", READ_ONCE(*counted->value));
}

static ssize_t run_store(PVMC_MODULE_ATTR *attr, struct module_kobject *mk,
			 const char *buf, size_t count)
{
	bool now;
	int err;

	err = kstrtobool(buf, &now);
	if (!err && now)
		err = pvmc_trim_request(false);
	return err ?: count;
}

static struct module_attribute run_attr = __ATTR_WO(run);

#define PVMC_TRIM_STAT(_name, _member)					\
	static struct pvmc_trim_attribute _name##_attr = {		\
		.attr = __ATTR(_name, 0444, pvmc_trim_show, NULL),	\
		.value = &pvmc_trim_stats._member,			\
	}

PVMC_TRIM_STAT(runs, runs);
PVMC_TRIM_STAT(failed_runs, failed);
PVMC_TRIM_STAT(threads_trimmed, threads[PVMC_TRIM_GIVEN]);
PVMC_TRIM_STAT(threads_unchanged, threads[PVMC_TRIM_UNCHANGED]);
PVMC_TRIM_STAT(threads_recent, threads[PVMC_TRIM_RECENT]);
PVMC_TRIM_STAT(threads_running, threads[PVMC_TRIM_RUNNING]);
PVMC_TRIM_STAT(threads_gone, threads[PVMC_TRIM_GONE]);
PVMC_TRIM_STAT(threads_elsewhere, threads[PVMC_TRIM_ELSEWHERE]);
PVMC_TRIM_STAT(threads_other_kind, threads[PVMC_TRIM_KIND]);
PVMC_TRIM_STAT(threads_nothing, threads[PVMC_TRIM_NOTHING]);
PVMC_TRIM_STAT(threads_failed, threads[PVMC_TRIM_FAILED]);
PVMC_TRIM_STAT(pages, pages);
PVMC_TRIM_STAT(exits, exits);
PVMC_TRIM_STAT(pauses, pauses);
PVMC_TRIM_STAT(pauses_too_long, overruns);
PVMC_TRIM_STAT(pause_last_ns, last_ns);
PVMC_TRIM_STAT(pause_longest_ns, longest_ns);
PVMC_TRIM_STAT(pause_total_ns, total_ns);

static struct attribute *pvmc_trim_attrs[] = {
	&run_attr.attr,
	&runs_attr.attr.attr,
	&failed_runs_attr.attr.attr,
	&threads_trimmed_attr.attr.attr,
	&threads_unchanged_attr.attr.attr,
	&threads_recent_attr.attr.attr,
	&threads_running_attr.attr.attr,
	&threads_gone_attr.attr.attr,
	&threads_elsewhere_attr.attr.attr,
	&threads_other_kind_attr.attr.attr,
	&threads_nothing_attr.attr.attr,
	&threads_failed_attr.attr.attr,
	&pages_attr.attr.attr,
	&exits_attr.attr.attr,
	&pauses_attr.attr.attr,
	&pauses_too_long_attr.attr.attr,
	&pause_last_ns_attr.attr.attr,
	&pause_longest_ns_attr.attr.attr,
	&pause_total_ns_attr.attr.attr,
	NULL,
};

static const struct attribute_group pvmc_trim_group = {
	.name = "trim",
	.attrs = pvmc_trim_attrs,
};

#ifdef MODULE
static struct kobject *pvmc_trim_parent(void)
{
	return kobject_get(&THIS_MODULE->mkobj.kobj);
}
#else
/* Made for the parameters; the kernel's own code has no module. */
static struct kobject *pvmc_trim_parent(void)
{
	return kset_find_obj(module_kset, KBUILD_MODNAME);
}
#endif

static struct kobject *pvmc_trim_kobj;

int pvmc_trim_sysfs_init(void)
{
	int err;

	pvmc_trim_kobj = pvmc_trim_parent();
	if (!pvmc_trim_kobj)
		return -ENOENT;
	err = sysfs_create_group(pvmc_trim_kobj, &pvmc_trim_group);
	if (err)
		kobject_put(pvmc_trim_kobj);
	return err;
}

/* Waits for who is in a file. */
void pvmc_trim_sysfs_exit(void)
{
	sysfs_remove_group(pvmc_trim_kobj, &pvmc_trim_group);
	kobject_put(pvmc_trim_kobj);
}
