// SPDX-License-Identifier: GPL-2.0
/*
 * Tells where the huge pages are that nobody has mapped.
 *
 * Usage: hugepool PAGE_MIB
 *
 * Prints "START LENGTH", guest physical, for each run of hugetlb pages of this
 * size.  Looks at what the kernel knows of its pages, not at the pages.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of /proc/kpageflags */
#define HEAD		(1ull << 15)
#define TAIL		(1ull << 16)
#define HUGE		(1ull << 17)

#define SMALL_PAGE	4096ull
#define AT_ONCE		65536

static uint64_t flags[AT_ONCE];
static uint64_t run_start, run_length;

static int open_or_die(const char *name)
{
	int fd = open(name, O_RDONLY);

	if (fd < 0) {
		fprintf(stderr, "hugepool: %s: %s\n", name, strerror(errno));
		exit(1);
	}
	return fd;
}

static void end_run(void)
{
	if (run_length)
		printf("%#" PRIx64 " %#" PRIx64 "\n", run_start, run_length);
	run_length = 0;
}

/* A whole page, if nobody has it mapped. */
static void found(int counts, uint64_t frame, uint64_t frames)
{
	uint64_t mapped;

	if (pread(counts, &mapped, sizeof(mapped), frame * sizeof(mapped)) !=
	    sizeof(mapped) || mapped)
		return;
	if (!run_length || run_start + run_length != frame * SMALL_PAGE) {
		end_run();
		run_start = frame * SMALL_PAGE;
	}
	run_length += frames * SMALL_PAGE;
}

int main(int argc, char **argv)
{
	uint64_t wanted = argc == 2 ? strtoull(argv[1], NULL, 0) << 20 : 0;
	int fd = open_or_die("/proc/kpageflags");
	int counts = open_or_die("/proc/kpagecount");
	uint64_t at = 0, frames = 0;
	ssize_t got;

	if (wanted < 2 * SMALL_PAGE || wanted & (wanted - 1)) {
		fprintf(stderr, "usage: hugepool PAGE_MIB\n");
		return 2;
	}
	while ((got = read(fd, flags, sizeof(flags))) > 0) {
		for (size_t i = 0; i < got / sizeof(flags[0]); i++, at++) {
			if (frames && flags[i] & TAIL) {
				frames++;
				continue;
			}
			if (frames == wanted / SMALL_PAGE)
				found(counts, at - frames, frames);
			frames = flags[i] & HUGE && flags[i] & HEAD;
		}
	}
	if (frames == wanted / SMALL_PAGE)
		found(counts, at - frames, frames);
	end_run();
	return 0;
}
