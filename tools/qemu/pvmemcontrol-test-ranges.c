/*
 * QTest cases for the pvmemcontrol device: which codes and ranges there are
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "pvmemcontrol-test.h"

#define NR_CODES PVMEMCONTROL_NR_FUNC_1_0

static VM *connected(const char *backend)
{
    VM *vm = vm_start(backend, "", "");

    vm_connect(vm);
    return vm;
}

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
    VM *vm = connected(backend);
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
static VM *vm_start_two(uint64_t *border)
{
    *border = MiB_(128);
    return vm_start_args(
        "-M q35 -m 256M -nodefaults -device pvmemcontrol,id=mc,addr=04.0 "
        "-object memory-backend-ram,id=m0,size=128M -numa node,memdev=m0 "
        "-object memory-backend-ram,id=m1,size=128M -numa node,memdev=m1",
        0xe0000000);
}

static void test_two_regions(void)
{
    uint64_t border;
    VM *vm = vm_start_two(&border);

    vm_connect(vm);
    vm_fill(vm, border - PAGE, 2 * PAGE, 0x5a);
    vm_expect(vm, PVMEMCONTROL_DONTNEED, border - PAGE, 2 * PAGE, 0,
              EINVAL, PVMEMCONTROL_DONTNEED);
    g_assert(vm_reads(vm, border - PAGE, 2 * PAGE, 0x5a));
    vm_expect(vm, PVMEMCONTROL_DONTNEED, border, PAGE, 0, 0, 0);
    g_assert(vm_reads(vm, border - PAGE, PAGE, 0x5a));
    g_assert(vm_reads(vm, border, PAGE, 0));
    vm_expect(vm, PVMEMCONTROL_DONTNEED, border - PAGE, PAGE, 0, 0, 0);
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
    VM *vm = connected(backend);
    uint64_t code;

    vm_fill(vm, TEST_RAM, 3 * PAGE, 0x5a);
    for (code = 1; code < NR_CODES; code++) {
        /* These two round, in any host. */
        bool rounds = code == PVMEMCONTROL_MLOCK ||
                      code == PVMEMCONTROL_MUNLOCK;

        vm_expect(vm, code, TEST_RAM + 1, PAGE, 3, rounds ? 0 : EINVAL, 0);
    }
    g_assert(vm_reads(vm, TEST_RAM, 3 * PAGE, 0x5a));
    g_assert_cmpuint(vm_counter(vm, "refused"), ==, 0);
    vm_stop(vm);
}

/* Whatever it does to a page, it does to that which the length ends in. */
static void test_rounded_length(const void *backend)
{
    static const uint64_t lengths[] = { 1, PAGE - 1, PAGE, PAGE + 1 };
    VM *vm = connected(backend);
    uint64_t code, discarded;
    uint32_t first = 0;
    int i;

    for (code = 1; code < NR_CODES; code++) {
        for (i = 0; i < ARRAY_SIZE(lengths); i++) {
            struct pvmemcontrol_vmm_ret ret;
            uint64_t end = TEST_RAM + ROUND_UP(lengths[i], PAGE);
            uint8_t content;

            g_test_message("%d, %d bytes", (int)code, (int)lengths[i]);
            vm_fill(vm, TEST_RAM, 3 * PAGE, 0x5a);
            discarded = vm_counter(vm, "bytes-discarded");
            ret = vm_call(vm, code, TEST_RAM, lengths[i], 0);
            first = i ? first : ret.ret_errno;
            g_assert_cmpuint(ret.ret_errno, ==, first);
            g_assert_cmpuint(ret.ret_code, ==, 0);
            discarded = vm_counter(vm, "bytes-discarded") - discarded;
            g_assert(!discarded || discarded == end - TEST_RAM);
            content = qtest_readb(vm->qts, TEST_RAM);
            g_assert(content == 0x5a || discarded);
            if (code != PVMEMCONTROL_FREE) {
                g_assert(vm_reads(vm, TEST_RAM, end - TEST_RAM, content));
            }
            g_assert(vm_reads(vm, end, PAGE, 0x5a));
        }
    }
    g_assert_cmpuint(vm_counter(vm, "refused"), ==, 0);
    vm_stop(vm);
}

/* What is noted is what the host has done. */
static void test_rounded_marks(void)
{
    VM *vm = connected(BACKEND_ANON);

    vm_expect(vm, PVMEMCONTROL_MPROTECT_R, TEST_RAM, PAGE + 1, 0, 0, 0);
    expect_perms(vm, TEST_RAM + PAGE, "r--");
    expect_perms(vm, TEST_RAM + 2 * PAGE, "rw-");
    g_assert_cmpuint(vm_counter(vm, "ranges"), ==, 1);
    vm_expect(vm, PVMEMCONTROL_MPROTECT_RW, TEST_RAM + PAGE, 1, 0, 0, 0);
    expect_perms(vm, TEST_RAM, "r--");
    expect_perms(vm, TEST_RAM + PAGE, "rw-");
    vm_expect(vm, PVMEMCONTROL_MPROTECT_RW, TEST_RAM, 1, 0, 0, 0);
    g_assert_cmpuint(vm_counter(vm, "ranges"), ==, 0);

    vm_expect(vm, PVMEMCONTROL_MLOCK, TEST_RAM + PAGE - 1, 2, 0, 0, 0);
    g_assert_cmpuint(vm_counter(vm, "locked-bytes"), ==, 2 * PAGE);
    vm_expect(vm, PVMEMCONTROL_MUNLOCK, TEST_RAM + 2 * PAGE - 1, 1, 0, 0, 0);
    g_assert_cmpuint(vm_counter(vm, "locked-bytes"), ==, PAGE);
    vm_expect(vm, PVMEMCONTROL_MUNLOCK, TEST_RAM + 1, 1, 0, 0, 0);
    g_assert_cmpuint(vm_counter(vm, "locked-bytes"), ==, 0);

    /* The last byte of RAM, and the last page by its first */
    vm_expect(vm, PVMEMCONTROL_MLOCK, RAM_SIZE - 1, 1, 0, 0, 0);
    vm_expect(vm, PVMEMCONTROL_MUNLOCK, RAM_SIZE - 1, 1, 0, 0, 0);
    vm_expect(vm, PVMEMCONTROL_MPROTECT_R, RAM_SIZE - PAGE, 1, 0, 0, 0);
    vm_expect(vm, PVMEMCONTROL_MPROTECT_RW, RAM_SIZE - PAGE, PAGE, 0, 0, 0);
    g_assert_cmpuint(vm_counter(vm, "ranges"), ==, 0);
    /* Not GUARD, which has its own rule */
    vm_expect(vm, PVMEMCONTROL_GUARD, TEST_RAM, PAGE - 1, 0, EINVAL, 0);
    vm_expect(vm, PVMEMCONTROL_UNGUARD, TEST_RAM, PAGE + 1, 0, EINVAL, 0);
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
    vm_expect(vm, PVMEMCONTROL_DONTNEED, gpa + PAGE, PAGE, 0, 0, 0);

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

/* More than is changed, or dropped, at a time */
static void test_long(const void *backend)
{
    const uint64_t gpa = MiB_(32) + PAGE, length = MiB_(200);
    const bool shared = g_str_equal(backend, BACKEND_MEMFD);
    const uint64_t drop = shared ? PVMEMCONTROL_REMOVE : PVMEMCONTROL_DONTNEED;
    static const uint64_t places[] = {
        0, MiB_(96) - PAGE, MiB_(96), MiB_(128), MiB_(200) - PAGE,
    };
    VM *vm = connected(backend);
    int i;

    for (i = 0; i < ARRAY_SIZE(places); i++) {
        vm_fill(vm, gpa + places[i], PAGE, 0x5a);
    }
    vm_fill(vm, gpa - PAGE, PAGE, 0x5a);
    vm_fill(vm, gpa + length, PAGE, 0x5a);
    vm_expect(vm, PVMEMCONTROL_MPROTECT_R, gpa, length, 0, 0, 0);
    g_assert_cmpuint(vm_counter(vm, "ranges"), ==, 1);
    for (i = 0; i < ARRAY_SIZE(places); i++) {
        expect_perms(vm, gpa + places[i], "r--");
    }
    expect_perms(vm, gpa - PAGE, "rw-");
    expect_perms(vm, gpa + length, "rw-");
    vm_expect(vm, PVMEMCONTROL_MPROTECT_RW, gpa, length, 0, 0, 0);
    g_assert_cmpuint(vm_counter(vm, "ranges"), ==, 0);
    expect_perms(vm, gpa, "rw-");

    vm_expect(vm, PVMEMCONTROL_GUARD, gpa, length, 0, 0, 0);
    g_assert_cmpuint(vm_counter(vm, "guards"), ==, length / PAGE);
    for (i = 0; i < ARRAY_SIZE(places); i++) {
        g_assert(vm_is_closed(vm, gpa + places[i]));
    }
    g_assert(!vm_is_closed(vm, gpa - PAGE));
    g_assert(!vm_is_closed(vm, gpa + length));
    vm_expect(vm, PVMEMCONTROL_UNGUARD, gpa, length, 0, 0, 0);
    g_assert_cmpuint(vm_counter(vm, "guards"), ==, 0);
    for (i = 0; i < ARRAY_SIZE(places); i++) {
        g_assert(vm_reads(vm, gpa + places[i], PAGE, 0));
        vm_fill(vm, gpa + places[i], PAGE, 0x5a);
    }
    vm_expect(vm, drop, gpa, length, 0, 0, 0);
    for (i = 0; i < ARRAY_SIZE(places); i++) {
        g_assert(vm_reads(vm, gpa + places[i], PAGE, 0));
    }
    g_assert(vm_reads(vm, gpa - PAGE, PAGE, 0x5a));
    g_assert(vm_reads(vm, gpa + length, PAGE, 0x5a));
    vm_stop(vm);
}

/*
 * RAM that nobody has touched yet is divided before its parts are touched: when
 * these are alike again, it is as many mappings of the host as before.
 */
static void test_rejoin(void)
{
    const uint64_t nr = 300;
    uint64_t fresh, i;
    VM *vm = vm_start_two(&fresh);
    unsigned int before;

    vm_connect(vm);
    /* What QEMU does once */
    vm_expect(vm, PVMEMCONTROL_MPROTECT_R, TEST_RAM, PAGE, 0, 0, 0);
    vm_expect(vm, PVMEMCONTROL_MPROTECT_RW, TEST_RAM, PAGE, 0, 0, 0);
    before = vm_nr_mappings(vm);

    fresh += MiB_(32);
    for (i = 0; i < nr; i++) {
        vm_expect(vm, PVMEMCONTROL_MPROTECT_NONE, fresh + (2 * i + 1) * PAGE,
                  PAGE, 0, 0, 0);
    }
    for (i = 0; i < nr; i++) {
        vm_fill(vm, fresh + 2 * i * PAGE, 8, 0x5a);
    }
    g_assert_cmpuint(vm_nr_mappings(vm), >=, before + 2 * nr);
    vm_expect(vm, PVMEMCONTROL_MPROTECT_RW, fresh, 2 * nr * PAGE, 0, 0, 0);
    g_assert_cmpuint(vm_counter(vm, "ranges"), ==, 0);
    /* What QEMU itself makes meanwhile is not counted. */
    g_assert_cmpuint(vm_nr_mappings(vm), <, before + 20);
    vm_stop(vm);
}

void add_range_tests(void)
{
    static const struct {
        const char *name, *backend;
    } backends[] = {
        { "anon", BACKEND_ANON },
        { "anon-shared", BACKEND_ANON_SHARED },
        { "memfd", BACKEND_MEMFD },
        { "memfd-private", BACKEND_MEMFD_PRIVATE },
    };
    static const struct {
        const char *name;
        void (*test)(const void *backend);
    } tests[] = {
        { "refused", test_refused_ranges },
        { "unaligned", test_unaligned },
        { "rounded-length", test_rounded_length },
    };
    int i, k;

    for (i = 0; i < ARRAY_SIZE(backends); i++) {
        for (k = 0; k < ARRAY_SIZE(tests); k++) {
            g_autofree char *path =
                g_strdup_printf("/pvmemcontrol/range/%s/%s", tests[k].name,
                                backends[i].name);

            qtest_add_data_func(path, backends[i].backend, tests[k].test);
        }
    }
    qtest_add_func("/pvmemcontrol/range/rounded-marks", test_rounded_marks);
    qtest_add_data_func("/pvmemcontrol/range/long/anon", BACKEND_ANON,
                        test_long);
    qtest_add_data_func("/pvmemcontrol/range/long/memfd", BACKEND_MEMFD,
                        test_long);
    qtest_add_data_func("/pvmemcontrol/range/unknown-codes", NULL,
                        test_unknown_codes);
    qtest_add_data_func("/pvmemcontrol/range/unknown-codes-1.0",
                        ",version-minor=0", test_unknown_codes);
    qtest_add_func("/pvmemcontrol/range/two-regions", test_two_regions);
    qtest_add_func("/pvmemcontrol/range/ram-goes-away", test_ram_goes_away);
    qtest_add_func("/pvmemcontrol/range/rejoin", test_rejoin);
}
