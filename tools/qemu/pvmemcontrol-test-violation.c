/*
 * QTest cases for the pvmemcontrol device: a vCPU touches what is protected
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/qmp/qdict.h"
#include "qapi/qmp/qlist.h"
#include "qapi/qmp/qstring.h"
#include "qemu/bswap.h"
#include "pvmemcontrol-test-guest.h"

#define READ PVMEMCONTROL_ACCESS_READ
#define WRITE PVMEMCONTROL_ACCESS_WRITE
#define FETCH PVMEMCONTROL_ACCESS_FETCH

/* -- Each kind of access ------------------------------------------------- */

typedef struct Access {
    const char *name;
    uint8_t code[24];
    uint8_t size;
    /* Where in it the instruction begins that is caught */
    uint16_t ip;
    uint64_t page;
    uint64_t gpa;
    uint32_t access;
    /* At the time of the NMI: what is where it writes to before */
    uint64_t untouched;
    /* In the end */
    uint32_t ebx;
    uint64_t written;
    uint32_t value;
} Access;

#define C CONTENT_32

static const Access accesses[] = {
    {
        "read", { 0x66, 0x8b, 0x1e, 0x10, 0x00 }, 5,    /* mov ebx, [0x10] */
        .page = PAGE_1, .gpa = PAGE_1 + 0x10, .access = READ, .ebx = C,
    }, {
        /* mov dword [0x10], 0x12345678 */
        "write", { 0x66, 0xc7, 0x06, 0x10, 0x00, 0x78, 0x56, 0x34, 0x12 }, 9,
        .page = PAGE_1, .gpa = PAGE_1 + 0x10, .access = WRITE,
        .untouched = PAGE_1 + 0x10,
        .written = PAGE_1 + 0x10, .value = 0x12345678,
    }, {
        /* lock add dword [0x10], 1 */
        "locked-add", { 0xf0, 0x66, 0x83, 0x06, 0x10, 0x00, 0x01 }, 7,
        .page = PAGE_1, .gpa = PAGE_1 + 0x10, .access = WRITE,
        .untouched = PAGE_1 + 0x10,
        .written = PAGE_1 + 0x10, .value = C + 1,
    }, {
        /* mov ebx, 1; lock xadd [0x10], ebx */
        "locked-xadd", { 0x66, 0xbb, 0x01, 0x00, 0x00, 0x00,
                         0xf0, 0x66, 0x0f, 0xc1, 0x1e, 0x10, 0x00 }, 13,
        .ip = 6, .page = PAGE_1, .gpa = PAGE_1 + 0x10, .access = WRITE,
        .untouched = PAGE_1 + 0x10, .ebx = C,
        .written = PAGE_1 + 0x10, .value = C + 1,
    }, {
        /* mov eax, C; mov ebx, 7; lock cmpxchg [0x10], ebx */
        "locked-cmpxchg", { 0x66, 0xb8, 0x5a, 0x5a, 0x5a, 0x5a,
                            0x66, 0xbb, 0x07, 0x00, 0x00, 0x00,
                            0xf0, 0x66, 0x0f, 0xb1, 0x1e, 0x10, 0x00 }, 19,
        .ip = 12, .page = PAGE_1, .gpa = PAGE_1 + 0x10, .access = WRITE,
        .untouched = PAGE_1 + 0x10, .ebx = 7,
        .written = PAGE_1 + 0x10, .value = 7,
    }, {
        "unaligned-read",                               /* mov ebx, [0xffe] */
        { 0x66, 0x8b, 0x1e, 0xfe, 0x0f }, 5,
        .page = PAGE_2, .gpa = PAGE_2, .access = READ, .ebx = C,
    }, {
        "unaligned-read-first",
        { 0x66, 0x8b, 0x1e, 0xfe, 0x0f }, 5,
        .page = PAGE_1, .gpa = PAGE_1 + 0xffe, .access = READ, .ebx = C,
    }, {
        /* mov dword [0xffe], 0x12345678 */
        "unaligned-write",
        { 0x66, 0xc7, 0x06, 0xfe, 0x0f, 0x78, 0x56, 0x34, 0x12 }, 9,
        .page = PAGE_2, .gpa = PAGE_2, .access = WRITE,
        .untouched = PAGE_2 - 2,
        .written = PAGE_2 - 2, .value = 0x12345678,
    }, {
        "unaligned-write-first",
        { 0x66, 0xc7, 0x06, 0xfe, 0x0f, 0x78, 0x56, 0x34, 0x12 }, 9,
        .page = PAGE_1, .gpa = PAGE_1 + 0xffe, .access = WRITE,
        .untouched = PAGE_2 - 2,
        .written = PAGE_2 - 2, .value = 0x12345678,
    }, {
        /* lock add dword [0xffe], 1 */
        "unaligned-locked", { 0xf0, 0x66, 0x83, 0x06, 0xfe, 0x0f, 0x01 }, 7,
        .page = PAGE_2, .gpa = PAGE_2, .access = READ,
        .untouched = PAGE_2 - 2,
        .written = PAGE_2 - 2, .value = C + 1,
    }, {
        "push", { 0x66, 0x68, 0x78, 0x56, 0x34, 0x12,   /* push 0x12345678 */
                  0x66, 0x8f, 0x06, 0x10, 0x00 }, 11,   /* pop [0x10] */
        .ip = 6, .page = PAGE_1, .gpa = PAGE_1 + 0x10, .access = WRITE,
        .untouched = PAGE_1 + 0x10,
        .written = PAGE_1 + 0x10, .value = 0x12345678,
    },
};

static void run_access(Guest *g, const Access *a, uint64_t func_code)
{
    QTestState *qts = g->vm->qts;
    uint16_t at;
    Frame frame;

    qtest_memset(qts, PAGE_1, CONTENT, 3 * PAGE);
    guest_protect(g, func_code, a->page);
    at = guest_run(g, a->code, a->size);
    frame = guest_wait_nmi(g, 1);
    g_assert_cmphex(frame.ip, ==, at + a->ip);
    g_assert_cmphex(frame.cs, ==, 0);
    guest_take_record(g, a->gpa, a->access, PVMEMCONTROL_VIOLATION_STOPPED);
    g_assert(guest_is_sealed(g, a->page, func_code == PVMEMCONTROL_MPROTECT_R ?
                                   "r--" : "---"));
    guest_open(g, a->page);
    if (a->untouched) {
        g_assert_cmphex(qtest_readl(qts, a->untouched), ==, C);
    }
    g_assert_cmpuint(qtest_readw(qts, W_DONE), ==, 0);
    guest_leave_nmi(g);
    guest_wait(g, W_DONE, 1);
    g_assert_cmpuint(qtest_readw(qts, W_NMIS), ==, 1);
    if (a->ebx) {
        g_assert_cmphex(qtest_readl(qts, W_EBX), ==, a->ebx);
    }
    if (a->written) {
        g_assert_cmphex(qtest_readl(qts, a->written), ==, a->value);
    }
}

static void test_access(const void *data)
{
    const Access *a = data;
    Guest *g = guest_listening("");

    run_access(g, a, PVMEMCONTROL_MPROTECT_NONE);
    /* A second time, with all of it translated */
    run_access(g, a, PVMEMCONTROL_MPROTECT_NONE);
    if (a->access == WRITE) {
        run_access(g, a, PVMEMCONTROL_MPROTECT_R);
    }
    g_assert_cmpuint(vm_counter(g->vm, "violations-total"), ==, g->sequence);
    g_assert_cmpuint(vm_counter(g->vm, a->access == WRITE ?
                                "violations-write" : "violations-read"), ==,
                     g->sequence);
    guest_stop(g);
}

/* What a protection permits is no violation. */
static void test_permitted(void)
{
    static const uint8_t code[] = { 0x66, 0x8b, 0x1e, 0x10, 0x00 };
    Guest *g = guest_listening("");

    guest_protect(g, PVMEMCONTROL_MPROTECT_R, PAGE_1);
    guest_run(g, code, sizeof(code));
    guest_wait(g, W_DONE, 1);
    g_assert_cmphex(qtest_readl(g->vm->qts, W_EBX), ==, C);
    g_assert_cmpuint(vm_counter(g->vm, "violations-total"), ==, 0);
    guest_stop(g);
}

/* An interrupted string instruction: as far as it has come, and then on */
static void test_string(void)
{
    static const uint8_t code[] = {
        0xbe, 0x00, 0x20,                       /* mov si, 0x2000 */
        0xbf, 0xf0, 0x0f,                       /* mov di, 0x0ff0 */
        0xb9, 0x40, 0x00,                       /* mov cx, 0x40 */
        0xf3, 0xa4,                             /* rep movsb */
    };
    uint64_t source = PAGE_1 + 0x2000, target = PAGE_1 + 0x0ff0;
    Guest *g = guest_listening("");
    QTestState *qts = g->vm->qts;
    uint8_t expected[0x40], seen[0x40];
    uint16_t at;
    Frame frame;
    int i;

    for (i = 0; i < ARRAY_SIZE(expected); i++) {
        expected[i] = i + 1;
    }
    qtest_memwrite(qts, source, expected, sizeof(expected));
    guest_protect(g, PVMEMCONTROL_MPROTECT_NONE, PAGE_2);
    at = guest_run(g, code, sizeof(code));
    frame = guest_wait_nmi(g, 1);
    g_assert_cmphex(frame.ip, ==, at + 9);
    g_assert_cmphex(frame.ecx & 0xffff, ==, 0x30);
    g_assert_cmphex(frame.edi & 0xffff, ==, 0x1000);
    g_assert_cmphex(frame.esi & 0xffff, ==, 0x2010);
    guest_take_record(g, PAGE_2, WRITE, PVMEMCONTROL_VIOLATION_STOPPED);
    guest_open(g, PAGE_2);
    qtest_memread(qts, target, seen, sizeof(seen));
    g_assert_cmpint(memcmp(seen, expected, 0x10), ==, 0);
    g_assert_cmphex(seen[0x10], ==, CONTENT);
    guest_leave_nmi(g);
    guest_wait(g, W_DONE, 1);
    qtest_memread(qts, target, seen, sizeof(seen));
    g_assert_cmpint(memcmp(seen, expected, sizeof(seen)), ==, 0);
    g_assert_cmpuint(qtest_readw(qts, W_NMIS), ==, 1);
    guest_stop(g);
}

/* -- Fetches ------------------------------------------------------------- */

/* call 0x5000:@ip */
static uint16_t run_call(Guest *g, uint16_t ip)
{
    const uint8_t code[] = { 0x9a, ip, ip >> 8, 0x00, 0x50 };

    return guest_run(g, code, sizeof(code));
}

static void expect_fetch(Guest *g, uint16_t ip, uint64_t page, uint64_t gpa)
{
    Frame frame = guest_wait_nmi(g, 1);

    g_assert_cmphex(frame.cs, ==, 0x5000);
    g_assert_cmphex(frame.ip, ==, ip);
    guest_take_record(g, gpa, FETCH, PVMEMCONTROL_VIOLATION_STOPPED);
    guest_open(g, page);
    guest_leave_nmi(g);
    guest_wait(g, W_DONE, 1);
    g_assert_cmphex(qtest_readw(g->vm->qts, W_EBX), ==, 0x1234);
}

static void test_fetch(void)
{
    /* mov bx, 0x1234; retf */
    static const uint8_t code[] = { 0xbb, 0x34, 0x12, 0xcb };
    static const uint16_t places[] = { 0x10, 0xffe };
    Guest *g = guest_listening("");
    int i, round;

    for (i = 0; i < ARRAY_SIZE(places); i++) {
        uint64_t page = i ? PAGE_2 : PAGE_1;
        uint64_t gpa = i ? PAGE_2 : PAGE_1 + places[i];

        qtest_memwrite(g->vm->qts, PAGE_1 + places[i], code, sizeof(code));
        for (round = 0; round < 2; round++) {
            guest_protect(g, PVMEMCONTROL_MPROTECT_NONE, page);
            run_call(g, places[i]);
            expect_fetch(g, places[i], page, gpa);
        }
        /* What can be read can be executed. */
        guest_protect(g, PVMEMCONTROL_MPROTECT_R, page);
        run_call(g, places[i]);
        guest_wait(g, W_DONE, 1);
        guest_open(g, page);
    }
    g_assert_cmpuint(vm_counter(g->vm, "violations-fetch"), ==, 4);
    guest_stop(g);
}

/* -- In an NMI ----------------------------------------------------------- */

/* The first NMI reads from PAGE_3 before it goes on as the other handler. */
static const uint8_t touching_handler[] = {
    0x2e, 0x83, 0x3e, 0x20, 0x05, 0x00,         /* cmp word cs:[W_NMIS], 0 */
    0x75, 0x16,                                 /* jne to the end of this */
    0x66, 0x50,                                 /* push eax */
    0x1e,                                       /* push ds */
    0xb8, 0x00, 0x52,                           /* mov ax, 0x5200 */
    0x8e, 0xd8,                                 /* mov ds, ax */
    0x66, 0xa1, 0x10, 0x00,                     /* mov eax, [0x10] */
    0x66, 0x2e, 0xa3, 0x34, 0x05,               /* mov cs:[W_NMI_EBX], eax */
    0x1f,                                       /* pop ds */
    0x66, 0x58,                                 /* pop eax */
    0x90, 0x90,
};

static const uint8_t read_code[] = { 0x66, 0x8b, 0x1e, 0x10, 0x00 };

static Guest *guest_in_nmi(const char *props)
{
    Guest *g = guest_listening(props);

    qtest_memwrite(g->vm->qts, HANDLER, touching_handler,
                   sizeof(touching_handler));
    qtest_memwrite(g->vm->qts, HANDLER + sizeof(touching_handler),
                   guest_handler, guest_handler_size);
    guest_protect(g, PVMEMCONTROL_MPROTECT_NONE, PAGE_1);
    guest_protect(g, PVMEMCONTROL_MPROTECT_NONE, PAGE_3);
    guest_run(g, read_code, sizeof(read_code));
    return g;
}

static void test_nmi_allow(void)
{
    Guest *g = guest_in_nmi("");
    QTestState *qts = g->vm->qts;
    struct pvmemcontrol_violation records[2];

    guest_wait_nmi(g, 1);
    g_assert_cmphex(qtest_readl(qts, W_NMI_EBX), ==, C);
    g_assert(guest_is_sealed(g, PAGE_3, "---"));
    qtest_memread(qts, RECORDS, records, sizeof(records));
    g_assert_cmphex(records[0].addr, ==, PAGE_1 + 0x10);
    g_assert_cmphex(records[0].flags, ==, PVMEMCONTROL_VIOLATION_STOPPED);
    g_assert_cmphex(records[1].addr, ==, PAGE_3 + 0x10);
    g_assert_cmphex(records[1].flags, ==, 0);
    g_assert_cmphex(records[1].access, ==, READ);
    g_assert_cmpuint(records[1].sequence, ==, 2);
    guest_open(g, PAGE_1);
    guest_leave_nmi(g);
    /* The one that was pending until this one's iret */
    guest_wait_nmi(g, 2);
    guest_leave_nmi(g);
    guest_wait(g, W_DONE, 1);
    g_assert_cmpuint(vm_counter(g->vm, "violations-total"), ==, 2);
    guest_run_exception_frame(g);
    g_assert_cmpuint(vm_counter(g->vm, "violations-total"), ==, 2);
    g_assert_cmpuint(vm_counter(g->vm, "violations-in-nmi"), ==, 1);
    g_assert_cmpuint(vm_counter(g->vm, "violations-paused"), ==, 0);
    guest_stop(g);
}

static void expect_event(Guest *g, const char *reason, uint64_t gpa,
                         const char *access, uint64_t ip)
{
    QDict *event = qtest_qmp_eventwait_ref(g->vm->qts,
                                           "PVMEMCONTROL_VIOLATION");
    QDict *data = qdict_get_qdict(event, "data");
    QList *list = qdict_get_qlist(data, "access");

    g_assert_cmpstr(qdict_get_str(data, "device"), ==, "mc");
    g_assert_cmpstr(qdict_get_str(data, "path"), ==, VM_DEVICE);
    g_assert_cmpstr(qdict_get_str(data, "reason"), ==, reason);
    g_assert_cmpint(qdict_get_int(data, "vcpu"), ==, 0);
    g_assert_cmphex(qdict_get_int(data, "gpa"), ==, gpa);
    g_assert_cmphex(qdict_get_int(data, "ip"), ==, ip);
    g_assert_cmpuint(qlist_size(list), ==, 1);
    g_assert_cmpstr(qstring_get_str(qobject_to(QString, qlist_peek(list))),
                    ==, access);
    qobject_unref(event);
    qtest_qmp_eventwait(g->vm->qts, "STOP");
}

static void cont(Guest *g)
{
    qtest_qmp_assert_success(g->vm->qts, "{ 'execute': 'cont' }");
    qtest_qmp_eventwait(g->vm->qts, "RESUME");
}

static void test_nmi_pause(void)
{
    Guest *g = guest_in_nmi(",violation-in-nmi=pause");

    /* Behind the comparison, the jump, two pushes and two moves */
    expect_event(g, "nmi-masked", PAGE_3 + 0x10, "read", HANDLER + 16);
    g_assert_cmpuint(vm_counter(g->vm, "violations-paused"), ==, 1);
    guest_open(g, PAGE_3);
    guest_open(g, PAGE_1);
    cont(g);
    guest_wait_nmi(g, 1);
    guest_take_record(g, PAGE_1 + 0x10, READ, PVMEMCONTROL_VIOLATION_STOPPED);
    guest_leave_nmi(g);
    guest_wait(g, W_DONE, 1);
    g_assert_cmpuint(qtest_readw(g->vm->qts, W_NMIS), ==, 1);
    guest_stop(g);
}

/* -- Nobody listens ------------------------------------------------------ */

/* With GIF clear no NMI comes either.  CLGI is for protected mode. */
static const uint8_t clgi_code[] = {
    0x66, 0xb9, 0x80, 0x00, 0x00, 0xc0,         /* mov ecx, MSR_EFER */
    0x0f, 0x32,                                 /* rdmsr */
    0x66, 0x0d, 0x00, 0x10, 0x00, 0x00,         /* or eax, EFER_SVME */
    0x0f, 0x30,                                 /* wrmsr */
    0x0f, 0x20, 0xc0,                           /* mov eax, cr0 */
    0x0c, 0x01,                                 /* or al, 1 */
    0x0f, 0x22, 0xc0,                           /* mov cr0, eax */
    0x0f, 0x01, 0xdd,                           /* clgi */
    0x24, 0xfe,                                 /* and al, 0xfe */
    0x0f, 0x22, 0xc0,                           /* mov cr0, eax */
    0x66, 0x8b, 0x1e, 0x10, 0x00,               /* mov ebx, [0x10] */
};

static void test_clgi_allow(void)
{
    Guest *g = guest_listening("");

    guest_protect(g, PVMEMCONTROL_MPROTECT_NONE, PAGE_1);
    guest_run(g, clgi_code, sizeof(clgi_code));
    guest_wait(g, W_DONE, 1);
    g_assert_cmphex(qtest_readl(g->vm->qts, W_EBX), ==, C);
    guest_take_record(g, PAGE_1 + 0x10, READ, 0);
    g_assert_cmpuint(qtest_readw(g->vm->qts, W_NMIS), ==, 0);
    g_assert_cmpuint(vm_counter(g->vm, "violations-in-nmi"), ==, 1);
    g_assert_cmpuint(vm_counter(g->vm, "violations-total"), ==, 1);
    guest_stop(g);
}

static void test_clgi_pause(void)
{
    Guest *g = guest_listening(",violation-in-nmi=pause");
    uint16_t at;

    guest_protect(g, PVMEMCONTROL_MPROTECT_NONE, PAGE_1);
    at = guest_run(g, clgi_code, sizeof(clgi_code));
    expect_event(g, "nmi-masked", PAGE_1 + 0x10, "read",
                 at + sizeof(clgi_code) - 5);
    guest_open(g, PAGE_1);
    cont(g);
    guest_wait(g, W_DONE, 1);
    g_assert_cmpuint(qtest_readw(g->vm->qts, W_NMIS), ==, 0);
    guest_stop(g);
}

/* -- The VM is paused ---------------------------------------------------- */

static void test_no_handler(void)
{
    Guest *g = guest_start("");
    uint16_t at;

    guest_protect(g, PVMEMCONTROL_MPROTECT_NONE, PAGE_1);
    at = guest_run(g, read_code, sizeof(read_code));
    expect_event(g, "no-handler", PAGE_1 + 0x10, "read", at);
    /* Tried again after cont, and caught again */
    cont(g);
    expect_event(g, "no-handler", PAGE_1 + 0x10, "read", at);
    guest_open(g, PAGE_1);
    cont(g);
    guest_wait(g, W_DONE, 1);
    g_assert_cmphex(qtest_readl(g->vm->qts, W_EBX), ==, C);
    g_assert_cmpuint(qtest_readw(g->vm->qts, W_NMIS), ==, 0);
    guest_stop(g);
}

/* A page that was withdrawn, or that a RESET has made the driver forget */
static void test_withdrawn(void)
{
    Guest *g = guest_listening("");
    uint16_t at;
    int i;

    for (i = 0; i < 2; i++) {
        if (i) {
            vm_connect(g->vm);
        } else {
            vm_expect(g->vm, PVMEMCONTROL_VIOLATION, 0, PAGE, 0, 0, 0);
        }
        guest_protect(g, PVMEMCONTROL_MPROTECT_NONE, PAGE_1);
        at = guest_run(g, read_code, sizeof(read_code));
        expect_event(g, "no-handler", PAGE_1 + 0x10, "read", at);
        guest_open(g, PAGE_1);
        cont(g);
        guest_wait(g, W_DONE, 1);
        g_assert(vm_reads(g->vm, RECORDS, PAGE, 0));
        vm_expect(g->vm, PVMEMCONTROL_VIOLATION, RECORDS, PAGE,
                  PVMEMCONTROL_VIOLATION_NMI, 0, 0);
    }
    guest_stop(g);
}

static void test_no_record(void)
{
    Guest *g = guest_listening("");
    uint16_t at;

    qtest_memset(g->vm->qts, RECORDS, 0xff, PAGE);
    guest_protect(g, PVMEMCONTROL_MPROTECT_NONE, PAGE_1);
    at = guest_run(g, read_code, sizeof(read_code));
    expect_event(g, "no-record", PAGE_1 + 0x10, "read", at);
    g_assert(vm_reads(g->vm, RECORDS, PAGE, 0xff));
    qtest_memset(g->vm->qts, RECORDS, 0, PAGE);
    cont(g);
    guest_wait_nmi(g, 1);
    guest_take_record(g, PAGE_1 + 0x10, READ, PVMEMCONTROL_VIOLATION_STOPPED);
    guest_open(g, PAGE_1);
    guest_leave_nmi(g);
    guest_wait(g, W_DONE, 1);
    guest_stop(g);
}

/* The records' own page protected: it is QEMU that writes there. */
static void test_protected_records(void)
{
    Guest *g = guest_listening("");

    guest_protect(g, PVMEMCONTROL_MPROTECT_NONE, RECORDS);
    guest_protect(g, PVMEMCONTROL_MPROTECT_NONE, PAGE_1);
    guest_run(g, read_code, sizeof(read_code));
    guest_wait_nmi(g, 1);
    g_assert(guest_is_sealed(g, RECORDS, "---"));
    guest_take_record(g, PAGE_1 + 0x10, READ, PVMEMCONTROL_VIOLATION_STOPPED);
    g_assert(guest_is_sealed(g, RECORDS, "---"));
    guest_open(g, PAGE_1);
    guest_leave_nmi(g);
    guest_wait(g, W_DONE, 1);
    guest_stop(g);
}

/* All vCPUs in one thread, and with instructions counted */
static void test_one_thread(const void *accel)
{
    Guest *g = guest_start_on(accel, "");
    uint16_t at;

    guest_protect(g, PVMEMCONTROL_MPROTECT_NONE, PAGE_1);
    at = guest_run(g, read_code, sizeof(read_code));
    expect_event(g, "no-handler", PAGE_1 + 0x10, "read", at);
    guest_listen(g);
    cont(g);
    guest_wait_nmi(g, 1);
    guest_take_record(g, PAGE_1 + 0x10, READ, PVMEMCONTROL_VIOLATION_STOPPED);
    guest_open(g, PAGE_1);
    guest_leave_nmi(g);
    guest_wait(g, W_DONE, 1);
    run_access(g, &accesses[1], PVMEMCONTROL_MPROTECT_R);
    guest_stop(g);
}

/* The page of records goes with the guest, and the numbers go on. */
static void test_migrate(void)
{
    g_autofree char *path = vm_temporary();
    g_autofree char *args = NULL;
    Guest *g = guest_listening("");
    Frame frame;
    uint16_t at;

    run_access(g, &accesses[0], PVMEMCONTROL_MPROTECT_NONE);
    guest_protect(g, PVMEMCONTROL_MPROTECT_NONE, PAGE_1);
    vm_save(g->vm, path);
    vm_stop(g->vm);

    args = g_strdup_printf("-M q35,mem-merge=off -m 256M -nodefaults "
                           "-device pvmemcontrol,id=mc,addr=04.0 -smp 2 "
                           "-accel tcg,thread=multi -bios %s "
                           "-incoming 'exec:cat %s'", g->bios, path);
    g->vm = vm_start_args(args, 0);
    g->vm->bar = 0xe0000000;
    g->vm->id = PVMEMCONTROL_CONNECTION_ID;
    qtest_qmp_eventwait(g->vm->qts, "RESUME");
    g_assert(guest_is_sealed(g, PAGE_1, "---"));
    at = guest_run(g, read_code, sizeof(read_code));
    frame = guest_wait_nmi(g, 1);
    g_assert_cmphex(frame.ip, ==, at);
    guest_take_record(g, PAGE_1 + 0x10, READ, PVMEMCONTROL_VIOLATION_STOPPED);
    guest_open(g, PAGE_1);
    guest_leave_nmi(g);
    guest_wait(g, W_DONE, 1);
    guest_stop(g);
    unlink(path);
}

void add_violation_tests(void)
{
    int i;

    for (i = 0; i < ARRAY_SIZE(accesses); i++) {
        g_autofree char *path = g_strdup_printf(
            "/pvmemcontrol/violation/access/%s", accesses[i].name);

        qtest_add_data_func(path, &accesses[i], test_access);
    }
    qtest_add_func("/pvmemcontrol/violation/permitted", test_permitted);
    qtest_add_func("/pvmemcontrol/violation/string", test_string);
    qtest_add_func("/pvmemcontrol/violation/fetch", test_fetch);
    qtest_add_func("/pvmemcontrol/violation/in-nmi-allow", test_nmi_allow);
    qtest_add_func("/pvmemcontrol/violation/in-nmi-pause", test_nmi_pause);
    qtest_add_func("/pvmemcontrol/violation/clgi-allow", test_clgi_allow);
    qtest_add_func("/pvmemcontrol/violation/clgi-pause", test_clgi_pause);
    qtest_add_func("/pvmemcontrol/violation/no-handler", test_no_handler);
    qtest_add_func("/pvmemcontrol/violation/withdrawn", test_withdrawn);
    qtest_add_func("/pvmemcontrol/violation/no-record", test_no_record);
    qtest_add_func("/pvmemcontrol/violation/protected-records",
                   test_protected_records);
    qtest_add_func("/pvmemcontrol/violation/migrate", test_migrate);
    qtest_add_data_func("/pvmemcontrol/violation/one-thread",
                        "tcg,thread=single", test_one_thread);
    qtest_add_data_func("/pvmemcontrol/violation/counted",
                        "tcg,thread=single -icount shift=3,sleep=off",
                        test_one_thread);
}
