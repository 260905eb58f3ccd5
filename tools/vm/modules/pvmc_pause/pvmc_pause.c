// SPDX-License-Identifier: GPL-2.0
/*
 * What the host takes from a CPU while all others stand still: pauses as those
 * in which stacks are trimmed, in which nothing is done but to look at the clock.
 *
 * In debugfs, folder pvmc_pause:
 *
 *	run	write "LENGTH_US TOTAL_MS BOUND_US": so many pauses of that length
 *		until all of them together were that long, and after each the
 *		others have four times as long to themselves
 *	results	"name value" lines, of the last run:
 *		pauses		how many there were
 *		total_ns	how long all of them took
 *		longest_ns	how long the longest took
 *		too_long	how many took longer than BOUND_US
 *		gap_ns		the longest time between two looks at the clock
 */
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/stop_machine.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>

#define PAUSE_REST	4
#define PAUSE_LONGEST	100000	/* us: of one that is asked for */

static DEFINE_MUTEX(pause_lock);	/* for all below */
static u64 pause_length_ns;
static u64 pause_last_ns;
static u64 pause_total_ns;
static u64 pause_longest_ns;
static u64 pause_gap_ns;
static unsigned int pause_nr;
static unsigned int pause_too_long;
static struct dentry *pause_dir;

static int pause_once(void *unused)
{
	u64 begin = ktime_get_mono_fast_ns(), last = begin, now;

	do {
		now = ktime_get_mono_fast_ns();
		pause_gap_ns = max(pause_gap_ns, now - last);
		last = now;
	} while (now - begin < pause_length_ns);
	pause_last_ns = now - begin;
	return 0;
}

static int pause_all(u64 total_ns, u64 bound_ns)
{
	int err = 0;

	pause_total_ns = 0;
	pause_longest_ns = 0;
	pause_gap_ns = 0;
	pause_nr = 0;
	pause_too_long = 0;
	while (!err && pause_total_ns < total_ns) {
		unsigned long us;

		err = stop_machine(pause_once, NULL, NULL);
		if (err)
			break;
		pause_nr++;
		pause_total_ns += pause_last_ns;
		pause_longest_ns = max(pause_longest_ns, pause_last_ns);
		pause_too_long += pause_last_ns > bound_ns;
		us = min_t(u64, pause_last_ns / NSEC_PER_USEC, PAUSE_LONGEST) *
		     PAUSE_REST;
		usleep_range(us, us + us / 2);
		if (fatal_signal_pending(current))
			err = -EINTR;
	}
	return err;
}

static ssize_t run_write(struct file *file, const char __user *data,
			 size_t count, loff_t *pos)
{
	unsigned int length_us, total_ms, bound_us;
	char text[64];
	int err;

	if (count >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, data, count))
		return -EFAULT;
	text[count] = '\0';
	if (sscanf(text, "%u %u %u", &length_us, &total_ms, &bound_us) != 3 ||
	    !length_us || length_us > PAUSE_LONGEST)
		return -EINVAL;
	mutex_lock(&pause_lock);
	pause_length_ns = (u64)length_us * NSEC_PER_USEC;
	err = pause_all((u64)total_ms * NSEC_PER_MSEC,
			(u64)bound_us * NSEC_PER_USEC);
	mutex_unlock(&pause_lock);
	return err ?: count;
}

static const struct file_operations run_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = run_write,
};

static int results_show(struct seq_file *m, void *unused)
{
	mutex_lock(&pause_lock);
	seq_printf(m, "pauses %u\n", pause_nr);
	seq_printf(m, "total_ns %llu\n", pause_total_ns);
	seq_printf(m, "longest_ns %llu\n", pause_longest_ns);
	seq_printf(m, "too_long %u\n", pause_too_long);
	seq_printf(m, "gap_ns %llu\n", pause_gap_ns);
	mutex_unlock(&pause_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(results);

static int __init pause_init(void)
{
	pause_dir = debugfs_create_dir("pvmc_pause", NULL);
	if (IS_ERR(pause_dir))
		return PTR_ERR(pause_dir);
	debugfs_create_file("run", 0200, pause_dir, NULL, &run_fops);
	debugfs_create_file("results", 0400, pause_dir, NULL, &results_fops);
	return 0;
}
module_init(pause_init);

static void __exit pause_exit(void)
{
	debugfs_remove(pause_dir);
}
module_exit(pause_exit);

MODULE_DESCRIPTION("Pauses of all CPUs, in which nothing is done");
MODULE_LICENSE("GPL");
