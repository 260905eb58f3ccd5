/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the core share.
 */
#ifndef _PVMC_CORE_H
#define _PVMC_CORE_H

#include <asm/barrier.h>
#include <linux/cache.h>
#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/irq_work.h>
#include <linux/jump_label.h>
#include <linux/kobject.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/pvmemcontrol.h>
#include <linux/sizes.h>
#include <linux/workqueue.h>
#include <uapi/linux/pvmemcontrol_pci.h>

#include "transport.h"

/*
 * How deep calls may interrupt each other on one CPU.  Process, softirq, hard
 * irq and NMI make four; the rest is for what interrupts even those (machine
 * checks, breakpoints, a tracing program that makes calls of its own).
 */
#define PVMC_LEVELS	8

/*
 * How deep batches may interrupt each other and still have an array each to
 * send ranges in; one that is deeper sends them one by one.
 */
#define PVMC_VECTOR_LEVELS	2

/* The array does not cross a page of the protocol's size. */
#define PVMC_VECTOR_ENTRIES	(SZ_4K / PVMEMCONTROL_BUF_SIZE)

#define PVMC_MAX_DEVICES	64

/* A request or its answer as the VMM sees it, in four little-endian words. */
struct pvmc_wire {
	__le64 word[4];
};

/*
 * A cache line of its own: no other CPU writes to it, and being aligned it
 * cannot straddle a page.
 */
struct pvmc_slot {
	struct pvmc_wire wire;
	u32 id;
} ____cacheline_aligned;

struct pvmc_device_counters {
	u64 exits;
	u64 errors;
	u64 no_answers;
	u64 violations;
};

/**
 * enum pvmc_vector_result - what the VMM says of a vector
 * @PVMC_VECTOR_DONE: all entries succeeded
 * @PVMC_VECTOR_FAILED: one failed, those before it succeeded
 * @PVMC_VECTOR_REFUSED: nothing was done
 * @PVMC_VECTOR_UNKNOWN: nothing, or nothing that makes sense
 */
enum pvmc_vector_result {
	PVMC_VECTOR_DONE,
	PVMC_VECTOR_FAILED,
	PVMC_VECTOR_REFUSED,
	PVMC_VECTOR_UNKNOWN,
};

/**
 * struct pvmc_progress - how far a call has got
 * @done: bytes
 * @batch: the number of the batch that it is part of, for tracing; 0 for none
 * @exits: that it took
 * @answered: the last was answered, and there is an answer to look at
 * @refused: which was that the range is not all in one region of RAM
 */
struct pvmc_progress {
	u64 done;
	u64 batch;
	u32 exits;
	bool answered;
	bool refused;
};

/* How many pages tasks on one CPU may wait for without mixing up since when. */
#define PVMC_CLOSED	4

/**
 * struct pvmc_closed - a page that a CPU is stopped at
 * @page: where it begins
 * @since: when it was touched first, ns of this CPU's clock; 0: nobody is stopped.
 *	Written by this CPU, and to 0 by who has opened the page
 * @last: when there was last no answer; only this CPU needs it
 */
struct pvmc_closed {
	phys_addr_t page;
	u64 since;
	u64 last;
};

/**
 * struct pvmc_cpu - one CPU's way to the VMM
 * @slot: a request buffer for each level of calls that interrupted each other
 * @depth: slots in use.  Written by this CPU only, with preemption off; who
 *	interrupts puts it back before returning, so no atomics are needed
 * @counters: summed up over CPUs when read
 * @vector_depth: arrays in use, as @depth
 * @vector: a page of PVMC_VECTOR_ENTRIES requests for each level; there when
 *	info.vector_max is above 1
 * @closed: pages that were touched and cannot be opened now
 * @vcpu: what the VMM calls this CPU; only this CPU needs it
 */
struct pvmc_cpu {
	struct pvmc_slot slot[PVMC_LEVELS];
	unsigned int depth;
	struct pvmc_device_counters counters;
	unsigned int vector_depth;
	struct pvmc_closed closed[PVMC_CLOSED];
	struct pvmc_wire *vector[PVMC_VECTOR_LEVELS];
	u32 vcpu;
};

/**
 * enum pvmc_state - whether calls may use a device
 * @PVMC_DOWN: registered but not to be kicked: it is being connected or
 *	recovered, or its VMM is silent
 * @PVMC_UP: calls go through
 * @PVMC_SUSPENDED: as down, and left alone until the transport resumes it
 * @PVMC_GONE: never again
 */
enum pvmc_state {
	PVMC_DOWN,
	PVMC_UP,
	PVMC_SUSPENDED,
	PVMC_GONE,
};

/**
 * struct pvmc_device - a device and the VMM behind it
 * @cpu: buffers and counters per CPU
 * @ops: the transport's functions
 * @transport: their argument
 * @doorbell: what starts a request, or NULL where the transport does it
 * @info: what the VMM said of itself when it was last connected.  Written
 *	under pvmc_registry_lock while no call can be in flight; @zeroing is
 *	written also when memory comes, see memory.c
 * @memory_count: how often memory had come before the VMM was asked for that;
 *	guarded by pvmc_registry_lock
 * @records: where the VMM writes violations; a page of the protocol's size.
 *	Made at most once, and published by a release
 * @state: read by calls with preemption off; who finds PVMC_UP also finds what
 *	was written before that.  Written under pvmc_registry_lock, and by a call
 *	that has no answer, which takes it from PVMC_UP to PVMC_DOWN.  Once it is
 *	not PVMC_UP, synchronize_rcu() comes before the transport is touched, but
 *	by a violation, for which the VMM is asked in any state
 * @dev: in class pvmemcontrol; its release frees all this
 * @cdev: /dev/pvmemcontrolN
 * @node: in pvmc_devices; written under pvmc_registry_lock, read under RCU
 * @no_answer: gets from any context to a place that can queue @recover
 * @recover: connects again and has the clients restore
 * @backoff: jiffies to wait before the next try; guarded by
 *	pvmc_registry_lock
 * @last_recovery: jiffies; guarded by pvmc_registry_lock
 * @recoveries: times connected again; written under pvmc_registry_lock
 */
struct pvmc_device {
	struct pvmc_cpu __percpu *cpu;
	const struct pvmc_transport_ops *ops;
	void *transport;
	void __iomem *doorbell;
	struct pvmemcontrol_info info;
	int memory_count;
	struct pvmemcontrol_violation *records;
	enum pvmc_state state;

	struct device dev;
	struct cdev cdev;
	struct list_head node;
	struct irq_work no_answer;
	struct delayed_work recover;
	unsigned long backoff;
	unsigned long last_recovery;
	unsigned long recoveries;
};

static inline struct pvmc_device *to_pvmc_device(struct device *dev)
{
	return container_of(dev, struct pvmc_device, dev);
}

/* The part of a client's counters that calls write. */
struct pvmc_client_counters {
	u64 calls;
	u64 ranges;
	u64 pages;
	u64 exits;
	u64 errors;
	u64 time_ns;
	u64 violations;
};

/*
 * What the core has of a client.  Apart from it, as a kobject may be released
 * later than it is put (CONFIG_DEBUG_KOBJECT_RELEASE).  @attached: to the device
 * that is in use; @refused: does without it.
 */
struct pvmc_client_node {
	struct kobject kobj;
	struct pvmc_client_counters __percpu *counters;
	struct pvmemcontrol_client *client;
	struct list_head node;
	bool attached;
	bool refused;
};

/* main.c */
extern struct class pvmc_class;
extern unsigned int pvmc_piece_mib;
DECLARE_STATIC_KEY_FALSE(pvmc_timing);
DECLARE_STATIC_KEY_FALSE(pvmc_followed);
int pvmc_follow(void);
void pvmc_unfollow(void);
void pvmc_set_timing(bool on);

/* device.c: the registry of devices */
extern struct list_head pvmc_devices;
extern struct mutex pvmc_registry_lock;
extern struct pvmc_device __rcu *pvmc_active;
void pvmc_device_no_answer(struct irq_work *work);
void pvmc_elect(void);

/* Calls may use a device that has been connected. */
static inline void pvmc_set_up(struct pvmc_device *dev)
{
	/* What the VMM said of itself, and buffers' ids, are there before. */
	smp_store_release(&dev->state, PVMC_UP);
}

/* connect.c: the handshake, and what follows when the VMM falls silent */
int pvmc_connect(struct pvmc_device *dev);
void pvmc_quiesce(struct pvmc_device *dev, enum pvmc_state state);
void pvmc_device_up(struct pvmc_device *dev);
void pvmc_recover(struct work_struct *work);

/* client.c: the registry of clients; all under pvmc_registry_lock */
void pvmc_clients_attach(void);
void pvmc_clients_detach(void);
void pvmc_clients_release(struct pvmc_device *dev);
void pvmc_clients_forget(struct pvmc_device *dev);
void pvmc_clients_restore(struct pvmc_device *dev);
enum pvmemcontrol_owner
pvmc_clients_owner(const struct pvmemcontrol_access *access,
		   struct pvmemcontrol_client **client, char *what);
int pvmc_clients_init(void);
void pvmc_clients_exit(void);

/* call.c */
int pvmc_exchange(struct pvmc_device *dev, struct pvmemcontrol_buf *buf);
int pvmc_call_client(struct pvmemcontrol_client *client, u32 func,
		     phys_addr_t start, u64 length, u64 arg,
		     struct pvmc_progress *progress);
int pvmc_call_device(struct pvmc_device *dev,
		     struct pvmemcontrol_client *client,
		     struct pvmemcontrol_buf *buf);

/* answer.c */
int pvmc_answer_error(u32 func, const struct pvmemcontrol_vmm_ret *ret);
bool pvmc_answer_refused(u32 func, const struct pvmemcontrol_vmm_ret *ret);
int pvmc_answer_info(const struct pvmemcontrol_vmm_ret *ret,
		     struct pvmemcontrol_info *info);
void pvmc_answer_features(const struct pvmemcontrol_vmm_ret *ret,
			  struct pvmemcontrol_info *info);
enum pvmc_vector_result pvmc_answer_vector(const struct pvmemcontrol_vmm_ret *ret,
					   u32 nr, u32 *succeeded);

/* open.c */
int pvmc_open_range(struct pvmc_device *dev, u64 start, u64 end);
int pvmc_open_all(struct pvmc_device *dev);

/* memory.c: memory that is added */
void pvmc_memory_begin(struct pvmc_device *dev);
void pvmc_memory_check(struct pvmc_device *dev);
void pvmc_memory_comes(void);
int pvmc_memory_init(void);
void pvmc_memory_exit(void);

/* vector.c: the memory for arrays of requests */
int pvmc_vectors_alloc(struct pvmc_device *dev);
void pvmc_vectors_free(struct pvmc_device *dev);

/* violation.c */
/**
 * struct pvmc_verdict - what follows from a violation
 * @client: whose page it was, or NULL
 * @what: the client's words for it
 * @error: why the page could not be opened
 * @again: it is not known whether the page is open: if not, the access will be a
 *	violation again
 * @panic: the kernel is to panic
 * @silent: not to be reported
 */
struct pvmc_verdict {
	struct pvmemcontrol_client *client;
	char what[PVMEMCONTROL_DESCRIPTION];
	int error;
	bool again;
	bool panic;
	bool silent;
};

/* The module parameter: whether all clients are treated the same. */
enum pvmc_policy_override {
	PVMC_POLICY_CLIENT,
	PVMC_POLICY_REPORT,
	PVMC_POLICY_PANIC,
};

extern enum pvmc_policy_override pvmc_policy_override;
int pvmc_watch(struct pvmc_device *dev);
void pvmc_watch_cpus(struct pvmc_device *dev);
int pvmc_watch_cpu(unsigned int cpu);
void pvmc_violation(struct pvmc_device *dev,
		    const struct pvmemcontrol_access *access,
		    struct pvmc_verdict *verdict);
unsigned int pvmc_violations(struct pt_regs *regs);

/* nmi.c */
#ifdef CONFIG_X86
int pvmc_nmi_init(void);
void pvmc_nmi_exit(void);
#else
static inline int pvmc_nmi_init(void) { return 0; }
static inline void pvmc_nmi_exit(void) {}
#endif

/* dump.c and dump_open.c */
extern struct pvmemcontrol_client pvmc_dump_client;
bool pvmc_dump_open(u64 addr);
void pvmc_dump_unconnected(int err);
#ifdef CONFIG_PROC_VMCORE
int pvmc_dump_init(void);
void pvmc_dump_exit(void);
#else
static inline int pvmc_dump_init(void) { return 0; }
static inline void pvmc_dump_exit(void) {}
#endif

/* The tests stand in for NMIs. */
static inline bool pvmc_nmi_possible(void)
{
	return IS_ENABLED(CONFIG_X86) ||
	       IS_ENABLED(CONFIG_PVMEMCONTROL_KUNIT_TEST);
}

/* chardev.c */
extern struct pvmemcontrol_client pvmc_ioctl_client;
int pvmc_chardev_init(void);
void pvmc_chardev_exit(void);
int pvmc_chardev_add(struct pvmc_device *dev);
void pvmc_chardev_del(struct pvmc_device *dev);

/* sysfs.c */
extern const struct attribute_group *pvmc_device_groups[];
extern const struct attribute_group *pvmc_client_groups[];

#endif /* _PVMC_CORE_H */
