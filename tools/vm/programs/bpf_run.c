// SPDX-License-Identifier: GPL-2.0
/*
 * Has the kernel compile BPF programs and run them: one for packets, which the
 * kernel calls through a dispatcher whose code it writes anew, and one that
 * runs at each system call.  Says what did not work, and exits with 1.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RETURNS(value) {						\
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = (value) },	\
	{ .code = BPF_JMP | BPF_EXIT },					\
}

static int bpf(int command, union bpf_attr *attr)
{
	return syscall(__NR_bpf, command, attr, sizeof(*attr));
}

static int failed(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	return 1;
}

static int load(int type, const struct bpf_insn *insns, int nr)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = type;
	attr.insns = (uintptr_t)insns;
	attr.insn_cnt = nr;
	attr.license = (uintptr_t)"GPL";
	return bpf(BPF_PROG_LOAD, &attr);
}

static int packets(void)
{
	static const struct bpf_insn insns[] = RETURNS(2);
	static char packet[64];
	union bpf_attr attr;
	int fd = load(BPF_PROG_TYPE_XDP, insns, 2);

	if (fd < 0)
		return failed("loading a program for packets");
	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = fd;
	attr.test.data_in = (uintptr_t)packet;
	attr.test.data_size_in = sizeof(packet);
	attr.test.repeat = 1000;
	if (bpf(BPF_PROG_TEST_RUN, &attr))
		return failed("running a program for packets");
	close(fd);
	if (attr.test.retval != 2) {
		fprintf(stderr, "it returned %u\n", attr.test.retval);
		return 1;
	}
	return 0;
}

static int system_calls(void)
{
	static const struct bpf_insn insns[] = RETURNS(0);
	union bpf_attr attr;
	int i, point, fd = load(BPF_PROG_TYPE_RAW_TRACEPOINT, insns, 2);

	if (fd < 0)
		return failed("loading a program for a tracepoint");
	memset(&attr, 0, sizeof(attr));
	attr.raw_tracepoint.name = (uintptr_t)"sys_enter";
	attr.raw_tracepoint.prog_fd = fd;
	point = bpf(BPF_RAW_TRACEPOINT_OPEN, &attr);
	if (point < 0)
		return failed("attaching it");
	for (i = 0; i < 1000; i++)
		getppid();
	close(point);
	close(fd);
	return 0;
}

int main(void)
{
	return packets() || system_calls();
}
