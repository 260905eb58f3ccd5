/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Asking the VMM to madvise, mprotect, mlock or name ranges of guest physical
 * memory.
 *
 * A request and its answer share one 32-byte buffer.  Through the ioctl both
 * are in the byte order of the machine; what passes between the driver and the
 * device is little-endian, see <linux/pvmemcontrol_pci.h>.
 */
#ifndef _UAPI_LINUX_PVMEMCONTROL_H
#define _UAPI_LINUX_PVMEMCONTROL_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* pvmemcontrol_vmm_call.func_code; what each does to [addr, addr + length) */
#define PVMEMCONTROL_INFO		0	/* nothing: asks for version and page size */
#define PVMEMCONTROL_DONTNEED		1	/* madvise(MADV_DONTNEED) */
#define PVMEMCONTROL_REMOVE		2	/* madvise(MADV_REMOVE) */
#define PVMEMCONTROL_FREE		3	/* madvise(MADV_FREE) */
#define PVMEMCONTROL_PAGEOUT		4	/* madvise(MADV_PAGEOUT) */
#define PVMEMCONTROL_DONTDUMP		5	/* madvise(MADV_DONTDUMP) */
#define PVMEMCONTROL_SET_VMA_ANON_NAME	6	/* prctl(PR_SET_VMA_ANON_NAME) */
#define PVMEMCONTROL_MLOCK		7	/* mlock2(..., 0) */
#define PVMEMCONTROL_MUNLOCK		8	/* munlock() */
#define PVMEMCONTROL_MPROTECT_NONE	9	/* mprotect(PROT_NONE) */
#define PVMEMCONTROL_MPROTECT_R		10	/* mprotect(PROT_READ) */
#define PVMEMCONTROL_MPROTECT_W		11	/* mprotect(PROT_WRITE) */
#define PVMEMCONTROL_MPROTECT_RW	12	/* mprotect(PROT_READ | PROT_WRITE) */
#define PVMEMCONTROL_MERGEABLE		13	/* madvise(MADV_MERGEABLE) */
#define PVMEMCONTROL_UNMERGEABLE	14	/* madvise(MADV_UNMERGEABLE) */

/* Function codes of protocol 1.0 are below this. */
#define PVMEMCONTROL_NR_FUNC_1_0	15

/*
 * Of protocol 1.1: asks what the VMM has beyond 1.0, where this is an unknown
 * code.  The answer's ret_value is a set of PVMEMCONTROL_FEATURE_*, arg0 says
 * how many entries a vector may have, and arg1 has bit func_code set for each
 * operation that always leaves zeroes in the range, once it has succeeded.
 */
#define PVMEMCONTROL_FEATURES		0x100

#define PVMEMCONTROL_FEATURE_VECTOR	0x1	/* knows PVMEMCONTROL_VECTOR */
#define PVMEMCONTROL_FEATURE_VIOLATION	0x2	/* knows PVMEMCONTROL_VIOLATION */
#define PVMEMCONTROL_FEATURE_GUARD	0x4	/* knows PVMEMCONTROL_GUARD, _UNGUARD */

/*
 * Also of protocol 1.1.  The VMM reads and writes guest memory at the address in
 * these, so they are the kernel's own: an ioctl is told that they are unknown.
 */
#define PVMEMCONTROL_VECTOR		0x101
#define PVMEMCONTROL_VIOLATION		0x102

/*
 * Also of protocol 1.1, for ranges as the functions of 1.0 are: GUARD forbids
 * every access to the range and drops its content, at no cost of a mapping
 * where the host can; UNGUARD permits it again, and the range reads as zero.
 */
#define PVMEMCONTROL_GUARD		0x103
#define PVMEMCONTROL_UNGUARD		0x104

/*
 * pvmemcontrol_vmm_call.arg of PVMEMCONTROL_VIOLATION: how the guest is told.
 * The answer's ret_value is the index of the vCPU that asked, as records have
 * it; asking again with the same address changes nothing else.
 */
#define PVMEMCONTROL_VIOLATION_NMI	1	/* an NMI to the vCPU that did it */

/* pvmemcontrol_violation.access */
#define PVMEMCONTROL_ACCESS_READ	0x1
#define PVMEMCONTROL_ACCESS_WRITE	0x2
#define PVMEMCONTROL_ACCESS_FETCH	0x4

/* pvmemcontrol_violation.flags */
#define PVMEMCONTROL_VIOLATION_STOPPED	0x1	/* before it took effect */

/**
 * struct pvmemcontrol_violation - an access that a protection forbids
 * @sequence: 0 where there is no record.  The VMM writes a record, this last,
 *	into one that has 0 here, and never into any other; the guest sets it
 *	to 0 when it has read the rest.  Counts from 1
 * @addr: guest physical address of the first byte that was not to be touched
 * @access: one of PVMEMCONTROL_ACCESS_*; several where the VMM cannot tell;
 *	0 where it knows nothing
 * @vcpu: index of the vCPU that did it
 * @flags: PVMEMCONTROL_VIOLATION_*
 * @reserved: 0
 *
 * In little-endian byte order.  A page of these is what the guest names with
 * PVMEMCONTROL_VIOLATION.  Where none is free, a violation is reported as if
 * the guest had named none.
 */
struct pvmemcontrol_violation {
	__u64 sequence;
	__u64 addr;
	__u32 access;
	__u32 vcpu;
	__u32 flags;
	__u32 reserved;
};

/* The major version that this header describes, from the answer to INFO. */
#define PVMEMCONTROL_VERSION_MAJOR	1

/**
 * struct pvmemcontrol_vmm_call - a request to the VMM
 * @func_code: one of PVMEMCONTROL_INFO, PVMEMCONTROL_DONTNEED, ...
 * @addr: guest physical address of the first byte
 * @length: bytes
 * @arg: the name's number for PVMEMCONTROL_SET_VMA_ANON_NAME (0: no name)
 */
struct pvmemcontrol_vmm_call {
	__u64 func_code;
	__u64 addr;
	__u64 length;
	__u64 arg;
};

/**
 * struct pvmemcontrol_vmm_ret - the VMM's answer
 * @ret_errno: errno of the host, 0 on success
 * @ret_code: 0, or the func_code when the request itself was refused
 * @ret_value: for PVMEMCONTROL_INFO the host's page size in bytes
 * @arg0: for PVMEMCONTROL_INFO the major version of the protocol
 * @arg1: for PVMEMCONTROL_INFO the minor version of the protocol
 */
struct pvmemcontrol_vmm_ret {
	__u32 ret_errno;
	__u32 ret_code;
	__u64 ret_value;
	__u64 arg0;
	__u64 arg1;
};

/**
 * struct pvmemcontrol_buf - a request, and after it the answer in its place
 * @call: the request
 * @ret: the answer
 */
struct pvmemcontrol_buf {
	union {
		struct pvmemcontrol_vmm_call call;
		struct pvmemcontrol_vmm_ret ret;
	};
};

#define PVMEMCONTROL_IOCTL_TYPE	0xDA

/*
 * Send a request and read the answer.  Returns 0 whenever the VMM answered:
 * what it answered is in the buffer.
 */
#define PVMEMCONTROL_IOCTL_VMM	\
	_IOWR(PVMEMCONTROL_IOCTL_TYPE, 0x00, struct pvmemcontrol_buf)

#endif /* _UAPI_LINUX_PVMEMCONTROL_H */
