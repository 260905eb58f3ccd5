# SPDX-License-Identifier: GPL-2.0
# Pages of all kinds, what the parameters do, and what is to be seen of it all
# from outside.
#
# vm: --one-thread
# vm: --memory 4G --cpus 2
# vm: --append 'hugepagesz=1G hugepages=1 hugepagesz=2M hugepages=8'
# vm: --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --add tools/vm/scenarios/pages:/lib/pages.sh
# add: hugepage hugeways
. /lib/ktap.sh
. /lib/facts.sh
. /lib/pages.sh

PAGES=8
HANDED_OUT='dropped known no_device unproven failed mismatched distrusted'
RETURNED='returned return_atomic return_failed'
TRACE=/sys/kernel/tracing

# total NAME...: the sum of these counters
total()
{
	total=0
	for name in "$@"; do
		total=$((total + $(counter "$name")))
	done
	echo $total
}

# expect_pages NAME HANDED_OUT RETURNED COMMAND...: what it does is counted
expect_pages()
{
	name=$1 want_out=$2 want_back=$3
	shift 3
	# shellcheck disable=SC2086 # lists of words
	out=$(total $HANDED_OUT) back=$(total $RETURNED)
	check "$name" "$@"
	# shellcheck disable=SC2086
	equal "$name: pages handed out" $(($(total $HANDED_OUT) - out)) \
		"$want_out"
	# shellcheck disable=SC2086
	equal "$name: pages given back" $(($(total $RETURNED) - back)) \
		"$want_back"
}

# --- mappings and files ---------------------------------------------------------

must 'load the transport' modprobe pvmemcontrol_pci
must 'load the consumer' modprobe pvmemcontrol_hugetlb
equal 'thp' "$(parameter thp)" N

for way in private shared file; do
	expect_pages "2 MiB, $way" $PAGES $PAGES hugeways $way $PAGES
	expect_pages "1 GiB, $way" 1 1 hugeways $way 1 1024
done
# The kernel copies where it does not clear.
expect_pages '2 MiB, copied' $((PAGES / 2)) $PAGES hugeways copy $PAGES
expect_pages '2 MiB, hole in a file' $((2 * PAGES - 2)) $((2 * PAGES - 2)) \
	hugeways punch $PAGES
pool_whole 'after all' 2 $PAGES
pool_whole 'after all' 1024 1
dropped=$(counter dropped)
equal 'each page that was dropped is as large as it is' \
	$((($(counter dropped_bytes) - dropped * 2 * MIB) % (GIB - 2 * MIB))) 0
equal 'the kernel has cleared none' "$(total no_device unproven failed \
	mismatched distrusted)" 0

# --- transparent huge pages ---------------------------------------------------------

# Since 6.13 the page allocator, if it clears all that it hands out, has cleared
# these too when they come from it, and nobody is asked to do so again.
cleared_before()
{
	uname -r | awk -F . '{ exit !($1 * 100 + $2 >= 613) }' &&
		dmesg | grep -q 'mem auto-init:.* heap alloc:on'
}

transparent()
{
	echo madvise >/sys/kernel/mm/transparent_hugepage/enabled
	echo always >/sys/kernel/mm/transparent_hugepage/defrag
	before=$(exits)
	expect_pages 'thp=0' 0 0 hugeways thp $PAGES
	equal 'thp=0: the VMM is not asked' $(($(exits) - before)) 0
	parameter thp 1
	wanted=$PAGES
	! cleared_before || wanted=0
	for time in first second; do
		expect_pages "thp=1, $time time" $wanted 0 hugeways thp $PAGES
	done
	equal 'thp=1: they were dropped' $(($(counter dropped) - dropped)) \
		$((2 * wanted))
	parameter thp 0
	expect_pages 'thp=0 again' 0 0 hugeways thp $PAGES
}

if [ -d /sys/kernel/mm/transparent_hugepage ]; then
	transparent
else
	skip 'transparent huge pages' 'this kernel has none'
fi

# --- tracepoints, counters -------------------------------------------------------------

# traced EVENT COUNT FIELDS: so many records of an event, all with such fields
traced()
{
	equal "trace: $1" "$(grep -c "pvmemcontrol_hugetlb_$1: start=0x\
[0-9a-f]*00000 length=0x200000 nid=0$3\$" $TRACE/trace)" "$2"
}

echo 1 >$TRACE/events/pvmemcontrol_hugetlb/enable
check 'trace: pages that are given back' pages 2 $PAGES touch
traced return $PAGES ''
traced drop 0 ''
parameter giveback N
check 'trace: pages that are not' pages 2 $PAGES touch unmap touch
traced return $PAGES ''
traced drop $PAGES ''
fault mode errno errno 12
check 'trace: pages that cannot be dropped' pages 2 $PAGES touch
fault
traced fallback $PAGES ' error=-5'
echo 0 >$TRACE/events/pvmemcontrol_hugetlb/enable
at_least 'trace: nothing else' 0 "$(grep -c pvmemcontrol_hugetlb_ \
	$TRACE/trace | awk -v n=$((3 * PAGES)) '{ print $1 - n }')"
parameter giveback Y

equal 'only root reads the counters' "$(stat -c '%a %u' \
	/sys/kernel/debug/pvmemcontrol_hugetlb/counters)" '400 0'
check 'each counter has a name of its own and a number' awk '
	NF != 2 || $1 !~ /^[a-z_]+$/ || $2 !~ /^[0-9]+$/ || seen[$1]++ {
		print; bad = 1
	}
	END { exit bad || !NR }' /sys/kernel/debug/pvmemcontrol_hugetlb/counters

# --- coming and going while a large page is cleared ---------------------------------------

# The kernel's own function takes long; it is called from within the module.
fault mode refuse
(
	while [ ! -e /tmp/enough ]; do
		hugepage 1024 1 touch unmap touch || exit 1
		hugeways file $PAGES || exit 1
	done >/tmp/meanwhile 2>&1
) &
busy=$!
for _ in 1 2 3; do
	check 'unload the consumer while pages are faulted in' \
		rmmod pvmemcontrol_hugetlb
	check 'load it again' modprobe pvmemcontrol_hugetlb giveback=0
	usleep 400000
	fault
	usleep 200000
	fault mode refuse
done
touch /tmp/enough
wait $busy
equal 'pages were had all the time' $? 0
note "$(sort /tmp/meanwhile | uniq -c | tail -3)"
fault
check 'load it anew' sh -c 'rmmod pvmemcontrol_hugetlb &&
	modprobe pvmemcontrol_hugetlb verify=1'
pool_whole 'afterwards' 2 $PAGES
pool_whole 'afterwards' 1024 1

# --- verify=1 and a VMM that lies ----------------------------------------------------------

said()
{
	dmesg | grep -c 'claims to have dropped'
}

check 'verify=1: pages are used' pages 2 $PAGES touch zero fill unmap touch zero
all_zero 'verify=1'
equal 'verify=1: each page is looked at' "$(counter verified)" \
	"$(total dropped known returned)"
equal 'verify=1: an honest VMM is believed' "$(said)" 0

# It begins to lie while pages are in use, so it does when they are given back.
check 'a lie' pages 2 $PAGES fill 'run=host set x-fault-mode lie' unmap touch \
	zero fill unmap touch zero
all_zero 'a lie'
equal 'a lie: it was caught' "$(said)" 1
asked=$(exits)
fault
dropped=$(total dropped known returned)
for way in private shared file copy; do
	check "a lie: pages after it, $way" hugeways $way $PAGES
done
check 'a lie: 1 GiB after it' pages 1024 1 touch
equal 'a lie: the VMM is not asked again' "$(exits)" "$asked"
equal 'a lie: nor is anything taken for dropped' \
	"$(total dropped known returned)" "$dropped"
equal 'a lie: it is said once' "$(said)" 1
at_least 'a lie: the kernel clears' "$(total mismatched distrusted)" $PAGES

check 'a lie: the transport leaves' rmmod pvmemcontrol_pci
check 'a lie: and comes back' modprobe pvmemcontrol_pci
check 'a lie: pages are used' pages 2 $PAGES touch zero
all_zero 'a lie: pages are used'
equal 'a lie: it is not forgotten' "$(total dropped known returned)" "$dropped"

check 'load it anew' sh -c 'rmmod pvmemcontrol_hugetlb &&
	modprobe pvmemcontrol_hugetlb verify=1'
check 'it is believed again' pages 2 $PAGES touch unmap touch
at_least 'it is believed again: pages are dropped' "$(total dropped known)" \
	$PAGES
pool_whole 'in the end' 2 $PAGES

finish
