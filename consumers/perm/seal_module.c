// SPDX-License-Identifier: GPL-2.0
/*
 * Sealing the read-only data of modules.
 *
 * A module is sealed when it is coming, after everybody else has been told: by
 * then the kernel has made its read-only data read-only in its own mapping.
 * What is read-only after init stays writable until the kernel has made that
 * read-only too, which is some time after the module went live, and of which
 * nobody is told: so it is looked for, ten times a second and with each module
 * that comes.
 *
 * A module is opened when it is going, which is before its memory is freed,
 * whether it is unloaded or its init failed.
 */

/**
 * DOC: Modules that are there already
 *
 * The kernel's list of modules is no module's to walk but through one's own
 * entry.  Under seal_mutex, with the notifier registered, one that is found live
 * stays until the mutex is released: it would be going before it is freed, and
 * the notifier would wait for the mutex.  Those that are coming are left to the
 * notifier: if it missed that they came, it will be told that they are live.
 * Their coming may fail before the notifier is told, and then it would not be
 * told that they go.
 */
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/notifier.h>
#include <linux/rculist.h>
#include <linux/slab.h>

#include "../../core/compat.h"
#include "perm.h"
#include "seal.h"

static bool seal_modules = true;
module_param(seal_modules, bool, 0444);
MODULE_PARM_DESC(seal_modules, "seal the read-only data of modules");

/* Under seal_mutex. */
static bool seal_init_over(const struct seal_area *area)
{
	const struct module *mod = area->of;

	return mod->state == MODULE_STATE_LIVE && pvmc_module_init_freed(mod);
}

/* An area of some of a module's memory, NULL where that is empty. */
static struct seal_area *seal_module_area(const struct module *mod, void *base,
					  unsigned long size, const char *kind)
{
	struct seal_area *area;
	unsigned long i;

	/* Without CONFIG_STRICT_MODULE_RWX it shares pages with other data. */
	if (!size || !PAGE_ALIGNED(base) || !PAGE_ALIGNED(size))
		return NULL;
	area = seal_area_alloc(mod, size >> PAGE_SHIFT);
	if (!area)
		return ERR_PTR(-ENOMEM);
	area->freed = true;
	scnprintf(area->what, sizeof(area->what), "%s of module %s", kind,
		  mod->name);
	for (i = 0; i < size; i += PAGE_SIZE) {
		struct page *page = vmalloc_to_page(base + i);

		/* There is room for each page. */
		if (page)
			seal_area_add_page(area, page_to_pfn(page));
	}
	return area;
}

static void seal_module(const struct module *mod)
{
	struct seal_area *rodata, *after_init;
	unsigned long size;
	void *base;

	base = pvmc_module_rodata(mod, &size);
	rodata = seal_module_area(mod, base, size, "rodata");
	base = pvmc_module_ro_after_init(mod, &size);
	after_init = seal_module_area(mod, base, size, "ro_after_init");
	if (IS_ERR(rodata))
		seal_stats.failed++;
	else if (rodata)
		seal_enter(rodata);
	if (IS_ERR(after_init)) {
		seal_stats.failed++;
	} else if (after_init) {
		after_init->state = SEAL_WAITING;
		after_init->ready = seal_init_over;
		seal_enter(after_init);
	}
}

/* The host can only do with pages of its own what we want for some of ours. */
static bool seal_host_can(void)
{
	struct pvmemcontrol_info info;

	return pvmemcontrol_get_info(&info) || info.host_page_size <= PAGE_SIZE;
}

/*
 * A live patch is written to whenever a module that it patches is loaded,
 * through another mapping and wherever its relocations are.
 */
static bool seal_may(struct module *mod)
{
	return !is_livepatch_module(mod) && !seal_known(mod) && seal_host_can();
}

static int seal_module_notify(struct notifier_block *nb, unsigned long action,
			      void *data)
{
	struct module *mod = data;

	mutex_lock(&seal_mutex);
	switch (action) {
	case MODULE_STATE_COMING:
	case MODULE_STATE_LIVE:
		if (!seal_closed() && seal_may(mod))
			seal_module(mod);
		break;
	case MODULE_STATE_GOING:
		seal_leave(mod);
		break;
	}
	seal_flush();
	mutex_unlock(&seal_mutex);
	return NOTIFY_DONE;
}

/* After everybody else. */
static struct notifier_block seal_module_nb = {
	.notifier_call = seal_module_notify,
	.priority = INT_MIN,
};

#if defined(MODULE) && defined(MODULES_VADDR)
/* The list's head is not in a module: it is in the kernel. */
static bool seal_is_module(const struct list_head *node)
{
	unsigned long at = (unsigned long)node;

	return at >= MODULES_VADDR && at < MODULES_END;
}

/* Find those that are live, up to @capacity of them; returns how many. */
static unsigned int seal_find_modules(struct module **found,
				      unsigned int capacity)
{
	struct list_head *own = &THIS_MODULE->list, *node;
	unsigned int nr = 0;

	rcu_read_lock();
	for (node = rcu_dereference(list_next_rcu(own)); node != own;
	     node = rcu_dereference(list_next_rcu(node))) {
		struct module *mod = list_entry(node, struct module, list);

		if (!seal_is_module(node) ||
		    READ_ONCE(mod->state) != MODULE_STATE_LIVE)
			continue;
		if (nr < capacity)
			found[nr] = mod;
		nr++;
	}
	rcu_read_unlock();
	return nr;
}

static void seal_modules_there(void)
{
	unsigned int i, nr = seal_find_modules(NULL, 0);
	struct module **found;

	found = kvmalloc_array(nr, sizeof(*found), GFP_KERNEL);
	if (!found) {
		seal_stats.failed += nr;
		return;
	}
	/* Of those that went live meanwhile the notifier is told. */
	nr = min(nr, seal_find_modules(found, nr));
	for (i = 0; i < nr; i++)
		if (seal_may(found[i]))
			seal_module(found[i]);
	kvfree(found);
	seal_flush();
}
#else
/* Built into the kernel, it is there before any module. */
static void seal_modules_there(void)
{
}
#endif

int seal_modules_init(void)
{
	int err;

	if (!seal_modules)
		return 0;
	err = register_module_notifier(&seal_module_nb);
	if (err)
		return err;
	mutex_lock(&seal_mutex);
	seal_modules_there();
	mutex_unlock(&seal_mutex);
	return 0;
}

void seal_modules_exit(void)
{
	if (seal_modules)
		unregister_module_notifier(&seal_module_nb);
}
