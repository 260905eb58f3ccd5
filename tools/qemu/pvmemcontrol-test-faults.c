/*
 * QTest cases for the pvmemcontrol device: fault injection
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/qmp/qdict.h"
#include "pvmemcontrol-test.h"

static VM *faulty(const char *props)
{
    VM *vm = vm_start(BACKEND_ANON, props, "");

    vm_connect(vm);
    vm_fill(vm, TEST_RAM, 4 * PAGE, 0x5a);
    return vm;
}

static void dontneed(VM *vm, uint32_t ret_errno, uint32_t ret_code)
{
    vm_expect(vm, PVMEMCONTROL_DONTNEED, TEST_RAM, 4 * PAGE, 0,
              ret_errno, ret_code);
}

/* The buffer that holds this very request stays as it is. */
static void assert_silent(VM *vm)
{
    struct pvmemcontrol_vmm_ret ret =
        vm_call(vm, PVMEMCONTROL_DONTNEED, TEST_RAM, 4 * PAGE, 0);

    g_assert_cmpuint(ret.ret_errno, ==, PVMEMCONTROL_DONTNEED);
    g_assert_cmphex(ret.ret_value, ==, TEST_RAM);
    g_assert_cmphex(ret.arg0, ==, 4 * PAGE);
}

static void test_silent(void)
{
    VM *vm = faulty(",x-fault-mode=silent");

    assert_silent(vm);
    g_assert(vm_reads(vm, TEST_RAM, 4 * PAGE, 0x5a));
    g_assert_cmpuint(vm_counter(vm, "faults-injected"), ==, 1);
    g_assert_cmpuint(vm_counter(vm, "requests-dontneed"), ==, 1);
    g_assert_cmpuint(vm_counter(vm, "ignored"), ==, 0);
    vm_set_str(vm, "x-fault-mode", "none");
    dontneed(vm, 0, 0);
    g_assert(vm_reads(vm, TEST_RAM, 4 * PAGE, 0));
    vm_stop(vm);
}

static void test_errno(void)
{
    VM *vm = faulty(",x-fault-mode=errno,x-fault-errno=12");

    dontneed(vm, ENOMEM, 0);
    vm_set_int(vm, "x-fault-errno", 4000000000);
    dontneed(vm, 4000000000, 0);
    g_assert(vm_reads(vm, TEST_RAM, 4 * PAGE, 0x5a));
    g_assert_cmpuint(vm_counter(vm, "errors"), ==, 2);
    vm_stop(vm);
}

static void test_refuse(void)
{
    VM *vm = faulty(",x-fault-mode=refuse");

    dontneed(vm, EOPNOTSUPP, PVMEMCONTROL_DONTNEED);
    g_assert(vm_reads(vm, TEST_RAM, 4 * PAGE, 0x5a));
    g_assert_cmpuint(vm_counter(vm, "refused"), ==, 1);
    vm_stop(vm);
}

static void test_lie(void)
{
    VM *vm = faulty(",x-fault-mode=lie");

    dontneed(vm, 0, 0);
    g_assert(vm_reads(vm, TEST_RAM, 4 * PAGE, 0x5a));
    g_assert_cmpuint(vm_counter(vm, "bytes-discarded"), ==, 0);
    vm_stop(vm);
}

static void test_garbage(void)
{
    VM *vm = faulty(",x-fault-mode=garbage");
    struct pvmemcontrol_vmm_ret a, b;

    a = vm_call(vm, PVMEMCONTROL_DONTNEED, TEST_RAM, 4 * PAGE, 0);
    b = vm_call(vm, PVMEMCONTROL_DONTNEED, TEST_RAM, 4 * PAGE, 0);
    g_assert(a.ret_errno && a.ret_code && a.ret_value && a.arg0 && a.arg1);
    g_assert(memcmp(&a, &b, sizeof(a)));
    g_assert(vm_reads(vm, TEST_RAM, 4 * PAGE, 0x5a));
    vm_stop(vm);
}

static void test_delay(void)
{
    VM *vm = faulty(",x-fault-mode=delay,x-fault-delay-ms=20");

    dontneed(vm, 0, 0);
    g_assert(vm_reads(vm, TEST_RAM, 4 * PAGE, 0));
    g_assert_cmpuint(vm_counter(vm, "faults-injected"), ==, 1);
    vm_stop(vm);
}

static void test_partial(void)
{
    VM *vm = faulty(",x-fault-mode=partial");

    dontneed(vm, ENOMEM, 0);
    g_assert(vm_reads(vm, TEST_RAM, 2 * PAGE, 0));
    g_assert(vm_reads(vm, TEST_RAM + 2 * PAGE, 2 * PAGE, 0x5a));

    /* Half a page is nothing. */
    vm_fill(vm, TEST_RAM, PAGE, 0x5a);
    vm_expect(vm, PVMEMCONTROL_DONTNEED, TEST_RAM, PAGE, 0, ENOMEM, 0);
    g_assert(vm_reads(vm, TEST_RAM, PAGE, 0x5a));

    /* What would be refused is. */
    vm_expect(vm, PVMEMCONTROL_DONTNEED, RAM_SIZE, PAGE, 0, EINVAL,
              PVMEMCONTROL_DONTNEED);
    vm_stop(vm);
}

static void test_period_and_count(void)
{
    VM *vm = faulty(",x-fault-mode=refuse,x-fault-period=3");
    int i;

    for (i = 1; i <= 9; i++) {
        bool wrong = i % 3 == 0;

        dontneed(vm, wrong ? EOPNOTSUPP : 0,
                 wrong ? PVMEMCONTROL_DONTNEED : 0);
    }
    g_assert_cmpuint(vm_counter(vm, "faults-injected"), ==, 3);

    vm_set_int(vm, "x-fault-period", 0);
    for (i = 0; i < 5; i++) {
        dontneed(vm, 0, 0);
    }

    vm_set_int(vm, "x-fault-period", 1);
    vm_set_int(vm, "x-fault-count", 2);
    dontneed(vm, EOPNOTSUPP, PVMEMCONTROL_DONTNEED);
    dontneed(vm, EOPNOTSUPP, PVMEMCONTROL_DONTNEED);
    dontneed(vm, 0, 0);
    g_assert_cmpuint(vm_counter(vm, "x-fault-count"), ==, 0);
    g_assert_cmpuint(vm_counter(vm, "faults-injected"), ==, 5);
    vm_set_int(vm, "x-fault-count", -1);
    dontneed(vm, EOPNOTSUPP, PVMEMCONTROL_DONTNEED);
    vm_stop(vm);
}

static void test_codes(void)
{
    VM *vm = faulty(",x-fault-mode=errno,x-fault-errno=5");

    /* All but these, unless told otherwise */
    g_assert_cmpuint(vm_call(vm, PVMEMCONTROL_INFO, 0, 0, 0).ret_errno, ==, 0);
    g_assert_cmpuint(vm_call(vm, PVMEMCONTROL_FEATURES, 0, 0, 0).ret_errno,
                     ==, 0);
    vm_expect(vm, PVMEMCONTROL_MLOCK, TEST_RAM, PAGE, 0, EIO, 0);

    vm_set_int(vm, "x-fault-codes", 1 << PVMEMCONTROL_REMOVE |
                                    1 << PVMEMCONTROL_INFO);
    vm_expect(vm, PVMEMCONTROL_INFO, 0, 0, 0, EIO, 0);
    vm_expect(vm, PVMEMCONTROL_REMOVE, TEST_RAM, PAGE, 0, EIO, 0);
    vm_expect(vm, PVMEMCONTROL_DONTDUMP, TEST_RAM, PAGE, 0, 0, 0);
    vm_expect(vm, 0x105, TEST_RAM, PAGE, 0, EOPNOTSUPP, 0x105);

    /* From 0x100 on they are in the upper half, and between is none. */
    vm_set_int(vm, "x-fault-codes", INT64_C(1) << 32);
    vm_expect(vm, PVMEMCONTROL_FEATURES, 0, 0, 0, EIO, 0);
    vm_expect(vm, PVMEMCONTROL_VECTOR, 0, 0, 0, EINVAL, PVMEMCONTROL_VECTOR);
    vm_set_int(vm, "x-fault-codes", -1);
    vm_expect(vm, 0x11f, TEST_RAM, PAGE, 0, EIO, 0);
    vm_expect(vm, 0x120, TEST_RAM, PAGE, 0, EOPNOTSUPP, 0x120);
    vm_expect(vm, 31, TEST_RAM, PAGE, 0, EIO, 0);
    vm_expect(vm, 32, TEST_RAM, PAGE, 0, EOPNOTSUPP, 32);
    vm_expect(vm, 0xff, TEST_RAM, PAGE, 0, EOPNOTSUPP, 0xff);
    vm_stop(vm);
}

static void test_bad_mode(void)
{
    VM *vm = faulty("");
    QDict *answer = qtest_qmp(vm->qts, "{ 'execute': 'qom-set', 'arguments': "
                              "{ 'path': %s, 'property': 'x-fault-mode', "
                              "'value': 'nonsense' } }", VM_DEVICE);

    g_assert(qdict_haskey(answer, "error"));
    qobject_unref(answer);
    dontneed(vm, 0, 0);
    vm_stop(vm);
}

static void test_forget(void)
{
    VM *vm = faulty("");

    qtest_qom_set_bool(vm->qts, VM_DEVICE, "x-forget", false);
    g_assert_cmpuint(vm_counter(vm, "connections"), ==, 1);
    qtest_qom_set_bool(vm->qts, VM_DEVICE, "x-forget", true);
    g_assert_false(qtest_qom_get_bool(vm->qts, VM_DEVICE, "x-forget"));
    g_assert_cmpuint(vm_counter(vm, "connections"), ==, 0);
    assert_silent(vm);
    g_assert_cmphex(vm_status(vm), ==, PVMEMCONTROL_TRANSPORT_ERROR);
    g_assert_cmpuint(vm_counter(vm, "ignored"), ==, 1);
    vm_connect(vm);
    dontneed(vm, 0, 0);
    vm_stop(vm);
}

void add_fault_tests(void)
{
    qtest_add_func("/pvmemcontrol/fault/silent", test_silent);
    qtest_add_func("/pvmemcontrol/fault/errno", test_errno);
    qtest_add_func("/pvmemcontrol/fault/refuse", test_refuse);
    qtest_add_func("/pvmemcontrol/fault/lie", test_lie);
    qtest_add_func("/pvmemcontrol/fault/garbage", test_garbage);
    qtest_add_func("/pvmemcontrol/fault/delay", test_delay);
    qtest_add_func("/pvmemcontrol/fault/partial", test_partial);
    qtest_add_func("/pvmemcontrol/fault/period-and-count",
                   test_period_and_count);
    qtest_add_func("/pvmemcontrol/fault/codes", test_codes);
    qtest_add_func("/pvmemcontrol/fault/bad-mode", test_bad_mode);
    qtest_add_func("/pvmemcontrol/fault/forget", test_forget);
}
