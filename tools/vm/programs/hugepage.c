// SPDX-License-Identifier: GPL-2.0
/*
 * Maps huge pages and does with them what it is told.
 *
 * Usage: hugepage PAGE_MIB NR_PAGES ACTION...
 *
 *	touch		the first access: writes the first byte of each page
 *	zero		reads every byte: how many are not zero (but for the
 *			first of a page, when `touch` has written it)
 *	fill		writes every byte, none of them zero
 *	filled		how many bytes are not what `fill` wrote
 *	unmap		gives the pages back to the pool and maps others
 *	run=COMMAND	has the shell run a command, with the physical address
 *			of the first page in $GPA and the length of a page in
 *			$LENGTH
 *
 * Prints a line "name value" for each: touch_ns, nonzero_bytes, changed_bytes.
 * Exits with 0 unless something could not be done; what was found is for the
 * reader to judge.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define TOUCHED		0x7e

static size_t page_size, nr_pages;
static unsigned char *map;
static int touched;

static void die(const char *what)
{
	fprintf(stderr, "hugepage: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static uint64_t physical_address(const void *virt)
{
	uint64_t entry;
	int fd = open("/proc/self/pagemap", O_RDONLY);

	if (fd < 0)
		die("/proc/self/pagemap");
	if (pread(fd, &entry, sizeof(entry),
		  (uintptr_t)virt / 4096 * sizeof(entry)) != sizeof(entry))
		die("reading /proc/self/pagemap");
	close(fd);
	return (entry & ((1ull << 55) - 1)) * 4096;
}

static void map_pages(void)
{
	int shift = __builtin_ctzl(page_size);

	map = mmap(NULL, page_size * nr_pages, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB |
		   shift << MAP_HUGE_SHIFT, -1, 0);
	if (map == MAP_FAILED)
		die("mapping huge pages");
	touched = 0;
}

static void touch(void)
{
	uint64_t begin = now_ns();

	for (size_t i = 0; i < nr_pages; i++)
		*(volatile unsigned char *)(map + i * page_size) = TOUCHED;
	printf("touch_ns %" PRIu64 "\n", now_ns() - begin);
	touched = 1;
}

static void zero(void)
{
	const volatile uint64_t *words = (const volatile uint64_t *)map;
	uint64_t bad = 0;

	for (size_t i = 0; i < page_size * nr_pages / sizeof(*words); i++) {
		uint64_t word = words[i];

		if (touched && i % (page_size / sizeof(*words)) == 0)
			word ^= TOUCHED;
		if (!word)
			continue;
		for (unsigned int b = 0; b < sizeof(word); b++)
			bad += (word >> b * 8 & 0xff) != 0;
	}
	printf("nonzero_bytes %" PRIu64 "\n", bad);
}

/* No byte of it is zero. */
static uint64_t pattern(size_t i)
{
	return (i * 0x9e3779b97f4a7c15ull) | 0x0101010101010101ull;
}

static void fill(void)
{
	uint64_t *words = (uint64_t *)map;

	for (size_t i = 0; i < page_size * nr_pages / sizeof(*words); i++)
		words[i] = pattern(i);
}

static void filled(void)
{
	const volatile uint64_t *words = (const volatile uint64_t *)map;
	uint64_t bad = 0;

	for (size_t i = 0; i < page_size * nr_pages / sizeof(*words); i++) {
		uint64_t word = words[i] ^ pattern(i);

		for (unsigned int b = 0; word && b < sizeof(word); b++)
			bad += (word >> b * 8 & 0xff) != 0;
	}
	printf("changed_bytes %" PRIu64 "\n", bad);
}

static void unmap(void)
{
	if (munmap(map, page_size * nr_pages))
		die("unmapping huge pages");
	map_pages();
}

static void run(const char *command)
{
	char text[32];
	int status;

	snprintf(text, sizeof(text), "%#" PRIx64, physical_address(map));
	setenv("GPA", text, 1);
	snprintf(text, sizeof(text), "%#zx", page_size);
	setenv("LENGTH", text, 1);
	fflush(stdout);
	status = system(command);
	if (status) {
		fprintf(stderr, "hugepage: status %#x of: %s\n", status,
			command);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*act)(void);
	} actions[] = {
		{ "touch", touch },
		{ "zero", zero },
		{ "fill", fill },
		{ "filled", filled },
		{ "unmap", unmap },
	};

	if (argc < 3) {
		fprintf(stderr, "usage: hugepage PAGE_MIB NR_PAGES ACTION...\n");
		return 2;
	}
	page_size = strtoul(argv[1], NULL, 0) << 20;
	nr_pages = strtoul(argv[2], NULL, 0);
	if (!page_size || page_size & (page_size - 1) || !nr_pages) {
		fprintf(stderr, "hugepage: no such pages\n");
		return 2;
	}
	map_pages();

	for (int i = 3; i < argc; i++) {
		size_t a;

		if (!strncmp(argv[i], "run=", 4)) {
			run(argv[i] + 4);
			continue;
		}
		for (a = 0; a < sizeof(actions) / sizeof(actions[0]); a++)
			if (!strcmp(argv[i], actions[a].name))
				break;
		if (a == sizeof(actions) / sizeof(actions[0])) {
			fprintf(stderr, "hugepage: unknown action '%s'\n",
				argv[i]);
			return 2;
		}
		actions[a].act();
	}
	return 0;
}
