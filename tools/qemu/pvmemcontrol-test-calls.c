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

/* -- Ranges -------------------------------------------------------------- */

static void test_unknown_codes(const void *props)
{
    static const uint64_t all[] = {
        /* Known to 1.1 */
        PVMEMCONTROL_FEATURES, PVMEMCONTROL_VECTOR,
        NR_CODES, 0xff, 0x105, 0x80000001, UINT64_C(0x100000000),
        UINT64_C(0x100000001), UINT64_C(0x100000100), UINT64_C(0x100000101),
        UINT64_MAX,
    };
    const uint64_t *codes = props ? all : all + 2;
    int nr = ARRAY_SIZE(all) - (codes - all);
    VM *vm = vm_start(BACKEND_ANON, props ?: "", "");
    int i;

    vm_connect(vm);
    vm_fill(vm, TEST_RAM, PAGE, 0x5a);
    for (i = 0; i < nr; i++) {
        vm_expect(vm, codes[i], TEST_RAM, PAGE, 0, EOPNOTSUPP, codes[i]);
        /* The code is looked at before the range. */
        vm_expect(vm, codes[i], UINT64_MAX, 0, 0, EOPNOTSUPP, codes[i]);
    }
    g_assert(vm_reads(vm, TEST_RAM, PAGE, 0x5a));
    g_assert_cmpuint(vm_counter(vm, "requests-unknown"), ==, 2 * i);
    g_assert_cmpuint(vm_counter(vm, "requests-total"), ==, 2 * i);
    g_assert_cmpuint(vm_counter(vm, "errors"), ==, 2 * i);
    /* One of the codes has nothing in its low half. */
    g_assert_cmpuint(vm_counter(vm, "refused"), ==, 2 * (i - 1));
    vm_stop(vm);
}

static void test_refused_ranges(const void *backend)
{
    static const struct {
        const char *what;
        uint64_t gpa, length;
    } ranges[] = {
        { "nothing", TEST_RAM, 0 },
        { "beyond RAM", RAM_SIZE, PAGE },
        { "across the end of RAM", RAM_SIZE - PAGE, 2 * PAGE },
        { "one byte too many", TEST_RAM, RAM_SIZE - TEST_RAM + 1 },
        { "across all that is below 1 MiB", 0xbf000, 0x42000 },
        { "into option ROM", 0xbf000, 2 * PAGE },
        { "option ROM", 0xc0000, PAGE },
        { "shadow of the BIOS", 0xf0000, PAGE },
        { "the BIOS", 0xfffc0000, PAGE },
        { "the APIC", 0xfee00000, PAGE },
        { "the device's own page", 0xe0000000, PAGE },
        { "the device's own registers", 0xe0000000, 16 },
        { "above 4 GiB", UINT64_C(1) << 32, PAGE },
        { "everything", 0, UINT64_MAX },
        { "around to its own start", TEST_RAM, 0 - PAGE },
        { "around to 0", TEST_RAM, 0 - TEST_RAM },
        { "around past 0", 0 - PAGE, 2 * PAGE },
        { "the last page", 0 - PAGE, PAGE },
    };
    VM *vm = connected(backend, "");
    uint64_t code;
    int i;

    vm_fill(vm, TEST_RAM, PAGE, 0x5a);
    vm_fill(vm, RAM_SIZE - PAGE, PAGE, 0x5a);
    for (code = 1; code < NR_CODES; code++) {
        for (i = 0; i < ARRAY_SIZE(ranges); i++) {
            g_test_message("%s", ranges[i].what);
            vm_expect(vm, code, ranges[i].gpa, ranges[i].length, 7,
                      EINVAL, code);
        }
    }
    g_assert(vm_reads(vm, TEST_RAM, PAGE, 0x5a));
    g_assert(vm_reads(vm, RAM_SIZE - PAGE, PAGE, 0x5a));
    g_assert_cmpuint(vm_counter(vm, "refused"), ==,
                     (NR_CODES - 1) * ARRAY_SIZE(ranges));
    g_assert_cmpuint(vm_counter(vm, "bytes-discarded"), ==, 0);
    vm_stop(vm);
}

/* Two nodes: their RAM is adjacent for the guest, and not for the host. */
static void test_two_regions(void)
{
    VM *vm = vm_start_args(
        "-M q35 -m 256M -nodefaults -device pvmemcontrol,id=mc,addr=04.0 "
        "-object memory-backend-ram,id=m0,size=128M -numa node,memdev=m0 "
        "-object memory-backend-ram,id=m1,size=128M -numa node,memdev=m1",
        0xe0000000);
    uint64_t border = MiB_(128);

    vm_connect(vm);
    vm_fill(vm, border - PAGE, 2 * PAGE, 0x5a);
    vm_expect(vm, PVMEMCONTROL_DONTNEED, border - PAGE, 2 * PAGE, 0,
              EINVAL, PVMEMCONTROL_DONTNEED);
    g_assert(vm_reads(vm, border - PAGE, 2 * PAGE, 0x5a));
    do_call(vm, PVMEMCONTROL_DONTNEED, border, PAGE, 0);
    g_assert(vm_reads(vm, border - PAGE, PAGE, 0x5a));
    g_assert(vm_reads(vm, border, PAGE, 0));
    do_call(vm, PVMEMCONTROL_DONTNEED, border - PAGE, PAGE, 0);
    g_assert(vm_reads(vm, border - PAGE, PAGE, 0));

    /* Nor can a buffer lie across it. */
    vm_command(vm, PVMEMCONTROL_TRANSPORT_RESET);
    g_assert_cmphex(vm_register(vm, border - 16, NULL), ==,
                    PVMEMCONTROL_TRANSPORT_ERROR);
    vm_stop(vm);
}

/* The host refuses these, not the device: ret_code stays 0. */
static void test_unaligned(const void *backend)
{
    VM *vm = connected(backend, "");
    uint64_t code;

    vm_fill(vm, TEST_RAM, 3 * PAGE, 0x5a);
    for (code = 1; code < NR_CODES; code++) {
        /* These two round, in any host. */
        bool rounds = code == PVMEMCONTROL_MLOCK ||
                      code == PVMEMCONTROL_MUNLOCK;

        vm_expect(vm, code, TEST_RAM + 1, PAGE, 3, rounds ? 0 : EINVAL, 0);
    }
    for (code = PVMEMCONTROL_DONTNEED; code <= PVMEMCONTROL_FREE; code++) {
        vm_expect(vm, code, TEST_RAM, PAGE + 1, 0, EINVAL, 0);
        vm_expect(vm, code, TEST_RAM, 1, 0, EINVAL, 0);
    }
    g_assert(vm_reads(vm, TEST_RAM, 3 * PAGE, 0x5a));
    g_assert_cmpuint(vm_counter(vm, "refused"), ==, 0);
    vm_stop(vm);
}

/* Registers of the q35 host bridge that switch ROM and RAM below 1 MiB */
#define PAM_C0000 0x91
#define PAM_OFF 0
#define PAM_READ_ONLY 1
#define PAM_RAM 3

static void set_pam(VM *vm, uint8_t value)
{
    QPCIDevice *mch = qpci_device_find(vm->bus, QPCI_DEVFN(0, 0));

    qpci_config_writeb(mch, PAM_C0000, value | value << 4);
    g_free(mch);
}

/* What is RAM may stop to be; a buffer there is not answered any more. */
static void test_ram_goes_away(void)
{
    const uint64_t gpa = 0xc0000;
    struct pvmemcontrol_vmm_call info = { .func_code = PVMEMCONTROL_INFO };
    VM *vm = vm_start(BACKEND_ANON, "", "");
    uint32_t id;

    vm_command(vm, PVMEMCONTROL_TRANSPORT_RESET);
    g_assert_cmphex(vm_register(vm, gpa, NULL), ==,
                    PVMEMCONTROL_TRANSPORT_ERROR);
    set_pam(vm, PAM_RAM);
    vm_command(vm, PVMEMCONTROL_TRANSPORT_RESET);
    g_assert_cmphex(vm_register(vm, TEST_BUF, &vm->id), ==,
                    PVMEMCONTROL_TRANSPORT_ACK);
    g_assert_cmphex(vm_register(vm, gpa, &id), ==, PVMEMCONTROL_TRANSPORT_ACK);
    vm_command(vm, PVMEMCONTROL_TRANSPORT_READY);
    g_assert_cmpuint(vm_call_at(vm, id, gpa, info).ret_value, ==,
                     qemu_real_host_page_size());
    do_call(vm, PVMEMCONTROL_DONTNEED, gpa + PAGE, PAGE, 0);

    set_pam(vm, PAM_READ_ONLY);
    vm_expect(vm, PVMEMCONTROL_DONTNEED, gpa + PAGE, PAGE, 0, EINVAL,
              PVMEMCONTROL_DONTNEED);
    qtest_writel(vm->qts, vm->bar + PVMEMCONTROL_REG_COMMAND, id);
    g_assert_cmpuint(vm_counter(vm, "ignored"), ==, 1);
    set_pam(vm, PAM_OFF);
    vm_expect(vm, PVMEMCONTROL_DONTNEED, gpa + PAGE, PAGE, 0, EINVAL,
              PVMEMCONTROL_DONTNEED);
    qtest_writel(vm->qts, vm->bar + PVMEMCONTROL_REG_COMMAND, id);
    g_assert_cmpuint(vm_counter(vm, "ignored"), ==, 2);

    /* The connection is still there when the RAM is again. */
    set_pam(vm, PAM_RAM);
    g_assert_cmpuint(vm_call_at(vm, id, gpa, info).ret_value, ==,
                     qemu_real_host_page_size());
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
        g_autofree char *refused =
            g_strconcat("/pvmemcontrol/range/refused/", names[i], NULL);
        g_autofree char *unaligned =
            g_strconcat("/pvmemcontrol/range/unaligned/", names[i], NULL);

        qtest_add_data_func(protect, backends[i], test_mprotect);
        qtest_add_data_func(refused, backends[i], test_refused_ranges);
        qtest_add_data_func(unaligned, backends[i], test_unaligned);
    }
    qtest_add_data_func("/pvmemcontrol/range/unknown-codes", NULL,
                        test_unknown_codes);
    qtest_add_data_func("/pvmemcontrol/range/unknown-codes-1.0",
                        ",version-minor=0", test_unknown_codes);
    qtest_add_func("/pvmemcontrol/range/two-regions", test_two_regions);
    qtest_add_func("/pvmemcontrol/range/ram-goes-away", test_ram_goes_away);
}
