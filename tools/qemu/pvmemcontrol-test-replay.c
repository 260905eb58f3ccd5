/*
 * QTest cases for the pvmemcontrol device: what the fuzzer has found worth
 * keeping, played to an ordinary QEMU
 *
 * What takes a device in the same process is left out of the inputs; they are
 * worth their time for the rest.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/pci/pci_regs.h"
#include "qemu/bswap.h"
#include "pvmemcontrol-test.h"
#include "pvmemcontrol-test-hostile.h"

/* The pages where something is expected to happen, and some others */
#define CHECKED_START (HOSTILE_WINDOW - 4 * HOSTILE_PAGE)
#define CHECKED_END \
    (HOSTILE_WINDOW + (HOSTILE_WINDOW_PAGES + 20) * HOSTILE_PAGE)

typedef struct Replay {
    VM *vm;
    QPCIDevice *bridge;
} Replay;

static VM *vm_of(Hostile *h)
{
    return ((Replay *)h->opaque)->vm;
}

static void replay_read(Hostile *h, uint64_t gpa, void *buf, size_t len)
{
    qtest_memread(vm_of(h)->qts, gpa, buf, len);
}

static void replay_write(Hostile *h, uint64_t gpa, const void *buf, size_t len)
{
    if (len) {
        qtest_memwrite(vm_of(h)->qts, gpa, buf, len);
    }
}

static uint64_t replay_mmio_read(Hostile *h, unsigned offset, unsigned size)
{
    QTestState *qts = vm_of(h)->qts;
    uint64_t gpa = HOSTILE_BAR + offset;

    switch (size) {
    case 1:
        return qtest_readb(qts, gpa);
    case 2:
        return qtest_readw(qts, gpa);
    case 4:
        return qtest_readl(qts, gpa);
    default:
        return qtest_readq(qts, gpa);
    }
}

static void replay_mmio_write(Hostile *h, unsigned offset, uint64_t value,
                              unsigned size)
{
    QTestState *qts = vm_of(h)->qts;
    uint64_t gpa = HOSTILE_BAR + offset;

    switch (size) {
    case 1:
        qtest_writeb(qts, gpa, value);
        break;
    case 2:
        qtest_writew(qts, gpa, value);
        break;
    case 4:
        qtest_writel(qts, gpa, value);
        break;
    default:
        qtest_writeq(qts, gpa, value);
        break;
    }
}

static uint32_t replay_config_read(Hostile *h, unsigned offset)
{
    return qpci_config_readl(vm_of(h)->dev, offset);
}

static void replay_config_write(Hostile *h, bool to_bridge, unsigned offset,
                                uint32_t value, unsigned size)
{
    Replay *r = h->opaque;
    QPCIDevice *dev = to_bridge ? r->bridge : r->vm->dev;

    switch (size) {
    case 1:
        qpci_config_writeb(dev, offset, value);
        break;
    case 2:
        qpci_config_writew(dev, offset, value);
        break;
    default:
        qpci_config_writel(dev, offset, value);
        break;
    }
}

static void replay_fault(Hostile *h, const HostileFault *fault)
{
    VM *vm = vm_of(h);

    vm_set_int(vm, "x-fault-errno", fault->host_errno);
    vm_set_int(vm, "x-fault-period", fault->period);
    vm_set_int(vm, "x-fault-codes", fault->codes & INT64_MAX);
    vm_set_str(vm, "x-fault-mode", hostile_fault_names[fault->mode]);
}

static void replay_forget(Hostile *h)
{
    qtest_qmp_assert_success(vm_of(h)->qts, "{ 'execute': 'qom-set', "
                             "'arguments': { 'path': %s, 'property': "
                             "'x-forget', 'value': true } }", VM_DEVICE);
}

static void replay_reset(Hostile *h)
{
    VM *vm = vm_of(h);

    qtest_qmp_assert_success(vm->qts, "{ 'execute': 'system_reset' }");
    qtest_qmp_eventwait(vm->qts, "RESET");
    qpci_config_writel(vm->dev, PCI_BASE_ADDRESS_0, HOSTILE_BAR);
    qpci_config_writew(vm->dev, PCI_COMMAND, PCI_COMMAND_MEMORY);
}

static uint64_t replay_counter(Hostile *h, const char *name)
{
    return vm_counter(vm_of(h), name);
}

static void replay_check_ram(Hostile *h)
{
    static uint8_t there[CHECKED_END - CHECKED_START];
    QTestState *qts = vm_of(h)->qts;
    uint64_t gpa;

    qtest_bufread(qts, CHECKED_START, there, sizeof(there));
    for (gpa = 0; gpa < HOSTILE_RAM; gpa += HOSTILE_PAGE) {
        uint64_t page = gpa / HOSTILE_PAGE;
        size_t i;

        if (h->named[page]) {
            if (hostile_always_ram(gpa, HOSTILE_PAGE)) {
                qtest_memset(qts, gpa, hostile_content(page), HOSTILE_PAGE);
            }
            continue;
        }
        for (i = 0; gpa >= CHECKED_START && gpa < CHECKED_END &&
                    i < HOSTILE_PAGE; i++) {
            g_assert_cmphex(there[gpa - CHECKED_START + i], ==,
                            hostile_content(page));
        }
    }
}

static const HostileOps ops = {
    .read = replay_read,
    .write = replay_write,
    .mmio_read = replay_mmio_read,
    .mmio_write = replay_mmio_write,
    .config_read = replay_config_read,
    .config_write = replay_config_write,
    .fault = replay_fault,
    .forget = replay_forget,
    .reset = replay_reset,
    .counter = replay_counter,
    .check_ram = replay_check_ram,
};

static char **read_corpus(void)
{
    const char *path = g_getenv("PVMEMCONTROL_CORPUS");
    g_autofree char *text = NULL;

    /* tools/qemu/qtest says where it is. */
    g_assert_nonnull(path);
    g_assert(g_file_get_contents(path, &text, NULL, NULL));
    return g_strsplit(text, "\n", -1);
}

static void replay_all(const char *props, const char *backend)
{
    g_autofree char *args = g_strconcat(HOSTILE_MACHINE HOSTILE_DEVICE, props,
                                        backend, NULL);
    VM *vm = vm_start_args(args, HOSTILE_BAR);
    Replay r = {
        .vm = vm,
        .bridge = qpci_device_find(vm->bus, QPCI_DEVFN(0, 0)),
    };
    Hostile h = { .ops = &ops, .opaque = &r };
    g_auto(GStrv) lines = read_corpus();
    unsigned int i, nr = 0;

    g_assert_nonnull(r.bridge);
    memset(h.named, true, sizeof(h.named));
    replay_check_ram(&h);
    replay_reset(&h);
    for (i = 0; lines[i]; i++) {
        g_autofree uint8_t *data = NULL;
        size_t size;

        if (!lines[i][0] || lines[i][0] == '#') {
            continue;
        }
        data = g_base64_decode(lines[i], &size);
        g_test_message("input %s", lines[i]);
        hostile_play(&h, data, size);
        nr++;
    }
    g_test_message("%u inputs, %" PRIu64 " steps, %" PRIu64 " requests", nr,
                   h.nr_steps, h.nr_requests);
    g_assert_cmpuint(nr, >, 0);
    g_assert_cmpuint(h.nr_requests, >, 0);
    g_free(r.bridge);
    vm_stop(vm);
}

static void test_private(void)
{
    replay_all("", "");
}

static void test_protect(void)
{
    replay_all(",x-no-guard-install=on", "");
}

static void test_shared(void)
{
    replay_all("", " -object memory-backend-memfd,id=ram,size=4M,share=on,"
               "seal=off -machine memory-backend=ram");
}

void add_replay_tests(void)
{
    qtest_add_func("/pvmemcontrol/hostile/private", test_private);
    qtest_add_func("/pvmemcontrol/hostile/protect", test_protect);
    qtest_add_func("/pvmemcontrol/hostile/shared", test_shared);
}
