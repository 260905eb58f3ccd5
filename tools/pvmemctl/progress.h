/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How far something is that takes a while, on standard error where that is a
 * terminal; nowhere else, and nothing for what is over soon.
 */
#ifndef PVMEMCTL_PROGRESS_H
#define PVMEMCTL_PROGRESS_H

#include <stdint.h>

void progress_begin(const char *what, uint64_t total_bytes);
void progress_add(uint64_t bytes);
/* Takes the line away, so that something else can be said. */
void progress_clear(void);
void progress_end(void);

#endif
