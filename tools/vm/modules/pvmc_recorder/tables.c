// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel's own page tables say about three parts of its address
 * space, compared with what they said the last time:
 *
 *	direct	the direct map of all memory
 *	image	the mapping that the kernel's image runs in
 *	module	where memory for modules and other generated code is mapped
 *
 * A difference is logged as
 *
 *	c PART VADDR PFN END OLD NEW
 *
 * with all numbers in hex, END exclusive, OLD and NEW of the letters r, w and
 * x, or "---" for not mapped.  Only the last level of the tables is looked at:
 * the kernel leaves all of its upper ones open.
 */
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include <asm/pgtable.h>
#include <asm/set_memory.h>

#include "recorder.h"

/* What is seen of a page: the frame above, the permissions below; 0: none. */
#define SEEN_R		4UL
#define SEEN_W		2UL
#define SEEN_X		1UL
#define SEEN_PERMS	7UL
#define SEEN_SHIFT	3

/* The most memory of a guest. */
#define DIRECT_BYTES	(64UL << 30)

struct part {
	const char *name;
	unsigned long start;
	unsigned long end;
	u64 *seen;
};

static struct part parts[] = {
	{ .name = "direct" }, { .name = "image" }, { .name = "module" },
};

/* Differences that follow on each other, not logged yet. */
struct run {
	const struct part *part;
	unsigned long vaddr;
	unsigned long pfn;
	unsigned long nr_pages;
	unsigned int old_perms;
	unsigned int new_perms;
};

static const char * const perms_names[] = {
	"---", "--x", "-w-", "-wx", "r--", "r-x", "rw-", "rwx",
};

static void run_end(struct run *run)
{
	if (run->nr_pages)
		recorder_log("c %s %lx %lx %lx %s %s\n", run->part->name,
			     run->vaddr, run->pfn, run->pfn + run->nr_pages,
			     perms_names[run->old_perms],
			     perms_names[run->new_perms]);
	run->nr_pages = 0;
}

static void run_add(struct run *run, const struct part *part,
		    unsigned long vaddr, unsigned long pfn,
		    unsigned int old_perms, unsigned int new_perms)
{
	if (run->nr_pages && run->part == part &&
	    run->vaddr + run->nr_pages * PAGE_SIZE == vaddr &&
	    run->pfn + run->nr_pages == pfn && run->old_perms == old_perms &&
	    run->new_perms == new_perms) {
		run->nr_pages++;
		return;
	}
	run_end(run);
	*run = (struct run) {
		.part = part, .vaddr = vaddr, .pfn = pfn, .nr_pages = 1,
		.old_perms = old_perms, .new_perms = new_perms,
	};
}

/*
 * What maps @vaddr, as the first page of it is seen, and to where the same
 * entry of the tables reaches.
 */
static u64 seen_at(unsigned long vaddr, unsigned long *end)
{
	unsigned long size, pfn;
	unsigned int level;
	pte_t *entry = lookup_address(vaddr, &level);
	u64 seen = SEEN_R;
	pte_t value;

	/* Without an entry the level is that of the last one that was there. */
	if (!entry)
		size = level == PG_LEVEL_NONE ? PGDIR_SIZE :
		       page_level_size(level - 1);
	else
		size = page_level_size(level);
	*end = ALIGN_DOWN(vaddr, size) + size;
	if (!entry)
		return 0;
	value = READ_ONCE(*entry);
	if (!(pte_flags(value) & _PAGE_PRESENT))
		return 0;
	if (pte_flags(value) & _PAGE_RW)
		seen |= SEEN_W;
	if (!(pte_flags(value) & _PAGE_NX))
		seen |= SEEN_X;
	/* In an entry for a large page the lowest of these bits is another. */
	pfn = ALIGN_DOWN(pte_val(value) & PTE_PFN_MASK, size) >> PAGE_SHIFT;
	pfn += (vaddr & (size - 1)) >> PAGE_SHIFT;
	return seen | (u64)pfn << SEEN_SHIFT;
}

static void page_compare(const struct part *part, unsigned long vaddr,
			 u64 old, u64 new, struct run *run)
{
	if (old && new && old >> SEEN_SHIFT == new >> SEEN_SHIFT) {
		run_add(run, part, vaddr, new >> SEEN_SHIFT, old & SEEN_PERMS,
			new & SEEN_PERMS);
		return;
	}
	if (old)
		run_add(run, part, vaddr, old >> SEEN_SHIFT, old & SEEN_PERMS, 0);
	if (new)
		run_add(run, part, vaddr, new >> SEEN_SHIFT, 0, new & SEEN_PERMS);
}

/* Log the differences of a part; @begin is called before the first. */
static bool part_compare(struct part *part, bool (*begin)(void *), void *data)
{
	unsigned long vaddr = part->start;
	u64 *seen = part->seen;
	struct run run = {};
	bool differs = false;

	while (vaddr < part->end) {
		unsigned long end;
		u64 now = seen_at(vaddr, &end);

		for (end = min(end, part->end); vaddr < end;
		     vaddr += PAGE_SIZE, seen++) {
			if (*seen != now) {
				if (!differs)
					differs = begin(data);
				page_compare(part, vaddr, *seen, now, &run);
				*seen = now;
			}
			if (now)
				now += 1UL << SEEN_SHIFT;
		}
	}
	run_end(&run);
	return differs;
}

struct event {
	const char *call;
	unsigned long caller;
	bool logged;
};

/* An event in which nothing has changed is not logged. */
static bool event_begin(void *data)
{
	struct event *event = data;

	if (!event->logged)
		recorder_log("e %s %ps\n", event->call, (void *)event->caller);
	event->logged = true;
	return true;
}

/**
 * recorder_tables_compare() - log what has changed since the last time.
 * @call: what has been done.
 * @caller: an address in what did it, to be logged by its name; 0: nothing.
 *
 * Context: any but NMI; the caller holds recorder_lock.
 * Return: whether anything had changed.
 */
bool recorder_tables_compare(const char *call, unsigned long caller)
{
	struct event event = { .call = call, .caller = caller };
	int i;

	for (i = 0; i < ARRAY_SIZE(parts); i++)
		part_compare(&parts[i], event_begin, &event);
	return event.logged;
}

/* Where the last mapping from @start on ends, of those below @end. */
static unsigned long __init mapped_end(unsigned long start, unsigned long end)
{
	unsigned long vaddr, next, mapped = start;

	for (vaddr = start; vaddr < end; vaddr = next)
		if (seen_at(vaddr, &next))
			mapped = min(next, end);
	return mapped;
}

int __init recorder_tables_init(void)
{
	int i;

	parts[0].start = PAGE_OFFSET;
	parts[0].end = mapped_end(PAGE_OFFSET, PAGE_OFFSET + DIRECT_BYTES);
	parts[1].start = __START_KERNEL_map;
	parts[1].end = mapped_end(__START_KERNEL_map, MODULES_VADDR);
	parts[2].start = MODULES_VADDR;
	parts[2].end = MODULES_END;

	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		unsigned long nr = (parts[i].end - parts[i].start) >> PAGE_SHIFT;

		parts[i].seen = vzalloc(array_size(nr, sizeof(u64)));
		if (!parts[i].seen) {
			recorder_tables_exit();
			return -ENOMEM;
		}
	}
	return 0;
}

void recorder_tables_exit(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		vfree(parts[i].seen);
		parts[i].seen = NULL;
	}
}
