/*
 * pvmemcontrol: the host's tracepoint for page faults of a KVM guest
 *
 * Each vCPU thread has a perf event of its own, made when it is needed first
 * and switched on for as long as it is.  The host writes its buffer backwards
 * and over what is old, so that the newest record is where the head is.
 *
 * Where QEMU is neither root nor has been given tracefs and CAP_PERFMON, this
 * finds nothing.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/cutils.h"
#include "qemu/notify.h"
#include "qemu/thread.h"
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include "pvmemcontrol-kvm.h"

#define TRACEPOINT "events/kvm/kvm_page_fault"

/* Where in a record of the tracepoint its fields are */
typedef struct Format {
    uint64_t id;
    size_t address;
    size_t error_code;
} Format;

typedef struct Tracing {
    int fd;
    void *buffer;           /* a page of the head's place, a page of records */
    Format format;
    uint64_t head;          /* when it was switched on */
    bool on;
    Notifier thread_exit;
} Tracing;

static __thread Tracing *tracing;

static uint64_t read_head(void)
{
    struct perf_event_mmap_page *control = tracing->buffer;

    return qatomic_load_acquire(&control->data_head);
}

static char *read_tracefs(const char *name)
{
    static const char *const folders[] = {
        "/sys/kernel/tracing", "/sys/kernel/debug/tracing",
    };
    char *text = NULL;
    size_t i;

    for (i = 0; !text && i < ARRAY_SIZE(folders); i++) {
        g_autofree char *path = g_strdup_printf("%s/" TRACEPOINT "/%s",
                                                folders[i], name);

        g_file_get_contents(path, &text, NULL, NULL);
    }
    return text;
}

/* A line is "field:u64 NAME; offset:N; size:N; signed:N;" */
static bool find_field(const char *text, const char *name, size_t *offset)
{
    g_autofree char *key = g_strdup_printf(" %s;", name);
    const char *line = strstr(text, key);
    unsigned int at, size;

    if (!line || sscanf(line + strlen(key), " offset:%u; size:%u;",
                        &at, &size) != 2 || size != sizeof(uint64_t)) {
        return false;
    }
    *offset = at;
    return true;
}

static bool read_format(Format *format)
{
    g_autofree char *id = read_tracefs("id");
    g_autofree char *text = id ? read_tracefs("format") : NULL;

    return text && !qemu_strtou64(g_strstrip(id), NULL, 10, &format->id) &&
           find_field(text, "fault_address", &format->address) &&
           find_field(text, "error_code", &format->error_code);
}

static void forget(Notifier *notifier, void *unused)
{
    munmap(tracing->buffer, 2 * qemu_real_host_page_size());
    close(tracing->fd);
    g_free(tracing);
    tracing = NULL;
}

static Tracing *make_tracing(void)
{
    struct perf_event_attr attr = {
        .type = PERF_TYPE_TRACEPOINT,
        .size = sizeof(attr),
        .sample_period = 1,
        .sample_type = PERF_SAMPLE_RAW,
        .disabled = 1,
        .write_backward = 1,
    };
    Tracing *made;
    Format format;
    void *buffer;
    int fd;

    if (!read_format(&format)) {
        return NULL;
    }
    attr.config = format.id;
    fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
    if (fd < 0) {
        return NULL;
    }
    /* Read-only: the host does not wait for anybody to read. */
    buffer = mmap(NULL, 2 * qemu_real_host_page_size(), PROT_READ, MAP_SHARED,
                  fd, 0);
    if (buffer == MAP_FAILED) {
        close(fd);
        return NULL;
    }
    made = g_new0(Tracing, 1);
    made->fd = fd;
    made->buffer = buffer;
    made->format = format;
    made->thread_exit.notify = forget;
    qemu_thread_atexit_add(&made->thread_exit);
    return made;
}

bool pvmemcontrol_kvm_traces(void)
{
    return tracing && tracing->on;
}

bool pvmemcontrol_kvm_trace_start(void)
{
    if (!tracing) {
        tracing = make_tracing();
    }
    if (!tracing) {
        return false;
    }
    tracing->head = read_head();
    if (ioctl(tracing->fd, PERF_EVENT_IOC_ENABLE, 0)) {
        return false;
    }
    tracing->on = true;
    return true;
}

static uint64_t field_at(const char *data, uint64_t size, size_t offset)
{
    uint64_t value;
    char *bytes = (char *)&value;
    size_t i;

    /* A record may go on at the start of the page. */
    for (i = 0; i < sizeof(value); i++) {
        bytes[i] = data[(offset + i) % size];
    }
    return value;
}

bool pvmemcontrol_kvm_trace_stop(hwaddr *gpa, uint64_t *error_code)
{
    uint64_t size = qemu_real_host_page_size();
    const char *data = (char *)tracing->buffer + size;
    struct perf_event_header header;
    uint64_t head, word;
    size_t raw;

    ioctl(tracing->fd, PERF_EVENT_IOC_DISABLE, 0);
    tracing->on = false;

    head = read_head();
    if (head == tracing->head) {
        return false;
    }
    word = field_at(data, size, head % size);
    memcpy(&header, &word, sizeof(header));
    if (header.type != PERF_RECORD_SAMPLE) {
        return false;
    }
    /* After the header the length of what the tracepoint has written. */
    raw = head % size + sizeof(header) + sizeof(uint32_t);
    *gpa = field_at(data, size, raw + tracing->format.address);
    *error_code = field_at(data, size, raw + tracing->format.error_code);
    return true;
}
