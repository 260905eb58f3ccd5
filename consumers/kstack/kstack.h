/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of pvmemcontrol_kstack share.
 */
#ifndef _PVMC_KSTACK_H
#define _PVMC_KSTACK_H

#include <linux/compiler.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/pvmemcontrol.h>
#include <linux/pvmemcontrol_kstack.h>
#include <linux/rcupdate.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct page;
struct pt_regs;

/* What stacks are carved from: one huge mapping of the direct map. */
#define PVMC_BLOCK_SIZE		SZ_2M
#define PVMC_BLOCK_PAGES	(PVMC_BLOCK_SIZE / PAGE_SIZE)
/* Not used, at its start. */
#define PVMC_BLOCK_PAD		PAGE_SIZE

/* Sizes of stacks: powers of two from the first on. */
#define PVMC_KSTACK_MIN		SZ_16K
#define PVMC_KSTACK_CLASSES	5

/* The most stacks that a CPU keeps of one size, and in bytes. */
#define PVMC_CACHE_MAX		16
#define PVMC_CACHE_BYTES	SZ_512K

/* Nobody's address. */
#define PVMC_LEFT_BY_MANY	1UL

/**
 * enum pvmc_guarding - what the host makes of the guards of a block
 * @PVMC_OPEN: surely nothing: they are memory as any other
 * @PVMC_UNSURE: it may have set them, or some of them, or none
 * @PVMC_GUARDED: it says that it stops whoever touches them; but for those that
 *	have been touched, see enum pvmc_touch
 * @PVMC_CLOSING: as PVMC_UNSURE, and being opened
 */
enum pvmc_guarding {
	PVMC_OPEN,
	PVMC_UNSURE,
	PVMC_GUARDED,
	PVMC_CLOSING,
};

/**
 * enum pvmc_touch - whether a guard was touched, and may have been opened for that
 * @PVMC_UNTOUCHED: not since it was set
 * @PVMC_TOUCHED: it was, or is being
 * @PVMC_SETTING: it was, and the host is being asked to set it again
 *
 * owner() says PVMC_TOUCHED at any time, and before the guard is opened.  All else
 * is done under pvmc_guard_mutex, by cmpxchg().
 */
enum pvmc_touch {
	PVMC_UNTOUCHED,
	PVMC_TOUCHED,
	PVMC_SETTING,
};

/**
 * struct pvmemcontrol_kstack - a stack
 * @node: in one of its class's lists, guarded by the class's lock
 * @block: what it was carved from
 * @base: its lowest byte; the guard is the page below
 * @what: its owner's words for it, and NULL where @ip says all
 * @ip: who has it, or what runs on it
 * @since: jiffies when it was freed
 * @left_by: who left what is in it: where it was got; 0: it is all zero;
 *	PVMC_LEFT_BY_MANY
 * @used: it was handed out
 * @running: somebody runs on it, atomic
 * @touch: of its guard
 * @kept: it is set so that what is in it stays: since it was touched, until the
 *	stack is freed; but for that, under pvmc_guard_mutex
 * @overflowed: that was by who runs on it, and may still be in there: it is not
 *	set again before he has returned, or the stack was freed; set by owner()
 * @backed: the host may have memory behind it
 * @doubtful: the host may not be done with giving it back
 *
 * What is not said otherwise belongs to whoever has the stack: its user, the
 * CPU whose cache it is in, or who has the class's lock.
 */
struct pvmemcontrol_kstack {
	struct list_head node;
	struct pvmc_kstack_block *block;
	void *base;
	const char *what;
	unsigned long ip;
	unsigned long since;
	unsigned long left_by;
	bool used;
	unsigned int running;
	enum pvmc_touch touch;
	bool kept;
	bool overflowed;
	bool backed;
	bool doubtful;
};

/**
 * struct pvmc_kstack_block - memory that stacks are carved from
 * @class: which stacks
 * @node: in its class's blocks
 * @page: the first of its pages
 * @guarding: of its guards; written under pvmc_guard_mutex
 * @touched: there may be some to be set again as they were touched
 * @taken: there are that are PVMC_SETTING; under pvmc_guard_mutex
 * @by_protection: they may be forbidden by PVMEMCONTROL_MPROTECT_NONE; under
 *	pvmc_guard_mutex, as @by_guard
 * @by_guard: they may be forbidden by PVMEMCONTROL_GUARD, which costs the host
 *	less, where the VMM has it
 * @nr_idle: stacks in its class's lists, guarded by the class's lock
 * @nr: stacks
 * @rcu: owner() may be looking at it
 * @stack: the stacks, by address
 */
struct pvmc_kstack_block {
	struct pvmc_kstack_class *class;
	struct list_head node;
	struct page *page;
	enum pvmc_guarding guarding;
	bool touched;
	bool taken;
	bool by_protection;
	bool by_guard;
	unsigned int nr_idle;
	unsigned int nr;
	struct rcu_head rcu;
	struct pvmemcontrol_kstack stack[];
};

/**
 * struct pvmc_kstack_class - all stacks of one size
 * @size: theirs
 * @per_block: how many there are in a block
 * @cache_max: how many a CPU keeps
 * @lock: taken in any context but NMI, with interrupts off; no calls are made
 *	with it
 * @warm: stacks with memory of the host behind them, the last freed first
 * @cold: stacks without
 * @doubtful: those that the host may not be done with, until it is connected
 *	anew
 * @nr_warm: stacks in @warm
 * @nr_empty: blocks of which all stacks are in @warm and @cold
 * @blocks: all of them; changed under pvmc_guard_mutex
 */
struct pvmc_kstack_class {
	size_t size;
	unsigned int per_block;
	unsigned int cache_max;
	raw_spinlock_t lock;	/* of the lists and what counts them */
	struct list_head warm;
	struct list_head cold;
	struct list_head doubtful;
	unsigned int nr_warm;
	unsigned int nr_empty;
	struct list_head blocks;
};

/* What was counted; in sum over all CPUs. */
struct pvmc_kstack_counters {
	u64 allocs;
	u64 frees;
	u64 failed;		/* allocations that were not possible */
	u64 refills;		/* of a CPU's cache */
	u64 blocks_made;
	u64 blocks_freed;
	u64 guard_failed;	/* times that those of a block, or one, were not set */
	u64 open_failed;	/* times that they were not opened */
	u64 given_back;		/* stacks */
	u64 give_back_failed;	/* stacks */
	u64 hits;		/* of guards */
};

DECLARE_PER_CPU(struct pvmc_kstack_counters, pvmc_kstack_counters);

/* main.c */
extern struct pvmemcontrol_client pvmc_kstack_client;

/*
 * guard.c: the guards of a block, as the host has them.
 *
 * pvmc_guard_mutex: whoever makes, guards, opens or frees blocks, or gives
 * stacks back.  Comes after the core's mutex, as callbacks take it, and before
 * a class's lock.  No memory is allocated with it.
 */
extern struct mutex pvmc_guard_mutex;
extern struct pvmc_kstack_class pvmc_kstack_classes[PVMC_KSTACK_CLASSES];

void pvmc_guards_bar(bool bar);
void pvmc_guards_take(struct pvmc_kstack_block *block);
int pvmc_block_set(struct pvmc_kstack_block *block, bool fresh);
int pvmc_block_guard(struct pvmc_kstack_block *block);
void pvmc_block_forget(struct pvmc_kstack_block *block);
void pvmc_guard_touched(struct pvmemcontrol_kstack *stack, bool overflow);
void pvmc_guard_release(struct pvmemcontrol_kstack *stack);
int pvmc_block_open(struct pvmc_kstack_block *block);

/* block.c: where stacks and their guards are. */
struct pvmc_kstack_block *pvmc_block_new(struct pvmc_kstack_class *class,
					 unsigned int flags);
bool pvmc_block_free(struct pvmc_kstack_block *block);
void pvmc_block_lose(struct pvmc_kstack_block *block);
struct pvmc_kstack_block *pvmc_block_find(phys_addr_t addr);
unsigned int pvmc_block_index(const struct pvmc_kstack_block *block,
			      phys_addr_t addr, bool *guard);
phys_addr_t pvmc_block_start(const struct pvmc_kstack_block *block);

/* drop.c: what gives memory back. */
int pvmc_drop_prove(struct pvmemcontrol_client *client,
		    const struct pvmemcontrol_info *info, u8 *funcs);
void pvmc_drop_learn(void);
void pvmc_drop_forget(void);
u32 pvmc_drop_func(const struct pvmc_kstack_block *block);
bool pvmc_drop_zeroes(const struct pvmc_kstack_block *block);

/* pool.c: stacks by size, and all of them. */
void pvmc_pool_init(void);
void pvmc_pool_exit(void);
void pvmc_pool_lose(void);
void pvmc_pool_forget(void);
void pvmc_pool_restore(void);
void pvmc_pool_detach(void);
void pvmc_pool_guard(void);
unsigned long pvmc_pool_empty_blocks(void);
unsigned long pvmc_pool_shrink(unsigned long nr_blocks);
void pvmc_class_put(struct pvmc_kstack_class *class,
		    struct pvmemcontrol_kstack *stack);
void pvmc_class_take(struct pvmc_kstack_class *class,
		     struct pvmemcontrol_kstack *stack);

/* cache.c: handing out stacks. */
struct pvmemcontrol_kstack *pvmc_kstack_get(size_t size, unsigned int flags,
					    const char *what, unsigned long ip);
bool pvmc_cache_drain(unsigned long age);

/* idle.c: what stays free is given back. */
extern unsigned int pvmc_idle_ms;
void pvmc_idle_init(void);
void pvmc_idle_stop(void);
void pvmc_idle_exit(void);
void pvmc_idle_arm(void);
void pvmc_idle_hit(void);
bool pvmc_idle_run(unsigned long age);
bool pvmc_idle_is_queued(void);
int pvmc_shrinker_init(void);
void pvmc_shrinker_exit(void);

/* owner.c: whose guard was touched. */
enum pvmemcontrol_owner
pvmc_kstack_owner(struct pvmemcontrol_client *client,
		  const struct pvmemcontrol_access *access, char *what);

/* callers.c: who is on a stack that the kernel does not know. */
void pvmc_print_callers(const struct pvmemcontrol_kstack *stack,
			struct pt_regs *regs);

/* call.c, switch.S */
#define PVMC_FRAME_OFFSET	8	/* from the top: where the caller's frame is */

/* What is to be run. */
struct pvmc_kstack_run {
	pvmemcontrol_kstack_fn fn;
	void *arg;
};

long pvmc_kstack_switch(const struct pvmc_kstack_run *run, void *top);
long pvmc_kstack_run(const struct pvmc_kstack_run *run);

/* debugfs.c */
void pvmc_kstack_debugfs_init(void);
void pvmc_kstack_debugfs_exit(void);

/* Nobody is beyond the end of a stack any more; as whoever ran on it. */
static inline void pvmc_guard_left(struct pvmemcontrol_kstack *stack)
{
	if (unlikely(READ_ONCE(stack->overflowed)))
		pvmc_guard_release(stack);
}

static inline void *pvmc_kstack_top(const struct pvmemcontrol_kstack *stack)
{
	return stack->base + stack->block->class->size;
}

#endif /* _PVMC_KSTACK_H */
