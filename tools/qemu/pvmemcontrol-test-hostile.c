/*
 * Tests of the pvmemcontrol device: a guest that does anything
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/pci/pci_regs.h"
#include "qemu/bitops.h"
#include "pvmemcontrol-test-hostile.h"

#define BUF_SIZE PVMEMCONTROL_BUF_SIZE
/* The registers of the bridge that say what is RAM between these addresses */
#define BRIDGE_PAM 0x90
#define NR_BRIDGE_PAM 7

const char *const hostile_fault_names[HOSTILE_NR_FAULTS] = {
    "none", "silent", "errno", "refuse", "lie", "garbage", "delay", "partial",
};

/* -- What the bytes mean ------------------------------------------------- */

uint8_t hostile_u8(Hostile *h)
{
    if (!h->size) {
        return 0;
    }
    h->size--;
    return *h->data++;
}

uint64_t hostile_bytes(Hostile *h, unsigned nr)
{
    uint64_t value = 0;
    unsigned i;

    for (i = 0; i < nr; i++) {
        value |= (uint64_t)hostile_u8(h) << (8 * i);
    }
    return value;
}

uint64_t hostile_address(Hostile *h)
{
    static const uint64_t edges[] = {
        0, 0x9f000, 0x9ffe0, HOSTILE_HOLE, HOSTILE_PAM, 0xe0000, 0xff000,
        0xfffe0, HOSTILE_HOLE_END, HOSTILE_RAM - HOSTILE_PAGE,
        HOSTILE_RAM - BUF_SIZE, HOSTILE_RAM - 16, HOSTILE_RAM, HOSTILE_BAR,
        0xfffc0000, 0xfffff000, UINT64_C(0x100000000), INT64_MAX,
        UINT64_MAX - 4095, UINT64_MAX - 31, UINT64_MAX,
    };
    uint8_t b = hostile_u8(h);
    uint64_t page = HOSTILE_WINDOW + (b & 31) * HOSTILE_PAGE;

    switch (b >> 5) {
    default:
        return page;
    case 4:
        return page + hostile_u8(h) * (HOSTILE_PAGE / 256);
    case 5:
        return edges[(b & 31) % ARRAY_SIZE(edges)];
    case 6:
        return hostile_bytes(h, 3) % HOSTILE_RAM;
    case 7:
        return hostile_bytes(h, 8);
    }
}

uint64_t hostile_length(Hostile *h)
{
    static const uint64_t odd[] = {
        0, 1, 31, 32, 33, 128, 129, 4095, 4097, 0x200000, HOSTILE_RAM,
        UINT32_MAX, UINT64_C(1) << 32, INT64_MAX, UINT64_C(1) << 63,
        UINT64_C(1) << 59, UINT64_MAX - 4095, UINT64_MAX,
    };
    uint8_t b = hostile_u8(h);

    switch (b >> 5) {
    default:
        return (1 + (b & 15)) * HOSTILE_PAGE;
    case 5:
        return b & 31;
    case 6:
        return odd[(b & 31) % ARRAY_SIZE(odd)];
    case 7:
        return hostile_bytes(h, 8);
    }
}

static uint64_t next_code(Hostile *h)
{
    uint8_t b = hostile_u8(h);

    if (b >= 0xf0) {
        return hostile_bytes(h, 8);
    }
    b %= 20;
    return b < PVMEMCONTROL_NR_FUNC_1_0 ? b :
           PVMEMCONTROL_FEATURES + b - PVMEMCONTROL_NR_FUNC_1_0;
}

static struct pvmemcontrol_vmm_call next_call(Hostile *h)
{
    struct pvmemcontrol_vmm_call call = { .func_code = next_code(h) };

    call.addr = hostile_address(h);
    call.length = hostile_length(h);
    call.arg = hostile_u8(h);
    return call;
}

/* -- Steps --------------------------------------------------------------- */

static void command(Hostile *h, uint32_t value)
{
    hostile_mmio_write(h, PVMEMCONTROL_REG_COMMAND, value, 4);
}

static void step_connect(Hostile *h)
{
    unsigned nr = 1 + hostile_u8(h) % 3;

    command(h, PVMEMCONTROL_TRANSPORT_RESET);
    while (nr--) {
        hostile_mmio_write(h, PVMEMCONTROL_REG_PAYLOAD, hostile_address(h), 8);
        command(h, PVMEMCONTROL_TRANSPORT_REGISTER);
    }
    command(h, PVMEMCONTROL_TRANSPORT_READY);
}

static void step_request(Hostile *h, uint8_t op)
{
    uint32_t index = h->nr_buffers ? op / 16 % h->nr_buffers : 0;
    struct pvmemcontrol_vmm_call call = next_call(h);

    if (index < h->nr_buffers && h->phase == HOSTILE_WORKING) {
        hostile_write_call(h, h->buffers[index], call);
    }
    command(h, PVMEMCONTROL_CONNECTION_ID | index);
}

static void step_vector(Hostile *h, uint8_t op)
{
    uint32_t index = h->nr_buffers ? op / 16 % h->nr_buffers : 0;
    uint64_t at = hostile_address(h);
    unsigned i, nr = 1 + hostile_u8(h) % 8;
    struct pvmemcontrol_vmm_call call = {
        .func_code = PVMEMCONTROL_VECTOR,
        .addr = at,
        .length = nr,
    };

    for (i = 0; i < nr; i++) {
        if (hostile_always_ram(at + i * BUF_SIZE, BUF_SIZE)) {
            hostile_write_call(h, at + i * BUF_SIZE, next_call(h));
        }
    }
    if (op & 0x80) {
        call.length = hostile_length(h);
    }
    if (index < h->nr_buffers && h->phase == HOSTILE_WORKING) {
        hostile_write_call(h, h->buffers[index], call);
    }
    command(h, PVMEMCONTROL_CONNECTION_ID | index);
}

static void step_mmio_write(Hostile *h)
{
    static const uint32_t commands[] = {
        PVMEMCONTROL_TRANSPORT_RESET, PVMEMCONTROL_TRANSPORT_REGISTER,
        PVMEMCONTROL_TRANSPORT_READY, PVMEMCONTROL_TRANSPORT_DISCONNECT,
        PVMEMCONTROL_TRANSPORT_ACK, PVMEMCONTROL_TRANSPORT_ERROR,
        PVMEMCONTROL_CONNECTION_ID, PVMEMCONTROL_CONNECTION_ID + 1,
        UINT32_MAX, PVMEMCONTROL_CONNECTION_ID - 1,
    };
    uint8_t where = hostile_u8(h), what = hostile_u8(h);
    unsigned size = 1 << (where & 3);
    unsigned offset = where >> 2 & 15;
    uint64_t value = what < 128 ? commands[what % ARRAY_SIZE(commands)] :
                     what < 192 ? hostile_address(h) : hostile_bytes(h, size);

    /* The most likely one is the one that there is. */
    if (where >= 0xc0) {
        offset = PVMEMCONTROL_REG_COMMAND;
        size = 4;
    }
    if (offset + size <= PVMEMCONTROL_BAR_SIZE) {
        hostile_mmio_write(h, offset, size == 8 ? value :
                              extract64(value, 0, size * 8), size);
    }
}

static void step_mmio_read(Hostile *h)
{
    uint8_t where = hostile_u8(h);
    unsigned size = 1 << (where & 3);
    unsigned offset = where >> 2 & 15;
    uint64_t value;

    if (offset + size > PVMEMCONTROL_BAR_SIZE) {
        return;
    }
    value = h->ops->mmio_read(h, offset, size);
    if (!h->visible) {
        return;
    }
    if (offset + size <= PVMEMCONTROL_REG_COMMAND) {
        g_assert_cmphex(value, ==, extract64(h->payload, offset * 8, size * 8));
    } else if (offset == PVMEMCONTROL_REG_COMMAND && size == 4) {
        g_assert_cmphex(value, ==, h->command);
    } else {
        g_assert_cmphex(value, ==, 0);
    }
}

static void step_memory(Hostile *h, bool write)
{
    uint64_t gpa = hostile_address(h);
    uint8_t buf[256] = {};
    size_t i, len = hostile_u8(h);

    if (!hostile_always_ram(gpa, len)) {
        return;
    }
    if (!write) {
        h->ops->read(h, gpa, buf, len);
        return;
    }
    for (i = 0; i < len; i++) {
        buf[i] = hostile_u8(h);
    }
    hostile_name(h, gpa, len);
    h->ops->write(h, gpa, buf, len);
}

static void look_for_bar(Hostile *h)
{
    uint32_t bar = h->ops->config_read(h, PCI_BASE_ADDRESS_0);

    h->visible = bar == HOSTILE_BAR &&
                 h->ops->config_read(h, PCI_COMMAND) & PCI_COMMAND_MEMORY;
}

static void step_config(Hostile *h)
{
    static const uint32_t bars[] = {
        HOSTILE_BAR, HOSTILE_WINDOW, HOSTILE_PAM, HOSTILE_HOLE,
        HOSTILE_BAR + 16, UINT32_MAX, 0, 0xfee00000,
    };
    uint8_t what = hostile_u8(h), value = hostile_u8(h);

    switch (what & 3) {
    case 0:
        h->ops->config_write(h, false, PCI_BASE_ADDRESS_0,
                             bars[value % ARRAY_SIZE(bars)], 4);
        break;
    case 1:
        h->ops->config_write(h, false, PCI_COMMAND, value & 7, 2);
        break;
    case 2:
        h->ops->config_write(h, true, BRIDGE_PAM + what / 4 % NR_BRIDGE_PAM,
                             value & 0x33, 1);
        break;
    case 3:
        h->ops->config_write(h, false, what & ~3, value, 1);
        break;
    }
    look_for_bar(h);
}

/* As after power on */
static void begin(Hostile *h)
{
    hostile_enter(h, HOSTILE_BROKEN);
    h->payload = 0;
    h->faulty = false;
    look_for_bar(h);
}

static void step_control(Hostile *h, uint8_t op)
{
    HostileFault fault = {};

    switch (op / 16 % 8) {
    case 0:
        h->ops->forget(h);
        hostile_enter(h, HOSTILE_BROKEN);
        h->payload = 0;
        break;
    case 1:
        h->ops->reset(h);
        hostile_enter(h, HOSTILE_BROKEN);
        h->payload = 0;
        look_for_bar(h);
        break;
    case 2:
    case 3:
        fault.mode = hostile_u8(h) % HOSTILE_NR_FAULTS;
        fault.host_errno = hostile_bytes(h, 2);
        fault.period = hostile_u8(h) % 4;
        fault.codes = hostile_u8(h) & 1 ? UINT64_MAX : hostile_bytes(h, 5);
        h->faulty = fault.mode;
        h->ops->fault(h, &fault);
        break;
    default:
        step_config(h);
        break;
    }
}

static void toggle_pin(Hostile *h)
{
    if (h->ops->pin) {
        h->pinned = h->ops->pin(h, !h->pinned);
    }
}

static void step_inside(Hostile *h, uint8_t op)
{
    uint64_t gpa, len;

    switch (op / 16 % 4) {
    case 0:
    case 1:
        gpa = hostile_address(h);
        len = hostile_length(h) % (HOSTILE_PAGE * 17);
        if (h->ops->map && hostile_always_ram(gpa, len)) {
            if (op & 0x10) {
                hostile_name(h, gpa, len);
            }
            h->ops->map(h, gpa, len, op & 0x10);
        }
        break;
    case 2:
        if (h->ops->unmap) {
            h->ops->unmap(h);
        }
        break;
    case 3:
        if (op & 0x80) {
            toggle_pin(h);
        } else if (h->ops->read_all) {
            h->reading_all = !h->reading_all;
            h->ops->read_all(h, h->reading_all);
        }
        break;
    }
}

static void step(Hostile *h)
{
    uint8_t op = hostile_u8(h);
    uint64_t gpa;

    switch (op & 15) {
    default:
        step_request(h, op);
        break;
    case 6:
    case 7:
        step_vector(h, op);
        break;
    case 8:
        step_connect(h);
        break;
    case 9:
        step_mmio_write(h);
        break;
    case 10:
        step_mmio_read(h);
        break;
    case 11:
        step_memory(h, op & 0x80);
        break;
    case 12:
        step_control(h, op);
        break;
    case 13:
        step_inside(h, op);
        break;
    case 14:
        gpa = hostile_address(h);
        if (h->ops->violate) {
            h->ops->violate(h, gpa, op >> 4);
        }
        break;
    case 15:
        if (h->ops->reload) {
            h->ops->reload(h);
            look_for_bar(h);
        }
        break;
    }
    h->nr_steps++;
}

/* -- The whole ----------------------------------------------------------- */

static void check_limits(Hostile *h)
{
    g_assert_cmpuint(h->ops->counter(h, "ranges"), <=, HOSTILE_MAX_RANGES);
    g_assert_cmpuint(h->ops->counter(h, "locked-bytes"), <=,
                     HOSTILE_MAX_LOCKED);
    g_assert_cmpuint(h->ops->counter(h, "guards"), <=, HOSTILE_PAGES);
    g_assert_cmpuint(h->ops->counter(h, "connections"), ==, h->nr_buffers);
}

void hostile_play(Hostile *h, const uint8_t *data, size_t size)
{
    static const HostileFault no_fault;

    h->data = data;
    h->size = size;
    memset(h->named, 0, sizeof(h->named));
    begin(h);
    while (h->size) {
        step(h);
        if (h->visible) {
            g_assert_cmphex(hostile_status(h), ==, h->command);
        }
        if (h->ops->check) {
            h->ops->check(h);
        }
    }
    check_limits(h);

    h->ops->fault(h, &no_fault);
    if (h->ops->unmap) {
        h->ops->unmap(h);
    }
    if (h->reading_all) {
        h->ops->read_all(h, false);
        h->reading_all = false;
    }
    if (h->pinned) {
        toggle_pin(h);
    }
    if (h->ops->settle) {
        h->ops->settle(h);
    }
    h->ops->reset(h);
    g_assert_cmpuint(h->ops->counter(h, "ranges"), ==, 0);
    g_assert_cmpuint(h->ops->counter(h, "locked-bytes"), ==, 0);
    g_assert_cmpuint(h->ops->counter(h, "guards"), ==, 0);
    g_assert_cmpuint(h->ops->counter(h, "connections"), ==, 0);
    h->ops->check_ram(h);
}
