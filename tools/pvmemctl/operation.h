/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The functions that can be asked for, and what is to be thought of before.
 */
#ifndef PVMEMCTL_OPERATION_H
#define PVMEMCTL_OPERATION_H

#include <stdbool.h>
#include <stdint.h>

#include "options.h"
#include "pagemap.h"

/**
 * enum effect - what an operation may do to who uses the memory
 * @EFFECT_NONE: nothing
 * @EFFECT_LOSES: the content may be gone
 * @EFFECT_CLOSES: the next access is forbidden
 * @EFFECT_OPENS: what somebody has protected is not any more
 */
enum effect {
	EFFECT_NONE,
	EFFECT_LOSES,
	EFFECT_CLOSES,
	EFFECT_OPENS,
};

/**
 * struct operation - a function and its argument
 * @name: in messages
 * @func: PVMEMCONTROL_...
 * @arg: of the request
 * @effect: on others
 * @feature: PVMEMCONTROL_FEATURE_... that the VMM must have, or 0
 */
struct operation {
	const char *name;
	uint64_t func;
	uint64_t arg;
	enum effect effect;
	uint64_t feature;
};

/* Finds it by name, and by its argument where it has one; false if it is none. */
bool operation_find(struct operation *found, const char *name,
		    const char *argument);

/* Whether an operation is for pages of that kind, as the options say. */
bool operation_takes(const struct operation *operation,
		     const struct options *options, enum page_kind kind);

/* Whether it has to be forced; if it has, @why says for what reason. */
bool operation_needs_force(const struct operation *operation, bool phys,
			   const char **why);

#endif
