// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>

#include "ranges.h"

bool ranges_add(struct ranges *set, uint64_t start, uint64_t length)
{
	struct range *last = set->nr ? &set->item[set->nr - 1] : NULL;

	if (!length)
		return true;
	/* Pages often come in order, and then take no memory. */
	if (last && start && last->start + last->length == start) {
		last->length += length;
		return true;
	}
	if (set->nr == set->room) {
		size_t room = set->room ? set->room * 2 : 64;
		struct range *item = realloc(set->item, room * sizeof(*item));

		if (!item)
			return false;
		set->item = item;
		set->room = room;
	}
	set->item[set->nr++] = (struct range) { start, length };
	return true;
}

static int by_start(const void *a, const void *b)
{
	const struct range *ra = a, *rb = b;

	return ra->start < rb->start ? -1 : ra->start > rb->start;
}

void ranges_coalesce(struct ranges *set)
{
	size_t kept = 0;

	if (!set->nr)
		return;
	qsort(set->item, set->nr, sizeof(*set->item), by_start);
	for (size_t i = 1; i < set->nr; i++) {
		struct range *last = &set->item[kept];
		const struct range *next = &set->item[i];
		/* The end of the address space has no address of its own. */
		uint64_t last_byte = last->start + (last->length - 1);
		uint64_t next_byte = next->start + (next->length - 1);

		if (last_byte != UINT64_MAX && next->start > last_byte + 1)
			set->item[++kept] = *next;
		else if (next_byte > last_byte)
			last->length = next_byte - last->start + 1;
	}
	set->nr = kept + 1;
}

uint64_t ranges_trim(struct ranges *set, uint64_t unit)
{
	uint64_t lost = 0;
	size_t kept = 0;

	for (size_t i = 0; i < set->nr; i++) {
		struct range r = set->item[i];
		uint64_t head = -r.start & (unit - 1);

		if (head >= r.length) {
			lost += r.length;
			continue;
		}
		lost += head + ((r.length - head) & (unit - 1));
		r.start += head;
		r.length = (r.length - head) & ~(unit - 1);
		if (r.length)
			set->item[kept++] = r;
	}
	set->nr = kept;
	return lost;
}

uint64_t ranges_bytes(const struct ranges *set)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < set->nr; i++)
		sum += set->item[i].length;
	return sum;
}

void ranges_clear(struct ranges *set)
{
	set->nr = 0;
}

void ranges_free(struct ranges *set)
{
	free(set->item);
	*set = (struct ranges) {};
}
