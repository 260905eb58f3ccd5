// SPDX-License-Identifier: GPL-2.0
/*
 * Another driver: has one mapping for as long as it is loaded.  To be built
 * against the installed headers alone.
 */
#include <linux/module.h>
#include <linux/pvmemcontrol_perm.h>

static ulong start, length;
static uint perms;
module_param(start, ulong, 0444);
MODULE_PARM_DESC(start, "guest physical address of the mapping");
module_param(length, ulong, 0444);
MODULE_PARM_DESC(length, "its bytes");
module_param(perms, uint, 0444);
MODULE_PARM_DESC(perms, "what it permits: 1 reading, 2 writing, 4 executing");

static int __init peer_init(void)
{
	struct pvmemcontrol_perm_txn txn;

	pvmemcontrol_perm_begin(&txn);
	pvmemcontrol_perm_map(&txn, start, length, perms);
	return pvmemcontrol_perm_commit(&txn);
}

static void __exit peer_exit(void)
{
	struct pvmemcontrol_perm_txn txn;

	pvmemcontrol_perm_begin(&txn);
	pvmemcontrol_perm_unmap(&txn, start, length, perms);
	pvmemcontrol_perm_commit(&txn);
}

module_init(peer_init);
module_exit(peer_exit);

MODULE_DESCRIPTION("Test driver with one mapping, known to pvmemcontrol_perm");
MODULE_LICENSE("GPL");
