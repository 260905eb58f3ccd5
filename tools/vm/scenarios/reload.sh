# SPDX-License-Identifier: GPL-2.0
# Loading and unloading a thousand times leaves nothing behind: no memory, no
# device number, no buffer at the host.
#
# vm: --memory 1G --cpus 2 --add tools/vm/scenarios/facts:/lib/facts.sh
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

# cycles COUNT [CONSUMER]
cycles()
{
	left=$1
	while [ "$left" -gt 0 ]; do
		insmod pvmemcontrol.ko || return 1
		# Half of the time the client comes before the device.
		[ -z "$2" ] || [ $((left % 2)) -eq 0 ] || insmod "$2.ko" ||
			return 1
		insmod pvmemcontrol_pci.ko || return 1
		[ -z "$2" ] || [ $((left % 2)) -eq 1 ] || insmod "$2.ko" ||
			return 1
		[ -c /dev/pvmemcontrol0 ] || return 1
		[ -z "$2" ] || [ $((left % 4)) -lt 2 ] || rmmod "$2" || return 1
		rmmod pvmemcontrol_pci || return 1
		[ -z "$2" ] || [ $((left % 4)) -ge 2 ] || rmmod "$2" || return 1
		rmmod pvmemcontrol || return 1
		left=$((left - 1))
	done
}

measure()
{
	# What is freed after a grace period, or by a worker, is freed.
	sleep 1
	echo 3 >/proc/sys/vm/drop_caches
	sleep 1
	for key in MemFree SUnreclaim Percpu VmallocUsed; do
		echo "$key $(meminfo $key)"
	done
	echo "devices $(md5sum </proc/devices)"
	echo "filters $(md5sum </sys/kernel/tracing/enabled_functions)"
}

# lost KEY: KiB
lost()
{
	case $1 in
	MemFree) echo $(($(value MemFree /tmp/before) - $(value MemFree /tmp/after))) ;;
	*)	echo $(($(value "$1" /tmp/after) - $(value "$1" /tmp/before))) ;;
	esac
}

leaks_nothing()
{
	note "$(paste -d ' ' /tmp/before /tmp/after)"
	# Less than a byte of 4 for each cycle; a page each would be 4000 KiB.
	at_most "$1: memory" "$(lost MemFree)" 2000
	at_most "$1: slab" "$(lost SUnreclaim)" 400
	at_most "$1: per-CPU memory" "$(lost Percpu)" 200
	at_most "$1: vmalloc" "$(lost VmallocUsed)" 400
	equal "$1: device numbers" "$(value devices /tmp/after)" \
		"$(value devices /tmp/before)"
	equal "$1: hooks" "$(value filters /tmp/after)" \
		"$(value filters /tmp/before)"
	equal "$1: buffers at the host" "$(host counter connections)" 0
}

# What is allocated the first time, and kept, is no leak.
check 'a few cycles' cycles 20 pvmemcontrol_hugetlb
measure >/tmp/before
check '1000 cycles of core and transport' cycles 1000
measure >/tmp/after
leaks_nothing '1000 cycles'

measure >/tmp/before
check '50 cycles with the consumer' cycles 50 pvmemcontrol_hugetlb
measure >/tmp/after
leaks_nothing '50 cycles with the consumer'

finish
