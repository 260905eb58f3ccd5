/*
 * pvmemcontrol: guest control over how the host backs guest memory
 *
 * What the files of the device model share.  pvmemcontrol.c has the PCI
 * function, its registers and its state; -connections.c the buffers that were
 * registered; -request.c what a request does; -memory.c the guest's RAM and the
 * host system calls that do not last; pvmemcontrol-marks.h is about those that
 * do, -carry.c how all of that migrates; -access.c what happens when QEMU
 * touches a protected page and -step.c how it is let, -violation.c when the
 * guest does, -tcg.c how TCG finds out; -fault.c the fault injection, -fail.c
 * the device itself failing; -props.c the QOM properties.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_MISC_PVMEMCONTROL_INTERNAL_H
#define HW_MISC_PVMEMCONTROL_INTERNAL_H

#include <linux/pvmemcontrol.h>
#include <linux/pvmemcontrol_pci.h>

#include "exec/memory.h"
#include "exec/memory-guard.h"
#include "hw/pci/pci.h"
#include "migration/vmstate.h"
#include "qapi/util.h"
#include "qemu/rcu.h"
#include "qemu/stats64.h"
#include "qemu/thread.h"
#include "qom/object.h"

#define TYPE_PVMEMCONTROL "pvmemcontrol"
OBJECT_DECLARE_SIMPLE_TYPE(PVMemcontrolState, PVMEMCONTROL)

/* A request, in host byte order */
typedef struct pvmemcontrol_vmm_call PVMemcontrolCall;
/* An answer, in host byte order */
typedef struct pvmemcontrol_vmm_ret PVMemcontrolRet;

#include "pvmemcontrol-marks.h"

QEMU_BUILD_BUG_ON(sizeof(struct pvmemcontrol_buf) != PVMEMCONTROL_BUF_SIZE);

/* The newest minor version of the protocol that the device speaks */
#define PVMEMCONTROL_VERSION_MINOR 1

typedef enum PVMemcontrolPhase {
    /* Migrated: the values are fixed. */
    PVMEMCONTROL_BROKEN = 0,
    PVMEMCONTROL_INIT = 1,
    PVMEMCONTROL_WORKING = 2,
} PVMemcontrolPhase;

/* -- Connections --------------------------------------------------------- */

/*
 * The buffers that were registered; a connection id is an index with
 * PVMEMCONTROL_CONNECTION_ID set.  Looked up by vCPUs without a lock: an entry
 * is written before @count covers it, and the table is replaced when it has to
 * grow.
 */
typedef struct PVMemcontrolConnections {
    struct rcu_head rcu;
    uint32_t count;
    uint32_t capacity;
    uint64_t gpa[];
} PVMemcontrolConnections;

PVMemcontrolConnections *pvmemcontrol_connections_new(uint32_t capacity);
/* The rest of these with the device's lock */
void pvmemcontrol_connections_replace(PVMemcontrolState *s,
                                      PVMemcontrolConnections *c);
/* Returns the new id, or 0 if there are too many already. */
uint32_t pvmemcontrol_connections_add(PVMemcontrolState *s, uint64_t gpa);
/* In an RCU critical section, without the lock */
bool pvmemcontrol_connections_find(PVMemcontrolState *s, uint32_t id,
                                   uint64_t *gpa);

/* -- Guest memory -------------------------------------------------------- */

/* A range of guest physical addresses with RAM of one memory region behind */
typedef struct PVMemcontrolRam {
    hwaddr start;
    hwaddr size;
    RAMBlock *block;
    /* Holds a reference to the memory region; covers the whole range. */
    MemoryRegionCache cache;
} PVMemcontrolRam;

/* All RAM of the guest, ascending.  Immutable; RCU-protected. */
typedef struct PVMemcontrolMap {
    struct rcu_head rcu;
    /* Bit set of the function codes that leave zeroes in any of it */
    uint64_t zeroing;
    unsigned int nr;
    PVMemcontrolRam ram[];
} PVMemcontrolMap;

/**
 * pvmemcontrol_ram_find - find the RAM behind a range of guest addresses
 *
 * Returns NULL unless @len is not 0 and the whole range is writable RAM of one
 * memory region.  Call it in an RCU critical section, which is how long the
 * result is good for.
 */
PVMemcontrolRam *pvmemcontrol_ram_find(PVMemcontrolState *s, hwaddr gpa,
                                       hwaddr len, hwaddr *offset);

/**
 * pvmemcontrol_ram_call - do the host system call of a function code
 * @ram: what the range is in
 * @offset: where it begins in @ram
 * @len: its length, which may differ from what @call says
 *
 * Returns the errno of the host, 0 on success.  Call it in the RCU critical
 * section of pvmemcontrol_ram_find().
 */
int pvmemcontrol_ram_call(PVMemcontrolState *s, PVMemcontrolRam *ram,
                          hwaddr offset, hwaddr len,
                          const PVMemcontrolCall *call);

/**
 * pvmemcontrol_ram_zeroing - what FEATURES says about the guest's RAM
 *
 * Returns a bit set, by function code, of the operations that leave zeroes,
 * whatever part of the RAM that the guest has now they succeed on.  Call it in
 * an RCU critical section.
 */
uint64_t pvmemcontrol_ram_zeroing(PVMemcontrolState *s);

/* The guest physical address of a host address; call it under RCU. */
bool pvmemcontrol_ram_gpa(PVMemcontrolState *s, const void *host, hwaddr *gpa);

void pvmemcontrol_memory_init(PVMemcontrolState *s);
void pvmemcontrol_memory_exit(PVMemcontrolState *s);
/* A number that differs where RAM is backed otherwise: what discards do then */
uint32_t pvmemcontrol_memory_kind(void);

/* What leaves zeroes in this block, as a bit set by function code */
uint64_t pvmemcontrol_block_zeroing(RAMBlock *block);

/* -- Accesses ------------------------------------------------------------ */

/*
 * Opens a page for the instruction of the host at which a signal handler was
 * entered, given its context; or for longer, if @own, an access of QEMU's own,
 * is one of many.
 */
void pvmemcontrol_step(void *context, PVMemcontrolBlock *b, size_t page,
                       bool own);
void pvmemcontrol_step_init(void);
/* Opens a page, and the @nr - 1 behind it, until the main loop gets to it. */
void pvmemcontrol_open_a_while(const void *host, size_t nr);
/* Forgets pages of a block that were opened for a while: it is going. */
void pvmemcontrol_access_block_gone(PVMemcontrolBlock *b);

void pvmemcontrol_access_init(void);
/* A driver comes, or what one has had done: count who uses pages. */
void pvmemcontrol_access_expect(void);

/*
 * A fault at an instruction of the host, in the thread of a vCPU under TCG.
 * Returns only if the page is to be opened for this access: whether it was not
 * made on behalf of a guest's instruction; else the guest cannot be told.
 */
bool pvmemcontrol_tcg_fault(uintptr_t host_pc, void *host, bool is_write);

/* Drops what was translated from this range of a block: it may forbid that. */
void pvmemcontrol_tcg_forget(RAMBlock *block, ram_addr_t offset, hwaddr len);

void pvmemcontrol_count_own_access(void *host, bool is_write, uint64_t nr);

/* -- Violations ---------------------------------------------------------- */

#define PVMEMCONTROL_RECORD_PAGE 4096
#define PVMEMCONTROL_NR_RECORDS \
    (PVMEMCONTROL_RECORD_PAGE / sizeof(struct pvmemcontrol_violation))

typedef enum PVMemcontrolInNmi {
    PVMEMCONTROL_IN_NMI_ALLOW,
    PVMEMCONTROL_IN_NMI_PAUSE,
} PVMemcontrolInNmi;

extern const QEnumLookup pvmemcontrol_in_nmi_lookup;
extern const VMStateDescription pvmemcontrol_vmstate_violation;

/* VIOLATION, the request */
PVMemcontrolRet pvmemcontrol_violation_page(PVMemcontrolState *s,
                                            const PVMemcontrolCall *call);

/* What the hook for accelerators leads to */
MemoryViolationVerdict pvmemcontrol_violation(CPUState *cpu,
                                              const MemoryViolation *violation,
                                              bool can_let_through);

/* By policy: an access that the guest cannot be told of now */
bool pvmemcontrol_lets_through_in_nmi(void);

/* With the iothread lock.  Makes an NMI pending; false: there is none here. */
bool pvmemcontrol_raise_nmi(CPUState *cpu);

/* All devices; the first one counts what is nobody's in particular. */
void pvmemcontrol_violation_add_device(PVMemcontrolState *s);
void pvmemcontrol_violation_remove_device(PVMemcontrolState *s);
PVMemcontrolState *pvmemcontrol_first_device(void);

/* -- Counters ------------------------------------------------------------ */

/* Kinds of requests: the function codes of 1.0, and then these */
enum {
    PVMEMCONTROL_KIND_FEATURES = PVMEMCONTROL_NR_FUNC_1_0,
    PVMEMCONTROL_KIND_VECTOR,
    PVMEMCONTROL_KIND_VIOLATION,
    PVMEMCONTROL_KIND_GUARD,
    PVMEMCONTROL_KIND_UNGUARD,
    PVMEMCONTROL_KIND_UNKNOWN,
    PVMEMCONTROL_NR_KINDS,
};

typedef struct PVMemcontrolCounters {
    Stat64 requests[PVMEMCONTROL_NR_KINDS];
    Stat64 vector_entries;
    Stat64 errors;
    Stat64 refused;
    Stat64 ignored;
    Stat64 bytes_discarded;
    Stat64 faults_injected;
    /* By the bits of their access, so that 0 is: unknown */
    Stat64 violations[8];
    Stat64 violations_in_nmi;
    Stat64 violations_paused;
    Stat64 own_accesses;
} QEMU_ALIGNED(64) PVMemcontrolCounters;

/* vCPUs count apart, so that they do not fight for a cache line. */
#define PVMEMCONTROL_NR_SHARDS 32

PVMemcontrolCounters *pvmemcontrol_counters(PVMemcontrolState *s);

void pvmemcontrol_class_add_properties(ObjectClass *klass);

/* -- Fault injection ----------------------------------------------------- */

typedef enum PVMemcontrolFaultMode {
    PVMEMCONTROL_FAULT_NONE,
    PVMEMCONTROL_FAULT_SILENT,
    PVMEMCONTROL_FAULT_ERRNO,
    PVMEMCONTROL_FAULT_REFUSE,
    PVMEMCONTROL_FAULT_LIE,
    PVMEMCONTROL_FAULT_GARBAGE,
    PVMEMCONTROL_FAULT_DELAY,
    PVMEMCONTROL_FAULT_PARTIAL,
} PVMemcontrolFaultMode;

extern const QEnumLookup pvmemcontrol_fault_mode_lookup;

typedef struct PVMemcontrolFaults {
    /* Written under @lock; read without it to see that nothing is asked for. */
    uint32_t mode;

    /* All below belongs to @lock. */
    QemuMutex lock;
    uint32_t host_errno;
    uint32_t period;
    uint32_t delay_ms;
    int64_t count;
    /* Bit n: function code n; bit 32 + n: function code 0x100 + n */
    uint64_t codes;
    /* Eligible requests since the last injection */
    uint32_t phase;
    uint64_t random;
} PVMemcontrolFaults;

/* What is to go wrong with one request */
typedef struct PVMemcontrolFault {
    PVMemcontrolFaultMode mode;
    uint32_t host_errno;
    uint32_t delay_ms;
    /* Garbage for an answer */
    PVMemcontrolRet garbage;
} PVMemcontrolFault;

void pvmemcontrol_faults_init(PVMemcontrolFaults *f);
void pvmemcontrol_faults_destroy(PVMemcontrolFaults *f);
void pvmemcontrol_faults_set_mode(PVMemcontrolFaults *f,
                                  PVMemcontrolFaultMode mode);

/**
 * pvmemcontrol_fault_next - decide whether a request of @func_code goes wrong
 *
 * Returns true if so; @fault then says how.
 */
bool pvmemcontrol_fault_next(PVMemcontrolState *s, uint64_t func_code,
                             PVMemcontrolFault *fault);

/* -- The device fails ---------------------------------------------------- */

typedef enum PVMemcontrolFailHow {
    PVMEMCONTROL_FAIL_NONE,
    PVMEMCONTROL_FAIL_BREAK,
    PVMEMCONTROL_FAIL_RESET,
    PVMEMCONTROL_FAIL_SILENT,
    PVMEMCONTROL_FAIL_GONE,
    PVMEMCONTROL_FAIL_UNPLUG,
    PVMEMCONTROL_FAIL_REMOVE,
} PVMemcontrolFailHow;

typedef struct PVMemcontrolFail {
    /* Written under @lock; read without it to see that nothing is asked for. */
    bool engaged;

    /* All below belongs to @lock. */
    QemuMutex lock;
    PVMemcontrolFailHow how;
    /* At which access from now on; 0: at none */
    uint32_t after;
    /* It has, and takes no notice of accesses until told otherwise. */
    bool failed;
} PVMemcontrolFail;

void pvmemcontrol_fail_init(PVMemcontrolFail *f);
void pvmemcontrol_fail_destroy(PVMemcontrolFail *f);
void pvmemcontrol_fail_add_properties(ObjectClass *klass);

/**
 * pvmemcontrol_fail_access - count an access to the registers, and fail at it
 * @read: set to what a read gets if the device takes no notice
 *
 * Returns true if the device takes no notice of this access.  Call it with no
 * lock of the device's.
 */
bool pvmemcontrol_fail_access(PVMemcontrolState *s, uint64_t *read);

/* -- Requests ------------------------------------------------------------ */

/**
 * pvmemcontrol_request - execute the request in a buffer, and answer it there
 * @id: the connection whose buffer it is
 * @ram: what the buffer is in
 * @offset: where it begins in @ram
 *
 * Call it in the RCU critical section of pvmemcontrol_ram_find().
 */
void pvmemcontrol_request(PVMemcontrolState *s, uint32_t id,
                          PVMemcontrolRam *ram, hwaddr offset);

/*
 * Has this vCPU been asked to stop, or to do work for somebody, or is the end
 * of its RCU critical section waited for, and is it about time, in a request?
 * Whoever has done something, and has more to do, or has waited for others that
 * had, leaves that with EAGAIN.
 */
bool pvmemcontrol_must_leave(void);

/* -- The device ---------------------------------------------------------- */

struct PVMemcontrolState {
    PCIDevice parent_obj;

    MemoryRegion mmio;
    uint32_t max_connections;
    uint32_t version_minor;
    /* Requests are executed whoever makes them: for tests, without a vCPU */
    bool from_anywhere;

    /*
     * Serializes changes of the registers, of @phase and of @connections.
     * Never held while taking the iothread lock.
     */
    QemuMutex lock;
    uint64_t payload;
    uint32_t command;
    uint32_t phase;
    PVMemcontrolConnections *connections;

    MemoryListener listener;
    /* Replaced by the listener, under the iothread lock */
    PVMemcontrolMap *map;
    /* RAM sections of the map that is being put together */
    GArray *sections;
    /*
     * It is being unplugged, and vCPUs may still be executing requests: these
     * do nothing that lasts, which nobody would undo, and have no answer.
     * Set under the lock of the marks.
     */
    bool gone;
    /*
     * This guest has told the host anything that lasts.  Changed under the
     * lock of the marks, together with these, or the first of them could be
     * made while a reset takes note that there are none.
     */
    bool has_told;
    uint32_t max_ranges;
    uint64_t max_locked_bytes;
    bool no_guard_install;
    /* Set by vCPUs, migrated: the minor version that this guest counts on */
    uint32_t used_minor;

    /*
     * Where records go, 0: nowhere, and the number of the last.  Written
     * under the iothread lock or, by a request, by whoever comes last.
     */
    uint64_t violation_gpa;
    uint64_t violation_sequence;
    uint32_t in_nmi;
    QTAILQ_ENTRY(PVMemcontrolState) next;

    PVMemcontrolFaults faults;
    PVMemcontrolFail fail;
    PVMemcontrolCounters *counters;

    /*
     * For and from a migration stream, which may end within any of them:
     * @phase; @connections, flat; @has_told; and pvmemcontrol_memory_kind()
     * where the guest came from
     */
    uint32_t saved_phase;
    uint32_t saved_count;
    uint64_t *saved_gpa;
    bool saved_told;
    uint32_t saved_kind;
    /* Only a place in the VMState: the marks are of the process. */
    bool saved_marks;
};

/* Back to how the device starts: BROKEN, no connection */
void pvmemcontrol_forget(PVMemcontrolState *s);

/* The number of registered buffers */
uint32_t pvmemcontrol_nr_connections(PVMemcontrolState *s);

#endif /* HW_MISC_PVMEMCONTROL_INTERNAL_H */
