/*
 * Fuzzer of the pvmemcontrol device: the hostile guest, in QEMU's process
 *
 * Here all that the device has done can be seen, and is compared, after each
 * step or each input, with what it should have done: its counting with its
 * table, the host's mappings with that table, RAM that no request has named and
 * memory that none can name with copies of them.  Of which memory it tells the
 * host is looked at when it does, see pvmemcontrol-test-fuzz-host.c.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "exec/address-spaces.h"
#include "exec/memory-guard.h"
#include "exec/ramblock.h"
#include "exec/ramlist.h"
#include "hw/core/cpu.h"
#include "qapi/error.h"
#include "qemu/main-loop.h"
#include "qemu/rcu.h"
#include "qemu/units.h"
#include "sysemu/runstate.h"
#include "sysemu/sysemu.h"
#include "fuzz/fuzz.h"
#include "pvmemcontrol-test-fuzz.h"

#define NR_MAPS 8
#define FORGET_EVERY 64

typedef struct Map {
    void *host;
    hwaddr len;
    bool write;
} Map;

/* A block of RAM that is not the guest's, and what is in it */
typedef struct Other {
    RAMBlock *block;
    void *content;
    bool dropped;
} Other;

PVMemcontrolState *fuzz_dev;
RAMBlock *fuzz_ram;
static PCIDevice *bridge;
static Map maps[NR_MAPS];
static unsigned int nr_maps;
static GArray *others;
static uint64_t nr_inputs;
/* Where somebody reads it: libFuzzer closes the other one. */
static FILE *out;

void fuzz_found(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    /* What tools/qemu/fuzz shows begins so. */
    fputs("** ", out);
    vfprintf(out, format, args);
    va_end(args);
    fputc('\n', out);
    fflush(out);
    abort();
}

/* -- What the guest can do ----------------------------------------------- */

static void fuzz_read(Hostile *h, uint64_t gpa, void *buf, size_t len)
{
    address_space_read(&address_space_memory, gpa, MEMTXATTRS_UNSPECIFIED, buf,
                       len);
}

static void fuzz_write(Hostile *h, uint64_t gpa, const void *buf, size_t len)
{
    address_space_write(&address_space_memory, gpa, MEMTXATTRS_UNSPECIFIED,
                        buf, len);
}

static uint64_t fuzz_mmio_read(Hostile *h, unsigned offset, unsigned size)
{
    uint8_t buf[8] = {};

    fuzz_read(h, HOSTILE_BAR + offset, buf, size);
    return ldn_le_p(buf, size);
}

static void fuzz_mmio_write(Hostile *h, unsigned offset, uint64_t value,
                            unsigned size)
{
    uint8_t buf[8];

    stn_le_p(buf, size, value);
    fuzz_write(h, HOSTILE_BAR + offset, buf, size);
}

static uint32_t fuzz_config_read(Hostile *h, unsigned offset)
{
    return PCI_DEVICE(fuzz_dev)->config_read(PCI_DEVICE(fuzz_dev), offset, 4);
}

static void fuzz_config_write(Hostile *h, bool to_bridge, unsigned offset,
                              uint32_t value, unsigned size)
{
    PCIDevice *pci = to_bridge ? bridge : PCI_DEVICE(fuzz_dev);

    pci->config_write(pci, offset, value, size);
}

void fuzz_reset(Hostile *h)
{
    qemu_system_reset(SHUTDOWN_CAUSE_NONE);
    fuzz_config_write(h, false, PCI_BASE_ADDRESS_0, HOSTILE_BAR, 4);
    fuzz_config_write(h, false, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
}

/* -- What its VMM can do ------------------------------------------------- */

static void fuzz_fault(Hostile *h, const HostileFault *fault)
{
    Object *obj = OBJECT(fuzz_dev);

    object_property_set_int(obj, "x-fault-errno", fault->host_errno,
                            &error_abort);
    object_property_set_int(obj, "x-fault-period", fault->period, &error_abort);
    object_property_set_uint(obj, "x-fault-codes", fault->codes, &error_abort);
    object_property_set_str(obj, "x-fault-mode",
                            hostile_fault_names[fault->mode], &error_abort);
}

static void fuzz_forget(Hostile *h)
{
    object_property_set_bool(OBJECT(fuzz_dev), "x-forget", true, &error_abort);
}

static uint64_t fuzz_counter(Hostile *h, const char *name)
{
    return object_property_get_uint(OBJECT(fuzz_dev), name, &error_abort);
}

static void fuzz_map(Hostile *h, uint64_t gpa, uint64_t len, bool write)
{
    Map map = { .len = len, .write = write };

    if (nr_maps == NR_MAPS) {
        return;
    }
    map.host = address_space_map(&address_space_memory, gpa, &map.len, write,
                                 MEMTXATTRS_UNSPECIFIED);
    g_assert_nonnull(map.host);
    maps[nr_maps++] = map;
    /* It is open, or this is the end. */
    if (write) {
        memset(map.host, 0xd1, map.len);
    }
}

static void fuzz_unmap(Hostile *h)
{
    while (nr_maps) {
        Map *map = &maps[--nr_maps];

        address_space_unmap(&address_space_memory, map->host, map->len,
                            map->write, map->len);
    }
}

static void fuzz_read_all(Hostile *h, bool begin)
{
    if (begin) {
        memory_guard_read_all_begin();
    } else {
        memory_guard_read_all_end();
    }
}

/* As VFIO does for a device that is plugged in */
static bool fuzz_pin(Hostile *h, bool begin)
{
    return !ram_block_uncoordinated_discard_disable(begin) && begin;
}

/* As an accelerator says it */
static void fuzz_violate(Hostile *h, uint64_t gpa, uint8_t how)
{
    uint8_t more = hostile_u8(h);
    MemoryViolation v = {
        .has_gpa = more & 3,
        .gpa = gpa,
        .access = how & 7,
        .stopped = true,
        .nmi_masked = how & 8,
        .has_ip = more & 4,
        .ip = gpa,
    };
    MemoryViolationVerdict verdict;

    qatomic_set(&fuzz_dev->in_nmi, more & 8 ? PVMEMCONTROL_IN_NMI_PAUSE :
                                         PVMEMCONTROL_IN_NMI_ALLOW);
    verdict = memory_guard_violation(first_cpu, &v, more & 16);
    if (!v.has_gpa) {
        g_assert_cmpint(verdict, ==, pvmemcontrol_nr_ranges() ||
                                     pvmemcontrol_nr_guards() ?
                                     MEMORY_VIOLATION_PAUSED :
                                     MEMORY_VIOLATION_NOT_OURS);
    }
    if (!runstate_is_running()) {
        vm_start();
    }
}

/* -- What must be so ----------------------------------------------------- */

/* Counts anew what the device counts as it goes. */
static void fuzz_check(Hostile *h)
{
    uint64_t ranges = 0, guards = 0, locked = 0, forbidden = 0;
    PVMemcontrolBlocks *all;
    unsigned int k;
    size_t i;

    RCU_READ_LOCK_GUARD();
    all = pvmemcontrol_blocks();
    for (k = 0; k < all->nr; k++) {
        PVMemcontrolBlock *b = all->block[k];
        uint32_t before = 0;

        for (i = 0; i < b->nr_pages; i++) {
            uint32_t mark = b->marks[i] & b->mapping_marks;

            ranges += mark && mark != before;
            before = mark;
            forbidden += !!(b->marks[i] & PVMEMCONTROL_MARK_FORBIDS);
            guards += !!(b->marks[i] & PVMEMCONTROL_MARK_GUARD);
            locked += b->marks[i] & PVMEMCONTROL_MARK_LOCKED ? b->page_size : 0;
        }
    }
    g_assert_cmpuint(pvmemcontrol_nr_ranges(), ==, ranges);
    g_assert_cmpuint(pvmemcontrol_nr_guards(), ==, guards);
    g_assert_cmpuint(pvmemcontrol_locked_bytes(), ==, locked);
    /* Either nothing is forbidden, or nobody can pin any of it. */
    g_assert_cmpint(ram_block_discard_is_required(), ==, forbidden > 0);
    g_assert_false(forbidden && h->pinned);
    g_assert_cmpuint(ranges, <=, HOSTILE_MAX_RANGES);
    g_assert_cmpuint(locked, <=, HOSTILE_MAX_LOCKED);
    g_assert_cmpuint(fuzz_dev->phase, ==, h->phase);
    g_assert_cmpuint(fuzz_dev->connections->count, ==, h->nr_buffers);
}

void fuzz_name(Hostile *h, RAMBlock *block, uint64_t offset, uint64_t len)
{
    guint i;

    if (block == fuzz_ram) {
        hostile_name(h, offset, len);
    }
    for (i = 0; i < others->len; i++) {
        Other *other = &g_array_index(others, Other, i);

        other->dropped |= other->block == block;
    }
}

static int prot_of(const char *perms)
{
    return (perms[0] == 'r' ? PROT_READ : 0) |
           (perms[1] == 'w' ? PROT_WRITE : 0);
}

/* The host's mappings of RAM, with nothing open, are what the table says. */
static void check_mappings(void)
{
    FILE *f = fopen("/proc/self/maps", "r");
    PVMemcontrolBlock *b;
    char line[512], perms[5];
    uint64_t start, end;
    size_t page = 0;

    g_assert_nonnull(f);
    RCU_READ_LOCK_GUARD();
    b = pvmemcontrol_block_find(fuzz_ram->host);
    g_assert_nonnull(b);
    while (fgets(line, sizeof(line), f)) {
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &start, &end, perms) !=
            3 || end <= (uintptr_t)b->host + page * b->page_size) {
            continue;
        }
        for (; page < b->nr_pages &&
               (uintptr_t)b->host + page * b->page_size < end; page++) {
            g_assert_cmpuint((uintptr_t)b->host + page * b->page_size, >=,
                             start);
            g_assert_cmpint(prot_of(perms), ==,
                            pvmemcontrol_host_prot(b, b->marks[page]));
        }
    }
    fclose(f);
    g_assert_cmpuint(page, ==, b->nr_pages);
}

static void check_locked(void)
{
    g_autofree char *status = NULL;
    const char *locked;

    g_assert_true(g_file_get_contents("/proc/self/status", &status, NULL,
                                      NULL));
    locked = strstr(status, "VmLck:");
    g_assert_nonnull(locked);
    g_assert_cmpuint(g_ascii_strtoull(locked + strlen("VmLck:"), NULL, 10), ==,
                     pvmemcontrol_locked_bytes() / KiB);
}

static bool any_open(void)
{
    PVMemcontrolBlock *b;
    size_t i;

    RCU_READ_LOCK_GUARD();
    b = pvmemcontrol_block_find(fuzz_ram->host);
    for (i = 0; i < b->nr_pages; i++) {
        if (pvmemcontrol_page_in_use(b, i)) {
            return true;
        }
    }
    return false;
}

static void settle(Hostile *h)
{
    unsigned int i;

    /* Pages that are open for a while: a timer of 1 ms closes them. */
    for (i = 0; any_open(); i++) {
        g_assert_cmpuint(i, <, 10000);
        main_loop_wait(true);
        g_usleep(200);
    }
    check_mappings();
    check_locked();
}

static const uint8_t *content_of(uint64_t page)
{
    static uint8_t *content;

    if (!content) {
        uint64_t i;

        content = g_malloc(HOSTILE_RAM);
        for (i = 0; i < HOSTILE_PAGES; i++) {
            memset(content + i * HOSTILE_PAGE, hostile_content(i),
                   HOSTILE_PAGE);
        }
    }
    return content + page * HOSTILE_PAGE;
}

static void compare_ram(const bool *named, const char *when)
{
    uint64_t page;

    for (page = 0; page < HOSTILE_PAGES; page++) {
        const uint8_t *there = fuzz_ram->host + page * HOSTILE_PAGE;

        if ((!named || !named[page]) &&
            memcmp(there, content_of(page), HOSTILE_PAGE)) {
            fuzz_found("page 0x%" PRIx64 " begins with 0x%02x %s input %"
                       PRIu64, page * HOSTILE_PAGE, there[0], when, nr_inputs);
        }
    }
}

static void fuzz_check_ram(Hostile *h)
{
    uint64_t page;
    guint i;

    check_mappings();
    check_locked();
    compare_ram(h->named, "after");
    for (page = 0; page < HOSTILE_PAGES; page++) {
        if (h->named[page]) {
            memcpy(fuzz_ram->host + page * HOSTILE_PAGE, content_of(page),
                   HOSTILE_PAGE);
        }
    }
    for (i = 0; i < others->len; i++) {
        Other *other = &g_array_index(others, Other, i);
        size_t len = other->block->used_length;

        if (other->dropped) {
            memcpy(other->block->host, other->content, len);
            other->dropped = false;
        } else if (memcmp(other->block->host, other->content, len)) {
            fuzz_found("block '%s' has changed", other->block->idstr);
        }
    }
}

/* -- The fuzzer's side --------------------------------------------------- */

static const HostileOps ops = {
    .read = fuzz_read,
    .write = fuzz_write,
    .mmio_read = fuzz_mmio_read,
    .mmio_write = fuzz_mmio_write,
    .config_read = fuzz_config_read,
    .config_write = fuzz_config_write,
    .fault = fuzz_fault,
    .forget = fuzz_forget,
    .reset = fuzz_reset,
    .counter = fuzz_counter,
    .check_ram = fuzz_check_ram,
    .check = fuzz_check,
    .settle = settle,
    .map = fuzz_map,
    .unmap = fuzz_unmap,
    .read_all = fuzz_read_all,
    .pin = fuzz_pin,
    .violate = fuzz_violate,
    .reload = fuzz_reload,
};

static Hostile hostile = { .ops = &ops };

static int add_other(RAMBlock *block, void *opaque)
{
    Other other = { .block = block };

    if (block != fuzz_ram) {
        other.content = g_memdup2(block->host, block->used_length);
        g_array_append_val(others, other);
    }
    return 0;
}

static void pre_vm_init(void)
{
    out = fdopen(dup(STDERR_FILENO), "w");
}

/* Many more names than there are indices, which a host may not have at all */
static void check_names(void)
{
    PVMemcontrolBlock *b;
    uint64_t number;
    uint32_t mark;

    RCU_READ_LOCK_GUARD();
    pvmemcontrol_marks_lock();
    b = pvmemcontrol_block_find(fuzz_ram->host);
    b->marks[1] = pvmemcontrol_name_mark(7);
    b->marks[3] = pvmemcontrol_name_mark(UINT64_MAX);
    for (number = 100; number < 300000; number++) {
        mark = pvmemcontrol_name_mark(number);
        g_assert_cmpuint(pvmemcontrol_name_of(mark), ==, number);
    }
    g_assert_cmpuint(pvmemcontrol_name_of(b->marks[1]), ==, 7);
    g_assert_cmpuint(pvmemcontrol_name_of(b->marks[3]), ==, UINT64_MAX);
    g_assert_cmphex(pvmemcontrol_name_mark(7), ==, b->marks[1]);
    for (number = 0; number < HOSTILE_PAGES; number++) {
        b->marks[number] = pvmemcontrol_name_mark(1000000 + number);
        g_assert_cmphex(b->marks[number], !=, 0);
    }
    memset(b->marks, 0, HOSTILE_PAGES * sizeof(b->marks[0]));
    pvmemcontrol_names_forget();
    pvmemcontrol_marks_unlock();
}

/* With the machine there, and no input yet */
static void pre_fuzz(QTestState *qts)
{
    fuzz_dev = PVMEMCONTROL(object_resolve_path("/machine/peripheral/mc",
                                                NULL));
    bridge = pci_find_device(pci_get_bus(PCI_DEVICE(fuzz_dev)), 0, 0);
    g_assert_nonnull(bridge);
    others = g_array_new(false, false, sizeof(Other));
    WITH_RCU_READ_LOCK_GUARD() {
        RAMBlock *block;

        RAMBLOCK_FOREACH(block) {
            if (block->used_length == HOSTILE_RAM) {
                fuzz_ram = block;
            }
        }
        g_assert_nonnull(fuzz_ram);
        /* What no request can name: beside it, in the host's memory */
        RAMBLOCK_FOREACH(block) {
            if (!block->idstr[0]) {
                memset(block->host, 0xca, block->used_length);
            }
        }
        qemu_ram_foreach_block(add_other, NULL);
    }
    fuzz_host_init();
    check_names();
    fuzz_reset(&hostile);
    memset(hostile.named, true, sizeof(hostile.named));
    fuzz_check_ram(&hostile);
}

static void fuzz(QTestState *qts, const unsigned char *data, size_t size)
{
    compare_ram(NULL, "before");
    fuzz_host_watch(true);
    hostile_play(&hostile, data, size);
    if (++nr_inputs % FORGET_EVERY == 0) {
        main_loop_wait(true);
        drain_call_rcu();
    }
    fuzz_host_watch(false);
}

static GString *cmdline(const char *backend)
{
    GString *line = g_string_new("qemu-fuzz-x86_64 " HOSTILE_MACHINE
                                 "-accel qtest -display none -global "
                                 "pvmemcontrol.x-from-anywhere=on -object "
                                 "memory-backend-ram,id=canary,size=64K "
                                 HOSTILE_DEVICE);

    return g_string_append(line, backend);
}

static GString *cmdline_private(FuzzTarget *t)
{
    return cmdline("");
}

static GString *cmdline_protect(FuzzTarget *t)
{
    return cmdline(",x-no-guard-install=on");
}

static GString *cmdline_shared(FuzzTarget *t)
{
    return cmdline(" -object memory-backend-memfd,id=ram,size=4M,share=on,"
                   "seal=off -machine memory-backend=ram");
}

static void register_targets(void)
{
    fuzz_add_target(&(FuzzTarget) {
        .name = "pvmemcontrol",
        .description = "a hostile guest's requests, registers and states",
        .get_init_cmdline = cmdline_private,
        .pre_vm_init = pre_vm_init,
        .pre_fuzz = pre_fuzz,
        .fuzz = fuzz,
    });
    fuzz_add_target(&(FuzzTarget) {
        .name = "pvmemcontrol-protect",
        .description = "the same with guards that are protections",
        .get_init_cmdline = cmdline_protect,
        .pre_vm_init = pre_vm_init,
        .pre_fuzz = pre_fuzz,
        .fuzz = fuzz,
    });
    fuzz_add_target(&(FuzzTarget) {
        .name = "pvmemcontrol-shared",
        .description = "the same with shared memory behind the guest's",
        .get_init_cmdline = cmdline_shared,
        .pre_vm_init = pre_vm_init,
        .pre_fuzz = pre_fuzz,
        .fuzz = fuzz,
    });
}

fuzz_target_init(register_targets);
