/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A terminal that is drawn upon, and keys from it.  No more is asked of it than
 * what a VT100 does, so that a serial line is enough.
 */
#ifndef PVMEMCTL_TERMINAL_H
#define PVMEMCTL_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>

/* False when standard input or output is none. */
bool terminal_begin(void);
/* Puts it back as it was; also called when a signal ends or stops the program. */
void terminal_end(void);

/* Columns and rows; a serial line that does not know is taken for 80 by 24. */
void terminal_size(unsigned int *columns, unsigned int *rows);

/*
 * Waits for a key until @ns of the monotonic clock: the key, 0 when none came,
 * -1 when there will be none.
 */
int terminal_key(int64_t ns);

/* To the upper left corner, where what is printed covers what was there. */
void terminal_home(void);
void terminal_clear_line(void);
void terminal_clear_rest(void);
void terminal_reverse(bool on);

#endif
