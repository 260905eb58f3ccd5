/*
 * pvmemcontrol: guest memory and what the host is told to do with it
 *
 * DOC: Locking
 *
 * vCPUs come here without the iothread lock.  They cannot walk the memory
 * topology then, so a memory listener, which runs under that lock, keeps a
 * sorted table of the guest's RAM and publishes it by RCU.  An entry holds a
 * reference to its memory region: RAM that is unplugged stays mapped until the
 * last vCPU that found it has left its RCU critical section, and that spans the
 * system call.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "exec/address-spaces.h"
#include "exec/cpu-common.h"
#include "exec/ramblock.h"
#include "migration/misc.h"
#include "qemu/bitops.h"
#include "qemu/log.h"
#include "qemu/units.h"
#include "qemu/xxhash.h"
#include "sysemu/sysemu.h"
#include "pvmemcontrol-internal.h"
#include "trace.h"

/* Newer than the oldest C library that QEMU builds with */
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

#define PIECE (128 * MiB)

/*
 * Set once a guest has protected or locked memory, or a discard has failed.
 * ram_block_discard_range() takes mappings to be as QEMU made them, and reports
 * an error where they are not, which a guest must not be able to cause again
 * and again.  From then on the system calls are made directly.
 *
 * For the process, not per device: two devices reach the same memory.
 */
static bool host_mappings_altered;

/* -- The table of RAM ---------------------------------------------------- */

static void map_free(PVMemcontrolMap *map)
{
    unsigned int i;

    for (i = 0; i < map->nr; i++) {
        address_space_cache_destroy(&map->ram[i].cache);
    }
    g_free(map);
}

static void map_publish(PVMemcontrolState *s, PVMemcontrolMap *map)
{
    PVMemcontrolMap *old = s->map;

    qatomic_rcu_set(&s->map, map);
    if (old) {
        call_rcu(old, map_free, rcu);
    }
}

static void listener_begin(MemoryListener *listener)
{
    PVMemcontrolState *s = container_of(listener, PVMemcontrolState, listener);

    g_array_set_size(s->sections, 0);
}

static void listener_region(MemoryListener *listener,
                            MemoryRegionSection *section)
{
    PVMemcontrolState *s = container_of(listener, PVMemcontrolState, listener);
    PVMemcontrolRam ram = {
        .start = section->offset_within_address_space,
        .size = int128_get64(section->size),
        .block = section->mr->ram_block,
    };

    /* No ROM, no ROM device, no BAR of a passed through device */
    if (memory_access_is_direct(section->mr, true) && !section->readonly) {
        g_array_append_val(s->sections, ram);
    }
}

/*
 * What leaves zeroes each time that it succeeds.  A private mapping of a file
 * falls back on the file, and who knows what is in that; memory that QEMU was
 * given may be anything; locked memory cannot be dropped at all.  FREE leaves
 * the content until the host needs the page.  With huge pages a part of one is
 * not dropped, but that is an error, see ram_discard().
 */
uint64_t pvmemcontrol_block_zeroing(RAMBlock *block)
{
    if (enable_mlock || block->flags & RAM_PREALLOC) {
        return 0;
    }
    if (qemu_ram_is_shared(block)) {
        return UINT64_C(1) << PVMEMCONTROL_REMOVE;
    }
    return qemu_ram_get_fd(block) < 0 ?
           UINT64_C(1) << PVMEMCONTROL_DONTNEED : 0;
}

static void listener_commit(MemoryListener *listener)
{
    PVMemcontrolState *s = container_of(listener, PVMemcontrolState, listener);
    PVMemcontrolMap *map;
    unsigned int i;

    map = g_malloc0(sizeof(*map) + s->sections->len * sizeof(map->ram[0]));
    /* The listener has been told of them in ascending order. */
    for (i = 0; i < s->sections->len; i++) {
        PVMemcontrolRam *ram = &map->ram[map->nr];

        *ram = g_array_index(s->sections, PVMemcontrolRam, i);
        if (address_space_cache_init(&ram->cache, &address_space_memory,
                                     ram->start, ram->size, true) ==
            ram->size && ram->cache.ptr) {
            map->zeroing = pvmemcontrol_block_zeroing(ram->block) &
                           (map->nr ? map->zeroing : UINT64_MAX);
            map->nr++;
        } else {
            address_space_cache_destroy(&ram->cache);
        }
    }
    trace_pvmemcontrol_map(map->nr);
    map_publish(s, map);
}

PVMemcontrolRam *pvmemcontrol_ram_find(PVMemcontrolState *s, hwaddr gpa,
                                       hwaddr len, hwaddr *offset)
{
    PVMemcontrolMap *map = qatomic_rcu_read(&s->map);
    unsigned int low = 0, high = map ? map->nr : 0;

    if (!len) {
        return NULL;
    }
    while (low < high) {
        unsigned int mid = low + (high - low) / 2;
        PVMemcontrolRam *ram = &map->ram[mid];

        if (gpa < ram->start) {
            high = mid;
        } else if (gpa - ram->start >= ram->size) {
            low = mid + 1;
        } else {
            *offset = gpa - ram->start;
            return len <= ram->size - *offset ? ram : NULL;
        }
    }
    return NULL;
}

bool pvmemcontrol_ram_gpa(PVMemcontrolState *s, const void *host, hwaddr *gpa)
{
    PVMemcontrolMap *map = qatomic_rcu_read(&s->map);
    unsigned int i;

    for (i = 0; map && i < map->nr; i++) {
        PVMemcontrolRam *ram = &map->ram[i];
        uint64_t offset = (const char *)host - (const char *)ram->cache.ptr;

        if (offset < ram->size) {
            *gpa = ram->start + offset;
            return true;
        }
    }
    return false;
}

uint64_t pvmemcontrol_ram_zeroing(PVMemcontrolState *s)
{
    PVMemcontrolMap *map = qatomic_rcu_read(&s->map);

    return map ? map->zeroing : 0;
}

/* -- The system calls ---------------------------------------------------- */

static int host_errno(int result)
{
    return result ? errno : 0;
}

/* Does QEMU's own helper do to this block what the function code says? */
static bool helper_fits(RAMBlock *block, uint64_t func_code)
{
    if (qatomic_read(&host_mappings_altered) || enable_mlock) {
        return false;
    }
    if (func_code == PVMEMCONTROL_DONTNEED) {
        /*
         * Shared memory keeps its content, and a private mapping of a file
         * falls back on the file; the helper would punch a hole in either.
         */
        return !qemu_ram_is_shared(block) && qemu_ram_get_fd(block) < 0;
    }
    return func_code == PVMEMCONTROL_REMOVE && qemu_ram_is_shared(block);
}

static int host_pageout(RAMBlock *block, void *host, hwaddr len,
                        uint64_t func_code)
{
    return host_errno(madvise(host, len, MADV_PAGEOUT));
}

static int host_discard(RAMBlock *block, void *host, hwaddr len,
                        uint64_t func_code)
{
    int advice;
    int ret;

    switch (func_code) {
    case PVMEMCONTROL_DONTNEED:
        advice = MADV_DONTNEED;
        break;
    case PVMEMCONTROL_REMOVE:
        advice = MADV_REMOVE;
        break;
    default:
        advice = MADV_FREE;
        break;
    }

    if (helper_fits(block, func_code)) {
        ret = -ram_block_discard_range(block,
                                       qemu_ram_block_host_offset(block, host),
                                       len);
        if (ret) {
            qatomic_set(&host_mappings_altered, true);
        }
    } else {
        ret = host_errno(madvise(host, len, advice));
    }
    return ret;
}

/* A piece at a time, as long as this vCPU is not wanted elsewhere */
static int in_pieces(PVMemcontrolRam *ram, hwaddr offset, hwaddr len,
                     uint64_t func_code,
                     int (*host_call)(RAMBlock *block, void *host, hwaddr len,
                                      uint64_t func_code))
{
    char *host = (char *)ram->cache.ptr + offset;
    hwaddr size = MAX(PIECE, qemu_ram_pagesize(ram->block)), done = 0, piece;
    int ret = 0;

    for (; done < len && !ret; done += piece) {
        if (done && pvmemcontrol_must_leave()) {
            return EAGAIN;
        }
        piece = MIN(len - done, size);
        ret = host_call(ram->block, host + done, piece, func_code);
    }
    return ret;
}

/*
 * Makes the range what the host's calls make of it: whole pages, up to the end
 * of the last; for locks from the beginning of the first on, too.  Returns
 * false where they would refuse it, or where the RAM ends before that.
 */
static bool round_range(PVMemcontrolRam *ram, hwaddr *offset, hwaddr *len,
                        uint64_t func_code)
{
    hwaddr page = qemu_real_host_page_size();
    hwaddr before = ((uintptr_t)ram->cache.ptr + *offset) % page;

    if (func_code == PVMEMCONTROL_MLOCK || func_code == PVMEMCONTROL_MUNLOCK) {
        if (before > *offset) {
            return false;
        }
        *offset -= before;
        *len += before;
    } else if (before) {
        return false;
    }
    *len = ROUND_UP(*len, page);
    return *len <= ram->size - *offset;
}

/* A part of a huge page can neither be dropped nor guarded. */
static bool is_whole_pages(RAMBlock *block, const void *host, hwaddr len)
{
    return QEMU_PTR_IS_ALIGNED(host, qemu_ram_pagesize(block)) &&
           QEMU_IS_ALIGNED(len, qemu_ram_pagesize(block));
}

/*
 * Returns whether content may be dropped, until ram_drop_end().
 *
 * A page that is dropped while it is still on its way, here by postcopy or to a
 * snapshot, would come back with old content or be missing there.  Neither
 * begins while a vCPU is in here.
 */
static bool ram_drop_begin(PVMemcontrolRam *ram, hwaddr offset, hwaddr len)
{
    if (migration_in_incoming_postcopy() || migration_in_bg_snapshot() ||
        ram_block_discard_require(true)) {
        trace_pvmemcontrol_discard_inhibited(ram->start + offset, len);
        return false;
    }
    return true;
}

/*
 * Translated code goes, and migration has to send the range again: the guest
 * counts on its new content.
 */
static void ram_drop_end(PVMemcontrolRam *ram, hwaddr offset, hwaddr len,
                         bool keeps_content)
{
    ram_block_discard_require(false);
    if (!keeps_content) {
        address_space_cache_invalidate(&ram->cache, offset, len);
    }
}

/* Operations after which the guest may find other content than before */
static int ram_discard(PVMemcontrolState *s, PVMemcontrolRam *ram,
                       hwaddr offset, hwaddr len, uint64_t func_code)
{
    RAMBlock *block = ram->block;
    void *host = ram->cache.ptr + offset;
    bool keeps_content;
    int ret;

    if (!is_whole_pages(block, host, len)) {
        return EINVAL;
    }
    if (!ram_drop_begin(ram, offset, len)) {
        return EBUSY;
    }
    ret = in_pieces(ram, offset, len, func_code, host_discard);
    keeps_content = func_code == PVMEMCONTROL_DONTNEED &&
                    qemu_ram_is_shared(block);
    /* Also after an error, which may have come half way */
    ram_drop_end(ram, offset, len, keeps_content);
    if (!ret && !keeps_content) {
        stat64_add(&pvmemcontrol_counters(s)->bytes_discarded, len);
    }
    return ret;
}

/* Operations after which something stays as it was told to be */
static int ram_mark(PVMemcontrolState *s, PVMemcontrolRam *ram, hwaddr offset,
                    hwaddr len, const PVMemcontrolCall *call)
{
    char *host = (char *)ram->cache.ptr + offset;
    int ret;

    qatomic_set(&host_mappings_altered, true);
    ret = pvmemcontrol_marks_set(s, host, len, call);
    if (!ret && (call->func_code == PVMEMCONTROL_MPROTECT_NONE ||
                 call->func_code == PVMEMCONTROL_GUARD ||
                 call->func_code == PVMEMCONTROL_MPROTECT_W)) {
        pvmemcontrol_tcg_forget(ram->block,
                                qemu_ram_block_host_offset(ram->block, host),
                                len);
    }
    return ret;
}

/* The content goes, and nobody may touch what comes instead. */
static int ram_guard(PVMemcontrolState *s, PVMemcontrolRam *ram, hwaddr offset,
                     hwaddr len, const PVMemcontrolCall *call)
{
    bool drops = call->func_code == PVMEMCONTROL_GUARD;
    int ret;

    if (!is_whole_pages(ram->block, (char *)ram->cache.ptr + offset, len)) {
        return EINVAL;
    }
    if (drops && !ram_drop_begin(ram, offset, len)) {
        return EBUSY;
    }
    ret = ram_mark(s, ram, offset, len, call);
    if (drops) {
        ram_drop_end(ram, offset, len, false);
    }
    return ret;
}

int pvmemcontrol_ram_call(PVMemcontrolState *s, PVMemcontrolRam *ram,
                          hwaddr offset, hwaddr len,
                          const PVMemcontrolCall *call)
{
    bool guards = call->func_code == PVMEMCONTROL_GUARD ||
                  call->func_code == PVMEMCONTROL_UNGUARD;

    if (!guards && !round_range(ram, &offset, &len, call->func_code)) {
        return EINVAL;
    }
    switch (call->func_code) {
    case PVMEMCONTROL_DONTNEED:
    case PVMEMCONTROL_REMOVE:
    case PVMEMCONTROL_FREE:
        return ram_discard(s, ram, offset, len, call->func_code);
    case PVMEMCONTROL_PAGEOUT:
        return in_pieces(ram, offset, len, call->func_code, host_pageout);
    case PVMEMCONTROL_GUARD:
    case PVMEMCONTROL_UNGUARD:
        return ram_guard(s, ram, offset, len, call);
    default:
        return ram_mark(s, ram, offset, len, call);
    }
}

static int hash_block(RAMBlock *block, void *opaque)
{
    uint32_t *hash = opaque;
    uint32_t kind = qemu_ram_is_shared(block) |
                    (qemu_ram_get_fd(block) >= 0) << 1;

    *hash = qemu_xxhash6(deposit64(*hash, 32, 32,
                                   g_str_hash(qemu_ram_get_idstr(block))),
                         qemu_ram_pagesize(block), kind, 0);
    return 0;
}

uint32_t pvmemcontrol_memory_kind(void)
{
    /* Where all of QEMU is locked, nothing can be dropped. */
    uint32_t hash = enable_mlock;

    RCU_READ_LOCK_GUARD();
    qemu_ram_foreach_block(hash_block, &hash);
    return hash;
}

/* -- Life ---------------------------------------------------------------- */

void pvmemcontrol_memory_init(PVMemcontrolState *s)
{
    s->sections = g_array_new(false, false, sizeof(PVMemcontrolRam));
    s->listener = (MemoryListener) {
        .name = TYPE_PVMEMCONTROL,
        .begin = listener_begin,
        .region_add = listener_region,
        .region_nop = listener_region,
        .commit = listener_commit,
    };
    memory_listener_register(&s->listener, &address_space_memory);
}

void pvmemcontrol_memory_exit(PVMemcontrolState *s)
{
    memory_listener_unregister(&s->listener);
    /* A vCPU may still be at work in the old table. */
    map_publish(s, NULL);
    g_array_free(s->sections, true);
    s->sections = NULL;
}
