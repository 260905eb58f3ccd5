// SPDX-License-Identifier: GPL-2.0
/*
 * Which pages of a stack hold nothing that is needed.
 *
 * Stacks grow downwards.  A thread that was switched out has all it will come
 * back to at or above its saved stack pointer: its callers' frames, its own,
 * what switches it in again, and at the very top the registers of user space.
 * Others may have pointers to its variables (wait queue entries, completions),
 * which are there too.  Below are what earlier calls have left; whatever the
 * thread calls next writes there before it reads.
 */
#include <linux/align.h>

#include "trim.h"

/* Whether the thread sleeps on this stack at all. */
bool pvmc_trim_within(const struct pvmc_trim_stack *stack)
{
	return stack->sp >= stack->base &&
	       stack->sp - stack->base < stack->size &&
	       IS_ALIGNED(stack->sp, sizeof(long));
}

/* Returns how many pages from @first on are dead; none where sp is elsewhere. */
unsigned int pvmc_trim_dead(const struct pvmc_trim_stack *stack,
			    unsigned int *first)
{
	unsigned long below;
	unsigned int end;

	*first = stack->keep_end;
	if (!pvmc_trim_within(stack))
		return 0;
	below = stack->sp - stack->base;
	if (below < PVMC_TRIM_MARGIN)
		return 0;
	end = (below - PVMC_TRIM_MARGIN) >> PAGE_SHIFT;
	return end > *first ? end - *first : 0;
}
