// SPDX-License-Identifier: GPL-2.0
/*
 * Loads another kernel, to be started now or when this one panics.
 *
 * Usage: kexec_load now|panic KERNEL INITRD COMMANDLINE
 *
 * "now" does not return: devices are shut down and the kernel is started.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/kexec.h>
#include <linux/reboot.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int opened(const char *path)
{
	int fd = open(path, O_RDONLY);

	if (fd < 0) {
		perror(path);
		exit(1);
	}
	return fd;
}

int main(int argc, char **argv)
{
	unsigned long flags = 0;

	if (argc != 5) {
		fprintf(stderr, "usage: kexec_load now|panic KERNEL INITRD COMMANDLINE\n");
		return 2;
	}
	if (!strcmp(argv[1], "panic"))
		flags = KEXEC_FILE_ON_CRASH;
	if (syscall(SYS_kexec_file_load, opened(argv[2]), opened(argv[3]),
		    strlen(argv[4]) + 1, argv[4], flags)) {
		perror("kexec_file_load");
		return 1;
	}
	if (flags)
		return 0;
	sync();
	syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
		LINUX_REBOOT_CMD_KEXEC, NULL);
	perror("reboot");
	return 1;
}
