# SPDX-License-Identifier: GPL-2.0
# The VMM protects only so many ranges: modules beyond the limit work unsealed,
# the log says so, and what goes makes room.
#
# not-with: debug it has hardly any modules of its own
# not-with: kcsan it has hardly any modules of its own
# vm: --memory 1G --cpus 2 --device max-ranges=40
# vm: --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --add tools/vm/scenarios/seal:/lib/seal.sh --add tools/record/modules
. /lib/ktap.sh
. /lib/facts.sh
. /lib/seal.sh

must 'load the transport' modprobe pvmemcontrol_pci
must 'load the consumer' modprobe pvmemcontrol_perm
check 'the init of all is over' settle
agree 'within the limit: all is sealed'
equal 'within the limit: no error' "$(count host_errors)" 0

# How many ranges they are depends on where the kernel finds memory for them.
names=$(modules_to_load)
reversed=
for name in $names; do
	modprobe "$name" || not_ok "load $name"
	reversed="$name $reversed"
done
check 'the init of all is over' settle
at_least 'beyond the limit: errors are counted' "$(count host_errors)" 1
at_most 'beyond the limit: the host seals no more' "$(host counter ranges)" 40
check 'beyond the limit: the log says so, once' sh -c '[ "$(dmesg |
	grep -c "the VMM does not seal or open all .*: -ENOSPC")" -eq 1 ]'
truncate -s 16M /tmp/disk
check 'beyond the limit: modules work' sh -c '
	losetup /dev/loop0 /tmp/disk && mke2fs -F /dev/loop0 &&
	mkdir -p /mnt && mount -t ext4 /dev/loop0 /mnt && umount /mnt &&
	losetup -d /dev/loop0'
for name in $reversed; do
	rmmod "$name" || not_ok "unload $name"
done
check 'room again: load a module' modprobe isofs
check 'room again: its init is over' settle
agree 'room again: all is sealed'
equal 'nothing is left over' "$(count leaving)" 0
check 'unload the consumer' rmmod pvmemcontrol_perm
equal 'all is open' "$(host_sealed)" 0
equal 'there was no violation' "$(host counter violations-total)" 0
finish
