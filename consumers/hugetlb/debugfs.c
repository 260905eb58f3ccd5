// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/kernel/debug/pvmemcontrol_hugetlb/counters: a name and a number a line.
 */
#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include "hugetlb.h"

static struct dentry *pvmc_debugfs;

static const struct {
	const char *name;
	size_t offset;
} pvmc_counter_files[] = {
#define PVMC_COUNTER(name)	\
	{ #name, offsetof(struct pvmc_hugetlb_counters, name) }
	PVMC_COUNTER(dropped),
	PVMC_COUNTER(dropped_bytes),
	PVMC_COUNTER(known),
	PVMC_COUNTER(returned),
	PVMC_COUNTER(returned_bytes),
	PVMC_COUNTER(return_atomic),
	PVMC_COUNTER(return_failed),
	PVMC_COUNTER(no_device),
	PVMC_COUNTER(unproven),
	PVMC_COUNTER(failed),
	PVMC_COUNTER(mismatched),
	PVMC_COUNTER(distrusted),
	PVMC_COUNTER(verified),
#undef PVMC_COUNTER
};

static int counters_show(struct seq_file *m, void *unused)
{
	size_t i;
	int cpu;

	for (i = 0; i < ARRAY_SIZE(pvmc_counter_files); i++) {
		u64 sum = 0;

		for_each_possible_cpu(cpu)
			sum += READ_ONCE(*(u64 *)((char *)
				per_cpu_ptr(&pvmc_hugetlb_counters, cpu) +
				pvmc_counter_files[i].offset));
		seq_printf(m, "%s %llu\n", pvmc_counter_files[i].name, sum);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(counters);

/* What debugfs lacks is not missed: nothing depends on it. */
void pvmc_debugfs_init(void)
{
	pvmc_debugfs = debugfs_create_dir("pvmemcontrol_hugetlb", NULL);
	debugfs_create_file("counters", 0400, pvmc_debugfs, NULL,
			    &counters_fops);
}

void pvmc_debugfs_exit(void)
{
	debugfs_remove(pvmc_debugfs);
}
