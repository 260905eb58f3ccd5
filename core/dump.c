// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel that makes a dump of one that has panicked.
 *
 * The host protects and guards what that one had it protect: it was not asked to
 * stop.  Who reads the old memory through /proc/vmcore would be stopped there,
 * with nobody to say whose page that is.  So each part is opened before it is
 * read.  What is closed against writing only could be read as it is, but a VMM
 * does not tell what it has closed: where it does not open a page, there are
 * zeroes in the dump, and the rest of it is made.
 */
#include <linux/align.h>
#include <linux/crash_dump.h>
#include <linux/delay.h>
#include <linux/pfn.h>
#include <linux/printk.h>
#include <linux/sizes.h>

#include "core.h"

#define PVMC_DUMP_PART	SZ_2M

/* How long a VMM may be silent, to be connected anew, before it is left to be. */
#define PVMC_DUMP_WAIT_MS	1000
#define PVMC_DUMP_POLL_MS	20

/*
 * The part that was opened last, plus 1.  Who reads it while it changes opens
 * a part once more, or opens what somebody else is about to open.
 */
static u64 pvmc_dump_open;

/* The VMM was silent for so long that waiting is no use. */
static bool pvmc_dump_silent;

/* There is a device, but it could not be connected. */
static bool pvmc_dump_refused;

static struct pvmemcontrol_client pvmc_dump_client = {
	.name = "dump",
};

static int pvmc_dump_open_range(u64 start, u64 length)
{
	return pvmemcontrol_call(&pvmc_dump_client, PVMEMCONTROL_MPROTECT_RW,
				 start, length, 0, NULL);
}

static int pvmc_dump_open_page(u64 start)
{
	unsigned int waited = 0;
	int err;

	for (;;) {
		err = pvmc_dump_open_range(start, PAGE_SIZE);
		if (err != -EIO || waited >= PVMC_DUMP_WAIT_MS ||
		    READ_ONCE(pvmc_dump_silent))
			break;
		msleep(PVMC_DUMP_POLL_MS);
		waited += PVMC_DUMP_POLL_MS;
	}
	WRITE_ONCE(pvmc_dump_silent, err == -EIO);
	return err;
}

/* Whether a page is open although it could not be opened. */
static bool pvmc_dump_never_closed(int err)
{
	struct pvmemcontrol_info info;

	switch (err) {
	case 0:
	case -EINVAL:		/* no RAM */
		return true;
	case -EOPNOTSUPP:	/* It can close pages, and so could open them. */
		return pvmemcontrol_get_info(&info) ||
		       !(info.features & PVMEMCONTROL_FEATURE_GUARD);
	case -ENODEV:
		return !READ_ONCE(pvmc_dump_refused);
	default:
		return false;
	}
}

/* Called before a page of the old kernel is read or mapped.  Process context. */
static bool pvmc_dump_pfn_is_ram(struct vmcore_cb *cb, unsigned long pfn)
{
	u64 start = PFN_PHYS(pfn);
	u64 part = ALIGN_DOWN(start, PVMC_DUMP_PART);
	int err;

	if (READ_ONCE(pvmc_dump_open) == part + 1)
		return true;
	/* Not all of a part need be RAM. */
	if (!pvmc_dump_open_range(part, PVMC_DUMP_PART)) {
		WRITE_ONCE(pvmc_dump_open, part + 1);
		WRITE_ONCE(pvmc_dump_silent, false);
		return true;
	}
	err = pvmc_dump_open_page(start);
	if (pvmc_dump_never_closed(err))
		return true;
	pr_err_ratelimited("pvmemcontrol: the VMM does not open old memory at 0x%llx, zeroes in the dump: %pe\n",
			   start, ERR_PTR(err));
	return false;
}

static struct vmcore_cb pvmc_dump_cb = {
	.pfn_is_ram = pvmc_dump_pfn_is_ram,
};

/**
 * pvmc_dump_unconnected() - Note that there is a VMM that cannot be asked.
 * @err: why
 *
 * One that speaks another protocol has not closed anything.
 *
 * Context: Process context.
 */
void pvmc_dump_unconnected(int err)
{
	if (err != -EPROTO)
		WRITE_ONCE(pvmc_dump_refused, true);
}

/**
 * pvmc_dump_init() - Be asked before old memory is read, where there is any.
 *
 * Context: Process context.
 * Return: 0, or as pvmemcontrol_register_client().
 */
int __init pvmc_dump_init(void)
{
	int err;

	if (!is_kdump_kernel())
		return 0;
	err = pvmemcontrol_register_client(&pvmc_dump_client);
	if (!err)
		register_vmcore_cb(&pvmc_dump_cb);
	return err;
}

/**
 * pvmc_dump_exit() - Undo pvmc_dump_init().
 *
 * Context: Process context.
 */
void pvmc_dump_exit(void)
{
	if (!is_kdump_kernel())
		return;
	unregister_vmcore_cb(&pvmc_dump_cb);
	pvmemcontrol_unregister_client(&pvmc_dump_client);
}
