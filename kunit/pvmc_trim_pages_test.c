// SPDX-License-Identifier: GPL-2.0
/*
 * Which pages of a stack may go: every place that a stack pointer can be at,
 * with the kernel's mark at the end of stacks and without.
 */
#include <kunit/test.h>

#include "kstack/trim.h"

#define TRIM_BASE	0xffffc90000100000UL

static const struct pvmc_trim_stack trim_kinds[] = {
	{ TRIM_BASE, PAGE_SIZE, 0, true },
	{ TRIM_BASE, PAGE_SIZE, 0, false },
	{ TRIM_BASE, 2 * PAGE_SIZE, 0, true },
	{ TRIM_BASE, 2 * PAGE_SIZE, 0, false },
	{ TRIM_BASE, 4 * PAGE_SIZE, 0, true },
	{ TRIM_BASE, 4 * PAGE_SIZE, 0, false },
	{ TRIM_BASE, 8 * PAGE_SIZE, 0, true },
	{ TRIM_BASE, 8 * PAGE_SIZE, 0, false },
};

static void trim_kind_name(const struct pvmc_trim_stack *kind, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%lu pages%s",
		 kind->size >> PAGE_SHIFT, kind->keep_end ? ", end kept" : "");
}
KUNIT_ARRAY_PARAM(trim_kind, trim_kinds, trim_kind_name);

/* Byte by byte: is any of the page's needed? */
static bool trim_page_live(const struct pvmc_trim_stack *stack,
			   unsigned int page)
{
	unsigned long addr = stack->base + page * PAGE_SIZE, i;

	for (i = 0; i < PAGE_SIZE; i++, addr++) {
		if (addr + PVMC_TRIM_MARGIN >= stack->sp)
			return true;
		if (stack->keep_end && addr - stack->base < sizeof(long))
			return true;
	}
	return false;
}

static void trim_pages_check(struct kunit *test,
			     const struct pvmc_trim_stack *stack)
{
	unsigned int nr, first, end, page;

	nr = pvmc_trim_dead(stack, &first);
	end = nr ? first + nr : 0;
	for (page = 0; page < stack->size >> PAGE_SHIFT; page++) {
		bool given = nr && page >= first && page < end;

		if (given != !trim_page_live(stack, page)) {
			KUNIT_FAIL(test, "sp at %ld: page %u is %s",
				   (long)(stack->sp - stack->base), page,
				   given ? "live" : "dead");
			return;
		}
	}
	KUNIT_EXPECT_LE(test, end, (unsigned int)(stack->size >> PAGE_SHIFT));
}

/* Each aligned place in the stack. */
static void trim_pages_inside(struct kunit *test)
{
	struct pvmc_trim_stack stack =
		*(const struct pvmc_trim_stack *)test->param_value;
	unsigned long end = stack.base + stack.size;

	for (stack.sp = stack.base; stack.sp < end; stack.sp += sizeof(long)) {
		KUNIT_EXPECT_TRUE(test, pvmc_trim_within(&stack));
		trim_pages_check(test, &stack);
	}
}

/* Each place that no stack pointer of this stack is at: nothing goes. */
static void trim_pages_outside(struct kunit *test)
{
	struct pvmc_trim_stack stack =
		*(const struct pvmc_trim_stack *)test->param_value;
	unsigned long begin = stack.base - PAGE_SIZE;
	unsigned long end = stack.base + stack.size;
	unsigned long sp;

	for (sp = begin; sp < end + PAGE_SIZE; sp++) {
		unsigned int first;

		if (sp >= stack.base && sp < end &&
		    IS_ALIGNED(sp, sizeof(long)))
			continue;
		stack.sp = sp;
		if (pvmc_trim_within(&stack) || pvmc_trim_dead(&stack, &first)) {
			KUNIT_FAIL(test, "sp at %ld", (long)(sp - stack.base));
			return;
		}
	}
	for (sp = 0; sp < 64; sp++) {
		unsigned int first;

		stack.sp = sp & 1 ? ULONG_MAX - sp : sp;
		KUNIT_EXPECT_EQ(test, 0U, pvmc_trim_dead(&stack, &first));
	}
}

/* A stack at the end of the address space. */
static void trim_pages_last(struct kunit *test)
{
	struct pvmc_trim_stack stack =
		*(const struct pvmc_trim_stack *)test->param_value;

	stack.base = -stack.size;
	for (stack.sp = stack.base; stack.sp; stack.sp += sizeof(long)) {
		unsigned int first, nr = pvmc_trim_dead(&stack, &first);

		if (nr)
			KUNIT_EXPECT_LE(test, stack.base +
					(first + nr) * PAGE_SIZE +
					PVMC_TRIM_MARGIN, stack.sp);
	}
}

static struct kunit_case trim_pages_cases[] = {
	KUNIT_CASE_PARAM(trim_pages_inside, trim_kind_gen_params),
	KUNIT_CASE_PARAM(trim_pages_outside, trim_kind_gen_params),
	KUNIT_CASE_PARAM(trim_pages_last, trim_kind_gen_params),
	{}
};

static struct kunit_suite trim_pages_suite = {
	.name = "pvmc_trim_pages",
	.test_cases = trim_pages_cases,
};
kunit_test_suite(trim_pages_suite);
