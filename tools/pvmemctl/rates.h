/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What has happened between two snapshots.
 */
#ifndef PVMEMCTL_RATES_H
#define PVMEMCTL_RATES_H

#include "sysfs.h"

/* Of a counter; it begins anew where its client has gone and come again. */
uint64_t counter_since(uint64_t before, uint64_t now);

/* What @client has counted since @before, where it may not have been there. */
void client_since(const struct snapshot *before,
		  const struct client_info *client, struct client_info *since);

/* Waits until @ns of the monotonic clock; false if a signal came. */
bool sleep_until(int64_t ns);

#endif
