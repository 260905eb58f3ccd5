// SPDX-License-Identifier: GPL-2.0
/*
 * Standing in for the kernel's functions that clear huge pages and take them
 * back.
 *
 * The kernel has no hooks there, but it has ftrace: at the entry of a
 * function, which is found by name, control goes to ours, with the same
 * arguments.  When ours calls the original, ftrace sees that the call comes
 * from this module and lets it through; ours must therefore not end in a jump
 * to it.
 */

/**
 * DOC: Unloading
 *
 * Tasks, and interrupts that free pages, may be anywhere in the way when the
 * module is to go:
 *
 *  1. in ftrace's trampoline or between it and our first instruction.  Tasks
 *     are at most preempted there, so synchronize_rcu_tasks() waits for them;
 *     interrupts are not preempted, so synchronize_rcu() does;
 *  2. in our function, maybe asleep while the original clears a page: they are
 *     in an SRCU read-side section, for which synchronize_srcu() waits;
 *  3. between the end of that section and our return: as 1.
 *
 * That order leaves nobody behind, since each can only move on to the next.
 *
 * And pages that are marked as known (known.c) must not survive the function
 * that unmarks them, so marks are made void before anything else.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/ftrace.h>
#include <linux/hugetlb.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/srcu.h>

#include "../../core/compat.h"
#include "hugetlb.h"

DEFINE_STATIC_SRCU(pvmc_hook_srcu);

static bool pvmc_hugetlb_thp;
module_param_named(thp, pvmc_hugetlb_thp, bool, 0644);
MODULE_PARM_DESC(thp, "drop transparent huge pages too");

static bool pvmc_hugetlb_giveback = true;
module_param_named(giveback, pvmc_hugetlb_giveback, bool, 0644);
MODULE_PARM_DESC(giveback, "drop pages on their way into the pool");

/**
 * struct pvmc_hook - a function of the kernel and what stands in for it
 * @name: the function's
 * @stand_in: ours, with the same parameters
 * @original: the function, found by @name
 * @ops: what ftrace knows of it
 */
struct pvmc_hook {
	const char *name;
	void *stand_in;
	void *original;
	struct ftrace_ops ops;
};

static struct pvmc_hook pvmc_hooks[];

enum {
	PVMC_HOOK_CLEAR,
	PVMC_HOOK_FREE,
	PVMC_HOOK_FILL,
};

static bool pvmc_clear_wanted(struct page *page, u64 length)
{
	if (length < PMD_SIZE)
		return false;
	return PageHuge(page) || READ_ONCE(pvmc_hugetlb_thp);
}

static void pvmc_clear(PVMC_CLEAR_PARAMS)
{
	int idx = srcu_read_lock(&pvmc_hook_srcu);
	pvmc_clear_t original = pvmc_hooks[PVMC_HOOK_CLEAR].original;

	might_sleep();
	if (!pvmc_clear_wanted(PVMC_CLEAR_PAGE, PVMC_CLEAR_LENGTH) ||
	    !pvmc_hugetlb_zero(PVMC_CLEAR_PAGE, PVMC_CLEAR_LENGTH))
		original(PVMC_CLEAR_ARGS);

	srcu_read_unlock(&pvmc_hook_srcu, idx);
}

static bool pvmc_free_wanted(struct page *page, u64 length)
{
	return length >= PMD_SIZE && !PageHWPoison(page) &&
	       READ_ONCE(pvmc_hugetlb_giveback);
}

/* @head is not in the pool yet, and nobody's but ours. */
static void pvmc_take_back(struct page *head)
{
	u64 length = page_size(head);

	if (pvmc_free_wanted(head, length))
		pvmc_hugetlb_return(head, length);
	else if (length >= PMD_SIZE)
		pvmc_known_clear(head);
}

/*
 * The last reference is gone, and the page is not in the pool yet: ours.  The
 * kernel takes this state for a short one and retries when it meets it while
 * it takes memory offline; dropping 1 GiB makes it some milliseconds longer.
 */
static void pvmc_free(PVMC_FREE_PARAMS)
{
	int idx = srcu_read_lock(&pvmc_hook_srcu);
	pvmc_free_t original = pvmc_hooks[PVMC_HOOK_FREE].original;

	pvmc_take_back(PVMC_FREE_PAGE);
	original(PVMC_FREE_ARGS);

	srcu_read_unlock(&pvmc_hook_srcu, idx);
}

#ifdef PVMC_FILL_FUNCTION
static void pvmc_fill(struct hstate *hstate, struct list_head *folios)
{
	int idx = srcu_read_lock(&pvmc_hook_srcu);
	pvmc_fill_t original = pvmc_hooks[PVMC_HOOK_FILL].original;
	struct folio *folio;

	list_for_each_entry(folio, folios, lru) {
		pvmc_take_back(&folio->page);
		cond_resched();
	}
	original(hstate, folios);

	srcu_read_unlock(&pvmc_hook_srcu, idx);
}
#endif

static void notrace pvmc_hook_entry(unsigned long ip, unsigned long parent_ip,
				    struct ftrace_ops *ops,
				    struct ftrace_regs *fregs)
{
	struct pvmc_hook *hook = container_of(ops, struct pvmc_hook, ops);

	unsigned long to = (unsigned long)hook->stand_in;

	if (!within_module(parent_ip, THIS_MODULE))
		ftrace_regs_set_instruction_pointer(fregs, to);
}

/*
 * PERMANENT: if ftrace could be switched off and on again meanwhile, pages
 * could be used and freed without losing their marks (known.c).
 */
#define PVMC_HOOK(function, with) {					\
	.name = function,						\
	.stand_in = with,						\
	.ops.func = pvmc_hook_entry,					\
	.ops.flags = FTRACE_OPS_FL_IPMODIFY | FTRACE_OPS_FL_RECURSION |	\
		     FTRACE_OPS_FL_SAVE_REGS | FTRACE_OPS_FL_PERMANENT,	\
}

static struct pvmc_hook pvmc_hooks[] = {
	[PVMC_HOOK_CLEAR] = PVMC_HOOK(PVMC_CLEAR_FUNCTION, pvmc_clear),
	[PVMC_HOOK_FREE] = PVMC_HOOK(PVMC_FREE_FUNCTION, pvmc_free),
#ifdef PVMC_FILL_FUNCTION
	[PVMC_HOOK_FILL] = PVMC_HOOK(PVMC_FILL_FUNCTION, pvmc_fill),
#endif
};

/*
 * Kprobes resolve names for modules; nothing else does.  The probe is never
 * armed: the kernel's code stays as it is.
 */
static void *pvmc_hook_find(const char *name)
{
	struct kprobe probe = {
		.symbol_name = name,
		.flags = KPROBE_FLAG_DISABLED,
	};
	void *addr;
	int err;

	err = register_kprobe(&probe);
	if (err)
		return ERR_PTR(err);
	addr = probe.addr;
	unregister_kprobe(&probe);
	return addr;
}

/* Whatever else is wrong, there is no such function that could be reached. */
static int pvmc_hook_error(int err)
{
	return err == -ENOMEM ? -ENOMEM : -ENOENT;
}

static int pvmc_hook_set(struct pvmc_hook *hook)
{
	void *original = pvmc_hook_find(hook->name);
	int err;

	if (IS_ERR(original)) {
		pr_err("this kernel has no %s() to stand in for: %pe\n",
		       hook->name, original);
		return pvmc_hook_error(PTR_ERR(original));
	}
	hook->original = original;

	/* Not by name: a module may have a function of the same name. */
	err = ftrace_set_filter_ip(&hook->ops, (unsigned long)hook->original,
				   0, 1);
	if (err) {
		pr_err("ftrace does not reach %s(): %pe\n", hook->name,
		       ERR_PTR(err));
		return pvmc_hook_error(err);
	}
	err = register_ftrace_function(&hook->ops);
	if (err) {
		pr_err("cannot stand in for %s(): %pe\n", hook->name,
		       ERR_PTR(err));
		ftrace_free_filter(&hook->ops);
	}
	return err;
}

static void pvmc_hook_drop(struct pvmc_hook *hook)
{
	/* Fails if ftrace has given up on itself, which it has said by then. */
	WARN_ON_ONCE(unregister_ftrace_function(&hook->ops));
	ftrace_free_filter(&hook->ops);
}

static void pvmc_hook_drain(void)
{
	synchronize_rcu_tasks();
	synchronize_rcu();
	synchronize_srcu(&pvmc_hook_srcu);
	synchronize_rcu_tasks();
	synchronize_rcu();
}

/**
 * pvmc_hook_init() - Stand in for the kernel's functions from now on.
 *
 * What frees comes last: a page may only be marked as known when the function
 * that looks at marks, and takes them away, is in place.
 *
 * Context: Process context.
 * Return: 0; -EOPNOTSUPP when the kernel's functions cannot be called;
 * -ENOENT when it has no such function or ftrace cannot reach it; -EBUSY when
 * somebody else, a live patch say, stands in for it; -ENOMEM.
 */
int pvmc_hook_init(void)
{
	int i, err;

	if (!pvmc_can_call_by_address()) {
		pr_err("no function of a kernel with indirect branch tracking can be stood in for (it can be booted with ibt=off)\n");
		return -EOPNOTSUPP;
	}
	for (i = 0; i < ARRAY_SIZE(pvmc_hooks); i++) {
		err = pvmc_hook_set(&pvmc_hooks[i]);
		if (err)
			goto drop;
	}
	return 0;

drop:
	pvmc_known_close();
	while (i--)
		pvmc_hook_drop(&pvmc_hooks[i]);
	pvmc_hook_drain();
	return err;
}

/**
 * pvmc_hook_exit() - Leave it to the kernel again, and wait for who is inside.
 *
 * Context: Process context.  Waits for pages that are just being cleared.
 */
void pvmc_hook_exit(void)
{
	int i;

	pvmc_known_close();
	for (i = ARRAY_SIZE(pvmc_hooks) - 1; i >= 0; i--)
		pvmc_hook_drop(&pvmc_hooks[i]);
	pvmc_hook_drain();
}
