/*
 * QTest cases for the pvmemcontrol device: FEATURES
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/qmp/qdict.h"
#include "pvmemcontrol-test.h"

#define ZEROES(code) (UINT64_C(1) << PVMEMCONTROL_ ## code)

static uint64_t ask_zeroing(VM *vm)
{
    /* No range is looked at. */
    struct pvmemcontrol_vmm_ret ret =
        vm_call(vm, PVMEMCONTROL_FEATURES, UINT64_MAX, UINT64_MAX,
                UINT64_MAX);

    g_assert_cmpuint(ret.ret_errno, ==, 0);
    g_assert_cmphex(ret.ret_code, ==, 0);
    g_assert_cmphex(ret.ret_value, ==, PVMEMCONTROL_FEATURE_VECTOR |
                                       PVMEMCONTROL_FEATURE_VIOLATION |
                                       PVMEMCONTROL_FEATURE_GUARD);
    g_assert_cmpuint(ret.arg0, ==, 128);
    return ret.arg1;
}

/* What FEATURES promises, @gpa keeps. */
static void assert_zeroing(VM *vm, uint64_t gpa, uint64_t expected)
{
    uint64_t zeroing = ask_zeroing(vm);
    int code;

    g_assert_cmphex(zeroing, ==, expected);
    for (code = 0; code < 64; code++) {
        if (zeroing >> code & 1) {
            vm_fill(vm, gpa, 2 * PAGE, 0x5a);
            vm_expect(vm, code, gpa, 2 * PAGE, 0, 0, 0);
            g_assert(vm_reads(vm, gpa, 2 * PAGE, 0));
        }
    }
}

static void test_features(void)
{
    static const struct {
        const char *backend;
        uint64_t zeroing;
    } machines[] = {
        { BACKEND_ANON, ZEROES(DONTNEED) },
        { BACKEND_ANON_SHARED, ZEROES(REMOVE) },
        { BACKEND_MEMFD, ZEROES(REMOVE) },
        /* What may be in the file, the device does not know. */
        { BACKEND_MEMFD_PRIVATE, 0 },
    };
    int i;

    for (i = 0; i < ARRAY_SIZE(machines); i++) {
        VM *vm = vm_start(machines[i].backend, "", "");

        g_test_message("%s", machines[i].backend);
        vm_connect(vm);
        assert_zeroing(vm, TEST_RAM, machines[i].zeroing);
        /* However the memory is mapped just now */
        vm_expect(vm, PVMEMCONTROL_MPROTECT_R, TEST_RAM, PAGE, 0, 0, 0);
        vm_expect(vm, PVMEMCONTROL_MPROTECT_RW, TEST_RAM, PAGE, 0, 0, 0);
        assert_zeroing(vm, TEST_RAM, machines[i].zeroing);
        g_assert_cmpuint(vm_counter(vm, "requests-features"), ==, 2);
        vm_stop(vm);
    }
}

/* Two nodes: what holds for one of them only is not promised. */
static void test_features_mixed(void)
{
#define ANON "memory-backend-ram,share=off"
#define SHARED "memory-backend-ram,share=on"
#define MEMFD "memory-backend-memfd,share=on"
#define MEMFD_PRIVATE "memory-backend-memfd,share=off"
    static const struct {
        const char *first, *second;
        uint64_t zeroing;
    } machines[] = {
        { ANON, ANON, ZEROES(DONTNEED) },
        { SHARED, MEMFD, ZEROES(REMOVE) },
        { ANON, MEMFD, 0 },
        { MEMFD, ANON, 0 },
        { ANON, MEMFD_PRIVATE, 0 },
        { MEMFD, MEMFD_PRIVATE, 0 },
    };
    int i;

    for (i = 0; i < ARRAY_SIZE(machines); i++) {
        g_autofree char *args = g_strdup_printf(
            "-M q35,mem-merge=off -m 256M -nodefaults "
            "-device pvmemcontrol,id=mc,addr=04.0 "
            "-object %s,id=m0,size=128M -numa node,memdev=m0 "
            "-object %s,id=m1,size=128M -numa node,memdev=m1",
            machines[i].first, machines[i].second);
        VM *vm = vm_start_args(args, 0xe0000000);

        g_test_message("%s %s", machines[i].first, machines[i].second);
        vm_connect(vm);
        assert_zeroing(vm, TEST_RAM, machines[i].zeroing);
        assert_zeroing(vm, TEST_RAM + MiB_(128), machines[i].zeroing);
        vm_stop(vm);
    }
}

/* It speaks of the memory that is there when it is asked. */
static void test_features_hotplug(void)
{
    VM *vm = vm_start(BACKEND_ANON, "", "-m 256M,slots=2,maxmem=1G");

    vm_connect(vm);
    g_assert_cmphex(ask_zeroing(vm), ==, ZEROES(DONTNEED));
    qtest_qmp_assert_success(vm->qts, "{ 'execute': 'object-add', "
                             "'arguments': { 'qom-type': "
                             "'memory-backend-memfd', 'id': 'more', "
                             "'size': 134217728, 'share': true } }");
    g_assert_cmphex(ask_zeroing(vm), ==, ZEROES(DONTNEED));
    qtest_qmp_device_add(vm->qts, "pc-dimm", "dimm", "{ 'memdev': 'more' }");
    g_assert_cmphex(ask_zeroing(vm), ==, 0);
    vm_stop(vm);
}

/* Memory that is locked is never dropped, and nothing is promised. */
static void test_features_locked(void)
{
    VM *vm;

    if (!host_can_lock(MiB_(2048))) {
        g_test_skip("this host does not let QEMU lock its memory");
        return;
    }
    vm = vm_start(BACKEND_ANON, "", "-overcommit mem-lock=on");
    vm_connect(vm);
    assert_zeroing(vm, TEST_RAM, 0);
    vm_expect(vm, PVMEMCONTROL_DONTNEED, TEST_RAM, PAGE, 0, EINVAL, 0);
    vm_stop(vm);
}

static void test_no_such_version(void)
{
    VM *vm = vm_start_args("-M pc -m 256M -nodefaults "
                           "-device pvmemcontrol,id=mc,addr=04.0", 0);
    QDict *answer = qtest_qmp(vm->qts, "{ 'execute': 'device_add', "
                              "'arguments': { 'driver': 'pvmemcontrol', "
                              "'version-minor': 2 } }");

    g_assert(qdict_haskey(answer, "error"));
    qobject_unref(answer);
    vm_stop(vm);
}

void add_feature_tests(void)
{
    qtest_add_func("/pvmemcontrol/features/backends", test_features);
    qtest_add_func("/pvmemcontrol/features/mixed", test_features_mixed);
    qtest_add_func("/pvmemcontrol/features/hotplug", test_features_hotplug);
    qtest_add_func("/pvmemcontrol/features/locked", test_features_locked);
    qtest_add_func("/pvmemcontrol/version/unknown", test_no_such_version);
}
