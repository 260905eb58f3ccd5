// SPDX-License-Identifier: GPL-2.0
/*
 * Recursion beyond the end of a stack, but not beyond its guard: with the
 * policy "report" the guard is opened and all goes on.  What is of interest is
 * the stack below: as the violation is told, and in the end.  Whoever is there may
 * stay there asleep, until he is woken.
 *
 * In NMI nothing is opened: each access is let through, and what it writes may
 * be lost.  No return address survives that.  So there the recursion ends on
 * the stack, and what goes beyond is a buffer.
 */
#include <linux/compiler.h>
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/notifier.h>
#include <linux/panic_notifier.h>
#include <linux/printk.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "user.h"

#define DIVE_SIZE	SZ_16K
#define DIVE_STACKS	16
#define DIVE_BEYOND	1024	/* into the guard */
#define DIVE_BEFORE_NMI	1024	/* for all that the deepest frame calls */
#define DIVE_ASLEEP	(300 * HZ)	/* at most */
#define DIVE_CONTENT	0x5a
#define DIVE_WORD	0x6b6b6b6b6b6b6b6b

static struct {
	struct pvmemcontrol_kstack *stack;	/* that overflows */
	void *below;				/* of the stack below */
	unsigned long beyond;			/* the end */
	unsigned long stop;			/* of the recursion */
	unsigned long *buffer;			/* beyond the end, in NMI */
	unsigned long found;			/* in there afterwards */
	unsigned long deepest;
	unsigned int depth;
	bool asleep;				/* down there */
	bool armed;
	unsigned int looked;
	unsigned int changed;
	bool changed_in_the_end;
	int err;
	long result;
} dive;

static DECLARE_COMPLETION(dive_wake);

static noinline void dive_write(unsigned long *buffer)
{
	dive.deepest = (unsigned long)buffer;
	WRITE_ONCE(*buffer, DIVE_WORD);
	dive.found = READ_ONCE(*buffer);
}

/* Each level says where it is, and has work left when those below return. */
static noinline long dive_down(unsigned int level)
{
	unsigned long frame[12];
	unsigned long here = (unsigned long)frame;
	long below = 0;

	frame[0] = level;
	barrier_data(frame);
	dive.deepest = min(dive.deepest, here);
	dive.depth = level;
	if (here > dive.stop)
		below = dive_down(level + 1);
	else if (dive.buffer)
		dive_write(dive.buffer);
	else if (dive.asleep)
		wait_for_completion_timeout(&dive_wake, DIVE_ASLEEP);
	barrier_data(frame);
	return below + (frame[0] == level);
}

static long dive_begin(void *unused)
{
	return dive_down(1);
}

static void dive_run(void *unused)
{
	dive.err = pvmemcontrol_kstack_call_on(dive.stack, dive_begin, NULL,
					       &dive.result);
}

static bool dive_changed(void)
{
	return memchr_inv(dive.below, DIVE_CONTENT, DIVE_SIZE);
}

/* In each NMI, before it is dealt with. */
void user_overflow_look(void)
{
	if (!READ_ONCE(dive.armed))
		return;
	dive.looked++;
	if (dive_changed())
		dive.changed++;
}

/* For whoever reads the console, when the policy is to panic. */
static int dive_panic(struct notifier_block *nb, unsigned long action,
		      void *data)
{
	if (READ_ONCE(dive.armed))
		pr_emerg("pvmc_kstack_user: at the panic the neighbour %s\n",
			 dive_changed() ? "has changed" : "is as it was");
	return NOTIFY_DONE;
}

static struct notifier_block dive_panic_nb = {
	.notifier_call = dive_panic,
};

void user_overflow_init(void)
{
	atomic_notifier_chain_register(&panic_notifier_list, &dive_panic_nb);
}

void user_overflow_exit(void)
{
	atomic_notifier_chain_unregister(&panic_notifier_list, &dive_panic_nb);
}

/* Two of which one lies below the other. */
static int dive_choose(struct pvmemcontrol_kstack **stack)
{
	unsigned int i, j;

	for (i = 0; i < DIVE_STACKS; i++) {
		for (j = 0; j < DIVE_STACKS; j++) {
			if (pvmemcontrol_kstack_base(stack[i]) !=
			    pvmemcontrol_kstack_base(stack[j]) + DIVE_SIZE +
			    PAGE_SIZE)
				continue;
			dive.stack = stack[i];
			dive.below = pvmemcontrol_kstack_base(stack[j]);
			return 0;
		}
	}
	return -ENOENT;
}

int user_overflow(const char *context)
{
	struct pvmemcontrol_kstack *stack[DIVE_STACKS];
	unsigned long base;
	unsigned int nr;
	int err = 0;

	for (nr = 0; nr < DIVE_STACKS; nr++) {
		stack[nr] = pvmemcontrol_kstack_alloc(DIVE_SIZE, 0,
						      "deep recursion");
		if (IS_ERR(stack[nr])) {
			err = PTR_ERR(stack[nr]);
			goto free;
		}
	}
	memset(&dive, 0, sizeof(dive));
	err = dive_choose(stack);
	if (err)
		goto free;
	memset(dive.below, DIVE_CONTENT, DIVE_SIZE);
	base = (unsigned long)pvmemcontrol_kstack_base(dive.stack);
	dive.beyond = base - DIVE_BEYOND;
	dive.stop = dive.beyond;
	if (!strcmp(context, "asleep")) {
		reinit_completion(&dive_wake);
		dive.asleep = true;
		context = "process";
	}
	if (!strcmp(context, "nmi")) {
		dive.stop = base + DIVE_BEFORE_NMI;
		dive.buffer = (unsigned long *)dive.beyond;
	}
	dive.deepest = ULONG_MAX;
	WRITE_ONCE(dive.armed, true);
	err = user_in(context, dive_run, NULL);
	WRITE_ONCE(dive.armed, false);
	dive.changed_in_the_end = dive_changed();
	err = err ?: dive.err;
	if (!err && dive.result != dive.depth)
		err = -EBADE;
free:
	while (nr--)
		pvmemcontrol_kstack_free(stack[nr]);
	return err;
}

/* Whoever sleeps there comes back. */
void user_overflow_wake(void)
{
	complete(&dive_wake);
}

void user_overflow_show(struct seq_file *m)
{
	seq_printf(m, "looked %u\nchanged %u\nchanged_in_the_end %u\n",
		   dive.looked, dive.changed, dive.changed_in_the_end);
	seq_printf(m, "beyond %d\n", dive.deepest <= dive.beyond);
	seq_printf(m, "found 0x%lx\n", dive.found);
	seq_printf(m, "depth %u\nresult %ld\n", dive.depth, dive.result);
}
