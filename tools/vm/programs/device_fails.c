// SPDX-License-Identifier: GPL-2.0
/*
 * Has the device fail at an access to its registers, at a later one, and so on,
 * until something is done with no access left to fail at; and looks each time at
 * what came of it.
 *
 * Usage: device_fails HOW FIRST STEP attach|use
 *
 * HOW is what the device's x-fail-how takes, FIRST at which access to begin, STEP
 * how far it is to the next.
 *
 *	attach	the driver is bound to the device, with what clients do then
 *	use	requests from here, stacks, permissions and huge pages, of
 *		drivers that are loaded, are had and given back
 *
 * The driver is bound before, and after.  What is done may fail with EIO or
 * ENODEV, or have worked.  Then there is a good device again: with it all of it
 * works, and at each point memory is what it has to be.
 *
 * Prints "points N", "survived N" and a line for each that was not; exits with
 * 0 if all were.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <linux/pvmemcontrol.h>

#define DRIVER		"/sys/bus/pci/drivers/pvmemcontrol_pci/"
#define CLASS		"/sys/class/pvmemcontrol/pvmemcontrol0/"
#define STACKS		"/sys/kernel/debug/pvmc_kstack_user/stacks"
#define PERM		"/sys/kernel/debug/pvmc_perm_user/"
/* Memory that the kernel was told to leave alone */
#define PERM_AT		0x30000000ull

/* More than a vector holds */
#define RANGES		140

#define PAGE		4096ul
#define PAGES		64ul
#define HUGE_SIZE	(2ul << 20)
#define LONGEST_MS	30000
/* Accesses of something that would never come to an end */
#define MOST		100000u

static FILE *host;
static char address[64];
static unsigned char *memory;
static uint64_t gpa[PAGES];
static char why[256];

static void die(const char *what)
{
	fprintf(stderr, "device_fails: %s: %s\n", what, strerror(errno));
	exit(2);
}

/* The first thing that is not as it has to be counts. */
static void wrong(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

static void wrong(const char *fmt, ...)
{
	va_list ap;

	if (*why)
		return;
	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
}

/* -- The host ------------------------------------------------------------- */

static void host_open(void)
{
	int lock = open("/run/host.lock", O_RDWR | O_CREAT, 0600);
	int port;

	if (lock < 0 || flock(lock, LOCK_EX))
		die("/run/host.lock");
	port = open("/dev/virtio-ports/host", O_RDWR);
	if (port < 0)
		die("/dev/virtio-ports/host");
	host = fdopen(port, "r");
	setvbuf(host, NULL, _IONBF, 0);
}

/* Asks; the answer is in @answer, cut off if need be.  0 if it is one. */
static int ask(char *answer, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int ask(char *answer, size_t size, const char *fmt, ...)
{
	static unsigned int id;
	char line[512], verdict[16];
	size_t length, used;
	unsigned int to;
	va_list ap;

	used = snprintf(line, sizeof(line), "f%u ", ++id);
	va_start(ap, fmt);
	used += vsnprintf(line + used, sizeof(line) - used, fmt, ap);
	va_end(ap);
	line[used++] = '\n';
	if (write(fileno(host), line, used) != (ssize_t)used)
		die("asking the host");
	do {
		if (!fgets(line, sizeof(line), host))
			die("the host's answer");
	} while (sscanf(line, "f%u %15s %zu", &to, verdict, &length) != 3 ||
		 to != id);
	for (used = 0; used < length; used++) {
		int c = getc(host);

		if (used < size - 1)
			answer[used] = c;
	}
	answer[used < size ? used : size - 1] = 0;
	return strcmp(verdict, "ok");
}

static void tell(const char *what)
{
	char answer[256];

	if (ask(answer, sizeof(answer), "%s", what))
		wrong("the host: %s: %.100s", what, answer);
}

/* -- The guest ------------------------------------------------------------ */

static void pause_ms(unsigned int ms)
{
	usleep(ms * 1000);
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

static int file_says(const char *path, const char *text)
{
	char line[64] = "";
	FILE *file = fopen(path, "r");

	if (!file)
		return 0;
	if (!fgets(line, sizeof(line), file))
		line[0] = 0;
	fclose(file);
	line[strcspn(line, "\n")] = 0;
	return !strcmp(line, text);
}

static int bound(void)
{
	char path[256];

	snprintf(path, sizeof(path), DRIVER "%s", address);
	return !access(path, F_OK);
}

static int is_up(void)
{
	return bound() && file_says(CLASS "state", "up") &&
	       !access("/dev/pvmemcontrol0", F_OK);
}

static int wait_for(int (*what)(void))
{
	unsigned int ms;

	for (ms = 0; ms < LONGEST_MS; ms += 2) {
		if (what())
			return 1;
		pause_ms(2);
	}
	return 0;
}

/* What may come of something while the device fails */
static void check_error(const char *what, int err)
{
	if (err && err != -EIO && err != -ENODEV)
		wrong("%s: %s", what, strerror(-err));
}

/* -- What is done --------------------------------------------------------- */

static uint64_t physical_address(const void *virt)
{
	uint64_t entry;
	int fd = open("/proc/self/pagemap", O_RDONLY);

	if (fd < 0 || pread(fd, &entry, sizeof(entry),
			    (uintptr_t)virt / PAGE * sizeof(entry)) !=
	    sizeof(entry))
		die("/proc/self/pagemap");
	close(fd);
	return (entry & ((1ull << 55) - 1)) * PAGE;
}

/* 0, an errno of the call, or what the host answered */
static int request(uint64_t code, size_t page)
{
	struct pvmemcontrol_buf buf = {
		.call.func_code = code,
		.call.addr = gpa[page],
		.call.length = PAGE,
	};
	int fd = open("/dev/pvmemcontrol0", O_RDWR), err = 0;

	if (fd < 0)
		return errno == ENOENT || errno == ENXIO ? -ENODEV : -errno;
	if (ioctl(fd, PVMEMCONTROL_IOCTL_VMM, &buf))
		err = -errno;
	else if (buf.ret.ret_errno || buf.ret.ret_code)
		err = -EPROTO;
	close(fd);
	return err;
}

/* Each page has bytes of its own; but for @but, which is what @byte says. */
static void check_memory(size_t but, int byte)
{
	for (size_t page = 0; page < PAGES; page++) {
		int want = page == but ? byte : (int)page + 1;

		for (size_t i = 0; want >= 0 && i < PAGE; i++)
			if (memory[page * PAGE + i] != want) {
				wrong("page %zu has %#x instead of %#x", page,
				      memory[page * PAGE + i], want);
				return;
			}
	}
}

static void fill(size_t page)
{
	memset(memory + page * PAGE, page + 1, PAGE);
}

/* A page goes, if the call says so, and nothing else ever does. */
static int use_calls(void)
{
	int err, first = 0;

	for (size_t page = 5; page < PAGES; page += 20) {
		err = request(PVMEMCONTROL_DONTNEED, page);
		/* It may have been done, though nobody has said so. */
		if (err)
			check_memory(page, memory[page * PAGE] ? (int)page + 1 :
				     0);
		else
			check_memory(page, 0);
		fill(page);
		first = first ?: err;
	}
	err = request(PVMEMCONTROL_MPROTECT_R, 7);
	first = first ?: err;
	check_memory(PAGES, 0);
	err = request(PVMEMCONTROL_MPROTECT_RW, 7);
	return first ?: err;
}

static int use_stacks(void)
{
	int err = write_file(STACKS, "200");

	return write_file(STACKS, "0") ?: err;
}

static int perm_commit(void)
{
	FILE *file;
	long err;

	if (write_file(PERM "run", "commit"))
		return -EBADE;
	file = fopen(PERM "result", "r");
	if (!file)
		return -EBADE;
	if (fscanf(file, "error %ld", &err) != 1)
		err = -EBADE;
	fclose(file);
	return err;
}

static void perm_all(const char *what)
{
	int fd = open(PERM "run", O_WRONLY);
	char line[64];

	for (int i = 0; i < RANGES; i++) {
		snprintf(line, sizeof(line), "%s %llx 1000 1", what,
			 PERM_AT + i * 8 * PAGE);
		if (write(fd, line, strlen(line)) < 0)
			die(PERM "run");
	}
	close(fd);
}

/* What is mapped is unmapped, so that each time is the same. */
static int use_perm(void)
{
	int err;

	perm_all("map");
	err = perm_commit();
	perm_all("unmap");
	return perm_commit() ?: err;
}

static int use_huge(void)
{
	for (int time = 0; time < 2; time++) {
		uint64_t *huge = mmap(NULL, HUGE_SIZE, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS |
				      MAP_HUGETLB, -1, 0);

		if (huge == MAP_FAILED) {
			wrong("no huge page: %s", strerror(errno));
			return 0;
		}
		for (size_t i = 0; i < HUGE_SIZE / sizeof(*huge); i++)
			if (huge[i]) {
				wrong("a huge page has %#" PRIx64 " at %zu",
				      huge[i], i * sizeof(*huge));
				break;
			}
		memset(huge, 0x77, HUGE_SIZE);
		munmap(huge, HUGE_SIZE);
	}
	return 0;
}

/* Each tells its error, and the first is what comes of all. */
static int use(void)
{
	static const struct {
		const char *name;
		int (*act)(void);
	} ways[] = {
		{ "calls", use_calls },
		{ "stacks", use_stacks },
		{ "permissions", use_perm },
		{ "huge pages", use_huge },
	};
	int err, first = 0;

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		err = ways[i].act();
		check_error(ways[i].name, err);
		first = first ?: err;
	}
	return first;
}

static int attach(void)
{
	int err = write_file(DRIVER "bind", address);

	check_error("bind", err);
	return err;
}

/* Clients are told one after the other that the device is up again. */
static int all_works(void)
{
	return !use();
}

/* -- Points --------------------------------------------------------------- */

static void add_device(void)
{
	tell("qmp {\"execute\": \"device_add\", \"arguments\": {\"driver\": "
	     "\"pvmemcontrol\", \"id\": \"pvmc0\", \"bus\": \"port0\"}}");
}

/* The device is a good one again, and the driver bound to it. */
static void mend(const char *how, int met)
{
	char path[256], answer[256];

	if (met && (!strcmp(how, "unplug") || !strcmp(how, "remove"))) {
		if (ask(answer, sizeof(answer), "wait-event DEVICE_DELETED 30"))
			wrong("it does not go: %.100s", answer);
		if (!strcmp(how, "remove")) {
			/* Nobody has told the guest. */
			snprintf(path, sizeof(path),
				 "/sys/bus/pci/devices/%s/remove", address);
			if (write_file(path, "1"))
				wrong("the guest does not let it go");
			add_device();
		}
		/* Of what is unplugged, the host has put another there at once. */
	} else {
		if (!strcmp(how, "unplug"))
			tell("when DEVICE_DELETED []");
		tell("set x-fail-how none");
		tell("set x-fail-after 0");
		if (!bound() && write_file(DRIVER "bind", address))
			wrong("the driver does not take it again");
	}
	if (!wait_for(is_up))
		wrong("the device is not up again");
	/* Waits for a probe that is under way, and the device has its driver. */
	write_file(DRIVER "bind", address);
}

static int point(const char *how, unsigned int n, int (*act)(void))
{
	char answer[256], line[64];
	int met;

	if (!strcmp(how, "unplug"))
		tell("when DEVICE_DELETED [{\"execute\": \"device_add\", "
		     "\"arguments\": {\"driver\": \"pvmemcontrol\", \"id\": "
		     "\"pvmc0\", \"bus\": \"port0\"}}]");
	if (act == attach && write_file(DRIVER "unbind", address))
		wrong("the driver does not let it go");
	snprintf(line, sizeof(line), "set x-fail-after %u", n);
	tell(line);
	snprintf(line, sizeof(line), "set x-fail-how %s", how);
	tell(line);

	act();
	/* It has gone, or has failed, if there is nothing left to count. */
	met = ask(answer, sizeof(answer), "counter x-fail-after") ||
	      !atoi(answer);
	/* A request to go may still be on its way. */
	mend(how, met);
	if (!wait_for(all_works))
		wrong("not all works, with a good device");
	check_memory(PAGES, 0);
	return met;
}

int main(int argc, char **argv)
{
	unsigned int first, step, n, points = 0, survived = 0;
	struct timespec from, to;
	int (*act)(void);
	FILE *names;

	if (argc != 5)
		return 2;
	first = atoi(argv[2]);
	step = atoi(argv[3]);
	act = strcmp(argv[4], "attach") ? use : attach;
	names = popen("basename " DRIVER "0*", "r");
	if (!first || !step || !names ||
	    !fgets(address, sizeof(address), names))
		return 2;
	address[strcspn(address, "\n")] = 0;

	memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
	if (memory == MAP_FAILED)
		die("memory");
	for (size_t page = 0; page < PAGES; page++) {
		fill(page);
		gpa[page] = physical_address(memory + page * PAGE);
	}
	host_open();
	clock_gettime(CLOCK_MONOTONIC, &from);
	if (use())
		wrong("not all works at first");
	for (n = first; !*why && n < MOST; n += step) {
		int met = point(argv[1], n, act);

		if (*why)
			printf("not survived: %s at access %u: %s\n", argv[1],
			       n, why);
		if (!met && !*why)
			break;
		points++;
		survived += !*why;
	}
	if (*why && !points)
		printf("%s\n", why);
	clock_gettime(CLOCK_MONOTONIC, &to);
	printf("points %u\nsurvived %u\nlast %u\nms %ld\n", points, survived,
	       points ? first + (points - 1) * step : 0,
	       (to.tv_sec - from.tv_sec) * 1000 +
	       (to.tv_nsec - from.tv_nsec) / 1000000);
	return !points || points != survived;
}
