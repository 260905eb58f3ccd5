// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "progress.h"
#include "say.h"

static void vsay(const char *fmt, va_list ap)
{
	progress_clear();
	fputs("pvmemctl: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

void say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsay(fmt, ap);
	va_end(ap);
}

enum status fail(enum status status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsay(fmt, ap);
	va_end(ap);
	return status;
}

enum status status_of_errno(int err)
{
	return err == EPERM || err == EACCES ? STATUS_DENIED : STATUS_FAILED;
}
