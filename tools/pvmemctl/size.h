/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Numbers, as people write and read them.
 */
#ifndef PVMEMCTL_SIZE_H
#define PVMEMCTL_SIZE_H

#include <stdbool.h>
#include <stdint.h>

#define SIZE_TEXT	24

/* Decimal, or hexadecimal after 0x; no sign, no blanks.  False if it is not. */
bool parse_number(const char *text, uint64_t *value);

/* As parse_number(), and then perhaps K, M, G, T, P or E, or KiB and so on. */
bool parse_size(const char *text, uint64_t *value);

/* A number of seconds with at most three places after the point, as ms. */
bool parse_seconds(const char *text, uint64_t *ms);

/* Such as "12.3M"; into @text, of SIZE_TEXT bytes, which is returned. */
char *format_size(char *text, uint64_t bytes);

#endif
