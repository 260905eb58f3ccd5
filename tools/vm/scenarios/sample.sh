# SPDX-License-Identifier: GPL-2.0
# The sample consumer: built outside of the checkout with what is installed, it
# gives memory back to the host, and has it say again what was forgotten.
#
# vm: --memory 1G --cpus 2 --add tools/vm/scenarios/facts:/lib/facts.sh
# sample: pvmemcontrol_sample
# tier: kernels
. /lib/ktap.sh
. /lib/facts.sh

dir=/sys/kernel/debug/pvmemcontrol_sample
client=/sys/kernel/pvmemcontrol/sample

state()
{
	value "$1" $dir/state
}

is()
{
	[ "$(state "$1")" = "$2" ]
}

# What the blocks cost the host.
cost()
{
	cost=0
	while read -r at length; do
		cost=$((cost + $(host ram "$at" "$length")))
	done <$dir/where
	echo $cost
}

costs()
{
	[ "$(cost)" = "$1" ]
}

# How many blocks lie wholly in mappings that the host does not dump.
undumped()
{
	while read -r at length; do
		host vma "$at" "$length" | awk '{ print $4 }' |
			grep -qv '\<dd\>' || echo "$at"
	done <$dir/where | wc -l
}

must 'load the core' modprobe pvmemcontrol
must 'load the sample, without a transport' \
	insmod /lib/test-modules/pvmemcontrol_sample.ko idle_ms=10
bytes=$(awk '{ bytes += $2 } END { print bytes }' $dir/where)
blocks=$(wc -l <$dir/where)
equal 'its blocks' "$blocks" 4

check 'use it' eval "echo 0x5a >$dir/use"
check 'nobody is there: it fails' wait_for 10 is failed "$blocks"
equal 'with ENODEV' "$(state error)" -19
equal 'the blocks are backed' "$(cost)" "$bytes"
equal 'and would be dumped' "$(undumped)" 0

must 'load the transport' modprobe pvmemcontrol_pci
equal 'attached: the VMM was told' "$(state undumped)" 1
equal 'the host does not dump them' "$(undumped)" "$blocks"
check 'use it again' eval "echo 0x5a >$dir/use"
check 'it is given back' wait_for 10 is given_back "$blocks"
equal 'nothing is used' "$(state blocks_used)" 0
equal 'the blocks cost the host nothing' "$(cost)" 0
equal 'no other call failed' "$(state failed)" "$blocks"

# Used often enough, it stays.
echo 60000 >/sys/module/pvmemcontrol_sample/parameters/idle_ms
check 'use it for long' eval "echo 0xa5 >$dir/use"
equal 'the blocks are used' "$(state blocks_used)" "$blocks"
check 'they are backed' costs "$bytes"
echo 10 >/sys/module/pvmemcontrol_sample/parameters/idle_ms

# What the VMM was told is said again when it may have been forgotten.
exits=$(cat $client/exits)
check 'reset the device' \
	eval "echo 1 >/sys/bus/pci/devices/$(device_at)/reset"
at_least 'restored: it is said again' "$(($(cat $client/exits) - exits))" 1
equal 'restored: the VMM knows' "$(state undumped)" 1
at=$(device_at)
check 'the device goes' eval "echo $at >/sys/bus/pci/drivers/pvmemcontrol_pci/unbind"
equal 'detached' "$(state undumped)" 0
check 'and comes back' eval "echo $at >/sys/bus/pci/drivers/pvmemcontrol_pci/bind"
equal 'attached' "$(state undumped)" 1

# Unloaded in the middle of it.
check 'use it, and' eval "echo 0xff >$dir/use"
check 'unload it at once' rmmod pvmemcontrol_sample
check 'it is no client any more' [ ! -e $client ]
check 'unload the transport' modprobe -r pvmemcontrol_pci
finish
