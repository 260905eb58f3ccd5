# SPDX-License-Identifier: GPL-2.0
# Threads that sleep in pvmemcontrol_kstack_call(), on another stack than their
# own: neither of the two is trimmed.
#
# vm: --memory 1G --cpus 2
# vm: --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --add tools/vm/scenarios/trim_facts:/lib/trim.sh
# module: pvmc_trim_elsewhere
. /lib/ktap.sh
. /lib/facts.sh
. /lib/trim.sh

ELSEWHERE=/sys/kernel/debug/pvmc_trim_elsewhere

elsewhere()
{
	value "$1" $ELSEWHERE/results
}

all_asleep()
{
	[ "$(elsewhere woken)" -ge "$1" ] &&
		[ "$(elsewhere sleeping)" -eq "$(elsewhere threads)" ]
}

# Who is only about to sleep is left alone too, but for another reason.
all_left_alone()
{
	left=$(number threads_elsewhere)
	trim && [ $(($(number threads_elsewhere) - left)) -eq \
		"$(elsewhere threads)" ]
}

must 'load the transport' modprobe pvmemcontrol_pci
must 'load the consumer' modprobe pvmemcontrol_kstack
must 'load the threads' insmod /lib/test-modules/pvmc_trim_elsewhere.ko
must 'they sleep' wait_for 30 all_asleep 0
for round in 1 2 3 4 5; do
	check "$round: all of them are left alone" wait_for 30 all_left_alone
	echo 1 >$ELSEWHERE/wake
	check "$round: they wake and sleep again" wait_for 30 all_asleep \
		$((round * 16))
done
at_least 'they have woken' "$(elsewhere woken)" \
	$((5 * $(elsewhere threads)))
equal 'each call was made' "$(elsewhere failed)" 0
equal 'no byte has changed' "$(elsewhere wrong)" 0
check 'end them' rmmod pvmc_trim_elsewhere
check 'unload the consumer' rmmod pvmemcontrol_kstack
finish
