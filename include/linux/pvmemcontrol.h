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

#include <linux/types.h>
#include <uapi/linux/pvmemcontrol.h>

struct pvmc_client_counters;
struct pvmc_client_node;
struct pvmemcontrol_client;

/**
 * struct pvmemcontrol_info - what the VMM says of itself
 * @host_page_size: bytes; ranges are in multiples of this, a power of two
 * @major: major version of the protocol
 * @minor: minor version of the protocol
 */
struct pvmemcontrol_info {
	u64 host_page_size;
	u32 major;
	u32 minor;
};

/**
 * struct pvmemcontrol_client_ops - what the core tells a client
 *
 * Each is optional, and is called in process context with one mutex of the
 * core held: it may sleep and may make calls, but must neither register nor
 * unregister a client.
 *
 * @attach: A device came (or was there at registration), and calls reach it.
 *	An error means that the client does without this device: it is not told
 *	of anything further about it, but may still make calls.
 * @detach: The device is about to go.  Calls still reach it when it leaves in
 *	good order, and fail with -ENODEV when it has gone already.
 * @forget: The VMM may have forgotten everything it was told, or may run on
 *	another host: before suspend and a reset of the device, and after a
 *	request without answer, which is how a migration or a restored snapshot
 *	is noticed.  Nothing that was said or proven before holds any more.
 *	No calls are in flight, and none reach the VMM until it is connected
 *	again; what a call returned before is not to be relied on.
 * @restore: The VMM is connected again, and calls reach it, others' from just
 *	before this on.  Whatever the client relies on must be said again, and
 *	whatever it had proven must be proven again.
 */
struct pvmemcontrol_client_ops {
	int (*attach)(struct pvmemcontrol_client *client);
	void (*detach)(struct pvmemcontrol_client *client);
	void (*forget)(struct pvmemcontrol_client *client);
	void (*restore)(struct pvmemcontrol_client *client);
};

/**
 * struct pvmemcontrol_client - a user of the device inside the kernel
 * @name: what counters and tracepoints call the client; one path component,
 *	unique among the registered clients
 * @ops: callbacks, or NULL
 */
struct pvmemcontrol_client {
	const char *name;
	const struct pvmemcontrol_client_ops *ops;

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
