// SPDX-License-Identifier: GPL-2.0
/*
 * A complete consumer: scratch memory whose content nobody needs for long.
 *
 * It has blocks of 2 MiB.  Whenever the VMM is there they are kept out of its
 * core dumps; and when they have not been used for a while, what they cost the
 * host is given back, and comes again with the next use.
 *
 * Documentation/consumer.rst walks through it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/debugfs.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pvmemcontrol.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#define SAMPLE_BLOCKS		4
#define SAMPLE_BLOCK_SIZE	SZ_2M

static unsigned int idle_ms = 100;
module_param(idle_ms, uint, 0644);
MODULE_PARM_DESC(idle_ms, "unused for so long, blocks are given back");

/**
 * enum sample_state - what is in a block
 * @SAMPLE_EMPTY: nothing, and it may cost the host nothing
 * @SAMPLE_USED: something that is not needed any more
 * @SAMPLE_BUSY: something that is
 */
enum sample_state {
	SAMPLE_EMPTY,
	SAMPLE_USED,
	SAMPLE_BUSY,
};

/**
 * struct sample_block - a piece of scratch memory
 * @page: the first of its pages
 * @state: protected by sample_lock; only the user of a busy block ends that
 */
struct sample_block {
	struct page *page;
	enum sample_state state;
};

static struct sample_block sample_blocks[SAMPLE_BLOCKS];

/* Protects the blocks' states and the statistics; held across calls. */
static DEFINE_SPINLOCK(sample_lock);

static struct {
	u64 uses;
	u64 given_back;
	u64 failed;
	int error;		/* of the last that failed */
	bool undumped;		/* the VMM was told, and has not forgotten */
} sample_stats;

/* One user at a time. */
static DEFINE_MUTEX(sample_use_mutex);

/* --- What the core tells us ------------------------------------------------- */

/*
 * Something that the VMM has to remember: it is said when a device comes, and
 * again when it may have been forgotten.  A batch takes one exit for all of the
 * blocks where the VMM knows how, and as many as there are blocks elsewhere.
 */
static int sample_undump(struct pvmemcontrol_client *client)
{
	struct pvmemcontrol_batch batch;
	unsigned int i;
	int err;

	pvmemcontrol_batch_init(&batch, client, GFP_KERNEL);
	for (i = 0; i < SAMPLE_BLOCKS; i++)
		pvmemcontrol_batch_add(&batch, PVMEMCONTROL_DONTDUMP,
				       page_to_phys(sample_blocks[i].page),
				       SAMPLE_BLOCK_SIZE, 0);
	err = pvmemcontrol_batch_finish(&batch);

	spin_lock(&sample_lock);
	sample_stats.undumped = !err;
	spin_unlock(&sample_lock);
	return err;
}

/*
 * A device came, or was there when we registered.  An error that we returned
 * would mean that we do without it: but giving back works all the same.
 */
static int sample_attach(struct pvmemcontrol_client *client)
{
	int err = sample_undump(client);

	if (err)
		pr_info("blocks will be in core dumps of the VMM: %d\n", err);
	return 0;
}

/* The VMM may be another: what it was told does not hold any more. */
static void sample_forget(struct pvmemcontrol_client *client)
{
	spin_lock(&sample_lock);
	sample_stats.undumped = false;
	spin_unlock(&sample_lock);
}

/* It is there again.  Nobody waits for what we return, so state tells. */
static void sample_restore(struct pvmemcontrol_client *client)
{
	sample_undump(client);
}

/*
 * The device goes.  Whoever had the VMM protect or lock memory undoes it here,
 * and in .release too, before another kernel takes over; we have nothing that
 * would be in anybody's way.
 */
static void sample_detach(struct pvmemcontrol_client *client)
{
	sample_forget(client);
}

static const struct pvmemcontrol_client_ops sample_ops = {
	.attach = sample_attach,
	.detach = sample_detach,
	.forget = sample_forget,
	.restore = sample_restore,
};

/* The name is that of its folder, /sys/kernel/pvmemcontrol/sample. */
static struct pvmemcontrol_client sample_client = {
	.name = "sample",
	.ops = &sample_ops,
};

/* --- Giving back, in atomic context ----------------------------------------- */

/*
 * With the lock held nobody can begin to use the block before the call has
 * returned: what is written to it afterwards stays.  Calls may be made like
 * this, with preemption or interrupts off, but take as long as the VMM takes;
 * so it is one block at a time.
 *
 * Whether it reads as zero now depends on how the VMM backs memory.  We do not
 * care: whoever uses a block writes to it first.
 */
static void sample_give_back(struct sample_block *block)
{
	int err;

	spin_lock(&sample_lock);
	if (block->state == SAMPLE_USED) {
		err = pvmemcontrol_dontneed(&sample_client,
					    page_to_phys(block->page),
					    SAMPLE_BLOCK_SIZE);
		if (!err) {
			block->state = SAMPLE_EMPTY;
			sample_stats.given_back++;
		} else {
			/* It costs memory, as without a VMM that helps. */
			sample_stats.failed++;
			sample_stats.error = err;
		}
	}
	spin_unlock(&sample_lock);
}

static void sample_idle_fn(struct work_struct *work)
{
	unsigned int i;

	for (i = 0; i < SAMPLE_BLOCKS; i++) {
		sample_give_back(&sample_blocks[i]);
		cond_resched();
	}
}

static DECLARE_DELAYED_WORK(sample_idle, sample_idle_fn);

/* --- Using, in process context ---------------------------------------------- */

static void sample_set_state(struct sample_block *block,
			     enum sample_state state)
{
	spin_lock(&sample_lock);
	block->state = state;
	spin_unlock(&sample_lock);
}

/* Stands for the work that the scratch memory is for: fill all of it. */
static int sample_use(void *data, u64 byte)
{
	unsigned int i;

	mutex_lock(&sample_use_mutex);
	for (i = 0; i < SAMPLE_BLOCKS; i++) {
		struct sample_block *block = &sample_blocks[i];

		sample_set_state(block, SAMPLE_BUSY);
		memset(page_address(block->page), byte, SAMPLE_BLOCK_SIZE);
		sample_set_state(block, SAMPLE_USED);
		cond_resched();
	}
	spin_lock(&sample_lock);
	sample_stats.uses++;
	spin_unlock(&sample_lock);
	mod_delayed_work(system_wq, &sample_idle, msecs_to_jiffies(idle_ms));
	mutex_unlock(&sample_use_mutex);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(sample_use_fops, NULL, sample_use, "%llu\n");

static int sample_state_show(struct seq_file *m, void *unused)
{
	unsigned int i, used = 0;

	spin_lock(&sample_lock);
	for (i = 0; i < SAMPLE_BLOCKS; i++)
		used += sample_blocks[i].state != SAMPLE_EMPTY;
	seq_printf(m, "blocks_used %u\nuses %llu\ngiven_back %llu\n",
		   used, sample_stats.uses, sample_stats.given_back);
	seq_printf(m, "failed %llu\nerror %d\nundumped %d\n",
		   sample_stats.failed, sample_stats.error,
		   sample_stats.undumped);
	spin_unlock(&sample_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(sample_state);

/* Where the blocks are, for a test that asks the host about them. */
static int sample_where_show(struct seq_file *m, void *unused)
{
	unsigned int i;

	for (i = 0; i < SAMPLE_BLOCKS; i++)
		seq_printf(m, "%#llx %u\n",
			   (u64)page_to_phys(sample_blocks[i].page),
			   SAMPLE_BLOCK_SIZE);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(sample_where);

/* --- Coming and going ------------------------------------------------------- */

static void sample_free(void)
{
	unsigned int i;

	for (i = 0; i < SAMPLE_BLOCKS; i++)
		if (sample_blocks[i].page)
			__free_pages(sample_blocks[i].page,
				     get_order(SAMPLE_BLOCK_SIZE));
}

static int sample_alloc(void)
{
	unsigned int i;

	for (i = 0; i < SAMPLE_BLOCKS; i++) {
		sample_blocks[i].page = alloc_pages(GFP_KERNEL | __GFP_NOWARN,
						    get_order(SAMPLE_BLOCK_SIZE));
		if (!sample_blocks[i].page)
			return -ENOMEM;
	}
	return 0;
}

static struct dentry *sample_dir;

/* With or without a device: if there is none yet, attach is called later. */
static int __init sample_init(void)
{
	int err;

	err = sample_alloc();
	if (err)
		goto free;
	err = pvmemcontrol_register_client(&sample_client);
	if (err)
		goto free;

	/* Last: from here on it is used. */
	sample_dir = debugfs_create_dir("pvmemcontrol_sample", NULL);
	debugfs_create_file("use", 0200, sample_dir, NULL, &sample_use_fops);
	debugfs_create_file("state", 0400, sample_dir, NULL,
			    &sample_state_fops);
	debugfs_create_file("where", 0400, sample_dir, NULL,
			    &sample_where_fops);
	return 0;

free:
	sample_free();
	return err;
}
module_init(sample_init);

/*
 * In this order: nobody begins anything, then nobody makes calls, then nobody
 * tells us anything, and then the memory is nobody's.
 */
static void __exit sample_exit(void)
{
	debugfs_remove_recursive(sample_dir);
	cancel_delayed_work_sync(&sample_idle);
	pvmemcontrol_unregister_client(&sample_client);
	sample_free();
}
module_exit(sample_exit);

MODULE_DESCRIPTION("Sample consumer: scratch memory that is given back");
MODULE_LICENSE("GPL");
