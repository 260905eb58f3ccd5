/*
 * QTest cases for the pvmemcontrol device: function codes and ranges
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "pvmemcontrol-test.h"

#define NR_CODES PVMEMCONTROL_NR_FUNC_1_0

static const char *const backends[] = {
    BACKEND_ANON, BACKEND_ANON_SHARED, BACKEND_MEMFD, BACKEND_MEMFD_PRIVATE,
};

static VM *connected(const char *backend, const char *more)
{
    VM *vm = vm_start(backend, "", more);

    vm_connect(vm);
    return vm;
}

/* Does it, and asserts that the host agreed. */
static void do_call(VM *vm, uint64_t func_code, uint64_t gpa, uint64_t length,
                    uint64_t arg)
{
    vm_expect(vm, func_code, gpa, length, arg, 0, 0);
}

static void assert_host_errno(VM *vm, uint64_t func_code, int host_errno)
{
    vm_expect(vm, func_code, TEST_RAM, PAGE, 0, host_errno, 0);
}

/* A mapping of exactly this range has been split off. */
static Mapping *exact_mapping(VM *vm, uint64_t gpa, uint64_t length)
{
    Mapping *m = vm_mapping(vm, gpa);

    g_assert_cmphex(m->start, ==, vm_host_address(vm, gpa));
    g_assert_cmphex(m->end - m->start, ==, length);
    return m;
}

static void assert_flag(VM *vm, uint64_t gpa, uint64_t length,
                        const char *flag, bool there)
{
    Mapping *m = there ? exact_mapping(vm, gpa, length) : vm_mapping(vm, gpa);

    g_test_message("VmFlags: %s", m->flags);
    g_assert(mapping_has_flag(m, flag) == there);
    mapping_free(m);
}

/*
 * Drops the middle of a range that is filled, and looks at what is left of it.
 * @reads: what the dropped part then reads as
 */
static void drop_middle(VM *vm, uint64_t func_code, uint64_t length,
                        uint8_t reads)
{
    uint64_t gpa = TEST_RAM + length;
    bool keeps = reads == 0x5a;
    uint64_t discarded = vm_counter(vm, "bytes-discarded");

    vm_fill(vm, TEST_RAM, 3 * length, 0x5a);
    g_assert_cmpuint(vm_backed_pages(vm, TEST_RAM, 3 * length), ==,
                     3 * length / PAGE);
    do_call(vm, func_code, gpa, length, 0);
    if (!keeps) {
        g_assert_cmpuint(vm_backed_pages(vm, gpa, length), ==, 0);
        discarded += length;
    }
    g_assert_cmpuint(vm_counter(vm, "bytes-discarded"), ==, discarded);
    g_assert(vm_reads(vm, TEST_RAM, length, 0x5a));
    g_assert(vm_reads(vm, gpa, length, reads));
    g_assert(vm_reads(vm, gpa + length, length, 0x5a));
}

static void test_info(const void *minor)
{
    g_autofree char *props = g_strdup_printf(",version-minor=%s",
                                             (const char *)minor);
    VM *vm = vm_start(BACKEND_ANON, props, "");
    struct pvmemcontrol_vmm_ret ret;

    vm_connect(vm);
    /* No range is looked at. */
    ret = vm_call(vm, PVMEMCONTROL_INFO, UINT64_MAX, UINT64_MAX, UINT64_MAX);
    g_assert_cmpuint(ret.ret_errno, ==, 0);
    g_assert_cmpuint(ret.ret_code, ==, 0);
    g_assert_cmpuint(ret.ret_value, ==, qemu_real_host_page_size());
    g_assert_cmpuint(ret.arg0, ==, 1);
    g_assert_cmpuint(ret.arg1, ==, atoi(minor));
    vm_stop(vm);
}

static void test_discard_anon(void)
{
    g_autofree char *path = NULL;
    g_autofree char *redirect = NULL;
    g_autofree char *said = NULL;
    int fd = g_file_open_tmp("pvmemcontrol-XXXXXX", &path, NULL);
    VM *vm;

    g_assert_cmpint(fd, >=, 0);
    close(fd);
    redirect = g_strdup_printf("2>%s", path);
    vm = connected(BACKEND_ANON, redirect);

    drop_middle(vm, PVMEMCONTROL_DONTNEED, PAGE, 0);
    drop_middle(vm, PVMEMCONTROL_DONTNEED, MiB_(2), 0);
    vm_fill(vm, TEST_RAM, PAGE, 0x5a);
    assert_host_errno(vm, PVMEMCONTROL_REMOVE, EINVAL);
    g_assert(vm_reads(vm, TEST_RAM, PAGE, 0x5a));

    /* Locked pages stay. */
    do_call(vm, PVMEMCONTROL_MLOCK, TEST_RAM, PAGE, 0);
    assert_host_errno(vm, PVMEMCONTROL_DONTNEED, EINVAL);
    g_assert(vm_reads(vm, TEST_RAM, PAGE, 0x5a));
    do_call(vm, PVMEMCONTROL_MUNLOCK, TEST_RAM, PAGE, 0);

    /* And the other way to the same system call */
    drop_middle(vm, PVMEMCONTROL_DONTNEED, PAGE, 0);
    vm_stop(vm);

    /* A guest cannot make QEMU fill its log. */
    g_assert(g_file_get_contents(path, &said, NULL, NULL));
    g_assert_cmpstr(said, ==, "");
    unlink(path);
}

static void test_discard_anon_shared(void)
{
    VM *vm = connected(BACKEND_ANON_SHARED, "");

    drop_middle(vm, PVMEMCONTROL_DONTNEED, PAGE, 0x5a);
    drop_middle(vm, PVMEMCONTROL_REMOVE, PAGE, 0);
    assert_host_errno(vm, PVMEMCONTROL_FREE, EINVAL);
    vm_stop(vm);
}

static void test_discard_memfd(void)
{
    VM *vm = connected(BACKEND_MEMFD, "");

    drop_middle(vm, PVMEMCONTROL_DONTNEED, PAGE, 0x5a);
    drop_middle(vm, PVMEMCONTROL_REMOVE, PAGE, 0);
    drop_middle(vm, PVMEMCONTROL_REMOVE, MiB_(2), 0);
    assert_host_errno(vm, PVMEMCONTROL_FREE, EINVAL);

    /* The direct system call, once protections are in play */
    do_call(vm, PVMEMCONTROL_MPROTECT_R, TEST_RAM + MiB_(32), PAGE, 0);
    do_call(vm, PVMEMCONTROL_MPROTECT_RW, TEST_RAM + MiB_(32), PAGE, 0);
    drop_middle(vm, PVMEMCONTROL_REMOVE, PAGE, 0);
    vm_stop(vm);
}

static void test_discard_memfd_private(void)
{
    VM *vm = connected(BACKEND_MEMFD_PRIVATE, "");

    drop_middle(vm, PVMEMCONTROL_DONTNEED, PAGE, 0);
    vm_fill(vm, TEST_RAM, PAGE, 0x5a);
    assert_host_errno(vm, PVMEMCONTROL_REMOVE, EACCES);
    g_assert(vm_reads(vm, TEST_RAM, PAGE, 0x5a));
    vm_stop(vm);
}

/* What is below a private mapping of a file is the file, and it stays. */
static void test_discard_file_private(void)
{
    g_autofree char *path = NULL;
    g_autofree char *backend = NULL;
    uint8_t page[PAGE];
    int fd = g_file_open_tmp("pvmemcontrol-XXXXXX", &path, NULL);
    VM *vm;

    g_assert_cmpint(fd, >=, 0);
    memset(page, 0xf1, sizeof(page));
    g_assert_cmpint(ftruncate(fd, RAM_SIZE), ==, 0);
    g_assert_cmpint(pwrite(fd, page, PAGE, TEST_RAM + PAGE), ==, PAGE);
    backend = g_strdup_printf(",memory-backend=ram -object memory-backend-file,"
                              "id=ram,size=256M,share=off,mem-path=%s", path);
    vm = connected(backend, "");
    g_assert(vm_reads(vm, TEST_RAM + PAGE, PAGE, 0xf1));
    drop_middle(vm, PVMEMCONTROL_DONTNEED, PAGE, 0xf1);
    vm_stop(vm);

    memset(page, 0, sizeof(page));
    g_assert_cmpint(pread(fd, page, PAGE, TEST_RAM + PAGE), ==, PAGE);
    g_assert_cmphex(page[0], ==, 0xf1);
    g_assert_cmphex(page[PAGE - 1], ==, 0xf1);
    close(fd);
    unlink(path);
}

static void test_free(void)
{
    /* The host marks pages in batches, and does not hurry with the last one. */
    const uint64_t length = MiB_(4);
    VM *vm = connected(BACKEND_ANON, "");
    Mapping *m;
    int i;

    vm_fill(vm, TEST_RAM, length, 0x5a);
    do_call(vm, PVMEMCONTROL_FREE, TEST_RAM, length, 0);
    m = vm_mapping(vm, TEST_RAM);
    g_assert_cmpuint(m->lazy_free_kb, >=, length / 2 / 1024);
    mapping_free(m);
    for (i = 0; i < length / PAGE; i++) {
        uint64_t gpa = TEST_RAM + i * PAGE;

        g_assert(vm_reads(vm, gpa, PAGE, 0x5a) || vm_reads(vm, gpa, PAGE, 0));
    }
    g_assert_cmpuint(vm_counter(vm, "bytes-discarded"), ==, length);
    vm_stop(vm);
}

static void test_pageout(void)
{
    VM *vm = connected(BACKEND_ANON, "");

    vm_fill(vm, TEST_RAM, 16 * PAGE, 0x5a);
    vm_expect(vm, PVMEMCONTROL_PAGEOUT, TEST_RAM, 16 * PAGE, 0,
              host_would_answer(PVMEMCONTROL_PAGEOUT), 0);
    g_assert(vm_reads(vm, TEST_RAM, 16 * PAGE, 0x5a));
    g_assert_cmpuint(vm_counter(vm, "bytes-discarded"), ==, 0);
    vm_stop(vm);
}

static void test_dontdump(void)
{
    VM *vm = connected(BACKEND_ANON, "");

    assert_flag(vm, TEST_RAM, PAGE, "dd", false);
    do_call(vm, PVMEMCONTROL_DONTDUMP, TEST_RAM, 3 * PAGE, 0);
    assert_flag(vm, TEST_RAM, 3 * PAGE, "dd", true);
    vm_stop(vm);
}

static void test_name(void)
{
    VM *vm = connected(BACKEND_ANON, "");
    int host_errno = host_would_answer(PVMEMCONTROL_SET_VMA_ANON_NAME);
    static const struct {
        uint64_t arg;
        const char *name;
    } names[] = {
        { 1, "[anon:pvmemcontrol-1]" },
        { UINT64_MAX, "[anon:pvmemcontrol-18446744073709551615]" },
        { 0, "" },
    };
    int i;

    for (i = 0; i < ARRAY_SIZE(names); i++) {
        vm_expect(vm, PVMEMCONTROL_SET_VMA_ANON_NAME, TEST_RAM, 2 * PAGE,
                  names[i].arg, host_errno, 0);
        if (!host_errno) {
            Mapping *m = vm_mapping(vm, TEST_RAM);

            g_assert_cmpstr(m->name, ==, names[i].name);
            g_assert((m->end - m->start == 2 * PAGE) == (names[i].arg != 0));
            mapping_free(m);
        }
    }
    vm_stop(vm);
}

static void test_lock(void)
{
    VM *vm = connected(BACKEND_ANON, "");

    do_call(vm, PVMEMCONTROL_DONTNEED, TEST_RAM, 4 * PAGE, 0);
    do_call(vm, PVMEMCONTROL_MLOCK, TEST_RAM, 4 * PAGE, 0);
    assert_flag(vm, TEST_RAM, 4 * PAGE, "lo", true);
    g_assert_cmpuint(vm_backed_pages(vm, TEST_RAM, 4 * PAGE), ==, 4);
    do_call(vm, PVMEMCONTROL_MUNLOCK, TEST_RAM, 4 * PAGE, 0);
    assert_flag(vm, TEST_RAM, 4 * PAGE, "lo", false);
    vm_stop(vm);
}

static void test_mprotect(const void *backend)
{
    static const struct {
        uint64_t func_code;
        const char *perms;
    } protections[] = {
        { PVMEMCONTROL_MPROTECT_NONE, "---" },
        { PVMEMCONTROL_MPROTECT_R, "r--" },
        { PVMEMCONTROL_MPROTECT_W, "-w-" },
    };
    VM *vm = connected(backend, "");
    Mapping *m;
    int i;

    vm_fill(vm, TEST_RAM, 5 * PAGE, 0x5a);
    for (i = 0; i < ARRAY_SIZE(protections); i++) {
        do_call(vm, protections[i].func_code, TEST_RAM, 5 * PAGE, 0);
        m = exact_mapping(vm, TEST_RAM, 5 * PAGE);
        g_assert_cmpint(strncmp(m->perms, protections[i].perms, 3), ==, 0);
        mapping_free(m);
    }
    do_call(vm, PVMEMCONTROL_MPROTECT_RW, TEST_RAM, 5 * PAGE, 0);
    m = vm_mapping(vm, TEST_RAM);
    g_assert_cmpint(strncmp(m->perms, "rw-", 3), ==, 0);
    g_assert_cmpuint(m->end - m->start, >, 5 * PAGE);
    mapping_free(m);
    g_assert(vm_reads(vm, TEST_RAM, 5 * PAGE, 0x5a));
    vm_stop(vm);
}

static void test_mergeable(void)
{
    VM *vm = connected(BACKEND_ANON, "");
    int host_errno = host_would_answer(PVMEMCONTROL_MERGEABLE);

    assert_flag(vm, TEST_RAM, PAGE, "mg", false);
    vm_expect(vm, PVMEMCONTROL_MERGEABLE, TEST_RAM, 2 * PAGE, 0,
              host_errno, 0);
    if (!host_errno) {
        assert_flag(vm, TEST_RAM, 2 * PAGE, "mg", true);
    }
    vm_expect(vm, PVMEMCONTROL_UNMERGEABLE, TEST_RAM, 2 * PAGE, 0,
              host_would_answer(PVMEMCONTROL_UNMERGEABLE), 0);
    assert_flag(vm, TEST_RAM, PAGE, "mg", false);
    vm_stop(vm);
}

/* A name is for anonymous private memory alone. */
static void test_name_memfd(void)
{
    VM *vm = connected(BACKEND_MEMFD, "");

    vm_expect(vm, PVMEMCONTROL_SET_VMA_ANON_NAME, TEST_RAM, PAGE, 5,
              host_would_answer(PVMEMCONTROL_SET_VMA_ANON_NAME) ?: EBADF, 0);
    vm_stop(vm);
}

static void test_counters(void)
{
    static const char *const names[NR_CODES] = {
        "requests-info", "requests-dontneed", "requests-remove",
        "requests-free", "requests-pageout", "requests-dontdump",
        "requests-set-vma-anon-name", "requests-mlock", "requests-munlock",
        "requests-mprotect-none", "requests-mprotect-r",
        "requests-mprotect-w", "requests-mprotect-rw",
        "requests-mergeable", "requests-unmergeable",
    };
    VM *vm = connected(BACKEND_ANON, "");
    uint64_t code, total = 0;

    g_assert_cmpuint(vm_counter(vm, "connections"), ==, 1);
    for (code = 0; code < NR_CODES; code++) {
        uint64_t i;

        for (i = 0; i <= code; i++) {
            vm_call(vm, code, 0, 0, 0);
            total++;
        }
    }
    for (code = 0; code < NR_CODES; code++) {
        g_assert_cmpuint(vm_counter(vm, names[code]), ==, code + 1);
    }
    g_assert_cmpuint(vm_counter(vm, "requests-total"), ==, total);
    g_assert_cmpuint(vm_counter(vm, "errors"), ==, total - 1);
    vm_stop(vm);
}

void add_call_tests(void)
{
    int i;

    qtest_add_data_func("/pvmemcontrol/call/info", "1", test_info);
    qtest_add_data_func("/pvmemcontrol/call/info-1.0", "0", test_info);
    qtest_add_func("/pvmemcontrol/call/discard/anon", test_discard_anon);
    qtest_add_func("/pvmemcontrol/call/discard/anon-shared",
                   test_discard_anon_shared);
    qtest_add_func("/pvmemcontrol/call/discard/memfd", test_discard_memfd);
    qtest_add_func("/pvmemcontrol/call/discard/memfd-private",
                   test_discard_memfd_private);
    qtest_add_func("/pvmemcontrol/call/discard/file-private",
                   test_discard_file_private);
    qtest_add_func("/pvmemcontrol/call/free", test_free);
    qtest_add_func("/pvmemcontrol/call/pageout", test_pageout);
    qtest_add_func("/pvmemcontrol/call/dontdump", test_dontdump);
    qtest_add_func("/pvmemcontrol/call/name", test_name);
    qtest_add_func("/pvmemcontrol/call/name-memfd", test_name_memfd);
    qtest_add_func("/pvmemcontrol/call/mlock", test_lock);
    qtest_add_func("/pvmemcontrol/call/mergeable", test_mergeable);
    qtest_add_func("/pvmemcontrol/call/counters", test_counters);
    for (i = 0; i < ARRAY_SIZE(backends); i++) {
        static const char *const names[] = {
            "anon", "anon-shared", "memfd", "memfd-private",
        };
        g_autofree char *protect =
            g_strconcat("/pvmemcontrol/call/mprotect/", names[i], NULL);

        qtest_add_data_func(protect, backends[i], test_mprotect);
    }
}
