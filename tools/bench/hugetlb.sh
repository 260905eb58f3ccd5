# SPDX-License-Identifier: GPL-2.0
# Huge pages: the kernel alone and the consumer, in turn in one guest; what an
# idle pool costs the host, also with free page reporting over a balloon.
#
# vm: --memory 4G --cpus 2 --timeout 900
# vm: --append 'hugepagesz=1G hugepages=1 transparent_hugepage=madvise'
# vm: --qemu '-device virtio-balloon-pci,free-page-reporting=on'
# vm: --add tools/bench/lib/numbers.sh:/lib/numbers.sh
# add: hugebench
set -eu
. /lib/numbers.sh

REPEAT=3
POOL=512
PARAMETERS=/sys/module/pvmemcontrol_hugetlb/parameters
modprobe pvmemcontrol_pci

ratio()
{
	awk -v a="$1" -v b="$2" 'BEGIN { printf "%.4f\n", a / b }'
}

with()
{
	modprobe pvmemcontrol_hugetlb verify=0
}

without()
{
	rmmod pvmemcontrol_hugetlb
}

pool()
{
	echo "$1" >/proc/sys/vm/nr_hugepages
	[ "$(cat /proc/sys/vm/nr_hugepages)" = "$1" ]
}

# both WHO MIB NR PERCENT STATE: medians of first_ns, total_ns and exits, in
# kernel_first, consumer_first, ...; the two in turn.
both()
{
	rm -f /tmp/kernel.* /tmp/consumer.*
	for i in $(seq "$REPEAT"); do
		for who in kernel consumer; do
			if [ $who = consumer ]; then
				with
				[ "$4" = thp ] && echo Y >$PARAMETERS/thp
				echo "$5" >$PARAMETERS/giveback
			fi
			hugebench touch "$1" "$2" "$3" "$4" >/tmp/run
			if [ $who = consumer ]; then
				without
			fi
			for what in first_ns total_ns exits; do
				value $what /tmp/run >>/tmp/$who.$what
			done
		done
	done
	kernel_first=$(median /tmp/kernel.first_ns)
	kernel_total=$(median /tmp/kernel.total_ns)
	consumer_first=$(median /tmp/consumer.first_ns)
	consumer_total=$(median /tmp/consumer.total_ns)
	consumer_exits=$(median /tmp/consumer.exits)
}

# sizes NAME MIB NR: everything about pages of one size
sizes()
{
	# Dropped when they are handed out, and backed before.
	both "$2" "$3" 1 backed N
	echo "hugetlb.first_touch_$1_ns.kernel $kernel_first"
	echo "hugetlb.first_touch_$1_ns.consumer $consumer_first"
	echo "hugetlb.first_touch_speedup_$1 $(ratio "$kernel_first" "$consumer_first")"
	echo "hugetlb.exits_$1 $(ratio "$consumer_exits" "$3")"

	# Dropped when they were given back.
	both "$2" "$3" 1 backed Y
	echo "hugetlb.first_touch_known_$1_ns $consumer_first"
	echo "hugetlb.exits_known_dropped_$1 $(ratio "$consumer_exits" "$3")"

	for percent in 1 10 100; do
		for state in backed unbacked; do
			both "$2" "$3" $percent $state N
			name=touch_${percent}pct_$1_$state
			echo "hugetlb.total_ns_$name.kernel $kernel_total"
			echo "hugetlb.total_ns_$name.consumer $consumer_total"
			echo "hugetlb.total_ratio_$name $(ratio "$consumer_total" "$kernel_total")"
		done
	done
}

pool 64
sizes 2m 2 64 | tee /tmp/2m
sizes 1g 1024 1 | tee /tmp/1g

# Transparent huge pages, with the consumer's parameter set.
pool 0
for percent in 1 100; do
	both 2 64 $percent thp N
	echo "hugetlb.thp_total_ratio_touch_${percent}pct $(ratio "$consumer_total" "$kernel_total")"
done

# The figures by which this is known: pages of 2 MiB, backed before.
echo "hugetlb.exits_known_dropped $(value hugetlb.exits_known_dropped_2m /tmp/2m)"
for percent in 1 10 100; do
	echo "hugetlb.total_ratio_touch_${percent}pct $(value hugetlb.total_ratio_touch_${percent}pct_2m_backed /tmp/2m)"
done

# idle NAME SECONDS: what the host has of a pool after it was used
idle()
{
	hugebench idle 2 $POOL "$2" >/tmp/idle
	echo "hugetlb.pool_resident_fraction$1 $(ratio "$(value resident_idle /tmp/idle)" $((POOL << 21)))"
	echo "hugetlb.giveback_bytes$1 $(($(value resident_used /tmp/idle) - $(value resident_idle /tmp/idle)))"
	echo "hugetlb.giveback_delay_ms$1 $(ratio "$(value delay_ns /tmp/idle)" 1000000)"
}

pool $POOL
idle .kernel 1
with
idle '' 10
without

# The peer: free page reporting.  It never sees the persistent pool, and sees
# surplus pages when it looks.
modprobe virtio_balloon
idle .reporting_persistent 5
pool 0
echo $POOL >/proc/sys/vm/nr_overcommit_hugepages
idle .reporting_surplus 30
