/*
 * pvmemcontrol: guest control over how the host backs guest memory
 *
 * A PCI function with 16 bytes of registers, protocol 1.1.  The guest registers
 * buffers; writing the id of one to the command register executes the request
 * in it, in the vCPU that wrote, and the answer is in the buffer afterwards.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

/*
 * DOC: Locking
 *
 * Accesses arrive without the iothread lock, on all vCPUs at once.  Those that
 * change registers or connections take the device's lock.  A request takes
 * none: it finds its buffer in the table of connections and the buffer in the
 * table of RAM, both protected by RCU.
 *
 * A request takes as long as the host's system calls do, so it is for vCPUs
 * alone, which have nothing to wait for but its end.  Whoever else gets here,
 * the DMA engine of another device say, is in the main loop or an iothread, or
 * has the iothread lock, and dropping that behind its back would be wrong: an
 * id that it writes is ignored.
 */

#include "qemu/osdep.h"
#include "exec/cpu-common.h"
#include "hw/core/cpu.h"
#include "hw/qdev-properties.h"
#include "migration/vmstate.h"
#include "qapi/error.h"
#include "qemu/lockable.h"
#include "qemu/log.h"
#include "qemu/main-loop.h"
#include "qemu/memalign.h"
#include "qemu/module.h"
#include "qemu/units.h"
#include "pvmemcontrol-internal.h"
#include "trace.h"

/* -- Transport commands -------------------------------------------------- */

/*
 * With s->lock; forgets all connections, which no state survives that ends, and
 * where records of violations go: the next driver uses that memory otherwise.
 */
static void enter(PVMemcontrolState *s, PVMemcontrolPhase phase)
{
    s->violation_gpa = 0;
    qatomic_set(&s->phase, phase);
    qatomic_set(&s->connections->count, 0);
    s->command = phase == PVMEMCONTROL_BROKEN ? PVMEMCONTROL_TRANSPORT_ERROR :
                                                PVMEMCONTROL_TRANSPORT_ACK;
}

void pvmemcontrol_forget(PVMemcontrolState *s)
{
    QEMU_LOCK_GUARD(&s->lock);
    enter(s, PVMEMCONTROL_BROKEN);
    s->payload = 0;
    trace_pvmemcontrol_forget();
}

/* With s->lock */
static void guest_broke_it(PVMemcontrolState *s, const char *why)
{
    qemu_log_mask(LOG_GUEST_ERROR, "pvmemcontrol: %s\n", why);
    enter(s, PVMEMCONTROL_BROKEN);
}

static void command_register(PVMemcontrolState *s)
{
    uint64_t gpa = s->payload;
    hwaddr offset;
    uint32_t id;
    bool ram;

    if (s->phase != PVMEMCONTROL_INIT) {
        guest_broke_it(s, "REGISTER without RESET");
        return;
    }
    WITH_RCU_READ_LOCK_GUARD() {
        ram = pvmemcontrol_ram_find(s, gpa, PVMEMCONTROL_BUF_SIZE, &offset);
    }
    if (!ram) {
        guest_broke_it(s, "REGISTER of a buffer that is not in RAM");
        return;
    }
    id = pvmemcontrol_connections_add(s, gpa);
    if (!id) {
        guest_broke_it(s, "REGISTER of more buffers than max-connections");
        return;
    }
    pvmemcontrol_access_expect();
    s->payload = id;
    s->command = PVMEMCONTROL_TRANSPORT_ACK;
    trace_pvmemcontrol_register(id, gpa);
}

static void command_ready(PVMemcontrolState *s)
{
    if (s->phase != PVMEMCONTROL_INIT) {
        guest_broke_it(s, "READY without RESET");
        return;
    }
    qatomic_set(&s->phase, PVMEMCONTROL_WORKING);
    s->command = PVMEMCONTROL_TRANSPORT_ACK;
}

static void transport_command(PVMemcontrolState *s, uint32_t command)
{
    QEMU_LOCK_GUARD(&s->lock);
    PVMemcontrolPhase from = s->phase;

    switch (command) {
    case PVMEMCONTROL_TRANSPORT_RESET:
        enter(s, PVMEMCONTROL_INIT);
        break;
    case PVMEMCONTROL_TRANSPORT_REGISTER:
        command_register(s);
        break;
    case PVMEMCONTROL_TRANSPORT_READY:
        command_ready(s);
        break;
    case PVMEMCONTROL_TRANSPORT_DISCONNECT:
        enter(s, PVMEMCONTROL_BROKEN);
        break;
    case PVMEMCONTROL_TRANSPORT_ACK:
    case PVMEMCONTROL_TRANSPORT_ERROR:
        guest_broke_it(s, "an answer written as a command");
        break;
    default:
        qemu_log_mask(LOG_GUEST_ERROR,
                      "pvmemcontrol: unknown command 0x%08x\n", command);
        return;
    }
    trace_pvmemcontrol_command(command, from, s->phase);
}

/* -- Requests ------------------------------------------------------------ */

/* Is this an instruction of the guest, and not somebody's DMA? */
static bool made_by_vcpu(void)
{
    return current_cpu && qemu_cpu_is_self(current_cpu) &&
           !qemu_mutex_iothread_locked();
}

static void request(PVMemcontrolState *s, uint32_t id)
{
    PVMemcontrolRam *ram = NULL;
    hwaddr offset;
    uint64_t gpa;

    RCU_READ_LOCK_GUARD();

    /* What was RAM when it was registered need not be any more. */
    if ((made_by_vcpu() || s->from_anywhere) &&
        qatomic_read(&s->phase) == PVMEMCONTROL_WORKING &&
        pvmemcontrol_connections_find(s, id, &gpa)) {
        ram = pvmemcontrol_ram_find(s, gpa, PVMEMCONTROL_BUF_SIZE, &offset);
    }
    if (!ram) {
        qemu_log_mask(LOG_GUEST_ERROR,
                      "pvmemcontrol: connection 0x%08x is not usable\n", id);
        stat64_add(&pvmemcontrol_counters(s)->ignored, 1);
        trace_pvmemcontrol_ignored(id);
        return;
    }
    pvmemcontrol_request(s, id, ram, offset);
}

/* -- Registers ----------------------------------------------------------- */

static uint64_t mmio_read(void *opaque, hwaddr addr, unsigned size)
{
    PVMemcontrolState *s = opaque;
    uint64_t value;

    if (unlikely(pvmemcontrol_fail_access(s, &value))) {
        return value;
    }

    QEMU_LOCK_GUARD(&s->lock);
    if (addr == PVMEMCONTROL_REG_COMMAND && size == 4) {
        return s->command;
    }
    if (addr + size <= PVMEMCONTROL_REG_COMMAND) {
        return s->payload >> (addr * 8);
    }
    qemu_log_mask(LOG_GUEST_ERROR, "pvmemcontrol: read of %u bytes at 0x%"
                  HWADDR_PRIx "\n", size, addr);
    return 0;
}

static void mmio_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    PVMemcontrolState *s = opaque;
    uint64_t ignored;

    if (unlikely(pvmemcontrol_fail_access(s, &ignored))) {
        return;
    }
    if (addr == PVMEMCONTROL_REG_COMMAND && size == 4) {
        if (value & PVMEMCONTROL_CONNECTION_ID) {
            request(s, value);
        } else {
            transport_command(s, value);
        }
        return;
    }

    QEMU_LOCK_GUARD(&s->lock);
    if (addr == PVMEMCONTROL_REG_PAYLOAD && size == 8) {
        s->payload = value;
    } else if (addr == PVMEMCONTROL_REG_PAYLOAD && size == 4) {
        s->payload = deposit64(s->payload, 0, 32, value);
    } else if (addr == PVMEMCONTROL_REG_PAYLOAD_HIGH && size == 4) {
        s->payload = deposit64(s->payload, 32, 32, value);
    } else {
        qemu_log_mask(LOG_GUEST_ERROR, "pvmemcontrol: write of %u bytes at 0x%"
                      HWADDR_PRIx "\n", size, addr);
    }
}

/* All widths arrive as they were made: which are good is the protocol's. */
static const MemoryRegionOps mmio_ops = {
    .read = mmio_read,
    .write = mmio_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = {
        .min_access_size = 1,
        .max_access_size = 8,
        .unaligned = true,
    },
    .impl = {
        .min_access_size = 1,
        .max_access_size = 8,
        .unaligned = true,
    },
};

/* -- Migration ----------------------------------------------------------- */

static void free_saved(PVMemcontrolState *s)
{
    g_free(s->saved_gpa);
    s->saved_gpa = NULL;
    s->saved_count = 0;
}

static int pre_save(void *opaque)
{
    PVMemcontrolState *s = opaque;

    QEMU_LOCK_GUARD(&s->lock);
    s->saved_phase = s->phase;
    s->saved_count = s->connections->count;
    s->saved_gpa = g_memdup2(s->connections->gpa,
                             s->saved_count * sizeof(s->saved_gpa[0]));
    /* A guest of 1.0 has to say it again, as ever. */
    s->saved_told = qatomic_read(&s->has_told) && !s->version_minor;
    s->saved_kind = pvmemcontrol_memory_kind();
    return 0;
}

static int post_save(void *opaque)
{
    free_saved(opaque);
    return 0;
}

static int pre_load(void *opaque)
{
    PVMemcontrolState *s = opaque;

    free_saved(s);
    pvmemcontrol_marks_await();
    s->used_minor = 0;
    s->violation_gpa = 0;
    s->violation_sequence = 0;
    return 0;
}

/* Before the array that is allocated by it */
static bool saved_is_sane(void *opaque, int version_id)
{
    PVMemcontrolState *s = opaque;

    if (s->saved_phase <= PVMEMCONTROL_WORKING &&
        s->saved_count <= s->max_connections) {
        return true;
    }
    /* The loading ends here, but what is here may yet be saved. */
    s->phase = PVMEMCONTROL_BROKEN;
    s->saved_count = 0;
    return false;
}

static int post_load(void *opaque, int version_id)
{
    PVMemcontrolState *s = opaque;
    PVMemcontrolConnections *c;
    bool applied = false;

    /* In other memory a page may be larger, and a discard something else. */
    if (s->saved_kind == pvmemcontrol_memory_kind()) {
        applied = pvmemcontrol_marks_apply(s);
    } else {
        pvmemcontrol_marks_await();
    }
    if (s->saved_count || qatomic_read(&s->has_told)) {
        pvmemcontrol_access_expect();
    }
    c = pvmemcontrol_connections_new(MAX(s->saved_count, 1));
    QEMU_LOCK_GUARD(&s->lock);
    s->phase = s->saved_phase;
    if (s->saved_count) {
        memcpy(c->gpa, s->saved_gpa, s->saved_count * sizeof(c->gpa[0]));
    }
    c->count = s->saved_count;
    pvmemcontrol_connections_replace(s, c);
    free_saved(s);

    /*
     * What the guest has told the host, or found out of it, may not be so
     * here, or this device may lack what it counts on.  There is one way to
     * tell a driver: not to know its buffers.
     */
    if (s->saved_told || !applied || s->used_minor > s->version_minor) {
        enter(s, PVMEMCONTROL_BROKEN);
        s->used_minor = 0;
        trace_pvmemcontrol_forget();
    }
    return 0;
}

static bool used_minor_needed(void *opaque)
{
    PVMemcontrolState *s = opaque;

    return s->used_minor > 0;
}

/* A guest that speaks 1.0 can go to a QEMU whose device knows no more. */
static const VMStateDescription vmstate_used_minor = {
    .name = TYPE_PVMEMCONTROL "/used-minor",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = used_minor_needed,
    .fields = (VMStateField[]) {
        VMSTATE_UINT32(used_minor, PVMemcontrolState),
        VMSTATE_END_OF_LIST()
    },
};

static bool marks_needed(void *opaque)
{
    PVMemcontrolState *s = opaque;

    return qatomic_read(&s->has_told) && s->version_minor &&
           (pvmemcontrol_nr_ranges() || pvmemcontrol_nr_guards());
}

static int marks_post_load(void *opaque, int version_id)
{
    PVMemcontrolState *s = opaque;

    qatomic_set(&s->has_told, true);
    return 0;
}

static const VMStateDescription vmstate_marks = {
    .name = TYPE_PVMEMCONTROL "/marks",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = marks_needed,
    .post_load = marks_post_load,
    .fields = (VMStateField[]) {
        VMSTATE_SINGLE(saved_marks, PVMemcontrolState, 0,
                       pvmemcontrol_vmstate_marks, bool),
        VMSTATE_END_OF_LIST()
    },
};

static const VMStateDescription vmstate_pvmemcontrol = {
    .name = TYPE_PVMEMCONTROL,
    .version_id = 1,
    .minimum_version_id = 1,
    .pre_save = pre_save,
    .post_save = post_save,
    .pre_load = pre_load,
    .post_load = post_load,
    .fields = (VMStateField[]) {
        VMSTATE_PCI_DEVICE(parent_obj, PVMemcontrolState),
        VMSTATE_UINT64(payload, PVMemcontrolState),
        VMSTATE_UINT32(command, PVMemcontrolState),
        VMSTATE_UINT32(saved_phase, PVMemcontrolState),
        VMSTATE_BOOL(saved_told, PVMemcontrolState),
        VMSTATE_UINT32(saved_kind, PVMemcontrolState),
        VMSTATE_UINT32(saved_count, PVMemcontrolState),
        VMSTATE_VALIDATE("state and connections", saved_is_sane),
        VMSTATE_VARRAY_UINT32_ALLOC(saved_gpa, PVMemcontrolState, saved_count,
                                    0, vmstate_info_uint64, uint64_t),
        VMSTATE_END_OF_LIST()
    },
    .subsections = (const VMStateDescription * []) {
        &vmstate_used_minor,
        &vmstate_marks,
        &pvmemcontrol_vmstate_violation,
        NULL
    },
};

/* -- Life ---------------------------------------------------------------- */

static void pvmemcontrol_reset(DeviceState *dev)
{
    PVMemcontrolState *s = PVMEMCONTROL(dev);

    pvmemcontrol_forget(s);
    qatomic_set(&s->used_minor, 0);
    pvmemcontrol_marks_reset(s);
}

/* What is of the process, once */
static void pvmemcontrol_guard_init(PVMemcontrolState *s)
{
    static bool done;

    if (!done) {
        done = true;
        if (s->no_guard_install) {
            pvmemcontrol_guard_forbid_install();
        }
        pvmemcontrol_blocks_init();
        pvmemcontrol_access_init();
    }
}

static void pvmemcontrol_realize(PCIDevice *dev, Error **errp)
{
    PVMemcontrolState *s = PVMEMCONTROL(dev);

    if (!s->max_connections ||
        s->max_connections > PVMEMCONTROL_CONNECTION_ID) {
        error_setg(errp, "max-connections must be between 1 and %u",
                   PVMEMCONTROL_CONNECTION_ID);
        return;
    }
    if (s->version_minor > PVMEMCONTROL_VERSION_MINOR) {
        error_setg(errp, "version-minor must be between 0 and %u",
                   PVMEMCONTROL_VERSION_MINOR);
        return;
    }
    memory_region_init_io(&s->mmio, OBJECT(s), &mmio_ops, s,
                          TYPE_PVMEMCONTROL, PVMEMCONTROL_BAR_SIZE);
    memory_region_set_lockless_io(&s->mmio);
    pvmemcontrol_guard_init(s);
    pvmemcontrol_violation_add_device(s);
    pci_register_bar(dev, 0, PCI_BASE_ADDRESS_SPACE_MEMORY, &s->mmio);
    pvmemcontrol_memory_init(s);
}

/* What a vCPU may still be using goes with the last reference, not here. */
static void pvmemcontrol_exit(PCIDevice *dev)
{
    PVMemcontrolState *s = PVMEMCONTROL(dev);
    PVMemcontrolState *other;

    pvmemcontrol_marks_lock();
    qatomic_set(&s->gone, true);
    pvmemcontrol_marks_unlock();
    pvmemcontrol_violation_remove_device(s);
    other = pvmemcontrol_first_device();
    if (!other) {
        pvmemcontrol_marks_reset(s);
    } else if (qatomic_read(&s->has_told)) {
        /* What has been done stays, and migrates with this one. */
        qatomic_set(&other->has_told, true);
    }
    pvmemcontrol_memory_exit(s);
}

static void pvmemcontrol_instance_init(Object *obj)
{
    PVMemcontrolState *s = PVMEMCONTROL(obj);
    size_t size = PVMEMCONTROL_NR_SHARDS * sizeof(s->counters[0]);

    qemu_mutex_init(&s->lock);
    s->command = PVMEMCONTROL_TRANSPORT_ERROR;
    s->connections = pvmemcontrol_connections_new(1);
    s->counters = qemu_memalign(__alignof__(s->counters[0]), size);
    memset(s->counters, 0, size);
    pvmemcontrol_faults_init(&s->faults);
    pvmemcontrol_fail_init(&s->fail);
}

static void pvmemcontrol_instance_finalize(Object *obj)
{
    PVMemcontrolState *s = PVMEMCONTROL(obj);

    pvmemcontrol_fail_destroy(&s->fail);
    pvmemcontrol_faults_destroy(&s->faults);
    qemu_vfree(s->counters);
    g_free(s->connections);
    free_saved(s);
    qemu_mutex_destroy(&s->lock);
}

static Property pvmemcontrol_properties[] = {
    DEFINE_PROP_UINT32("max-connections", PVMemcontrolState, max_connections,
                       65536),
    DEFINE_PROP_UINT32("max-ranges", PVMemcontrolState, max_ranges, 16384),
    DEFINE_PROP_SIZE("max-locked-bytes", PVMemcontrolState, max_locked_bytes,
                     256 * MiB),
    DEFINE_PROP_BOOL("x-no-guard-install", PVMemcontrolState, no_guard_install,
                     false),
    DEFINE_PROP_BOOL("x-from-anywhere", PVMemcontrolState, from_anywhere,
                     false),
    DEFINE_PROP_UINT32("version-minor", PVMemcontrolState, version_minor,
                       PVMEMCONTROL_VERSION_MINOR),
    DEFINE_PROP_END_OF_LIST(),
};

static void pvmemcontrol_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *k = PCI_DEVICE_CLASS(klass);

    k->realize = pvmemcontrol_realize;
    k->exit = pvmemcontrol_exit;
    k->vendor_id = PVMEMCONTROL_PCI_VENDOR_ID;
    k->device_id = PVMEMCONTROL_PCI_DEVICE_ID;
    k->subsystem_vendor_id = PVMEMCONTROL_PCI_SUBSYSTEM_VENDOR_ID;
    k->subsystem_id = PVMEMCONTROL_PCI_SUBSYSTEM_ID;
    k->revision = PVMEMCONTROL_PCI_REVISION;
    k->class_id = PCI_CLASS_SYSTEM_OTHER;
    dc->desc = "Guest control over how the host backs guest memory";
    dc->reset = pvmemcontrol_reset;
    dc->vmsd = &vmstate_pvmemcontrol;
    device_class_set_props(dc, pvmemcontrol_properties);
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    pvmemcontrol_class_add_properties(klass);
}

static const TypeInfo pvmemcontrol_info = {
    .name = TYPE_PVMEMCONTROL,
    .parent = TYPE_PCI_DEVICE,
    .instance_size = sizeof(PVMemcontrolState),
    .instance_init = pvmemcontrol_instance_init,
    .instance_finalize = pvmemcontrol_instance_finalize,
    .class_init = pvmemcontrol_class_init,
    .interfaces = (InterfaceInfo[]) {
        { INTERFACE_CONVENTIONAL_PCI_DEVICE },
        { }
    },
};

static void pvmemcontrol_register_types(void)
{
    type_register_static(&pvmemcontrol_info);
}

type_init(pvmemcontrol_register_types);
