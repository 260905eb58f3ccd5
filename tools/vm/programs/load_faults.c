// SPDX-License-Identifier: GPL-2.0
/*
 * Loads a kernel module, with an allocation failing, one after the other until
 * there are no more; and unloads it, likewise.
 *
 * Usage: load_faults FIRST STRIDE MODULE.ko FILE
 *
 * Of loading, FIRST is which fails first, counted from 1, and STRIDE how many
 * further each try is; of unloading, each fails.  After each try, whether the
 * module was loaded or not, it must be possible to load it, FILE must be there
 * then, and to unload it.
 *
 * The kernel must have CONFIG_FAILSLAB and CONFIG_FAIL_PAGE_ALLOC, and be told
 * in debugfs which allocations may fail.  Only those of this program's own system
 * call do.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <libgen.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PROGRAM "load_faults"
#include "verdict.h"

/* More than there can be. */
#define MANY	100000U

static char name[64];
static const char *there;
static void *image;
static size_t size;
static int fail_nth;

static void read_module(char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY);

	if (fd < 0 || fstat(fd, &st))
		die(path);
	size = st.st_size;
	image = malloc(size);
	if (!image || read(fd, image, size) != st.st_size)
		die(path);
	close(fd);
	snprintf(name, sizeof(name), "%s", basename(path));
	name[strcspn(name, ".")] = 0;
}

/* The allocation of this number fails from now on; 0: none. */
static void fail_begin(unsigned int nth)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%u", nth);

	if (pwrite(fail_nth, text, n, 0) != n)
		die("fail-nth");
}

/* How many there were; as many as the number if it has failed. */
static unsigned int fail_end(unsigned int nth)
{
	char text[16] = "";

	if (pread(fail_nth, text, sizeof(text) - 1, 0) < 1)
		die("fail-nth");
	fail_begin(0);
	return nth - strtoul(text, NULL, 10);
}

static int load(void)
{
	return syscall(SYS_init_module, image, size, "") ? errno : 0;
}

static int unload(void)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? errno : 0;
}

/* With memory all is well. */
static int works(unsigned int nth)
{
	int err = load();

	if (err) {
		printf("%s: not loaded after %u: %s\n", name, nth,
		       strerror(err));
		return 0;
	}
	if (access(there, F_OK)) {
		printf("%s: no %s after %u\n", name, there, nth);
		unload();
		return 0;
	}
	err = unload();
	if (err)
		printf("%s: not unloaded after %u: %s\n", name, nth,
		       strerror(err));
	return !err;
}

/* Returns whether there was such an allocation. */
static int load_fails(unsigned int nth, unsigned int *refused, int *survived)
{
	int err, happened;

	fail_begin(nth);
	err = load();
	happened = fail_end(nth) == nth;
	*survived = 1;
	if (!err)
		err = unload();
	else if (happened && err == ENOMEM)
		++*refused;
	else
		*survived = 0;
	if (err && !*survived)
		printf("%s: allocation %u: %s\n", name, nth, strerror(err));
	*survived &= works(nth);
	return happened;
}

static int unload_fails(unsigned int nth, int *survived)
{
	int err, happened;

	err = load();
	if (err) {
		printf("%s: not loaded before %u: %s\n", name, nth,
		       strerror(err));
		*survived = 0;
		return 0;
	}
	fail_begin(nth);
	err = unload();
	happened = fail_end(nth) == nth;
	*survived = !err;
	if (err)
		printf("%s: not unloaded with %u: %s\n", name, nth,
		       strerror(err));
	return happened;
}

static void loads(unsigned int nth, unsigned int stride)
{
	unsigned int points = 0, held = 0, refused = 0;
	int happened, survived;

	do {
		happened = load_fails(nth, &refused, &survived);
		points += happened;
		held += happened && survived;
		nth += stride;
	} while (happened && survived && nth < MANY);
	printf("%s, loaded: matrix: %u points, %u survived, %u without it\n",
	       name, points, held, points - refused);
	verdict(points && survived && points == held, "load", "%u of %u", held,
		points);
}

static void unloads(void)
{
	unsigned int points = 0, held = 0, nth = 1;
	int happened, survived;

	do {
		happened = unload_fails(nth++, &survived);
		points += happened;
		held += happened && survived;
	} while (happened && survived && nth < MANY);
	printf("%s, unloaded: matrix: %u points, %u survived\n", name, points,
	       held);
	verdict(survived && points == held, "unload", "%u of %u", held, points);
}

/* What a kernel allocates once, it has then. */
static void count(void)
{
	unsigned int nr;
	int err;

	if (!works(0))
		exit(1);
	fail_begin(MANY);
	err = load();
	nr = fail_end(MANY);
	if (err || unload())
		die(name);
	printf("%s: %u allocations\n", name, nr);
}

int main(int argc, char **argv)
{
	unsigned int first = argc == 5 ? strtoul(argv[1], NULL, 10) : 0;
	unsigned int stride = first ? strtoul(argv[2], NULL, 10) : 0;

	if (!stride) {
		fprintf(stderr,
			"usage: load_faults FIRST STRIDE MODULE.ko FILE\n");
		return 2;
	}
	fail_nth = open("/proc/thread-self/fail-nth", O_RDWR);
	if (fail_nth < 0)
		die("fail-nth");
	read_module(argv[3]);
	there = argv[4];
	count();
	loads(first, stride);
	unloads();
	return failures ? 1 : 0;
}
