/*
 * QTest cases for the pvmemcontrol device: the machine under test
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <sys/prctl.h>
#include <sys/uio.h>
#include "hw/pci/pci_regs.h"
#include "qapi/qmp/qdict.h"
#include "qemu/bswap.h"
#include "pvmemcontrol-test.h"

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

VM *vm_start_args(const char *args, uint64_t bar)
{
    VM *vm = g_new0(VM, 1);
    g_autofree char *path = vm_temporary();
    g_autofree char *pid = NULL;

    /* There is no vCPU to make requests, but in a few tests. */
    vm->qts = qtest_initf("-global pvmemcontrol.x-from-anywhere=on %s "
                          "-pidfile %s", args, path);
    g_assert(g_file_get_contents(path, &pid, NULL, NULL));
    vm->pid = atoi(pid);
    unlink(path);
    vm->bus = qpci_new_pc(vm->qts, NULL);
    vm->dev = qpci_device_find(vm->bus, QPCI_DEVFN(4, 0));
    g_assert_nonnull(vm->dev);
    if (bar) {
        qpci_config_writel(vm->dev, PCI_BASE_ADDRESS_0, bar);
        qpci_device_enable(vm->dev);
    }
    vm->bar = bar;
    return vm;
}

VM *vm_start(const char *backend, const char *props, const char *more)
{
    g_autofree char *args = g_strdup_printf(
        "-M q35,mem-merge=off%s -m 256M -nodefaults "
        "-device pvmemcontrol,id=mc,addr=04.0%s %s", backend, props, more);

    return vm_start_args(args, 0xe0000000);
}

void vm_stop(VM *vm)
{
    g_free(vm->dev);
    qpci_free_pc(vm->bus);
    qtest_quit(vm->qts);
    g_free(vm);
}

/* -- Registers and requests ---------------------------------------------- */

uint32_t vm_status(VM *vm)
{
    return qtest_readl(vm->qts, vm->bar + PVMEMCONTROL_REG_COMMAND);
}

uint32_t vm_command(VM *vm, uint32_t command)
{
    qtest_writel(vm->qts, vm->bar + PVMEMCONTROL_REG_COMMAND, command);
    return vm_status(vm);
}

uint32_t vm_register(VM *vm, uint64_t gpa, uint32_t *id)
{
    uint32_t status;

    qtest_writeq(vm->qts, vm->bar + PVMEMCONTROL_REG_PAYLOAD, gpa);
    status = vm_command(vm, PVMEMCONTROL_TRANSPORT_REGISTER);
    if (id) {
        *id = qtest_readl(vm->qts, vm->bar + PVMEMCONTROL_REG_PAYLOAD);
    }
    return status;
}

void vm_connect(VM *vm)
{
    g_assert_cmphex(vm_command(vm, PVMEMCONTROL_TRANSPORT_RESET), ==,
                    PVMEMCONTROL_TRANSPORT_ACK);
    g_assert_cmphex(vm_register(vm, TEST_BUF, &vm->id), ==,
                    PVMEMCONTROL_TRANSPORT_ACK);
    g_assert_cmphex(vm->id, ==, PVMEMCONTROL_CONNECTION_ID);
    g_assert_cmphex(vm_command(vm, PVMEMCONTROL_TRANSPORT_READY), ==,
                    PVMEMCONTROL_TRANSPORT_ACK);
}

void vm_write_call(VM *vm, uint64_t gpa, struct pvmemcontrol_vmm_call call)
{
    struct pvmemcontrol_buf buf = {
        .call = {
            .func_code = cpu_to_le64(call.func_code),
            .addr = cpu_to_le64(call.addr),
            .length = cpu_to_le64(call.length),
            .arg = cpu_to_le64(call.arg),
        },
    };

    qtest_memwrite(vm->qts, gpa, &buf, sizeof(buf));
}

struct pvmemcontrol_vmm_ret vm_answer(VM *vm, uint64_t gpa)
{
    struct pvmemcontrol_buf buf;

    qtest_memread(vm->qts, gpa, &buf, sizeof(buf));
    return (struct pvmemcontrol_vmm_ret) {
        .ret_errno = le32_to_cpu(buf.ret.ret_errno),
        .ret_code = le32_to_cpu(buf.ret.ret_code),
        .ret_value = le64_to_cpu(buf.ret.ret_value),
        .arg0 = le64_to_cpu(buf.ret.arg0),
        .arg1 = le64_to_cpu(buf.ret.arg1),
    };
}

struct pvmemcontrol_vmm_ret vm_call_at(VM *vm, uint32_t id, uint64_t buf_gpa,
                                       struct pvmemcontrol_vmm_call call)
{
    vm_write_call(vm, buf_gpa, call);
    qtest_writel(vm->qts, vm->bar + PVMEMCONTROL_REG_COMMAND, id);
    return vm_answer(vm, buf_gpa);
}

struct pvmemcontrol_vmm_ret vm_vector(VM *vm, uint64_t gpa,
                                      const struct pvmemcontrol_vmm_call *calls,
                                      uint64_t nr)
{
    uint64_t i;

    for (i = 0; calls && i < nr; i++) {
        vm_write_call(vm, gpa + i * PVMEMCONTROL_BUF_SIZE, calls[i]);
    }
    return vm_call(vm, PVMEMCONTROL_VECTOR, gpa, nr, 0);
}

struct pvmemcontrol_vmm_ret vm_call(VM *vm, uint64_t func_code, uint64_t gpa,
                                    uint64_t length, uint64_t arg)
{
    return vm_call_at(vm, vm->id, TEST_BUF, (struct pvmemcontrol_vmm_call) {
        .func_code = func_code, .addr = gpa, .length = length, .arg = arg,
    });
}

void vm_expect(VM *vm, uint64_t func_code, uint64_t gpa, uint64_t length,
               uint64_t arg, uint32_t ret_errno, uint32_t ret_code)
{
    struct pvmemcontrol_vmm_ret ret = vm_call(vm, func_code, gpa, length, arg);

    g_test_message("func_code=%" PRIu64 " gpa=0x%" PRIx64 " length=0x%" PRIx64,
                   func_code, gpa, length);
    g_assert_cmpuint(ret.ret_errno, ==, ret_errno);
    g_assert_cmphex(ret.ret_code, ==, ret_code);
    g_assert_cmphex(ret.ret_value, ==, 0);
    g_assert_cmphex(ret.arg0, ==, 0);
    g_assert_cmphex(ret.arg1, ==, 0);
}

bool vm_unanswered(VM *vm, uint32_t id, uint64_t buf_gpa)
{
    struct pvmemcontrol_buf before, after;

    memset(&before, 0xa5, sizeof(before));
    qtest_memwrite(vm->qts, buf_gpa, &before, sizeof(before));
    qtest_writel(vm->qts, vm->bar + PVMEMCONTROL_REG_COMMAND, id);
    qtest_memread(vm->qts, buf_gpa, &after, sizeof(after));
    return !memcmp(&before, &after, sizeof(before));
}

/* -- Guest memory and QMP ------------------------------------------------ */

void vm_fill(VM *vm, uint64_t gpa, uint64_t length, uint8_t value)
{
    qtest_memset(vm->qts, gpa, value, length);
}

bool vm_reads(VM *vm, uint64_t gpa, uint64_t length, uint8_t value)
{
    g_autofree uint8_t *data = g_malloc(length);
    uint64_t i;

    qtest_bufread(vm->qts, gpa, data, length);
    for (i = 0; i < length; i++) {
        if (data[i] != value) {
            g_test_message("0x%" PRIx64 " reads 0x%02x", gpa + i, data[i]);
            return false;
        }
    }
    return true;
}

uint64_t vm_counter(VM *vm, const char *name)
{
    QDict *answer = qtest_qmp(vm->qts, "{ 'execute': 'qom-get', 'arguments': "
                              "{ 'path': %s, 'property': %s } }",
                              VM_DEVICE, name);
    uint64_t value;

    g_assert(qdict_haskey(answer, "return"));
    value = qdict_get_int(answer, "return");
    qobject_unref(answer);
    return value;
}

void vm_set_int(VM *vm, const char *property, int64_t value)
{
    qtest_qmp_assert_success(vm->qts, "{ 'execute': 'qom-set', 'arguments': "
                             "{ 'path': %s, 'property': %s, 'value': %" PRId64
                             " } }", VM_DEVICE, property, value);
}

void vm_set_str(VM *vm, const char *property, const char *value)
{
    qtest_qmp_assert_success(vm->qts, "{ 'execute': 'qom-set', 'arguments': "
                             "{ 'path': %s, 'property': %s, 'value': %s } }",
                             VM_DEVICE, property, value);
}

void vm_wait_migration(VM *vm)
{
    for (;;) {
        QDict *answer = qtest_qmp(vm->qts, "{ 'execute': 'query-migrate' }");
        const char *status =
            qdict_get_str(qdict_get_qdict(answer, "return"), "status");
        bool done = g_str_equal(status, "completed");

        g_assert_cmpstr(status, !=, "failed");
        qobject_unref(answer);
        if (done) {
            return;
        }
        g_usleep(10000);
    }
}

char *vm_temporary(void)
{
    char *path = NULL;
    int fd = g_file_open_tmp("pvmemcontrol-XXXXXX", &path, NULL);

    g_assert_cmpint(fd, >=, 0);
    close(fd);
    return path;
}

void vm_start_saving(VM *vm, const char *path)
{
    g_autofree char *uri = g_strdup_printf("exec:cat > %s", path);

    qtest_qmp_assert_success(vm->qts, "{ 'execute': 'migrate', 'arguments': "
                             "{ 'uri': %s } }", uri);
}

void vm_save(VM *vm, const char *path)
{
    vm_start_saving(vm, path);
    vm_wait_migration(vm);
}

VM *vm_start_load(const char *machine, const char *props, const char *path)
{
    g_autofree char *args = g_strdup_printf(
        "-M q35,mem-merge=off%s -m 256M -nodefaults "
        "-device pvmemcontrol,id=mc,addr=04.0%s -incoming 'exec:cat %s'",
        machine, props, path);
    VM *vm = vm_start_args(args, 0);

    /* The stream brings the BAR. */
    vm->bar = 0xe0000000;
    vm->id = PVMEMCONTROL_CONNECTION_ID;
    return vm;
}

void vm_wait_running(VM *vm)
{
    for (;;) {
        QDict *answer = qtest_qmp(vm->qts, "{ 'execute': 'query-status' }");
        const char *status =
            qdict_get_str(qdict_get_qdict(answer, "return"), "status");
        bool done = g_str_equal(status, "running");

        qobject_unref(answer);
        if (done) {
            return;
        }
        g_usleep(10000);
    }
}

VM *vm_load(const char *machine, const char *props, const char *path)
{
    VM *vm = vm_start_load(machine, props, path);

    vm_wait_running(vm);
    return vm;
}

/* -- The host's view ----------------------------------------------------- */

uint64_t vm_host_address(VM *vm, uint64_t gpa)
{
    g_autofree char *answer = qtest_hmp(vm->qts, "gpa2hva 0x%" PRIx64, gpa);
    char *address = strstr(answer, " is 0x");

    g_assert_nonnull(address);
    return g_ascii_strtoull(address + 4, NULL, 16);
}

static FILE *open_proc(VM *vm, const char *name)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/%s",
                                            vm->pid, name);
    FILE *f = fopen(path, "r");

    g_assert_nonnull(f);
    return f;
}

Mapping *vm_mapping(VM *vm, uint64_t gpa)
{
    uint64_t host = vm_host_address(vm, gpa);
    FILE *f = open_proc(vm, "smaps");
    Mapping *m = NULL;
    char line[1024];

    while (fgets(line, sizeof(line), f)) {
        uint64_t start, end;
        char perms[5];
        int name = 0;

        g_strchomp(line);
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %*s %*s %*s %n",
                   &start, &end, perms, &name) == 3) {
            if (m) {
                break;
            }
            if (start <= host && host < end) {
                m = g_new0(Mapping, 1);
                m->start = start;
                m->end = end;
                memcpy(m->perms, perms, sizeof(perms));
                m->name = g_strdup(name ? line + name : "");
            }
        } else if (m && g_str_has_prefix(line, "VmFlags: ")) {
            m->flags = g_strconcat(line + strlen("VmFlags: "), " ", NULL);
        } else if (m && g_str_has_prefix(line, "LazyFree:")) {
            m->lazy_free_kb = g_ascii_strtoull(line + strlen("LazyFree:"),
                                               NULL, 10);
        }
    }
    fclose(f);
    g_assert_nonnull(m);
    g_assert_nonnull(m->flags);
    return m;
}

void mapping_free(Mapping *m)
{
    g_free(m->name);
    g_free(m->flags);
    g_free(m);
}

/* What QEMU itself has accessed may be open a moment longer. */
#define MAX_OPEN_US 5000000
#define POLL_US 2000

bool vm_gets_perms(VM *vm, uint64_t gpa, const char *perms)
{
    unsigned int waited;
    bool has = false;

    for (waited = 0; !has && waited < MAX_OPEN_US; waited += POLL_US) {
        Mapping *m = vm_mapping(vm, gpa);

        has = !strncmp(m->perms, perms, 3);
        mapping_free(m);
        if (!has) {
            g_usleep(POLL_US);
        }
    }
    return has;
}

void expect_perms(VM *vm, uint64_t gpa, const char *perms)
{
    g_assert_true(vm_gets_perms(vm, gpa, perms));
}

bool vm_closes(VM *vm, uint64_t gpa)
{
    unsigned int waited = 0;

    while (!vm_is_closed(vm, gpa) && waited < MAX_OPEN_US) {
        g_usleep(POLL_US);
        waited += POLL_US;
    }
    return waited < MAX_OPEN_US;
}

bool mapping_has_flag(const Mapping *m, const char *flag)
{
    g_autofree char *word = g_strconcat(flag, " ", NULL);

    return strstr(m->flags, word) != NULL;
}

unsigned int vm_backed_pages(VM *vm, uint64_t gpa, uint64_t length)
{
    uint64_t host = vm_host_address(vm, gpa);
    FILE *f = open_proc(vm, "pagemap");
    unsigned int backed = 0;
    uint64_t i, entry;

    g_assert_cmpint(fseeko(f, host / PAGE * sizeof(entry), SEEK_SET), ==, 0);
    for (i = 0; i < length / PAGE; i++) {
        g_assert_cmpuint(fread(&entry, sizeof(entry), 1, f), ==, 1);
        /* Present, or swapped */
        backed += (entry >> 62) != 0;
    }
    fclose(f);
    return backed;
}

bool vm_is_closed(VM *vm, uint64_t gpa)
{
    uint8_t byte;
    struct iovec to = { &byte, 1 };
    struct iovec from = { (void *)(uintptr_t)vm_host_address(vm, gpa), 1 };
    ssize_t ret = process_vm_readv(vm->pid, &to, 1, &from, 1, 0);

    g_assert(ret == 1 || errno == EFAULT);
    return ret != 1;
}

unsigned int vm_nr_mappings(VM *vm)
{
    FILE *f = open_proc(vm, "maps");
    unsigned int nr = 0;
    int c;

    while ((c = getc(f)) != EOF) {
        nr += c == '\n';
    }
    fclose(f);
    return nr;
}

int host_would_answer(uint64_t func_code)
{
    void *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int ret;

    g_assert(p != MAP_FAILED);
    switch (func_code) {
    case PVMEMCONTROL_PAGEOUT:
        ret = madvise(p, PAGE, MADV_PAGEOUT);
        break;
    case PVMEMCONTROL_SET_VMA_ANON_NAME:
        ret = prctl(PR_SET_VMA, 0, p, PAGE, "probe");
        break;
    case PVMEMCONTROL_MLOCK:
        ret = mlock(p, PAGE);
        break;
    case PVMEMCONTROL_MERGEABLE:
        ret = madvise(p, PAGE, MADV_MERGEABLE);
        break;
    case PVMEMCONTROL_UNMERGEABLE:
        ret = madvise(p, PAGE, MADV_UNMERGEABLE);
        break;
    default:
        g_assert_not_reached();
    }
    ret = ret ? errno : 0;
    munmap(p, PAGE);
    return ret;
}

bool host_can_lock(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    int ret;

    g_assert(p != MAP_FAILED);
    ret = mlock2(p, size, MLOCK_ONFAULT);
    munmap(p, size);
    return !ret;
}
