/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _PVMC_BENCH_H
#define _PVMC_BENCH_H

#include <linux/pvmemcontrol.h>
#include <linux/types.h>

#define BENCH_ROUNDS	201	/* odd, for a median */

extern struct pvmemcontrol_client bench_client;

/* bare.c: the least code that can carry a request */
int bare_connect(const char *pci_name);
void bare_disconnect(void);
int bare_ping(void);

/* drop.c: dropping backed pages, on one CPU and on several */
int bench_drop(unsigned int nr_cpus, bool busy, u64 *pages_per_second);

#endif /* _PVMC_BENCH_H */
