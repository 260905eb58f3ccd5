/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A VMM that misbehaves on demand, in place of a transport.
 */
#ifndef _PVMC_FAKE_VMM_H
#define _PVMC_FAKE_VMM_H

#include <kunit/test.h>
#include <linux/pvmemcontrol.h>
#include <linux/types.h>

#include "core.h"

/**
 * enum fake_fault - what the VMM does in place of what it was asked
 * @FAKE_FAULT_NONE: nothing else
 * @FAKE_FAULT_SILENT: nothing at all: the buffer stays as it is
 * @FAKE_FAULT_ERRNO: fails with fault_errno, as from a host call
 * @FAKE_FAULT_REFUSE: refuses the request with fault_errno
 * @FAKE_FAULT_LIE: says that it did it
 * @FAKE_FAULT_GARBAGE: fills the buffer with random bytes
 * @FAKE_FAULT_ELSEWHERE: answers into another CPU's or level's buffer
 * @FAKE_FAULT_FORGET: forgets all buffers, so that nothing is answered any more
 * @FAKE_FAULT_GONE: the device disappears from the bus
 */
enum fake_fault {
	FAKE_FAULT_NONE,
	FAKE_FAULT_SILENT,
	FAKE_FAULT_ERRNO,
	FAKE_FAULT_REFUSE,
	FAKE_FAULT_LIE,
	FAKE_FAULT_GARBAGE,
	FAKE_FAULT_ELSEWHERE,
	FAKE_FAULT_FORGET,
	FAKE_FAULT_GONE,
	NR_FAKE_FAULTS
};

extern const char *const fake_fault_names[NR_FAKE_FAULTS];

enum fake_state {
	FAKE_BROKEN,
	FAKE_INIT,
	FAKE_READY,
};

#define FAKE_BUFFERS	(PVMC_LEVELS * 8)
#define FAKE_LOG	64

/**
 * struct fake_vmm - a VMM and its device
 * @page_size: what INFO says
 * @major: what INFO says
 * @minor: what INFO says
 * @shared: memory is shared: DONTNEED keeps it, REMOVE zeroes it
 * @shared_start: so is what is from here on, whatever @shared says
 * @zeroes: DONTNEED and REMOVE zero memory at all
 * @fault: what goes wrong
 * @fault_errno: with which errno
 * @fault_skip: requests that go well before
 * @fault_count: how many go wrong then, -1 for all
 * @handshake_fails: the handshake's step of this number fails; -1 for none
 * @on_kick: called for each request, before it is carried out
 * @present: the device is on the bus
 * @state: of the handshake
 * @handshake_step: steps of the current handshake so far
 * @handshakes: times that READY was reached
 * @buffers: registered
 * @nr_buffers: how many
 * @requests: how many were carried out or faulted, INFO excepted
 * @infos: how many were INFO
 * @ignored: kicks of ids that are not known
 * @log: the first FAKE_LOG of @requests
 */
struct fake_vmm {
	u64 page_size;
	u64 major;
	u64 minor;
	bool shared;
	phys_addr_t shared_start;
	bool zeroes;

	enum fake_fault fault;
	u32 fault_errno;
	int fault_skip;
	int fault_count;
	int handshake_fails;
	void (*on_kick)(struct fake_vmm *vmm,
			const struct pvmemcontrol_vmm_call *call);

	bool present;
	enum fake_state state;
	int handshake_step;
	int handshakes;
	phys_addr_t buffers[FAKE_BUFFERS];
	unsigned int nr_buffers;

	unsigned int requests;
	unsigned int infos;
	unsigned int ignored;
	struct pvmemcontrol_vmm_call log[FAKE_LOG];
};

extern const struct pvmc_transport_ops fake_vmm_ops;

struct fake_vmm *fake_vmm_new(struct kunit *test);
struct pvmc_device *fake_vmm_plug(struct kunit *test, struct fake_vmm *vmm);
void fake_vmm_unplug(struct kunit *test, struct pvmc_device *dev);
void fake_vmm_fault(struct fake_vmm *vmm, enum fake_fault fault, u32 err,
		    int skip, int count);
void fake_client_add(struct kunit *test, struct pvmemcontrol_client *client);
void fake_client_del(struct kunit *test, struct pvmemcontrol_client *client);
bool fake_wait_recovered(struct pvmc_device *dev, unsigned long recoveries);
u64 fake_client_sum(u64 __percpu *counter);


/* fail_nth.c */
#ifdef CONFIG_FAULT_INJECTION
void fail_nth_begin(struct kunit *test, int nth);
bool fail_nth_end(void);
#endif

#endif /* _PVMC_FAKE_VMM_H */
