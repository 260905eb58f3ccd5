// SPDX-License-Identifier: GPL-2.0
/*
 * Writes to read-only data, its own or anybody's, through each mapping that
 * there is or that it makes: the page tables of the guest are no obstacle.
 *
 * In debugfs, folder pvmc_sealed:
 *
 *	write	takes WHERE ALIAS HOW:
 *		WHERE	"own", "own_after_init", or the address, in hex, of
 *			anybody's read-only data, which keeps its value
 *		ALIAS	"mapping": where it is mapped, "direct": the direct map,
 *			both made writable for this; "vmap": a new mapping
 *		HOW	"store", "locked", "copy" or "string"
 *	result	"name value" lines: phys, before, after, of the 8 bytes there
 */
#include <linux/debugfs.h>
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/panic_notifier.h>
#include <linux/pgtable.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include <asm/cacheflush.h>
#include <asm/page.h>

#define SEALED_VALUE	0x5ea1ed00ULL

static const u64 sealed_own[512] = { SEALED_VALUE };
static u64 sealed_own_after_init __ro_after_init;

static bool fail;
module_param(fail, bool, 0444);
MODULE_PARM_DESC(fail, "init fails in the end");

static DEFINE_MUTEX(sealed_lock);	/* guards all of these */
static phys_addr_t sealed_phys;
static u64 sealed_before, sealed_after;

static struct dentry *sealed_dir;

/* Nobody knows of these but the module: not what the compiler takes them for. */
static u64 sealed_read(const u64 *at)
{
	OPTIMIZER_HIDE_VAR(at);
	return READ_ONCE(*at);
}

static struct page *sealed_page(unsigned long at)
{
	/* The kernel's image, which has a mapping of its own. */
	if (at >= __START_KERNEL_map && at < MODULES_VADDR)
		return pfn_to_page((at - __START_KERNEL_map + phys_base) >>
				   PAGE_SHIFT);
	return vmalloc_to_page((void *)at);
}

static void sealed_flush(unsigned long at)
{
	asm volatile("invlpg (%0)" : : "r" (at) : "memory");
}

/* Through a mapping, which others may have too: made writable for as long. */
static pte_t *sealed_unprotect(unsigned long at, pte_t *was)
{
	unsigned int level;
	pte_t *pte = lookup_address(at, &level);

	if (!pte)
		return NULL;
	*was = *pte;
	set_pte(pte, __pte(pte_val(*pte) | _PAGE_RW | _PAGE_DIRTY));
	sealed_flush(at);
	return pte;
}

static int sealed_write_at(u64 *at, u64 value, u64 by, const char *how)
{
	u64 *from = &value;
	unsigned long nr = sizeof(value);

	if (!strcmp(how, "store")) {
		WRITE_ONCE(*at, value);
	} else if (!strcmp(how, "locked")) {
		asm volatile("lock addq %1, %0" : "+m" (*at) : "r" (by)
			     : "cc");
	} else if (!strcmp(how, "copy")) {
		OPTIMIZER_HIDE_VAR(nr);
		memcpy(at, from, nr);
	} else if (!strcmp(how, "string")) {
		asm volatile("rep movsb" : "+D" (at), "+S" (from), "+c" (nr)
			     : : "memory");
	} else {
		return -EINVAL;
	}
	return 0;
}

static int sealed_write_through(unsigned long at, struct page *page, u64 by,
				const char *alias, const char *how)
{
	unsigned long offset = offset_in_page(at);
	unsigned long mapped = at;
	pte_t *pte, was;
	void *mapping;
	int err;

	if (!strcmp(alias, "vmap")) {
		mapping = vmap(&page, 1, VM_MAP, PAGE_KERNEL);
		if (!mapping)
			return -ENOMEM;
		err = sealed_write_at(mapping + offset, sealed_before + by, by,
				      how);
		vunmap(mapping);
		return err;
	}
	if (!strcmp(alias, "direct"))
		mapped = (unsigned long)page_address(page) + offset;
	else if (strcmp(alias, "mapping"))
		return -EINVAL;

	/* Other CPUs do not get to know of it. */
	preempt_disable();
	pte = sealed_unprotect(mapped, &was);
	err = -EFAULT;
	if (pte) {
		err = sealed_write_at((u64 *)mapped, sealed_before + by, by,
				      how);
		set_pte(pte, was);
		sealed_flush(mapped);
	}
	preempt_enable();
	return err;
}

static int sealed_write(const char *where, const char *alias, const char *how)
{
	unsigned long at;
	struct page *page;
	u64 by = 1;
	int err;

	if (!strcmp(where, "own")) {
		at = (unsigned long)&sealed_own[0];
	} else if (!strcmp(where, "own_after_init")) {
		at = (unsigned long)&sealed_own_after_init;
	} else {
		err = kstrtoul(where, 16, &at);
		if (err)
			return err;
		by = 0;
	}
	page = sealed_page(at);
	if (!page)
		return -EFAULT;
	sealed_phys = page_to_phys(page) + offset_in_page(at);
	sealed_before = sealed_read((u64 *)at);
	err = sealed_write_through(at, page, by, alias, how);
	sealed_after = sealed_read((u64 *)at);
	return err;
}

static ssize_t write_write(struct file *file, const char __user *from,
			   size_t length, loff_t *pos)
{
	char line[64], where[20], alias[10], how[10];
	int err = -EINVAL;

	if (length >= sizeof(line))
		return -E2BIG;
	if (copy_from_user(line, from, length))
		return -EFAULT;
	line[length] = '\0';

	mutex_lock(&sealed_lock);
	if (sscanf(line, "%19s %9s %9s", where, alias, how) == 3)
		err = sealed_write(where, alias, how);
	mutex_unlock(&sealed_lock);
	return err ?: length;
}

static const struct file_operations write_fops = {
	.owner = THIS_MODULE,
	.write = write_write,
};

static int result_show(struct seq_file *m, void *unused)
{
	mutex_lock(&sealed_lock);
	seq_printf(m, "phys %#llx\n", (u64)sealed_phys);
	seq_printf(m, "before %#llx\n", sealed_before);
	seq_printf(m, "after %#llx\n", sealed_after);
	mutex_unlock(&sealed_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(result);

/* For whoever reads the console: whether a write came before the panic. */
static int sealed_panic(struct notifier_block *nb, unsigned long action,
			void *data)
{
	u64 now = sealed_read(&sealed_own[0]);

	pr_emerg("pvmc_sealed: at the panic its data is %s\n",
		 now == SEALED_VALUE ? "as it was" : "overwritten");
	return NOTIFY_DONE;
}

static struct notifier_block sealed_panic_nb = {
	.notifier_call = sealed_panic,
};

static int __init sealed_init(void)
{
	sealed_own_after_init = SEALED_VALUE;
	if (fail)
		return -ENODEV;
	atomic_notifier_chain_register(&panic_notifier_list, &sealed_panic_nb);
	sealed_dir = debugfs_create_dir("pvmc_sealed", NULL);
	debugfs_create_file("write", 0200, sealed_dir, NULL, &write_fops);
	debugfs_create_file("result", 0400, sealed_dir, NULL, &result_fops);
	return 0;
}

static void __exit sealed_exit(void)
{
	debugfs_remove(sealed_dir);
	atomic_notifier_chain_unregister(&panic_notifier_list,
					 &sealed_panic_nb);
}

module_init(sealed_init);
module_exit(sealed_exit);

MODULE_DESCRIPTION("Test: writes to read-only data");
MODULE_LICENSE("GPL");
