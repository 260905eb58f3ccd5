// SPDX-License-Identifier: GPL-2.0
/*
 * Reads all counters.  Devices and clients may come and go meanwhile: what has
 * gone is left out.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sysfs.h"

#define DEVICES	"class/pvmemcontrol"
#define CLIENTS	"kernel/pvmemcontrol"

const char *const device_counter_names[NR_DEVICE_COUNTERS] = {
	[DEVICE_EXITS] = "exits",
	[DEVICE_ERRORS] = "errors",
	[DEVICE_NO_ANSWERS] = "no_answers",
	[DEVICE_RECOVERIES] = "recoveries",
	[DEVICE_VIOLATIONS] = "violations",
};

const char *const client_counter_names[NR_CLIENT_COUNTERS] = {
	[CLIENT_CALLS] = "calls",
	[CLIENT_RANGES] = "ranges",
	[CLIENT_PAGES] = "pages",
	[CLIENT_EXITS] = "exits",
	[CLIENT_ERRORS] = "errors",
	[CLIENT_TIME_NS] = "time_ns",
	[CLIENT_VIOLATIONS] = "violations",
};

static int number_in(const char *folder, const char *name, const char *file,
		     uint64_t *value)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s/%s", folder, name, file);
	return sysfs_number(path, value);
}

static int text_in(const char *folder, const char *name, const char *file,
		   char *text, size_t size)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s/%s", folder, name, file);
	return sysfs_text(path, text, size);
}

static int read_device(const char *name, struct device_info *device)
{
	int err;

	*device = (struct device_info) {};
	snprintf(device->name, sizeof(device->name), "%s", name);
	err = text_in(DEVICES, name, "version", device->version,
		      sizeof(device->version));
	if (!err)
		err = text_in(DEVICES, name, "state", device->state,
			      sizeof(device->state));
	if (!err)
		err = number_in(DEVICES, name, "host_page_size",
				&device->host_page_size);
	if (!err)
		err = number_in(DEVICES, name, "features", &device->features);
	if (!err)
		err = number_in(DEVICES, name, "vector_max",
				&device->vector_max);
	for (int i = 0; !err && i < NR_DEVICE_COUNTERS; i++)
		err = number_in(DEVICES, name, device_counter_names[i],
				&device->counter[i]);
	return err;
}

static int read_client(const char *name, struct client_info *client)
{
	int err = 0;

	*client = (struct client_info) {};
	snprintf(client->name, sizeof(client->name), "%s", name);
	for (int i = 0; !err && i < NR_CLIENT_COUNTERS; i++)
		err = number_in(CLIENTS, name, client_counter_names[i],
				&client->counter[i]);
	if (!err)
		err = text_in(CLIENTS, name, "policy", client->policy,
			      sizeof(client->policy));
	return err;
}

/* What goes while it is read answers with one of these. */
static bool is_gone(int err)
{
	return err == ENOENT || err == ENODEV;
}

static int read_devices(struct snapshot *now)
{
	char **names;
	size_t nr;
	int err = sysfs_names(DEVICES, &names, &nr);

	if (err)
		return err;
	now->device = calloc(nr + 1, sizeof(*now->device));
	if (!now->device)
		err = ENOMEM;
	for (size_t i = 0; !err && i < nr; i++) {
		err = read_device(names[i], &now->device[now->nr_devices]);
		if (!err)
			now->nr_devices++;
		else if (is_gone(err))
			err = 0;
	}
	sysfs_names_free(names, nr);
	return err;
}

static int read_clients(struct snapshot *now)
{
	char **names;
	size_t nr;
	int err = sysfs_names(CLIENTS, &names, &nr);

	if (err)
		return err;
	now->client = calloc(nr + 1, sizeof(*now->client));
	if (!now->client)
		err = ENOMEM;
	for (size_t i = 0; !err && i < nr; i++) {
		err = read_client(names[i], &now->client[now->nr_clients]);
		if (!err)
			now->nr_clients++;
		else if (is_gone(err))
			err = 0;
	}
	sysfs_names_free(names, nr);
	return err;
}

enum status snapshot_take(struct snapshot *now)
{
	struct timespec clock;
	int err;

	*now = (struct snapshot) {};
	clock_gettime(CLOCK_MONOTONIC, &clock);
	now->ns = clock.tv_sec * 1000000000ll + clock.tv_nsec;
	err = read_devices(now);
	if (!err)
		err = read_clients(now);
	if (!err)
		return STATUS_OK;
	snapshot_free(now);
	if (err == ENOENT)
		return fail(STATUS_NO_DEVICE,
			    "the module pvmemcontrol is not loaded (modprobe pvmemcontrol_pci)");
	return fail(status_of_errno(err), "reading %s: %s", sysfs_root,
		    strerror(err));
}

void snapshot_free(struct snapshot *now)
{
	free(now->device);
	free(now->client);
	*now = (struct snapshot) {};
}

const struct client_info *snapshot_client(const struct snapshot *in,
					  const char *name)
{
	for (size_t i = 0; i < in->nr_clients; i++)
		if (!strcmp(in->client[i].name, name))
			return &in->client[i];
	return NULL;
}
