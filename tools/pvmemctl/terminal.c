// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "terminal.h"

static const int fatal_signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
static struct termios saved;
static volatile sig_atomic_t begun;
static volatile sig_atomic_t resized;

static void on_signal(int number)
{
	terminal_end();
	signal(number, SIG_DFL);
	raise(number);
}

static void on_resize(int number)
{
	(void)number;
	resized = 1;
}

bool terminal_begin(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct termios raw;

	if (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &saved))
		return false;
	raw = saved;
	raw.c_lflag &= ~(ICANON | ECHO);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	for (unsigned int i = 0;
	     i < sizeof(fatal_signals) / sizeof(fatal_signals[0]); i++)
		sigaction(fatal_signals[i], &action, NULL);
	/* So that waiting for a key ends, and all is drawn anew. */
	action.sa_handler = on_resize;
	sigaction(SIGWINCH, &action, NULL);
	begun = 1;
	tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	/* No cursor, and an empty screen. */
	fputs("\033[?25l\033[H\033[J", stdout);
	return true;
}

/* In a signal handler: nothing but what is allowed there. */
void terminal_end(void)
{
	static const char end[] = "\033[?25h\033[0m\r\n";
	ssize_t written;

	if (!begun)
		return;
	begun = 0;
	tcsetattr(STDIN_FILENO, TCSADRAIN, &saved);
	written = write(STDOUT_FILENO, end, sizeof(end) - 1);
	(void)written;	/* nobody is left to tell */
}

void terminal_size(unsigned int *columns, unsigned int *rows)
{
	struct winsize size = {};

	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	*columns = size.ws_col ?: 80;
	*rows = size.ws_row ?: 24;
}

int terminal_key(int64_t ns)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	struct timespec now;
	unsigned char key;
	int64_t left;
	int ready;

	clock_gettime(CLOCK_MONOTONIC, &now);
	left = (ns - now.tv_sec * 1000000000ll - now.tv_nsec) / 1000000;
	ready = poll(&input, 1, left > 0 ? left : 0);
	if (ready < 0) {
		if (errno != EINTR)
			return -1;
		if (resized)
			fputs("\033[H\033[J", stdout);
		resized = 0;
		return 0;
	}
	if (!ready)
		return 0;
	return read(STDIN_FILENO, &key, 1) == 1 ? key : -1;
}

void terminal_home(void)
{
	fputs("\033[H", stdout);
}

void terminal_clear_line(void)
{
	fputs("\033[K\r\n", stdout);
}

void terminal_clear_rest(void)
{
	fputs("\033[J", stdout);
	fflush(stdout);
}

void terminal_reverse(bool on)
{
	fputs(on ? "\033[7m" : "\033[0m", stdout);
}
