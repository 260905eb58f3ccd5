# SPDX-License-Identifier: GPL-2.0
# A node of anonymous and a node of shared memory, with a VMM of version 1.0: each
# page is dropped by what zeroes it, wherever it goes.  (One of 1.1 promises
# nothing of both: hugetlb_mixed.)
#
# vm: --device version-minor=0
# vm: --memory 1G --cpus 2 --numa 2 --ram anon --ram memfd
# vm: --append 'hugepagesz=2M hugepages=32'
# vm: --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --add tools/vm/scenarios/pages:/lib/pages.sh
# vm: --add tools/vm/scenarios/backing:/lib/backing.sh
# add: hugepage hugepool hugeways
. /lib/ktap.sh
. /lib/facts.sh
. /lib/pages.sh
. /lib/backing.sh

check 'kernel: the pages are used' pages 2 32 touch fill
must 'load the transport' modprobe pvmemcontrol_pci
must 'load the consumer' modprobe pvmemcontrol_hugetlb verify=0
for node in 0 1; do
	equal "half of the pool is on node $node" "$(cat /sys/devices/system/\
node/node$node/hugepages/hugepages-2048kB/nr_hugepages)" 16
done

# Of all pages, half are dropped in the one way and half in the other.
half()
{
	dontneed=$(host counter requests-dontneed)
	remove=$(host counter requests-remove)
	check "$1: the pages are used" pages 2 32 touch zero fill filled
	all_zero "$1"
	equal "$1: DONTNEED" \
		$(($(host counter requests-dontneed) - dontneed)) "$2"
	equal "$1: REMOVE" $(($(host counter requests-remove) - remove)) "$2"
}

# Whatever it wants to know of this memory, it knows after this.
check 'the pages are used' pages 2 32 touch zero fill
all_zero 'the pages are used'
half 'given back' 16
parameter giveback N
half 'kept, after they had been given back' 0
half 'kept' 16
idle=$(pool_ram 2)
equal 'kept pages cost all their size' "$idle" $((64 * MIB))
parameter giveback Y
half 'kept until now' 32
at_most 'an idle pool costs the host nothing' "$(pool_ram 2)" \
	$((64 * MIB / 100))

# From one kind of memory to the other.
for giveback in Y N Y; do
	parameter giveback $giveback
	for way in move copy steal file punch; do
		check "giveback=$giveback: $way" hugeways $way 32
		check "giveback=$giveback: after $way" pages 2 32 touch zero \
			fill filled
		all_zero "giveback=$giveback: after $way"
	done
done
equal 'no page was left to the kernel' "$(counter unproven) $(
	counter failed) $(counter mismatched) $(counter no_device)" '0 0 0 0'
finish
