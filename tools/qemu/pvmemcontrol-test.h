/*
 * QTest cases for the pvmemcontrol device: a machine with one, and a look at
 * what the host made of its guest's memory
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_PVMEMCONTROL_TEST_H
#define TESTS_PVMEMCONTROL_TEST_H

#include <linux/pvmemcontrol.h>
#include <linux/pvmemcontrol_pci.h>
#include "libqtest.h"
#include "libqos/pci.h"
#include "libqos/pci-pc.h"

#define PAGE UINT64_C(4096)
#define MiB_(n) ((uint64_t)(n) << 20)

/* Where the machines here have RAM that nobody uses: 256 MiB from 0 */
#define RAM_SIZE MiB_(256)
#define TEST_RAM MiB_(64)
/* Where the first buffer is registered */
#define TEST_BUF MiB_(16)

#define BACKEND_ANON ""
#define BACKEND_MEMFD                                                      \
    ",memory-backend=ram "                                                 \
    "-object memory-backend-memfd,id=ram,size=256M,share=on,seal=off"
#define BACKEND_MEMFD_PRIVATE                                              \
    ",memory-backend=ram "                                                 \
    "-object memory-backend-memfd,id=ram,size=256M,share=off,seal=off"
#define BACKEND_ANON_SHARED                                                \
    ",memory-backend=ram "                                                 \
    "-object memory-backend-ram,id=ram,size=256M,share=on"

typedef struct VM {
    QTestState *qts;
    int pid;
    QPCIBus *bus;
    QPCIDevice *dev;
    uint64_t bar;
    /* The first connection, if vm_connect() was called */
    uint32_t id;
} VM;

/*
 * Starts a q35 machine with the device, its BAR mapped.  @backend: one of the
 * above; @props: appended to the device; @more: further arguments.
 */
VM *vm_start(const char *backend, const char *props, const char *more);
/* The same with the bare command line, and BAR 0 mapped to @bar unless 0 */
VM *vm_start_args(const char *args, uint64_t bar);
void vm_stop(VM *vm);

/* The registers */
uint32_t vm_status(VM *vm);
uint32_t vm_command(VM *vm, uint32_t command);
uint32_t vm_register(VM *vm, uint64_t gpa, uint32_t *id);
/* RESET, REGISTER of TEST_BUF, READY */
void vm_connect(VM *vm);

/* Requests.  What is left of the buffer if it was not answered is seen too. */
struct pvmemcontrol_vmm_ret vm_call_at(VM *vm, uint32_t id, uint64_t buf_gpa,
                                       struct pvmemcontrol_vmm_call call);
struct pvmemcontrol_vmm_ret vm_call(VM *vm, uint64_t func_code, uint64_t gpa,
                                    uint64_t length, uint64_t arg);
/* Asserts that the answer is this, and everything else in it 0. */
void vm_expect(VM *vm, uint64_t func_code, uint64_t gpa, uint64_t length,
               uint64_t arg, uint32_t ret_errno, uint32_t ret_code);
bool vm_unanswered(VM *vm, uint32_t id, uint64_t buf_gpa);

void vm_write_call(VM *vm, uint64_t gpa, struct pvmemcontrol_vmm_call call);
/* What is in a buffer, or in an entry of a vector, as an answer */
struct pvmemcontrol_vmm_ret vm_answer(VM *vm, uint64_t gpa);
/* VECTOR of the @nr entries that are at @gpa, or that @calls are put there */
struct pvmemcontrol_vmm_ret vm_vector(VM *vm, uint64_t gpa,
                                      const struct pvmemcontrol_vmm_call *calls,
                                      uint64_t nr);

/* Guest memory */
void vm_fill(VM *vm, uint64_t gpa, uint64_t length, uint8_t value);
bool vm_reads(VM *vm, uint64_t gpa, uint64_t length, uint8_t value);

/* QMP */
#define VM_DEVICE "/machine/peripheral/mc"
uint64_t vm_counter(VM *vm, const char *name);
void vm_set_int(VM *vm, const char *property, int64_t value);
void vm_set_str(VM *vm, const char *property, const char *value);
void vm_wait_migration(VM *vm);

/* Migration by way of a temporary file; @machine, @props: ",key=value"... */
char *vm_temporary(void);
void vm_start_saving(VM *vm, const char *path);
void vm_save(VM *vm, const char *path);
VM *vm_start_load(const char *machine, const char *props, const char *path);
void vm_wait_running(VM *vm);
VM *vm_load(const char *machine, const char *props, const char *path);

/* The host's view: the mapping of QEMU's process that holds a guest address */
typedef struct Mapping {
    uint64_t start, end;
    char perms[5];
    char *name;
    /* VmFlags, each followed by a space */
    char *flags;
    uint64_t lazy_free_kb;
} Mapping;

Mapping *vm_mapping(VM *vm, uint64_t gpa);
void mapping_free(Mapping *m);
bool mapping_has_flag(const Mapping *m, const char *flag);
uint64_t vm_host_address(VM *vm, uint64_t gpa);
/* Pages of the range that are in memory or in swap */
unsigned int vm_backed_pages(VM *vm, uint64_t gpa, uint64_t length);

/* Does the host forbid QEMU to read this?  Does it soon? */
bool vm_is_closed(VM *vm, uint64_t gpa);
bool vm_closes(VM *vm, uint64_t gpa);
/* Does the host permit this, and no more, at least soon? */
bool vm_gets_perms(VM *vm, uint64_t gpa, const char *perms);
void expect_perms(VM *vm, uint64_t gpa, const char *perms);
/* How many mappings QEMU's process has */
unsigned int vm_nr_mappings(VM *vm);

/* The errno with which this host answers, on anonymous private memory. */
int host_would_answer(uint64_t func_code);
/* Does this host let a process lock so much? */
bool host_can_lock(size_t size);

void add_call_tests(void);
void add_range_tests(void);
void add_fault_tests(void);
void add_fail_tests(void);
void add_life_tests(void);
void add_feature_tests(void);
void add_vector_tests(void);
void add_virtio_tests(void);
void add_exit_tests(void);
void add_mark_tests(void);
void add_lock_tests(void);
void add_guard_tests(void);
void add_carry_tests(void);
void add_huge_tests(void);
void add_own_tests(void);
void add_violation_tests(void);
void add_replay_tests(void);

#endif /* TESTS_PVMEMCONTROL_TEST_H */
