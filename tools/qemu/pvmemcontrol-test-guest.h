/*
 * QTest cases for the pvmemcontrol device: a guest of a few instructions
 *
 * The machine runs under TCG, with firmware that waits for a word and then
 * jumps to a program in RAM that the test has put there.  The handler of NMIs
 * stores the registers and waits for the test.  All of it is in real mode,
 * below 1 MiB.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_PVMEMCONTROL_TEST_GUEST_H
#define TESTS_PVMEMCONTROL_TEST_GUEST_H

#include "pvmemcontrol-test.h"

/* Words that the guest's code and the test write to each other */
#define W_START 0x510           /* run the program */
#define W_NMIS 0x520            /* so many NMIs were entered */
#define W_GO 0x522              /* leave the handler */
#define W_DONE 0x524            /* the program has ended */
#define W_SP 0x526              /* the handler's stack pointer */
#define W_EBX 0x530             /* what the program has found */
#define W_NMI_EBX 0x534         /* what the handler has found */
#define W_END 0x540             /* a program that goes on and on is to end */

#define PROGRAM 0x1000
#define HANDLER 0x2000
#define INT_HANDLER 0x2800
#define STACK 0x7000
#define RECORDS UINT64_C(0x60000)

/* Two pages that programs touch, in segment 0x5000, and one for the handler */
#define PAGE_1 UINT64_C(0x50000)
#define PAGE_2 UINT64_C(0x51000)
#define PAGE_3 UINT64_C(0x52000)
#define CONTENT 0x5a
#define CONTENT_32 0x5a5a5a5a

typedef struct Frame {
    uint32_t edi, esi, ebp, esp, ebx, edx, ecx, eax;
    uint16_t ip, cs, flags;
} QEMU_PACKED Frame;

typedef struct Guest {
    VM *vm;
    char *bios;
    /* The sequence number of the last record */
    uint64_t sequence;
} Guest;

/* The last part of a program, at any place: says what it has found, and ends */
extern const uint8_t guest_after[];
extern const size_t guest_after_size;
/* How long what sets up ds and es is, the first part */
extern const size_t guest_before_size;
/* The handler of NMIs */
extern const uint8_t guest_handler[];
extern const size_t guest_handler_size;

Guest *guest_start_on(const char *accel, const char *props);
Guest *guest_start(const char *props);
/* Names a page for records. */
void guest_listen(Guest *g);
/* With a page of records */
Guest *guest_listening(const char *props);
void guest_stop(Guest *g);

void guest_protect(Guest *g, uint64_t func_code, uint64_t gpa);
void guest_open(Guest *g, uint64_t gpa);
/* Has the host's mapping of this address these permissions? */
bool guest_is_sealed(Guest *g, uint64_t gpa, const char *perms);

/* Returns where the code given comes to lie, behind what sets up ds and es. */
uint16_t guest_run(Guest *g, const void *code, size_t size);
void guest_wait(Guest *g, uint64_t gpa, uint16_t value);
Frame guest_wait_nmi(Guest *g, uint16_t nr);
void guest_leave_nmi(Guest *g);

/*
 * Has an interrupt on a stack in PAGE_1, which it protects: the emulator pushes
 * its frame, which is no violation.
 */
void guest_run_exception_frame(Guest *g);

/* Asserts that there is just this record, and takes it. */
void guest_take_record(Guest *g, uint64_t gpa, uint32_t access,
                       uint32_t flags);

#endif /* TESTS_PVMEMCONTROL_TEST_GUEST_H */
