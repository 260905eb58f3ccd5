/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every difference between the kernels that are supported.  Code elsewhere
 * reads as if written for the newest.
 */
#ifndef _PVMC_COMPAT_H
#define _PVMC_COMPAT_H

#include <linux/module.h>
#include <linux/sched.h>
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
 * The function that new pages go through on their way into hugetlb's pool,
 * where that is another than the one above.  They are in a list by their lru.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
struct hstate;
typedef void (*pvmc_fill_t)(struct hstate *, struct list_head *);
#define PVMC_FILL_FUNCTION	"prep_and_add_allocated_folios"
#endif

/*
 * A tail page that hugetlb leaves alone, and that exists also when most of the
 * tail pages' descriptors have been given back; and a flag that means nothing in
 * it, and is not asked about but taken away when it is freed.
 */
#define PVMC_MARK_SUBPAGE	8
#define PVMC_MARK_FLAG		PG_referenced

#define pvmc_page_flags(page)						\
	((unsigned long *)&(page)->flags)

/*
 * Of gigantic pages it has not been looked at for all kernels which of their ways
 * out of the pool free them to the page allocator, and which ways into it lead
 * through PVMC_FREE_FUNCTION: the latter do until 6.6.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#define PVMC_MARK_ORDER_MAX	30	/* any */
#elif LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#define PVMC_MARK_ORDER_MAX	(PMD_SHIFT - PAGE_SHIFT)
#else
#define PVMC_MARK_ORDER_MAX	30	/* any */
#endif

/*
 * With indirect branch tracking, the kernel's functions can only be called by
 * their address where the kernel does so itself.
 */
#ifdef CONFIG_X86_KERNEL_IBT
#define pvmc_can_call_by_address()	(!boot_cpu_has(X86_FEATURE_IBT))
#else
#define pvmc_can_call_by_address()	true
#endif

/* The helper got another name. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
#define ftrace_regs_set_instruction_pointer(fregs, ip)	\
	ftrace_instruction_pointer_set(fregs, ip)
#endif

/*
 * Where a module keeps what may not be written: from its load on, and from the
 * end of its init on; and that its init code has been let go of, which comes
 * right after that end.
 */
#ifdef CONFIG_MODULES
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
static inline const struct module_layout *
pvmc_module_data(const struct module *mod)
{
#ifdef CONFIG_ARCH_WANTS_MODULES_DATA_IN_VMALLOC
	return &mod->data_layout;
#else
	return &mod->core_layout;
#endif
}

static inline void *pvmc_module_rodata(const struct module *mod,
				       unsigned long *size)
{
	const struct module_layout *data = pvmc_module_data(mod);

	*size = data->ro_size - data->text_size;
	return data->base + data->text_size;
}

static inline void *pvmc_module_ro_after_init(const struct module *mod,
					      unsigned long *size)
{
	const struct module_layout *data = pvmc_module_data(mod);

	*size = data->ro_after_init_size - data->ro_size;
	return data->base + data->ro_size;
}

static inline bool pvmc_module_init_freed(const struct module *mod)
{
	return !READ_ONCE(mod->init_layout.size);
}
#else
static inline void *pvmc_module_rodata(const struct module *mod,
				       unsigned long *size)
{
	*size = mod->mem[MOD_RODATA].size;
	return mod->mem[MOD_RODATA].base;
}

static inline void *pvmc_module_ro_after_init(const struct module *mod,
					      unsigned long *size)
{
	*size = mod->mem[MOD_RO_AFTER_INIT].size;
	return mod->mem[MOD_RO_AFTER_INIT].base;
}

static inline bool pvmc_module_init_freed(const struct module *mod)
{
	return !READ_ONCE(mod->mem[MOD_INIT_TEXT].size) &&
	       !READ_ONCE(mod->mem[MOD_INIT_DATA].size) &&
	       !READ_ONCE(mod->mem[MOD_INIT_RODATA].size);
}
#endif
#endif /* CONFIG_MODULES */

/*
 * Shrinkers are allocated by the kernel since 6.7.  pvmc_shrinker_new() returns
 * one that is registered, or NULL.
 */
#ifdef _LINUX_SHRINKER_H
#include <linux/slab.h>

typedef unsigned long (*pvmc_shrink_t)(struct shrinker *,
				       struct shrink_control *);

static inline struct shrinker *
pvmc_shrinker_new(const char *name, pvmc_shrink_t count, pvmc_shrink_t scan)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
	struct shrinker *shrinker = kzalloc(sizeof(*shrinker), GFP_KERNEL);
#else
	struct shrinker *shrinker = shrinker_alloc(0, "%s", name);
#endif

	if (!shrinker)
		return NULL;
	shrinker->count_objects = count;
	shrinker->scan_objects = scan;
	shrinker->seeks = DEFAULT_SEEKS;
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
	if (register_shrinker(shrinker, "%s", name)) {
		kfree(shrinker);
		return NULL;
	}
#else
	shrinker_register(shrinker);
#endif
	return shrinker;
}

static inline void pvmc_shrinker_free(struct shrinker *shrinker)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
	unregister_shrinker(shrinker);
	kfree(shrinker);
#else
	shrinker_free(shrinker);
#endif
}
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define hrtimer_setup_on_stack(timer, fn, clock, mode)	do {		\
	struct hrtimer *_pvmc_timer = timer;				\
									\
	hrtimer_init_on_stack(_pvmc_timer, clock, mode);		\
	_pvmc_timer->function = fn;					\
} while (0)
#endif

/* What the functions of a module's attribute are given of it. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 14, 0)
#define PVMC_MODULE_ATTR	struct module_attribute
#else
#define PVMC_MODULE_ATTR	const struct module_attribute
#endif

/* A thread that is on no CPU has its stack pointer saved: here. */
static inline unsigned long pvmc_task_sp(const struct task_struct *task)
{
#if defined(CONFIG_X86)
	return task->thread.sp;
#elif defined(CONFIG_ARM64)
	return thread_saved_sp(task);
#else
	return 0;	/* not known: in nobody's stack */
#endif
}

static inline bool pvmc_task_on_cpu(const struct task_struct *task)
{
#ifdef CONFIG_SMP
	return READ_ONCE(task->on_cpu);
#else
	return task == current;
#endif
}

/* Whether its stack is still its own; without a count it always is. */
static inline bool pvmc_task_has_stack(const struct task_struct *task)
{
#ifdef CONFIG_THREAD_INFO_IN_TASK
	return refcount_read(&task->stack_refcount) && task->stack;
#else
	return task->stack;
#endif
}

#endif /* _PVMC_COMPAT_H */
