/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _PVMC_KSTACK_USER_H
#define _PVMC_KSTACK_USER_H

#include <linux/pvmemcontrol_kstack.h>
#include <linux/seq_file.h>
#include <linux/types.h>

struct pt_regs;

/* contexts.c: runs it in the context of that name, and returns when it is over. */
int user_in(const char *context, void (*fn)(void *), void *arg);
int user_contexts_init(void);
void user_contexts_exit(void);

/* calls.c: a test a line */
int user_calls(struct seq_file *m);
long user_copy_out(char __user *to, size_t count);
long user_sleep(unsigned int ms);
int user_lose(void);

/* overflow.c: over the end of a stack, and what became of the one below */
int user_overflow(const char *context);
void user_overflow_show(struct seq_file *m);
void user_overflow_wake(void);
void user_overflow_look(void);
void user_overflow_init(void);
void user_overflow_exit(void);

static inline void user_result(struct seq_file *m, const char *name, bool ok,
			       long got)
{
	if (ok)
		seq_printf(m, "ok %s\n", name);
	else
		seq_printf(m, "not ok %s: %ld\n", name, got);
}

#endif /* _PVMC_KSTACK_USER_H */
