// SPDX-License-Identifier: GPL-2.0
/*
 * What there is: modules, devices, what their VMM has, clients.
 */
#include <inttypes.h>
#include <linux/pvmemcontrol.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "options.h"
#include "sysfs.h"

static const struct {
	uint64_t bit;
	const char *name;
} features[] = {
	{ PVMEMCONTROL_FEATURE_VECTOR, "vectors" },
	{ PVMEMCONTROL_FEATURE_VIOLATION, "violations" },
	{ PVMEMCONTROL_FEATURE_GUARD, "guards" },
};

#define NR_FEATURES	(sizeof(features) / sizeof(features[0]))

static const char *const modules[] = {
	"pvmemcontrol", "pvmemcontrol_pci", "pvmemcontrol_hugetlb",
	"pvmemcontrol_perm", "pvmemcontrol_kstack",
};

#define NR_MODULES	(sizeof(modules) / sizeof(modules[0]))

static uint64_t known_features(void)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < NR_FEATURES; i++)
		bits |= features[i].bit;
	return bits;
}

/* Has a folder, and that has an initstate: else it is a built-in or nothing. */
static bool is_loaded(const char *module)
{
	char path[128], state[16];

	snprintf(path, sizeof(path), "module/%s/initstate", module);
	return !sysfs_text(path, state, sizeof(state)) && !strcmp(state, "live");
}

/* Calls @each for each parameter of @module that may be read. */
static void parameters(const char *module, void *context,
		       void (*each)(void *context, const char *name,
				    const char *value))
{
	char path[192], value[64];
	char **names;
	size_t nr;

	snprintf(path, sizeof(path), "module/%s/parameters", module);
	if (sysfs_names(path, &names, &nr))
		return;
	for (size_t i = 0; i < nr; i++) {
		char file[288];

		snprintf(file, sizeof(file), "%s/%s", path, names[i]);
		if (!sysfs_text(file, value, sizeof(value)))
			each(context, names[i], value);
	}
	sysfs_names_free(names, nr);
}

static void print_device(const struct device_info *device)
{
	uint64_t other = device->features & ~known_features();
	const char *before = " ";

	printf("device %s\n", device->name);
	printf("  state           %s\n", device->state);
	printf("  version         %s\n", device->version);
	printf("  host page size  %" PRIu64 "\n", device->host_page_size);
	printf("  features        %#" PRIx64, device->features);
	for (size_t i = 0; i < NR_FEATURES; i++) {
		if (!(device->features & features[i].bit))
			continue;
		printf("%s%s", before, features[i].name);
		before = ", ";
	}
	if (other)
		printf("%sunknown %#" PRIx64, before, other);
	else if (!device->features)
		printf(" (of version 1.0)");
	printf("\n  ranges an exit  %" PRIu64 "\n", device->vector_max);
	for (int i = 0; i < NR_DEVICE_COUNTERS; i++)
		printf("  %-15s %" PRIu64 "\n", device_counter_names[i],
		       device->counter[i]);
}

static void print_parameter(void *context, const char *name, const char *value)
{
	(void)context;
	printf(" %s=%s", name, value);
}

static void print_all(const struct snapshot *now)
{
	for (size_t i = 0; i < now->nr_devices; i++)
		print_device(&now->device[i]);
	if (!now->nr_devices)
		puts("no device");
	for (size_t i = 0; i < now->nr_clients; i++)
		printf("client %-20s policy %s\n", now->client[i].name,
		       now->client[i].policy);
	for (size_t i = 0; i < NR_MODULES; i++) {
		if (!is_loaded(modules[i]))
			continue;
		printf("module %s", modules[i]);
		parameters(modules[i], NULL, print_parameter);
		puts("");
	}
}

static void json_parameter(void *context, const char *name, const char *value)
{
	json_text(context, name, value);
}

static void json_device(struct json *json, const struct device_info *device)
{
	json_object(json, NULL);
	json_text(json, "name", device->name);
	json_text(json, "state", device->state);
	json_text(json, "version", device->version);
	json_number(json, "host_page_size", device->host_page_size);
	json_number(json, "features", device->features);
	json_array(json, "feature_names");
	for (size_t i = 0; i < NR_FEATURES; i++)
		if (device->features & features[i].bit)
			json_text(json, NULL, features[i].name);
	json_array_end(json);
	json_number(json, "vector_max", device->vector_max);
	for (int i = 0; i < NR_DEVICE_COUNTERS; i++)
		json_number(json, device_counter_names[i], device->counter[i]);
	json_object_end(json);
}

static void json_all(const struct snapshot *now)
{
	struct json json = { .out = stdout };

	json_object(&json, NULL);
	json_array(&json, "devices");
	for (size_t i = 0; i < now->nr_devices; i++)
		json_device(&json, &now->device[i]);
	json_array_end(&json);
	json_array(&json, "clients");
	for (size_t i = 0; i < now->nr_clients; i++) {
		json_object(&json, NULL);
		json_text(&json, "name", now->client[i].name);
		json_text(&json, "policy", now->client[i].policy);
		json_object_end(&json);
	}
	json_array_end(&json);
	json_object(&json, "modules");
	for (size_t i = 0; i < NR_MODULES; i++) {
		if (!is_loaded(modules[i]))
			continue;
		json_object(&json, modules[i]);
		parameters(modules[i], &json, json_parameter);
		json_object_end(&json);
	}
	json_object_end(&json);
	json_object_end(&json);
	json_line_end(&json);
}

enum status run_info(const struct command *command,
		     const struct options *options)
{
	struct snapshot now;
	enum status status = snapshot_take(&now);

	(void)command;
	if (status)
		return status;
	if (options->json)
		json_all(&now);
	else
		print_all(&now);
	if (!now.nr_devices)
		status = STATUS_NO_DEVICE;
	snapshot_free(&now);
	return status;
}
