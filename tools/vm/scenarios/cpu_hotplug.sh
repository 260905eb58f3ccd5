# SPDX-License-Identifier: GPL-2.0
# CPUs go and come while calls are made on all of them, kernel stacks come from the
# guarded pool, and protected pages are touched.
#
# vm: --one-thread --memory 1G --cpus 4 --timeout 600
# vm: --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --add tools/vm/scenarios/load:/lib/load.sh
# module: pvmc_load pvmc_kstack_user pvmc_guarded
# tier: kernels
. /lib/ktap.sh
. /lib/facts.sh
. /lib/load.sh

stacks=/sys/kernel/debug/pvmc_kstack_user
guarded=/sys/kernel/debug/pvmc_guarded
pool=/sys/kernel/debug/pvmemcontrol_kstack/pool

# again COMMAND: until it is enough; says which try failed
again()
{
	tries=0
	while [ ! -e /tmp/enough ]; do
		"$@" || {
			echo "try $tries: status $?"
			return 1
		}
		tries=$((tries + 1))
	done
	[ $tries -gt 0 ] && echo "$tries tries"
}

# Who is to go from CPU to CPU may find only one, or one that has just gone.
call_on_stacks()
{
	! grep -v -e '^ok ' -e '^not ok migrating: ' $stacks/calls
}

# The access is made where the task cannot be moved, and takes most of its time: a CPU
# that is to go would wait for as long as the task does nothing else.
violate()
{
	echo 'process write' >$guarded/run || {
		cat $guarded/results
		return 1
	}
	usleep 1000
}

must 'load' modprobe pvmemcontrol_pci
must 'load the consumer' modprobe pvmemcontrol_kstack
must 'load the client' insmod /lib/test-modules/pvmc_load.ko
must 'load a user of stacks' insmod /lib/test-modules/pvmc_kstack_user.ko
must 'load an owner of guards' insmod /lib/test-modules/pvmc_guarded.ko
must 'start' sh -c "echo 1 >$load/run"
again call_on_stacks >/tmp/calls 2>&1 &
calls=$!
again violate >/tmp/violations 2>&1 &
violations=$!

for round in 1 2 3; do
	for cpu in 1 2 3; do
		check "round $round: CPU $cpu goes" sh -c \
			"echo 0 >/sys/devices/system/cpu/cpu$cpu/online"
		[ $cpu -lt 3 ] || ok_before=$(result ok)
	done
	equal "round $round: one is left" "$(nproc)" 1
	check "round $round: calls are made" wait_for 60 more_than ok \
		$((ok_before + 100))
	for cpu in 3 1 2; do
		check "round $round: CPU $cpu comes" sh -c \
			"echo 1 >/sys/devices/system/cpu/cpu$cpu/online"
	done
	equal "round $round: all are there" "$(nproc)" 4
	check "round $round: calls are made by all" wait_for 60 more_than ok \
		$(($(result ok) + 100))
done

touch /tmp/enough
wait $calls
equal 'calls on guarded stacks: none failed' $? 0
note "$(cat /tmp/calls)"
wait $violations
equal 'violations: none was missed' $? 0
note "$(cat /tmp/violations)"
echo 0 >$load/run
note "$(tr '\n' ' ' <$load/results)"
equal 'calls: no other result than success' "$(result enodev) $(result eio) $(
	result other) ($(result other_errno))" '0 0 0 (0)'
equal 'memory is as the calls said' "$(result wrong)" 0
equal 'no stack is lost' "$(value allocs $pool)" "$(value frees $pool)"
equal 'each request was answered' "$(cat $class/no_answers)" 0
equal 'the VM was never paused' "$(host counter violations-paused)" 0
check 'unload the owner' rmmod pvmc_guarded
check 'unload the user' rmmod pvmc_kstack_user
check 'unload the client' rmmod pvmc_load
check 'unload the consumer' rmmod pvmemcontrol_kstack
check 'unload the transport' rmmod pvmemcontrol_pci
equal 'nothing is guarded' "$(host counter guards)" 0
finish
