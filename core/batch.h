/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a batch is on its way to the VMM.
 */
#ifndef _PVMC_BATCH_H
#define _PVMC_BATCH_H

#include "core.h"

/**
 * struct pvmc_send - how far the sending of a batch has got
 * @batch: what is sent
 * @id: of the sending, for tracing; 0 where nobody looks
 * @piece: the most that one exit deals with, bytes
 * @done: bytes of the range that is next
 * @next: the range that is next
 * @single: the VMM does not take vectors after all
 * @refused: what follows on @done is not all in one region of RAM
 */
struct pvmc_send {
	struct pvmemcontrol_batch *batch;
	u64 id;
	u64 piece;
	u64 done;
	u32 next;
	bool single;
	bool refused;
};

/**
 * struct pvmc_vector - an exit with many ranges
 * @nr: entries
 * @succeeded: how many of them the VMM has dealt with
 * @result: what the VMM made of it
 * @err: where there was no answer, why; else 0
 * @bytes: of all entries
 * @ret: the answer
 * @call: the request
 * @id: for tracing; 0 where nobody looks
 * @ns: how long it took, where that is asked for
 */
struct pvmc_vector {
	u32 nr;
	u32 succeeded;
	enum pvmc_vector_result result;
	int err;
	u64 bytes;
	struct pvmemcontrol_vmm_ret ret;
	struct pvmemcontrol_vmm_call call;
	u64 id;
	u64 ns;
};

/* batch_send.c */
void pvmc_send_next(struct pvmc_send *send);

#endif /* _PVMC_BATCH_H */
