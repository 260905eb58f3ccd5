// SPDX-License-Identifier: GPL-2.0
/*
 * Everything that can be wrong with an ioctl on /dev/pvmemcontrol0, and the
 * right errno for it.
 *
 * Usage: bad_ioctl GROUP
 *
 * The groups differ in what they cost, so that the caller can compare it with
 * the device's own count of requests.  Each case prints "ok NAME" or
 * "not ok NAME: why"; a last line "exits N" says how many requests the device
 * may have seen.  Exits with 0 if all cases were ok.
 *
 *	local		refused by the driver: no request reaches the device
 *	answered	refused by the VMM: one request each
 *	threads		four threads on one descriptor, each must get its answer
 *	rights		privileges, inherited descriptors, fork
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/pvmemcontrol.h>

#define PROGRAM "bad_ioctl"
#include "verdict.h"

#define DEVICE		"/dev/pvmemcontrol0"
#define PAGE		4096ull
#define NR_THREADS	4
#define NR_LOOPS	2000

static int fd = -1;
static unsigned long exits;
static uint64_t host_page_size;
static char *page;
static uint64_t page_phys;

static struct pvmemcontrol_buf request(uint64_t code, uint64_t addr,
				       uint64_t length)
{
	struct pvmemcontrol_buf buf = {
		.call = { .func_code = code, .addr = addr, .length = length },
	};

	return buf;
}

static int send(struct pvmemcontrol_buf *buf)
{
	return ioctl(fd, PVMEMCONTROL_IOCTL_VMM, buf) ? errno : 0;
}

static int all_zero(const struct pvmemcontrol_buf *buf)
{
	return !buf->ret.ret_value && !buf->ret.arg0 && !buf->ret.arg1;
}

static uint64_t physical_address(const void *virt)
{
	uint64_t entry;
	int pagemap = open("/proc/self/pagemap", O_RDONLY);

	if (pagemap < 0)
		die("/proc/self/pagemap");
	if (pread(pagemap, &entry, sizeof(entry),
		  (uintptr_t)virt / PAGE * sizeof(entry)) != sizeof(entry))
		die("reading /proc/self/pagemap");
	close(pagemap);
	return (entry & ((1ull << 55) - 1)) * PAGE;
}

static unsigned int physical_address_bits(void)
{
	unsigned int bits = 0;
	char line[512];
	FILE *f = fopen("/proc/cpuinfo", "r");

	if (!f)
		die("/proc/cpuinfo");
	while (!bits && fgets(line, sizeof(line), f))
		sscanf(line, "address sizes : %u bits physical", &bits);
	fclose(f);
	if (!bits) {
		fprintf(stderr, "bad_ioctl: no address size in /proc/cpuinfo\n");
		exit(2);
	}
	return bits;
}

static uint64_t registers_of_the_device(void)
{
	static const char path[] =
		"/sys/class/pvmemcontrol/pvmemcontrol0/device/resource";
	unsigned long long start;
	FILE *f = fopen(path, "r");

	if (!f || fscanf(f, "%llx", &start) != 1 || !start)
		die(path);
	fclose(f);
	return start & ~(PAGE - 1);
}

/* Where the highest RAM ends; firmware may keep the last of it for itself. */
static uint64_t end_of_ram(void)
{
	unsigned long long start, end, last = 0;
	char line[256];
	FILE *f = fopen("/proc/iomem", "r");

	if (!f)
		die("/proc/iomem");
	while (fgets(line, sizeof(line), f))
		if (strstr(line, " : System RAM") &&
		    sscanf(line, " %llx-%llx", &start, &end) == 2 && end > last)
			last = end;
	fclose(f);
	if (!last) {
		fprintf(stderr, "bad_ioctl: no RAM in /proc/iomem\n");
		exit(2);
	}
	return (last | ((2ull << 20) - 1)) + 1;
}

/* --- refused without asking the VMM ------------------------------------- */

static void refused(const char *name, unsigned long nr, void *arg, int want)
{
	int err = ioctl(fd, nr, arg) ? errno : 0;

	verdict(err == want, name, "errno %d instead of %d", err, want);
}

/* The same bad range with each operation that has one. */
static void refused_range(const char *name, uint64_t addr, uint64_t length)
{
	for (unsigned int code = 1; code < PVMEMCONTROL_NR_FUNC_1_0; code++) {
		struct pvmemcontrol_buf buf = request(code, addr, length);
		int err = send(&buf);

		if (err != EINVAL) {
			verdict(0, name, "code %u: errno %d, VMM said errno %u code %u",
				code, err, buf.ret.ret_errno, buf.ret.ret_code);
			return;
		}
	}
	verdict(1, name, "-");
}

/* As the VMM would have answered, but it was not asked. */
static void unsupported(const char *name, uint64_t code)
{
	struct pvmemcontrol_buf buf = request(code, 0, 0);
	int err = send(&buf);

	verdict(!err && buf.ret.ret_errno == EOPNOTSUPP &&
		buf.ret.ret_code == (uint32_t)code && all_zero(&buf), name,
		"ioctl errno %d; answer errno %u code %#x", err,
		buf.ret.ret_errno, buf.ret.ret_code);
}

static void group_local(void)
{
	struct pvmemcontrol_buf buf = request(PVMEMCONTROL_INFO, 0, 0);
	uint64_t limit = 1ull << physical_address_bits();
	char *hole;
	int bad;

	refused("unknown ioctl number", _IOWR(0xDA, 0x01, struct pvmemcontrol_buf),
		&buf, ENOTTY);
	refused("unknown ioctl type", _IOWR(0xDB, 0x00, struct pvmemcontrol_buf),
		&buf, ENOTTY);
	refused("size too small", _IOC(_IOC_READ | _IOC_WRITE, 0xDA, 0, 31),
		&buf, ENOTTY);
	refused("size too large", _IOC(_IOC_READ | _IOC_WRITE, 0xDA, 0, 40),
		&buf, ENOTTY);
	refused("no size", _IO(0xDA, 0x00), &buf, ENOTTY);
	refused("direction read only", _IOR(0xDA, 0x00, struct pvmemcontrol_buf),
		&buf, ENOTTY);
	refused("direction write only", _IOW(0xDA, 0x00, struct pvmemcontrol_buf),
		&buf, ENOTTY);
	refused("terminal ioctl", 0x5401, &buf, ENOTTY);

	refused("null pointer", PVMEMCONTROL_IOCTL_VMM, NULL, EFAULT);
	refused("pointer into nothing", PVMEMCONTROL_IOCTL_VMM,
		(void *)-4096L, EFAULT);
	hole = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (hole == MAP_FAILED || mprotect(hole + PAGE, PAGE, PROT_NONE))
		die("mapping a page beside a hole");
	refused("buffer across the end of a mapping", PVMEMCONTROL_IOCTL_VMM,
		hole + PAGE - 16, EFAULT);
	refused("unreadable buffer", PVMEMCONTROL_IOCTL_VMM, hole + PAGE,
		EFAULT);

	bad = open(DEVICE, O_RDWR | O_EXCL);
	verdict(bad < 0 && errno == EINVAL, "open with O_EXCL",
		"descriptor %d errno %d", bad, errno);
	if (bad >= 0)
		close(bad);

	refused_range("zero length", page_phys, 0);
	refused_range("zero length at address 0", 0, 0);
	refused_range("address not aligned", page_phys + 1, PAGE);
	refused_range("address aligned to 512 only", page_phys + 512, PAGE);
	refused_range("length not aligned", page_phys, PAGE - 1);
	refused_range("length of 1", page_phys, 1);
	refused_range("length half a page too long", page_phys, PAGE + PAGE / 2);
	if (host_page_size > PAGE)
		refused_range("aligned to the guest's page only",
			      page_phys & ~(host_page_size - 1), PAGE);
	refused_range("end wraps to 0", -PAGE, PAGE);
	refused_range("end wraps beyond 0", -PAGE, 2 * PAGE);
	refused_range("longest length", page_phys, -PAGE);
	refused_range("all ones", ~0ull, ~0ull);
	refused_range("begins beyond the physical addresses", limit, PAGE);
	refused_range("ends beyond the physical addresses", limit - PAGE,
		      2 * PAGE);
	refused_range("bit 63 set in the address", page_phys | 1ull << 63, PAGE);
	refused_range("bit 63 set in the length", page_phys, PAGE | 1ull << 63);

	/* Only the low half of a code comes back in the answer. */
	unsupported("code with a high half", 1ull << 32 | PVMEMCONTROL_DONTNEED);
	unsupported("all ones as code", ~0ull);
	unsupported("code whose answer is the same as the request",
		    (uint64_t)EOPNOTSUPP << 32 | EOPNOTSUPP);
	/* What would have the VMM write where the caller says. */
	unsupported("VECTOR", 0x101);
	unsupported("VIOLATION", 0x102);
}

/* --- refused by the VMM -------------------------------------------------- */

/* The ioctl succeeds, the answer is @want with the code in ret_code. */
static void answered(const char *name, uint64_t code, uint64_t addr,
		     uint64_t length, unsigned int want)
{
	struct pvmemcontrol_buf buf = request(code, addr, length);
	int err = send(&buf);

	exits++;
	verdict(!err && buf.ret.ret_errno == want &&
		buf.ret.ret_code == (uint32_t)code && all_zero(&buf), name,
		"ioctl errno %d; answer errno %u code %#x value %#llx", err,
		buf.ret.ret_errno, buf.ret.ret_code,
		(unsigned long long)buf.ret.ret_value);
}

static void group_answered(void)
{
	uint64_t limit = 1ull << physical_address_bits();
	struct pvmemcontrol_buf *readonly, buf;
	int err;

	answered("address in no region", PVMEMCONTROL_DONTNEED, limit / 2, PAGE,
		 EINVAL);
	answered("last physical page", PVMEMCONTROL_DONTNEED, limit - PAGE, PAGE,
		 EINVAL);
	answered("local APIC", PVMEMCONTROL_DONTNEED, 0xfee00000, PAGE, EINVAL);
	answered("firmware ROM", PVMEMCONTROL_DONTNEED, 0xfffff000, PAGE, EINVAL);
	answered("a PCI device's registers", PVMEMCONTROL_DONTNEED,
		 registers_of_the_device(), PAGE, EINVAL);
	answered("RAM and what lies behind it", PVMEMCONTROL_DONTDUMP,
		 end_of_ram() - PAGE, 2 * PAGE, EINVAL);
	for (unsigned int code = 1; code < PVMEMCONTROL_NR_FUNC_1_0; code++) {
		char name[64];

		snprintf(name, sizeof(name), "code %u outside of RAM", code);
		answered(name, code, limit / 2, PAGE, EINVAL);
	}

	answered("code 15", 15, page_phys, PAGE, EOPNOTSUPP);
	answered("code 15 without a range", 15, 0, 0, EOPNOTSUPP);
	answered("code 15 with an unaligned range", 15, page_phys + 1, 3,
		 EOPNOTSUPP);
	answered("code 0xff", 0xff, ~0ull, ~0ull, EOPNOTSUPP);
	answered("code 0xdeadbeef", 0xdeadbeef, 0, 0, EOPNOTSUPP);
	answered("code 0xffffffff", 0xffffffff, ~0ull, ~0ull, EOPNOTSUPP);

	buf = (struct pvmemcontrol_buf) {
		.call = {
			.func_code = PVMEMCONTROL_INFO,
			.addr = page_phys,
			.length = PAGE - 1,
			.arg = ~0ull,
		},
	};
	err = send(&buf);
	exits++;
	verdict(!err && !buf.ret.ret_errno && !buf.ret.ret_code &&
		buf.ret.ret_value == host_page_size && buf.ret.arg0 == 1,
		"INFO with the rest not zero", "ioctl errno %d; answer errno %u",
		err, buf.ret.ret_errno);

	/* What is known only when the answer is to be handed over. */
	readonly = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (readonly == MAP_FAILED)
		die("mapping a page");
	*readonly = request(PVMEMCONTROL_INFO, 0, 0);
	if (mprotect(readonly, PAGE, PROT_READ))
		die("protecting a page");
	err = send(readonly);
	exits++;
	verdict(err == EFAULT, "buffer that cannot be written", "errno %d", err);

	for (unsigned int i = 0; i < PAGE; i++)
		if (page[i] != 0x5a) {
			verdict(0, "page still holds its content", "byte %u is %#x",
				i, page[i]);
			return;
		}
	verdict(1, "page still holds its content", "-");
}

/* --- four threads, one descriptor ---------------------------------------- */

static pthread_barrier_t barrier;
static unsigned long wrong[NR_THREADS];

/* Is @buf the answer to what thread @kind asks in round @i? */
static int own_answer(unsigned int kind, unsigned int i,
		      const struct pvmemcontrol_buf *buf)
{
	switch (kind) {
	case 0:
		return !buf->ret.ret_errno && !buf->ret.ret_code &&
		       buf->ret.ret_value == host_page_size && buf->ret.arg0 == 1;
	case 1:
		return buf->ret.ret_errno == EOPNOTSUPP &&
		       buf->ret.ret_code == 0x10000 + i && all_zero(buf);
	case 2:
		return buf->ret.ret_errno == EINVAL &&
		       buf->ret.ret_code == 1 + i % 14 && all_zero(buf);
	default:
		return !buf->ret.ret_errno && !buf->ret.ret_code && all_zero(buf);
	}
}

static void *hammer(void *arg)
{
	unsigned int kind = (uintptr_t)arg;
	uint64_t hole = 1ull << (physical_address_bits() - 1);

	pthread_barrier_wait(&barrier);
	for (unsigned int i = 0; i < NR_LOOPS; i++) {
		struct pvmemcontrol_buf buf;

		if (kind == 0)
			buf = request(PVMEMCONTROL_INFO, 0, 0);
		else if (kind == 1)
			buf = request(0x10000 + i, page_phys, PAGE);
		else if (kind == 2)
			buf = request(1 + i % 14, hole, PAGE);
		else
			buf = request(PVMEMCONTROL_DONTDUMP, page_phys, PAGE);
		if (send(&buf) || !own_answer(kind, i, &buf))
			wrong[kind]++;
	}
	return NULL;
}

static void group_threads(void)
{
	static const char * const names[NR_THREADS] = {
		"INFO", "unknown codes", "addresses outside of RAM", "DONTDUMP",
	};
	pthread_t threads[NR_THREADS];
	char name[96];

	pthread_barrier_init(&barrier, NULL, NR_THREADS);
	for (unsigned int i = 0; i < NR_THREADS; i++) {
		errno = pthread_create(&threads[i], NULL, hammer,
				       (void *)(uintptr_t)i);
		if (errno)
			die("starting a thread");
	}
	for (unsigned int i = 0; i < NR_THREADS; i++) {
		pthread_join(threads[i], NULL);
		snprintf(name, sizeof(name),
			 "thread gets its own answers: %s", names[i]);
		verdict(!wrong[i], name, "%lu of %d were wrong", wrong[i],
			NR_LOOPS);
	}
	exits = NR_THREADS * NR_LOOPS;
}

/* --- who may ------------------------------------------------------------- */

static void become_nobody(void)
{
	if (setgid(65534) || setuid(65534))
		die("giving up root");
}

/* Runs @body in a child of its own; what it returns is an errno. */
static int in_child(int (*body)(void))
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid)
		_exit(body());
	if (waitpid(pid, &status, 0) != pid)
		die("waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int open_as_nobody(void)
{
	int new;

	become_nobody();
	new = open(DEVICE, O_RDWR);
	return new < 0 ? errno : 0;
}

static int use_as_nobody(void)
{
	struct pvmemcontrol_buf buf = request(PVMEMCONTROL_INFO, 0, 0);
	int err;

	become_nobody();
	err = send(&buf);
	if (err)
		return err;
	return own_answer(0, 0, &buf) ? 0 : EPROTO;
}

static int use_inherited(void)
{
	unsigned int bad = 0;

	for (unsigned int i = 0; i < 500; i++) {
		struct pvmemcontrol_buf buf = request(0x10000 + i, 0, 0);

		bad += send(&buf) || !own_answer(1, i, &buf);
	}
	return bad ? EPROTO : 0;
}

static void group_rights(void)
{
	int readonly, old, err, status;
	unsigned int bad = 0;
	pid_t pid;

	/* So that it is the capability that decides and not the file's mode. */
	if (chmod(DEVICE, 0666))
		die("chmod " DEVICE);
	err = in_child(open_as_nobody);
	verdict(err == EPERM, "open without CAP_SYS_ADMIN", "errno %d", err);
	if (chmod(DEVICE, 0600))
		die("chmod " DEVICE);
	err = in_child(open_as_nobody);
	verdict(err == EACCES, "open by another user, as the file's mode is",
		"errno %d", err);

	err = in_child(use_as_nobody);
	exits++;
	verdict(!err, "descriptor opened by root used after giving up root",
		"errno %d", err);

	/* The mode of the descriptor is no privilege: the open was. */
	readonly = open(DEVICE, O_RDONLY);
	verdict(readonly >= 0, "open for reading only", "errno %d", errno);
	if (readonly >= 0) {
		struct pvmemcontrol_buf buf = request(PVMEMCONTROL_INFO, 0, 0);

		old = fd;
		fd = readonly;
		err = send(&buf);
		exits++;
		verdict(!err && own_answer(0, 0, &buf),
			"descriptor opened for reading only", "errno %d", err);
		fd = old;
		close(readonly);
	}

	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid)
		_exit(use_inherited());
	for (unsigned int i = 0; i < 500; i++) {
		struct pvmemcontrol_buf buf = request(PVMEMCONTROL_INFO, 0, 0);

		bad += send(&buf) || !own_answer(0, 0, &buf);
	}
	exits += 1000;
	if (waitpid(pid, &status, 0) != pid)
		die("waitpid");
	verdict(!bad, "parent gets its answers beside a child", "%u wrong", bad);
	verdict(WIFEXITED(status) && !WEXITSTATUS(status),
		"child gets its answers beside the parent", "status %#x", status);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} groups[] = {
		{ "local", group_local },
		{ "answered", group_answered },
		{ "threads", group_threads },
		{ "rights", group_rights },
	};
	struct pvmemcontrol_buf buf = request(PVMEMCONTROL_INFO, 0, 0);
	size_t i;

	for (i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (argc == 2 && !strcmp(argv[1], groups[i].name))
			break;
	if (i == sizeof(groups) / sizeof(groups[0])) {
		fprintf(stderr, "usage: bad_ioctl local|answered|threads|rights\n");
		return 2;
	}

	fd = open(DEVICE, O_RDWR);
	if (fd < 0)
		die(DEVICE);
	if (send(&buf) || buf.ret.ret_errno)
		die("INFO");
	host_page_size = buf.ret.ret_value;

	/* A page of our own, should anything be done that must not be. */
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
	if (page == MAP_FAILED)
		die("mapping a page");
	memset(page, 0x5a, PAGE);
	page_phys = physical_address(page);
	if (!page_phys)
		die("physical address");

	groups[i].run();
	/* The INFO above. */
	printf("exits %lu\n", exits + 1);
	return failures != 0;
}
