/*
 * QTest cases for the pvmemcontrol device: the emulator's own accesses to what
 * is protected, in the thread of a vCPU
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "pvmemcontrol-test-guest.h"

void guest_run_exception_frame(Guest *g)
{
    static const uint8_t code[] = {
        0x8e, 0xd0,                             /* mov ss, ax */
        0xbc, 0x00, 0x01,                       /* mov sp, 0x100 */
        0xcd, 0x40,                             /* int 0x40 */
    };
    static const uint8_t int_handler[] = {
        0xb8, 0x00, 0x00,                       /* mov ax, 0 */
        0x8e, 0xd0,                             /* mov ss, ax */
        0xbc, 0x00, 0x70,                       /* mov sp, STACK */
    };
    QTestState *qts = g->vm->qts;
    uint64_t before = vm_counter(g->vm, "own-accesses");

    qtest_memwrite(qts, INT_HANDLER, int_handler, sizeof(int_handler));
    qtest_memwrite(qts, INT_HANDLER + sizeof(int_handler), guest_after,
                   guest_after_size);
    guest_protect(g, PVMEMCONTROL_MPROTECT_NONE, PAGE_1);
    guest_run(g, code, sizeof(code));
    guest_wait(g, W_DONE, 1);
    g_assert_cmpuint(vm_counter(g->vm, "own-accesses"), >=, before + 3);
    g_assert(guest_is_sealed(g, PAGE_1, "---"));
    /* The return address is there, and read for this test. */
    g_assert_cmphex(qtest_readw(qts, PAGE_1 + 0x100 - 6), ==,
                    PROGRAM + guest_before_size + sizeof(code));
    g_assert(guest_is_sealed(g, PAGE_1, "---"));
}

static void test_exception_frame(void)
{
    Guest *g = guest_listening("");

    guest_run_exception_frame(g);
    g_assert_cmpuint(vm_counter(g->vm, "violations-total"), ==, 0);
    guest_stop(g);
}

/* Two threads of QEMU that have the same page open again and again */
static void test_own_at_once(void)
{
    static const uint8_t code[] = {
        0x8e, 0xd0,                             /* mov ss, ax */
        0xbc, 0x00, 0x01,                       /* mov sp, 0x100 */
        0xcd, 0x40,                             /* int 0x40 */
    };
    static const uint8_t int_handler[] = {
        0xb8, 0x00, 0x00,                       /* mov ax, 0 */
        0x8e, 0xd0,                             /* mov ss, ax */
        0xbc, 0x00, 0x70,                       /* mov sp, STACK */
        0x2e, 0x83, 0x3e, 0x40, 0x05, 0x00,     /* cmp word cs:[W_END], 0 */
        0x75, 0x08,                             /* jne to the end of this */
        0xb8, 0x00, 0x50,                       /* mov ax, 0x5000 */
        0xea, 0x07, 0x10, 0x00, 0x00,           /* jmp to the program */
    };
    Guest *g = guest_listening("");
    QTestState *qts = g->vm->qts;
    int i;

    qtest_memwrite(qts, INT_HANDLER, int_handler, sizeof(int_handler));
    qtest_memwrite(qts, INT_HANDLER + sizeof(int_handler), guest_after,
                   guest_after_size);
    guest_protect(g, PVMEMCONTROL_MPROTECT_NONE, PAGE_1);
    guest_run(g, code, sizeof(code));
    for (i = 0; i < 3000; i++) {
        g_assert_cmphex(qtest_readl(qts, PAGE_1 + 0x200), ==, CONTENT_32);
        qtest_writel(qts, PAGE_1 + 0x300, i);
    }
    qtest_writew(qts, W_END, 1);
    guest_wait(g, W_DONE, 1);
    g_assert(guest_is_sealed(g, PAGE_1, "---"));
    g_assert_cmphex(qtest_readl(qts, PAGE_1 + 0x300), ==, i - 1);
    g_assert(guest_is_sealed(g, PAGE_1, "---"));
    g_assert_cmpuint(vm_counter(g->vm, "violations-total"), ==, 0);
    g_assert_cmpuint(vm_counter(g->vm, "own-accesses"), >, 16);
    guest_stop(g);
}

/*
 * fw_cfg fills up what is read behind the end of an item, 512 bytes at a time,
 * as much as the guest says, and the guest's next instruction waits for it.
 */
static void test_own_in_a_row(void)
{
    struct {
        uint32_t control;
        uint32_t length;
        uint64_t address;
    } access = {
        /* Select item 0, and read */
        .control = cpu_to_be32(0x08 | 0x02),
        .length = cpu_to_be32(MiB_(16)),
        .address = cpu_to_be64(TEST_RAM + PAGE),
    };
    VM *vm = vm_start(BACKEND_ANON, "", "");
    uint64_t before, gpa = MiB_(20);

    vm_connect(vm);
    vm_fill(vm, TEST_RAM, MiB_(17), 0x5a);
    vm_expect(vm, PVMEMCONTROL_MPROTECT_NONE, TEST_RAM, MiB_(17), 0, 0, 0);
    before = vm_counter(vm, "own-accesses");
    qtest_memwrite(vm->qts, gpa, &access, sizeof(access));
    qtest_outl(vm->qts, 0x514, 0);
    qtest_outl(vm->qts, 0x518, cpu_to_be32(gpa));
    g_assert_cmphex(qtest_readl(vm->qts, gpa), ==, 0);
    /* Less than the pages, of which each is written to many times */
    g_assert_cmpuint(vm_counter(vm, "own-accesses"), >, before);
    g_assert_cmpuint(vm_counter(vm, "own-accesses"), <,
                     before + MiB_(16) / PAGE / 4);
    expect_perms(vm, TEST_RAM, "---");
    expect_perms(vm, TEST_RAM + MiB_(8), "---");
    expect_perms(vm, TEST_RAM + MiB_(16), "---");

    vm_expect(vm, PVMEMCONTROL_MPROTECT_RW, TEST_RAM, MiB_(17), 0, 0, 0);
    g_assert(vm_reads(vm, TEST_RAM, PAGE, 0x5a));
    g_assert(!vm_reads(vm, TEST_RAM + PAGE, 4, 0));
    g_assert(vm_reads(vm, TEST_RAM + PAGE + 4, MiB_(16) - 4, 0));
    g_assert(vm_reads(vm, TEST_RAM + PAGE + MiB_(16), PAGE, 0x5a));
    vm_stop(vm);
}

void add_own_tests(void)
{
    qtest_add_func("/pvmemcontrol/violation/exception-frame",
                   test_exception_frame);
    qtest_add_func("/pvmemcontrol/violation/own-at-once", test_own_at_once);
    qtest_add_func("/pvmemcontrol/marks/own-in-a-row", test_own_in_a_row);
}
