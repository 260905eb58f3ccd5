// SPDX-License-Identifier: GPL-2.0
/*
 * pvmemctl: looks at the pvmemcontrol modules, and uses their device.
 */
#include <stdio.h>
#include <string.h>

#include "options.h"

#ifndef PVMEMCTL_VERSION
#define PVMEMCTL_VERSION "unknown"
#endif

#define WHERE		"{--pid PID | --phys} ADDRESS LENGTH"
#define OPERATION	"dfNpPv"

/* A function on a range, with arguments before the range. */
#define OPERATION_WITH(_name, _argument, _arguments, _help)		\
	{								\
		.name = _name,						\
		.options = OPERATION,					\
		.usage = _argument WHERE,				\
		.help = _help,						\
		.min = _arguments,					\
		.max = 3,						\
		.run = run_operation,					\
	}
#define OPERATION_ON(_name, _help) OPERATION_WITH(_name, "", 2, _help)

static const struct command commands[] = {
	{
		.name = "info",
		.options = "j",
		.usage = "[--json]",
		.help = "devices, what their VMM has, clients and their policies",
		.run = run_info,
	}, {
		.name = "stat",
		.options = "ijn",
		.usage = "[--interval SECONDS] [--count N] [--json]",
		.help = "counters of each client, once or again and again",
		.run = run_stat,
	}, {
		.name = "top",
		.options = "bins",
		.usage = "[--interval SECONDS] [--sort COLUMN] [--batch] [--count N]",
		.help = "what each client does now; q leaves it",
		.run = run_top,
	}, {
		.name = "kstack",
		.options = "jv",
		.usage = "{trim | stat [--json]}",
		.help = "give back dead pages of sleeping threads' stacks",
		.min = 1,
		.max = 1,
		.run = run_kstack,
	},
	OPERATION_ON("dontneed", "drop content (private memory of the host)"),
	OPERATION_ON("remove", "drop content (shared memory of the host)"),
	OPERATION_ON("free", "let the host drop content when it is short"),
	OPERATION_ON("pageout", "have the host swap it out"),
	OPERATION_ON("dontdump", "leave it out of the VMM's core dumps"),
	OPERATION_ON("mlock", "keep it in the host's memory"),
	OPERATION_ON("munlock", "undo mlock"),
	OPERATION_ON("mergeable", "let the host merge equal pages"),
	OPERATION_ON("unmergeable", "undo mergeable"),
	OPERATION_ON("guard", "forbid access, and drop content"),
	OPERATION_ON("unguard", "undo guard"),
	OPERATION_WITH("name", "{NUMBER | none} ", 3,
		       "name the host's mapping"),
	OPERATION_WITH("protect", "{none | r | w | rw} ", 3,
		       "what the guest may do there"),
	{}
};

static void help(FILE *out)
{
	fputs("usage: pvmemctl COMMAND [OPTION]... [ARGUMENT]...\n\n", out);
	for (const struct command *c = commands; c->name; c++)
		fprintf(out, "  %-12s %s\n", c->name, c->help);
	fputs("\nOptions of what is done to a range:\n"
	      "  -p, --pid PID       of the memory of this process\n"
	      "  -P, --phys          of the guest's physical memory\n"
	      "  -N, --dry-run       print physical ranges, do nothing\n"
	      "  -f, --force         although content is lost or access forbidden\n"
	      "      --shared WHAT   pages of others too: refuse, skip or include\n"
	      "  -d, --device NAME   default: the first there is\n"
	      "  -v, --verbose       say what was done\n"
	      "Others:\n"
	      "  -i, --interval SECONDS    -n, --count N    -j, --json\n"
	      "  -s, --sort COLUMN         -b, --batch\n"
	      "      --sysfs DIR           read this instead of /sys\n\n"
	      "Sizes may end in K, M, G, T.  See pvmemctl(8).\n", out);
}

int main(int argc, char **argv)
{
	const struct command *command = NULL;
	struct options options;
	enum status status;

	if (argc < 2) {
		help(stderr);
		return STATUS_USAGE;
	}
	if (!strcmp(argv[1], "help") || !strcmp(argv[1], "--help") ||
	    !strcmp(argv[1], "-h")) {
		help(stdout);
		return STATUS_OK;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		puts("pvmemctl " PVMEMCTL_VERSION);
		return STATUS_OK;
	}
	status = options_parse(&options, commands, &command, argc, argv);
	if (status || !command)
		return status;
	status = command->run(command, &options);
	/* What could not be written was not said. */
	if ((fflush(stdout) || ferror(stdout)) && !status)
		status = fail(STATUS_FAILED, "cannot write to standard output");
	return status;
}
