/*
 * pvmemcontrol: the device itself fails
 *
 * Fault injection is about requests: the device is well, and answers them
 * wrongly.  Here it breaks, loses what it knew, falls silent or goes, at an
 * access to its registers that a test has chosen by its number.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "block/aio.h"
#include "hw/hotplug.h"
#include "hw/qdev-core.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "qemu/error-report.h"
#include "qemu/lockable.h"
#include "qemu/main-loop.h"
#include "pvmemcontrol-internal.h"
#include "trace.h"

static const char *const fail_how_names[] = {
    [PVMEMCONTROL_FAIL_NONE] = "none",
    [PVMEMCONTROL_FAIL_BREAK] = "break",
    [PVMEMCONTROL_FAIL_RESET] = "reset",
    [PVMEMCONTROL_FAIL_SILENT] = "silent",
    [PVMEMCONTROL_FAIL_GONE] = "gone",
    [PVMEMCONTROL_FAIL_UNPLUG] = "unplug",
    [PVMEMCONTROL_FAIL_REMOVE] = "remove",
};

static const QEnumLookup fail_how_lookup = {
    .array = fail_how_names,
    .size = ARRAY_SIZE(fail_how_names),
};

void pvmemcontrol_fail_init(PVMemcontrolFail *f)
{
    qemu_mutex_init(&f->lock);
}

void pvmemcontrol_fail_destroy(PVMemcontrolFail *f)
{
    qemu_mutex_destroy(&f->lock);
}

/* With f->lock: whether accesses have to look at anything but this */
static void fail_update(PVMemcontrolFail *f)
{
    qatomic_set(&f->engaged, f->how != PVMEMCONTROL_FAIL_NONE &&
                             (f->after || f->failed));
}

static bool is_realized(PVMemcontrolState *s)
{
    return qatomic_read(&DEVICE(s)->realized);
}

/* In the main loop: it is asked back as device_del would. */
static void unplug_bh(void *opaque)
{
    g_autoptr(PVMemcontrolState) s = opaque;
    Error *err = NULL;

    if (is_realized(s)) {
        qdev_unplug(DEVICE(s), &err);
    }
    if (err) {
        warn_report_err(err);
    }
}

/* The same, but that nobody in the guest is asked. */
static void remove_bh(void *opaque)
{
    g_autoptr(PVMemcontrolState) s = opaque;
    HotplugHandler *handler;
    Error *err = NULL;

    if (!is_realized(s)) {
        return;
    }
    handler = qdev_get_hotplug_handler(DEVICE(s));
    if (!handler) {
        warn_report("pvmemcontrol: x-fail-how=remove of a device that cannot "
                    "be unplugged");
        return;
    }
    hotplug_handler_unplug(handler, DEVICE(s), &err);
    if (err) {
        warn_report_err(err);
    } else {
        object_unparent(OBJECT(s));
    }
}

/* As a reset of the machine does it: with the iothread lock */
static void reset_now(PVMemcontrolState *s)
{
    bool locked = qemu_mutex_iothread_locked();

    if (!locked) {
        qemu_mutex_lock_iothread();
    }
    device_cold_reset(DEVICE(s));
    if (!locked) {
        qemu_mutex_unlock_iothread();
    }
}

static void fail(PVMemcontrolState *s, PVMemcontrolFailHow how)
{
    trace_pvmemcontrol_fail(fail_how_names[how]);
    switch (how) {
    case PVMEMCONTROL_FAIL_BREAK:
        pvmemcontrol_forget(s);
        break;
    case PVMEMCONTROL_FAIL_RESET:
        reset_now(s);
        break;
    case PVMEMCONTROL_FAIL_UNPLUG:
        aio_bh_schedule_oneshot(qemu_get_aio_context(), unplug_bh,
                                object_ref(OBJECT(s)));
        break;
    case PVMEMCONTROL_FAIL_REMOVE:
        aio_bh_schedule_oneshot(qemu_get_aio_context(), remove_bh,
                                object_ref(OBJECT(s)));
        break;
    case PVMEMCONTROL_FAIL_NONE:
    case PVMEMCONTROL_FAIL_SILENT:
    case PVMEMCONTROL_FAIL_GONE:
        break;
    }
}

bool pvmemcontrol_fail_access(PVMemcontrolState *s, uint64_t *read)
{
    PVMemcontrolFail *f = &s->fail;
    bool now = false, deaf;
    PVMemcontrolFailHow how;

    if (likely(!qatomic_read(&f->engaged))) {
        return false;
    }
    WITH_QEMU_LOCK_GUARD(&f->lock) {
        how = f->how;
        if (f->after && how != PVMEMCONTROL_FAIL_NONE) {
            now = !--f->after;
        }
        if (now) {
            f->failed = how == PVMEMCONTROL_FAIL_SILENT ||
                        how == PVMEMCONTROL_FAIL_GONE;
        }
        deaf = f->failed;
        fail_update(f);
    }
    if (now) {
        stat64_add(&pvmemcontrol_counters(s)->faults_injected, 1);
        fail(s, how);
    }
    *read = how == PVMEMCONTROL_FAIL_GONE ? UINT64_MAX : 0;
    return deaf;
}

static int get_how(Object *obj, Error **errp)
{
    PVMemcontrolFail *f = &PVMEMCONTROL(obj)->fail;

    QEMU_LOCK_GUARD(&f->lock);
    return f->how;
}

static void set_how(Object *obj, int how, Error **errp)
{
    PVMemcontrolFail *f = &PVMEMCONTROL(obj)->fail;

    QEMU_LOCK_GUARD(&f->lock);
    f->how = how;
    f->failed = false;
    fail_update(f);
}

static void access_after(Object *obj, Visitor *v, const char *name,
                         void *opaque, Error **errp)
{
    PVMemcontrolFail *f = &PVMEMCONTROL(obj)->fail;

    QEMU_LOCK_GUARD(&f->lock);
    visit_type_uint32(v, name, &f->after, errp);
    fail_update(f);
}

void pvmemcontrol_fail_add_properties(ObjectClass *klass)
{
    object_class_property_add(klass, "x-fail-after", "uint32", access_after,
                              access_after, NULL, NULL);
    object_class_property_set_description(klass, "x-fail-after",
                                          "at which access to its registers from now on the "
                                          "device fails; 0: at none");
    object_class_property_add_enum(klass, "x-fail-how",
                                   "PVMemcontrolFailHow", &fail_how_lookup,
                                   get_how, set_how);
    object_class_property_set_description(klass, "x-fail-how",
                                          "how the device itself fails");
}
