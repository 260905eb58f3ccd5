/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every difference between the kernels that are supported.  Code elsewhere
 * reads as if written for the newest.
 */
#ifndef _PVMC_COMPAT_H
#define _PVMC_COMPAT_H

#include <linux/types.h>
#include <linux/version.h>

struct folio;
struct page;

#ifdef CONFIG_X86
#include <asm/processor.h>
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "pvmemcontrol needs Linux 6.1 or newer"
#endif
#ifndef CONFIG_64BIT
#error "pvmemcontrol needs all memory in the direct map: 64 bits"
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

/*
 * The function that clears a huge page.
 *
 * pvmc_clear_t: its type
 * PVMC_CLEAR_FUNCTION: its name
 * PVMC_CLEAR_PARAMS: its parameters, for a function that stands in for it
 * PVMC_CLEAR_ARGS: the same, handed on to the original
 * PVMC_CLEAR_PAGE, PVMC_CLEAR_LENGTH: the page and its bytes, from those
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0)
typedef void (*pvmc_clear_t)(struct page *, unsigned long, unsigned int);
#define PVMC_CLEAR_FUNCTION	"clear_huge_page"
#define PVMC_CLEAR_PARAMS	struct page *page, unsigned long hint,	\
				unsigned int nr_pages
#define PVMC_CLEAR_ARGS		page, hint, nr_pages
#define PVMC_CLEAR_PAGE		page
#define PVMC_CLEAR_LENGTH	((u64)nr_pages << PAGE_SHIFT)
#else
typedef void (*pvmc_clear_t)(struct folio *, unsigned long);
#define PVMC_CLEAR_FUNCTION	"folio_zero_user"
#define PVMC_CLEAR_PARAMS	struct folio *folio, unsigned long hint
#define PVMC_CLEAR_ARGS		folio, hint
#define PVMC_CLEAR_PAGE		(&folio->page)
#define PVMC_CLEAR_LENGTH	((u64)folio_size(folio))
#endif

/*
 * The function that takes a page of hugetlb back, into the pool or not.
 *
 * PVMC_FREE_FUNCTION, PVMC_FREE_PARAMS, ...: as above
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
typedef void (*pvmc_free_t)(struct page *);
#define PVMC_FREE_FUNCTION	"free_huge_page"
#define PVMC_FREE_PARAMS	struct page *page
#define PVMC_FREE_ARGS		page
#define PVMC_FREE_PAGE		page
#else
typedef void (*pvmc_free_t)(struct folio *);
#define PVMC_FREE_FUNCTION	"free_huge_folio"
#define PVMC_FREE_PARAMS	struct folio *folio
#define PVMC_FREE_ARGS		folio
#define PVMC_FREE_PAGE		(&folio->page)
#endif

/*
 * A tail page whose page_private() hugetlb leaves alone, that exists also when
 * most of the tail pages' descriptors have been given back, and that
 * prep_compound_page() clears.
 */
#define PVMC_MARK_SUBPAGE	8

/*
 * Gigantic pages are made without prep_compound_page().  What has them lose
 * their mark is that each way into the pool leads through PVMC_FREE_FUNCTION,
 * which marks or unmarks them; not so on newer kernels.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#define PVMC_MARK_ORDER_MAX	30	/* any */
#else
#define PVMC_MARK_ORDER_MAX	MAX_PAGE_ORDER
#endif

/* struct ftrace_regs became opaque, and got a helper of another name. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define ftrace_regs_set_instruction_pointer(fregs, ip)	\
	ftrace_instruction_pointer_set(fregs, ip)
#endif

#endif /* _PVMC_COMPAT_H */
