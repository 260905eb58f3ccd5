/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Parts of the recorder: see main.c.
 */
#ifndef PVMC_RECORDER_H
#define PVMC_RECORDER_H

#include <linux/types.h>

/* log.c: the text of the record. */

int recorder_log_init(void);
void recorder_log_exit(void);
__printf(1, 2) void recorder_log(const char *format, ...);
const char *recorder_log_text(size_t *length);

/* tables.c: what the kernel's page tables say, and said before. */

int recorder_tables_init(void);
void recorder_tables_exit(void);
bool recorder_tables_compare(const char *call, unsigned long caller);

#endif
