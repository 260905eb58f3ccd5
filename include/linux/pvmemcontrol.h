/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Asking the VMM to change how it backs, protects, locks or names ranges of
 * guest physical memory: the interface for kernel code.
 *
 * A client registers once and calls from wherever it likes:
 *
 *	static const struct pvmemcontrol_client_ops ops = {
 *		.restore = my_restore,
 *	};
 *	static struct pvmemcontrol_client client = {
 *		.name = "mine", .ops = &ops,
 *	};
 *
 *	err = pvmemcontrol_register_client(&client);
 *	...
 *	err = pvmemcontrol_dontneed(&client, page_to_phys(page), PAGE_SIZE);
 *	...
 *	pvmemcontrol_unregister_client(&client);
 *
 * See Documentation/consumer.rst.
 */
#ifndef _LINUX_PVMEMCONTROL_H
#define _LINUX_PVMEMCONTROL_H

#include <linux/gfp.h>
#include <linux/types.h>
#include <uapi/linux/pvmemcontrol.h>

struct pt_regs;
struct pvmc_client_counters;
struct pvmc_client_node;
struct pvmemcontrol_client;

/**
 * struct pvmemcontrol_info - what the VMM says of itself
 * @host_page_size: bytes; ranges are in multiples of this, a power of two
 * @major: major version of the protocol
 * @minor: minor version of the protocol
 * @features: set of PVMEMCONTROL_FEATURE_*; 0 where the VMM speaks 1.0
 * @zeroing: bit func is set where func, once it succeeded, always leaves zeroes,
 *	in all memory that there is; may become less when memory is added
 * @vector_max: how many ranges of a batch fit into one exit; 1 where each takes
 *	its own
 */
struct pvmemcontrol_info {
	u64 host_page_size;
	u32 major;
	u32 minor;
	u64 features;
	u64 zeroing;
	u32 vector_max;
};

/**
 * struct pvmemcontrol_access - an access that a protection forbade
 * @addr: guest physical address of the first byte that was not to be touched
 * @access: set of PVMEMCONTROL_ACCESS_*; 0 where the VMM does not know
 * @vcpu: the VMM's number of the CPU that did it
 * @stopped: it has not taken effect, and will be tried again
 * @regs: of the instruction that did it, where @stopped; else of what ran when
 *	it became known
 */
struct pvmemcontrol_access {
	phys_addr_t addr;
	u32 access;
	u32 vcpu;
	bool stopped;
	struct pt_regs *regs;
};

/**
 * enum pvmemcontrol_owner - what a client says of a page that was touched
 * @PVMEMCONTROL_NOT_MINE: it has not protected it
 * @PVMEMCONTROL_MINE: it has
 * @PVMEMCONTROL_STALE: it had, and would have opened it again if the VMM had
 *	let it: the access is no violation
 */
enum pvmemcontrol_owner {
	PVMEMCONTROL_NOT_MINE,
	PVMEMCONTROL_MINE,
	PVMEMCONTROL_STALE,
};

/**
 * enum pvmemcontrol_policy - what follows from a violation
 * @PVMEMCONTROL_REPORT: it is reported, and the page opened
 * @PVMEMCONTROL_PANIC: the kernel panics before the instruction has its effect
 */
enum pvmemcontrol_policy {
	PVMEMCONTROL_REPORT,
	PVMEMCONTROL_PANIC,
};

/* Room for a client's words about a page, the terminating 0 included. */
#define PVMEMCONTROL_DESCRIPTION	64

/**
 * struct pvmemcontrol_client_ops - what the core tells a client
 *
 * Each is optional.  All but @owner are called in process context with one
 * mutex of the core held: they may sleep and may make calls, but must neither
 * register nor unregister a client.
 *
 * @attach: A device came (or was there at registration), and calls reach it.
 *	An error means that the client does without this device: it is not told
 *	of anything further about it, but may still make calls.  -EIO and -ENODEV
 *	mean that the VMM fell silent, as calls say it: attach is called again
 *	when the device has been connected anew.
 * @detach: The device is about to go.  Calls still reach it when it leaves in
 *	good order, and fail with -ENODEV when it has gone already.
 * @release: The guest is about to sleep, or to give way to another kernel: to
 *	suspend or hibernate, reboot or kexec.  Calls still reach the VMM.  What
 *	must not outlast this kernel, protections above all, is to be undone, as
 *	who comes next knows nothing of it.  @forget follows, and @restore if
 *	this kernel goes on.
 * @forget: The VMM may have forgotten everything it was told, or may run on
 *	another host: before suspend and a reset of the device, and after a
 *	request without answer, which is how a migration or a restored snapshot
 *	is noticed.  Nothing that was said or proven before holds any more.
 *	No calls are in flight, and none reach the VMM until it is connected
 *	again; what a call returned before is not to be relied on.
 * @restore: The VMM is connected again, and calls reach it, others' from just
 *	before this on.  Whatever the client relies on must be said again, and
 *	whatever it had proven must be proven again.
 * @owner: A protected page was touched: whose is it?  If it is the client's,
 *	it says so, and what it is in @what, of PVMEMCONTROL_DESCRIPTION bytes
 *	and empty before.  Called in NMI, on any CPU, several at once, while the
 *	client is registered: no locks.  Where the page is then opened by policy,
 *	that is before preemption is on again, so synchronize_rcu() waits for it;
 *	or whoever touched it is stopped again, and this called again.
 */
struct pvmemcontrol_client_ops {
	int (*attach)(struct pvmemcontrol_client *client);
	void (*detach)(struct pvmemcontrol_client *client);
	void (*release)(struct pvmemcontrol_client *client);
	void (*forget)(struct pvmemcontrol_client *client);
	void (*restore)(struct pvmemcontrol_client *client);
	enum pvmemcontrol_owner
		(*owner)(struct pvmemcontrol_client *client,
			 const struct pvmemcontrol_access *access, char *what);
};

/**
 * struct pvmemcontrol_client - a user of the device inside the kernel
 * @name: what counters and tracepoints call the client; one path component,
 *	unique among the registered clients
 * @ops: callbacks, or NULL
 * @policy: what follows from a violation of one of its protections, unless the
 *	module parameter says otherwise; may be changed at any time
 */
struct pvmemcontrol_client {
	const char *name;
	const struct pvmemcontrol_client_ops *ops;
	enum pvmemcontrol_policy policy;

	/* private: the core's */
	struct pvmc_client_counters __percpu *counters;
	struct pvmc_client_node *node;
};

int pvmemcontrol_register_client(struct pvmemcontrol_client *client);
void pvmemcontrol_unregister_client(struct pvmemcontrol_client *client);

int pvmemcontrol_call(struct pvmemcontrol_client *client, u32 func,
		      phys_addr_t start, u64 length, u64 arg, u64 *done);
int pvmemcontrol_get_info(struct pvmemcontrol_info *info);

/**
 * struct pvmemcontrol_range - a range of a batch, and what is to be done to it
 * @start: guest physical address of the first byte
 * @length: bytes
 * @arg: as for pvmemcontrol_call()
 * @func: as for pvmemcontrol_call(), but not PVMEMCONTROL_INFO
 */
struct pvmemcontrol_range {
	u64 start;
	u64 length;
	u64 arg;
	u32 func;
	/* private: when it was added */
	u32 order;
};

/* What a batch has room for without memory from elsewhere. */
#define PVMEMCONTROL_BATCH_INLINE	8

struct pvmemcontrol_batch;

/**
 * typedef pvmemcontrol_batch_fn - what became of one range of a batch
 * @batch: the batch that is being flushed; nothing may be added to it now
 * @range: a range as it was sent, made of one or more that were added
 * @done: how many bytes from its start on the VMM has dealt with
 * @error: 0 when that is all of it, else why not, as pvmemcontrol_call().
 *	What follows on @done may have been dealt with in part.
 *
 * Called in the context of the flush, once for each range, in the order in
 * which they were sent.
 */
typedef void (*pvmemcontrol_batch_fn)(struct pvmemcontrol_batch *batch,
				      const struct pvmemcontrol_range *range,
				      u64 done, int error);

/**
 * struct pvmemcontrol_batch - requests that are collected and sent together
 * @report: told what became of each range, or NULL; may be set at any time
 *	before a range is added
 * @added: ranges that were added so far
 * @pages: guest pages in those; one that was added twice counts twice
 * @ranges: ranges that were sent so far, after merging
 * @exits: exits that this took
 * @errors: ranges of @ranges that failed
 * @failed: the first of those
 * @failed_done: how many bytes of it the VMM had dealt with
 * @error: why it failed; 0 where none did
 *
 * For the caller to read at any time.  See pvmemcontrol_batch_init().
 */
struct pvmemcontrol_batch {
	pvmemcontrol_batch_fn report;
	u64 added;
	u64 pages;
	u64 ranges;
	u64 exits;
	u64 errors;
	struct pvmemcontrol_range failed;
	u64 failed_done;
	int error;

	/* private: */
	gfp_t gfp;
	bool sorted;
	bool own;
	u64 flushed;
	u32 next_order;
	u32 nr;
	u32 capacity;
	struct pvmemcontrol_client *client;
	struct pvmemcontrol_range *range;
	struct pvmemcontrol_range inlined[PVMEMCONTROL_BATCH_INLINE];
};

void pvmemcontrol_batch_init(struct pvmemcontrol_batch *batch,
			     struct pvmemcontrol_client *client, gfp_t gfp);
void pvmemcontrol_batch_init_memory(struct pvmemcontrol_batch *batch,
				    struct pvmemcontrol_client *client,
				    struct pvmemcontrol_range *memory, u32 nr);
int pvmemcontrol_batch_add(struct pvmemcontrol_batch *batch, u32 func,
			   phys_addr_t start, u64 length, u64 arg);
int pvmemcontrol_batch_flush(struct pvmemcontrol_batch *batch);
int pvmemcontrol_batch_finish(struct pvmemcontrol_batch *batch);

/**
 * pvmemcontrol_dontneed() - Drop the content of a range.
 * @client: registered client
 * @start: guest physical address of the first byte
 * @length: bytes
 *
 * Whether the range reads as zero afterwards depends on how the VMM backs
 * memory: with anonymous private memory it does, with shared memory it keeps
 * its content.  Prove it before relying on it.
 *
 * Context: Any, see pvmemcontrol_call().
 * Return: 0 or a negative errno, see pvmemcontrol_call().
 */
static inline int pvmemcontrol_dontneed(struct pvmemcontrol_client *client,
					phys_addr_t start, u64 length)
{
	return pvmemcontrol_call(client, PVMEMCONTROL_DONTNEED, start, length,
				 0, NULL);
}

/**
 * pvmemcontrol_remove() - Drop the content of a range of shared memory.
 * @client: registered client
 * @start: guest physical address of the first byte
 * @length: bytes
 *
 * Where the VMM's memory is a shared mapping of a file the range reads as zero
 * afterwards; where it is anonymous and private, the VMM refuses.
 *
 * Context: Any, see pvmemcontrol_call().
 * Return: 0 or a negative errno, see pvmemcontrol_call().
 */
static inline int pvmemcontrol_remove(struct pvmemcontrol_client *client,
				      phys_addr_t start, u64 length)
{
	return pvmemcontrol_call(client, PVMEMCONTROL_REMOVE, start, length,
				 0, NULL);
}

/**
 * pvmemcontrol_ping() - Send a request that does nothing.
 * @client: registered client
 *
 * Context: Any, see pvmemcontrol_call().
 * Return: 0 when the VMM answered, else a negative errno as
 * pvmemcontrol_call().
 */
static inline int pvmemcontrol_ping(struct pvmemcontrol_client *client)
{
	return pvmemcontrol_call(client, PVMEMCONTROL_INFO, 0, 0, 0, NULL);
}

#endif /* _LINUX_PVMEMCONTROL_H */
