# SPDX-License-Identifier: GPL-2.0
# Huge pages with and without the consumer: always zero when they are handed
# out, whatever the VMM does; with it they cost the host nothing.
#
# What the consumer does when pages go back to the pool is left out until the
# end: nearly all would have been dropped before they are handed out.
#
# vm: --one-thread
# vm: --memory 4G --cpus 2 --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --append 'hugepagesz=1G hugepages=1 hugepagesz=2M hugepages=8'
# add: hugepage
# tier: kernels
. /lib/ktap.sh
. /lib/facts.sh

GIB=$((1 << 30))

counter()
{
	value "$1" /sys/kernel/debug/pvmemcontrol_hugetlb/counters
}

# pages MIB COUNT ACTION...: what they print, in /tmp/pages
pages()
{
	hugepage "$@" >/tmp/pages 2>&1 || {
		cat /tmp/pages
		return 1
	}
}

all_zero()
{
	equal "$1: zero over every byte" \
		"$(sort -u /tmp/pages | grep nonzero_bytes)" 'nonzero_bytes 0'
}

# used NAME MIB COUNT: pages full of old data are handed out again
used()
{
	check "$1: pages are used again" pages "$2" "$3" \
		fill unmap touch zero fill filled unmap touch zero
	all_zero "$1"
	equal "$1: they hold what is written" \
		"$(value changed_bytes /tmp/pages)" 0
}

fault()
{
	host set x-fault-mode none
	host set x-fault-period 1
	host set x-fault-count -1
	while [ $# -gt 0 ]; do
		host set "x-fault-$1" "$2"
		shift 2
	done
}

# --- the kernel alone --------------------------------------------------------

check 'kernel: 1 GiB' pages 1024 1 touch 'run=host ram $GPA $LENGTH' zero fill \
	'run=host ram $GPA $LENGTH'
all_zero 'kernel: 1 GiB'
equal 'kernel: 1 GiB costs the host all of it' "$(sed -n 2p /tmp/pages)" $GIB
note "$(cat /tmp/pages)"

used 'kernel: 2 MiB' 2 8
equal 'kernel: nobody has asked the VMM' "$(host counter requests-total)" 0

# --- the consumer, but no device ------------------------------------------------

must 'load the consumer' modprobe pvmemcontrol_hugetlb giveback=N
used 'no device: 2 MiB' 2 8
equal 'no device: the reason is counted' "$(counter no_device)" 24
equal 'no device: nothing was dropped' "$(counter dropped)" 0

# --- the consumer ---------------------------------------------------------------

must 'load the transport' modprobe pvmemcontrol_pci
at_least 'it was tried whether dropped pages are zero' \
	"$(host counter requests-dontneed)" 1

# The first page of each part of memory serves to try it out.
check 'consumer: try out' pages 2 8 touch
check 'consumer: try out 1 GiB' pages 1024 1 touch fill

bytes=$(counter dropped_bytes)
requests=$(host counter requests-dontneed)
before=$(host anonymous)
check 'consumer: 1 GiB' pages 1024 1 touch 'run=host ram $GPA $LENGTH' \
	'run=host anonymous' zero 'run=host ram $GPA $LENGTH' fill filled
note "before $before; $(cat /tmp/pages)"
all_zero 'consumer: 1 GiB'
equal 'consumer: 1 GiB holds what is written' \
	"$(value changed_bytes /tmp/pages)" 0
at_most 'consumer: 1 GiB costs the host less than 1% of it' \
	"$(sed -n 2p /tmp/pages)" $((GIB / 100))
after=$(sed -n 3p /tmp/pages)
# Whatever else the guest has used for the first time meanwhile is in it.
at_least 'consumer: the VM has become smaller by 98% of it' \
	$((before - after)) $((GIB / 100 * 98))
at_most 'consumer: reading it all costs no more' "$(sed -n 5p /tmp/pages)" \
	$((GIB / 100))
equal 'consumer: 1 GiB takes an exit for each piece' \
	$(($(host counter requests-dontneed) - requests)) \
	$((1024 / $(cat /sys/module/pvmemcontrol/parameters/piece_mib)))
equal 'consumer: 1 GiB is counted' $(($(counter dropped_bytes) - bytes)) $GIB

requests=$(host counter requests-dontneed)
used 'consumer: 2 MiB' 2 8
equal 'consumer: 2 MiB takes one exit' \
	$(($(host counter requests-dontneed) - requests)) 24
equal 'consumer: no error' "$(host counter errors)" 0
equal 'consumer: the kernel has cleared none' \
	"$(counter unproven) $(counter failed) $(counter mismatched)" '0 0 0'

# --- a VMM that does not do it ----------------------------------------------------

# All of them: where one page was in a part of memory of which nothing was known yet
# when the next VMM refuses, that part would be cleared by the kernel from then on.
drops_again()
{
	drops_before=$(counter dropped)
	pages 2 8 touch && [ $(($(counter dropped) - drops_before)) -ge 8 ]
}

for how in 'mode errno errno 12' 'mode refuse' 'mode silent' 'mode garbage' \
	   'period 3 mode errno' 'period 3 mode silent' 'period 3 mode garbage'
do
	failed=$(counter failed)
	injected=$(host counter faults-injected)
	# shellcheck disable=SC2086 # several words
	fault $how
	used "$how" 2 8
	fault
	at_least "$how: it has happened" \
		$(($(host counter faults-injected) - injected)) 1
	at_least "$how: it was noticed" $(($(counter failed) - failed)) 1
	check "$how: once it is over pages are dropped again" \
		wait_for 10 drops_again
done

# In the middle of a page: some pieces are dropped, the others are not.
fault period 3 count 1 errno 5 mode errno
check 'one piece fails: 1 GiB' pages 1024 1 fill unmap touch zero
all_zero 'one piece fails: 1 GiB'
fault

# --- memory that DONTNEED does not zero ---------------------------------------------

check 'unload the transport' rmmod pvmemcontrol_pci
used 'device gone: 2 MiB' 2 8

unproven=$(counter unproven)
fault mode lie
must 'load it with a VMM that does nothing' modprobe pvmemcontrol_pci
used 'VMM does nothing: 2 MiB' 2 8
equal 'VMM does nothing: it was noticed at once' \
	$(($(counter unproven) - unproven)) 24
check 'unload it' rmmod pvmemcontrol_pci
fault
must 'load it with a VMM that does' modprobe pvmemcontrol_pci
check 'pages are dropped again' drops_again

# From now on it lies, and is believed until it is caught.
echo 1 >/sys/module/pvmemcontrol_hugetlb/parameters/verify
fault mode lie
used 'VMM begins to lie: 2 MiB' 2 8
at_least 'VMM begins to lie: it was caught' "$(counter mismatched)" 1
fault
dropped=$(counter dropped)
used 'VMM has lied: 2 MiB' 2 8
equal 'VMM has lied: it is not asked again' "$(counter dropped)" "$dropped"

# --- coming and going while pages are handed out --------------------------------------

check 'unload the consumer' rmmod pvmemcontrol_hugetlb
(
	while [ ! -e /tmp/enough ]; do
		hugepage 2 8 touch zero fill unmap touch zero || exit 1
	done >/tmp/meanwhile 2>&1
) &
busy=$!
for _ in 1 2 3 4 5 6 7 8; do
	modprobe pvmemcontrol_hugetlb || break
	usleep 300000
	rmmod pvmemcontrol_hugetlb || break
done
touch /tmp/enough
wait $busy
equal 'coming and going: pages are had all the time' $? 0
at_least 'coming and going: many' "$(grep -c nonzero_bytes /tmp/meanwhile)" 8
equal 'coming and going: zero over every byte' \
	"$(grep nonzero_bytes /tmp/meanwhile | sort -u)" 'nonzero_bytes 0'
check 'the consumer is unloaded' [ ! -e /sys/module/pvmemcontrol_hugetlb ]

finish
