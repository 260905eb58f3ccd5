/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Requests to the VMM through /dev/pvmemcontrolN, and what went wrong in words.
 */
#ifndef PVMEMCTL_DEVICE_H
#define PVMEMCTL_DEVICE_H

#include <stdint.h>

#include "say.h"

/* The longest range of one request, so that a bar can move and ^C be heeded. */
#define DEVICE_PIECE	(128ull << 20)

/**
 * struct device - an open device
 * @fd: of the file
 * @path: of it
 * @host_page_size: which ranges are multiples of
 * @major: of the protocol's version
 * @minor: of it
 */
struct device {
	int fd;
	char path[64];
	uint64_t host_page_size;
	unsigned int major;
	unsigned int minor;
};

/*
 * Finds out which device @name is, such as pvmemcontrol0, a number or a path;
 * NULL for the first there is.  It is not open then.
 */
void device_find(struct device *device, const char *name);

/* A number that sysfs has of a device that was found; 0 or an errno. */
int device_number(const struct device *device, const char *file,
		  uint64_t *value);

/* Finds and opens it.  On failure it has been said why. */
enum status device_open(struct device *device, const char *name);
void device_close(struct device *device);

/* On failure it has been said why. */
enum status device_call(const struct device *device, const char *what,
			uint64_t func, uint64_t start, uint64_t length,
			uint64_t arg);

#endif
