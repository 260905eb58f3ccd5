/* SPDX-License-Identifier: GPL-2.0 */
/* What touches memory, in touch.S, and where its instructions are. */
#ifndef PVMC_TOUCH_H
#define PVMC_TOUCH_H

#include <linux/types.h>

typedef u64 touch_fn(void *at, u64 value, u64 zero, u64 count);

touch_fn pvmc_touch_read, pvmc_touch_write, pvmc_touch_locked, pvmc_touch_copy;
touch_fn pvmc_touch_code, pvmc_touch_stack;
extern const char pvmc_touch_read_ip[], pvmc_touch_write_ip[];
extern const char pvmc_touch_locked_ip[], pvmc_touch_copy_ip[];

#endif /* PVMC_TOUCH_H */
