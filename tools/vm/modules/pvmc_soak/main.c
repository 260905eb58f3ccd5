// SPDX-License-Identifier: GPL-2.0
/*
 * Drivers that do all the time what drivers do now and then: take, use and give
 * back guarded stacks, and have the host permit what mappings need.  They know
 * each byte, whatever the VMM answers.  To be built against the installed headers
 * alone.
 *
 * In debugfs, folder pvmc_soak:
 *
 *	run	write a seed: starts; 0: ends, with all given back
 *	results	"name value" lines, since the module was loaded:
 *		stacks		stacks that were had
 *		stacks_checked	of these, looked at before they were given back
 *		stacks_unguarded	that were had without a guard
 *		stacks_none_free	there was none without sleeping
 *		calls		made on such a stack, to near its end
 *		stack_errors	stacks and calls that were refused
 *		commits		transactions
 *		commit_errors	of these, those of which the host did not do all
 *		pages_read, pages_written	by those who may
 *		pages_closed	were left alone, as nobody may, or knows
 *		wrong		anything was not as it should be
 *		stuck		pages were not open in the end
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>

#include "soak.h"

atomic64_t soak_counters[SOAK_NR];

static const char * const soak_names[SOAK_NR] = {
	[SOAK_STACKS] = "stacks",
	[SOAK_STACKS_CHECKED] = "stacks_checked",
	[SOAK_STACKS_UNGUARDED] = "stacks_unguarded",
	[SOAK_STACKS_NONE_FREE] = "stacks_none_free",
	[SOAK_CALLS] = "calls",
	[SOAK_STACK_ERRORS] = "stack_errors",
	[SOAK_COMMITS] = "commits",
	[SOAK_COMMITS_ERRORS] = "commit_errors",
	[SOAK_PAGES_READ] = "pages_read",
	[SOAK_PAGES_WRITTEN] = "pages_written",
	[SOAK_PAGES_CLOSED] = "pages_closed",
	[SOAK_WRONG] = "wrong",
	[SOAK_STUCK] = "stuck",
};

static DEFINE_MUTEX(soak_lock);		/* starting and stopping */
static bool soak_running;
static atomic64_t soak_tag;
static struct dentry *soak_dir;

void soak_fill(u64 *at, size_t words, u64 tag)
{
	size_t i;

	for (i = 0; i < words; i++)
		at[i] = soak_word(tag, i);
}

bool soak_is_filled(const u64 *at, size_t words, u64 tag)
{
	size_t i;

	for (i = 0; i < words; i++)
		if (READ_ONCE(at[i]) != soak_word(tag, i))
			return false;
	return true;
}

/* Each time another: no two places ever hold the same. */
u64 soak_next_tag(void)
{
	return (u64)atomic64_inc_return(&soak_tag) << 32;
}

void soak_wrong(const char *what, int err)
{
	soak_count(SOAK_WRONG);
	pr_err_ratelimited("pvmc_soak: %s: %d\n", what, err);
}

static void soak_stop(void)
{
	if (!soak_running)
		return;
	soak_stacks_stop();
	soak_perms_stop();
	soak_running = false;
}

static int soak_start(u64 seed)
{
	int err;

	if (soak_running)
		return -EBUSY;
	err = soak_stacks_start(seed);
	if (err)
		return err;
	err = soak_perms_start(seed);
	if (err)
		soak_stacks_stop();
	soak_running = !err;
	return err;
}

static int run_set(void *unused, u64 seed)
{
	int err = 0;

	mutex_lock(&soak_lock);
	if (seed)
		err = soak_start(seed);
	else
		soak_stop();
	mutex_unlock(&soak_lock);
	return err;
}
DEFINE_DEBUGFS_ATTRIBUTE(run_fops, NULL, run_set, "%llu\n");

static int results_show(struct seq_file *m, void *unused)
{
	unsigned int i;

	for (i = 0; i < SOAK_NR; i++)
		seq_printf(m, "%s %lld\n", soak_names[i],
			   atomic64_read(&soak_counters[i]));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(results);

static int __init soak_init(void)
{
	soak_dir = debugfs_create_dir("pvmc_soak", NULL);
	debugfs_create_file_unsafe("run", 0200, soak_dir, NULL, &run_fops);
	debugfs_create_file("results", 0400, soak_dir, NULL, &results_fops);
	return 0;
}
module_init(soak_init);

static void __exit soak_exit(void)
{
	debugfs_remove_recursive(soak_dir);
	soak_stop();
}
module_exit(soak_exit);

MODULE_DESCRIPTION("Test: drivers that never rest");
MODULE_LICENSE("GPL");
