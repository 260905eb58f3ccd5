# SPDX-License-Identifier: GPL-2.0
# The kernel's own read-only data is sealed.  Writes to it are caught; all that
# patches the kernel while it runs goes on working: static keys, static calls,
# ftrace, kprobes, BPF, modules, CPUs that go and come.
#
# vm: --memory 1G --cpus 2 --one-thread
# vm: --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --add tools/vm/scenarios/seal:/lib/seal.sh
# add: bpf_run
# module: pvmc_sealed
# tier: kernels
. /lib/ktap.sh
. /lib/facts.sh
. /lib/seal.sh

tracing=/sys/kernel/tracing

put()
{
	echo "$1" >"$2"
}

# Has it on and off, and is as before.
toggle()
{
	was=$(cat "$1")
	put 1 "$1" && [ "$(cat "$1")" = 1 ] && put 0 "$1" &&
		[ "$(cat "$1")" = 0 ] && put "$was" "$1"
}

# trace TRACER PATTERN: what the tracer has seen while something was done
trace()
{
	put "$2" $tracing/set_ftrace_filter &&
		put "$1" $tracing/current_tracer || return 1
	cat /proc/modules >/tmp/modules
	grep -q vfs_ $tracing/trace || return 1
	put nop $tracing/current_tracer && put '' $tracing/set_ftrace_filter
}

probe()
{
	put "p:ours vfs_read
r:oursback vfs_read" $tracing/kprobe_events &&
		put 1 $tracing/events/kprobes/enable || return 1
	cat /proc/modules >/tmp/modules
	grep -q 'ours:' $tracing/trace && grep -q 'oursback:' $tracing/trace ||
		return 1
	put 0 $tracing/events/kprobes/enable && put '' $tracing/kprobe_events
}

events()
{
	put 1 $tracing/events/enable || return 1
	cat /proc/modules >/tmp/modules
	put 0 $tracing/events/enable
	grep -q 'sched_switch:' $tracing/trace
}

preemption()
{
	modes=$(tr -d '()' </sys/kernel/debug/sched/preempt)
	[ "$(echo "$modes" | wc -w)" -ge 2 ] || return 1
	for mode in $modes; do
		put $mode /sys/kernel/debug/sched/preempt &&
			grep -q "($mode)" /sys/kernel/debug/sched/preempt ||
			return 1
	done
}

cpu()
{
	online=/sys/devices/system/cpu/cpu1/online
	put 0 $online && put 1 $online && [ "$(cat $online)" = 1 ] &&
		taskset 2 true
}

at_symbol()
{
	awk -v name="$1" '$3 == name { print $1; exit }' /proc/kallsyms
}

attack()
{
	before=$(dmesg |
		grep -c 'write to protected page .*: rodata of the kernel,')
	echo "$(at_symbol "$2") $3 $4" >/sys/kernel/debug/pvmc_sealed/write
	equal "$1 is caught" "$(dmesg |
		grep -c 'write to protected page .*: rodata of the kernel,')" \
		$((before + 1))
}

must 'load the transport' modprobe pvmemcontrol_pci
must 'load the consumer' modprobe pvmemcontrol_perm seal_kernel=1
must 'load the attacker' insmod /lib/test-modules/pvmc_sealed.ko
check 'the init of all is over' settle
agree 'all is sealed, as the host sees it'
rodata=$(sed -n 's/^ *\([0-9a-f]*\)-\([0-9a-f]*\) : Kernel rodata$/0x\1 0x\2/p' \
	/proc/iomem)
pages=$(((${rodata#* } + 1 - ${rodata% *}) / 4096))
equal 'the kernel, to its last page' "$(awk '/ rodata of the kernel$/ {
	print $1, $2, $3 }' $perm/sealed)" "sealed $pages 1"

check 'static keys: scheduler statistics' toggle \
	/proc/sys/kernel/sched_schedstats
check 'static keys: BPF statistics' toggle /proc/sys/kernel/bpf_stats_enabled
check 'static keys: delay accounting' toggle /proc/sys/kernel/task_delayacct
if [ -e /sys/kernel/realtime ]; then
	skip 'static calls: preemption' 'PREEMPT_RT has one kind of it'
else
	check 'static calls: preemption' preemption
fi
check 'ftrace: function' trace function 'vfs_*'
check 'ftrace: function graph' trace function_graph 'vfs_*'
check 'ftrace: every function' trace function ''
check 'kprobes' probe
check 'tracepoints: all' events
check 'BPF' bpf_run
check 'a CPU goes and comes' cpu
check 'modules: ext4' modprobe ext4
check 'modules: loop' modprobe loop
check 'modules: kprobe in one' sh -c "
	echo 'p:module ext4:ext4_fill_super' >$tracing/kprobe_events &&
	echo >$tracing/kprobe_events"
truncate -s 16M /tmp/disk
check 'modules: they work' sh -c '
	losetup /dev/loop0 /tmp/disk && mke2fs -F /dev/loop0 &&
	mkdir -p /mnt && mount -t ext4 /dev/loop0 /mnt && umount /mnt &&
	losetup -d /dev/loop0'
check 'modules: the init of all is over' settle
agree 'modules: they are sealed'
check 'modules: unload' rmmod ext4 loop
agree 'all that is left is sealed'

equal 'none of this was a violation' "$(host counter violations-total)" 0
attack 'a constant table, new mapping,' hex_asc vmap store
attack 'the system calls, direct map,' sys_call_table direct store
attack 'read-only after init, new mapping,' __start_ro_after_init vmap locked
equal 'the host has seen as many' "$(host counter violations-total)" 3

check 'unload the consumer' rmmod pvmemcontrol_perm
equal 'all is open' "$(host_sealed)" 0
equal 'the VM was never paused' "$(host counter violations-paused)" 0
finish
