# SPDX-License-Identifier: GPL-2.0
# Random ioctls, by root and others, by two at once, by a 32-bit program, and after
# the device has gone: each gets an answer that there is, and no memory changes that
# was not named.
#
# vm: --memory 512M --cpus 2 --add tools/vm/scenarios/facts:/lib/facts.sh
# add: ioctl_fuzz ioctl_who
# add32: ioctl_fuzz ioctl_who
. /lib/ktap.sh
. /lib/facts.sh

COUNT=${COUNT:-10000}
SEED=${SEED:-1}
class=/sys/class/pvmemcontrol/pvmemcontrol0

must 'load' modprobe pvmemcontrol_pci
total=0
for bits in '' 32; do
	program=ioctl_fuzz$bits
	for what in alone threads fork nobody; do
		run_tests "$program $what" $program $what "$SEED" "$COUNT"
		total=$((total + COUNT))
		equal "$program $what: the device is up" "$(cat $class/state)" up
		equal "$program $what: each request was answered" \
			"$(cat $class/no_answers)" 0
	done
	for what in rights gone; do
		run_tests "ioctl_who$bits $what" ioctl_who$bits $what
	done
done
note "at least $total inputs, seed $SEED"
# Of advice and names something may be left: not all of it can be undone.
equal 'nothing is locked' "$(host counter locked-bytes)" 0
host vma 0x100000 0x1ff00000 >/tmp/mappings
at_least 'the host tells of all' "$(wc -l </tmp/mappings)" 1
equal 'nothing is protected' "$(cut -d ' ' -f 3 /tmp/mappings | sort -u)" rw-p
equal 'nothing is guarded' "$(host counter guards)" 0
equal 'nothing was a violation' "$(host counter violations-total)" 0
equal 'and the VM was never paused' "$(host counter violations-paused)" 0
check 'unload' rmmod pvmemcontrol_pci
finish
