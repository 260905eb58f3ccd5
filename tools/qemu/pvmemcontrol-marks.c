/*
 * pvmemcontrol: what the guest has had done to its pages, and lasts
 *
 * Protections, locks, names and advice that stay are kept here for each page of
 * RAM: to limit how many mappings of the host they take, to do the same again
 * where the guest moves to, to undo them when the machine starts anew, and to
 * know a protection from any other reason for a fault.  A guard is another
 * protection, beside the one of mprotect(): an access needs both to permit it.
 * MPROTECT_RW undoes either, for who only knows that an access was stopped.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

/*
 * DOC: Locking
 *
 * One lock for all of RAM, as there is one table of mappings in the host, which
 * each of these system calls locks as well.  Who holds it touches no guest
 * memory and takes no lock but that of who forbids discards, the innermost: so
 * a signal handler may take it.  It is not held for long, since those who have
 * the iothread lock take it, too.  The blocks can be found under it or under
 * RCU.  That a page is open is said by counters of users, which are atomic:
 * who opens a page first counts and then looks at its mark, who marks one first
 * marks and then looks at its counters.
 */

#include "qemu/osdep.h"
#include <sys/prctl.h>
#include "exec/cpu-common.h"
#include "exec/ramblock.h"
#include "hw/boards.h"
#include "sysemu/hostmem.h"
#include "sysemu/sysemu.h"
#include "pvmemcontrol-internal.h"
#include "trace.h"

/* Newer than the oldest C library that QEMU builds with */
#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif
#ifndef PR_SET_VMA_ANON_NAME
#define PR_SET_VMA_ANON_NAME 0
#endif

/* Under the lock, all of these */
static uint64_t nr_ranges;
static uint64_t locked_bytes;
static uint64_t nr_edges;
static uint64_t nr_guards;
static uint64_t nr_guards_installed;
static uint64_t nr_resets;
/* Pages that are forbidden, and whether nobody may pin any of RAM for that */
static uint64_t nr_forbidden;
static bool refuses_pinning;
/* A request that forbids is under way, and has let go of the lock. */
static bool is_forbidding;

uint64_t pvmemcontrol_nr_ranges(void)
{
    return qatomic_read(&nr_ranges);
}

uint64_t pvmemcontrol_locked_bytes(void)
{
    return qatomic_read(&locked_bytes);
}

uint64_t pvmemcontrol_nr_edges(void)
{
    return qatomic_read(&nr_edges);
}

uint64_t pvmemcontrol_nr_guards(void)
{
    return qatomic_read(&nr_guards);
}

uint64_t pvmemcontrol_nr_guards_installed(void)
{
    return qatomic_read(&nr_guards_installed);
}

uint64_t pvmemcontrol_nr_resets(void)
{
    return nr_resets;
}

bool pvmemcontrol_marks_forbid_begin(void)
{
    if (!refuses_pinning) {
        refuses_pinning = !ram_block_discard_require(true);
    }
    is_forbidding = refuses_pinning;
    return refuses_pinning;
}

static void permit_pinning(void)
{
    if (refuses_pinning && !nr_forbidden && !is_forbidding) {
        ram_block_discard_require(false);
        refuses_pinning = false;
    }
}

void pvmemcontrol_marks_forbid_end(void)
{
    is_forbidding = false;
    permit_pinning();
}

/* -- The host ------------------------------------------------------------ */

static uint32_t changed(PVMemcontrolBlock *b, size_t page,
                        const PVMemcontrolChange *c)
{
    return (b->marks[page] & ~c->mask) | c->value;
}

static int host_errno(int result)
{
    return result ? errno : 0;
}

static int host_name(void *host, hwaddr len, uint64_t number)
{
    char name[sizeof("pvmemcontrol-18446744073709551615")];

    snprintf(name, sizeof(name), "pvmemcontrol-%" PRIu64, number);
    return host_errno(prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, host, len,
                            number ? name : NULL));
}

/* A guard that stays, and is made of a protection, stays forbidden. */
static int host_protect(PVMemcontrolBlock *b, size_t first, size_t end,
                        const PVMemcontrolChange *c)
{
    uint32_t guard = b->prot_marks & PVMEMCONTROL_MARK_GUARD & ~c->mask;
    size_t at, next;
    int ret = 0;

    for (at = first; at < end && !ret; at = next) {
        next = pvmemcontrol_run_end(b, at, end, guard);
        ret = pvmemcontrol_pages_protect(b, at, next,
                pvmemcontrol_host_prot(b, c->value | (b->marks[at] & guard)));
    }
    if (ret) {
        /* It may have come half way. */
        pvmemcontrol_pages_seal(b, first, end - first);
        pvmemcontrol_pages_reopen(b, first, end);
    }
    return ret;
}

static int host_open(PVMemcontrolBlock *b, size_t first, size_t end,
                     const PVMemcontrolChange *c)
{
    int ret;

    if (!nr_guards) {
        return host_protect(b, first, end, c);
    }
    ret = pvmemcontrol_guard_drop_open(b, first, end);
    ret = ret ?: host_protect(b, first, end, c);
    return ret ?: pvmemcontrol_guard_remove(b, first, end);
}

/*
 * The host locks what it then cannot bring in, a page that is forbidden, and
 * says that it failed: what is not to be locked is not to count as free.
 */
static int host_lock(PVMemcontrolBlock *b, void *host, hwaddr len)
{
    size_t at = ((char *)host - b->host) / b->page_size;
    size_t end = DIV_ROUND_UP((char *)host - b->host + len, b->page_size);
    size_t next;
    int ret = host_errno(mlock2(host, len, 0));

    for (; ret && !enable_mlock && at < end; at = next) {
        next = pvmemcontrol_run_end(b, at, end, PVMEMCONTROL_MARK_LOCKED);
        if (!(b->marks[at] & PVMEMCONTROL_MARK_LOCKED)) {
            munlock(b->host + at * b->page_size, (next - at) * b->page_size);
        }
    }
    return ret;
}

static bool is_whole_pages(PVMemcontrolBlock *b, void *host, hwaddr len)
{
    return QEMU_IS_ALIGNED((char *)host - b->host, b->page_size) &&
           QEMU_IS_ALIGNED(len, b->page_size);
}

/*
 * Is a part of a huge page to be other than the rest?  The host refuses that,
 * but not before it has changed the mappings that come first, and does not take
 * these back.
 */
static bool changes_part(PVMemcontrolBlock *b, void *host, hwaddr len,
                         const PVMemcontrolChange *c)
{
    hwaddr start = (char *)host - b->host;
    hwaddr end = ROUND_UP(start + len, qemu_real_host_page_size());
    size_t first = start / b->page_size, last = (end - 1) / b->page_size;

    return (!QEMU_IS_ALIGNED(start, b->page_size) &&
            changed(b, first, c) != b->marks[first]) ||
           (!QEMU_IS_ALIGNED(end, b->page_size) &&
            changed(b, last, c) != b->marks[last]);
}

/* The system call for a change of one kind of marks, on the range as given */
static int host_change(PVMemcontrolBlock *b, void *host, hwaddr len,
                       const PVMemcontrolChange *c, uint64_t name)
{
    size_t first = ((char *)host - b->host) / b->page_size;
    size_t end = DIV_ROUND_UP((char *)host - b->host + len, b->page_size);

    switch (c->mask) {
    case PVMEMCONTROL_MARK_PROT:
    case PVMEMCONTROL_MARK_FORBIDS:
        if (changes_part(b, host, len, c)) {
            return EINVAL;
        }
        return c->mask & PVMEMCONTROL_MARK_GUARD ?
               host_open(b, first, end, c) : host_protect(b, first, end, c);
    case PVMEMCONTROL_MARK_GUARD:
        /* A range may have come from where pages were smaller. */
        if (!is_whole_pages(b, host, len)) {
            return EINVAL;
        }
        return c->value ? pvmemcontrol_guard_pages(b, first, end) :
                          pvmemcontrol_unguard_pages(b, first, end);
    case PVMEMCONTROL_MARK_DONTDUMP:
        if (changes_part(b, host, len, c)) {
            return EINVAL;
        }
        return host_errno(madvise(host, len, c->value ? MADV_DONTDUMP :
                                  MADV_DODUMP));
    case PVMEMCONTROL_MARK_LOCKED:
        if (c->value) {
            return host_lock(b, host, len);
        }
        /* Where all of QEMU is locked, no part of it is unlocked. */
        return enable_mlock ? 0 : host_errno(munlock(host, len));
    case PVMEMCONTROL_MARK_MERGE:
        return host_errno(madvise(host, len,
                                  c->value == PVMEMCONTROL_MARK_MERGEABLE ?
                                  MADV_MERGEABLE : MADV_UNMERGEABLE));
    default:
        return host_name(host, len, name);
    }
}

/* -- Changes ------------------------------------------------------------- */

uint64_t pvmemcontrol_count_begins(PVMemcontrolBlock *b, size_t first,
                                   size_t end, const PVMemcontrolChange *c)
{
    uint32_t before = first ? b->marks[first - 1] & b->mapping_marks : 0;
    uint64_t nr = 0;
    size_t i;

    for (i = first; i <= end && i < b->nr_pages; i++) {
        uint32_t mark = c && i < end ? changed(b, i, c) : b->marks[i];

        mark &= b->mapping_marks;
        nr += mark && mark != before;
        before = mark;
    }
    return nr;
}

uint64_t pvmemcontrol_count_pages(PVMemcontrolBlock *b, size_t first,
                                  size_t end, uint32_t mark)
{
    uint64_t nr = 0;
    size_t i;

    for (i = first; i < end; i++) {
        nr += !!(b->marks[i] & mark);
    }
    return nr;
}

static uint64_t count_locked(PVMemcontrolBlock *b, size_t first, size_t end)
{
    return pvmemcontrol_count_pages(b, first, end, PVMEMCONTROL_MARK_LOCKED) *
           b->page_size;
}

/* Is there an edge at each page of a range, after such a change? */
static bool makes_edges(PVMemcontrolBlock *b, const PVMemcontrolChange *c)
{
    return b->page_size > qemu_real_host_page_size() &&
           c->value & (PVMEMCONTROL_MARK_FORBIDS | PVMEMCONTROL_MARK_DONTDUMP);
}

uint64_t pvmemcontrol_count_edges(PVMemcontrolBlock *b, size_t first,
                                  size_t end, const PVMemcontrolChange *c)
{
    size_t stop = MIN(end + 1, b->nr_pages);

    return makes_edges(b, c) ?
           stop - first - pvmemcontrol_count_pages(b, first, stop,
                                                   PVMEMCONTROL_MARK_EDGE) : 0;
}

static void add_edges(PVMemcontrolBlock *b, size_t first, size_t end,
                      const PVMemcontrolChange *c)
{
    size_t stop = MIN(end + 1, b->nr_pages), i;

    if (!makes_edges(b, c)) {
        return;
    }
    qatomic_set(&nr_edges,
                nr_edges + pvmemcontrol_count_edges(b, first, end, c));
    for (i = first; i < stop; i++) {
        qatomic_set(&b->marks[i], b->marks[i] | PVMEMCONTROL_MARK_EDGE);
    }
}

static void add_guards(PVMemcontrolBlock *b, uint64_t nr)
{
    qatomic_set(&nr_guards, nr_guards + nr);
    if (b->guard_kind == PVMEMCONTROL_GUARD_INSTALL) {
        qatomic_set(&nr_guards_installed, nr_guards_installed + nr);
    }
}

int pvmemcontrol_marks_change(PVMemcontrolBlock *b, void *host, hwaddr len,
                              const PVMemcontrolChange *c, uint64_t name)
{
    size_t first = ((char *)host - b->host) / b->page_size;
    size_t end = DIV_ROUND_UP((char *)host - b->host + len, b->page_size);
    uint64_t ranges = nr_ranges -
                      pvmemcontrol_count_begins(b, first, end, NULL) +
                      pvmemcontrol_count_begins(b, first, end, c);
    size_t i;
    int ret;

    ret = host_change(b, host, len, c, name);
    if (ret != EINVAL) {
        /* After another error there may be some of them. */
        add_edges(b, first, end, c);
    }
    if (ret) {
        return ret;
    }
    if (c->mask == PVMEMCONTROL_MARK_LOCKED) {
        qatomic_set(&locked_bytes, locked_bytes - count_locked(b, first, end) +
                    (c->value ? (end - first) * b->page_size : 0));
    }
    if (c->mask & PVMEMCONTROL_MARK_GUARD) {
        add_guards(b, (c->value ? end - first : 0) -
                      pvmemcontrol_count_pages(b, first, end,
                                               PVMEMCONTROL_MARK_GUARD));
        trace_pvmemcontrol_guard(host, len, c->value, nr_guards);
    }
    for (i = first; i < end; i++) {
        uint32_t mark = changed(b, i, c);

        nr_forbidden += !!(mark & PVMEMCONTROL_MARK_FORBIDS) -
                        !!(b->marks[i] & PVMEMCONTROL_MARK_FORBIDS);
        /* A page of the table that is not needed is not made. */
        if (mark != b->marks[i]) {
            pvmemcontrol_page_mark(b, i, mark);
        }
    }
    qatomic_set(&nr_ranges, ranges);
    if (c->mask & PVMEMCONTROL_MARK_FORBIDS) {
        /* Pairs with the one of who opens a page. */
        smp_mb();
        pvmemcontrol_pages_reopen(b, first, end);
    }
    return 0;
}

/* -- Undone ------------------------------------------------------------- */

/* What a page is without advice is up to whoever has started this QEMU. */
static void default_advice(RAMBlock *block, int *dump, int *merge)
{
    Object *owner = block ? memory_region_owner(block->mr) : NULL;
    HostMemoryBackend *backend = (HostMemoryBackend *)
        object_dynamic_cast(owner, TYPE_MEMORY_BACKEND);
    MachineState *machine = MACHINE(qdev_get_machine());
    bool dumped = backend ? backend->dump : machine_dump_guest_core(machine);
    bool merged = backend ? backend->merge : machine_mem_merge(machine);

    *dump = dumped ? MADV_DODUMP : MADV_DONTDUMP;
    *merge = merged ? MADV_MERGEABLE : MADV_UNMERGEABLE;
}

/*
 * Cannot fail on a mapping that is whole, and nobody could help it.  Names and
 * advice are no matter of what the guest finds, but they take mappings.  The
 * marks themselves, and guards that take none, are for reset_block().
 */
static void reset_range(PVMemcontrolBlock *b, size_t first, size_t nr,
                        uint32_t mark)
{
    void *host = b->host + first * b->page_size;
    hwaddr len = nr * b->page_size;
    int dump, merge;

    default_advice(b->block, &dump, &merge);

    if (mark & b->prot_marks) {
        mprotect(host, len, PROT_READ | PROT_WRITE);
    }
    if (mark & PVMEMCONTROL_MARK_LOCKED && !enable_mlock) {
        munlock(host, len);
    }
    if (mark & PVMEMCONTROL_MARK_DONTDUMP) {
        madvise(host, len, dump);
    }
    if (mark & PVMEMCONTROL_MARK_MERGE) {
        madvise(host, len, merge);
    }
    if (mark & PVMEMCONTROL_MARK_NAME) {
        host_name(host, len, 0);
    }
}

/*
 * Of guards that are installed there may be one for every second page: they are
 * removed from the first to the last at once, where they are and where not.
 */
static void reset_block(PVMemcontrolBlock *b)
{
    size_t first = b->nr_pages, end = 0, i;

    for (i = 0; i < b->nr_pages; i++) {
        if (b->marks[i] & PVMEMCONTROL_MARK_GUARD) {
            first = MIN(first, i);
            end = i + 1;
        }
    }
    if (first < end) {
        pvmemcontrol_guard_remove(b, first, end);
    }
    /* Then: who finds no mark does not wait for this lock. */
    for (i = 0; i < b->nr_pages; i++) {
        /* A page of the table that is not needed is not made. */
        if (b->marks[i] & ~PVMEMCONTROL_MARK_EDGE) {
            qatomic_set(&b->marks[i], b->marks[i] & PVMEMCONTROL_MARK_EDGE);
        }
    }
    pvmemcontrol_open_block_reset(b);
}

/* Under the lock */
static void reset_all(void)
{
    PVMemcontrolBlocks *all = pvmemcontrol_blocks();
    PVMemcontrolBlock *b;
    size_t first, next;
    unsigned int k;

    PVMEMCONTROL_FOR_EACH_MARKED(all, k, b, first, next, b->mapping_marks) {
        reset_range(b, first, next - first, b->marks[first]);
    }
    for (k = 0; all && k < all->nr; k++) {
        reset_block(all->block[k]);
    }
    qatomic_set(&nr_ranges, 0);
    qatomic_set(&locked_bytes, 0);
    qatomic_set(&nr_guards, 0);
    qatomic_set(&nr_guards_installed, 0);
    nr_forbidden = 0;
    permit_pinning();
    pvmemcontrol_names_forget();
}

void pvmemcontrol_marks_reset(PVMemcontrolState *s)
{
    pvmemcontrol_marks_lock();
    nr_resets++;
    if (s->has_told) {
        reset_all();
        qatomic_set(&s->has_told, false);
    }
    pvmemcontrol_marks_unlock();
}

void pvmemcontrol_marks_block_gone(PVMemcontrolBlock *b)
{
    qatomic_set(&nr_ranges, nr_ranges -
                pvmemcontrol_count_begins(b, 0, b->nr_pages, NULL));
    qatomic_set(&locked_bytes, locked_bytes - count_locked(b, 0, b->nr_pages));
    add_guards(b, -pvmemcontrol_count_pages(b, 0, b->nr_pages,
                                            PVMEMCONTROL_MARK_GUARD));
    qatomic_set(&nr_edges, nr_edges -
                pvmemcontrol_count_pages(b, 0, b->nr_pages,
                                         PVMEMCONTROL_MARK_EDGE));
    nr_forbidden -= pvmemcontrol_count_pages(b, 0, b->nr_pages,
                                             PVMEMCONTROL_MARK_FORBIDS);
    permit_pinning();
}
