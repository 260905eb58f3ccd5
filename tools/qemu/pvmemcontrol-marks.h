/*
 * pvmemcontrol: what the guest has had done to its pages, and lasts
 *
 * -marks.c changes the marks of pages and what they mean in the host, -change.c
 * does so for requests; -blocks.c has the blocks of RAM, -open.c and -users.c
 * what is open though it is marked, -guard.c guards, and -names.c names.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_MISC_PVMEMCONTROL_MARKS_H
#define HW_MISC_PVMEMCONTROL_MARKS_H

#include "migration/vmstate.h"
#include "qemu/rcu.h"

/*
 * What a page of RAM has been told to be: the protection, and bits beside it.
 * 0: as QEMU made it.  Migrated: the values are fixed, but for the name, which
 * is an index and travels as its number.
 */
#define PVMEMCONTROL_MARK_PROT         0x00000003
#define PVMEMCONTROL_MARK_PROT_R       0x00000001
#define PVMEMCONTROL_MARK_PROT_NONE    0x00000002
#define PVMEMCONTROL_MARK_PROT_W       0x00000003
#define PVMEMCONTROL_MARK_DONTDUMP     0x00000004
#define PVMEMCONTROL_MARK_LOCKED       0x00000008
#define PVMEMCONTROL_MARK_MERGE        0x00000030
#define PVMEMCONTROL_MARK_MERGEABLE    0x00000010
#define PVMEMCONTROL_MARK_UNMERGEABLE  0x00000020
#define PVMEMCONTROL_MARK_GUARD        0x00000040
/*
 * In huge pages, whose mappings the host never joins again: one may begin at
 * this page, until QEMU ends.  Not migrated
 */
#define PVMEMCONTROL_MARK_EDGE         0x00000080
/* Either makes an access a violation, unless the page is open. */
#define PVMEMCONTROL_MARK_FORBIDS \
    (PVMEMCONTROL_MARK_PROT | PVMEMCONTROL_MARK_GUARD)
#define PVMEMCONTROL_MARK_NAME         0xffff0000
#define PVMEMCONTROL_MARK_NAME_SHIFT   16

/* How the host forbids a page whose content it has dropped */
typedef enum PVMemcontrolGuardKind {
    /* Not at all: the content would come back. */
    PVMEMCONTROL_GUARD_NEVER,
    /* By a protection, which takes mappings */
    PVMEMCONTROL_GUARD_PROTECT,
    /* In the page table: MADV_GUARD_INSTALL */
    PVMEMCONTROL_GUARD_INSTALL,
} PVMemcontrolGuardKind;

/* 4 KiB, or whatever a page is, and 16 times as much on each further level */
#define PVMEMCONTROL_LEVELS 6

/*
 * The marks of a RAM block.  A page here is what the host can protect alone:
 * a huge page where the block consists of these.  @marks is written under the
 * lock of the marks; @users is atomic: how many have the page open now, on each
 * level.
 */
typedef struct PVMemcontrolBlock {
    struct rcu_head rcu;
    RAMBlock *block;
    char *host;
    size_t size;
    size_t page_size;
    size_t nr_pages;
    PVMemcontrolGuardKind guard_kind;
    /* Those of PVMEMCONTROL_MARK_* that make a mapping of the host another */
    uint32_t mapping_marks;
    /* Those of them that are a protection in the host */
    uint32_t prot_marks;
    /* Parts of its mapping that are alike again become one. */
    bool rejoins;
    uint32_t *marks;
    uint32_t *users[PVMEMCONTROL_LEVELS];
    /* In each 512 pages: how many are forbidden, and how many unsealed */
    uint32_t *nr_forbidden;
    uint32_t *nr_unsealed;
    /* Under the lock, bits by page: those opened in the host, and to stay so */
    unsigned long *unsealed;
    unsigned long *kept;
    bool any_kept;
} PVMemcontrolBlock;

/* Some pages of a block */
typedef struct PVMemcontrolPages {
    PVMemcontrolBlock *block;
    size_t first;
    size_t end;
} PVMemcontrolPages;

/* All blocks.  Immutable; RCU-protected */
typedef struct PVMemcontrolBlocks {
    struct rcu_head rcu;
    unsigned int nr;
    PVMemcontrolBlock *block[];
} PVMemcontrolBlocks;

/* Under RCU or the lock of the marks */
PVMemcontrolBlocks *pvmemcontrol_blocks(void);

/*
 * The lock of the marks.  A thread that has it touches no guest memory, so the
 * handler of a signal that an access to guest memory causes may take it.
 */
void pvmemcontrol_marks_lock(void);
void pvmemcontrol_marks_unlock(void);
/* Does this thread hold it? */
bool pvmemcontrol_marks_locked(void);

/* The block that has this host address; under the lock or RCU */
PVMemcontrolBlock *pvmemcontrol_block_find(const void *host);

/*
 * All of these under the lock of the marks.  Where a run of pages ends that are
 * marked alike, as far as @mask goes; at the latest at @end
 */
size_t pvmemcontrol_run_end(PVMemcontrolBlock *b, size_t first, size_t end,
                            uint32_t mask);
/* What the guest may do with a page of this mark, as a protection */
int pvmemcontrol_permitted(uint32_t mark);
/* The protection in the host that a mark means now */
int pvmemcontrol_host_prot(PVMemcontrolBlock *b, uint32_t mark);
/* Makes the host's protection of some pages what their marks say. */
int pvmemcontrol_pages_seal(PVMemcontrolBlock *b, size_t first, size_t nr);
/* The system call for these; how many there have been */
int pvmemcontrol_host_protect(PVMemcontrolBlock *b, size_t first, size_t end,
                              int prot);
uint64_t pvmemcontrol_nr_protect_calls(void);
/* Zeroes that take no memory until they are written to */
void *pvmemcontrol_table_new(size_t size);

/*
 * -open.c, all of it under the lock of the marks.  Unseals what is sealed of
 * [@first, @end) though somebody has it open: makes it possible to read and to
 * write it.  Returns how many pages that were.
 */
uint64_t pvmemcontrol_pages_reopen(PVMemcontrolBlock *b, size_t first,
                                   size_t end);
/* Makes those that nobody has open any more what their marks say again. */
void pvmemcontrol_pages_reseal(PVMemcontrolBlock *b, size_t first, size_t end);
/* Protects those that are not in use, before they are marked so. */
int pvmemcontrol_pages_protect(PVMemcontrolBlock *b, size_t first, size_t end,
                               int prot);
/* The host has refused what it was told to permit here: tells it again. */
void pvmemcontrol_page_heal(PVMemcontrolBlock *b, size_t page);
/* Is it unsealed, and will be for a time: somebody has it open, or had? */
bool pvmemcontrol_page_in_use(PVMemcontrolBlock *b, size_t page);
/* Is the first of these?  And where that ends, at the latest at @end */
bool pvmemcontrol_run_in_use(PVMemcontrolBlock *b, size_t first, size_t end,
                             size_t *next);
/* Marks a page; the host is told by the caller. */
void pvmemcontrol_page_mark(PVMemcontrolBlock *b, size_t page, uint32_t mark);
/* Opens pages until they are closed, for the guest as well. */
void pvmemcontrol_pages_open(PVMemcontrolBlock *b, size_t first, size_t end);
void pvmemcontrol_pages_close(PVMemcontrolBlock *b, size_t first, size_t end);
/*
 * With or without the lock: counts a user of these pages more, or one less.
 * Returns whether they may have to be unsealed, or sealed.
 */
bool pvmemcontrol_users_change(PVMemcontrolBlock *b, size_t first, size_t end,
                               bool more);

void pvmemcontrol_open_block_init(PVMemcontrolBlock *b);
void pvmemcontrol_open_block_free(PVMemcontrolBlock *b);
/* Nothing of it is forbidden any more. */
void pvmemcontrol_open_block_reset(PVMemcontrolBlock *b);
void pvmemcontrol_open_init(void);
void pvmemcontrol_open_add_properties(ObjectClass *klass);

/* -users.c, for -open.c: who has them open */
void pvmemcontrol_users_count(PVMemcontrolBlock *b, size_t first, size_t end,
                              bool more);
bool pvmemcontrol_page_is_open(PVMemcontrolBlock *b, size_t page);
/* Is the first of these?  And where that ends, at the latest at @end */
bool pvmemcontrol_open_run(PVMemcontrolBlock *b, size_t first, size_t end,
                           size_t *next);
bool pvmemcontrol_any_open(PVMemcontrolBlock *b, size_t first, size_t end);
void pvmemcontrol_users_init(PVMemcontrolBlock *b);
void pvmemcontrol_users_free(PVMemcontrolBlock *b);

/*
 * -guard.c: how the host is to guard pages of this block, which is found out.
 * Never MADV_GUARD_INSTALL once that was forbidden.
 */
void pvmemcontrol_guard_probe(PVMemcontrolBlock *b);
void pvmemcontrol_guard_forbid_install(void);
/*
 * Under the lock of the marks, before these change.  Guards all pages of
 * [@first, @end), but for those that somebody has open, and drops the content
 * of all; or permits them again.  After an error they are as their marks say,
 * though their content may be gone.
 */
int pvmemcontrol_guard_pages(PVMemcontrolBlock *b, size_t first, size_t end);
int pvmemcontrol_unguard_pages(PVMemcontrolBlock *b, size_t first, size_t end);
/* Drops what has come to those that are open: their closing will not. */
int pvmemcontrol_guard_drop_open(PVMemcontrolBlock *b, size_t first,
                                 size_t end);
/* The same again for those that are marked so, and whatever is in them. */
void pvmemcontrol_guard_reseal(PVMemcontrolBlock *b, size_t first, size_t end);
/* Takes away what was installed, of pages that are marked or not. */
int pvmemcontrol_guard_remove(PVMemcontrolBlock *b, size_t first, size_t end);

/* A migration begins, or has ended. */
void pvmemcontrol_guard_sending(bool on);
/* Under the lock of the marks: can no page be guarded, because of that? */
bool pvmemcontrol_guard_is_barred(void);
/* Does it have to copy what it sends? */
bool pvmemcontrol_guard_copying(void);

/* For each run of pages that have anything of @mask in their marks */
#define PVMEMCONTROL_FOR_EACH_MARKED(all, k, b, first, next, mask)          \
    for (k = 0; (all) && k < (all)->nr; k++)                                \
        for (b = (all)->block[k], first = 0;                                \
             first < b->nr_pages &&                                         \
             (next = pvmemcontrol_run_end(b, first, b->nr_pages, mask));    \
             first = next)                                                  \
            if (b->marks[first] & (mask))

/**
 * pvmemcontrol_marks_read_all - let everybody read what is PROT_NONE, or not
 */
void pvmemcontrol_marks_read_all(bool on);

/* How marks change: those of @mask become those of @value. */
typedef struct PVMemcontrolChange {
    uint32_t mask;
    uint32_t value;
} PVMemcontrolChange;

/*
 * Under the lock of the marks.  Changes marks and what they mean in the host,
 * on the range as given, and counts anew; @name: for that kind.  Returns the
 * errno of the host.
 */
int pvmemcontrol_marks_change(PVMemcontrolBlock *b, void *host, hwaddr len,
                              const PVMemcontrolChange *c, uint64_t name);
/* How many ranges begin in [@first, @end], before a change there, or after */
uint64_t pvmemcontrol_count_begins(PVMemcontrolBlock *b, size_t first,
                                   size_t end, const PVMemcontrolChange *c);
/*
 * How many edges of huge pages such a change adds in [@first, @end]: each page
 * of the range may have to be a mapping of its own, if QEMU opens it.
 */
uint64_t pvmemcontrol_count_edges(PVMemcontrolBlock *b, size_t first,
                                  size_t end, const PVMemcontrolChange *c);
/* How many there are, in all blocks */
uint64_t pvmemcontrol_nr_edges(void);
/* Pages of [@first, @end) that have any of these marks */
uint64_t pvmemcontrol_count_pages(PVMemcontrolBlock *b, size_t first,
                                  size_t end, uint32_t mark);
/*
 * Under the lock of the marks.  Whoever pins RAM, for a device that is passed
 * through, fails at what is forbidden, and may not survive that; so neither
 * comes while there is the other.  A request that is going to forbid says so,
 * one at a time: until it ends, nobody may pin, though nothing be forbidden yet
 * or any more.  Returns false if RAM may be pinned already.
 */
bool pvmemcontrol_marks_forbid_begin(void);
/* Whoever changes what is forbidden, when done.  Nobody else is at it. */
void pvmemcontrol_marks_forbid_end(void);
/* Under the lock of the marks: how often all was undone */
uint64_t pvmemcontrol_nr_resets(void);

/**
 * pvmemcontrol_marks_set - do what a function code of the lasting kind says
 *
 * Returns the errno of the host, 0 on success.  ENOSPC: there would be more
 * ranges, names or locked bytes than are allowed, and nothing has changed.
 * EAGAIN: see pvmemcontrol_must_leave(); ECANCELED: there was a reset.
 */
int pvmemcontrol_marks_set(PVMemcontrolState *s, void *host, hwaddr len,
                           const PVMemcontrolCall *call);

/* Undoes all of them, if this device has made any: a new machine has none. */
void pvmemcontrol_marks_reset(PVMemcontrolState *s);

/* How many maximal ranges of pages there are that are marked alike */
uint64_t pvmemcontrol_nr_ranges(void);
uint64_t pvmemcontrol_locked_bytes(void);
/* How many pages are guarded, and how many of them without a mapping */
uint64_t pvmemcontrol_nr_guards(void);
uint64_t pvmemcontrol_nr_guards_installed(void);

/* -names.c: the mark that stands for a name; 0: none, or there are too many */
uint32_t pvmemcontrol_name_mark(uint64_t number);
/* The number of the name in a mark; 0: none */
uint64_t pvmemcontrol_name_of(uint32_t mark);
/* When no page has one any more */
void pvmemcontrol_names_forget(void);
/* Under the lock of the marks: no longer counts those of a block. */
void pvmemcontrol_marks_block_gone(PVMemcontrolBlock *b);

extern const VMStateInfo pvmemcontrol_vmstate_marks;
/* A stream begins: forgets what one before it has brought that was no good. */
void pvmemcontrol_marks_await(void);
/* Does the host do all that has come by the stream?  Frees what has come. */
bool pvmemcontrol_marks_apply(PVMemcontrolState *s);

void pvmemcontrol_blocks_init(void);

#endif /* HW_MISC_PVMEMCONTROL_MARKS_H */
