# SPDX-License-Identifier: GPL-2.0
# With the policy panic the kernel panics at a violation, says whose page it was,
# and the instruction has no effect.
#
# vm: --memory 1G --cpus 2 --add tools/vm/scenarios/facts:/lib/facts.sh
# module: pvmc_guarded
# panic: write to protected page .* of guarded: guarded page 0, stopped
# panic: Kernel panic - not syncing: pvmemcontrol: a protected page was touched
. /lib/ktap.sh
. /lib/facts.sh

plan 8
dir=/sys/kernel/debug/pvmc_guarded
client=/sys/kernel/pvmemcontrol/guarded

must 'load the core' modprobe pvmemcontrol_pci
must 'load the client' insmod /lib/test-modules/pvmc_guarded.ko
check 'a policy that there is not' eval "! echo mercy 2>/dev/null >$client/policy"
must 'the policy' eval "echo panic >$client/policy"
equal 'it is that' "$(cat $client/policy)" panic

# The parameter overrides it.
must 'all are to be reported' eval \
	'echo report >/sys/module/pvmemcontrol/parameters/violation'
check 'no panic' eval "echo 'process write' >$dir/run"
must 'each as its client says' eval \
	'echo client >/sys/module/pvmemcontrol/parameters/violation'
until_here
echo 'process write' >$dir/run
finish
