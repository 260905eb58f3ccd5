/*
 * pvmemcontrol: violations under TCG
 *
 * The fault is at an instruction of the host; here is found out what the guest
 * was doing.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "cpu.h"
#include "exec/exec-all.h"
#include "pvmemcontrol-internal.h"
#include "trace.h"
#ifdef CONFIG_TCG
#include "tcg/tcg.h"
#endif

bool pvmemcontrol_raise_nmi(CPUState *cpu)
{
#ifdef TARGET_I386
    cpu_interrupt(cpu, CPU_INTERRUPT_NMI);
    return true;
#else
    return false;
#endif
}

#ifdef CONFIG_TCG
/* -- What the guest was doing -------------------------------------------- */

static bool nmi_is_masked(CPUState *cpu)
{
#ifdef TARGET_I386
    uint32_t hflags2 = X86_CPU(cpu)->env.hflags2;

    /* Between CLGI and STGI none comes, either. */
    return hflags2 & HF2_NMI_MASK || !(hflags2 & HF2_GIF_MASK);
#else
    return false;
#endif
}

static bool in_translated_code(uintptr_t host_pc)
{
    return in_code_gen_buffer((const void *)(host_pc - tcg_splitwx_diff)) &&
           tcg_tb_lookup(host_pc);
}

static uint64_t guest_ip(CPUState *cpu)
{
    CPUArchState *env = cpu->env_ptr;
    target_ulong pc, cs_base;
    uint32_t flags;

    cpu_get_tb_cpu_state(env, &pc, &cs_base, &flags);
    return pc;
}

/*
 * Fills in where and what, and says where to restore the guest's state from;
 * MEMORY_GUARD_FETCH if it is right as it is.  Returns false if no instruction
 * of the guest wanted this access.
 */
static bool find_instruction(uintptr_t host_pc, bool is_write,
                             MemoryViolation *v, uintptr_t *retaddr)
{
    *retaddr = memory_guard_retaddr;
    if (!*retaddr) {
        if (!in_translated_code(host_pc)) {
            return false;
        }
        /* As if the access were a call, and this the address after it */
        *retaddr = host_pc + GETPC_ADJ;
    } else {
        is_write |= memory_guard_store;
    }
    v->access = *retaddr == MEMORY_GUARD_FETCH ? MEMORY_VIOLATION_FETCH :
                is_write ? MEMORY_VIOLATION_WRITE : MEMORY_VIOLATION_READ;
    return true;
}

static bool host_to_gpa(void *host, hwaddr *gpa)
{
    PVMemcontrolState *s = pvmemcontrol_first_device();

    RCU_READ_LOCK_GUARD();
    return s && pvmemcontrol_ram_gpa(s, host, gpa);
}

bool pvmemcontrol_tcg_fault(uintptr_t host_pc, void *host, bool is_write)
{
    CPUState *cpu = current_cpu;
    MemoryViolation v = { .has_gpa = true, .stopped = true };
    MemoryViolationVerdict verdict;
    uint32_t can_do_io = cpu->can_do_io;
    uintptr_t helper = memory_guard_retaddr;
    uintptr_t retaddr;

    if (!find_instruction(host_pc, is_write, &v, &retaddr) ||
        !host_to_gpa(host, &v.gpa)) {
        pvmemcontrol_count_own_access(host, is_write, 1);
        return true;
    }

    v.nmi_masked = nmi_is_masked(cpu);
    /* To be told from outside of the instruction, or it goes on as it was. */
    memory_guard_retaddr = 0;
    /* The block ends here: so an interrupt may be raised with icount, too. */
    cpu->can_do_io = 1;
    if (v.nmi_masked && pvmemcontrol_lets_through_in_nmi()) {
        verdict = memory_guard_violation(cpu, &v, true);
        if (verdict == MEMORY_VIOLATION_LET_THROUGH) {
            memory_guard_retaddr = helper;
            cpu->can_do_io = can_do_io;
            return false;
        }
    } else {
        if (retaddr != MEMORY_GUARD_FETCH) {
            cpu_restore_state(cpu, retaddr);
        }
        v.has_ip = true;
        v.ip = guest_ip(cpu);
        memory_guard_violation(cpu, &v, false);
        retaddr = MEMORY_GUARD_FETCH;
    }
    cpu->exception_index = -1;
    cpu_loop_exit_restore(cpu, retaddr == MEMORY_GUARD_FETCH ? 0 : retaddr);
}

void pvmemcontrol_tcg_forget(RAMBlock *block, ram_addr_t offset, hwaddr len)
{
    if (tcg_enabled()) {
        offset += qemu_ram_get_offset(block);
        tb_invalidate_phys_range(offset, offset + len);
    }
}
#else
void pvmemcontrol_tcg_forget(RAMBlock *block, ram_addr_t offset, hwaddr len)
{
}

bool pvmemcontrol_tcg_fault(uintptr_t host_pc, void *host, bool is_write)
{
    g_assert_not_reached();
}
#endif
