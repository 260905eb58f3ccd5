/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From a process's addresses to the guest's physical ones, by /proc/PID/pagemap,
 * and what kind of page is there.
 */
#ifndef PVMEMCTL_PAGEMAP_H
#define PVMEMCTL_PAGEMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "say.h"

/**
 * enum page_kind - what an address of a process leads to
 * @PAGE_OWN: an anonymous page that nobody else has mapped
 * @PAGE_SHARED: an anonymous page that others have mapped too, or may: after a
 *	fork, or merged by KSM
 * @PAGE_FILE: a page of a file, or of shared memory
 * @PAGE_ZERO: the kernel's page of zeroes, which is everybody's
 * @PAGE_SWAPPED: not in memory
 * @PAGE_HOLE: nothing: not mapped, or never touched
 * @PAGE_SPECIAL: no RAM that the kernel manages: a device's registers, or a
 *	page that is broken
 * @NR_PAGE_KINDS: how many there are
 */
enum page_kind {
	PAGE_OWN,
	PAGE_SHARED,
	PAGE_FILE,
	PAGE_ZERO,
	PAGE_SWAPPED,
	PAGE_HOLE,
	PAGE_SPECIAL,
	NR_PAGE_KINDS,
};

/* Bits of an entry of /proc/PID/pagemap. */
#define PAGEMAP_PRESENT	(1ull << 63)
#define PAGEMAP_SWAPPED	(1ull << 62)
#define PAGEMAP_FILE	(1ull << 61)
#define PAGEMAP_PFN	((1ull << 55) - 1)

/* Bits of /proc/kpageflags. */
#define KPAGE_HWPOISON	(1ull << 19)
#define KPAGE_NOPAGE	(1ull << 20)
#define KPAGE_KSM	(1ull << 21)
#define KPAGE_ZERO	(1ull << 24)

enum page_kind page_kind(uint64_t entry, uint64_t mapcount, uint64_t flags);

/**
 * struct pagemap - a process whose addresses are translated
 * @pid: of it
 * @page: the guest's page size
 * @map: /proc/PID/pagemap
 * @counts: /proc/kpagecount
 * @flags: /proc/kpageflags
 * @merging: KSM has merged pages since boot, or may have
 */
struct pagemap {
	pid_t pid;
	uint64_t page;
	bool merging;
	int map;
	int counts;
	int flags;
};

/* On failure it has been said why. */
enum status pagemap_open(struct pagemap *map, pid_t pid);
void pagemap_close(struct pagemap *map);

/*
 * Reads the entries of @nr pages from @start on, a multiple of the page size,
 * and if @kind is not NULL what they are.  On failure it has been said why.
 */
enum status pagemap_read(const struct pagemap *map, uint64_t start, size_t nr,
			 uint64_t *entry, enum page_kind *kind);

#endif
