/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The command line: which commands there are is main.c's, what an option means
 * is here.
 */
#ifndef PVMEMCTL_OPTIONS_H
#define PVMEMCTL_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "say.h"

/**
 * enum shared_pages - what becomes of pages that are not a process's alone
 * @SHARED_REFUSE: nothing is done when there are any
 * @SHARED_SKIP: they are left out
 * @SHARED_INCLUDE: they are as any other
 */
enum shared_pages {
	SHARED_REFUSE,
	SHARED_SKIP,
	SHARED_INCLUDE,
};

struct options {
	const char *device;
	const char *sort;
	uint64_t interval_ms;	/* 0: not given */
	uint64_t count;		/* 0: not given */
	pid_t pid;		/* 0: not given */
	enum shared_pages shared;
	bool phys;
	bool force;
	bool dry_run;
	bool json;
	bool batch;
	bool verbose;

	/* What is left: arguments of the command. */
	char **argument;
	int nr_arguments;
};

/**
 * struct command - what can be asked of this program
 * @name: the word on the command line
 * @options: letters of those that it takes
 * @usage: its arguments, as the help shows them
 * @help: what it does, in a line
 * @min: fewest arguments
 * @max: most
 * @run: does it
 */
struct command {
	const char *name;
	const char *options;
	const char *usage;
	const char *help;
	int min;
	int max;
	enum status (*run)(const struct command *command,
			   const struct options *options);
};

/* On failure it has been said why. */
enum status options_parse(struct options *options,
			  const struct command *commands,
			  const struct command **command, int argc,
			  char **argv);

/* How a command is to be used; returns STATUS_USAGE. */
enum status usage_error(const struct command *command, const char *why);

enum status run_info(const struct command *command,
		     const struct options *options);
enum status run_stat(const struct command *command,
		     const struct options *options);
enum status run_top(const struct command *command,
		    const struct options *options);
enum status run_kstack(const struct command *command,
		       const struct options *options);
enum status run_operation(const struct command *command,
			  const struct options *options);

#endif
