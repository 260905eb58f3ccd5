/*
 * pvmemcontrol: requests that change marks
 *
 * Whether it may be is said for the whole of a range before any of it is
 * changed.  Then it is changed a piece at a time, for what the host does to a
 * long one takes long, and who waits for the lock of the marks may have the
 * iothread lock.
 *
 * DOC: Locking
 *
 * One request changes marks at a time, also while it has given the lock of the
 * marks away: what it has found out stays so but for a reset, and for RAM that
 * is unplugged, and it ends where it meets these.  That lock is taken before
 * the one of the marks, by nobody who has that or is in a signal handler.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <pthread.h>
#include "exec/cpu-common.h"
#include "migration/misc.h"
#include "qemu/bitmap.h"
#include "qemu/units.h"
#include "pvmemcontrol-internal.h"
#include "trace.h"

/* Newer than the oldest C library that QEMU builds with */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* What is changed before whoever waits gets the lock */
#define PIECE (128 * MiB)
/* The host has to find memory for it. */
#define LOCK_PIECE (2 * MiB)

static pthread_mutex_t changing = PTHREAD_MUTEX_INITIALIZER;

/* A request on the way */
typedef struct Work {
    PVMemcontrolState *s;
    PVMemcontrolBlock *b;
    hwaddr start;
    hwaddr end;
    PVMemcontrolChange change;
    uint64_t name;
    /* How many resets there had been when it began */
    uint64_t resets;
    /* Pages that were locked, or guarded, before, if they will be, in pieces */
    unsigned long *before;
} Work;

static size_t first_page(const Work *w)
{
    return w->start / w->b->page_size;
}

static size_t end_page(const Work *w)
{
    return DIV_ROUND_UP(w->end, w->b->page_size);
}

/* -- Before -------------------------------------------------------------- */

/* How functions change marks, but for names */
static const struct {
    uint64_t func_code;
    PVMemcontrolChange change;
} changes[] = {
    { PVMEMCONTROL_DONTDUMP,
      { PVMEMCONTROL_MARK_DONTDUMP, PVMEMCONTROL_MARK_DONTDUMP } },
    { PVMEMCONTROL_MLOCK,
      { PVMEMCONTROL_MARK_LOCKED, PVMEMCONTROL_MARK_LOCKED } },
    { PVMEMCONTROL_MUNLOCK, { PVMEMCONTROL_MARK_LOCKED, 0 } },
    { PVMEMCONTROL_MPROTECT_NONE,
      { PVMEMCONTROL_MARK_PROT, PVMEMCONTROL_MARK_PROT_NONE } },
    { PVMEMCONTROL_MPROTECT_R,
      { PVMEMCONTROL_MARK_PROT, PVMEMCONTROL_MARK_PROT_R } },
    { PVMEMCONTROL_MPROTECT_W,
      { PVMEMCONTROL_MARK_PROT, PVMEMCONTROL_MARK_PROT_W } },
    { PVMEMCONTROL_MPROTECT_RW, { PVMEMCONTROL_MARK_FORBIDS, 0 } },
    { PVMEMCONTROL_MERGEABLE,
      { PVMEMCONTROL_MARK_MERGE, PVMEMCONTROL_MARK_MERGEABLE } },
    { PVMEMCONTROL_UNMERGEABLE,
      { PVMEMCONTROL_MARK_MERGE, PVMEMCONTROL_MARK_UNMERGEABLE } },
    { PVMEMCONTROL_GUARD,
      { PVMEMCONTROL_MARK_GUARD, PVMEMCONTROL_MARK_GUARD } },
    { PVMEMCONTROL_UNGUARD, { PVMEMCONTROL_MARK_GUARD, 0 } },
};

/* With the lock of the marks: returns false if there are too many names. */
static bool change_of(const PVMemcontrolCall *call, PVMemcontrolChange *c)
{
    unsigned int i;

    if (call->func_code == PVMEMCONTROL_SET_VMA_ANON_NAME) {
        c->mask = PVMEMCONTROL_MARK_NAME;
        c->value = pvmemcontrol_name_mark(call->arg);
        return !call->arg || c->value;
    }
    for (i = 0; i < ARRAY_SIZE(changes); i++) {
        if (changes[i].func_code == call->func_code) {
            *c = changes[i].change;
            return true;
        }
    }
    g_assert_not_reached();
}

/*
 * What cannot be, whatever the limits: locked is what cannot be dropped, and
 * where the guard is, there is nothing to lock.
 */
static int check_kind(const Work *w)
{
    PVMemcontrolBlock *b = w->b;

    switch (w->change.value) {
    case PVMEMCONTROL_MARK_GUARD:
        return b->guard_kind == PVMEMCONTROL_GUARD_NEVER ? EOPNOTSUPP :
               pvmemcontrol_count_pages(b, first_page(w), end_page(w),
                                        PVMEMCONTROL_MARK_LOCKED) ? EINVAL : 0;
    case PVMEMCONTROL_MARK_LOCKED:
        /* By postcopy, page after page would be asked for and waited for. */
        return migration_in_incoming_postcopy() ? EBUSY :
               pvmemcontrol_count_pages(b, first_page(w), end_page(w),
                                        PVMEMCONTROL_MARK_GUARD) ? EINVAL : 0;
    default:
        return 0;
    }
}

static int check_limits(const Work *w)
{
    const PVMemcontrolChange *c = &w->change;
    size_t first = first_page(w), end = end_page(w);
    uint64_t before = pvmemcontrol_count_begins(w->b, first, end, NULL);
    uint64_t after = pvmemcontrol_count_begins(w->b, first, end, c);
    uint64_t edges = pvmemcontrol_count_edges(w->b, first, end, c);
    /* A range has two edges. */
    uint64_t ranges = pvmemcontrol_nr_ranges() - before + after +
                      DIV_ROUND_UP(pvmemcontrol_nr_edges() + edges, 2);
    uint64_t locked = pvmemcontrol_locked_bytes(), bytes = locked;
    bool fits;

    if (c->value == PVMEMCONTROL_MARK_LOCKED) {
        bytes += (end - first -
                  pvmemcontrol_count_pages(w->b, first, end, c->mask)) *
                 w->b->page_size;
    }
    fits = (ranges <= w->s->max_ranges || (after <= before && !edges)) &&
           (bytes <= w->s->max_locked_bytes || bytes <= locked);
    if (!fits) {
        trace_pvmemcontrol_limit(ranges, bytes);
    }
    return fits ? 0 : ENOSPC;
}

/* -- A piece at a time --------------------------------------------------- */

static hwaddr piece_end(const Work *w, hwaddr at)
{
    hwaddr page = w->b->page_size;
    hwaddr size = MAX(page, w->change.mask == PVMEMCONTROL_MARK_LOCKED ?
                            LOCK_PIECE : PIECE);

    /* What is not whole pages of the block is refused before any of it. */
    return QEMU_IS_ALIGNED(w->start | w->end, page) ?
           MIN(w->end, QEMU_ALIGN_DOWN(at, size) + size) : w->end;
}

/* With the lock of the marks: is there nothing more to do, and no answer? */
static bool is_overtaken(const Work *w)
{
    return qatomic_read(&w->s->gone) ||
           w->resets != pvmemcontrol_nr_resets() ||
           pvmemcontrol_block_find(w->b->host) != w->b;
}

static int change_piece(const Work *w, hwaddr at, hwaddr end,
                        const PVMemcontrolChange *c)
{
    int ret;

    pvmemcontrol_marks_lock();
    if (is_overtaken(w)) {
        ret = ECANCELED;
    } else if (c->value == PVMEMCONTROL_MARK_GUARD &&
               pvmemcontrol_guard_is_barred()) {
        ret = EBUSY;
    } else {
        if (c->value) {
            /* Also if it fails: a part of it may have been done. */
            qatomic_set(&w->s->has_told, true);
        }
        ret = pvmemcontrol_marks_change(w->b, w->b->host + at, end - at, c,
                                        w->name);
    }
    pvmemcontrol_marks_unlock();
    return ret;
}

static void note_before(Work *w)
{
    size_t first = first_page(w), nr = end_page(w) - first, i;

    w->before = bitmap_new(nr);
    for (i = 0; i < nr; i++) {
        if (w->b->marks[first + i] & w->change.mask) {
            set_bit(i, w->before);
        }
    }
}

/* Up to @end, where it was not so before */
static void undo(const Work *w, hwaddr end)
{
    const PVMemcontrolChange c = { .mask = w->change.mask };
    size_t page = w->b->page_size, first = first_page(w);
    size_t nr = end / page - first, i = 0, next;

    while ((i = find_next_zero_bit(w->before, nr, i)) < nr) {
        next = find_next_bit(w->before, nr, i);
        next = MIN(next, piece_end(w, (first + i) * page) / page - first);
        change_piece(w, (first + i) * page, (first + next) * page, &c);
        i = next;
    }
}

/*
 * Is this what the host says when it has no more mappings for this process?
 * Advice and names have another word for it.  Locking has many reasons to fail
 * so: what is in there is forbidden, say, or the host has a limit of its own.
 */
static bool no_mapping_left(const PVMemcontrolChange *c, int host_errno)
{
    const uint32_t advice = PVMEMCONTROL_MARK_DONTDUMP |
                            PVMEMCONTROL_MARK_MERGE | PVMEMCONTROL_MARK_NAME;

    if (c->mask == PVMEMCONTROL_MARK_LOCKED && c->value) {
        return false;
    }
    return host_errno == ENOMEM || (host_errno == EAGAIN && c->mask & advice);
}

/*
 * What is to be locked or guarded is that in the end, or nothing is that was
 * not before.  Other changes may have been made in part.
 */
static int change_all(Work *w)
{
    bool undoes = w->change.value == PVMEMCONTROL_MARK_LOCKED ||
                  w->change.value == PVMEMCONTROL_MARK_GUARD;
    hwaddr at = w->start, next;
    int ret = 0;

    if (undoes && piece_end(w, at) < w->end) {
        note_before(w);
    }
    for (; at < w->end; at = next) {
        if (at > w->start && pvmemcontrol_must_leave()) {
            ret = EAGAIN;
            break;
        }
        next = piece_end(w, at);
        ret = change_piece(w, at, next, &w->change);
        if (ret) {
            break;
        }
    }
    if (ret && w->before) {
        undo(w, at);
        at = w->start;
    }
    g_free(w->before);
    /*
     * ENOSPC says that nothing has changed; and to who knows 1.0 alone, it is
     * whatever the host says.
     */
    if (at == w->start && qatomic_read(&w->s->used_minor) &&
        no_mapping_left(&w->change, ret)) {
        ret = ENOSPC;
    }
    return ret;
}

/*
 * What has no page yet, and is divided, gets what belongs to its pages part by
 * part (anon_vma), and parts that have different ones stay mappings apart,
 * which is not counted.  So it gets a page first.  Older hosts do not know that
 * call.
 */
static void see_that_it_rejoins(const Work *w)
{
    PVMemcontrolBlock *b = w->b;

    /* By postcopy, the page would be waited for. */
    if (b->rejoins || migration_in_incoming_postcopy()) {
        return;
    }
    if (b->block && !qemu_ram_is_shared(b->block) &&
        b->page_size == qemu_real_host_page_size()) {
        madvise(b->host + first_page(w) * b->page_size, b->page_size,
                MADV_POPULATE_WRITE);
    }
    b->rejoins = true;
}

int pvmemcontrol_marks_set(PVMemcontrolState *s, void *host, hwaddr len,
                           const PVMemcontrolCall *call)
{
    Work w = { .s = s, .name = call->arg };
    bool forbids;
    int ret = ENOSPC;

    /* The block is there until its RCU critical section ends. */
    RCU_READ_LOCK_GUARD();
    pthread_mutex_lock(&changing);
    if (pvmemcontrol_must_leave()) {
        /* Or each vCPU that has waited would do its first piece in turn. */
        pthread_mutex_unlock(&changing);
        return EAGAIN;
    }
    pvmemcontrol_marks_lock();
    w.b = qatomic_read(&s->gone) ? NULL : pvmemcontrol_block_find(host);
    if (w.b && change_of(call, &w.change)) {
        w.start = (char *)host - w.b->host;
        w.end = w.start + len;
        w.resets = pvmemcontrol_nr_resets();
        forbids = w.change.value & PVMEMCONTROL_MARK_FORBIDS;
        ret = forbids && !pvmemcontrol_marks_forbid_begin() ? EBUSY : 0;
    }
    pvmemcontrol_marks_unlock();
    ret = ret ?: check_kind(&w);
    ret = ret ?: check_limits(&w);
    if (!ret) {
        see_that_it_rejoins(&w);
        ret = change_all(&w);
    }
    if (w.change.mask & PVMEMCONTROL_MARK_FORBIDS) {
        pvmemcontrol_marks_lock();
        pvmemcontrol_marks_forbid_end();
        pvmemcontrol_marks_unlock();
    }
    pthread_mutex_unlock(&changing);
    return ret;
}
