// SPDX-License-Identifier: GPL-2.0
/*
 * Giving back the dead pages of sleeping threads' stacks, and what came of it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "options.h"
#include "size.h"
#include "sysfs.h"

#define TRIM	"module/pvmemcontrol_kstack/trim"

static enum status trim_missing(int err)
{
	if (err == ENOENT)
		return fail(STATUS_NO_DEVICE,
			    "the module pvmemcontrol_kstack is not loaded, or cannot trim on this kernel");
	return fail(status_of_errno(err), "/sys/" TRIM ": %s", strerror(err));
}

static int counter(const char *name, uint64_t *value)
{
	char path[128];

	snprintf(path, sizeof(path), TRIM "/%s", name);
	return sysfs_number(path, value);
}

static enum status print_counters(bool as_json)
{
	struct json json = { .out = stdout };
	char **names;
	size_t nr;
	int err = sysfs_names(TRIM, &names, &nr);

	if (err)
		return trim_missing(err);
	if (as_json)
		json_object(&json, NULL);
	for (size_t i = 0; i < nr; i++) {
		uint64_t value;

		/* One of them can only be written. */
		if (counter(names[i], &value))
			continue;
		if (as_json)
			json_number(&json, names[i], value);
		else
			printf("%-20s %" PRIu64 "\n", names[i], value);
	}
	if (as_json) {
		json_object_end(&json);
		json_line_end(&json);
	}
	sysfs_names_free(names, nr);
	return STATUS_OK;
}

/* All of these are there if one is. */
static enum status read_counts(uint64_t *threads, uint64_t *pages,
			       uint64_t *pauses)
{
	int err = counter("threads_trimmed", threads);

	if (!err)
		err = counter("pages", pages);
	if (!err)
		err = counter("pauses", pauses);
	return err ? trim_missing(err) : STATUS_OK;
}

static enum status trim(bool verbose)
{
	uint64_t threads, pages, pauses, threads_now, pages_now, pauses_now;
	enum status status = read_counts(&threads, &pages, &pauses);
	int err;

	if (status)
		return status;
	err = sysfs_write(TRIM "/run", "1");
	if (err == EACCES || err == EPERM)
		return fail(STATUS_DENIED, "/sys/" TRIM "/run: %s",
			    strerror(err));
	if (err == ENODEV)
		return fail(STATUS_NO_DEVICE,
			    "there is no device that could take pages back");
	if (err == EOPNOTSUPP)
		return fail(STATUS_UNSUPPORTED,
			    "nothing that this VMM can do gives pages back");
	if (err)
		return fail(STATUS_FAILED, "some stacks were left alone: %s",
			    strerror(err));
	if (!verbose)
		return STATUS_OK;
	status = read_counts(&threads_now, &pages_now, &pauses_now);
	if (!status)
		printf("threads %" PRIu64 "\npages %" PRIu64 "\npauses %" PRIu64 "\n",
		       threads_now - threads, pages_now - pages,
		       pauses_now - pauses);
	return status;
}

enum status run_kstack(const struct command *command,
		       const struct options *options)
{
	if (!strcmp(options->argument[0], "stat"))
		return print_counters(options->json);
	if (!strcmp(options->argument[0], "trim"))
		return trim(options->verbose);
	return usage_error(command, "neither trim nor stat");
}
