# SPDX-License-Identifier: GPL-2.0
# The device says what it is, and depmod's index which module that is: whatever
# loads modules for devices needs to know nothing of this one.
#
# vm: --memory 512M --cpus 1 --add tools/vm/scenarios/facts:/lib/facts.sh
# tier: kernels
. /lib/ktap.sh
. /lib/facts.sh

alias=$(cat "/sys/bus/pci/devices/$(device_at)/modalias")
note "$alias"
equal 'no driver yet' "$(ls /sys/class/pvmemcontrol 2>&-)" ''
check 'load what the index has for it' modprobe "$alias"
check 'the transport is there' [ -d /sys/module/pvmemcontrol_pci ]
equal 'the device is up' \
	"$(cat /sys/class/pvmemcontrol/pvmemcontrol0/state)" up
check 'unload' modprobe -r pvmemcontrol_pci
check 'the core went with it' [ ! -d /sys/module/pvmemcontrol ]
finish
