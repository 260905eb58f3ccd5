// SPDX-License-Identifier: GPL-2.0
/*
 * Threads that sleep in the kernel in many ways while a command runs, then are
 * woken and look whether everything is as it was.
 *
 *	trim_sleepers COUNT COMMAND
 *
 * Each thread has known bytes on its stack, and checks them and what the system
 * call gave it: the data that were sent, the descriptor that became ready, the
 * page that was put in place, the time that was left.  The last of the ways,
 * being deep in the kernel, is there when the module pvmc_trim_deep is.
 *
 * Prints "ok WAY" or "not ok WAY: WHY" for each way, and exits with 0 if all
 * are well and the command was.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define DEEP	"/sys/kernel/debug/pvmc_trim_deep/"
#define PAGE	4096
#define POLLED	24

enum way {
	WAY_FUTEX,
	WAY_POLL,
	WAY_PIPE,
	WAY_NANOSLEEP,
	WAY_PAGE_FAULT,
	WAY_EPOLL,
	WAY_SIGNAL,
	WAY_DEEP,
	WAYS
};

static const char *const names[WAYS] = {
	"futex", "poll", "pipe", "nanosleep", "page fault", "epoll",
	"sigwait", "deep",
};

struct sleeper {
	pthread_t thread;
	unsigned int number;
	enum way way;
	int pipe[2];
	int epoll;
	atomic_int word;
	atomic_int over;
	volatile unsigned char *page;
	char why[96];
};

static struct sleeper *sleepers;
static atomic_int about_to_sleep;
static int userfault = -1;

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static void failed(struct sleeper *s, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (!s->why[0])
		vsnprintf(s->why, sizeof(s->why), format, args);
	va_end(args);
}

static void on_signal(int signal)
{
	(void)signal;
}

/* What each thread writes to the other, or finds in its page. */
static unsigned char content(const struct sleeper *s, unsigned int i)
{
	return s->number * 13 + i * 7 + 1;
}

static void read_pipe(struct sleeper *s)
{
	unsigned char data[64];
	ssize_t n = read(s->pipe[0], data, sizeof(data));

	if (n != sizeof(data)) {
		failed(s, "read %zd: %s", n, strerror(errno));
		return;
	}
	for (unsigned int i = 0; i < sizeof(data); i++)
		if (data[i] != content(s, i))
			failed(s, "byte %u is %d", i, data[i]);
}

static void sleep_poll(struct sleeper *s)
{
	struct pollfd fds[POLLED];
	int n;

	for (int i = 0; i < POLLED; i++)
		fds[i] = (struct pollfd){
			.fd = i == 3 ? s->pipe[0] : s->pipe[1],
			.events = i == 3 ? POLLIN : POLLPRI,
		};
	n = poll(fds, POLLED, -1);
	if (n != 1 || fds[3].revents != POLLIN)
		failed(s, "poll gave %d, %x", n, fds[3].revents);
	read_pipe(s);
}

static void sleep_epoll(struct sleeper *s)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = s }, got;
	int n;

	if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->pipe[0], &event))
		failed(s, "epoll_ctl: %s", strerror(errno));
	n = epoll_wait(s->epoll, &got, 1, -1);
	if (n != 1 || got.data.ptr != s)
		failed(s, "epoll gave %d", n);
	read_pipe(s);
}

static void sleep_futex(struct sleeper *s)
{
	while (s->word == 0)
		syscall(SYS_futex, &s->word, FUTEX_WAIT_PRIVATE, 0, NULL);
	if (s->word != (int)s->number + 1)
		failed(s, "the word is %d", s->word);
}

static void sleep_nanosleep(struct sleeper *s)
{
	struct timespec time = { .tv_sec = 100000 }, left = { 0 };
	int err = clock_nanosleep(CLOCK_MONOTONIC, 0, &time, &left);

	if (err != EINTR || left.tv_sec < 90000 || left.tv_sec >= 100000)
		failed(s, "error %d, %ld s left", err, (long)left.tv_sec);
}

static void sleep_signal(struct sleeper *s)
{
	siginfo_t info;
	sigset_t set;
	int n;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	n = sigwaitinfo(&set, &info);
	if (n != SIGUSR2 || info.si_value.sival_int != (int)s->number)
		failed(s, "signal %d with %d", n, info.si_value.sival_int);
}

static void sleep_page_fault(struct sleeper *s)
{
	for (unsigned int i = 0; i < PAGE; i++)
		if (s->page[i] != content(s, i))
			failed(s, "byte %u is %d", i, s->page[i]);
}

static void sleep_deep(struct sleeper *s)
{
	char depth[16];
	int fd = open(DEEP "sleep", O_WRONLY | O_CLOEXEC);
	int n = snprintf(depth, sizeof(depth), "%u", s->number / WAYS);

	if (fd < 0 || write(fd, depth, n) != n)
		failed(s, "depth %s: %s", depth, strerror(errno));
	close(fd);
}

static void (*const sleep_in[WAYS])(struct sleeper *) = {
	sleep_futex, sleep_poll, read_pipe, sleep_nanosleep, sleep_page_fault,
	sleep_epoll, sleep_signal, sleep_deep,
};

static void *run(void *arg)
{
	struct sleeper *s = arg;
	volatile unsigned char known[1024];

	for (unsigned int i = 0; i < sizeof(known); i++)
		known[i] = content(s, i) ^ 0x5a;
	about_to_sleep++;
	sleep_in[s->way](s);
	for (unsigned int i = 0; i < sizeof(known); i++)
		if (known[i] != (unsigned char)(content(s, i) ^ 0x5a))
			failed(s, "byte %u of the stack is %d", i, known[i]);
	s->over = 1;
	return NULL;
}

static unsigned char *missing_pages(unsigned int nr)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	unsigned char *pages;

	pages = mmap(NULL, (size_t)nr * PAGE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	userfault = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (pages == MAP_FAILED || userfault < 0 ||
	    ioctl(userfault, UFFDIO_API, &api))
		die("userfaultfd");
	reg.range.start = (unsigned long)pages;
	reg.range.len = (unsigned long)nr * PAGE;
	if (ioctl(userfault, UFFDIO_REGISTER, &reg))
		die("UFFDIO_REGISTER");
	return pages;
}

static void wake(struct sleeper *s)
{
	unsigned char data[PAGE];
	struct uffdio_copy copy = {
		.dst = (unsigned long)s->page,
		.src = (unsigned long)data,
		.len = PAGE,
	};

	for (unsigned int i = 0; i < PAGE; i++)
		data[i] = content(s, i);
	switch (s->way) {
	case WAY_FUTEX:
		s->word = s->number + 1;
		syscall(SYS_futex, &s->word, FUTEX_WAKE_PRIVATE, 1);
		break;
	case WAY_POLL:
	case WAY_PIPE:
	case WAY_EPOLL:
		if (write(s->pipe[1], data, 64) != 64)
			die("write");
		break;
	case WAY_NANOSLEEP:
		pthread_kill(s->thread, SIGUSR1);
		break;
	case WAY_SIGNAL:
		pthread_sigqueue(s->thread, SIGUSR2,
				 (union sigval){ .sival_int = s->number });
		break;
	case WAY_PAGE_FAULT:
		if (ioctl(userfault, UFFDIO_COPY, &copy))
			die("UFFDIO_COPY");
		break;
	default:
		break;
	}
}

static void wake_deep(void)
{
	int fd = open(DEEP "wake", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, "1", 1) != 1)
		die("wake");
	close(fd);
}

static int report(unsigned int count)
{
	int bad = 0;

	for (int way = 0; way < WAYS; way++) {
		unsigned int nr = 0, wrong = 0;
		const char *why = "";

		for (unsigned int i = 0; i < count; i++) {
			nr += sleepers[i].way == (enum way)way;
			if (sleepers[i].way == (enum way)way &&
			    sleepers[i].why[0]) {
				wrong++;
				why = sleepers[i].why;
			}
		}
		if (wrong)
			printf("not ok %s: %u of %u, like: %s\n", names[way],
			       wrong, nr, why);
		else if (nr)
			printf("ok %s\n", names[way]);
		bad |= wrong;
	}
	return bad;
}

int main(int argc, char **argv)
{
	struct rlimit files = { 65536, 65536 };
	struct sigaction action = { .sa_handler = on_signal };
	unsigned int count, ways = WAYS;
	unsigned char *pages;
	pthread_attr_t attr;
	sigset_t blocked;
	int status;

	if (argc != 3) {
		fprintf(stderr, "usage: trim_sleepers COUNT COMMAND\n");
		return 2;
	}
	count = atoi(argv[1]);
	if (access(DEEP "sleep", W_OK))
		ways = WAY_DEEP;
	setrlimit(RLIMIT_NOFILE, &files);
	sigaction(SIGUSR1, &action, NULL);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR2);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	sleepers = calloc(count, sizeof(*sleepers));
	pages = missing_pages(count);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 32768);
	for (unsigned int i = 0; i < count; i++) {
		struct sleeper *s = &sleepers[i];

		s->number = i;
		s->way = i % ways;
		s->page = pages + (size_t)i * PAGE;
		if (s->way == WAY_POLL || s->way == WAY_PIPE ||
		    s->way == WAY_EPOLL) {
			if (pipe2(s->pipe, O_CLOEXEC))
				die("pipe");
		}
		if (s->way == WAY_EPOLL) {
			s->epoll = epoll_create1(EPOLL_CLOEXEC);
			if (s->epoll < 0)
				die("epoll_create");
		}
		if (pthread_create(&s->thread, &attr, run, s))
			die("pthread_create");
	}
	while (about_to_sleep < (int)count)
		usleep(10000);
	/* From there to sleep takes no more than being scheduled. */
	sleep(1);

	status = system(argv[2]);

	for (unsigned int i = 0; i < count; i++)
		wake(&sleepers[i]);
	for (unsigned int i = 0; i < count; i++) {
		struct sleeper *s = &sleepers[i];

		/* Who was not asleep yet when it was woken is woken again. */
		while (!s->over) {
			if (s->way == WAY_NANOSLEEP)
				pthread_kill(s->thread, SIGUSR1);
			else if (s->way == WAY_DEEP)
				wake_deep();
			usleep(1000);
		}
		pthread_join(s->thread, NULL);
	}
	if (report(count))
		return 1;
	return status ? 1 : 0;
}
