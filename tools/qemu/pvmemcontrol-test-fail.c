/*
 * QTest cases for the pvmemcontrol device: the device itself fails, at an
 * access that is chosen by its number
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/pci/pci_regs.h"
#include "qapi/qmp/qdict.h"
#include "pvmemcontrol-test.h"

#define ACK PVMEMCONTROL_TRANSPORT_ACK
#define ERROR PVMEMCONTROL_TRANSPORT_ERROR

/* A machine whose device can be unplugged, in slot 4 */
static VM *failing(void)
{
    VM *vm = vm_start_args("-M pc,mem-merge=off -m 256M -nodefaults "
                           "-device pvmemcontrol,id=mc,addr=04.0", 0xe0000000);

    vm_connect(vm);
    vm_fill(vm, TEST_RAM, PAGE, 0x5a);
    return vm;
}

static void fail_after(VM *vm, const char *how, unsigned int after)
{
    vm_set_str(vm, "x-fail-how", how);
    vm_set_int(vm, "x-fail-after", after);
}

static void assert_works(VM *vm)
{
    vm_fill(vm, TEST_RAM, PAGE, 0x5a);
    vm_expect(vm, PVMEMCONTROL_DONTNEED, TEST_RAM, PAGE, 0, 0, 0);
    g_assert(vm_reads(vm, TEST_RAM, PAGE, 0));
}

/* Reads and writes count alike, and nothing else does. */
static void test_break(void)
{
    VM *vm = failing();

    fail_after(vm, "break", 4);
    g_assert_cmphex(vm_status(vm), ==, ACK);
    vm_expect(vm, PVMEMCONTROL_DONTNEED, TEST_RAM, PAGE, 0, 0, 0);
    g_assert_cmpuint(vm_counter(vm, "x-fail-after"), ==, 2);
    g_assert_cmphex(vm_status(vm), ==, ACK);
    g_assert_cmpuint(vm_counter(vm, "faults-injected"), ==, 0);
    g_assert_cmpuint(vm_counter(vm, "connections"), ==, 1);

    /* Before the access takes effect */
    g_assert(vm_unanswered(vm, vm->id, TEST_BUF));
    g_assert_cmpuint(vm_counter(vm, "x-fail-after"), ==, 0);
    g_assert_cmpuint(vm_counter(vm, "faults-injected"), ==, 1);
    g_assert_cmpuint(vm_counter(vm, "connections"), ==, 0);
    g_assert_cmphex(vm_status(vm), ==, ERROR);

    /* Once */
    vm_connect(vm);
    assert_works(vm);
    vm_stop(vm);
}

/* What the host does to pages outlasts one that is broken, not a reset. */
static void test_reset(void)
{
    static const char *const ways[] = { "break", "reset" };
    int i;

    for (i = 0; i < ARRAY_SIZE(ways); i++) {
        VM *vm = failing();
        bool reset = g_str_equal(ways[i], "reset");

        vm_expect(vm, PVMEMCONTROL_MPROTECT_NONE, TEST_RAM, PAGE, 0, 0, 0);
        fail_after(vm, ways[i], 1);
        g_assert_cmphex(vm_status(vm), ==, ERROR);
        g_assert_cmpuint(vm_counter(vm, "connections"), ==, 0);
        g_assert_cmpuint(vm_counter(vm, "ranges"), ==, reset ? 0 : 1);
        g_assert(vm_is_closed(vm, TEST_RAM) == !reset);
        vm_connect(vm);
        vm_expect(vm, PVMEMCONTROL_MPROTECT_RW, TEST_RAM, PAGE, 0, 0, 0);
        assert_works(vm);
        vm_stop(vm);
    }
}

/* It takes no notice of anything, until it does again, as if nothing was. */
static void test_deaf(void)
{
    static const struct {
        const char *how;
        uint32_t reads;
    } ways[] = {
        { "silent", 0 },
        { "gone", 0xffffffff },
    };
    int i;

    for (i = 0; i < ARRAY_SIZE(ways); i++) {
        VM *vm = failing();

        fail_after(vm, ways[i].how, 2);
        g_assert_cmphex(vm_status(vm), ==, ACK);
        g_assert(vm_unanswered(vm, vm->id, TEST_BUF));
        g_assert_cmphex(vm_status(vm), ==, ways[i].reads);
        g_assert_cmphex(vm_command(vm, PVMEMCONTROL_TRANSPORT_RESET), ==,
                        ways[i].reads);
        g_assert(vm_unanswered(vm, vm->id, TEST_BUF));
        g_assert(vm_reads(vm, TEST_RAM, PAGE, 0x5a));
        g_assert_cmpuint(vm_counter(vm, "connections"), ==, 1);
        g_assert_cmpuint(vm_counter(vm, "faults-injected"), ==, 1);

        vm_set_str(vm, "x-fail-how", "none");
        g_assert_cmphex(vm_status(vm), ==, ACK);
        assert_works(vm);
        vm_stop(vm);
    }
}

static void assert_unplugged(VM *vm)
{
    qtest_qmp_eventwait(vm->qts, "DEVICE_DELETED");
    g_assert_cmphex(qpci_config_readw(vm->dev, PCI_VENDOR_ID), ==, 0xffff);
    g_assert_cmphex(vm_status(vm), !=, ACK);
    g_assert(vm_unanswered(vm, vm->id, TEST_BUF));
    g_assert(vm_reads(vm, TEST_RAM, PAGE, 0x5a));
}

/* The guest is asked, and meanwhile nothing is wrong. */
static void test_unplug(void)
{
    VM *vm = failing();

    fail_after(vm, "unplug", 3);
    g_assert_cmphex(vm_status(vm), ==, ACK);
    g_assert_cmphex(vm_status(vm), ==, ACK);
    assert_works(vm);
    vm_fill(vm, TEST_RAM, PAGE, 0x5a);
    qtest_outl(vm->qts, 0xae08, 1 << 4);
    assert_unplugged(vm);
    vm_stop(vm);
}

/* What was protected is open when it has gone. */
static void test_remove(void)
{
    VM *vm = failing();

    vm_expect(vm, PVMEMCONTROL_MPROTECT_NONE, TEST_RAM, PAGE, 0, 0, 0);
    fail_after(vm, "remove", 1);
    vm_status(vm);
    assert_unplugged(vm);
    g_assert_false(vm_is_closed(vm, TEST_RAM));
    vm_stop(vm);
}

/* Not at any access, and not in any way: nothing is counted. */
static void test_none(void)
{
    VM *vm = failing();
    QDict *answer;

    fail_after(vm, "break", 0);
    assert_works(vm);
    fail_after(vm, "none", 1);
    assert_works(vm);
    g_assert_cmpuint(vm_counter(vm, "x-fail-after"), ==, 1);
    g_assert_cmpuint(vm_counter(vm, "faults-injected"), ==, 0);

    answer = qtest_qmp(vm->qts, "{ 'execute': 'qom-set', 'arguments': { "
                       "'path': %s, 'property': 'x-fail-how', "
                       "'value': 'nonsense' } }", VM_DEVICE);
    g_assert(qdict_haskey(answer, "error"));
    qobject_unref(answer);
    assert_works(vm);
    vm_stop(vm);
}

void add_fail_tests(void)
{
    qtest_add_func("/pvmemcontrol/fail/break", test_break);
    qtest_add_func("/pvmemcontrol/fail/reset", test_reset);
    qtest_add_func("/pvmemcontrol/fail/deaf", test_deaf);
    qtest_add_func("/pvmemcontrol/fail/unplug", test_unplug);
    qtest_add_func("/pvmemcontrol/fail/remove", test_remove);
    qtest_add_func("/pvmemcontrol/fail/none", test_none);
}
