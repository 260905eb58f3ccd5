// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "size.h"
#include "sysfs.h"

const char *sysfs_root = "/sys";

static int sysfs_open(const char *path, int flags)
{
	char full[512];

	if ((size_t)snprintf(full, sizeof(full), "%s/%s", sysfs_root, path) >=
	    sizeof(full)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return open(full, flags | O_CLOEXEC);
}

int sysfs_text(const char *path, char *text, size_t size)
{
	int fd = sysfs_open(path, O_RDONLY), err = 0;
	ssize_t got;

	if (fd < 0)
		return errno;
	got = read(fd, text, size - 1);
	if (got < 0)
		err = errno;
	close(fd);
	text[got > 0 ? got : 0] = 0;
	text[strcspn(text, "\n")] = 0;
	return err;
}

int sysfs_number(const char *path, uint64_t *value)
{
	char text[32];
	int err = sysfs_text(path, text, sizeof(text));

	if (err)
		return err;
	return parse_number(text, value) ? 0 : EPROTO;
}

int sysfs_write(const char *path, const char *text)
{
	int fd = sysfs_open(path, O_WRONLY), err = 0;

	if (fd < 0)
		return errno;
	if (write(fd, text, strlen(text)) < 0)
		err = errno;
	close(fd);
	return err;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int names_add(char ***names, size_t *nr, const char *name)
{
	char **more = realloc(*names, (*nr + 1) * sizeof(*more));

	if (!more)
		return ENOMEM;
	*names = more;
	more[*nr] = strdup(name);
	if (!more[*nr])
		return ENOMEM;
	(*nr)++;
	return 0;
}

int sysfs_names(const char *path, char ***names, size_t *nr)
{
	int fd = sysfs_open(path, O_RDONLY | O_DIRECTORY), err = 0;
	const struct dirent *entry;
	DIR *dir;

	*names = NULL;
	*nr = 0;
	if (fd < 0)
		return errno;
	dir = fdopendir(fd);
	if (!dir) {
		err = errno;
		close(fd);
		return err;
	}
	while (!err && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' &&
		    strlen(entry->d_name) < NAME_BYTES)
			err = names_add(names, nr, entry->d_name);
	closedir(dir);
	if (err) {
		sysfs_names_free(*names, *nr);
		*names = NULL;
		*nr = 0;
	} else if (*nr) {
		qsort(*names, *nr, sizeof(**names), by_text);
	}
	return err;
}

void sysfs_names_free(char **names, size_t nr)
{
	while (nr)
		free(names[--nr]);
	free(names);
}
