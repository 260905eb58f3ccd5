/*
 * pvmemcontrol: what a request does, alone or as an entry of a vector
 *
 * All that comes out of guest memory is copied before it is looked at: another
 * vCPU may write to it at any time, and a request may drop what it came in.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "exec/cpu-common.h"
#include "hw/core/cpu.h"
#include "qemu/log.h"
#include "qemu/rcu.h"
#include "qemu/timer.h"
#include "pvmemcontrol-internal.h"
#include "trace.h"

/* A vector lies in one page of this size, whatever the host's is. */
#define VECTOR_PAGE 4096
#define VECTOR_MAX (VECTOR_PAGE / PVMEMCONTROL_BUF_SIZE)

/* How long a vCPU may be in here while it is wanted elsewhere */
#define LONG_NS (1 * NANOSECONDS_PER_SECOND)
/* And while what others have replaced waits to be freed */
#define LONG_RCU_NS (5 * NANOSECONDS_PER_SECOND)

/* When the request began that this thread is executing */
static __thread int64_t began;

/* A request, and how it came */
typedef struct Request {
    uint32_t id;
    bool in_vector;
    PVMemcontrolCall call;
} Request;

/* Returns whether there is an answer. */
static bool process(PVMemcontrolState *s, const Request *req,
                    PVMemcontrolRet *ret);

/* -- To and from the wire ------------------------------------------------ */

static PVMemcontrolCall from_wire(const struct pvmemcontrol_buf *buf)
{
    return (PVMemcontrolCall) {
        .func_code = le64_to_cpu(buf->call.func_code),
        .addr = le64_to_cpu(buf->call.addr),
        .length = le64_to_cpu(buf->call.length),
        .arg = le64_to_cpu(buf->call.arg),
    };
}

static void to_wire(struct pvmemcontrol_buf *buf, const PVMemcontrolRet *ret)
{
    *buf = (struct pvmemcontrol_buf) {
        .ret = {
            .ret_errno = cpu_to_le32(ret->ret_errno),
            .ret_code = cpu_to_le32(ret->ret_code),
            .ret_value = cpu_to_le64(ret->ret_value),
            .arg0 = cpu_to_le64(ret->arg0),
            .arg1 = cpu_to_le64(ret->arg1),
        },
    };
}

/* -- Each kind ----------------------------------------------------------- */

static PVMemcontrolRet refuse(const PVMemcontrolCall *call, uint32_t why)
{
    return (PVMemcontrolRet) { .ret_errno = why, .ret_code = call->func_code };
}

static unsigned int kind_of(PVMemcontrolState *s, uint64_t func_code)
{
    if (func_code < PVMEMCONTROL_NR_FUNC_1_0) {
        return func_code;
    }
    if (s->version_minor >= 1) {
        switch (func_code) {
        case PVMEMCONTROL_FEATURES:
            return PVMEMCONTROL_KIND_FEATURES;
        case PVMEMCONTROL_VECTOR:
            return PVMEMCONTROL_KIND_VECTOR;
        case PVMEMCONTROL_VIOLATION:
            return PVMEMCONTROL_KIND_VIOLATION;
        case PVMEMCONTROL_GUARD:
            return PVMEMCONTROL_KIND_GUARD;
        case PVMEMCONTROL_UNGUARD:
            return PVMEMCONTROL_KIND_UNGUARD;
        }
    }
    return PVMEMCONTROL_KIND_UNKNOWN;
}

static PVMemcontrolRet info(PVMemcontrolState *s)
{
    return (PVMemcontrolRet) {
        .ret_value = qemu_real_host_page_size(),
        .arg0 = PVMEMCONTROL_VERSION_MAJOR,
        .arg1 = s->version_minor,
    };
}

/* From now on the guest may count on it, see post_load(). */
static void note_use(PVMemcontrolState *s, uint32_t minor)
{
    if (qatomic_read(&s->used_minor) < minor) {
        qatomic_set(&s->used_minor, minor);
    }
}

static PVMemcontrolRet features(PVMemcontrolState *s)
{
    note_use(s, 1);
    return (PVMemcontrolRet) {
        .ret_value = PVMEMCONTROL_FEATURE_VECTOR |
                     PVMEMCONTROL_FEATURE_VIOLATION |
                     PVMEMCONTROL_FEATURE_GUARD,
        .arg0 = VECTOR_MAX,
        .arg1 = pvmemcontrol_ram_zeroing(s),
    };
}

static bool is_partial(const PVMemcontrolFault *fault)
{
    return fault && fault->mode == PVMEMCONTROL_FAULT_PARTIAL;
}

static PVMemcontrolRet range(PVMemcontrolState *s, const PVMemcontrolCall *call,
                             const PVMemcontrolFault *fault)
{
    PVMemcontrolRet ret = {};
    PVMemcontrolRam *ram;
    hwaddr offset, len = call->length;

    ram = pvmemcontrol_ram_find(s, call->addr, call->length, &offset);
    if (!ram) {
        qemu_log_mask(LOG_GUEST_ERROR, "pvmemcontrol: request %" PRIu64
                      " for 0x%" PRIx64 "+0x%" PRIx64 ", which is not RAM\n",
                      (uint64_t)call->func_code, (uint64_t)call->addr,
                      (uint64_t)call->length);
        return refuse(call, EINVAL);
    }
    if (is_partial(fault)) {
        ret.ret_errno = ENOMEM;
        len = QEMU_ALIGN_DOWN(len / 2, qemu_ram_pagesize(ram->block));
        if (len) {
            pvmemcontrol_ram_call(s, ram, offset, len, call);
        }
        return ret;
    }
    ret.ret_errno = pvmemcontrol_ram_call(s, ram, offset, len, call);
    return ret;
}

/*
 * Who writes to a register is in an RCU critical section from before the device
 * hears of it until after: leaving ours between two pieces ends nothing.
 */
static bool is_waited_for_by_rcu(void)
{
    return qatomic_read(&get_ptr_rcu_reader()->waiting);
}

bool pvmemcontrol_must_leave(void)
{
    CPUState *cpu = current_cpu;
    int64_t elapsed = get_clock() - began;

    if (!cpu || elapsed <= LONG_NS) {
        return false;
    }
    return qatomic_read(&cpu->stop) ||
           !QSIMPLEQ_EMPTY_ATOMIC(&cpu->work_list) ||
           (elapsed > LONG_RCU_NS && is_waited_for_by_rcu());
}

/* -- Vectors ------------------------------------------------------------- */

static PVMemcontrolRam *find_vector(PVMemcontrolState *s,
                                    const PVMemcontrolCall *call,
                                    hwaddr *offset)
{
    /* First the number, or the size could overflow. */
    if (call->length > VECTOR_MAX ||
        !QEMU_IS_ALIGNED(call->addr, PVMEMCONTROL_BUF_SIZE) ||
        call->addr % VECTOR_PAGE + call->length * PVMEMCONTROL_BUF_SIZE >
        VECTOR_PAGE) {
        return NULL;
    }
    return pvmemcontrol_ram_find(s, call->addr,
                                 call->length * PVMEMCONTROL_BUF_SIZE, offset);
}

/*
 * The answers are written all at once when no more entries will be executed.
 * So one that drops or protects the array's own page, and another that opens it
 * again, do what they do anywhere else, and the answers are there.
 *
 * Returns whether there is an answer to the vector itself.
 */
static bool vector(PVMemcontrolState *s, const Request *req,
                   const PVMemcontrolFault *fault, PVMemcontrolRet *ret)
{
    const PVMemcontrolCall *call = &req->call;
    struct pvmemcontrol_buf array[VECTOR_MAX];
    Request entry = { .id = req->id, .in_vector = true };
    PVMemcontrolRet entry_ret = {};
    PVMemcontrolRam *ram;
    uint64_t nr, done, answered = 0;
    bool is_answer = true;
    hwaddr offset;

    ram = req->in_vector ? NULL : find_vector(s, call, &offset);
    if (!ram) {
        qemu_log_mask(LOG_GUEST_ERROR, "pvmemcontrol: %s of %" PRIu64
                      " entries at 0x%" PRIx64 " is refused\n",
                      req->in_vector ? "vector in a vector" : "vector",
                      (uint64_t)call->length, (uint64_t)call->addr);
        *ret = refuse(call, EINVAL);
        return true;
    }
    note_use(s, 1);
    address_space_read_cached(&ram->cache, offset, array,
                              call->length * sizeof(array[0]));

    nr = is_partial(fault) ? call->length / 2 : call->length;
    for (done = 0; done < nr; done++) {
        if (done && pvmemcontrol_must_leave()) {
            /* An entry has failed, without more. */
            entry_ret.ret_errno = EAGAIN;
            stat64_add(&pvmemcontrol_counters(s)->errors, 1);
        } else {
            entry.call = from_wire(&array[done]);
            is_answer = process(s, &entry, &entry_ret);
        }
        if (!is_answer) {
            break;
        }
        to_wire(&array[done], &entry_ret);
        answered++;
        if (entry_ret.ret_errno || entry_ret.ret_code) {
            break;
        }
    }
    if (answered) {
        address_space_write_cached(&ram->cache, offset, array,
                                   answered * sizeof(array[0]));
    }
    trace_pvmemcontrol_vector(req->id, call->length, done);

    *ret = (PVMemcontrolRet) {
        .ret_errno = entry_ret.ret_errno,
        .ret_code = entry_ret.ret_code,
        .ret_value = done,
    };
    if (is_partial(fault) && done == nr) {
        ret->ret_errno = ENOMEM;
    }
    return is_answer;
}

/* -- Any of them --------------------------------------------------------- */

/*
 * Does what @req says, or if @fault is not NULL, what that says.  Returns
 * whether there is an answer.
 */
static bool execute(PVMemcontrolState *s, const Request *req,
                    const PVMemcontrolFault *fault, PVMemcontrolRet *ret)
{
    switch (kind_of(s, req->call.func_code)) {
    case PVMEMCONTROL_INFO:
        *ret = info(s);
        return true;
    case PVMEMCONTROL_KIND_FEATURES:
        *ret = features(s);
        return true;
    case PVMEMCONTROL_KIND_VECTOR:
        return vector(s, req, fault, ret);
    case PVMEMCONTROL_KIND_VIOLATION:
        note_use(s, 1);
        *ret = pvmemcontrol_violation_page(s, &req->call);
        return true;
    case PVMEMCONTROL_KIND_UNKNOWN:
        *ret = refuse(&req->call, EOPNOTSUPP);
        return true;
    case PVMEMCONTROL_KIND_GUARD:
    case PVMEMCONTROL_KIND_UNGUARD:
        note_use(s, 1);
        /* fall through */
    default:
        *ret = range(s, &req->call, fault);
        return true;
    }
}

/* Returns whether there is an answer. */
static bool execute_faulty(PVMemcontrolState *s, const Request *req,
                           const PVMemcontrolFault *fault, PVMemcontrolRet *ret)
{
    bool is_answer;

    *ret = (PVMemcontrolRet) {};

    switch (fault->mode) {
    case PVMEMCONTROL_FAULT_SILENT:
        return false;
    case PVMEMCONTROL_FAULT_ERRNO:
        ret->ret_errno = fault->host_errno;
        return true;
    case PVMEMCONTROL_FAULT_REFUSE:
        *ret = refuse(&req->call, EOPNOTSUPP);
        return true;
    case PVMEMCONTROL_FAULT_LIE:
        if (req->call.func_code == PVMEMCONTROL_VECTOR) {
            ret->ret_value = req->call.length;
        }
        return true;
    case PVMEMCONTROL_FAULT_GARBAGE:
        *ret = fault->garbage;
        return true;
    case PVMEMCONTROL_FAULT_DELAY:
        is_answer = execute(s, req, NULL, ret);
        g_usleep((gulong)fault->delay_ms * 1000);
        return is_answer;
    case PVMEMCONTROL_FAULT_PARTIAL:
        return execute(s, req, fault, ret);
    case PVMEMCONTROL_FAULT_NONE:
        break;
    }
    g_assert_not_reached();
}

/* Returns whether there is an answer. */
static bool process(PVMemcontrolState *s, const Request *req,
                    PVMemcontrolRet *ret)
{
    PVMemcontrolCounters *counters = pvmemcontrol_counters(s);
    const PVMemcontrolCall *call = &req->call;
    PVMemcontrolFault fault;
    bool is_answer;

    trace_pvmemcontrol_request(req->id, call->func_code, call->addr,
                               call->length, call->arg);
    stat64_add(&counters->requests[kind_of(s, call->func_code)], 1);
    if (req->in_vector) {
        stat64_add(&counters->vector_entries, 1);
    }

    if (unlikely(pvmemcontrol_fault_next(s, call->func_code, &fault))) {
        is_answer = execute_faulty(s, req, &fault, ret);
    } else {
        is_answer = execute(s, req, NULL, ret);
    }
    /* Of a device without memory it would be: that is no RAM. */
    if (!is_answer || unlikely(qatomic_read(&s->gone))) {
        return false;
    }

    if (ret->ret_errno) {
        stat64_add(&counters->errors, 1);
    }
    if (ret->ret_code) {
        stat64_add(&counters->refused, 1);
    }
    trace_pvmemcontrol_answer(req->id, ret->ret_errno, ret->ret_code);
    return true;
}

void pvmemcontrol_request(PVMemcontrolState *s, uint32_t id,
                          PVMemcontrolRam *ram, hwaddr offset)
{
    Request req = { .id = id };
    struct pvmemcontrol_buf buf;
    PVMemcontrolRet ret;

    began = get_clock();
    address_space_read_cached(&ram->cache, offset, &buf, sizeof(buf));
    req.call = from_wire(&buf);
    if (process(s, &req, &ret)) {
        to_wire(&buf, &ret);
        address_space_write_cached(&ram->cache, offset, &buf, sizeof(buf));
    }
}
