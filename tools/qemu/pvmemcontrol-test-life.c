/*
 * QTest cases for the pvmemcontrol device: reset, migration, unplug, and who
 * forbids discards
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/pci/pci_regs.h"
#include "qapi/qmp/qdict.h"
#include "pvmemcontrol-test.h"

#define INFO ((struct pvmemcontrol_vmm_call) { .func_code = PVMEMCONTROL_INFO })

static VM *connected(const char *backend, const char *more)
{
    VM *vm = vm_start(backend, "", more);

    vm_connect(vm);
    return vm;
}

static void map_bar(VM *vm)
{
    qpci_config_writel(vm->dev, PCI_BASE_ADDRESS_0, vm->bar);
    qpci_device_enable(vm->dev);
}

/* A machine that starts again has no connections, protections or locks. */
static void test_system_reset(const void *backend)
{
    VM *vm = connected(backend, "");
    Mapping *m;

    vm_expect(vm, PVMEMCONTROL_MPROTECT_NONE, TEST_RAM, PAGE, 0, 0, 0);
    vm_expect(vm, PVMEMCONTROL_MPROTECT_R, TEST_RAM + PAGE, PAGE, 0, 0, 0);
    vm_expect(vm, PVMEMCONTROL_MLOCK, TEST_RAM + 2 * PAGE, PAGE, 0, 0, 0);
    qtest_qmp_assert_success(vm->qts, "{ 'execute': 'system_reset' }");
    qtest_qmp_eventwait(vm->qts, "RESET");

    m = vm_mapping(vm, TEST_RAM);
    g_assert_cmpint(strncmp(m->perms, "rw-", 3), ==, 0);
    g_assert_cmpuint(m->end - m->start, >=, 3 * PAGE);
    g_assert_false(mapping_has_flag(m, "lo"));
    mapping_free(m);

    map_bar(vm);
    g_assert_cmphex(vm_status(vm), ==, PVMEMCONTROL_TRANSPORT_ERROR);
    g_assert_cmphex(qtest_readq(vm->qts, vm->bar), ==, 0);
    g_assert_cmpuint(vm_counter(vm, "connections"), ==, 0);
    g_assert(vm_unanswered(vm, vm->id, TEST_BUF));
    vm_connect(vm);
    vm_expect(vm, PVMEMCONTROL_DONTDUMP, TEST_RAM, PAGE, 0, 0, 0);
    vm_stop(vm);
}

/* Nor has one whose bus alone is reset, as a guest may have it. */
static void test_bus_reset(void)
{
    VM *vm = vm_start(BACKEND_ANON, "",
                      "-device pcie-root-port,id=rp0,chassis=1,addr=06.0 "
                      "-device pvmemcontrol,id=behind,bus=rp0");
    VM second = { .qts = vm->qts, .bus = vm->bus, .bar = 0xe0100000 };
    QPCIDevice *port = qpci_device_find(vm->bus, QPCI_DEVFN(6, 0));
    Mapping *m;
    int round;

    g_assert_nonnull(port);
    qpci_config_writeb(port, PCI_PRIMARY_BUS, 0);
    qpci_config_writeb(port, PCI_SECONDARY_BUS, 1);
    qpci_config_writeb(port, PCI_SUBORDINATE_BUS, 1);
    qpci_config_writew(port, PCI_MEMORY_BASE, second.bar >> 16);
    qpci_config_writew(port, PCI_MEMORY_LIMIT, second.bar >> 16);
    qpci_device_enable(port);
    second.dev = qpci_device_find(vm->bus, 1 << 8);
    g_assert_nonnull(second.dev);
    for (round = 0; round < 3; round++) {
        map_bar(&second);
        vm_connect(&second);
        vm_expect(&second, PVMEMCONTROL_MPROTECT_NONE, TEST_RAM, PAGE, 0, 0, 0);
        g_assert_cmpuint(vm_counter(vm, "ranges"), ==, 1);
        qpci_config_writew(port, PCI_BRIDGE_CONTROL, PCI_BRIDGE_CTL_BUS_RESET);
        qpci_config_writew(port, PCI_BRIDGE_CONTROL, 0);
        g_assert_cmpuint(vm_counter(vm, "ranges"), ==, 0);
        m = vm_mapping(vm, TEST_RAM);
        g_assert_cmpint(strncmp(m->perms, "rw-", 3), ==, 0);
        mapping_free(m);
    }
    g_free(second.dev);
    g_free(port);
    vm_stop(vm);
}

/* RESET of the transport is not one of the machine. */
static void test_transport_reset(void)
{
    VM *vm = connected(BACKEND_ANON, "");
    Mapping *m;

    vm_expect(vm, PVMEMCONTROL_MPROTECT_NONE, TEST_RAM, PAGE, 0, 0, 0);
    vm_connect(vm);
    m = vm_mapping(vm, TEST_RAM);
    g_assert_cmpint(strncmp(m->perms, "---", 3), ==, 0);
    mapping_free(m);
    vm_stop(vm);
}

/* -- Migration ----------------------------------------------------------- */

static void test_save_load(void)
{
    g_autofree char *path = vm_temporary();
    VM *vm = vm_start(BACKEND_ANON, "", "");
    uint32_t i, id;

    vm_command(vm, PVMEMCONTROL_TRANSPORT_RESET);
    for (i = 0; i < 100; i++) {
        vm_register(vm, TEST_BUF + i * PAGE, &id);
    }
    vm_command(vm, PVMEMCONTROL_TRANSPORT_READY);
    qtest_writeq(vm->qts, vm->bar, UINT64_C(0x1122334455667788));
    vm_save(vm, path);
    vm_stop(vm);

    vm = vm_load("", "", path);
    g_assert_cmphex(vm_status(vm), ==, PVMEMCONTROL_TRANSPORT_ACK);
    g_assert_cmphex(qtest_readq(vm->qts, vm->bar), ==,
                    UINT64_C(0x1122334455667788));
    g_assert_cmpuint(vm_counter(vm, "connections"), ==, 100);
    for (i = 0; i < 100; i++) {
        g_assert_cmpuint(vm_call_at(vm, PVMEMCONTROL_CONNECTION_ID + i,
                                    TEST_BUF + i * PAGE, INFO).ret_value,
                         ==, qemu_real_host_page_size());
    }
    g_assert(vm_unanswered(vm, PVMEMCONTROL_CONNECTION_ID + 100, TEST_BUF));
    vm_stop(vm);
    unlink(path);
}

/* Where registering goes on after a load, and that INIT survives one */
static void test_save_load_init(void)
{
    g_autofree char *path = vm_temporary();
    VM *vm = vm_start(BACKEND_ANON, "", "");
    uint32_t id;

    vm_command(vm, PVMEMCONTROL_TRANSPORT_RESET);
    vm_register(vm, TEST_BUF, &id);
    vm_save(vm, path);
    vm_stop(vm);

    vm = vm_load("", "", path);
    g_assert_cmphex(vm_register(vm, TEST_BUF + PAGE, &id), ==,
                    PVMEMCONTROL_TRANSPORT_ACK);
    g_assert_cmphex(id, ==, PVMEMCONTROL_CONNECTION_ID + 1);
    g_assert(vm_unanswered(vm, id, TEST_BUF + PAGE));
    vm_command(vm, PVMEMCONTROL_TRANSPORT_READY);
    g_assert_cmpuint(vm_call_at(vm, id, TEST_BUF + PAGE, INFO).ret_value, ==,
                     qemu_real_host_page_size());
    vm_stop(vm);
    unlink(path);
}

/* Saves, loads and says whether the buffer is still known. */
static bool known_after_load(VM *vm, const char *machine, const char *props)
{
    g_autofree char *path = vm_temporary();
    struct pvmemcontrol_vmm_ret ret;
    bool known;

    vm_save(vm, path);
    vm_stop(vm);
    vm = vm_load(machine, props, path);
    known = vm_counter(vm, "connections");
    if (known) {
        ret = vm_call(vm, PVMEMCONTROL_INFO, 0, 0, 0);
        g_assert_cmpuint(ret.ret_value, ==, qemu_real_host_page_size());
    } else {
        g_assert_cmphex(vm_status(vm), ==, PVMEMCONTROL_TRANSPORT_ERROR);
        g_assert(vm_unanswered(vm, vm->id, TEST_BUF));
        vm_connect(vm);
        vm_expect(vm, PVMEMCONTROL_DONTDUMP, TEST_RAM, PAGE, 0, 0, 0);
    }
    vm_stop(vm);
    unlink(path);
    return known;
}

/*
 * What the host was told goes with a guest of 1.1.  One of 1.0 has to say it
 * again, and must learn that.
 */
static void test_load_told(void)
{
    static const uint64_t lasting[] = {
        PVMEMCONTROL_DONTDUMP, PVMEMCONTROL_MLOCK, PVMEMCONTROL_MPROTECT_R,
    };
    VM *vm = connected(BACKEND_ANON, "");
    int i;

    /* Nothing of this lasts. */
    vm_expect(vm, PVMEMCONTROL_DONTNEED, TEST_RAM, PAGE, 0, 0, 0);
    vm_expect(vm, PVMEMCONTROL_FREE, TEST_RAM, PAGE, 0, 0, 0);
    g_assert(known_after_load(vm, "", ""));

    for (i = 0; i < ARRAY_SIZE(lasting); i++) {
        vm = connected(BACKEND_ANON, "");
        vm_expect(vm, lasting[i], TEST_RAM, PAGE, 0, 0, 0);
        g_assert(known_after_load(vm, "", ""));

        vm = vm_start(BACKEND_ANON, ",version-minor=0", "");
        vm_connect(vm);
        vm_expect(vm, lasting[i], TEST_RAM, PAGE, 0, 0, 0);
        g_assert_false(known_after_load(vm, "", ",version-minor=0"));
    }
}

/* Memory of another kind: what discards do there, the guest must find out. */
static void test_load_other_memory(void)
{
    VM *vm = connected(BACKEND_ANON, "");

    g_assert_false(known_after_load(vm, ",memory-backend=pc.ram -object "
        "memory-backend-memfd,id=pc.ram,size=256M,share=on,"
        "x-use-canonical-path-for-ramblock-id=off", ""));
}

/*
 * A guest that has learned of 1.1 must not count on it where it is not; one
 * that has not may go anywhere.
 */
static void test_load_other_version(void)
{
    static const struct {
        const char *what;
        const char *from, *to;
        uint64_t asks;
        bool known;
    } moves[] = {
        { "asked, 1.1 to 1.1", "1", "1", PVMEMCONTROL_FEATURES, true },
        { "asked, 1.1 to 1.0", "1", "0", PVMEMCONTROL_FEATURES, false },
        { "used, 1.1 to 1.0", "1", "0", PVMEMCONTROL_VECTOR, false },
        { "never asked, 1.1 to 1.0", "1", "0", PVMEMCONTROL_INFO, true },
        { "asked, 1.0 to 1.1", "0", "1", PVMEMCONTROL_FEATURES, true },
        { "asked, 1.0 to 1.0", "0", "0", PVMEMCONTROL_FEATURES, true },
    };
    int i;

    for (i = 0; i < ARRAY_SIZE(moves); i++) {
        g_autofree char *from = g_strdup_printf(",version-minor=%s",
                                                moves[i].from);
        g_autofree char *to = g_strdup_printf(",version-minor=%s",
                                              moves[i].to);
        VM *vm = vm_start(BACKEND_ANON, from, "");

        g_test_message("%s", moves[i].what);
        vm_connect(vm);
        vm_fill(vm, TEST_RAM, PAGE, 0);
        vm_call(vm, moves[i].asks, TEST_RAM, 1, 0);
        g_assert(known_after_load(vm, "", to) == moves[i].known);
    }
}

/* What it has learned goes with it from host to host. */
static void test_load_version_twice(void)
{
    g_autofree char *path = vm_temporary();
    VM *vm = connected(BACKEND_ANON, "");

    vm_call(vm, PVMEMCONTROL_FEATURES, 0, 0, 0);
    vm_save(vm, path);
    vm_stop(vm);
    vm = vm_load("", "", path);
    g_assert_false(known_after_load(vm, "", ",version-minor=0"));
    unlink(path);

    /* A machine that starts again has learned nothing. */
    vm = connected(BACKEND_ANON, "");
    vm_call(vm, PVMEMCONTROL_FEATURES, 0, 0, 0);
    qtest_qmp_assert_success(vm->qts, "{ 'execute': 'system_reset' }");
    qtest_qmp_eventwait(vm->qts, "RESET");
    map_bar(vm);
    vm_connect(vm);
    g_assert(known_after_load(vm, "", ",version-minor=0"));
}

/* A stream with more connections than are allowed is an error, no more. */
static void test_load_too_many(void)
{
    g_autofree char *path = vm_temporary();
    g_autofree char *uri = g_strdup_printf("exec:cat %s", path);
    QTestState *qts;
    VM *vm = vm_start(BACKEND_ANON, "", "");
    uint32_t i;

    vm_command(vm, PVMEMCONTROL_TRANSPORT_RESET);
    for (i = 0; i < 3; i++) {
        vm_register(vm, TEST_BUF + i * PAGE, NULL);
    }
    vm_save(vm, path);
    vm_stop(vm);

    /* What it says about it is not for the test's output. */
    qts = qtest_init("-M q35,mem-merge=off -m 256M -nodefaults "
                     "-device pvmemcontrol,id=mc,addr=04.0,max-connections=2 "
                     "-incoming defer 2>/dev/null");
    qtest_set_expected_status(qts, EXIT_FAILURE);
    qtest_qmp_assert_success(qts, "{ 'execute': 'migrate-incoming', "
                             "'arguments': { 'uri': %s } }", uri);
    for (i = 0; i < 6000 && qtest_probe_child(qts); i++) {
        g_usleep(10000);
    }
    g_assert_false(qtest_probe_child(qts));
    qtest_quit(qts);
    unlink(path);
}

static void set_capability(VM *vm, const char *name)
{
    qtest_qmp_assert_success(vm->qts, "{ 'execute': "
                             "'migrate-set-capabilities', 'arguments': { "
                             "'capabilities': [ { 'capability': %s, "
                             "'state': true } ] } }", name);
}

static void wait_migration_status(VM *vm, const char *wanted)
{
    for (;;) {
        QDict *answer = qtest_qmp(vm->qts, "{ 'execute': 'query-migrate' }");
        QDict *info = qdict_get_qdict(answer, "return");
        const char *status = qdict_get_try_str(info, "status") ?: "none";
        bool done = g_str_equal(status, wanted);

        g_assert_cmpstr(status, !=, "failed");
        g_assert(done || !g_str_equal(status, "completed"));
        qobject_unref(answer);
        if (done) {
            return;
        }
        g_usleep(10000);
    }
}

/*
 * All RAM has been sent when a page is dropped: the destination must get it
 * again, or the guest finds old content where it counts on zeroes.
 */
static void test_discard_while_migrating(void)
{
    g_autofree char *path = vm_temporary();
    VM *vm = connected(BACKEND_ANON, "");

    vm_fill(vm, TEST_RAM, 3 * PAGE, 0x5a);
    set_capability(vm, "pause-before-switchover");
    vm_start_saving(vm, path);
    wait_migration_status(vm, "pre-switchover");
    vm_expect(vm, PVMEMCONTROL_DONTNEED, TEST_RAM + PAGE, PAGE, 0, 0, 0);
    qtest_qmp_assert_success(vm->qts, "{ 'execute': 'migrate-continue', "
                             "'arguments': { 'state': 'pre-switchover' } }");
    vm_wait_migration(vm);
    vm_stop(vm);

    vm = vm_load("", "", path);
    g_assert(vm_reads(vm, TEST_RAM, PAGE, 0x5a));
    g_assert(vm_reads(vm, TEST_RAM + PAGE, PAGE, 0));
    g_assert(vm_reads(vm, TEST_RAM + 2 * PAGE, PAGE, 0x5a));
    vm_stop(vm);
    unlink(path);
}

/* -- Discards forbidden -------------------------------------------------- */

/*
 * While a snapshot is written behind the guest's back, what has not been
 * written yet must not be dropped.
 */
/*
 * The first guard while RAM is sent straight from where it is has to wait; one
 * more is no matter, as all that is sent is copied then.
 */
static void guard_while_migrating(bool first)
{
    const uint64_t guard = PVMEMCONTROL_GUARD;
    g_autofree char *path = vm_temporary();
    VM *vm = connected(BACKEND_ANON, "");
    struct pvmemcontrol_vmm_ret ret;
    int i;

    if (!first) {
        vm_expect(vm, guard, TEST_RAM, PAGE, 0, 0, 0);
    }
    vm_fill(vm, TEST_RAM + PAGE, 2 * PAGE, 0x5a);
    set_capability(vm, "pause-before-switchover");
    vm_start_saving(vm, path);
    wait_migration_status(vm, "pre-switchover");
    vm_expect(vm, guard, TEST_RAM + PAGE, PAGE, 0, first ? EBUSY : 0, 0);
    /* What else forbids is none, as it can be read meanwhile. */
    vm_expect(vm, PVMEMCONTROL_MPROTECT_NONE, TEST_RAM + 3 * PAGE, PAGE, 0, 0,
              0);
    qtest_qmp_assert_success(vm->qts, "{ 'execute': 'migrate-continue', "
                             "'arguments': { 'state': 'pre-switchover' } }");
    vm_wait_migration(vm);
    /* It has ended a moment before it is cleaned up. */
    for (i = 0; i < 1000; i++) {
        ret = vm_call(vm, guard, TEST_RAM + PAGE, PAGE, 0);
        if (ret.ret_errno != EBUSY) {
            break;
        }
        g_usleep(10000);
    }
    g_assert_cmpuint(ret.ret_errno, ==, 0);
    vm_stop(vm);

    vm = vm_load("", "", path);
    g_assert_cmpuint(vm_counter(vm, "guards"), ==, first ? 0 : 2);
    g_assert(vm_is_closed(vm, TEST_RAM + PAGE) == !first);
    g_assert(vm_is_closed(vm, TEST_RAM + 3 * PAGE));
    g_assert(vm_reads(vm, TEST_RAM + 2 * PAGE, PAGE, 0x5a));
    vm_stop(vm);
    unlink(path);
}

static void test_first_guard_while_migrating(void)
{
    guard_while_migrating(true);
}

static void test_guard_while_migrating(void)
{
    guard_while_migrating(false);
}

static void test_discard_inhibited(void)
{
    VM *vm = connected(BACKEND_ANON, "");
    QDict *answer;
    uint64_t code;

    answer = qtest_qmp(vm->qts, "{ 'execute': 'migrate-set-capabilities', "
                       "'arguments': { 'capabilities': [ { 'capability': "
                       "'background-snapshot', 'state': true } ] } }");
    if (qdict_haskey(answer, "error")) {
        qobject_unref(answer);
        vm_stop(vm);
        g_test_skip("this host cannot write-protect with userfaultfd");
        return;
    }
    qobject_unref(answer);

    vm_fill(vm, TEST_RAM, PAGE, 0x5a);
    vm_expect(vm, PVMEMCONTROL_GUARD, TEST_RAM + MiB_(1), 2 * PAGE, 0, 0, 0);
    /* Slow enough to be under way until it is cancelled */
    qtest_qmp_assert_success(vm->qts, "{ 'execute': 'migrate-set-parameters', "
                             "'arguments': { 'max-bandwidth': 10000 } }");
    vm_start_saving(vm, "/dev/null");
    wait_migration_status(vm, "active");
    vm_wait_running(vm);
    for (code = PVMEMCONTROL_DONTNEED; code <= PVMEMCONTROL_FREE; code++) {
        vm_expect(vm, code, TEST_RAM, PAGE, 0, EBUSY, 0);
    }
    vm_expect(vm, PVMEMCONTROL_GUARD, TEST_RAM, PAGE, 0, EBUSY, 0);
    g_assert(vm_is_closed(vm, TEST_RAM + MiB_(1)));
    vm_expect(vm, PVMEMCONTROL_UNGUARD, TEST_RAM + MiB_(1), PAGE, 0, 0, 0);
    g_assert(vm_reads(vm, TEST_RAM + MiB_(1), PAGE, 0));
    g_assert(vm_is_closed(vm, TEST_RAM + MiB_(1) + PAGE));
    /* Others are not concerned. */
    vm_expect(vm, PVMEMCONTROL_DONTDUMP, TEST_RAM, PAGE, 0, 0, 0);
    g_assert(vm_reads(vm, TEST_RAM, PAGE, 0x5a));
    g_assert_cmpuint(vm_counter(vm, "bytes-discarded"), ==, 0);

    qtest_qmp_assert_success(vm->qts, "{ 'execute': 'migrate_cancel' }");
    wait_migration_status(vm, "cancelled");
    vm_expect(vm, PVMEMCONTROL_DONTNEED, TEST_RAM, PAGE, 0, 0, 0);
    g_assert(vm_reads(vm, TEST_RAM, PAGE, 0));
    vm_stop(vm);
}

/* -- Unplug -------------------------------------------------------------- */

static void test_unplug(void)
{
    VM *vm = vm_start_args("-M pc -m 256M -nodefaults "
                           "-device pvmemcontrol,id=mc,addr=04.0", 0xe0000000);
    int round;

    for (round = 0; round < 3; round++) {
        g_assert_cmphex(vm_status(vm), ==, PVMEMCONTROL_TRANSPORT_ERROR);
        vm_connect(vm);
        vm_fill(vm, TEST_RAM, PAGE, 0x5a);
        vm_expect(vm, PVMEMCONTROL_DONTNEED, TEST_RAM, PAGE, 0, 0, 0);
        g_assert(vm_reads(vm, TEST_RAM, PAGE, 0));

        qpci_unplug_acpi_device_test(vm->qts, "mc", 4);
        g_assert_cmphex(qpci_config_readw(vm->dev, PCI_VENDOR_ID), ==, 0xffff);
        g_assert_cmphex(vm_status(vm), !=, PVMEMCONTROL_TRANSPORT_ACK);
        g_assert(vm_unanswered(vm, vm->id, TEST_BUF));

        qtest_qmp_device_add(vm->qts, "pvmemcontrol", "mc",
                             "{ 'addr': '04.0' }");
        map_bar(vm);
    }
    vm_stop(vm);
}

/* Two devices are two transports to the same memory. */
static void test_two_devices(void)
{
    VM *vm = vm_start(BACKEND_ANON, "",
                      "-device pvmemcontrol,id=mc2,addr=05.0");
    VM second = { .qts = vm->qts, .bus = vm->bus, .bar = 0xe0001000 };
    uint32_t id;

    second.dev = qpci_device_find(vm->bus, QPCI_DEVFN(5, 0));
    map_bar(&second);
    vm_connect(vm);
    g_assert_cmphex(vm_status(&second), ==, PVMEMCONTROL_TRANSPORT_ERROR);
    g_assert_cmphex(vm_command(&second, PVMEMCONTROL_TRANSPORT_RESET), ==,
                    PVMEMCONTROL_TRANSPORT_ACK);
    g_assert_cmphex(vm_register(&second, TEST_BUF + PAGE, &id), ==,
                    PVMEMCONTROL_TRANSPORT_ACK);
    g_assert_cmphex(id, ==, PVMEMCONTROL_CONNECTION_ID);
    vm_command(&second, PVMEMCONTROL_TRANSPORT_READY);
    g_assert_cmpuint(vm_call_at(&second, id, TEST_BUF + PAGE, INFO).ret_value,
                     ==, qemu_real_host_page_size());
    vm_command(&second, PVMEMCONTROL_TRANSPORT_DISCONNECT);
    vm_expect(vm, PVMEMCONTROL_DONTDUMP, TEST_RAM, PAGE, 0, 0, 0);
    g_free(second.dev);
    vm_stop(vm);
}

void add_life_tests(void)
{
    qtest_add_data_func("/pvmemcontrol/reset/system-anon", BACKEND_ANON,
                        test_system_reset);
    qtest_add_data_func("/pvmemcontrol/reset/system-memfd", BACKEND_MEMFD,
                        test_system_reset);
    qtest_add_func("/pvmemcontrol/reset/bus", test_bus_reset);
    qtest_add_func("/pvmemcontrol/reset/transport", test_transport_reset);
    qtest_add_func("/pvmemcontrol/migration/save-load", test_save_load);
    qtest_add_func("/pvmemcontrol/migration/save-load-init",
                   test_save_load_init);
    qtest_add_func("/pvmemcontrol/migration/told", test_load_told);
    qtest_add_func("/pvmemcontrol/migration/other-memory",
                   test_load_other_memory);
    qtest_add_func("/pvmemcontrol/migration/other-version",
                   test_load_other_version);
    qtest_add_func("/pvmemcontrol/migration/version-twice",
                   test_load_version_twice);
    qtest_add_func("/pvmemcontrol/migration/too-many-connections",
                   test_load_too_many);
    qtest_add_func("/pvmemcontrol/migration/discard-under-way",
                   test_discard_while_migrating);
    qtest_add_func("/pvmemcontrol/migration/first-guard-under-way",
                   test_first_guard_while_migrating);
    qtest_add_func("/pvmemcontrol/migration/guard-under-way",
                   test_guard_while_migrating);
    qtest_add_func("/pvmemcontrol/discard-inhibited", test_discard_inhibited);
    qtest_add_func("/pvmemcontrol/unplug", test_unplug);
    qtest_add_func("/pvmemcontrol/two-devices", test_two_devices);
}
