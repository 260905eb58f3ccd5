// SPDX-License-Identifier: GPL-2.0
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "options.h"
#include "size.h"
#include "sysfs.h"

/* Words alone have values that are no letters. */
enum { OPTION_SYSFS = 256, OPTION_SHARED };

static const struct option words[] = {
	{ "batch", no_argument, NULL, 'b' },
	{ "count", required_argument, NULL, 'n' },
	{ "device", required_argument, NULL, 'd' },
	{ "dry-run", no_argument, NULL, 'N' },
	{ "force", no_argument, NULL, 'f' },
	{ "help", no_argument, NULL, 'h' },
	{ "interval", required_argument, NULL, 'i' },
	{ "json", no_argument, NULL, 'j' },
	{ "phys", no_argument, NULL, 'P' },
	{ "pid", required_argument, NULL, 'p' },
	{ "shared", required_argument, NULL, OPTION_SHARED },
	{ "sort", required_argument, NULL, 's' },
	{ "sysfs", required_argument, NULL, OPTION_SYSFS },
	{ "verbose", no_argument, NULL, 'v' },
	{ "version", no_argument, NULL, 'V' },
	{}
};

/* Those that each command takes. */
static const char always[] = "h";

enum status usage_error(const struct command *command, const char *why)
{
	say("%s: %s", command->name, why);
	fprintf(stderr, "usage: pvmemctl %s %s\n", command->name,
		command->usage);
	return STATUS_USAGE;
}

static bool takes(const struct command *command, int option)
{
	if (option == OPTION_SYSFS)
		return true;
	/* What is done to a process's pages goes with saying whose. */
	if (option == OPTION_SHARED)
		option = 'p';
	return strchr(always, option) || strchr(command->options, option);
}

static bool set_shared(struct options *options, const char *text)
{
	static const char *const names[] = {
		[SHARED_REFUSE] = "refuse",
		[SHARED_SKIP] = "skip",
		[SHARED_INCLUDE] = "include",
	};

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(text, names[i])) {
			options->shared = i;
			return true;
		}
	}
	return false;
}

/* False when the option's argument makes no sense. */
static bool set(struct options *options, int option, const char *text)
{
	uint64_t number;

	switch (option) {
	case 'b':
		options->batch = true;
		return true;
	case 'n':
		return parse_number(text, &options->count) && options->count;
	case 'd':
		options->device = text;
		return *text;
	case 'N':
		options->dry_run = true;
		return true;
	case 'f':
		options->force = true;
		return true;
	case 'i':
		return parse_seconds(text, &options->interval_ms);
	case 'j':
		options->json = true;
		return true;
	case 'P':
		options->phys = true;
		return true;
	case 'p':
		if (!parse_number(text, &number) || !number || number > INT_MAX)
			return false;
		options->pid = number;
		return true;
	case 's':
		options->sort = text;
		return true;
	case 'v':
		options->verbose = true;
		return true;
	case OPTION_SHARED:
		return set_shared(options, text);
	case OPTION_SYSFS:
		sysfs_root = text;
		return true;
	}
	return false;
}

static const struct command *find(const struct command *commands,
				  const char *name)
{
	for (; commands->name; commands++)
		if (!strcmp(commands->name, name))
			return commands;
	return NULL;
}

static const char *word_of(int option)
{
	const struct option *word = words;

	while (word->val != option)
		word++;
	return word->name;
}

static enum status parse_one(struct options *options,
			     const struct command *command, int option)
{
	char why[160];

	if (!takes(command, option)) {
		snprintf(why, sizeof(why), "takes no --%s", word_of(option));
		return usage_error(command, why);
	}
	if (set(options, option, optarg))
		return STATUS_OK;
	snprintf(why, sizeof(why), "--%s '%.64s' makes no sense",
		 word_of(option), optarg);
	return usage_error(command, why);
}

enum status options_parse(struct options *options,
			  const struct command *commands,
			  const struct command **found, int argc, char **argv)
{
	const struct command *command = find(commands, argv[1]);
	enum status status;
	int option;

	*options = (struct options) {};
	if (!command) {
		say("unknown command '%s'; 'pvmemctl help' lists them",
		    argv[1]);
		return STATUS_USAGE;
	}
	*found = command;
	optind = 2;
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":bd:fhi:jn:Np:Ps:vV", words,
				     NULL)) != -1) {
		char why[160];

		if (option == '?' || option == ':') {
			snprintf(why, sizeof(why), "%s '%.64s'", option == ':' ?
				 "no value for" : "unknown option",
				 argv[optind - 1]);
			return usage_error(command, why);
		}
		if (option == 'h') {
			printf("pvmemctl %s %s\n\t%s\n", command->name,
			       command->usage, command->help);
			*found = NULL;
			return STATUS_OK;
		}
		status = parse_one(options, command, option);
		if (status)
			return status;
	}
	options->argument = argv + optind;
	options->nr_arguments = argc - optind;
	if (options->nr_arguments < command->min)
		return usage_error(command, "arguments are missing");
	if (options->nr_arguments > command->max)
		return usage_error(command, "too many arguments");
	return STATUS_OK;
}
