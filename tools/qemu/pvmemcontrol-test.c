/*
 * QTest cases for the pvmemcontrol device
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/pvmemcontrol_pci.h>
#include "libqtest.h"
#include "libqos/pci.h"
#include "libqos/pci-pc.h"
#include "hw/pci/pci_regs.h"

static void test_identity(void)
{
    QTestState *qts = qtest_init("-M q35 -nodefaults "
                                 "-device pvmemcontrol,addr=04.0");
    QPCIBus *bus = qpci_new_pc(qts, NULL);
    QPCIDevice *dev = qpci_device_find(bus, QPCI_DEVFN(4, 0));

    g_assert_cmphex(qpci_config_readw(dev, PCI_VENDOR_ID), ==,
                    PVMEMCONTROL_PCI_VENDOR_ID);
    g_assert_cmphex(qpci_config_readw(dev, PCI_DEVICE_ID), ==,
                    PVMEMCONTROL_PCI_DEVICE_ID);
    g_free(dev);
    qpci_free_pc(bus);
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/pvmemcontrol/identity", test_identity);
    return g_test_run();
}
