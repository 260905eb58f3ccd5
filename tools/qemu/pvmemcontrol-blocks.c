/*
 * pvmemcontrol: the blocks of RAM, and the host's protection of their pages
 *
 * DOC: Locking
 *
 * One lock for the marks of all of RAM, as there is one table of mappings in
 * the host: see pvmemcontrol-marks.c.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <pthread.h>
#include "exec/cpu-common.h"
#include "exec/ramlist.h"
#include "qemu/error-report.h"
#include "pvmemcontrol-internal.h"
#include "trace.h"

/* Who waits for the lock has its turn, and comes before who lets go of it. */
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static __thread bool locked;

/* Replaced under the lock, read under RCU */
static PVMemcontrolBlocks *blocks;
/* Under the lock: everybody may read what is PROT_NONE. */
static bool readable;
/* Under the lock: there were pages that could be opened only with others. */
static bool opened_more;

void pvmemcontrol_marks_lock(void)
{
    pthread_mutex_lock(&turn);
    pthread_mutex_lock(&lock);
    pthread_mutex_unlock(&turn);
    locked = true;
}

void pvmemcontrol_marks_unlock(void)
{
    locked = false;
    pthread_mutex_unlock(&lock);
}

bool pvmemcontrol_marks_locked(void)
{
    return locked;
}

PVMemcontrolBlock *pvmemcontrol_block_find(const void *host)
{
    PVMemcontrolBlocks *all = qatomic_rcu_read(&blocks);
    unsigned int i;

    for (i = 0; all && i < all->nr; i++) {
        PVMemcontrolBlock *b = all->block[i];

        if ((const char *)host >= b->host &&
            (const char *)host - b->host < b->size) {
            return b;
        }
    }
    return NULL;
}

PVMemcontrolBlocks *pvmemcontrol_blocks(void)
{
    return qatomic_rcu_read(&blocks);
}

/* -- The host ------------------------------------------------------------ */

int pvmemcontrol_permitted(uint32_t mark)
{
    if (mark & PVMEMCONTROL_MARK_GUARD) {
        return PROT_NONE;
    }
    switch (mark & PVMEMCONTROL_MARK_PROT) {
    case PVMEMCONTROL_MARK_PROT_R:
        return PROT_READ;
    case PVMEMCONTROL_MARK_PROT_NONE:
        return readable ? PROT_READ : PROT_NONE;
    case PVMEMCONTROL_MARK_PROT_W:
        return readable ? PROT_READ | PROT_WRITE : PROT_WRITE;
    default:
        return PROT_READ | PROT_WRITE;
    }
}

int pvmemcontrol_host_prot(PVMemcontrolBlock *b, uint32_t mark)
{
    return pvmemcontrol_permitted(mark & b->prot_marks);
}

static int host_protect(PVMemcontrolBlock *b, size_t first, size_t nr, int prot)
{
    return mprotect(b->host + first * b->page_size, nr * b->page_size, prot) ?
           errno : 0;
}

size_t pvmemcontrol_run_end(PVMemcontrolBlock *b, size_t first, size_t end,
                            uint32_t mask)
{
    uint32_t mark = b->marks[first] & mask;
    size_t i = first + 1;

    while (i < end && (b->marks[i] & mask) == mark) {
        i++;
    }
    return i;
}

int pvmemcontrol_pages_seal(PVMemcontrolBlock *b, size_t first, size_t nr)
{
    size_t end = first + nr, next;
    int ret, first_ret = 0;

    for (; first < end; first = next) {
        next = pvmemcontrol_run_end(b, first, end, b->prot_marks);
        ret = host_protect(b, first, next - first,
                           pvmemcontrol_host_prot(b, b->marks[first]));
        first_ret = first_ret ?: ret;
    }
    return first_ret;
}

/* The pages around one that are marked as it is: a mapping of the host's */
static void run_around(PVMemcontrolBlock *b, size_t page, size_t *first,
                       size_t *end)
{
    uint32_t mark = b->marks[page] & b->mapping_marks;

    *end = pvmemcontrol_run_end(b, page, b->nr_pages, b->mapping_marks);
    for (*first = page;
         *first && (b->marks[*first - 1] & b->mapping_marks) == mark;
         --*first) {
        /* All of these */
    }
}

/* Does the host forbid this page by a guard, and by nothing else? */
static bool only_installed(PVMemcontrolBlock *b, size_t page)
{
    return b->guard_kind == PVMEMCONTROL_GUARD_INSTALL &&
           b->marks[page] & PVMEMCONTROL_MARK_GUARD &&
           !(b->marks[page] & b->prot_marks);
}

void pvmemcontrol_page_unseal(PVMemcontrolBlock *b, size_t page)
{
    size_t first, end;

    if (b->marks[page] & PVMEMCONTROL_MARK_GUARD) {
        pvmemcontrol_guard_remove(b, page, page + 1);
    }
    if (only_installed(b, page)) {
        return;
    }
    if (host_protect(b, page, 1, PROT_READ | PROT_WRITE)) {
        /* The host has no mapping left to make it another one. */
        run_around(b, page, &first, &end);
        opened_more = true;
        host_protect(b, first, end - first, PROT_READ | PROT_WRITE);
    }
}

void pvmemcontrol_page_reseal(PVMemcontrolBlock *b, size_t page)
{
    size_t first = page, end = page + 1;

    if (!only_installed(b, page)) {
        if (opened_more) {
            run_around(b, page, &first, &end);
        }
        pvmemcontrol_pages_protect(b, first, end,
                                   pvmemcontrol_host_prot(b, b->marks[page]));
    }
    pvmemcontrol_guard_reseal(b, first, end);
}

void pvmemcontrol_pages_reopen(PVMemcontrolBlock *b, size_t first, size_t end)
{
    size_t i;

    for (i = first; i < end; i++) {
        if (qatomic_read(&b->users[i])) {
            pvmemcontrol_page_unseal(b, i);
        }
    }
}

int pvmemcontrol_pages_protect(PVMemcontrolBlock *b, size_t first, size_t end,
                               int prot)
{
    size_t next;
    int ret = 0;

    for (; first < end && !ret; first = next) {
        for (next = first; next < end && !qatomic_read(&b->users[next]);
             next++) {
            /* Not in use */
        }
        if (next > first) {
            ret = host_protect(b, first, next - first, prot);
        } else {
            next++;
        }
    }
    return ret;
}

void pvmemcontrol_marks_read_all(bool on)
{
    PVMemcontrolBlock *b;
    size_t first, next;
    unsigned int k;

    pvmemcontrol_marks_lock();
    readable = on;
    PVMEMCONTROL_FOR_EACH_MARKED(blocks, k, b, first, next, b->prot_marks) {
        int prot = pvmemcontrol_host_prot(b, b->marks[first]);

        pvmemcontrol_pages_protect(b, first, next, prot);
    }
    pvmemcontrol_marks_unlock();
}

/* -- Life ---------------------------------------------------------------- */

/* Most of it is never written to, and takes no memory. */
static void *table_new(size_t size)
{
    void *table = mmap(NULL, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (table == MAP_FAILED) {
        error_report("pvmemcontrol: no address space for the state of RAM");
        abort();
    }
    return table;
}

static void block_free(PVMemcontrolBlock *b)
{
    munmap(b->marks, b->nr_pages * sizeof(b->marks[0]));
    munmap(b->users, b->nr_pages * sizeof(b->users[0]));
    g_free(b);
}

/* Under the lock: all blocks but @without, and @with */
static void blocks_replace(PVMemcontrolBlock *without, PVMemcontrolBlock *with)
{
    PVMemcontrolBlocks *old = blocks;
    unsigned int i, nr = old ? old->nr : 0;
    PVMemcontrolBlocks *new;

    new = g_malloc0(sizeof(*new) + (nr + 1) * sizeof(new->block[0]));
    for (i = 0; i < nr; i++) {
        if (old->block[i] != without) {
            new->block[new->nr++] = old->block[i];
        }
    }
    if (with) {
        new->block[new->nr++] = with;
    }
    qatomic_rcu_set(&blocks, new);
    if (old) {
        g_free_rcu(old, rcu);
    }
}

static void ram_added(RAMBlockNotifier *n, void *host, size_t size,
                      size_t max_size)
{
    PVMemcontrolBlock *b = g_new0(PVMemcontrolBlock, 1);
    ram_addr_t offset;

    b->block = qemu_ram_block_from_host(host, false, &offset);
    b->host = host;
    b->size = max_size;
    b->page_size = b->block ? qemu_ram_pagesize(b->block) :
                              qemu_real_host_page_size();
    b->nr_pages = DIV_ROUND_UP(max_size, b->page_size);
    pvmemcontrol_guard_probe(b);
    b->marks = table_new(b->nr_pages * sizeof(b->marks[0]));
    b->users = table_new(b->nr_pages * sizeof(b->users[0]));
    pvmemcontrol_marks_lock();
    blocks_replace(NULL, b);
    pvmemcontrol_marks_unlock();
}

static void ram_removed(RAMBlockNotifier *n, void *host, size_t size,
                        size_t max_size)
{
    PVMemcontrolBlock *b;

    pvmemcontrol_marks_lock();
    b = pvmemcontrol_block_find(host);
    if (b) {
        pvmemcontrol_marks_block_gone(b);
        pvmemcontrol_access_block_gone(b);
        blocks_replace(b, NULL);
    }
    pvmemcontrol_marks_unlock();
    if (b) {
        call_rcu(b, block_free, rcu);
    }
}

void pvmemcontrol_blocks_init(void)
{
    static RAMBlockNotifier notifier = {
        .ram_block_added = ram_added,
        .ram_block_removed = ram_removed,
    };

    ram_block_notifier_add(&notifier);
}
