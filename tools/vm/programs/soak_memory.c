// SPDX-License-Identifier: GPL-2.0
/*
 * Makes memory short, again and again, and looks whether any of it changes.
 *
 * Usage: soak_memory FREE_KIB UNTIL
 *
 * Takes most of the memory.  Then a child takes more, until no more than FREE_KIB
 * are free, holds it for a while and goes; then others have some time to
 * themselves.  That goes on until the file UNTIL exists.  Each page has a word of
 * its own, which is looked at in the end.  The child is the first that the kernel
 * ends when there is no memory left at all.
 *
 * Prints "ok NAME" or "not ok NAME: why", and "name value" lines: times; mib that
 * were held all the time; killed, of the children; and slabs, the kernel's own
 * objects of which it looked meanwhile whether it can do without.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM "soak_memory"
#include "verdict.h"

#define PAGE		4096ul
#define CHUNK		(1ul << 20)
#define MAX_CHUNKS	(64ul << 10)
#define CHILD_KIB	(128ul << 10)
/* So often at least, if the kernel takes no notice. */
#define MIN_TIMES	10
#define HOLD_US		500000
#define PAUSE_US	700000

/* Of a file with lines "NAME VALUE..." */
static uint64_t number(const char *file, const char *name)
{
	char line[256];
	uint64_t value = 0;
	size_t length = strlen(name);
	FILE *f = fopen(file, "r");

	if (!f)
		die(file);
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, name, length)) {
			value = strtoull(line + length, NULL, 10);
			break;
		}
	}
	fclose(f);
	return value;
}

static uint64_t word(uint64_t time, uint64_t page)
{
	return ((time << 32) + page + 1) * 0x9e3779b97f4a7c15ull;
}

/* Another place in each page. */
static uint64_t *place(char *chunk, uint64_t page)
{
	return (uint64_t *)(chunk + page * PAGE + page * 72 % PAGE / 8 * 8);
}

/* Until no more than that is free; returns how many MiB. */
static uint64_t take(char **chunks, uint64_t time, uint64_t free_kib)
{
	uint64_t nr = 0;

	while (nr < MAX_CHUNKS && (nr % 4 || number("/proc/meminfo",
						    "MemFree:") > free_kib)) {
		chunks[nr] = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (chunks[nr] == MAP_FAILED)
			break;
		for (uint64_t i = 0; i < CHUNK / PAGE; i++)
			*place(chunks[nr], i) = word(time, nr * (CHUNK / PAGE) + i);
		nr++;
	}
	return nr;
}

static uint64_t changed(char **chunks, uint64_t time, uint64_t nr)
{
	uint64_t wrong = 0;

	for (uint64_t c = 0; c < nr; c++)
		for (uint64_t i = 0; i < CHUNK / PAGE; i++)
			wrong += *place(chunks[c], i) !=
				 word(time, c * (CHUNK / PAGE) + i);
	return wrong;
}

static void be_first_to_go(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY);

	if (fd < 0 || write(fd, "1000", 4) != 4)
		die("/proc/self/oom_score_adj");
	close(fd);
}

static void be_child(uint64_t time, uint64_t free_kib)
{
	static char *chunks[MAX_CHUNKS];
	uint64_t nr;

	be_first_to_go();
	nr = take(chunks, time, free_kib);
	usleep(HOLD_US);
	_exit(changed(chunks, time, nr) != 0);
}

int main(int argc, char **argv)
{
	static char *chunks[MAX_CHUNKS];
	uint64_t free_kib = argc == 3 ? strtoull(argv[1], NULL, 0) : 0;
	uint64_t times = 0, killed = 0, wrong = 0, nr;
	uint64_t before, scanned;

	if (!free_kib) {
		fprintf(stderr, "usage: soak_memory FREE_KIB UNTIL\n");
		return 2;
	}
	before = number("/proc/vmstat", "slabs_scanned ");
	nr = take(chunks, 0, free_kib + CHILD_KIB);
	do {
		pid_t child = fork();
		int status;

		if (child < 0)
			die("fork");
		if (!child)
			be_child(times + 1, free_kib);
		if (waitpid(child, &status, 0) != child)
			die("waitpid");
		times++;
		if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
			killed++;
		else if (status)
			wrong++;
		usleep(PAUSE_US);
		scanned = number("/proc/vmstat", "slabs_scanned ") - before;
	} while (access(argv[2], F_OK) || (!scanned && times < MIN_TIMES));
	printf("times %" PRIu64 "\nmib %" PRIu64 "\nkilled %" PRIu64
	       "\nslabs %" PRIu64 "\n", times, nr, killed, scanned);
	verdict(scanned > 0, "the kernel was short of memory", "it did not look");
	verdict(!wrong, "no page has changed", "%" PRIu64 " times", wrong);
	verdict(!changed(chunks, 0, nr), "nor one of those held all the time",
		"it has");
	return failures != 0;
}
