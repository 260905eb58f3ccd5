/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Runs a function on another stack.
 */
#include <linux/linkage.h>
#include <linux/objtool.h>

	.text

/*
 * long pvmc_kstack_switch(const struct pvmc_kstack_run *run, void *top)
 *
 * Has pvmc_kstack_run(run) run there.  That calls what is to be run: in C, where
 * the compiler does for an indirect call all that the kernel's is built with
 * (retpolines, kCFI, FineIBT).
 *
 * Meanwhile the frame pointer of this function, which all that is called
 * preserves, is what says where the caller is: for us, and for the unwinder, to
 * which objtool says so.  The frame's address is also at the top of the new stack,
 * as the kernel does with its own: for whoever has only the stack to look at.
 */
SYM_FUNC_START(pvmc_kstack_switch)
	/* Its address is only looked at. */
	ANNOTATE_NOENDBR
	pushq	%rbp
	movq	%rsp, %rbp
	movq	%rbp, -8(%rsi)
	subq	$16, %rsi
	movq	%rsi, %rsp
	call	pvmc_kstack_run
	movq	%rbp, %rsp
	popq	%rbp
	RET
SYM_FUNC_END(pvmc_kstack_switch)

	.section .note.GNU-stack, "", @progbits
