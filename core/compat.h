/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every difference between the kernels that are supported.  Code elsewhere
 * reads as if written for the newest.
 */
#ifndef _PVMC_COMPAT_H
#define _PVMC_COMPAT_H

#include <linux/types.h>
#include <linux/version.h>

#ifdef CONFIG_X86
#include <asm/processor.h>
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "pvmemcontrol needs Linux 6.1 or newer"
#endif

/* The last physical address that this CPU can put into a page table. */
static inline u64 pvmc_phys_last(void)
{
#ifdef CONFIG_X86
	return (1ULL << boot_cpu_data.x86_phys_bits) - 1;
#else
	return U64_MAX;
#endif
}

#endif /* _PVMC_COMPAT_H */
