// SPDX-License-Identifier: GPL-2.0
#include <linux/pvmemcontrol.h>
#include <string.h>

#include "operation.h"
#include "size.h"

static const struct operation operations[] = {
	{ "dontneed", PVMEMCONTROL_DONTNEED, 0, EFFECT_LOSES, 0 },
	{ "remove", PVMEMCONTROL_REMOVE, 0, EFFECT_LOSES, 0 },
	{ "free", PVMEMCONTROL_FREE, 0, EFFECT_LOSES, 0 },
	{ "pageout", PVMEMCONTROL_PAGEOUT, 0, EFFECT_NONE, 0 },
	{ "dontdump", PVMEMCONTROL_DONTDUMP, 0, EFFECT_NONE, 0 },
	{ "name", PVMEMCONTROL_SET_VMA_ANON_NAME, 0, EFFECT_NONE, 0 },
	{ "mlock", PVMEMCONTROL_MLOCK, 0, EFFECT_NONE, 0 },
	{ "munlock", PVMEMCONTROL_MUNLOCK, 0, EFFECT_NONE, 0 },
	{ "mergeable", PVMEMCONTROL_MERGEABLE, 0, EFFECT_NONE, 0 },
	{ "unmergeable", PVMEMCONTROL_UNMERGEABLE, 0, EFFECT_NONE, 0 },
	{ "guard", PVMEMCONTROL_GUARD, 0, EFFECT_LOSES,
	  PVMEMCONTROL_FEATURE_GUARD },
	{ "unguard", PVMEMCONTROL_UNGUARD, 0, EFFECT_OPENS,
	  PVMEMCONTROL_FEATURE_GUARD },
	{ "protect none", PVMEMCONTROL_MPROTECT_NONE, 0, EFFECT_CLOSES, 0 },
	{ "protect r", PVMEMCONTROL_MPROTECT_R, 0, EFFECT_CLOSES, 0 },
	{ "protect w", PVMEMCONTROL_MPROTECT_W, 0, EFFECT_CLOSES, 0 },
	{ "protect rw", PVMEMCONTROL_MPROTECT_RW, 0, EFFECT_OPENS, 0 },
};

static bool is_called(const struct operation *operation, const char *name,
		      const char *argument)
{
	size_t length = strlen(name);

	if (strncmp(operation->name, name, length))
		return false;
	if (!operation->name[length])
		return true;
	return operation->name[length] == ' ' && argument &&
	       !strcmp(operation->name + length + 1, argument);
}

bool operation_find(struct operation *found, const char *name,
		    const char *argument)
{
	for (unsigned int i = 0; i < sizeof(operations) / sizeof(operations[0]);
	     i++) {
		if (!is_called(&operations[i], name, argument))
			continue;
		*found = operations[i];
		if (found->func != PVMEMCONTROL_SET_VMA_ANON_NAME)
			return true;
		/* 0 is how the VMM is told to take the name away. */
		return argument && (!strcmp(argument, "none") ||
				    (parse_number(argument, &found->arg) &&
				     found->arg));
	}
	return false;
}

/* Others' pages matter to what they could notice. */
static bool harmless(const struct operation *operation)
{
	return operation->effect == EFFECT_NONE ||
	       operation->effect == EFFECT_OPENS;
}

bool operation_takes(const struct operation *operation,
		     const struct options *options, enum page_kind kind)
{
	switch (kind) {
	case PAGE_OWN:
		return true;
	case PAGE_SHARED:
	case PAGE_FILE:
		return options->shared == SHARED_INCLUDE ||
		       (options->shared == SHARED_REFUSE && harmless(operation));
	default:
		return false;
	}
}

bool operation_needs_force(const struct operation *operation, bool phys,
			   const char **why)
{
	/* Its own process's, or whoever's memory that is: the kernel's perhaps. */
	switch (operation->effect) {
	case EFFECT_LOSES:
		*why = "the process loses what is in it";
		if (phys)
			*why = "whoever uses this memory loses what is in it";
		return true;
	case EFFECT_CLOSES:
		*why = "an access of the process stops the guest or makes it panic";
		if (phys)
			*why = "an access by whoever stops the guest or makes it panic";
		return true;
	case EFFECT_OPENS:
		*why = "it undoes what the kernel has protected or guarded there";
		return phys;
	default:
		return false;
	}
}
