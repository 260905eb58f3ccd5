# SPDX-License-Identifier: GPL-2.0
# The guest sleeps (ACPI S3) while calls are being made, and is woken by the host
# when it does: its clock might, before it sleeps.  The device forgets everything
# meanwhile.
#
# A kernel that was entered directly cannot wake up: hence --kaslr.
#
# vm: --kaslr --memory 1G --cpus 2 --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --append 'hugepages=4'
# vm: --add tools/vm/scenarios/load:/lib/load.sh
# module: pvmc_load
# add: hugepage
# tier: kernels
# not-with: kcsan what wakes the kernel up is watched before that can be done: it is reset
# not-with: newest 7.3.4 wakes up without its virtio-serial ports, whoever is loaded
. /lib/ktap.sh
. /lib/facts.sh
. /lib/load.sh


must 'load' modprobe pvmemcontrol_pci
must 'load the consumer' modprobe pvmemcontrol_hugetlb
must 'load the client' insmod /lib/test-modules/pvmc_load.ko

let_go_of_modules

at=$(device_at)
check 'the kernel can sleep' grep -qw mem /sys/power/state
note "$(cat /sys/power/mem_sleep)"
echo deep >/sys/power/mem_sleep

for time in first second; do
	echo 1 >$load/clear
	echo 1 >$load/run
	check "$time: calls are made" wait_for 30 more_than ok 100
	equal "$time: nothing to restore yet" "$(result restored)" 0
	woken=$(cat /sys/power/suspend_stats/success)

	host when SUSPEND '[{"execute": "system_wakeup"}]'
	check "$time: sleep" sh -c 'echo mem >/sys/power/state'
	equal "$time: it has slept" \
		$(($(cat /sys/power/suspend_stats/success) - woken)) 1

	check "$time: the device is up" is_up
	check "$time: calls succeed again" wait_for 60 more_than ok \
		$(($(result ok) + 100))
	equal "$time: clients were told to forget and to restore" \
		"$(result forgot) $(result restored)" '1 1'
	echo 0 >$load/run
	equal "$time: no other result than success, -ENODEV, -EIO" \
		"$(result other) ($(result other_errno))" '0 (0)'
	equal "$time: memory is as the calls said" "$(result wrong)" 0
	note "$(tr '\n' ' ' <$load/results)"

	dropped=$(not_cleared)
	check "$time: huge pages" \
		sh -c 'hugepage 2 4 fill unmap touch zero >/tmp/pages'
	equal "$time: zero over every byte" \
		"$(value nonzero_bytes /tmp/pages)" 0
	equal "$time: dropped, not cleared" $(($(not_cleared) - dropped)) 8
done
equal 'it is the same device' "$(device_at)" "$at"

finish
