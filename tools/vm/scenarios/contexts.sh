# SPDX-License-Identifier: GPL-2.0
# Calls through the kernel API from every context, alone and interrupting each
# other; each gets its own answer, and the host sees as many as were made.
#
# vm: --memory 1G --cpus 2 --add tools/vm/scenarios/facts:/lib/facts.sh
# module: pvmc_contexts
. /lib/ktap.sh
. /lib/facts.sh

dir=/sys/kernel/debug/pvmc_contexts
# INFO, DONTDUMP, DONTNEED outside of RAM and of a page; what is refused
# without asking is not among them.
exits_per_round=4

result()
{
	value "$1" $dir/results
}

# run CONTEXT...: all of them together, what was counted before forgotten
run()
{
	echo 1 >$dir/clear
	before=$(host counter requests-total)
	for context; do
		echo "$context" >$dir/run || return 1
	done
}

# The number of rounds in all contexts, as the host has seen them.
host_agrees()
{
	tries=0
	for context in process irqsoff softirq hardirq nmi; do
		tries=$((tries + $(result tries.$context)))
	done
	equal "$1: the host has seen all calls" \
		$(($(host counter requests-total) - before)) \
		$((tries * exits_per_round))
}

good()
{
	equal "$1: $2 calls return what they must" "$(result "bad.$2")" 0
	[ "$(result "bad.$2")" = 0 ] || note "step $(result "bad_step.$2")"
}

# --- a client that is there before the device --------------------------------

must 'load the core alone' modprobe pvmemcontrol
must 'load the client' insmod /lib/test-modules/pvmc_contexts.ko
equal 'nothing to attach to yet' "$(result attached)" 0
must 'load the transport' modprobe pvmemcontrol_pci
equal 'the client is attached' "$(result attached)" 1
equal 'and not detached' "$(result detached)" 0

# --- each context by itself --------------------------------------------------

for context in process irqsoff softirq hardirq nmi; do
	check "$context" run $context
	equal "$context: rounds" "$(result tries.$context)" 200
	equal "$context: on both CPUs" "$(result cpus.$context)" 2
	good $context $context
	host_agrees $context
done

# An NMI as the host sends it; it comes to the first CPU.
check 'wait for an NMI' run arm
check 'the host sends it' host nmi
nmi_came()
{
	[ "$(result tries.nmi)" -ge 1 ]
}
check 'NMI from the host: it came' wait_for 20 nmi_came
good 'NMI from the host' nmi
host_agrees 'NMI from the host'

# --- all at once ---------------------------------------------------------------

check 'all CPUs at once' run allcpus
equal 'all CPUs at once: both' "$(result cpus.process)" 2
good 'all CPUs at once' process
host_agrees 'all CPUs at once'

check 'nested' run nested
note "$(cat $dir/results)"
for context in process softirq hardirq nmi; do
	good nested $context
	at_least "nested: $context on both CPUs" "$(result cpus.$context)" 2
done
for context in softirq hardirq nmi; do
	at_least "nested: $context has interrupted calls" \
		"$(result nested.$context)" 1
done
host_agrees nested

device=/sys/class/pvmemcontrol/pvmemcontrol0
equal 'each request was answered' "$(cat $device/no_answers)" 0
equal 'nothing had to be restored' "$(result restored)" 0

check 'unload the transport' rmmod pvmemcontrol_pci
equal 'the client is detached' "$(result detached)" 1
check 'unload the client' rmmod pvmc_contexts
check 'unload the core' rmmod pvmemcontrol
finish
