// SPDX-License-Identifier: GPL-2.0
/*
 * Maps a file's first page and reads a word of it: prints the word, and the
 * address of the instruction that read it.
 *
 * Usage: touch_page FILE
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>

int main(int argc, char **argv)
{
	uint64_t value, ip;
	void *page;
	int fd;

	if (argc != 2) {
		fprintf(stderr, "usage: touch_page FILE\n");
		return 2;
	}
	fd = open(argv[1], O_RDWR);
	if (fd < 0) {
		perror(argv[1]);
		return 1;
	}
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	__asm__ volatile("leaq 77f(%%rip), %[ip]\n77:\tmovq (%[at]), %[value]"
			 : [ip] "=&r" (ip), [value] "=r" (value)
			 : [at] "r" (page) : "memory");
	printf("value 0x%llx\nip 0x%llx\n", (unsigned long long)value,
	       (unsigned long long)ip);
	return 0;
}
