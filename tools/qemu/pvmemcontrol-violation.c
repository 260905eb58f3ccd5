/*
 * pvmemcontrol: the guest has touched what it has protected
 *
 * It is told by a record in the page that it has named for that, and an NMI; or
 * the VM is paused and the management told.
 *
 * DOC: Locking
 *
 * The list of devices and delivery belong to the iothread lock.  The page of
 * records and what is written into it belong to the device's lock: when the
 * guest has withdrawn the page, nothing is written to it any more.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "exec/cpu-common.h"
#include "qapi/qapi-events-machine.h"
#include "qapi/util.h"
#include "qemu/lockable.h"
#include "qemu/log.h"
#include "qemu/main-loop.h"
#include "sysemu/runstate.h"
#include "sysemu/sysemu.h"
#include "pvmemcontrol-internal.h"
#include "trace.h"

QEMU_BUILD_BUG_ON(sizeof(struct pvmemcontrol_violation) != 32);
QEMU_BUILD_BUG_ON(MEMORY_VIOLATION_READ != PVMEMCONTROL_ACCESS_READ);
QEMU_BUILD_BUG_ON(MEMORY_VIOLATION_WRITE != PVMEMCONTROL_ACCESS_WRITE);
QEMU_BUILD_BUG_ON(MEMORY_VIOLATION_FETCH != PVMEMCONTROL_ACCESS_FETCH);

const QEnumLookup pvmemcontrol_in_nmi_lookup = {
    .array = (const char *const[]) {
        [PVMEMCONTROL_IN_NMI_ALLOW] = "allow",
        [PVMEMCONTROL_IN_NMI_PAUSE] = "pause",
    },
    .size = 2,
};

static QTAILQ_HEAD(, PVMemcontrolState) devices =
    QTAILQ_HEAD_INITIALIZER(devices);
/* Read without a lock, to count */
static PVMemcontrolState *first_device;

PVMemcontrolState *pvmemcontrol_first_device(void)
{
    return qatomic_read(&first_device);
}

void pvmemcontrol_violation_add_device(PVMemcontrolState *s)
{
    QTAILQ_INSERT_TAIL(&devices, s, next);
    qatomic_set(&first_device, QTAILQ_FIRST(&devices));
}

void pvmemcontrol_violation_remove_device(PVMemcontrolState *s)
{
    QTAILQ_REMOVE(&devices, s, next);
    qatomic_set(&first_device, QTAILQ_FIRST(&devices));
}

bool pvmemcontrol_lets_through_in_nmi(void)
{
    PVMemcontrolState *s = pvmemcontrol_first_device();

    return s && qatomic_read(&s->in_nmi) == PVMEMCONTROL_IN_NMI_ALLOW;
}

/* -- The request --------------------------------------------------------- */

PVMemcontrolRet pvmemcontrol_violation_page(PVMemcontrolState *s,
                                            const PVMemcontrolCall *call)
{
    PVMemcontrolRet ret = {};
    hwaddr offset;

    if (call->addr &&
        (call->arg != PVMEMCONTROL_VIOLATION_NMI ||
         !QEMU_IS_ALIGNED(call->addr, PVMEMCONTROL_RECORD_PAGE) ||
         !pvmemcontrol_ram_find(s, call->addr, PVMEMCONTROL_RECORD_PAGE,
                                &offset))) {
        qemu_log_mask(LOG_GUEST_ERROR, "pvmemcontrol: no violations to 0x%"
                      PRIx64 " by way %" PRIu64 "\n", (uint64_t)call->addr,
                      (uint64_t)call->arg);
        ret.ret_errno = EINVAL;
        ret.ret_code = call->func_code;
        return ret;
    }
    WITH_QEMU_LOCK_GUARD(&s->lock) {
        s->violation_gpa = call->addr;
    }
    trace_pvmemcontrol_violation_page(call->addr);
    ret.ret_value = current_cpu ? current_cpu->cpu_index : 0;
    return ret;
}

/* -- Migration ----------------------------------------------------------- */

static bool violation_needed(void *opaque)
{
    PVMemcontrolState *s = opaque;

    return s->violation_gpa;
}

/* As for the request: records are aligned, and in one page. */
static int violation_post_load(void *opaque, int version_id)
{
    PVMemcontrolState *s = opaque;

    if (QEMU_IS_ALIGNED(s->violation_gpa, PVMEMCONTROL_RECORD_PAGE)) {
        return 0;
    }
    s->violation_gpa = 0;
    return -EINVAL;
}

const VMStateDescription pvmemcontrol_vmstate_violation = {
    .name = TYPE_PVMEMCONTROL "/violation",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = violation_needed,
    .post_load = violation_post_load,
    .fields = (VMStateField[]) {
        VMSTATE_UINT64(violation_gpa, PVMemcontrolState),
        VMSTATE_UINT64(violation_sequence, PVMemcontrolState),
        VMSTATE_END_OF_LIST()
    },
};

/* -- The guest is told --------------------------------------------------- */

typedef enum Told { TOLD, NO_HANDLER, NO_RECORD } Told;

/* With the device's lock, in an RCU critical section */
static Told write_record(PVMemcontrolState *s, CPUState *cpu,
                         const MemoryViolation *v)
{
    struct pvmemcontrol_violation *records, record = {
        .addr = cpu_to_le64(v->gpa),
        .access = cpu_to_le32(v->access),
        .vcpu = cpu_to_le32(cpu->cpu_index),
        .flags = cpu_to_le32(v->stopped ? PVMEMCONTROL_VIOLATION_STOPPED : 0),
    };
    PVMemcontrolRam *ram;
    hwaddr offset;
    int i;

    ram = s->violation_gpa ?
          pvmemcontrol_ram_find(s, s->violation_gpa, PVMEMCONTROL_RECORD_PAGE,
                                &offset) : NULL;
    if (!ram) {
        return NO_HANDLER;
    }
    records = (void *)((char *)ram->cache.ptr + offset);
    for (i = 0; i < PVMEMCONTROL_NR_RECORDS; i++) {
        if (qatomic_read(&records[i].sequence)) {
            continue;
        }
        memcpy((char *)&records[i] + sizeof(record.sequence),
               (char *)&record + sizeof(record.sequence),
               sizeof(record) - sizeof(record.sequence));
        /* Whoever sees the number sees the rest. */
        smp_wmb();
        qatomic_set(&records[i].sequence,
                    cpu_to_le64(++s->violation_sequence));
        address_space_cache_invalidate(&ram->cache,
                                       offset + i * sizeof(record),
                                       sizeof(record));
        return TOLD;
    }
    return NO_RECORD;
}

/* With the iothread lock.  @s: in the end the device that it is told through */
static Told tell(PVMemcontrolState **s, CPUState *cpu,
                 const MemoryViolation *v)
{
    Told told = NO_HANDLER;

    RCU_READ_LOCK_GUARD();
    QTAILQ_FOREACH(*s, &devices, next) {
        WITH_QEMU_LOCK_GUARD(&(*s)->lock) {
            told = write_record(*s, cpu, v);
        }
        if (told != NO_HANDLER) {
            return told;
        }
    }
    *s = QTAILQ_FIRST(&devices);
    return told;
}

/* -- The VM is paused ---------------------------------------------------- */

static PVMemcontrolAccessList *access_list(unsigned int access)
{
    PVMemcontrolAccessList *list = NULL, **tail = &list;

    if (access & PVMEMCONTROL_ACCESS_READ) {
        QAPI_LIST_APPEND(tail, PV_MEMCONTROL_ACCESS_READ);
    }
    if (access & PVMEMCONTROL_ACCESS_WRITE) {
        QAPI_LIST_APPEND(tail, PV_MEMCONTROL_ACCESS_WRITE);
    }
    if (access & PVMEMCONTROL_ACCESS_FETCH) {
        QAPI_LIST_APPEND(tail, PV_MEMCONTROL_ACCESS_FETCH);
    }
    return list;
}

/* With the iothread lock */
static void pause_vm(PVMemcontrolState *s, CPUState *cpu,
                     const MemoryViolation *v, PVMemcontrolPauseReason reason)
{
    g_autofree char *path = object_get_canonical_path(OBJECT(s));
    PVMemcontrolAccessList *access = access_list(v->access);
    const char *id = DEVICE(s)->id;

    stat64_add(&pvmemcontrol_counters(s)->violations_paused, 1);
    trace_pvmemcontrol_pause(v->gpa, v->access, cpu->cpu_index,
                             PVMemcontrolPauseReason_str(reason));
    qapi_event_send_pvmemcontrol_violation(!!id, id ?: "", path, reason,
                                           cpu->cpu_index, v->has_gpa, v->gpa,
                                           access, v->has_ip, v->ip);
    qapi_free_PVMemcontrolAccessList(access);
    vm_stop(RUN_STATE_PAUSED);
}

/* -- Violations ---------------------------------------------------------- */

/* The page may have been opened since; or nobody has protected it. */
static MemoryViolationVerdict still_forbidden(hwaddr gpa, void **host)
{
    MemoryViolationVerdict verdict = MEMORY_VIOLATION_NOT_OURS;
    PVMemcontrolState *s = QTAILQ_FIRST(&devices);
    PVMemcontrolRam *ram;
    PVMemcontrolBlock *b;
    hwaddr offset;
    size_t page;

    RCU_READ_LOCK_GUARD();
    ram = s ? pvmemcontrol_ram_find(s, gpa, 1, &offset) : NULL;
    *host = ram ? (char *)ram->cache.ptr + offset : NULL;
    b = ram ? pvmemcontrol_block_find(*host) : NULL;
    if (!b) {
        return verdict;
    }
    page = ((char *)*host - b->host) / b->page_size;
    pvmemcontrol_marks_lock();
    verdict = b->marks[page] & PVMEMCONTROL_MARK_FORBIDS &&
              !pvmemcontrol_page_in_use(b, page) ? MEMORY_VIOLATION_PAUSED :
                                                   MEMORY_VIOLATION_RETRY;
    pvmemcontrol_marks_unlock();
    return verdict;
}

/* With the iothread lock */
static MemoryViolationVerdict deliver(CPUState *cpu, const MemoryViolation *v,
                                      bool can_let_through)
{
    MemoryViolation record = *v;
    MemoryViolationVerdict verdict;
    PVMemcontrolState *s = QTAILQ_FIRST(&devices);
    bool allow;
    void *host;
    Told told;

    if (!v->has_gpa) {
        if (!s || !(pvmemcontrol_nr_ranges() || pvmemcontrol_nr_guards())) {
            return MEMORY_VIOLATION_NOT_OURS;
        }
        pause_vm(s, cpu, v, PV_MEMCONTROL_PAUSE_REASON_UNKNOWN_ADDRESS);
        return MEMORY_VIOLATION_PAUSED;
    }
    verdict = still_forbidden(v->gpa, &host);
    if (verdict != MEMORY_VIOLATION_PAUSED) {
        return verdict;
    }
    stat64_add(&pvmemcontrol_counters(s)->violations[v->access & 7], 1);

    allow = v->nmi_masked && pvmemcontrol_lets_through_in_nmi();
    if (v->nmi_masked && !allow) {
        pause_vm(s, cpu, v, PV_MEMCONTROL_PAUSE_REASON_NMI_MASKED);
        return MEMORY_VIOLATION_PAUSED;
    }
    record.stopped = v->stopped && !allow;
    told = tell(&s, cpu, &record);
    trace_pvmemcontrol_violation(v->gpa, v->access, cpu->cpu_index, v->ip,
                                 told == TOLD);
    if (told != TOLD || !pvmemcontrol_raise_nmi(cpu)) {
        pause_vm(s, cpu, v, told == NO_RECORD ?
                 PV_MEMCONTROL_PAUSE_REASON_NO_RECORD :
                 PV_MEMCONTROL_PAUSE_REASON_NO_HANDLER);
        return MEMORY_VIOLATION_PAUSED;
    }
    if (!allow) {
        return MEMORY_VIOLATION_RETRY;
    }
    stat64_add(&pvmemcontrol_counters(s)->violations_in_nmi, 1);
    if (can_let_through) {
        return MEMORY_VIOLATION_LET_THROUGH;
    }
    pvmemcontrol_open_a_while(host, 1);
    return MEMORY_VIOLATION_RETRY;
}

MemoryViolationVerdict pvmemcontrol_violation(CPUState *cpu,
                                              const MemoryViolation *violation,
                                              bool can_let_through)
{
    bool was_locked = qemu_mutex_iothread_locked();
    MemoryViolationVerdict verdict;

    if (!was_locked) {
        qemu_mutex_lock_iothread();
    }
    verdict = deliver(cpu, violation, can_let_through);
    if (!was_locked) {
        qemu_mutex_unlock_iothread();
    }
    return verdict;
}
