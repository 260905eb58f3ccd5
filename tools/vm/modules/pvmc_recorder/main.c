// SPDX-License-Identifier: GPL-2.0
/*
 * Records which permissions the kernel gives to which pages.
 *
 * Kernel functions that change them are probed; when one returns, the kernel's
 * page tables are read and compared with what they were (tables.c).  So what is
 * recorded is what became of the tables, and not what somebody asked for, and a
 * change that no probe told of is found with the next one.  The only mapping
 * that is not looked up is the one through which the kernel writes to its own
 * code: it exists within one function with interrupts off, in an address space
 * of its own, so it is told from the function's arguments.
 *
 * For a guest with one CPU and a 6.1 kernel.
 *
 * In debugfs, folder pvmc_recorder:
 *
 *	mark	a text written here goes into the log; after what had changed
 *		without a probe, as an event "unseen"
 *	log	the record.  A write ends it, and adds what probes have missed.
 *		Lines:
 *		e CALL CALLER	a call of CALL made the changes that follow
 *		c ...		a change, see tables.c
 *		o NAME CORE BYTES INIT BYTES	a module and its memory
 *		m TEXT		a mark
 *		end MISSED
 */
#include <linux/debugfs.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "recorder.h"

/* Guards the log, what the tables were, and what follows here. */
static DEFINE_RAW_SPINLOCK(recorder_lock);
static bool recorder_ended;
/* Pages of the direct map are being made invalid, and not yet valid again. */
static bool recorder_invalid;

static struct dentry *recorder_dir;

static void compare(const char *call, unsigned long caller)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&recorder_lock, flags);
	if (!recorder_ended)
		recorder_tables_compare(call, caller);
	raw_spin_unlock_irqrestore(&recorder_lock, flags);
}

static int returned(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	compare(get_kretprobe(instance)->kp.symbol_name,
		get_kretprobe_retaddr(instance));
	return 0;
}

static int made_invalid(struct kretprobe_instance *instance,
			struct pt_regs *regs)
{
	recorder_invalid = true;
	return 0;
}

/*
 * Memory with permissions of its own is unmapped, then its pages are made
 * invalid in the direct map one by one, then the TLB is flushed, then they are
 * made valid one by one.  The first of the last is where the former have come
 * into force.
 */
static int making_valid(struct kprobe *probe, struct pt_regs *regs)
{
	if (recorder_invalid)
		compare("unmap", regs_get_kernel_stack_nth(regs, 0));
	recorder_invalid = false;
	return 0;
}

/* One write to the kernel's code. */
struct poke {
	unsigned long first;
	unsigned long last;
};

static unsigned long pfn_of(unsigned long vaddr)
{
	if (vaddr >= MODULES_VADDR && vaddr < MODULES_END)
		return vmalloc_to_pfn((void *)vaddr);
	return __pa(vaddr) >> PAGE_SHIFT;
}

static void poke_log(const struct poke *poke, unsigned long caller,
		     const char *change)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&recorder_lock, flags);
	if (!recorder_ended) {
		recorder_log("e poke %ps\n", (void *)caller);
		recorder_log("c poke 0 %lx %lx %s\n", poke->first,
			     poke->first + 1, change);
		if (poke->last != poke->first)
			recorder_log("c poke 0 %lx %lx %s\n", poke->last,
				     poke->last + 1, change);
	}
	raw_spin_unlock_irqrestore(&recorder_lock, flags);
}

/* Its arguments: a function, the address, what to write, how many bytes. */
static int poke_entry(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	struct poke *poke = (struct poke *)instance->data;
	unsigned long addr = regs_get_kernel_argument(regs, 1);
	unsigned long len = regs_get_kernel_argument(regs, 3);

	poke->first = pfn_of(addr);
	poke->last = pfn_of(addr + len - 1);
	poke_log(poke, get_kretprobe_retaddr(instance), "--- rw-");
	return 0;
}

static int poke_return(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	poke_log((struct poke *)instance->data, get_kretprobe_retaddr(instance),
		 "rw- ---");
	return 0;
}

static struct kretprobe attr_probe = {
	.kp.symbol_name = "change_page_attr_set_clr",
	.handler = returned,
};

static struct kretprobe alloc_probe = {
	.kp.symbol_name = "module_alloc",
	.handler = returned,
};

static struct kretprobe free_probe = {
	.kp.symbol_name = "__vunmap",
	.handler = returned,
};

static struct kretprobe invalid_probe = {
	.kp.symbol_name = "set_direct_map_invalid_noflush",
	.handler = made_invalid,
};

static struct kretprobe poke_probe = {
	.kp.symbol_name = "__text_poke",
	.entry_handler = poke_entry,
	.handler = poke_return,
	.data_size = sizeof(struct poke),
};

static struct kretprobe *return_probes[] = {
	&attr_probe, &alloc_probe, &free_probe, &invalid_probe, &poke_probe,
};

static struct kprobe valid_probe = {
	.symbol_name = "set_direct_map_default_noflush",
	.pre_handler = making_valid,
};

static void module_log(const struct module *mod)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&recorder_lock, flags);
	if (!recorder_ended)
		recorder_log("o %s %lx %x %lx %x\n", mod->name,
			     (unsigned long)mod->core_layout.base,
			     mod->core_layout.size,
			     (unsigned long)mod->init_layout.base,
			     mod->init_layout.size);
	raw_spin_unlock_irqrestore(&recorder_lock, flags);
}

/* A module's memory has been allocated by now, and has its permissions. */
static int module_seen(struct notifier_block *block, unsigned long state,
		       void *data)
{
	if (state == MODULE_STATE_COMING)
		module_log(data);
	return NOTIFY_DONE;
}

static struct notifier_block module_notifier = {
	.notifier_call = module_seen,
};

static ssize_t mark_write(struct file *file, const char __user *buffer,
			  size_t count, loff_t *pos)
{
	char text[64];
	unsigned long flags;

	if (count >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, buffer, count))
		return -EFAULT;
	text[count] = '\0';
	compare("unseen", 0);
	raw_spin_lock_irqsave(&recorder_lock, flags);
	if (!recorder_ended)
		recorder_log("m %s\n", strim(text));
	raw_spin_unlock_irqrestore(&recorder_lock, flags);
	return count;
}

static const struct file_operations mark_fops = {
	.owner = THIS_MODULE,
	.write = mark_write,
};

static ssize_t log_write(struct file *file, const char __user *buffer,
			 size_t count, loff_t *pos)
{
	unsigned long flags, missed = valid_probe.nmissed;
	int i;

	for (i = 0; i < ARRAY_SIZE(return_probes); i++)
		missed += return_probes[i]->nmissed +
			  return_probes[i]->kp.nmissed;
	compare("unseen", 0);
	raw_spin_lock_irqsave(&recorder_lock, flags);
	if (!recorder_ended)
		recorder_log("end %lu\n", missed);
	recorder_ended = true;
	raw_spin_unlock_irqrestore(&recorder_lock, flags);
	return count;
}

static ssize_t log_read(struct file *file, char __user *buffer, size_t count,
			loff_t *pos)
{
	size_t length;
	const char *text;

	/* What has ended is no longer written. */
	if (!READ_ONCE(recorder_ended))
		return -EBUSY;
	text = recorder_log_text(&length);
	return simple_read_from_buffer(buffer, count, pos, text, length);
}

static const struct file_operations log_fops = {
	.owner = THIS_MODULE,
	.read = log_read,
	.write = log_write,
};

static int __init recorder_init(void)
{
	int ret;

	ret = recorder_log_init();
	if (ret)
		return ret;
	ret = recorder_tables_init();
	if (ret)
		goto free_log;
	module_log(THIS_MODULE);
	compare("start", 0);
	ret = register_module_notifier(&module_notifier);
	if (ret)
		goto free_tables;
	ret = register_kprobe(&valid_probe);
	if (ret)
		goto unregister_notifier;
	ret = register_kretprobes(return_probes, ARRAY_SIZE(return_probes));
	if (ret)
		goto unregister_probe;

	recorder_dir = debugfs_create_dir("pvmc_recorder", NULL);
	debugfs_create_file("mark", 0200, recorder_dir, NULL, &mark_fops);
	debugfs_create_file("log", 0600, recorder_dir, NULL, &log_fops);
	return 0;

unregister_probe:
	unregister_kprobe(&valid_probe);
unregister_notifier:
	unregister_module_notifier(&module_notifier);
free_tables:
	recorder_tables_exit();
free_log:
	recorder_log_exit();
	return ret;
}

static void __exit recorder_exit(void)
{
	debugfs_remove(recorder_dir);
	unregister_kretprobes(return_probes, ARRAY_SIZE(return_probes));
	unregister_kprobe(&valid_probe);
	unregister_module_notifier(&module_notifier);
	recorder_tables_exit();
	recorder_log_exit();
}

module_init(recorder_init);
module_exit(recorder_exit);
MODULE_DESCRIPTION("Records the permissions that the kernel gives to its pages");
MODULE_LICENSE("GPL");
