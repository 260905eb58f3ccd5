/*
 * QTest cases for the pvmemcontrol device: a guest of a few instructions
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "pvmemcontrol-test-guest.h"

static const uint8_t firmware[] = {
    0xfa,                                       /* cli */
    0x31, 0xc0,                                 /* xor ax, ax */
    0x8e, 0xd8,                                 /* mov ds, ax */
    0x8e, 0xd0,                                 /* mov ss, ax */
    0xbc, 0x00, 0x70,                           /* mov sp, STACK */
    0x83, 0x3e, 0x10, 0x05, 0x00,               /* cmp word [W_START], 0 */
    0x74, 0xf9,                                 /* je to that */
    0xc7, 0x06, 0x10, 0x05, 0x00, 0x00,         /* mov word [W_START], 0 */
    0xea, 0x00, 0x10, 0x00, 0x00,               /* jmp 0:PROGRAM */
};

static const uint8_t reset_vector[] = { 0xea, 0x00, 0x00, 0x00, 0xf0 };

/* Before and after what a test tries */
static const uint8_t before[] = {
    0xb8, 0x00, 0x50,                           /* mov ax, 0x5000 */
    0x8e, 0xd8,                                 /* mov ds, ax */
    0x8e, 0xc0,                                 /* mov es, ax */
};
const uint8_t guest_after[] = {
    0x66, 0x2e, 0x89, 0x1e, 0x30, 0x05,         /* mov cs:[W_EBX], ebx */
    0xb8, 0x00, 0x00,                           /* mov ax, 0 */
    0x8e, 0xd8,                                 /* mov ds, ax */
    0xc7, 0x06, 0x24, 0x05, 0x01, 0x00,         /* mov word [W_DONE], 1 */
    0xea, 0x00, 0x00, 0x00, 0xf0,               /* jmp to the firmware */
};

const uint8_t guest_handler[] = {
    0x66, 0x60,                                 /* pushad */
    0x2e, 0x89, 0x26, 0x26, 0x05,               /* mov cs:[W_SP], sp */
    0x2e, 0xff, 0x06, 0x20, 0x05,               /* inc word cs:[W_NMIS] */
    0x2e, 0x83, 0x3e, 0x22, 0x05, 0x00,         /* cmp word cs:[W_GO], 0 */
    0x74, 0xf8,                                 /* je to that */
    0x2e, 0xc7, 0x06, 0x22, 0x05, 0x00, 0x00,   /* mov word cs:[W_GO], 0 */
    0x66, 0x61,                                 /* popad */
    0xcf,                                       /* iret */
};

const size_t guest_after_size = sizeof(guest_after);
const size_t guest_before_size = sizeof(before);
const size_t guest_handler_size = sizeof(guest_handler);

Guest *guest_start_on(const char *accel, const char *props)
{
    Guest *g = g_new0(Guest, 1);
    g_autofree uint8_t *rom = g_malloc0(0x10000);
    g_autofree char *more = NULL;
    int fd = g_file_open_tmp("pvmemcontrol-XXXXXX", &g->bios, NULL);
    const uint8_t vectors[] = { 0x00, 0x20, 0x00, 0x00 };
    const uint8_t int_vector[] = { 0x00, 0x28, 0x00, 0x00 };

    memcpy(rom, firmware, sizeof(firmware));
    memcpy(rom + 0xfff0, reset_vector, sizeof(reset_vector));
    g_assert_cmpint(write(fd, rom, 0x10000), ==, 0x10000);
    close(fd);
    more = g_strdup_printf("-smp 2 -accel %s -bios %s", accel, g->bios);
    g->vm = vm_start(BACKEND_ANON, props, more);
    vm_connect(g->vm);
    qtest_memwrite(g->vm->qts, 2 * 4, vectors, sizeof(vectors));
    qtest_memwrite(g->vm->qts, 0x40 * 4, int_vector, sizeof(int_vector));
    qtest_memwrite(g->vm->qts, HANDLER, guest_handler, sizeof(guest_handler));
    qtest_memset(g->vm->qts, PAGE_1, CONTENT, 3 * PAGE);
    return g;
}

Guest *guest_start(const char *props)
{
    return guest_start_on("tcg,thread=multi", props);
}

void guest_listen(Guest *g)
{
    struct pvmemcontrol_vmm_ret ret;

    ret = vm_call(g->vm, PVMEMCONTROL_VIOLATION, RECORDS, PAGE,
                  PVMEMCONTROL_VIOLATION_NMI);
    g_assert_cmpuint(ret.ret_errno, ==, 0);
    g_assert_cmpuint(ret.ret_code, ==, 0);
}

Guest *guest_listening(const char *props)
{
    Guest *g = guest_start(props);

    guest_listen(g);
    return g;
}

void guest_stop(Guest *g)
{
    vm_stop(g->vm);
    unlink(g->bios);
    g_free(g->bios);
    g_free(g);
}

void guest_protect(Guest *g, uint64_t func_code, uint64_t gpa)
{
    vm_expect(g->vm, func_code, gpa, PAGE, 0, 0, 0);
}

void guest_open(Guest *g, uint64_t gpa)
{
    guest_protect(g, PVMEMCONTROL_MPROTECT_RW, gpa);
}

uint16_t guest_run(Guest *g, const void *code, size_t size)
{
    QTestState *qts = g->vm->qts;
    uint64_t at = PROGRAM;

    qtest_memwrite(qts, at, before, sizeof(before));
    at += sizeof(before);
    qtest_memwrite(qts, at, code, size);
    qtest_memwrite(qts, at + size, guest_after, sizeof(guest_after));
    qtest_writew(qts, W_DONE, 0);
    qtest_writew(qts, W_NMIS, 0);
    qtest_writew(qts, W_START, 1);
    return at;
}

void guest_wait(Guest *g, uint64_t gpa, uint16_t value)
{
    while (qtest_readw(g->vm->qts, gpa) != value) {
        g_usleep(1000);
    }
}

Frame guest_wait_nmi(Guest *g, uint16_t nr)
{
    Frame frame;

    guest_wait(g, W_NMIS, nr);
    qtest_memread(g->vm->qts, qtest_readw(g->vm->qts, W_SP), &frame,
                  sizeof(frame));
    return frame;
}

void guest_leave_nmi(Guest *g)
{
    qtest_writew(g->vm->qts, W_GO, 1);
}

void guest_take_record(Guest *g, uint64_t gpa, uint32_t access,
                        uint32_t flags)
{
    struct pvmemcontrol_violation records[PAGE / 32];
    int i, found = -1;

    qtest_memread(g->vm->qts, RECORDS, records, sizeof(records));
    for (i = 0; i < ARRAY_SIZE(records); i++) {
        if (records[i].sequence) {
            g_assert_cmpint(found, ==, -1);
            found = i;
        }
    }
    g_assert_cmpint(found, !=, -1);
    g_assert_cmpuint(le64_to_cpu(records[found].sequence), ==, ++g->sequence);
    g_assert_cmphex(le64_to_cpu(records[found].addr), ==, gpa);
    g_assert_cmphex(le32_to_cpu(records[found].access), ==, access);
    g_assert_cmpuint(le32_to_cpu(records[found].vcpu), ==, 0);
    g_assert_cmphex(le32_to_cpu(records[found].flags), ==, flags);
    g_assert_cmphex(records[found].reserved, ==, 0);
    qtest_writeq(g->vm->qts, RECORDS + found * sizeof(records[0]), 0);
}

bool guest_is_sealed(Guest *g, uint64_t gpa, const char *perms)
{
    return vm_gets_perms(g->vm, gpa, perms);
}
