// SPDX-License-Identifier: GPL-2.0
/*
 * pvmemcontrol.ko: start, end and parameters.
 */
#include <linux/cpuhotplug.h>
#include <linux/device/class.h>
#include <linux/jump_label.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/moduleparam.h>

#include "core.h"
#include "mem_node.h"

#define CREATE_TRACE_POINTS
#include <trace/events/pvmemcontrol.h>

/* A piece must be a power of two for pieces to end at its multiples. */
static int pvmc_piece_set(const char *val, const struct kernel_param *kp)
{
	unsigned int mib;
	int err;

	err = kstrtouint(val, 0, &mib);
	if (err)
		return err;
	if (!is_power_of_2(mib))
		return -EINVAL;
	WRITE_ONCE(pvmc_piece_mib, mib);
	return 0;
}

static const struct kernel_param_ops pvmc_piece_ops = {
	.set = pvmc_piece_set,
	.get = param_get_uint,
};

unsigned int pvmc_piece_mib = 128;
module_param_cb(piece_mib, &pvmc_piece_ops, &pvmc_piece_mib, 0644);
MODULE_PARM_DESC(piece_mib, "most MiB that one exit deals with, a power of two");

DEFINE_STATIC_KEY_FALSE(pvmc_timing);

/* So many want to know of each call: timing, and events that are on. */
DEFINE_STATIC_KEY_FALSE(pvmc_followed);

/**
 * pvmc_follow() - Have calls look who wants to know of them.
 *
 * Context: Process context.  May sleep.
 * Return: 0.
 */
int pvmc_follow(void)
{
	static_branch_inc(&pvmc_followed);
	return 0;
}

/**
 * pvmc_unfollow() - Undo pvmc_follow().
 *
 * Context: Process context.  May sleep.
 */
void pvmc_unfollow(void)
{
	static_branch_dec(&pvmc_followed);
}

/**
 * pvmc_set_timing() - Begin or cease to count the time that calls take.
 * @on: whether to
 *
 * Context: Process context, one caller at a time.  May sleep.
 */
void pvmc_set_timing(bool on)
{
	if (on == static_key_enabled(&pvmc_timing))
		return;
	if (on) {
		static_branch_enable(&pvmc_timing);
		pvmc_follow();
	} else {
		static_branch_disable(&pvmc_timing);
		pvmc_unfollow();
	}
}

/* Parameters are written one at a time. */
static int pvmc_timing_set(const char *val, const struct kernel_param *kp)
{
	bool on;
	int err;

	err = kstrtobool(val, &on);
	if (!err)
		pvmc_set_timing(on);
	return err;
}

static int pvmc_timing_get(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%c\n",
			  static_key_enabled(&pvmc_timing) ? 'Y' : 'N');
}

static const struct kernel_param_ops pvmc_timing_ops = {
	.set = pvmc_timing_set,
	.get = pvmc_timing_get,
};
module_param_cb(timing, &pvmc_timing_ops, NULL, 0644);
MODULE_PARM_DESC(timing, "count the time that calls take in time_ns");

static const char *const pvmc_policies[] = {
	[PVMC_POLICY_CLIENT] = "client",
	[PVMC_POLICY_REPORT] = "report",
	[PVMC_POLICY_PANIC] = "panic",
};

static int pvmc_policy_set(const char *val, const struct kernel_param *kp)
{
	int policy = sysfs_match_string(pvmc_policies, val);

	if (policy < 0)
		return policy;
	WRITE_ONCE(pvmc_policy_override, policy);
	return 0;
}

static int pvmc_policy_get(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%s\n", pvmc_policies[pvmc_policy_override]);
}

static const struct kernel_param_ops pvmc_policy_ops = {
	.set = pvmc_policy_set,
	.get = pvmc_policy_get,
};
module_param_cb(violation, &pvmc_policy_ops, NULL, 0644);
MODULE_PARM_DESC(violation, "what follows from a violation: client (as each client says), report or panic");

struct class pvmc_class = {
	.name = "pvmemcontrol",
};

/* For being told of CPUs that come. */
static enum cpuhp_state pvmc_cpuhp_state;

static int __init pvmc_init(void)
{
	int err;

	err = class_register(&pvmc_class);
	if (err)
		return err;
	err = pvmc_chardev_init();
	if (err)
		goto unregister_class;
	err = pvmc_clients_init();
	if (err)
		goto exit_chardev;
	err = pvmemcontrol_register_client(&pvmc_ioctl_client);
	if (err)
		goto exit_clients;
	err = pvmc_memory_init();
	if (err)
		goto unregister_ioctl;
	err = pvmc_nmi_init();
	if (err)
		goto exit_memory;
	err = cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN,
					"virt/pvmemcontrol:online",
					pvmc_watch_cpu, NULL);
	if (err < 0)
		goto exit_nmi;
	pvmc_cpuhp_state = err;
	err = pvmc_dump_init();
	if (err)
		goto remove_cpuhp;
	return 0;

remove_cpuhp:
	cpuhp_remove_state_nocalls(pvmc_cpuhp_state);
exit_nmi:
	pvmc_nmi_exit();
exit_memory:
	pvmc_memory_exit();
unregister_ioctl:
	pvmemcontrol_unregister_client(&pvmc_ioctl_client);
exit_clients:
	pvmc_clients_exit();
exit_chardev:
	pvmc_chardev_exit();
unregister_class:
	class_unregister(&pvmc_class);
	return err;
}

static void __exit pvmc_exit(void)
{
	pvmc_dump_exit();
	cpuhp_remove_state_nocalls(pvmc_cpuhp_state);
	pvmc_nmi_exit();
	pvmc_memory_exit();
	pvmemcontrol_unregister_client(&pvmc_ioctl_client);
	pvmc_clients_exit();
	pvmc_chardev_exit();
	class_unregister(&pvmc_class);
	mem_table_exit();
}

/* Transports and clients come with device_initcall(), so not later than they. */
subsys_initcall(pvmc_init);
module_exit(pvmc_exit);

MODULE_DESCRIPTION("Guest memory control by the VMM: core");
MODULE_LICENSE("GPL");
