// SPDX-License-Identifier: GPL-2.0
/*
 * A process that sleeps in the kernel on a guarded stack is traced: stopped,
 * its registers read and written, made to go on, and killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define SLEEP	"/sys/kernel/debug/pvmc_kstack_user/sleep"

static void result(const char *name, int ok)
{
	if (ok)
		printf("ok %s\n", name);
	else
		printf("not ok %s: %s\n", name, strerror(errno));
}

static int child(void)
{
	int fd = open(SLEEP, O_WRONLY);

	if (fd < 0)
		return 1;
	/* Interrupted by the tracer once, and then for as long as it takes. */
	if (write(fd, "60000", 5) >= 0 || errno != EINTR)
		return 2;
	write(fd, "60000", 5);
	return 3;
}

static char state_of(pid_t pid)
{
	char path[64], state = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (f && fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		state = 0;
	if (f)
		fclose(f);
	return state;
}

static int asleep(pid_t pid)
{
	int tries;

	for (tries = 0; tries < 500; tries++) {
		if (state_of(pid) == 'S')
			return 1;
		usleep(20000);
	}
	return 0;
}

int main(void)
{
	struct user_regs_struct regs;
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(child());
	result("sleeps", pid > 0 && asleep(pid));
	result("attach", !ptrace(PTRACE_ATTACH, pid, NULL, NULL));
	result("stops", waitpid(pid, &status, 0) == pid && WIFSTOPPED(status));
	result("registers", !ptrace(PTRACE_GETREGS, pid, NULL, &regs));
	result("in write()", regs.orig_rax == 1 && regs.rdx == 5);
	result("set them", !ptrace(PTRACE_SETREGS, pid, NULL, &regs));
	result("goes on", !ptrace(PTRACE_DETACH, pid, NULL, NULL));
	result("sleeps again", asleep(pid));
	result("kill", !kill(pid, SIGKILL));
	result("is dead", waitpid(pid, &status, 0) == pid &&
	       WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	return 0;
}
