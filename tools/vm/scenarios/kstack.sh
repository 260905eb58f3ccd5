# SPDX-License-Identifier: GPL-2.0
# Guarded stacks: what may be done on one, who touches a guard is stopped before
# the neighbour changes, and what is idle costs the host nothing.
#
# tier: debug kernels
# vm: --memory 1G --cpus 2 --timeout 240 --add tools/vm/scenarios/facts:/lib/facts.sh
# module: pvmc_kstack_user
# add: kstack_ptrace
. /lib/ktap.sh
. /lib/facts.sh

EVENT=PVMEMCONTROL_VIOLATION
dir=/sys/kernel/debug/pvmc_kstack_user
pool=/sys/kernel/debug/pvmemcontrol_kstack/pool
client=/sys/kernel/pvmemcontrol/kstack
parameters=/sys/module/pvmemcontrol_kstack/parameters

mappings=$(host mappings)
must 'load the core' modprobe pvmemcontrol_pci
must 'load the consumer' modprobe pvmemcontrol_kstack
must 'load a driver that uses it' insmod /lib/test-modules/pvmc_kstack_user.ko
equal 'its policy' "$(cat $client/policy)" panic

# What a function may do.
run_tests 'a call' cat $dir/calls
equal 'to user space and back' "$(cat $dir/copy)" 'from a guarded stack'
equal 'no guard was touched' "$(cat $client/violations)" 0

# Somebody sleeps there: he can be looked at, and killed.
echo 20000 >$dir/sleep &
sleeper=$!
asleep()
{
	grep -q '^State:.S' /proc/$sleeper/status &&
		[ "$(value allocs $pool)" -gt "$(value frees $pool)" ]
}
must 'somebody sleeps on one' wait_for 5 asleep
check 'his stack, which the kernel does not see' \
	[ -z "$(cat /proc/$sleeper/stack)" ]
check 'all tasks can be shown' eval 'echo t >/proc/sysrq-trigger'
kill -TERM $sleeper
wait $sleeper
equal 'he is gone' $? 143
equal 'his stack is back' "$(value allocs $pool)" "$(value frees $pool)"

run_tests 'traced' kstack_ptrace
equal 'that stack is back too' "$(value allocs $pool)" "$(value frees $pool)"

# Over the end, with the policy that lets all go on.
echo report >/sys/module/pvmemcontrol/parameters/violation
for context in process softirq hardirq nmi; do
	hits=$(cat $client/violations)
	check "overflow in $context" eval "echo $context >$dir/overflow"
	cat $dir/overflow >/tmp/overflow
	equal "$context: beyond the end" "$(value beyond /tmp/overflow)" 1
	at_least "$context: it was told" "$(value looked /tmp/overflow)" 1
	equal "$context: the neighbour was as before then" \
		"$(value changed /tmp/overflow)" 0
	equal "$context: and is still" \
		"$(value changed_in_the_end /tmp/overflow)" 0
	at_least "$context: a violation" \
		"$(($(cat $client/violations) - hits))" 1
done
equal 'what is written there in NMI is lost' "$(value found /tmp/overflow)" 0x0
# Who stays there keeps what he has there, and is without a guard; he alone, also when
# the one of another is touched.
closed()
{
	echo $(($(host counter guards) + $(host counter ranges)))
}

without()
{
	[ "$(value stacks_overflowed $pool)" = "$1" ] &&
		[ "$(value blocks_unguarded $pool)" = 0 ] &&
		[ "$(closed)" = $(($(value stacks $pool) - $1)) ]
}
must 'all are guarded again' wait_for 20 without 0
must 'have another' eval "echo 1 >$dir/stacks"
hits=$(cat $client/violations)
echo asleep >$dir/overflow &
asleep=$!
check 'but for who is beyond the end' wait_for 20 without 1
echo 0 >$dir/guard
check 'the other is guarded again' wait_for 20 without 1
sleep 2
check 'and he stays there' without 1
echo wake >$dir/overflow
wait $asleep
equal 'he comes back' $? 0
cat $dir/overflow >/tmp/overflow
equal 'from beyond the end' "$(value beyond /tmp/overflow)" 1
equal 'the neighbour is as before' "$(value changed_in_the_end /tmp/overflow)" 0
at_least 'a violation each' "$(($(cat $client/violations) - hits))" 2
check 'then his guard is set too' wait_for 20 without 0
echo 0 >$dir/stacks
# Or the VM is paused, by the host's policy, until that is another.
must 'the host is to pause in NMI' host set violation-in-nmi pause
must 'and to let the VM go on then' host when $EVENT \
	'[{"execute": "qom-set", "arguments": {"path":
	   "/machine/peripheral/pvmc0", "property": "violation-in-nmi",
	   "value": "allow"}}, {"execute": "cont"}]'
check 'paused in nmi' eval "echo nmi >$dir/overflow"
host wait-event $EVENT 10 >/tmp/event
check 'the event says why' grep -q '"reason": "nmi-masked"' /tmp/event
equal 'the VM was paused once' "$(host counter violations-paused)" 1
cat $dir/overflow >/tmp/overflow
equal 'it went on beyond the end' "$(value beyond /tmp/overflow)" 1
equal 'and the neighbour is as before' \
	"$(value changed_in_the_end /tmp/overflow)" 0
at_least 'some were let through: in NMI' "$(host counter violations-in-nmi)" 1
check 'they were named' eval "dmesg | grep -q \
	'of kstack: guard of 16 KiB stack: deep recursion, of user_overflow .*, stopped'"
check 'with who called' eval "dmesg | grep -q ' dive_down+0x.* \[pvmc_kstack_user\]'"
check 'down to the task' eval "dmesg | grep -q ' vfs_write+0x'"
check 'recursion in one line' eval "dmesg | grep -q ' more of it'"
check 'nothing was guessed' eval "! dmesg | grep -q 'a guess'"
echo client >/sys/module/pvmemcontrol/parameters/violation

# What is idle costs the host nothing, and is guarded.
backed()
{
	backed=0
	while read -r at; do
		backed=$((backed + $(host ram "$at" 16384)))
	done <$dir/stacks
	echo $backed
}

idle()
{
	[ "$(value stacks_warm $pool)" = 0 ] && [ "$(backed)" = 0 ]
}

must 'have many' eval "echo 24 >$dir/stacks"
equal 'they cost what is in them' "$(backed)" $((24 * 16384))
# Who reads all memory leaves guards out.  All of one block, in the direct map, as
# the kernel is at no random address; and beyond, as the file has a header.
hits=$(cat $client/violations)
block=$(value block $pool)
dd if=/proc/kcore of=/tmp/kcore bs=4096 count=$((512 + 32)) 2>/tmp/dd \
	skip=$(((0x88000000000 + block) / 4096))
in_block=0
for at in $(cat $dir/stacks); do
	[ $((at / 2097152)) != $((block / 2097152)) ] || in_block=$((in_block + 1))
done
at_least 'some are in the first block' $in_block 1
at_least '/proc/kcore has the stacks' \
	"$(tr -dc '\021' </tmp/kcore | wc -c)" $((in_block * 16384))
equal 'and not the guards' "$(cat $client/violations)" "$hits"

# Who reads over the end of the page before a block, which is anybody's, meets no
# guard.
for at in $(awk '$1 == "block" { print $2 }' $pool); do
	check "over the edge before the block at $at" \
		eval "echo $at >$dir/edge"
done
equal 'that is no violation' "$(cat $client/violations)" "$hits"

# Each guard holds, also after one was opened.
closed=$(closed)
echo report >/sys/module/pvmemcontrol/parameters/violation
reads=$(host counter violations-read)
for i in $(seq 0 23); do
	echo "$i" >$dir/guard
done
check 'guards are set again' wait_for 20 without 0
echo 23 >$dir/guard
# One more if a guard was set again before the instruction that had met it was.
told=$(($(cat $client/violations) - hits))
at_least 'each read of a guard was a violation' "$told" 25
equal 'to the host too' "$(($(host counter violations-read) - reads))" "$told"
check 'and again' wait_for 20 without 0
equal 'as many guards as before' "$(closed)" "$closed"
echo client >/sys/module/pvmemcontrol/parameters/violation

must 'free them' eval "echo 0 >$dir/stacks"
check 'then they cost nothing' wait_for 10 idle
# Guards that are installed are not mappings of the host; any other takes two, as do
# those that were touched.
# QEMU makes a few of its own.
equal 'a guard for each stack' "$(closed)" \
	"$(value stacks $pool)"
limit=$((2 * ($(closed) - $(host counter guards-installed)) + 32))
note "mappings $mappings before, $(host mappings) with $(closed) guards, $(host counter guards-installed) of them installed"
at_most 'mappings of the host' $(($(host mappings) - mappings)) $limit

# Memory is short: what is not used goes back.
echo 2 >/proc/sys/vm/drop_caches
gone()
{
	echo 2 >/proc/sys/vm/drop_caches
	[ "$(value blocks $pool)" = 0 ]
}
check 'blocks go back when memory is short' wait_for 20 gone
equal 'with their guards' "$(host counter guards)" 0
equal 'and nothing is protected' "$(host counter ranges)" 0
equal 'of which all could be opened' "$(value open_failed $pool)" 0

# A thread ends on a stack.
check 'a thread ends on one' eval "echo 1 >$dir/lose"
equal 'which is lost' "$(($(value allocs $pool) - $(value frees $pool)))" 1

equal 'the VM was not paused again' "$(host counter violations-paused)" 1
check 'unload the driver' rmmod pvmc_kstack_user
check 'unload the consumer' rmmod pvmemcontrol_kstack
check 'what was lost is said' eval "dmesg | grep -q '1 blocks of 2 MiB are lost'"
check 'unload the transport' rmmod pvmemcontrol_pci
finish
