// SPDX-License-Identifier: GPL-2.0
/*
 * The text of the record: one large buffer, since it is written where nothing
 * can be allocated.  When it is full nothing more is taken, so that a text
 * without the last line, which the reader asks for, is known to lack something.
 */
#include <linux/kernel.h>
#include <linux/stdarg.h>
#include <linux/vmalloc.h>

#include "recorder.h"

#define LOG_BYTES	(8UL << 20)

static char *log_buffer;
static size_t log_length;
static bool log_full;

int recorder_log_init(void)
{
	log_buffer = vzalloc(LOG_BYTES);
	return log_buffer ? 0 : -ENOMEM;
}

void recorder_log_exit(void)
{
	vfree(log_buffer);
}

/* The caller holds recorder_lock, but for the first and the last. */
void recorder_log(const char *format, ...)
{
	size_t room = LOG_BYTES - log_length;
	va_list arguments;
	int length;

	if (log_full)
		return;
	va_start(arguments, format);
	length = vsnprintf(log_buffer + log_length, room, format, arguments);
	va_end(arguments);
	if (length < room) {
		log_length += length;
		return;
	}
	log_full = true;
}

const char *recorder_log_text(size_t *length)
{
	*length = log_length;
	return log_buffer;
}
