/*
 * pvmemcontrol: guest control over how the host backs guest memory
 *
 * What the files of the device model share.  pvmemcontrol.c has the PCI
 * function, its registers and its state; -request.c what a request does;
 * -memory.c the guest's RAM and the host system calls; -fault.c the fault
 * injection; -props.c the QOM properties.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_MISC_PVMEMCONTROL_INTERNAL_H
#define HW_MISC_PVMEMCONTROL_INTERNAL_H

#include <linux/pvmemcontrol.h>
#include <linux/pvmemcontrol_pci.h>

#include "exec/memory.h"
#include "hw/pci/pci.h"
#include "qapi/util.h"
#include "qemu/rcu.h"
#include "qemu/stats64.h"
#include "qemu/thread.h"
#include "qom/object.h"

#define TYPE_PVMEMCONTROL "pvmemcontrol"
OBJECT_DECLARE_SIMPLE_TYPE(PVMemcontrolState, PVMEMCONTROL)

QEMU_BUILD_BUG_ON(sizeof(struct pvmemcontrol_buf) != PVMEMCONTROL_BUF_SIZE);

/* A request, in host byte order */
typedef struct pvmemcontrol_vmm_call PVMemcontrolCall;
/* An answer, in host byte order */
typedef struct pvmemcontrol_vmm_ret PVMemcontrolRet;

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

void pvmemcontrol_memory_init(PVMemcontrolState *s);
void pvmemcontrol_memory_exit(PVMemcontrolState *s);
/* A number that differs where RAM is backed otherwise: what discards do then */
uint32_t pvmemcontrol_memory_kind(void);
/* Undoes protections and locks of this device, as a new machine has none. */
void pvmemcontrol_memory_reset(PVMemcontrolState *s);

/* -- Counters ------------------------------------------------------------ */

/* Kinds of requests: the function codes of 1.0, and then these */
enum {
    PVMEMCONTROL_KIND_FEATURES = PVMEMCONTROL_NR_FUNC_1_0,
    PVMEMCONTROL_KIND_VECTOR,
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

/* -- The device ---------------------------------------------------------- */

struct PVMemcontrolState {
    PCIDevice parent_obj;

    MemoryRegion mmio;
    uint32_t max_connections;
    uint32_t version_minor;

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
    /* Set by vCPUs: this guest has changed protections, has locked memory. */
    bool has_protected;
    bool has_locked;
    /* ... has told the host anything that a new process will not know. */
    bool has_told;
    /* Set by vCPUs, migrated: the minor version that this guest counts on */
    uint32_t used_minor;

    PVMemcontrolFaults faults;
    PVMemcontrolCounters *counters;

    /*
     * For and from a migration stream: @connections, flat; @has_told; and
     * pvmemcontrol_memory_kind() where the guest came from
     */
    uint32_t saved_count;
    uint64_t *saved_gpa;
    bool saved_told;
    uint32_t saved_kind;
};

/* Back to how the device starts: BROKEN, no connection */
void pvmemcontrol_forget(PVMemcontrolState *s);

/* The number of registered buffers */
uint32_t pvmemcontrol_nr_connections(PVMemcontrolState *s);

#endif /* HW_MISC_PVMEMCONTROL_INTERNAL_H */
