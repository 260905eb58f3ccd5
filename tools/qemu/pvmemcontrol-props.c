/*
 * pvmemcontrol: QOM properties
 *
 * Counters for whoever measures, and the switches of the fault injection,
 * which unlike ordinary device properties can be set while the guest runs.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/lockable.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "hw/core/cpu.h"
#include "pvmemcontrol-internal.h"

PVMemcontrolCounters *pvmemcontrol_counters(PVMemcontrolState *s)
{
    unsigned int shard = current_cpu ? current_cpu->cpu_index : 0;

    return &s->counters[shard % PVMEMCONTROL_NR_SHARDS];
}

/* Sums up one counter, given by its offset, over all shards. */
static uint64_t counter_sum(PVMemcontrolState *s, size_t offset)
{
    uint64_t sum = 0;
    int i;

    for (i = 0; i < PVMEMCONTROL_NR_SHARDS; i++) {
        sum += stat64_get((Stat64 *)((char *)&s->counters[i] + offset));
    }
    return sum;
}

typedef struct Counter {
    const char *name;
    size_t offset;
    const char *description;
} Counter;

#define REQUESTS(code, suffix) {                                    \
        "requests-" suffix,                                         \
        offsetof(PVMemcontrolCounters, requests[code]),             \
        "requests with this function code",                         \
    }
#define COUNTER(field, name, description) {                         \
        name, offsetof(PVMemcontrolCounters, field), description,   \
    }

static const Counter counters[] = {
    REQUESTS(PVMEMCONTROL_INFO, "info"),
    REQUESTS(PVMEMCONTROL_DONTNEED, "dontneed"),
    REQUESTS(PVMEMCONTROL_REMOVE, "remove"),
    REQUESTS(PVMEMCONTROL_FREE, "free"),
    REQUESTS(PVMEMCONTROL_PAGEOUT, "pageout"),
    REQUESTS(PVMEMCONTROL_DONTDUMP, "dontdump"),
    REQUESTS(PVMEMCONTROL_SET_VMA_ANON_NAME, "set-vma-anon-name"),
    REQUESTS(PVMEMCONTROL_MLOCK, "mlock"),
    REQUESTS(PVMEMCONTROL_MUNLOCK, "munlock"),
    REQUESTS(PVMEMCONTROL_MPROTECT_NONE, "mprotect-none"),
    REQUESTS(PVMEMCONTROL_MPROTECT_R, "mprotect-r"),
    REQUESTS(PVMEMCONTROL_MPROTECT_W, "mprotect-w"),
    REQUESTS(PVMEMCONTROL_MPROTECT_RW, "mprotect-rw"),
    REQUESTS(PVMEMCONTROL_MERGEABLE, "mergeable"),
    REQUESTS(PVMEMCONTROL_UNMERGEABLE, "unmergeable"),
    REQUESTS(PVMEMCONTROL_KIND_FEATURES, "features"),
    REQUESTS(PVMEMCONTROL_KIND_VECTOR, "vector"),
    REQUESTS(PVMEMCONTROL_KIND_VIOLATION, "violation"),
    REQUESTS(PVMEMCONTROL_KIND_GUARD, "guard"),
    REQUESTS(PVMEMCONTROL_KIND_UNGUARD, "unguard"),
    COUNTER(requests[PVMEMCONTROL_KIND_UNKNOWN], "requests-unknown",
            "requests with a function code that the device does not know"),
    COUNTER(vector_entries, "vector-entries",
            "requests that came as entries of a vector"),
    COUNTER(errors, "errors", "answers with an errno"),
    COUNTER(refused, "refused", "answers that refuse the request itself"),
    COUNTER(ignored, "ignored",
            "connection ids written that got no answer: not registered, or "
            "not by a vCPU, or the device was not ready, or the buffer is no "
            "RAM any more"),
    COUNTER(bytes_discarded, "bytes-discarded",
            "bytes whose content was dropped"),
    COUNTER(faults_injected, "faults-injected",
            "requests that went wrong on demand, and failures of the device"),
    COUNTER(violations[PVMEMCONTROL_ACCESS_READ], "violations-read",
            "reads by a vCPU that a protection forbids"),
    COUNTER(violations[PVMEMCONTROL_ACCESS_WRITE], "violations-write",
            "writes by a vCPU that a protection forbids"),
    COUNTER(violations[PVMEMCONTROL_ACCESS_FETCH], "violations-fetch",
            "instructions that a protection forbids a vCPU to read"),
    COUNTER(violations_in_nmi, "violations-in-nmi",
            "of the violations: let through, as the guest took no NMI"),
    COUNTER(violations_paused, "violations-paused",
            "how often the VM was paused because of a violation"),
    COUNTER(own_accesses, "own-accesses",
            "accesses by QEMU itself to protected memory, let through; of the "
            "process, counted by its first device"),
};

static void get_counter(Object *obj, Visitor *v, const char *name,
                        void *opaque, Error **errp)
{
    const Counter *counter = opaque;
    uint64_t value = counter_sum(PVMEMCONTROL(obj), counter->offset);

    visit_type_uint64(v, name, &value, errp);
}

static void get_requests_total(Object *obj, Visitor *v, const char *name,
                               void *opaque, Error **errp)
{
    uint64_t value = 0;
    int i;

    for (i = 0; i < PVMEMCONTROL_NR_KINDS; i++) {
        value += counter_sum(PVMEMCONTROL(obj),
                             offsetof(PVMemcontrolCounters, requests[i]));
    }
    visit_type_uint64(v, name, &value, errp);
}

/* Those of the hook that an accelerator has not told the kind of as well */
static void get_violations_total(Object *obj, Visitor *v, const char *name,
                                 void *opaque, Error **errp)
{
    PVMemcontrolCounters *c;
    uint64_t value = 0;
    int i;

    for (i = 0; i < ARRAY_SIZE(c->violations); i++) {
        value += counter_sum(PVMEMCONTROL(obj),
                             offsetof(PVMemcontrolCounters, violations[i]));
    }
    visit_type_uint64(v, name, &value, errp);
}

static void get_number(Object *obj, Visitor *v, const char *name,
                       void *opaque, Error **errp)
{
    uint64_t (*number)(void) = opaque;
    uint64_t value = number();

    visit_type_uint64(v, name, &value, errp);
}

static void get_connections(Object *obj, Visitor *v, const char *name,
                            void *opaque, Error **errp)
{
    uint64_t value = pvmemcontrol_nr_connections(PVMEMCONTROL(obj));

    visit_type_uint64(v, name, &value, errp);
}

/* The numbers of the fault injection, by the type that a visitor needs */
typedef struct FaultNumber {
    const char *name;
    const char *type;
    size_t offset;
    const char *description;
} FaultNumber;

#define FAULT_NUMBER(field, type, name, description) {              \
        name, type, offsetof(PVMemcontrolFaults, field), description, \
    }

static const FaultNumber fault_numbers[] = {
    FAULT_NUMBER(host_errno, "uint32", "x-fault-errno",
                 "what x-fault-mode=errno answers"),
    FAULT_NUMBER(period, "uint32", "x-fault-period",
                 "every how many eligible requests one goes wrong; 0: none"),
    FAULT_NUMBER(delay_ms, "uint32", "x-fault-delay-ms",
                 "how long x-fault-mode=delay waits"),
    FAULT_NUMBER(count, "int64", "x-fault-count",
                 "how many requests are still to go wrong; -1: no limit"),
    FAULT_NUMBER(codes, "uint64", "x-fault-codes",
                 "bit mask of the function codes that are eligible; bit 32 + n is "
                 "code 0x100 + n"),
};

static bool visit_fault_number(Visitor *v, const FaultNumber *n,
                               PVMemcontrolFaults *f, Error **errp)
{
    void *field = (char *)f + n->offset;

    if (!strcmp(n->type, "uint32")) {
        return visit_type_uint32(v, n->name, field, errp);
    }
    if (!strcmp(n->type, "int64")) {
        return visit_type_int64(v, n->name, field, errp);
    }
    return visit_type_uint64(v, n->name, field, errp);
}

static void access_fault_number(Object *obj, Visitor *v, const char *name,
                                void *opaque, Error **errp)
{
    PVMemcontrolFaults *f = &PVMEMCONTROL(obj)->faults;

    QEMU_LOCK_GUARD(&f->lock);
    if (visit_fault_number(v, opaque, f, errp)) {
        /* Counting starts anew, so that a test knows which request it is. */
        f->phase = visit_is_input(v) ? 0 : f->phase;
    }
}

static int get_fault_mode(Object *obj, Error **errp)
{
    return qatomic_read(&PVMEMCONTROL(obj)->faults.mode);
}

static void set_fault_mode(Object *obj, int mode, Error **errp)
{
    pvmemcontrol_faults_set_mode(&PVMEMCONTROL(obj)->faults, mode);
}

static int get_in_nmi(Object *obj, Error **errp)
{
    return qatomic_read(&PVMEMCONTROL(obj)->in_nmi);
}

static void set_in_nmi(Object *obj, int policy, Error **errp)
{
    qatomic_set(&PVMEMCONTROL(obj)->in_nmi, policy);
}

static bool get_forget(Object *obj, Error **errp)
{
    return false;
}

static void set_forget(Object *obj, bool value, Error **errp)
{
    if (value) {
        pvmemcontrol_forget(PVMEMCONTROL(obj));
    }
}

void pvmemcontrol_class_add_properties(ObjectClass *klass)
{
    int i;

    for (i = 0; i < ARRAY_SIZE(counters); i++) {
        object_class_property_add(klass, counters[i].name, "uint64",
                                  get_counter, NULL, NULL,
                                  (void *)&counters[i]);
        object_class_property_set_description(klass, counters[i].name,
                                              counters[i].description);
    }
    object_class_property_add(klass, "requests-total", "uint64",
                              get_requests_total, NULL, NULL, NULL);
    object_class_property_set_description(klass, "requests-total",
                                          "requests of any function code, entries of "
                                          "vectors included");
    object_class_property_add(klass, "connections", "uint64",
                              get_connections, NULL, NULL, NULL);
    object_class_property_set_description(klass, "connections",
                                          "buffers that are registered");
    object_class_property_add(klass, "violations-total", "uint64",
                              get_violations_total, NULL, NULL, NULL);
    object_class_property_set_description(klass, "violations-total",
                                          "accesses by a vCPU that a protection forbids");
    object_class_property_add(klass, "ranges", "uint64", get_number, NULL,
                              NULL, pvmemcontrol_nr_ranges);
    object_class_property_set_description(klass, "ranges",
                                          "ranges of RAM now that are protected, locked, "
                                          "named or advised alike");
    object_class_property_add(klass, "locked-bytes", "uint64", get_number,
                              NULL, NULL, pvmemcontrol_locked_bytes);
    object_class_property_set_description(klass, "locked-bytes",
                                          "bytes of RAM that are locked now");
    object_class_property_add(klass, "guards", "uint64", get_number, NULL,
                              NULL, pvmemcontrol_nr_guards);
    object_class_property_set_description(klass, "guards",
                                          "pages of RAM that are guarded now");
    object_class_property_add(klass, "guards-installed", "uint64", get_number,
                              NULL, NULL, pvmemcontrol_nr_guards_installed);
    object_class_property_set_description(klass, "guards-installed",
                                          "of them, those that take no mapping of the host");
    object_class_property_add(klass, "protect-calls", "uint64", get_number,
                              NULL, NULL, pvmemcontrol_nr_protect_calls);
    object_class_property_set_description(klass, "protect-calls",
                                          "how often the host was told to protect or to open "
                                          "pages; of the process");
    object_class_property_add_enum(klass, "violation-in-nmi",
                                   "PVMemcontrolInNmi",
                                   &pvmemcontrol_in_nmi_lookup,
                                   get_in_nmi, set_in_nmi);
    object_class_property_set_description(klass, "violation-in-nmi",
                                          "a violation while NMIs are masked: allow it, and "
                                          "tell afterwards; or pause the VM");

    for (i = 0; i < ARRAY_SIZE(fault_numbers); i++) {
        object_class_property_add(klass, fault_numbers[i].name,
                                  fault_numbers[i].type,
                                  access_fault_number, access_fault_number,
                                  NULL, (void *)&fault_numbers[i]);
        object_class_property_set_description(klass, fault_numbers[i].name,
                                              fault_numbers[i].description);
    }
    object_class_property_add_enum(klass, "x-fault-mode",
                                   "PVMemcontrolFaultMode",
                                   &pvmemcontrol_fault_mode_lookup,
                                   get_fault_mode, set_fault_mode);
    object_class_property_set_description(klass, "x-fault-mode",
                                          "what goes wrong");
    pvmemcontrol_fail_add_properties(klass);
    pvmemcontrol_open_add_properties(klass);
    object_class_property_add_bool(klass, "x-forget", get_forget, set_forget);
    object_class_property_set_description(klass, "x-forget",
                                          "write true: lose all connections");
}
