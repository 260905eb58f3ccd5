# SPDX-License-Identifier: GPL-2.0
# Processes and threads that come and go without end, while stacks are trimmed
# ten times a second.  An argument says for how many seconds (tools/soak).
#
# tier: debug
# vm: --memory 1G --cpus 2
# vm: --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --add tools/vm/scenarios/trim_facts:/lib/trim.sh
# module: pvmc_trim_deep
# add: trim_load trim_sleepers
. /lib/ktap.sh
. /lib/facts.sh
. /lib/trim.sh

SECONDS_LONG=${1:-$(by_length 8 30 30)}

must 'load the transport' modprobe pvmemcontrol_pci
# Impatient: whoever sleeps just now is trimmed, however often it wakes.
must 'load the consumer' modprobe pvmemcontrol_kstack trim_interval_ms=100 \
	trim_patient=0
must 'load threads that know their frames' \
	insmod /lib/test-modules/pvmc_trim_deep.ko
must 'start them' eval "echo 200 >$DEEP/threads"

(
	while [ ! -e /tmp/enough ]; do
		echo 1 >$DEEP/wake
		usleep 70000
	done
) &
waker=$!
(
	while [ ! -e /tmp/enough ]; do
		trim_sleepers 150 'usleep 500000' || exit 1
	done >/tmp/sleepers 2>&1
) &
sleepers=$!

runs=$(number runs)
run_tests "$SECONDS_LONG s of load" trim_load "$SECONDS_LONG"
touch /tmp/enough
wait $sleepers
equal 'sleepers all the time' $? 0
equal 'none of them was wrong' "$(grep '^not ok' /tmp/sleepers)" ''
wait $waker

at_least 'it was trimmed all the time' $(($(number runs) - runs)) \
	"$SECONDS_LONG"
equal 'no run failed' "$(number failed_runs)" 0
equal 'no byte has changed' "$(value wrong $DEEP/results)" 0
at_least 'threads have slept at each depth' "$(value woken $DEEP/results)" 2000
equal 'the host has seen no error' "$(host counter errors)" 0
for name in $TRIM/*; do
	[ "${name##*/}" = run ] || note "${name##*/} $(cat "$name")"
done
check 'end the threads' rmmod pvmc_trim_deep
check 'unload the consumer' rmmod pvmemcontrol_kstack
finish
