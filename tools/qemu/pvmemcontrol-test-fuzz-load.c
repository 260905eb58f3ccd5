/*
 * Fuzzer of the pvmemcontrol device: a stream that somebody has made up
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "exec/ramblock.h"
#include "io/channel-buffer.h"
#include "migration/qemu-file.h"
#include "migration/qemu-file-types.h"
#include "qemu/rcu.h"
#include "pvmemcontrol-test-fuzz.h"

#define SUBSECTION 0x05
#define MARKS_SUBSECTION "pvmemcontrol/marks"
/* What the PCI core has in the stream: a version, 256 bytes, the interrupts */
#define PCI_STATE (4 + 256 + 16)

static void put_be(GByteArray *a, uint64_t value, unsigned size)
{
    while (size--) {
        uint8_t byte = value >> 8 * size;

        g_byte_array_append(a, &byte, 1);
    }
}

static void put_string(GByteArray *a, const char *s)
{
    put_be(a, strlen(s), 1);
    g_byte_array_append(a, (const uint8_t *)s, strlen(s));
}

/* A section that says how pages are marked, made up */
static void put_marks(Hostile *h, GByteArray *a, unsigned nr)
{
    const char *const blocks[] = {
        fuzz_ram->idstr, "pc.bios", "pc.rom", "no",
    };
    uint8_t how;

    put_be(a, SUBSECTION, 1);
    put_string(a, MARKS_SUBSECTION);
    put_be(a, 1, 4);
    while (nr--) {
        how = hostile_u8(h);
        put_string(a, how & 3 ? blocks[0] : blocks[how / 4 %
                                                   ARRAY_SIZE(blocks)]);
        put_be(a, hostile_address(h), 8);
        put_be(a, hostile_length(h), 8);
        put_be(a, how & 0x80 ? hostile_bytes(h, 4) : hostile_u8(h) & 0x7f, 4);
        put_be(a, how & 0x40 ? hostile_u8(h) : 0, 8);
    }
    put_be(a, 0, 1);
}

static GByteArray *save(void)
{
    const VMStateDescription *vmsd = DEVICE_GET_CLASS(fuzz_dev)->vmsd;
    QIOChannelBuffer *channel = qio_channel_buffer_new(4096);
    QEMUFile *f = qemu_file_new_output(QIO_CHANNEL(channel));
    GByteArray *a = g_byte_array_new();

    g_assert_cmpint(vmstate_save_state(f, vmsd, fuzz_dev, NULL), ==, 0);
    qemu_fflush(f);
    g_byte_array_append(a, channel->data, channel->usage);
    qemu_fclose(f);
    object_unref(OBJECT(channel));
    return a;
}

static int load(GByteArray *a)
{
    const VMStateDescription *vmsd = DEVICE_GET_CLASS(fuzz_dev)->vmsd;
    QIOChannelBuffer *channel = qio_channel_buffer_new(a->len + 1);
    QEMUFile *f;
    int ret;

    memcpy(channel->data, a->data, a->len);
    channel->usage = a->len;
    f = qemu_file_new_input(QIO_CHANNEL(channel));
    fuzz_host_load(true);
    ret = vmstate_load_state(f, vmsd, fuzz_dev, vmsd->version_id);
    fuzz_host_load(false);
    qemu_fclose(f);
    object_unref(OBJECT(channel));
    return ret;
}

/* What was guarded in the stream has lost its content. */
static void name_guards(Hostile *h)
{
    PVMemcontrolBlocks *all;
    unsigned int k;
    size_t i;

    RCU_READ_LOCK_GUARD();
    all = pvmemcontrol_blocks();
    for (k = 0; k < all->nr; k++) {
        PVMemcontrolBlock *b = all->block[k];

        for (i = 0; i < b->nr_pages; i++) {
            if (!(b->marks[i] & PVMEMCONTROL_MARK_GUARD)) {
                continue;
            }
            fuzz_name(h, b->block, i * b->page_size, b->page_size);
        }
    }
}

static void sync_model(Hostile *h)
{
    uint32_t i;

    h->phase = fuzz_dev->phase;
    h->command = fuzz_dev->command;
    h->payload = fuzz_dev->payload;
    h->nr_buffers = fuzz_dev->connections->count;
    for (i = 0; i < h->nr_buffers; i++) {
        h->buffers[i] = fuzz_dev->connections->gpa[i];
    }
    if (fuzz_dev->violation_gpa) {
        hostile_name(h, fuzz_dev->violation_gpa, HOSTILE_PAGE);
    }
    name_guards(h);
}

void fuzz_reload(Hostile *h)
{
    uint8_t how = hostile_u8(h);
    unsigned int nr = how & 7;
    GByteArray *a = save();

    /* The PCI core believes in its own. */
    while (nr--) {
        unsigned int at = PCI_STATE +
                          hostile_bytes(h, 2) % (a->len - PCI_STATE);

        a->data[at] = hostile_u8(h);
    }
    if (how & 0x70) {
        put_marks(h, a, how >> 4 & 7);
    }
    if (how & 0x80) {
        g_byte_array_set_size(a, hostile_bytes(h, 2) % a->len);
    }
    /* As whoever loads a machine's state does */
    if (how & 8) {
        fuzz_reset(h);
    }
    load(a);
    g_byte_array_free(a, true);
    sync_model(h);
}
