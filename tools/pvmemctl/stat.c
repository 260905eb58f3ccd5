// SPDX-License-Identifier: GPL-2.0
/*
 * Counters of each client, as they are or as they change.
 */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "json.h"
#include "options.h"
#include "rates.h"
#include "sysfs.h"

static void print_client(const struct client_info *client)
{
	printf("%-16.16s", client->name);
	for (int i = 0; i < NR_CLIENT_COUNTERS; i++)
		printf(" %*" PRIu64, i == CLIENT_TIME_NS ? 14 : 11,
		       client->counter[i]);
	puts("");
}

static void print_header(void)
{
	printf("%-16s", "client");
	for (int i = 0; i < NR_CLIENT_COUNTERS; i++)
		printf(" %*s", i == CLIENT_TIME_NS ? 14 : 11,
		       client_counter_names[i]);
	puts("");
}

/* @before is empty where the totals are wanted. */
static void print_all(const struct snapshot *before, const struct snapshot *now)
{
	print_header();
	for (size_t i = 0; i < now->nr_clients; i++) {
		struct client_info since;

		client_since(before, &now->client[i], &since);
		print_client(&since);
	}
	fflush(stdout);
}

static void json_client(struct json *json, const struct client_info *client)
{
	json_object(json, NULL);
	json_text(json, "name", client->name);
	for (int i = 0; i < NR_CLIENT_COUNTERS; i++)
		json_number(json, client_counter_names[i], client->counter[i]);
	json_object_end(json);
}

static void json_all(const struct snapshot *before, const struct snapshot *now)
{
	struct json json = { .out = stdout };

	json_object(&json, NULL);
	if (before->ns)
		json_seconds(&json, "seconds", now->ns - before->ns);
	json_array(&json, "devices");
	for (size_t i = 0; i < now->nr_devices; i++) {
		const struct device_info *device = &now->device[i];

		json_object(&json, NULL);
		json_text(&json, "name", device->name);
		json_text(&json, "state", device->state);
		/* Of a device always since it came: it may have come anew. */
		for (int c = 0; c < NR_DEVICE_COUNTERS; c++)
			json_number(&json, device_counter_names[c],
				    device->counter[c]);
		json_object_end(&json);
	}
	json_array_end(&json);
	json_array(&json, "clients");
	for (size_t i = 0; i < now->nr_clients; i++) {
		struct client_info since;

		client_since(before, &now->client[i], &since);
		json_client(&json, &since);
	}
	json_array_end(&json);
	json_object_end(&json);
	json_line_end(&json);
}

static void show(const struct options *options, const struct snapshot *before,
		 const struct snapshot *now)
{
	if (options->json)
		json_all(before, now);
	else
		print_all(before, now);
}

enum status run_stat(const struct command *command,
		     const struct options *options)
{
	struct snapshot before = {}, now;
	enum status status = snapshot_take(&now);
	uint64_t left = options->count;

	if (status)
		return status;
	if (options->count && !options->interval_ms) {
		snapshot_free(&now);
		return usage_error(command, "--count goes with --interval");
	}
	if (!options->interval_ms)
		show(options, &before, &now);
	while (options->interval_ms && !status && !ferror(stdout)) {
		int64_t next = now.ns + options->interval_ms * 1000000ll;

		snapshot_free(&before);
		before = now;
		sleep_until(next);
		status = snapshot_take(&now);
		if (!status)
			show(options, &before, &now);
		if (left && !--left)
			break;
	}
	snapshot_free(&before);
	snapshot_free(&now);
	return status;
}
