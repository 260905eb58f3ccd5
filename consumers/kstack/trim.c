// SPDX-License-Identifier: GPL-2.0
/*
 * When dead pages of stacks are given back: at an interval, when memory is
 * scarce, and when root says so.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "../../core/compat.h"
#include "trim.h"

static void pvmc_trim_work_fn(struct work_struct *work);

/* Guards pvmc_trim_current, the writing of the statistics, and arming. */
static DEFINE_MUTEX(pvmc_trim_lock);
/* There from init to exit; one run at a time. */
static struct pvmc_trim_run *pvmc_trim_current;
struct pvmc_trim_stats pvmc_trim_stats;
static DECLARE_DELAYED_WORK(pvmc_trim_work, pvmc_trim_work_fn);

/* A run that is on its way ends early. */
bool pvmc_trim_closing;

/*
 * When memory is scarce: two runs, as the first only sees who sleeps, and the
 * second trims who has slept since.  Then no more for a while: all CPUs stand
 * still for it, and what reclaims goes on for as long as it finds nothing.
 */
#define PVMC_TRIM_SCARCE_RUNS	2
#define PVMC_TRIM_SCARCE_APART	HZ
#define PVMC_TRIM_SCARCE_REST	(60 * HZ)

static struct shrinker *pvmc_trim_shrinker;
/* Runs that are still to be made for lack of memory. */
static atomic_t pvmc_trim_scarce_runs = ATOMIC_INIT(0);
/* Jiffies; when memory was scarce last. */
static unsigned long pvmc_trim_scarce;

static unsigned int pvmc_trim_pause_us = 1000;
module_param_named(trim_pause_us, pvmc_trim_pause_us, uint, 0644);
MODULE_PARM_DESC(trim_pause_us, "how long all CPUs may be stopped at once when stacks are trimmed");

static bool pvmc_trim_shrink;
module_param_named(trim_shrink, pvmc_trim_shrink, bool, 0644);
MODULE_PARM_DESC(trim_shrink, "trim stacks when memory is very scarce, for which all CPUs are stopped");

/*
 * The first page of a stack has a mark in it.  Where the scheduler looks at it
 * each time that it switches from the thread, it stays.  Else only the stack
 * tracer does, when it is switched on, which nobody here is told of; it ends
 * the kernel too when the mark is not there.
 */
#ifdef CONFIG_SCHED_STACK_END_CHECK
bool pvmc_trim_keep_end(void)
{
	return true;
}
#else
static bool pvmc_trim_end = !IS_ENABLED(CONFIG_STACK_TRACER);
module_param_named(trim_end, pvmc_trim_end, bool, 0644);
MODULE_PARM_DESC(trim_end, "give back the last page of stacks too: the stack tracer must not be used");

bool pvmc_trim_keep_end(void)
{
	return !READ_ONCE(pvmc_trim_end);
}
#endif

static bool pvmc_trim_patient = true;
module_param_named(trim_patient, pvmc_trim_patient, bool, 0644);
MODULE_PARM_DESC(trim_patient, "unless asked to, trim only who has slept since the last run");

static unsigned int pvmc_trim_interval_ms;

static void pvmc_trim_arm(void)
{
	lockdep_assert_held(&pvmc_trim_lock);
	if (!pvmc_trim_current || pvmc_trim_closing)
		return;
	if (atomic_read(&pvmc_trim_scarce_runs))
		mod_delayed_work(system_freezable_wq, &pvmc_trim_work,
				 PVMC_TRIM_SCARCE_APART);
	else if (pvmc_trim_interval_ms)
		mod_delayed_work(system_freezable_wq, &pvmc_trim_work,
				 msecs_to_jiffies(pvmc_trim_interval_ms));
	else
		cancel_delayed_work(&pvmc_trim_work);
}

static int pvmc_trim_interval_set(const char *val,
				  const struct kernel_param *param)
{
	int err;

	mutex_lock(&pvmc_trim_lock);
	err = param_set_uint(val, param);
	if (!err)
		pvmc_trim_arm();
	mutex_unlock(&pvmc_trim_lock);
	return err;
}

static const struct kernel_param_ops pvmc_trim_interval_ops = {
	.set = pvmc_trim_interval_set,
	.get = param_get_uint,
};
module_param_cb(trim_interval_ms, &pvmc_trim_interval_ops,
		&pvmc_trim_interval_ms, 0644);
MODULE_PARM_DESC(trim_interval_ms, "trim stacks that often, 0 for never");

/* What can be wrong with a VMM is said once, until it is well again. */
static void pvmc_trim_complain(int err, bool begun)
{
	static bool said;

	if (!err) {
		said = false;
		return;
	}
	/* Without a device there is nothing to do, and to say. */
	if (said || err == -EINTR || (err == -ENODEV && !begun))
		return;
	said = true;
	pr_warn("cannot give all dead pages of stacks back to the host: error %d\n",
		err);
}

/**
 * pvmc_trim_request() - Give back the dead pages of all threads that sleep.
 * @patient: only of those that have not run since the last time
 *
 * Context: Process context.  May sleep.
 * Return: 0, or a negative errno: why some were left alone.
 */
int pvmc_trim_request(bool patient)
{
	struct pvmc_trim_run *run;
	u64 pauses;
	int err;

	err = mutex_lock_killable(&pvmc_trim_lock);
	if (err)
		return err;
	run = pvmc_trim_current;
	if (run) {
		run->limit_ns = max_t(u64, READ_ONCE(pvmc_trim_pause_us), 1) *
				NSEC_PER_USEC;
		run->patient = patient;
		pauses = pvmc_trim_stats.pauses;
		err = pvmc_trim_run(run, &pvmc_trim_stats);
		pvmc_trim_forget(pvmc_trim_task_alive);
		pvmc_trim_complain(err, pvmc_trim_stats.pauses != pauses);
	} else {
		err = -ENODEV;
	}
	mutex_unlock(&pvmc_trim_lock);
	return err;
}

static void pvmc_trim_work_fn(struct work_struct *work)
{
	atomic_dec_if_positive(&pvmc_trim_scarce_runs);
	pvmc_trim_request(READ_ONCE(pvmc_trim_patient));
	mutex_lock(&pvmc_trim_lock);
	pvmc_trim_arm();
	mutex_unlock(&pvmc_trim_lock);
}

/*
 * What is won is the host's memory and none of the guest's, so nothing is ever
 * freed here.  But when the guest runs short, the host has often promised more
 * than it has.  The work itself is done elsewhere: who reclaims may hold what
 * stopping CPUs needs.
 *
 * That page cache is reclaimed is no shortage.  Of so few objects the kernel
 * asks for some only when it has gone through almost all that it has without
 * finding enough.
 */
static unsigned long pvmc_trim_count(struct shrinker *shrinker,
				     struct shrink_control *control)
{
	if (!READ_ONCE(pvmc_trim_shrink) ||
	    time_before(jiffies,
			READ_ONCE(pvmc_trim_scarce) + PVMC_TRIM_SCARCE_REST))
		return 0;
	return 2;
}

static unsigned long pvmc_trim_scan(struct shrinker *shrinker,
				    struct shrink_control *control)
{
	WRITE_ONCE(pvmc_trim_scarce, jiffies);
	atomic_set(&pvmc_trim_scarce_runs, PVMC_TRIM_SCARCE_RUNS);
	mod_delayed_work(system_freezable_wq, &pvmc_trim_work, 0);
	return SHRINK_STOP;
}

static int pvmc_trim_shrinker_init(void)
{
	pvmc_trim_scarce = jiffies - PVMC_TRIM_SCARCE_REST;
	pvmc_trim_shrinker = pvmc_shrinker_new("pvmemcontrol-trim",
					       pvmc_trim_count, pvmc_trim_scan);
	if (!pvmc_trim_shrinker)
		return -ENOMEM;
	pvmc_trim_shrinker->batch = 1;
	return 0;
}

/**
 * pvmc_kstack_trim_init() - Begin to give back dead pages of stacks.
 * @client: registered client whose calls these are
 *
 * Context: Process context.  May sleep.
 * Return: 0 or a negative errno.
 */
int pvmc_kstack_trim_init(struct pvmemcontrol_client *client)
{
	struct pvmc_trim_run *run;
	int err;

	run = kvzalloc(sizeof(*run), GFP_KERNEL);
	if (!run)
		return -ENOMEM;
	run->client = client;
	run->ops = &pvmc_trim_task_ops;
	err = pvmc_trim_shrinker_init();
	if (err)
		goto free_run;
	err = pvmc_trim_sysfs_init();
	if (err)
		goto free_shrinker;
	mutex_lock(&pvmc_trim_lock);
	pvmc_trim_current = run;
	pvmc_trim_arm();
	mutex_unlock(&pvmc_trim_lock);
	return 0;

free_shrinker:
	pvmc_shrinker_free(pvmc_trim_shrinker);
	cancel_delayed_work_sync(&pvmc_trim_work);
free_run:
	kvfree(run);
	return err;
}

/**
 * pvmc_kstack_trim_exit() - Undo pvmc_kstack_trim_init().
 *
 * Context: Process context.  May sleep.
 */
void pvmc_kstack_trim_exit(void)
{
	struct pvmc_trim_run *run;

	/*
	 * From here on runs end early and nothing is armed any more, but by
	 * the shrinker until it is gone.  Parameters may still be written to
	 * after this function.
	 */
	WRITE_ONCE(pvmc_trim_closing, true);
	pvmc_trim_sysfs_exit();
	pvmc_shrinker_free(pvmc_trim_shrinker);
	mutex_lock(&pvmc_trim_lock);
	run = pvmc_trim_current;
	pvmc_trim_current = NULL;
	mutex_unlock(&pvmc_trim_lock);
	cancel_delayed_work_sync(&pvmc_trim_work);
	pvmc_trim_forget(NULL);
	kvfree(run);
}
