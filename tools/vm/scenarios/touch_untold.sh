# SPDX-License-Identifier: GPL-2.0
# A touch of memory that the guest has had protected, on a host with KVM that
# does not say where: the VM is paused and the management told, who can let it
# go on.
#
# tier: only kvm-6.1
# vm: --memory 1G --cpus 2 --no-tracefs
# vm: --add tools/vm/scenarios/facts:/lib/facts.sh
# module: pvmc_touch
. /lib/ktap.sh
. /lib/facts.sh

EVENT=PVMEMCONTROL_VIOLATION

must 'load the driver' insmod /lib/test-modules/pvmc_touch.ko tell=0
touch=/sys/bus/pci/drivers/pvmc_touch/$(device_at)/touch
must 'it is bound to the device' [ -e "$touch" ]

for way in read write locked; do
	# The handler of NMIs opens the page.  They come to the first CPU.
	check "$way: the host will let the VM go on" host when $EVENT \
		'[{"execute": "inject-nmi"}, {"execute": "cont"}]'
	check "$way" sh -c "echo none $way 0 >$touch"
	cat "$touch" >/tmp/touch
	note "$way: $(tr '\n' ',' </tmp/touch)"
	host wait-event $EVENT 10 >/tmp/event
	note "$(cat /tmp/event)"
	check "$way: the event names the reason" \
		grep -q '"reason": "unknown-address"' /tmp/event
	check "$way: and the vCPU" grep -q '"vcpu": 0' /tmp/event
	equal "$way: and the instruction" "$(sed -n 's/.*"ip": \([0-9]*\).*/\1/p' \
		/tmp/event)" "$(value ip /tmp/touch)"
	check "$way: and no address" sh -c '! grep -q gpa /tmp/event'
	equal "$way: one NMI, and nothing told" \
		"$(value records /tmp/touch) $(value nmis /tmp/touch)" '0 1'
	equal "$way: it was before the instruction" \
		"$(value ip_offset /tmp/touch)" 0
	equal "$way: it is done in the end" "$(value right /tmp/touch)" 1
done

check 'unload the driver' rmmod pvmc_touch
finish
