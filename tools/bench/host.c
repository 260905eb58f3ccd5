// SPDX-License-Identifier: GPL-2.0
/*
 * What it costs this machine, without a guest, to clear a 2 MiB range that is
 * backed, to drop it, and to touch parts of it again: the terms of the
 * break-even in Documentation/hugetlb.rst, at native speed.  With pages of
 * 4 KiB behind it, and with one huge page.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define RANGE	(2ul << 20)
#define RANGES	128
#define REPEAT	9
#define SMALL	4096ul

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static unsigned char *map;

static void clear(unsigned int percent)
{
	(void)percent;
	for (int i = 0; i < RANGES; i++)
		memset(map + i * RANGE, 0, RANGE);
}

/* One by one, as huge pages are. */
static void drop(unsigned int percent)
{
	(void)percent;
	for (int i = 0; i < RANGES; i++)
		if (madvise(map + i * RANGE, RANGE, MADV_DONTNEED))
			abort();
}

static void touch(unsigned int percent)
{
	for (int i = 0; i < RANGES; i++)
		for (size_t j = 0; j < RANGE * percent / 100; j += SMALL)
			*(volatile unsigned char *)(map + i * RANGE + j) = 1;
}

/* Nanoseconds for each 2 MiB: the median. */
static uint64_t measure(void (*what)(unsigned int), unsigned int percent,
			int dropped)
{
	uint64_t ns[REPEAT];

	for (int i = 0; i < REPEAT; i++) {
		touch(100);
		if (dropped)
			drop(0);
		ns[i] = now_ns();
		what(percent);
		ns[i] = now_ns() - ns[i];
	}
	qsort(ns, REPEAT, sizeof(*ns), compare);
	return ns[REPEAT / 2] / RANGES;
}

static void scaling(const char *name);

static void backing(const char *name, int advice)
{
	static const unsigned int percents[] = { 1, 10, 100 };
	uint64_t clear_ns, drop_ns;

	map = mmap(NULL, (RANGES + 1) * RANGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED) {
		perror("host: mapping memory");
		exit(1);
	}
	map += RANGE - (uintptr_t)map % RANGE;
	if (madvise(map, RANGES * RANGE, advice) && errno != EINVAL) {
		perror("host: madvise");
		exit(1);
	}

	clear_ns = measure(clear, 0, 0);
	drop_ns = measure(drop, 0, 0);
	printf("host.clear_2m_ns.%s %ju\n", name, (uintmax_t)clear_ns);
	printf("host.drop_2m_ns.%s %ju\n", name, (uintmax_t)drop_ns);
	for (size_t i = 0; i < sizeof(percents) / sizeof(*percents); i++) {
		uint64_t kept = measure(touch, percents[i], 0);
		uint64_t again = measure(touch, percents[i], 1);

		printf("host.touch_%upct_2m_ns.%s %ju\n", percents[i], name,
		       (uintmax_t)again);
		printf("host.total_ratio_touch_%upct.%s %.4f\n", percents[i],
		       name, (double)(drop_ns + again) / (clear_ns + kept));
	}
	scaling(name);
	munmap(map, RANGES * RANGE);
}

/* -- Two threads of one process ------------------------------------------ */

struct half {
	pthread_t thread;
	pthread_barrier_t *barrier;
	unsigned char *start;
	int cpu;
	uint64_t begin, end;
};

static void *drop_half(void *arg)
{
	struct half *half = arg;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(half->cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
	memset(half->start, 1, RANGES / 2 * RANGE);
	pthread_barrier_wait(half->barrier);
	half->begin = now_ns();
	for (int i = 0; i < RANGES / 2; i++)
		if (madvise(half->start + i * RANGE, RANGE, MADV_DONTNEED))
			abort();
	half->end = now_ns();
	return NULL;
}

/* Ranges a second that @nr threads drop together: the median. */
static double drop_rate(int nr)
{
	struct half half[2];
	pthread_barrier_t barrier;
	uint64_t ns[REPEAT];

	for (int i = 0; i < REPEAT; i++) {
		uint64_t begin = UINT64_MAX, end = 0;

		pthread_barrier_init(&barrier, NULL, nr);
		for (int j = 0; j < nr; j++) {
			half[j].barrier = &barrier;
			half[j].start = map + j * (RANGES / 2) * RANGE;
			half[j].cpu = j;
			if (pthread_create(&half[j].thread, NULL, drop_half,
					   &half[j]))
				abort();
		}
		for (int j = 0; j < nr; j++) {
			pthread_join(half[j].thread, NULL);
			if (half[j].begin < begin)
				begin = half[j].begin;
			if (half[j].end > end)
				end = half[j].end;
		}
		pthread_barrier_destroy(&barrier);
		ns[i] = end - begin;
	}
	qsort(ns, REPEAT, sizeof(*ns), compare);
	return 1e9 * nr * (RANGES / 2) / ns[REPEAT / 2];
}

/* What two vCPUs that drop at once cannot exceed, whatever is above. */
static void scaling(const char *name)
{
	double one = drop_rate(1), two = drop_rate(2);

	printf("host.drop_scaling_2cpu.%s %.4f\n", name, two / one);
}

int main(void)
{
	backing("4k", MADV_NOHUGEPAGE);
	backing("thp", MADV_HUGEPAGE);
	return 0;
}
