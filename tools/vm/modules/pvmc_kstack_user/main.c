// SPDX-License-Identifier: GPL-2.0
/*
 * A driver that uses guarded stacks, to be built against the installed headers
 * alone.
 *
 * In debugfs, folder pvmc_kstack_user:
 *
 *	calls	a test a line: what a function may do on a guarded stack
 *	copy	text that is copied from a guarded stack
 *	sleep	write N: sleeps so many milliseconds on one
 *	lose	write 1: a thread ends on one
 *	overflow	write "CONTEXT": over the end of one, in process,
 *		softirq, hardirq or nmi; asleep: in process, and sleeps there
 *		until somebody writes "wake"; read: what came of it
 *	stacks	write N: have so many of 16 KiB, all of them used; read: where
 *		they are, also when there are none any more
 *	guard	write N: reads the page below the Nth of these, from 0 on, which
 *		must be there: a violation
 *	edge	write ADDRESS: reads words that begin in the page before this
 *		physical address and end behind it, as the kernel does with
 *		names of files
 */
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <asm/word-at-a-time.h>

#include "user.h"

#define USER_STACKS	4096

static DEFINE_MUTEX(user_lock);		/* one at a time */
static struct pvmemcontrol_kstack **user_stack;
static phys_addr_t *user_where;
static unsigned int user_nr, user_had;

static int calls_show(struct seq_file *m, void *unused)
{
	int err;

	mutex_lock(&user_lock);
	err = user_calls(m);
	mutex_unlock(&user_lock);
	return err;
}
DEFINE_SHOW_ATTRIBUTE(calls);

static ssize_t copy_read(struct file *file, char __user *to, size_t count,
			 loff_t *pos)
{
	long ret;

	if (*pos)
		return 0;
	ret = user_copy_out(to, count);
	if (ret > 0)
		*pos += ret;
	return ret;
}

static const struct file_operations copy_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.read = copy_read,
};

static int sleep_set(void *unused, u64 ms)
{
	return user_sleep(ms);
}
DEFINE_DEBUGFS_ATTRIBUTE(sleep_fops, NULL, sleep_set, "%llu\n");

static int lose_set(void *unused, u64 value)
{
	return user_lose();
}
DEFINE_DEBUGFS_ATTRIBUTE(lose_fops, NULL, lose_set, "%llu\n");

/* One at a time; what became of the last. */
static DEFINE_MUTEX(user_overflow_lock);

static int overflow_show(struct seq_file *m, void *unused)
{
	mutex_lock(&user_overflow_lock);
	user_overflow_show(m);
	mutex_unlock(&user_overflow_lock);
	return 0;
}

static int overflow_open(struct inode *inode, struct file *file)
{
	return single_open(file, overflow_show, NULL);
}

static ssize_t overflow_write(struct file *file, const char __user *from,
			      size_t count, loff_t *pos)
{
	char context[16] = {};
	int err;

	if (count >= sizeof(context) || copy_from_user(context, from, count))
		return -EFAULT;
	if (!strcmp(strim(context), "wake")) {
		user_overflow_wake();
		return count;
	}
	mutex_lock(&user_overflow_lock);
	err = user_overflow(strim(context));
	mutex_unlock(&user_overflow_lock);
	return err ?: count;
}

static const struct file_operations overflow_fops = {
	.owner = THIS_MODULE,
	.open = overflow_open,
	.read = seq_read,
	.write = overflow_write,
	.release = single_release,
};

static void user_free_stacks(void)
{
	while (user_nr)
		pvmemcontrol_kstack_free(user_stack[--user_nr]);
}

static int user_stacks(unsigned int nr)
{
	struct pvmemcontrol_kstack *stack;

	user_free_stacks();
	while (user_nr < nr) {
		stack = pvmemcontrol_kstack_alloc(SZ_16K, 0, "many");
		if (IS_ERR(stack))
			return PTR_ERR(stack);
		memset(pvmemcontrol_kstack_base(stack), 0x11, SZ_16K);
		user_where[user_nr] =
			virt_to_phys(pvmemcontrol_kstack_base(stack));
		user_stack[user_nr++] = stack;
		user_had = user_nr;
	}
	return 0;
}

static int stacks_show(struct seq_file *m, void *unused)
{
	unsigned int i;

	mutex_lock(&user_lock);
	for (i = 0; i < user_had; i++)
		seq_printf(m, "0x%llx\n", (u64)user_where[i]);
	mutex_unlock(&user_lock);
	return 0;
}

static int stacks_open(struct inode *inode, struct file *file)
{
	return single_open(file, stacks_show, NULL);
}

static ssize_t stacks_write(struct file *file, const char __user *from,
			    size_t count, loff_t *pos)
{
	unsigned int nr;
	int err;

	err = kstrtouint_from_user(from, count, 0, &nr);
	if (err)
		return err;
	if (nr > USER_STACKS)
		return -EINVAL;
	mutex_lock(&user_lock);
	err = user_stacks(nr);
	mutex_unlock(&user_lock);
	return err ?: count;
}

static const struct file_operations stacks_fops = {
	.owner = THIS_MODULE,
	.open = stacks_open,
	.read = seq_read,
	.write = stacks_write,
	.release = single_release,
};

static int guard_set(void *unused, u64 nr)
{
	int err = -EINVAL;

	mutex_lock(&user_lock);
	if (nr < user_nr) {
		READ_ONCE(*((u8 *)pvmemcontrol_kstack_base(user_stack[nr]) -
			    PAGE_SIZE));
		err = 0;
	}
	mutex_unlock(&user_lock);
	return err;
}
DEFINE_DEBUGFS_ATTRIBUTE(guard_fops, NULL, guard_set, "%llu\n");

static int edge_set(void *unused, u64 address)
{
	const u8 *edge = phys_to_virt(address);
	unsigned long sum = 0;
	unsigned int i;

	if (!address || !PAGE_ALIGNED(address) || !virt_addr_valid(edge))
		return -EINVAL;
	for (i = 1; i < sizeof(long); i++)
		sum += load_unaligned_zeropad(edge - i);
	OPTIMIZER_HIDE_VAR(sum);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(edge_fops, NULL, edge_set, "%llu\n");

static struct dentry *user_dir;

static int __init user_init(void)
{
	int err = -ENOMEM;

	user_stack = kvcalloc(USER_STACKS, sizeof(*user_stack), GFP_KERNEL);
	user_where = kvcalloc(USER_STACKS, sizeof(*user_where), GFP_KERNEL);
	if (!user_stack || !user_where)
		goto free;
	err = user_contexts_init();
	if (err)
		goto free;
	user_overflow_init();
	user_dir = debugfs_create_dir("pvmc_kstack_user", NULL);
	debugfs_create_file("calls", 0400, user_dir, NULL, &calls_fops);
	debugfs_create_file("copy", 0400, user_dir, NULL, &copy_fops);
	debugfs_create_file("sleep", 0200, user_dir, NULL, &sleep_fops);
	debugfs_create_file("lose", 0200, user_dir, NULL, &lose_fops);
	debugfs_create_file("overflow", 0600, user_dir, NULL, &overflow_fops);
	debugfs_create_file("stacks", 0600, user_dir, NULL, &stacks_fops);
	debugfs_create_file("guard", 0200, user_dir, NULL, &guard_fops);
	debugfs_create_file("edge", 0200, user_dir, NULL, &edge_fops);
	return 0;

free:
	kvfree(user_where);
	kvfree(user_stack);
	return err;
}

static void __exit user_exit(void)
{
	debugfs_remove(user_dir);
	user_overflow_exit();
	user_contexts_exit();
	user_free_stacks();
	kvfree(user_where);
	kvfree(user_stack);
}

module_init(user_init);
module_exit(user_exit);

MODULE_DESCRIPTION("Test: a driver that uses guarded stacks");
MODULE_LICENSE("GPL");
