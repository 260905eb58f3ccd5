# SPDX-License-Identifier: GPL-2.0
# The kernel panics while pages are sealed, and guarded, and another one that was
# waiting for this makes a dump: it can read all of the memory, however that was
# protected.
#
# vm: --kaslr --memory 1G --cpus 2 --add-kernel --outlives-panic
# vm: --append 'crashkernel=256M'
# vm: --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --add tools/vm/scenarios/seal:/lib/seal.sh
# vm: --add tools/vm/scenarios/next_kernel:/lib/next_kernel.sh
# module: pvmc_kstack_user pvmc_sealed
# add: kexec_load read_vmcore
. /lib/ktap.sh
. /lib/facts.sh
. /lib/seal.sh
. /lib/next_kernel.sh

if [ "$stage" = first ]; then
	must 'pack' pack dump
	must 'load the transport' modprobe pvmemcontrol_pci
	must 'seal' modprobe pvmemcontrol_perm seal_kernel=1
	must 'guards' modprobe pvmemcontrol_kstack
	must 'load a driver that uses them' \
		insmod /lib/test-modules/pvmc_kstack_user.ko
	must 'a module with a constant' insmod /lib/test-modules/pvmc_sealed.ko
	check 'the init of all is over' settle
	check 'stacks' eval 'echo 200 >/sys/kernel/debug/pvmc_kstack_user/stacks'
	at_least 'the host has guards' "$(host counter guards)" 200
	at_least 'and pages that are sealed' "$(host_sealed)" 500
	# It tells where the constant is, and makes it 1 more: that is reported.
	echo report >/sys/module/pvmemcontrol/parameters/violation
	echo 'own vmap store' >/sys/kernel/debug/pvmc_sealed/write
	value phys /sys/kernel/debug/pvmc_sealed/result >/tmp/next/etc/sealed
	host_sealed >/tmp/next/etc/sealed_pages
	head -n 3 /sys/kernel/debug/pvmc_kstack_user/stacks >/tmp/next/etc/stacks
	hand_over ktap_number+1
	must 'load the kernel for a dump' kexec_load panic /boot/vmlinuz \
		/tmp/next.cpio "$(command_line dump nr_cpus=1 irqpoll reset_devices)"
	until_here
	echo c >/proc/sysrq-trigger
fi

check 'another kernel' grep -q reset_devices /proc/cmdline
check 'there is old memory' [ -r /proc/vmcore ]
at_least 'what was sealed is sealed still' "$(host_sealed)" \
	$(($(cat /etc/sealed_pages) - 10))
at_least 'what was guarded is' "$(host counter guards)" 200
violations=$(host counter violations-total)

# A VMM that does not open what it has closed: there are zeroes instead, and
# nobody is stopped there.  Of one that cannot be connected as well.
constant()
{
	read_vmcore "$(cat /etc/sealed)" 8
}
guard=$(($(head -n 1 /etc/stacks) - 4096))
host set x-fault-mode silent
host set x-fault-codes $((0xffffffffffff))
modprobe pvmemcontrol_pci
check 'it cannot be connected' [ ! -e /dev/pvmemcontrol0 ]
equal 'not connected: zeroes' "$(constant) $(read_vmcore $guard 4096)" \
	'zero zero'
rmmod pvmemcontrol_pci pvmemcontrol
host set x-fault-mode none
must 'load the transport' modprobe pvmemcontrol_pci
host set x-fault-codes $((1 << 12))
for mode in errno refuse silent garbage; do
	host set x-fault-mode $mode
	equal "$mode: zeroes" "$(constant) $(read_vmcore $guard 4096)" \
		'zero zero'
done
check 'and all of it can be read' \
	sh -c 'dd if=/proc/vmcore of=/dev/null bs=1M count=64 2>/tmp/error'
host set x-fault-mode none
is_up()
{
	[ "$(cat /sys/class/pvmemcontrol/pvmemcontrol0/state)" = up ]
}
check 'it is up again' wait_for 60 is_up
equal 'a guard has no content' "$(read_vmcore $guard 4096)" zero
# It is silent once, and is asked again.
host set x-fault-count 1
host set x-fault-mode silent
equal 'a sealed constant' "$(constant)" 5ea1ed01
host set x-fault-mode none
check 'and again' wait_for 60 is_up
while read -r stack; do
	guard=$((stack - 4096))
	check 'a guard' eval "read_vmcore $guard 4096 >/tmp/guard"
	equal 'it has no content' "$(cat /tmp/guard)" zero
done </etc/stacks
check 'all of it' sh -c 'dd if=/proc/vmcore of=/dev/null bs=1M 2>/tmp/error'
note "$(tail -n 1 /tmp/error)"
equal 'nothing was a violation' \
	$(($(host counter violations-total) - violations)) 0
equal 'and the VM never paused' "$(host counter violations-paused)" 0

finish
