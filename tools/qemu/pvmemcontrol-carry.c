/*
 * pvmemcontrol: marks that go with the guest
 *
 * Where the guest moves to, and when a snapshot of it is loaded, the host is
 * told again what it was told before.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "exec/cpu-common.h"
#include "exec/target_page.h"
#include "migration/misc.h"
#include "migration/qemu-file-types.h"
#include "migration/vmstate.h"
#include "pvmemcontrol-internal.h"
#include "trace.h"

/* A range that has come by the stream and is to be marked */
typedef struct Arrived {
    PVMemcontrolBlock *block;
    uint64_t offset;
    uint64_t len;
    uint32_t mark;
    uint64_t name;
} Arrived;

/* With the iothread lock */
static GArray *arrived;

/*
 * In the stream: for each range the name of its block, with the length before
 * it, then offset, length, mark without the name, name.  An empty name ends.
 */
static int put_marks(QEMUFile *f, void *pv, size_t size,
                     const VMStateField *field, JSONWriter *vmdesc)
{
    PVMemcontrolBlock *b;
    size_t first, next;
    unsigned int k;

    /* The file may be slow, and the VM is stopped: nobody changes marks. */
    RCU_READ_LOCK_GUARD();
    PVMEMCONTROL_FOR_EACH_MARKED(pvmemcontrol_blocks(), k, b, first, next,
                                ~PVMEMCONTROL_MARK_EDGE) {
        const char *id = qemu_ram_get_idstr(b->block);
        size_t len = strlen(id);

        qemu_put_byte(f, len);
        qemu_put_buffer(f, (const uint8_t *)id, len);
        qemu_put_be64(f, first * b->page_size);
        qemu_put_be64(f, (next - first) * b->page_size);
        qemu_put_be32(f, b->marks[first] & ~(PVMEMCONTROL_MARK_NAME |
                                             PVMEMCONTROL_MARK_EDGE));
        qemu_put_be64(f, pvmemcontrol_name_of(b->marks[first]));
    }
    qemu_put_byte(f, 0);
    return 0;
}

/* Ranges do not overlap, and a page of the guest's is the least of them. */
static uint64_t max_arrived(void)
{
    PVMemcontrolBlocks *all;
    uint64_t size = 0;
    unsigned int k;

    RCU_READ_LOCK_GUARD();
    all = pvmemcontrol_blocks();
    for (k = 0; all && k < all->nr; k++) {
        size += all->block[k]->size;
    }
    return size / qemu_target_page_size();
}

static int get_marks(QEMUFile *f, void *pv, size_t size,
                     const VMStateField *field)
{
    const uint32_t known = PVMEMCONTROL_MARK_PROT | PVMEMCONTROL_MARK_DONTDUMP |
                           PVMEMCONTROL_MARK_LOCKED | PVMEMCONTROL_MARK_MERGE |
                           PVMEMCONTROL_MARK_GUARD;
    uint64_t max = max_arrived();
    char id[256];
    size_t len;

    pvmemcontrol_marks_await();
    arrived = g_array_new(false, false, sizeof(Arrived));
    while ((len = qemu_get_byte(f))) {
        Arrived a = {};
        RAMBlock *block;

        qemu_get_buffer(f, (uint8_t *)id, len);
        id[len] = 0;
        a.offset = qemu_get_be64(f);
        a.len = qemu_get_be64(f);
        a.mark = qemu_get_be32(f);
        a.name = qemu_get_be64(f);
        RCU_READ_LOCK_GUARD();
        block = qemu_ram_block_by_name(id);
        a.block = block ? pvmemcontrol_block_find(qemu_ram_get_host_addr(block))
                        : NULL;
        if (!a.block || a.mark & ~known || !a.len ||
            a.offset >= a.block->size || a.len > a.block->size - a.offset ||
            arrived->len >= max) {
            pvmemcontrol_marks_await();
            return -EINVAL;
        }
        g_array_append_val(arrived, a);
    }
    return 0;
}

const VMStateInfo pvmemcontrol_vmstate_marks = {
    .name = "pvmemcontrol-marks",
    .get = get_marks,
    .put = put_marks,
};

void pvmemcontrol_marks_await(void)
{
    if (arrived) {
        g_array_free(arrived, true);
        arrived = NULL;
    }
}

/* The requests that mark a page so, last the protection: it may forbid. */
static bool apply(PVMemcontrolState *s, const Arrived *a)
{
    static const struct {
        uint32_t mask, value;
        uint64_t func_code;
    } calls[] = {
        { PVMEMCONTROL_MARK_DONTDUMP, PVMEMCONTROL_MARK_DONTDUMP,
          PVMEMCONTROL_DONTDUMP },
        { PVMEMCONTROL_MARK_LOCKED, PVMEMCONTROL_MARK_LOCKED,
          PVMEMCONTROL_MLOCK },
        { PVMEMCONTROL_MARK_MERGE, PVMEMCONTROL_MARK_MERGEABLE,
          PVMEMCONTROL_MERGEABLE },
        { PVMEMCONTROL_MARK_MERGE, PVMEMCONTROL_MARK_UNMERGEABLE,
          PVMEMCONTROL_UNMERGEABLE },
        { PVMEMCONTROL_MARK_GUARD, PVMEMCONTROL_MARK_GUARD,
          PVMEMCONTROL_GUARD },
        { PVMEMCONTROL_MARK_PROT, PVMEMCONTROL_MARK_PROT_NONE,
          PVMEMCONTROL_MPROTECT_NONE },
        { PVMEMCONTROL_MARK_PROT, PVMEMCONTROL_MARK_PROT_R,
          PVMEMCONTROL_MPROTECT_R },
        { PVMEMCONTROL_MARK_PROT, PVMEMCONTROL_MARK_PROT_W,
          PVMEMCONTROL_MPROTECT_W },
    };
    void *host = a->block->host + a->offset;
    PVMemcontrolCall call = {
        .func_code = PVMEMCONTROL_SET_VMA_ANON_NAME,
        .arg = a->name,
    };
    bool ok = !a->name || !pvmemcontrol_marks_set(s, host, a->len, &call);
    int i;

    if (a->mark & PVMEMCONTROL_MARK_GUARD && migration_in_incoming_postcopy()) {
        /* The page is still to come, and would not fit in. */
        return false;
    }
    for (i = 0; i < ARRAY_SIZE(calls); i++) {
        if ((a->mark & calls[i].mask) == calls[i].value) {
            call.func_code = calls[i].func_code;
            ok &= !pvmemcontrol_marks_set(s, host, a->len, &call);
        }
    }
    return ok;
}

bool pvmemcontrol_marks_apply(PVMemcontrolState *s)
{
    bool ok = true;
    guint i;

    for (i = 0; arrived && i < arrived->len; i++) {
        ok &= apply(s, &g_array_index(arrived, Arrived, i));
    }
    pvmemcontrol_marks_await();
    return ok;
}
