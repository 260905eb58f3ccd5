// SPDX-License-Identifier: GPL-2.0
/*
 * Reads physical memory of the kernel that has panicked, from /proc/vmcore, by
 * read() and by mapping it, and compares the two.
 *
 * Usage: read_vmcore ADDRESS LENGTH
 *
 * Prints "zero" where all is, else the first 8 bytes as a number in hex.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int core;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static off_t offset_of(uint64_t address)
{
	Elf64_Ehdr header;

	if (pread(core, &header, sizeof(header), 0) != sizeof(header))
		die("/proc/vmcore");
	for (unsigned int i = 0; i < header.e_phnum; i++) {
		Elf64_Phdr segment;

		if (pread(core, &segment, sizeof(segment), header.e_phoff +
			  i * sizeof(segment)) != sizeof(segment))
			die("/proc/vmcore: segments");
		if (segment.p_type == PT_LOAD && address >= segment.p_paddr &&
		    address - segment.p_paddr < segment.p_memsz)
			return segment.p_offset + (address - segment.p_paddr);
	}
	fprintf(stderr, "read_vmcore: %#llx is in no segment\n",
		(unsigned long long)address);
	exit(1);
}

int main(int argc, char **argv)
{
	uint64_t address, first;
	char *bytes, *mapped;
	size_t length, zeroes = 0;
	off_t at;

	if (argc != 3)
		return 2;
	address = strtoull(argv[1], NULL, 0);
	length = strtoul(argv[2], NULL, 0);
	core = open("/proc/vmcore", O_RDONLY);
	if (core < 0)
		die("/proc/vmcore");
	at = offset_of(address);
	bytes = malloc(length);
	if (!bytes || pread(core, bytes, length, at) != (ssize_t)length)
		die("reading");
	mapped = mmap(NULL, length + at % 4096, PROT_READ, MAP_PRIVATE, core,
		      at - at % 4096);
	if (mapped == MAP_FAILED)
		die("mapping");
	if (memcmp(bytes, mapped + at % 4096, length)) {
		fprintf(stderr, "read_vmcore: read and mapped differ\n");
		return 1;
	}
	for (size_t i = 0; i < length; i++)
		zeroes += !bytes[i];
	memcpy(&first, bytes, sizeof(first));
	if (zeroes == length)
		puts("zero");
	else
		printf("%llx\n", (unsigned long long)first);
	return 0;
}
