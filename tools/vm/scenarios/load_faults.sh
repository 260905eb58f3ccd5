# SPDX-License-Identifier: GPL-2.0
# Each of our modules is loaded, and unloaded, with one allocation failing, one
# after the other: nothing is lost or left behind, and then it can be loaded.
# Arguments say how many allocations of a load further each try is, with 1 it is
# each, and takes more than an hour; and which is the first, which else the day
# says, so that each has its turn.
#
# tier: only debug
# What the kernel's loader, before any function of ours is called, and kmemleak say
# of allocations that they miss:
# vm: --expect-splat 'WARNING: (?!.*(do_one_initcall|\[pvm)).* load_module\+0x'
# vm: --expect-splat 'kmemleak: Cannot allocate a scan area'
# vm: --memory 1G --cpus 2 --timeout 0
# vm: --add tools/vm/scenarios/facts:/lib/facts.sh
# add: load_faults
. /lib/ktap.sh
. /lib/facts.sh

# Linux 6.1 loses the name of a class that it cannot register.
KTAP_EXPECT_LEAK=' __class_register[+]'

# Most of a load are the kernel's own, for any module.
STRIDE=${1:-$(by_length 97 97 29)}
DAY=$(date +%j)
FIRST=${2:-$((${DAY#"${DAY%%[!0]*}"} % STRIDE + 1))}

clients=/sys/kernel/pvmemcontrol
debug=/sys/kernel/debug
device=/dev/pvmemcontrol0

# From memory: reading them from the shared folder would take longer.
mkdir /tmp/modules
for module in pvmemcontrol pvmemcontrol_pci pvmemcontrol_hugetlb \
	pvmemcontrol_kstack pvmemcontrol_perm; do
	cp "$(modinfo -n $module)" /tmp/modules
done
cd /tmp/modules || exit
echo 1 >/sys/kernel/rcu_expedited

# Whatever an allocation may do, and of whatever size: it may fail.
for fault in failslab fail_page_alloc; do
	echo N >$debug/$fault/ignore-gfp-wait
	echo 0 >$debug/$fault/verbose
done
echo 0 >$debug/fail_page_alloc/min-order

note "of each load, allocation $FIRST and every ${STRIDE}th after it"
must 'there is a device' [ -n "$(device_at)" ]
run_tests 'core' load_faults "$FIRST" "$STRIDE" pvmemcontrol.ko $clients/ioctl
must 'load the core' insmod pvmemcontrol.ko
run_tests 'transport' load_faults "$FIRST" "$STRIDE" pvmemcontrol_pci.ko $device
for client in hugetlb kstack perm; do
	# A client that is there when the device comes, and one that comes then.
	run_tests "$client, no device" load_faults "$FIRST" "$STRIDE" \
		pvmemcontrol_$client.ko $clients/$client
done
must 'load the transport' insmod pvmemcontrol_pci.ko
for client in hugetlb kstack perm; do
	run_tests "$client" load_faults "$FIRST" "$STRIDE" pvmemcontrol_$client.ko \
		$clients/$client
done
equal 'nothing is guarded' "$(host counter guards)" 0
equal 'nothing is protected' "$(host counter ranges)" 0
check 'unload the transport' rmmod pvmemcontrol_pci
equal 'no buffer is left at the host' "$(host counter connections)" 0
for client in hugetlb kstack perm; do
	must "load $client" insmod pvmemcontrol_$client.ko
done
run_tests 'transport, with clients' load_faults "$FIRST" "$STRIDE" \
	pvmemcontrol_pci.ko $device
for client in hugetlb kstack perm; do
	check "unload $client" rmmod pvmemcontrol_$client
done
check 'unload the core' rmmod pvmemcontrol
equal 'nothing of it is left' "$(ls $clients 2>&-)" ''
finish
