// SPDX-License-Identifier: GPL-2.0
/*
 * The memory for arrays of requests, which a VMM with vectors is given.
 */
#include <linux/cpumask.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/topology.h>

#include "core.h"

/**
 * pvmc_vectors_free() - Free all arrays of a device.
 * @dev: device that no call can be using
 *
 * Context: Process context.
 */
void pvmc_vectors_free(struct pvmc_device *dev)
{
	int cpu, level;

	for_each_possible_cpu(cpu) {
		struct pvmc_cpu *c = per_cpu_ptr(dev->cpu, cpu);

		for (level = 0; level < PVMC_VECTOR_LEVELS; level++) {
			kfree(c->vector[level]);
			c->vector[level] = NULL;
		}
	}
}

/**
 * pvmc_vectors_alloc() - Have an array for each CPU and level.
 * @dev: device that no call can be using
 *
 * What there is already stays.
 *
 * Context: Process context.  May sleep.
 * Return: 0, or -ENOMEM, when there are none.
 */
int pvmc_vectors_alloc(struct pvmc_device *dev)
{
	int cpu, level;

	for_each_possible_cpu(cpu) {
		struct pvmc_cpu *c = per_cpu_ptr(dev->cpu, cpu);

		for (level = 0; level < PVMC_VECTOR_LEVELS; level++) {
			if (c->vector[level])
				continue;
			/* Of a power of two: aligned to its size. */
			c->vector[level] = kzalloc_node(SZ_4K, GFP_KERNEL,
							cpu_to_node(cpu));
			if (!c->vector[level]) {
				pvmc_vectors_free(dev);
				return -ENOMEM;
			}
		}
	}
	return 0;
}
