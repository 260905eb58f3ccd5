// SPDX-License-Identifier: GPL-2.0
/*
 * What can be seen of calls, batches and tables, compared with what is known of
 * them: each call has two events with one number, and nothing is missing when
 * the VMM refuses, lies or is silent.
 */
#include <linux/err.h>
#include <linux/mem_table.h>
#include <linux/slab.h>
#include <linux/tracepoint.h>

#include "batch_fixture.h"

#include <trace/events/pvmemcontrol.h>

#define SEEN_MAX	64

struct seen_call {
	u64 id;
	u64 batch;
	u64 start;
	u64 length;
	u64 done;
	u32 func;
	u32 exits;
	u32 entries;
	u32 entries_failed;
	u64 entry_bytes;
	int error;
	int begun;
	int ended;
};

struct seen_batch {
	u64 id, added, ranges, exits, errors;
};

/* What the events said since trace_begin(), of the client "test" alone. */
static struct {
	struct seen_call call[SEEN_MAX];
	unsigned int calls;
	struct seen_batch batch[SEEN_MAX];
	unsigned int batches;
	unsigned int strays;
	unsigned int no_answers;
	int interrupting_call;
	unsigned int restores;
	unsigned int splits[MEM_TABLE_LEVELS];
	unsigned int merges[MEM_TABLE_LEVELS];
	u64 split_pfn;
	u32 split_index;
} seen;

/* Makes a call as soon as it is known that another has no answer, or NULL. */
static struct pvmemcontrol_client *seen_interrupt;

static struct seen_call *seen_find(u64 id)
{
	unsigned int i;

	for (i = 0; i < seen.calls; i++)
		if (seen.call[i].id == id)
			return &seen.call[i];
	return NULL;
}

static void see_enter(void *unused, const char *client, u64 id, u64 batch,
		      u32 func, u64 start, u64 length, u64 arg)
{
	struct seen_call *call;

	if (strcmp(client, "test"))
		return;
	if (seen.calls == SEEN_MAX || !id || seen_find(id)) {
		seen.strays++;
		return;
	}
	call = &seen.call[seen.calls++];
	call->id = id;
	call->batch = batch;
	call->func = func;
	call->start = start;
	call->length = length;
	call->begun++;
}

static void see_exit(void *unused, const char *client, u64 id, u32 func,
		     u64 start, u64 length, u64 done, u32 exits, int error,
		     u64 ns)
{
	struct seen_call *call = seen_find(id);

	if (strcmp(client, "test"))
		return;
	if (!call || call->func != func || call->start != start ||
	    call->length != length) {
		seen.strays++;
		return;
	}
	call->done = done;
	call->exits = exits;
	call->error = error;
	call->ended++;
}

static void see_entry(void *unused, const char *client, u64 id, u32 func,
		      u64 start, u64 length, int error)
{
	struct seen_call *call = seen_find(id);

	if (!call || call->func != PVMEMCONTROL_VECTOR || call->ended) {
		seen.strays++;
		return;
	}
	call->entries++;
	call->entries_failed += !!error;
	if (!error)
		call->entry_bytes += length;
}

static void see_batch(void *unused, const char *client, u64 id, u64 added,
		      u64 ranges, u64 exits, u64 errors)
{
	if (strcmp(client, "test"))
		return;
	if (seen.batches == SEEN_MAX) {
		seen.strays++;
		return;
	}
	seen.batch[seen.batches++] = (struct seen_batch) {
		id, added, ranges, exits, errors
	};
}

static void see_no_answer(void *unused, u32 device, u32 func, u64 start,
			  u64 length)
{
	seen.no_answers++;
	if (seen_interrupt)
		seen.interrupting_call = pvmemcontrol_ping(seen_interrupt);
}

static void see_restore(void *unused, u32 device, const char *client)
{
	seen.restores += !strcmp(client, "test");
}

static void see_split(void *unused, const void *table, u32 level, u32 index,
		      u64 pfn)
{
	seen.splits[level]++;
	seen.split_pfn = pfn;
	seen.split_index = index;
}

static void see_merge(void *unused, const void *table, u32 level, u32 index,
		      u64 pfn)
{
	seen.merges[level]++;
}

static void trace_end(void)
{
	unregister_trace_pvmemcontrol_call_enter(see_enter, NULL);
	unregister_trace_pvmemcontrol_call_exit(see_exit, NULL);
	unregister_trace_pvmemcontrol_vector_entry(see_entry, NULL);
	unregister_trace_pvmemcontrol_batch(see_batch, NULL);
	unregister_trace_pvmemcontrol_no_answer(see_no_answer, NULL);
	unregister_trace_pvmemcontrol_restore(see_restore, NULL);
	unregister_trace_pvmemcontrol_mem_table_split(see_split, NULL);
	unregister_trace_pvmemcontrol_mem_table_merge(see_merge, NULL);
	tracepoint_synchronize_unregister();
}

static int trace_begin(void)
{
	int err;

	memset(&seen, 0, sizeof(seen));
	err = register_trace_pvmemcontrol_call_enter(see_enter, NULL);
	err = err ?: register_trace_pvmemcontrol_call_exit(see_exit, NULL);
	err = err ?: register_trace_pvmemcontrol_vector_entry(see_entry, NULL);
	err = err ?: register_trace_pvmemcontrol_batch(see_batch, NULL);
	err = err ?: register_trace_pvmemcontrol_no_answer(see_no_answer,
							   NULL);
	err = err ?: register_trace_pvmemcontrol_restore(see_restore, NULL);
	err = err ?: register_trace_pvmemcontrol_mem_table_split(see_split,
								 NULL);
	err = err ?: register_trace_pvmemcontrol_mem_table_merge(see_merge,
								 NULL);
	return err;
}

static int trace_init(struct kunit *test)
{
	int err = batch_init(test);

	if (err)
		return err;
	batch_plug(test, false);
	return trace_begin();
}

static void trace_exit(struct kunit *test)
{
	trace_end();
	batch_exit(test);
}

/* What all of them have in common, and the client's counters. */
static void expect_complete(struct kunit *test)
{
	struct batch_fixture *f = test->priv;
	struct pvmc_client_counters __percpu *counters = f->client.counters;
	u64 exits = 0, errors = 0, calls = 0;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, 0U, seen.strays);
	for (i = 0; i < seen.calls; i++) {
		const struct seen_call *call = &seen.call[i];

		KUNIT_EXPECT_EQ(test, 1, call->begun);
		KUNIT_EXPECT_EQ(test, 1, call->ended);
		exits += call->exits;
		/* A vector that had no buffer was not made. */
		if (call->func == PVMEMCONTROL_VECTOR && !call->exits)
			continue;
		calls++;
		errors += !!call->error;
	}
	KUNIT_EXPECT_EQ(test, fake_client_sum(&counters->calls), calls);
	KUNIT_EXPECT_EQ(test, fake_client_sum(&counters->exits), exits);
	KUNIT_EXPECT_EQ(test, fake_client_sum(&counters->errors), errors);
	KUNIT_EXPECT_EQ(test, fake_client_sum(&f->dev->cpu->counters.no_answers),
			(u64)seen.no_answers);
}

static void trace_call(struct kunit *test)
{
	struct batch_fixture *f = test->priv;
	const struct seen_call *call = seen.call;

	KUNIT_ASSERT_EQ(test, 0, pvmemcontrol_dontneed(&f->client, SZ_1G,
						       SZ_256M));
	KUNIT_ASSERT_EQ(test, 1U, seen.calls);
	KUNIT_EXPECT_EQ(test, (u32)PVMEMCONTROL_DONTNEED, call->func);
	KUNIT_EXPECT_EQ(test, 0ULL, call->batch);
	KUNIT_EXPECT_EQ(test, (u64)SZ_1G, call->start);
	KUNIT_EXPECT_EQ(test, (u64)SZ_256M, call->length);
	KUNIT_EXPECT_EQ(test, (u64)SZ_256M, call->done);
	KUNIT_EXPECT_EQ(test, 2U, call->exits);
	KUNIT_EXPECT_EQ(test, 0, call->error);
	expect_complete(test);
}

/* Those for which there is no exit at all. */
static void trace_call_not_sent(struct kunit *test)
{
	struct batch_fixture *f = test->priv;

	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			pvmemcontrol_call(&f->client, 77, 0, PAGE_SIZE, 0,
					  NULL));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			pvmemcontrol_dontneed(&f->client, 1, PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			pvmemcontrol_dontneed(&f->client, 0, 0));
	KUNIT_ASSERT_EQ(test, 3U, seen.calls);
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, seen.call[0].error);
	KUNIT_EXPECT_EQ(test, -EINVAL, seen.call[1].error);
	KUNIT_EXPECT_EQ(test, -EINVAL, seen.call[2].error);
	KUNIT_EXPECT_EQ(test, 0U, seen.call[0].exits);
	KUNIT_EXPECT_EQ(test, 0U, seen.call[1].exits);
	expect_complete(test);
}

static void trace_fault_once(struct kunit *test, enum fake_fault fault)
{
	struct batch_fixture *f = test->priv;
	int i, err[3];

	batch_plug(test, false);
	trace_end();
	KUNIT_ASSERT_EQ(test, 0, trace_begin());
	fake_client_del(test, &f->client);
	fake_client_add(test, &f->client);
	fake_vmm_fault(f->vmm, fault, EBUSY, 1, 1);
	for (i = 0; i < 3; i++)
		err[i] = pvmemcontrol_dontneed(&f->client, SPACE_START,
					       PAGE_SIZE);

	KUNIT_ASSERT_EQ(test, 3U, seen.calls);
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ_MSG(test, err[i], seen.call[i].error, "%s, %d",
				    fake_fault_names[fault], i);
		KUNIT_EXPECT_EQ(test, err[i] ? 0ULL : PAGE_SIZE,
				seen.call[i].done);
	}
	expect_complete(test);
	fake_vmm_unplug(test, f->dev);
}

/* Whatever the VMM does, or if the device is gone. */
static void trace_fault(struct kunit *test)
{
	struct batch_fixture *f = test->priv;
	int fault;

	fake_vmm_unplug(test, f->dev);
	for (fault = 0; fault < NR_FAKE_FAULTS; fault++)
		trace_fault_once(test, fault);
	batch_plug(test, false);
}

static void batch_once(struct kunit *test)
{
	struct batch_fixture *f = test->priv;
	unsigned int i;

	batch_begin(f, GFP_KERNEL);
	/* Twelve that become six. */
	for (i = 0; i < 6; i++) {
		batch_add(test, PVMEMCONTROL_MPROTECT_R, i * 4, 1);
		batch_add(test, PVMEMCONTROL_MPROTECT_R, i * 4 + 1, 1);
	}
	pvmemcontrol_batch_finish(&f->batch);
}

static void expect_batch(struct kunit *test)
{
	struct batch_fixture *f = test->priv;
	const struct seen_batch *batch = seen.batch;
	u64 exits = 0;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, 1U, seen.batches);
	KUNIT_EXPECT_NE(test, 0ULL, batch->id);
	KUNIT_EXPECT_EQ(test, 12ULL, batch->added);
	KUNIT_EXPECT_EQ(test, 6ULL, batch->ranges);
	KUNIT_EXPECT_EQ(test, f->batch.exits, batch->exits);
	KUNIT_EXPECT_EQ(test, f->batch.errors, batch->errors);
	for (i = 0; i < seen.calls; i++) {
		KUNIT_EXPECT_EQ(test, batch->id, seen.call[i].batch);
		exits += seen.call[i].exits;
	}
	KUNIT_EXPECT_EQ(test, batch->exits, exits);
	expect_complete(test);
}

static void trace_batch(struct kunit *test)
{
	batch_once(test);
	expect_batch(test);
	KUNIT_EXPECT_EQ(test, 6ULL, seen.batch[0].exits);
	KUNIT_EXPECT_EQ(test, 6U, seen.calls);
}

static void trace_vector(struct kunit *test)
{
	struct batch_fixture *f = test->priv;
	const struct seen_call *call = seen.call;

	fake_vmm_unplug(test, f->dev);
	batch_plug(test, true);
	batch_once(test);
	expect_batch(test);
	KUNIT_ASSERT_EQ(test, 1U, seen.calls);
	KUNIT_EXPECT_EQ(test, (u32)PVMEMCONTROL_VECTOR, call->func);
	KUNIT_EXPECT_EQ(test, 6ULL, call->length);
	KUNIT_EXPECT_EQ(test, 6U, call->entries);
	KUNIT_EXPECT_EQ(test, 0U, call->entries_failed);
	KUNIT_EXPECT_EQ(test, 12 * PAGE_SIZE, (unsigned long)call->entry_bytes);
	KUNIT_EXPECT_EQ(test, call->entry_bytes, call->done);
}

/* The third entry fails: those after it are in the next vector. */
static void trace_vector_entry_fails(struct kunit *test)
{
	struct batch_fixture *f = test->priv;

	fake_vmm_unplug(test, f->dev);
	batch_plug(test, true);
	f->vmm->fault_entries = true;
	fake_vmm_fault(f->vmm, FAKE_FAULT_ERRNO, EBUSY, 2, 1);
	batch_once(test);
	expect_batch(test);
	KUNIT_ASSERT_EQ(test, 2U, seen.calls);
	KUNIT_EXPECT_EQ(test, -EBUSY, seen.call[0].error);
	KUNIT_EXPECT_EQ(test, 3U, seen.call[0].entries);
	KUNIT_EXPECT_EQ(test, 1U, seen.call[0].entries_failed);
	KUNIT_EXPECT_EQ(test, 0, seen.call[1].error);
	KUNIT_EXPECT_EQ(test, 3U, seen.call[1].entries);
	KUNIT_EXPECT_EQ(test, 1ULL, seen.batch[0].errors);
}

static void trace_vector_silent(struct kunit *test)
{
	struct batch_fixture *f = test->priv;

	fake_vmm_unplug(test, f->dev);
	batch_plug(test, true);
	fake_vmm_fault(f->vmm, FAKE_FAULT_SILENT, 0, 0, 1);
	batch_once(test);
	expect_batch(test);
	KUNIT_ASSERT_EQ(test, 1U, seen.calls);
	KUNIT_EXPECT_EQ(test, -EIO, seen.call[0].error);
	KUNIT_EXPECT_EQ(test, 6U, seen.call[0].entries_failed);
	KUNIT_EXPECT_EQ(test, 1U, seen.no_answers);
	KUNIT_EXPECT_EQ(test, 6ULL, seen.batch[0].errors);
}

/*
 * Who interrupts a call that has no answer does not use its buffer: it might
 * take the answer that comes late for its own.
 */
static void trace_no_answer_interrupted(struct kunit *test)
{
	struct batch_fixture *f = test->priv;

	fake_vmm_fault(f->vmm, FAKE_FAULT_SILENT, 0, 0, 1);
	seen_interrupt = &f->client;
	KUNIT_EXPECT_EQ(test, -EIO, pvmemcontrol_ping(&f->client));
	seen_interrupt = NULL;
	KUNIT_EXPECT_EQ(test, 1U, seen.no_answers);
	KUNIT_EXPECT_EQ(test, -EIO, seen.interrupting_call);
	/* One when it was connected. */
	KUNIT_EXPECT_EQ(test, 2U, f->vmm->infos);
	KUNIT_EXPECT_TRUE(test, fake_wait_recovered(f->dev, 1));
}

/* A vector that is refused as such is a call, and its ranges others. */
static void trace_vector_refused(struct kunit *test)
{
	struct batch_fixture *f = test->priv;

	fake_vmm_unplug(test, f->dev);
	batch_plug(test, true);
	fake_vmm_fault(f->vmm, FAKE_FAULT_REFUSE, EBUSY, 0, 1);
	batch_once(test);
	expect_batch(test);
	KUNIT_ASSERT_EQ(test, 7U, seen.calls);
	KUNIT_EXPECT_EQ(test, -EINVAL, seen.call[0].error);
	KUNIT_EXPECT_EQ(test, 0U, seen.call[0].entries);
	KUNIT_EXPECT_EQ(test, 0ULL, seen.batch[0].errors);
}

static void nest_until_busy(struct fake_vmm *vmm,
			    const struct pvmemcontrol_vmm_call *call)
{
	struct batch_fixture *f = vmm->priv;

	if (++f->depth <= 3)
		pvmemcontrol_dontneed(&f->client, SPACE_START, PAGE_SIZE);
	f->depth--;
}

/*
 * Calls that interrupt each other, until there is no buffer for another one: as
 * if most were in use already, since with what tests add, all of them take more
 * stack than there is.
 */
static void trace_nested(struct kunit *test)
{
	struct batch_fixture *f = test->priv;
	unsigned int i, busy = 0;
	struct pvmc_cpu *cpu;

	f->vmm->on_kick = nest_until_busy;
	local_irq_disable();
	cpu = this_cpu_ptr(f->dev->cpu);
	cpu->depth += PVMC_LEVELS - 2;
	pvmemcontrol_dontneed(&f->client, SPACE_START, PAGE_SIZE);
	cpu->depth -= PVMC_LEVELS - 2;
	local_irq_enable();
	f->vmm->on_kick = NULL;
	expect_complete(test);
	for (i = 0; i < seen.calls; i++)
		busy += seen.call[i].error == -EBUSY;
	KUNIT_EXPECT_EQ(test, 1U, busy);
	KUNIT_EXPECT_EQ(test, 3U, seen.calls);
}

static void trace_restored(struct pvmemcontrol_client *client)
{
}

static const struct pvmemcontrol_client_ops restored_ops = {
	.restore = trace_restored,
};

static void trace_restore(struct kunit *test)
{
	struct batch_fixture *f = test->priv;
	unsigned long recoveries = f->dev->recoveries;

	fake_client_del(test, &f->client);
	f->client.ops = &restored_ops;
	fake_client_add(test, &f->client);
	fake_vmm_fault(f->vmm, FAKE_FAULT_FORGET, 0, 0, 1);
	KUNIT_EXPECT_EQ(test, -EIO, pvmemcontrol_dontneed(&f->client, SZ_1G,
							  PAGE_SIZE));
	KUNIT_ASSERT_TRUE(test, fake_wait_recovered(f->dev, recoveries + 1));
	KUNIT_EXPECT_EQ(test, 1U, seen.restores);
	KUNIT_EXPECT_EQ(test, 1U, seen.no_answers);
	expect_complete(test);
}

static void trace_mem_table(struct kunit *test)
{
	static struct mem_table table;
	const unsigned long pages = MEM_TABLE_ENTRIES;

	mem_table_init(&table, 0, NULL);
	KUNIT_ASSERT_EQ(test, 0, mem_table_store(&table, 0, pages * pages, 1,
						 GFP_KERNEL));
	memset(seen.splits, 0, sizeof(seen.splits));
	memset(seen.merges, 0, sizeof(seen.merges));
	/* One page of an entry of 512, and back. */
	KUNIT_ASSERT_EQ(test, 0, mem_table_store(&table, 5 * pages + 7, 1, 2,
						 GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, 1U, seen.splits[1]);
	KUNIT_EXPECT_EQ(test, 5U, seen.split_index);
	KUNIT_EXPECT_EQ(test, 5ULL * pages, seen.split_pfn);
	KUNIT_EXPECT_EQ(test, 0U, seen.merges[1]);
	KUNIT_ASSERT_EQ(test, 0, mem_table_store(&table, 5 * pages + 7, 1, 1,
						 GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, 1U, seen.merges[1]);
	/* And replaced as a whole. */
	KUNIT_ASSERT_EQ(test, 0, mem_table_store(&table, 5 * pages + 7, 1, 2,
						 GFP_KERNEL));
	KUNIT_ASSERT_EQ(test, 0, mem_table_store(&table, 0, pages * pages, 3,
						 GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, seen.splits[1], seen.merges[1]);
	KUNIT_EXPECT_EQ(test, 0U, seen.strays);
	mem_table_destroy(&table);
}

static struct kunit_case trace_cases[] = {
	KUNIT_CASE(trace_call),
	KUNIT_CASE(trace_call_not_sent),
	KUNIT_CASE(trace_fault),
	KUNIT_CASE(trace_batch),
	KUNIT_CASE(trace_vector),
	KUNIT_CASE(trace_vector_entry_fails),
	KUNIT_CASE(trace_vector_silent),
	KUNIT_CASE(trace_no_answer_interrupted),
	KUNIT_CASE(trace_vector_refused),
	KUNIT_CASE(trace_nested),
	KUNIT_CASE(trace_restore),
	KUNIT_CASE(trace_mem_table),
	{}
};

static struct kunit_suite trace_suite = {
	.name = "pvmc_trace",
	.init = trace_init,
	.exit = trace_exit,
	.test_cases = trace_cases,
};
kunit_test_suite(trace_suite);

MODULE_LICENSE("GPL");
