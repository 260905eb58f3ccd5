/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A set of address ranges, collected in any order and made as few as possible.
 */
#ifndef PVMEMCTL_RANGES_H
#define PVMEMCTL_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct range {
	uint64_t start;
	uint64_t length;
};

/* All zero is the empty set. */
struct ranges {
	struct range *item;
	size_t nr;
	size_t room;
};

/* False when there is no memory; the set is then as it was. */
bool ranges_add(struct ranges *set, uint64_t start, uint64_t length);

/* Sorts by address; ranges that overlap or touch become one. */
void ranges_coalesce(struct ranges *set);

/*
 * Of a coalesced set, leaves the whole units of @unit bytes, a power of two;
 * returns how many bytes that took away.
 */
uint64_t ranges_trim(struct ranges *set, uint64_t unit);

uint64_t ranges_bytes(const struct ranges *set);
void ranges_clear(struct ranges *set);
void ranges_free(struct ranges *set);

#endif
