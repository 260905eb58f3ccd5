// SPDX-License-Identifier: GPL-2.0
/*
 * Failing one allocation of the running task, chosen by number, or all from
 * that one on.
 */
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

/* All caches, and their flags. */
#include <../mm/slab.h>

#include "fake_vmm.h"

/*
 * The kernel fails no allocation that may wait or of one page, unless told so
 * through debugfs, and here is no user space to tell it.
 */
static void *fail_nth_knob(struct kunit *test, const char *dir_name,
			   const char *name)
{
	struct dentry *dir = debugfs_lookup(dir_name, NULL);
	struct dentry *file;
	void *value;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dir);
	file = debugfs_lookup(name, dir);
	dput(dir);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	value = d_inode(file)->i_private;
	dput(file);
	return value;
}

/*
 * kmemleak allocates for each allocation, and has a pool for when it cannot: that
 * is nothing to fail.  Only caches that are marked fail then, and its own are not.
 */
static void fail_nth_spare_kmemleak(struct kunit *test)
{
	struct kmem_cache *cache;

	mutex_lock(&slab_mutex);
	list_for_each_entry(cache, &slab_caches, list)
		if (!strstarts(cache->name, "kmemleak_"))
			cache->flags |= SLAB_FAILSLAB;
	mutex_unlock(&slab_mutex);
	*(bool *)fail_nth_knob(test, "failslab", "cache-filter") = true;
}

/* The @nth allocation from now on, of slab or pages, fails. */
void fail_nth_begin(struct kunit *test, int nth)
{
	*(bool *)fail_nth_knob(test, "failslab", "ignore-gfp-wait") = false;
	*(bool *)fail_nth_knob(test, "fail_page_alloc",
			       "ignore-gfp-wait") = false;
	*(u32 *)fail_nth_knob(test, "fail_page_alloc", "min-order") = 0;
	/* Or the log would be all stacks of who got nothing. */
	*(unsigned long *)fail_nth_knob(test, "failslab", "verbose") = 0;
	*(unsigned long *)fail_nth_knob(test, "fail_page_alloc", "verbose") = 0;
	if (IS_ENABLED(CONFIG_DEBUG_KMEMLEAK))
		fail_nth_spare_kmemleak(test);
	current->fail_nth = nth;
}

static void fail_all(struct kunit *test, const char *dir_name, bool fail)
{
	*(bool *)fail_nth_knob(test, dir_name, "task-filter") = true;
	atomic_set((atomic_t *)fail_nth_knob(test, dir_name, "times"), -1);
	*(unsigned long *)fail_nth_knob(test, dir_name, "probability") =
		fail ? 100 : 0;
}

/* So do all after it, until fail_from_end(). */
void fail_from_begin(struct kunit *test, int nth)
{
	fail_all(test, "failslab", true);
	fail_all(test, "fail_page_alloc", true);
	current->make_it_fail = true;
	fail_nth_begin(test, nth);
}

/* Whether there was an @nth allocation. */
bool fail_from_end(struct kunit *test)
{
	bool failed = fail_nth_end();

	current->make_it_fail = false;
	fail_all(test, "failslab", false);
	fail_all(test, "fail_page_alloc", false);
	return failed;
}

/* Whether there was an @nth allocation, and it failed. */
bool fail_nth_end(void)
{
	bool failed = !current->fail_nth;

	current->fail_nth = 0;
	return failed;
}
