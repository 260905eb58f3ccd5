// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/kernel/debug/pvmemcontrol_perm/counters: a name and a number a line.
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include "perm.h"

static struct dentry *perm_debugfs;

static int counters_show(struct seq_file *m, void *unused)
{
	struct perm_stats stats;

	mutex_lock(&perm_mutex);
	stats = perm_stats;
	mutex_unlock(&perm_mutex);

	/* A walk over all of the table: not under the mutex. */
	seq_printf(m, "owned_pages %lu\n", perm_table_owned());
	seq_printf(m, "table_bytes %zu\n", mem_table_bytes(&perm_table));
	seq_printf(m, "commits %llu\n", stats.commits);
	seq_printf(m, "refused %llu\n", stats.refused);
	seq_printf(m, "restores %llu\n", stats.restores);
	seq_printf(m, "ranges %llu\n", stats.ranges);
	seq_printf(m, "pages %llu\n", stats.pages);
	seq_printf(m, "exits %llu\n", stats.exits);
	seq_printf(m, "errors %llu\n", stats.errors);
	seq_printf(m, "last_ranges %llu\n", stats.last_ranges);
	seq_printf(m, "last_exits %llu\n", stats.last_exits);
	seq_printf(m, "last_error %d\n", stats.last_error);
	seq_printf(m, "last_ns %llu\n", stats.last_ns);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(counters);

/* What debugfs lacks is not missed: nothing depends on it. */
void perm_debugfs_init(void)
{
	perm_debugfs = debugfs_create_dir("pvmemcontrol_perm", NULL);
	debugfs_create_file("counters", 0400, perm_debugfs, NULL,
			    &counters_fops);
}

void perm_debugfs_exit(void)
{
	debugfs_remove(perm_debugfs);
}
