// SPDX-License-Identifier: GPL-2.0
/*
 * Tests what decides which pages are named to the VMM, and how numbers are
 * read.  Prints KTAP.
 *
 * Usage: test_units [SEED]
 *        test_units progress	draws a long operation's progress, no KTAP
 */
#include <inttypes.h>
#include <linux/pvmemcontrol.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "operation.h"
#include "pagemap.h"
#include "progress.h"
#include "ranges.h"
#include "rates.h"
#include "size.h"

#define NR(a)	(sizeof(a) / sizeof((a)[0]))

static unsigned int number, failures, failures_here;

#define EXPECT(condition) do {						\
	if (!(condition)) {						\
		printf("# line %d: %s\n", __LINE__, #condition);	\
		failures_here++;					\
	}								\
} while (0)

static void result(const char *name)
{
	printf("%s %u %s\n", failures_here ? "not ok" : "ok", ++number, name);
	failures += failures_here != 0;
	failures_here = 0;
}

/* --- numbers --------------------------------------------------------------- */

static void test_parse_size(void)
{
	static const struct {
		const char *text;
		uint64_t value;
	} good[] = {
		{ "0", 0 }, { "1", 1 }, { "010", 10 }, { "4096", 4096 },
		{ "0x1000", 4096 }, { "0X1f", 31 }, { "1K", 1024 },
		{ "1k", 1024 }, { "2M", 2 << 20 }, { "2MiB", 2 << 20 },
		{ "3g", 3ull << 30 }, { "1T", 1ull << 40 }, { "1P", 1ull << 50 },
		{ "15E", 15ull << 60 }, { "0x10K", 16384 },
		{ "18446744073709551615", UINT64_MAX },
		{ "0xffffffffffffffff", UINT64_MAX },
	};
	static const char *const bad[] = {
		"", " ", "-1", "+1", " 1", "1 ", "K", "0x", "0xg", "1KB", "1KK",
		"1Ki", "1.5M", "16E", "18446744073709551616", "1e3", "0x-1",
		"0x 1", "--", "1M2", "0x10000000000000000",
	};
	uint64_t value;

	for (unsigned int i = 0; i < NR(good); i++)
		if (!parse_size(good[i].text, &value) || value != good[i].value) {
			printf("# '%s'\n", good[i].text);
			failures_here++;
		}
	for (unsigned int i = 0; i < NR(bad); i++)
		if (parse_size(bad[i], &value)) {
			printf("# '%s' is taken for %" PRIu64 "\n", bad[i],
			       value);
			failures_here++;
		}
	EXPECT(!parse_number("1K", &value));
	EXPECT(parse_number("12", &value) && value == 12);
	result("sizes are read");
}

static void test_parse_seconds(void)
{
	uint64_t ms;

	EXPECT(parse_seconds("1", &ms) && ms == 1000);
	EXPECT(parse_seconds("0.5", &ms) && ms == 500);
	EXPECT(parse_seconds("2.125", &ms) && ms == 2125);
	EXPECT(parse_seconds("3.", &ms) && ms == 3000);
	EXPECT(!parse_seconds("", &ms) && !parse_seconds(".5", &ms));
	EXPECT(!parse_seconds("0", &ms) && !parse_seconds("0.000", &ms));
	EXPECT(!parse_seconds("-1", &ms) && !parse_seconds("1s", &ms));
	EXPECT(!parse_seconds("99999999999999999999", &ms));
	EXPECT(parse_seconds("0.1234", &ms) && ms == 123);
	EXPECT(parse_seconds("1.00099999999999999999999", &ms) && ms == 1000);
	EXPECT(!parse_seconds("0.0009", &ms) && !parse_seconds("0.1234s", &ms));
	EXPECT(!parse_seconds("0.1.2", &ms));
	result("seconds are read");
}

static void test_format_size(void)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {
		{ 0, "0" }, { 999, "999" }, { 1000, "1.0K" }, { 1024, "1.0K" },
		{ 4096, "4.0K" }, { 10240, "10K" }, { 1023 << 10, "1.0M" },
		{ 1 << 20, "1.0M" }, { 3ull << 30, "3.0G" },
		{ UINT64_MAX, "16E" },
	};
	char text[SIZE_TEXT];

	for (unsigned int i = 0; i < NR(cases); i++)
		if (strcmp(format_size(text, cases[i].bytes), cases[i].text)) {
			printf("# %" PRIu64 " is written '%s'\n",
			       cases[i].bytes, text);
			failures_here++;
		}
	result("sizes are written");
}

/* --- ranges ------------------------------------------------------------------ */

static void test_ranges_edges(void)
{
	struct ranges set = {};

	ranges_coalesce(&set);
	EXPECT(!set.nr && !ranges_trim(&set, 4096) && !ranges_bytes(&set));
	EXPECT(ranges_add(&set, 0x5000, 0) && !set.nr);

	/* Up to the very end of the address space, whose end wraps to 0. */
	EXPECT(ranges_add(&set, -0x1000ull, 0x1000));
	EXPECT(ranges_add(&set, 0, 0x1000));
	EXPECT(ranges_add(&set, -0x2000ull, 0x1000));
	ranges_coalesce(&set);
	EXPECT(set.nr == 2 && !set.item[0].start);
	EXPECT(set.item[0].length == 0x1000);
	EXPECT(set.item[1].start == -0x2000ull && set.item[1].length == 0x2000);
	EXPECT(ranges_bytes(&set) == 0x3000);
	ranges_clear(&set);

	EXPECT(ranges_add(&set, 0x11000, 0xf000));
	EXPECT(ranges_add(&set, 0x30000, 0x2000));
	EXPECT(ranges_add(&set, 0x3f000, 0x12000));
	ranges_coalesce(&set);
	EXPECT(ranges_trim(&set, 0x10000) == 0xf000 + 0x2000 + 0x2000);
	EXPECT(set.nr == 1 && set.item[0].start == 0x40000 &&
	       set.item[0].length == 0x10000);
	ranges_free(&set);
	EXPECT(!set.item && !set.nr && !set.room);
	result("ranges at the edges");
}

#define ORACLE_PAGES	512u

/* Adds at random, then compares with a map of pages, and looks for what is
 * not the fewest.
 */
static bool random_round(unsigned int round)
{
	uint64_t base = (uint64_t)(rand() % 4) << 40, lost, kept = 0;
	unsigned char map[ORACLE_PAGES] = {}, got[ORACLE_PAGES] = {};
	unsigned int adds = rand() % 60, unit = 1u << rand() % 5;
	struct ranges set = {};
	unsigned int bad = 0, all = 0;

	for (unsigned int i = 0; i < adds; i++) {
		unsigned int start = rand() % ORACLE_PAGES;
		unsigned int nr = rand() % (round % 2 ? 4 : 64);

		if (start + nr > ORACLE_PAGES)
			nr = ORACLE_PAGES - start;
		memset(map + start, 1, nr);
		if (!ranges_add(&set, base + start * 4096ull, nr * 4096ull))
			return false;
	}
	ranges_coalesce(&set);
	for (size_t i = 0; i < set.nr; i++) {
		const struct range *r = &set.item[i];

		bad += !r->length || r->start % 4096 || r->length % 4096;
		if (i)
			bad += r->start <= r[-1].start + r[-1].length;
		for (uint64_t at = r->start; at < r->start + r->length;
		     at += 4096)
			got[(at - base) / 4096] ^= 1;
	}
	bad += !!memcmp(map, got, sizeof(map));

	for (unsigned int i = 0; i < ORACLE_PAGES; i++)
		all += map[i];
	/* Whole units, each page of which is there. */
	for (unsigned int i = 0; i < ORACLE_PAGES; i += unit) {
		unsigned int there = 0;

		for (unsigned int j = i; j < i + unit; j++)
			there += map[j];
		kept += there == unit ? unit : 0;
	}
	lost = ranges_trim(&set, unit * 4096ull);
	bad += ranges_bytes(&set) != kept * 4096;
	bad += lost != (all - kept) * 4096ull;
	for (size_t i = 0; i < set.nr; i++)
		bad += set.item[i].start % (unit * 4096ull) ||
		       set.item[i].length % (unit * 4096ull);
	ranges_free(&set);
	return !bad;
}

static void test_ranges_random(unsigned int seed)
{
	unsigned int rounds = 20000;

	srand(seed);
	for (unsigned int i = 0; i < rounds; i++) {
		if (random_round(i))
			continue;
		printf("# round %u of seed %u\n", i, seed);
		failures_here++;
		break;
	}
	printf("# %u rounds with seed %u\n", rounds, seed);
	result("random ranges are those of a map of pages, and the fewest");
}

/* --- which pages --------------------------------------------------------------- */

static void test_page_kind(void)
{
	const uint64_t there = PAGEMAP_PRESENT | 0x1234;
	const uint64_t lru_anon = 1ull << 5 | 1ull << 12;

	EXPECT(page_kind(0, 0, 0) == PAGE_HOLE);
	EXPECT(page_kind(PAGEMAP_SWAPPED | 0x33, 0, 0) == PAGE_SWAPPED);
	EXPECT(page_kind(there, 1, lru_anon) == PAGE_OWN);
	EXPECT(page_kind(there, 2, lru_anon) == PAGE_SHARED);
	EXPECT(page_kind(there, 0, lru_anon) == PAGE_SHARED);
	EXPECT(page_kind(there, 1, lru_anon | KPAGE_KSM) == PAGE_SHARED);
	EXPECT(page_kind(there | PAGEMAP_FILE, 1, 0) == PAGE_FILE);
	EXPECT(page_kind(there, 1, KPAGE_ZERO) == PAGE_ZERO);
	EXPECT(page_kind(there, 0, KPAGE_NOPAGE) == PAGE_SPECIAL);
	EXPECT(page_kind(there, 1, lru_anon | KPAGE_HWPOISON) == PAGE_SPECIAL);
	result("kinds of pages");
}

static void test_operations(void)
{
	static const char *const each[] = {
		"dontneed", "remove", "free", "pageout", "dontdump", "mlock",
		"munlock", "mergeable", "unmergeable", "guard", "unguard",
	};
	struct operation o;

	for (unsigned int i = 0; i < NR(each); i++)
		EXPECT(operation_find(&o, each[i], NULL) &&
		       !strcmp(o.name, each[i]));
	EXPECT(operation_find(&o, "protect", "none") &&
	       o.func == PVMEMCONTROL_MPROTECT_NONE);
	EXPECT(operation_find(&o, "protect", "r") &&
	       o.func == PVMEMCONTROL_MPROTECT_R);
	EXPECT(operation_find(&o, "protect", "w") &&
	       o.func == PVMEMCONTROL_MPROTECT_W);
	EXPECT(operation_find(&o, "protect", "rw") &&
	       o.func == PVMEMCONTROL_MPROTECT_RW);
	EXPECT(operation_find(&o, "name", "7") && o.arg == 7);
	EXPECT(operation_find(&o, "name", "none") && !o.arg);
	EXPECT(!operation_find(&o, "name", "0"));
	EXPECT(!operation_find(&o, "name", "seven"));
	EXPECT(!operation_find(&o, "name", NULL));
	EXPECT(!operation_find(&o, "protect", "x"));
	EXPECT(!operation_find(&o, "protect", ""));
	EXPECT(!operation_find(&o, "protect", NULL));
	EXPECT(!operation_find(&o, "dont", NULL));
	result("operations are found");
}

/* What is not a process's own is lost to others only where that was said. */
static void test_safety(void)
{
	static const char *const lose[] = { "dontneed", "remove", "free", "guard" };
	struct options refuse = { .pid = 1 };
	struct options skip = { .pid = 1, .shared = SHARED_SKIP };
	struct options include = { .pid = 1, .shared = SHARED_INCLUDE };
	struct operation o;
	const char *why;

	for (unsigned int i = 0; i < NR(lose); i++) {
		EXPECT(operation_find(&o, lose[i], NULL));
		EXPECT(operation_needs_force(&o, false, &why));
		EXPECT(operation_needs_force(&o, true, &why));
		EXPECT(operation_takes(&o, &refuse, PAGE_OWN));
		for (int kind = PAGE_SHARED; kind < NR_PAGE_KINDS; kind++) {
			EXPECT(!operation_takes(&o, &refuse, kind));
			EXPECT(!operation_takes(&o, &skip, kind));
			EXPECT(operation_takes(&o, &include, kind) ==
			       (kind == PAGE_SHARED || kind == PAGE_FILE));
		}
	}
	EXPECT(operation_find(&o, "protect", "none"));
	EXPECT(operation_needs_force(&o, false, &why));
	EXPECT(!operation_takes(&o, &refuse, PAGE_SHARED));
	EXPECT(operation_find(&o, "protect", "rw"));
	EXPECT(!operation_needs_force(&o, false, &why));
	EXPECT(operation_needs_force(&o, true, &why));
	EXPECT(operation_find(&o, "mlock", NULL));
	EXPECT(!operation_needs_force(&o, true, &why));
	EXPECT(operation_takes(&o, &refuse, PAGE_SHARED));
	EXPECT(!operation_takes(&o, &skip, PAGE_FILE));
	EXPECT(!operation_takes(&o, &include, PAGE_ZERO));
	EXPECT(!operation_takes(&o, &include, PAGE_SPECIAL));
	EXPECT(!operation_takes(&o, &include, PAGE_HOLE));
	result("what destroys is for a process's own pages");
}

static void test_counters(void)
{
	struct client_info was = {
		.name = "a", .counter = { 10, 20 },
	};
	struct client_info is = {
		.name = "a", .counter = { 12, 3 },
	};
	struct client_info other = { .name = "b", .counter = { 4 } }, since;
	struct snapshot before = { .client = &was, .nr_clients = 1 };

	EXPECT(counter_since(5, 7) == 2 && counter_since(7, 5) == 5);
	client_since(&before, &is, &since);
	EXPECT(since.counter[0] == 2);
	EXPECT(since.counter[1] == 3);	/* it began anew */
	client_since(&before, &other, &since);
	EXPECT(since.counter[0] == 4);
	result("what was counted since");
}

/* 1 GiB in eight steps of 200 ms, and something that takes no time. */
static int show_progress(void)
{
	const struct timespec step = { .tv_nsec = 200 * 1000 * 1000 };

	progress_begin("dontneed", 1ull << 30);
	for (int i = 0; i < 8; i++) {
		nanosleep(&step, NULL);
		progress_add(1ull << 27);
	}
	progress_end();
	fputs("between\n", stderr);
	progress_begin("mlock", 4096);
	progress_add(4096);
	progress_end();
	fputs("end\n", stderr);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "progress"))
		return show_progress();
	puts("KTAP version 1\n1..9");
	test_parse_size();
	test_parse_seconds();
	test_format_size();
	test_ranges_edges();
	test_ranges_random(argc > 1 ? strtoul(argv[1], NULL, 0) : 1);
	test_page_kind();
	test_operations();
	test_safety();
	test_counters();
	return failures != 0;
}
