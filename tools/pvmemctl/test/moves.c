// SPDX-License-Identifier: GPL-2.0
/*
 * Runs an operation on a process whose pages move meanwhile, with a VMM that
 * fails, neither of which there is: what it says is looked at by who runs this.
 *
 * Usage: test_moves OPERATION PAGES FAILS MOVED [SIGNAL]
 *
 * The process has PAGES pages, none of which is beside another.  The call number
 * FAILS is the last and fails, if there are so many; the signal comes during it.
 * The first MOVED pages are elsewhere when they are looked at again.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "device.h"
#include "options.h"
#include "pagemap.h"

#define PAGE	4096ull

static unsigned long nr_pages, fails, moved, calls;
static int signal_number;

void device_find(struct device *device, const char *name)
{
	(void)name;
	*device = (struct device) { .fd = -1 };
}

int device_number(const struct device *device, const char *file,
		  uint64_t *value)
{
	(void)device, (void)file, (void)value;
	return ENOENT;
}

enum status device_open(struct device *device, const char *name)
{
	(void)name;
	*device = (struct device) { .fd = -1, .host_page_size = PAGE };
	return STATUS_OK;
}

void device_close(struct device *device)
{
	(void)device;
}

enum status device_call(const struct device *device, const char *what,
			uint64_t func, uint64_t start, uint64_t length,
			uint64_t arg)
{
	(void)device, (void)func, (void)start, (void)length, (void)arg;
	if (++calls != fails)
		return STATUS_OK;
	if (!signal_number)
		return fail(STATUS_NO_DEVICE, "%s: no more", what);
	raise(signal_number);
	return STATUS_OK;
}

enum status pagemap_open(struct pagemap *map, pid_t pid)
{
	*map = (struct pagemap) { .pid = pid, .page = PAGE };
	return STATUS_OK;
}

void pagemap_close(struct pagemap *map)
{
	(void)map;
}

enum status pagemap_read(const struct pagemap *map, uint64_t start, size_t nr,
			 uint64_t *entry, enum page_kind *kind)
{
	for (size_t i = 0; i < nr; i++) {
		uint64_t page = start / map->page + i;

		entry[i] = PAGEMAP_PRESENT | (2 * page + 16);
		/* Without kinds it is looked at for the second time. */
		if (!kind && page < moved)
			entry[i]++;
		if (kind)
			kind[i] = PAGE_OWN;
	}
	return STATUS_OK;
}

int main(int argc, char **argv)
{
	static char length[32];
	char *arguments[2] = { "0", length };
	struct command command = { .min = 2 };
	struct options options = {
		.pid = 1, .force = true, .verbose = true,
		.argument = arguments, .nr_arguments = 2,
	};

	if (argc < 5)
		return STATUS_USAGE;
	command.name = argv[1];
	nr_pages = strtoul(argv[2], NULL, 0);
	fails = strtoul(argv[3], NULL, 0);
	moved = strtoul(argv[4], NULL, 0);
	signal_number = argc > 5 ? atoi(argv[5]) : 0;
	snprintf(length, sizeof(length), "%llu", nr_pages * PAGE);
	return run_operation(&command, &options);
}
