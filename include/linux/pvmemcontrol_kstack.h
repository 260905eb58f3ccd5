/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Kernel stacks whose overflow the host stops: the interface of
 * pvmemcontrol_kstack.ko for other drivers.
 *
 *	static long parse(void *arg)
 *	{
 *		...deep recursion...
 *	}
 *
 *	err = pvmemcontrol_kstack_call(SZ_128K, 0, parse, &mine, &result);
 *
 * See Documentation/kstack.rst.
 */
#ifndef _LINUX_PVMEMCONTROL_KSTACK_H
#define _LINUX_PVMEMCONTROL_KSTACK_H

#include <linux/bits.h>
#include <linux/types.h>

/* The largest stack that there is. */
#define PVMEMCONTROL_KSTACK_MAX		262144

/* Do not sleep: only what is in the pool. */
#define PVMEMCONTROL_KSTACK_NOWAIT	BIT(0)
/* A stack without guard will do, where the host does not set one. */
#define PVMEMCONTROL_KSTACK_UNGUARDED	BIT(1)
/* What others have left in it may be there still. */
#define PVMEMCONTROL_KSTACK_UNCLEARED	BIT(2)

struct pvmemcontrol_kstack;

/**
 * typedef pvmemcontrol_kstack_fn - what is run on a stack
 * @arg: the caller's
 *
 * It must return: a task that ends in it takes the stack along, which is lost.
 *
 * Return: what the caller is to get.
 */
typedef long (*pvmemcontrol_kstack_fn)(void *arg);

struct pvmemcontrol_kstack *
pvmemcontrol_kstack_alloc(size_t size, unsigned int flags, const char *what);
void pvmemcontrol_kstack_free(struct pvmemcontrol_kstack *stack);

void *pvmemcontrol_kstack_base(const struct pvmemcontrol_kstack *stack);
size_t pvmemcontrol_kstack_size(const struct pvmemcontrol_kstack *stack);
bool pvmemcontrol_kstack_guarded(const struct pvmemcontrol_kstack *stack);

#ifdef CONFIG_X86
int pvmemcontrol_kstack_call(size_t size, unsigned int flags,
			     pvmemcontrol_kstack_fn fn, void *arg, long *ret);
int pvmemcontrol_kstack_call_on(struct pvmemcontrol_kstack *stack,
				pvmemcontrol_kstack_fn fn, void *arg,
				long *ret);
#endif

#endif /* _LINUX_PVMEMCONTROL_KSTACK_H */
