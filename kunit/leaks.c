// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that the suites have lost.  kmemleak looks for it when it is told to, from
 * user space, and here is none: so it is called when all suites have run.  What
 * it finds it writes to the kernel's log, where kunit/run looks.
 */
#include <linux/delay.h>
#include <linux/init.h>
#include <linux/kallsyms.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/rcupdate.h>
#include <linux/reboot.h>
#include <linux/workqueue.h>

/* Of mm/kmemleak.c. */
static void (*leaks_scan)(void);
static struct mutex *leaks_mutex;
static bool *leaks_verbose;
static unsigned long *leaks_min_age;

static void leaks_work(struct work_struct *work)
{
	/* What is freed later is, by then. */
	rcu_barrier();
	msleep(100);
	mutex_lock(leaks_mutex);
	/* Lost is what nobody refers to, twice, and nobody has changed. */
	leaks_scan();
	leaks_scan();
	mutex_unlock(leaks_mutex);
}

static DECLARE_WORK(leaks_looker, leaks_work);

/* In a thread of the kernel's: others would end the scan at once. */
static void leaks_look(void)
{
	schedule_work(&leaks_looker);
	flush_work(&leaks_looker);
}

static int leaks_after(struct notifier_block *nb, unsigned long action,
		       void *data)
{
	*leaks_verbose = true;
	leaks_look();
	pr_info("kunit: looked for memory that is lost\n");
	return NOTIFY_OK;
}

static struct notifier_block leaks_nb = {
	.notifier_call = leaks_after,
};

/* What was lost before is none of theirs: it is not reported again. */
static int __init leaks_before(void)
{
	leaks_scan = (void *)kallsyms_lookup_name("kmemleak_scan");
	leaks_mutex = (void *)kallsyms_lookup_name("scan_mutex");
	leaks_verbose = (void *)kallsyms_lookup_name("kmemleak_verbose");
	leaks_min_age = (void *)kallsyms_lookup_name("jiffies_min_age");
	if (WARN_ON(!leaks_scan || !leaks_mutex || !leaks_verbose ||
		    !leaks_min_age))
		return -ENOENT;
	/* Nothing else goes on that has a pointer nowhere but in a register. */
	*leaks_min_age = 0;
	leaks_look();
	return register_reboot_notifier(&leaks_nb);
}

/* Once kmemleak has begun. */
late_initcall_sync(leaks_before);
