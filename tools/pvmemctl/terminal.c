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

/* Signal handlers do this: nothing but what is allowed there. */
static void terminal_write(const char *text, size_t length)
{
	ssize_t written = write(STDOUT_FILENO, text, length);

	(void)written;	/* nobody is left to tell */
}

static void terminal_take(void)
{
	/* No cursor, and an empty screen. */
	static const char begin[] = "\033[?25l\033[H\033[J";
	struct termios raw = saved;

	raw.c_lflag &= ~(ICANON | ECHO);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	begun = 1;
	tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	terminal_write(begin, sizeof(begin) - 1);
}

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

/* Ctrl-Z: the terminal is the shell's until it lets us go on. */
static void on_stop(int number)
{
	int was = errno;

	(void)number;
	if (begun) {
		terminal_end();
		raise(SIGSTOP);
		terminal_take();
	}
	errno = was;
}

bool terminal_begin(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	if (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &saved))
		return false;
	for (unsigned int i = 0;
	     i < sizeof(fatal_signals) / sizeof(fatal_signals[0]); i++)
		sigaction(fatal_signals[i], &action, NULL);
	/* So that waiting for a key ends, and all is drawn anew. */
	action.sa_handler = on_resize;
	sigaction(SIGWINCH, &action, NULL);
	action.sa_handler = on_stop;
	sigaction(SIGTSTP, &action, NULL);
	terminal_take();
	return true;
}

void terminal_end(void)
{
	static const char end[] = "\033[?25h\033[0m\r\n";

	if (!begun)
		return;
	begun = 0;
	tcsetattr(STDIN_FILENO, TCSADRAIN, &saved);
	terminal_write(end, sizeof(end) - 1);
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
