/*
 * QTest cases for the pvmemcontrol device: VECTOR
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "pvmemcontrol-test.h"

#define ENTRY PVMEMCONTROL_BUF_SIZE
#define MAX_ENTRIES (PAGE / ENTRY)
/* Where the vectors are; a page of its own, at the end of it another */
#define ARRAY (TEST_BUF + 16 * PAGE)

#define CALL(code, gpa, len) {                                      \
        .func_code = PVMEMCONTROL_ ## code,                         \
        .addr = (gpa), .length = (len),                             \
    }

typedef struct pvmemcontrol_vmm_call Call;
typedef struct pvmemcontrol_vmm_ret Ret;

/* The @nth page of those that the tests let vectors drop */
static uint64_t victim(int n)
{
    return TEST_RAM + n * PAGE;
}

static VM *prepared(const char *backend, const char *props)
{
    VM *vm = vm_start(backend, props, "");

    vm_connect(vm);
    vm_fill(vm, TEST_RAM, MAX_ENTRIES * PAGE, 0x5a);
    return vm;
}

static void assert_ret(Ret ret, uint32_t ret_errno, uint32_t ret_code,
                       uint64_t ret_value)
{
    g_assert_cmpuint(ret.ret_errno, ==, ret_errno);
    g_assert_cmphex(ret.ret_code, ==, ret_code);
    g_assert_cmpuint(ret.ret_value, ==, ret_value);
    g_assert_cmphex(ret.arg0, ==, 0);
    g_assert_cmphex(ret.arg1, ==, 0);
}

/* What the @nth entry of ARRAY was answered */
static void assert_entry(VM *vm, int n, uint32_t ret_errno, uint32_t ret_code)
{
    g_test_message("entry %d", n);
    assert_ret(vm_answer(vm, ARRAY + n * ENTRY), ret_errno, ret_code, 0);
}

/* That the @nth entry of ARRAY still is the request @call */
static void assert_request(VM *vm, int n, Call call)
{
    Ret ret = vm_answer(vm, ARRAY + n * ENTRY);

    g_test_message("entry %d", n);
    g_assert_cmphex(ret.ret_errno, ==, (uint32_t)call.func_code);
    g_assert_cmphex(ret.ret_code, ==, call.func_code >> 32);
    g_assert_cmphex(ret.ret_value, ==, call.addr);
    g_assert_cmphex(ret.arg0, ==, call.length);
    g_assert_cmphex(ret.arg1, ==, call.arg);
}

static bool dropped(VM *vm, int n)
{
    bool zero = !qtest_readb(vm->qts, victim(n));

    g_assert(vm_reads(vm, victim(n), PAGE, zero ? 0 : 0x5a));
    return zero;
}

/* -- VECTOR -------------------------------------------------------------- */

/* DONTNEED of the first @nr victims; returns the answer. */
static Ret drop_all(VM *vm, uint64_t array, uint64_t nr)
{
    g_autofree Call *calls = g_new0(Call, nr);
    uint64_t i;

    for (i = 0; i < nr; i++) {
        calls[i] = (Call)CALL(DONTNEED, victim(i), PAGE);
    }
    return vm_vector(vm, array, calls, nr);
}

static void test_vector(void)
{
    static const int sizes[] = { 1, 2, 3, 127, 128 };
    VM *vm = prepared(BACKEND_ANON, "");
    uint64_t total = 0;
    int i, n;

    for (i = 0; i < ARRAY_SIZE(sizes); i++) {
        vm_fill(vm, TEST_RAM, MAX_ENTRIES * PAGE, 0x5a);
        vm_fill(vm, ARRAY - PAGE, 3 * PAGE, 0xa5);
        assert_ret(drop_all(vm, ARRAY, sizes[i]), 0, 0, sizes[i]);
        for (n = 0; n < MAX_ENTRIES; n++) {
            g_assert(dropped(vm, n) == (n < sizes[i]));
        }
        /* All answers of success are zeroes, and nothing else is touched. */
        g_assert(vm_reads(vm, ARRAY, sizes[i] * ENTRY, 0));
        g_assert(vm_reads(vm, ARRAY - PAGE, PAGE, 0xa5));
        g_assert(vm_reads(vm, ARRAY + sizes[i] * ENTRY,
                          2 * PAGE - sizes[i] * ENTRY, 0xa5));
        total += sizes[i];
    }
    g_assert_cmpuint(vm_counter(vm, "requests-vector"), ==, i);
    g_assert_cmpuint(vm_counter(vm, "vector-entries"), ==, total);
    g_assert_cmpuint(vm_counter(vm, "requests-dontneed"), ==, total);
    g_assert_cmpuint(vm_counter(vm, "requests-total"), ==, total + i);
    g_assert_cmpuint(vm_counter(vm, "bytes-discarded"), ==, total * PAGE);
    g_assert_cmpuint(vm_counter(vm, "errors"), ==, 0);
    vm_stop(vm);
}

/* In order: only then does the content come and go as it does here. */
static void test_order(void)
{
    static const Call calls[] = {
        CALL(MPROTECT_NONE, TEST_RAM, 4 * PAGE),
        CALL(MPROTECT_RW, TEST_RAM, 2 * PAGE),
        CALL(MPROTECT_R, TEST_RAM + PAGE, 3 * PAGE),
    };
    static const char *const perms[] = { "rw-", "r--", "r--", "r--", "rw-" };
    VM *vm = prepared(BACKEND_MEMFD, "");
    int i;

    assert_ret(vm_vector(vm, ARRAY, calls, ARRAY_SIZE(calls)), 0, 0, 3);
    for (i = 0; i < ARRAY_SIZE(perms); i++) {
        Mapping *m = vm_mapping(vm, victim(i));

        g_assert_cmpint(strncmp(m->perms, perms[i], 3), ==, 0);
        mapping_free(m);
    }
    vm_stop(vm);
}

/* Nothing is done, and nothing but the buffer written. */
static void assert_refused(VM *vm, const char *what, uint64_t gpa, uint64_t nr)
{
    uint64_t entries = vm_counter(vm, "vector-entries");

    g_test_message("%s", what);
    assert_ret(vm_vector(vm, gpa, NULL, nr), EINVAL, PVMEMCONTROL_VECTOR, 0);
    g_assert_cmpuint(vm_counter(vm, "vector-entries"), ==, entries);
}

static void test_limits(void)
{
    static const struct {
        const char *what;
        uint64_t gpa, nr;
    } bad[] = {
        { "no entry", ARRAY, 0 },
        { "no entry, nowhere", RAM_SIZE, 0 },
        { "one too many", ARRAY, MAX_ENTRIES + 1 },
        { "a size of 0 in 64 bits", ARRAY, UINT64_C(1) << 59 },
        { "a size of one entry in 64 bits", ARRAY, (UINT64_C(1) << 59) + 1 },
        { "a number of 0 in 32 bits", ARRAY, UINT64_C(1) << 32 },
        { "a number of 1 in 32 bits", ARRAY, (UINT64_C(1) << 32) + 1 },
        { "as many as can be", ARRAY, UINT64_MAX },
        { "unaligned by a byte", ARRAY + 1, 1 },
        { "unaligned by half an entry", ARRAY + 16, 1 },
        { "across pages by one entry", ARRAY + ENTRY, MAX_ENTRIES },
        { "across pages in the middle", ARRAY + PAGE - ENTRY, 2 },
        { "behind RAM", RAM_SIZE, 1 },
        { "option ROM", 0xc0000, 1 },
        { "shadow of the BIOS, not writable", 0xf0000, 1 },
        { "the BIOS", 0xfffc0000, 1 },
        { "the APIC", 0xfee00000, 1 },
        { "the device's own page", 0xe0000000, 1 },
        { "above 4 GiB, where nothing is", UINT64_C(1) << 32, 1 },
        { "the last page", 0 - PAGE, 1 },
        { "the last page, all of it", 0 - PAGE, MAX_ENTRIES },
        { "the last entry", 0 - (uint64_t)ENTRY, 1 },
        { "around past 0", 0 - (uint64_t)ENTRY, 2 },
    };
    VM *vm = prepared(BACKEND_ANON, "");
    int i;

    /* All in these pages would be done, if anything were. */
    drop_all(vm, ARRAY, MAX_ENTRIES);
    for (i = 0; i < 2 * MAX_ENTRIES; i++) {
        vm_write_call(vm, ARRAY + i * ENTRY,
                      (Call)CALL(DONTNEED, TEST_RAM, PAGE));
    }
    vm_fill(vm, TEST_RAM, PAGE, 0x5a);
    for (i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_refused(vm, bad[i].what, bad[i].gpa, bad[i].nr);
    }
    g_assert_false(dropped(vm, 0));
    for (i = 0; i < 2 * MAX_ENTRIES; i++) {
        assert_request(vm, i, (Call)CALL(DONTNEED, TEST_RAM, PAGE));
    }
    g_assert_cmpuint(vm_counter(vm, "refused"), ==, ARRAY_SIZE(bad));

    /* The last places that are good */
    assert_ret(drop_all(vm, ARRAY + PAGE - ENTRY, 1), 0, 0, 1);
    assert_ret(drop_all(vm, ARRAY + PAGE - 5 * ENTRY, 5), 0, 0, 5);
    assert_ret(drop_all(vm, RAM_SIZE - PAGE, MAX_ENTRIES), 0, 0, MAX_ENTRIES);
    assert_ret(drop_all(vm, 0, 1), 0, 0, 1);
    vm_stop(vm);
}

/*
 * One that fails in the middle: all before it is done, nothing after it, and
 * the answer says which it was and why.
 */
static void test_failure(void)
{
    static const struct {
        const char *what;
        Call call;
        uint32_t ret_errno, ret_code;
    } failures[] = {
        { "the host fails", CALL(REMOVE, TEST_RAM + 2 * PAGE, PAGE),
          EINVAL, 0 },
        { "not RAM", CALL(DONTNEED, RAM_SIZE, PAGE),
          EINVAL, PVMEMCONTROL_DONTNEED },
        { "unknown", { .func_code = 0x777, .addr = TEST_RAM, .length = PAGE },
          EOPNOTSUPP, 0x777 },
        { "unknown, the low half 0",
          { .func_code = UINT64_C(5) << 32, .addr = TEST_RAM, .length = PAGE },
          EOPNOTSUPP, 0 },
        /* One that would be good by itself */
        { "vector in a vector", CALL(VECTOR, ARRAY + PAGE, 1),
          EINVAL, PVMEMCONTROL_VECTOR },
        { "the vector in itself", CALL(VECTOR, ARRAY, 4),
          EINVAL, PVMEMCONTROL_VECTOR },
    };
    int i, at, n;

    for (i = 0; i < ARRAY_SIZE(failures); i++) {
        for (at = 0; at < 4; at++) {
            VM *vm = prepared(BACKEND_ANON, "");
            Call calls[4] = {
                CALL(DONTNEED, victim(0), PAGE),
                CALL(DONTNEED, victim(1), PAGE),
                CALL(DONTNEED, victim(2), PAGE),
                CALL(DONTNEED, victim(3), PAGE),
            };

            g_test_message("%s, at %d", failures[i].what, at);
            calls[at] = failures[i].call;
            vm_write_call(vm, ARRAY + PAGE,
                          (Call)CALL(DONTNEED, victim(9), PAGE));
            assert_ret(vm_vector(vm, ARRAY, calls, 4), failures[i].ret_errno,
                       failures[i].ret_code, at);
            for (n = 0; n < 4; n++) {
                g_assert(dropped(vm, n) == (n < at));
                if (n < at) {
                    assert_entry(vm, n, 0, 0);
                } else if (n == at) {
                    assert_entry(vm, n, failures[i].ret_errno,
                                 failures[i].ret_code);
                } else {
                    assert_request(vm, n, calls[n]);
                }
            }
            g_assert_false(dropped(vm, 9));
            g_assert_cmpuint(vm_counter(vm, "vector-entries"), ==, at + 1);
            /* The answer of the entry, and that of the vector */
            g_assert_cmpuint(vm_counter(vm, "errors"), ==, 2);
            vm_stop(vm);
        }
    }
}

/* INFO and FEATURES are requests as any other, with answers of their own. */
static void test_questions(void)
{
    static const Call calls[] = {
        CALL(DONTNEED, TEST_RAM, PAGE), CALL(INFO, 0, 0), CALL(FEATURES, 0, 0),
        CALL(DONTNEED, TEST_RAM + PAGE, PAGE),
    };
    VM *vm = prepared(BACKEND_ANON, "");
    Ret ret;

    assert_ret(vm_vector(vm, ARRAY, calls, 4), 0, 0, 4);
    ret = vm_answer(vm, ARRAY + ENTRY);
    g_assert_cmpuint(ret.ret_errno, ==, 0);
    g_assert_cmpuint(ret.ret_value, ==, qemu_real_host_page_size());
    g_assert_cmpuint(ret.arg0, ==, 1);
    g_assert_cmpuint(ret.arg1, ==, 1);
    ret = vm_answer(vm, ARRAY + 2 * ENTRY);
    g_assert_cmpuint(ret.ret_errno, ==, 0);
    g_assert_cmphex(ret.ret_value, ==, PVMEMCONTROL_FEATURE_VECTOR |
                                       PVMEMCONTROL_FEATURE_VIOLATION |
                                       PVMEMCONTROL_FEATURE_GUARD);
    g_assert_cmpuint(ret.arg0, ==, MAX_ENTRIES);
    g_assert_cmphex(ret.arg1, ==, 1 << PVMEMCONTROL_DONTNEED);
    g_assert(dropped(vm, 0) && dropped(vm, 1));
    g_assert_cmpuint(vm_counter(vm, "requests-info"), ==, 1);
    g_assert_cmpuint(vm_counter(vm, "requests-features"), ==, 1);
    vm_stop(vm);
}

/*
 * The array changes while it is at work: its page is dropped by its own first
 * entry, and reads as zeroes from there on.  That would be INFO.
 */
static void test_array_changes(const void *backend)
{
    bool shared = g_str_equal(backend, BACKEND_MEMFD);
    uint64_t drop = shared ? PVMEMCONTROL_REMOVE : PVMEMCONTROL_DONTNEED;
    VM *vm = prepared(backend, "");
    Call calls[4];
    int i;

    for (i = 0; i < 4; i++) {
        calls[i] = (Call) {
            .func_code = drop,
            .addr = i ? victim(i) : ARRAY, .length = PAGE,
        };
    }
    vm_fill(vm, ARRAY, PAGE, 0xa5);
    assert_ret(vm_vector(vm, ARRAY, calls, 4), 0, 0, 4);
    for (i = 0; i < 4; i++) {
        assert_entry(vm, i, 0, 0);
        g_assert(dropped(vm, i) == (i > 0));
    }
    /* The rest of the page has gone. */
    g_assert(vm_reads(vm, ARRAY, PAGE, 0));

    /* What is answered stays, though its page is dropped thereafter. */
    calls[0].func_code = PVMEMCONTROL_INFO;
    calls[1].addr = ARRAY;
    calls[2].addr = RAM_SIZE;
    assert_ret(vm_vector(vm, ARRAY, calls, 4), EINVAL, drop, 2);
    g_assert_cmpuint(vm_answer(vm, ARRAY).ret_value, ==,
                     qemu_real_host_page_size());
    assert_entry(vm, 1, 0, 0);
    assert_entry(vm, 2, EINVAL, drop);
    /* This one has been dropped before anybody could read it. */
    g_assert(vm_reads(vm, ARRAY + 3 * ENTRY, ENTRY, 0));

    /* Protected for a while */
    calls[0] = (Call)CALL(MPROTECT_NONE, ARRAY, PAGE);
    calls[1] = (Call)CALL(DONTDUMP, TEST_RAM, PAGE);
    calls[2] = (Call)CALL(MPROTECT_RW, ARRAY, PAGE);
    assert_ret(vm_vector(vm, ARRAY, calls, 3), 0, 0, 3);
    g_assert(vm_reads(vm, ARRAY, 3 * ENTRY, 0));
    vm_stop(vm);
}

/* The request's own buffer is an entry: it holds the vector's answer after. */
static void test_buffer_in_array(void)
{
    VM *vm = prepared(BACKEND_ANON, "");
    Call calls[] = {
        CALL(DONTNEED, victim(0), PAGE), CALL(DONTNEED, victim(1), PAGE),
        CALL(VECTOR, ARRAY, 4), CALL(DONTNEED, victim(3), PAGE),
    };
    uint32_t id;
    Ret ret;
    int i;

    vm_command(vm, PVMEMCONTROL_TRANSPORT_RESET);
    vm_register(vm, ARRAY + 2 * ENTRY, &id);
    vm_command(vm, PVMEMCONTROL_TRANSPORT_READY);
    for (i = 0; i < 4; i++) {
        vm_write_call(vm, ARRAY + i * ENTRY, calls[i]);
    }
    ret = vm_call_at(vm, id, ARRAY + 2 * ENTRY, calls[2]);
    assert_ret(ret, EINVAL, PVMEMCONTROL_VECTOR, 2);
    assert_entry(vm, 0, 0, 0);
    assert_entry(vm, 1, 0, 0);
    assert_request(vm, 3, calls[3]);
    g_assert(dropped(vm, 0) && dropped(vm, 1) && !dropped(vm, 3));

    /*
     * It lies across two entries, whose other halves are 0: INFO is the first,
     * and the second the length of the vector as a function code.
     */
    vm_command(vm, PVMEMCONTROL_TRANSPORT_RESET);
    vm_register(vm, ARRAY + ENTRY / 2, &id);
    vm_command(vm, PVMEMCONTROL_TRANSPORT_READY);
    vm_fill(vm, ARRAY, 4 * ENTRY, 0);
    calls[2].length = PVMEMCONTROL_REMOVE;
    ret = vm_call_at(vm, id, ARRAY + ENTRY / 2, calls[2]);
    assert_ret(ret, EINVAL, PVMEMCONTROL_REMOVE, 1);
    vm_stop(vm);
}

/* -- With faults, and without 1.1 ---------------------------------------- */

static VM *faulty(const char *mode, uint64_t codes)
{
    g_autofree char *props = g_strdup_printf(
        ",x-fault-mode=%s,x-fault-codes=%" PRIu64, mode, codes);

    return prepared(BACKEND_ANON, props);
}

#define FAULT_VECTOR (UINT64_C(1) << 33)

/* The vector as a whole goes wrong. */
static void test_fault_vector(void)
{
    static const struct {
        const char *mode;
        uint32_t ret_errno, ret_code;
        uint64_t ret_value;
        int done;
    } faults[] = {
        { "errno", EIO, 0, 0, 0 },
        { "refuse", EOPNOTSUPP, PVMEMCONTROL_VECTOR, 0, 0 },
        { "lie", 0, 0, 4, 0 },
        { "delay", 0, 0, 4, 4 },
        { "partial", ENOMEM, 0, 2, 2 },
        /* The request itself */
        { "silent", PVMEMCONTROL_VECTOR, 0, ARRAY, 0 },
    };
    int i, n;

    for (i = 0; i < ARRAY_SIZE(faults); i++) {
        VM *vm = faulty(faults[i].mode, FAULT_VECTOR);
        Ret ret = drop_all(vm, ARRAY, 4);

        g_test_message("%s", faults[i].mode);
        g_assert_cmphex(ret.ret_errno, ==, faults[i].ret_errno);
        g_assert_cmphex(ret.ret_code, ==, faults[i].ret_code);
        g_assert_cmphex(ret.ret_value, ==, faults[i].ret_value);
        for (n = 0; n < 4; n++) {
            g_assert(dropped(vm, n) == (n < faults[i].done));
            if (n < faults[i].done) {
                assert_entry(vm, n, 0, 0);
            } else {
                assert_request(vm, n, (Call)CALL(DONTNEED, victim(n), PAGE));
            }
        }
        g_assert_cmpuint(vm_counter(vm, "faults-injected"), ==, 1);
        vm_stop(vm);
    }
}

/* The third entry goes wrong. */
static void test_fault_entry(void)
{
    static const struct {
        const char *mode;
        uint32_t ret_errno, ret_code;
        uint64_t ret_value;
        bool others;
    } faults[] = {
        { "errno", EIO, 0, 2, false },
        { "refuse", EOPNOTSUPP, PVMEMCONTROL_DONTNEED, 2, false },
        { "lie", 0, 0, 4, true },
        { "partial", ENOMEM, 0, 2, false },
        /* There it ends, and the vector has no answer either. */
        { "silent", PVMEMCONTROL_VECTOR, 0, ARRAY, false },
    };
    int i;

    for (i = 0; i < ARRAY_SIZE(faults); i++) {
        VM *vm = faulty(faults[i].mode, 1 << PVMEMCONTROL_DONTNEED);
        Ret ret;

        g_test_message("%s", faults[i].mode);
        vm_set_int(vm, "x-fault-period", 3);
        ret = drop_all(vm, ARRAY, 4);
        g_assert_cmphex(ret.ret_errno, ==, faults[i].ret_errno);
        g_assert_cmphex(ret.ret_code, ==, faults[i].ret_code);
        g_assert_cmphex(ret.ret_value, ==, faults[i].ret_value);
        assert_entry(vm, 0, 0, 0);
        assert_entry(vm, 1, 0, 0);
        if (g_str_equal(faults[i].mode, "silent")) {
            assert_request(vm, 2, (Call)CALL(DONTNEED, victim(2), PAGE));
        } else {
            assert_entry(vm, 2, faults[i].ret_errno, faults[i].ret_code);
        }
        g_assert(dropped(vm, 0) && dropped(vm, 1) && !dropped(vm, 2));
        g_assert(dropped(vm, 3) == faults[i].others);
        g_assert_cmpuint(vm_counter(vm, "faults-injected"), ==, 1);
        vm_stop(vm);
    }
}

static void test_1_0(void)
{
    VM *vm = prepared(BACKEND_ANON, ",version-minor=0");

    assert_ret(drop_all(vm, ARRAY, 1), EOPNOTSUPP, PVMEMCONTROL_VECTOR, 0);
    assert_request(vm, 0, (Call)CALL(DONTNEED, victim(0), PAGE));
    g_assert_false(dropped(vm, 0));
    vm_expect(vm, PVMEMCONTROL_FEATURES, 0, 0, 0, EOPNOTSUPP,
              PVMEMCONTROL_FEATURES);
    g_assert_cmpuint(vm_counter(vm, "requests-unknown"), ==, 2);
    g_assert_cmpuint(vm_counter(vm, "requests-features"), ==, 0);
    g_assert_cmpuint(vm_counter(vm, "requests-vector"), ==, 0);
    vm_stop(vm);
}

void add_vector_tests(void)
{
    qtest_add_func("/pvmemcontrol/vector/sizes", test_vector);
    qtest_add_func("/pvmemcontrol/vector/order", test_order);
    qtest_add_func("/pvmemcontrol/vector/limits", test_limits);
    qtest_add_func("/pvmemcontrol/vector/failure", test_failure);
    qtest_add_func("/pvmemcontrol/vector/questions", test_questions);
    qtest_add_data_func("/pvmemcontrol/vector/array-changes/anon",
                        BACKEND_ANON, test_array_changes);
    qtest_add_data_func("/pvmemcontrol/vector/array-changes/memfd",
                        BACKEND_MEMFD, test_array_changes);
    qtest_add_func("/pvmemcontrol/vector/buffer-in-array",
                   test_buffer_in_array);
    qtest_add_func("/pvmemcontrol/vector/fault", test_fault_vector);
    qtest_add_func("/pvmemcontrol/vector/fault-in-entry", test_fault_entry);
    qtest_add_func("/pvmemcontrol/version/1.0", test_1_0);
}
