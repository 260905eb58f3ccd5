// SPDX-License-Identifier: GPL-2.0
/*
 * Processes and threads that come, go, stop, are killed and wake each other, and
 * look whether all of it is right.
 *
 *	trim_load SECONDS
 *
 * Prints how often each was done, and "ok WHAT" or "not ok WHAT: WHY".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct kind {
	const char *name;
	/* Once; NULL or what was wrong. */
	const char *(*work)(unsigned int n);
};

struct tally {
	atomic_ulong done;
	atomic_ulong wrong;
	char why[80];
};

static const char *self;

static const char *fork_exit(unsigned int n)
{
	int status, code = n % 200;
	pid_t pid = fork();

	if (pid == 0)
		_exit(code);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return "no child";
	return WIFEXITED(status) && WEXITSTATUS(status) == code ?
		NULL : "another status";
}

static const char *fork_exec(unsigned int n)
{
	char number[16], answer[16] = "";
	int status, fds[2];
	ssize_t got;
	pid_t pid;

	snprintf(number, sizeof(number), "%u", n);
	if (pipe(fds))
		return "no pipe";
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], 1);
		execl(self, self, "echo", number, NULL);
		_exit(99);
	}
	close(fds[1]);
	got = read(fds[0], answer, sizeof(answer) - 1);
	close(fds[0]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		return "it failed";
	return got > 0 && !strcmp(answer, number) ? NULL : "another answer";
}

static volatile sig_atomic_t signalled;

static void on_signal(int signal)
{
	(void)signal;
	signalled++;
}

/* A child that sleeps is sent signals, which it handles, and is killed. */
static const char *signals(unsigned int n)
{
	struct timespec asleep = { .tv_sec = 1000 };
	struct timespec moment = { .tv_nsec = 3000000 };
	int status, kill_with = n % 2 ? SIGKILL : SIGTERM;
	pid_t pid = fork();

	if (pid == 0) {
		signal(SIGUSR1, on_signal);
		for (;;)
			if (!nanosleep(&asleep, NULL))
				_exit(1);
	}
	for (int i = 0; i < 4; i++) {
		nanosleep(&moment, NULL);
		/* The first ends it if it has not come to handle it yet. */
		kill(pid, i ? SIGUSR1 : SIGCONT);
	}
	kill(pid, kill_with);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return "no child";
	if (!WIFSIGNALED(status))
		return "it was not killed";
	return WTERMSIG(status) == kill_with || WTERMSIG(status) == SIGUSR1 ?
		NULL : "killed by another signal";
}

static const char *stop_and_go(unsigned int n)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		raise(SIGSTOP);
		_exit(n % 100);
	}
	if (pid < 0 || waitpid(pid, &status, WUNTRACED) != pid ||
	    !WIFSTOPPED(status))
		return "it did not stop";
	usleep(n % 8 * 1000);
	kill(pid, SIGCONT);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
	    WEXITSTATUS(status) != (int)(n % 100))
		return "it did not go on well";
	return NULL;
}

static void *thread(void *arg)
{
	usleep((unsigned long)arg % 5000);
	return (void *)((unsigned long)arg * 3);
}

static const char *threads(unsigned int n)
{
	pthread_t ids[8];
	void *value;

	for (unsigned long i = 0; i < 8; i++)
		if (pthread_create(&ids[i], NULL, thread, (void *)(n + i)))
			return "no thread";
	for (unsigned long i = 0; i < 8; i++) {
		if (pthread_join(ids[i], &value))
			return "no join";
		if ((unsigned long)value != (n + i) * 3)
			return "another value";
	}
	return NULL;
}

/* A ball goes to and fro between two processes that sleep in between. */
static const char *ball(unsigned int n)
{
	unsigned char data[512], want;
	int there[2], back[2], status;
	pid_t pid;

	if (pipe(there) || pipe(back))
		return "no pipe";
	pid = fork();
	if (pid == 0) {
		close(there[1]);
		while (read(there[0], data, sizeof(data)) == sizeof(data)) {
			usleep(n % 4 * 500);
			for (unsigned int i = 0; i < sizeof(data); i++)
				data[i]++;
			if (write(back[1], data, sizeof(data)) != sizeof(data))
				_exit(1);
		}
		_exit(0);
	}
	close(there[0]);
	for (unsigned int round = 0; round < 8; round++) {
		memset(data, n + round, sizeof(data));
		if (write(there[1], data, sizeof(data)) != sizeof(data) ||
		    read(back[0], data, sizeof(data)) != sizeof(data))
			return "it was lost";
		want = n + round + 1;
		for (unsigned int i = 0; i < sizeof(data); i++)
			if (data[i] != want)
				return "it has changed";
	}
	close(there[1]);
	close(back[0]);
	close(back[1]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		return "the other failed";
	return NULL;
}

static const struct kind kinds[] = {
	{ "fork", fork_exit },
	{ "exec", fork_exec },
	{ "signals", signals },
	{ "stop and go", stop_and_go },
	{ "threads", threads },
	{ "ball", ball },
};

#define KINDS	(sizeof(kinds) / sizeof(kinds[0]))

static void work(const struct kind *kind, struct tally *tally, time_t end)
{
	struct timespec now;
	unsigned int n = getpid();

	do {
		const char *why = kind->work(n++);

		tally->done++;
		if (why) {
			tally->wrong++;
			snprintf(tally->why, sizeof(tally->why), "%s (%s)", why,
				 strerror(errno));
		}
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec < end);
}

int main(int argc, char **argv)
{
	struct tally *tallies;
	struct timespec now;
	int status, bad = 0;

	if (argc == 3 && !strcmp(argv[1], "echo")) {
		printf("%s", argv[2]);
		return 0;
	}
	if (argc != 2) {
		fprintf(stderr, "usage: trim_load SECONDS\n");
		return 2;
	}
	self = "/proc/self/exe";
	tallies = mmap(NULL, KINDS * sizeof(*tallies), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (tallies == MAP_FAILED)
		return 2;
	clock_gettime(CLOCK_MONOTONIC, &now);
	for (unsigned int i = 0; i < KINDS; i++) {
		/* A process for each kind twice. */
		for (int twice = 0; twice < 2; twice++) {
			if (fork() == 0) {
				work(&kinds[i], &tallies[i],
				     now.tv_sec + atoi(argv[1]));
				_exit(0);
			}
		}
	}
	for (unsigned int i = 0; i < 2 * KINDS; i++) {
		if (wait(&status) < 0 || status) {
			printf("not ok workers: one ended with %x\n", status);
			bad = 1;
		}
	}
	for (unsigned int i = 0; i < KINDS; i++) {
		struct tally *t = &tallies[i];

		printf("%s: %lu times\n", kinds[i].name,
		       (unsigned long)t->done);
		if (t->wrong || !t->done) {
			printf("not ok %s: %lu times wrong, %s\n",
			       kinds[i].name, (unsigned long)t->wrong, t->why);
			bad = 1;
		} else {
			printf("ok %s\n", kinds[i].name);
		}
	}
	return bad;
}
