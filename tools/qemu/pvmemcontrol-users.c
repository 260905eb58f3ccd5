/*
 * pvmemcontrol: who has pages open
 *
 * What is mapped for DMA is whatever the guest names, for as long as it likes
 * and again and again, so it is not counted page by page: a range is divided
 * into single pages, aligned groups of 16 of them, of 16 of these, and so on.
 * Each of these parts has a counter, and a range has some dozens of them at
 * most.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "pvmemcontrol-internal.h"

#define LEVEL_BITS 4
#define LEVEL_MASK (((size_t)1 << LEVEL_BITS) - 1)

static void add_user(uint32_t *users)
{
    qatomic_inc(users);
}

/* What was mapped before there was a driver has not been counted. */
static void drop_user(uint32_t *users)
{
    uint32_t old, seen = qatomic_read(users);

    do {
        old = seen;
        seen = old ? qatomic_cmpxchg(users, old, old - 1) : 0;
    } while (seen != old);
}

void pvmemcontrol_users_count(PVMemcontrolBlock *b, size_t first, size_t end,
                              bool more)
{
    void (*count)(uint32_t *users) = more ? add_user : drop_user;
    unsigned int level;

    for (level = 0; first < end; level++) {
        bool top = level == PVMEMCONTROL_LEVELS - 1;

        while (first < end && (top || first & LEVEL_MASK)) {
            count(&b->users[level][first++]);
        }
        while (first < end && end & LEVEL_MASK) {
            count(&b->users[level][--end]);
        }
        first >>= LEVEL_BITS;
        end >>= LEVEL_BITS;
    }
}

/* Has anybody this page open?  @next: where that may begin to be otherwise */
static bool open_until(PVMemcontrolBlock *b, size_t page, size_t *next)
{
    int level;

    for (level = PVMEMCONTROL_LEVELS - 1; level >= 0; level--) {
        size_t part = page >> level * LEVEL_BITS;

        if (qatomic_read(&b->users[level][part])) {
            *next = (part + 1) << level * LEVEL_BITS;
            return true;
        }
    }
    /* So are those of its group that are not counted alone. */
    do {
        page++;
    } while (page & LEVEL_MASK && page < b->nr_pages &&
             !qatomic_read(&b->users[0][page]));
    *next = page;
    return false;
}

bool pvmemcontrol_page_is_open(PVMemcontrolBlock *b, size_t page)
{
    size_t next;

    return open_until(b, page, &next);
}

bool pvmemcontrol_open_run(PVMemcontrolBlock *b, size_t first, size_t end,
                           size_t *next)
{
    bool open = open_until(b, first, next);
    size_t further;

    while (*next < end && open_until(b, *next, &further) == open) {
        *next = further;
    }
    *next = MIN(*next, end);
    return open;
}

bool pvmemcontrol_any_open(PVMemcontrolBlock *b, size_t first, size_t end)
{
    size_t next;

    return first < end &&
           (pvmemcontrol_open_run(b, first, end, &next) || next < end);
}

/* -- Life ---------------------------------------------------------------- */

/* One more than may be needed */
static size_t nr_parts(PVMemcontrolBlock *b, unsigned int level)
{
    return (b->nr_pages >> level * LEVEL_BITS) + 1;
}

static size_t table_size(PVMemcontrolBlock *b)
{
    unsigned int level;
    size_t nr = 0;

    for (level = 0; level < PVMEMCONTROL_LEVELS; level++) {
        nr += nr_parts(b, level);
    }
    return nr * sizeof(b->users[0][0]);
}

void pvmemcontrol_users_init(PVMemcontrolBlock *b)
{
    uint32_t *users = pvmemcontrol_table_new(table_size(b));
    unsigned int level;

    for (level = 0; level < PVMEMCONTROL_LEVELS; level++) {
        b->users[level] = users;
        users += nr_parts(b, level);
    }
}

void pvmemcontrol_users_free(PVMemcontrolBlock *b)
{
    munmap(b->users[0], table_size(b));
}
