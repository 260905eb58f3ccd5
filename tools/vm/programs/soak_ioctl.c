// SPDX-License-Identifier: GPL-2.0
/*
 * A program that has the VMM do this and that to its own memory all the time,
 * whatever becomes of the device meanwhile, and knows each byte of it.
 *
 * Usage: soak_ioctl SEED UNTIL
 *
 * Goes on until the file UNTIL exists.  What may not be written is not, and what
 * was closed is opened again before anything else, however long it takes.  The
 * memory is a huge page, which has its place for as long as it is mapped.
 *
 * Prints "ok NAME" or "not ok NAME: why", and "name value" lines: calls, refused
 * (by the VMM), failed (ioctls, with ENODEV or EIO), opened (the device's file),
 * checked (pages), dropped (of them, those that were zero then).
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <linux/pvmemcontrol.h>

#define PROGRAM "soak_ioctl"
#include "verdict.h"

#define DEVICE		"/dev/pvmemcontrol0"
#define PAGE		4096ull
#define WORDS		(PAGE / sizeof(uint64_t))
#define HUGE		(2ull << 20)
#define PAGES		(HUGE / PAGE)
/* After so long without a device it is not going to come. */
#define PATIENCE_S	600

static int fd = -1;
static char *memory;
static uint64_t phys;
static uint64_t state, tags;
static uint64_t tag[PAGES];
static int drops, names;
static uint64_t calls, refused, failed, opened, checked, dropped, wrong;
static char why[120];

static uint64_t next(void)
{
	/* xorshift64* */
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1dull;
}

static time_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

static void open_device(void)
{
	time_t end = now() + PATIENCE_S;

	if (fd >= 0)
		close(fd);
	do {
		fd = open(DEVICE, O_RDWR | O_CLOEXEC);
		if (fd >= 0) {
			opened++;
			return;
		}
		usleep(10000);
	} while (now() < end);
	die(DEVICE);
}

/* Whether it was done. */
static int call(uint64_t code, unsigned int page, unsigned int nr, uint64_t arg)
{
	struct pvmemcontrol_buf buf = {
		.call = { code, phys + page * PAGE, nr * PAGE, arg },
	};

	calls++;
	if (!ioctl(fd, PVMEMCONTROL_IOCTL_VMM, &buf)) {
		if (!buf.ret.ret_errno && !buf.ret.ret_code)
			return 1;
		refused++;
		return 0;
	}
	failed++;
	if (errno == ENODEV)
		open_device();
	else if (errno != EIO && !wrong++)
		snprintf(why, sizeof(why), "code %" PRIu64 ": %s", code,
			 strerror(errno));
	return 0;
}

static void undo(uint64_t code, unsigned int page, unsigned int nr)
{
	time_t end = now() + PATIENCE_S;

	while (!call(code, page, nr, 0)) {
		if (now() > end) {
			verdict(0, "what was done can be undone",
				"code %" PRIu64, code);
			exit(1);	/* to touch it would stop the machine */
		}
		usleep(2000);
	}
}

static uint64_t word(unsigned int page, size_t i)
{
	return (tag[page] * WORDS + i) * 0x9e3779b97f4a7c15ull;
}

static uint64_t *page_at(unsigned int page)
{
	return (uint64_t *)(memory + page * PAGE);
}

static void fill(unsigned int page)
{
	tag[page] = ++tags;
	for (size_t i = 0; i < WORDS; i++)
		page_at(page)[i] = word(page, i);
}

/* Each word is what it was, or zero if that may be; @zero: it must. */
static void look(unsigned int page, int may_drop, int zero, const char *what)
{
	uint64_t *words = page_at(page), zeroes = 0;

	for (size_t i = 0; i < WORDS; i++) {
		if (!words[i] && may_drop)
			zeroes++;
		else if ((words[i] != word(page, i) || zero) && !wrong++)
			snprintf(why, sizeof(why),
				 "%s: page %u, word %zu: %#" PRIx64, what,
				 page, i, words[i]);
	}
	checked++;
	dropped += zeroes == WORDS;
}

static void drop(unsigned int page, unsigned int nr)
{
	int done = call(PVMEMCONTROL_DONTNEED, page, nr, 0);

	for (unsigned int i = page; i < page + nr; i++) {
		look(i, 1, done && drops, "dropped");
		fill(i);
	}
}

static void look_at_all(unsigned int page, unsigned int nr, const char *what)
{
	for (unsigned int i = page; i < page + nr; i++)
		look(i, 0, 0, what);
}

static void one(void)
{
	unsigned int page = next() % PAGES;
	unsigned int nr = next() % 4 ? 1 : 1 + next() % 16;

	if (nr > PAGES - page)
		nr = PAGES - page;
	switch (next() % 8) {
	case 0:
	case 1:
		drop(page, nr);
		break;
	case 2:
		call(PVMEMCONTROL_PAGEOUT, page, nr, 0);
		look_at_all(page, nr, "paged out");
		break;
	case 3:
		call(PVMEMCONTROL_MLOCK, page, nr, 0);
		look_at_all(page, nr, "locked");
		undo(PVMEMCONTROL_MUNLOCK, page, nr);
		break;
	case 4:
		call(PVMEMCONTROL_MPROTECT_R, page, nr, 0);
		look_at_all(page, nr, "protected");
		undo(PVMEMCONTROL_MPROTECT_RW, page, nr);
		for (unsigned int i = page; i < page + nr; i++)
			fill(i);
		break;
	case 5:
		call(PVMEMCONTROL_MPROTECT_NONE, page, nr, 0);
		undo(PVMEMCONTROL_MPROTECT_RW, page, nr);
		look_at_all(page, nr, "closed and opened");
		break;
	case 6:
		if (!names)
			break;
		call(PVMEMCONTROL_SET_VMA_ANON_NAME, page, nr, next() % 8 + 1);
		look_at_all(page, nr, "named");
		undo(PVMEMCONTROL_SET_VMA_ANON_NAME, page, nr);
		break;
	default:
		look_at_all(page, nr, "at rest");
		usleep(next() % 20000);
	}
}

static void set_up(void)
{
	uint64_t entry;
	int pagemap;

	memory = mmap(NULL, HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE |
		      MAP_ANONYMOUS | MAP_HUGETLB | MAP_LOCKED, -1, 0);
	if (memory == MAP_FAILED)
		die("a huge page");
	for (unsigned int i = 0; i < PAGES; i++)
		fill(i);
	pagemap = open("/proc/self/pagemap", O_RDONLY);
	if (pagemap < 0 || pread(pagemap, &entry, sizeof(entry),
				 (uintptr_t)memory / PAGE * sizeof(entry)) !=
	    sizeof(entry))
		die("/proc/self/pagemap");
	close(pagemap);
	phys = (entry & ((1ull << 55) - 1)) * PAGE;
	open_device();
	/* Whether it drops anything depends on what backs the guest. */
	drops = call(PVMEMCONTROL_DONTNEED, 0, 1, 0) && !*page_at(0);
	fill(0);
	/* The host's kernel may be built without names. */
	names = call(PVMEMCONTROL_SET_VMA_ANON_NAME, 0, 1, 1);
	if (names)
		undo(PVMEMCONTROL_SET_VMA_ANON_NAME, 0, 1);
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: soak_ioctl SEED UNTIL\n");
		return 2;
	}
	state = strtoull(argv[1], NULL, 0) ?: 1;
	set_up();
	while (access(argv[2], F_OK))
		one();
	look_at_all(0, PAGES, "in the end");
	printf("calls %" PRIu64 "\nrefused %" PRIu64 "\nfailed %" PRIu64
	       "\nopened %" PRIu64 "\nchecked %" PRIu64 "\ndropped %" PRIu64
	       "\n", calls, refused, failed, opened, checked, dropped);
	verdict(!wrong, "each byte is as it should be", "%" PRIu64 ": %s",
		wrong, why);
	verdict(calls > 0, "the VMM was asked", "never");
	return failures != 0;
}
