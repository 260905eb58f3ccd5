/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of pvmemcontrol_hugetlb share.
 */
#ifndef _PVMC_HUGETLB_H
#define _PVMC_HUGETLB_H

#include <linux/percpu.h>
#include <linux/pvmemcontrol.h>
#include <linux/types.h>

struct page;

/**
 * struct pvmc_hugetlb_counters - why which way was taken
 * @dropped: pages that were dropped when they were handed out
 * @dropped_bytes: their size
 * @known: pages that needed nothing when they were handed out, as they had
 *	been dropped on their way into the pool
 * @returned: pages that were dropped on their way into the pool
 * @returned_bytes: their size
 * @return_atomic: pages that were not, as the context allows no long work
 * @return_failed: pages that were not, for any other reason
 * @no_device: pages cleared by the kernel as there was no device
 * @unproven: pages cleared by the kernel as no operation is known to zero
 * @failed: pages cleared by the kernel as the VMM did not do what it was asked
 * @mismatched: pages cleared by the kernel as they did not read as zero
 * @distrusted: pages cleared by the kernel since that has happened
 * @verified: pages of which a word was read back
 */
struct pvmc_hugetlb_counters {
	u64 dropped;
	u64 dropped_bytes;
	u64 known;
	u64 returned;
	u64 returned_bytes;
	u64 return_atomic;
	u64 return_failed;
	u64 no_device;
	u64 unproven;
	u64 failed;
	u64 mismatched;
	u64 distrusted;
	u64 verified;
};

DECLARE_PER_CPU(struct pvmc_hugetlb_counters, pvmc_hugetlb_counters);

/* drop.c */
extern struct pvmemcontrol_client pvmc_hugetlb_client;
extern unsigned int pvmc_hugetlb_verify;
extern bool pvmc_hugetlb_distrusted;
bool pvmc_hugetlb_zero(struct page *page, u64 length);
void pvmc_hugetlb_return(struct page *page, u64 length);

/* known.c */
void pvmc_known_start(void);
void pvmc_known_renew(void);
void pvmc_known_stop(void);
void pvmc_known_close(void);
unsigned long pvmc_known_begin(void);
void pvmc_known_set(struct page *head, unsigned long mark);
void pvmc_known_clear(struct page *head);
bool pvmc_known_take(struct page *head);

/* proof.c */
int pvmc_proof_attach(struct pvmemcontrol_client *client);
void pvmc_proof_forget(struct pvmemcontrol_client *client);
void pvmc_proof_restore(struct pvmemcontrol_client *client);
unsigned long pvmc_proof_generation(void);
int pvmc_proof_begin(struct page *page, u64 length, unsigned long generation,
		     bool try, u32 *func, unsigned long *trying);
int pvmc_proof_end(struct page *page, unsigned long generation,
		   unsigned long trying, u32 func, int err);
int pvmc_proof_online(unsigned long start, unsigned long nr);
int pvmc_proof_init(void);
void pvmc_proof_exit(void);

/* hook.c */
int pvmc_hook_init(void);
void pvmc_hook_exit(void);

/* debugfs.c */
void pvmc_debugfs_init(void);
void pvmc_debugfs_exit(void);

#endif /* _PVMC_HUGETLB_H */
