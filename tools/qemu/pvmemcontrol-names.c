/*
 * pvmemcontrol: the names that a guest has given to its pages
 *
 * A name is a number of 64 bits, of which a mark has no room for: it has the
 * index of one in a table here.  All of this is under the lock of the marks.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitmap.h"
#include "pvmemcontrol-internal.h"

#define MAX_INDEX (PVMEMCONTROL_MARK_NAME >> PVMEMCONTROL_MARK_NAME_SHIFT)

/* Numbers by index, 0 unused, and indices by number */
static GArray *numbers;
static GHashTable *index_of;
/* Indices below the array's end that nobody has */
static GArray *unused;

static uint64_t *number_at(uint32_t index)
{
    return &g_array_index(numbers, uint64_t, index);
}

static void tables_new(void)
{
    uint64_t none = 0;

    numbers = g_array_new(false, false, sizeof(uint64_t));
    g_array_append_val(numbers, none);
    index_of = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    unused = g_array_new(false, false, sizeof(uint32_t));
}

/* Takes back the indices that no page is marked with any more. */
static void collect(void)
{
    g_autofree unsigned long *used = bitmap_new(MAX_INDEX + 1);
    PVMemcontrolBlocks *all = pvmemcontrol_blocks();
    PVMemcontrolBlock *b;
    size_t first, next;
    unsigned int k;
    uint32_t i;

    PVMEMCONTROL_FOR_EACH_MARKED(all, k, b, first, next,
                                 PVMEMCONTROL_MARK_NAME) {
        set_bit(b->marks[first] >> PVMEMCONTROL_MARK_NAME_SHIFT, used);
    }
    for (i = 1; i < numbers->len; i++) {
        if (!test_bit(i, used)) {
            g_hash_table_remove(index_of, number_at(i));
            g_array_append_val(unused, i);
        }
    }
}

static uint32_t new_index(void)
{
    uint32_t index = numbers->len;

    if (index > MAX_INDEX && !unused->len) {
        collect();
    }
    if (unused->len) {
        index = g_array_index(unused, uint32_t, unused->len - 1);
        g_array_set_size(unused, unused->len - 1);
        return index;
    }
    if (index > MAX_INDEX) {
        return 0;
    }
    g_array_set_size(numbers, index + 1);
    return index;
}

uint32_t pvmemcontrol_name_mark(uint64_t number)
{
    uint32_t index;

    if (!number) {
        return 0;
    }
    if (!numbers) {
        tables_new();
    }
    index = GPOINTER_TO_UINT(g_hash_table_lookup(index_of, &number));
    if (!index) {
        index = new_index();
        if (index) {
            *number_at(index) = number;
            g_hash_table_insert(index_of, g_memdup2(&number, sizeof(number)),
                                GUINT_TO_POINTER(index));
        }
    }
    return index << PVMEMCONTROL_MARK_NAME_SHIFT;
}

uint64_t pvmemcontrol_name_of(uint32_t mark)
{
    uint32_t index = mark >> PVMEMCONTROL_MARK_NAME_SHIFT;

    return index ? *number_at(index) : 0;
}

void pvmemcontrol_names_forget(void)
{
    if (numbers) {
        g_array_free(numbers, true);
        g_hash_table_destroy(index_of);
        g_array_free(unused, true);
        numbers = NULL;
    }
}
