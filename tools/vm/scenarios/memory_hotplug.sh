# SPDX-License-Identifier: GPL-2.0
# Memory is added to the running guest, of another kind than it has, taken out and
# added again, of another kind still: huge pages of it are dropped if that zeroes
# this memory for sure, and each is zero.
#
# vm: --memory 1G --cpus 2 --qemu '-m 1024M,slots=2,maxmem=4G'
# vm: --append 'memhp_default_state=offline'
# vm: --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --add tools/vm/scenarios/pages:/lib/pages.sh
# add: hugepage hugepool
# tier: kernels
. /lib/ktap.sh
. /lib/facts.sh
. /lib/pages.sh

# What the firmware maps first above 4 GiB.
DIMM=0x100000000
DIMM_MIB=256
blocks=/sys/devices/system/memory

offline_blocks()
{
	grep -lx offline $blocks/memory*/state | wc -l
}

has_offline()
{
	[ "$(offline_blocks)" -eq "$1" ]
}

# All that is offline: $1 is online_movable; or all of the DIMM: offline
switch_blocks()
{
	for block in $blocks/memory[0-9]*; do
		index=$((0x$(cat "$block/phys_index")))
		[ $index -lt $((DIMM / 0x8000000)) ] ||
			echo "$1" >"$block/state" || return 1
	done
}

# plug ID BACKEND [PROPERTIES]
plug()
{
	check "$1: plug in" sh -c "
		host qmp '{\"execute\": \"object-add\", \"arguments\": {
			\"qom-type\": \"memory-backend-$2\", \"id\": \"m$1\",
			\"size\": $((DIMM_MIB * MIB)) $3}}' &&
		host qmp '{\"execute\": \"device_add\", \"arguments\": {
			\"driver\": \"pc-dimm\", \"id\": \"$1\",
			\"memdev\": \"m$1\", \"addr\": $((DIMM))}}'"
	check "$1: the guest has it" wait_for 60 has_offline $((DIMM_MIB / 128))
	check "$1: online" switch_blocks online_movable
}

# So many huge pages that the DIMM is taken, all but its last few.
pages_of_dimm()
{
	hugepool 2 | while read -r start length; do
		[ $((start)) -lt $((DIMM)) ] || echo $((length / 2 / MIB))
	done | awk '{ n += $1 } END { print n + 0 }'
}

fill_pool()
{
	had=$(cat "$(pool 2)/nr_hugepages")
	check "$1: huge pages" set_pool 2 $((had + DIMM_MIB / 2 - 8))
	at_least "$1: of the new memory" "$(pages_of_dimm)" $((DIMM_MIB / 4))
}

# use NAME FUNCTION: the pages of the DIMM are dropped by that
use()
{
	count=$(cat "$(pool 2)/nr_hugepages")
	before=$(host counter requests-"$2")
	for time in first second; do
		check "$1: $time time: used" pages 2 "$count" touch zero fill
		all_zero "$1: $time time"
	done
	at_least "$1: dropped by $2" \
		$(($(host counter requests-"$2") - before)) $((DIMM_MIB / 4))
	equal "$1: nothing was found to be wrong" \
		"$(counter mismatched) $(counter distrusted)" '0 0'
	idle=$(pool_ram 2)
	note "the host holds $idle bytes of $count idle pages"
	at_most "$1: idle pages cost the host nothing" "$idle" \
		$((count * 2 * MIB / 100))
}

# use_cleared NAME: the pages of the DIMM are left to the kernel
use_cleared()
{
	count=$(cat "$(pool 2)/nr_hugepages")
	before=$(counter unproven)
	check "$1: used" pages 2 "$count" touch zero fill unmap touch zero fill
	all_zero "$1"
	at_least "$1: left to the kernel" $(($(counter unproven) - before)) \
		$((DIMM_MIB / 4))
}

# The VMM is connected anew, and says what it has now.
ask_again()
{
	check "$1: the transport leaves" rmmod pvmemcontrol_pci
	check "$1: the VMM is asked again" modprobe pvmemcontrol_pci
}

unplug()
{
	check "$1: give the pages back" set_pool 2 16
	check "$1: offline" switch_blocks offline
	check "$1: take it out" host qmp "{\"execute\": \"device_del\",
		\"arguments\": {\"id\": \"$1\"}}"
	check "$1: the guest lets it go" host wait-event DEVICE_DELETED 60
	check "$1: it is gone" [ ! -d "$blocks/memory$((DIMM / 0x8000000))" ]
}

must 'load the transport' modprobe pvmemcontrol_pci
must 'load the consumer' modprobe pvmemcontrol_hugetlb verify=0
must 'huge pages' set_pool 2 16
check 'they are used' pages 2 16 touch zero fill
all_zero 'they are used'

plug shared memfd ', "share": true'
fill_pool shared
use shared remove
unplug shared

# The section numbers are the same, what zeroes is not; and when the VMM said what
# zeroes, this memory was not there.
plug private ram ''
fill_pool private
use_cleared private
ask_again private
use private dontneed

# Nothing zeroes a private mapping of a file, and nothing is believed: not what the
# VMM said of what there was, and then it says it no more.
unplug private
plug file file ', "mem-path": "/var/tmp", "share": false'
fill_pool file
dontneed=$(host counter requests-dontneed)
use_cleared file
ask_again file
use_cleared 'file, again'
at_most 'file: of this memory nothing is dropped' \
	$(($(host counter requests-dontneed) - dontneed)) 40

finish
