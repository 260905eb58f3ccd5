// SPDX-License-Identifier: GPL-2.0
/*
 * Reads a recorded list of permission changes, see tools/record/README.rst.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "bench.h"

#define LIST_LINE	160

struct list_change *list_changes;
struct list_txn *list_txns;
u32 list_nr_txns;

static u32 list_nr_changes, list_max_changes, list_max_txns;
static u32 list_phase;
static bool list_ended;
static char list_line[LIST_LINE];
static size_t list_line_length;

static const char * const list_parts[LIST_PARTS] = {
	"direct", "image", "module",
};

void list_free(void)
{
	kvfree(list_changes);
	kvfree(list_txns);
	list_changes = NULL;
	list_txns = NULL;
	list_nr_txns = 0;
	list_nr_changes = 0;
	list_max_changes = 0;
	list_max_txns = 0;
	list_line_length = 0;
	list_ended = false;
}

/* Room for one more of @size bytes; what is there is doubled. */
static void *list_grow(void *array, u32 nr, u32 *max, size_t size)
{
	u32 more = *max ? 2 * *max : 1024;
	void *grown;

	if (nr < *max)
		return array;
	grown = kvmalloc_array(more, size, GFP_KERNEL);
	if (!grown)
		return NULL;
	if (array)
		memcpy(grown, array, nr * size);
	kvfree(array);
	*max = more;
	return grown;
}

static int list_perms(const char *word, u8 *perms)
{
	if (strlen(word) != 3)
		return -EINVAL;
	*perms = (word[0] == 'r' ? PVMEMCONTROL_PERM_R : 0) |
		 (word[1] == 'w' ? PVMEMCONTROL_PERM_W : 0) |
		 (word[2] == 'x' ? PVMEMCONTROL_PERM_X : 0);
	if (!*perms)
		*perms = LIST_ABSENT;
	return 0;
}

/* The one after the last says where that ends. */
static int list_add_txn(void)
{
	struct list_txn *txns = list_grow(list_txns, list_nr_txns + 1,
					  &list_max_txns, sizeof(*txns));

	if (!txns)
		return -ENOMEM;
	list_txns = txns;
	txns[list_nr_txns].change = list_nr_changes;
	txns[list_nr_txns].phase = list_phase;
	txns[++list_nr_txns].change = list_nr_changes;
	return 0;
}

static int list_add_change(const char *part, unsigned long first,
			   unsigned long end, const char *old, const char *new)
{
	struct list_change *changes = list_grow(list_changes, list_nr_changes,
						&list_max_changes,
						sizeof(*changes));
	struct list_change *c;
	int i;

	if (!changes)
		return -ENOMEM;
	list_changes = changes;
	c = &changes[list_nr_changes];
	i = match_string(list_parts, LIST_PARTS, part);
	if (i < 0 || first >= end || end > LIST_PAGES || !list_nr_txns ||
	    list_perms(old, &c->old) || list_perms(new, &c->new))
		return -EINVAL;
	c->part = i;
	c->first = first;
	c->end = end;
	list_txns[list_nr_txns].change = ++list_nr_changes;
	return 0;
}

static int list_read_line(const char *line)
{
	char a[56], b[56], old[4], new[4];
	unsigned long first, end;
	unsigned int n, phase;

	if (*line == '#')
		return 0;
	if (list_ended)
		return -EINVAL;
	if (sscanf(line, "phase %u %7s %55s", &n, a, b) == 3) {
		list_phase = n;
		return 0;
	}
	if (sscanf(line, "txn %u %u %55s %55s", &n, &phase, a, b) == 4)
		return n == list_nr_txns ? list_add_txn() : -EINVAL;
	if (sscanf(line, "end %u %u %lu", &n, &phase, &end) == 3) {
		list_ended = true;
		/* Transaction 0 is not counted. */
		return n + 1 == list_nr_txns ? 0 : -EINVAL;
	}
	if (sscanf(line, "%7s %lx %lx %3s %3s", a, &first, &end, old, new) == 5)
		return list_add_change(a, first, end, old, new);
	return -EINVAL;
}

/* A part of the list's text. */
int list_write(const char *text, size_t length)
{
	size_t i;
	int err;

	for (i = 0; i < length; i++) {
		if (text[i] != '\n') {
			if (list_line_length == LIST_LINE - 1)
				return -E2BIG;
			list_line[list_line_length++] = text[i];
			continue;
		}
		list_line[list_line_length] = '\0';
		list_line_length = 0;
		err = list_read_line(list_line);
		if (err) {
			pr_err("pvmc_perm_bench: bad line: %s\n", list_line);
			return err;
		}
	}
	return 0;
}
