// SPDX-License-Identifier: GPL-2.0
/*
 * Loads kernel modules in order, unloads them in the other order, and does so
 * again and again.
 *
 * Usage: reload TIMES MODULE.ko...
 *
 * A scenario could, but most of the time would go into starting insmod and
 * rmmod.  Exits with 0 if all of it succeeded.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MODULES_MAX	8

static struct {
	char name[64];
	void *image;
	size_t size;
} modules[MODULES_MAX];

static void die(const char *what, const char *whom)
{
	fprintf(stderr, "reload: %s %s: %s\n", what, whom, strerror(errno));
	exit(1);
}

static void read_module(int i, char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY);

	if (fd < 0 || fstat(fd, &st))
		die("opening", path);
	modules[i].size = st.st_size;
	modules[i].image = malloc(st.st_size);
	if (!modules[i].image ||
	    read(fd, modules[i].image, st.st_size) != st.st_size)
		die("reading", path);
	close(fd);
	snprintf(modules[i].name, sizeof(modules[i].name), "%s",
		 basename(path));
	modules[i].name[strcspn(modules[i].name, ".")] = 0;
}

int main(int argc, char **argv)
{
	unsigned long times = argc > 2 ? strtoul(argv[1], NULL, 0) : 0;
	int n = argc - 2;

	if (!times || n > MODULES_MAX) {
		fprintf(stderr, "usage: reload TIMES MODULE.ko...\n");
		return 2;
	}
	for (int i = 0; i < n; i++)
		read_module(i, argv[i + 2]);

	while (times--) {
		for (int i = 0; i < n; i++)
			if (syscall(SYS_init_module, modules[i].image,
				    modules[i].size, ""))
				die("loading", modules[i].name);
		for (int i = n - 1; i >= 0; i--)
			if (syscall(SYS_delete_module, modules[i].name,
				    O_NONBLOCK))
				die("unloading", modules[i].name);
	}
	return 0;
}
