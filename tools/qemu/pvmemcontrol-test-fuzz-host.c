/*
 * Fuzzer of the pvmemcontrol device: of which memory the host is told what
 *
 * A system call takes any range of the process, whoever's it is, and
 * AddressSanitizer looks at none of them.  So the functions that the device
 * makes them with are here, in place of the C library's, and find a range that
 * is not RAM which may be named.
 *
 * They do so for as long as an input is played, whoever calls: the device, its
 * signal handlers, what of QEMU does it for them.  Nobody else does then.  What
 * the C library and AddressSanitizer have to tell the host of their own memory
 * does not come by here.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/falloc.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include "exec/ramblock.h"
#include "exec/ramlist.h"
#include "qemu/bitmap.h"
#include "qemu/rcu.h"
#include "pvmemcontrol-test-fuzz.h"

/* Of Linux 6.13, newer than the C library */
#ifndef MADV_GUARD_REMOVE
#define MADV_GUARD_REMOVE 103
#endif

/* A block of RAM.  The machine has the same ones all the time. */
typedef struct Block {
    RAMBlock *block;
    /* Pages that a stream has named in this input */
    unsigned long *told;
} Block;

static GArray *blocks;
static bool watching;
static bool loading;

/* -- What may be named --------------------------------------------------- */

static void G_NORETURN G_GNUC_PRINTF(1, 2) wrong(const char *format, ...)
{
    g_autofree char *what = NULL;
    va_list args;

    /* Whoever says where this was may call what it likes. */
    qatomic_set(&watching, false);
    va_start(args, format);
    what = g_strdup_vprintf(format, args);
    va_end(args);
    fuzz_found("the host is told: %s", what);
}

/*
 * Requests name the guest's RAM alone; a stream any block that has a name, and
 * what the host was told of that is told otherwise later, and undone.
 */
static bool may_be_named(Block *b, uint64_t offset, uint64_t len)
{
    size_t page = qemu_real_host_page_size();
    size_t first = offset / page, end = DIV_ROUND_UP(offset + len, page);

    if (b->block == fuzz_ram) {
        return true;
    }
    if (loading && b->block->idstr[0]) {
        bitmap_set(b->told, first, end - first);
    }
    return find_next_zero_bit(b->told, end, first) == end;
}

static void check_range(const char *call, int how, const void *addr, size_t len)
{
    guint i;

    if (!qatomic_read(&watching)) {
        return;
    }
    for (i = 0; i < blocks->len; i++) {
        Block *b = &g_array_index(blocks, Block, i);
        uint64_t offset = (uintptr_t)addr - (uintptr_t)b->block->host;

        if (offset >= b->block->max_length) {
            continue;
        }
        if (len > b->block->max_length - offset) {
            wrong("%s %d, 0x%zx bytes from 0x%" PRIx64 " in block '%s' on, "
                  "beyond its end", call, how, len, offset, b->block->idstr);
        }
        if (!may_be_named(b, offset, len)) {
            wrong("%s %d, 0x%zx bytes from 0x%" PRIx64 " in block '%s' on, "
                  "which nobody can name", call, how, len, offset,
                  b->block->idstr);
        }
        return;
    }
    wrong("%s %d, 0x%zx bytes from %p on, which is no RAM", call, how, len,
          addr);
}

static void check_file(int fd, int mode, off_t offset, off_t len)
{
    guint i;

    if (!qatomic_read(&watching)) {
        return;
    }
    for (i = 0; i < blocks->len; i++) {
        Block *b = &g_array_index(blocks, Block, i);

        if (b->block->fd == fd && fd >= 0 && offset >= 0 && len > 0 &&
            offset < b->block->max_length &&
            len <= b->block->max_length - offset &&
            mode == (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE) &&
            may_be_named(b, offset, len)) {
            return;
        }
    }
    wrong("fallocate %d of file %d, 0x%" PRIx64 " bytes from 0x%" PRIx64
          " on, which is no hole in RAM", mode, fd, (uint64_t)len,
          (uint64_t)offset);
}

/* -- In place of the C library's ----------------------------------------- */

int madvise(void *addr, size_t len, int advice)
{
    size_t page = qemu_real_host_page_size();

    if (advice == MADV_GUARD_REMOVE && len > page) {
        /* From one guard to another: between them there need not be any. */
        check_range("madvise", advice, addr, page);
        check_range("madvise", advice, (char *)addr + len - page, page);
    } else {
        check_range("madvise", advice, addr, len);
    }
    return syscall(SYS_madvise, addr, len, advice);
}

int mprotect(void *addr, size_t len, int prot)
{
    check_range("mprotect", prot, addr, len);
    return syscall(SYS_mprotect, addr, len, prot);
}

int mlock2(const void *addr, size_t len, unsigned int flags)
{
    check_range("mlock2", flags, addr, len);
    return syscall(SYS_mlock2, addr, len, flags);
}

/* AddressSanitizer's own does nothing, while mlock2() locks. */
int munlock(const void *addr, size_t len)
{
    check_range("munlock", 0, addr, len);
    return syscall(SYS_munlock, addr, len);
}

/* RAM goes, and the tables of it, when no input is played. */
int munmap(void *addr, size_t len)
{
    if (qatomic_read(&watching)) {
        wrong("munmap, 0x%zx bytes from %p on", len, addr);
    }
    return syscall(SYS_munmap, addr, len);
}

int prctl(int option, ...)
{
    unsigned long arg[4];
    va_list args;
    int i;

    va_start(args, option);
    for (i = 0; i < ARRAY_SIZE(arg); i++) {
        arg[i] = va_arg(args, unsigned long);
    }
    va_end(args);
    if (option == PR_SET_VMA) {
        check_range("prctl", option, (void *)arg[1], arg[2]);
    }
    return syscall(SYS_prctl, option, arg[0], arg[1], arg[2], arg[3]);
}

int fallocate(int fd, int mode, off_t offset, off_t len)
{
    check_file(fd, mode, offset, len);
    return syscall(SYS_fallocate, fd, mode, offset, len);
}

/* -- When ---------------------------------------------------------------- */

void fuzz_host_init(void)
{
    RAMBlock *block;

    blocks = g_array_new(false, false, sizeof(Block));
    RCU_READ_LOCK_GUARD();
    RAMBLOCK_FOREACH(block) {
        Block b = {
            .block = block,
            .told = bitmap_new(DIV_ROUND_UP(block->max_length,
                                            qemu_real_host_page_size())),
        };

        g_array_append_val(blocks, b);
    }
}

void fuzz_host_watch(bool on)
{
    guint i;

    for (i = 0; i < blocks->len; i++) {
        Block *b = &g_array_index(blocks, Block, i);

        bitmap_zero(b->told, DIV_ROUND_UP(b->block->max_length,
                                          qemu_real_host_page_size()));
    }
    qatomic_set(&watching, on);
}

void fuzz_host_load(bool on)
{
    loading = on;
}
