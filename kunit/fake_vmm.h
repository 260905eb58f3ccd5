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
 * @FAKE_FAULT_GARBAGE: fills the buffer with random bytes, which never say that
 *	it was done
 * @FAKE_FAULT_ELSEWHERE: answers into the buffer that another CPU has for the same
 *	level; where there is one CPU, into that of its next level
 * @FAKE_FAULT_FORGET: forgets all buffers, so that nothing is answered any more
 * @FAKE_FAULT_RESET: somebody has reset the device
 * @FAKE_FAULT_GONE: the device disappears from the bus
 * @FAKE_FAULT_READD: so it does, and is on it again at once, as new; whoever
 *	watches the bus hears of it later, by on_readd()
 * @FAKE_FAULT_FIELD: does it, and one word of the answer is another: which, and
 *	what, is in fault_errno, see FAKE_FIELD()
 * @FAKE_FAULT_LATE: does it, and answers only when it is next asked by somebody
 *	else, or reset
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
	FAKE_FAULT_RESET,
	FAKE_FAULT_GONE,
	FAKE_FAULT_READD,
	FAKE_FAULT_FIELD,
	FAKE_FAULT_LATE,
	NR_FAKE_FAULTS
};

/* The words of 32 bits of an answer; the high half of 64 comes second. */
#define FAKE_FIELDS	8

enum fake_garbage {
	FAKE_ONE,
	FAKE_ALL_ONES,
	FAKE_TOP_BIT,
	FAKE_RANDOM,
	NR_FAKE_GARBAGE
};

#define FAKE_FIELD(field, garbage)	((field) + FAKE_FIELDS * (garbage))

extern const char *const fake_fault_names[NR_FAKE_FAULTS];

enum fake_state {
	FAKE_BROKEN,
	FAKE_INIT,
	FAKE_READY,
};

#define FAKE_BUFFERS	(PVMC_LEVELS * 8)
#define FAKE_LOG	64

/* What the VMM calls the CPU, whichever asks. */
#define FAKE_VCPU	5

/**
 * struct fake_vmm - a VMM and its device
 * @page_size: what INFO says
 * @major: what INFO says
 * @minor: what INFO says
 * @features: what FEATURES says; 0: it is not known
 * @vector_max: what FEATURES says
 * @zeroing: what FEATURES says
 * @shared: memory is shared: DONTNEED keeps it, REMOVE zeroes it
 * @shared_start: so is what is from here on, whatever @shared says
 * @zeroes: DONTNEED and REMOVE zero memory at all
 * @region_end: one region of RAM ends here, and another begins; 0: there is one
 * @ram_end: and here all ends; 0: it does not
 * @longest: ranges that are longer are refused; 0: none is
 * @fault: what goes wrong
 * @fault_errno: with which errno
 * @fault_skip: requests that go well before
 * @fault_count: how many go wrong then, -1 for all
 * @fault_entries: entries of a vector are what counts and goes wrong, not the
 *	vector
 * @entries_only: and no request that is not a vector
 * @fault_steps: all that is done with the device counts and goes wrong: what it
 *	takes to connect it, requests, and parting from it; for what becomes of
 *	the device itself
 * @handshake_fails: the handshake's step of this number fails; -1 for none
 * @on_kick: called for each request, before it is carried out
 * @on_done: called for each that was carried out, entries of a vector included
 * @on_readd: called for FAKE_FAULT_READD, with preemption off; NULL: nobody
 *	watches the bus
 * @records: where violations are to be written, or NULL
 * @sequence: of the last violation
 * @priv: for the test
 * @present: the device is on the bus
 * @state: of the handshake
 * @handshake_step: steps of the current handshake so far
 * @handshakes: times that READY was reached
 * @buffers: registered
 * @nr_buffers: how many
 * @requests: how many were carried out or faulted, INFO, FEATURES and VECTOR
 *	excepted, entries of vectors included
 * @infos: how many were INFO
 * @asked: how many were FEATURES
 * @asked_vcpu: how many were VIOLATION
 * @vectors: how many were VECTOR
 * @ignored: kicks of ids that are not known
 * @faults: how often something went wrong
 * @late: the buffer that is still to be answered, or NULL
 * @late_answer: with this
 * @log: the first FAKE_LOG of @requests
 */
struct fake_vmm {
	u64 page_size;
	u64 major;
	u64 minor;
	u64 features;
	u64 vector_max;
	u64 zeroing;
	bool shared;
	phys_addr_t shared_start;
	bool zeroes;
	u64 region_end;
	u64 ram_end;
	u64 longest;

	enum fake_fault fault;
	u32 fault_errno;
	int fault_skip;
	int fault_count;
	bool fault_entries;
	bool entries_only;
	bool fault_steps;
	int handshake_fails;
	void (*on_kick)(struct fake_vmm *vmm,
			const struct pvmemcontrol_vmm_call *call);
	void (*on_done)(struct fake_vmm *vmm,
			const struct pvmemcontrol_vmm_call *call);
	void (*on_readd)(struct fake_vmm *vmm);
	struct pvmemcontrol_violation *records;
	u64 sequence;
	void *priv;

	bool present;
	enum fake_state state;
	int handshake_step;
	int handshakes;
	phys_addr_t buffers[FAKE_BUFFERS];
	unsigned int nr_buffers;

	unsigned int requests;
	unsigned int infos;
	unsigned int asked;
	unsigned int asked_vcpu;
	unsigned int vectors;
	unsigned int ignored;
	unsigned int faults;
	struct pvmc_wire *late;
	struct pvmc_wire late_answer;
	struct pvmemcontrol_vmm_call log[FAKE_LOG];
};

extern const struct pvmc_transport_ops fake_vmm_ops;

struct fake_vmm *fake_vmm_new(struct kunit *test);
void fake_vmm_vectors(struct fake_vmm *vmm);
bool fake_vmm_violate(struct fake_vmm *vmm, u64 addr, u32 access, u32 vcpu,
		      u32 flags);
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
void fail_from_begin(struct kunit *test, int nth);
bool fail_from_end(struct kunit *test);
#endif

#endif /* _PVMC_FAKE_VMM_H */
