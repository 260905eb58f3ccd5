/*
 * Tests of the pvmemcontrol device: what a guest may find that does anything
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/bswap.h"
#include "pvmemcontrol-test-hostile.h"

#define BUF_SIZE PVMEMCONTROL_BUF_SIZE
#define VECTOR_MAX (HOSTILE_PAGE / BUF_SIZE)

void hostile_name(Hostile *h, uint64_t gpa, uint64_t len)
{
    uint64_t page, end;

    if (!len || gpa >= HOSTILE_RAM) {
        return;
    }
    end = len > HOSTILE_RAM - gpa ? HOSTILE_RAM : gpa + len;
    for (page = gpa / HOSTILE_PAGE; page * HOSTILE_PAGE < end; page++) {
        h->named[page] = true;
    }
}

static bool in_ram(uint64_t gpa, uint64_t len)
{
    return len && gpa < HOSTILE_RAM && len <= HOSTILE_RAM - gpa;
}

/* Whatever the bridge says */
bool hostile_always_ram(uint64_t gpa, uint64_t len)
{
    return in_ram(gpa, len) &&
           (gpa + len <= HOSTILE_HOLE || gpa >= HOSTILE_HOLE_END);
}

static struct pvmemcontrol_vmm_call read_call(Hostile *h, uint64_t gpa)
{
    struct pvmemcontrol_buf buf;

    h->ops->read(h, gpa, &buf, sizeof(buf));
    return (struct pvmemcontrol_vmm_call) {
        .func_code = le64_to_cpu(buf.call.func_code),
        .addr = le64_to_cpu(buf.call.addr),
        .length = le64_to_cpu(buf.call.length),
        .arg = le64_to_cpu(buf.call.arg),
    };
}

void hostile_write_call(Hostile *h, uint64_t gpa,
                       struct pvmemcontrol_vmm_call call)
{
    struct pvmemcontrol_buf buf = {
        .call = {
            .func_code = cpu_to_le64(call.func_code),
            .addr = cpu_to_le64(call.addr),
            .length = cpu_to_le64(call.length),
            .arg = cpu_to_le64(call.arg),
        },
    };

    hostile_name(h, gpa, sizeof(buf));
    h->ops->write(h, gpa, &buf, sizeof(buf));
}

static bool good_vector(const struct pvmemcontrol_vmm_call *call)
{
    return call->length && call->length <= VECTOR_MAX &&
           call->addr % BUF_SIZE == 0 &&
           call->addr % HOSTILE_PAGE + call->length * BUF_SIZE <=
           HOSTILE_PAGE && in_ram(call->addr, call->length * BUF_SIZE);
}

/* Names what a request may change, which only what drops content does. */
static void name_request(Hostile *h, const struct pvmemcontrol_vmm_call *call)
{
    switch (call->func_code) {
    case PVMEMCONTROL_DONTNEED:
    case PVMEMCONTROL_REMOVE:
    case PVMEMCONTROL_FREE:
        /* All of the last page, too */
        if (call->addr % HOSTILE_PAGE == 0 &&
            in_ram(call->addr, call->length)) {
            hostile_name(h, call->addr, call->length);
        }
        break;
    case PVMEMCONTROL_GUARD:
        if (call->addr % HOSTILE_PAGE == 0 &&
            (call->length % HOSTILE_PAGE == 0 || h->faulty) &&
            in_ram(call->addr, call->length)) {
            hostile_name(h, call->addr, call->length);
        }
        break;
    case PVMEMCONTROL_VIOLATION:
        if (call->addr % HOSTILE_PAGE == 0) {
            hostile_name(h, call->addr, HOSTILE_PAGE);
        }
        break;
    }
}

static void name_vector(Hostile *h, const struct pvmemcontrol_vmm_call *vector)
{
    struct pvmemcontrol_vmm_call call;
    uint64_t i;

    if (!good_vector(vector)) {
        return;
    }
    hostile_name(h, vector->addr, vector->length * BUF_SIZE);
    for (i = 0; i < vector->length; i++) {
        call = read_call(h, vector->addr + i * BUF_SIZE);
        name_request(h, &call);
    }
}

uint32_t hostile_status(Hostile *h)
{
    return h->ops->mmio_read(h, PVMEMCONTROL_REG_COMMAND, 4);
}

void hostile_enter(Hostile *h, HostilePhase phase)
{
    h->phase = phase;
    h->nr_buffers = 0;
    h->command = phase == HOSTILE_BROKEN ? PVMEMCONTROL_TRANSPORT_ERROR :
                                           PVMEMCONTROL_TRANSPORT_ACK;
}

/* The one thing that the device knows better: what is RAM now */
static void model_register(Hostile *h)
{
    uint64_t gpa = h->payload;
    bool taken = hostile_status(h) == PVMEMCONTROL_TRANSPORT_ACK;

    if (h->phase != HOSTILE_INIT || !in_ram(gpa, BUF_SIZE) ||
        h->nr_buffers == HOSTILE_MAX_CONNECTIONS) {
        g_assert_false(taken);
    } else if (hostile_always_ram(gpa, BUF_SIZE)) {
        g_assert_true(taken);
    }
    if (!taken) {
        hostile_enter(h, HOSTILE_BROKEN);
        return;
    }
    h->payload = PVMEMCONTROL_CONNECTION_ID + h->nr_buffers;
    h->buffers[h->nr_buffers++] = gpa;
    h->command = PVMEMCONTROL_TRANSPORT_ACK;
}

static void model_command(Hostile *h, uint32_t command)
{
    switch (command) {
    case PVMEMCONTROL_TRANSPORT_RESET:
        hostile_enter(h, HOSTILE_INIT);
        break;
    case PVMEMCONTROL_TRANSPORT_REGISTER:
        model_register(h);
        break;
    case PVMEMCONTROL_TRANSPORT_READY:
        if (h->phase == HOSTILE_INIT) {
            h->phase = HOSTILE_WORKING;
            h->command = PVMEMCONTROL_TRANSPORT_ACK;
        } else {
            hostile_enter(h, HOSTILE_BROKEN);
        }
        break;
    case PVMEMCONTROL_TRANSPORT_DISCONNECT:
    case PVMEMCONTROL_TRANSPORT_ACK:
    case PVMEMCONTROL_TRANSPORT_ERROR:
        hostile_enter(h, HOSTILE_BROKEN);
        break;
    }
}

static bool is_code_of(uint32_t code, const struct pvmemcontrol_vmm_call *call)
{
    /* Of a vector it may be any entry's. */
    return !code || code == (uint32_t)call->func_code ||
           call->func_code == PVMEMCONTROL_VECTOR;
}

static void check_answer(Hostile *h, uint64_t gpa,
                         const struct pvmemcontrol_vmm_call *call)
{
    struct pvmemcontrol_buf buf;
    uint32_t host_errno, code;

    if (h->faulty || !hostile_always_ram(gpa, BUF_SIZE)) {
        return;
    }
    h->ops->read(h, gpa, &buf, sizeof(buf));
    host_errno = le32_to_cpu(buf.ret.ret_errno);
    code = le32_to_cpu(buf.ret.ret_code);
    g_assert_cmpuint(host_errno, <, 4096);
    g_assert_true(is_code_of(code, call));
    if (call->func_code == PVMEMCONTROL_VECTOR && !good_vector(call)) {
        /* What is guarded of the buffer reads as zero: the answer is lost. */
        g_assert_true(host_errno == EINVAL || !host_errno);
        g_assert_true(code == PVMEMCONTROL_VECTOR || !code);
        g_assert_cmpuint(le64_to_cpu(buf.ret.ret_value), ==, 0);
    }
}

static void kick(Hostile *h, uint32_t id)
{
    uint32_t index = id & ~PVMEMCONTROL_CONNECTION_ID;
    struct pvmemcontrol_vmm_call call;
    uint64_t gpa;

    if (!h->visible || h->phase != HOSTILE_WORKING || index >= h->nr_buffers) {
        h->ops->mmio_write(h, PVMEMCONTROL_REG_COMMAND, id, 4);
        return;
    }
    gpa = h->buffers[index];
    call = read_call(h, gpa);
    hostile_name(h, gpa, BUF_SIZE);
    if (call.func_code == PVMEMCONTROL_VECTOR) {
        name_vector(h, &call);
    } else {
        name_request(h, &call);
    }
    h->ops->mmio_write(h, PVMEMCONTROL_REG_COMMAND, id, 4);
    h->nr_requests++;
    check_answer(h, gpa, &call);
}

void hostile_mmio_write(Hostile *h, unsigned offset, uint64_t value,
                        unsigned size)
{
    bool is_command = offset == PVMEMCONTROL_REG_COMMAND && size == 4;

    if (is_command && value & PVMEMCONTROL_CONNECTION_ID) {
        kick(h, value);
        return;
    }
    h->ops->mmio_write(h, offset, value, size);
    if (!h->visible) {
        return;
    }
    if (is_command) {
        model_command(h, value);
    } else if (offset == PVMEMCONTROL_REG_PAYLOAD && size == 8) {
        h->payload = value;
    } else if (offset == PVMEMCONTROL_REG_PAYLOAD && size == 4) {
        h->payload = deposit64(h->payload, 0, 32, value);
    } else if (offset == PVMEMCONTROL_REG_PAYLOAD_HIGH && size == 4) {
        h->payload = deposit64(h->payload, 32, 32, value);
    }
}
