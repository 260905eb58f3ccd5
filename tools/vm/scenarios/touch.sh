# SPDX-License-Identifier: GPL-2.0
# A touch of memory that the guest has had protected, on a host with KVM: the
# guest is told where it was, by an NMI that finds the CPU at the instruction,
# and when the page is open the instruction does what it should.
#
# tier: kvm-6.12 kvm-6.1 kernels
# vm: --memory 1G --cpus 2 --add tools/vm/scenarios/facts:/lib/facts.sh
# module: pvmc_touch
. /lib/ktap.sh
. /lib/facts.sh

READ=1
WRITE=2
FETCH=4

must 'load the driver' insmod /lib/test-modules/pvmc_touch.ko
touch=/sys/bus/pci/drivers/pvmc_touch/$(device_at)/touch
must 'it is bound to the device' [ -e "$touch" ]

# show NAME: what happened
show()
{
	cat "$touch" >/tmp/touch
	note "$1: $(tr '\n' ',' </tmp/touch)"
}

# caught PROTECTION WAY CPU ACCESS: the last is a pattern
caught()
{
	name="$2 of a page protected $1"
	check "$name, on CPU $3" sh -c "echo $1 $2 $3 >$touch"
	show "$name"
	equal "$name: told once, by one NMI" \
		"$(value records /tmp/touch) $(value nmis /tmp/touch)" '1 1'
	case $(value access /tmp/touch) in
	$4)	ok "$name: the kind of access" ;;
	*)	not_ok "$name: the kind of access" "$(value access /tmp/touch)" ;;
	esac
	equal "$name: the address" "$(value offset /tmp/touch)" 0
	equal "$name: the vCPU" \
		"$(value vcpu /tmp/touch) $(value cpu /tmp/touch)" "$3 $3"
	equal "$name: stopped before it took effect" \
		"$(value stopped /tmp/touch)" 1
	equal "$name: the instruction" "$(value ip_offset /tmp/touch)" 0
	equal "$name: it is done in the end" "$(value right /tmp/touch)" 1
}

# passed PROTECTION WAY CPU
passed()
{
	name="$2 of a page protected $1"
	check "$name, on CPU $3" sh -c "echo $1 $2 $3 >$touch"
	show "$name"
	equal "$name: nothing to tell" \
		"$(value records /tmp/touch) $(value nmis /tmp/touch)" '0 0'
	equal "$name: it is done" "$(value right /tmp/touch)" 1
}

for cpu in 0 1; do
	caught none read $cpu $READ
	caught none write $cpu $WRITE
	# An emulated CPU that is alone has no need to lock, and reads first.
	caught none locked $cpu "[$READ$WRITE]"
	caught none fetch $cpu $FETCH
	passed r read $cpu
	caught r write $cpu $WRITE
	passed r fetch $cpu
done
caught none copy 0 $WRITE
caught r cross 0 $WRITE

check 'unload the driver' rmmod pvmc_touch
finish
