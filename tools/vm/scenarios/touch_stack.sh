# SPDX-License-Identifier: GPL-2.0
# An interrupt whose frame would go to memory that the guest has had protected,
# on a host with KVM: no NMI can come before the frame is written, so by policy it
# is let through, and the guest told afterwards; or the VM is paused.
#
# tier: only kvm-6.12
# vm: --memory 1G --cpus 2 --add tools/vm/scenarios/facts:/lib/facts.sh
# module: pvmc_touch
. /lib/ktap.sh
. /lib/facts.sh

EVENT=PVMEMCONTROL_VIOLATION
WRITE=2

must 'load the driver' insmod /lib/test-modules/pvmc_touch.ko
touch=/sys/bus/pci/drivers/pvmc_touch/$(device_at)/touch
must 'it is bound to the device' [ -e "$touch" ]

show()
{
	cat "$touch" >/tmp/touch
	note "$1: $(tr '\n' ',' </tmp/touch)"
}

for cpu in 0 1; do
	check "let through, on CPU $cpu" sh -c "echo none stack $cpu >$touch"
	show 'let through'
	at_least 'let through: told' "$(value records /tmp/touch)" 1
	equal 'let through: the kind of access' "$(value access /tmp/touch)" \
		$WRITE
	at_least 'let through: in the page' "$(value offset /tmp/touch)" 3072
	equal 'let through: the vCPU' \
		"$(value vcpu /tmp/touch) $(value cpu /tmp/touch)" "$cpu $cpu"
	equal 'let through: not stopped' "$(value stopped /tmp/touch)" 0
	equal 'let through: the interrupt came' "$(value right /tmp/touch)" 1
done
at_least 'the host has counted it' "$(host counter violations-in-nmi)" 2
equal 'the VM was not paused' "$(host counter violations-paused)" 0

check 'the policy is to pause the VM' host set violation-in-nmi pause
check 'the host will let it go on' host when $EVENT \
	'[{"execute": "qom-set", "arguments": {"path":
	   "/machine/peripheral/pvmc0", "property": "violation-in-nmi",
	   "value": "allow"}}, {"execute": "cont"}]'
check 'paused' sh -c "echo none stack 0 >$touch"
show 'paused'
host wait-event $EVENT 10 >/tmp/event
note "$(cat /tmp/event)"
check 'paused: the event names the reason' grep -q '"reason": "nmi-masked"' \
	/tmp/event
check 'paused: and the access' grep -q '"access": \["write"\]' /tmp/event
equal 'the VM was paused once' "$(host counter violations-paused)" 1
equal 'paused: the interrupt came in the end' "$(value right /tmp/touch)" 1

check 'unload the driver' rmmod pvmc_touch
finish
