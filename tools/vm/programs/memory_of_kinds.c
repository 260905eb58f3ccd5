// SPDX-License-Identifier: GPL-2.0
/*
 * A process with memory of several kinds, for others to look at and to act on.
 *
 * Usage: memory_of_kinds PAGES
 *
 * Maps, and prints a line "KIND PID ADDRESS LENGTH" for each of:
 *
 *	own	PAGES anonymous pages, filled, locked where they are
 *	holes	64 of them, each other never touched
 *	shared	16 that a child has mapped too
 *	file	16 of a memfd
 *	zero	16 that have been read and never written
 *
 * Then reads words, a line each: "count KIND" prints "KIND FILLED ZERO OTHER",
 * numbers of its pages by content; "fill KIND" fills it anew.  Ends with its
 * input.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define PAGE	4096ul

static struct area {
	const char *name;
	size_t pages;
	unsigned int each;	/* filled: one page of so many */
	uint64_t *start;
} areas[] = {
	{ "own", 0, 1, NULL }, { "holes", 64, 2, NULL },
	{ "shared", 16, 1, NULL }, { "file", 16, 1, NULL },
	{ "zero", 16, 0, NULL },
};

#define NR_AREAS	(sizeof(areas) / sizeof(areas[0]))

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t word_of(size_t page, size_t word)
{
	return (page * 512 + word) * 0x9e3779b97f4a7c15ull | 1;
}

static void fill(const struct area *area)
{
	for (size_t i = 0; area->each && i < area->pages; i += area->each)
		for (size_t j = 0; j < 512; j++)
			area->start[i * 512 + j] = word_of(i, j);
}

static void map(struct area *area)
{
	int fd = -1, flags = MAP_PRIVATE | MAP_ANONYMOUS;

	if (!strcmp(area->name, "file")) {
		fd = memfd_create("memory_of_kinds", 0);
		if (fd < 0 || ftruncate(fd, area->pages * PAGE))
			die("memfd_create");
		flags = MAP_SHARED;
	}
	/* A page to either side, so that no two become one mapping. */
	area->start = mmap(NULL, (area->pages + 2) * PAGE, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area->start == MAP_FAILED)
		die("mmap");
	area->start = mmap(area->start + 512, area->pages * PAGE,
			   PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, 0);
	if (area->start == MAP_FAILED)
		die("mmap");
	madvise(area->start, area->pages * PAGE, MADV_NOHUGEPAGE);
	fill(area);
	if (!area->each)
		for (size_t i = 0; i < area->pages; i++)
			if (*(volatile uint64_t *)(area->start + i * 512))
				die("a new page");
	if (area->each == 1 && mlock(area->start, area->pages * PAGE))
		die("mlock");
	printf("%s %d %#lx %zu\n", area->name, getpid(), (uintptr_t)area->start,
	       area->pages * PAGE);
}

static void count(const struct area *area)
{
	size_t filled = 0, zero = 0, other = 0;

	for (size_t i = 0; i < area->pages; i++) {
		size_t words = 0, nulls = 0;

		for (size_t j = 0; j < 512; j++) {
			words += area->start[i * 512 + j] == word_of(i, j);
			nulls += !area->start[i * 512 + j];
		}
		if (words == 512)
			filled++;
		else if (nulls == 512)
			zero++;
		else
			other++;
	}
	printf("%s %zu %zu %zu\n", area->name, filled, zero, other);
}

int main(int argc, char **argv)
{
	char verb[16], name[16];

	if (argc != 2)
		return 2;
	areas[0].pages = strtoul(argv[1], NULL, 0);
	for (size_t i = 0; i < NR_AREAS; i++)
		map(&areas[i]);
	/* After this all are shared, until they are written to again. */
	switch (fork()) {
	case -1:
		die("fork");
		break;
	case 0:
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (size_t i = 0; i < NR_AREAS; i++)
			if (strcmp(areas[i].name, "shared"))
				munmap(areas[i].start, areas[i].pages * PAGE);
		puts("ready");
		fflush(stdout);
		pause();
		_exit(0);
	}
	fflush(stdout);
	while (scanf("%15s %15s", verb, name) == 2) {
		for (size_t i = 0; i < NR_AREAS; i++) {
			if (strcmp(name, areas[i].name))
				continue;
			if (!strcmp(verb, "fill"))
				fill(&areas[i]);
			count(&areas[i]);
		}
		fflush(stdout);
	}
	return 0;
}
