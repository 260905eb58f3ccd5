# SPDX-License-Identifier: GPL-2.0
# The guest touches memory that it has had protected, in each way that there is:
# the device stops the instruction and says just where, the guest opens the page
# and the instruction completes.  Without the project's driver.
#
# vm: --memory 1G --cpus 2 --add tools/vm/scenarios/facts:/lib/facts.sh
# module: pvmc_violate
# add: violate
. /lib/ktap.sh
. /lib/facts.sh

dir=/sys/kernel/debug/pvmc_violate

# grown NAME: by how much the device's counter has grown since `note_counters`
note_counters()
{
	host counters >/tmp/counters
}

grown()
{
	echo $(($(host counter "$1") - $(value "$1" /tmp/counters)))
}

must 'the module loads' insmod /lib/test-modules/pvmc_violate.ko
must 'it is bound to the device' [ -d "$dir" ]
equal 'nothing is protected' "$(host counter ranges)" 0

note_counters
run_tests 'the kernel' cat $dir/accesses
at_least 'the host has counted the reads' "$(grown violations-read)" 4
at_least 'the host has counted the writes' "$(grown violations-write)" 18
run_tests 'instructions' cat $dir/fetches
equal 'the host has counted the fetches' "$(grown violations-fetch)" 3
run_tests 'string instructions' cat $dir/string

note_counters
run_tests 'in an NMI' cat $dir/nmi
equal 'one was let through' "$(grown violations-in-nmi)" 1
equal 'of two' "$(grown violations-total)" 2

note_counters
run_tests 'no violation' cat $dir/own
equal 'the host agrees' "$(grown violations-total)" 0
at_least 'it has let its own accesses through' "$(grown own-accesses)" 1

note_counters
run_tests 'in parallel' cat $dir/parallel
equal 'the host has counted each' "$(grown violations-total)" 400

run_tests 'a program' violate

equal 'no NMI had no reason' "$(dmesg | grep -c 'NMI received for unknown')" 0
equal 'everything is open again' "$(host counter ranges)" 0
equal 'the VM was never paused' "$(host counter violations-paused)" 0
check 'the module unloads' rmmod pvmc_violate
finish
