/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _PVMC_GUARDED_H
#define _PVMC_GUARDED_H

#include <linux/types.h>

/**
 * enum guarded_kind - an access to a page that the host does not permit
 * @GUARDED_READ: of a page that nobody may touch
 * @GUARDED_WRITE: of a page that may be read
 * @GUARDED_LOCKED: a locked addition to a page that may be read
 */
enum guarded_kind {
	GUARDED_READ,
	GUARDED_WRITE,
	GUARDED_LOCKED,
	NR_GUARDED_KINDS,
};

/**
 * struct guarded_spot - one access, and what became known of it
 * @at: where; the page's number is the client's word for it
 * @kind: what is done
 * @ip: the instruction that does it
 * @value: what was read
 * @cpu: on which it was done
 * @began: when, ns of that CPU's clock
 * @told: times that the owner was asked
 * @told_addr: guest physical address that it was told
 * @told_access: kind of access that it was told
 * @told_stopped: whether it was stopped
 * @told_ip: the instruction that it was told
 * @told_cpu: on which it was told
 * @told_at: when, ns of that CPU's clock
 */
struct guarded_spot {
	u64 *at;
	enum guarded_kind kind;
	unsigned long ip;
	u64 value;
	int cpu;
	u64 began;

	unsigned int told;
	phys_addr_t told_addr;
	u32 told_access;
	bool told_stopped;
	unsigned long told_ip;
	int told_cpu;
	u64 told_at;
};

/* contexts.c: does it in the context of that name. */
int guarded_in(const char *context, struct guarded_spot *spot);
void guarded_access(struct guarded_spot *spot);
int guarded_contexts_init(void);
void guarded_contexts_exit(void);

#endif /* _PVMC_GUARDED_H */
