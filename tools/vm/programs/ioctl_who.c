// SPDX-License-Identifier: GPL-2.0
/*
 * Who may use /dev/pvmemcontrol0, and a descriptor of it that outlives its device.
 *
 * Usage: ioctl_who rights|gone
 *
 *	rights	who may open it, and what seccomp makes of it
 *	gone	a descriptor that is on its way to somebody while the device is
 *		unbound
 *
 * Prints "ok NAME" or "not ok NAME: why".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/pvmemcontrol.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM "ioctl_who"
#include "verdict.h"

#define DEVICE		"/dev/pvmemcontrol0"
#define DRIVER		"/sys/bus/pci/drivers/pvmemcontrol_pci/"
#define PAGE		4096ull
#define NOBODY		65534

/* --- who may -------------------------------------------------------------------- */

/* What @body returns, in a child: an errno, or 256 and a signal. */
static int in_child(int (*body)(int fd), int fd)
{
	pid_t child = fork();
	int status;

	if (child < 0)
		die("fork");
	if (!child)
		_exit(body(fd));
	if (waitpid(child, &status, 0) != child)
		die("waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

static int open_it(void)
{
	int fd = open(DEVICE, O_RDWR);

	return fd < 0 ? errno : 0;
}

static int ask_info(int fd)
{
	struct pvmemcontrol_buf buf = {};

	return ioctl(fd, PVMEMCONTROL_IOCTL_VMM, &buf) ? errno :
	       buf.ret.ret_value < PAGE ? EPROTO : 0;
}

static int as_nobody(int fd)
{
	(void)fd;
	if (setgid(NOBODY) || setuid(NOBODY))
		return 255;
	return open_it();
}

static int without_capability(int fd)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];
	unsigned int word = CAP_SYS_ADMIN / 32, bit = 1u << CAP_SYS_ADMIN % 32;

	(void)fd;
	if (syscall(SYS_capget, &header, data))
		return 255;
	data[word].effective &= ~bit;
	data[word].permitted &= ~bit;
	if (syscall(SYS_capset, &header, data))
		return 254;
	return open_it();
}

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), bad;

	if (fd < 0)
		return -1;
	bad = write(fd, text, strlen(text)) != (ssize_t)strlen(text);
	close(fd);
	return bad ? -1 : 0;
}

/* Root of a name space of its own, with all capabilities there. */
static int in_user_namespace(int fd)
{
	(void)fd;
	if (unshare(CLONE_NEWUSER) || put("/proc/self/uid_map", "0 0 1"))
		return 255;
	if (geteuid())
		return 254;
	return open_it();
}

static int in_user_namespace_of_nobody(int fd)
{
	char text[32];

	if (setgid(NOBODY) || setuid(NOBODY))
		return 255;
	/* Who has been another user may not write there until he execs. */
	prctl(PR_SET_DUMPABLE, 1);
	snprintf(text, sizeof(text), "0 %d 1", NOBODY);
	(void)fd;
	if (unshare(CLONE_NEWUSER) || put("/proc/self/uid_map", text))
		return 254;
	return open_it();
}

static int use_in_user_namespace(int fd)
{
	if (unshare(CLONE_NEWUSER))
		return 255;
	return ask_info(fd);
}

static int with_filter(int fd)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EXDEV),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { 4, filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		return 255;
	return ask_info(fd);
}

static int with_strict_seccomp(int fd)
{
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT))
		return 255;
	return ask_info(fd);
}

static void run_rights(int fd)
{
	static const struct {
		const char *name;
		int (*body)(int fd);
		int want;
	} cases[] = {
		{ "another user", as_nobody, EPERM },
		{ "root without CAP_SYS_ADMIN", without_capability, EPERM },
		{ "CAP_SYS_ADMIN of root's user name space",
		  in_user_namespace, EPERM },
		{ "CAP_SYS_ADMIN of another user's name space",
		  in_user_namespace_of_nobody, EPERM },
		{ "in a name space, a descriptor from outside",
		  use_in_user_namespace, 0 },
		{ "a filter that forbids ioctl", with_filter, EXDEV },
		{ "seccomp's strict mode", with_strict_seccomp, 256 + SIGKILL },
	};

	/* So that it is the capability that decides. */
	if (chmod(DEVICE, 0666))
		die("chmod");
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int got = in_child(cases[i].body, fd);

		verdict(got == cases[i].want, cases[i].name, "%d instead of %d",
			got, cases[i].want);
	}
	if (chmod(DEVICE, 0600))
		die("chmod");
	verdict(!ask_info(fd), "the device works after all of this", "it fails");
}

/* --- a descriptor that is passed on ----------------------------------------------- */

static void pass(int socket, int fd)
{
	char byte = 0, control[CMSG_SPACE(sizeof(int))] = {};
	struct iovec iov = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	if (sendmsg(socket, &message, 0) != 1)
		die("sendmsg");
}

static int taken(int socket)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	int fd;

	if (recvmsg(socket, &message, 0) != 1 || !CMSG_FIRSTHDR(&message))
		die("recvmsg");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

static void address_of_device(char *text, size_t size)
{
	ssize_t length = readlink("/sys/class/pvmemcontrol/pvmemcontrol0/device",
				  text, size - 1);

	if (length < 0)
		die("the device's place");
	text[length] = 0;
	memmove(text, strrchr(text, '/') + 1, strlen(strrchr(text, '/')));
}

static void run_gone(int fd)
{
	unsigned long wrong = 0;
	int socket[2], passed;
	char where[256];

	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, socket))
		die("socketpair");
	address_of_device(where, sizeof(where));
	/* On its way while the device goes: nobody has it open but the socket. */
	pass(socket[0], fd);
	close(fd);
	verdict(!put(DRIVER "unbind", where), "unbind", "%s", strerror(errno));
	passed = taken(socket[1]);
	for (unsigned int code = 0; code < PVMEMCONTROL_NR_FUNC_1_0; code++) {
		struct pvmemcontrol_buf buf = { .call = { code, 0, PAGE, 0 } };

		wrong += !ioctl(passed, PVMEMCONTROL_IOCTL_VMM, &buf) ||
			 errno != ENODEV;
	}
	verdict(!wrong, "no request gets anywhere", "%lu do", wrong);
	verdict(ask_info(passed) == ENODEV, "ENODEV", "errno %d", errno);
	verdict(!put(DRIVER "bind", where), "bind", "%s", strerror(errno));
	verdict(ask_info(passed) == ENODEV, "ENODEV, as it is another device",
		"errno %d", errno);
	close(passed);
	for (int tries = 0; access(DEVICE, F_OK) && tries < 600; tries++)
		usleep(100000);
	passed = open(DEVICE, O_RDWR);
	verdict(passed >= 0 && !ask_info(passed), "the new one works",
		"%s", strerror(errno));
}

int main(int argc, char **argv)
{
	int fd = open(DEVICE, O_RDWR);

	if (argc != 2)
		return 2;
	if (fd < 0)
		die(DEVICE);
	if (!strcmp(argv[1], "rights"))
		run_rights(fd);
	else
		run_gone(fd);
	return failures != 0;
}
