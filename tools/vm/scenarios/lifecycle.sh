# SPDX-License-Identifier: GPL-2.0
# The device and the modules come and go while calls are made on all CPUs, in
# process, softirq and hard irq context, and huge pages are handed out.
#
# Callers see success, -ENODEV or -EIO and nothing else; memory is what the
# calls said; afterwards everything works again.
#
# vm: --one-thread
# vm: --memory 1G --cpus 2 --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --append 'hugepages=16'
# vm: --add tools/vm/scenarios/load:/lib/load.sh
# module: pvmc_load
# add: hugepage
# tier: kernels
. /lib/ktap.sh
. /lib/facts.sh
. /lib/load.sh

driver=/sys/bus/pci/drivers/pvmemcontrol_pci

# settled NAME [RESULT...]: calls succeed again, nothing unheard of has
# happened, and there were calls with each RESULT meanwhile
settled()
{
	name=$1
	shift
	check "$name: calls succeed again" wait_for 60 more_than ok \
		$(($(result ok) + 100))
	for kind; do
		at_least "$name: calls that got $kind" "$(result "$kind")" 1
	done
	equal "$name: no other result" \
		"$(result other) ($(result other_errno))" '0 (0)'
	equal "$name: memory is as the calls said" "$(result wrong)" 0
	note "$(tr '\n' ' ' <$load/results)"
	# What follows would only wait for what cannot come.
	[ -e $class ] || finish
}

begin()
{
	echo 1 >$load/clear
}

must 'load' modprobe pvmemcontrol_pci
must 'load the consumer' modprobe pvmemcontrol_hugetlb
must 'load the client' insmod /lib/test-modules/pvmc_load.ko
must 'start' sh -c "echo 1 >$load/run"
(
	while [ ! -e /tmp/enough ]; do
		hugepage 2 8 touch zero fill unmap touch zero || exit 1
	done >/tmp/meanwhile 2>&1
) &
busy=$!
settled 'at rest'

# --- from sysfs ----------------------------------------------------------------

begin
at=$(device_at)
for _ in 1 2 3 4 5; do
	echo "$at" >$driver/unbind
	usleep 100000
	echo "$at" >$driver/bind
	usleep 100000
done
settled 'unbind and bind' enodev
equal 'unbind and bind: detached each time' "$(result detached)" 5
equal 'unbind and bind: attached each time' "$(result attached)" 5

begin
echo 1 >"/sys/bus/pci/devices/$at/remove"
check 'remove: the device file is gone' [ ! -e /dev/pvmemcontrol0 ]
usleep 100000
echo 1 >/sys/bus/pci/rescan
settled 'remove and rescan' enodev
equal 'remove and rescan: attached' "$(result attached)" 1

begin
check 'reset of the PCI function' sh -c \
	"echo 1 >/sys/bus/pci/devices/$at/reset"
settled 'reset'
equal 'reset: clients were told to forget and to restore' \
	"$(result forgot) $(result restored)" '1 1'

# --- from the host -----------------------------------------------------------------

begin
check 'device_del' host qmp \
	'{"execute": "device_del", "arguments": {"id": "pvmc0"}}'
check 'the guest lets it go' host wait-event DEVICE_DELETED 30
check 'the device file is gone' [ ! -e /dev/pvmemcontrol0 ]
check 'device_add' host qmp '{"execute": "device_add", "arguments":
	{"driver": "pvmemcontrol", "id": "pvmc0", "bus": "port0"}}'
settled 'device_del and device_add' enodev
equal 'device_del and device_add: attached' "$(result attached)" 1
at_least 'the new device is the one that is asked' \
	"$(host counter requests-dontneed)" 100

begin
recoveries=$(cat $class/recoveries)
check 'the VMM forgets all buffers' host set x-forget true
recovered()
{
	[ "$(cat $class/recoveries)" -gt "$recoveries" ]
}
check 'forget: it is connected again' wait_for 30 recovered
settled 'forget' eio
equal 'forget: clients were told to forget and to restore' \
	"$(result forgot) $(result restored)" '1 1'

begin
recoveries=$(cat $class/recoveries)
host set x-fault-codes $((0x7fff))
check 'the VMM falls silent' host set x-fault-mode silent
check 'silent: calls fail' wait_for 30 more_than eio 100
check 'and speaks again' host set x-fault-mode none
check 'silent: it is connected again' wait_for 60 recovered
settled 'silent' eio
at_least 'silent: clients were told to forget' "$(result forgot)" 1
equal 'silent: clients were told to restore' "$(result restored)" 1

# Every few calls; each of them makes it be connected anew.
begin
host set x-fault-period 7
check 'the VMM is silent now and then' host set x-fault-mode silent
check 'now and then: calls fail' wait_for 30 more_than eio 20
host set x-fault-mode none
settled 'now and then' eio

# --- modules --------------------------------------------------------------------------

begin
for _ in 1 2 3 4 5; do
	rmmod pvmemcontrol_pci
	usleep 100000
	modprobe pvmemcontrol_pci
	usleep 100000
done
settled 'transport unloaded and loaded' enodev
equal 'transport: attached each time' "$(result attached)" 5

begin
for _ in 1 2 3; do
	rmmod pvmemcontrol_hugetlb
	usleep 100000
	modprobe pvmemcontrol_hugetlb
done
settled 'consumer unloaded and loaded'

check 'the core stays while it has users' \
	sh -c '! rmmod pvmemcontrol 2>/dev/null'

touch /tmp/enough
wait $busy
equal 'huge pages were had all the time' $? 0
at_least 'many' "$(grep -c nonzero_bytes /tmp/meanwhile)" 8
equal 'each was zero over every byte' \
	"$(grep nonzero_bytes /tmp/meanwhile | sort -u)" 'nonzero_bytes 0'

check 'the client unloads under load' rmmod pvmc_load
check 'unload the consumer' rmmod pvmemcontrol_hugetlb
check 'unload the transport' rmmod pvmemcontrol_pci
check 'unload the core' rmmod pvmemcontrol
equal 'the host has no buffer registered' "$(host counter connections)" 0
must 'load it all again' modprobe pvmemcontrol_pci
check 'it works again' [ -c /dev/pvmemcontrol0 ]

finish
