/*
 * QTest cases for the pvmemcontrol device: marks in a stream that do not fit
 * where they come to
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "pvmemcontrol-test.h"

/* Named as the machine's own RAM is */
#define BACKEND_SHARED                                                     \
    ",memory-backend=pc.ram "                                              \
    "-object memory-backend-memfd,id=pc.ram,size=256M,share=on,"           \
    "x-use-canonical-path-for-ramblock-id=off"

/* In memory of another kind nothing is done: the driver has to say it again. */
static void test_other_memory(void)
{
    g_autofree char *path = vm_temporary();
    VM *vm = vm_start(BACKEND_ANON, "", "");

    vm_connect(vm);
    vm_fill(vm, TEST_RAM, 4 * PAGE, 0x5a);
    vm_expect(vm, PVMEMCONTROL_GUARD, TEST_RAM + PAGE, PAGE, 0, 0, 0);
    vm_expect(vm, PVMEMCONTROL_MPROTECT_NONE, TEST_RAM + 2 * PAGE, PAGE, 0, 0,
              0);
    vm_save(vm, path);
    vm_stop(vm);

    vm = vm_load(BACKEND_SHARED, "", path);
    unlink(path);
    g_assert_cmpuint(vm_counter(vm, "connections"), ==, 0);
    g_assert_cmpuint(vm_counter(vm, "guards"), ==, 0);
    g_assert_cmpuint(vm_counter(vm, "ranges"), ==, 0);
    g_assert_false(vm_is_closed(vm, TEST_RAM + 2 * PAGE));
    g_assert(vm_reads(vm, TEST_RAM, PAGE, 0x5a));
    g_assert(vm_reads(vm, TEST_RAM + PAGE, PAGE, 0));
    g_assert(vm_reads(vm, TEST_RAM + 2 * PAGE, 2 * PAGE, 0x5a));
    vm_connect(vm);
    vm_expect(vm, PVMEMCONTROL_GUARD, TEST_RAM + PAGE, PAGE, 0, 0, 0);
    vm_stop(vm);
}

void add_carry_tests(void)
{
    qtest_add_func("/pvmemcontrol/carry/other-memory", test_other_memory);
}
