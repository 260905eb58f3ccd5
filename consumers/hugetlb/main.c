// SPDX-License-Identifier: GPL-2.0
/*
 * pvmemcontrol_hugetlb.ko: huge pages that the guest need not clear.
 */
#include <linux/module.h>
#include <linux/moduleparam.h>

#include "hugetlb.h"

module_param_named(verify, pvmc_hugetlb_verify, uint, 0644);
MODULE_PARM_DESC(verify, "read back a word of every Nth dropped page, 0 for none");

static int __init pvmc_hugetlb_init(void)
{
	int err;

	err = pvmc_proof_init();
	if (err)
		return err;
	err = pvmemcontrol_register_client(&pvmc_hugetlb_client);
	if (err)
		goto exit_proof;
	err = pvmc_hook_init();
	if (err)
		goto unregister_client;
	pvmc_debugfs_init();
	return 0;

unregister_client:
	pvmemcontrol_unregister_client(&pvmc_hugetlb_client);
exit_proof:
	pvmc_proof_exit();
	return err;
}

static void __exit pvmc_hugetlb_exit(void)
{
	pvmc_debugfs_exit();
	/* Nobody may be on the way to a call when the client goes. */
	pvmc_hook_exit();
	pvmemcontrol_unregister_client(&pvmc_hugetlb_client);
	pvmc_proof_exit();
}

module_init(pvmc_hugetlb_init);
module_exit(pvmc_hugetlb_exit);

MODULE_DESCRIPTION("Guest memory control by the VMM: huge pages dropped, not cleared");
MODULE_LICENSE("GPL");
