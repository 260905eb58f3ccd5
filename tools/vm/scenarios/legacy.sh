# SPDX-License-Identifier: GPL-2.0
# Those who spoke protocol 1.0 before us: a foreign driver on our device, a
# program with its own idea of the ioctl on our driver.
#
# vm: --memory 4G --cpus 2 --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --append 'hugepagesz=1G hugepages=1 hugepagesz=2M hugepages=4'
# add: legacy_user uapi_user
# module: legacy_driver
. /lib/ktap.sh
. /lib/facts.sh

driver=/sys/bus/pci/drivers/legacy_driver

requests()
{
	host counter "requests-$1"
}

# --- the foreign driver, with nothing of ours loaded ------------------------

for module in pvmemcontrol pvmemcontrol_pci; do
	check "$module is not loaded" [ ! -e "/sys/module/$module" ]
done

for load in first second; do
	errors=$(host counter errors)
	dropped=$(requests dontneed)
	bytes=$(host counter bytes-discarded)
	check "legacy_driver, $load load" \
		insmod /lib/test-modules/legacy_driver.ko
	results=$driver/$(device_at)/results
	check 'it is bound to the device' cat "$results"
	cat "$results" >/tmp/results
	note "$(cat /tmp/results)"
	at_least 'it has checked' "$(value checks /tmp/results)" 20
	equal 'all its checks held' "$(value failed_checks /tmp/results)" 0
	equal 'a call from each CPU was answered' "$(value cpus /tmp/results)" 2
	equal 'it has learned the page size' \
		"$(value page_size /tmp/results)" 4096
	equal 'dropped memory is zero over every byte' \
		"$(value drop_kept /tmp/results)" 0
	# Two of 2 MiB that are done, three that are refused.
	equal 'the device has seen its DONTNEEDs' \
		$(($(requests dontneed) - dropped)) 5
	at_least 'and has counted the refused as errors' \
		$(($(host counter errors) - errors)) 4
	equal 'and has dropped twice 2 MiB' \
		$(($(host counter bytes-discarded) - bytes)) $((2 * 2 << 20))
	check "legacy_driver, $load unload" rmmod legacy_driver
done

# --- the foreign program, on our driver --------------------------------------

must 'pvmemcontrol_pci takes over from it' modprobe pvmemcontrol_pci
check 'there is a device file' [ -c /dev/pvmemcontrol0 ]

errors=$(host counter errors)
dropped=$(requests dontneed)
bytes=$(host counter bytes-discarded)
check 'legacy_user drops a 1 GiB page 100 times' legacy_user 100
cp /tmp/ktap.out /tmp/legacy_user
note "$(cat /tmp/legacy_user)"
equal 'rounds' "$(value rounds /tmp/legacy_user)" 100
equal 'no DONTNEED was refused' "$(value refused /tmp/legacy_user)" 0
equal 'no word was lost before a drop' \
	"$(value words_lost_before_drop /tmp/legacy_user)" 0
equal 'no word was left after a drop' \
	"$(value words_left_after_drop /tmp/legacy_user)" 0
equal 'every byte was checked in the first and last round' \
	"$(value full_checks /tmp/legacy_user)" 2
pieces=$((1024 / $(cat /sys/module/pvmemcontrol/parameters/piece_mib)))
equal 'exits: one for each piece' $(($(requests dontneed) - dropped)) \
	$((100 * pieces))
equal 'the device saw no error' $(($(host counter errors) - errors)) 0
equal 'the device dropped 100 GiB' \
	$(($(host counter bytes-discarded) - bytes)) $((100 << 30))

run_tests 'a program with our header' uapi_user

finish
