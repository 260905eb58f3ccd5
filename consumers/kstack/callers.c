// SPDX-License-Identifier: GPL-2.0
/*
 * Who is on a stack that the kernel does not know.
 *
 * The kernel's unwinder looks up which stack an address is on, does not find
 * ours, and gives up at the first frame.  It needs no more than to be told
 * where that stack begins and ends, and goes on to the next by itself, as soon
 * as that is one of the kernel's.  Where it is another of ours (a call within a
 * call), it is told again.
 */
#include <linux/kallsyms.h>
#include <linux/kernel.h>
#include <linux/printk.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#ifdef CONFIG_UNWINDER_ORC
#include <asm/stacktrace.h>
#include <asm/unwind.h>
#endif

#include "kstack.h"

/* As long as the function is at most. */
#define PVMC_SWITCH_SIZE	64

/* Lines, and stacks: enough to see, and an end. */
#define PVMC_LINES	48
#define PVMC_STACKS	8

/* Recursion is many times the same: that is one line. */
struct pvmc_lines {
	unsigned long last;
	unsigned int repeated;
	unsigned int lines;
};

static void pvmc_line_end(struct pvmc_lines *lines)
{
	if (lines->repeated)
		pr_emerg("   ... %u more of it\n", lines->repeated);
	lines->repeated = 0;
}

static bool pvmc_line(struct pvmc_lines *lines, unsigned long ip,
		      const char *guess)
{
	if (ip == lines->last) {
		lines->repeated++;
		return true;
	}
	pvmc_line_end(lines);
	if (lines->lines++ == PVMC_LINES) {
		pr_emerg("   ...\n");
		return false;
	}
	lines->last = ip;
	pr_emerg(" %s%pB\n", guess, (void *)ip);
	return true;
}

/* What looks like a return address may be left from long ago. */
static void pvmc_guess(struct pvmc_lines *lines,
		       const struct pvmemcontrol_kstack *stack,
		       unsigned long sp)
{
	unsigned long top = (unsigned long)pvmc_kstack_top(stack);
	char name[KSYM_SYMBOL_LEN];

	pvmc_line_end(lines);
	pr_emerg("What may be callers (a guess):\n");
	lines->last = 0;
	sp = max_t(unsigned long, sp, (unsigned long)stack->base);
	for (sp = ALIGN(sp, sizeof(long)); sp < top; sp += sizeof(long)) {
		unsigned long ip = READ_ONCE_NOCHECK(*(unsigned long *)sp);

		sprint_symbol(name, ip);
		/* A number is what has no name. */
		if (!strncmp(name, "0x", 2))
			continue;
		if (!pvmc_line(lines, ip, "? "))
			break;
	}
	pvmc_line_end(lines);
}

#ifdef CONFIG_UNWINDER_ORC
/* The kernel has no stack of this kind. */
#define PVMC_STACK_TYPE	(STACK_TYPE_EXCEPTION_LAST + 1)

static const struct pvmemcontrol_kstack *pvmc_stack_on(unsigned long sp)
{
	struct pvmc_kstack_block *block;
	unsigned int i;
	bool guard;

	if (!virt_addr_valid((void *)sp))
		return NULL;
	block = pvmc_block_find(__pa(sp));
	if (!block)
		return NULL;
	i = pvmc_block_index(block, __pa(sp), &guard);
	return i < block->nr && !guard ? &block->stack[i] : NULL;
}

static void pvmc_unwind_on(struct unwind_state *state,
			   const struct pvmemcontrol_kstack *stack)
{
	state->error = false;
	state->stack_info = (struct stack_info) {
		.type = PVMC_STACK_TYPE,
		.begin = stack->base,
		.end = pvmc_kstack_top(stack),
	};
}

/* Prints from where @state is on; returns whether there is more to be printed. */
static bool pvmc_unwind_lines(struct pvmc_lines *lines,
			      struct unwind_state *state)
{
	for (; !unwind_done(state); unwind_next_frame(state)) {
		unsigned long ip = unwind_get_return_address(state);

		if (ip && !pvmc_line(lines, ip, ""))
			return false;
	}
	return unwind_error(state);
}

static bool pvmc_at_switch(unsigned long ip)
{
	unsigned long start = (unsigned long)pvmc_kstack_switch;

	return ip > start && ip < start + PVMC_SWITCH_SIZE;
}

/*
 * The frame of pvmc_kstack_switch(), which is on the caller's stack, as if that
 * had just returned.
 */
static bool pvmc_caller_regs(const struct pvmemcontrol_kstack *stack,
			     struct pt_regs *regs)
{
	unsigned long *frame, saved[2];

	if (!READ_ONCE(stack->running) ||
	    copy_from_kernel_nofault(&frame, pvmc_kstack_top(stack) -
				     PVMC_FRAME_OFFSET, sizeof(frame)) ||
	    copy_from_kernel_nofault(saved, frame, sizeof(saved)))
		return false;
	memset(regs, 0, sizeof(*regs));
	regs->bp = saved[0];
	regs->ip = saved[1];
	regs->sp = (unsigned long)(frame + 2);
	regs->cs = __KERNEL_CS;
	return true;
}

static void pvmc_unwind(struct pvmc_lines *lines,
			const struct pvmemcontrol_kstack *stack,
			struct pt_regs *regs)
{
	struct unwind_state state;
	struct pt_regs from = *regs;
	unsigned int stacks;

	for (stacks = 0; stack && stacks < PVMC_STACKS; stacks++) {
		unwind_start(&state, current, &from, NULL);
		/* It has found nothing, and that was as far as it went. */
		pvmc_unwind_on(&state, stack);
		if (!pvmc_unwind_lines(lines, &state))
			return;
		if (!pvmc_at_switch(lines->last))
			pvmc_guess(lines, stack, from.sp);
		if (!pvmc_caller_regs(stack, &from))
			return;
		stack = pvmc_stack_on(from.sp);
	}
	if (stack)
		return;
	/* What is left is the kernel's. */
	pvmc_line(lines, from.ip, "");
	unwind_start(&state, current, &from, NULL);
	pvmc_unwind_lines(lines, &state);
}
#else
static void pvmc_unwind(struct pvmc_lines *lines,
			const struct pvmemcontrol_kstack *stack,
			struct pt_regs *regs)
{
	pvmc_guess(lines, stack, (unsigned long)stack->base);
}
#endif

/**
 * pvmc_print_callers() - Print who is on a stack, and who was before.
 * @stack: stack
 * @regs: of what runs on it
 *
 * Context: Any, NMI too.
 */
void pvmc_print_callers(const struct pvmemcontrol_kstack *stack,
			struct pt_regs *regs)
{
	struct pvmc_lines lines = {};

	pr_emerg("Callers on this stack:\n");
	pvmc_unwind(&lines, stack, regs);
	pvmc_line_end(&lines);
}
