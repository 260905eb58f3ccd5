// SPDX-License-Identifier: GPL-2.0
/*
 * Standing in for the kernel's function that clears huge pages.
 *
 * The kernel has no hook there, but it has ftrace: at the entry of the
 * function, which is found by name, control goes to ours, with the same
 * arguments.  When ours calls the original, ftrace sees that the call comes
 * from this module and lets it through; ours must therefore not end in a jump
 * to it.
 *
 * DOC: Unloading
 *
 * Tasks may be anywhere in the way when the module is to go:
 *
 *  1. in ftrace's trampoline or between it and our first instruction: they are
 *     at most preempted there, so synchronize_rcu_tasks() waits for them;
 *  2. in our function, maybe asleep while the original clears a page: they are
 *     in an SRCU read-side section, for which synchronize_srcu() waits;
 *  3. between the end of that section and our return: as 1.
 *
 * That order leaves nobody behind, since each can only move on to the next.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

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

static pvmc_clear_t pvmc_clear_original;

static bool pvmc_clear_wanted(struct page *page, u64 length)
{
	if (length < PMD_SIZE)
		return false;
	return PageHuge(page) || READ_ONCE(pvmc_hugetlb_thp);
}

static void pvmc_clear(PVMC_CLEAR_PARAMS)
{
	int idx = srcu_read_lock(&pvmc_hook_srcu);

	might_sleep();
	if (!pvmc_clear_wanted(PVMC_CLEAR_PAGE, PVMC_CLEAR_LENGTH) ||
	    !pvmc_hugetlb_zero(PVMC_CLEAR_PAGE, PVMC_CLEAR_LENGTH))
		pvmc_clear_original(PVMC_CLEAR_ARGS);

	srcu_read_unlock(&pvmc_hook_srcu, idx);
}

static void notrace pvmc_clear_entry(unsigned long ip, unsigned long parent_ip,
				     struct ftrace_ops *ops,
				     struct ftrace_regs *fregs)
{
	if (!within_module(parent_ip, THIS_MODULE))
		ftrace_regs_set_instruction_pointer(fregs,
						    (unsigned long)pvmc_clear);
}

static struct ftrace_ops pvmc_clear_ops = {
	.func = pvmc_clear_entry,
	.flags = FTRACE_OPS_FL_IPMODIFY | FTRACE_OPS_FL_RECURSION |
		 FTRACE_OPS_FL_SAVE_REGS,
};

/* Kprobes resolve names for modules; nothing else does. */
static void *pvmc_hook_find(const char *name)
{
	struct kprobe probe = { .symbol_name = name };
	void *addr;

	if (register_kprobe(&probe))
		return NULL;
	addr = probe.addr;
	unregister_kprobe(&probe);
	return addr;
}

/**
 * pvmc_hook_init() - Stand in for the kernel's function from now on.
 *
 * Context: Process context.
 * Return: 0; -ENOENT when the kernel has no such function or ftrace cannot
 * reach it; -EBUSY when somebody else, a live patch say, stands in for it;
 * -ENOMEM.
 */
int pvmc_hook_init(void)
{
	int err;

	pvmc_clear_original = pvmc_hook_find(PVMC_CLEAR_FUNCTION);
	if (!pvmc_clear_original) {
		pr_err("this kernel has no %s() to stand in for\n",
		       PVMC_CLEAR_FUNCTION);
		return -ENOENT;
	}

	err = ftrace_set_filter(&pvmc_clear_ops, PVMC_CLEAR_FUNCTION,
				strlen(PVMC_CLEAR_FUNCTION), 1);
	if (err) {
		pr_err("ftrace does not reach %s(): %pe\n",
		       PVMC_CLEAR_FUNCTION, ERR_PTR(err));
		return -ENOENT;
	}
	err = register_ftrace_function(&pvmc_clear_ops);
	if (err) {
		pr_err("cannot stand in for %s(): %pe\n",
		       PVMC_CLEAR_FUNCTION, ERR_PTR(err));
		ftrace_free_filter(&pvmc_clear_ops);
	}
	return err;
}

/**
 * pvmc_hook_exit() - Leave it to the kernel again, and wait for who is inside.
 *
 * Context: Process context.  Waits for pages that are just being cleared.
 */
void pvmc_hook_exit(void)
{
	unregister_ftrace_function(&pvmc_clear_ops);
	ftrace_free_filter(&pvmc_clear_ops);

	synchronize_rcu_tasks();
	synchronize_srcu(&pvmc_hook_srcu);
	synchronize_rcu_tasks();
}
