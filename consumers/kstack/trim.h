/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Giving the dead pages of sleeping threads' stacks back to the host: what the
 * parts of it share.
 */
#ifndef _PVMC_KSTACK_TRIM_H
#define _PVMC_KSTACK_TRIM_H

#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/pvmemcontrol.h>
#include <linux/sizes.h>
#include <linux/thread_info.h>
#include <linux/types.h>

struct task_struct;

/*
 * Bytes below the saved stack pointer that count as live.  The kernel is built
 * without a red zone, and what switches a thread out has pushed all it needs
 * at or above the pointer: this is for none of it to be true.
 */
#define PVMC_TRIM_MARGIN	128

#define PVMC_TRIM_STACK_PAGES	(THREAD_SIZE / PAGE_SIZE)

/* Threads that are prepared before the first of them is looked at in a pause. */
#define PVMC_TRIM_THREADS	512

/* The most that is sent at once: a vector, or so many exits without. */
#define PVMC_TRIM_RANGES	128

/* For fewer a run at an interval stops nobody: they will be more another time. */
#define PVMC_TRIM_WORTHWHILE	8

/* Pauses this many times as long as allowed... */
#define PVMC_TRIM_FAR_TOO_LONG	16
/* ... and so many in a row: the VMM is not fit for this. */
#define PVMC_TRIM_TOO_MANY	8

/**
 * enum pvmc_trim_outcome - what became of a thread in a run
 * @PVMC_TRIM_GIVEN: its dead pages were given back, all of them
 * @PVMC_TRIM_UNCHANGED: it has not run since that was done
 * @PVMC_TRIM_RECENT: it has run since the last run, which is too lately
 * @PVMC_TRIM_RUNNING: it runs, or is about to
 * @PVMC_TRIM_GONE: it ends, or has not begun: it has no stack to speak of
 * @PVMC_TRIM_ELSEWHERE: it sleeps on another stack than its own, of which
 *	nothing can be known then
 * @PVMC_TRIM_KIND: its stack is not made of single pages
 * @PVMC_TRIM_NOTHING: no page of it is dead
 * @PVMC_TRIM_FAILED: the VMM has failed to, or nothing is known of its pages
 * @PVMC_TRIM_OUTCOMES: how many there are
 */
enum pvmc_trim_outcome {
	PVMC_TRIM_GIVEN,
	PVMC_TRIM_UNCHANGED,
	PVMC_TRIM_RECENT,
	PVMC_TRIM_RUNNING,
	PVMC_TRIM_GONE,
	PVMC_TRIM_ELSEWHERE,
	PVMC_TRIM_KIND,
	PVMC_TRIM_NOTHING,
	PVMC_TRIM_FAILED,
	PVMC_TRIM_OUTCOMES
};

/**
 * struct pvmc_trim_thread - a thread that a run looks at
 * @task: with a reference
 * @pid: what it is remembered by
 * @stamp: changes whenever it has run; of the time when it was looked at
 * @outcome: what became of it
 */
struct pvmc_trim_thread {
	struct task_struct *task;
	u32 pid;
	unsigned long stamp;
	enum pvmc_trim_outcome outcome;
};

/**
 * struct pvmc_trim_stack - a stack, while nobody can run on it
 * @base: its lowest address
 * @size: bytes
 * @sp: the stack pointer of the thread that sleeps on it
 * @keep_end: the page at @base is live
 * @pages: from @base on
 */
struct pvmc_trim_stack {
	unsigned long base;
	unsigned long size;
	unsigned long sp;
	bool keep_end;
	struct page **pages;
};

/**
 * struct pvmc_trim_stats - what runs have done since the module was loaded
 * @runs: that have begun
 * @failed: of these, that ended with an error
 * @threads: what became of the threads that were seen, by outcome
 * @pages: that were given back
 * @exits: that were made for it, those within pauses
 * @pauses: how often the other CPUs were stopped
 * @overruns: of these, longer than allowed
 * @last_ns: how long the last one was
 * @longest_ns: how long the longest was
 * @total_ns: how long all of them were together
 */
struct pvmc_trim_stats {
	u64 runs;
	u64 failed;
	u64 threads[PVMC_TRIM_OUTCOMES];
	u64 pages;
	u64 exits;
	u64 pauses;
	u64 overruns;
	u64 last_ns;
	u64 longest_ns;
	u64 total_ns;
};

struct pvmc_trim_run;

/**
 * struct pvmc_trim_ops - how a run gets at threads; the tests have their own
 * @collect: fills @threads and @nr of the run with those that come next and
 *	need to be looked at, counts the others, and returns whether there may
 *	be more after them
 * @release: gives up the thread
 * @look: in a pause: may pages of this thread's stack go?  Then it returns
 *	PVMC_TRIM_GIVEN and describes the stack.  Sets @stamp in any case
 * @pause: calls the function while no other CPU does anything else
 * @clock: ns, in any context
 * @rest: lets the others run for a while, as the last pause was so many ns;
 *	returns whether the run is to end
 */
struct pvmc_trim_ops {
	bool (*collect)(struct pvmc_trim_run *run,
			struct pvmc_trim_stats *stats);
	void (*release)(struct pvmc_trim_thread *thread);
	enum pvmc_trim_outcome (*look)(struct pvmc_trim_thread *thread,
				       struct pvmc_trim_stack *stack);
	int (*pause)(int (*fn)(void *), void *data);
	u64 (*clock)(void);
	bool (*rest)(struct pvmc_trim_run *run, u64 ns);
};

/**
 * struct pvmc_trim_run - a walk over all threads; one at a time
 * @client: whose calls these are
 * @ops: how it gets at threads
 * @limit_ns: how long a pause may be
 * @patient: who has run since the last run is left alone
 * @func: by node, what gives a page back; PVMEMCONTROL_INFO: nothing does
 * @most: when so many ranges are at hand they are sent
 * @pid: where @collect goes on
 * @nr: of @threads
 * @next: the first of @threads that has not been dealt with
 * @begun: @next when the pause began
 * @look_ns: what it takes to look at a thread; 0: not known yet
 * @range_ns: what it takes to give back a page; 0: not known yet
 * @pause_ns: how long the pause was
 * @pages: given back in it
 * @exits: made in it
 * @slow: pauses in a row that were far too long
 * @error: why the run ends early
 * @batch: what is being sent
 * @ranges: its memory
 * @threads: the threads at hand
 */
struct pvmc_trim_run {
	struct pvmemcontrol_client *client;
	const struct pvmc_trim_ops *ops;
	u64 limit_ns;
	bool patient;
	u8 func[MAX_NUMNODES];
	unsigned int most;

	u32 pid;
	unsigned int nr;
	unsigned int next;
	unsigned int begun;
	u64 look_ns;
	u64 range_ns;
	u64 pause_ns;
	u64 pages;
	u64 exits;
	unsigned int slow;
	int error;

	struct pvmemcontrol_batch batch;
	struct pvmemcontrol_range ranges[PVMC_TRIM_RANGES +
					 PVMC_TRIM_STACK_PAGES];
	struct pvmc_trim_thread threads[PVMC_TRIM_THREADS];
};

/* trim_pages.c: which pages of a stack are dead */
bool pvmc_trim_within(const struct pvmc_trim_stack *stack);
unsigned int pvmc_trim_dead(const struct pvmc_trim_stack *stack,
			    unsigned int *first);

/* trim_run.c: a run, and its pauses */
int pvmc_trim_run(struct pvmc_trim_run *run, struct pvmc_trim_stats *stats);

/* trim_known.c: which threads have nothing to give since they were trimmed */
bool pvmc_trim_known(u32 pid, unsigned long stamp, bool trimmed);
void pvmc_trim_remember(u32 pid, unsigned long stamp, bool trimmed, gfp_t gfp);
bool pvmc_trim_worth(const struct pvmc_trim_run *run,
		     struct pvmc_trim_stats *stats, u32 pid,
		     unsigned long stamp);
void pvmc_trim_forget(bool (*alive)(u32 pid));

/* trim_proof.c: what gives a page back to the host */
int pvmc_trim_prove(struct pvmc_trim_run *run);

/* trim_task.c: the threads of this kernel */
extern const struct pvmc_trim_ops pvmc_trim_task_ops;
bool pvmc_trim_task_alive(u32 pid);

/* trim_sysfs.c */
int pvmc_trim_sysfs_init(void);
void pvmc_trim_sysfs_exit(void);

/* trim.c: when a run is made */
bool pvmc_trim_keep_end(void);
extern struct pvmc_trim_stats pvmc_trim_stats;
extern bool pvmc_trim_closing;
int pvmc_trim_request(bool patient);
int pvmc_kstack_trim_init(struct pvmemcontrol_client *client);
void pvmc_kstack_trim_exit(void);

#endif /* _PVMC_KSTACK_TRIM_H */
