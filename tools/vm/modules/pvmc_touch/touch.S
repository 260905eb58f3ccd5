/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Instructions that touch memory, each with a label where it is, which is where
 * a violation has to find the CPU.  Nobody jumps to those: they are compared.
 */
#include <linux/linkage.h>
#include <linux/objtool.h>

	.text

/* u64 pvmc_touch_read(void *at, u64 value, u64 zero, u64 count) */
SYM_FUNC_START(pvmc_touch_read)
SYM_INNER_LABEL(pvmc_touch_read_ip, SYM_L_GLOBAL)
	ANNOTATE_NOENDBR
	movq	(%rdi), %rax
	RET
SYM_FUNC_END(pvmc_touch_read)

SYM_FUNC_START(pvmc_touch_write)
	xorl	%eax, %eax
SYM_INNER_LABEL(pvmc_touch_write_ip, SYM_L_GLOBAL)
	ANNOTATE_NOENDBR
	movq	%rsi, (%rdi)
	RET
SYM_FUNC_END(pvmc_touch_write)

/* Returns what was there, and adds the value to it. */
SYM_FUNC_START(pvmc_touch_locked)
	movq	%rsi, %rax
SYM_INNER_LABEL(pvmc_touch_locked_ip, SYM_L_GLOBAL)
	ANNOTATE_NOENDBR
	lock xaddq %rax, (%rdi)
	RET
SYM_FUNC_END(pvmc_touch_locked)

/* Copies count bytes, from where the value says. */
SYM_FUNC_START(pvmc_touch_copy)
	xorl	%eax, %eax
SYM_INNER_LABEL(pvmc_touch_copy_ip, SYM_L_GLOBAL)
	ANNOTATE_NOENDBR
	rep movsb
	RET
SYM_FUNC_END(pvmc_touch_copy)

/*
 * Waits, on a stack that ends at the first argument, for the unsigned int that
 * the value points to not to be zero, but no longer than count rounds.  An
 * interrupt writes its frame there.
 */
SYM_FUNC_START(pvmc_touch_stack)
	pushq	%rbp
	movq	%rsp, %rbp
	movq	%rdi, %rsp
1:	pause
	cmpl	$0, (%rsi)
	jne	2f
	decq	%rcx
	jnz	1b
2:	movq	%rbp, %rsp
	popq	%rbp
	xorl	%eax, %eax
	RET
SYM_FUNC_END(pvmc_touch_stack)

/* Alone in its page, and without padding before it. */
	.balign 4096, 0xcc
SYM_FUNC_START_NOALIGN(pvmc_touch_code)
	ANNOTATE_NOENDBR
	movl	$0x5eed, %eax
	RET
SYM_FUNC_END(pvmc_touch_code)
	.balign 4096, 0xcc
