/*
 * pvmemcontrol: open pages, and what the host is told of them
 *
 * DOC: What the host is told
 *
 * A page that is forbidden and was opened in the host is unsealed.  Each run of
 * such pages may take two mappings of the host more than what is protected.  So
 * there are only so many of them.  Then all that is marked alike around a
 * page is opened with it, and kept open: not sealed until nobody has any of it
 * open any more.  The main loop looks for that now and then, as closing a page
 * is to take no time that others determine.  A long run that is closed is left
 * to it as well, and so are many short ones: they may be open again by then.
 *
 * What is unsealed, and not kept, and nobody has open, will be sealed by
 * whoever has closed it, and waits for the lock.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/visitor.h"
#include "qemu/bitmap.h"
#include "qemu/main-loop.h"
#include "qemu/timer.h"
#include "pvmemcontrol-internal.h"
#include "trace.h"

/* Pages that are looked at together: whether any of them is forbidden */
#define CHUNK 512

/* A run of more pages than this is not sealed when it is closed. */
#define LONG_RUN 64
/* Nor is any between two looks of the main loop, after so many that were. */
#define MAX_SEALED 1024
/* How often is looked for what is kept open and nobody needs any more */
#define KEPT_NS (100 * SCALE_MS)

/* So many runs are unsealed; for the tests, it can be set. */
static uint32_t max_open = 4096;
/* Under the lock of the marks */
static uint32_t nr_unsealed_runs;
static uint32_t nr_sealed;

static QEMUBH *kept_bh;
static QEMUTimer *kept_timer;

/* -- In use -------------------------------------------------------------- */

bool pvmemcontrol_page_in_use(PVMemcontrolBlock *b, size_t page)
{
    return test_bit(page, b->kept) || pvmemcontrol_page_is_open(b, page);
}

bool pvmemcontrol_run_in_use(PVMemcontrolBlock *b, size_t first, size_t end,
                             size_t *next)
{
    bool in_use = pvmemcontrol_page_in_use(b, first);
    size_t at = first;

    while (at < end && pvmemcontrol_page_in_use(b, at) == in_use) {
        if (test_bit(at, b->kept)) {
            at = find_next_zero_bit(b->kept, end, at);
        } else {
            pvmemcontrol_open_run(b, at, end, next);
            at = in_use ? *next : find_next_bit(b->kept, *next, at);
        }
    }
    *next = at;
    return in_use;
}

/* -- Marks --------------------------------------------------------------- */

static bool forbids(uint32_t mark)
{
    return mark & PVMEMCONTROL_MARK_FORBIDS;
}

/* Without the lock; who marks a page counts it here before looking at users. */
static bool any_forbidden(PVMemcontrolBlock *b, size_t first, size_t end)
{
    size_t chunk;

    for (chunk = first / CHUNK; chunk < DIV_ROUND_UP(end, CHUNK); chunk++) {
        if (qatomic_read(&b->nr_forbidden[chunk])) {
            return true;
        }
    }
    return false;
}

static uint32_t runs_begin(PVMemcontrolBlock *b, size_t first, size_t end)
{
    uint32_t nr = 0;
    size_t at = first;

    end = MIN(end + 1, b->nr_pages);
    if (first && test_bit(first - 1, b->unsealed)) {
        at = find_next_zero_bit(b->unsealed, end, at);
    }
    while ((at = find_next_bit(b->unsealed, end, at)) < end) {
        nr++;
        at = find_next_zero_bit(b->unsealed, end, at);
    }
    return nr;
}

/* The host was told, and this is what it was told. */
static void note_unsealed(PVMemcontrolBlock *b, size_t first, size_t end,
                          bool unsealed)
{
    size_t chunk;

    nr_unsealed_runs -= runs_begin(b, first, end);
    if (unsealed) {
        bitmap_set(b->unsealed, first, end - first);
    } else {
        bitmap_clear(b->unsealed, first, end - first);
        bitmap_clear(b->kept, first, end - first);
    }
    nr_unsealed_runs += runs_begin(b, first, end);
    for (chunk = first / CHUNK; chunk < DIV_ROUND_UP(end, CHUNK); chunk++) {
        size_t begin = chunk * CHUNK;

        b->nr_unsealed[chunk] =
            bitmap_count_one(b->unsealed + BIT_WORD(begin),
                             MIN(CHUNK, b->nr_pages - begin));
    }
}

static size_t next_unsealed(PVMemcontrolBlock *b, size_t first, size_t end)
{
    while (first < end && !b->nr_unsealed[first / CHUNK]) {
        first = QEMU_ALIGN_DOWN(first, CHUNK) + CHUNK;
    }
    return first < end ? find_next_bit(b->unsealed, end, first) : end;
}

void pvmemcontrol_page_mark(PVMemcontrolBlock *b, size_t page, uint32_t mark)
{
    uint32_t *nr = &b->nr_forbidden[page / CHUNK];

    qatomic_set(nr, *nr + forbids(mark) - forbids(b->marks[page]));
    qatomic_set(&b->marks[page], mark);
    if (!forbids(mark) && test_bit(page, b->unsealed)) {
        note_unsealed(b, page, page + 1, false);
    }
}

void pvmemcontrol_open_block_reset(PVMemcontrolBlock *b)
{
    size_t chunk, at, next;

    for (chunk = 0; chunk < DIV_ROUND_UP(b->nr_pages, CHUNK); chunk++) {
        qatomic_set(&b->nr_forbidden[chunk], 0);
    }
    for (at = next_unsealed(b, 0, b->nr_pages); at < b->nr_pages;
         at = next_unsealed(b, next, b->nr_pages)) {
        next = find_next_zero_bit(b->unsealed, b->nr_pages, at);
        note_unsealed(b, at, next, false);
    }
}

/* -- Unseal and seal ----------------------------------------------------- */

static void keep_open(PVMemcontrolBlock *b, size_t first, size_t end)
{
    bitmap_set(b->kept, first, end - first);
    b->any_kept = true;
    qemu_bh_schedule(kept_bh);
}

/* What tells pages apart, for the host and for guards */
static uint32_t alike_marks(PVMemcontrolBlock *b)
{
    return b->mapping_marks | PVMEMCONTROL_MARK_FORBIDS;
}

/* Does the host forbid this page by a guard, and by nothing else? */
static bool only_installed(PVMemcontrolBlock *b, size_t page)
{
    return b->guard_kind == PVMEMCONTROL_GUARD_INSTALL &&
           b->marks[page] & PVMEMCONTROL_MARK_GUARD &&
           !(b->marks[page] & b->prot_marks);
}

static int host_open(PVMemcontrolBlock *b, size_t first, size_t end)
{
    return pvmemcontrol_host_protect(b, first, end, PROT_READ | PROT_WRITE);
}

static int open_and_keep(PVMemcontrolBlock *b, size_t first, size_t end)
{
    int ret = host_open(b, first, end);

    if (!ret) {
        pvmemcontrol_guard_remove(b, first, end);
        note_unsealed(b, first, end, true);
        keep_open(b, first, end);
    }
    return ret;
}

/* The pages around one that are marked as it is */
static void run_around(PVMemcontrolBlock *b, size_t page, size_t *first,
                       size_t *end)
{
    uint32_t mask = alike_marks(b);
    uint32_t mark = b->marks[page] & mask;

    *end = pvmemcontrol_run_end(b, page, b->nr_pages, mask);
    for (*first = page; *first && (b->marks[*first - 1] & mask) == mark;
         --*first) {
        /* All of these */
    }
}

/*
 * A page with others.  To make them mappings of their own may take one that is
 * not to be had: then with all that is forbidden around, for what is beside
 * that is another mapping already.
 */
static void unseal_more(PVMemcontrolBlock *b, size_t page)
{
    size_t first, end;

    run_around(b, page, &first, &end);
    if (!open_and_keep(b, first, end)) {
        return;
    }
    while (first && forbids(b->marks[first - 1])) {
        first--;
    }
    while (end < b->nr_pages && forbids(b->marks[end])) {
        end++;
    }
    open_and_keep(b, first, end);
}

/* These are marked alike. */
static void unseal(PVMemcontrolBlock *b, size_t first, size_t end)
{
    if (nr_unsealed_runs >= qatomic_read(&max_open) ||
        (!only_installed(b, first) && host_open(b, first, end))) {
        unseal_more(b, first);
        return;
    }
    if (b->marks[first] & PVMEMCONTROL_MARK_GUARD) {
        pvmemcontrol_guard_remove(b, first, end);
    }
    note_unsealed(b, first, end, true);
}

/* Somebody has all of these open.  Returns how many had to be unsealed. */
static uint64_t unseal_sealed(PVMemcontrolBlock *b, size_t first, size_t end)
{
    uint64_t nr = 0;
    size_t next;

    for (; first < end; first = next) {
        size_t chunk = first / CHUNK;

        if (b->nr_forbidden[chunk] <= b->nr_unsealed[chunk]) {
            next = (chunk + 1) * CHUNK;
        } else if (!forbids(b->marks[first]) || test_bit(first, b->unsealed)) {
            next = first + 1;
        } else {
            next = find_next_bit(b->unsealed, end, first);
            next = pvmemcontrol_run_end(b, first, next, alike_marks(b));
            unseal(b, first, next);
            nr += next - first;
        }
    }
    return nr;
}

uint64_t pvmemcontrol_pages_reopen(PVMemcontrolBlock *b, size_t first,
                                   size_t end)
{
    uint64_t nr = 0;
    size_t next;

    for (; first < end; first = next) {
        if (pvmemcontrol_open_run(b, first, end, &next)) {
            nr += unseal_sealed(b, first, next);
        }
    }
    return nr;
}

static int seal(PVMemcontrolBlock *b, size_t first, size_t end)
{
    size_t at, next;
    int ret = 0;

    for (at = first; at < end && !ret; at = next) {
        next = pvmemcontrol_run_end(b, at, end, alike_marks(b));
        if (!only_installed(b, at)) {
            ret = pvmemcontrol_host_protect(b, at, next,
                      pvmemcontrol_host_prot(b, b->marks[at]));
        }
    }
    if (ret) {
        /* It may have come half way. */
        host_open(b, first, end);
        return ret;
    }
    pvmemcontrol_guard_reseal(b, first, end);
    note_unsealed(b, first, end, false);
    return 0;
}

/* Would it make two runs that are unsealed out of one, and be one too many? */
static bool splits_too_many(PVMemcontrolBlock *b, size_t first, size_t end)
{
    return nr_unsealed_runs >= qatomic_read(&max_open) &&
           first && test_bit(first - 1, b->unsealed) &&
           end < b->nr_pages && test_bit(end, b->unsealed);
}

/* Marked as they are, and nobody has these open any more. */
static void reseal(PVMemcontrolBlock *b, size_t first, size_t end)
{
    if (end - first > LONG_RUN || nr_sealed++ >= MAX_SEALED ||
        splits_too_many(b, first, end) || seal(b, first, end)) {
        keep_open(b, first, end);
    }
}

void pvmemcontrol_pages_reseal(PVMemcontrolBlock *b, size_t first, size_t end)
{
    size_t at = first, stop, next;

    while ((at = next_unsealed(b, at, end)) < end) {
        stop = find_next_zero_bit(b->unsealed, end, at);
        for (; at < stop; at = next) {
            if (!pvmemcontrol_run_in_use(b, at, stop, &next)) {
                reseal(b, at, next);
            }
        }
    }
}

int pvmemcontrol_pages_protect(PVMemcontrolBlock *b, size_t first, size_t end,
                               int prot)
{
    uint32_t runs = nr_unsealed_runs;
    size_t at, next;
    int ret = 0;

    if (prot == (PROT_READ | PROT_WRITE)) {
        return host_open(b, first, end);
    }
    for (at = first; at < end && !ret; at = next) {
        if (!pvmemcontrol_run_in_use(b, at, end, &next)) {
            ret = pvmemcontrol_host_protect(b, at, next, prot);
        } else if (++runs > qatomic_read(&max_open)) {
            /* All of it will be when none of it is in use. */
            return open_and_keep(b, first, end);
        }
    }
    return ret;
}

int pvmemcontrol_pages_seal(PVMemcontrolBlock *b, size_t first, size_t nr)
{
    size_t end = first + nr, at, next;
    int ret, first_ret = 0;

    for (at = first; at < end; at = next) {
        next = pvmemcontrol_run_end(b, at, end, b->prot_marks);
        ret = pvmemcontrol_host_protect(b, at, next,
                  pvmemcontrol_host_prot(b, b->marks[at]));
        first_ret = first_ret ?: ret;
    }
    for (at = next_unsealed(b, first, end); at < end;
         at = next_unsealed(b, next, end)) {
        next = find_next_zero_bit(b->unsealed, end, at);
        note_unsealed(b, at, next, false);
        pvmemcontrol_guard_reseal(b, at, next);
    }
    return first_ret;
}

void pvmemcontrol_page_heal(PVMemcontrolBlock *b, size_t page)
{
    uint32_t mark = b->marks[page];
    size_t first, end;

    if (forbids(mark) && pvmemcontrol_page_in_use(b, page)) {
        unseal(b, page, page + 1);
        return;
    }
    if (!(mark & PVMEMCONTROL_MARK_GUARD)) {
        pvmemcontrol_guard_remove(b, page, page + 1);
    }
    if (pvmemcontrol_host_protect(b, page, page + 1,
                                  pvmemcontrol_host_prot(b, mark))) {
        run_around(b, page, &first, &end);
        pvmemcontrol_pages_seal(b, first, end - first);
        pvmemcontrol_pages_reopen(b, first, end);
    }
}

/* -- Open and close ------------------------------------------------------ */

bool pvmemcontrol_users_change(PVMemcontrolBlock *b, size_t first, size_t end,
                               bool more)
{
    pvmemcontrol_users_count(b, first, end, more);
    /* Pairs with the one of who marks a page. */
    smp_mb();
    return any_forbidden(b, first, end);
}

void pvmemcontrol_pages_open(PVMemcontrolBlock *b, size_t first, size_t end)
{
    if (pvmemcontrol_users_change(b, first, end, true)) {
        pvmemcontrol_pages_reopen(b, first, end);
    }
}

void pvmemcontrol_pages_close(PVMemcontrolBlock *b, size_t first, size_t end)
{
    if (pvmemcontrol_users_change(b, first, end, false)) {
        pvmemcontrol_pages_reseal(b, first, end);
    }
}

/* -- What is kept open --------------------------------------------------- */

/* Returns whether any of it is to be kept on. */
static bool seal_kept(PVMemcontrolBlock *b)
{
    size_t at, next;
    bool any = false;

    for (at = find_next_bit(b->kept, b->nr_pages, 0); at < b->nr_pages;
         at = find_next_bit(b->kept, b->nr_pages, next)) {
        next = find_next_zero_bit(b->kept, b->nr_pages, at);
        if (pvmemcontrol_any_open(b, at, next) ||
            splits_too_many(b, at, next)) {
            any = true;
            continue;
        }
        bitmap_clear(b->kept, at, next - at);
        if (seal(b, at, next)) {
            bitmap_set(b->kept, at, next - at);
            any = true;
        }
    }
    return any;
}

static void kept_begins(void *opaque)
{
    if (!timer_pending(kept_timer)) {
        timer_mod(kept_timer,
                  qemu_clock_get_ns(QEMU_CLOCK_REALTIME) + KEPT_NS);
    }
}

static void look_for_kept(void *opaque)
{
    PVMemcontrolBlocks *all;
    bool any = false;
    unsigned int i;

    pvmemcontrol_marks_lock();
    nr_sealed = 0;
    all = pvmemcontrol_blocks();
    for (i = 0; all && i < all->nr; i++) {
        PVMemcontrolBlock *b = all->block[i];

        b->any_kept = b->any_kept && seal_kept(b);
        any |= b->any_kept;
    }
    pvmemcontrol_marks_unlock();
    if (any) {
        kept_begins(NULL);
    }
}

/* -- Life ---------------------------------------------------------------- */

static size_t bits_size(PVMemcontrolBlock *b)
{
    return BITS_TO_LONGS(b->nr_pages) * sizeof(unsigned long);
}

void pvmemcontrol_open_block_init(PVMemcontrolBlock *b)
{
    size_t chunks = DIV_ROUND_UP(b->nr_pages, CHUNK);

    b->nr_forbidden = g_new0(uint32_t, chunks);
    b->nr_unsealed = g_new0(uint32_t, chunks);
    b->unsealed = pvmemcontrol_table_new(bits_size(b));
    b->kept = pvmemcontrol_table_new(bits_size(b));
}

void pvmemcontrol_open_block_free(PVMemcontrolBlock *b)
{
    g_free(b->nr_forbidden);
    g_free(b->nr_unsealed);
    munmap(b->unsealed, bits_size(b));
    munmap(b->kept, bits_size(b));
}

void pvmemcontrol_open_init(void)
{
    kept_bh = qemu_bh_new(kept_begins, NULL);
    kept_timer = timer_new_ns(QEMU_CLOCK_REALTIME, look_for_kept, NULL);
}

static void access_max_open(Object *obj, Visitor *v, const char *name,
                            void *opaque, Error **errp)
{
    uint32_t value = qatomic_read(&max_open);

    if (visit_type_uint32(v, name, &value, errp)) {
        qatomic_set(&max_open, value);
    }
}

void pvmemcontrol_open_add_properties(ObjectClass *klass)
{
    object_class_property_add(klass, "x-max-open", "uint32", access_max_open,
                              access_max_open, NULL, NULL);
    object_class_property_set_description(klass, "x-max-open",
                                          "so many runs of protected pages are opened "
                                          "alone; of the process");
}
