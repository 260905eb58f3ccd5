# SPDX-License-Identifier: GPL-2.0
# Who overflows a guarded stack is stopped before the neighbour changes, and the
# kernel panics, having said whose stack it is and who called: here in a softirq.
#
# vm: --memory 1G --cpus 2 --add tools/vm/scenarios/facts:/lib/facts.sh
# module: pvmc_kstack_user
# tier: kvm-6.12 kernels
# panic: guard of 16 KiB stack: deep recursion, of user_overflow
# panic: dive_down\+0x.* \[pvmc_kstack_user\]
# panic: [1-9][0-9]* more of it
# panic: pvmc_kstack_switch\+0x
# panic: tasklet_action_common
# panic: write to protected page .* of kstack: guard of 16 KiB stack.*stopped:
# panic: Kernel panic - not syncing: pvmemcontrol: a protected page was touched
# panic: pvmc_kstack_user: at the panic the neighbour is as it was
. /lib/ktap.sh
. /lib/facts.sh

plan 4
must 'load the core' modprobe pvmemcontrol_pci
must 'load the consumer' modprobe pvmemcontrol_kstack
must 'load a driver that uses it' insmod /lib/test-modules/pvmc_kstack_user.ko
equal 'the policy' "$(cat /sys/kernel/pvmemcontrol/kstack/policy)" panic
until_here
echo softirq >/sys/kernel/debug/pvmc_kstack_user/overflow
finish
