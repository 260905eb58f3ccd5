# SPDX-License-Identifier: GPL-2.0
# In a guest with the modules that DKMS built: the device finds its driver, and
# the consumers come and go.
. /lib/ktap.sh

class=/sys/class/pvmemcontrol/pvmemcontrol0
for device in /sys/bus/pci/devices/*; do
	grep -q '^PCI_ID=1AE0:0087$' "$device/uevent" && break
done
check 'load what the device asks for' modprobe "$(cat "$device/modalias")"
check 'the device is up' grep -qx up $class/state
for module in hugetlb perm kstack; do
	check "load $module" modprobe pvmemcontrol_$module
	check "$module is a client" [ -d /sys/kernel/pvmemcontrol/$module ]
	check "unload $module" rmmod pvmemcontrol_$module
done
check 'each request was answered' grep -qx 0 $class/no_answers
check 'unload' modprobe -r pvmemcontrol_pci
finish
