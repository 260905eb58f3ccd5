// SPDX-License-Identifier: GPL-2.0
/*
 * Figures of pvmemcontrol_perm.
 *
 * In debugfs, folder pvmc_perm_bench:
 *
 *	list	takes the text of a recorded list, in as many writes as it likes
 *	run	takes one of these in a write; numbers in decimal:
 *			start pages|txns|phases PFN	replay the list from
 *							this page frame on
 *			go
 *			stop
 *			scatter PFN PAGES RUNS STRIDE
 *	results	of the last go or scatter: "name value" lines
 */
#include <linux/debugfs.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "bench.h"

#define BENCH_LINE	128

struct pvmemcontrol_client bench_client = {
	.name = "perm_bench",
};

static DEFINE_MUTEX(bench_lock);	/* guards all there is */
static struct replay_result bench_replay;
static struct scatter bench_scatter;
static struct dentry *bench_dir;

static int bench_run(const char *line)
{
	struct scatter *s = &bench_scatter;
	unsigned long base;

	if (sscanf(line, "start pages %lu", &base) == 1)
		return replay_start(REPLAY_PAGES, base);
	if (sscanf(line, "start txns %lu", &base) == 1)
		return replay_start(REPLAY_TXNS, base);
	if (sscanf(line, "start phases %lu", &base) == 1)
		return replay_start(REPLAY_PHASES, base);
	if (strstarts(line, "go"))
		return replay_go(&bench_replay);
	if (strstarts(line, "stop"))
		return replay_stop();
	if (sscanf(line, "scatter %lu %lu %lu %lu", &s->base, &s->pages,
		   &s->runs, &s->stride) == 4)
		return scatter_run(s);
	return -EINVAL;
}

static ssize_t run_write(struct file *file, const char __user *from,
			 size_t length, loff_t *pos)
{
	char line[BENCH_LINE];
	int err;

	if (length >= sizeof(line))
		return -E2BIG;
	if (copy_from_user(line, from, length))
		return -EFAULT;
	line[length] = '\0';
	mutex_lock(&bench_lock);
	err = bench_run(line);
	mutex_unlock(&bench_lock);
	return err ?: length;
}

static const struct file_operations run_fops = {
	.owner = THIS_MODULE,
	.write = run_write,
};

static ssize_t list_file_write(struct file *file, const char __user *from,
			       size_t length, loff_t *pos)
{
	char *text = memdup_user_nul(from, length);
	int err;

	if (IS_ERR(text))
		return PTR_ERR(text);
	mutex_lock(&bench_lock);
	err = list_write(text, length);
	mutex_unlock(&bench_lock);
	kfree(text);
	return err ?: length;
}

static const struct file_operations list_fops = {
	.owner = THIS_MODULE,
	.write = list_file_write,
};

static int results_show(struct seq_file *m, void *unused)
{
	const struct replay_result *r = &bench_replay;
	const struct scatter *s = &bench_scatter;

	mutex_lock(&bench_lock);
	seq_printf(m, "pages %llu\n", r->pages);
	seq_printf(m, "ranges %llu\n", r->ranges);
	seq_printf(m, "exits %llu\n", r->exits);
	seq_printf(m, "ns %llu\n", r->ns);
	seq_printf(m, "scatter_ranges %llu\n", s->ranges);
	seq_printf(m, "scatter_exits %llu\n", s->exits);
	seq_printf(m, "scatter_bare_exits %llu\n", s->bare_exits);
	seq_printf(m, "scatter_collect_ns %llu\n", s->collect_ns);
	seq_printf(m, "scatter_commit_ns %llu\n", s->commit_ns);
	seq_printf(m, "scatter_bare_ns %llu\n", s->bare_ns);
	seq_printf(m, "scatter_ratio %llu.%03llu\n", s->ratio / 1000,
		   s->ratio % 1000);
	mutex_unlock(&bench_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(results);

static int __init bench_init(void)
{
	int err;

	err = pvmemcontrol_register_client(&bench_client);
	if (err)
		return err;
	bench_dir = debugfs_create_dir("pvmc_perm_bench", NULL);
	debugfs_create_file("list", 0200, bench_dir, NULL, &list_fops);
	debugfs_create_file("run", 0200, bench_dir, NULL, &run_fops);
	debugfs_create_file("results", 0400, bench_dir, NULL, &results_fops);
	return 0;
}

static void __exit bench_exit(void)
{
	debugfs_remove(bench_dir);
	replay_free();
	list_free();
	pvmemcontrol_unregister_client(&bench_client);
}

module_init(bench_init);
module_exit(bench_exit);

MODULE_DESCRIPTION("Figures of pvmemcontrol_perm");
MODULE_LICENSE("GPL");
