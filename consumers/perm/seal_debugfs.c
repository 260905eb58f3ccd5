// SPDX-License-Identifier: GPL-2.0
/*
 * In /sys/kernel/debug/pvmemcontrol_perm:
 *
 *	sealing	a name and a number a line
 *	sealed	an area a line: its state, pages, runs of adjacent pages, the
 *		exits that sealing it took, what it is
 */
#include <linux/dcache.h>
#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include "perm.h"
#include "seal.h"

static int sealing_show(struct seq_file *m, void *unused)
{
	unsigned long areas = 0, pages = 0, waiting = 0, leaving = 0;
	const struct seal_area *area;
	struct seal_stats stats;

	mutex_lock(&seal_mutex);
	stats = seal_stats;
	list_for_each_entry(area, &seal_areas, node) {
		areas += area->mapped;
		pages += area->mapped ? area->nr_pages : 0;
		waiting += area->state == SEAL_WAITING;
		leaving += area->state == SEAL_LEAVING;
	}
	mutex_unlock(&seal_mutex);

	seq_printf(m, "areas %lu\n", areas);
	seq_printf(m, "pages %lu\n", pages);
	seq_printf(m, "waiting %lu\n", waiting);
	seq_printf(m, "leaving %lu\n", leaving);
	seq_printf(m, "held_pages %llu\n", stats.held);
	seq_printf(m, "sealed %llu\n", stats.sealed);
	seq_printf(m, "opened %llu\n", stats.opened);
	seq_printf(m, "failed %llu\n", stats.failed);
	seq_printf(m, "exits %llu\n", stats.exits);
	seq_printf(m, "host_errors %llu\n", stats.host_errors);
	seq_printf(m, "closed_again %llu\n", perm_opened_total());
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(sealing);

static int sealed_show(struct seq_file *m, void *unused)
{
	static const char *const state[] = {
		[SEAL_WAITING] = "waiting",
		[SEAL_SEALED] = "sealed",
		[SEAL_LEAVING] = "leaving",
	};
	const struct seal_area *area;

	mutex_lock(&seal_mutex);
	list_for_each_entry(area, &seal_areas, node)
		seq_printf(m, "%s %lu %u %llu %s\n", state[area->state],
			   area->nr_pages, area->nr_runs, area->exits,
			   area->what);
	mutex_unlock(&seal_mutex);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(sealed);

/* They go with the folder. */
void seal_debugfs_init(void)
{
	struct dentry *dir = debugfs_lookup("pvmemcontrol_perm", NULL);

	if (IS_ERR_OR_NULL(dir))
		return;
	debugfs_create_file("sealing", 0400, dir, NULL, &sealing_fops);
	debugfs_create_file("sealed", 0400, dir, NULL, &sealed_fops);
	dput(dir);
}
