/*
 * Fuzzer of the pvmemcontrol device: what its files share
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_PVMEMCONTROL_TEST_FUZZ_H
#define TESTS_PVMEMCONTROL_TEST_FUZZ_H

#include "hw/misc/pvmemcontrol-internal.h"
#include "pvmemcontrol-test-hostile.h"

extern PVMemcontrolState *fuzz_dev;
/* The guest's RAM, all of it */
extern RAMBlock *fuzz_ram;

/* Says what has been found, and is the end. */
void G_NORETURN G_GNUC_PRINTF(1, 2) fuzz_found(const char *format, ...);
void fuzz_reset(Hostile *h);
/* The content of this has been dropped, whose RAM it may be. */
void fuzz_name(Hostile *h, RAMBlock *block, uint64_t offset, uint64_t len);

/* -load.c: saves the device, and loads it changed in ways that @h tells. */
void fuzz_reload(Hostile *h);

/*
 * -host.c: looks at system calls while an input is played, and lets a stream
 * that is being loaded name more than requests can.
 */
void fuzz_host_init(void);
void fuzz_host_watch(bool on);
void fuzz_host_load(bool on);

#endif /* TESTS_PVMEMCONTROL_TEST_FUZZ_H */
