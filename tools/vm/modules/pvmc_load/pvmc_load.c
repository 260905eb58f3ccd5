// SPDX-License-Identifier: GPL-2.0
/*
 * A client that calls without end, in process, softirq and hard irq context of
 * each CPU, while something happens to the device.  To be built against the
 * installed headers alone.
 *
 * In debugfs, folder pvmc_load:
 *
 *	run	1 starts the calls, 0 stops them
 *	clear	write anything: all numbers back to 0
 *	results	"name value" lines:
 *		ok, enodev, eio, other	calls, by what they returned
 *		other_errno	the last of the others
 *		wrong		calls that did something else to the memory than
 *				they said
 *		attached, detached, forgot, restored	callbacks
 */
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/pvmemcontrol.h>
#include <linux/seq_file.h>
#include <linux/string.h>

#define LOAD_PATTERN	0xa5

enum load_result {
	LOAD_OK,
	LOAD_ENODEV,
	LOAD_EIO,
	LOAD_OTHER,
	LOAD_WRONG,
	LOAD_NR
};

static const char * const load_names[LOAD_NR] = {
	"ok", "enodev", "eio", "other", "wrong",
};

struct load_cpu {
	struct page *page;
	/* Written by this CPU in all contexts, with this_cpu_inc(). */
	unsigned long results[LOAD_NR];
	int other_errno;

	struct tasklet_struct softirq;
	struct irq_work hardirq;
	struct task_struct *task;
};

static DEFINE_PER_CPU(struct load_cpu, load_cpus);
static DEFINE_MUTEX(load_lock);		/* starting and stopping */
static bool load_running;
static struct dentry *load_dir;
static atomic_t load_attached, load_detached, load_forgot, load_restored;

static int load_attach(struct pvmemcontrol_client *client)
{
	atomic_inc(&load_attached);
	return 0;
}

static void load_detach(struct pvmemcontrol_client *client)
{
	atomic_inc(&load_detached);
}

static void load_forget(struct pvmemcontrol_client *client)
{
	atomic_inc(&load_forgot);
}

static void load_restore(struct pvmemcontrol_client *client)
{
	atomic_inc(&load_restored);
}

static const struct pvmemcontrol_client_ops load_ops = {
	.attach = load_attach,
	.detach = load_detach,
	.forget = load_forget,
	.restore = load_restore,
};

static struct pvmemcontrol_client load_client = {
	.name = "load",
	.ops = &load_ops,
};

static void load_count(int err)
{
	switch (err) {
	case 0:
		this_cpu_inc(load_cpus.results[LOAD_OK]);
		break;
	case -ENODEV:
		this_cpu_inc(load_cpus.results[LOAD_ENODEV]);
		break;
	case -EIO:
		this_cpu_inc(load_cpus.results[LOAD_EIO]);
		break;
	default:
		this_cpu_inc(load_cpus.results[LOAD_OTHER]);
		this_cpu_write(load_cpus.other_errno, err);
	}
}

static void load_softirq(struct tasklet_struct *unused)
{
	load_count(pvmemcontrol_ping(&load_client));
}

static void load_hardirq(struct irq_work *unused)
{
	load_count(pvmemcontrol_ping(&load_client));
	tasklet_hi_schedule(this_cpu_ptr(&load_cpus.softirq));
}

static int load_thread(void *arg)
{
	struct load_cpu *cpu = arg;
	u8 *mem = page_address(cpu->page);
	u64 start = page_to_phys(cpu->page);
	int err;

	while (!kthread_should_stop()) {
		preempt_disable();
		irq_work_queue(&cpu->hardirq);
		preempt_enable();

		load_count(pvmemcontrol_ping(&load_client));
		load_count(pvmemcontrol_call(&load_client,
					     PVMEMCONTROL_DONTDUMP, start,
					     PAGE_SIZE, 0, NULL));

		memset(mem, LOAD_PATTERN, PAGE_SIZE);
		err = pvmemcontrol_dontneed(&load_client, start, PAGE_SIZE);
		load_count(err);
		/* What failed may have been done all the same, but only that. */
		if (memchr_inv(mem, 0, PAGE_SIZE) &&
		    (!err || memchr_inv(mem, LOAD_PATTERN, PAGE_SIZE)))
			this_cpu_inc(load_cpus.results[LOAD_WRONG]);

		/* Without a VMM calls cost nothing: leave room for others. */
		if (err)
			usleep_range(200, 400);
		cond_resched_tasks_rcu_qs();
	}
	return 0;
}

static void load_stop(void)
{
	unsigned int i;

	for_each_possible_cpu(i) {
		struct load_cpu *cpu = per_cpu_ptr(&load_cpus, i);

		if (!cpu->task)
			continue;
		kthread_stop(cpu->task);
		cpu->task = NULL;
		irq_work_sync(&cpu->hardirq);
		tasklet_kill(&cpu->softirq);
	}
	load_running = false;
}

static int load_start(void)
{
	struct task_struct *task;
	unsigned int i;

	if (load_running)
		return -EBUSY;
	load_running = true;
	for_each_online_cpu(i) {
		struct load_cpu *cpu = per_cpu_ptr(&load_cpus, i);

		task = kthread_create_on_cpu(load_thread, cpu, i,
					     "pvmc_load/%u");
		if (IS_ERR(task)) {
			load_stop();
			return PTR_ERR(task);
		}
		cpu->task = task;
		wake_up_process(task);
	}
	return 0;
}

static int load_run_set(void *unused, u64 on)
{
	int err = 0;

	if (mutex_lock_interruptible(&load_lock))
		return -EINTR;
	if (on)
		err = load_start();
	else
		load_stop();
	mutex_unlock(&load_lock);
	return err;
}
DEFINE_DEBUGFS_ATTRIBUTE(load_run_fops, NULL, load_run_set, "%llu\n");

static int load_clear_set(void *unused, u64 value)
{
	unsigned int i;

	for_each_possible_cpu(i) {
		struct load_cpu *cpu = per_cpu_ptr(&load_cpus, i);

		memset(cpu->results, 0, sizeof(cpu->results));
		cpu->other_errno = 0;
	}
	atomic_set(&load_attached, 0);
	atomic_set(&load_detached, 0);
	atomic_set(&load_forgot, 0);
	atomic_set(&load_restored, 0);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(load_clear_fops, NULL, load_clear_set, "%llu\n");

static int results_show(struct seq_file *s, void *unused)
{
	unsigned int result, i;
	int other_errno = 0;

	for (result = 0; result < LOAD_NR; result++) {
		unsigned long sum = 0;

		for_each_possible_cpu(i)
			sum += READ_ONCE(per_cpu(load_cpus.results[result], i));
		seq_printf(s, "%s %lu\n", load_names[result], sum);
	}
	for_each_possible_cpu(i)
		other_errno = READ_ONCE(per_cpu(load_cpus.other_errno, i)) ?:
			      other_errno;
	seq_printf(s, "other_errno %d\nattached %d\ndetached %d\n", other_errno,
		   atomic_read(&load_attached), atomic_read(&load_detached));
	seq_printf(s, "forgot %d\nrestored %d\n", atomic_read(&load_forgot),
		   atomic_read(&load_restored));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(results);

static void load_free_pages(void)
{
	unsigned int i;

	for_each_possible_cpu(i) {
		struct load_cpu *cpu = per_cpu_ptr(&load_cpus, i);

		if (cpu->page)
			__free_page(cpu->page);
	}
}

static int __init load_init(void)
{
	unsigned int i;
	int err;

	for_each_possible_cpu(i) {
		struct load_cpu *cpu = per_cpu_ptr(&load_cpus, i);

		cpu->page = alloc_page(GFP_KERNEL);
		if (!cpu->page) {
			err = -ENOMEM;
			goto free_pages;
		}
		tasklet_setup(&cpu->softirq, load_softirq);
		cpu->hardirq = IRQ_WORK_INIT_HARD(load_hardirq);
	}
	err = pvmemcontrol_register_client(&load_client);
	if (err)
		goto free_pages;

	load_dir = debugfs_create_dir("pvmc_load", NULL);
	debugfs_create_file_unsafe("run", 0200, load_dir, NULL, &load_run_fops);
	debugfs_create_file_unsafe("clear", 0200, load_dir, NULL,
				   &load_clear_fops);
	debugfs_create_file("results", 0400, load_dir, NULL, &results_fops);
	return 0;

free_pages:
	load_free_pages();
	return err;
}
module_init(load_init);

static void __exit load_exit(void)
{
	debugfs_remove_recursive(load_dir);
	load_stop();
	pvmemcontrol_unregister_client(&load_client);
	load_free_pages();
}
module_exit(load_exit);

MODULE_DESCRIPTION("Test: pvmemcontrol calls without end");
MODULE_LICENSE("GPL");
