// SPDX-License-Identifier: GPL-2.0
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "progress.h"
#include "size.h"

#define QUIET_MS	500	/* what takes no longer is not worth a bar */
#define REDRAW_MS	100

static struct {
	const char *what;
	uint64_t total, done;
	int64_t begun, drawn;
	bool shown;
} progress;

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

static unsigned int columns(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || !size.ws_col)
		return 80;
	return size.ws_col;
}

static void draw(void)
{
	double part = progress.total ?
		(double)progress.done / progress.total : 1;
	char done[SIZE_TEXT], total[SIZE_TEXT], text[128];
	unsigned int width = columns(), taken, room, full;

	taken = snprintf(text, sizeof(text), " %3.0f%% %s of %s", part * 100,
			 format_size(done, progress.done),
			 format_size(total, progress.total));
	taken += strlen(progress.what) + 4;
	room = width > taken + 4 ? width - taken : 0;
	if (room > 50)
		room = 50;
	full = part * room;
	fprintf(stderr, "\r%s ", progress.what);
	if (room) {
		fputc('[', stderr);
		for (unsigned int i = 0; i < room; i++)
			fputc(i < full ? '#' : '.', stderr);
		fputc(']', stderr);
	}
	fprintf(stderr, "%s\033[K", text);
	fflush(stderr);
	progress.shown = true;
}

void progress_begin(const char *what, uint64_t total_bytes)
{
	progress.what = isatty(STDERR_FILENO) ? what : NULL;
	progress.total = total_bytes;
	progress.done = 0;
	progress.begun = now_ms();
	progress.drawn = 0;
}

void progress_add(uint64_t bytes)
{
	int64_t now;

	progress.done += bytes;
	if (!progress.what)
		return;
	now = now_ms();
	if (now - progress.begun < QUIET_MS || now - progress.drawn < REDRAW_MS)
		return;
	progress.drawn = now;
	draw();
}

void progress_clear(void)
{
	if (!progress.shown)
		return;
	fputs("\r\033[K", stderr);
	progress.shown = false;
}

void progress_end(void)
{
	progress_clear();
	progress.what = NULL;
}
