/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _PVMC_SOAK_H
#define _PVMC_SOAK_H

#include <linux/atomic.h>
#include <linux/types.h>

/* What is counted, in the order of soak_names. */
enum soak_counter {
	SOAK_STACKS,
	SOAK_STACKS_CHECKED,
	SOAK_STACKS_UNGUARDED,
	SOAK_STACKS_NONE_FREE,
	SOAK_CALLS,
	SOAK_STACK_ERRORS,
	SOAK_COMMITS,
	SOAK_COMMITS_ERRORS,
	SOAK_PAGES_READ,
	SOAK_PAGES_WRITTEN,
	SOAK_PAGES_CLOSED,
	SOAK_WRONG,
	SOAK_STUCK,
	SOAK_NR
};

/* There are others that want to run. */
#define SOAK_NICE	10

extern atomic64_t soak_counters[SOAK_NR];

static inline void soak_count(enum soak_counter counter)
{
	atomic64_inc(&soak_counters[counter]);
}

/* What fills memory of one owner: another word for each place and each tag. */
static inline u64 soak_word(u64 tag, size_t i)
{
	return (tag + i) * 0x9e3779b97f4a7c15ull;
}

void soak_fill(u64 *at, size_t words, u64 tag);
bool soak_is_filled(const u64 *at, size_t words, u64 tag);
void soak_wrong(const char *what, int err);
u64 soak_next_tag(void);

/* stacks.c: several users of guarded stacks */
int soak_stacks_start(u64 seed);
void soak_stacks_stop(void);

/* perms.c: two drivers that map the same pages, and others of their own */
int soak_perms_start(u64 seed);
void soak_perms_stop(void);

#endif /* _PVMC_SOAK_H */
