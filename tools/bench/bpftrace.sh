# SPDX-License-Identifier: GPL-2.0
# How long a request through the kernel API takes while one of the bpftrace tools
# is attached: a request that does nothing, as nobody protects, gives back or
# batches anything here.  pvmc-page.bt and pvmc-giveback.bt look at it and let it
# pass, so what they print of is dearer.
#
# make: tools/deps trace
# vm: --one-thread --memory 1G --cpus 1 --timeout 1500
# vm: --qemu '-device pvmemcontrol,id=pvmc1,bus=port1'
# vm: --add tools/bpftrace:/tools --add /usr/bin/bpftrace:/usr/bin/
# vm: --add tools/bench/lib/numbers.sh:/lib/numbers.sh
# module: pvmc_bench
set -eu
. /lib/numbers.sh

driver=/sys/bus/pci/drivers/pvmemcontrol_pci

# bpftrace runs this once all probes are attached, and ends with it.
cat >/tmp/attached <<'END'
: >/tmp/up
until [ -e /tmp/stop ]; do
	usleep 100000
done
END

# measure NAME: prints bpftrace.NAME_ns, the median of three loads
measure()
{
	for _ in 1 2 3; do
		insmod /lib/test-modules/pvmc_bench.ko bare="$bare" drops=0
		value call.ns /sys/kernel/debug/pvmc_bench/results >>"/tmp/$1"
		rmmod pvmc_bench
	done
	echo "bpftrace.$1_ns $(median "/tmp/$1")"
}

modprobe pvmemcontrol_pci
for device in "$driver"/0000:*; do
	bare=${device##*/}
done
echo "$bare" >"$driver/unbind"

measure none
for tool in latency callers coalescing violations giveback page; do
	rm -f /tmp/up /tmp/stop
	set --
	[ $tool != page ] || set -- 0x7200000
	bpftrace -c '/usr/bin/busybox sh /tmp/attached' "/tools/pvmc-$tool.bt" \
		"$@" >/tmp/out 2>&1 </dev/null &
	tries=3000
	until [ -e /tmp/up ]; do
		usleep 100000
		tries=$((tries - 1))
		[ $tries -gt 0 ] || {
			cat /tmp/out >&2
			exit 1
		}
	done
	measure $tool
	: >/tmp/stop
	wait
done
