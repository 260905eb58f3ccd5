// SPDX-License-Identifier: GPL-2.0
/* The accesses: each stores where its instruction is before it executes. */
#include <linux/kernel.h>
#include <linux/linkage.h>
#include <linux/objtool.h>

#include "violate.h"

#define AT "leaq 77f(%%rip), %%rax\n\tmovq %%rax, %[ip]\n77:\t"

void vio_read(struct vio_spot *spot)
{
	asm volatile(AT "movq (%[at]), %%rax\n\tmovq %%rax, %[value]"
		     : [ip] "=m" (spot->ip), [value] "=m" (spot->value)
		     : [at] "r" (spot->at) : "rax", "memory");
}

static void vio_write(struct vio_spot *spot)
{
	asm volatile(AT "movq %[new], (%[at])"
		     : [ip] "=m" (spot->ip)
		     : [at] "r" (spot->at), [new] "r" (0x1122334455667788)
		     : "rax", "memory");
}

static void vio_add(struct vio_spot *spot)
{
	asm volatile(AT "addq $1, (%[at])"
		     : [ip] "=m" (spot->ip)
		     : [at] "r" (spot->at) : "rax", "memory", "cc");
}

static void vio_locked_add(struct vio_spot *spot)
{
	asm volatile(AT "lock addq $1, (%[at])"
		     : [ip] "=m" (spot->ip)
		     : [at] "r" (spot->at) : "rax", "memory", "cc");
}

static void vio_locked_xadd(struct vio_spot *spot)
{
	u64 old = 1;

	asm volatile(AT "lock xaddq %[old], (%[at])"
		     : [ip] "=m" (spot->ip), [old] "+r" (old)
		     : [at] "r" (spot->at) : "rax", "memory", "cc");
	spot->value = old;
}

static void vio_locked_bts(struct vio_spot *spot)
{
	asm volatile(AT "lock btsq $0, (%[at])"
		     : [ip] "=m" (spot->ip)
		     : [at] "r" (spot->at) : "rax", "memory", "cc");
}

static void vio_xchg(struct vio_spot *spot)
{
	u64 new = 7;

	asm volatile(AT "xchgq %[new], (%[at])"
		     : [ip] "=m" (spot->ip), [new] "+r" (new)
		     : [at] "r" (spot->at) : "rax", "memory");
	spot->value = new;
}

/* The comparison succeeds, with ones in the upper half. */
static void vio_locked_cmpxchg16b(struct vio_spot *spot)
{
	asm volatile("leaq 77f(%%rip), %%rsi\n\tmovq %%rsi, %[ip]\n"
		     "77:\tlock cmpxchg16b (%[at])"
		     : [ip] "=m" (spot->ip)
		     : [at] "r" (spot->at), "a" (VIO_CONTENT),
		       "d" (VIO_CONTENT), "b" (9ULL), "c" (VIO_CONTENT)
		     : "rsi", "memory", "cc");
}

static void vio_fill(struct vio_spot *spot)
{
	void *at = spot->at;
	unsigned long count = spot->length / 8;

	asm volatile("leaq 77f(%%rip), %%rdx\n\tmovq %%rdx, %[ip]\n\t"
		     "77:\trep stosq"
		     : [ip] "=m" (spot->ip), "+D" (at), "+c" (count)
		     : "a" (3ULL) : "rdx", "memory");
}

void vio_copy(struct vio_spot *spot)
{
	void *at = spot->at, *source = spot->source;
	unsigned long count = spot->length;

	asm volatile(AT "rep movsb"
		     : [ip] "=m" (spot->ip), "+D" (at), "+S" (source),
		       "+c" (count)
		     : : "rax", "memory");
}

#define EDGE	(PAGE_SIZE - 3)

const struct vio_access vio_accesses[] = {
	{ "read", vio_read, 0, 64, 64, PVMEMCONTROL_ACCESS_READ },
	{ "write", vio_write, 0, 64, 64, PVMEMCONTROL_ACCESS_WRITE,
	  0x1122334455667788 },
	{ "locked add", vio_locked_add, 0, 64, 64, PVMEMCONTROL_ACCESS_WRITE,
	  VIO_CONTENT + 1 },
	{ "locked xadd", vio_locked_xadd, 0, 64, 64, PVMEMCONTROL_ACCESS_WRITE,
	  VIO_CONTENT + 1 },
	{ "locked bts", vio_locked_bts, 0, 64, 64, PVMEMCONTROL_ACCESS_WRITE,
	  VIO_CONTENT | 1 },
	{ "xchg", vio_xchg, 0, 64, 64, PVMEMCONTROL_ACCESS_WRITE, 7 },
	{ "locked cmpxchg16b", vio_locked_cmpxchg16b, 0, 64, 64,
	  PVMEMCONTROL_ACCESS_WRITE, 9 },
	{ "add, not locked", vio_add, 0, 64, 64, PVMEMCONTROL_ACCESS_READ,
	  VIO_CONTENT + 1 },
	{ "rep stos", vio_fill, 0, 64, 64, PVMEMCONTROL_ACCESS_WRITE, 3 },
	{ "read across the edge", vio_read, 1, EDGE, PAGE_SIZE,
	  PVMEMCONTROL_ACCESS_READ },
	{ "read across the edge, first page", vio_read, 0, EDGE, EDGE,
	  PVMEMCONTROL_ACCESS_READ },
	{ "write across the edge", vio_write, 1, EDGE, PAGE_SIZE,
	  PVMEMCONTROL_ACCESS_WRITE, 0x1122334455667788 },
	{ "write across the edge, first page", vio_write, 0, EDGE, EDGE,
	  PVMEMCONTROL_ACCESS_WRITE, 0x1122334455667788 },
};

const unsigned int vio_nr_accesses = ARRAY_SIZE(vio_accesses);

asm(".pushsection .text\n"
	"	.balign 4096, 0xcc\n"
	"	.globl vio_code\n"
	"	.type vio_code, @function\n"
	"vio_code:\n"
"	" ANNOTATE_NOENDBR "\n"
	"	movl $0x1234, %eax\n"
	"	" ASM_RET
	"	.size vio_code, . - vio_code\n"
	"	.balign 4096, 0xcc\n"
	"	.fill 4094, 1, 0xcc\n"
	"	.globl vio_code_across\n"
	"	.type vio_code_across, @function\n"
	"vio_code_across:\n"
"	" ANNOTATE_NOENDBR "\n"
	"	movl $0x1234, %eax\n"
	"	" ASM_RET
	"	.size vio_code_across, . - vio_code_across\n"
	"	.balign 4096, 0xcc\n"
	".popsection\n");
