/*
 * pvmemcontrol: the buffers that a guest has registered
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/lockable.h"
#include "pvmemcontrol-internal.h"

PVMemcontrolConnections *pvmemcontrol_connections_new(uint32_t capacity)
{
    PVMemcontrolConnections *c;

    c = g_malloc0(sizeof(*c) + (size_t)capacity * sizeof(c->gpa[0]));
    c->capacity = capacity;
    return c;
}

void pvmemcontrol_connections_replace(PVMemcontrolState *s,
                                      PVMemcontrolConnections *c)
{
    PVMemcontrolConnections *old = s->connections;

    qatomic_rcu_set(&s->connections, c);
    g_free_rcu(old, rcu);
}

uint32_t pvmemcontrol_connections_add(PVMemcontrolState *s, uint64_t gpa)
{
    PVMemcontrolConnections *c = s->connections;
    uint32_t index = c->count;

    if (index >= s->max_connections) {
        return 0;
    }
    if (index == c->capacity) {
        uint32_t capacity = MIN((uint64_t)c->capacity * 2, s->max_connections);
        PVMemcontrolConnections *bigger;

        bigger = pvmemcontrol_connections_new(capacity);
        memcpy(bigger->gpa, c->gpa, index * sizeof(c->gpa[0]));
        bigger->count = index;
        pvmemcontrol_connections_replace(s, bigger);
        c = bigger;
    }
    qatomic_set(&c->gpa[index], gpa);
    qatomic_store_release(&c->count, index + 1);
    return PVMEMCONTROL_CONNECTION_ID | index;
}

bool pvmemcontrol_connections_find(PVMemcontrolState *s, uint32_t id,
                                   uint64_t *gpa)
{
    PVMemcontrolConnections *c = qatomic_rcu_read(&s->connections);
    uint32_t index = id & ~PVMEMCONTROL_CONNECTION_ID;

    if (index >= qatomic_load_acquire(&c->count)) {
        return false;
    }
    *gpa = qatomic_read(&c->gpa[index]);
    return true;
}

uint32_t pvmemcontrol_nr_connections(PVMemcontrolState *s)
{
    QEMU_LOCK_GUARD(&s->lock);
    return s->connections->count;
}
