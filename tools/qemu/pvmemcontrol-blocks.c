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
#include "qemu/madvise.h"
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
/* System calls that protected or opened pages */
static Stat64 protect_calls;

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

int pvmemcontrol_host_protect(PVMemcontrolBlock *b, size_t first, size_t end,
                              int prot)
{
    stat64_add(&protect_calls, 1);
    return mprotect(b->host + first * b->page_size,
                    (end - first) * b->page_size, prot) ? errno : 0;
}

uint64_t pvmemcontrol_nr_protect_calls(void)
{
    return stat64_get(&protect_calls);
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
void *pvmemcontrol_table_new(size_t size)
{
    void *table = mmap(NULL, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (table == MAP_FAILED) {
        error_report("pvmemcontrol: no address space for the state of RAM");
        abort();
    }
    qemu_madvise(table, size, QEMU_MADV_NOHUGEPAGE);
    return table;
}

static void block_free(PVMemcontrolBlock *b)
{
    munmap(b->marks, b->nr_pages * sizeof(b->marks[0]));
    pvmemcontrol_users_free(b);
    pvmemcontrol_open_block_free(b);
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
    b->marks = pvmemcontrol_table_new(b->nr_pages * sizeof(b->marks[0]));
    pvmemcontrol_users_init(b);
    pvmemcontrol_open_block_init(b);
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
        pvmemcontrol_open_block_reset(b);
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
