// SPDX-License-Identifier: GPL-2.0
/*
 * Threads that sleep deep in the kernel, each frame of theirs full of bytes
 * that they know, and look at them when they have woken.
 *
 * In debugfs, folder pvmc_trim_deep:
 *
 *	threads	so many kernel threads are there that sleep, wake, look, and
 *		sleep at another depth; 0 ends them
 *	sleep	who writes a depth sleeps there once, on its own stack; fails with
 *		EUCLEAN if a byte has changed
 *	wake	write anything: all that sleep are woken
 *	results	"name value" lines:
 *		depths	how many there are
 *		sleeping	threads that sleep now
 *		woken	sleeps that are over
 *		bytes	that were looked at
 *		wrong	bytes of these that had changed
 */
#include <linux/atomic.h>
#include <linux/compiler.h>
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/random.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

/*
 * With what the compiler adds, frames of all depths fill most of 16 KiB.  What
 * newer kernels call to go to sleep has more than 2 KiB of frames.
 */
#define DEEP_FRAME	224
#define DEEP_DEPTHS	36

#define DEEP_THREADS	1024

static DECLARE_WAIT_QUEUE_HEAD(deep_wait);
static atomic_t deep_generation;
static atomic_t deep_sleeping;
static atomic64_t deep_woken;
static atomic64_t deep_bytes;
static atomic64_t deep_wrong;
static bool deep_stop;

static DEFINE_MUTEX(deep_lock);		/* the threads */
static struct task_struct *deep_tasks[DEEP_THREADS];
static unsigned int deep_nr;

static struct dentry *deep_dir;

static void deep_sleep(void)
{
	int generation = atomic_read(&deep_generation);

	atomic_inc(&deep_sleeping);
	wait_event_idle(deep_wait, READ_ONCE(deep_stop) ||
			atomic_read(&deep_generation) != generation);
	atomic_dec(&deep_sleeping);
	atomic64_inc(&deep_woken);
}

/* Returns how many bytes have changed, in this frame and all below. */
static noinline unsigned int deep_frame(unsigned int depth, u8 seed)
{
	unsigned int wrong = 0, i;
	u8 frame[DEEP_FRAME];

	for (i = 0; i < DEEP_FRAME; i++)
		frame[i] = seed + 7 * i + 31 * depth;
	barrier_data(frame);
	if (depth)
		wrong = deep_frame(depth - 1, seed);
	else
		deep_sleep();
	barrier_data(frame);
	for (i = 0; i < DEEP_FRAME; i++)
		if (frame[i] != (u8)(seed + 7 * i + 31 * depth))
			wrong++;
	return wrong;
}

static unsigned int deep_once(unsigned int depth)
{
	unsigned int wrong = deep_frame(depth, get_random_u8());

	atomic64_add((depth + 1) * DEEP_FRAME, &deep_bytes);
	atomic64_add(wrong, &deep_wrong);
	return wrong;
}

static int deep_thread(void *data)
{
	unsigned long depth = (unsigned long)data;

	while (!READ_ONCE(deep_stop)) {
		deep_once(depth % DEEP_DEPTHS);
		depth += 1;
	}
	/* They are ended one after the other, and nobody may spin meanwhile. */
	set_current_state(TASK_IDLE);
	while (!kthread_should_stop()) {
		schedule();
		set_current_state(TASK_IDLE);
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

static void deep_wake(void)
{
	atomic_inc(&deep_generation);
	wake_up_all(&deep_wait);
}

static void deep_end_threads(void)
{
	lockdep_assert_held(&deep_lock);
	WRITE_ONCE(deep_stop, true);
	deep_wake();
	while (deep_nr)
		kthread_stop(deep_tasks[--deep_nr]);
	WRITE_ONCE(deep_stop, false);
}

static int deep_start_threads(unsigned int nr)
{
	lockdep_assert_held(&deep_lock);
	while (deep_nr < nr) {
		unsigned long first = deep_nr;
		struct task_struct *task;

		task = kthread_run(deep_thread, (void *)first, "trim_deep/%u",
				   deep_nr);
		if (IS_ERR(task))
			return PTR_ERR(task);
		deep_tasks[deep_nr++] = task;
	}
	return 0;
}

static ssize_t deep_threads_write(struct file *file, const char __user *buf,
				  size_t count, loff_t *ppos)
{
	unsigned int nr;
	int err;

	err = kstrtouint_from_user(buf, count, 0, &nr);
	if (err)
		return err;
	if (nr > DEEP_THREADS)
		return -EINVAL;
	mutex_lock(&deep_lock);
	if (nr < deep_nr)
		deep_end_threads();
	err = deep_start_threads(nr);
	mutex_unlock(&deep_lock);
	return err ?: count;
}

static const struct file_operations deep_threads_fops = {
	.owner = THIS_MODULE,
	.write = deep_threads_write,
};

static ssize_t deep_sleep_write(struct file *file, const char __user *buf,
				size_t count, loff_t *ppos)
{
	unsigned int depth;
	int err;

	err = kstrtouint_from_user(buf, count, 0, &depth);
	if (err)
		return err;
	return deep_once(depth % DEEP_DEPTHS) ? -EUCLEAN : count;
}

static const struct file_operations deep_sleep_fops = {
	.owner = THIS_MODULE,
	.write = deep_sleep_write,
};

static ssize_t deep_wake_write(struct file *file, const char __user *buf,
			       size_t count, loff_t *ppos)
{
	deep_wake();
	return count;
}

static const struct file_operations deep_wake_fops = {
	.owner = THIS_MODULE,
	.write = deep_wake_write,
};

static int deep_results_show(struct seq_file *m, void *unused)
{
	seq_printf(m, "depths %d\n", DEEP_DEPTHS);
	seq_printf(m, "sleeping %d\n", atomic_read(&deep_sleeping));
	seq_printf(m, "woken %lld\n", atomic64_read(&deep_woken));
	seq_printf(m, "bytes %lld\n", atomic64_read(&deep_bytes));
	seq_printf(m, "wrong %lld\n", atomic64_read(&deep_wrong));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(deep_results);

static int __init deep_init(void)
{
	deep_dir = debugfs_create_dir("pvmc_trim_deep", NULL);
	debugfs_create_file("threads", 0200, deep_dir, NULL,
			    &deep_threads_fops);
	debugfs_create_file_unsafe("sleep", 0200, deep_dir, NULL,
				   &deep_sleep_fops);
	debugfs_create_file("wake", 0200, deep_dir, NULL, &deep_wake_fops);
	debugfs_create_file("results", 0400, deep_dir, NULL,
			    &deep_results_fops);
	return 0;
}
module_init(deep_init);

/* Nobody is in a file: its user would hold the module. */
static void __exit deep_exit(void)
{
	mutex_lock(&deep_lock);
	deep_end_threads();
	mutex_unlock(&deep_lock);
	debugfs_remove_recursive(deep_dir);
}
module_exit(deep_exit);

MODULE_DESCRIPTION("Threads that sleep deep and know their frames");
MODULE_LICENSE("GPL");
