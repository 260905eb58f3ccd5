/*
 * QTest cases for the pvmemcontrol device: a disk's DMA into protected memory,
 * and into the device's registers; a balloon where memory is locked
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/pci/pci_regs.h"
#include "qemu/bswap.h"
#include "libqos/libqos-malloc.h"
#include "libqos/malloc-pc.h"
#include "libqos/virtio-pci.h"
#include "libqos/virtio.h"
#include "standard-headers/linux/virtio_blk.h"
#include "standard-headers/linux/virtio_ring.h"
#include "pvmemcontrol-test.h"

/* A device in slot 5, and a queue of it */
typedef struct Virtio {
    VM *vm;
    QGuestAllocator alloc;
    QVirtioPCIDevice *pci;
    QVirtQueue *queue;
} Virtio;

static void virtio_start(Virtio *v, const char *props, const char *more)
{
    QVirtioDevice *d;

    v->vm = vm_start(BACKEND_ANON, props, more);
    vm_connect(v->vm);
    pc_alloc_init(&v->alloc, v->vm->qts, 0);
    v->pci = virtio_pci_new(v->vm->bus, &(QPCIAddress) {
        .devfn = QPCI_DEVFN(5, 0),
    });
    qvirtio_pci_device_enable(v->pci);
    d = &v->pci->vdev;
    qvirtio_start_device(d);
    qvirtio_set_features(d, qvirtio_get_features(d) &
                            ~(QVIRTIO_F_BAD_FEATURE |
                              (1u << VIRTIO_RING_F_INDIRECT_DESC) |
                              (1u << VIRTIO_RING_F_EVENT_IDX)));
    v->queue = qvirtqueue_setup(d, &v->alloc, 0);
    qvirtio_set_driver_ok(d);
}

static void virtio_stop(Virtio *v)
{
    qvirtqueue_cleanup(v->pci->vdev.bus, v->queue, &v->alloc);
    qvirtio_pci_device_disable(v->pci);
    g_free(v->pci);
    alloc_destroy(&v->alloc);
    vm_stop(v->vm);
}

/* Has the device do what the descriptors from @head on say. */
static void virtio_do(Virtio *v, uint32_t head)
{
    QTestState *qts = v->vm->qts;

    qvirtqueue_kick(qts, &v->pci->vdev, v->queue, head);
    qvirtio_wait_used_elem(qts, &v->pci->vdev, v->queue, head, NULL,
                           60 * G_USEC_PER_SEC);
}

/* -- A disk -------------------------------------------------------------- */

typedef struct Disk {
    Virtio v;
    char *path;
} Disk;

static void disk_start(Disk *d, const char *props, const char *args)
{
    g_autofree char *more = NULL;
    int fd;

    fd = g_file_open_tmp("pvmemcontrol-XXXXXX", &d->path, NULL);
    g_assert_cmpint(fd, >=, 0);
    close(fd);
    g_assert_cmpint(truncate(d->path, MiB_(1)), ==, 0);
    more = g_strdup_printf("-drive if=none,id=disk,format=raw,file=%s "
                           "-device virtio-blk-pci,drive=disk,addr=05.0,"
                           "disable-modern=on %s", d->path, args);
    virtio_start(&d->v, props, more);
}

static void disk_stop(Disk *d)
{
    virtio_stop(&d->v);
    unlink(d->path);
    g_free(d->path);
}

typedef struct Segment {
    uint64_t gpa;
    uint32_t length;
} Segment;

/* Where a request begins, and what comes after the header is the status. */
#define HEADER MiB_(20)

/* @type: one of VIRTIO_BLK_T_*.  Returns its first descriptor. */
static uint32_t disk_add_parts(Disk *d, uint32_t type, uint64_t sector,
                               const Segment *parts, unsigned int nr)
{
    QTestState *qts = d->v.vm->qts;
    uint64_t header = HEADER;
    unsigned int i;
    uint32_t head;

    qtest_writel(qts, header, type);
    qtest_writel(qts, header + 4, 0);
    qtest_writeq(qts, header + 8, sector);
    qtest_writeb(qts, header + 16, 0xff);
    head = qvirtqueue_add(qts, d->v.queue, header, 16, false, true);
    for (i = 0; i < nr; i++) {
        qvirtqueue_add(qts, d->v.queue, parts[i].gpa, parts[i].length,
                       type == VIRTIO_BLK_T_IN, true);
    }
    qvirtqueue_add(qts, d->v.queue, header + 16, 1, true, false);
    return head;
}

/* Returns the status. */
static uint8_t disk_request_parts(Disk *d, uint32_t type, uint64_t sector,
                                  const Segment *parts, unsigned int nr)
{
    virtio_do(&d->v, disk_add_parts(d, type, sector, parts, nr));
    return qtest_readb(d->v.vm->qts, HEADER + 16);
}

static uint8_t disk_request(Disk *d, uint32_t type, uint64_t sector,
                            uint64_t gpa, uint32_t length)
{
    return disk_request_parts(d, type, sector, &(Segment) { gpa, length }, 1);
}

/* A disk's reads and writes are system calls that QEMU gives the memory to. */
static void test_disk(void)
{
    Disk d = {};
    uint64_t before;
    VM *vm;

    disk_start(&d, "", "");
    vm = d.v.vm;
    vm_fill(vm, TEST_RAM, 2 * PAGE, 0x5a);
    vm_expect(vm, PVMEMCONTROL_MPROTECT_NONE, TEST_RAM, PAGE, 0, 0, 0);
    vm_expect(vm, PVMEMCONTROL_MPROTECT_R, TEST_RAM + PAGE, PAGE, 0, 0, 0);

    before = vm_counter(vm, "own-accesses");
    g_assert_cmpuint(disk_request(&d, VIRTIO_BLK_T_OUT, 8, TEST_RAM, 2 * PAGE),
                     ==, VIRTIO_BLK_S_OK);
    g_assert_cmpuint(vm_counter(vm, "own-accesses"), >=, before + 2);
    expect_perms(vm, TEST_RAM, "---");
    expect_perms(vm, TEST_RAM + PAGE, "r--");
    qtest_memset(vm->qts, TEST_RAM, 0, 2 * PAGE);
    g_assert_cmpuint(disk_request(&d, VIRTIO_BLK_T_IN, 8, TEST_RAM, 2 * PAGE),
                     ==, VIRTIO_BLK_S_OK);
    expect_perms(vm, TEST_RAM, "---");
    expect_perms(vm, TEST_RAM + PAGE, "r--");
    g_assert(vm_reads(vm, TEST_RAM, 2 * PAGE, 0x5a));
    g_assert_cmpuint(vm_counter(vm, "violations-total"), ==, 0);

    /* A guarded page takes what comes, and keeps none of it. */
    vm_expect(vm, PVMEMCONTROL_GUARD, TEST_RAM + 8 * PAGE, PAGE, 0, 0, 0);
    g_assert_cmpuint(disk_request(&d, VIRTIO_BLK_T_IN, 8, TEST_RAM + 7 * PAGE,
                                  3 * PAGE), ==, VIRTIO_BLK_S_OK);
    g_assert(vm_is_closed(vm, TEST_RAM + 8 * PAGE));
    g_assert_cmpuint(disk_request(&d, VIRTIO_BLK_T_OUT, 16,
                                  TEST_RAM + 8 * PAGE, PAGE), ==,
                     VIRTIO_BLK_S_OK);
    g_assert(vm_is_closed(vm, TEST_RAM + 8 * PAGE));
    vm_expect(vm, PVMEMCONTROL_UNGUARD, TEST_RAM + 8 * PAGE, PAGE, 0, 0, 0);
    g_assert(vm_reads(vm, TEST_RAM + 7 * PAGE, PAGE, 0x5a));
    g_assert(vm_reads(vm, TEST_RAM + 8 * PAGE, PAGE, 0));
    vm_fill(vm, TEST_RAM + 8 * PAGE, PAGE, 0x77);
    g_assert_cmpuint(disk_request(&d, VIRTIO_BLK_T_IN, 16, TEST_RAM + 8 * PAGE,
                                  PAGE), ==, VIRTIO_BLK_S_OK);
    g_assert(vm_reads(vm, TEST_RAM + 8 * PAGE, PAGE, 0));

    /* The queue itself */
    vm_expect(vm, PVMEMCONTROL_MPROTECT_NONE, d.v.queue->desc & ~(PAGE - 1),
              PAGE, 0, 0, 0);
    vm_fill(vm, TEST_RAM + 4 * PAGE, PAGE, 0);
    g_assert_cmpuint(disk_request(&d, VIRTIO_BLK_T_IN, 8, TEST_RAM + 4 * PAGE,
                                  PAGE), ==, VIRTIO_BLK_S_OK);
    g_assert(vm_reads(vm, TEST_RAM + 4 * PAGE, PAGE, 0x5a));
    expect_perms(vm, d.v.queue->desc & ~(PAGE - 1), "---");

    disk_stop(&d);
}

/* In all, what this process has in memory */
static uint64_t resident(VM *vm)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/smaps_rollup", vm->pid);
    g_autofree char *rollup = NULL;
    const char *rss;

    g_assert_true(g_file_get_contents(path, &rollup, NULL, NULL));
    rss = strstr(rollup, "Rss:");
    g_assert_nonnull(rss);
    return g_ascii_strtoull(rss + strlen("Rss:"), NULL, 10) * 1024;
}

/*
 * What is given to a device, without being used, is not counted page by page: a
 * table of counters would have been written to, 4 bytes for each.
 */
static void test_disk_large(void)
{
    const uint64_t length = MiB_(2048) - 5 * PAGE;
    uint64_t before, calls;
    Disk d = {};
    VM *vm;

    disk_start(&d, "", "-m 2560M,slots=0,maxmem=2560M");
    vm = d.v.vm;
    g_assert_cmpuint(disk_request(&d, VIRTIO_BLK_T_OUT, 8, TEST_RAM, PAGE), ==,
                     VIRTIO_BLK_S_OK);
    before = resident(vm);
    /* Too much for the disk, which finds that out too late. */
    g_assert_cmpuint(disk_request(&d, VIRTIO_BLK_T_OUT, 8, TEST_RAM + PAGE,
                                  length), ==, VIRTIO_BLK_S_IOERR);
    g_assert_cmpuint(resident(vm), <, before + MiB_(1));

    /* Nor is it opened and sealed page by page. */
    vm_expect(vm, PVMEMCONTROL_MPROTECT_NONE, TEST_RAM, length, 0, 0, 0);
    calls = vm_counter(vm, "protect-calls");
    before = vm_counter(vm, "own-accesses");
    g_assert_cmpuint(disk_request(&d, VIRTIO_BLK_T_OUT, 8, TEST_RAM + PAGE,
                                  length), ==, VIRTIO_BLK_S_IOERR);
    g_assert_cmpuint(vm_counter(vm, "own-accesses"), ==,
                     before + length / PAGE - 1);
    expect_perms(vm, TEST_RAM, "---");
    expect_perms(vm, TEST_RAM + MiB_(1024), "---");
    g_assert_cmpuint(vm_counter(vm, "protect-calls"), <=, calls + 2);
    disk_stop(&d);
}

/*
 * Pages that are open, and not beside each other, are mappings of the host's:
 * from some number of them on they are opened together.
 */
static void test_disk_scattered(void)
{
    const unsigned int nr = 50;
    const uint64_t length = nr * 2 * PAGE;
    Segment parts[nr];
    unsigned int i, mappings;
    uint64_t calls;
    Disk d = {};
    VM *vm;

    disk_start(&d, "", "");
    vm = d.v.vm;
    vm_set_int(vm, "x-max-open", 4);
    vm_fill(vm, TEST_RAM, length, 0x5a);
    g_assert_cmpuint(disk_request(&d, VIRTIO_BLK_T_OUT, 8, TEST_RAM, nr * PAGE),
                     ==, VIRTIO_BLK_S_OK);
    vm_fill(vm, TEST_RAM, length, 0xa5);
    vm_expect(vm, PVMEMCONTROL_MPROTECT_NONE, TEST_RAM, length, 0, 0, 0);
    mappings = vm_nr_mappings(vm);
    for (i = 0; i < nr; i++) {
        parts[i] = (Segment) { TEST_RAM + 2 * i * PAGE, PAGE };
    }
    calls = vm_counter(vm, "protect-calls");
    g_assert_cmpuint(disk_request_parts(&d, VIRTIO_BLK_T_IN, 8, parts, nr), ==,
                     VIRTIO_BLK_S_OK);
    for (i = 0; i < nr; i++) {
        expect_perms(vm, TEST_RAM + 2 * i * PAGE, "---");
        expect_perms(vm, TEST_RAM + (2 * i + 1) * PAGE, "---");
    }
    /* Four alone, all of them together, and all sealed again */
    g_assert_cmpuint(vm_counter(vm, "protect-calls"), <=, calls + 6);
    g_assert_cmpuint(vm_nr_mappings(vm), <=, mappings + 2);

    /* As before: few are opened alone. */
    calls = vm_counter(vm, "protect-calls");
    g_assert_cmpuint(disk_request_parts(&d, VIRTIO_BLK_T_IN, 8, parts, 3), ==,
                     VIRTIO_BLK_S_OK);
    g_assert(vm_is_closed(vm, TEST_RAM));
    g_assert_cmpuint(vm_counter(vm, "protect-calls"), ==, calls + 6);

    vm_expect(vm, PVMEMCONTROL_MPROTECT_RW, TEST_RAM, length, 0, 0, 0);
    for (i = 0; i < nr; i++) {
        g_assert(vm_reads(vm, TEST_RAM + 2 * i * PAGE, PAGE, 0x5a));
        g_assert(vm_reads(vm, TEST_RAM + (2 * i + 1) * PAGE, PAGE, 0xa5));
    }
    disk_stop(&d);
}

/* Many pages that are in use while they become protected, or are already */
static void test_disk_slow(void)
{
    const unsigned int nr = 50;
    const uint64_t length = nr * 2 * PAGE;
    QTestState *qts;
    Segment parts[nr];
    Virtio v = {};
    Disk d = {};
    uint64_t calls;
    unsigned int i;
    uint32_t head;

    virtio_start(&d.v, "", "-blockdev driver=null-co,node-name=disk,"
                 "size=1048576,latency-ns=300000000,read-zeroes=on "
                 "-device virtio-blk-pci,drive=disk,addr=05.0,"
                 "disable-modern=on");
    v = d.v;
    qts = v.vm->qts;
    vm_set_int(v.vm, "x-max-open", 4);
    vm_fill(v.vm, TEST_RAM, length, 0x5a);
    for (i = 0; i < nr; i++) {
        parts[i] = (Segment) { TEST_RAM + 2 * i * PAGE, PAGE };
    }
    head = disk_add_parts(&d, VIRTIO_BLK_T_IN, 8, parts, nr);
    qvirtqueue_kick(qts, &v.pci->vdev, v.queue, head);
    calls = vm_counter(v.vm, "protect-calls");
    vm_expect(v.vm, PVMEMCONTROL_MPROTECT_R, TEST_RAM, length, 0, 0, 0);
    vm_expect(v.vm, PVMEMCONTROL_MPROTECT_NONE, TEST_RAM, length, 0, 0, 0);
    /* At the limit: all of it stays open for now. */
    g_assert_cmpuint(vm_counter(v.vm, "protect-calls"), <=, calls + 16);
    qvirtio_wait_used_elem(qts, &v.pci->vdev, v.queue, head, NULL,
                           60 * G_USEC_PER_SEC);
    g_assert_cmpuint(qtest_readb(qts, HEADER + 16), ==, VIRTIO_BLK_S_OK);
    for (i = 0; i < 2 * nr; i++) {
        expect_perms(v.vm, TEST_RAM + i * PAGE, "---");
    }

    /* Permitted while it is open: nobody seals it. */
    head = disk_add_parts(&d, VIRTIO_BLK_T_IN, 8, parts, nr);
    qvirtqueue_kick(qts, &v.pci->vdev, v.queue, head);
    vm_expect(v.vm, PVMEMCONTROL_MPROTECT_RW, TEST_RAM, length, 0, 0, 0);
    expect_perms(v.vm, TEST_RAM, "rw-");
    qvirtio_wait_used_elem(qts, &v.pci->vdev, v.queue, head, NULL,
                           60 * G_USEC_PER_SEC);
    g_usleep(200000);
    g_assert(vm_reads(v.vm, TEST_RAM, PAGE, 0));
    g_assert(vm_reads(v.vm, TEST_RAM + PAGE, PAGE, 0x5a));
    g_assert_cmpuint(vm_counter(v.vm, "own-accesses"), <=, nr);
    expect_perms(v.vm, TEST_RAM, "rw-");
    virtio_stop(&d.v);
}

/*
 * A sector whose first four bytes go into the command register.  That is in
 * the main loop: no place for a request, if anybody meant it to be one.
 */
static void disk_kick(const char *props, bool executed)
{
    const uint32_t id = cpu_to_le32(PVMEMCONTROL_CONNECTION_ID);
    Disk d = {};
    Segment parts[2];
    VM *vm;
    int fd;

    disk_start(&d, props, "");
    vm = d.v.vm;
    fd = open(d.path, O_WRONLY);
    g_assert_cmpint(pwrite(fd, &id, sizeof(id), 8 * 512), ==, sizeof(id));
    close(fd);
    vm_fill(vm, TEST_RAM, PAGE, 0x5a);
    vm_write_call(vm, TEST_BUF, (struct pvmemcontrol_vmm_call) {
        .func_code = PVMEMCONTROL_DONTNEED, .addr = TEST_RAM, .length = PAGE,
    });
    parts[0] = (Segment) { vm->bar + PVMEMCONTROL_REG_COMMAND, sizeof(id) };
    parts[1] = (Segment) { TEST_RAM + PAGE, 512 - sizeof(id) };
    g_assert_cmpuint(disk_request_parts(&d, VIRTIO_BLK_T_IN, 8, parts, 2), ==,
                     VIRTIO_BLK_S_OK);
    g_assert(vm_reads(vm, TEST_RAM, PAGE, executed ? 0 : 0x5a));
    g_assert_cmpuint(qtest_readq(vm->qts, TEST_BUF), ==,
                     executed ? 0 : PVMEMCONTROL_DONTNEED);
    g_assert_cmpuint(vm_counter(vm, "requests-total"), ==, executed);
    g_assert_cmpuint(vm_counter(vm, "ignored"), ==, !executed);
    disk_stop(&d);
}

static void test_kick(void)
{
    disk_kick(",x-from-anywhere=off", false);
    /* It is for this that it was not executed. */
    disk_kick(",x-from-anywhere=on", true);
}

/* -- A balloon ----------------------------------------------------------- */

/* It discards, and what is locked cannot be: which is said once. */
static void test_balloon(void)
{
    g_autofree char *path = vm_temporary();
    g_autofree char *more = g_strdup_printf(
        "-device virtio-balloon-pci,addr=05.0,disable-modern=on 2>%s", path);
    g_autofree char *said = NULL;
    g_auto(GStrv) parts = NULL;
    uint64_t list = MiB_(20);
    Virtio v = {};
    int i;

    virtio_start(&v, "", more);
    vm_fill(v.vm, TEST_RAM, 9 * PAGE, 0x5a);
    vm_expect(v.vm, PVMEMCONTROL_MLOCK, TEST_RAM, 8 * PAGE, 0, 0, 0);
    for (i = 0; i < 9; i++) {
        qtest_writel(v.vm->qts, list + 4 * i, TEST_RAM / PAGE + i);
    }
    for (i = 0; i < 10; i++) {
        virtio_do(&v, qvirtqueue_add(v.vm->qts, v.queue, list, 9 * 4, false,
                                     false));
    }
    g_assert(vm_reads(v.vm, TEST_RAM, 8 * PAGE, 0x5a));
    g_assert(vm_reads(v.vm, TEST_RAM + 8 * PAGE, PAGE, 0));
    virtio_stop(&v);

    g_assert(g_file_get_contents(path, &said, NULL, NULL));
    parts = g_strsplit(said, "Failed to discard", -1);
    g_assert_cmpuint(g_strv_length(parts), ==, 2);
    unlink(path);
}

void add_virtio_tests(void)
{
    qtest_add_func("/pvmemcontrol/marks/disk", test_disk);
    qtest_add_func("/pvmemcontrol/marks/disk-large", test_disk_large);
    qtest_add_func("/pvmemcontrol/marks/disk-scattered", test_disk_scattered);
    qtest_add_func("/pvmemcontrol/marks/disk-slow", test_disk_slow);
    qtest_add_func("/pvmemcontrol/transport/dma", test_kick);
    qtest_add_func("/pvmemcontrol/locks/balloon", test_balloon);
}
