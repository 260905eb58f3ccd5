# SPDX-License-Identifier: GPL-2.0
# Dead pages of sleeping threads' stacks go back to the host, and whatever the
# VMM does, no thread loses a byte that it needs.
#
# vm: --memory 1G --cpus 2 --timeout 600
# vm: --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --add tools/vm/scenarios/trim_facts:/lib/trim.sh
# module: pvmc_trim_deep
# add: trim_sleepers
# tier: kernels
. /lib/ktap.sh
. /lib/facts.sh
. /lib/trim.sh

SLEEPERS=4000

deep()
{
	value "$1" $DEEP/results
}

# --- what is won ---------------------------------------------------------------

must 'load the transport' modprobe pvmemcontrol_pci
must 'load the consumer' modprobe pvmemcontrol_kstack
equal 'nothing is done unasked' "$(number runs)" 0
spared
equal 'no error' "$(host counter errors)" 0

# --- who has not run has nothing to give ---------------------------------------

cat >/tmp/twice <<'END'
trim=/sys/module/pvmemcontrol_kstack/trim
counts()
{
	echo "$1_pages $(cat $trim/pages)"
	echo "$1_unchanged $(cat $trim/threads_unchanged)"
}
echo 1 >$trim/run && counts first && echo 1 >$trim/run && counts second
END
run_tests 'twice' trim_sleepers 1000 'sh /tmp/twice >/tmp/counts'
at_least 'the second time nothing is new' \
	$(($(value second_unchanged /tmp/counts) -
	   $(value first_unchanged /tmp/counts))) 1000
at_most 'and little is given' \
	$(($(value second_pages /tmp/counts) - $(value first_pages /tmp/counts))) \
	200

# --- deep in the kernel, at any depth ------------------------------------------

must 'load threads that know their frames' \
	insmod /lib/test-modules/pvmc_trim_deep.ko

# Kernel threads, at all depths twice, and each goes through all of them.
depths=$(deep depths)
rounds()
{
	for round in $(seq "$1"); do
		wait_for 10 all_asleep || return 1
		trim
		echo 1 >$DEEP/wake
	done
	wait_for 10 all_asleep
}

all_asleep()
{
	[ "$(deep sleeping)" -eq $((2 * depths)) ]
}

# all_well NAME
all_well()
{
	equal "$1: no byte has changed" "$(deep wrong)" 0
}

must 'start them' eval "echo $((2 * depths)) >$DEEP/threads"
pages=$(number pages)
check 'they sleep, are trimmed and wake at each depth' rounds "$depths"
all_well 'kernel threads'
at_least 'they were trimmed' $(($(number pages) - pages)) $((depths * depths))
run_tests 'also of programs' trim_sleepers $((16 * depths)) "echo 1 >$TRIM/run"
all_well 'programs'
note "$(cat $DEEP/results)"

# --- when it is done -----------------------------------------------------------

runs=$(number runs)
more_runs()
{
	[ "$(number runs)" -gt $((runs + $1)) ]
}
echo 20 >$PARAMETERS/trim_interval_ms
check 'at an interval' wait_for 20 more_runs 5
echo 0 >$PARAMETERS/trim_interval_ms
usleep 500000
runs=$(number runs)
usleep 500000
equal 'and no more' "$(number runs)" "$runs"
# Dropping all that can be dropped is how the kernel looks for memory in the end.
equal 'not for lack of memory, unasked' "$(cat $PARAMETERS/trim_shrink)" N
echo 2 >/proc/sys/vm/drop_caches
usleep 500000
equal 'and it is not' "$(number runs)" "$runs"
echo Y >$PARAMETERS/trim_shrink
echo 1 >$DEEP/wake
must 'threads have something to give' wait_for 10 all_asleep
pages=$(number pages)
echo 2 >/proc/sys/vm/drop_caches
check 'when memory is scarce: who sleeps is seen, and trimmed' \
	wait_for 20 more_runs 1
at_least 'that gives something' $(($(number pages) - pages)) 8
usleep 1500000
runs=$(number runs)
echo 2 >/proc/sys/vm/drop_caches
usleep 500000
equal 'then not again for a while' "$(number runs)" "$runs"
echo N >$PARAMETERS/trim_shrink
check 'only root may' eval "[ $(stat -c %a $TRIM/run) = 200 ]"

# --- each pause is traced ------------------------------------------------------

tracing=/sys/kernel/tracing
echo 1 >$tracing/events/pvmemcontrol_trim/enable
echo 1 >$DEEP/wake
wait_for 10 all_asleep
before=$(number pages)
trim
echo 0 >$tracing/events/pvmemcontrol_trim/enable
equal 'the pauses tell what was given back' \
	"$(sed -n 's/.*pvmemcontrol_trim: .* pages=\([0-9]*\) .*/\1/p' \
		$tracing/trace | awk '{ n += $1 } END { print n }')" \
	$(($(number pages) - before))

# --- a VMM that does not do it -------------------------------------------------

fault()
{
	host set x-fault-mode none
	host set x-fault-period 1
	host set x-fault-count -1
	while [ $# -gt 0 ]; do
		host set "x-fault-$1" "$2"
		shift 2
	done
}

complaints()
{
	dmesg | grep -c 'cannot give all dead pages of stacks back'
}

trims_again()
{
	trim 2>/dev/null
}

for how in 'errno 12 mode errno' 'mode refuse' 'mode silent' 'mode garbage' \
	   'mode partial' 'period 7 mode errno' 'period 7 mode silent' \
	   'period 7 mode garbage' 'period 7 mode partial'
do
	check "$how: works before" wait_for 30 trims_again
	said=$(complaints)
	failed=$(number failed_runs)
	echo 1 >$DEEP/wake
	wait_for 10 all_asleep
	# shellcheck disable=SC2086 # several words
	fault $how
	trim 2>/dev/null
	echo 1 >$DEEP/wake
	wait_for 10 all_asleep
	trim 2>/dev/null
	at_least "$how: it is noticed" $(($(number failed_runs) - failed)) 1
	at_most "$how: and said once" $(($(complaints) - said)) 1
	fault
	check "$how: once it is over all is well" wait_for 30 trims_again
	all_well "$how"
done
fault mode lie
echo 1 >$DEEP/wake
wait_for 10 all_asleep
check 'a VMM that lies' trim
fault
all_well 'a VMM that lies'

# --- coming and going ----------------------------------------------------------

check 'unload the transport' rmmod pvmemcontrol_pci
check 'without a device nothing is done' eval "! echo 1 >$TRIM/run"
check 'load it' modprobe pvmemcontrol_pci
check 'with one it is' trim
echo 10 >$PARAMETERS/trim_interval_ms
for round in 1 2 3 4 5 6 7 8; do
	rmmod pvmemcontrol_kstack || break
	modprobe pvmemcontrol_kstack trim_interval_ms=10 \
		trim_patient=0 || break
	usleep 100000
	echo 1 >$DEEP/wake
done
check 'unload the consumer while it works' rmmod pvmemcontrol_kstack
all_well 'coming and going'
check 'end the threads' rmmod pvmc_trim_deep
finish
