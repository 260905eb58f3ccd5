/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Between the core and whatever carries its requests to the VMM.
 */
#ifndef _PVMC_TRANSPORT_H
#define _PVMC_TRANSPORT_H

#include <linux/types.h>

struct device;
struct pvmc_device;

/**
 * struct pvmc_transport_ops - how requests get to the VMM
 *
 * All but @doorbell, @kick and @present are called in process context, one at a
 * time for a device.  A kick may come together with them when somebody touches
 * a protected page; to one of a buffer that is not known, or not yet, the VMM
 * must not answer.
 *
 * @reset: Make the VMM forget all buffers, so that new ones can be registered.
 * @register_buffer: Tell the VMM of a request buffer of
 *	PVMEMCONTROL_BUF_SIZE bytes at guest physical address @buf, and get the
 *	id under which it is kicked.
 * @ready: All buffers are registered; requests follow.
 * @disconnect: No more requests follow.
 * @doorbell: Optional.  A register of 32 bits; writing a buffer's id to it
 *	is all that @kick would do, so that the core does it without a call.
 * @kick: Have the VMM carry out the request in buffer @id; returns when it
 *	has.  Any context, NMI included; preemption is off.  Needed where there
 *	is no @doorbell.
 * @present: Whether the device is still there.  Any context.
 *
 * Return: those with an int 0, or -EIO when the VMM did not answer as it
 * should.
 */
struct pvmc_transport_ops {
	int (*reset)(void *transport);
	int (*register_buffer)(void *transport, phys_addr_t buf, u32 *id);
	int (*ready)(void *transport);
	void (*disconnect)(void *transport);
	void __iomem *(*doorbell)(void *transport);
	void (*kick)(void *transport, u32 id);
	bool (*present)(void *transport);
};

struct pvmc_device *pvmc_device_register(struct device *parent,
					 const struct pvmc_transport_ops *ops,
					 void *transport);
void pvmc_device_unregister(struct pvmc_device *dev);
void pvmc_device_suspend(struct pvmc_device *dev);
void pvmc_device_shutdown(struct pvmc_device *dev);
int pvmc_device_freeze(struct pvmc_device *dev);
int pvmc_device_resume(struct pvmc_device *dev);

#endif /* _PVMC_TRANSPORT_H */
