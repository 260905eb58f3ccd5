// SPDX-License-Identifier: GPL-2.0
/*
 * pvmemcontrol_perm.ko: the host permits each page of the guest what its
 * mappings need, and no more.
 */
#include <linux/module.h>

#include "perm.h"
#include "seal.h"

static int __init pvmc_perm_init(void)
{
	int err;

	perm_table_init();
	perm_send_init();
	perm_opened_init();
	err = pvmemcontrol_register_client(&pvmc_perm_client);
	if (err) {
		perm_table_exit();
		return err;
	}
	err = seal_modules_init();
	if (err)
		goto unregister_client;
	seal_kernel_init();
	perm_debugfs_init();
	seal_debugfs_init();
	return 0;

unregister_client:
	pvmemcontrol_unregister_client(&pvmc_perm_client);
	perm_opened_exit();
	perm_retry_exit();
	perm_table_exit();
	return err;
}

static void __exit pvmc_perm_exit(void)
{
	perm_debugfs_exit();
	/* Modules that wait for their init are looked at until all is open. */
	seal_close();
	seal_modules_exit();
	seal_exit();
	/* Opens what is closed. */
	pvmemcontrol_unregister_client(&pvmc_perm_client);
	perm_opened_exit();
	perm_retry_exit();
	perm_table_exit();
}

module_init(pvmc_perm_init);
module_exit(pvmc_perm_exit);

MODULE_DESCRIPTION("Guest memory control by the VMM: only the permissions that mappings need");
MODULE_LICENSE("GPL");
