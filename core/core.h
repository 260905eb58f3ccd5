/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the core share.
 */
#ifndef _PVMC_CORE_H
#define _PVMC_CORE_H

#include <linux/cache.h>
#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/irq_work.h>
#include <linux/jump_label.h>
#include <linux/kobject.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/pvmemcontrol.h>
#include <linux/workqueue.h>
#include <uapi/linux/pvmemcontrol_pci.h>

#include "transport.h"

/*
 * How deep calls may interrupt each other on one CPU.  Process, softirq, hard
 * irq and NMI make four; the rest is for what interrupts even those (machine
 * checks, breakpoints, a tracing program that makes calls of its own).
 */
#define PVMC_LEVELS	8

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
};

/**
 * struct pvmc_cpu - one CPU's way to the VMM
 * @slot: a request buffer for each level of calls that interrupted each other
 * @depth: slots in use.  Written by this CPU only, with preemption off; who
 *	interrupts puts it back before returning, so no atomics are needed
 * @counters: summed up over CPUs when read
 */
struct pvmc_cpu {
	struct pvmc_slot slot[PVMC_LEVELS];
	unsigned int depth;
	struct pvmc_device_counters counters;
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
 *	under pvmc_registry_lock while no call can be in flight
 * @state: read by calls with preemption off.  Written under
 *	pvmc_registry_lock, and by a call that has no answer, which takes it
 *	from PVMC_UP to PVMC_DOWN.  Once it is not PVMC_UP, synchronize_rcu()
 *	comes before the transport is touched
 * @dev: in class pvmemcontrol; its release frees all this
 * @cdev: /dev/pvmemcontrolN
 * @node: in pvmc_devices; guarded by pvmc_registry_lock
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
};

/*
 * What the core has of a client.  Apart from it, as a kobject may be released
 * later than it is put (CONFIG_DEBUG_KOBJECT_RELEASE).
 */
struct pvmc_client_node {
	struct kobject kobj;
	struct pvmc_client_counters __percpu *counters;
	struct pvmemcontrol_client *client;
	struct list_head node;
	bool attached;
};

/* main.c */
extern struct class pvmc_class;
extern unsigned int pvmc_piece_mib;
DECLARE_STATIC_KEY_FALSE(pvmc_timing);

/* device.c: the registry of devices */
extern struct mutex pvmc_registry_lock;
extern struct pvmc_device __rcu *pvmc_active;
void pvmc_device_no_answer(struct irq_work *work);
void pvmc_elect(void);

/* connect.c: the handshake, and what follows when the VMM falls silent */
int pvmc_connect(struct pvmc_device *dev);
void pvmc_quiesce(struct pvmc_device *dev, enum pvmc_state state);
void pvmc_device_up(struct pvmc_device *dev);
void pvmc_recover(struct work_struct *work);

/* client.c: the registry of clients; all under pvmc_registry_lock */
void pvmc_clients_attach(void);
void pvmc_clients_detach(void);
void pvmc_clients_forget(struct pvmc_device *dev);
void pvmc_clients_restore(struct pvmc_device *dev);
int pvmc_clients_init(void);
void pvmc_clients_exit(void);

/* call.c */
int pvmc_exchange(struct pvmc_device *dev, struct pvmemcontrol_buf *buf);
int pvmc_call_device(struct pvmc_device *dev,
		     struct pvmemcontrol_client *client,
		     struct pvmemcontrol_buf *buf);

/* answer.c */
int pvmc_answer_error(u32 func, const struct pvmemcontrol_vmm_ret *ret);
int pvmc_answer_info(const struct pvmemcontrol_vmm_ret *ret,
		     struct pvmemcontrol_info *info);

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
