// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pagemap.h"

/* Without the right to, the kernel shows a page but no number of it. */
static bool number_hidden(uint64_t entry)
{
	return (entry & PAGEMAP_PRESENT) && !(entry & PAGEMAP_PFN);
}

enum page_kind page_kind(uint64_t entry, uint64_t mapcount, uint64_t flags)
{
	if (!(entry & PAGEMAP_PRESENT))
		return entry & PAGEMAP_SWAPPED ? PAGE_SWAPPED : PAGE_HOLE;
	if (flags & (KPAGE_NOPAGE | KPAGE_HWPOISON))
		return PAGE_SPECIAL;
	if (flags & KPAGE_ZERO)
		return PAGE_ZERO;
	if (entry & PAGEMAP_FILE)
		return PAGE_FILE;
	/* Not mapped at all means that it has just been taken away. */
	if ((flags & KPAGE_KSM) || mapcount != 1)
		return PAGE_SHARED;
	return PAGE_OWN;
}

static enum status open_one(const char *path, int *fd)
{
	*fd = open(path, O_RDONLY | O_CLOEXEC);
	if (*fd >= 0)
		return STATUS_OK;
	return fail(status_of_errno(errno), "%s: %s", path, strerror(errno));
}

/*
 * Linux 6.12 says of each anonymous page that KSM has merged it.  That is
 * believed only where KSM has ever been on.
 */
static bool ksm_may_have_merged(void)
{
	static const char *const files[] = {
		"/sys/kernel/mm/ksm/run", "/sys/kernel/mm/ksm/pages_shared",
		"/sys/kernel/mm/ksm/full_scans",
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char first = '1';
		int fd = open(files[i], O_RDONLY | O_CLOEXEC);

		/* A kernel without KSM has none of them. */
		if (fd < 0 && errno == ENOENT)
			continue;
		if (fd < 0 || read(fd, &first, 1) != 1)
			first = '1';
		if (fd >= 0)
			close(fd);
		if (first != '0')
			return true;
	}
	return false;
}

enum status pagemap_open(struct pagemap *map, pid_t pid)
{
	enum status status;
	char path[64];

	*map = (struct pagemap) {
		.pid = pid, .page = sysconf(_SC_PAGESIZE),
		.map = -1, .counts = -1, .flags = -1,
		.merging = ksm_may_have_merged(),
	};
	snprintf(path, sizeof(path), "/proc/%d/pagemap", (int)pid);
	map->map = open(path, O_RDONLY | O_CLOEXEC);
	if (map->map < 0 && errno == ENOENT)
		return fail(STATUS_FAILED, "there is no process %d", (int)pid);
	/* As others that have none, since 6.12; before, nothing is there. */
	if (map->map < 0 && errno == ESRCH)
		return fail(STATUS_FAILED, "process %d has no memory of its own",
			    (int)pid);
	if (map->map < 0)
		return fail(status_of_errno(errno), "%s: %s", path,
			    strerror(errno));
	status = open_one("/proc/kpagecount", &map->counts);
	if (!status)
		status = open_one("/proc/kpageflags", &map->flags);
	if (status)
		pagemap_close(map);
	return status;
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void pagemap_close(struct pagemap *map)
{
	close_one(&map->map);
	close_one(&map->counts);
	close_one(&map->flags);
}

/* One word of a table with a word for each page frame; as it was beyond its end. */
static enum status read_frame(int fd, const char *name, uint64_t frame,
			      uint64_t *word)
{
	uint64_t got_word;
	ssize_t got = pread(fd, &got_word, sizeof(got_word),
			    frame * sizeof(got_word));

	if (got < 0)
		return fail(status_of_errno(errno), "%s: %s", name,
			    strerror(errno));
	if (got == sizeof(got_word))
		*word = got_word;
	return STATUS_OK;
}

static enum status look_at(const struct pagemap *map, uint64_t entry,
			   enum page_kind *kind)
{
	uint64_t frame = entry & PAGEMAP_PFN, mapcount = 0, flags = 0;
	enum status status = STATUS_OK;

	if (entry & PAGEMAP_PRESENT) {
		/* Behind the last page of RAM: a device's. */
		flags = KPAGE_NOPAGE;
		status = read_frame(map->flags, "/proc/kpageflags", frame,
				    &flags);
		if (!status)
			status = read_frame(map->counts, "/proc/kpagecount",
					    frame, &mapcount);
	}
	if (!map->merging)
		flags &= ~KPAGE_KSM;
	if (!status)
		*kind = page_kind(entry, mapcount, flags);
	return status;
}

enum status pagemap_read(const struct pagemap *map, uint64_t start, size_t nr,
			 uint64_t *entry, enum page_kind *kind)
{
	size_t have = 0;

	while (have < nr) {
		ssize_t got = pread(map->map, entry + have,
				    (nr - have) * sizeof(*entry),
				    (start / map->page + have) * sizeof(*entry));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail(status_of_errno(errno),
				    "/proc/%d/pagemap: %s", (int)map->pid,
				    strerror(errno));
		if (!got)
			break;	/* beyond what a process can have, or it is gone */
		have += got / sizeof(*entry);
	}
	memset(entry + have, 0, (nr - have) * sizeof(*entry));

	for (size_t i = 0; i < nr; i++) {
		enum status status = STATUS_OK;

		if (number_hidden(entry[i]))
			return fail(STATUS_DENIED,
				    "the kernel does not say where pages are: that takes CAP_SYS_ADMIN");
		if (kind)
			status = look_at(map, entry[i], &kind[i]);
		if (status)
			return status;
	}
	return STATUS_OK;
}
