// SPDX-License-Identifier: GPL-2.0
/*
 * How long it takes to be handed huge pages and to use some of each, and what
 * an idle pool costs the host.
 *
 * Usage: hugebench touch MIB NR_PAGES PERCENT backed|unbacked|thp
 *
 *	Uses all of NR_PAGES pages and gives them back, so that the host's
 *	memory behind them is backed; with "unbacked" has it dropped first.
 *	Then maps as many, touches the first byte of each, and PERCENT of the
 *	4 KiB pages of each.  The pool should have just NR_PAGES.  Prints
 *
 *	first_ns	for the first touch of a page, on average
 *	total_ns	for that and the rest of the touching
 *	exits		the VMM was asked for that, over all pages
 *
 * Usage: hugebench idle MIB NR_PAGES SECONDS
 *
 *	Uses all of NR_PAGES pages, gives them back, and asks the host until it
 *	has less than 5% of them, SECONDS at the most.  Prints
 *
 *	resident_used	bytes that the pages cost the host while in use
 *	resident_idle	and in the end
 *	delay_ns	from giving back until the host knew, or had not yet
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <linux/pvmemcontrol.h>

#define SMALL	4096

static size_t page_size, nr_pages;

static void die(const char *what)
{
	fprintf(stderr, "hugebench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static unsigned char *map_pages(int thp)
{
	int huge = MAP_HUGETLB | __builtin_ctzl(page_size) << MAP_HUGE_SHIFT;
	size_t length = page_size * nr_pages;
	unsigned char *map;

	if (!thp) {
		map = mmap(NULL, length, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | huge, -1, 0);
		if (map == MAP_FAILED)
			die("mapping huge pages");
		return map;
	}
	/* One more, to have the start where a huge page can begin. */
	map = mmap(NULL, length + page_size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		die("mapping memory");
	map += page_size - (uintptr_t)map % page_size;
	if (madvise(map, length, MADV_HUGEPAGE))
		die("MADV_HUGEPAGE");
	return map;
}

static void touch(unsigned char *map, size_t bytes)
{
	for (size_t i = 0; i < nr_pages; i++)
		for (size_t j = 0; j < bytes; j += SMALL)
			*(volatile unsigned char *)(map + i * page_size + j) = 1;
}

static uint64_t *physical_addresses(unsigned char *map)
{
	uint64_t *gpa = calloc(nr_pages, sizeof(*gpa));
	int fd = open("/proc/self/pagemap", O_RDONLY);

	if (!gpa || fd < 0)
		die("/proc/self/pagemap");
	for (size_t i = 0; i < nr_pages; i++) {
		uint64_t at = (uintptr_t)(map + i * page_size) / SMALL, entry;

		if (pread(fd, &entry, 8, at * 8) != 8)
			die("reading /proc/self/pagemap");
		gpa[i] = (entry & ((1ull << 55) - 1)) * SMALL;
	}
	close(fd);
	return gpa;
}

static uint64_t ask_host(const char *request)
{
	char command[128];
	uint64_t answer;
	FILE *pipe;

	snprintf(command, sizeof(command), "host %s", request);
	pipe = popen(command, "r");
	if (!pipe || fscanf(pipe, "%" SCNu64, &answer) != 1 || pclose(pipe))
		die(command);
	return answer;
}

static void drop(const uint64_t *gpa)
{
	int fd = open("/dev/pvmemcontrol0", O_RDWR);

	if (fd < 0)
		die("/dev/pvmemcontrol0");
	for (size_t i = 0; i < nr_pages; i++) {
		struct pvmemcontrol_buf buf = { .call = {
			PVMEMCONTROL_DONTNEED, gpa[i], page_size, 0 } };

		if (ioctl(fd, PVMEMCONTROL_IOCTL_VMM, &buf) ||
		    buf.ret.ret_errno)
			die("DONTNEED");
	}
	close(fd);
}

static int measure_touch(unsigned int percent, const char *state)
{
	int thp = !strcmp(state, "thp");
	size_t bytes = page_size / SMALL * percent / 100 * SMALL;
	uint64_t begin, first, total, exits;
	unsigned char *map = map_pages(thp);

	touch(map, page_size);
	if (!strcmp(state, "unbacked"))
		drop(physical_addresses(map));
	if (munmap(map, page_size * nr_pages))
		die("unmapping");

	map = map_pages(thp);
	exits = ask_host("counter requests-total");
	begin = now_ns();
	touch(map, 1);
	first = now_ns();
	touch(map, bytes);
	total = now_ns();
	exits = ask_host("counter requests-total") - exits;

	printf("first_ns %" PRIu64 "\n", (first - begin) / nr_pages);
	printf("total_ns %" PRIu64 "\n", (total - begin) / nr_pages);
	printf("exits %" PRIu64 "\n", exits);
	return 0;
}

/* Ranges, not pages: each question to the host takes a while. */
static uint64_t resident(const uint64_t *gpa)
{
	uint64_t sum = 0;
	char request[64];
	size_t i, j;

	for (i = 0; i < nr_pages; i = j) {
		for (j = i + 1; j < nr_pages; j++)
			if (gpa[j] != gpa[j - 1] + page_size)
				break;
		snprintf(request, sizeof(request), "ram %#" PRIx64 " %#zx",
			 gpa[i], (j - i) * page_size);
		sum += ask_host(request);
	}
	return sum;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static int measure_idle(unsigned int seconds)
{
	unsigned char *map = map_pages(0);
	uint64_t begin, now, idle, *gpa;

	touch(map, page_size);
	gpa = physical_addresses(map);
	qsort(gpa, nr_pages, sizeof(*gpa), compare);
	printf("resident_used %" PRIu64 "\n", resident(gpa));

	begin = now_ns();
	if (munmap(map, page_size * nr_pages))
		die("unmapping");
	do {
		idle = resident(gpa);
		now = now_ns();
	} while (idle * 20 > page_size * nr_pages &&
		 now - begin < seconds * 1000000000ull && !usleep(10000));
	printf("resident_idle %" PRIu64 "\n", idle);
	printf("delay_ns %" PRIu64 "\n", now - begin);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc >= 5) {
		page_size = strtoul(argv[2], NULL, 0) << 20;
		nr_pages = strtoul(argv[3], NULL, 0);
		if (argc == 6 && !strcmp(argv[1], "touch"))
			return measure_touch(strtoul(argv[4], NULL, 0), argv[5]);
		if (argc == 5 && !strcmp(argv[1], "idle"))
			return measure_idle(strtoul(argv[4], NULL, 0));
	}
	fprintf(stderr, "usage: hugebench touch MIB NR_PAGES PERCENT backed|unbacked|thp\n"
		"       hugebench idle MIB NR_PAGES SECONDS\n");
	return 2;
}
