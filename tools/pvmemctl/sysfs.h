/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the modules show in sysfs: devices, clients, counters.
 */
#ifndef PVMEMCTL_SYSFS_H
#define PVMEMCTL_SYSFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "say.h"

#define NAME_BYTES	64

/* Where sysfs is mounted. */
extern const char *sysfs_root;

enum device_counter {
	DEVICE_EXITS,
	DEVICE_ERRORS,
	DEVICE_NO_ANSWERS,
	DEVICE_RECOVERIES,
	DEVICE_VIOLATIONS,
	NR_DEVICE_COUNTERS,
};

extern const char *const device_counter_names[NR_DEVICE_COUNTERS];

struct device_info {
	char name[NAME_BYTES];
	char version[16];
	char state[16];
	uint64_t host_page_size;
	uint64_t features;
	uint64_t vector_max;
	uint64_t counter[NR_DEVICE_COUNTERS];
};

enum client_counter {
	CLIENT_CALLS,
	CLIENT_RANGES,
	CLIENT_PAGES,
	CLIENT_EXITS,
	CLIENT_ERRORS,
	CLIENT_TIME_NS,
	CLIENT_VIOLATIONS,
	NR_CLIENT_COUNTERS,
};

extern const char *const client_counter_names[NR_CLIENT_COUNTERS];

/**
 * struct client_info - a client and its counters
 * @name: of it
 * @policy: what follows from a violation
 * @counter: as in its folder
 */
struct client_info {
	char name[NAME_BYTES];
	char policy[16];
	uint64_t counter[NR_CLIENT_COUNTERS];
};

/* Everything at one moment, or nearly so; sorted by name. */
struct snapshot {
	struct device_info *device;
	size_t nr_devices;
	struct client_info *client;
	size_t nr_clients;
	int64_t ns;		/* when, of the monotonic clock */
};

/* The first line of a file below sysfs_root, without its end; an errno if not. */
int sysfs_text(const char *path, char *text, size_t size);
int sysfs_number(const char *path, uint64_t *value);
int sysfs_write(const char *path, const char *text);

/*
 * Names in a folder below sysfs_root, sorted, hidden ones left out; 0 or an
 * errno.  The caller frees them with sysfs_names_free().
 */
int sysfs_names(const char *path, char ***names, size_t *nr);
void sysfs_names_free(char **names, size_t nr);

/* On failure it has been said why, and there is nothing to free. */
enum status snapshot_take(struct snapshot *now);
void snapshot_free(struct snapshot *now);

/* NULL when there is none of that name. */
const struct client_info *snapshot_client(const struct snapshot *in,
					  const char *name);

#endif
