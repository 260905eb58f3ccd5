// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/kernel/debug/pvmemcontrol_kstack/pool: a name and a number a line, and
 * where each block is.
 */
#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/percpu.h>
#include <linux/seq_file.h>

#include "kstack.h"

static struct dentry *pvmc_debugfs;

static const struct {
	const char *name;
	size_t offset;
} pvmc_counter_files[] = {
#define PVMC_COUNTER(name)	\
	{ #name, offsetof(struct pvmc_kstack_counters, name) }
	PVMC_COUNTER(allocs),
	PVMC_COUNTER(frees),
	PVMC_COUNTER(failed),
	PVMC_COUNTER(refills),
	PVMC_COUNTER(blocks_made),
	PVMC_COUNTER(blocks_freed),
	PVMC_COUNTER(guard_failed),
	PVMC_COUNTER(open_failed),
	PVMC_COUNTER(given_back),
	PVMC_COUNTER(give_back_failed),
	PVMC_COUNTER(hits),
#undef PVMC_COUNTER
};

static void pvmc_counters_show(struct seq_file *m)
{
	size_t i;
	int cpu;

	for (i = 0; i < ARRAY_SIZE(pvmc_counter_files); i++) {
		u64 sum = 0;

		for_each_possible_cpu(cpu)
			sum += READ_ONCE(*(u64 *)((char *)
				per_cpu_ptr(&pvmc_kstack_counters, cpu) +
				pvmc_counter_files[i].offset));
		seq_printf(m, "%s %llu\n", pvmc_counter_files[i].name, sum);
	}
}

static int pool_show(struct seq_file *m, void *unused)
{
	unsigned int blocks = 0, unguarded = 0, stacks = 0, warm = 0;
	unsigned int overflowed = 0, i, j;
	struct pvmc_kstack_block *block;

	pvmc_counters_show(m);
	mutex_lock(&pvmc_guard_mutex);
	for (i = 0; i < PVMC_KSTACK_CLASSES; i++) {
		warm += READ_ONCE(pvmc_kstack_classes[i].nr_warm);
		list_for_each_entry(block, &pvmc_kstack_classes[i].blocks,
				    node) {
			blocks++;
			stacks += block->nr;
			if (block->guarding != PVMC_GUARDED)
				unguarded++;
			for (j = 0; j < block->nr; j++)
				overflowed += READ_ONCE(block->stack[j].overflowed);
			seq_printf(m, "block 0x%llx\n",
				   (u64)pvmc_block_start(block));
		}
	}
	mutex_unlock(&pvmc_guard_mutex);
	seq_printf(m, "blocks %u\nblocks_unguarded %u\nblocks_empty %lu\n",
		   blocks, unguarded, pvmc_pool_empty_blocks());
	seq_printf(m, "stacks %u\nstacks_warm %u\nstacks_overflowed %u\n",
		   stacks, warm, overflowed);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(pool);

/* What debugfs lacks is not missed: nothing depends on it. */
void pvmc_kstack_debugfs_init(void)
{
	pvmc_debugfs = debugfs_create_dir("pvmemcontrol_kstack", NULL);
	debugfs_create_file("pool", 0400, pvmc_debugfs, NULL, &pool_fops);
}

void pvmc_kstack_debugfs_exit(void)
{
	debugfs_remove(pvmc_debugfs);
}
