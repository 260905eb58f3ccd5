/*
 * QTest cases for the pvmemcontrol device: protected memory without a vCPU that
 * touches it: registering for violations, limits, QEMU's own accesses, and what
 * goes with a guest that moves
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/pci/pci_regs.h"
#include "qapi/qmp/qdict.h"
#include "qapi/qmp/qlist.h"
#include "pvmemcontrol-test.h"

#define NMI PVMEMCONTROL_VIOLATION_NMI

static VM *connected(const char *backend, const char *props, const char *more)
{
    VM *vm = vm_start(backend, props, more);

    vm_connect(vm);
    return vm;
}

static void protect(VM *vm, uint64_t func_code, uint64_t gpa)
{
    vm_expect(vm, func_code, gpa, PAGE, 0, 0, 0);
}

/* -- Registering --------------------------------------------------------- */

static void test_register(void)
{
    static const struct {
        const char *what;
        uint64_t gpa, arg;
        uint32_t ret_errno;
    } pages[] = {
        { "a page", TEST_RAM, NMI, 0 },
        { "it again", TEST_RAM, NMI, 0 },
        { "another", TEST_RAM + PAGE, NMI, 0 },
        { "the last", RAM_SIZE - PAGE, NMI, 0 },
        { "unaligned", TEST_RAM + 32, NMI, EINVAL },
        { "no way to tell", TEST_RAM, 0, EINVAL },
        { "an unknown way", TEST_RAM, 2, EINVAL },
        { "behind RAM", RAM_SIZE, NMI, EINVAL },
        { "option ROM", 0xc0000, NMI, EINVAL },
        { "its own BAR", 0xe0000000, NMI, EINVAL },
        { "nowhere", UINT64_C(1) << 40, NMI, EINVAL },
        { "the last page there is", 0 - PAGE, NMI, EINVAL },
        { "withdrawn", 0, NMI, 0 },
        { "withdrawn again, by no way", 0, 0, 0 },
    };
    VM *vm = connected(BACKEND_ANON, "", "");
    int i;

    for (i = 0; i < ARRAY_SIZE(pages); i++) {
        g_test_message("%s", pages[i].what);
        vm_expect(vm, PVMEMCONTROL_VIOLATION, pages[i].gpa, PAGE, pages[i].arg,
                  pages[i].ret_errno,
                  pages[i].ret_errno ? PVMEMCONTROL_VIOLATION : 0);
    }
    g_assert_cmpuint(vm_counter(vm, "requests-violation"), ==,
                     ARRAY_SIZE(pages));
    vm_stop(vm);
}

static void test_1_0(void)
{
    VM *vm = connected(BACKEND_ANON, ",version-minor=0", "");

    vm_expect(vm, PVMEMCONTROL_VIOLATION, TEST_RAM, PAGE, NMI, EOPNOTSUPP,
              PVMEMCONTROL_VIOLATION);
    g_assert_cmpuint(vm_counter(vm, "requests-violation"), ==, 0);
    g_assert_cmpuint(vm_counter(vm, "requests-unknown"), ==, 1);
    vm_stop(vm);
}

/* -- Limits -------------------------------------------------------------- */

static void test_max_ranges(void)
{
    const uint64_t r = PVMEMCONTROL_MPROTECT_R;
    const uint64_t rw = PVMEMCONTROL_MPROTECT_RW;
    VM *vm = connected(BACKEND_ANON, ",max-ranges=4", "");
    int i;

    /* Every other page */
    for (i = 0; i < 4; i++) {
        protect(vm, r, TEST_RAM + 2 * i * PAGE);
        g_assert_cmpuint(vm_counter(vm, "ranges"), ==, i + 1);
    }
    vm_expect(vm, r, TEST_RAM + 8 * PAGE, PAGE, 0, ENOSPC, 0);
    expect_perms(vm, TEST_RAM + 8 * PAGE, "rw-");
    vm_expect(vm, PVMEMCONTROL_DONTDUMP, TEST_RAM + 8 * PAGE, PAGE, 0,
              ENOSPC, 0);
    vm_expect(vm, PVMEMCONTROL_SET_VMA_ANON_NAME, TEST_RAM + 8 * PAGE, PAGE, 7,
              ENOSPC, 0);
    vm_expect(vm, PVMEMCONTROL_MLOCK, TEST_RAM + 8 * PAGE, PAGE, 0, ENOSPC, 0);
    g_assert_cmpuint(vm_counter(vm, "ranges"), ==, 4);
    g_assert_cmpuint(vm_counter(vm, "locked-bytes"), ==, 0);

    /* What is told again, or grows a range, or joins two, takes nothing. */
    protect(vm, r, TEST_RAM);
    protect(vm, r, TEST_RAM + PAGE);
    g_assert_cmpuint(vm_counter(vm, "ranges"), ==, 3);
    /* Another protection within one makes two more of it. */
    vm_expect(vm, PVMEMCONTROL_MPROTECT_NONE, TEST_RAM + PAGE, PAGE, 0,
              ENOSPC, 0);
    expect_perms(vm, TEST_RAM + PAGE, "r--");
    /* As does one page of it that is opened. */
    protect(vm, rw, TEST_RAM + PAGE);
    g_assert_cmpuint(vm_counter(vm, "ranges"), ==, 4);

    /* Opening one makes room. */
    protect(vm, rw, TEST_RAM);
    protect(vm, r, TEST_RAM + 8 * PAGE);
    vm_expect(vm, r, TEST_RAM + 10 * PAGE, PAGE, 0, ENOSPC, 0);

    /* All of it is one range. */
    vm_expect(vm, r, TEST_RAM, 16 * PAGE, 0, 0, 0);
    g_assert_cmpuint(vm_counter(vm, "ranges"), ==, 1);
    vm_expect(vm, rw, TEST_RAM, 16 * PAGE, 0, 0, 0);
    g_assert_cmpuint(vm_counter(vm, "ranges"), ==, 0);
    vm_stop(vm);
}

/*
 * More names than a mark can tell apart, one after the other; two pages keep
 * theirs, which shows when these come once more.
 */
static void test_many_names(void)
{
    const uint64_t name = PVMEMCONTROL_SET_VMA_ANON_NAME;
    VM *vm = connected(BACKEND_ANON, "", "");
    struct pvmemcontrol_vmm_call calls[128];
    uint64_t i, nr = 1000;
    Mapping *m;

    if (host_would_answer(name)) {
        /* Numbers run out there as well, if those that failed are kept. */
        for (i = 0; i < 66000; i++) {
            vm_expect(vm, name, TEST_RAM, PAGE, nr + i,
                      host_would_answer(name), 0);
        }
        g_test_skip("this host has no names");
        vm_stop(vm);
        return;
    }
    vm_expect(vm, name, TEST_RAM, PAGE, 1, 0, 0);
    vm_expect(vm, name, TEST_RAM + 2 * PAGE, PAGE, 2, 0, 0);
    while (nr < 140000) {
        for (i = 0; i < ARRAY_SIZE(calls); i++) {
            calls[i] = (struct pvmemcontrol_vmm_call) {
                .func_code = name, .addr = TEST_RAM + 4 * PAGE, .length = PAGE,
                .arg = nr++,
            };
        }
        g_assert_cmpuint(vm_vector(vm, MiB_(18), calls, i).ret_value, ==, i);
    }
    g_assert_cmpuint(vm_counter(vm, "ranges"), ==, 3);
    vm_expect(vm, name, TEST_RAM + PAGE, PAGE, 1, 0, 0);
    g_assert_cmpuint(vm_counter(vm, "ranges"), ==, 3);
    vm_expect(vm, name, TEST_RAM + PAGE, PAGE, 2, 0, 0);
    g_assert_cmpuint(vm_counter(vm, "ranges"), ==, 3);
    m = vm_mapping(vm, TEST_RAM + PAGE);
    g_assert_cmpstr(m->name, ==, "[anon:pvmemcontrol-2]");
    g_assert_cmpuint(m->end - m->start, ==, 2 * PAGE);
    mapping_free(m);
    vm_stop(vm);
}

/* As many as are allowed by default, where the host allows so many. */
static void test_many_ranges(void)
{
    VM *vm = connected(BACKEND_ANON, "", "");
    uint64_t i;

    for (i = 0; i < 16384; i++) {
        protect(vm, PVMEMCONTROL_MPROTECT_R, TEST_RAM + 2 * i * PAGE);
    }
    vm_expect(vm, PVMEMCONTROL_MPROTECT_R, TEST_RAM + 2 * i * PAGE, PAGE, 0,
              ENOSPC, 0);
    g_assert_cmpuint(vm_counter(vm, "ranges"), ==, 16384);
    qtest_qmp_assert_success(vm->qts, "{ 'execute': 'system_reset' }");
    qtest_qmp_eventwait(vm->qts, "RESET");
    g_assert_cmpuint(vm_counter(vm, "ranges"), ==, 0);
    expect_perms(vm, TEST_RAM, "rw-");
    expect_perms(vm, TEST_RAM + 2 * 16383 * PAGE, "rw-");
    vm_stop(vm);
}

/*
 * More than the host has mappings for: an error like any other, and QEMU's own
 * accesses still come through.
 */
static void test_host_limit(void)
{
    VM *vm = connected(BACKEND_ANON, ",max-ranges=1000000",
                       "-m 512M,slots=0,maxmem=512M "
                       "-device pvmemcontrol,id=old,version-minor=0,"
                       "max-ranges=1000000,addr=05.0");
    VM old = { .qts = vm->qts, .bus = vm->bus, .bar = 0xe0001000 };
    struct pvmemcontrol_vmm_call calls[128];
    struct pvmemcontrol_vmm_ret ret = {};
    uint64_t i, gpa = TEST_RAM + 3 * PAGE;

    vm_fill(vm, TEST_RAM, 3 * PAGE, 0x5a);
    vm_expect(vm, PVMEMCONTROL_MPROTECT_NONE, TEST_RAM, 3 * PAGE, 0, 0, 0);
    while (!ret.ret_errno) {
        for (i = 0; i < ARRAY_SIZE(calls); i++, gpa += PAGE) {
            calls[i] = (struct pvmemcontrol_vmm_call) {
                .func_code = i % 2 ? PVMEMCONTROL_MPROTECT_NONE :
                                     PVMEMCONTROL_MPROTECT_R,
                .addr = gpa, .length = PAGE,
            };
        }
        g_assert_cmpuint(gpa, <=, 2 * RAM_SIZE);
        ret = vm_vector(vm, MiB_(18), calls, ARRAY_SIZE(calls));
    }
    g_assert_cmpuint(ret.ret_errno, ==, ENOSPC);
    g_assert_cmpuint(ret.ret_code, ==, 0);
    gpa = calls[ret.ret_value].addr;
    g_assert_cmpuint(gpa + MiB_(2), <, 2 * RAM_SIZE);
    expect_perms(vm, gpa, "rw-");
    expect_perms(vm, gpa - PAGE, ret.ret_value % 2 ? "r--" : "---");
    vm_expect(vm, PVMEMCONTROL_DONTDUMP, gpa + MiB_(1), PAGE, 0, ENOSPC, 0);
    vm_expect(vm, PVMEMCONTROL_MLOCK, gpa + MiB_(1), PAGE, 0, ENOMEM, 0);

    /* A driver of 1.0 is told what the host says. */
    old.dev = qpci_device_find(vm->bus, QPCI_DEVFN(5, 0));
    qpci_config_writel(old.dev, PCI_BASE_ADDRESS_0, old.bar);
    qpci_device_enable(old.dev);
    g_assert_cmphex(vm_command(&old, PVMEMCONTROL_TRANSPORT_RESET), ==,
                    PVMEMCONTROL_TRANSPORT_ACK);
    vm_register(&old, TEST_BUF + PAGE, &old.id);
    vm_command(&old, PVMEMCONTROL_TRANSPORT_READY);
    ret = vm_call_at(&old, old.id, TEST_BUF + PAGE,
                     (struct pvmemcontrol_vmm_call) {
        .func_code = PVMEMCONTROL_MPROTECT_R, .addr = gpa + MiB_(1),
        .length = PAGE,
    });
    g_assert_cmpuint(ret.ret_errno, ==, ENOMEM);
    g_assert_cmpuint(ret.ret_code, ==, 0);
    g_free(old.dev);

    /* In the middle of a range: the host would have to make it three. */
    g_assert(vm_reads(vm, TEST_RAM + PAGE, PAGE, 0x5a));
    vm_fill(vm, TEST_RAM + PAGE, PAGE, 0xa5);
    g_assert(vm_reads(vm, TEST_RAM, PAGE, 0x5a));
    g_assert(vm_reads(vm, TEST_RAM + PAGE, PAGE, 0xa5));
    expect_perms(vm, TEST_RAM, "---");
    expect_perms(vm, TEST_RAM + PAGE, "---");
    expect_perms(vm, TEST_RAM + 2 * PAGE, "---");

    /* Opening some makes room. */
    vm_expect(vm, PVMEMCONTROL_MPROTECT_RW, TEST_RAM + 3 * PAGE, MiB_(1), 0,
              0, 0);
    protect(vm, PVMEMCONTROL_MPROTECT_R, gpa);
    vm_stop(vm);
}

/* -- QEMU's own accesses ------------------------------------------------- */

static void test_own(const void *backend)
{
    static const struct {
        uint64_t func_code;
        const char *perms;
    } kinds[] = {
        { PVMEMCONTROL_MPROTECT_NONE, "---" },
        { PVMEMCONTROL_MPROTECT_R, "r--" },
        { PVMEMCONTROL_MPROTECT_W, "-w-" },
    };
    VM *vm = connected(backend, "", "");
    uint64_t before;
    int i;

    for (i = 0; i < ARRAY_SIZE(kinds); i++) {
        g_test_message("%s", kinds[i].perms);
        vm_fill(vm, TEST_RAM, 3 * PAGE, 0x5a);
        vm_expect(vm, kinds[i].func_code, TEST_RAM, 2 * PAGE, 0, 0, 0);
        /* Accesses in a row have it open longer than for one. */
        expect_perms(vm, TEST_RAM, kinds[i].perms);
        g_usleep(20000);

        before = vm_counter(vm, "own-accesses");
        g_assert_cmphex(qtest_readq(vm->qts, TEST_RAM + 8), ==,
                        UINT64_C(0x5a5a5a5a5a5a5a5a));
        if (kinds[i].func_code == PVMEMCONTROL_MPROTECT_NONE) {
            g_assert_cmpuint(vm_counter(vm, "own-accesses"), >, before);
        }
        before = vm_counter(vm, "own-accesses");
        qtest_writel(vm->qts, TEST_RAM + 16, 0x12345678);
        if (kinds[i].func_code != PVMEMCONTROL_MPROTECT_W) {
            g_assert_cmpuint(vm_counter(vm, "own-accesses"), >, before);
        }
        g_assert_cmphex(qtest_readl(vm->qts, TEST_RAM + 16), ==, 0x12345678);

        /* One instruction of the host, if it uses such, and many pages more */
        qtest_memset(vm->qts, TEST_RAM, 0x5a, MiB_(16));
        /* More than one page, and beyond what is protected */
        g_assert(vm_reads(vm, TEST_RAM, 3 * PAGE, 0x5a));
        qtest_memset(vm->qts, TEST_RAM, 0xa5, 3 * PAGE);
        g_assert(vm_reads(vm, TEST_RAM, 3 * PAGE, 0xa5));

        expect_perms(vm, TEST_RAM, kinds[i].perms);
        expect_perms(vm, TEST_RAM + PAGE, kinds[i].perms);
        expect_perms(vm, TEST_RAM + 2 * PAGE, "rw-");
        g_assert_cmpuint(vm_counter(vm, "ranges"), ==, 1);
    }
    g_assert_cmpuint(vm_counter(vm, "violations-total"), ==, 0);
    vm_stop(vm);
}

/* A request's own buffer, and the array of a vector */
static void test_own_buffer(void)
{
    VM *vm = connected(BACKEND_ANON, "", "");
    struct pvmemcontrol_vmm_call call = {
        .func_code = PVMEMCONTROL_DONTDUMP, .addr = TEST_RAM + MiB_(1),
        .length = PAGE,
    };
    struct pvmemcontrol_vmm_ret ret;

    protect(vm, PVMEMCONTROL_MPROTECT_NONE, TEST_BUF);
    protect(vm, PVMEMCONTROL_MPROTECT_NONE, TEST_RAM);
    ret = vm_vector(vm, TEST_RAM, &call, 1);
    g_assert_cmpuint(ret.ret_errno, ==, 0);
    g_assert_cmpuint(ret.ret_value, ==, 1);
    expect_perms(vm, TEST_BUF, "---");
    expect_perms(vm, TEST_RAM, "---");
    vm_stop(vm);
}

/* A dump gives RAM to write(). */
static void test_dump(void)
{
    g_autofree char *path = vm_temporary();
    g_autofree char *file = g_strconcat("file:", path, NULL);
    g_autofree char *content = NULL;
    VM *vm = connected(BACKEND_ANON, "", "");
    gsize length;

    qtest_memwrite(vm->qts, TEST_RAM + 64, "a needle in a haystack", 22);
    protect(vm, PVMEMCONTROL_MPROTECT_NONE, TEST_RAM);
    qtest_qmp_assert_success(vm->qts, "{ 'execute': 'dump-guest-memory', "
                             "'arguments': { 'paging': false, 'begin': %"
                             PRId64 ", 'length': 65536, 'protocol': %s } }",
                             TEST_RAM, file);
    expect_perms(vm, TEST_RAM, "---");
    g_assert(g_file_get_contents(path, &content, &length, NULL));
    g_assert_nonnull(memmem(content, length, "a needle in a haystack", 22));
    unlink(path);
    vm_stop(vm);
}

/* -- Moving -------------------------------------------------------------- */

/* Marks of all kinds, and content under them */
static void mark(VM *vm)
{
    uint64_t i;

    for (i = 0; i < 1000; i++) {
        qtest_writeq(vm->qts, TEST_RAM + 2 * i * PAGE, i + 1);
        protect(vm, i % 2 ? PVMEMCONTROL_MPROTECT_NONE :
                            PVMEMCONTROL_MPROTECT_R, TEST_RAM + 2 * i * PAGE);
    }
    vm_expect(vm, PVMEMCONTROL_MLOCK, MiB_(32), 4 * PAGE, 0, 0, 0);
    vm_expect(vm, PVMEMCONTROL_DONTDUMP, MiB_(33), 4 * PAGE, 0, 0, 0);
    vm_expect(vm, PVMEMCONTROL_MPROTECT_NONE, MiB_(33) + PAGE, 2 * PAGE, 0, 0,
              0);
    vm_fill(vm, MiB_(50), 4 * PAGE, 0x5a);
    vm_expect(vm, PVMEMCONTROL_GUARD, MiB_(50), 4 * PAGE, 0, 0, 0);
    vm_expect(vm, PVMEMCONTROL_VIOLATION, MiB_(40), PAGE, NMI, 0, 0);
}

/* Guards are a range where the host cannot install them. */
static uint64_t guard_ranges(VM *vm)
{
    return vm_counter(vm, "guards") && !vm_counter(vm, "guards-installed");
}

static void expect_marks(VM *vm)
{
    Mapping *m;
    uint64_t i;

    g_assert_cmpuint(vm_counter(vm, "ranges"), ==, 1004 + guard_ranges(vm));
    g_assert_cmpuint(vm_counter(vm, "guards"), ==, 4);
    for (i = 0; i < 4; i++) {
        g_assert(vm_is_closed(vm, MiB_(50) + i * PAGE));
    }
    g_assert(!vm_is_closed(vm, MiB_(50) + i * PAGE));
    g_assert_cmpuint(vm_counter(vm, "locked-bytes"), ==, 4 * PAGE);
    for (i = 0; i < 1000; i++) {
        if (i % 100 < 2) {
            expect_perms(vm, TEST_RAM + 2 * i * PAGE, i % 2 ? "---" : "r--");
            expect_perms(vm, TEST_RAM + (2 * i + 1) * PAGE, "rw-");
        }
        g_assert_cmpuint(qtest_readq(vm->qts, TEST_RAM + 2 * i * PAGE), ==,
                         i + 1);
    }
    m = vm_mapping(vm, MiB_(32));
    g_assert(mapping_has_flag(m, "lo"));
    mapping_free(m);
    m = vm_mapping(vm, MiB_(33) + PAGE);
    g_assert(mapping_has_flag(m, "dd"));
    g_assert_cmpint(strncmp(m->perms, "---", 3), ==, 0);
    mapping_free(m);
}

static void test_migrate(void)
{
    g_autofree char *path = vm_temporary();
    VM *vm = connected(BACKEND_ANON, "", "");

    mark(vm);
    vm_save(vm, path);
    /* Readable only as long as it took */
    expect_perms(vm, TEST_RAM + 2 * PAGE, "---");
    vm_stop(vm);

    vm = vm_load("", "", path);
    expect_marks(vm);
    g_assert_cmpuint(vm_counter(vm, "connections"), ==, 1);
    /* From there on, as if it had always been there */
    vm_expect(vm, PVMEMCONTROL_MPROTECT_RW, TEST_RAM, MiB_(8), 0, 0, 0);
    g_assert_cmpuint(vm_counter(vm, "ranges"), ==, 4 + guard_ranges(vm));
    vm_save(vm, path);
    vm_stop(vm);
    vm = vm_load("", "", path);
    g_assert_cmpuint(vm_counter(vm, "ranges"), ==, 4 + guard_ranges(vm));
    expect_perms(vm, TEST_RAM, "rw-");
    expect_perms(vm, MiB_(33) + PAGE, "---");
    vm_stop(vm);
    unlink(path);
}

/* A destination that cannot do it all: the driver learns that. */
static void test_migrate_limited(void)
{
    static const char *const limits[] = {
        ",max-ranges=1003", ",max-locked-bytes=12K", ",version-minor=0",
    };
    g_autofree char *path = vm_temporary();
    VM *vm = connected(BACKEND_ANON, "", "");
    int i;

    mark(vm);
    vm_save(vm, path);
    vm_stop(vm);
    for (i = 0; i < ARRAY_SIZE(limits); i++) {
        vm = vm_load("", limits[i], path);
        g_assert_cmpuint(vm_counter(vm, "connections"), ==, 0);
        g_assert_cmphex(vm_status(vm), ==, PVMEMCONTROL_TRANSPORT_ERROR);
        vm_stop(vm);
    }
    unlink(path);
}

static void wait_job(VM *vm, const char *id)
{
    for (;;) {
        QDict *answer = qtest_qmp(vm->qts, "{ 'execute': 'query-jobs' }");
        QListEntry *entry;
        bool done = false;

        QLIST_FOREACH_ENTRY(qdict_get_qlist(answer, "return"), entry) {
            QDict *job = qobject_to(QDict, qlist_entry_obj(entry));

            if (g_str_equal(qdict_get_str(job, "id"), id)) {
                g_assert_cmpstr(qdict_get_try_str(job, "error"), ==, NULL);
                done = g_str_equal(qdict_get_str(job, "status"), "concluded");
            }
        }
        qobject_unref(answer);
        if (done) {
            break;
        }
        g_usleep(10000);
    }
    qtest_qmp_assert_success(vm->qts, "{ 'execute': 'job-dismiss', "
                             "'arguments': { 'id': %s } }", id);
}

static void test_snapshot(void)
{
    g_autofree char *path = vm_temporary();
    g_autofree char *more = g_strdup_printf(
        "-blockdev driver=file,node-name=file,filename=%s", path);
    VM *vm = connected(BACKEND_ANON, "", more);

    qtest_qmp_assert_success(vm->qts, "{ 'execute': 'blockdev-create', "
                             "'arguments': { 'job-id': 'create', 'options': { "
                             "'driver': 'qcow2', 'file': 'file', "
                             "'size': 1048576 } } }");
    wait_job(vm, "create");
    qtest_qmp_assert_success(vm->qts, "{ 'execute': 'blockdev-add', "
                             "'arguments': { 'driver': 'qcow2', "
                             "'node-name': 'disk', 'file': 'file' } }");
    mark(vm);
    qtest_qmp_assert_success(vm->qts, "{ 'execute': 'snapshot-save', "
                             "'arguments': { 'job-id': 'save', 'tag': 'one', "
                             "'vmstate': 'disk', 'devices': [ 'disk' ] } }");
    wait_job(vm, "save");
    expect_marks(vm);

    /* Other marks, some where there were others */
    vm_expect(vm, PVMEMCONTROL_MPROTECT_RW, TEST_RAM, MiB_(4), 0, 0, 0);
    vm_expect(vm, PVMEMCONTROL_MUNLOCK, MiB_(32), 4 * PAGE, 0, 0, 0);
    vm_expect(vm, PVMEMCONTROL_MPROTECT_NONE, MiB_(48), PAGE, 0, 0, 0);
    qtest_memset(vm->qts, TEST_RAM, 0, 16 * PAGE);
    vm_expect(vm, PVMEMCONTROL_UNGUARD, MiB_(50), 4 * PAGE, 0, 0, 0);
    vm_fill(vm, MiB_(50), 4 * PAGE, 0xa5);
    qtest_qmp_assert_success(vm->qts, "{ 'execute': 'snapshot-load', "
                             "'arguments': { 'job-id': 'load', 'tag': 'one', "
                             "'vmstate': 'disk', 'devices': [ 'disk' ] } }");
    wait_job(vm, "load");
    expect_marks(vm);
    expect_perms(vm, MiB_(48), "rw-");
    vm_expect(vm, PVMEMCONTROL_UNGUARD, MiB_(50), 4 * PAGE, 0, 0, 0);
    g_assert(vm_reads(vm, MiB_(50), 4 * PAGE, 0));
    g_assert_cmpuint(vm_counter(vm, "connections"), ==, 1);
    vm_stop(vm);
    unlink(path);
}

/* -- The device goes ----------------------------------------------------- */

static void test_unplug(void)
{
    VM *vm = vm_start_args("-M pc -m 256M -nodefaults "
                           "-device pvmemcontrol,id=mc,addr=04.0", 0xe0000000);

    vm_connect(vm);
    protect(vm, PVMEMCONTROL_MPROTECT_NONE, TEST_RAM);
    vm_expect(vm, PVMEMCONTROL_VIOLATION, TEST_RAM + MiB_(1), PAGE, NMI, 0, 0);
    qpci_unplug_acpi_device_test(vm->qts, "mc", 4);
    expect_perms(vm, TEST_RAM, "rw-");
    vm_stop(vm);
}

void add_mark_tests(void)
{
    qtest_add_func("/pvmemcontrol/marks/register", test_register);
    qtest_add_func("/pvmemcontrol/marks/register-1.0", test_1_0);
    qtest_add_func("/pvmemcontrol/marks/max-ranges", test_max_ranges);
    qtest_add_func("/pvmemcontrol/marks/many-ranges", test_many_ranges);
    qtest_add_func("/pvmemcontrol/marks/many-names", test_many_names);
    qtest_add_func("/pvmemcontrol/marks/host-limit", test_host_limit);
    qtest_add_data_func("/pvmemcontrol/marks/own/anon", BACKEND_ANON,
                        test_own);
    qtest_add_data_func("/pvmemcontrol/marks/own/memfd", BACKEND_MEMFD,
                        test_own);
    qtest_add_func("/pvmemcontrol/marks/own-buffer", test_own_buffer);
    qtest_add_func("/pvmemcontrol/marks/dump", test_dump);
    qtest_add_func("/pvmemcontrol/marks/migrate", test_migrate);
    qtest_add_func("/pvmemcontrol/marks/migrate-limited",
                   test_migrate_limited);
    qtest_add_func("/pvmemcontrol/marks/snapshot", test_snapshot);
    qtest_add_func("/pvmemcontrol/marks/unplug", test_unplug);
}
