// SPDX-License-Identifier: GPL-2.0
/*
 * Figures of guarded stacks, measured inside the guest's kernel.
 *
 * Reading pvmc_kstack_bench/results in debugfs measures.  Writing N to `guards`
 * there has so many guarded stacks, or as many as can be had; reading it says
 * how many there are.
 */
#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/pvmemcontrol_kstack.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/timekeeping.h>
#include <linux/vmalloc.h>

#define BENCH_ROUNDS	51	/* odd, for a median */
#define BENCH_BLOCK	200	/* that are timed together */
#define BENCH_SIZE	SZ_16K	/* the kernel's own stacks */
#define BENCH_GUARDS	131072

/* What is compared, in turn in each round. */
enum {
	BENCH_KSTACK,
	BENCH_VMALLOC,
	BENCH_KMALLOC,
	BENCH_CALL,
	BENCH_DIRECT,
	NR_BENCHES
};

static u64 bench_ns[NR_BENCHES][BENCH_ROUNDS];

static struct pvmemcontrol_kstack **bench_stack;
static unsigned int bench_nr;
static int bench_err;

static int bench_kstack(void)
{
	struct pvmemcontrol_kstack *stack =
		pvmemcontrol_kstack_alloc(BENCH_SIZE, 0, "bench");

	if (IS_ERR(stack))
		return PTR_ERR(stack);
	pvmemcontrol_kstack_free(stack);
	return 0;
}

static int bench_vmalloc(void)
{
	void *stack = vmalloc(BENCH_SIZE);

	vfree(stack);
	return stack ? 0 : -ENOMEM;
}

static int bench_kmalloc(void)
{
	void *stack = kmalloc(BENCH_SIZE, GFP_KERNEL);

	kfree(stack);
	return stack ? 0 : -ENOMEM;
}

static noinline long bench_nothing(void *arg)
{
	return (long)arg;
}

static int bench_call(void)
{
	long ret;
	int err;

	err = pvmemcontrol_kstack_call(SZ_64K, 0, bench_nothing, NULL, &ret);
	return err ?: ret;
}

static int bench_direct(void)
{
	pvmemcontrol_kstack_fn fn = bench_nothing;

	OPTIMIZER_HIDE_VAR(fn);
	return fn(NULL);
}

static int (*const benches[NR_BENCHES])(void) = {
	bench_kstack, bench_vmalloc, bench_kmalloc, bench_call, bench_direct,
};

static int bench_block(int which, u64 *ns)
{
	u64 begin = ktime_get_ns();
	int i, err = 0;

	for (i = 0; i < BENCH_BLOCK && !err; i++)
		err = benches[which]();
	*ns = ktime_get_ns() - begin;
	return err;
}

static int bench_compare(const void *a, const void *b)
{
	return *(const u64 *)a < *(const u64 *)b ? -1 :
	       *(const u64 *)a > *(const u64 *)b;
}

/* Picoseconds, as what is compared is short. */
static u64 bench_median(int which)
{
	sort(bench_ns[which], BENCH_ROUNDS, sizeof(u64), bench_compare, NULL);
	return div64_u64(bench_ns[which][BENCH_ROUNDS / 2] * 1000,
			 BENCH_BLOCK);
}

static void bench_ratio(struct seq_file *m, const char *name, u64 a, u64 b)
{
	u64 ratio = div64_u64(a * 1000, b);

	seq_printf(m, "%s %llu.%03llu\n", name, ratio / 1000, ratio % 1000);
}

static int results_show(struct seq_file *m, void *unused)
{
	u64 ps[NR_BENCHES];
	int i, j, err;

	/* One that is left on another CPU is given back after a while. */
	err = set_cpus_allowed_ptr(current, cpumask_of(0));
	for (i = 0; i < BENCH_ROUNDS && !err; i++) {
		for (j = 0; j < NR_BENCHES && !err; j++)
			err = bench_block(j, &bench_ns[j][i]);
		cond_resched();
	}
	set_cpus_allowed_ptr(current, cpu_possible_mask);
	if (err)
		return err;
	for (j = 0; j < NR_BENCHES; j++)
		ps[j] = bench_median(j);
	seq_printf(m, "kstack.alloc_ns %llu\n", ps[BENCH_KSTACK] / 1000);
	seq_printf(m, "kstack.alloc_ns_vmalloc %llu\n",
		   ps[BENCH_VMALLOC] / 1000);
	seq_printf(m, "kstack.alloc_ns_kmalloc %llu\n",
		   ps[BENCH_KMALLOC] / 1000);
	bench_ratio(m, "kstack.alloc_speedup_vs_vmalloc", ps[BENCH_VMALLOC],
		    ps[BENCH_KSTACK]);
	bench_ratio(m, "kstack.alloc_vs_kmalloc", ps[BENCH_KSTACK],
		    ps[BENCH_KMALLOC]);
	seq_printf(m, "kstack.call_overhead_ns %llu\n",
		   (ps[BENCH_CALL] - ps[BENCH_DIRECT]) / 1000);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(results);

static void bench_free(void)
{
	while (bench_nr)
		pvmemcontrol_kstack_free(bench_stack[--bench_nr]);
}

/* Not an error when there are no more: that is what is asked. */
static int guards_set(void *unused, u64 nr)
{
	struct pvmemcontrol_kstack *stack;

	bench_free();
	bench_err = 0;
	while (bench_nr < min_t(u64, nr, BENCH_GUARDS)) {
		stack = pvmemcontrol_kstack_alloc(BENCH_SIZE, 0, "bench");
		if (IS_ERR(stack)) {
			bench_err = PTR_ERR(stack);
			break;
		}
		bench_stack[bench_nr++] = stack;
	}
	return 0;
}

static int guards_get(void *unused, u64 *nr)
{
	*nr = bench_nr;
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(guards_fops, guards_get, guards_set, "%llu\n");

static int error_get(void *unused, u64 *err)
{
	*err = -bench_err;
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(error_fops, error_get, NULL, "%llu\n");

static struct dentry *bench_dir;

static int __init bench_init(void)
{
	bench_stack = kvcalloc(BENCH_GUARDS, sizeof(*bench_stack), GFP_KERNEL);
	if (!bench_stack)
		return -ENOMEM;
	bench_dir = debugfs_create_dir("pvmc_kstack_bench", NULL);
	debugfs_create_file("results", 0400, bench_dir, NULL, &results_fops);
	debugfs_create_file("guards", 0600, bench_dir, NULL, &guards_fops);
	debugfs_create_file("error", 0400, bench_dir, NULL, &error_fops);
	return 0;
}

static void __exit bench_exit(void)
{
	debugfs_remove(bench_dir);
	bench_free();
	kvfree(bench_stack);
}

module_init(bench_init);
module_exit(bench_exit);

MODULE_DESCRIPTION("Figures of guarded stacks");
MODULE_LICENSE("GPL");
