// SPDX-License-Identifier: GPL-2.0
/*
 * How late sleepers wake: threads that sleep for a while, again and again.
 *
 *	trim_latency THREADS MS SECONDS
 *
 * Each of THREADS sleeps for MS at a time.  Prints "wakes N", and how much later
 * than asked for they woke: "p50_us", "p99_us", "max_us".
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static unsigned int threads, ms, seconds;

struct sleeper {
	pthread_t thread;
	uint32_t *late_ns;
	unsigned int nr, room;
};

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void *run(void *arg)
{
	struct sleeper *s = arg;
	int64_t end = now_ns() + seconds * 1000000000LL;

	while (s->nr < s->room) {
		int64_t due = now_ns() + ms * 1000000LL;
		struct timespec at = {
			.tv_sec = due / 1000000000,
			.tv_nsec = due % 1000000000,
		};

		if (due > end)
			break;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
		s->late_ns[s->nr++] = now_ns() - due;
	}
	return NULL;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
	struct sleeper *sleepers;
	uint32_t *all;
	size_t nr = 0, room;

	if (argc != 4) {
		fprintf(stderr, "usage: trim_latency THREADS MS SECONDS\n");
		return 2;
	}
	threads = atoi(argv[1]);
	ms = atoi(argv[2]);
	seconds = atoi(argv[3]);
	room = (size_t)seconds * 1000 / ms + 1;
	sleepers = calloc(threads, sizeof(*sleepers));
	all = calloc(threads * room, sizeof(*all));
	if (!sleepers || !all)
		return 2;
	for (unsigned int i = 0; i < threads; i++) {
		sleepers[i].room = room;
		sleepers[i].late_ns = all + i * room;
		/* Its pages are there before it begins. */
		memset(sleepers[i].late_ns, 1, room * sizeof(*all));
	}
	for (unsigned int i = 0; i < threads; i++)
		if (pthread_create(&sleepers[i].thread, NULL, run, &sleepers[i]))
			return 2;
	for (unsigned int i = 0; i < threads; i++) {
		pthread_join(sleepers[i].thread, NULL);
		memmove(all + nr, sleepers[i].late_ns,
			sleepers[i].nr * sizeof(*all));
		nr += sleepers[i].nr;
	}
	if (!nr)
		return 1;
	qsort(all, nr, sizeof(*all), compare);
	printf("wakes %zu\n", nr);
	printf("p50_us %.1f\n", all[nr / 2] / 1000.0);
	printf("p99_us %.1f\n", all[nr * 99 / 100] / 1000.0);
	printf("max_us %.1f\n", all[nr - 1] / 1000.0);
	return 0;
}
