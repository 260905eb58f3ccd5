/*
 * QTest cases for the pvmemcontrol device: RAM in huge pages of hugetlbfs,
 * which the host protects, drops and guards as a whole
 *
 * They need 256 MiB of such pages: sysctl vm.nr_overcommit_hugepages=128
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/pci/pci_regs.h"
#include "pvmemcontrol-test.h"

#define HUGE_PAGE MiB_(2)
/* Named as the machine's own RAM is, for who comes from there */
#define BACKEND_HUGE                                                       \
    ",memory-backend=pc.ram "                                              \
    "-object memory-backend-memfd,id=pc.ram,size=256M,share=on,hugetlb=on,"\
    "hugetlbsize=2M,x-use-canonical-path-for-ramblock-id=off"

#ifndef MAP_HUGE_2MB
#define MAP_HUGE_2MB (21 << 26)
#endif

static bool has_huge_pages(void)
{
    void *p = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED |
                   MAP_ANONYMOUS | MAP_HUGETLB | MAP_HUGE_2MB, -1, 0);

    if (p == MAP_FAILED) {
        g_test_skip("this host has no huge pages to spare");
        return false;
    }
    munmap(p, RAM_SIZE);
    return true;
}

static void reset(VM *vm)
{
    qtest_qmp_assert_success(vm->qts, "{ 'execute': 'system_reset' }");
    qtest_qmp_eventwait(vm->qts, "RESET");
}

/*
 * What would protect a part of a page does nothing at all, whatever the pages
 * before that are; and QEMU can still get at all of them.
 */
static void test_part(void)
{
    const uint64_t none = PVMEMCONTROL_MPROTECT_NONE;
    const uint64_t r = PVMEMCONTROL_MPROTECT_R;
    const uint64_t rw = PVMEMCONTROL_MPROTECT_RW;
    VM *vm;

    if (!has_huge_pages()) {
        return;
    }
    vm = vm_start(BACKEND_HUGE, "", "");
    vm_connect(vm);
    vm_fill(vm, TEST_RAM, 2 * HUGE_PAGE, 0x5a);

    vm_expect(vm, r, TEST_RAM, HUGE_PAGE, 0, 0, 0);
    vm_expect(vm, none, TEST_RAM, HUGE_PAGE + PAGE, 0, EINVAL, 0);
    vm_expect(vm, none, TEST_RAM + PAGE, HUGE_PAGE, 0, EINVAL, 0);
    expect_perms(vm, TEST_RAM, "r--");
    expect_perms(vm, TEST_RAM + HUGE_PAGE, "rw-");
    g_assert(vm_reads(vm, TEST_RAM, 2 * HUGE_PAGE, 0x5a));
    g_assert_cmpuint(vm_counter(vm, "ranges"), ==, 1);

    /* Where the part is so already, it is no matter. */
    vm_expect(vm, r, TEST_RAM + PAGE, PAGE, 0, 0, 0);
    expect_perms(vm, TEST_RAM, "r--");
    vm_expect(vm, rw, TEST_RAM, HUGE_PAGE + PAGE, 0, 0, 0);
    expect_perms(vm, TEST_RAM, "rw-");
    g_assert_cmpuint(vm_counter(vm, "ranges"), ==, 0);

    vm_expect(vm, PVMEMCONTROL_DONTDUMP, TEST_RAM, HUGE_PAGE, 0, 0, 0);
    vm_expect(vm, PVMEMCONTROL_DONTDUMP, TEST_RAM, HUGE_PAGE + PAGE, 0, EINVAL,
              0);
    vm_expect(vm, none, TEST_RAM, HUGE_PAGE, 0, 0, 0);
    vm_expect(vm, r, TEST_RAM, HUGE_PAGE + PAGE, 0, EINVAL, 0);
    expect_perms(vm, TEST_RAM, "---");
    reset(vm);
    expect_perms(vm, TEST_RAM, "rw-");
    g_assert_cmpuint(vm_counter(vm, "ranges"), ==, 0);
    g_assert(vm_reads(vm, TEST_RAM, 2 * HUGE_PAGE, 0x5a));
    vm_stop(vm);
}

/* A guard that would be a part of a page: what is beside it stays. */
static void test_migrate(void)
{
    g_autofree char *path = vm_temporary();
    VM *vm;

    if (!has_huge_pages()) {
        return;
    }
    vm = vm_start(BACKEND_ANON, "", "");
    vm_connect(vm);
    vm_fill(vm, TEST_RAM, HUGE_PAGE, 0x5a);
    vm_expect(vm, PVMEMCONTROL_GUARD, TEST_RAM + PAGE, PAGE, 0, 0, 0);
    vm_save(vm, path);
    vm_stop(vm);

    vm = vm_load(BACKEND_HUGE, "", path);
    unlink(path);
    g_assert_cmpuint(vm_counter(vm, "connections"), ==, 0);
    g_assert_cmpuint(vm_counter(vm, "guards"), ==, 0);
    g_assert(vm_reads(vm, TEST_RAM, PAGE, 0x5a));
    g_assert(vm_reads(vm, TEST_RAM + PAGE, PAGE, 0));
    g_assert(vm_reads(vm, TEST_RAM + 2 * PAGE, HUGE_PAGE - 2 * PAGE, 0x5a));

    /* Guards are whole pages. */
    vm_connect(vm);
    vm_expect(vm, PVMEMCONTROL_GUARD, TEST_RAM + PAGE, PAGE, 0, EINVAL, 0);
    vm_expect(vm, PVMEMCONTROL_UNGUARD, TEST_RAM + PAGE, PAGE, 0, EINVAL, 0);
    g_assert(vm_reads(vm, TEST_RAM, PAGE, 0x5a));
    vm_expect(vm, PVMEMCONTROL_GUARD, TEST_RAM, HUGE_PAGE, 0, 0, 0);
    g_assert_cmpuint(vm_counter(vm, "guards"), ==, 1);
    vm_expect(vm, PVMEMCONTROL_UNGUARD, TEST_RAM, HUGE_PAGE, 0, 0, 0);
    g_assert(vm_reads(vm, TEST_RAM, HUGE_PAGE, 0));
    vm_stop(vm);
}

/* A page here and there, and each of them opened again: mappings stay. */
static void test_max_ranges(void)
{
    const uint64_t none = PVMEMCONTROL_MPROTECT_NONE;
    const uint64_t rw = PVMEMCONTROL_MPROTECT_RW;
    unsigned int before;
    uint64_t i, at;
    VM *vm;

    if (!has_huge_pages()) {
        return;
    }
    vm = vm_start(BACKEND_HUGE, ",max-ranges=8", "");
    vm_connect(vm);
    before = vm_nr_mappings(vm);
    for (i = 0; i < 7; i++) {
        at = TEST_RAM + 2 * i * HUGE_PAGE;
        vm_expect(vm, none, at, HUGE_PAGE, 0, 0, 0);
        vm_expect(vm, rw, at, HUGE_PAGE, 0, 0, 0);
    }
    g_assert_cmpuint(vm_counter(vm, "ranges"), ==, 0);
    at = TEST_RAM + 2 * i * HUGE_PAGE;
    vm_expect(vm, none, at, HUGE_PAGE, 0, ENOSPC, 0);
    expect_perms(vm, at, "rw-");
    vm_expect(vm, PVMEMCONTROL_DONTDUMP, at, HUGE_PAGE, 0, ENOSPC, 0);
    vm_expect(vm, PVMEMCONTROL_GUARD, at, HUGE_PAGE, 0, ENOSPC, 0);
    /* Those that have been it can be it. */
    vm_expect(vm, none, TEST_RAM, HUGE_PAGE, 0, 0, 0);
    vm_expect(vm, rw, TEST_RAM, MiB_(64), 0, 0, 0);

    /* A new machine has them still. */
    reset(vm);
    qpci_config_writel(vm->dev, PCI_BASE_ADDRESS_0, vm->bar);
    qpci_device_enable(vm->dev);
    vm_connect(vm);
    vm_expect(vm, none, at, HUGE_PAGE, 0, ENOSPC, 0);
    vm_expect(vm, none, TEST_RAM, HUGE_PAGE, 0, 0, 0);
    /* What QEMU itself makes meanwhile is not counted. */
    g_assert_cmpuint(vm_nr_mappings(vm), <, before + 2 * 8 + 10);
    vm_stop(vm);
}

void add_huge_tests(void)
{
    qtest_add_func("/pvmemcontrol/huge/max-ranges", test_max_ranges);
    qtest_add_func("/pvmemcontrol/huge/migrate", test_migrate);
    qtest_add_func("/pvmemcontrol/huge/part", test_part);
}
