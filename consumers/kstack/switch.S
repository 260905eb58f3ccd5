/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Runs a function on another stack.
 */
#include <linux/linkage.h>
#include <linux/objtool.h>
#include <asm/nospec-branch.h>

	.text

/*
 * long pvmc_kstack_switch(void *arg, long (*fn)(void *), void *top)
 *
 * While fn runs, the frame pointer of this function, which fn preserves, is
 * what says where the caller is: for us, and for the unwinder, to which objtool
 * says so.  The frame's address is also at the top of the new stack, as the
 * kernel does with its own: for whoever has only the stack to look at.
 */
SYM_FUNC_START(pvmc_kstack_switch)
	/* Its address is only looked at. */
	ANNOTATE_NOENDBR
	pushq	%rbp
	movq	%rsp, %rbp
	movq	%rbp, -8(%rdx)
	subq	$16, %rdx
	movq	%rdx, %rsp
	CALL_NOSPEC rsi
	movq	%rbp, %rsp
	popq	%rbp
	RET
SYM_FUNC_END(pvmc_kstack_switch)

	.section .note.GNU-stack, "", @progbits
