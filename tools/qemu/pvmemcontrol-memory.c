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
#include <sys/prctl.h>
#include "exec/address-spaces.h"
#include "exec/cpu-common.h"
#include "exec/ramblock.h"
#include "migration/misc.h"
#include "qemu/bitops.h"
#include "qemu/log.h"
#include "qemu/xxhash.h"
#include "sysemu/sysemu.h"
#include "pvmemcontrol-internal.h"
#include "trace.h"

/* Newer than the oldest C library that QEMU builds with */
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif
#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif
#ifndef PR_SET_VMA_ANON_NAME
#define PR_SET_VMA_ANON_NAME 0
#endif

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
 * What leaves zeroes in this block, each time that it succeeds, as a bit set by
 * function code.  A private mapping of a file falls back on the file, and who
 * knows what is in that; memory that QEMU was given may be anything; locked
 * memory cannot be dropped at all.  FREE leaves the content until the host
 * needs the page.  With huge pages a part of one is not dropped, but that is
 * an error, see ram_discard().
 */
static uint64_t block_zeroing(RAMBlock *block)
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
            map->zeroing = block_zeroing(ram->block) &
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

/* Operations after which the guest may find other content than before */
static int ram_discard(PVMemcontrolState *s, PVMemcontrolRam *ram,
                       hwaddr offset, hwaddr len, uint64_t func_code)
{
    RAMBlock *block = ram->block;
    void *host = ram->cache.ptr + offset;
    bool keeps_content;
    int ret;

    /*
     * The host would round a length up to whole pages; content that the guest
     * did not name must not go.
     */
    if (!QEMU_PTR_IS_ALIGNED(host, qemu_ram_pagesize(block)) ||
        !QEMU_IS_ALIGNED(len, qemu_ram_pagesize(block))) {
        return EINVAL;
    }

    /*
     * A page that is dropped while it is still on its way, here by postcopy or
     * to a snapshot, would come back with old content or be missing there.
     * Neither begins while a vCPU is in here.
     */
    if (migration_in_incoming_postcopy() || migration_in_bg_snapshot() ||
        ram_block_discard_require(true)) {
        trace_pvmemcontrol_discard_inhibited(ram->start + offset, len);
        return EBUSY;
    }
    ret = host_discard(block, host, len, func_code);
    ram_block_discard_require(false);

    keeps_content = func_code == PVMEMCONTROL_DONTNEED &&
                    qemu_ram_is_shared(block);
    if (!keeps_content) {
        /*
         * Translated code goes, and migration has to send the range again:
         * the guest counts on its new content.  Also after an error, which may
         * have come half way.
         */
        address_space_cache_invalidate(&ram->cache, offset, len);
        if (!ret) {
            stat64_add(&pvmemcontrol_counters(s)->bytes_discarded, len);
        }
    }
    return ret;
}

static int host_name(void *host, hwaddr len, uint64_t number)
{
    char name[sizeof("pvmemcontrol-18446744073709551615")];

    snprintf(name, sizeof(name), "pvmemcontrol-%" PRIu64, number);
    return host_errno(prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, host, len,
                            number ? name : NULL));
}

static int ram_protect(PVMemcontrolState *s, void *host, hwaddr len, int prot)
{
    qatomic_set(&host_mappings_altered, true);
    qatomic_set(&s->has_protected, true);
    return host_errno(mprotect(host, len, prot));
}

static int ram_lock(PVMemcontrolState *s, void *host, hwaddr len)
{
    qatomic_set(&host_mappings_altered, true);
    qatomic_set(&s->has_locked, true);
    return host_errno(mlock2(host, len, 0));
}

int pvmemcontrol_ram_call(PVMemcontrolState *s, PVMemcontrolRam *ram,
                          hwaddr offset, hwaddr len,
                          const PVMemcontrolCall *call)
{
    void *host = ram->cache.ptr + offset;

    if (call->func_code > PVMEMCONTROL_PAGEOUT &&
        call->func_code != PVMEMCONTROL_MUNLOCK) {
        qatomic_set(&s->has_told, true);
    }
    switch (call->func_code) {
    case PVMEMCONTROL_DONTNEED:
    case PVMEMCONTROL_REMOVE:
    case PVMEMCONTROL_FREE:
        return ram_discard(s, ram, offset, len, call->func_code);
    case PVMEMCONTROL_PAGEOUT:
        return host_errno(madvise(host, len, MADV_PAGEOUT));
    case PVMEMCONTROL_DONTDUMP:
        return host_errno(madvise(host, len, MADV_DONTDUMP));
    case PVMEMCONTROL_SET_VMA_ANON_NAME:
        return host_name(host, len, call->arg);
    case PVMEMCONTROL_MLOCK:
        return ram_lock(s, host, len);
    case PVMEMCONTROL_MUNLOCK:
        return host_errno(munlock(host, len));
    case PVMEMCONTROL_MPROTECT_NONE:
        return ram_protect(s, host, len, PROT_NONE);
    case PVMEMCONTROL_MPROTECT_R:
        return ram_protect(s, host, len, PROT_READ);
    case PVMEMCONTROL_MPROTECT_W:
        return ram_protect(s, host, len, PROT_WRITE);
    case PVMEMCONTROL_MPROTECT_RW:
        return ram_protect(s, host, len, PROT_READ | PROT_WRITE);
    case PVMEMCONTROL_MERGEABLE:
        return host_errno(madvise(host, len, MADV_MERGEABLE));
    case PVMEMCONTROL_UNMERGEABLE:
        return host_errno(madvise(host, len, MADV_UNMERGEABLE));
    default:
        g_assert_not_reached();
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

void pvmemcontrol_memory_reset(PVMemcontrolState *s)
{
    bool protected = qatomic_xchg(&s->has_protected, false);
    bool locked = qatomic_xchg(&s->has_locked, false);
    unsigned int i;

    qatomic_set(&s->has_told, false);
    RCU_READ_LOCK_GUARD();
    for (i = 0; s->map && i < s->map->nr; i++) {
        PVMemcontrolRam *ram = &s->map->ram[i];

        /* Cannot fail on a mapping that is whole, and nobody could help it. */
        if (protected) {
            mprotect(ram->cache.ptr, ram->size, PROT_READ | PROT_WRITE);
        }
        if (locked && !enable_mlock) {
            munlock(ram->cache.ptr, ram->size);
        }
    }
}
