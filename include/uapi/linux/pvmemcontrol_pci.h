/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The pvmemcontrol PCI device: identity, registers and transport commands.
 *
 * Shared by the driver, the device model and the tests.  All registers and
 * buffers are little-endian.  A request buffer is a struct pvmemcontrol_buf of
 * <linux/pvmemcontrol.h> in little-endian byte order.
 */
#ifndef _UAPI_LINUX_PVMEMCONTROL_PCI_H
#define _UAPI_LINUX_PVMEMCONTROL_PCI_H

#define PVMEMCONTROL_PCI_VENDOR_ID		0x1ae0
#define PVMEMCONTROL_PCI_DEVICE_ID		0x0087
#define PVMEMCONTROL_PCI_SUBSYSTEM_VENDOR_ID	0x1ae0
#define PVMEMCONTROL_PCI_SUBSYSTEM_ID		0x011f
#define PVMEMCONTROL_PCI_REVISION		1

/* Registers in BAR 0 */
#define PVMEMCONTROL_REG_PAYLOAD	0x00	/* 64 bit: two 4-byte writes or one of 8 */
#define PVMEMCONTROL_REG_PAYLOAD_HIGH	0x04
#define PVMEMCONTROL_REG_COMMAND	0x08	/* 32 bit */
#define PVMEMCONTROL_BAR_SIZE		0x10	/* all that protocol 1.0 has */

#define PVMEMCONTROL_BUF_SIZE		32	/* bytes in a request buffer */

/* Written to PVMEMCONTROL_REG_COMMAND */
#define PVMEMCONTROL_TRANSPORT_RESET		0x060fe6d2
#define PVMEMCONTROL_TRANSPORT_REGISTER		0x0e359539
#define PVMEMCONTROL_TRANSPORT_READY		0x0ca8d227
#define PVMEMCONTROL_TRANSPORT_DISCONNECT	0x030f5da0

/* Read from PVMEMCONTROL_REG_COMMAND */
#define PVMEMCONTROL_TRANSPORT_ACK		0x03cf5196
#define PVMEMCONTROL_TRANSPORT_ERROR		0x01fba249

/* Set in every connection id; the first id after a reset is this one. */
#define PVMEMCONTROL_CONNECTION_ID		0x80000000

#endif /* _UAPI_LINUX_PVMEMCONTROL_PCI_H */
