/*
 * QTest cases for the pvmemcontrol device: identity, registers, states
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/pci/pci_regs.h"
#include "pvmemcontrol-test.h"

#define ACK PVMEMCONTROL_TRANSPORT_ACK
#define ERROR PVMEMCONTROL_TRANSPORT_ERROR
#define RESET PVMEMCONTROL_TRANSPORT_RESET
#define REGISTER PVMEMCONTROL_TRANSPORT_REGISTER
#define READY PVMEMCONTROL_TRANSPORT_READY
#define DISCONNECT PVMEMCONTROL_TRANSPORT_DISCONNECT
#define FIRST_ID PVMEMCONTROL_CONNECTION_ID

static void test_identity(void)
{
    VM *vm = vm_start(BACKEND_ANON, "", "");

    g_assert_cmphex(qpci_config_readw(vm->dev, PCI_VENDOR_ID), ==, 0x1ae0);
    g_assert_cmphex(qpci_config_readw(vm->dev, PCI_DEVICE_ID), ==, 0x0087);
    g_assert_cmphex(qpci_config_readw(vm->dev, PCI_SUBSYSTEM_VENDOR_ID), ==,
                    0x1ae0);
    g_assert_cmphex(qpci_config_readw(vm->dev, PCI_SUBSYSTEM_ID), ==, 0x011f);
    g_assert_cmphex(qpci_config_readb(vm->dev, PCI_REVISION_ID), ==, 1);
    g_assert_cmphex(qpci_config_readw(vm->dev, PCI_CLASS_DEVICE), ==, 0x0880);

    /* 16 bytes, 32 bit, memory, not prefetchable, and no other BAR */
    qpci_config_writel(vm->dev, PCI_BASE_ADDRESS_0, 0xffffffff);
    g_assert_cmphex(qpci_config_readl(vm->dev, PCI_BASE_ADDRESS_0), ==,
                    0xfffffff0);
    qpci_config_writel(vm->dev, PCI_BASE_ADDRESS_1, 0xffffffff);
    g_assert_cmphex(qpci_config_readl(vm->dev, PCI_BASE_ADDRESS_1), ==, 0);
    vm_stop(vm);
}

/* How the device gets into each state from power on, and what it has said */
typedef enum State { BROKEN, INIT, WORKING } State;

static void enter_state(VM *vm, State state)
{
    uint32_t id;

    g_assert_cmphex(vm_command(vm, DISCONNECT), ==, ERROR);
    if (state >= INIT) {
        g_assert_cmphex(vm_command(vm, RESET), ==, ACK);
        g_assert_cmphex(vm_register(vm, TEST_BUF, &id), ==, ACK);
        g_assert_cmphex(id, ==, FIRST_ID);
    }
    if (state == WORKING) {
        g_assert_cmphex(vm_command(vm, READY), ==, ACK);
    }
}

/* What tells the states apart, seen from the guest */
static State seen_state(VM *vm)
{
    if (!vm_unanswered(vm, FIRST_ID, TEST_BUF)) {
        return WORKING;
    }
    return vm_register(vm, TEST_BUF + PAGE, NULL) == ACK ? INIT : BROKEN;
}

static void test_states(void)
{
    static const struct {
        uint32_t command;
        State from;
        uint32_t answer;
        State to;
    } steps[] = {
        { RESET, BROKEN, ACK, INIT },
        { RESET, INIT, ACK, INIT },
        { RESET, WORKING, ACK, INIT },
        { REGISTER, BROKEN, ERROR, BROKEN },
        { REGISTER, INIT, ACK, INIT },
        { REGISTER, WORKING, ERROR, BROKEN },
        { READY, BROKEN, ERROR, BROKEN },
        { READY, INIT, ACK, WORKING },
        { READY, WORKING, ERROR, BROKEN },
        { DISCONNECT, BROKEN, ERROR, BROKEN },
        { DISCONNECT, INIT, ERROR, BROKEN },
        { DISCONNECT, WORKING, ERROR, BROKEN },
        { ACK, BROKEN, ERROR, BROKEN },
        { ACK, INIT, ERROR, BROKEN },
        { ACK, WORKING, ERROR, BROKEN },
        { ERROR, BROKEN, ERROR, BROKEN },
        { ERROR, INIT, ERROR, BROKEN },
        { ERROR, WORKING, ERROR, BROKEN },
        /* Unknown: nothing changes, nor does what was answered last. */
        { 0, BROKEN, ERROR, BROKEN },
        { 0, INIT, ACK, INIT },
        { 0, WORKING, ACK, WORKING },
        { 0x7fffffff, BROKEN, ERROR, BROKEN },
        { 0x7fffffff, INIT, ACK, INIT },
        { 0x7fffffff, WORKING, ACK, WORKING },
    };
    VM *vm = vm_start(BACKEND_ANON, "", "");
    int i;

    for (i = 0; i < ARRAY_SIZE(steps); i++) {
        g_test_message("0x%08x in state %d", steps[i].command, steps[i].from);
        enter_state(vm, steps[i].from);
        /* For REGISTER; after a RESET it is left out by the id it takes. */
        qtest_writeq(vm->qts, vm->bar, TEST_BUF + PAGE);
        g_assert_cmphex(vm_command(vm, steps[i].command), ==, steps[i].answer);
        g_assert_cmpint(seen_state(vm), ==, steps[i].to);
    }
    vm_stop(vm);
}

static void test_power_on(void)
{
    VM *vm = vm_start(BACKEND_ANON, "", "");

    g_assert_cmphex(vm_status(vm), ==, ERROR);
    g_assert_cmphex(qtest_readq(vm->qts, vm->bar), ==, 0);
    g_assert_cmpuint(vm_counter(vm, "connections"), ==, 0);
    g_assert(vm_unanswered(vm, FIRST_ID, TEST_BUF));
    vm_stop(vm);
}

static void test_ids(void)
{
    VM *vm = vm_start(BACKEND_ANON, "", "");
    uint32_t i, id;

    vm_command(vm, RESET);
    for (i = 0; i < 300; i++) {
        g_assert_cmphex(vm_register(vm, TEST_BUF + i * 32, &id), ==, ACK);
        g_assert_cmphex(id, ==, FIRST_ID + i);
        /* And nothing in the high half. */
        g_assert_cmphex(qtest_readq(vm->qts, vm->bar), ==, id);
    }
    g_assert_cmpuint(vm_counter(vm, "connections"), ==, 300);
    g_assert_cmphex(vm_command(vm, READY), ==, ACK);

    /* Each leads to its own buffer, and to no other. */
    for (i = 0; i < 300; i++) {
        struct pvmemcontrol_vmm_ret ret =
            vm_call_at(vm, FIRST_ID + i, TEST_BUF + i * 32,
                       (struct pvmemcontrol_vmm_call) { });

        g_assert_cmpuint(ret.ret_value, ==, qemu_real_host_page_size());
        g_assert_cmpuint(ret.arg0, ==, 1);
        g_assert_cmpuint(ret.arg1, ==, 1);
    }
    g_assert_cmpuint(vm_counter(vm, "requests-info"), ==, 300);
    g_assert_cmpuint(vm_counter(vm, "ignored"), ==, 0);
    g_assert(vm_unanswered(vm, FIRST_ID + 300, TEST_BUF));
    g_assert(vm_unanswered(vm, 0xffffffff, TEST_BUF));
    g_assert_cmpuint(vm_counter(vm, "ignored"), ==, 2);

    /* The same buffer twice is two connections. */
    vm_command(vm, RESET);
    g_assert_cmpuint(vm_counter(vm, "connections"), ==, 0);
    vm_register(vm, TEST_BUF, &id);
    g_assert_cmphex(id, ==, FIRST_ID);
    vm_register(vm, TEST_BUF, &id);
    g_assert_cmphex(id, ==, FIRST_ID + 1);

    /* Not before READY, nor after RESET */
    g_assert(vm_unanswered(vm, FIRST_ID, TEST_BUF));
    vm_command(vm, READY);
    g_assert_false(vm_unanswered(vm, FIRST_ID, TEST_BUF));
    vm_command(vm, RESET);
    g_assert(vm_unanswered(vm, FIRST_ID, TEST_BUF));
    vm_command(vm, READY);
    g_assert(vm_unanswered(vm, FIRST_ID, TEST_BUF));
    vm_stop(vm);
}

static void test_limit(void)
{
    VM *vm = vm_start(BACKEND_ANON, ",max-connections=5", "");
    uint32_t i;

    vm_command(vm, RESET);
    for (i = 0; i < 5; i++) {
        g_assert_cmphex(vm_register(vm, TEST_BUF + i * 32, NULL), ==, ACK);
    }
    g_assert_cmphex(vm_register(vm, TEST_BUF + i * 32, NULL), ==, ERROR);
    g_assert_cmphex(vm_command(vm, READY), ==, ERROR);
    g_assert(vm_unanswered(vm, FIRST_ID, TEST_BUF));
    vm_connect(vm);
    vm_stop(vm);
}

/* A register buffer must lie wholly in RAM; alignment does not matter. */
static void test_register_address(void)
{
    static const struct {
        const char *what;
        uint64_t gpa;
        uint32_t answer;
    } places[] = {
        { "0", 0, ACK },
        { "unaligned", TEST_BUF + 3, ACK },
        { "across pages", TEST_BUF + PAGE - 16, ACK },
        { "end of RAM", RAM_SIZE - 32, ACK },
        { "straddling the end of RAM", RAM_SIZE - 31, ERROR },
        { "behind RAM", RAM_SIZE, ERROR },
        { "straddling into option ROM", 0xc0000 - 16, ERROR },
        { "option ROM", 0xc0000, ERROR },
        { "shadow of the BIOS, not writable", 0xf0000, ERROR },
        { "the BIOS", 0xfffc0000, ERROR },
        { "the APIC", 0xfee00000, ERROR },
        { "its own BAR", 0xe0000000, ERROR },
        { "above 4 GiB, where nothing is", UINT64_C(1) << 32, ERROR },
        { "wrapping around", UINT64_MAX - 15, ERROR },
        { "the last byte", UINT64_MAX, ERROR },
    };
    VM *vm = vm_start(BACKEND_ANON, "", "");
    int i;

    for (i = 0; i < ARRAY_SIZE(places); i++) {
        uint32_t id;

        g_test_message("%s", places[i].what);
        vm_command(vm, RESET);
        g_assert_cmphex(vm_register(vm, places[i].gpa, &id), ==,
                        places[i].answer);
        if (places[i].answer == ACK) {
            struct pvmemcontrol_vmm_ret ret;

            g_assert_cmphex(id, ==, FIRST_ID);
            vm_command(vm, READY);
            ret = vm_call_at(vm, id, places[i].gpa,
                             (struct pvmemcontrol_vmm_call) { });
            g_assert_cmpuint(ret.ret_value, ==, qemu_real_host_page_size());
        } else {
            g_assert_cmphex(vm_command(vm, READY), ==, ERROR);
        }
    }
    vm_stop(vm);
}

static void write_any(VM *vm, uint64_t gpa, uint64_t value, int size)
{
    switch (size) {
    case 1:
        qtest_writeb(vm->qts, gpa, value);
        break;
    case 2:
        qtest_writew(vm->qts, gpa, value);
        break;
    case 4:
        qtest_writel(vm->qts, gpa, value);
        break;
    case 8:
        qtest_writeq(vm->qts, gpa, value);
        break;
    }
}

static uint64_t read_any(VM *vm, uint64_t gpa, int size)
{
    switch (size) {
    case 1:
        return qtest_readb(vm->qts, gpa);
    case 2:
        return qtest_readw(vm->qts, gpa);
    case 4:
        return qtest_readl(vm->qts, gpa);
    default:
        return qtest_readq(vm->qts, gpa);
    }
}

/* Every width at every offset, written and read */
static void test_widths(void)
{
    const uint64_t payload = UINT64_C(0x1122334455667788);
    VM *vm = vm_start(BACKEND_ANON, "", "");
    int size, offset;

    for (size = 1; size <= 8; size *= 2) {
        for (offset = 0; offset + size <= PVMEMCONTROL_BAR_SIZE; offset++) {
            uint64_t after = payload;
            bool command = offset == PVMEMCONTROL_REG_COMMAND && size == 4;

            g_test_message("%d bytes at %d", size, offset);
            g_assert_cmphex(vm_command(vm, DISCONNECT), ==, ERROR);
            qtest_writeq(vm->qts, vm->bar, payload);

            /* As a payload */
            if (!command) {
                write_any(vm, vm->bar + offset,
                          UINT64_C(0xa1a2a3a4a5a6a7a8), size);
            }
            if (offset == 0 && size == 8) {
                after = UINT64_C(0xa1a2a3a4a5a6a7a8);
            } else if (offset == 0 && size == 4) {
                after = UINT64_C(0x11223344a5a6a7a8);
            } else if (offset == 4 && size == 4) {
                after = UINT64_C(0xa5a6a7a855667788);
            }
            g_assert_cmphex(qtest_readq(vm->qts, vm->bar), ==, after);
            g_assert_cmphex(vm_status(vm), ==, ERROR);

            /* As a command: only 4 bytes wide at its place */
            write_any(vm, vm->bar + offset, RESET, size);
            g_assert_cmphex(vm_status(vm), ==, command ? ACK : ERROR);

            /* Read: bytes of the payload, or the whole command */
            qtest_writeq(vm->qts, vm->bar, payload);
            vm_command(vm, RESET);
            if (offset + size <= 8) {
                after = payload >> offset * 8;
                if (size < 8) {
                    after &= (UINT64_C(1) << size * 8) - 1;
                }
            } else {
                after = command ? ACK : 0;
            }
            g_assert_cmphex(read_any(vm, vm->bar + offset, size), ==, after);
        }
    }

    /* Two 32-bit writes make an address. */
    vm_command(vm, RESET);
    qtest_writel(vm->qts, vm->bar + PVMEMCONTROL_REG_PAYLOAD, TEST_BUF);
    qtest_writel(vm->qts, vm->bar + PVMEMCONTROL_REG_PAYLOAD_HIGH, 0);
    g_assert_cmphex(vm_command(vm, REGISTER), ==, ACK);

    /* A connection id that is not 4 bytes wide is no request. */
    vm_command(vm, READY);
    qtest_memset(vm->qts, TEST_BUF, 0xa5, 32);
    qtest_writeq(vm->qts, vm->bar + PVMEMCONTROL_REG_COMMAND, FIRST_ID);
    qtest_writew(vm->qts, vm->bar + PVMEMCONTROL_REG_COMMAND, 0x8000);
    qtest_writew(vm->qts, vm->bar + PVMEMCONTROL_REG_COMMAND + 2, 0x8000);
    g_assert(vm_reads(vm, TEST_BUF, 32, 0xa5));
    g_assert_cmpuint(vm_counter(vm, "requests-total"), ==, 0);
    vm_stop(vm);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/pvmemcontrol/identity", test_identity);
    qtest_add_func("/pvmemcontrol/transport/power-on", test_power_on);
    qtest_add_func("/pvmemcontrol/transport/states", test_states);
    qtest_add_func("/pvmemcontrol/transport/ids", test_ids);
    qtest_add_func("/pvmemcontrol/transport/limit", test_limit);
    qtest_add_func("/pvmemcontrol/transport/register-address",
                   test_register_address);
    qtest_add_func("/pvmemcontrol/transport/widths", test_widths);
    add_call_tests();
    add_range_tests();
    add_fault_tests();
    add_fail_tests();
    add_life_tests();
    add_feature_tests();
    add_vector_tests();
    add_mark_tests();
    add_carry_tests();
    add_huge_tests();
    add_lock_tests();
    add_guard_tests();
    add_virtio_tests();
    add_exit_tests();
    add_violation_tests();
    add_own_tests();
    add_replay_tests();
    return g_test_run();
}
