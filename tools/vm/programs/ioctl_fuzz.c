// SPDX-License-Identifier: GPL-2.0
/*
 * Random ioctls on /dev/pvmemcontrol0, from whoever may make them.
 *
 * Usage: ioctl_fuzz WHAT SEED COUNT
 *
 *	alone	COUNT random requests
 *	threads	as many by each of two threads on one descriptor
 *	fork	as many by a parent and its child on one descriptor
 *	nobody	as many by another user, on a descriptor that root has opened
 *
 * What has an effect is asked for in a scratch area of the program's own, or
 * beyond all RAM.  Afterwards the scratch is open and can be used, and each byte
 * of WITNESS_MIB of other memory is as before.  Prints "ok NAME" or "not ok
 * NAME: why", and "inputs N seed S".
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
#include <sys/wait.h>
#include <unistd.h>
#include <linux/pvmemcontrol.h>

#define PROGRAM "ioctl_fuzz"
#include "verdict.h"

#define DEVICE		"/dev/pvmemcontrol0"
#define PAGE		4096ull
#define SCRATCH_PAGES	8
#define WITNESS_MIB	64
#define NOBODY		65534

static char *scratch;
static uint64_t scratch_phys[SCRATCH_PAGES];
static uint64_t *witness;

/**
 * struct fuzz - one who makes requests
 * @fd: on this
 * @state: of his random numbers
 * @count: how many
 * @bad: how many were answered in a way that none may be
 * @why: the first of them
 */
struct fuzz {
	int fd;
	uint64_t state;
	unsigned long count;
	unsigned long bad;
	char why[160];
};

/* --- memory ------------------------------------------------------------------ */

static uint64_t physical_address(const void *virt)
{
	int pagemap = open("/proc/self/pagemap", O_RDONLY);
	uint64_t entry;

	if (pagemap < 0 ||
	    pread(pagemap, &entry, sizeof(entry),
		  (uintptr_t)virt / PAGE * sizeof(entry)) != sizeof(entry))
		die("/proc/self/pagemap");
	close(pagemap);
	return (entry & ((1ull << 55) - 1)) * PAGE;
}

static void *map(size_t length)
{
	void *at = mmap(NULL, length, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);

	if (at == MAP_FAILED)
		die("mmap");
	return at;
}

static uint64_t witness_word(size_t i)
{
	return (i + 1) * 0x9e3779b97f4a7c15ull;
}

#define WITNESS_WORDS	((size_t)WITNESS_MIB << 17)

static void set_up_memory(void)
{
	scratch = map(SCRATCH_PAGES * PAGE);
	memset(scratch, 0x5a, SCRATCH_PAGES * PAGE);
	for (unsigned int i = 0; i < SCRATCH_PAGES; i++) {
		scratch_phys[i] = physical_address(scratch + i * PAGE);
		if (!scratch_phys[i])
			die("no physical address");
	}
	witness = map((size_t)WITNESS_MIB << 20);
	for (size_t i = 0; i < WITNESS_WORDS; i++)
		witness[i] = witness_word(i);
}

static void check_memory(int fd)
{
	static const uint64_t undo[] = {
		PVMEMCONTROL_MPROTECT_RW, PVMEMCONTROL_MUNLOCK,
		PVMEMCONTROL_UNMERGEABLE, PVMEMCONTROL_SET_VMA_ANON_NAME,
	};
	unsigned int bad = 0;
	size_t changed = 0;

	for (unsigned int i = 0; i < SCRATCH_PAGES; i++) {
		for (unsigned int j = 0; j < sizeof(undo) / sizeof(*undo); j++) {
			struct pvmemcontrol_buf buf = {
				.call = { undo[j], scratch_phys[i], PAGE, 0 },
			};

			/* Names are the host's choice; the rest it can undo. */
			if (ioctl(fd, PVMEMCONTROL_IOCTL_VMM, &buf) ||
			    (j < 2 && buf.ret.ret_errno))
				bad++;
		}
	}
	verdict(!bad, "all can be undone", "%u could not", bad);
	if (bad)
		exit(1);	/* to touch it would stop the machine */
	memset(scratch, 0xa5, SCRATCH_PAGES * PAGE);
	for (unsigned int i = 0; i < SCRATCH_PAGES * PAGE; i++)
		bad += scratch[i] != (char)0xa5;
	verdict(!bad, "the scratch can be used", "%u bytes differ", bad);
	for (size_t i = 0; i < WITNESS_WORDS; i++)
		changed += witness[i] != witness_word(i);
	verdict(!changed, "no other memory has changed", "%zu words have",
		changed);
}

/* --- random requests ----------------------------------------------------------- */

static uint64_t next(struct fuzz *fuzz)
{
	/* xorshift64* */
	fuzz->state ^= fuzz->state >> 12;
	fuzz->state ^= fuzz->state << 25;
	fuzz->state ^= fuzz->state >> 27;
	return fuzz->state * 0x2545f4914f6cdd1dull;
}

static uint64_t pick(struct fuzz *fuzz, const uint64_t *from, size_t bytes)
{
	return from[next(fuzz) % (bytes / sizeof(*from))];
}

static uint64_t random_code(struct fuzz *fuzz)
{
	static const uint64_t odd[] = {
		PVMEMCONTROL_FEATURES, PVMEMCONTROL_VECTOR,
		PVMEMCONTROL_VIOLATION, PVMEMCONTROL_GUARD,
		PVMEMCONTROL_UNGUARD, 0x105, 15, 0xff, 1ull << 31, 1ull << 32,
		1ull << 63, UINT32_MAX, UINT64_MAX, 95, 95ull << 32 | 95,
		/* What the transport takes for a command. */
		0x060fe6d2, 0x0e359539, 0x0ca8d227, 0x030f5da0, 0x80000000,
	};

	switch (next(fuzz) % 4) {
	case 0:
		return pick(fuzz, odd, sizeof(odd));
	case 1:
		return next(fuzz) >> next(fuzz) % 64;
	default:
		return next(fuzz) % PVMEMCONTROL_NR_FUNC_1_0;
	}
}

static uint64_t random_length(struct fuzz *fuzz)
{
	static const uint64_t odd[] = {
		0, 1, 512, PAGE - 1, PAGE + 1, PAGE / 2, 2 * PAGE, 1 << 21,
		1 << 30, 1ull << 32, 1ull << 47, 1ull << 63, -PAGE, UINT64_MAX,
	};

	switch (next(fuzz) % 4) {
	case 0:
		return pick(fuzz, odd, sizeof(odd));
	case 1:
		return next(fuzz) >> next(fuzz) % 64;
	default:
		return PAGE;
	}
}

/* Not in RAM, with whatever length: above the highest that this guest has. */
static uint64_t random_address(struct fuzz *fuzz)
{
	static const uint64_t odd[] = {
		1ull << 39, 1ull << 46, 1ull << 51, 1ull << 52, 1ull << 63,
		-PAGE, -2 * PAGE, UINT64_MAX, 0x7fffffffffffffff,
	};

	if (next(fuzz) % 2)
		return pick(fuzz, odd, sizeof(odd));
	return (next(fuzz) >> next(fuzz) % 24) | 1ull << 39;
}

/*
 * In the scratch only what lies in a page of it altogether; what may wrap, or
 * is as long as RAM, begins where none is.
 */
static struct pvmemcontrol_vmm_call random_call(struct fuzz *fuzz)
{
	struct pvmemcontrol_vmm_call call = {
		.func_code = random_code(fuzz),
		.length = random_length(fuzz),
		.arg = next(fuzz) >> next(fuzz) % 64,
	};

	if (next(fuzz) % 2) {
		uint64_t in_page = next(fuzz) % 8 ? 0 : next(fuzz) % PAGE;

		call.addr = pick(fuzz, scratch_phys, sizeof(scratch_phys)) + in_page;
		if (call.length > PAGE - in_page)
			call.length = PAGE - in_page;
	} else {
		call.addr = random_address(fuzz);
		/* An end that wraps must not come to lie in RAM. */
		if (call.addr + call.length < call.addr)
			call.length &= PAGE - 1;
	}
	return call;
}

static void complain(struct fuzz *fuzz, const char *what,
		     const struct pvmemcontrol_vmm_call *call, int err,
		     const struct pvmemcontrol_vmm_ret *ret)
{
	if (!fuzz->bad++)
		snprintf(fuzz->why, sizeof(fuzz->why),
			 "%s: code %#llx at %#llx, %#llx bytes: errno %d, answer %u %#x",
			 what, (unsigned long long)call->func_code,
			 (unsigned long long)call->addr,
			 (unsigned long long)call->length, err, ret->ret_errno,
			 ret->ret_code);
}

static void one_request(struct fuzz *fuzz)
{
	const struct pvmemcontrol_vmm_call call = random_call(fuzz);
	struct {
		uint64_t before;
		struct pvmemcontrol_buf buf;
		uint64_t after;
	} it = { .before = 0x1122334455667788, .buf.call = call,
		 .after = 0x8877665544332211 };
	int err = ioctl(fuzz->fd, PVMEMCONTROL_IOCTL_VMM, &it.buf) ? errno : 0;

	if (it.before != 0x1122334455667788 || it.after != 0x8877665544332211)
		complain(fuzz, "beside the buffer", &call, err, &it.buf.ret);
	else if (err && err != EINVAL)
		complain(fuzz, "errno", &call, err, &it.buf.ret);
	else if (err && memcmp(&it.buf.call, &call, sizeof(call)))
		complain(fuzz, "failed, and wrote", &call, err, &it.buf.ret);
	else if (!err && (it.buf.ret.ret_errno > 4095 ||
			  (it.buf.ret.ret_code &&
			   it.buf.ret.ret_code != (uint32_t)call.func_code)))
		complain(fuzz, "no answer that there is", &call, err,
			 &it.buf.ret);
}

/* Anything but the one ioctl that there is. */
static void one_number(struct fuzz *fuzz)
{
	const struct pvmemcontrol_vmm_call call = random_call(fuzz);
	struct pvmemcontrol_buf buf = { .call = call };
	uint32_t number = next(fuzz);
	int err;

	switch (next(fuzz) % 3) {
	case 0:
		number = PVMEMCONTROL_IOCTL_VMM ^ 1u << next(fuzz) % 32;
		break;
	case 1:
		number = _IOC(number % 4, PVMEMCONTROL_IOCTL_TYPE, number >> 24,
			      number >> 2 & 0x3fff);
		break;
	}
	/* What the kernel itself answers, for any file. */
	if (number == PVMEMCONTROL_IOCTL_VMM || number >> 8 == 'T' ||
	    (number >> 8 & 0xff) == 'T' || (number >> 8 & 0xff) == 'f' ||
	    (number >> 8 & 0xff) == 'X' || number < 256)
		return;
	err = ioctl(fuzz->fd, number, &buf) ? errno : 0;
	if (err != ENOTTY || memcmp(&buf.call, &call, sizeof(call)))
		complain(fuzz, "another ioctl", &call, err, &buf.ret);
}

static void one_pointer(struct fuzz *fuzz)
{
	static const uint64_t odd[] = {
		0, 1, 31, PAGE - 16, -1, -PAGE, (uint64_t)-PAGE * 2,
		1ull << 47, (1ull << 47) - 16, 0xffff888000000000,
		0xffffffff81000000, 1ull << 63, 0xc0000000, 0xfffffff0,
	};
	uint64_t at = pick(fuzz, odd, sizeof(odd));
	struct pvmemcontrol_vmm_call call = {};
	struct pvmemcontrol_vmm_ret ret = {};
	int err = ioctl(fuzz->fd, PVMEMCONTROL_IOCTL_VMM, (void *)(uintptr_t)at) ?
		errno : 0;

	call.addr = at;
	if (err != EFAULT)
		complain(fuzz, "pointer", &call, err, &ret);
}

static void *fuzz_run(void *arg)
{
	struct fuzz *fuzz = arg;

	for (unsigned long i = 0; i < fuzz->count; i++) {
		switch (next(fuzz) % 8) {
		case 0:
			one_number(fuzz);
			break;
		case 1:
			one_pointer(fuzz);
			break;
		default:
			one_request(fuzz);
		}
	}
	return NULL;
}

static void report(const struct fuzz *fuzz, const char *name)
{
	verdict(!fuzz->bad, name, "%lu of %lu: %s", fuzz->bad, fuzz->count,
		fuzz->why);
}

static void run_threads(struct fuzz *one)
{
	struct fuzz two = *one;
	pthread_t thread;

	two.state = ~one->state;
	errno = pthread_create(&thread, NULL, fuzz_run, &two);
	if (errno)
		die("starting a thread");
	fuzz_run(one);
	pthread_join(thread, NULL);
	report(one, "one thread");
	report(&two, "the other thread");
}

static void run_fork(struct fuzz *one)
{
	pid_t child = fork();
	int status;

	if (child < 0)
		die("fork");
	if (!child) {
		one->state = ~one->state;
		fuzz_run(one);
		if (one->bad)
			printf("# %s\n", one->why);
		fflush(stdout);
		_exit(one->bad != 0);
	}
	fuzz_run(one);
	if (waitpid(child, &status, 0) != child)
		die("waitpid");
	report(one, "the parent");
	verdict(!status, "the child", "status %#x", status);
}

int main(int argc, char **argv)
{
	struct fuzz fuzz = {};
	const char *what;

	if (argc != 4) {
		fprintf(stderr, "usage: ioctl_fuzz WHAT SEED COUNT\n");
		return 2;
	}
	what = argv[1];
	fuzz.state = strtoull(argv[2], NULL, 0) ?: 1;
	fuzz.count = strtoul(argv[3], NULL, 0);
	fuzz.fd = open(DEVICE, O_RDWR);
	if (fuzz.fd < 0)
		die(DEVICE);
	printf("inputs %lu seed %s\n", fuzz.count, argv[2]);
	fflush(stdout);
	set_up_memory();
	if (!strcmp(what, "threads")) {
		run_threads(&fuzz);
	} else if (!strcmp(what, "fork")) {
		run_fork(&fuzz);
	} else {
		if (!strcmp(what, "nobody") && (setgid(NOBODY) || setuid(NOBODY)))
			die("giving up root");
		fuzz_run(&fuzz);
		report(&fuzz, "each was answered as it may be");
	}
	check_memory(fuzz.fd);
	return failures != 0;
}
