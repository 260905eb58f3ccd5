/*
 * pvmemcontrol: accesses to protected memory
 *
 * An access that the host refuses is a SIGSEGV in the thread that made it.  If
 * a vCPU made it on behalf of a guest's instruction, it is a violation.  All
 * others are QEMU's own: devices, migration, the debugger, page table walks.
 * These are let through: the page is opened, that one instruction of the host
 * executed, and the page sealed again, see pvmemcontrol-step.c.  A thread that
 * goes on like this has it open for a while.
 *
 * What is not caught: accesses by other threads while a page is open.
 *
 * DOC: What the signal handlers may do
 *
 * They run where guest memory is accessed, and at no other place, because other
 * faults are passed on before anything is done.  So the interrupted thread does
 * not hold the lock of the marks, nor one of the C library's.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <ucontext.h>
#include "exec/cpu-common.h"
#include "hw/core/cpu.h"
#include "migration/misc.h"
#include "qemu/main-loop.h"
#include "qemu/timer.h"
#include "sysemu/tcg.h"
#include "pvmemcontrol-internal.h"
#include "trace.h"

#ifdef HOST_X86_64
#define FAULT_WRITE 0x2
#endif

/* How often a fault at an open page may come again without a cause */
#define MAX_RETRIES 100000
#define A_WHILE_NS (1 * SCALE_MS)

/* There is, or was, a driver that can have pages protected. */
static bool counts_users;

static __thread unsigned int retries;
static __thread void *last_fault;

static struct sigaction old_segv;

/* Pages to be sealed by the main loop, under the lock of the marks */
static PVMemcontrolPages a_while[64];
static unsigned int nr_a_while;
static QEMUBH *a_while_bh;
static QEMUTimer *a_while_timer;

/* With the iothread lock */
static bool migrating;
static int nr_readers;

void pvmemcontrol_count_own_access(void *host, bool is_write, uint64_t nr)
{
    PVMemcontrolState *s = pvmemcontrol_first_device();

    if (s) {
        stat64_add(&pvmemcontrol_counters(s)->own_accesses, nr);
    }
    trace_pvmemcontrol_own_access(host, is_write);
}

/* -- Until the main loop gets to it -------------------------------------- */

static void close_pages(const PVMemcontrolPages *p)
{
    pvmemcontrol_pages_close(p->block, p->first, p->end);
}

/* With the lock of the marks */
static void open_a_while(PVMemcontrolBlock *b, size_t first, size_t end)
{
    if (nr_a_while == ARRAY_SIZE(a_while)) {
        close_pages(&a_while[0]);
        memmove(&a_while[0], &a_while[1],
                --nr_a_while * sizeof(a_while[0]));
    }
    a_while[nr_a_while++] = (PVMemcontrolPages) { b, first, end };
    pvmemcontrol_pages_open(b, first, end);
}

/* With the marks locked */
void pvmemcontrol_access_block_gone(PVMemcontrolBlock *b)
{
    unsigned int i, kept = 0;

    for (i = 0; i < nr_a_while; i++) {
        if (a_while[i].block != b) {
            a_while[kept++] = a_while[i];
        }
    }
    nr_a_while = kept;
}

void pvmemcontrol_open_a_while(const void *host, size_t nr)
{
    PVMemcontrolBlock *b;
    size_t page;

    pvmemcontrol_marks_lock();
    b = pvmemcontrol_block_find(host);
    if (b) {
        page = ((const char *)host - b->host) / b->page_size;
        open_a_while(b, page, MIN(page + nr, b->nr_pages));
    }
    pvmemcontrol_marks_unlock();
    qemu_bh_schedule(a_while_bh);
}

/* It ends for all of them at once: whoever comes later does not put it off. */
static void a_while_begins(void *opaque)
{
    if (!timer_pending(a_while_timer)) {
        timer_mod(a_while_timer,
                  qemu_clock_get_ns(QEMU_CLOCK_REALTIME) + A_WHILE_NS);
    }
}

static void a_while_is_over(void *opaque)
{
    unsigned int i;

    pvmemcontrol_marks_lock();
    for (i = 0; i < nr_a_while; i++) {
        close_pages(&a_while[i]);
    }
    nr_a_while = 0;
    pvmemcontrol_marks_unlock();
}

/* -- Faults -------------------------------------------------------------- */

static uintptr_t fault_pc(ucontext_t *uc)
{
#if defined(HOST_X86_64)
    return uc->uc_mcontext.gregs[REG_RIP];
#elif defined(HOST_AARCH64)
    return uc->uc_mcontext.pc;
#else
    return 0;
#endif
}

/* Was it a write?  If the host does not say: it was if reads are allowed. */
static bool fault_is_write(ucontext_t *uc, int prot)
{
#ifdef HOST_X86_64
    return uc->uc_mcontext.gregs[REG_ERR] & FAULT_WRITE;
#else
    return prot & PROT_READ;
#endif
}

static bool in_vcpu(void)
{
    return tcg_enabled() && current_cpu && qemu_cpu_is_self(current_cpu);
}

typedef enum Fault { FAULT_FOREIGN, FAULT_OPEN, FAULT_PROTECTED } Fault;

/* With the lock of the marks; @again: after FAULT_OPEN for the same address */
static Fault classify(void *host, ucontext_t *uc, bool again,
                      PVMemcontrolPages *where, bool *is_write)
{
    PVMemcontrolBlock *b = pvmemcontrol_block_find(host);
    size_t page;
    int prot;

    if (!b) {
        return FAULT_FOREIGN;
    }
    page = ((char *)host - b->host) / b->page_size;
    *where = (PVMemcontrolPages) { b, page, page + 1 };
    prot = pvmemcontrol_permitted(b->marks[page]);
    *is_write = fault_is_write(uc, prot);
    if (prot & (*is_write ? PROT_WRITE : PROT_READ)) {
        if (again) {
            pvmemcontrol_page_heal(b, page);
        }
        return FAULT_OPEN;
    }
    if (pvmemcontrol_page_in_use(b, page)) {
        /* Whoever counted before may not have got to this yet. */
        pvmemcontrol_page_heal(b, page);
        return FAULT_OPEN;
    }
    return FAULT_PROTECTED;
}

/* Returns false if the fault is nobody's here. */
static bool handle_fault(void *host, ucontext_t *uc)
{
    PVMemcontrolPages where;
    bool is_write, own = true;
    Fault fault;

    pvmemcontrol_marks_lock();
    fault = classify(host, uc, host == last_fault, &where, &is_write);
    pvmemcontrol_marks_unlock();

    if (fault == FAULT_OPEN) {
        /* Opened since; or this is a bug, which must not go on for ever. */
        retries = host == last_fault ? retries + 1 : 0;
        last_fault = host;
        return retries < MAX_RETRIES;
    }
    if (fault == FAULT_FOREIGN) {
        return false;
    }
    retries = 0;
    last_fault = NULL;
    if (in_vcpu()) {
        own = pvmemcontrol_tcg_fault(fault_pc(uc), host, is_write);
    } else {
        pvmemcontrol_count_own_access(host, is_write, 1);
    }
    pvmemcontrol_step(uc, where.block, where.first, own);
    return true;
}

static void pass_on(int sig, siginfo_t *info, void *context)
{
    if (old_segv.sa_flags & SA_SIGINFO) {
        old_segv.sa_sigaction(sig, info, context);
    } else if (old_segv.sa_handler != SIG_DFL &&
               old_segv.sa_handler != SIG_IGN) {
        old_segv.sa_handler(sig);
    } else {
        /* It comes again, unless somebody has sent it. */
        signal(sig, SIG_DFL);
        if (info->si_code <= 0) {
            raise(sig);
        }
    }
}

static void on_segv(int sig, siginfo_t *info, void *context)
{
    int saved_errno = errno;

    /*
     * At a guard the host says that there is no mapping.  A fault with the lock
     * held is a bug: let it be seen.
     */
    if ((info->si_code != SEGV_ACCERR && info->si_code != SEGV_MAPERR) ||
        pvmemcontrol_marks_locked() ||
        !handle_fault(info->si_addr, context)) {
        pass_on(sig, info, context);
    }
    errno = saved_errno;
}

/* -- System calls -------------------------------------------------------- */

/*
 * Counts who uses a range, and looks closer only at protected pages.  What was
 * mapped before a driver came has not been counted.
 */
static void host_access(void *host, uint64_t len, bool begin)
{
    PVMemcontrolBlock *b;
    size_t page, end;
    uint64_t nr;

    if (!qatomic_read(&counts_users)) {
        return;
    }

    RCU_READ_LOCK_GUARD();
    b = len ? pvmemcontrol_block_find(host) : NULL;
    if (!b) {
        return;
    }
    page = ((char *)host - b->host) / b->page_size;
    end = MIN(DIV_ROUND_UP((char *)host - b->host + len, b->page_size),
              b->nr_pages);
    if (!pvmemcontrol_users_change(b, page, end, begin)) {
        return;
    }
    pvmemcontrol_marks_lock();
    if (begin) {
        nr = pvmemcontrol_pages_reopen(b, page, end);
        if (nr) {
            pvmemcontrol_count_own_access(host, true, nr);
        }
    } else {
        pvmemcontrol_pages_reseal(b, page, end);
    }
    pvmemcontrol_marks_unlock();
}

/* With the iothread lock */
static void readers_changed(void)
{
    static bool on;
    bool now = migrating || nr_readers;

    if (now != on) {
        on = now;
        trace_pvmemcontrol_read_all(on);
        pvmemcontrol_marks_read_all(on);
    }
}

static void read_all(bool begin)
{
    bool was_locked = qemu_mutex_iothread_locked();

    if (!was_locked) {
        qemu_mutex_lock_iothread();
    }
    nr_readers += begin ? 1 : -1;
    readers_changed();
    if (!was_locked) {
        qemu_mutex_unlock_iothread();
    }
}

/* So for a page that somebody has open, too: it will not last. */
static bool reads_as_zero(const void *host, uint64_t len)
{
    PVMemcontrolBlock *b;
    size_t page, end;

    RCU_READ_LOCK_GUARD();
    b = len ? pvmemcontrol_block_find(host) : NULL;
    if (!b) {
        return false;
    }
    page = ((const char *)host - b->host) / b->page_size;
    end = MIN(DIV_ROUND_UP((const char *)host - b->host + len, b->page_size),
              b->nr_pages);
    for (; page < end; page++) {
        if (!(qatomic_read(&b->marks[page]) & PVMEMCONTROL_MARK_GUARD)) {
            return false;
        }
    }
    return true;
}

/* RAM is given to writev() from when it is set up until all is sent. */
static int on_precopy(NotifierWithReturn *n, void *data)
{
    PrecopyNotifyData *precopy = data;
    bool was_locked = qemu_mutex_iothread_locked();

    if (precopy->reason != PRECOPY_NOTIFY_SETUP &&
        precopy->reason != PRECOPY_NOTIFY_CLEANUP) {
        return 0;
    }
    if (!was_locked) {
        qemu_mutex_lock_iothread();
    }
    migrating = precopy->reason == PRECOPY_NOTIFY_SETUP;
    pvmemcontrol_guard_sending(migrating);
    readers_changed();
    if (!was_locked) {
        qemu_mutex_unlock_iothread();
    }
    return 0;
}

void pvmemcontrol_access_expect(void)
{
    qatomic_set(&counts_users, true);
}

/* -- Life ---------------------------------------------------------------- */

static const MemoryGuardOps guard_ops = {
    .violation = pvmemcontrol_violation,
    .host_access = host_access,
    .read_all = read_all,
    .reads_as_zero = reads_as_zero,
    .is_active = pvmemcontrol_guard_copying,
};

void pvmemcontrol_access_init(void)
{
    static NotifierWithReturn precopy = { .notify = on_precopy };
    struct sigaction action = {
        .sa_sigaction = on_segv,
        /* A violation is left by a jump, and so with the mask as it is here. */
        .sa_flags = SA_SIGINFO | SA_NODEFER,
    };

    pvmemcontrol_open_init();
    a_while_bh = qemu_bh_new(a_while_begins, NULL);
    a_while_timer = timer_new_ns(QEMU_CLOCK_REALTIME, a_while_is_over, NULL);
    sigaction(SIGSEGV, &action, &old_segv);
    pvmemcontrol_step_init();
    precopy_add_notifier(&precopy);
    qatomic_set(&memory_guard_ops, &guard_ops);
}
