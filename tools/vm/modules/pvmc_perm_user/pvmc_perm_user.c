// SPDX-License-Identifier: GPL-2.0
/*
 * A driver that tells pvmemcontrol_perm of mappings as it is told itself.  To
 * be built against the installed headers alone.
 *
 * In debugfs, folder pvmc_perm_user:
 *
 *	run	takes one of these in a write; all numbers in hex:
 *			map START LENGTH PERMS
 *			change START LENGTH OLD PERMS
 *			unmap START LENGTH OLD
 *			commit
 *			abort
 *			told START
 *		Addresses are guest physical, permissions 1 for reading, 2 for
 *		writing, 4 for executing
 *	result	what came of the last: "name value" lines
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pvmemcontrol_perm.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>

#define USER_LINE	128

static DEFINE_MUTEX(user_lock);		/* guards all of these */
static struct pvmemcontrol_perm_txn user_txn;
static bool user_begun;
static int user_error;
static int user_told;

static struct dentry *user_dir;

static int user_run(const char *line)
{
	unsigned int old, perms;
	u64 start, length;

	if (!user_begun)
		pvmemcontrol_perm_begin(&user_txn);
	user_begun = true;
	if (sscanf(line, "map %llx %llx %x", &start, &length, &perms) == 3)
		return pvmemcontrol_perm_map(&user_txn, start, length, perms);
	if (sscanf(line, "change %llx %llx %x %x", &start, &length, &old,
		   &perms) == 4)
		return pvmemcontrol_perm_change(&user_txn, start, length, old,
						perms);
	if (sscanf(line, "unmap %llx %llx %x", &start, &length, &old) == 3)
		return pvmemcontrol_perm_unmap(&user_txn, start, length, old);
	if (sscanf(line, "told %llx", &start) == 1) {
		user_told = pvmemcontrol_perm_told(start);
		return 0;
	}
	if (strstarts(line, "commit")) {
		user_begun = false;
		return pvmemcontrol_perm_commit(&user_txn);
	}
	if (strstarts(line, "abort")) {
		user_begun = false;
		pvmemcontrol_perm_abort(&user_txn);
		return 0;
	}
	return -EBADRQC;
}

/* Fails only where it was not understood: what came of it is in result. */
static ssize_t run_write(struct file *file, const char __user *from,
			 size_t length, loff_t *pos)
{
	char line[USER_LINE];
	int err;

	if (length >= sizeof(line))
		return -E2BIG;
	if (copy_from_user(line, from, length))
		return -EFAULT;
	line[length] = '\0';

	mutex_lock(&user_lock);
	user_error = user_run(line);
	err = user_error == -EBADRQC ? -EINVAL : 0;
	mutex_unlock(&user_lock);
	return err ?: length;
}

static const struct file_operations run_fops = {
	.owner = THIS_MODULE,
	.write = run_write,
};

static int result_show(struct seq_file *m, void *unused)
{
	mutex_lock(&user_lock);
	seq_printf(m, "error %d\n", user_error);
	seq_printf(m, "told %d\n", user_told);
	seq_printf(m, "applied %d\n", user_txn.applied);
	seq_printf(m, "failed_start %#llx\n", (u64)user_txn.failed_start);
	seq_printf(m, "failed_length %#llx\n", user_txn.failed_length);
	seq_printf(m, "ranges %llu\n", user_txn.ranges);
	seq_printf(m, "exits %llu\n", user_txn.exits);
	mutex_unlock(&user_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(result);

static int __init user_init(void)
{
	user_dir = debugfs_create_dir("pvmc_perm_user", NULL);
	debugfs_create_file("run", 0200, user_dir, NULL, &run_fops);
	debugfs_create_file("result", 0400, user_dir, NULL, &result_fops);
	return 0;
}

static void __exit user_exit(void)
{
	debugfs_remove(user_dir);
	if (user_begun)
		pvmemcontrol_perm_abort(&user_txn);
}

module_init(user_init);
module_exit(user_exit);

MODULE_DESCRIPTION("Test driver that tells pvmemcontrol_perm of mappings");
MODULE_LICENSE("GPL");
