# SPDX-License-Identifier: GPL-2.0
# What a host with KVM makes of violations by instructions that are harder to
# stop in time, in an NMI, on all CPUs at once, and by a program.
#
# tier: only kvm-6.12
# vm: --memory 1G --cpus 2 --add tools/vm/scenarios/facts:/lib/facts.sh
# module: pvmc_violate
# add: violate
. /lib/ktap.sh
. /lib/facts.sh

dir=/sys/kernel/debug/pvmc_violate

# counted NAME NUMBER COMMAND...: tests that the host has seen so many violations
counted()
{
	name=$1
	number=$2
	shift 2
	before=$(host counter violations-total)
	run_tests "$name" "$@"
	equal "$name: the host has counted them" \
		$(($(host counter violations-total) - before)) "$number"
}

must 'the module loads' insmod /lib/test-modules/pvmc_violate.ko repeats=1
must 'it is bound to the device' [ -d "$dir" ]

counted 'instructions' 3 cat $dir/fetches
counted 'string instructions' 2 cat $dir/string
# The second is let through: for a moment, which a busy host may not use.
before=$(host counter violations-total)
run_tests 'in an NMI' cat $dir/nmi
through=$(host counter violations-in-nmi)
at_least 'the second was let through' "$through" 1
equal 'in an NMI: the host has counted them' \
	$(($(host counter violations-total) - before)) $((through + 1))
counted 'in parallel' 400 cat $dir/parallel
run_tests 'a program' violate

equal 'everything is open again' "$(host counter ranges)" 0
equal 'the VM was never paused' "$(host counter violations-paused)" 0
check 'the module unloads' rmmod pvmc_violate
finish
