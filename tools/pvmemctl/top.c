// SPDX-License-Identifier: GPL-2.0
/*
 * What each client does now, most active first.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "options.h"
#include "rates.h"
#include "size.h"
#include "sysfs.h"
#include "terminal.h"

#define DEFAULT_INTERVAL_MS	1000
#define LINE_BYTES		160
#define EXITS(device)		((device)->counter[DEVICE_EXITS])

/* What can be sorted by: its word, its key, the head of its column. */
static const struct column {
	const char *name;
	const char *head;
	enum client_counter counter;
	char key;
} columns[] = {
	{ "exits", "EXITS/s", CLIENT_EXITS, 'e' },
	{ "calls", "CALLS/s", CLIENT_CALLS, 'c' },
	{ "ranges", "RANGES/s", CLIENT_RANGES, 'r' },
	{ "pages", "MEMORY/s", CLIENT_PAGES, 'm' },
	{ "errors", "ERRORS/s", CLIENT_ERRORS, 'f' },
	{ "violations", "VIOL/s", CLIENT_VIOLATIONS, 'v' },
	{ "time", "TIME", CLIENT_TIME_NS, 't' },
};

#define NR_COLUMNS	(sizeof(columns) / sizeof(columns[0]))

/**
 * struct screen - what is shown
 * @options: as given
 * @sort: by this column
 * @batch: on no terminal, one text after the other
 * @rows: lines left
 * @width: of each
 * @page: the guest's page size
 */
struct screen {
	const struct options *options;
	const struct column *sort;
	bool batch;
	unsigned int rows;
	unsigned int width;
	uint64_t page;
};

static const struct column *sorting;

static int by_activity(const void *a, const void *b)
{
	const struct client_info *ca = a, *cb = b;
	uint64_t na = ca->counter[sorting->counter];
	uint64_t nb = cb->counter[sorting->counter];

	if (na != nb)
		return na > nb ? -1 : 1;
	return strcmp(ca->name, cb->name);
}

static void line(struct screen *screen, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void line(struct screen *screen, const char *fmt, ...)
{
	char text[LINE_BYTES];
	va_list ap;

	if (!screen->batch && screen->rows < 2)
		return;		/* the last line stays empty, or all scrolls */
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (screen->batch) {
		puts(text);
		return;
	}
	printf("%.*s", (int)screen->width - 1, text);
	terminal_clear_line();
	screen->rows--;
}

/* Tenths where a whole number would say little. */
static void rate(char *text, size_t size, uint64_t count, double seconds)
{
	double per_second = count / seconds;

	snprintf(text, size, "%.*f", per_second && per_second < 10 ? 1 : 0,
		 per_second);
}

static void show_client(struct screen *screen, const struct client_info *client,
			double seconds)
{
	char text[LINE_BYTES];
	int used = snprintf(text, sizeof(text), "%-16.16s", client->name);

	for (unsigned int i = 0; i < NR_COLUMNS; i++) {
		uint64_t count = client->counter[columns[i].counter];
		char value[SIZE_TEXT];

		if (columns[i].counter == CLIENT_PAGES)
			format_size(value, count * screen->page / seconds);
		else if (columns[i].counter == CLIENT_TIME_NS)
			snprintf(value, sizeof(value), "%.1f%%",
				 count / seconds / 1e7);
		else
			rate(value, sizeof(value), count, seconds);
		used += snprintf(text + used, sizeof(text) - used, " %8s",
				 value);
	}
	line(screen, "%s", text);
}

static void show_devices(struct screen *screen, const struct snapshot *before,
			 const struct snapshot *now, double seconds)
{
	for (size_t i = 0; i < now->nr_devices; i++) {
		const struct device_info *device = &now->device[i];
		uint64_t exits = 0;
		char text[SIZE_TEXT];

		for (size_t j = 0; j < before->nr_devices; j++)
			if (!strcmp(before->device[j].name, device->name))
				exits = counter_since(EXITS(&before->device[j]),
						      EXITS(device));
		rate(text, sizeof(text), exits, seconds);
		line(screen, "%s: %s, version %s, %s exits/s, %" PRIu64
		     " errors, %" PRIu64 " without answer, %" PRIu64 " violations",
		     device->name, device->state, device->version, text,
		     device->counter[DEVICE_ERRORS],
		     device->counter[DEVICE_NO_ANSWERS],
		     device->counter[DEVICE_VIOLATIONS]);
	}
	if (!now->nr_devices)
		line(screen, "no device");
}

static void show_head(struct screen *screen)
{
	char text[LINE_BYTES];
	int used = snprintf(text, sizeof(text), "%-16s", "CLIENT");

	for (unsigned int i = 0; i < NR_COLUMNS; i++)
		used += snprintf(text + used, sizeof(text) - used, " %8s",
				 columns[i].head);
	if (!screen->batch)
		terminal_reverse(true);
	line(screen, "%s", text);
	if (!screen->batch)
		terminal_reverse(false);
}

/* What happened from @before to @now.  On failure it has been said why. */
static enum status show(struct screen *screen, const struct snapshot *before,
			const struct snapshot *now)
{
	struct client_info *client = calloc(now->nr_clients + 1,
					    sizeof(*client));
	double seconds = (now->ns - before->ns) / 1e9;

	if (!client)
		return fail(STATUS_FAILED, "out of memory");
	for (size_t i = 0; i < now->nr_clients; i++)
		client_since(before, &now->client[i], &client[i]);
	sorting = screen->sort;
	qsort(client, now->nr_clients, sizeof(*client), by_activity);

	if (!screen->batch) {
		terminal_home();
		terminal_size(&screen->width, &screen->rows);
	}
	show_devices(screen, before, now, seconds);
	line(screen, "sorted by %s%s", screen->sort->name, screen->batch ? "" :
	     "; e c r m f v t: by exits, calls, ... in order; q: quit");
	line(screen, "%s", "");
	show_head(screen);
	for (size_t i = 0; i < now->nr_clients; i++)
		show_client(screen, &client[i], seconds);
	line(screen, "%s", "");
	if (!screen->batch)
		terminal_clear_rest();
	free(client);
	return STATUS_OK;
}

/* Until it is time for the next; false when it is time to leave. */
static bool wait_for_next(struct screen *screen, int64_t ns, bool *early)
{
	int key;

	*early = false;
	if (screen->batch)
		return sleep_until(ns);
	key = terminal_key(ns);
	if (key == 'q' || key == 'Q' || key == -1)
		return false;
	for (unsigned int i = 0; i < NR_COLUMNS; i++)
		if (columns[i].key == key)
			screen->sort = &columns[i];
	*early = key;
	return true;
}

static enum status run(struct screen *screen, uint64_t interval_ns)
{
	uint64_t left = screen->options->count;
	struct snapshot before, now;
	enum status status = snapshot_take(&before);
	int64_t next;

	if (status)
		return status;
	/* A moment is enough for a first look. */
	next = before.ns + (screen->batch ? (int64_t)interval_ns : 100000000);
	for (;;) {
		bool early;

		if (!wait_for_next(screen, next, &early))
			break;
		status = snapshot_take(&now);
		if (status)
			break;
		status = show(screen, &before, &now);
		/* What a key asked for is about the same time, a bit longer. */
		if (early) {
			snapshot_free(&now);
		} else {
			snapshot_free(&before);
			before = now;
			next = now.ns + interval_ns;
			if (left && !--left)
				break;
		}
		/* That nobody hears us is said in the end. */
		if (status || fflush(stdout) || ferror(stdout))
			break;
	}
	snapshot_free(&before);
	return status;
}

static const struct column *find_column(const char *name)
{
	for (unsigned int i = 0; i < NR_COLUMNS; i++)
		if (!strcmp(columns[i].name, name))
			return &columns[i];
	return NULL;
}

enum status run_top(const struct command *command,
		    const struct options *options)
{
	struct screen screen = {
		.options = options,
		.batch = options->batch,
		.page = sysconf(_SC_PAGESIZE),
		.width = LINE_BYTES,
	};
	enum status status;

	screen.sort = find_column(options->sort ?: "exits");
	if (!screen.sort)
		return usage_error(command,
				   "--sort by exits, calls, ranges, pages, errors, violations or time");
	if (!screen.batch && !terminal_begin())
		return fail(STATUS_USAGE,
			    "top: no terminal; --batch does without");
	status = run(&screen, (options->interval_ms ?: DEFAULT_INTERVAL_MS) *
		     1000000ull);
	terminal_end();
	return status;
}
