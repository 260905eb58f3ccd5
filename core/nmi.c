// SPDX-License-Identifier: GPL-2.0
/*
 * Where the VMM's NMI arrives.
 */
#include <asm/nmi.h>

#include "core.h"

/*
 * How many, as the kernel has it: several may come with one NMI, and then it
 * expects one that comes for nothing.
 */
static int pvmc_nmi(unsigned int type, struct pt_regs *regs)
{
	return pvmc_violations(regs);
}

int __init pvmc_nmi_init(void)
{
	return register_nmi_handler(NMI_LOCAL, pvmc_nmi, 0, "pvmemcontrol");
}

void pvmc_nmi_exit(void)
{
	unregister_nmi_handler(NMI_LOCAL, "pvmemcontrol");
}
