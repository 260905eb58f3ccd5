// SPDX-License-Identifier: GPL-2.0
/*
 * pvmemcontrol_kstack.ko: kernel stacks with guards that the host enforces.
 */
#include <linux/module.h>

#include "kstack.h"
#include "trim.h"

static int __init pvmc_kstack_init(void)
{
	int err;

	pvmc_pool_init();
	err = pvmemcontrol_register_client(&pvmc_kstack_client);
	if (err)
		return err;
	err = pvmc_shrinker_init();
	if (err)
		goto unregister_client;
	err = pvmc_kstack_trim_init(&pvmc_kstack_client);
	if (err)
		goto exit_shrinker;
	pvmc_idle_init();
	pvmc_kstack_debugfs_init();
	return 0;

exit_shrinker:
	pvmc_shrinker_exit();
unregister_client:
	pvmemcontrol_unregister_client(&pvmc_kstack_client);
	pvmc_idle_exit();
	return err;
}

static void __exit pvmc_kstack_exit(void)
{
	pvmc_kstack_debugfs_exit();
	pvmc_kstack_trim_exit();
	pvmc_shrinker_exit();
	/* Before there is no client whose calls its could be. */
	pvmc_idle_stop();
	/* While guards can be opened. */
	pvmc_pool_exit();
	pvmemcontrol_unregister_client(&pvmc_kstack_client);
	/* Who frees stacks, and who restores, queues work. */
	pvmc_idle_exit();
	pvmc_pool_lose();
}

/* Built in, after /sys/module has its parameters. */
late_initcall_sync(pvmc_kstack_init);
module_exit(pvmc_kstack_exit);

MODULE_DESCRIPTION("Guest memory control by the VMM: guarded kernel stacks");
MODULE_LICENSE("GPL");
