// SPDX-License-Identifier: GPL-2.0
/*
 * Finds out whether anybody ever sees what somebody else has left in a huge
 * page.
 *
 * Usage: stale PROCESSES ROUNDS [DONE UNTIL [SEED]]
 *
 * Several processes at once take 2 MiB pages in all ways that there are, check
 * that every byte is zero, fill them with a pattern that nobody else uses,
 * check that it stays, and give them back.  They do at least ROUNDS rounds
 * together, and go on until FILE exists.  They may want more pages than there
 * are; who gets none tries again.
 *
 * Prints a line for each of the first foreign or lost words, then lines "name
 * value":
 *
 *	rounds		rounds that were completed
 *	pages		pages that were taken, checked and filled
 *	private, shared, file, forked
 *			rounds of each kind
 *	copies		pages that were copied on write
 *	holes		pages that were punched out of a file and taken again
 *	refused		attempts that got no pages, or no reservation
 *	bus_errors	attempts that ran out of pages while they touched them
 *	stale		words that were not zero when they should have been
 *	changed		words that were not what had been written
 *
 * Exits with 0 if the last two are 0 and nobody has died.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE		((size_t)2 << 20)
#define PAGE_WORDS	(PAGE / sizeof(uint64_t))
#define MAX_PAGES	4
#define MAX_REPORTS	8
#define CHILD		0x80	/* in a process' number: that of its child */

enum kind { PRIVATE, SHARED, FILE_SHARED, FORKED, NR_KINDS };

static const char *const kind_names[] = {
	[PRIVATE] = "private",
	[SHARED] = "shared",
	[FILE_SHARED] = "file",
	[FORKED] = "forked",
};

/* Shared by all processes. */
static struct {
	_Atomic uint64_t begun, rounds, pages, kinds[NR_KINDS], copies, holes,
			 refused, bus_errors, stale, changed, reports;
} *all;

/* Of this process. */
static struct {
	unsigned int number;
	enum kind kind;
	uint64_t round;
	uint64_t random;
} self;

static sigjmp_buf no_page;

static void die(const char *what)
{
	fprintf(stderr, "stale: %s: %s\n", what, strerror(errno));
	_exit(1);
}

/* xorshift64: the same rounds each time, if not in the same order */
static uint64_t next_random(void)
{
	self.random ^= self.random << 13;
	self.random ^= self.random >> 7;
	self.random ^= self.random << 17;
	return self.random;
}

static void on_bus_error(int signal)
{
	(void)signal;
	siglongjmp(no_page, 1);
}

static void catch_bus_errors(void)
{
	struct sigaction action = { .sa_handler = on_bus_error };

	if (sigaction(SIGBUS, &action, NULL))
		die("sigaction");
}

/* Which process wrote it, when, and into which of its pages. */
static uint64_t pattern(unsigned int page)
{
	return (uint64_t)(self.number + 1) << 56 |
	       (self.round & 0xffffff) << 32 | page << 24 | 0x5a5a5a;
}

static void report(const char *what, const uint64_t *words, size_t first,
		   uint64_t want)
{
	if (atomic_fetch_add(&all->reports, 1) >= MAX_REPORTS)
		return;
	printf("%s: process %u, round %" PRIu64 ", %s, offset %#zx: %#018"
	       PRIx64 " instead of %#018" PRIx64 "\n", what, self.number,
	       self.round, kind_names[self.kind], first * sizeof(*words),
	       words[first], want);
	fflush(stdout);
}

/* Compare every step-th group of words: how many words are not as wanted. */
static uint64_t compare(const char *what, const uint64_t *words, uint64_t want,
			size_t step)
{
	uint64_t wrong = 0;

	for (size_t i = 0; i < PAGE_WORDS; i += 8 * step) {
		const uint64_t *w = words + i;

		if (!((w[0] ^ want) | (w[1] ^ want) | (w[2] ^ want) |
		      (w[3] ^ want) | (w[4] ^ want) | (w[5] ^ want) |
		      (w[6] ^ want) | (w[7] ^ want)))
			continue;
		for (size_t k = 0; k < 8; k++) {
			if (w[k] == want)
				continue;
			if (!wrong++)
				report(what, words, i + k, want);
		}
	}
	return wrong;
}

static uint64_t *page_at(void *map, unsigned int page)
{
	return (uint64_t *)((char *)map + page * PAGE);
}

static void expect_zero(void *map, unsigned int page)
{
	all->stale += compare("stale", page_at(map, page), 0, 1);
}

/* All of it now and then, otherwise a line in every 4 KiB. */
static void expect_pattern(void *map, unsigned int page, uint64_t want)
{
	all->changed += compare("changed", page_at(map, page), want,
				next_random() % 4 ? 64 : 1);
}

static void fill(void *map, unsigned int page, uint64_t with)
{
	uint64_t *words = page_at(map, page);

	for (size_t i = 0; i < PAGE_WORDS; i += 8) {
		words[i] = with;
		words[i + 1] = with;
		words[i + 2] = with;
		words[i + 3] = with;
		words[i + 4] = with;
		words[i + 5] = with;
		words[i + 6] = with;
		words[i + 7] = with;
	}
}

static void use(void *map, unsigned int nr)
{
	unsigned int page;

	for (page = 0; page < nr; page++)
		expect_zero(map, page);
	for (page = 0; page < nr; page++)
		fill(map, page, pattern(page));
	for (page = 0; page < nr; page++)
		expect_pattern(map, page, pattern(page));
	all->pages += nr;
}

/* The child writes to what it shares with its parent, and so gets copies. */
static void be_child(void *map, unsigned int nr)
{
	unsigned int page;

	if (sigsetjmp(no_page, 1)) {
		all->bus_errors++;
		_exit(0);
	}
	for (page = 0; page < nr; page++) {
		uint64_t parents = pattern(page);

		expect_pattern(map, page, parents);
		self.number |= CHILD;
		fill(map, page, pattern(page));
		expect_pattern(map, page, pattern(page));
		self.number &= ~CHILD;
		all->copies++;
	}
	_exit(0);
}

static void fork_child(void *map, unsigned int nr)
{
	pid_t child = fork();
	unsigned int page;
	int status;

	if (child < 0)
		die("fork");
	if (!child)
		be_child(map, nr);
	if (waitpid(child, &status, 0) != child || status) {
		fprintf(stderr, "stale: a child ended with %#x\n", status);
		_exit(1);
	}
	for (page = 0; page < nr; page++)
		expect_pattern(map, page, pattern(page));
}

/* A page that has been in the file is given back, and another taken for it. */
static void punch(int fd, void *map, unsigned int nr)
{
	unsigned int page = next_random() % nr;

	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		      page * PAGE, PAGE))
		die("punching a hole");
	expect_zero(map, page);
	fill(map, page, pattern(page));
	all->holes++;
}

static int open_file(unsigned int nr)
{
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "/dev/hugepages/stale.%d", getpid());
	fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		die(name);
	if (unlink(name))
		die(name);
	if (!fallocate(fd, 0, 0, nr * PAGE))
		return fd;
	if (errno != ENOSPC && errno != ENOMEM)
		die("fallocate");
	close(fd);
	return -1;
}

/* Returns whether there were pages enough. */
static int try_round(unsigned int nr)
{
	const int anonymous = MAP_ANONYMOUS | MAP_HUGETLB;
	int flags = self.kind == SHARED || self.kind == FILE_SHARED ?
		    MAP_SHARED : MAP_PRIVATE;
	volatile int got = 0, fd = -1;
	void *map;

	if (self.kind == FILE_SHARED) {
		fd = open_file(nr);
		if (fd < 0) {
			all->refused++;
			return 0;
		}
	} else {
		flags |= anonymous;
		/* Then who comes too late learns it only when it touches. */
		if (next_random() % 8 == 0)
			flags |= MAP_NORESERVE;
	}
	map = mmap(NULL, nr * PAGE, PROT_READ | PROT_WRITE, flags, fd, 0);
	if (map == MAP_FAILED) {
		if (errno != ENOMEM)
			die("mmap");
		all->refused++;
	} else {
		if (sigsetjmp(no_page, 1)) {
			all->bus_errors++;
		} else {
			use(map, nr);
			if (self.kind == FORKED)
				fork_child(map, nr);
			if (self.kind == FILE_SHARED)
				punch(fd, map, nr);
			got = 1;
		}
		if (munmap(map, nr * PAGE))
			die("munmap");
	}
	if (fd >= 0)
		close(fd);
	return got;
}

static void say_done(const char *file)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		die(file);
	close(fd);
}

static void be_process(unsigned int number, uint64_t rounds, const char *done,
		       const char *until, uint64_t seed)
{
	self.number = number;
	self.random = 0x9e3779b97f4a7c15ull * (number + 1 + CHILD * seed);
	catch_bus_errors();

	for (;;) {
		unsigned int nr = 1 + next_random() % MAX_PAGES;
		unsigned int dice = next_random() % 16;

		self.round = all->begun++;
		if (self.round >= rounds && (!until || !access(until, F_OK)))
			break;
		self.kind = dice < 6 ? PRIVATE : dice < 10 ? SHARED :
			    dice < 14 ? FILE_SHARED : FORKED;
		while (!try_round(nr))
			usleep(500 + next_random() % 1000);
		all->kinds[self.kind]++;
		if (++all->rounds == rounds && done)
			say_done(done);
	}
	fflush(stdout);
	_exit(0);
}

static void print(const char *name, uint64_t value)
{
	printf("%s %" PRIu64 "\n", name, value);
}

int main(int argc, char **argv)
{
	unsigned int processes = argc > 2 ? strtoul(argv[1], NULL, 0) : 0;
	uint64_t rounds = argc > 2 ? strtoull(argv[2], NULL, 0) : 0;
	const char *done = argc > 4 ? argv[3] : NULL;
	const char *until = argc > 4 ? argv[4] : NULL;
	uint64_t seed = argc > 5 ? strtoull(argv[5], NULL, 0) : 0;
	int status, failed = 0;

	if (!processes || processes >= CHILD || !rounds ||
	    argc == 4 || argc > 6) {
		fprintf(stderr,
			"usage: stale PROCESSES ROUNDS [DONE UNTIL [SEED]]\n");
		return 2;
	}
	all = mmap(NULL, sizeof(*all), PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (all == MAP_FAILED)
		die("mmap");

	for (unsigned int i = 0; i < processes; i++) {
		pid_t child = fork();

		if (child < 0)
			die("fork");
		if (!child)
			be_process(i, rounds, done, until, seed);
	}
	while (wait(&status) > 0)
		failed |= status;

	print("rounds", all->rounds);
	print("pages", all->pages);
	for (int kind = 0; kind < NR_KINDS; kind++)
		print(kind_names[kind], all->kinds[kind]);
	print("copies", all->copies);
	print("holes", all->holes);
	print("refused", all->refused);
	print("bus_errors", all->bus_errors);
	print("stale", all->stale);
	print("changed", all->changed);
	return failed || all->stale || all->changed;
}
