# SPDX-License-Identifier: GPL-2.0
# A client's protected pages are touched, in every context and on all CPUs at
# once: its owner callback is told the truth, the kernel reports it, the page is
# opened and the instruction completes.
#
# vm: --memory 1G --cpus 4 --add tools/vm/scenarios/facts:/lib/facts.sh
# module: pvmc_guarded
# add: touch_page
# tier: kernels
. /lib/ktap.sh
. /lib/facts.sh

dir=/sys/kernel/debug/pvmc_guarded
client=/sys/kernel/pvmemcontrol/guarded
device=/sys/class/pvmemcontrol/pvmemcontrol0

# A violation in CONTEXT of KIND, which the client sees and the log names.
violate()
{
	check "$1: $2" try "$1 $2"
}

try()
{
	echo "$1" >$dir/run || {
		cat $dir/results
		return 1
	}
}

must 'load the core' modprobe pvmemcontrol_pci
must 'load the client' insmod /lib/test-modules/pvmc_guarded.ko
equal 'the VMM tells of violations' $(($(cat $device/features) & 2)) 2
equal 'its policy' "$(cat $client/policy)" report

for context in process softirq hardirq nmi; do
	for kind in read write locked; do
		violate $context $kind
	done
done
equal 'the client has counted them' "$(cat $client/violations)" 12
equal 'the device too' "$(cat $device/violations)" 12
equal 'the host too' "$(host counter violations-total)" 12
equal 'three were let through' "$(host counter violations-in-nmi)" 3
check 'the log says what, where and who' eval "dmesg | grep -q \
	'pvmemcontrol: read of protected page 0x.* of guarded: guarded page 0, stopped: vCPU [0-3], CPU [0-3], task .*, at guarded_access+0x.* \[pvmc_guarded\]'"
check 'and what was not stopped' eval \
	"dmesg | grep -q 'guarded page 0, not stopped:'"

# Ten on each of four CPUs, and twice more.
for round in 1 2 3; do
	check "ten on each CPU at once, $round" eval \
		"echo 10 >$dir/parallel || { cat $dir/results; false; }"
done
equal 'all were counted' "$(cat $client/violations)" $((12 + 3 * 40))
equal 'by the host' "$(host counter violations-total)" $((12 + 3 * 40))
at_most 'not all were printed' "$(dmesg | grep -c 'protected page')" 60

# A program touches it.
must 'protect a page' eval "echo 1 >$dir/protect"
touch_page $dir/page >/tmp/touched
equal 'it reads what is there' "$(value value /tmp/touched)" 0x5a5a5a5a5a5a5a5a
equal 'the client was told' "$(value told $dir/results)" 1
equal 'the instruction' "$(value ip $dir/results)" "$(value ip /tmp/touched)"

# A page that is protected by an ioctl, or by somebody who has left, is nobody's.
equal 'nothing is protected in the end' "$(host counter ranges)" 0
equal 'the VM was never paused' "$(host counter violations-paused)" 0
equal 'the parameter' "$(cat /sys/module/pvmemcontrol/parameters/violation)" \
	client
check 'unload the client' rmmod pvmc_guarded
check 'unload the transport' rmmod pvmemcontrol_pci
finish
