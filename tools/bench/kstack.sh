# SPDX-License-Identifier: GPL-2.0
# Guarded stacks: getting one and giving it back, against memory that the kernel
# would use for one; a call on one; what idle ones cost the host; and how many
# guards there may be, by GUARD and with a device that has not got it.  The
# kernel does not clear what it allocates here: for nobody who is compared.
#
# vm: --memory 3G --cpus 2 --timeout 600 --append init_on_alloc=0
# vm: --add tools/bench/lib/numbers.sh:/lib/numbers.sh
# module: pvmc_kstack_bench
set -eu
. /lib/numbers.sh

dir=/sys/kernel/debug/pvmc_kstack_bench
pool=/sys/kernel/debug/pvmemcontrol_kstack/pool
client=/sys/kernel/pvmemcontrol/kstack
size=16384

# Bytes of the host behind the blocks of the pool, guards included.
backed()
{
	awk '$1 == "block" { print $2 }' $pool | while read -r at; do
		host ram "$at" 2097152
	done | awk '{ sum += $1 } END { print sum + 0 }'
}

idle()
{
	tries=300
	while [ "$(value stacks_warm $pool)" != 0 ] ||
	      [ "$(backed)" != 0 ]; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || break
		usleep 100000
	done
}

load()
{
	modprobe pvmemcontrol_pci
	modprobe pvmemcontrol_kstack
	insmod /lib/test-modules/pvmc_kstack_bench.ko
}

unload()
{
	rmmod pvmc_kstack_bench
	rmmod pvmemcontrol_kstack
	rmmod pvmemcontrol_pci
}

# Prints "guards_max" and "mappings_per_guard" with the suffix: of as many as
# there can be, up to 100000, for which 2 GiB are enough, as nothing is touched.
measure_guards()
{
	mappings=$(host mappings)
	echo 100000 >$dir/guards
	guards=$(cat $dir/guards)
	echo "kstack.guards_max$1 $guards"
	echo "kstack.mappings_per_guard$1 $(awk -v g="$guards" \
		-v m=$(($(host mappings) - mappings)) \
		'BEGIN { printf "%.3f\n", m / g }')"
}

load

# Once to have what is needed, and then in steady state.
cat $dir/results >/dev/null
exits=$(cat $client/exits)
allocs=$(value allocs $pool)
cat $dir/results
exits=$(($(cat $client/exits) - exits))
allocs=$(($(value allocs $pool) - allocs))
echo "kstack.exits_steady $(awk -v e=$exits -v a=$allocs \
	'BEGIN { printf "%.3f\n", e * 1000 / a }')"

# All of a block used, and then none.
before=$(cat $client/exits)
blocks=$(value blocks_made $pool)
echo 1000 >$dir/guards
[ "$(cat $dir/guards)" = 1000 ]
blocks=$(($(value blocks_made $pool) - blocks))
echo "kstack.exits_per_block $((($(cat $client/exits) - before) / blocks))"
echo 0 >$dir/guards
idle
echo "kstack.host_bytes_idle $(($(backed) / $(value stacks $pool)))"

# Where the host can install guards, these are not mappings, and memory is the
# limit.  What is installed are those of free stacks too.
measure_guards ''
echo "kstack.guards_installed $(host counter guards-installed)"
echo 0 >$dir/guards
unload

# Else the device has a limit, of which blocks take multiples of 102.
{
	host qmp '{"execute": "device_del", "arguments": {"id": "pvmc0"}}'
	host wait-event DEVICE_DELETED 30
	host qmp '{"execute": "device_add", "arguments": {"id": "pvmc1",
		"driver": "pvmemcontrol", "bus": "port1", "version-minor": 0}}'
} >/dev/null
load
measure_guards _fallback
echo "kstack.guards_limit_fallback $(host counter max-ranges pvmc1)"
echo 0 >$dir/guards
