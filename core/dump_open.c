// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel that makes a dump of one that has panicked: opening its memory.
 *
 * The host protects and guards what that one had it protect: it was not asked to
 * stop.  Who reads the old memory through /proc/vmcore would be stopped there,
 * with nobody to say whose page that is.  So each part is opened before it is
 * read.  What is closed against writing only could be read as it is, but a VMM
 * does not tell what it has closed: where it does not open a page, there are
 * zeroes in the dump, and the rest of it is made.
 */
#include <linux/align.h>
#include <linux/delay.h>
#include <linux/minmax.h>
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
static u64 pvmc_dump_last;

/* The VMM was silent for so long that waiting is no use. */
static bool pvmc_dump_silent;

/* There is a device, but it could not be connected. */
static bool pvmc_dump_refused;

struct pvmemcontrol_client pvmc_dump_client = {
	.name = "dump",
};

/*
 * What there is at @addr, as much as @size, or one of the host's pages where that
 * is more: it opens no less.
 */
static int pvmc_dump_open_range(u64 addr, u64 size,
				struct pvmc_progress *progress)
{
	struct pvmemcontrol_info info;
	int err;

	*progress = (struct pvmc_progress) {};
	err = pvmemcontrol_get_info(&info);
	if (err)
		return err;
	size = max(size, info.host_page_size);
	return pvmc_call_client(&pvmc_dump_client, PVMEMCONTROL_MPROTECT_RW,
				ALIGN_DOWN(addr, size), size, 0, progress);
}

static int pvmc_dump_open_page(u64 addr, struct pvmc_progress *progress)
{
	unsigned int waited = 0;
	int err;

	for (;;) {
		err = pvmc_dump_open_range(addr, PAGE_SIZE, progress);
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
static bool pvmc_dump_never_closed(int err,
				   const struct pvmc_progress *progress)
{
	struct pvmemcontrol_info info;

	switch (err) {
	case 0:
		return true;
	case -EINVAL:		/* No RAM, if it is the VMM that says so. */
		return progress->refused;
	case -EOPNOTSUPP:	/* It can close pages, and so could open them. */
		return pvmemcontrol_get_info(&info) ||
		       !(info.features & PVMEMCONTROL_FEATURE_GUARD);
	case -ENODEV:
		return !READ_ONCE(pvmc_dump_refused);
	default:
		return false;
	}
}

/**
 * pvmc_dump_open() - Open old memory that is about to be read.
 * @addr: guest physical address of a page
 *
 * Context: Process context.  May sleep, for as long as PVMC_DUMP_WAIT_MS for the
 * first page that it cannot open.
 * Return: Whether that page can be read.
 */
bool pvmc_dump_open(u64 addr)
{
	u64 part = ALIGN_DOWN(addr, PVMC_DUMP_PART);
	struct pvmc_progress progress;
	int err;

	if (READ_ONCE(pvmc_dump_last) == part + 1)
		return true;
	/* Not all of a part need be RAM. */
	if (!pvmc_dump_open_range(addr, PVMC_DUMP_PART, &progress)) {
		WRITE_ONCE(pvmc_dump_last, part + 1);
		WRITE_ONCE(pvmc_dump_silent, false);
		return true;
	}
	err = pvmc_dump_open_page(addr, &progress);
	if (pvmc_dump_never_closed(err, &progress))
		return true;
	pr_err_ratelimited("pvmemcontrol: the VMM does not open old memory at 0x%llx, zeroes in the dump: %pe\n",
			   addr, ERR_PTR(err));
	return false;
}

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
