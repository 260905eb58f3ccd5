/*
 * pvmemcontrol: guarded pages, which are forbidden and have no content
 *
 * Where the host can, a guard is an entry of the page table of QEMU's process
 * (MADV_GUARD_INSTALL), and a mapping has any number of them.  Elsewhere it is
 * a protection, which makes the page a mapping of its own.  A block has all of
 * its guards of one kind.
 *
 * Content goes after the page is forbidden, so that nobody adds to it between.
 * On private memory a guard that is installed has dropped it; shared memory
 * keeps it behind the guard, until the file is told.  Whenever a guarded page
 * was open, for an access of QEMU's own, what is in it is dropped again.
 *
 * Migration gives RAM to system calls some time after it has decided to, and
 * all of it can be read then but for guards.  So it copies where there are any;
 * where there are none when it begins, none can be made until it ends.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/falloc.h>
#include "exec/cpu-common.h"
#include "pvmemcontrol-internal.h"
#include "trace.h"

/* Of Linux 6.13, newer than the C library */
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE 103
#endif

/* For the tests, and for who wants each host to behave alike */
static bool install_forbidden;

void pvmemcontrol_guard_forbid_install(void)
{
    install_forbidden = true;
}

/*
 * Under the lock of the marks: a migration is under way, and copies what it
 * sends, because there were guards when it began
 */
static bool sending;
static bool copying;

void pvmemcontrol_guard_sending(bool on)
{
    pvmemcontrol_marks_lock();
    sending = on;
    qatomic_set(&copying, on && pvmemcontrol_nr_guards());
    pvmemcontrol_marks_unlock();
}

bool pvmemcontrol_guard_is_barred(void)
{
    return sending && !copying;
}

bool pvmemcontrol_guard_copying(void)
{
    return qatomic_read(&copying);
}

/* -- What the host can --------------------------------------------------- */

/* Tries it on a page of address space that is backed as the block is. */
static bool can_install(RAMBlock *block)
{
    int fd = qemu_ram_get_fd(block);
    int flags = (qemu_ram_is_shared(block) ? MAP_SHARED : MAP_PRIVATE) |
                (fd < 0 ? MAP_ANONYMOUS : 0);
    size_t size = qemu_ram_pagesize(block);
    void *scratch;
    bool ok;

    scratch = mmap(NULL, size, PROT_READ, flags, fd, 0);
    if (scratch == MAP_FAILED) {
        return false;
    }
    ok = !madvise(scratch, size, MADV_GUARD_INSTALL);
    munmap(scratch, size);
    return ok;
}

void pvmemcontrol_guard_probe(PVMemcontrolBlock *b)
{
    if (!b->block || !pvmemcontrol_block_zeroing(b->block)) {
        b->guard_kind = PVMEMCONTROL_GUARD_NEVER;
    } else if (!install_forbidden && can_install(b->block)) {
        b->guard_kind = PVMEMCONTROL_GUARD_INSTALL;
    } else {
        b->guard_kind = PVMEMCONTROL_GUARD_PROTECT;
    }
    b->mapping_marks = ~PVMEMCONTROL_MARK_EDGE;
    b->prot_marks = PVMEMCONTROL_MARK_PROT;
    if (b->guard_kind == PVMEMCONTROL_GUARD_INSTALL) {
        b->mapping_marks &= ~PVMEMCONTROL_MARK_GUARD;
    } else {
        b->prot_marks |= PVMEMCONTROL_MARK_GUARD;
    }
    trace_pvmemcontrol_guard_kind(b->block ? qemu_ram_get_idstr(b->block) : "",
                                  b->guard_kind);
}

/* -- The system calls ---------------------------------------------------- */

static int host_advise(PVMemcontrolBlock *b, size_t first, size_t end,
                       int advice)
{
    return madvise(b->host + first * b->page_size, (end - first) * b->page_size,
                   advice) ? errno : 0;
}

/* A file is told directly: advice may need a mapping that permits to write. */
static int host_drop(PVMemcontrolBlock *b, size_t first, size_t end)
{
    int fd = qemu_ram_get_fd(b->block);

    if (!qemu_ram_is_shared(b->block)) {
        return host_advise(b, first, end, MADV_DONTNEED);
    }
    if (fd >= 0) {
        return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                         first * b->page_size, (end - first) * b->page_size) ?
               errno : 0;
    }
    return host_advise(b, first, end, MADV_REMOVE);
}

static bool is_installed(PVMemcontrolBlock *b)
{
    return b->guard_kind == PVMEMCONTROL_GUARD_INSTALL;
}

int pvmemcontrol_guard_remove(PVMemcontrolBlock *b, size_t first, size_t end)
{
    return is_installed(b) ? host_advise(b, first, end, MADV_GUARD_REMOVE) : 0;
}

/* -- Guards -------------------------------------------------------------- */

/* Those that somebody has open get theirs when they are closed. */
static int install(PVMemcontrolBlock *b, size_t first, size_t end)
{
    size_t next;
    int ret = 0;

    for (; first < end && !ret; first = next) {
        if (!pvmemcontrol_run_in_use(b, first, end, &next)) {
            ret = host_advise(b, first, next, MADV_GUARD_INSTALL);
        }
    }
    return ret;
}

/* Makes the pages what their marks say, after an error. */
static void take_back(PVMemcontrolBlock *b, size_t first, size_t end)
{
    size_t at, next;

    for (at = first; at < end; at = next) {
        next = pvmemcontrol_run_end(b, at, end, PVMEMCONTROL_MARK_GUARD);
        if (!(b->marks[at] & PVMEMCONTROL_MARK_GUARD)) {
            pvmemcontrol_guard_remove(b, at, next);
        }
    }
    if (!is_installed(b)) {
        pvmemcontrol_pages_seal(b, first, end - first);
    }
    pvmemcontrol_pages_reopen(b, first, end);
}

static bool any_in_use(PVMemcontrolBlock *b, size_t first, size_t end)
{
    size_t next;

    return pvmemcontrol_run_in_use(b, first, end, &next) || next < end;
}

int pvmemcontrol_guard_pages(PVMemcontrolBlock *b, size_t first, size_t end)
{
    bool dropped = false;
    int ret;

    if (is_installed(b)) {
        ret = install(b, first, end);
        dropped = !qemu_ram_is_shared(b->block) && !any_in_use(b, first, end);
    } else {
        ret = pvmemcontrol_pages_protect(b, first, end, PROT_NONE);
    }
    if (!ret && !dropped) {
        ret = host_drop(b, first, end);
    }
    if (ret) {
        take_back(b, first, end);
    }
    return ret;
}

/* The first guarded page from @first on; @next: where such a run ends */
static size_t find_guards(PVMemcontrolBlock *b, size_t first, size_t end,
                          size_t *next)
{
    while (first < end && !(b->marks[first] & PVMEMCONTROL_MARK_GUARD)) {
        first++;
    }
    *next = first < end ?
            pvmemcontrol_run_end(b, first, end, PVMEMCONTROL_MARK_GUARD) : end;
    return first;
}

int pvmemcontrol_guard_drop_open(PVMemcontrolBlock *b, size_t first, size_t end)
{
    size_t at = first, stop, next;
    int ret = 0;

    while ((at = find_guards(b, at, end, &stop)) < end && !ret) {
        for (; at < stop && !ret; at = next) {
            if (pvmemcontrol_run_in_use(b, at, stop, &next)) {
                ret = host_drop(b, at, next);
            }
        }
    }
    return ret;
}

int pvmemcontrol_unguard_pages(PVMemcontrolBlock *b, size_t first, size_t end)
{
    size_t at, next;
    int ret = pvmemcontrol_guard_drop_open(b, first, end);

    if (ret || is_installed(b)) {
        return ret ?: pvmemcontrol_guard_remove(b, first, end);
    }
    for (at = first; at < end && !ret; at = next) {
        next = pvmemcontrol_run_end(b, at, end, b->prot_marks);
        if (b->marks[at] & PVMEMCONTROL_MARK_GUARD) {
            ret = pvmemcontrol_pages_protect(b, at, next,
                    pvmemcontrol_host_prot(b, b->marks[at] &
                                              ~PVMEMCONTROL_MARK_GUARD));
        }
    }
    if (ret) {
        take_back(b, first, end);
    }
    return ret;
}

void pvmemcontrol_guard_reseal(PVMemcontrolBlock *b, size_t first, size_t end)
{
    size_t at = first, stop, next;

    while ((at = find_guards(b, at, end, &stop)) < end) {
        for (; at < stop; at = next) {
            if (pvmemcontrol_run_in_use(b, at, stop, &next)) {
                continue;
            }
            if (is_installed(b)) {
                host_advise(b, at, next, MADV_GUARD_INSTALL);
            }
            if (!is_installed(b) || qemu_ram_is_shared(b->block)) {
                host_drop(b, at, next);
            }
        }
    }
}
