# SPDX-License-Identifier: GPL-2.0
# The device breaks, is reset, falls silent, is not there, is unplugged and plugged
# in again, or is taken away without a word, at the first access to its registers,
# at the second, and so on until there are no more: while the driver is bound to it,
# and while it is used.  Where there is no time for each of these at each access, each
# access is met by one of them all the same.
#
# vm: --memory 1G --cpus 2 --append 'mem=768M hugepages=4'
# vm: --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --add tools/vm/scenarios/seal:/lib/seal.sh
# module: pvmc_kstack_user pvmc_perm_user
# add: device_fails
. /lib/ktap.sh
. /lib/facts.sh
. /lib/seal.sh

points=0
survived=0

# fails WHAT HOW FIRST STEP: at least a few times
fails()
{
	device_fails "$2" "$3" "$4" "$1" >/tmp/points 2>&1
	equal "$1, $2: ends well" $? 0
	note "$(tr '\n' ' ' </tmp/points)"
	at_least "$1, $2: there were points" "$(value points /tmp/points)" 2
	points=$((points + $(value points /tmp/points)))
	survived=$((survived + $(value survived /tmp/points)))
	agree "$1, $2: all is sealed, as the host sees it"
}

# Most of the time would be waiting for grace periods.
echo 1 >/sys/kernel/rcu_expedited

must 'load the transport' modprobe pvmemcontrol_pci
must 'load stacks' modprobe pvmemcontrol_kstack
must 'load huge pages' modprobe pvmemcontrol_hugetlb
must 'load permissions' modprobe pvmemcontrol_perm
must 'load a driver with stacks' insmod /lib/test-modules/pvmc_kstack_user.ko
must 'load a driver with permissions' \
	insmod /lib/test-modules/pvmc_perm_user.ko
check 'the init of all is over' settle
agree 'all is sealed, as the host sees it'

# all_fail WHAT STEP HOW...: each begins one access later
all_fail()
{
	what=$1
	step=$2
	shift 2
	first=1
	for how; do
		fails "$what" "$how" $first "$step"
		first=$((first % step + 1))
	done
}

all_fail attach "$(by_length 6 6 1)" silent break reset gone unplug remove
# Who leaves requests unanswered again and again is connected after a second.
all_fail use "$(by_length 3 3 1)" silent break reset
all_fail use "$(by_length 3 3 1)" gone unplug remove

note "$points points, $survived survived"
equal 'nothing was a violation' "$(host counter violations-total)" 0
equal 'and the VM never paused' "$(host counter violations-paused)" 0
finish
