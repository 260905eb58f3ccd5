// SPDX-License-Identifier: GPL-2.0
/*
 * Figures of the core, measured inside the guest's kernel.
 *
 * Loading it measures; "name value" lines are in debugfs then, in
 * pvmc_bench/results.
 */
#include <linux/debugfs.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/sort.h>
#include <linux/timekeeping.h>

#include "bench.h"

#define BENCH_BLOCK	500	/* requests that are timed together */

static char *bare = "";
module_param(bare, charp, 0444);
MODULE_PARM_DESC(bare, "PCI address of a device without driver");

static bool drops = true;
module_param(drops, bool, 0444);
MODULE_PARM_DESC(drops, "measure dropping pages too");

struct pvmemcontrol_client bench_client = {
	.name = "bench",
};

static struct dentry *bench_dir;
static u64 bench_call_ns, bench_bare_ns, bench_ratio;
static u64 bench_drop_1, bench_drop_1_busy, bench_drop_2;

static int bench_compare(const void *a, const void *b)
{
	return *(const u64 *)a < *(const u64 *)b ? -1 :
	       *(const u64 *)a > *(const u64 *)b;
}

static u64 bench_median(u64 *values)
{
	sort(values, BENCH_ROUNDS, sizeof(*values), bench_compare, NULL);
	return values[BENCH_ROUNDS / 2];
}

static int bench_block_call(u64 *ns)
{
	u64 begin = ktime_get_ns();
	int i, err = 0;

	for (i = 0; i < BENCH_BLOCK && !err; i++)
		err = pvmemcontrol_ping(&bench_client);
	*ns = ktime_get_ns() - begin;
	return err;
}

static int bench_block_bare(u64 *ns)
{
	u64 begin = ktime_get_ns();
	int i, err = 0;

	for (i = 0; i < BENCH_BLOCK && !err; i++)
		err = bare_ping();
	*ns = ktime_get_ns() - begin;
	return err;
}

/*
 * Block by block in turn, so that whatever else the machine does slows both;
 * the ratio is that of neighbours.  In thousandths.
 */
static int bench_call(u64 *call_ns, u64 *bare_ns, u64 *ratio)
{
	static u64 calls[BENCH_ROUNDS], bares[BENCH_ROUNDS],
		   ratios[BENCH_ROUNDS];
	int i, err;

	for (i = 0; i < BENCH_ROUNDS; i++) {
		err = bench_block_bare(&bares[i]);
		err = err ?: bench_block_call(&calls[i]);
		if (err)
			return err;
		ratios[i] = div64_u64(calls[i] * 1000, bares[i]);
		cond_resched();
	}
	*call_ns = bench_median(calls) / BENCH_BLOCK;
	*bare_ns = bench_median(bares) / BENCH_BLOCK;
	*ratio = bench_median(ratios);
	return 0;
}

static int results_show(struct seq_file *m, void *unused)
{
	seq_printf(m, "call.ns %llu\n", bench_call_ns);
	seq_printf(m, "call.bare_ns %llu\n", bench_bare_ns);
	seq_printf(m, "call.ratio_to_mmio %llu.%03llu\n", bench_ratio / 1000,
		   bench_ratio % 1000);
	if (!drops)
		return 0;
	seq_printf(m, "call.drop_2m_per_second_1cpu %llu\n", bench_drop_1);
	seq_printf(m, "call.drop_2m_per_second_2cpu %llu\n", bench_drop_2);
	seq_printf(m, "call.drop_2m_per_second_1cpu_other_busy %llu\n",
		   bench_drop_1_busy);
	seq_printf(m, "call.scaling_2cpu %llu.%03llu\n",
		   bench_drop_2 / bench_drop_1,
		   bench_drop_2 % bench_drop_1 * 1000 / bench_drop_1);
	seq_printf(m, "call.scaling_2cpu_other_busy %llu.%03llu\n",
		   bench_drop_2 / bench_drop_1_busy,
		   bench_drop_2 % bench_drop_1_busy * 1000 / bench_drop_1_busy);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(results);

static int __init bench_init(void)
{
	int err;

	err = pvmemcontrol_register_client(&bench_client);
	if (err)
		return err;
	err = bare_connect(bare);
	if (err)
		goto unregister;
	err = bench_call(&bench_call_ns, &bench_bare_ns, &bench_ratio);
	bare_disconnect();
	if (drops) {
		err = err ?: bench_drop(1, false, &bench_drop_1);
		err = err ?: bench_drop(2, false, &bench_drop_2);
		err = err ?: bench_drop(1, true, &bench_drop_1_busy);
	}
	if (err)
		goto unregister;

	bench_dir = debugfs_create_dir("pvmc_bench", NULL);
	debugfs_create_file("results", 0400, bench_dir, NULL, &results_fops);
	return 0;

unregister:
	pvmemcontrol_unregister_client(&bench_client);
	return err;
}

static void __exit bench_exit(void)
{
	debugfs_remove(bench_dir);
	pvmemcontrol_unregister_client(&bench_client);
}

module_init(bench_init);
module_exit(bench_exit);

MODULE_DESCRIPTION("Figures of pvmemcontrol");
MODULE_LICENSE("GPL");
