/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is known of a page, in one value of a mem_table: how many mappings it
 * has and how many of them permit what, and what the host was last told of it.
 *
 * A value of 0 is a page that is nobody's here: no mappings, and the host was
 * told nothing of it, or last that it may be read and written.
 */
#ifndef _PVMC_PERM_VALUE_H
#define _PVMC_PERM_VALUE_H

#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/mem_table.h>
#include <linux/pvmemcontrol.h>
#include <linux/pvmemcontrol_perm.h>

/**
 * enum perm_told - what the host was last told
 * @PERM_TOLD_RW: that the page may be read and written, or nothing, which is
 *	the same: a new host, and one that forgot, permits both
 * @PERM_TOLD_NONE: that nobody may touch it
 * @PERM_TOLD_R: that it may be read
 * @PERM_TOLD_W: that it may be written
 * @PERM_TOLD_UNKNOWN: something that failed, and may have been done all the
 *	same, or something that it may have forgotten
 */
enum perm_told {
	PERM_TOLD_RW,
	PERM_TOLD_NONE,
	PERM_TOLD_R,
	PERM_TOLD_W,
	PERM_TOLD_UNKNOWN,
};

enum perm_counter {
	PERM_MAPPINGS,
	PERM_READABLE,
	PERM_WRITABLE,
	PERM_EXECUTABLE,
	NR_PERM_COUNTERS
};

#define PERM_TOLD_BITS		3
#define PERM_TOLD_MASK		(BIT(PERM_TOLD_BITS) - 1)
#define PERM_COUNTER_BITS	15

static_assert(NR_PERM_COUNTERS == PVMEMCONTROL_PERM_COUNTERS);
static_assert(BIT(PERM_COUNTER_BITS) - 1 == PVMEMCONTROL_PERM_MAX);
static_assert(BIT(PERM_TOLD_BITS + NR_PERM_COUNTERS * PERM_COUNTER_BITS) - 1 <=
	      MEM_TABLE_MAX);

static inline unsigned int perm_counter_shift(enum perm_counter which)
{
	return PERM_TOLD_BITS + which * PERM_COUNTER_BITS;
}

static inline unsigned int perm_counter(unsigned long value,
					enum perm_counter which)
{
	return value >> perm_counter_shift(which) & PVMEMCONTROL_PERM_MAX;
}

static inline enum perm_told perm_told(unsigned long value)
{
	return value & PERM_TOLD_MASK;
}

static inline unsigned long perm_with_told(unsigned long value,
					   enum perm_told told)
{
	return (value & ~PERM_TOLD_MASK) | told;
}

/* What the host should have been told: the union over the page's mappings. */
static inline enum perm_told perm_wanted(unsigned long value)
{
	bool r = perm_counter(value, PERM_READABLE) ||
		 perm_counter(value, PERM_EXECUTABLE);
	bool w = perm_counter(value, PERM_WRITABLE);

	if (!perm_counter(value, PERM_MAPPINGS) || (r && w))
		return PERM_TOLD_RW;
	return r ? PERM_TOLD_R : w ? PERM_TOLD_W : PERM_TOLD_NONE;
}

static inline u32 perm_func(enum perm_told told)
{
	switch (told) {
	case PERM_TOLD_NONE:
		return PVMEMCONTROL_MPROTECT_NONE;
	case PERM_TOLD_R:
		return PVMEMCONTROL_MPROTECT_R;
	case PERM_TOLD_W:
		return PVMEMCONTROL_MPROTECT_W;
	default:
		return PVMEMCONTROL_MPROTECT_RW;
	}
}

static inline enum perm_told perm_told_of_func(u32 func)
{
	switch (func) {
	case PVMEMCONTROL_MPROTECT_NONE:
		return PERM_TOLD_NONE;
	case PVMEMCONTROL_MPROTECT_R:
		return PERM_TOLD_R;
	case PVMEMCONTROL_MPROTECT_W:
		return PERM_TOLD_W;
	default:
		return PERM_TOLD_RW;
	}
}

#endif /* _PVMC_PERM_VALUE_H */
