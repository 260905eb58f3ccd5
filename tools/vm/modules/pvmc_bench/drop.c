// SPDX-License-Identifier: GPL-2.0
/*
 * Pages of 2 MiB, all backed by the host, dropped by one CPU or by several at
 * once.  Only the dropping is timed: CPUs begin together, and the last to end
 * is what counts.
 *
 * When one CPU drops, the others may be idle or busy.  For a host that is a
 * difference: it has to interrupt the CPUs on which a VM runs when memory is
 * taken from it, and need not where the VM is idle.
 */
#include <linux/atomic.h>
#include <linux/cpumask.h>
#include <linux/kthread.h>
#include <linux/io.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "bench.h"

#define DROP_ORDER	get_order(SZ_2M)
#define DROP_PAGES	48	/* for each CPU */
#define DROP_ROUNDS	9
#define DROP_MAX_CPUS	8

struct drop_thread {
	struct page *pages[DROP_PAGES];
	struct task_struct *task;
	struct completion done;
	u64 begin, end;
	int err;
};

static atomic_t drop_waiting;

static int drop_round(void *data)
{
	struct drop_thread *t = data;
	unsigned long wait;
	int i, j;

	for (i = 0; i < DROP_PAGES; i++) {
		char *p = page_address(t->pages[i]);

		for (j = 0; j < SZ_2M; j += PAGE_SIZE)
			WRITE_ONCE(p[j], 1);
		cond_resched();
	}

	/* Spin, so that all are on their CPUs; no longer than a second. */
	wait = jiffies + HZ;
	atomic_dec(&drop_waiting);
	while (atomic_read(&drop_waiting) > 0 && time_before(jiffies, wait))
		cpu_relax();

	t->begin = ktime_get_ns();
	for (i = 0; i < DROP_PAGES && !t->err; i++)
		t->err = pvmemcontrol_dontneed(&bench_client,
					       page_to_phys(t->pages[i]),
					       SZ_2M);
	t->end = ktime_get_ns();
	complete(&t->done);
	return 0;
}

/* Keeps a CPU busy; touches nothing. */
static int drop_spin(void *unused)
{
	while (!kthread_should_stop()) {
		cpu_relax();
		cond_resched();
	}
	return 0;
}

static int drop_rounds(struct drop_thread *threads, unsigned int nr,
		       u64 *nanoseconds)
{
	u64 begin = U64_MAX, end = 0;
	unsigned int i;
	int err = 0;

	atomic_set(&drop_waiting, nr);
	for (i = 0; i < nr; i++) {
		struct drop_thread *t = &threads[i];

		init_completion(&t->done);
		t->err = 0;
		t->task = kthread_create(drop_round, t, "pvmc_bench/%u", i);
		if (IS_ERR(t->task)) {
			err = PTR_ERR(t->task);
			break;
		}
		kthread_bind(t->task, i);
		wake_up_process(t->task);
	}
	/* Who did not start keeps nobody waiting for more than a second. */
	nr = i;
	for (i = 0; i < nr; i++) {
		wait_for_completion(&threads[i].done);
		begin = min(begin, threads[i].begin);
		end = max(end, threads[i].end);
		err = err ?: threads[i].err;
	}
	*nanoseconds = end - begin;
	return err;
}

static int drop_compare(const void *a, const void *b)
{
	return *(const u64 *)a < *(const u64 *)b ? -1 :
	       *(const u64 *)a > *(const u64 *)b;
}

/* The median of DROP_ROUNDS.  With @busy, the CPU after those spins. */
int bench_drop(unsigned int nr_cpus, bool busy, u64 *pages_per_second)
{
	struct task_struct *spinner = NULL;
	u64 ns[DROP_ROUNDS];
	struct drop_thread *threads;
	unsigned int i, j;
	int err = -ENOMEM;

	if (nr_cpus > DROP_MAX_CPUS || nr_cpus > num_online_cpus())
		return -EINVAL;
	threads = kcalloc(nr_cpus, sizeof(*threads), GFP_KERNEL);
	if (!threads)
		return -ENOMEM;
	for (i = 0; i < nr_cpus; i++) {
		for (j = 0; j < DROP_PAGES; j++) {
			threads[i].pages[j] = alloc_pages(GFP_KERNEL,
							  DROP_ORDER);
			if (!threads[i].pages[j])
				goto free;
		}
	}
	if (busy) {
		spinner = kthread_create(drop_spin, NULL, "pvmc_bench/spin");
		if (IS_ERR(spinner)) {
			err = PTR_ERR(spinner);
			spinner = NULL;
			goto free;
		}
		kthread_bind(spinner, nr_cpus);
		wake_up_process(spinner);
	}
	for (i = 0; i < DROP_ROUNDS; i++) {
		err = drop_rounds(threads, nr_cpus, &ns[i]);
		if (err)
			goto free;
	}
	sort(ns, DROP_ROUNDS, sizeof(ns[0]), drop_compare, NULL);
	*pages_per_second = div64_u64((u64)nr_cpus * DROP_PAGES * NSEC_PER_SEC,
				      ns[DROP_ROUNDS / 2]);
free:
	if (spinner)
		kthread_stop(spinner);
	for (i = 0; i < nr_cpus; i++)
		for (j = 0; j < DROP_PAGES; j++)
			if (threads[i].pages[j])
				__free_pages(threads[i].pages[j], DROP_ORDER);
	kfree(threads);
	return err;
}
