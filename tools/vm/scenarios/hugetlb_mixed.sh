# SPDX-License-Identifier: GPL-2.0
# Memory of two kinds in one node: what DONTNEED zeroes in one it keeps in the
# other.  The second comes as a DIMM, and is brought online while the consumer
# is loaded.
#
# vm: --memory 1G --cpus 2 --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --qemu '-m 1024M,slots=2,maxmem=8G'
# vm: --qemu '-object memory-backend-memfd,id=mix,size=1G,share=on'
# vm: --qemu '-device pc-dimm,memdev=mix,node=0'
# add: hugepage
# tier: kernels
. /lib/ktap.sh
. /lib/facts.sh

PAGES=600

counter()
{
	value "$1" /sys/kernel/debug/pvmemcontrol_hugetlb/counters
}

check 'load the transport' modprobe pvmemcontrol_pci
# Nothing is left to chance: no page is looked at again.
check 'load the consumer' modprobe pvmemcontrol_hugetlb verify=0

modprobe acpi_memhotplug 2>/dev/null
for block in /sys/devices/system/memory/memory*; do
	[ "$(cat "$block/state")" = online ] || echo online >"$block/state"
done
equal 'all memory is in one node' \
	"$(echo /sys/devices/system/node/node[0-9]*)" \
	/sys/devices/system/node/node0
echo $PAGES >/proc/sys/vm/nr_hugepages
equal 'the pool is larger than either kind' \
	"$(cat /proc/sys/vm/nr_hugepages)" $PAGES

check 'pages are used, and used again' hugepage 2 $PAGES \
	fill unmap touch zero fill unmap touch zero
hugepage 2 $PAGES fill unmap touch zero fill unmap touch zero >/tmp/pages
equal 'zero over every byte' \
	"$(sort -u /tmp/pages | grep nonzero_bytes)" 'nonzero_bytes 0'

# Without what is known from when they were given back, too.
echo N >/sys/module/pvmemcontrol_hugetlb/parameters/giveback
hugepage 2 $PAGES fill unmap touch zero fill unmap touch zero >/tmp/pages
equal 'without giveback: zero over every byte' \
	"$(sort -u /tmp/pages | grep nonzero_bytes)" 'nonzero_bytes 0'

dontneed=$(host counter requests-dontneed)
remove=$(host counter requests-remove)
at_least 'pages of the one kind were dropped' "$dontneed" 100
at_least 'and pages of the other' "$remove" 100
at_least 'few were left to the kernel' "$(counter dropped)" $PAGES
equal 'nothing was found amiss' "$(counter mismatched)" 0
finish
