/*
 * pvmemcontrol: one access of QEMU's own to a protected page
 *
 * The page is opened, the instruction of the host that wants it executed, and
 * the page sealed again.  Where the host is not one whose processor can be told
 * here to trap after an instruction, the main loop seals it a moment later.  So
 * it does after many accesses in a row: each takes signals and system calls,
 * and the thread may have the iothread lock.
 *
 * This runs in the handlers of SIGSEGV and SIGTRAP, see pvmemcontrol-access.c.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <ucontext.h>
#include "qemu/bswap.h"
#include "qemu/timer.h"
#include "qemu/units.h"
#include "pvmemcontrol-internal.h"

#ifdef HOST_X86_64
#define EFLAGS_TRAP 0x100
#define EFLAGS_DIRECTION 0x400

/* More than an instruction of the host touches, even one that gathers */
#define STEP_PAGES 40

/* The instruction that this thread is let execute */
typedef struct Step {
    unsigned int nr;
    bool trap_was_blocked;
    uintptr_t pc;
    PVMemcontrolPages open[STEP_PAGES];
} Step;

static __thread Step step;
static struct sigaction old_trap;

/* -- One instruction ----------------------------------------------------- */

static void step_open(PVMemcontrolBlock *b, size_t page)
{
    pvmemcontrol_marks_lock();
    pvmemcontrol_pages_open(b, page, page + 1);
    pvmemcontrol_marks_unlock();
}

static void step_close(PVMemcontrolPages *p)
{
    pvmemcontrol_marks_lock();
    pvmemcontrol_pages_close(p->block, p->first, p->end);
    pvmemcontrol_marks_unlock();
}

/* With the lock of the marks */
static void let_through(ucontext_t *uc, PVMemcontrolBlock *b, size_t page)
{
    greg_t *regs = uc->uc_mcontext.gregs;
    unsigned int i;

    for (i = 0; i < step.nr; i++) {
        if (step.open[i].block == b && step.open[i].first == page) {
            /* Somebody has protected it again meanwhile. */
            pvmemcontrol_page_heal(b, page);
            return;
        }
    }
    if (!step.nr) {
        step.pc = regs[REG_RIP];
        step.trap_was_blocked = sigismember(&uc->uc_sigmask, SIGTRAP);
        sigdelset(&uc->uc_sigmask, SIGTRAP);
        regs[REG_EFL] |= EFLAGS_TRAP;
    } else if (step.nr == STEP_PAGES) {
        pvmemcontrol_pages_close(step.open[0].block, step.open[0].first,
                                 step.open[0].end);
        memmove(&step.open[0], &step.open[1],
                --step.nr * sizeof(step.open[0]));
    }
    step.open[step.nr++] = (PVMemcontrolPages) { b, page, page + 1 };
    pvmemcontrol_pages_open(b, page, page + 1);
}

static bool in_open_page(greg_t address)
{
    unsigned int i;

    for (i = 0; i < step.nr; i++) {
        PVMemcontrolBlock *b = step.open[i].block;
        uintptr_t start = (uintptr_t)b->host +
                          step.open[i].first * b->page_size;

        if ((uintptr_t)address - start < b->page_size) {
            return true;
        }
    }
    return false;
}

static void on_trap(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    greg_t *regs = uc->uc_mcontext.gregs;
    int saved_errno = errno;

    if (!step.nr) {
        sigaction(SIGTRAP, &old_trap, NULL);
        raise(SIGTRAP);
        return;
    }
    /*
     * A string instruction traps after each of its steps.  When it has left
     * the pages that are open, the rest of it needs no more of that.
     */
    if ((uintptr_t)regs[REG_RIP] == step.pc &&
        (in_open_page(regs[REG_RDI]) || in_open_page(regs[REG_RSI]))) {
        return;
    }
    while (step.nr) {
        step_close(&step.open[--step.nr]);
    }
    regs[REG_EFL] &= ~EFLAGS_TRAP;
    if (step.trap_was_blocked) {
        sigaddset(&uc->uc_sigmask, SIGTRAP);
    }
    errno = saved_errno;
}

/* -- String instructions ------------------------------------------------- */

/* rep movs and rep stos, as C libraries use them */
typedef struct StringInsn {
    unsigned int length;
    unsigned int size;
    bool moves;
} StringInsn;

static bool decode_string(const ucontext_t *uc, StringInsn *insn)
{
    const greg_t *regs = uc->uc_mcontext.gregs;
    const uint8_t *code = (const uint8_t *)regs[REG_RIP];
    unsigned int i = 0, size = 4;

    if (code[i++] != 0xf3 || regs[REG_EFL] & EFLAGS_DIRECTION) {
        return false;
    }
    if (code[i] == 0x48) {
        size = 8;
        i++;
    }
    /* An even code is the one of bytes. */
    *insn = (StringInsn) {
        .length = i + 1,
        .size = code[i] & 1 ? size : 1,
        .moves = (code[i] & ~1) == 0xa4,
    };
    return insn->moves || (code[i] & ~1) == 0xaa;
}

/* How many elements of this size fit into the page, from this address on */
static uint64_t elements_in_page(PVMemcontrolBlock *b, size_t page,
                                 uintptr_t address, unsigned int size)
{
    uintptr_t end = (uintptr_t)b->host + (page + 1) * b->page_size;

    return address < end && end - address <= b->page_size ?
           (end - address) / size : 0;
}

static void copy_element(char *to, const char *from, unsigned int size)
{
    switch (size) {
    case 1:
        stb_p(to, ldub_p(from));
        break;
    case 4:
        stl_he_p(to, ldl_he_p(from));
        break;
    default:
        stq_he_p(to, ldq_he_p(from));
        break;
    }
}

/*
 * Such an instruction traps after each of its elements, which would be
 * thousands of times for a page.  So what it does in this page is done here.
 * Where that touches another protected page, that is an access like any other.
 * Returns false if it is to be executed by the processor.
 */
static bool emulate_string(ucontext_t *uc, PVMemcontrolBlock *b, size_t page)
{
    greg_t *regs = uc->uc_mcontext.gregs;
    uint64_t nr = regs[REG_RCX], in_target, in_source, i;
    StringInsn insn;
    char *to = (char *)regs[REG_RDI];
    const char *from = (const char *)regs[REG_RSI];

    if (!decode_string(uc, &insn)) {
        return false;
    }
    if (!insn.moves) {
        from = (const char *)&regs[REG_RAX];
    }
    in_target = elements_in_page(b, page, (uintptr_t)to, insn.size);
    in_source = elements_in_page(b, page, (uintptr_t)from, insn.size);
    nr = MIN(nr, in_target ?: nr);
    nr = MIN(nr, in_source ?: nr);
    if (!in_target && !in_source) {
        return false;
    }

    step_open(b, page);
    for (i = 0; i < nr; i++) {
        copy_element(to, from, insn.size);
        to += insn.size;
        from += insn.moves ? insn.size : 0;
    }
    step_close(&(PVMemcontrolPages) { b, page, page + 1 });
    regs[REG_RCX] -= nr;
    regs[REG_RDI] = (greg_t)to;
    if (insn.moves) {
        regs[REG_RSI] = (greg_t)from;
    }
    if (!regs[REG_RCX]) {
        regs[REG_RIP] += insn.length;
    }
    return true;
}

/* -- Many in a row ------------------------------------------------------- */

/* So many accesses to a page, or from page to page, are let through singly. */
#define NR_SINGLE 7
/* That is in a row if there is no longer time between two of them. */
#define WALK_NS (10 * SCALE_MS)
/* Then pages are opened ahead, more each time, up to so many bytes. */
#define MAX_AHEAD (256 * KiB)

/* Where a thread goes through memory; it may do so in some places at once. */
typedef struct Walk {
    PVMemcontrolBlock *block;
    size_t first;
    size_t nr;
    unsigned int length;
    int64_t at_ns;
} Walk;

static __thread Walk walks[4];
static __thread unsigned int oldest_walk;

/* How many pages to open for a while; 0: one, for this access alone */
static size_t walk_on(PVMemcontrolBlock *b, size_t page)
{
    size_t max = MAX(1, MAX_AHEAD / b->page_size);
    int64_t now = get_clock();
    unsigned int i;
    Walk *w;

    for (i = 0; i < ARRAY_SIZE(walks); i++) {
        w = &walks[i];
        if (w->block == b && page >= w->first && page - w->first <= w->nr &&
            now - w->at_ns <= WALK_NS) {
            if (w->length < NR_SINGLE) {
                *w = (Walk) { b, page, 1, w->length + 1, now };
                return 0;
            }
            w->at_ns = now;
            w->nr = page == w->first + w->nr ? MIN(2 * w->nr, max) : 1;
            w->first = page;
            return w->nr;
        }
    }
    walks[oldest_walk] = (Walk) { b, page, 1, 1, now };
    oldest_walk = (oldest_walk + 1) % ARRAY_SIZE(walks);
    return 0;
}

/* -- Either -------------------------------------------------------------- */

void pvmemcontrol_step(void *context, PVMemcontrolBlock *b, size_t page,
                       bool own)
{
    size_t nr = own ? walk_on(b, page) : 0;

    if (nr) {
        pvmemcontrol_open_a_while(b->host + page * b->page_size, nr);
    } else if (!emulate_string(context, b, page)) {
        pvmemcontrol_marks_lock();
        let_through(context, b, page);
        pvmemcontrol_marks_unlock();
    }
}

void pvmemcontrol_step_init(void)
{
    struct sigaction action = {
        .sa_sigaction = on_trap,
        .sa_flags = SA_SIGINFO | SA_NODEFER,
    };

    sigaction(SIGTRAP, &action, &old_trap);
}
#else
void pvmemcontrol_step(void *context, PVMemcontrolBlock *b, size_t page,
                       bool own)
{
    pvmemcontrol_open_a_while(b->host + page * b->page_size, 1);
}

void pvmemcontrol_step_init(void)
{
}
#endif
