// SPDX-License-Identifier: GPL-2.0
/*
 * The kinds of tables that mem_table is measured beside.  Each takes values
 * that are not 0.
 */
#include <linux/maple_tree.h>
#include <linux/vmalloc.h>
#include <linux/xarray.h>

#include "mem_table_bench.h"

static unsigned long *flat;

static void flat_init(void)
{
	flat = vzalloc(BENCH_PAGES * sizeof(*flat));
	bench_must(flat);
}

static void flat_destroy(void)
{
	vfree(flat);
}

static noinline void flat_store(unsigned long start, unsigned long nr,
				unsigned long value)
{
	unsigned long i;

	for (i = 0; i < nr; i++)
		WRITE_ONCE(flat[start - BENCH_BASE + i], value);
}

BENCH_STORE_PAGES(flat)

static noinline unsigned long flat_load(unsigned long pfn)
{
	return READ_ONCE(flat[pfn - BENCH_BASE]);
}

static noinline unsigned long flat_walk(void)
{
	unsigned long sum = 0, i, start = 0;

	for (i = 1; i < BENCH_PAGES; i++) {
		if (READ_ONCE(flat[i]) == flat[start])
			continue;
		sum += flat[start] + i - start;
		start = i;
	}
	return sum + flat[start] + BENCH_PAGES - start;
}

const struct bench_peer bench_flat = {
	.name = "flat",
	.init = flat_init,
	.destroy = flat_destroy,
	.store = flat_store,
	.store_pages = flat_store_pages,
	.load = flat_load,
	.walk = flat_walk,
	.slow = true,
};

static DEFINE_XARRAY(bench_xa);

static void xarray_init(void)
{
}

static void xarray_destroy(void)
{
	xa_destroy(&bench_xa);
}

/* As KVM does: first have the memory, then store. */
static void xarray_store(unsigned long start, unsigned long nr,
			 unsigned long value)
{
	unsigned long i;

	for (i = start; i < start + nr; i++)
		bench_must(!xa_reserve(&bench_xa, i, GFP_KERNEL_ACCOUNT));
	for (i = start; i < start + nr; i++)
		xa_store(&bench_xa, i, xa_mk_value(value), GFP_KERNEL_ACCOUNT);
}

BENCH_STORE_PAGES(xarray)

static unsigned long xarray_load(unsigned long pfn)
{
	return xa_to_value(xa_load(&bench_xa, pfn));
}

static unsigned long xarray_walk(void)
{
	XA_STATE(xas, &bench_xa, BENCH_BASE);
	unsigned long sum = 0, start = BENCH_BASE, value = 0;
	void *entry;

	rcu_read_lock();
	xas_for_each(&xas, entry, BENCH_LAST) {
		if (xa_to_value(entry) == value)
			continue;
		sum += value + xas.xa_index - start;
		start = xas.xa_index;
		value = xa_to_value(entry);
	}
	rcu_read_unlock();
	return sum + value + BENCH_LAST + 1 - start;
}

const struct bench_peer bench_xarray = {
	.name = "xarray",
	.init = xarray_init,
	.destroy = xarray_destroy,
	.store = xarray_store,
	.store_pages = xarray_store_pages,
	.load = xarray_load,
	.walk = xarray_walk,
	.slow = true,
};

static void cursor_store_all(const unsigned long *values)
{
	XA_STATE(xas, &bench_xa, BENCH_BASE);
	unsigned long i;

	xas_lock(&xas);
	for (i = 0; i < BENCH_PAGES; i++) {
		xas_store(&xas, xa_mk_value(values[i]));
		while (unlikely(xas_error(&xas))) {
			xas_unlock(&xas);
			bench_must(xas_nomem(&xas, GFP_KERNEL));
			xas_lock(&xas);
			xas_store(&xas, xa_mk_value(values[i]));
		}
		xas_next(&xas);
	}
	xas_unlock(&xas);
}

const struct bench_peer bench_cursor = {
	.name = "cursor",
	.init = xarray_init,
	.destroy = xarray_destroy,
	.store_all = cursor_store_all,
};

static void range_store(unsigned long start, unsigned long nr,
			unsigned long value)
{
	bench_must(!xa_is_err(xa_store_range(&bench_xa, start, start + nr - 1,
					     xa_mk_value(value), GFP_KERNEL)));
}

const struct bench_peer bench_store_range = {
	.name = "store_range",
	.init = xarray_init,
	.destroy = xarray_destroy,
	.store = range_store,
	.load = xarray_load,
	.walk = xarray_walk,
};

static struct maple_tree bench_mt;

static void maple_init(void)
{
	mt_init_flags(&bench_mt, MT_FLAGS_USE_RCU);
}

static void maple_destroy(void)
{
	/* As exit_mmap() does: there are no readers any more. */
	mt_clear_in_rcu(&bench_mt);
	mtree_destroy(&bench_mt);
}

static void maple_store(unsigned long start, unsigned long nr,
			unsigned long value)
{
	bench_must(!mtree_store_range(&bench_mt, start, start + nr - 1,
				      xa_mk_value(value), GFP_KERNEL));
}

BENCH_STORE_PAGES(maple)

static unsigned long maple_load(unsigned long pfn)
{
	return xa_to_value(mtree_load(&bench_mt, pfn));
}

static unsigned long maple_walk(void)
{
	MA_STATE(mas, &bench_mt, BENCH_BASE, BENCH_BASE);
	unsigned long sum = 0, start = BENCH_BASE, value = 0;
	void *entry;

	rcu_read_lock();
	mas_for_each(&mas, entry, BENCH_LAST) {
		if (xa_to_value(entry) == value)
			continue;
		sum += value + mas.index - start;
		start = mas.index;
		value = xa_to_value(entry);
	}
	rcu_read_unlock();
	return sum + value + BENCH_LAST + 1 - start;
}

const struct bench_peer bench_maple = {
	.name = "maple",
	.init = maple_init,
	.destroy = maple_destroy,
	.store = maple_store,
	.store_pages = maple_store_pages,
	.load = maple_load,
	.walk = maple_walk,
};
