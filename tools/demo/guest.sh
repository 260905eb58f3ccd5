# SPDX-License-Identifier: GPL-2.0
# In the guest: huge pages handed out by the kernel alone and with the consumer.
#
# Prints lines "name value" for tools/demo/run, and progress on stderr; of that,
# lines "phase: NAME" say what begins.
#
# vm: --memory 4G --cpus 2 --timeout 300
# vm: --append 'hugepagesz=1G hugepages=1 hugepagesz=2M hugepages=32'
# add: hugepage
set -eu

say()
{
	echo "$*" >&2
}

phase()
{
	say "phase: $*"
}

# The last use of the pages before: all of the host's memory behind them is used.
used()
{
	hugepage "$1" "$2" touch fill >/tmp/used
}

# fresh NAME MIB COUNT: time of the first touch of COUNT pages, all bytes read
fresh()
{
	hugepage "$2" "$3" touch 'run=host resident' zero >/tmp/fresh
	awk -v name="$1" -v count="$3" '
		$1 == "touch_ns" { print "first_touch_" name, int($2 / count) }
		$1 == "nonzero_bytes" { print "nonzero_bytes." name, $2 }
		NF == 1 { print "resident." name, $1 }
	' /tmp/fresh
}

exits()
{
	host counter requests-total
}

say 'the kernel alone: 1 GiB, then 32 x 2 MiB'
phase 'all pages used'
used 1024 1
used 2 32
echo "host_resident_bytes.before $(host resident)"
phase 'handed out, cleared'
fresh 1g_ns.kernel 1024 1
fresh 2m_ns.kernel 2 32

say 'loading pvmemcontrol_pci and pvmemcontrol_hugetlb'
modprobe pvmemcontrol_pci
modprobe pvmemcontrol_hugetlb

say 'with the consumer: the same'
phase 'all pages used'
used 1024 1
used 2 32
phase 'handed out, dropped; read'
begin=$(exits)
fresh 1g_ns.consumer 1024 1
middle=$(exits)
fresh 2m_ns.consumer 2 32
end=$(exits)
echo "exits_1g $((middle - begin))"
echo "exits_2m $(((end - middle) / 32))"

phase 'all pages used'
used 1024 1
used 2 32
phase 'handed out, dropped'
# Handed out, and nothing but the first byte of each touched.
hugepage 1024 1 touch 'run=hugepage 2 32 touch "run=host resident"' >/tmp/after
phase 'end'
echo "host_resident_bytes.after $(awk 'NF == 1' /tmp/after)"
echo "exits $(exits)"
echo "errors $(($(host counter errors) +
		 $(cat /sys/class/pvmemcontrol/pvmemcontrol0/no_answers)))"
