// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <time.h>

#include "rates.h"

uint64_t counter_since(uint64_t before, uint64_t now)
{
	return now >= before ? now - before : now;
}

void client_since(const struct snapshot *before,
		  const struct client_info *client, struct client_info *since)
{
	const struct client_info *was = snapshot_client(before, client->name);

	*since = *client;
	if (!was)
		return;
	for (int i = 0; i < NR_CLIENT_COUNTERS; i++)
		since->counter[i] = counter_since(was->counter[i],
						  client->counter[i]);
}

bool sleep_until(int64_t ns)
{
	struct timespec end = {
		.tv_sec = ns / 1000000000,
		.tv_nsec = ns % 1000000000,
	};

	return clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL) !=
	       EINTR;
}
