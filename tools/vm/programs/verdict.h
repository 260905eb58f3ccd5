/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What programs say that test things by themselves: a line for each, and its end
 * if it cannot go on.  PROGRAM is how it is called.
 */
#ifndef _PROGRAMS_VERDICT_H
#define _PROGRAMS_VERDICT_H

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned int failures;

static void verdict(int ok, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void verdict(int ok, const char *name, const char *fmt, ...)
{
	va_list ap;

	printf("%s %s", ok ? "ok" : "not ok", name);
	if (!ok) {
		printf(": ");
		va_start(ap, fmt);
		vprintf(fmt, ap);
		va_end(ap);
		failures++;
	}
	putchar('\n');
	fflush(stdout);
}

static void die(const char *what)
{
	fprintf(stderr, PROGRAM ": %s: %s\n", what, strerror(errno));
	exit(2);
}

#endif /* _PROGRAMS_VERDICT_H */
