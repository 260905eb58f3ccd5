// SPDX-License-Identifier: GPL-2.0
/*
 * Opening all of memory, for somebody who reads or writes it without asking whose
 * it is: a hibernation image that is made or loaded, a kernel that kexec starts.
 *
 * Clients open what is theirs.  What user space has had protected by an ioctl
 * belongs to nobody who could, and a client may have failed to.
 */
#include <linux/align.h>
#include <linux/ioport.h>
#include <linux/minmax.h>
#include <linux/sizes.h>

#include "call.h"
#include "core.h"

/*
 * How much of a range the VMM may say, page by page, is no RAM of its own.  There
 * is little of that in memory that this kernel uses; one that says it of all would
 * be asked for each page there is, and a reboot would have no end.
 */
#define PVMC_OPEN_REFUSED	SZ_64M

/* How often to ask for the same again that the VMM was too busy to do. */
#define PVMC_OPEN_BUSY		64

struct pvmc_opened {
	struct pvmc_device *dev;
	int err;
};

/* Nobody is there, or nobody who makes sense. */
static bool pvmc_open_hopeless(int err)
{
	return err == -EIO || err == -EBUSY || err == -ENODEV;
}

static int pvmc_open_part(struct pvmc_device *dev, u64 start, u64 length)
{
	struct pvmemcontrol_buf buf = {
		.call.func_code = PVMEMCONTROL_MPROTECT_RW,
		.call.addr = start,
		.call.length = length,
	};
	int err;

	preempt_disable();
	err = pvmc_exchange(dev, &buf);
	preempt_enable();
	if (!err)
		err = pvmc_answer_error(PVMEMCONTROL_MPROTECT_RW, &buf.ret);
	return err;
}

/**
 * pvmc_open_range() - Have the VMM permit every access to a range.
 * @dev: connected device that no call can be using
 * @start: guest physical address of the first byte
 * @end: address behind the last byte
 *
 * The VMM refuses what is not all in one of its regions of RAM; then it is asked
 * for ever smaller parts.  What it does not have for RAM it cannot have closed,
 * nor has one closed anything that does not know how to open.
 *
 * Context: Process context, with pvmc_registry_lock held.  May sleep.
 * Return: 0, or as pvmemcontrol_call(): then part of it may be closed.  If it is
 * the host that cannot open a part, the rest is open all the same.  -EIO as well if
 * the VMM says of more than 64 MiB that it is no RAM.
 */
int pvmc_open_range(struct pvmc_device *dev, u64 start, u64 end)
{
	u64 page = dev->info.host_page_size;
	u64 longest = pvmc_piece(dev);
	u64 piece = longest;
	unsigned int busy = 0;
	u64 refused = 0;
	int result = 0;

	lockdep_assert_held(&pvmc_registry_lock);

	start = ALIGN_DOWN(start, page);
	end = ALIGN(end, page);
	while (start < end) {
		u64 length = pvmc_piece_length(piece, start, end - start);
		int err = pvmc_open_part(dev, start, length);

		if (err == -EOPNOTSUPP)
			return 0;
		if (err == -EINVAL && length > page) {
			while (piece >= length)
				piece /= 2;
			continue;
		}
		if (err == -EAGAIN && busy++ < PVMC_OPEN_BUSY)
			continue;
		busy = 0;
		if (pvmc_open_hopeless(err))
			return err;
		if (err == -EINVAL)
			refused += length;
		else if (err && !result)
			result = err;
		if (refused > PVMC_OPEN_REFUSED)
			return -EIO;
		start += length;
		while (piece < longest && IS_ALIGNED(start, 2 * piece))
			piece *= 2;
		cond_resched();
	}
	return result;
}

static int pvmc_open_ram(struct resource *ram, void *arg)
{
	struct pvmc_opened *opened = arg;
	int err = pvmc_open_range(opened->dev, ram->start, ram->end + 1);

	if (err && !opened->err)
		opened->err = err;
	return pvmc_open_hopeless(err) ? err : 0;
}

/**
 * pvmc_open_all() - Have the VMM permit every access to all of memory.
 * @dev: connected device that no call can be using
 *
 * Context: Process context, with pvmc_registry_lock held.  May sleep.
 * Return: 0, or as pvmc_open_range().
 */
int pvmc_open_all(struct pvmc_device *dev)
{
	struct pvmc_opened opened = { .dev = dev };

	walk_iomem_res_desc(IORES_DESC_NONE,
			    IORESOURCE_SYSTEM_RAM | IORESOURCE_BUSY,
			    0, U64_MAX, &opened, pvmc_open_ram);
	return opened.err;
}
