# SPDX-License-Identifier: GPL-2.0
# A program touches a protected page, and the VMM does not answer when it is asked
# to open it: that takes the device down, and to connect it anew waits for the
# CPU, which cannot get on.  So the VMM is asked again, until it does what it
# should.
#
# vm: --memory 1G --cpus 2 --add tools/vm/scenarios/facts:/lib/facts.sh
# module: pvmc_guarded
# add: touch_page
. /lib/ktap.sh
. /lib/facts.sh

dir=/sys/kernel/debug/pvmc_guarded
device=/sys/class/pvmemcontrol/pvmemcontrol0
open=$((1 << 12))	# MPROTECT_RW

recovered()
{
	[ "$(cat $device/recoveries)" -gt "$recoveries" ] &&
		[ "$(cat $device/state)" = up ]
}

must 'load the core' modprobe pvmemcontrol_pci
must 'load the client' insmod /lib/test-modules/pvmc_guarded.ko

for mode in silent garbage; do
	for times in 1 3 100; do
		name="$mode, $times times"
		must "$name: protect a page" eval "echo 1 >$dir/protect"
		recoveries=$(cat $device/recoveries)
		touched=$(host counter violations-total)
		host set x-fault-codes $open
		host set x-fault-count $times
		host set x-fault-mode $mode
		check "$name: the program comes to its end" \
			eval "touch_page $dir/page >/tmp/touched"
		equal "$name: each was used" "$(host counter x-fault-count)" 0
		host set x-fault-mode none
		equal "$name: it reads what is there" \
			"$(value value /tmp/touched)" 0x5a5a5a5a5a5a5a5a
		at_least "$name: it was stopped again and again" \
			$(($(host counter violations-total) - touched)) 2
		# An answer, whatever it is, says that somebody is there.
		case $mode in
		silent)	check "$name: the device is connected anew" \
				wait_for 30 recovered ;;
		*)	equal "$name: the device was left as it is" \
				"$(cat $device/recoveries)" "$recoveries" ;;
		esac
		equal "$name: nothing is protected" "$(host counter ranges)" 0
	done
done
equal 'the VM was never paused' "$(host counter violations-paused)" 0

# The device is all right.
must 'protect a page' eval "echo 1 >$dir/protect"
touch_page $dir/page >/tmp/touched
equal 'it reads what is there' "$(value value /tmp/touched)" 0x5a5a5a5a5a5a5a5a
equal 'the client was told once' "$(value told $dir/results)" 1
check 'unload the client' rmmod pvmc_guarded
check 'unload the transport' rmmod pvmemcontrol_pci
finish
