# SPDX-License-Identifier: GPL-2.0
# Another kernel is started by kexec while this one has its own data, its modules'
# and many other pages sealed, and guards set: it finds a device at rest and
# memory that is open, all of which it can use.
#
# vm: --kaslr --memory 1G --cpus 2 --add-kernel
# vm: --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --add tools/vm/scenarios/seal:/lib/seal.sh
# vm: --add tools/vm/scenarios/next_kernel:/lib/next_kernel.sh
# module: pvmc_kstack_user
# add: kexec_load hugepage
# tool: pvmemctl
. /lib/ktap.sh
. /lib/facts.sh
. /lib/seal.sh
. /lib/next_kernel.sh

load_all()
{
	must 'load the transport' modprobe pvmemcontrol_pci
	must 'seal' modprobe pvmemcontrol_perm seal_kernel=1
	must 'guards' modprobe pvmemcontrol_kstack
	must 'load a driver that uses them' \
		insmod /lib/test-modules/pvmc_kstack_user.ko
	check 'stacks' eval 'echo 200 >/sys/kernel/debug/pvmc_kstack_user/stacks'
	at_least 'the host has guards' "$(host counter guards)" 200
	agree 'and pages that are sealed'
	at_least 'many' "$(host_sealed)" 500
}

# Fills most of what is free; a page that is closed would stop the machine.
use_memory()
{
	free=$(awk '/^MemAvailable:/ { print int($2 / 1024 * 3 / 4) }' \
		/proc/meminfo)
	note "$free MiB"
	dd if=/dev/zero of=/dev/shm/all bs=1M count="$free" 2>/tmp/error
	rm /dev/shm/all
}

if [ "$stage" = first ]; then
	must 'pack' pack second
	load_all
	note "$(host_sealed) pages are sealed, $(host counter guards) are guards"
	# And one that belongs to nobody who could open it.
	echo 1 >/proc/sys/vm/nr_hugepages
	check 'a page that a program has closed' hugepage 2 1 fill \
		run="pvmemctl protect none -f -P \$GPA 4096"
	# As many as there are then, if this one fails to start it.
	hand_over ktap_number
	until_here
	kexec_load now /boot/vmlinuz /tmp/next.cpio "$(command_line second)"
	must 'another kernel' false
fi

check 'another kernel' grep -q second /proc/cmdline
equal 'no page is sealed' "$(host_sealed)" 0
equal 'nothing is guarded' "$(host counter guards)" 0
equal 'nothing is protected, named or locked' "$(host counter ranges)" 0
equal 'no buffer of the old kernel is known' "$(host counter connections)" 0
check 'all memory can be used' use_memory
load_all
check 'all memory can be used still' use_memory
equal 'nothing was a violation' "$(host counter violations-total)" 0
equal 'and the VM never paused' "$(host counter violations-paused)" 0
equal 'each request was answered' \
	"$(cat /sys/class/pvmemcontrol/pvmemcontrol0/no_answers)" 0

finish
