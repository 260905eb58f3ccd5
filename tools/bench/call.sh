# SPDX-License-Identifier: GPL-2.0
# A request through the kernel API against the least code that can carry one,
# and dropping backed 2 MiB pages on one CPU and on two.
#
# vm: --memory 2G --cpus 2 --timeout 300
# vm: --qemu '-device pvmemcontrol,id=pvmc1,bus=port1'
# module: pvmc_bench
set -eu

modprobe pvmemcontrol_pci
# The second device is for the least code: no driver.
driver=/sys/bus/pci/drivers/pvmemcontrol_pci
for device in "$driver"/0000:*; do
	bare=${device##*/}
done
echo "$bare" >"$driver/unbind"

insmod /lib/test-modules/pvmc_bench.ko bare="$bare"
cat /sys/kernel/debug/pvmc_bench/results
