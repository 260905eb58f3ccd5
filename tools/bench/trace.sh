# SPDX-License-Identifier: GPL-2.0
# What tracepoints cost that are off: a request through the kernel API, with the
# core as it is and with one that was built without them (NOTRACE), and without the
# static key by which a call sees whether anybody follows it, for events or for
# the parameter `timing`.
#
# Either is measured beside the least code that can carry a request, block by
# block in turn, so that what else the machine does slows both; the two cores
# are loaded in turn, and compared by their medians. In this emulator a request
# that does nothing takes some hundred nanoseconds, less than an exit of any
# processor: the fraction is the largest that there could be.
#
# vm: --memory 1G --cpus 1 --timeout 900
# vm: --qemu '-device pvmemcontrol,id=pvmc1,bus=port1'
# vm: --add tools/bench/lib/numbers.sh:/lib/numbers.sh
# module: pvmc_bench pvmc_untraced
set -eu
. /lib/numbers.sh

# Where code is when it is loaded is worth some percent, here and there.
ROUNDS=25
driver=/sys/bus/pci/drivers/pvmemcontrol_pci
modules=/lib/test-modules
events=/sys/kernel/tracing/events/pvmemcontrol
transport=$(modinfo -n pvmemcontrol_pci)
core=$(modinfo -n pvmemcontrol)

# measure NAME CORE: adds a line "ratio ns" to /tmp/NAME
measure()
{
	insmod "$2"
	insmod "$transport"
	for device in "$driver"/0000:*; do
		bare=${device##*/}
	done
	echo "$bare" >"$driver/unbind"
	if [ "$1" = followed ]; then
		echo 1 >$events/pvmemcontrol_call_enter/enable
		echo 1 >$events/pvmemcontrol_call_exit/enable
	fi
	insmod $modules/pvmc_bench.ko bare="$bare" drops=0
	awk '$1 == "call.ratio_to_mmio" { ratio = $2 }
	     $1 == "call.ns" { ns = $2 }
	     END { print ratio, ns }' \
		/sys/kernel/debug/pvmc_bench/results >>"/tmp/$1"
	rmmod pvmc_bench
	rmmod pvmemcontrol_pci
	core_name=${2##*/}
	rmmod "${core_name%.ko}"
}

for _ in $(seq $ROUNDS); do
	measure traced "$core"
	measure untraced $modules/pvmc_untraced.ko
done
for _ in 1 2 3; do
	measure followed "$core"
done
echo "trace.call_ns $(median /tmp/traced 2)"
echo "trace.call_enabled_ns $(median /tmp/followed 2)"
echo "trace.call_untraced_ns $(median /tmp/untraced 2)"
awk -v a="$(median /tmp/traced 1)" -v b="$(median /tmp/untraced 1)" 'BEGIN {
	printf "trace.call_ratio_to_mmio %.3f\n", a
	printf "trace.call_untraced_ratio_to_mmio %.3f\n", b
	printf "trace.disabled_overhead %.4f\n", a / b - 1 }'
