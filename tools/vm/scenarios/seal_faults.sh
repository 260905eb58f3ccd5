# SPDX-License-Identifier: GPL-2.0
# A VMM that does not open what was sealed: nobody gets the pages until it does.
# One that forgets its connections.  Modules that come and go, while we do.
#
# vm: --memory 1G --cpus 2 --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --add tools/vm/scenarios/seal:/lib/seal.sh
. /lib/ktap.sh
. /lib/facts.sh
. /lib/seal.sh

must 'load the transport' modprobe pvmemcontrol_pci
must 'load a module' modprobe loop
must 'load the consumer' modprobe pvmemcontrol_perm
check 'the init of all is over' settle
agree 'all is sealed, as the host sees it'

# The VMM does not do what it is told: what it still seals goes to nobody.
host set x-fault-errno 12
host set x-fault-codes $((1 << 12))
host set x-fault-mode errno
check 'unload, and the host does not open' rmmod loop
at_least 'what it seals has no owner' "$(grep -c '^leaving' $perm/sealed)" 1
at_least 'nobody gets those pages' "$(count held_pages)" 1
at_least 'the host still seals them' "$(host_sealed)" \
	$(($(count pages) + $(count held_pages)))
check 'most of the memory is used' \
	dd if=/dev/zero of=/tmp/memory bs=1000000 count=400
rm /tmp/memory
host set x-fault-mode none
none_left()
{
	[ "$(count leaving)" -eq 0 ]
}
check 'it opens them in the end' wait_for 20 none_left
equal 'others may have the pages' "$(count held_pages)" 0
agree 'and only what should be is sealed'
check 'load it again' modprobe loop
check 'its init is over' settle
agree 'it is sealed again'

# A VMM that forgets its connections, while a module is loaded.
class=/sys/class/pvmemcontrol/pvmemcontrol0
recoveries=$(cat $class/recoveries)
recovered()
{
	[ "$(cat $class/recoveries)" -gt "$recoveries" ]
}
check 'the VMM forgets all buffers' host set x-forget true
modprobe dummy
check 'it is connected again' wait_for 30 recovered
check 'its init is over' settle
same()
{
	[ "$(host_sealed)" = "$(count pages)" ]
}
check 'and seals the module that came meanwhile' wait_for 10 same

# Modules come and go, and we do.
storm()
{
	for round in 1 2 3 4; do
		modprobe "$1" && rmmod "$1" || return 1
	done
}
storm isofs >/tmp/storm1 2>&1 &
first=$!
storm overlay >/tmp/storm2 2>&1 &
second=$!
for round in 1 2; do
	rmmod pvmemcontrol_perm && modprobe pvmemcontrol_perm ||
		not_ok "come and go: round $round"
done
check 'come and go: one' wait $first
check 'come and go: another' wait $second
check 'come and go: the init of all is over' settle
agree 'come and go: all is sealed'
equal 'come and go: nothing is left over' "$(count leaving)" 0

check 'unload the consumer' rmmod pvmemcontrol_perm
equal 'all is open' "$(host_sealed)" 0
equal 'there was no violation' "$(host counter violations-total)" 0
equal 'the VM was never paused' "$(host counter violations-paused)" 0
finish
