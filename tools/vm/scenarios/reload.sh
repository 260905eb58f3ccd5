# SPDX-License-Identifier: GPL-2.0
# Loading and unloading many times leaves nothing behind: no memory, no
# device number, no buffer at the host.
#
# vm: --memory 1G --cpus 2 --add tools/vm/scenarios/facts:/lib/facts.sh
# add: reload
. /lib/ktap.sh
. /lib/facts.sh

meminfo()
{
	awk -v key="$1:" '$1 == key { print $2 }' /proc/meminfo
}

# From memory: the shared folder would be most of the work.
mkdir /tmp/modules
for module in pvmemcontrol pvmemcontrol_pci pvmemcontrol_hugetlb; do
	cp "$(modinfo -n $module)" /tmp/modules
done
cd /tmp/modules || exit

# Most of a cycle would be waiting for grace periods.
echo 1 >/sys/kernel/rcu_expedited

measure()
{
	# What is freed after a grace period, or by a worker, is freed.
	sleep 1
	echo 3 >/proc/sys/vm/drop_caches
	sleep 1
	# Free pages that CPUs keep at hand are not in MemFree.
	cached=$(awk '$1 == "count:" { n += $2 } END { print n * 4 }' \
		/proc/zoneinfo)
	echo "free $(($(meminfo MemFree) + cached))"
	for key in SUnreclaim Percpu VmallocUsed; do
		echo "$key $(meminfo $key)"
	done
	echo "devices $(md5sum </proc/devices)"
	echo "filters $(md5sum </sys/kernel/tracing/enabled_functions)"
}

# lost KEY: KiB
lost()
{
	case $1 in
	free)	echo $(($(value free /tmp/before) - $(value free /tmp/after))) ;;
	*)	echo $(($(value "$1" /tmp/after) - $(value "$1" /tmp/before))) ;;
	esac
}

leaks_nothing()
{
	note "$(paste -d ' ' /tmp/before /tmp/after)"
	# A page for each of 1000 cycles would be 4000 KiB, 128 bytes 125 KiB.
	# Of pages there are always some on their way, of slab hardly.
	at_most "$1: memory" "$(lost free)" 1000
	at_most "$1: slab" "$(lost SUnreclaim)" $slab
	at_most "$1: per-CPU memory" "$(lost Percpu)" 40
	at_most "$1: vmalloc" "$(lost VmallocUsed)" 40
	equal "$1: device numbers" "$(value devices /tmp/after)" \
		"$(value devices /tmp/before)"
	equal "$1: hooks" "$(value filters /tmp/after)" \
		"$(value filters /tmp/before)"
	equal "$1: buffers at the host" "$(host counter connections)" 0
}

# What was freed stays in slabs for a while where KASAN looks for its use; there
# kmemleak says what is lost.
slab=100
[ ! -e /sys/kernel/debug/kmemleak ] || slab=1000

cycles=$(by_length 20 40 1000)

core='pvmemcontrol.ko pvmemcontrol_pci.ko'
# The client after the device, and before it.
all="$core pvmemcontrol_hugetlb.ko"
client_first='pvmemcontrol.ko pvmemcontrol_hugetlb.ko pvmemcontrol_pci.ko'

# What is allocated the first time, and kept, is no leak.
# shellcheck disable=SC2086 # several words
{
	must 'a few cycles' reload 5 $all
	must 'a few cycles, the client first' reload 5 $client_first
	must 'a few cycles of core and transport' reload 50 $core

	measure >/tmp/before
	must "$cycles cycles of core and transport" reload $cycles $core
	measure >/tmp/after
	leaks_nothing "$cycles cycles"

	measure >/tmp/before
	must 'cycles with the consumer' reload 15 $all
	must 'cycles, the client first' reload 15 $client_first
	measure >/tmp/after
	# It has tried what zeroes in each cycle: 2 MiB each would be 60 MiB.
	leaks_nothing 'with the consumer'
}

must 'load' insmod pvmemcontrol.ko
must 'load the transport' insmod pvmemcontrol_pci.ko
check 'there is a device file' [ -c /dev/pvmemcontrol0 ]

finish
