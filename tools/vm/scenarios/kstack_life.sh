# SPDX-License-Identifier: GPL-2.0
# Guarded stacks while the device comes and goes, the VMM forgets, refuses, or
# says what is not so.
#
# vm: --memory 1G --cpus 2 --timeout 240 --add tools/vm/scenarios/facts:/lib/facts.sh
# module: pvmc_kstack_user
. /lib/ktap.sh
. /lib/facts.sh

dir=/sys/kernel/debug/pvmc_kstack_user
pool=/sys/kernel/debug/pvmemcontrol_kstack/pool
client=/sys/kernel/pvmemcontrol/kstack
device=pvmc0
# Of x-fault-codes: GUARD and UNGUARD, which are entries of a vector each.
guard=$((1 << 35))
unguard=$((1 << 36))

guards()
{
	host counter guards $device
}

unguarded()
{
	value blocks_unguarded $pool
}

is_guarded()
{
	[ "$(unguarded)" = 0 ]
}

shrunk()
{
	echo 2 >/proc/sys/vm/drop_caches
	[ "$(value blocks $pool)" = "$1" ]
}

must 'load the consumer' modprobe pvmemcontrol_kstack
must 'load a driver that uses it' insmod /lib/test-modules/pvmc_kstack_user.ko
check 'no device, no stack' eval "! echo 1 2>/dev/null >$dir/stacks"
equal 'nor a block' "$(value blocks $pool)" 0
must 'load the core' modprobe pvmemcontrol_pci
must 'there is one now' eval "echo 200 >$dir/stacks"
equal 'two blocks' "$(value blocks $pool)" 2
equal 'of guards' "$(guards)" 204

# It forgets: the next request finds out.
must 'the VMM forgets' host set x-forget true
echo 150 >$dir/stacks
must 'give back what is free' wait_for 10 eval \
	'[ "$(cat /sys/class/pvmemcontrol/pvmemcontrol0/recoveries)" = 1 ]'
check 'the guards are set again' wait_for 10 is_guarded
equal 'all of them' "$(guards)" 204

# It goes in good order, and another comes.
must 'unplug the device' host qmp \
	'{"execute": "device_del", "arguments": {"id": "pvmc0"}}'
must 'it is gone' host wait-event DEVICE_DELETED 30
equal 'nothing is guarded' "$(unguarded)" 2
check 'no more stacks' eval "! echo 1000 2>/dev/null >$dir/stacks"
must 'plug one in' host qmp '{"execute": "device_add", "arguments":
	{"id": "pvmc1", "driver": "pvmemcontrol", "bus": "port1"}}'
device=pvmc1
check 'the guards are set' wait_for 20 is_guarded
equal 'as before' "$(guards)" 204

# It says that it opened as many guards as a block has, and did not: a look at
# each finds out, and each is opened.
echo 0 >$dir/stacks
hits=$(cat $client/violations)
total=$(host counter violations-total $device)
must 'it lies about opening' eval "
	host set x-fault-codes $unguard $device &&
	host set x-fault-count 102 $device && host set x-fault-mode lie $device"
check 'all blocks go back' wait_for 30 shrunk 0
equal 'it lied' "$(host counter faults-injected $device)" 102
equal 'each of those guards was found' \
	"$(($(host counter violations-total $device) - total))" 102
equal 'nobody is to blame' "$(cat $client/violations)" "$hits"
must 'it may lie again' host set x-fault-count -1 $device

# It does not open them: they stay until it does.
must 'have some' eval "echo 10 >$dir/stacks && echo 0 >$dir/stacks"
must 'it refuses to open' eval "host set x-fault-codes $unguard $device &&
	host set x-fault-mode errno $device"
refused()
{
	shrunk 0
	[ "$(value open_failed $pool)" -gt 0 ]
}
check 'that is counted' wait_for 20 refused
equal 'the block is kept' "$(value blocks $pool)" 1
must 'it does again' host set x-fault-mode none $device
check 'the block goes back' wait_for 20 shrunk 0
equal 'nothing is forbidden' "$(guards)" 0
equal 'nor protected' "$(host counter ranges $device)" 0

# It does not guard: no stack.
must 'it refuses to guard' eval "host set x-fault-codes $guard $device &&
	host set x-fault-mode errno $device"
check 'no stack' eval "! echo 10 2>/dev/null >$dir/stacks"
equal 'no block' "$(value blocks $pool)" 0
equal 'nor a guard' "$(guards)" 0
must 'it does again' host set x-fault-mode none $device
check 'there are stacks' eval "echo 10 >$dir/stacks"

equal 'the VM was never paused' \
	"$(host counter violations-paused $device)" 0
check 'unload the driver' rmmod pvmc_kstack_user
check 'unload the consumer' rmmod pvmemcontrol_kstack
equal 'nothing is forbidden in the end' "$(guards)" 0
check 'unload the transport' rmmod pvmemcontrol_pci
finish
