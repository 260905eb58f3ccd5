# SPDX-License-Identifier: GPL-2.0
# The pool of huge pages: an idle one costs the host nothing, a page that is
# known to be dropped costs no exit, and by whatever way a page gets data into
# it and comes back, it is zero when it is handed out again.
#
# vm: --one-thread
# vm: --memory 4G --cpus 2 --numa 2
# vm: --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --add tools/vm/scenarios/pages:/lib/pages.sh
# vm: --append 'hugepagesz=1G hugepages=1'
# vm-stock: --append hugetlb_free_vmemmap=on
# add: hugepage hugepool hugeways
# module: pvmc_dirty
. /lib/ktap.sh
. /lib/facts.sh
. /lib/pages.sh

PAGES=128
POOL=$((PAGES * 2 * MIB))
FEW=8			# half of them on each node

# Memory of descriptors is saved, if the kernel by itself can do that: 6.12 breaks
# them when pages are freed, 7.2 those of a page that it made at boot.
save_descriptors()
{
	case $(uname -r) in
	6.12.*) ;;
	*)	echo 1 >/proc/sys/vm/hugetlb_optimize_vmemmap ;;
	esac
}

# use NAME MIB COUNT: all of them, so that they are full of data afterwards
use()
{
	check "$1: the pages are used" pages "$2" "$3" touch zero fill filled
	all_zero "$1"
	equal "$1: they hold what is written" "$(value changed_bytes /tmp/pages)" 0
}

# first_touch NAME MIB COUNT EXITS: of all of them, and what it costs
first_touch()
{
	before=$(exits)
	check "$1: all pages are touched" pages "$2" "$3" touch \
		'run=host counter requests-total' zero
	equal "$1: exits" $(($(sed -n 2p /tmp/pages) - before)) "$4"
	all_zero "$1"
}

# Data is left in free memory, which the pool may get.
dirty()
{
	insmod /lib/test-modules/pvmc_dirty.ko mib="$1" &&
		[ "$(cat /sys/module/pvmc_dirty/parameters/dirtied)" -eq "$1" ] &&
		rmmod pvmc_dirty
}

idle_costs_nothing()
{
	ram=$(pool_ram "$2")
	note "$1: the host holds $ram bytes of $3"
	at_most "$1: less than 1% of it costs the host anything" "$ram" \
		$(($3 / 100))
}

idle_costs_all()
{
	equal "$1: all of it costs the host memory" "$(pool_ram "$2")" "$3"
}

# --- the kernel alone ---------------------------------------------------------

save_descriptors
check 'kernel: fill the pool' set_pool 2 $PAGES
use 'kernel' 2 $PAGES
idle_costs_all 'kernel: after use' 2 $POOL

# --- filling it, using it, giving it back -----------------------------------------

must 'load the consumer' modprobe pvmemcontrol_hugetlb
must 'load the transport' modprobe pvmemcontrol_pci
equal 'pages are given back unless it is said otherwise' \
	"$(parameter giveback)" Y
parameter verify 0

check 'empty the pool' set_pool 2 0
check 'others leave data in free memory' dirty 512
anonymous=$(host anonymous)
check 'fill the pool' set_pool 2 $PAGES
# Not all of what it gets need have been in use.
at_least 'filled: the host has got memory back' \
	$((anonymous - $(host anonymous))) $((POOL / 2))
equal 'filled: all pages have been given back' "$(counter returned)" $PAGES
idle_costs_nothing 'filled' 2 $POOL
first_touch 'filled' 2 $PAGES 0

# Whatever it wants to know of the guest's memory, it knows after this.  (With
# the descriptors' memory saved, the kernel could not get rid of so many again.)
echo 0 >/proc/sys/vm/hugetlb_optimize_vmemmap
most=$(awk '/^MemFree:/ { print int($2 / 2048 * 7 / 8) }' /proc/meminfo)
at_least 'most memory is free' "$most" 512
check 'a pool of almost all memory' set_pool 2 "$most"
check 'each page of it is touched' pages 2 "$most" touch
check 'empty the pool' set_pool 2 0
save_descriptors
check 'fill the pool' set_pool 2 $PAGES

use 'full of data' 2 $PAGES
idle_costs_nothing 'full of data' 2 $POOL
known=$(counter known)
first_touch 'known pages' 2 $PAGES 0
equal 'known pages: all of them' $(($(counter known) - known)) $PAGES

# --- giveback=0 -------------------------------------------------------------------

parameter giveback 0
use 'giveback=0' 2 $PAGES
idle_costs_all 'giveback=0' 2 $POOL
first_touch 'giveback=0' 2 $PAGES $PAGES

# --- a page that leaves the pool is known no more ---------------------------------

# Makes all pages known, of a pool of that size, and forgets no mark after.
all_known()
{
	parameter giveback 1
	check "$1: a pool of known pages" set_pool 2 "$2"
	check "$1: they are used" pages 2 "$2" touch fill
	parameter giveback 0
}

all_known 'left the pool' $PAGES
check 'left the pool: it is emptied' set_pool 2 0
check 'left the pool: others leave data in the pages' dirty 512
check 'left the pool: it is filled again' set_pool 2 $PAGES
first_touch 'left the pool' 2 $PAGES $PAGES
check 'empty the pool' set_pool 2 0

for way in private shared file copy steal punch truncate move; do
	all_known "$way" $FEW
	check "$way: with pages that are known, and kept" hugeways $way $FEW
	pool_whole "$way" 2 $FEW
	check "$way: the pages are used" pages 2 $FEW touch zero fill
	all_zero "$way"

	parameter giveback 1
	check "$way: with pages that are not, and given back" \
		hugeways $way $FEW
	check "$way: once more" hugeways $way $FEW
	pool_whole "$way" 2 $FEW
done
check 'all pages are used once more' pages 2 $FEW touch fill
idle_costs_nothing 'after all ways' 2 $((FEW * 2 * MIB))
first_touch 'after all ways' 2 $FEW 0
check 'empty the pool' set_pool 2 0

# --- pages beyond the pool -----------------------------------------------------------

for giveback in 0 1; do
	parameter giveback $giveback
	echo $FEW >"$(pool 2)/nr_overcommit_hugepages"
	for way in private copy file; do
		check "surplus, giveback=$giveback: $way" hugeways $way $FEW
	done
	use "surplus, giveback=$giveback" 2 $FEW
	pool_whole "surplus, giveback=$giveback" 2 0
	echo 0 >"$(pool 2)/nr_overcommit_hugepages"
done

# --- 1 GiB -------------------------------------------------------------------------------

pieces=$((1024 / $(cat /sys/module/pvmemcontrol/parameters/piece_mib)))
at_most 'exits for 1 GiB' $pieces 8
parameter giveback 0
check '1 GiB: whatever it wants to know of this memory' pages 1024 1 touch
first_touch '1 GiB' 1024 1 $pieces
parameter giveback 1
check '1 GiB: it is used' pages 1024 1 touch fill
idle_costs_nothing '1 GiB: after use' 1024 $GIB
first_touch '1 GiB: known' 1024 1 0

# split NAME EXITS: into 2 MiB pages, which read as zero
split()
{
	check "$1: it is split up" sh -c "echo 1 >$(pool 1024)/demote"
	pool_whole "$1" 2 512
	first_touch "$1" 2 512 "$2"
}

# Descriptors that come back when a page is freed would be put into the memory
# that is to make a page of 1 GiB again.  The page that there is has only a few;
# the others, and their marks, are made from those when it is split.
echo 0 >/proc/sys/vm/hugetlb_optimize_vmemmap

# Known, and then split where that is forgotten.
parameter giveback 0
split 'split while it was known, giveback=0' 512

# Full of data that nobody has given back: split where that is made up for.
check 'the pages are full of data' pages 2 512 touch fill
check 'empty the pool' set_pool 2 0
check 'there is a page of 1 GiB' set_pool 1024 1
first_touch '1 GiB: from memory full of data' 1024 1 $pieces
check '1 GiB: it is used' pages 1024 1 touch fill
parameter giveback 1
split 'split while it was full, giveback=1' 0
idle_costs_nothing 'split while it was full, giveback=1' 2 $GIB

# Made of memory whose pages were known when they were smaller.
check 'the pages are full of data' pages 2 512 touch fill
parameter giveback 0
check 'empty the pool' set_pool 2 0
check 'others leave data in free memory' dirty 1536
check 'there is a page of 1 GiB' set_pool 1024 1
first_touch '1 GiB: of pages that were known' 1024 1 $pieces
equal 'no fallback in all this' \
	"$(counter unproven) $(counter failed) $(counter mismatched) $(
		counter return_failed)" '0 0 0 0'

# --- what was known of another time ---------------------------------------------------

all_known 'unloaded' $FEW
check 'unloaded: the consumer' rmmod pvmemcontrol_hugetlb
check 'unloaded: the pages are used' pages 2 $FEW touch fill
check 'unloaded: it comes back' modprobe pvmemcontrol_hugetlb giveback=0 verify=0
check 'unloaded: the pages are used again' pages 2 $FEW touch zero
all_zero 'unloaded'
equal 'unloaded: it knows none of them' "$(counter known)" 0

recoveries()
{
	cat /sys/class/pvmemcontrol/pvmemcontrol0/recoveries
}

recovered()
{
	[ "$(recoveries)" -gt "$recoveries" ]
}

for how in 'the transport was unloaded' 'the VMM has forgotten'; do
	all_known "$how" $FEW
	known=$(counter known)
	dropped=$(counter dropped)
	case $how in
	*unloaded)
		check "$how" rmmod pvmemcontrol_pci
		check "$how: it comes back" modprobe pvmemcontrol_pci ;;
	*forgotten)
		recoveries=$(recoveries)
		host set x-forget true
		check "$how: it is asked for another page" pages 1024 1 touch
		check "$how: it is connected anew" wait_for 30 recovered ;;
	esac
	check "$how: the pages are used" pages 2 $FEW touch zero
	all_zero "$how"
	equal "$how: it knows none of them" $(($(counter known) - known)) 0
	at_least "$how: they are dropped" $(($(counter dropped) - dropped)) $FEW
done
check 'empty the pool of 1 GiB' set_pool 1024 0

# --- what all of this rests on ---------------------------------------------------------------

check 'ftrace cannot be switched off' sh -c \
	'! echo 0 >/proc/sys/kernel/ftrace_enabled'
equal 'ftrace is on' "$(cat /proc/sys/kernel/ftrace_enabled)" 1
check 'unload the consumer' rmmod pvmemcontrol_hugetlb
if dmesg | grep -q 'ftrace_enabled file is deprecated'; then
	ok 'this kernel never switches ftrace off'
else
	check 'ftrace can be switched off' sh -c \
		'echo 0 >/proc/sys/kernel/ftrace_enabled'
fi

finish
