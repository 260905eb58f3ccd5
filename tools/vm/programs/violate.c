// SPDX-License-Identifier: GPL-2.0
/*
 * A program that touches protected memory, through the module pvmc_violate:
 * the kernel is told of the very instruction, and the program notices nothing.
 * Prints "ok NAME" or "not ok NAME: WHY" lines.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/pvmemcontrol.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CONTENT 0x5a5a5a5a5a5a5a5aULL

/* struct vio_seen of the module */
struct seen {
	unsigned int nr;
	uint64_t addr;
	uint32_t access;
	uint32_t flags;
	unsigned long ip, cx, si, di;
	bool user;
	uint64_t watched;
};

#define AT "leaq 77f(%%rip), %%rax\n\tmovq %%rax, %[ip]\n77:\t"

static unsigned long ip;

static uint64_t do_read(uint64_t *at)
{
	uint64_t value;

	asm volatile(AT "movq (%[at]), %[value]"
		     : [ip] "=m" (ip), [value] "=r" (value)
		     : [at] "r" (at) : "rax", "memory");
	return value;
}

static uint64_t do_write(uint64_t *at)
{
	asm volatile(AT "movq $7, (%[at])"
		     : [ip] "=m" (ip) : [at] "r" (at) : "rax", "memory");
	return *at;
}

static uint64_t do_locked(uint64_t *at)
{
	asm volatile(AT "lock addq $1, (%[at])"
		     : [ip] "=m" (ip) : [at] "r" (at)
		     : "rax", "memory", "cc");
	return *at;
}

/* What lies there is "mov $0x1234, %eax; ret". */
static uint64_t do_fetch(uint64_t *at)
{
	uint64_t (*code)(void) = (uint64_t (*)(void))at;

	memcpy(&ip, &at, sizeof(ip));
	return code();
}

static const struct {
	const char *name;
	uint64_t (*touch)(uint64_t *at);
	uint64_t func;
	uint32_t access;
	uint64_t result;
} tries[] = {
	{ "read", do_read, PVMEMCONTROL_MPROTECT_NONE,
	  PVMEMCONTROL_ACCESS_READ, CONTENT },
	{ "write", do_write, PVMEMCONTROL_MPROTECT_NONE,
	  PVMEMCONTROL_ACCESS_WRITE, 7 },
	{ "write, read-only", do_write, PVMEMCONTROL_MPROTECT_R,
	  PVMEMCONTROL_ACCESS_WRITE, 7 },
	{ "locked add", do_locked, PVMEMCONTROL_MPROTECT_R,
	  PVMEMCONTROL_ACCESS_WRITE, CONTENT + 1 },
	{ "fetch", do_fetch, PVMEMCONTROL_MPROTECT_NONE,
	  PVMEMCONTROL_ACCESS_FETCH, 0x1234 },
};

int main(void)
{
	static const uint8_t code[] = { 0xb8, 0x34, 0x12, 0, 0, 0xc3 };
	unsigned int i, failed = 0;
	cpu_set_t one;
	uint8_t *page;
	int fd;

	CPU_ZERO(&one);
	CPU_SET(1, &one);
	if (sched_setaffinity(0, sizeof(one), &one)) {
		perror("sched_setaffinity");
		return 1;
	}
	fd = open("/dev/pvmc_violate", O_RDWR);
	if (fd < 0) {
		perror("/dev/pvmc_violate");
		return 1;
	}
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_SHARED,
		    fd, 0);
	if (page == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	for (i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		uint64_t value;
		struct seen seen;
		bool good;

		memset(page, 0x5a, 4096);
		if (tries[i].touch == do_fetch)
			memcpy(page + 64, code, sizeof(code));
		if (write(fd, &tries[i].func, 8) != 8) {
			perror("write");
			return 1;
		}
		value = tries[i].touch((uint64_t *)(page + 64));
		if (read(fd, &seen, sizeof(seen)) != sizeof(seen)) {
			perror("read");
			return 1;
		}
		good = value == tries[i].result && seen.nr == 1 && seen.user &&
		       seen.ip == ip && seen.addr == 64 &&
		       seen.access == tries[i].access &&
		       seen.flags == PVMEMCONTROL_VIOLATION_STOPPED;
		if (good) {
			printf("ok %s\n", tries[i].name);
			continue;
		}
		failed++;
		printf("not ok %s: value %#llx, %u times, user %d, ip %#lx at %#lx, address %#llx, access %u, flags %u\n",
		       tries[i].name, (unsigned long long)value, seen.nr,
		       seen.user, seen.ip, ip, (unsigned long long)seen.addr,
		       seen.access, seen.flags);
	}
	return failed ? 1 : 0;
}
