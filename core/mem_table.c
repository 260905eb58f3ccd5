// SPDX-License-Identifier: GPL-2.0
/*
 * mem_table: a value for each page of physical memory.  Making and unmaking a
 * table, looking a page up, and the ways to change a range.
 */
#include <linux/export.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "mem_node.h"
#include "mem_update.h"

/**
 * DOC: Locking
 *
 * Writers: the table's spinlock, taken inside.  It guards all of the table.
 * With MEM_TABLE_IRQSAFE interrupts are off while it is held; without, who
 * writes must be in process context.  No other lock is taken under it but the
 * allocator's.  The consumer's functions are called under it.
 *
 * Readers: none.  mem_table_load() and mem_table_for_each_run() are in an RCU
 * read-side critical section while they look at nodes.  A node becomes visible
 * by one store, after it has been filled; it is withdrawn by one store, and
 * freed a grace period later.  Every word that a reader looks at is written
 * whole.  A reader may find an entry in a node that has been withdrawn
 * meanwhile: that was the page's value while the reader was already at it.
 */

void __mem_table_init(struct mem_table *table, unsigned int flags,
		      mem_table_same_fn same, const char *name,
		      struct lock_class_key *key)
{
	memset(table, 0, sizeof(*table));
	spin_lock_init(&table->lock);
	lockdep_set_class_and_name(&table->lock, key, name);
	table->flags = flags;
	table->same = same;
}
EXPORT_SYMBOL_GPL(__mem_table_init);

/**
 * mem_table_destroy() - Free all of a table's memory.
 * @table: in use by nobody, readers included
 *
 * Every page's value is 0 afterwards, and the table may be used again.
 *
 * Context: Any but NMI; not while the table could be in use.
 */
void mem_table_destroy(struct mem_table *table)
{
	unsigned long flags = mem_table_lock(table);
	unsigned int i;

	table->root = 0;
	if (table->top)
		mem_table_node_drop(table, table->top);
	table->top = NULL;
	for (i = 0; i < MEM_TABLE_LEVELS; i++) {
		if (table->spare[i])
			mem_table_node_drop(table, table->spare[i]);
		table->spare[i] = NULL;
	}
	mem_table_unlock(table, flags);
}
EXPORT_SYMBOL_GPL(mem_table_destroy);

/**
 * mem_table_load() - Look up a page's value.
 * @table: the table
 * @pfn: the page
 *
 * Context: Any, NMI included.  Takes no lock.
 * Return: The value; 0 for a page that was never stored to.
 */
unsigned long mem_table_load(const struct mem_table *table, unsigned long pfn)
{
	unsigned long entry, root;
	unsigned long *slots;
	unsigned int shift;

	rcu_read_lock();
	root = READ_ONCE(table->root);
	slots = mem_root_slots(root);
	shift = mem_level_shift(mem_root_level(root));
	entry = mem_value_entry(0);
	if (likely(root && !(pfn >> shift >> MEM_TABLE_SHIFT))) {
		for (;;) {
			unsigned long i = pfn >> shift;

			entry = READ_ONCE(slots[i % MEM_TABLE_ENTRIES]);
			if (!mem_entry_is_node(entry))
				break;
			slots = (unsigned long *)(entry - MEM_ENTRY_NODE);
			shift -= MEM_TABLE_SHIFT;
		}
	}
	rcu_read_unlock();
	return mem_entry_value(entry);
}
EXPORT_SYMBOL_GPL(mem_table_load);

/**
 * mem_table_bytes() - How much memory a table takes.
 * @table: the table
 *
 * With what it keeps so as not to need it again soon: at most one node of each
 * level.  Without what waits for a grace period, and what is in reserves.
 *
 * Context: As for mem_table_store().
 * Return: Bytes.
 */
size_t mem_table_bytes(struct mem_table *table)
{
	unsigned long flags = mem_table_lock(table);
	size_t bytes = table->nr_nodes *
		       (PAGE_SIZE + roundup_pow_of_two(sizeof(struct mem_node)));

	mem_table_unlock(table, flags);
	return bytes;
}
EXPORT_SYMBOL_GPL(mem_table_bytes);

static bool mem_range_bad(unsigned long start, unsigned long nr)
{
	return start >= MEM_TABLE_PAGES || nr > MEM_TABLE_PAGES - start;
}

/* As mem_table_change(), with what may be allocated as @gfp says. */
static int mem_update_gfp(struct mem_table *table, unsigned long start,
			  unsigned long last, const struct mem_op *op,
			  gfp_t gfp)
{
	struct mem_table_reserve reserve = MEM_TABLE_RESERVE_INIT;
	bool may_block = gfpflags_allow_blocking(gfp);
	/* Under the lock, where failing is nothing to speak of yet. */
	gfp_t locked = may_block ? GFP_NOWAIT | __GFP_NOWARN : gfp;
	unsigned long flags;
	unsigned int need;
	int err;

	do {
		flags = mem_table_lock(table);
		err = mem_table_change(table, start, last, op, &reserve, locked,
				       &need);
		mem_table_unlock(table, flags);
	} while (err == -ENOMEM && may_block &&
		 !mem_table_reserve_fill(&reserve, need, gfp));
	mem_table_unreserve(&reserve);
	return err;
}

static noinline int mem_store_range(struct mem_table *table,
				    unsigned long start, unsigned long last,
				    unsigned long entry, gfp_t gfp)
{
	struct mem_op op = { .kind = MEM_OP_STORE, .entry = entry };

	return mem_update_gfp(table, start, last, &op, gfp);
}

/* Change one entry that has a value. */
static __always_inline void mem_store_slot(struct mem_table *table,
					   struct mem_node *node,
					   unsigned int i, unsigned long entry)
{
	if (mem_same(table, node->slots[i], entry))
		return;
	mem_node_set(table, node, i, entry);
	if (table->flags & MEM_TABLE_TRACK)
		mem_table_node_mark(node, i);
	while (mem_node_uniform(node) && node->parent) {
		struct mem_node *parent = node->parent;

		mem_table_node_fold(table, node);
		node = parent;
	}
}

/*
 * What is most often the case: one page in the node that was last changed, or
 * just what one entry is about.
 */
static bool mem_store_one(struct mem_table *table, unsigned long start,
			  unsigned long last, unsigned long entry)
{
	unsigned long root = table->root;
	unsigned long *slots = mem_root_slots(root);
	unsigned int level = mem_root_level(root);
	struct mem_node *node = table->leaf;
	unsigned long old;
	unsigned int i;

	if (start == last && node &&
	    node->base == (start & ~(MEM_TABLE_ENTRIES - 1))) {
		mem_store_slot(table, node, start - node->base, entry);
		return true;
	}
	if (last >= mem_root_pages(root))
		return false;
	for (;; level--) {
		i = mem_index(start, level);
		old = slots[i];
		if ((start ^ last) == mem_level_pages(level) - 1 ||
		    !mem_entry_is_node(old))
			break;
		slots = (unsigned long *)(old - MEM_ENTRY_NODE);
	}
	if (mem_entry_is_node(old) ||
	    last - start + 1 != mem_level_pages(level) ||
	    start & (mem_level_pages(level) - 1))
		return false;
	node = mem_entry_node((unsigned long)slots | MEM_ENTRY_NODE);
	if (!level)
		table->leaf = node;
	mem_store_slot(table, node, i, entry);
	return true;
}

/**
 * mem_table_store() - Give the pages of a range a value.
 * @table: the table
 * @start: the first page
 * @nr: how many; with 0 nothing is done
 * @value: at most MEM_TABLE_MAX
 * @gfp: how memory may be allocated
 *
 * A page whose value is the same as @value already keeps it and has not
 * changed.  Readers see each page's value change from the one to the other,
 * but not those of the whole range at once.
 *
 * Context: Process context; any but NMI with MEM_TABLE_IRQSAFE.  May sleep if
 * @gfp allows it.
 * Return: 0, or with nothing changed -ENOMEM, or -EINVAL for a range beyond
 * MEM_TABLE_PAGES or a value above MEM_TABLE_MAX.
 */
int mem_table_store(struct mem_table *table, unsigned long start,
		    unsigned long nr, unsigned long value, gfp_t gfp)
{
	unsigned long entry = mem_value_entry(value);
	unsigned long flags;
	bool done;

	if (unlikely(mem_range_bad(start, nr) || value > MEM_TABLE_MAX))
		return -EINVAL;
	if (unlikely(!nr))
		return 0;

	flags = mem_table_lock(table);
	done = mem_store_one(table, start, start + nr - 1, entry);
	mem_table_unlock(table, flags);
	if (likely(done))
		return 0;
	return mem_store_range(table, start, start + nr - 1, entry, gfp);
}
EXPORT_SYMBOL_GPL(mem_table_store);

enum mem_values { MEM_VALUES_EQUAL, MEM_VALUES_DIFFER, MEM_VALUES_BAD };

static enum mem_values mem_values_look(const unsigned long *values,
				       unsigned long nr)
{
	unsigned long i, all = 0, differ = 0;

	for (i = 0; i < nr; i++) {
		all |= values[i];
		differ |= values[i] ^ values[0];
	}
	if (all > MEM_TABLE_MAX)
		return MEM_VALUES_BAD;
	return differ ? MEM_VALUES_DIFFER : MEM_VALUES_EQUAL;
}

/**
 * mem_table_store_values() - Give each page of a range a value of its own.
 * @table: the table
 * @start: the first page
 * @values: @nr values, each at most MEM_TABLE_MAX
 * @nr: how many
 * @gfp: how memory may be allocated
 * @done: if not NULL, set to how many pages, from @start on, were stored
 *
 * Like a call of mem_table_store() for each page, in one go for those that
 * share a node.
 *
 * Context: As mem_table_store().
 * Return: 0; or -ENOMEM or -EINVAL as mem_table_store(), with @done pages stored
 * and none of the rest.
 */
int mem_table_store_values(struct mem_table *table, unsigned long start,
			   const unsigned long *values, unsigned long nr,
			   gfp_t gfp, unsigned long *done)
{
	unsigned long i, n;
	int err = 0;

	if (done)
		*done = 0;
	if (mem_range_bad(start, nr))
		return -EINVAL;
	for (i = 0; i < nr; i += n) {
		struct mem_op op = {
			.kind = MEM_OP_VALUES,
			.values = values + i,
			.base = start + i,
		};

		n = MEM_TABLE_ENTRIES - (start + i) % MEM_TABLE_ENTRIES;
		n = min(n, nr - i);
		switch (mem_values_look(values + i, n)) {
		case MEM_VALUES_EQUAL:
			op.kind = MEM_OP_STORE;
			op.entry = mem_value_entry(values[i]);
			break;
		case MEM_VALUES_DIFFER:
			break;
		case MEM_VALUES_BAD:
			return -EINVAL;
		}
		err = mem_update_gfp(table, start + i, start + i + n - 1, &op,
				     gfp);
		if (err)
			break;
		if (done)
			*done = i + n;
	}
	return err;
}
EXPORT_SYMBOL_GPL(mem_table_store_values);

/**
 * mem_table_update() - Make new values of the old ones in a range.
 * @table: the table
 * @start: the first page
 * @nr: how many
 * @fn: what a value becomes
 * @arg: for @fn
 * @gfp: how memory may be allocated
 *
 * @fn is called for each run of equal values in a node, and for each large
 * entry, so how long this takes depends on how many different values there
 * are, not on how many pages.
 *
 * Context: As mem_table_store(); @fn is called under the table's lock.
 * Return: 0, or with nothing changed: what @fn returned; -ENOMEM; -EINVAL for
 * a range beyond MEM_TABLE_PAGES.
 */
int mem_table_update(struct mem_table *table, unsigned long start,
		     unsigned long nr, mem_table_update_fn fn, void *arg,
		     gfp_t gfp)
{
	struct mem_op op = { .kind = MEM_OP_CALL, .fn = fn, .arg = arg };

	if (mem_range_bad(start, nr))
		return -EINVAL;
	if (!nr)
		return 0;
	return mem_update_gfp(table, start, start + nr - 1, &op, gfp);
}
EXPORT_SYMBOL_GPL(mem_table_update);

/* Nodes below @level that have the page on their edge, but not wholly. */
static unsigned int mem_edges(unsigned long edge, unsigned int level)
{
	unsigned int nr = 0;

	while (level-- && edge % mem_level_pages(level + 1))
		nr++;
	return nr;
}

/**
 * mem_table_reserve() - Allocate what changing a range takes at most.
 * @reserve: where to keep it; what is there already is counted
 * @start: the first page
 * @nr: how many
 * @gfp: how memory may be allocated
 *
 * Whatever happens to the table between now and then, one call of
 * mem_table_store_reserved() or mem_table_update_reserved() for this range will
 * not be short of memory.  Then it can be topped up for the next.
 *
 * Context: Any if @gfp does not allow to sleep.
 * Return: 0, -ENOMEM, or -EINVAL for a range beyond MEM_TABLE_PAGES.  Also
 * after an error, mem_table_unreserve() must be called in the end.
 */
int mem_table_reserve(struct mem_table_reserve *reserve, unsigned long start,
		      unsigned long nr, gfp_t gfp)
{
	unsigned int need;

	if (mem_range_bad(start, nr))
		return -EINVAL;
	/* The nodes on the way to each end, and growing from the lowest. */
	need = mem_edges(start, MEM_TABLE_LEVELS - 1) +
	       mem_edges(start + nr, MEM_TABLE_LEVELS - 1) +
	       MEM_TABLE_LEVELS - 1;
	return mem_table_reserve_fill(reserve, need, gfp);
}
EXPORT_SYMBOL_GPL(mem_table_reserve);

/**
 * mem_table_unreserve() - Free what is left of a reserve.
 * @reserve: may be used again afterwards
 *
 * Context: Any but NMI.
 */
void mem_table_unreserve(struct mem_table_reserve *reserve)
{
	struct mem_node *node;

	while ((node = mem_table_reserve_take(reserve)))
		mem_table_node_free(node);
}
EXPORT_SYMBOL_GPL(mem_table_unreserve);

static int mem_update_reserved(struct mem_table *table, unsigned long start,
			       unsigned long last, const struct mem_op *op,
			       struct mem_table_reserve *reserve)
{
	unsigned long flags = mem_table_lock(table);
	unsigned int need;
	int err;

	err = mem_table_change(table, start, last, op, reserve, 0, &need);
	mem_table_unlock(table, flags);
	return err;
}

/**
 * mem_table_store_reserved() - Give the pages of a range a value.
 * @table: the table
 * @start: the first page
 * @nr: how many
 * @value: at most MEM_TABLE_MAX
 * @reserve: filled by mem_table_reserve() for this range
 *
 * Context: As mem_table_store(); does not sleep.
 * Return: As mem_table_store(), and never -ENOMEM.
 */
int mem_table_store_reserved(struct mem_table *table, unsigned long start,
			     unsigned long nr, unsigned long value,
			     struct mem_table_reserve *reserve)
{
	struct mem_op op = {
		.kind = MEM_OP_STORE,
		.entry = mem_value_entry(value),
	};

	if (mem_range_bad(start, nr) || value > MEM_TABLE_MAX)
		return -EINVAL;
	if (!nr)
		return 0;
	return mem_update_reserved(table, start, start + nr - 1, &op, reserve);
}
EXPORT_SYMBOL_GPL(mem_table_store_reserved);

/**
 * mem_table_update_reserved() - Make new values of the old ones in a range.
 * @table: the table
 * @start: the first page
 * @nr: how many
 * @fn: what a value becomes
 * @arg: for @fn
 * @reserve: filled by mem_table_reserve() for this range
 *
 * Context: As mem_table_update(); does not sleep.
 * Return: As mem_table_update(), and never -ENOMEM of its own.
 */
int mem_table_update_reserved(struct mem_table *table, unsigned long start,
			      unsigned long nr, mem_table_update_fn fn,
			      void *arg, struct mem_table_reserve *reserve)
{
	struct mem_op op = { .kind = MEM_OP_CALL, .fn = fn, .arg = arg };

	if (mem_range_bad(start, nr))
		return -EINVAL;
	if (!nr)
		return 0;
	return mem_update_reserved(table, start, start + nr - 1, &op, reserve);
}
EXPORT_SYMBOL_GPL(mem_table_update_reserved);

/* Wait for what is to be freed by this module's code. */
void mem_table_exit(void)
{
	rcu_barrier();
}
