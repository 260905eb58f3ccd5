/*
 * pvmemcontrol: asking a host with KVM what it has refused
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_MISC_PVMEMCONTROL_KVM_H
#define HW_MISC_PVMEMCONTROL_KVM_H

#include "exec/hwaddr.h"

/**
 * pvmemcontrol_kvm_trace_start: Have the host say which page faults this
 * thread's vCPU has from now on.
 *
 * Returns false if the host does not let QEMU know.
 */
bool pvmemcontrol_kvm_trace_start(void);

/**
 * pvmemcontrol_kvm_trace_stop: End what pvmemcontrol_kvm_trace_start() began.
 * @gpa: guest physical address of the last page fault
 * @error_code: the processor's, as for a page fault
 *
 * Returns false if there was none.
 */
bool pvmemcontrol_kvm_trace_stop(hwaddr *gpa, uint64_t *error_code);

/* Whether it has been started, and not stopped, in this thread. */
bool pvmemcontrol_kvm_traces(void);

#endif
