// SPDX-License-Identifier: GPL-2.0
/*
 * Uses huge pages in one of the ways in which they are handed out, get data into
 * them and are given back.
 *
 * Usage: hugeways WAY NR_PAGES [PAGE_MIB]
 *
 *	private, shared		anonymous memory
 *	file			a file with fallocate()
 *	copy			a child writes to what it shares with its parent
 *	steal			a parent writes while its child still looks at it
 *	punch			pages are punched out of a file, one only in part
 *	truncate		a file is cut, and grows again
 *	move			pages migrate to the other node and back
 *	thp			transparent huge pages, 2 MiB
 *
 * At most NR_PAGES are in use at any time.  What is handed out must read as
 * zero over every byte; then every byte is written (in pages of 1 GiB, some of
 * each 64), and what has been written must be there for as long as it is to be.
 * Says what is not so, and exits with 1.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/mempolicy.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE		page_size

static size_t nr_pages, page_size = (size_t)2 << 20;

static void die(const char *what)
{
	fprintf(stderr, "hugeways: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Of the word at this offset; no byte of it is zero. */
static uint64_t pattern(size_t offset, unsigned int salt)
{
	return ((offset + salt) * 0x9e3779b97f4a7c15ull) | 0x0101010101010101ull;
}

static size_t step(void)
{
	return page_size > (size_t)2 << 20 ? 64 : sizeof(uint64_t);
}

static void fill(void *map, size_t from, size_t to, unsigned int salt)
{
	for (size_t at = from; at < to; at += step())
		*(uint64_t *)((char *)map + at) = pattern(at, salt);
}

static void expect(const char *what, void *map, size_t at, uint64_t want)
{
	uint64_t got = *(volatile uint64_t *)((char *)map + at);

	if (got == want)
		return;
	fprintf(stderr, "hugeways: %s: %#" PRIx64 " instead of %#" PRIx64
		" at %#zx\n", what, got, want, at);
	exit(1);
}

static void expect_zero(const char *what, void *map, size_t from, size_t to)
{
	for (size_t at = from; at < to; at += sizeof(uint64_t))
		expect(what, map, at, 0);
}

static void expect_pattern(const char *what, void *map, size_t from, size_t to,
			   unsigned int salt)
{
	for (size_t at = from; at < to; at += step())
		expect(what, map, at, pattern(at, salt));
}

static void *map_anonymous(size_t pages, int flags)
{
	void *map = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
			 MAP_ANONYMOUS | MAP_HUGETLB | flags |
			 __builtin_ctzl(PAGE) << MAP_HUGE_SHIFT, -1, 0);

	if (map == MAP_FAILED)
		die("mapping huge pages");
	return map;
}

static int open_file(void)
{
	int fd = memfd_create("hugeways", MFD_HUGETLB |
			      __builtin_ctzl(PAGE) << MAP_HUGE_SHIFT);

	if (fd < 0)
		die("a file of huge pages");
	return fd;
}

static void *map_file(int fd, size_t pages)
{
	void *map = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
			 fd, 0);

	if (map == MAP_FAILED)
		die("mapping a file of huge pages");
	return map;
}

static void take(void *map, size_t pages)
{
	expect_zero("a new page", map, 0, pages * PAGE);
	fill(map, 0, pages * PAGE, 0);
	expect_pattern("a page", map, 0, pages * PAGE, 0);
}

static void anonymous(int flags)
{
	void *map = map_anonymous(nr_pages, flags);

	take(map, nr_pages);
	if (munmap(map, nr_pages * PAGE))
		die("unmapping");
}

static void use_private(void)
{
	anonymous(MAP_PRIVATE);
}

static void use_shared(void)
{
	anonymous(MAP_SHARED);
}

static void use_file(void)
{
	int fd = open_file();
	void *map;

	if (fallocate(fd, 0, 0, nr_pages * PAGE))
		die("fallocate");
	map = map_file(fd, nr_pages);
	take(map, nr_pages);
	munmap(map, nr_pages * PAGE);
	/* Without the mapping they are still in the file. */
	map = map_file(fd, nr_pages);
	expect_pattern("a page of a file", map, 0, nr_pages * PAGE, 0);
}

static void wait_for_child(pid_t child)
{
	int status;

	if (waitpid(child, &status, 0) != child)
		die("waitpid");
	if (status) {
		fprintf(stderr, "hugeways: the child ended with %#x\n", status);
		exit(1);
	}
}

static void copy(void)
{
	size_t length = nr_pages / 2 * PAGE;
	void *map = map_anonymous(nr_pages / 2, MAP_PRIVATE);
	pid_t child;

	take(map, nr_pages / 2);
	child = fork();
	if (child < 0)
		die("fork");
	if (!child) {
		for (size_t at = 0; at < length; at += PAGE) {
			*(uint64_t *)((char *)map + at) = 1;
			expect_pattern("a copied page", map, at + 8, at + PAGE,
				       0);
		}
		fill(map, 0, length, 1);
		expect_pattern("the child's page", map, 0, length, 1);
		exit(0);
	}
	wait_for_child(child);
	expect_pattern("the parent's page", map, 0, length, 0);
}

static void steal(void)
{
	size_t length = nr_pages / 2 * PAGE;
	void *map = map_anonymous(nr_pages / 2, MAP_PRIVATE);
	int go[2];
	pid_t child;
	char c;

	take(map, nr_pages / 2);
	if (pipe(go))
		die("pipe");
	child = fork();
	if (child < 0)
		die("fork");
	if (!child) {
		close(go[1]);
		if (read(go[0], &c, 1) < 0)
			die("pipe");
		expect_pattern("the child's page", map, 0, length, 0);
		exit(0);
	}
	fill(map, 0, length, 1);
	close(go[1]);
	wait_for_child(child);
	expect_pattern("the parent's page", map, 0, length, 1);
}

/* From the middle of one page to the middle of another. */
static void punch(void)
{
	size_t from = PAGE / 2 + 12288, to = (nr_pages - 1) * PAGE + PAGE / 2;
	int fd = open_file();
	void *map = map_file(fd, nr_pages);

	if (ftruncate(fd, nr_pages * PAGE))
		die("ftruncate");
	take(map, nr_pages);
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, from,
		      to - from))
		die("punching a hole");
	expect_pattern("before the hole", map, 0, from, 0);
	expect_zero("in the hole", map, from, to);
	expect_pattern("behind the hole", map, to, nr_pages * PAGE, 0);
	fill(map, 0, nr_pages * PAGE, 1);
	expect_pattern("in the mended file", map, 0, nr_pages * PAGE, 1);
}

static void cut(void)
{
	size_t half = nr_pages / 2 * PAGE, length = nr_pages * PAGE;
	int fd = open_file();
	void *map = map_file(fd, nr_pages);

	if (ftruncate(fd, length))
		die("ftruncate");
	take(map, nr_pages);
	if (ftruncate(fd, half) || ftruncate(fd, length))
		die("ftruncate");
	expect_pattern("in what was kept", map, 0, half, 0);
	expect_zero("in what was cut off", map, half, length);
	fill(map, half, length, 0);
	expect_pattern("in the whole file", map, 0, length, 0);
}

static void move_to(void *map, size_t pages, int node)
{
	for (size_t page = 0; page < pages; page++) {
		void *at = (char *)map + page * PAGE;
		int status = -1;

		if (syscall(SYS_move_pages, 0, 1ul, &at, &node, &status,
			    MPOL_MF_MOVE) < 0)
			die("move_pages");
		if (syscall(SYS_move_pages, 0, 1ul, &at, NULL, &status, 0) < 0)
			die("move_pages");
		if (status != node) {
			fprintf(stderr, "hugeways: page %zu is on node %d, not "
				"%d\n", page, status, node);
			exit(1);
		}
	}
}

static void move(void)
{
	size_t pages = nr_pages / 2;
	unsigned long first = 1;
	void *map;

	if (syscall(SYS_set_mempolicy, MPOL_BIND, &first, sizeof(first) * 8))
		die("set_mempolicy");
	map = map_anonymous(pages, MAP_PRIVATE);
	take(map, pages);
	if (syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0ul))
		die("set_mempolicy");
	for (int node = 1; node >= 0; node--) {
		move_to(map, pages, node);
		expect_pattern("a page that has moved", map, 0, pages * PAGE,
			       0);
	}
	move_to(map, pages, 1);
}

static size_t transparent_bytes(void)
{
	FILE *f = fopen("/proc/self/smaps_rollup", "r");
	size_t kib = 0;
	char line[128];

	if (!f)
		die("/proc/self/smaps_rollup");
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "AnonHugePages: %zu", &kib) == 1)
			break;
	fclose(f);
	return kib * 1024;
}

static void thp(void)
{
	size_t length = nr_pages * PAGE;
	char *map = mmap(NULL, length + PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		die("mapping memory");
	map = (char *)(((uintptr_t)map + PAGE - 1) & -PAGE);
	if (madvise(map, length, MADV_HUGEPAGE))
		die("madvise");
	for (size_t at = 0; at < length; at += PAGE) {
		/* To read it would bring in a page of zeroes for all. */
		*(volatile uint64_t *)(map + at) = pattern(at, 0);
		expect_zero("a transparent page", map, at + 8, at + PAGE);
	}
	if (transparent_bytes() != length) {
		fprintf(stderr, "hugeways: %zu bytes of transparent pages "
			"instead of %zu\n", transparent_bytes(), length);
		exit(1);
	}
	fill(map, 0, length, 0);
	expect_pattern("a transparent page", map, 0, length, 0);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*go)(void);
		size_t least;		/* pages */
	} ways[] = {
		{ "private", use_private, 1 },
		{ "shared", use_shared, 1 },
		{ "file", use_file, 1 },
		{ "copy", copy, 2 },
		{ "steal", steal, 2 },
		{ "punch", punch, 2 },
		{ "truncate", cut, 2 },
		{ "move", move, 2 },
		{ "thp", thp, 1 },
	};

	nr_pages = argc > 2 ? strtoul(argv[2], NULL, 0) : 0;
	if (argc > 3)
		page_size = strtoul(argv[3], NULL, 0) << 20;
	if (argc > 4 || !page_size || page_size & (page_size - 1))
		nr_pages = 0;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (nr_pages < ways[i].least || strcmp(argv[1], ways[i].name))
			continue;
		ways[i].go();
		return 0;
	}
	fprintf(stderr, "usage: hugeways WAY NR_PAGES [PAGE_MIB]\n");
	return 2;
}
