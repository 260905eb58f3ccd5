// SPDX-License-Identifier: GPL-2.0
/*
 * What becomes of the pool with the device.
 */
#include "kstack.h"

static int pvmc_kstack_attach(struct pvmemcontrol_client *client)
{
	pvmc_pool_restore();
	return 0;
}

static void pvmc_kstack_detach(struct pvmemcontrol_client *client)
{
	pvmc_pool_detach();
}

/* A kernel that is started next does not know what it must not touch. */
static void pvmc_kstack_release(struct pvmemcontrol_client *client)
{
	pvmc_pool_detach();
}

static void pvmc_kstack_forget(struct pvmemcontrol_client *client)
{
	pvmc_pool_forget();
}

static void pvmc_kstack_restore(struct pvmemcontrol_client *client)
{
	pvmc_pool_restore();
}

static const struct pvmemcontrol_client_ops pvmc_kstack_ops = {
	.attach = pvmc_kstack_attach,
	.detach = pvmc_kstack_detach,
	.release = pvmc_kstack_release,
	.forget = pvmc_kstack_forget,
	.restore = pvmc_kstack_restore,
	.owner = pvmc_kstack_owner,
};

/* A guard that lets execution continue is not a guard. */
struct pvmemcontrol_client pvmc_kstack_client = {
	.name = "kstack",
	.ops = &pvmc_kstack_ops,
	.policy = PVMEMCONTROL_PANIC,
};
