# SPDX-License-Identifier: GPL-2.0
# In the guest: the consumers come and work while the bpftrace tools watch.  What
# each of the tools has printed is in /results then.
#
# make: tools/deps trace
# vm: --one-thread --memory 2G --cpus 2 --timeout 1500 --results build/trace
# vm: --append 'init_on_alloc=0 hugepagesz=2M hugepages=64'
# vm: --add tools/bpftrace:/tools --add /usr/bin/bpftrace:/usr/bin/
# add: hugepage
# tool: pvmemctl
set -eu

TOOLS='latency callers coalescing giveback violations'

say()
{
	echo "$*" >&2
}

# bpftrace runs this once all of a tool's probes are attached, and ends with it.
cat >/tmp/attached <<'END'
: >"/tmp/up.$1"
until [ -e /tmp/stop ]; do
	usleep 100000
done
END

say 'loading pvmemcontrol_pci'
modprobe pvmemcontrol_pci
say "attaching pvmc-{$(echo "$TOOLS" | tr ' ' ',')}.bt"
for tool in $TOOLS; do
	(
		status=0
		bpftrace -c "/usr/bin/busybox sh /tmp/attached $tool" \
			"/tools/pvmc-$tool.bt" >"/results/$tool.txt" 2>&1 \
			</dev/null || status=$?
		echo $status >"/tmp/status.$tool"
	) &
done
for tool in $TOOLS; do
	until [ -e "/tmp/up.$tool" ]; do
		[ ! -e "/tmp/status.$tool" ] || {
			cat "/results/$tool.txt" >&2
			exit 1
		}
		usleep 100000
	done
done

say 'hugetlb: 64 pages of 2 MiB are handed out, used and given back, twice'
modprobe pvmemcontrol_hugetlb
for _ in 1 2; do
	hugepage 2 64 touch fill >/tmp/used
done
say 'perm: the read-only data of modules is sealed'
modprobe pvmemcontrol_perm
say 'kstack: dead pages of the stacks of sleeping threads are given back'
modprobe pvmemcontrol_kstack
pvmemctl kstack trim
# What is said once a second has been said.
sleep 2

: >/tmp/stop
wait
for tool in $TOOLS; do
	[ "$(cat "/tmp/status.$tool")" = 0 ] || exit 1
done
