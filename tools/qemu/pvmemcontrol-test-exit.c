/*
 * QTest cases for the pvmemcontrol device: requests that a vCPU makes
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/pci/pci_regs.h"
#include "pvmemcontrol-test-guest.h"

/* Where code in real mode reaches the registers */
#define LOW_BAR 0xb0000

static const uint8_t kick[] = {
    0xb8, 0x00, 0xb0,                           /* mov ax, LOW_BAR >> 4 */
    0x8e, 0xd8,                                 /* mov ds, ax */
    0x66, 0xc7, 0x06, 0x08, 0x00,               /* mov dword [8], */
    0x00, 0x00, 0x00, 0x80,                     /*     0x80000000 */
};

/* As they come without being told otherwise: requests by vCPUs alone */
static Guest *guest_alone(void)
{
    Guest *g = guest_start(",x-from-anywhere=off");

    g->vm->bar = LOW_BAR;
    qpci_config_writel(g->vm->dev, PCI_BASE_ADDRESS_0, LOW_BAR);
    return g;
}

static void test_vcpu(void)
{
    Guest *g = guest_alone();
    VM *vm = g->vm;
    struct pvmemcontrol_vmm_call call = {
        .func_code = PVMEMCONTROL_DONTNEED, .addr = TEST_RAM, .length = PAGE,
    };
    struct pvmemcontrol_vmm_ret ret;

    vm_fill(vm, TEST_RAM, PAGE, 0x5a);
    ret = vm_call_at(vm, vm->id, TEST_BUF, call);
    g_assert_cmpuint(ret.ret_errno, ==, PVMEMCONTROL_DONTNEED);
    g_assert_cmpuint(ret.arg0, ==, PAGE);
    g_assert_cmpuint(vm_counter(vm, "ignored"), ==, 1);
    g_assert_cmpuint(vm_counter(vm, "requests-total"), ==, 0);
    g_assert(vm_reads(vm, TEST_RAM, PAGE, 0x5a));

    guest_run(g, kick, sizeof(kick));
    guest_wait(g, W_DONE, 1);
    ret = vm_answer(vm, TEST_BUF);
    g_assert_cmpuint(ret.ret_errno, ==, 0);
    g_assert_cmpuint(ret.arg0, ==, 0);
    g_assert_cmpuint(vm_counter(vm, "ignored"), ==, 1);
    g_assert_cmpuint(vm_counter(vm, "requests-total"), ==, 1);
    g_assert(vm_reads(vm, TEST_RAM, PAGE, 0));
    guest_stop(g);
}

/* At TEST_BUF, a vector whose entries take 300 ms each; begins to execute it */
static void begin_vector(Guest *g, uint64_t array, int nr)
{
    VM *vm = g->vm;
    int i;

    for (i = 0; i < nr; i++) {
        vm_write_call(vm, array + i * PVMEMCONTROL_BUF_SIZE,
                      (struct pvmemcontrol_vmm_call) {
            .func_code = PVMEMCONTROL_DONTNEED, .addr = TEST_RAM + i * PAGE,
            .length = PAGE,
        });
    }
    vm_write_call(vm, TEST_BUF, (struct pvmemcontrol_vmm_call) {
        .func_code = PVMEMCONTROL_VECTOR, .addr = array, .length = nr,
    });
    vm_set_int(vm, "x-fault-delay-ms", 300);
    vm_set_int(vm, "x-fault-codes", 1 << PVMEMCONTROL_DONTNEED);
    vm_set_str(vm, "x-fault-mode", "delay");
    guest_run(g, kick, sizeof(kick));
    while (vm_counter(vm, "requests-dontneed") < 2) {
        g_usleep(1000);
    }
}

/* It has ended before its end. */
static void expect_left(VM *vm, uint64_t array, int nr)
{
    struct pvmemcontrol_vmm_ret ret = vm_answer(vm, TEST_BUF);
    int done = ret.ret_value;

    g_test_message("%d of %d entries", done, nr);
    g_assert_cmpuint(ret.ret_errno, ==, EAGAIN);
    g_assert_cmpuint(ret.ret_code, ==, 0);
    g_assert_cmpuint(ret.ret_value, >=, 2);
    g_assert_cmpuint(ret.ret_value, <, nr);
    g_assert_cmpuint(vm_counter(vm, "vector-entries"), ==, ret.ret_value);
    ret = vm_answer(vm, array + done * PVMEMCONTROL_BUF_SIZE);
    g_assert_cmpuint(ret.ret_errno, ==, EAGAIN);
    g_assert_cmpuint(ret.arg0, ==, 0);
    /* Those behind it stay as they are. */
    if (done + 1 < nr) {
        ret = vm_answer(vm, array + (done + 1) * PVMEMCONTROL_BUF_SIZE);
        g_assert_cmpuint(ret.ret_errno, ==, PVMEMCONTROL_DONTNEED);
        g_assert_cmpuint(ret.arg0, ==, PAGE);
    }
}

/*
 * A vector that takes six seconds: who stops the VM is not kept waiting so
 * long, and the guest is told where it ended.
 */
static void test_stop(void)
{
    Guest *g = guest_alone();
    VM *vm = g->vm;
    uint64_t array = TEST_BUF + 16 * PAGE;
    int64_t begin;
    int nr = 20;

    begin_vector(g, array, nr);
    begin = g_get_monotonic_time();
    qtest_qmp_assert_success(vm->qts, "{ 'execute': 'stop' }");
    g_assert_cmpint(g_get_monotonic_time() - begin, <, 4 * G_USEC_PER_SEC);
    expect_left(vm, array, nr);
    qtest_qmp_assert_success(vm->qts, "{ 'execute': 'cont' }");
    guest_wait(g, W_DONE, 1);
    guest_stop(g);
}

/* One that takes half a minute, while what was RAM waits to be freed */
static void test_rcu(void)
{
    Guest *g = guest_alone();
    VM *vm = g->vm;
    uint64_t array = TEST_BUF + 16 * PAGE;
    int nr = 100;

    begin_vector(g, array, nr);
    qtest_qmp_assert_success(vm->qts, "{ 'execute': 'object-add', "
                             "'arguments': { 'qom-type': 'memory-backend-ram', "
                             "'id': 'more', 'size': 1048576 } }");
    qtest_qmp_assert_success(vm->qts, "{ 'execute': 'object-del', "
                             "'arguments': { 'id': 'more' } }");
    guest_wait(g, W_DONE, 1);
    expect_left(vm, array, nr);
    guest_stop(g);
}

void add_exit_tests(void)
{
    qtest_add_func("/pvmemcontrol/exit/stop", test_stop);
    qtest_add_func("/pvmemcontrol/exit/rcu", test_rcu);
    qtest_add_func("/pvmemcontrol/exit/vcpu", test_vcpu);
}
