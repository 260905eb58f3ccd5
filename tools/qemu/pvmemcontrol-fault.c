/*
 * pvmemcontrol: fault injection
 *
 * A driver must survive a VMM that refuses, lies, falls silent or answers
 * nonsense.  This makes the device such a VMM, for chosen requests.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/lockable.h"
#include "pvmemcontrol-internal.h"
#include "trace.h"

static const char *const fault_mode_names[] = {
    [PVMEMCONTROL_FAULT_NONE] = "none",
    [PVMEMCONTROL_FAULT_SILENT] = "silent",
    [PVMEMCONTROL_FAULT_ERRNO] = "errno",
    [PVMEMCONTROL_FAULT_REFUSE] = "refuse",
    [PVMEMCONTROL_FAULT_LIE] = "lie",
    [PVMEMCONTROL_FAULT_GARBAGE] = "garbage",
    [PVMEMCONTROL_FAULT_DELAY] = "delay",
    [PVMEMCONTROL_FAULT_PARTIAL] = "partial",
};

const QEnumLookup pvmemcontrol_fault_mode_lookup = {
    .array = fault_mode_names,
    .size = ARRAY_SIZE(fault_mode_names),
};

/* The bit of a function code in the mask of those that are eligible, or 0 */
static uint64_t code_bit(uint64_t func_code)
{
    if (func_code < 32) {
        return UINT64_C(1) << func_code;
    }
    if (func_code >= 0x100 && func_code < 0x120) {
        return UINT64_C(1) << (func_code - 0x100 + 32);
    }
    return 0;
}

void pvmemcontrol_faults_init(PVMemcontrolFaults *f)
{
    qemu_mutex_init(&f->lock);
    f->mode = PVMEMCONTROL_FAULT_NONE;
    f->host_errno = EIO;
    f->period = 1;
    f->count = -1;
    /* Not these: a driver that cannot even attach is rarely what is wanted. */
    f->codes = ~(code_bit(PVMEMCONTROL_INFO) |
                 code_bit(PVMEMCONTROL_FEATURES));
    /* Always the same: what a test has found must show again. */
    f->random = UINT64_C(0x9e3779b97f4a7c15);
}

void pvmemcontrol_faults_destroy(PVMemcontrolFaults *f)
{
    qemu_mutex_destroy(&f->lock);
}

void pvmemcontrol_faults_set_mode(PVMemcontrolFaults *f,
                                  PVMemcontrolFaultMode mode)
{
    QEMU_LOCK_GUARD(&f->lock);
    f->phase = 0;
    qatomic_set(&f->mode, mode);
}

/* xorshift64 */
static uint64_t next_random(PVMemcontrolFaults *f)
{
    uint64_t x = f->random;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return f->random = x;
}

bool pvmemcontrol_fault_next(PVMemcontrolState *s, uint64_t func_code,
                             PVMemcontrolFault *fault)
{
    PVMemcontrolFaults *f = &s->faults;
    uint64_t r;

    if (likely(qatomic_read(&f->mode) == PVMEMCONTROL_FAULT_NONE)) {
        return false;
    }

    WITH_QEMU_LOCK_GUARD(&f->lock) {
        if (f->mode == PVMEMCONTROL_FAULT_NONE || !f->period || !f->count ||
            !(f->codes & code_bit(func_code))) {
            return false;
        }
        if (++f->phase < f->period) {
            return false;
        }
        f->phase = 0;
        if (f->count > 0) {
            f->count--;
        }

        fault->mode = f->mode;
        fault->host_errno = f->host_errno;
        fault->delay_ms = f->delay_ms;
        r = next_random(f);
        fault->garbage = (PVMemcontrolRet) {
            .ret_errno = r,
            .ret_code = r >> 32,
            .ret_value = next_random(f),
            .arg0 = next_random(f),
            .arg1 = next_random(f),
        };
    }

    stat64_add(&pvmemcontrol_counters(s)->faults_injected, 1);
    trace_pvmemcontrol_fault(func_code, fault_mode_names[fault->mode]);
    return true;
}
