# SPDX-License-Identifier: GPL-2.0
# All consumers and all loads at once, while the VMM fails, the device comes and goes,
# a CPU too, and memory is short.  Each byte is looked at, and in the end all is as it
# was before.  Arguments, see tools/soak: seconds, and a seed.
#
# vm: --one-thread --memory 1G --cpus 2 --append 'hugepages=14'
# vm: --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --add tools/vm/scenarios/seal:/lib/seal.sh
# vm: --add tools/vm/scenarios/soak:/lib/soak.sh
# module: pvmc_soak pvmc_trim_deep
# add: trim_load trim_sleepers stale soak_memory soak_ioctl
# tool: pvmemctl
. /lib/ktap.sh
. /lib/facts.sh
. /lib/seal.sh
. /lib/soak.sh

SECONDS_LONG=${1:-$(by_length 8 30 30)}
seed=${2:-${SEED:-1}}
RAM_PART=$((256 << 20))
SOAK=/sys/kernel/debug/pvmc_soak
DEEP=/sys/kernel/debug/pvmc_trim_deep
POOL=/sys/kernel/debug/pvmemcontrol_kstack/pool
TRIM=/sys/module/pvmemcontrol_kstack/trim
HUGE=/sys/kernel/mm/hugepages/hugepages-2048kB
OURS='pvmemcontrol_hugetlb pvmemcontrol_perm pvmemcontrol_kstack pvmemcontrol_pci
	pvmemcontrol'

note "seed $seed"

# --- loads ---------------------------------------------------------------------------

# load NICER NAME COMMAND...: until /tmp/enough is there, which the command looks for;
# so much nicer than what happens
load()
{
	load_nicer=$1
	load_name=$2
	shift 2
	loads="$loads $load_name"
	rm -f "/tmp/status.$load_name"
	(
		# Others than what happens, which would not get its turn.
		renice -n $load_nicer -p "$(exec sh -c 'echo $PPID')" \
			>/tmp/renice 2>&1
		"$@" >"/tmp/load.$load_name" 2>&1
		load_status=$?
		echo $load_status >"/tmp/status.$load_name"
		[ $load_status -eq 0 ] || touch /tmp/over
	) &
}

# again NAME COMMAND...: what comes to its end by itself, again and again
again()
{
	again_times=0
	until [ -e /tmp/enough ]; do
		"$@" || return 1
		again_times=$((again_times + 1))
	done
	echo "times $again_times"
}

come_and_go()
{
	for come in loop dummy isofs; do
		modprobe $come && rmmod $come || return 1
	done
}

look_around()
{
	cat /sys/kernel/pvmemcontrol/*/* /sys/kernel/debug/pvmemcontrol_*/* \
		$class/[a-u]* $TRIM/p* >/tmp/looked 2>&1
	pvmemctl stat >>/tmp/looked 2>&1
	usleep 100000
}

wake()
{
	echo 1 >$DEEP/wake && usleep 70000
}

sum()
{
	awk -v key="$2" '$1 == key { n += $NF ~ /[0-9]/ ? $2 : 0 }
		END { print n + 0 }' "/tmp/load.$1"
}

# Until none of the zones has what the kernel wants to be free.
short_of_memory()
{
	echo 16384 >/proc/sys/vm/min_free_kbytes
	echo 300 >/proc/sys/vm/watermark_scale_factor
	soak_memory "$(awk '$1 == "low" { n += $2 } END { print n * 4 }' \
		/proc/zoneinfo)" /tmp/enough
}

start_loads()
{
	rm -f /tmp/enough /tmp/over /tmp/happened
	loads=
	load 25 processes again trim_load 2
	load 25 sleepers again trim_sleepers 60 'usleep 300000'
	load 25 wakers again wake
	load 25 huge-pages stale 3 1 /tmp/done /tmp/enough "$seed"
	load 25 ioctls soak_ioctl "$seed" /tmp/enough
	load 20 modules again come_and_go
	load 20 looks again look_around
	[ -n "$calm" ] || load 20 memory short_of_memory
}

all_ended()
{
	for ended in $loads; do
		[ -e "/tmp/status.$ended" ] || return 1
	done
}

end_loads()
{
	touch /tmp/enough
	wait_for 300 all_ended || {
		for ended in $loads; do
			[ -e "/tmp/status.$ended" ] || note "no end: $ended"
		done
		echo w >/proc/sysrq-trigger
		not_ok "$1: all loads come to an end"
		finish
	}
	for ended in $loads; do
		equal "$1: $ended" "$(cat "/tmp/status.$ended")" 0
		[ "$(cat "/tmp/status.$ended")" = 0 ] && continue
		note "$(tail -n 40 "/tmp/load.$ended")"
	done
}

# --- before and after --------------------------------------------------------------------

meminfo()
{
	awk -v key="$1:" '$1 == key { print $2 }' /proc/meminfo
}

measure()
{
	sleep 1
	echo 3 >/proc/sys/vm/drop_caches
	for cache in /sys/kernel/slab/*/shrink; do
		echo 1 >"$cache"
	done 2>/dev/null
	sleep 1
	# Free pages that CPUs keep at hand are not in MemFree.
	cached=$(awk '$1 == "count:" { n += $2 } END { print n * 4 }' \
		/proc/zoneinfo)
	echo "used $(($(meminfo MemTotal) - $(meminfo MemFree) - cached))"
	for key in SUnreclaim Percpu VmallocUsed; do
		echo "$key $(meminfo $key)"
	done
	echo "modules $(cut -d ' ' -f 1 /proc/modules | sort | md5sum)"
	echo "devices $(md5sum </proc/devices)"
	echo "filters $(md5sum </sys/kernel/tracing/enabled_functions)"
	echo "threads $(cat /proc/[0-9]*/comm 2>&- | grep -c '^pvm')"
	echo "mappings $(host mappings)"
	echo "guest-mappings $(host vma 0x100000 0x3ff00000 | wc -l)"
}

# not_grown KEY MOST: KiB
not_grown()
{
	at_most "as before: $1" \
		$(($(value "$1" /tmp/after) - $(value "$1" /tmp/before))) "$2"
}

as_before()
{
	note "$(paste -d ' ' /tmp/before /tmp/after)"
	# What is lost again and again comes to more in minutes.
	not_grown used 4000
	not_grown SUnreclaim 1500
	not_grown Percpu 64
	not_grown VmallocUsed 256
	# QEMU makes some of its own; those of the guest's memory are told below.
	not_grown mappings 100
	for key in modules devices filters threads guest-mappings; do
		equal "as before: $key" "$(value $key /tmp/after)" \
			"$(value $key /tmp/before)"
	done
}

# --- a round --------------------------------------------------------------------------

result()
{
	value "$1" $SOAK/results
}

stacks_back()
{
	[ "$(value allocs $POOL)" = "$(value frees $POOL)" ]
}

all_sealed()
{
	[ "$(count waiting) $(count leaving) $(count held_pages)" = '0 0 0' ] &&
		agreed
}

# $1: what it is called; $2: seconds
round()
{
	must "$1: load the transport" modprobe pvmemcontrol_pci
	must "$1: load huge pages" modprobe pvmemcontrol_hugetlb verify=1
	must "$1: load permissions" modprobe pvmemcontrol_perm
	must "$1: load stacks" modprobe pvmemcontrol_kstack \
		trim_interval_ms=100 trim_patient=0 idle_ms=300
	must "$1: load drivers" insmod /lib/test-modules/pvmc_soak.ko
	must "$1: load sleepers" insmod /lib/test-modules/pvmc_trim_deep.ko
	must "$1: wait for the device" wait_for 120 is_up
	must "$1: start the drivers" eval "echo $seed >$SOAK/run"
	must "$1: start the sleepers" eval "echo 30 >$DEEP/threads"
	note "$1: begins at $(seconds) s"
	start_loads
	happen "$2"
	note "$1: ends at $(seconds) s"
	check "$1: the VMM behaves" mended
	end_loads "$1"
	# Ending them one by one takes long while all CPUs are stopped again and again.
	echo 0 >/sys/module/pvmemcontrol_kstack/parameters/trim_interval_ms
	check "$1: end the drivers" eval "echo 0 >$SOAK/run"
	note "$1: has ended at $(seconds) s"
	judge "$1"
	[ -n "$calm" ] || tell_loads
	end_round "$1"
}

judge()
{
	equal "$1: the drivers found nothing wrong" "$(result wrong)" 0
	equal "$1: nor pages that stay closed" "$(result stuck)" 0
	for name in stacks_checked calls commits pages_read pages_written; do
		at_least "$1: drivers: $name" "$(result $name)" 5
	done
	if [ -n "$calm" ]; then
		equal "$1: nothing was refused to them" \
			"$(result stack_errors) $(result commit_errors)" '0 0'
		equal "$1: no trimming failed" "$(cat $TRIM/failed_runs)" 0
	fi
	equal "$1: no frame of a sleeper has changed" \
		"$(value wrong $DEEP/results)" 0
	at_least "$1: sleepers woke" "$(value woken $DEEP/results)" 50
	at_least "$1: stacks were trimmed" "$(cat $TRIM/runs)" 2
	equal "$1: no process did anything wrong" \
		"$(grep '^not ok' /tmp/load.processes /tmp/load.sleepers)" ''
	equal "$1: nobody saw what another had left" \
		"$(value stale /tmp/load.huge-pages)" 0
	equal "$1: huge pages have what was written" \
		"$(value changed /tmp/load.huge-pages)" 0
	for name in ioctls memory; do
		equal "$1: nothing wrong: $name" \
			"$(grep -s '^not ok' /tmp/load.$name)" ''
	done
	check "$1: all stacks are back" wait_for 120 stacks_back
	check "$1: what is sealed is what should be" wait_for 120 all_sealed
	tell_counts
}

tell_counts()
{
	note "processes: $(awk '/ times$/ { n[$1] += $(NF - 1) }
		END { for (k in n) printf "%s %d ", k, n[k] }' /tmp/load.processes)"
	for name in wakers modules looks sleepers; do
		note "$name: $(tail -n 1 /tmp/load.$name)"
	done
	for name in huge-pages ioctls memory; do
		[ ! -e /tmp/load.$name ] ||
			note "$name: $(grep -v ok /tmp/load.$name | tr '\n' ' ')"
	done
	note "drivers: $(tr '\n' ' ' <$SOAK/results)"
	note "trimmed: $(cd $TRIM && grep . runs failed_runs pages exits |
		tr ':\n' '  ')"
	note "sealed: $(tr '\n' ' ' <$perm/sealing)"
	note "happened: $(sort /tmp/happened | uniq -c | tr '\n' ' ')"
}

# How much of each load was held, and how much went wrong meanwhile.
tell_loads()
{
	for name in stacks_checked calls commits pages_read pages_written; do
		note "load $name: $(result $name)"
	done
	note "load huge_pages: $(value pages /tmp/load.huge-pages)"
	note "load ioctls: $(value calls /tmp/load.ioctls)"
	note "load pages_trimmed: $(cat $TRIM/pages)"
	note "load processes: $(awk '/ times$/ { n += $(NF - 1) }
		END { print n + 0 }' /tmp/load.processes)"
	note "load memory_mib: $(value mib /tmp/load.memory)"
	note "events $(wc -l </tmp/happened)"
}

end_round()
{
	check "$1: unload the sleepers" rmmod pvmc_trim_deep
	check "$1: unload the drivers" rmmod pvmc_soak
	tally
	for name in $OURS; do
		check "$1: unload $name" rmmod "$name"
	done
	equal "$1: the host seals nothing" "$(host_sealed)" 0
	for name in ranges guards locked-bytes connections; do
		equal "$1: nothing is left at the host: $name" \
			"$(host counter $name)" 0
	done
	equal "$1: all huge pages are in the pool" \
		"$(cat $HUGE/free_hugepages $HUGE/resv_hugepages | tr '\n' ' ')" \
		'14 0 '
}

check 'what happens has its turn' renice -n -15 -p $$
calm=yes
round calm $((SECONDS_LONG / 8 + 2))
# What is allocated the first time, and kept, is no leak.
measure >/tmp/before
note "measured at $(seconds) s"
rm -f /tmp/tally
calm=
host_pages_out || skip 'the host pages the guest out' 'the host has no swap'
round soak "$SECONDS_LONG"
# Not more is asked of a short run than that some are.
if [ "$SECONDS_LONG" -ge 300 ]; then
	for name in $ALL_EVENTS; do
		at_least "it happened: $name" "$(happened "$name")" 1
	done
fi
measure >/tmp/after
as_before
for name in faults-injected requests-total errors refused ignored paged-out; do
	note "$name $(counted $name)"
done
equal 'no page was touched that was closed' "$(counted violations-total)" 0
equal 'the VM was never paused' "$(counted violations-paused)" 0
at_least 'faults were injected' "$(counted faults-injected)" 1
finish
