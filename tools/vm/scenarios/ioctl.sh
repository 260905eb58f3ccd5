# SPDX-License-Identifier: GPL-2.0
# Every malformed ioctl gets its errno, and what the driver can refuse by
# itself costs no exit.
#
# vm: --memory 1G --cpus 2 --add tools/vm/scenarios/facts:/lib/facts.sh
# add: bad_ioctl uapi_user
# add32: bad_ioctl
. /lib/ktap.sh
. /lib/facts.sh

must 'load' modprobe pvmemcontrol_pci
chmod 600 /dev/pvmemcontrol0

for program in bad_ioctl bad_ioctl32; do
	for group in local answered threads rights; do
		before=$(host counter requests-total)
		run_tests "$program $group" $program $group
		after=$(host counter requests-total)
		equal "$program $group: exits" $((after - before)) \
			"$(value exits /tmp/ktap.run)"
	done
done

equal 'each request was answered' \
	"$(cat /sys/class/pvmemcontrol/pvmemcontrol0/no_answers)" 0
equal 'the device is up' \
	"$(cat /sys/class/pvmemcontrol/pvmemcontrol0/state)" up

# An open file keeps the driver's code, not its device.
sh -c 'exec 9<>/dev/pvmemcontrol0; sleep 1000' &
holder=$!
check 'a file is held open' wait_for 10 [ -e /proc/$holder/fd/9 ]
check 'the core stays while a file is open' \
	sh -c '! rmmod pvmemcontrol 2>/dev/null'
check 'the transport goes while a file is open' rmmod pvmemcontrol_pci
check 'the device file is gone' [ ! -e /dev/pvmemcontrol0 ]
check 'the transport comes back' modprobe pvmemcontrol_pci
check 'with its device file' wait_for 10 [ -c /dev/pvmemcontrol0 ]
kill $holder
wait $holder 2>/dev/null

finish
