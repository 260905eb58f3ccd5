// SPDX-License-Identifier: GPL-2.0
/*
 * Whose page it is that somebody touched, and closing it again afterwards.
 *
 * The core asks in NMI, and then opens the page so that the instruction
 * completes, unless the kernel is to panic.  From then on the table is wrong
 * about what the host permits.  So the page is noted on the CPU that the NMI is
 * on: an irq_work there does not run before the NMI is over, so what it finds
 * has been opened.  It hands the pages on, and some time later, for the
 * instruction must get its chance, the host is told again what they want.
 */
#include <linux/cpumask.h>
#include <linux/irq_work.h>
#include <linux/kernel.h>
#include <linux/percpu.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "perm.h"
#include "seal.h"

/* As many as a CPU touches before its irq_work runs; more are not told apart. */
#define PERM_OPENED_CPU	8
#define PERM_OPENED	64

/* How long a page stays open. */
#define PERM_OPENED_TIME	HZ

static void perm_opened_close(struct work_struct *work);

/**
 * struct perm_opened_cpu - pages that were touched on a CPU
 * @work: hands them on
 * @pfn: the pages, plus 1; 0 where there is none
 * @more: there were more
 */
struct perm_opened_cpu {
	struct irq_work work;
	unsigned long pfn[PERM_OPENED_CPU];
	bool more;
};

static DEFINE_PER_CPU(struct perm_opened_cpu, perm_opened_cpu);

/* Guards the pages that were opened; taken in hard interrupts. */
static DEFINE_RAW_SPINLOCK(perm_opened_lock);
static unsigned long perm_opened[PERM_OPENED];
static unsigned int perm_nr_opened;
static bool perm_opened_more;
static u64 perm_opened_sum;

static DECLARE_DELAYED_WORK(perm_opened_work, perm_opened_close);

static void perm_opened_add(unsigned long pfn)
{
	unsigned int i;

	for (i = 0; i < perm_nr_opened; i++)
		if (perm_opened[i] == pfn)
			return;
	if (perm_nr_opened == PERM_OPENED)
		perm_opened_more = true;
	else
		perm_opened[perm_nr_opened++] = pfn;
}

/* An NMI may come at any time, and note another. */
static void perm_opened_irq(struct irq_work *work)
{
	struct perm_opened_cpu *cpu = container_of(work, struct perm_opened_cpu,
						   work);
	unsigned long flags;
	unsigned int i;

	raw_spin_lock_irqsave(&perm_opened_lock, flags);
	if (xchg(&cpu->more, false))
		perm_opened_more = true;
	for (i = 0; i < PERM_OPENED_CPU; i++) {
		unsigned long pfn = xchg(&cpu->pfn[i], 0);

		if (pfn)
			perm_opened_add(pfn - 1);
	}
	raw_spin_unlock_irqrestore(&perm_opened_lock, flags);
	schedule_delayed_work(&perm_opened_work, PERM_OPENED_TIME);
}

/* In NMI: nothing else writes here now, but what this interrupted. */
static void perm_opened_note(unsigned long pfn)
{
	struct perm_opened_cpu *cpu = this_cpu_ptr(&perm_opened_cpu);
	unsigned int i;

	for (i = 0; i < PERM_OPENED_CPU; i++) {
		unsigned long old = READ_ONCE(cpu->pfn[i]);

		if (old && old != pfn + 1)
			continue;
		WRITE_ONCE(cpu->pfn[i], pfn + 1);
		break;
	}
	if (i == PERM_OPENED_CPU)
		WRITE_ONCE(cpu->more, true);
	irq_work_queue(&cpu->work);
}

static long perm_value_opened(unsigned long old, void *unused)
{
	if (perm_told(old) == PERM_TOLD_RW)
		return old;
	return perm_with_told(old, PERM_TOLD_UNKNOWN);
}

/* Nobody knows what the host permits of these any more: it is told again. */
static void perm_opened_close(struct work_struct *work)
{
	unsigned long pfn[PERM_OPENED];
	unsigned int i, nr;
	bool more;

	mutex_lock(&perm_mutex);
	raw_spin_lock_irq(&perm_opened_lock);
	nr = perm_nr_opened;
	memcpy(pfn, perm_opened, nr * sizeof(pfn[0]));
	more = perm_opened_more;
	perm_nr_opened = 0;
	perm_opened_more = false;
	perm_opened_sum += nr;
	raw_spin_unlock_irq(&perm_opened_lock);

	for (i = 0; i < nr && !more; i++)
		more = mem_table_update(&perm_table, pfn[i], 1,
					perm_value_opened, NULL, GFP_KERNEL);
	/* Takes no memory. */
	if (more)
		perm_table_forget();
	perm_say_again();
	mutex_unlock(&perm_mutex);
}

/* How many pages have been closed again. */
u64 perm_opened_total(void)
{
	u64 sum;

	raw_spin_lock_irq(&perm_opened_lock);
	sum = perm_opened_sum;
	raw_spin_unlock_irq(&perm_opened_lock);
	return sum;
}

/* Before the client is asked.  In a module this cannot be initialised data. */
void perm_opened_init(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		per_cpu(perm_opened_cpu, cpu).work =
			IRQ_WORK_INIT_HARD(perm_opened_irq);
}

/* When the client is not asked any more. */
void perm_opened_exit(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		irq_work_sync(&per_cpu(perm_opened_cpu, cpu).work);
	cancel_delayed_work_sync(&perm_opened_work);
	perm_nr_opened = 0;
	perm_opened_more = false;
}

/* Whether what the page wants permits the access. */
static bool perm_permits(enum perm_told wanted, u32 access)
{
	if (wanted == PERM_TOLD_RW)
		return true;
	/* The VMM does not know. */
	if (!access)
		return false;
	if ((access & PVMEMCONTROL_ACCESS_WRITE) && wanted != PERM_TOLD_W)
		return false;
	return !(access & ~PVMEMCONTROL_ACCESS_WRITE) || wanted == PERM_TOLD_R;
}

static const char *perm_describe(enum perm_told wanted)
{
	switch (wanted) {
	case PERM_TOLD_R:
		return "mapped for reading";
	case PERM_TOLD_W:
		return "mapped for writing";
	default:
		return "mapped without permissions";
	}
}

/**
 * perm_owner() - Say whose page it is that was touched.
 * @client: this one
 * @access: what was done
 * @what: set to a description
 *
 * A page is one that should be open where its mappings permit the access: they
 * were changed, and the host was not told, is just being told, or did not do
 * it.
 *
 * Context: NMI, or any with preemption off.
 * Return: Whose it is.
 */
enum pvmemcontrol_owner perm_owner(struct pvmemcontrol_client *client,
				   const struct pvmemcontrol_access *access,
				   char *what)
{
	unsigned long pfn = access->addr >> PAGE_SHIFT;
	enum seal_state state = SEAL_SEALED;
	unsigned long value = 0;
	enum perm_told wanted;

	if (pfn < MEM_TABLE_PAGES)
		value = mem_table_load(&perm_table, pfn);
	wanted = perm_wanted(value);
	/* The host was told that it may permit all. */
	if (wanted == PERM_TOLD_RW && perm_told(value) == PERM_TOLD_RW)
		return PVMEMCONTROL_NOT_MINE;

	if (!seal_describe(pfn, &state, what))
		strscpy(what, perm_describe(wanted), PVMEMCONTROL_DESCRIPTION);
	perm_opened_note(pfn);
	if (state == SEAL_LEAVING || perm_permits(wanted, access->access))
		return PVMEMCONTROL_STALE;
	return PVMEMCONTROL_MINE;
}
