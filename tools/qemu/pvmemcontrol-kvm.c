/*
 * pvmemcontrol: violations under KVM
 *
 * KVM_RUN fails with EFAULT.  A host that fills in a memory fault exit says
 * where it was.  Others say it nowhere in that interface, but they have a
 * tracepoint for a guest's page faults: so the vCPU is run once more with that
 * switched on.  It has the same fault again, as nothing has changed, or it has
 * meanwhile been interrupted, and has it later, or never.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "cpu.h"
#include "exec/memory-guard.h"
#include "qemu/module.h"
#include "sysemu/hw_accel.h"
#include "sysemu/kvm.h"
#include <linux/kvm.h>
#include "pvmemcontrol-kvm.h"
#include "trace.h"

/* Younger than the headers that QEMU comes with. */
#ifndef KVM_CAP_MEMORY_FAULT_INFO
#define KVM_CAP_MEMORY_FAULT_INFO 232
#define KVM_EXIT_MEMORY_FAULT 39
#endif

typedef struct MemoryFaultExit {
    uint64_t flags;
    uint64_t gpa;
    uint64_t size;
} MemoryFaultExit;

QEMU_BUILD_BUG_ON(sizeof(MemoryFaultExit) >
                  sizeof(struct kvm_run) - offsetof(struct kvm_run, hw));

/* Bits of a page fault's error code */
#define PAGE_FAULT_WRITE 0x2
#define PAGE_FAULT_FETCH 0x10

static unsigned int access_of(uint64_t error_code)
{
    return error_code & PAGE_FAULT_FETCH ? MEMORY_VIOLATION_FETCH :
           error_code & PAGE_FAULT_WRITE ? MEMORY_VIOLATION_WRITE :
                                           MEMORY_VIOLATION_READ;
}

/* Returns false if the vCPU is to be run again before anything can be said. */
static bool find_address(struct kvm_run *run, MemoryViolation *v)
{
    bool asked = pvmemcontrol_kvm_traces();
    uint64_t error_code;

    if (asked && pvmemcontrol_kvm_trace_stop(&v->gpa, &error_code)) {
        v->has_gpa = true;
        v->access = access_of(error_code);
    } else if (run->exit_reason == KVM_EXIT_MEMORY_FAULT &&
               kvm_check_extension(kvm_state, KVM_CAP_MEMORY_FAULT_INFO)) {
        v->has_gpa = true;
        v->gpa = ((MemoryFaultExit *)&run->hw)->gpa;
    } else if (!asked && pvmemcontrol_kvm_trace_start()) {
        return false;
    }
    return true;
}

/*
 * Whether an NMI would not come before the instruction is tried again.  Not
 * between CLGI and STGI; in the shadow of an instruction that holds interrupts
 * off, this one would have to end first, and so would the delivery of an event
 * whose frame could not be written.
 */
static bool nmi_comes_too_late(const CPUX86State *env)
{
    return env->hflags2 & HF2_NMI_MASK || !(env->hflags2 & HF2_GIF_MASK) ||
           env->hflags & HF_INHIBIT_IRQ_MASK || env->nmi_injected ||
           env->exception_injected || env->interrupt_injected >= 0;
}

static int memory_fault(CPUState *cpu, struct kvm_run *run)
{
    CPUX86State *env = &X86_CPU(cpu)->env;
    MemoryViolation v = { .stopped = true, .has_ip = true };

    if (!find_address(run, &v)) {
        return 0;
    }
    cpu_synchronize_state(cpu);
    v.ip = env->segs[R_CS].base + env->eip;
    v.nmi_masked = nmi_comes_too_late(env);
    trace_pvmemcontrol_kvm_fault(cpu->cpu_index, v.ip, v.has_gpa, v.gpa,
                                 v.access);

    switch (memory_guard_violation(cpu, &v, false)) {
    case MEMORY_VIOLATION_RETRY:
        return 0;
    case MEMORY_VIOLATION_PAUSED:
        return EXCP_INTERRUPT;
    default:
        return -1;
    }
}

static void pvmemcontrol_kvm_init(void)
{
    kvm_memory_fault_handler = memory_fault;
}

type_init(pvmemcontrol_kvm_init);
