/*
 * QTest cases for the pvmemcontrol device: locked memory
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/qmp/qdict.h"
#include "pvmemcontrol-test.h"

static VM *connected(const char *backend, const char *props, const char *more)
{
    VM *vm = vm_start(backend, props, more);

    vm_connect(vm);
    return vm;
}

static bool is_locked(VM *vm, uint64_t gpa)
{
    Mapping *m = vm_mapping(vm, gpa);
    bool ret = mapping_has_flag(m, "lo");

    mapping_free(m);
    return ret;
}

static void test_max_locked(void)
{
    VM *vm = connected(BACKEND_ANON, ",max-locked-bytes=64K", "");

    vm_expect(vm, PVMEMCONTROL_MLOCK, TEST_RAM, 16 * PAGE, 0, 0, 0);
    g_assert_cmpuint(vm_counter(vm, "locked-bytes"), ==, 16 * PAGE);
    vm_expect(vm, PVMEMCONTROL_MLOCK, TEST_RAM + 16 * PAGE, PAGE, 0, ENOSPC, 0);
    /* Again the same, and part of it */
    vm_expect(vm, PVMEMCONTROL_MLOCK, TEST_RAM, 16 * PAGE, 0, 0, 0);
    vm_expect(vm, PVMEMCONTROL_MLOCK, TEST_RAM, PAGE, 0, 0, 0);
    vm_expect(vm, PVMEMCONTROL_MUNLOCK, TEST_RAM, PAGE, 0, 0, 0);
    g_assert_cmpuint(vm_counter(vm, "locked-bytes"), ==, 15 * PAGE);
    vm_expect(vm, PVMEMCONTROL_MLOCK, TEST_RAM + 16 * PAGE, PAGE, 0, 0, 0);
    vm_expect(vm, PVMEMCONTROL_MLOCK, TEST_RAM, PAGE, 0, ENOSPC, 0);
    vm_stop(vm);
}

/* The host locks it, and then says that it cannot have what is in there. */
static void test_lock_forbidden(void)
{
    VM *vm = connected(BACKEND_ANON, "", "");
    Mapping *m;

    /* As one of 1.1, who knows what ENOSPC means: that is another matter. */
    vm_call(vm, PVMEMCONTROL_FEATURES, 0, PAGE, 0);
    vm_expect(vm, PVMEMCONTROL_MLOCK, TEST_RAM, PAGE, 0, 0, 0);
    vm_expect(vm, PVMEMCONTROL_MPROTECT_NONE, TEST_RAM + PAGE, PAGE, 0, 0, 0);
    vm_expect(vm, PVMEMCONTROL_MLOCK, TEST_RAM, 3 * PAGE, 0, ENOMEM, 0);
    g_assert_cmpuint(vm_counter(vm, "locked-bytes"), ==, PAGE);
    m = vm_mapping(vm, TEST_RAM);
    g_assert_true(mapping_has_flag(m, "lo"));
    mapping_free(m);
    m = vm_mapping(vm, TEST_RAM + PAGE);
    g_assert_false(mapping_has_flag(m, "lo"));
    mapping_free(m);
    m = vm_mapping(vm, TEST_RAM + 2 * PAGE);
    g_assert_false(mapping_has_flag(m, "lo"));
    mapping_free(m);
    vm_stop(vm);
}

/* What is locked a piece at a time is locked as a whole or not at all. */
static void test_lock_pieces(void)
{
    const uint64_t lock = PVMEMCONTROL_MLOCK;
    VM *vm = connected(BACKEND_ANON, "", "");

    vm_expect(vm, lock, TEST_RAM + PAGE, MiB_(9), 0, 0, 0);
    g_assert_cmpuint(vm_counter(vm, "locked-bytes"), ==, MiB_(9));
    g_assert_cmpuint(vm_counter(vm, "ranges"), ==, 1);
    g_assert(is_locked(vm, TEST_RAM + MiB_(9)));
    vm_expect(vm, PVMEMCONTROL_MUNLOCK, TEST_RAM, MiB_(10), 0, 0, 0);
    g_assert_cmpuint(vm_counter(vm, "ranges"), ==, 0);

    vm_expect(vm, lock, TEST_RAM + MiB_(1), PAGE, 0, 0, 0);
    vm_expect(vm, lock, TEST_RAM + MiB_(2) - PAGE, 2 * PAGE, 0, 0, 0);
    vm_expect(vm, PVMEMCONTROL_MPROTECT_NONE, TEST_RAM + MiB_(7), PAGE, 0, 0,
              0);
    g_assert_cmpuint(vm_counter(vm, "ranges"), ==, 3);
    vm_expect(vm, lock, TEST_RAM, MiB_(9), 0, ENOMEM, 0);
    g_assert_cmpuint(vm_counter(vm, "locked-bytes"), ==, 3 * PAGE);
    g_assert_cmpuint(vm_counter(vm, "ranges"), ==, 3);
    g_assert(!is_locked(vm, TEST_RAM));
    g_assert(is_locked(vm, TEST_RAM + MiB_(1)));
    g_assert(!is_locked(vm, TEST_RAM + MiB_(1) + PAGE));
    g_assert(is_locked(vm, TEST_RAM + MiB_(2) - PAGE));
    g_assert(is_locked(vm, TEST_RAM + MiB_(2)));
    g_assert(!is_locked(vm, TEST_RAM + MiB_(2) + PAGE));
    g_assert(!is_locked(vm, TEST_RAM + MiB_(6)));
    g_assert(!is_locked(vm, TEST_RAM + MiB_(8)));
    vm_stop(vm);
}

/* -- Postcopy ------------------------------------------------------------ */

/* Returns false if this host cannot. */
static bool set_postcopy(VM *vm)
{
    QDict *answer = qtest_qmp(vm->qts, "{ 'execute': "
                              "'migrate-set-capabilities', 'arguments': { "
                              "'capabilities': [ { 'capability': "
                              "'postcopy-ram', 'state': true } ] } }");
    bool ok = qdict_haskey(answer, "return");

    qobject_unref(answer);
    return ok;
}

static void set_bandwidth(VM *vm, const char *which, int64_t value)
{
    qtest_qmp_assert_success(vm->qts, "{ 'execute': 'migrate-set-parameters', "
                             "'arguments': { %s: %" PRId64 " } }", which,
                             value);
}

static VM *vm_start_incoming(const char *uri)
{
    VM *vm = vm_start_args("-M q35,mem-merge=off -m 256M -nodefaults "
                           "-device pvmemcontrol,id=mc,addr=04.0 "
                           "-incoming defer 2>/dev/null", 0);

    vm->bar = 0xe0000000;
    if (!set_postcopy(vm)) {
        vm_stop(vm);
        return NULL;
    }
    qtest_qmp_assert_success(vm->qts, "{ 'execute': 'migrate-incoming', "
                             "'arguments': { 'uri': %s } }", uri);
    return vm;
}

/* A lock would wait for each of its pages to come. */
static void test_postcopy(void)
{
    g_autofree char *path = vm_temporary();
    g_autofree char *uri = g_strconcat("unix:", path, NULL);
    const uint64_t lock = PVMEMCONTROL_MLOCK;
    VM *from, *to;
    uint64_t i;

    unlink(path);
    to = vm_start_incoming(uri);
    if (!to) {
        g_test_skip("this host has no postcopy");
        return;
    }
    from = connected(BACKEND_ANON, "", "");
    g_assert(set_postcopy(from));
    for (i = 0; i < MiB_(32); i += PAGE) {
        qtest_writeq(from->qts, TEST_RAM + i, i + 1);
    }
    vm_call(from, PVMEMCONTROL_FEATURES, 0, PAGE, 0);
    vm_expect(from, lock, TEST_RAM + MiB_(16), MiB_(1), 0, 0, 0);
    set_bandwidth(from, "max-bandwidth", MiB_(2));
    set_bandwidth(from, "max-postcopy-bandwidth", MiB_(2));
    qtest_qmp_assert_success(from->qts, "{ 'execute': 'migrate', 'arguments': "
                             "{ 'uri': %s } }", uri);
    qtest_qmp_assert_success(from->qts, "{ 'execute': "
                             "'migrate-start-postcopy' }");
    vm_wait_running(to);
    g_assert_cmpuint(vm_counter(to, "locked-bytes"), ==, 0);
    g_assert_cmpuint(vm_counter(to, "connections"), ==, 0);
    vm_connect(to);
    vm_expect(to, lock, TEST_RAM + MiB_(16), MiB_(1), 0, EBUSY, 0);

    set_bandwidth(from, "max-postcopy-bandwidth", 0);
    vm_wait_migration(from);
    for (i = 0; i < 1000 && vm_call(to, lock, TEST_RAM + MiB_(16), MiB_(1),
                                    0).ret_errno == EBUSY; i++) {
        g_usleep(10000);
    }
    g_assert_cmpuint(vm_counter(to, "locked-bytes"), ==, MiB_(1));
    g_assert_cmpuint(qtest_readq(to->qts, TEST_RAM + MiB_(16)), ==,
                     MiB_(16) + 1);
    vm_stop(from);
    vm_stop(to);
    unlink(path);
}

/* -- All of it ----------------------------------------------------------- */

/* Where all of QEMU is locked, the guest's part of it stays so, and whole. */
static void test_all_locked(void)
{
    struct pvmemcontrol_vmm_call calls[100];
    unsigned int before;
    uint64_t i, k;
    VM *vm;

    if (!host_can_lock(MiB_(2048))) {
        g_test_skip("this host does not let QEMU lock its memory");
        return;
    }
    vm = connected(BACKEND_ANON, "", "-overcommit mem-lock=on");
    vm_expect(vm, PVMEMCONTROL_MLOCK, TEST_RAM, 600 * PAGE, 0, 0, 0);
    g_assert_cmpuint(vm_counter(vm, "locked-bytes"), ==, 600 * PAGE);
    before = vm_nr_mappings(vm);
    for (i = 0; i < 300; i += ARRAY_SIZE(calls)) {
        for (k = 0; k < ARRAY_SIZE(calls); k++) {
            calls[k] = (struct pvmemcontrol_vmm_call) {
                .func_code = PVMEMCONTROL_MUNLOCK,
                .addr = TEST_RAM + 2 * (i + k) * PAGE, .length = PAGE,
            };
        }
        g_assert_cmpuint(vm_vector(vm, MiB_(18), calls, k).ret_value, ==, k);
    }
    g_assert_cmpuint(vm_counter(vm, "locked-bytes"), ==, 300 * PAGE);
    /* What QEMU itself makes meanwhile is not counted. */
    g_assert_cmpuint(vm_nr_mappings(vm), <, before + 20);
    g_assert(is_locked(vm, TEST_RAM));
    g_assert(is_locked(vm, TEST_RAM + PAGE));

    qtest_qmp_assert_success(vm->qts, "{ 'execute': 'system_reset' }");
    qtest_qmp_eventwait(vm->qts, "RESET");
    g_assert_cmpuint(vm_counter(vm, "locked-bytes"), ==, 0);
    g_assert(is_locked(vm, TEST_RAM));
    g_assert(is_locked(vm, TEST_RAM + PAGE));
    vm_stop(vm);
}

void add_lock_tests(void)
{
    qtest_add_func("/pvmemcontrol/locks/forbidden", test_lock_forbidden);
    qtest_add_func("/pvmemcontrol/locks/max", test_max_locked);
    qtest_add_func("/pvmemcontrol/locks/pieces", test_lock_pieces);
    qtest_add_func("/pvmemcontrol/locks/postcopy", test_postcopy);
    qtest_add_func("/pvmemcontrol/locks/all-of-qemu", test_all_locked);
}
