// SPDX-License-Identifier: GPL-2.0
/*
 * A user program compiled against the header that this project installs.
 *
 * The layout is checked when it is compiled; run, it drops a 2 MiB huge page
 * with each operation that promises to, and checks the content before and
 * after.  Prints "ok NAME" or "not ok NAME: why" for each; exits with 0 if all
 * were ok.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/pvmemcontrol.h>

_Static_assert(sizeof(struct pvmemcontrol_vmm_call) == 32, "call");
_Static_assert(sizeof(struct pvmemcontrol_vmm_ret) == 32, "ret");
_Static_assert(sizeof(struct pvmemcontrol_buf) == 32, "buf");
_Static_assert(offsetof(struct pvmemcontrol_buf, call.func_code) == 0 &&
	       offsetof(struct pvmemcontrol_buf, call.addr) == 8 &&
	       offsetof(struct pvmemcontrol_buf, call.length) == 16 &&
	       offsetof(struct pvmemcontrol_buf, call.arg) == 24, "call layout");
_Static_assert(offsetof(struct pvmemcontrol_buf, ret.ret_errno) == 0 &&
	       offsetof(struct pvmemcontrol_buf, ret.ret_code) == 4 &&
	       offsetof(struct pvmemcontrol_buf, ret.ret_value) == 8 &&
	       offsetof(struct pvmemcontrol_buf, ret.arg0) == 16 &&
	       offsetof(struct pvmemcontrol_buf, ret.arg1) == 24, "ret layout");
_Static_assert(PVMEMCONTROL_IOCTL_TYPE == 0xDA, "ioctl type");
_Static_assert(PVMEMCONTROL_IOCTL_VMM == 0xc020da00u, "ioctl number");
_Static_assert(PVMEMCONTROL_INFO == 0 && PVMEMCONTROL_DONTNEED == 1 &&
	       PVMEMCONTROL_REMOVE == 2 && PVMEMCONTROL_FREE == 3 &&
	       PVMEMCONTROL_PAGEOUT == 4 && PVMEMCONTROL_DONTDUMP == 5 &&
	       PVMEMCONTROL_SET_VMA_ANON_NAME == 6 &&
	       PVMEMCONTROL_MLOCK == 7 && PVMEMCONTROL_MUNLOCK == 8 &&
	       PVMEMCONTROL_MPROTECT_NONE == 9 &&
	       PVMEMCONTROL_MPROTECT_R == 10 &&
	       PVMEMCONTROL_MPROTECT_W == 11 &&
	       PVMEMCONTROL_MPROTECT_RW == 12 &&
	       PVMEMCONTROL_MERGEABLE == 13 &&
	       PVMEMCONTROL_UNMERGEABLE == 14, "function codes");

#define HUGE_SIZE	(2ul << 20)

static volatile uint64_t *page;
static uint64_t phys;
static int failures;

static void verdict(int ok, const char *name, const char *why)
{
	printf(ok ? "ok %s\n" : "not ok %s: %s\n", name, why);
	failures += !ok;
}

static uint64_t physical_address(const volatile void *virt)
{
	uint64_t entry = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY);

	if (fd >= 0) {
		if (pread(fd, &entry, sizeof(entry),
			  (uintptr_t)virt / 4096 * sizeof(entry)) !=
		    sizeof(entry))
			entry = 0;
		close(fd);
	}
	return (entry & ((1ull << 55) - 1)) * 4096;
}

static size_t words_unlike(uint64_t (*want)(size_t))
{
	size_t bad = 0;

	for (size_t i = 0; i < HUGE_SIZE / sizeof(*page); i++)
		bad += page[i] != want(i);
	return bad;
}

static uint64_t filled(size_t i)
{
	return i * 0x9e3779b97f4a7c15ull | 1;
}

static uint64_t zero(size_t i)
{
	(void)i;
	return 0;
}

/* One operation on the filled page, after which it must hold what @after says. */
static void operation(int fd, const char *name, uint64_t code, uint64_t arg,
		      uint64_t (*after)(size_t))
{
	struct pvmemcontrol_buf buf = {
		.call = {
			.func_code = code,
			.addr = phys,
			.length = HUGE_SIZE,
			.arg = arg,
		},
	};
	char why[160];
	size_t bad;
	int ret;

	ret = ioctl(fd, PVMEMCONTROL_IOCTL_VMM, &buf);
	if (ret) {
		verdict(0, name, strerror(errno));
		return;
	}
	if (buf.ret.ret_errno || buf.ret.ret_code || buf.ret.ret_value ||
	    buf.ret.arg0 || buf.ret.arg1) {
		snprintf(why, sizeof(why), "answer errno %u code %u value %llu %llu %llu",
			 buf.ret.ret_errno, buf.ret.ret_code,
			 (unsigned long long)buf.ret.ret_value,
			 (unsigned long long)buf.ret.arg0,
			 (unsigned long long)buf.ret.arg1);
		verdict(0, name, why);
		return;
	}
	bad = after ? words_unlike(after) : 0;
	snprintf(why, sizeof(why), "%zu words are not what they should be", bad);
	verdict(bad == 0, name, why);
}

static void fill(void)
{
	for (size_t i = 0; i < HUGE_SIZE / sizeof(*page); i++)
		page[i] = filled(i);
}

int main(void)
{
	struct pvmemcontrol_buf buf = { .call.func_code = PVMEMCONTROL_INFO };
	int fd;

	fd = open("/dev/pvmemcontrol0", O_RDWR);
	if (fd < 0) {
		perror("uapi_user: /dev/pvmemcontrol0");
		return 1;
	}
	page = mmap(NULL, HUGE_SIZE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_LOCKED,
		    -1, 0);
	if (page == MAP_FAILED) {
		perror("uapi_user: mapping a 2 MiB huge page");
		return 1;
	}
	fill();
	verdict(!words_unlike(filled), "page holds what was written",
		"it does not");
	phys = physical_address(page);
	if (!phys || phys % HUGE_SIZE) {
		fprintf(stderr, "uapi_user: no physical address\n");
		return 1;
	}

	verdict(!ioctl(fd, PVMEMCONTROL_IOCTL_VMM, &buf) &&
		!buf.ret.ret_errno && !buf.ret.ret_code &&
		buf.ret.arg0 == PVMEMCONTROL_VERSION_MAJOR &&
		buf.ret.ret_value >= 4096 &&
		!(buf.ret.ret_value & (buf.ret.ret_value - 1)),
		"INFO", "not version 1 or no page size");

	/* None of these touches the content. */
	operation(fd, "DONTDUMP", PVMEMCONTROL_DONTDUMP, 0, filled);
	operation(fd, "MPROTECT_R", PVMEMCONTROL_MPROTECT_R, 0, filled);
	operation(fd, "MPROTECT_RW", PVMEMCONTROL_MPROTECT_RW, 0, filled);
	operation(fd, "MLOCK", PVMEMCONTROL_MLOCK, 0, filled);
	operation(fd, "MUNLOCK", PVMEMCONTROL_MUNLOCK, 0, filled);
	operation(fd, "PAGEOUT", PVMEMCONTROL_PAGEOUT, 0, filled);
	operation(fd, "MPROTECT_NONE", PVMEMCONTROL_MPROTECT_NONE, 0, NULL);
	operation(fd, "MPROTECT_RW after NONE", PVMEMCONTROL_MPROTECT_RW, 0,
		  filled);

	operation(fd, "DONTNEED", PVMEMCONTROL_DONTNEED, 0, zero);
	fill();
	verdict(!words_unlike(filled), "page can be filled again",
		"it does not hold what was written");
	operation(fd, "DONTNEED again", PVMEMCONTROL_DONTNEED, 0, zero);

	return failures != 0;
}
