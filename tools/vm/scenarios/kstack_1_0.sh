# SPDX-License-Identifier: GPL-2.0
# Guarded stacks with a VMM of protocol 1.0, which takes one range at a time and
# does not tell of violations.
#
# vm: --memory 1G --cpus 2 --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --device version-minor=0
# module: pvmc_kstack_user
. /lib/ktap.sh
. /lib/facts.sh

dir=/sys/kernel/debug/pvmc_kstack_user
pool=/sys/kernel/debug/pvmemcontrol_kstack/pool
client=/sys/kernel/pvmemcontrol/kstack

must 'load the core' modprobe pvmemcontrol_pci
must 'load the consumer' modprobe pvmemcontrol_kstack
must 'load a driver that uses it' insmod /lib/test-modules/pvmc_kstack_user.ko

exits=$(cat $client/exits)
must 'have one' eval "echo 1 >$dir/stacks"
equal 'an exit for each guard, and one for the rest' \
	"$(($(cat $client/exits) - exits))" 103
equal 'the host has them' "$(host counter requests-mprotect-none)" 102
equal 'it protects a range for each' "$(host counter ranges)" 102
equal 'the page below one is forbidden' \
	"$(host vma $(($(head -n 1 $dir/stacks) - 4096)) 4096 |
		awk '{ print substr($3, 1, 3) }')" ---
run_tests 'a call' cat $dir/calls
must 'have many' eval "echo 100 >$dir/stacks && echo 0 >$dir/stacks"

idle()
{
	[ "$(value stacks_warm $pool)" = 0 ]
}
check 'they are given back' wait_for 10 idle
for at in $(head -n 10 $dir/stacks); do
	equal "nothing at $at" "$(host ram "$at" 16384)" 0
done

gone()
{
	echo 2 >/proc/sys/vm/drop_caches
	[ "$(value blocks $pool)" = 0 ]
}
exits=$(cat $client/exits)
check 'blocks go back when memory is short' wait_for 20 gone
equal 'nothing is protected' "$(host counter ranges)" 0
at_most 'one exit for each' "$(($(cat $client/exits) - exits))" 6

# It does not open them: they stay until it does.
must 'have some' eval "echo 10 >$dir/stacks && echo 0 >$dir/stacks"
must 'it refuses to open' eval "host set x-fault-codes $((1 << 12)) &&
	host set x-fault-mode errno"
refused()
{
	gone
	[ "$(value open_failed $pool)" -gt 0 ]
}
check 'that is counted' wait_for 20 refused
equal 'the block is kept' "$(value blocks $pool)" 1
equal 'with its guards' "$(host counter ranges)" 102
must 'it does again' host set x-fault-mode none
check 'the block goes back' wait_for 20 gone
equal 'nothing is protected any more' "$(host counter ranges)" 0

# It does not guard: no stack.
must 'it refuses to guard' eval "host set x-fault-codes $((1 << 9)) &&
	host set x-fault-mode errno"
check 'no stack' eval "! echo 10 2>/dev/null >$dir/stacks"
equal 'no block' "$(value blocks $pool)" 0
must 'it guards again' host set x-fault-mode none
check 'there are stacks' eval "echo 10 >$dir/stacks"
check 'unload the driver' rmmod pvmc_kstack_user
check 'unload the consumer' rmmod pvmemcontrol_kstack
check 'unload the transport' rmmod pvmemcontrol_pci
finish
