# SPDX-License-Identifier: GPL-2.0
# Nobody ever sees what another has left in a huge page, and no page is lost:
# several processes hand pages to each other by way of a pool that is too small
# for all of them, while modules come and go, parameters change and the VMM
# fails in every way that can be noticed.
#
# vm: --one-thread
# vm: --memory 1G --cpus 2
# vm: --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --add tools/vm/scenarios/pages:/lib/pages.sh
# vm: --append 'hugepagesz=2M hugepages=12'
# add: stale hugepage
. /lib/ktap.sh
. /lib/facts.sh
. /lib/pages.sh

PAGES=12
ROUNDS=$(by_length 1000 1500 10000)
COUNTERS='dropped known returned return_failed no_device unproven failed
	mismatched verified'

# From memory: the shared folder would be most of the work.
mkdir /tmp/modules
for module in pvmemcontrol pvmemcontrol_pci pvmemcontrol_hugetlb; do
	cp "$(modinfo -n $module)" /tmp/modules
done
cd /tmp/modules || exit

# The counters are lost when the module goes.
tally()
{
	for name in $COUNTERS; do
		echo "$name $(counter $name)"
	done >>/tmp/tally
}

tallied()
{
	awk -v key="$1" '$1 == key { sum += $2 } END { print sum + 0 }' \
		/tmp/tally
}

unload()
{
	tally
	rmmod "$1"
}

# For how long the VMM behaves in one way.
meanwhile()
{
	usleep 250000
}

# misbehave HOW...: for a while; it must have happened
misbehave()
{
	injected=$(host counter faults-injected)
	fault "$@"
	meanwhile
	wait_for 20 happened || {
		echo "the VMM was not asked while it would $*"
		return 1
	}
	fault
	meanwhile
}

happened()
{
	[ "$(host counter faults-injected)" -gt "$injected" ]
}

# Each leaves the transport loaded, the consumer not, and the VMM in order;
# prints what did not work.

fails()
{
	insmod pvmemcontrol_hugetlb.ko || return 1
	meanwhile
	for how in 'errno 12 mode errno' 'mode refuse' 'mode partial'; do
		# shellcheck disable=SC2086 # several words
		misbehave period 2 $how || return 1
	done
	unload pvmemcontrol_hugetlb
}

keeps_pages()
{
	insmod pvmemcontrol_hugetlb.ko || return 1
	meanwhile
	parameter giveback N
	meanwhile
	parameter verify 1
	misbehave period 3 mode garbage || return 1
	parameter giveback Y
	misbehave period 5 mode silent || return 1
	unload pvmemcontrol_hugetlb
}

forgets()
{
	insmod pvmemcontrol_hugetlb.ko verify=1 || return 1
	meanwhile
	host set x-forget true || return 1
	meanwhile
	parameter verify 0
	misbehave mode silent || return 1
	unload pvmemcontrol_hugetlb
}

# It cannot find out what zeroes; then there is no device; then it can.
cannot_tell()
{
	fault mode errno
	insmod pvmemcontrol_hugetlb.ko giveback=0 || return 1
	meanwhile
	fault
	unload pvmemcontrol_pci || return 1
	meanwhile
	parameter giveback 1
	insmod pvmemcontrol_pci.ko || return 1
	meanwhile
	unload pvmemcontrol_hugetlb
}

# Pages that it knew in its last life, which others have had since.
comes_back()
{
	for _ in 1 2 3; do
		insmod pvmemcontrol_hugetlb.ko verify=0 || return 1
		usleep 50000
		unload pvmemcontrol_hugetlb || return 1
	done
}

device_leaves()
{
	insmod pvmemcontrol_hugetlb.ko || return 1
	meanwhile
	unload pvmemcontrol_pci || return 1
	unload pvmemcontrol_hugetlb || return 1
	insmod pvmemcontrol_pci.ko
}

ALL='fails keeps_pages forgets cannot_tell comes_back device_leaves'

must 'load the core' insmod pvmemcontrol.ko
must 'load the transport' insmod pvmemcontrol_pci.ko
(
	stale 4 "$ROUNDS" /tmp/done /tmp/enough >/tmp/stale 2>&1
	echo $? >/tmp/stale.status
) &
busy=$!

# All of them, and then on until the rounds are done.
pass=0
until [ -e /tmp/done ]; do
	pass=$((pass + 1))
	for way in $ALL; do
		[ $pass -eq 1 ] || [ ! -e /tmp/done ] || break
		[ ! -e /tmp/stale.status ] || break 2
		check "$pass: $way" $way
		[ "$ktap_failed" -eq 0 ] || break 2
	done
	note "up since $(cut -d ' ' -f 1 /proc/uptime) s"
done
touch /tmp/enough
wait $busy
fault
[ ! -e /sys/module/pvmemcontrol_hugetlb ] || rmmod pvmemcontrol_hugetlb

note "$(cat /tmp/stale)"
for name in $COUNTERS; do
	note "tallied: $name $(tallied "$name")"
done
equal 'all processes got through' "$(cat /tmp/stale.status)" 0
equal 'nobody saw what another had left' "$(value stale /tmp/stale)" 0
equal 'nobody lost what he had written' "$(value changed /tmp/stale)" 0
at_least 'all rounds were done' "$(value rounds /tmp/stale)" "$ROUNDS"
for name in private shared file forked copies holes; do
	at_least "pages were taken in this way: $name" \
		"$(value $name /tmp/stale)" $((ROUNDS / 50))
done
at_least 'the pool was too small at times' "$(value refused /tmp/stale)" 1
for name in dropped known returned; do
	at_least "often enough: $name" "$(tallied $name)" $((ROUNDS / 50))
done
for name in return_failed no_device unproven failed verified; do
	at_least "at times: $name" "$(tallied $name)" 1
done
equal 'whoever noticed, there was no lie' "$(tallied mismatched)" 0
pool_whole 'afterwards' 2 $PAGES

must 'load the consumer once more' insmod pvmemcontrol_hugetlb.ko
check 'all pages can be had' pages 2 $PAGES touch zero fill filled unmap \
	touch zero
all_zero 'all pages can be had'
equal 'the device does its work: dropped' "$(counter dropped)" $PAGES
equal 'the device does its work: known' "$(counter known)" $PAGES
check 'the pool can be emptied' set_pool 2 0
check 'unload the consumer' rmmod pvmemcontrol_hugetlb
check 'unload the transport' rmmod pvmemcontrol_pci
equal 'the host has no buffer registered' "$(host counter connections)" 0

finish
