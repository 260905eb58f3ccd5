// SPDX-License-Identifier: GPL-2.0
/*
 * A client that guards every second page of memory that the kernel was told to
 * leave alone, to be built against the installed headers alone.
 *
 * Parameters: start, the guest physical address of guard 0; guards, how many
 * there can be.  Guard N is page 2N from there.
 *
 * In debugfs, folder pvmc_guards:
 *
 *	run	takes one of these in a write:
 *			fill		writes to each tenth guard's page, and to
 *					the page behind it
 *			guard N
 *			unguard N	in one batch, the first N
 *			touch N		reads a word of guard N
 *			check		are those pages empty, and those behind
 *					the filled ones as they were?
 *	result	what came of the last: "name value" lines
 */
#include <linux/debugfs.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pvmemcontrol.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>

#define GUARDS_CONTENT	0x5a5a5a5a5a5a5a5aULL
#define GUARDS_FILLED	10
/* Not at its beginning, to see that the address is exact. */
#define GUARDS_OFFSET	0x128

static unsigned long start;
module_param(start, ulong, 0400);
static unsigned int guards;
module_param(guards, uint, 0400);

static DEFINE_MUTEX(guards_lock);	/* one run at a time */
static u8 *guards_memory;
static struct pvmemcontrol_batch guards_batch;
static int guards_error;
static unsigned int guards_wrong;
static u64 guards_value;

/* Written in NMI, read when the access is over. */
static unsigned int guards_told;
static phys_addr_t guards_told_addr;
static bool guards_told_stopped;

static phys_addr_t guards_phys(unsigned int nr)
{
	return start + 2 * PAGE_SIZE * (phys_addr_t)nr;
}

/* The first word of the page, or of the one behind it */
static u64 *guards_at(unsigned int nr, bool behind)
{
	return (u64 *)(guards_memory + PAGE_SIZE * (2UL * nr + behind));
}

static enum pvmemcontrol_owner
guards_owner(struct pvmemcontrol_client *client,
	     const struct pvmemcontrol_access *access, char *what)
{
	unsigned long page = (access->addr - start) >> PAGE_SHIFT;

	if (access->addr < start || page / 2 >= guards || page % 2)
		return PVMEMCONTROL_NOT_MINE;
	guards_told++;
	guards_told_addr = access->addr;
	guards_told_stopped = access->stopped;
	snprintf(what, PVMEMCONTROL_DESCRIPTION, "guard %lu", page / 2);
	return PVMEMCONTROL_MINE;
}

static const struct pvmemcontrol_client_ops guards_ops = {
	.owner = guards_owner,
};

static struct pvmemcontrol_client guards_client = {
	.name = "guards",
	.ops = &guards_ops,
};

static void guards_fill(void)
{
	unsigned int i;

	for (i = 0; i < guards; i += GUARDS_FILLED) {
		*guards_at(i, false) = GUARDS_CONTENT;
		*guards_at(i, true) = GUARDS_CONTENT;
		cond_resched();
	}
}

static int guards_send(u32 func, unsigned int nr)
{
	unsigned int i;
	int err = 0;

	if (nr > guards)
		return -EINVAL;
	pvmemcontrol_batch_init(&guards_batch, &guards_client, GFP_KERNEL);
	for (i = 0; i < nr && !err; i++)
		err = pvmemcontrol_batch_add(&guards_batch, func,
					     guards_phys(i), PAGE_SIZE, 0);
	return pvmemcontrol_batch_finish(&guards_batch) ?: err;
}

static int guards_touch(unsigned int nr)
{
	if (nr >= guards)
		return -EINVAL;
	guards_told = 0;
	guards_value = READ_ONCE(*(guards_at(nr, false) +
				   GUARDS_OFFSET / sizeof(u64)));
	barrier();
	return 0;
}

static void guards_check(void)
{
	unsigned int i;

	guards_wrong = 0;
	for (i = 0; i < guards; i++) {
		guards_wrong += !!*guards_at(i, false);
		guards_wrong += *guards_at(i, true) !=
				(i % GUARDS_FILLED ? 0 : GUARDS_CONTENT);
		cond_resched();
	}
}

static int guards_run(const char *line)
{
	unsigned int nr;

	if (sscanf(line, "guard %u", &nr) == 1)
		return guards_send(PVMEMCONTROL_GUARD, nr);
	if (sscanf(line, "unguard %u", &nr) == 1)
		return guards_send(PVMEMCONTROL_UNGUARD, nr);
	if (sscanf(line, "touch %u", &nr) == 1)
		return guards_touch(nr);
	if (strstarts(line, "fill"))
		guards_fill();
	else if (strstarts(line, "check"))
		guards_check();
	else
		return -EBADRQC;
	return 0;
}

/* Fails only where it was not understood: what came of it is in result. */
static ssize_t run_write(struct file *file, const char __user *from,
			 size_t length, loff_t *pos)
{
	char line[32] = {};
	int err;

	if (length >= sizeof(line))
		return -E2BIG;
	if (copy_from_user(line, from, length))
		return -EFAULT;
	mutex_lock(&guards_lock);
	guards_error = guards_run(line);
	err = guards_error == -EBADRQC ? -EINVAL : 0;
	mutex_unlock(&guards_lock);
	return err ?: length;
}

static const struct file_operations run_fops = {
	.owner = THIS_MODULE,
	.write = run_write,
};

static int result_show(struct seq_file *m, void *unused)
{
	mutex_lock(&guards_lock);
	seq_printf(m, "error %d\n", guards_error);
	seq_printf(m, "ranges %llu\n", guards_batch.ranges);
	seq_printf(m, "exits %llu\n", guards_batch.exits);
	seq_printf(m, "errors %llu\n", guards_batch.errors);
	seq_printf(m, "failed_start %#llx\n", guards_batch.failed.start);
	seq_printf(m, "failed_length %#llx\n", guards_batch.failed.length);
	seq_printf(m, "told %u\n", guards_told);
	seq_printf(m, "told_addr %#llx\n", (u64)guards_told_addr);
	seq_printf(m, "told_stopped %d\n", guards_told_stopped);
	seq_printf(m, "value %#llx\n", guards_value);
	seq_printf(m, "wrong %u\n", guards_wrong);
	mutex_unlock(&guards_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(result);

static struct dentry *guards_dir;

static int __init guards_init(void)
{
	int err;

	if (!guards || !PAGE_ALIGNED(start))
		return -EINVAL;
	guards_memory = memremap(start, guards_phys(guards) - start,
				 MEMREMAP_WB);
	if (!guards_memory)
		return -ENOMEM;
	err = pvmemcontrol_register_client(&guards_client);
	if (err) {
		memunmap(guards_memory);
		return err;
	}
	guards_dir = debugfs_create_dir("pvmc_guards", NULL);
	debugfs_create_file("run", 0200, guards_dir, NULL, &run_fops);
	debugfs_create_file("result", 0400, guards_dir, NULL, &result_fops);
	return 0;
}
module_init(guards_init);

static void __exit guards_exit(void)
{
	debugfs_remove(guards_dir);
	guards_send(PVMEMCONTROL_UNGUARD, guards);
	pvmemcontrol_unregister_client(&guards_client);
	memunmap(guards_memory);
}
module_exit(guards_exit);

MODULE_DESCRIPTION("pvmemcontrol test: very many guarded pages");
MODULE_LICENSE("GPL");
