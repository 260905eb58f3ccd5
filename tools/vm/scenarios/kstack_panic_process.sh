# SPDX-License-Identifier: GPL-2.0
# The same as kstack_panic in a process, and before that in an NMI: there the host
# pauses the VM before the neighbour changes.
#
# vm: --memory 1G --cpus 2 --add tools/vm/scenarios/facts:/lib/facts.sh
# module: pvmc_kstack_user
# tier: only kvm-6.12
# panic: guard of 16 KiB stack: deep recursion, of user_overflow
# panic: dive_down\+0x.* \[pvmc_kstack_user\]
# panic: [1-9][0-9]* more of it
# panic: pvmc_kstack_switch\+0x
# panic: vfs_write\+0x
# panic: write to protected page .* of kstack: guard of 16 KiB stack.*stopped:
# panic: Kernel panic - not syncing: pvmemcontrol: a protected page was touched
# panic: pvmc_kstack_user: at the panic the neighbour is as it was
. /lib/ktap.sh
. /lib/facts.sh

EVENT=PVMEMCONTROL_VIOLATION
dir=/sys/kernel/debug/pvmc_kstack_user

plan 13
must 'load the core' modprobe pvmemcontrol_pci
must 'load the consumer' modprobe pvmemcontrol_kstack
must 'load a driver that uses it' insmod /lib/test-modules/pvmc_kstack_user.ko

# Once the VM was paused, what goes on is told when the NMI is over: no panic yet.
echo report >/sys/module/pvmemcontrol/parameters/violation
must 'the host is to pause in NMI' host set violation-in-nmi pause
must 'and to let the VM go on then' host when $EVENT \
	'[{"execute": "qom-set", "arguments": {"path":
	   "/machine/peripheral/pvmc0", "property": "violation-in-nmi",
	   "value": "allow"}}, {"execute": "cont"}]'
check 'overflow in nmi' eval "echo nmi >$dir/overflow"
host wait-event $EVENT 10 >/tmp/event
check 'the event says why' grep -q '"reason": "nmi-masked"' /tmp/event
equal 'the VM was paused once' "$(host counter violations-paused)" 1
cat $dir/overflow >/tmp/overflow
equal 'it went on beyond the end' "$(value beyond /tmp/overflow)" 1
at_least 'it was told' "$(value looked /tmp/overflow)" 1
equal 'the neighbour was as before then' "$(value changed /tmp/overflow)" 0
equal 'and is still' "$(value changed_in_the_end /tmp/overflow)" 0
echo client >/sys/module/pvmemcontrol/parameters/violation
equal 'the policy' "$(cat /sys/kernel/pvmemcontrol/kstack/policy)" panic
until_here
echo process >$dir/overflow
finish
