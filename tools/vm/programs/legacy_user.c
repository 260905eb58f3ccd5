// SPDX-License-Identifier: GPL-2.0
/*
 * What a user program written for protocol 1.0 does, long before this project:
 * it knows the ioctl only by its own definitions, so it keeps working only as
 * long as the ABI does.
 *
 * Usage: legacy_user [ROUNDS]		100 rounds unless told
 *
 * Drops a 1 GiB huge page ROUNDS times.  Between two drops some words of the
 * page are written again; in the first and last round all of it is.  Prints
 * what it found as "name value" lines; exits with 0 if all was as promised.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* The ABI as such a program has it; on purpose not from our headers. */
struct vmm_call {
	uint64_t func_code;
	uint64_t addr;
	uint64_t length;
	uint64_t arg;
};

struct vmm_ret {
	uint32_t ret_errno;
	uint32_t ret_code;
	uint64_t ret_value;
	uint64_t arg0;
	uint64_t arg1;
};

union vmm_buf {
	struct vmm_call call;
	struct vmm_ret ret;
};

#define VMM_IOCTL	0xc020da00u	/* read and write, 32 bytes, 0xDA, 0 */
#define VMM_INFO	0
#define VMM_DONTNEED	1

#define HUGE_SIZE	(1ul << 30)
#define WORDS		(HUGE_SIZE / sizeof(uint64_t))
#define REFILLED	512u		/* words written again in a round */

#ifndef MAP_HUGE_1GB
#define MAP_HUGE_1GB	(30 << 26)
#endif

static void fail(const char *what)
{
	fprintf(stderr, "legacy_user: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t physical_address(const void *virt)
{
	uint64_t entry;
	int fd = open("/proc/self/pagemap", O_RDONLY);

	if (fd < 0)
		fail("/proc/self/pagemap");
	if (pread(fd, &entry, sizeof(entry),
		  (uintptr_t)virt / 4096 * sizeof(entry)) != sizeof(entry))
		fail("reading /proc/self/pagemap");
	close(fd);
	if (!(entry >> 63) || !(entry & ((1ull << 55) - 1))) {
		fprintf(stderr, "legacy_user: pagemap entry %#llx shows no page\n",
			(unsigned long long)entry);
		exit(1);
	}
	return (entry & ((1ull << 55) - 1)) * 4096;
}

/* Never zero, and different in each word and each round. */
static uint64_t pattern(size_t word, unsigned int round)
{
	return (((word + 1) * 0x9e3779b97f4a7c15ull) ^ round) | 1;
}

/* The words of a round: spread over the whole page, others in each round. */
static size_t refilled_word(unsigned int i, unsigned int round)
{
	return (size_t)i * (WORDS / REFILLED) + round * 37u % (WORDS / REFILLED);
}

static size_t count_nonzero(const volatile uint64_t *page)
{
	size_t bad = 0;

	for (size_t i = 0; i < WORDS; i++)
		bad += page[i] != 0;
	return bad;
}

int main(int argc, char **argv)
{
	unsigned int rounds = argc > 1 ? strtoul(argv[1], NULL, 0) : 100;
	unsigned long refused = 0, lost = 0, kept = 0, full_checks = 0;
	volatile uint64_t *page;
	union vmm_buf buf;
	uint64_t phys;
	int fd;

	fd = open("/dev/pvmemcontrol0", O_RDWR);
	if (fd < 0)
		fail("/dev/pvmemcontrol0");

	memset(&buf, 0, sizeof(buf));
	buf.call.func_code = VMM_INFO;
	if (ioctl(fd, VMM_IOCTL, &buf))
		fail("INFO");
	if (buf.ret.ret_errno || buf.ret.ret_code || buf.ret.arg0 != 1 ||
	    buf.ret.ret_value < 4096) {
		fprintf(stderr, "legacy_user: INFO: errno %u code %u page size %llu version %llu.%llu\n",
			buf.ret.ret_errno, buf.ret.ret_code,
			(unsigned long long)buf.ret.ret_value,
			(unsigned long long)buf.ret.arg0,
			(unsigned long long)buf.ret.arg1);
		return 1;
	}
	printf("host_page_size %llu\n", (unsigned long long)buf.ret.ret_value);

	page = mmap(NULL, HUGE_SIZE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_HUGE_1GB,
		    -1, 0);
	if (page == MAP_FAILED)
		fail("mapping a 1 GiB huge page");

	for (unsigned int round = 0; round < rounds; round++) {
		int whole = round == 0 || round == rounds - 1;

		if (whole) {
			for (size_t i = 0; i < WORDS; i++)
				page[i] = pattern(i, round);
			for (size_t i = 0; i < WORDS; i++)
				lost += page[i] != pattern(i, round);
		} else {
			for (unsigned int i = 0; i < REFILLED; i++)
				page[refilled_word(i, round)] = pattern(i, round);
			for (unsigned int i = 0; i < REFILLED; i++)
				lost += page[refilled_word(i, round)] !=
					pattern(i, round);
		}

		phys = physical_address((const void *)page);
		memset(&buf, 0, sizeof(buf));
		buf.call.func_code = VMM_DONTNEED;
		buf.call.addr = phys;
		buf.call.length = HUGE_SIZE;
		if (ioctl(fd, VMM_IOCTL, &buf))
			fail("DONTNEED");
		if (buf.ret.ret_errno || buf.ret.ret_code ||
		    buf.ret.ret_value || buf.ret.arg0 || buf.ret.arg1) {
			fprintf(stderr, "legacy_user: round %u: DONTNEED of 1 GiB at %#llx: errno %u code %u\n",
				round, (unsigned long long)phys,
				buf.ret.ret_errno, buf.ret.ret_code);
			refused++;
			continue;
		}

		if (whole) {
			kept += count_nonzero(page);
			full_checks++;
		} else {
			for (unsigned int i = 0; i < REFILLED; i++)
				kept += page[refilled_word(i, round)] != 0;
		}
	}

	/* The last round leaves a page that has been read but never written. */
	printf("rounds %u\nrefused %lu\nfull_checks %lu\n", rounds, refused,
	       full_checks);
	printf("words_lost_before_drop %lu\nwords_left_after_drop %lu\n", lost, kept);
	return refused || lost || kept || !full_checks;
}
