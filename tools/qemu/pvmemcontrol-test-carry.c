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

/* With a protected page, saved in this file; the entry for it is this long. */
#define SUBSECTION "\x05\x12pvmemcontrol/marks"
#define ENTRY (1 + strlen("pc.ram") + 8 + 8 + 4 + 8)

/* As many entries more as there are pages: these could not all be ranges. */
static void add_entries(const char *path)
{
    g_autofree char *content = NULL;
    char *entry;
    FILE *f;
    gsize length;
    uint64_t i;

    g_assert(g_file_get_contents(path, &content, &length, NULL));
    entry = memmem(content, length, SUBSECTION, strlen(SUBSECTION));
    g_assert_nonnull(entry);
    /* Behind the version */
    entry += strlen(SUBSECTION) + 4;
    g_assert_cmpint(memcmp(entry, "\x06pc.ram", 7), ==, 0);
    f = fopen(path, "w");
    g_assert_nonnull(f);
    fwrite(content, 1, entry - content, f);
    /* The machine has some RAM that is not the guest's. */
    for (i = 0; i < 2 * RAM_SIZE / PAGE; i++) {
        fwrite(entry, 1, ENTRY, f);
    }
    fwrite(entry, 1, content + length - entry, f);
    g_assert_cmpint(fclose(f), ==, 0);
}

/* A stream that goes on and on is an error, no more. */
static void test_too_many(void)
{
    g_autofree char *path = vm_temporary();
    g_autofree char *uri = g_strdup_printf("exec:cat %s", path);
    VM *vm = vm_start(BACKEND_ANON, "", "");
    QTestState *qts;
    int i;

    vm_connect(vm);
    vm_expect(vm, PVMEMCONTROL_MPROTECT_R, TEST_RAM, PAGE, 0, 0, 0);
    vm_save(vm, path);
    vm_stop(vm);
    add_entries(path);

    /* What it says about it is not for the test's output. */
    qts = qtest_init("-M q35,mem-merge=off -m 256M -nodefaults "
                     "-device pvmemcontrol,id=mc,addr=04.0 "
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

void add_carry_tests(void)
{
    qtest_add_func("/pvmemcontrol/carry/other-memory", test_other_memory);
    qtest_add_func("/pvmemcontrol/carry/too-many", test_too_many);
}
