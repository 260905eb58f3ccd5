// SPDX-License-Identifier: GPL-2.0
/*
 * Operations on a range of a process's memory, or of the guest's.
 *
 * Where a process's page is, is known for a moment only: the kernel may move it
 * or hand it to somebody else between looking it up and the VMM's doing.  So a
 * long range is dealt with in chunks, each looked up right before it is used,
 * and where content was dropped, right after it again.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device.h"
#include "operation.h"
#include "options.h"
#include "progress.h"
#include "ranges.h"
#include "size.h"

#define CHUNK_PAGES	4096u

/**
 * struct job - one operation under way
 * @operation: what
 * @options: how
 * @device: whose VMM is asked; not open when nothing is to be done
 * @unit: bytes that the host can deal with
 * @map: of the process, unless physical
 * @ranges: physical ones, of this chunk
 * @pages: of each kind, that were found
 * @left_out: bytes that are no whole unit
 * @done: bytes that the VMM dealt with
 * @nr_ranges: in so many ranges
 * @asked_to: of this chunk, the VMM was asked for what is below this address
 * @moved: pages that were elsewhere afterwards
 */
struct job {
	struct operation operation;
	const struct options *options;
	struct device device;
	uint64_t unit;
	struct pagemap map;
	struct ranges ranges;
	uint64_t pages[NR_PAGE_KINDS];
	uint64_t left_out;
	uint64_t done;
	uint64_t nr_ranges;
	uint64_t asked_to;
	uint64_t moved;
};

/* What is to end us, once it has been said what was done. */
static volatile sig_atomic_t stopped_by;
static const int stopping[] = { SIGINT, SIGTERM, SIGHUP };

static void on_stop(int number)
{
	stopped_by = number;
}

/* Whoever has us ignore a signal goes on having it ignored. */
static void heed_signals(void)
{
	struct sigaction was, action = { .sa_handler = on_stop };

	for (size_t i = 0; i < sizeof(stopping) / sizeof(stopping[0]); i++)
		if (!sigaction(stopping[i], NULL, &was) &&
		    was.sa_handler != SIG_IGN)
			sigaction(stopping[i], &action, NULL);
}

/* A shell that started us sees that it was the signal. */
static void end_by_signal(void)
{
	if (!stopped_by)
		return;
	fflush(stdout);
	signal(stopped_by, SIG_DFL);
	raise(stopped_by);
}

static enum status go_on(const struct job *job)
{
	if (!stopped_by)
		return STATUS_OK;
	return fail(STATUS_FAILED, "%s: interrupted", job->operation.name);
}

static enum status send_range(struct job *job, struct range range)
{
	while (range.length) {
		/* In pieces that end where the driver's end, too. */
		uint64_t piece = DEVICE_PIECE - range.start % DEVICE_PIECE;
		enum status status = go_on(job);

		if (status)
			return status;
		if (piece > range.length)
			piece = range.length;
		job->asked_to = range.start + piece;
		status = device_call(&job->device, job->operation.name,
				     job->operation.func, range.start, piece,
				     job->operation.arg);
		if (status)
			return status;
		job->done += piece;
		progress_add(piece);
		range.start += piece;
		range.length -= piece;
	}
	return STATUS_OK;
}

static enum status send_ranges(struct job *job)
{
	ranges_coalesce(&job->ranges);
	job->left_out += ranges_trim(&job->ranges, job->unit);
	for (size_t i = 0; i < job->ranges.nr; i++) {
		struct range *r = &job->ranges.item[i];
		enum status status;

		if (job->options->dry_run) {
			printf("%#" PRIx64 " %#" PRIx64 "\n", r->start,
			       r->length);
			job->done += r->length;
		} else {
			status = send_range(job, *r);
			if (status)
				return status;
		}
		job->nr_ranges++;
	}
	ranges_clear(&job->ranges);
	return STATUS_OK;
}

static bool takes_away(const struct operation *operation)
{
	return operation->effect == EFFECT_LOSES ||
	       operation->effect == EFFECT_CLOSES;
}

/* Adds what the operation is for to the ranges. */
static bool collect(struct job *job, const uint64_t *entry,
		    const enum page_kind *kind, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		job->pages[kind[i]]++;
		if (operation_takes(&job->operation, job->options, kind[i]) &&
		    !ranges_add(&job->ranges,
				(entry[i] & PAGEMAP_PFN) * job->map.page,
				job->map.page))
			return false;
	}
	return true;
}

/* Whether the VMM was asked for that page; ranges go by address. */
static bool was_asked(const struct job *job, uint64_t entry)
{
	return (entry & PAGEMAP_PFN) * job->map.page < job->asked_to;
}

/* Counts those that were used and are not where they were. */
static enum status look_again(struct job *job, uint64_t start, size_t nr,
			      const uint64_t *before,
			      const enum page_kind *kind)
{
	static uint64_t after[CHUNK_PAGES];
	enum status status = pagemap_read(&job->map, start, nr, after, NULL);

	for (size_t i = 0; !status && i < nr; i++)
		if (operation_takes(&job->operation, job->options, kind[i]) &&
		    was_asked(job, before[i]) &&
		    (before[i] ^ after[i]) & (PAGEMAP_PRESENT | PAGEMAP_PFN))
			job->moved++;
	return status;
}

static enum status process_chunk(struct job *job, uint64_t start, size_t nr)
{
	static enum page_kind kind[CHUNK_PAGES];
	static uint64_t entry[CHUNK_PAGES];
	enum status status = pagemap_read(&job->map, start, nr, entry, kind);
	uint64_t before = job->done;

	if (status)
		return status;
	if (!collect(job, entry, kind, nr))
		return fail(STATUS_FAILED, "out of memory");
	/* What is printed may be one list: there is no hurry. */
	if (job->options->dry_run)
		return STATUS_OK;
	job->asked_to = 0;
	status = send_ranges(job);
	/* One that failed may have been dealt with, too. */
	if (job->asked_to && takes_away(&job->operation)) {
		enum status again = look_again(job, start, nr, entry, kind);

		status = status ?: again;
	}
	/* Pages that were left out are behind us as well. */
	if (nr * job->map.page > job->done - before)
		progress_add(nr * job->map.page - (job->done - before));
	return status;
}

/* Are there pages of others, and must that stop us? */
static enum status survey(struct job *job, uint64_t start, uint64_t nr)
{
	static enum page_kind kind[CHUNK_PAGES];
	static uint64_t entry[CHUNK_PAGES];
	uint64_t shared = 0, file = 0;

	for (uint64_t at = 0; at < nr; at += CHUNK_PAGES) {
		size_t here = nr - at < CHUNK_PAGES ? nr - at : CHUNK_PAGES;
		enum status status = go_on(job);

		if (!status)
			status = pagemap_read(&job->map,
					      start + at * job->map.page, here,
					      entry, kind);
		if (status)
			return status;
		for (size_t i = 0; i < here; i++) {
			shared += kind[i] == PAGE_SHARED;
			file += kind[i] == PAGE_FILE;
		}
	}
	if (!shared && !file)
		return STATUS_OK;
	return fail(STATUS_REFUSED,
		    "refused: %" PRIu64 " pages are shared with other processes and %" PRIu64
		    " belong to files or shared memory; --shared=skip leaves them out, --shared=include does not",
		    shared, file);
}

static enum status process_range(struct job *job, uint64_t start,
				 uint64_t length)
{
	uint64_t nr = length / job->map.page;
	enum status status = STATUS_OK;

	if (takes_away(&job->operation) &&
	    job->options->shared == SHARED_REFUSE)
		status = survey(job, start, nr);
	progress_begin(job->operation.name, length);
	for (uint64_t at = 0; !status && at < nr; at += CHUNK_PAGES) {
		status = go_on(job);
		if (!status)
			status = process_chunk(job, start + at * job->map.page,
					       nr - at < CHUNK_PAGES ? nr - at :
					       CHUNK_PAGES);
	}
	if (!status && job->options->dry_run)
		status = send_ranges(job);
	progress_end();
	return status;
}

static enum status physical_range(struct job *job, uint64_t start,
				  uint64_t length)
{
	enum status status;

	if (!ranges_add(&job->ranges, start, length))
		return fail(STATUS_FAILED, "out of memory");
	progress_begin(job->operation.name, length);
	status = send_ranges(job);
	progress_end();
	return status;
}

static void say_left_out(const struct job *job)
{
	static const char *const names[NR_PAGE_KINDS] = {
		[PAGE_SHARED] = "shared with others",
		[PAGE_FILE] = "of files or shared memory",
		[PAGE_ZERO] = "of the kernel's zeroes",
		[PAGE_SWAPPED] = "swapped out",
		[PAGE_HOLE] = "not there",
		[PAGE_SPECIAL] = "not RAM",
	};
	char text[256];
	int used = 0;

	for (int kind = 0; kind < NR_PAGE_KINDS; kind++)
		if (job->pages[kind] &&
		    !operation_takes(&job->operation, job->options, kind))
			used += snprintf(text + used, sizeof(text) - used,
					 "%s%" PRIu64 " %s", used ? ", " : "",
					 job->pages[kind], names[kind]);
	if (used)
		say("pages left out: %s", text);
	if (job->left_out)
		say("%" PRIu64 " bytes left out: they are no whole pages of the host's %" PRIu64
		    " bytes", job->left_out, job->unit);
}

static enum status summary(const struct job *job, enum status status)
{
	char size[SIZE_TEXT];

	if (job->options->pid)
		say_left_out(job);
	if (job->options->verbose || (status && job->done))
		say("%s%s: %s (%" PRIu64 " bytes) in %" PRIu64 " ranges%s",
		    job->options->dry_run ? "would do " : "",
		    job->operation.name, format_size(size, job->done),
		    job->done, job->nr_ranges,
		    status ? ", before that failed" : "");
	/* Whatever else has failed, this may be somebody's data. */
	if (job->moved) {
		say("%" PRIu64 " pages were moved by the kernel meanwhile: others may have lost what they had there",
		    job->moved);
		return status ?: STATUS_FAILED;
	}
	if (!status && !job->done)
		return fail(STATUS_FAILED,
			    "nothing was done: no page of the range can be used");
	return status;
}

static enum status parse_range(const struct command *command,
			       const struct options *options, uint64_t unit,
			       uint64_t *start, uint64_t *length)
{
	char **argument = options->argument + options->nr_arguments - 2;

	if (!parse_size(argument[0], start))
		return usage_error(command, "ADDRESS is no number");
	if (!parse_size(argument[1], length))
		return usage_error(command, "LENGTH is no size");
	if (!*length)
		return usage_error(command, "LENGTH is 0");
	if (*start + (*length - 1) < *start)
		return usage_error(command, "the range wraps around");
	if (*start % unit || *length % unit) {
		say("%s: ADDRESS and LENGTH must be multiples of %" PRIu64,
		    command->name, unit);
		return STATUS_USAGE;
	}
	return STATUS_OK;
}

static enum status check_options(const struct command *command,
				 const struct options *options)
{
	if (!options->pid == !options->phys)
		return usage_error(command,
				   "either --pid or --phys says whose ADDRESS it is");
	if (options->phys && options->shared != SHARED_REFUSE)
		return usage_error(command,
				   "--shared is about a process's pages");
	return STATUS_OK;
}

static enum status check_force(const struct job *job)
{
	const char *why;

	if (job->options->force || job->options->dry_run ||
	    !operation_needs_force(&job->operation, job->options->phys, &why))
		return STATUS_OK;
	return fail(STATUS_REFUSED, "%s is refused: %s; --force does it",
		    job->operation.name, why);
}

/* Where a module that is too old to say is loaded, the VMM will say it. */
static enum status check_feature(const struct job *job)
{
	char version[16] = "?";
	uint64_t features;

	if (!job->operation.feature ||
	    device_number(&job->device, "features", &features) ||
	    (features & job->operation.feature))
		return STATUS_OK;
	snprintf(version, sizeof(version), "%u.%u", job->device.major,
		 job->device.minor);
	return fail(STATUS_UNSUPPORTED,
		    "this VMM has no %s: it speaks version %s and its features are %#" PRIx64,
		    job->operation.name, version, features);
}

/* Nothing is done without a device; what would be done can be said. */
static enum status open_device(struct job *job)
{
	enum status status;

	if (job->options->dry_run) {
		device_find(&job->device, job->options->device);
		if (!device_number(&job->device, "host_page_size", &job->unit))
			return STATUS_OK;
		job->unit = sysconf(_SC_PAGESIZE);
		if (job->options->device)
			say("nothing is known of %s: host pages of %" PRIu64
			    " bytes are assumed", job->device.path, job->unit);
		return STATUS_OK;
	}
	status = device_open(&job->device, job->options->device);
	if (status)
		return status;
	job->unit = job->device.host_page_size;
	return check_feature(job);
}

enum status run_operation(const struct command *command,
			  const struct options *options)
{
	struct job job = {
		.options = options,
		.device.fd = -1,
		.map = { .map = -1, .counts = -1, .flags = -1 },
	};
	uint64_t start, length;
	enum status status;

	if (options->nr_arguments > command->min)
		return usage_error(command, "too many arguments");
	if (!operation_find(&job.operation, command->name,
			    options->nr_arguments > 2 ? options->argument[0] :
			    NULL))
		return usage_error(command, "the first argument makes no sense");
	status = check_options(command, options);
	/* What makes no sense is said before what is missing. */
	if (!status)
		status = parse_range(command, options, sysconf(_SC_PAGESIZE),
				     &start, &length);
	if (!status)
		status = check_force(&job);
	if (!status)
		status = open_device(&job);
	if (!status && options->phys)
		status = parse_range(command, options, job.unit, &start,
				     &length);
	if (!status && options->pid)
		status = pagemap_open(&job.map, options->pid);
	if (status)
		goto close;
	heed_signals();
	status = options->pid ? process_range(&job, start, length) :
		 physical_range(&job, start, length);
	status = status == STATUS_REFUSED ? status : summary(&job, status);
close:
	pagemap_close(&job.map);
	ranges_free(&job.ranges);
	device_close(&job.device);
	end_by_signal();
	return status;
}
