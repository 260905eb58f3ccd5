/*
 * QTest cases for the pvmemcontrol device: guarded pages, which are forbidden
 * and have no content
 *
 * All of it with guards that the host installs, where it can, and with those
 * that are protections.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/pci/pci_regs.h"
#include "qapi/qmp/qdict.h"
#include "pvmemcontrol-test-guest.h"

#define GUARD PVMEMCONTROL_GUARD
#define UNGUARD PVMEMCONTROL_UNGUARD
#define PROTECTIONS ",x-no-guard-install=on"

typedef struct Kind {
    const char *name;
    const char *backend;
    const char *props;
    bool shared;
} Kind;

static const Kind kinds[] = {
    { "anon", BACKEND_ANON, "", false },
    { "memfd", BACKEND_MEMFD, "", true },
    { "anon-shared", BACKEND_ANON_SHARED, "", true },
    { "anon-protections", BACKEND_ANON, PROTECTIONS, false },
    { "memfd-protections", BACKEND_MEMFD, PROTECTIONS, true },
    { "anon-shared-protections", BACKEND_ANON_SHARED, PROTECTIONS, true },
};

/* Does this host install guards in such memory? */
static bool installs(const Kind *kind)
{
    void *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_ANONYMOUS |
                   (kind->shared ? MAP_SHARED : MAP_PRIVATE), -1, 0);
    bool ok;

    g_assert(p != MAP_FAILED);
    ok = !*kind->props && !madvise(p, PAGE, 102);
    munmap(p, PAGE);
    return ok;
}

static VM *connected(const Kind *kind, const char *props, const char *more)
{
    g_autofree char *all = g_strconcat(kind->props, props, NULL);
    VM *vm = vm_start(kind->backend, all, more);

    vm_connect(vm);
    return vm;
}

static void call(VM *vm, uint64_t func_code, uint64_t gpa, uint64_t nr)
{
    vm_expect(vm, func_code, gpa, nr * PAGE, 0, 0, 0);
}

static void expect_closed(VM *vm, uint64_t gpa, uint64_t nr, bool closed)
{
    uint64_t i;

    for (i = 0; i < nr; i++) {
        g_assert_true(closed ? vm_closes(vm, gpa + i * PAGE) :
                               !vm_is_closed(vm, gpa + i * PAGE));
    }
}

static void expect_guards(VM *vm, const Kind *kind, uint64_t nr,
                          uint64_t ranges)
{
    bool free = installs(kind);

    g_assert_cmpuint(vm_counter(vm, "guards"), ==, nr);
    g_assert_cmpuint(vm_counter(vm, "guards-installed"), ==, free ? nr : 0);
    g_assert_cmpuint(vm_counter(vm, "ranges"), ==, free ? 0 : ranges);
}

/* -- What they do -------------------------------------------------------- */

static void test_basics(const void *data)
{
    const Kind *kind = data;
    VM *vm = connected(kind, "", "");

    vm_fill(vm, TEST_RAM, 8 * PAGE, 0x5a);
    call(vm, GUARD, TEST_RAM + 2 * PAGE, 4);
    expect_guards(vm, kind, 4, 1);
    expect_closed(vm, TEST_RAM, 2, false);
    expect_closed(vm, TEST_RAM + 2 * PAGE, 4, true);
    expect_closed(vm, TEST_RAM + 6 * PAGE, 2, false);
    g_assert_cmpuint(vm_backed_pages(vm, TEST_RAM, PAGE), ==, 1);

    /* Again, and beyond both of its ends */
    call(vm, GUARD, TEST_RAM + 2 * PAGE, 4);
    expect_guards(vm, kind, 4, 1);
    call(vm, UNGUARD, TEST_RAM + 3 * PAGE, 1);
    expect_guards(vm, kind, 3, 2);
    expect_closed(vm, TEST_RAM + 2 * PAGE, 1, true);
    expect_closed(vm, TEST_RAM + 3 * PAGE, 1, false);
    expect_closed(vm, TEST_RAM + 4 * PAGE, 2, true);
    g_assert(vm_reads(vm, TEST_RAM + 3 * PAGE, PAGE, 0));
    vm_fill(vm, TEST_RAM + 3 * PAGE, PAGE, 0xa5);

    /* What is not guarded keeps what it has. */
    call(vm, UNGUARD, TEST_RAM, 8);
    expect_guards(vm, kind, 0, 0);
    expect_closed(vm, TEST_RAM, 8, false);
    g_assert(vm_reads(vm, TEST_RAM, 2 * PAGE, 0x5a));
    g_assert(vm_reads(vm, TEST_RAM + 2 * PAGE, PAGE, 0));
    g_assert(vm_reads(vm, TEST_RAM + 3 * PAGE, PAGE, 0xa5));
    g_assert(vm_reads(vm, TEST_RAM + 4 * PAGE, 2 * PAGE, 0));
    g_assert(vm_reads(vm, TEST_RAM + 6 * PAGE, 2 * PAGE, 0x5a));
    call(vm, UNGUARD, TEST_RAM, 8);
    g_assert(vm_reads(vm, TEST_RAM, 2 * PAGE, 0x5a));

    /* Whole pages, of RAM */
    vm_expect(vm, GUARD, TEST_RAM + 64, PAGE, 0, EINVAL, 0);
    vm_expect(vm, GUARD, TEST_RAM, PAGE + 1, 0, EINVAL, 0);
    vm_expect(vm, UNGUARD, TEST_RAM + 64, PAGE, 0, EINVAL, 0);
    vm_expect(vm, GUARD, TEST_RAM, 0, 0, EINVAL, GUARD);
    vm_expect(vm, GUARD, RAM_SIZE - PAGE, 2 * PAGE, 0, EINVAL, GUARD);
    vm_expect(vm, UNGUARD, RAM_SIZE, PAGE, 0, EINVAL, UNGUARD);
    g_assert(vm_reads(vm, TEST_RAM, 2 * PAGE, 0x5a));
    g_assert_cmpuint(vm_counter(vm, "requests-guard"), ==, 6);
    g_assert_cmpuint(vm_counter(vm, "requests-unguard"), ==, 5);
    vm_stop(vm);
}

/* With what else can be told of a page */
static void test_mixed(const void *data)
{
    static const uint64_t drops[] = {
        PVMEMCONTROL_DONTNEED, PVMEMCONTROL_REMOVE, PVMEMCONTROL_FREE,
        PVMEMCONTROL_PAGEOUT, PVMEMCONTROL_DONTDUMP,
    };
    const Kind *kind = data;
    VM *vm = connected(kind, "", "");
    Mapping *m;
    int i;

    /* A protection is another matter: either forbids. */
    vm_fill(vm, TEST_RAM, 4 * PAGE, 0x5a);
    call(vm, PVMEMCONTROL_MPROTECT_NONE, TEST_RAM, 1);
    call(vm, PVMEMCONTROL_MPROTECT_R, TEST_RAM + PAGE, 1);
    call(vm, GUARD, TEST_RAM, 3);
    expect_closed(vm, TEST_RAM, 3, true);
    expect_closed(vm, TEST_RAM + 3 * PAGE, 1, false);
    call(vm, PVMEMCONTROL_MPROTECT_R, TEST_RAM, 1);
    call(vm, PVMEMCONTROL_MPROTECT_NONE, TEST_RAM + 2 * PAGE, 2);
    expect_closed(vm, TEST_RAM, 4, true);
    call(vm, UNGUARD, TEST_RAM, 4);
    expect_closed(vm, TEST_RAM, 2, false);
    expect_closed(vm, TEST_RAM + 2 * PAGE, 2, true);
    m = vm_mapping(vm, TEST_RAM + PAGE);
    g_assert_cmpint(strncmp(m->perms, "r--", 3), ==, 0);
    mapping_free(m);
    call(vm, PVMEMCONTROL_MPROTECT_RW, TEST_RAM, 4);
    g_assert(vm_reads(vm, TEST_RAM, 3 * PAGE, 0));
    g_assert(vm_reads(vm, TEST_RAM + 3 * PAGE, PAGE, 0x5a));
    expect_guards(vm, kind, 0, 0);
    g_assert_cmpuint(vm_counter(vm, "ranges"), ==, 0);

    /* What permits everything permits that, too. */
    call(vm, GUARD, TEST_RAM, 2);
    call(vm, PVMEMCONTROL_MPROTECT_NONE, TEST_RAM, 1);
    call(vm, PVMEMCONTROL_MPROTECT_RW, TEST_RAM, 4);
    expect_guards(vm, kind, 0, 0);
    expect_closed(vm, TEST_RAM, 4, false);
    g_assert(vm_reads(vm, TEST_RAM, 3 * PAGE, 0));
    g_assert(vm_reads(vm, TEST_RAM + 3 * PAGE, PAGE, 0x5a));

    /* There is nothing to drop.  What is said does not matter. */
    call(vm, GUARD, TEST_RAM, 2);
    for (i = 0; i < ARRAY_SIZE(drops); i++) {
        vm_call(vm, drops[i], TEST_RAM, PAGE, 0);
        expect_closed(vm, TEST_RAM, 2, true);
    }
    call(vm, UNGUARD, TEST_RAM, 2);
    g_assert(vm_reads(vm, TEST_RAM, 2 * PAGE, 0));

    /* There is nothing to lock either, and what is locked cannot be dropped. */
    call(vm, GUARD, TEST_RAM, 2);
    vm_expect(vm, PVMEMCONTROL_MLOCK, TEST_RAM + PAGE, 2 * PAGE, 0, EINVAL, 0);
    g_assert_cmpuint(vm_counter(vm, "locked-bytes"), ==, 0);
    expect_closed(vm, TEST_RAM, 2, true);
    vm_fill(vm, TEST_RAM + 4 * PAGE, 2 * PAGE, 0x5a);
    call(vm, PVMEMCONTROL_MLOCK, TEST_RAM + 5 * PAGE, 1);
    vm_expect(vm, GUARD, TEST_RAM + 4 * PAGE, 2 * PAGE, 0, EINVAL, 0);
    expect_closed(vm, TEST_RAM + 4 * PAGE, 2, false);
    g_assert(vm_reads(vm, TEST_RAM + 4 * PAGE, 2 * PAGE, 0x5a));
    call(vm, PVMEMCONTROL_MUNLOCK, TEST_RAM + 5 * PAGE, 1);
    call(vm, GUARD, TEST_RAM + 4 * PAGE, 2);
    vm_stop(vm);
}

static void test_vector(const void *data)
{
    const Kind *kind = data;
    VM *vm = connected(kind, "", "");
    const struct pvmemcontrol_vmm_call calls[] = {
        { GUARD, TEST_RAM, PAGE },
        { GUARD, TEST_RAM + 2 * PAGE, PAGE },
        { UNGUARD, TEST_RAM, PAGE },
        { GUARD, TEST_RAM + 4 * PAGE + 1, PAGE },
        { GUARD, TEST_RAM + 6 * PAGE, PAGE },
    };
    struct pvmemcontrol_vmm_ret ret;

    vm_fill(vm, TEST_RAM, 8 * PAGE, 0x5a);
    ret = vm_vector(vm, MiB_(18), calls, ARRAY_SIZE(calls));
    g_assert_cmpuint(ret.ret_errno, ==, EINVAL);
    g_assert_cmpuint(ret.ret_code, ==, 0);
    g_assert_cmpuint(ret.ret_value, ==, 3);
    expect_guards(vm, kind, 1, 1);
    expect_closed(vm, TEST_RAM + 2 * PAGE, 1, true);
    g_assert(vm_reads(vm, TEST_RAM, PAGE, 0));
    g_assert(vm_reads(vm, TEST_RAM + 3 * PAGE, 5 * PAGE, 0x5a));
    vm_stop(vm);
}

/* Where content would come back, there are no guards. */
static void test_refused(void)
{
    VM *vm = vm_start(BACKEND_MEMFD_PRIVATE, "", "");

    vm_connect(vm);
    vm_fill(vm, TEST_RAM, PAGE, 0x5a);
    vm_expect(vm, GUARD, TEST_RAM, PAGE, 0, EOPNOTSUPP, 0);
    vm_expect(vm, UNGUARD, TEST_RAM, PAGE, 0, 0, 0);
    g_assert(vm_reads(vm, TEST_RAM, PAGE, 0x5a));
    vm_stop(vm);
}

static void test_1_0(void)
{
    VM *vm = vm_start(BACKEND_ANON, ",version-minor=0", "");

    vm_connect(vm);
    vm_fill(vm, TEST_RAM, PAGE, 0x5a);
    vm_expect(vm, GUARD, TEST_RAM, PAGE, 0, EOPNOTSUPP, GUARD);
    vm_expect(vm, UNGUARD, TEST_RAM, PAGE, 0, EOPNOTSUPP, UNGUARD);
    g_assert(vm_reads(vm, TEST_RAM, PAGE, 0x5a));
    g_assert_cmpuint(vm_counter(vm, "requests-unknown"), ==, 2);
    g_assert_cmpuint(vm_counter(vm, "requests-guard"), ==, 0);
    vm_stop(vm);
}

/* -- Limits -------------------------------------------------------------- */

/* Every second page; the limit is the one of mappings. */
static void test_limit(const void *data)
{
    const Kind *kind = data;
    VM *vm = connected(kind, ",max-ranges=4", "");
    unsigned int before = vm_nr_mappings(vm);
    uint64_t i, nr = installs(kind) ? 3000 : 4;

    vm_fill(vm, TEST_RAM + 2 * nr * PAGE, PAGE, 0x5a);
    for (i = 0; i < nr; i++) {
        call(vm, GUARD, TEST_RAM + 2 * i * PAGE, 1);
    }
    expect_guards(vm, kind, nr, nr);
    g_assert_cmpuint(vm_nr_mappings(vm), <=, before + 32);
    if (installs(kind)) {
        /* Protections count as ever. */
        for (i = 0; i < 4; i++) {
            call(vm, PVMEMCONTROL_MPROTECT_R, TEST_RAM + 2 * i * PAGE, 1);
        }
        vm_expect(vm, PVMEMCONTROL_MPROTECT_R, TEST_RAM + 2 * i * PAGE, PAGE,
                  0, ENOSPC, 0);
    } else {
        vm_expect(vm, GUARD, TEST_RAM + 2 * i * PAGE, PAGE, 0, ENOSPC, 0);
        g_assert(vm_reads(vm, TEST_RAM + 2 * i * PAGE, PAGE, 0x5a));
        vm_expect(vm, UNGUARD, TEST_RAM, PAGE, 0, 0, 0);
        call(vm, GUARD, TEST_RAM + 2 * i * PAGE, 1);
        vm_expect(vm, GUARD, TEST_RAM, PAGE, 0, ENOSPC, 0);
    }
    vm_stop(vm);
}

/* -- QEMU's own accesses ------------------------------------------------- */

static void test_own(const void *data)
{
    const Kind *kind = data;
    VM *vm = connected(kind, "", "");
    uint64_t before;

    vm_fill(vm, TEST_RAM, 4 * PAGE, 0x5a);
    call(vm, GUARD, TEST_RAM + PAGE, 2);
    before = vm_counter(vm, "own-accesses");
    g_assert_cmphex(qtest_readq(vm->qts, TEST_RAM + PAGE + 8), ==, 0);
    g_assert_cmpuint(vm_counter(vm, "own-accesses"), >, before);
    qtest_writel(vm->qts, TEST_RAM + PAGE + 16, 0x12345678);
    expect_closed(vm, TEST_RAM + PAGE, 2, true);
    g_assert_cmphex(qtest_readl(vm->qts, TEST_RAM + PAGE + 16), ==, 0);
    g_assert(vm_reads(vm, TEST_RAM + PAGE, 2 * PAGE, 0));
    /* Beyond what is guarded, at both ends */
    qtest_memset(vm->qts, TEST_RAM, 0xa5, 4 * PAGE);
    expect_closed(vm, TEST_RAM + PAGE, 2, true);
    g_assert(vm_reads(vm, TEST_RAM, PAGE, 0xa5));
    g_assert(vm_reads(vm, TEST_RAM + 3 * PAGE, PAGE, 0xa5));
    expect_guards(vm, kind, 2, 1);
    call(vm, UNGUARD, TEST_RAM, 4);
    g_assert(vm_reads(vm, TEST_RAM, PAGE, 0xa5));
    g_assert(vm_reads(vm, TEST_RAM + PAGE, 2 * PAGE, 0));

    /* Under a protection of its own */
    call(vm, GUARD, TEST_RAM, 1);
    call(vm, PVMEMCONTROL_MPROTECT_NONE, TEST_RAM, 1);
    g_assert(vm_reads(vm, TEST_RAM, PAGE, 0));
    qtest_writel(vm->qts, TEST_RAM, 1);
    expect_closed(vm, TEST_RAM, 1, true);
    call(vm, PVMEMCONTROL_MPROTECT_R, TEST_RAM, 1);
    expect_closed(vm, TEST_RAM, 1, true);
    qtest_writel(vm->qts, TEST_RAM, 1);
    g_assert_cmphex(qtest_readl(vm->qts, TEST_RAM), ==, 0);
    call(vm, UNGUARD, TEST_RAM, 1);
    g_assert_cmphex(qtest_readl(vm->qts, TEST_RAM), ==, 0);
    g_assert_cmpuint(vm_counter(vm, "violations-total"), ==, 0);
    vm_stop(vm);
}

/* -- vCPUs --------------------------------------------------------------- */

static void test_violation(const void *data)
{
    static const uint8_t reads[] = {
        0x66, 0x8b, 0x1e, 0x10, 0x00,           /* mov ebx, [0x10] */
    };
    static const uint8_t writes[] = {
        /* mov dword [0x10], 0x12345678 */
        0x66, 0xc7, 0x06, 0x10, 0x00, 0x78, 0x56, 0x34, 0x12,
    };
    Guest *g = guest_listening(data);
    QTestState *qts = g->vm->qts;
    int i;

    for (i = 0; i < 4; i++) {
        bool write = i % 2;
        uint16_t at;
        Frame frame;

        qtest_memset(qts, PAGE_1, CONTENT, PAGE);
        guest_protect(g, GUARD, PAGE_1);
        at = write ? guest_run(g, writes, sizeof(writes)) :
                     guest_run(g, reads, sizeof(reads));
        frame = guest_wait_nmi(g, 1);
        g_assert_cmphex(frame.ip, ==, at);
        guest_take_record(g, PAGE_1 + 0x10, write ? PVMEMCONTROL_ACCESS_WRITE :
                          PVMEMCONTROL_ACCESS_READ,
                          PVMEMCONTROL_VIOLATION_STOPPED);
        g_assert(vm_is_closed(g->vm, PAGE_1));
        guest_protect(g, UNGUARD, PAGE_1);
        g_assert_cmpuint(qtest_readw(qts, W_DONE), ==, 0);
        guest_leave_nmi(g);
        guest_wait(g, W_DONE, 1);
        g_assert_cmpuint(qtest_readw(qts, W_NMIS), ==, 1);
        if (write) {
            g_assert_cmphex(qtest_readl(qts, PAGE_1 + 0x10), ==, 0x12345678);
        } else {
            g_assert_cmphex(qtest_readl(qts, W_EBX), ==, 0);
        }
        g_assert_cmphex(qtest_readl(qts, PAGE_1 + 0x14), ==, 0);
    }
    g_assert_cmpuint(vm_counter(g->vm, "violations-total"), ==, 4);
    guest_stop(g);
}

/* -- What reads all of RAM ----------------------------------------------- */

static void test_dump(const void *data)
{
    const Kind *kind = data;
    g_autofree char *path = vm_temporary();
    g_autofree char *file = g_strconcat("file:", path, NULL);
    g_autofree char *content = NULL;
    VM *vm = connected(kind, "", "");
    gsize length;

    qtest_memwrite(vm->qts, TEST_RAM + 64, "a needle in a haystack", 22);
    qtest_memwrite(vm->qts, TEST_RAM + PAGE, "another in the next page", 24);
    call(vm, GUARD, TEST_RAM, 1);
    qtest_qmp_assert_success(vm->qts, "{ 'execute': 'dump-guest-memory', "
                             "'arguments': { 'paging': false, 'begin': %"
                             PRId64 ", 'length': 65536, 'protocol': %s } }",
                             TEST_RAM, file);
    expect_closed(vm, TEST_RAM, 1, true);
    g_assert(g_file_get_contents(path, &content, &length, NULL));
    g_assert_cmpuint(length, >=, 65536);
    g_assert_null(memmem(content, length, "a needle in a haystack", 22));
    g_assert_nonnull(memmem(content, length, "another in the next page", 24));
    unlink(path);
    vm_stop(vm);
}

static void test_migrate(const void *data)
{
    const Kind *kind = data;
    g_autofree char *path = vm_temporary();
    VM *vm = connected(kind, "", "");
    uint64_t i, own;

    vm_fill(vm, TEST_RAM, 1000 * PAGE, 0x5a);
    for (i = 0; i < 500; i++) {
        call(vm, GUARD, TEST_RAM + 2 * i * PAGE, 1);
    }
    call(vm, PVMEMCONTROL_MPROTECT_R, TEST_RAM, 1);
    own = vm_counter(vm, "own-accesses");
    vm_save(vm, path);
    /* Nobody has looked, or it would have memory now. */
    g_assert_cmpuint(vm_counter(vm, "own-accesses"), ==, own);
    expect_closed(vm, TEST_RAM, 1, true);
    expect_closed(vm, TEST_RAM + 998 * PAGE, 1, true);
    vm_stop(vm);

    vm = vm_load(kind->backend, kind->props, path);
    g_assert_cmpuint(vm_counter(vm, "connections"), ==, 1);
    g_assert_cmpuint(vm_counter(vm, "guards"), ==, 500);
    for (i = 0; i < 500; i += 100) {
        expect_closed(vm, TEST_RAM + 2 * i * PAGE, 1, true);
        expect_closed(vm, TEST_RAM + (2 * i + 1) * PAGE, 1, false);
        g_assert(vm_reads(vm, TEST_RAM + (2 * i + 1) * PAGE, PAGE, 0x5a));
    }
    call(vm, UNGUARD, TEST_RAM, 1000);
    g_assert_cmpuint(vm_counter(vm, "guards"), ==, 0);
    g_assert_cmpuint(vm_counter(vm, "ranges"), ==, 1);
    for (i = 0; i < 500; i++) {
        g_assert(vm_reads(vm, TEST_RAM + 2 * i * PAGE, PAGE, 0));
    }
    vm_stop(vm);

    /* A destination that cannot do it all */
    vm = vm_load(kind->backend, ",max-ranges=499" PROTECTIONS, path);
    g_assert_cmpuint(vm_counter(vm, "connections"), ==, 0);
    vm_stop(vm);
    /* And one that can, in the other way */
    vm = vm_load(kind->backend, PROTECTIONS, path);
    g_assert_cmpuint(vm_counter(vm, "connections"), ==, 1);
    g_assert_cmpuint(vm_counter(vm, "guards"), ==, 500);
    g_assert_cmpuint(vm_counter(vm, "ranges"), ==, 500);
    expect_closed(vm, TEST_RAM + 998 * PAGE, 1, true);
    vm_stop(vm);
    unlink(path);
}

/* -- Undone -------------------------------------------------------------- */

static void test_reset(const void *data)
{
    const Kind *kind = data;
    VM *vm = connected(kind, "", "");

    call(vm, GUARD, TEST_RAM, 4);
    call(vm, UNGUARD, TEST_RAM + PAGE, 1);
    call(vm, PVMEMCONTROL_MPROTECT_NONE, TEST_RAM + 2 * PAGE, 1);
    /* The driver has gone: what it has guarded stays. */
    vm_connect(vm);
    expect_closed(vm, TEST_RAM, 1, true);
    qtest_qmp_assert_success(vm->qts, "{ 'execute': 'system_reset' }");
    qtest_qmp_eventwait(vm->qts, "RESET");
    expect_guards(vm, kind, 0, 0);
    expect_closed(vm, TEST_RAM, 4, false);
    vm_stop(vm);
}

/* Many of them, beside protections, and none of it left to come again */
static void test_reset_many(const void *data)
{
    const Kind *kind = data;
    VM *vm = connected(kind, "", "");
    struct pvmemcontrol_vmm_call calls[128];
    uint64_t i, k, nr = 4096;

    for (i = 0; i < nr; i += ARRAY_SIZE(calls)) {
        for (k = 0; k < ARRAY_SIZE(calls); k++) {
            calls[k] = (struct pvmemcontrol_vmm_call) {
                .func_code = GUARD, .addr = TEST_RAM + 2 * (i + k) * PAGE,
                .length = PAGE,
            };
        }
        g_assert_cmpuint(vm_vector(vm, MiB_(18), calls, k).ret_value, ==, k);
    }
    call(vm, PVMEMCONTROL_MPROTECT_R, TEST_RAM, 3);
    call(vm, PVMEMCONTROL_DONTDUMP, TEST_RAM + 8 * PAGE, 8);
    qtest_qmp_assert_success(vm->qts, "{ 'execute': 'system_reset' }");
    qtest_qmp_eventwait(vm->qts, "RESET");
    expect_guards(vm, kind, 0, 0);
    g_assert_cmpuint(vm_counter(vm, "ranges"), ==, 0);
    for (i = 0; i < nr; i += 128) {
        expect_closed(vm, TEST_RAM + 2 * i * PAGE, 2, false);
        vm_fill(vm, TEST_RAM + 2 * i * PAGE, 2 * PAGE, 0x5a);
        g_assert(vm_reads(vm, TEST_RAM + 2 * i * PAGE, 2 * PAGE, 0x5a));
    }
    qpci_config_writel(vm->dev, PCI_BASE_ADDRESS_0, vm->bar);
    qpci_device_enable(vm->dev);
    vm_connect(vm);
    call(vm, GUARD, TEST_RAM, 1);
    expect_guards(vm, kind, 1, 1);
    expect_closed(vm, TEST_RAM + 2 * PAGE, 1, false);
    vm_stop(vm);
}

static void test_unplug(const void *props)
{
    g_autofree char *args = g_strdup_printf(
        "-M pc -m 256M -nodefaults -device pvmemcontrol,id=mc,addr=04.0%s",
        (const char *)props);
    VM *vm = vm_start_args(args, 0xe0000000);

    vm_connect(vm);
    call(vm, GUARD, TEST_RAM, 4);
    expect_closed(vm, TEST_RAM, 4, true);
    qpci_unplug_acpi_device_test(vm->qts, "mc", 4);
    expect_closed(vm, TEST_RAM, 4, false);
    vm_stop(vm);
}

void add_guard_tests(void)
{
    static const struct {
        const char *name;
        void (*test)(const void *kind);
    } tests[] = {
        { "basics", test_basics },
        { "mixed", test_mixed },
        { "vector", test_vector },
        { "limit", test_limit },
        { "own", test_own },
        { "dump", test_dump },
        { "migrate", test_migrate },
        { "reset", test_reset },
        { "reset-many", test_reset_many },
    };
    int i, k;

    for (i = 0; i < ARRAY_SIZE(tests); i++) {
        for (k = 0; k < ARRAY_SIZE(kinds); k++) {
            g_autofree char *path = g_strdup_printf(
                "/pvmemcontrol/guards/%s/%s", tests[i].name, kinds[k].name);

            qtest_add_data_func(path, &kinds[k], tests[i].test);
        }
    }
    qtest_add_func("/pvmemcontrol/guards/refused", test_refused);
    qtest_add_func("/pvmemcontrol/guards/register-1.0", test_1_0);
    qtest_add_data_func("/pvmemcontrol/guards/violation/installed", "",
                        test_violation);
    qtest_add_data_func("/pvmemcontrol/guards/violation/protections",
                        PROTECTIONS, test_violation);
    qtest_add_data_func("/pvmemcontrol/guards/unplug/installed", "",
                        test_unplug);
    qtest_add_data_func("/pvmemcontrol/guards/unplug/protections", PROTECTIONS,
                        test_unplug);
}
