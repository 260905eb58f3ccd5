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

void fuzz_reset(Hostile *h);
/* The content of this has been dropped, whose RAM it may be. */
void fuzz_name(Hostile *h, RAMBlock *block, uint64_t offset, uint64_t len);

/* -load.c: saves the device, and loads it changed in ways that @h tells. */
void fuzz_reload(Hostile *h);

#endif /* TESTS_PVMEMCONTROL_TEST_FUZZ_H */
