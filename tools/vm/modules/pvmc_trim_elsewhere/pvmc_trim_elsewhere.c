// SPDX-License-Identifier: GPL-2.0
/*
 * Threads that sleep on another stack than their own, and know what is on both.
 *
 * In debugfs, folder pvmc_trim_elsewhere:
 *
 *	wake	write anything: each wakes, looks, and sleeps again
 *	results	"name value" lines:
 *		threads	how many there are
 *		sleeping	of them, now
 *		failed	calls that were not made
 *		woken	sleeps that are over
 *		wrong	bytes that had changed meanwhile
 */
#include <linux/atomic.h>
#include <linux/compiler.h>
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/pvmemcontrol_kstack.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/wait.h>

#define ELSEWHERE_THREADS	16
#define ELSEWHERE_BYTES		700

static DECLARE_WAIT_QUEUE_HEAD(elsewhere_wait);
static atomic_t elsewhere_generation;
static atomic_t elsewhere_sleeping;
static atomic_t elsewhere_failed;
static atomic_t elsewhere_woken;
static atomic_t elsewhere_wrong;
static bool elsewhere_stop;
static struct task_struct *away_tasks[ELSEWHERE_THREADS];
static struct dentry *away_dir;

static void elsewhere_fill(u8 *bytes, u8 seed)
{
	unsigned int i;

	for (i = 0; i < ELSEWHERE_BYTES; i++)
		bytes[i] = seed + 11 * i;
}

static void elsewhere_check(const u8 *bytes, u8 seed)
{
	unsigned int i;

	for (i = 0; i < ELSEWHERE_BYTES; i++)
		if (bytes[i] != (u8)(seed + 11 * i))
			atomic_inc(&elsewhere_wrong);
}

/* On the other stack. */
static long elsewhere_sleep(void *seed)
{
	int generation = atomic_read(&elsewhere_generation);
	u8 bytes[ELSEWHERE_BYTES];

	elsewhere_fill(bytes, (unsigned long)seed + 100);
	barrier_data(bytes);
	atomic_inc(&elsewhere_sleeping);
	wait_event_idle(elsewhere_wait, READ_ONCE(elsewhere_stop) ||
			atomic_read(&elsewhere_generation) != generation);
	atomic_dec(&elsewhere_sleeping);
	atomic_inc(&elsewhere_woken);
	barrier_data(bytes);
	elsewhere_check(bytes, (unsigned long)seed + 100);
	return 0;
}

static noinline void elsewhere_once(unsigned long seed)
{
	u8 bytes[ELSEWHERE_BYTES];
	long ret;

	elsewhere_fill(bytes, seed);
	barrier_data(bytes);
	if (pvmemcontrol_kstack_call(SZ_32K, 0, elsewhere_sleep, (void *)seed,
				     &ret)) {
		atomic_inc(&elsewhere_failed);
		schedule_timeout_idle(HZ / 10);
	}
	barrier_data(bytes);
	elsewhere_check(bytes, seed);
}

static int elsewhere_thread(void *seed)
{
	while (!kthread_should_stop())
		elsewhere_once((unsigned long)seed);
	return 0;
}

static ssize_t elsewhere_wake_write(struct file *file, const char __user *buf,
				    size_t count, loff_t *ppos)
{
	atomic_inc(&elsewhere_generation);
	wake_up_all(&elsewhere_wait);
	return count;
}

static const struct file_operations elsewhere_wake_fops = {
	.owner = THIS_MODULE,
	.write = elsewhere_wake_write,
};

static int elsewhere_results_show(struct seq_file *m, void *unused)
{
	seq_printf(m, "threads %d\n", ELSEWHERE_THREADS);
	seq_printf(m, "sleeping %d\n", atomic_read(&elsewhere_sleeping));
	seq_printf(m, "failed %d\n", atomic_read(&elsewhere_failed));
	seq_printf(m, "woken %d\n", atomic_read(&elsewhere_woken));
	seq_printf(m, "wrong %d\n", atomic_read(&elsewhere_wrong));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(elsewhere_results);

static void end_elsewhere(int nr)
{
	WRITE_ONCE(elsewhere_stop, true);
	wake_up_all(&elsewhere_wait);
	while (nr)
		kthread_stop(away_tasks[--nr]);
}

static int __init elsewhere_init(void)
{
	long i;

	for (i = 0; i < ELSEWHERE_THREADS; i++) {
		struct task_struct *task;

		task = kthread_run(elsewhere_thread, (void *)i,
				   "trim_elsewhere/%ld", i);
		if (IS_ERR(task)) {
			end_elsewhere(i);
			return PTR_ERR(task);
		}
		away_tasks[i] = task;
	}
	away_dir = debugfs_create_dir("pvmc_trim_elsewhere", NULL);
	debugfs_create_file("wake", 0200, away_dir, NULL,
			    &elsewhere_wake_fops);
	debugfs_create_file("results", 0400, away_dir, NULL,
			    &elsewhere_results_fops);
	return 0;
}
module_init(elsewhere_init);

static void __exit elsewhere_exit(void)
{
	debugfs_remove_recursive(away_dir);
	end_elsewhere(ELSEWHERE_THREADS);
}
module_exit(elsewhere_exit);

MODULE_DESCRIPTION("Threads that sleep on another stack");
MODULE_LICENSE("GPL");
