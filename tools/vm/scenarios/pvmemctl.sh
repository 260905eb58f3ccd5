# SPDX-License-Identifier: GPL-2.0
# Each command of pvmemctl with the real device, as the host sees it, and each
# way in which it cannot be done.
#
# vm: --memory 1G --cpus 2 --add tools/vm/scenarios/facts:/lib/facts.sh
# tool: pvmemctl
# add: memory_of_kinds
. /lib/ktap.sh
. /lib/facts.sh

PAGES=8192
class=/sys/class/pvmemcontrol

# status NAME WANT PATTERN COMMAND...: it ends so, and says something like that
status()
{
	name=$1 want=$2 pattern=$3
	shift 3
	got=0
	"$@" >/tmp/said 2>&1 || got=$?
	if [ "$got" -eq "$want" ] && grep -q -e "$pattern" /tmp/said; then
		ok "$name"
	else
		not_ok "$name" "$(cat /tmp/said
			echo "status $got instead of $want of: $*")"
	fi
}

# quiet NAME COMMAND...: it succeeds, and says nothing
quiet()
{
	name=$1
	shift
	check "$name" "$@"
	[ ! -s /tmp/ktap.out ] || note "$(cat /tmp/ktap.out)"
	equal "$name: without a word" "$(wc -c </tmp/ktap.out)" 0
}

# --- nothing there ---------------------------------------------------------------

status 'no module: info' 3 'modprobe pvmemcontrol_pci' pvmemctl info
status 'no module: an operation' 3 'modprobe pvmemcontrol_pci' \
	pvmemctl mlock -P 0x1000000 4K
must 'load the core' modprobe pvmemcontrol
status 'no device: info' 3 'no device' pvmemctl info
status 'no device: an operation' 3 'VMM gives this guest none' \
	pvmemctl mlock -P 0x1000000 4K
status 'no consumer' 3 'pvmemcontrol_kstack is not loaded' pvmemctl kstack trim
must 'load the transport' modprobe pvmemcontrol_pci
must 'load a consumer' modprobe pvmemcontrol_kstack

# --- what is shown ---------------------------------------------------------------

status 'info: features' 0 'features .*vectors, violations, guards' pvmemctl info
status 'info: client' 0 'client kstack .*policy panic' pvmemctl info
status 'info: parameters' 0 'module pvmemcontrol .*piece_mib=128' pvmemctl info
status 'info for nobody' 0 'client ioctl' su -s /bin/sh nobody -c 'pvmemctl info'
status 'no such device' 3 'no /dev/pvmemcontrol7' \
	pvmemctl mlock -d 7 -P 0x1000000 4K
status 'no device at all' 1 'no pvmemcontrol device' \
	pvmemctl mlock -d /dev/zero -P 0x1000000 4K
chmod 666 /dev/pvmemcontrol0
status 'without CAP_SYS_ADMIN' 4 'CAP_SYS_ADMIN' \
	su -s /bin/sh nobody -c 'pvmemctl mlock -P 0x1000000 4K'
chmod 600 /dev/pvmemcontrol0
status "not one's own file" 4 "root's" \
	su -s /bin/sh nobody -c 'pvmemctl mlock -P 0x1000000 4K'

# --- a process -------------------------------------------------------------------

mkfifo /tmp/ask
memory_of_kinds $PAGES </tmp/ask >/tmp/answers &
exec 7>/tmp/ask
must 'a process with memory' wait_for 60 grep -q ready /tmp/answers

# on KIND: the arguments that name it
on()
{
	awk -v kind="$1" '$1 == kind { print "-p", $2, $3, $4; exit }' \
		/tmp/answers
}

# content VERB KIND: pages that are filled, zero, and neither
content()
{
	lines=$(wc -l </tmp/answers)
	echo "$1 $2" >&7
	wait_for 60 sh -c "[ \$(wc -l </tmp/answers) -gt $lines ]"
	tail -n 1 /tmp/answers | cut -d ' ' -f 2-
}

# in_host COMMAND...: the sum of what `host ram` says of the ranges it prints;
# words where one of them fails, which are equal to no number
in_host()
{
	"$@" >/tmp/in_host 2>/tmp/error || {
		echo "status $? of: $*"
		return
	}
	[ -s /tmp/in_host ] || {
		echo "no range"
		return
	}
	sum=0
	while read -r start length; do
		backed=$(host ram "$start" "$length" 2>&1) || {
			echo "$backed"
			return
		}
		sum=$((sum + backed))
	done </tmp/in_host
	echo $sum
}

# has COLUMN PATTERN, lacks COLUMN PATTERN: a word in a column of what the host
# says of the mappings of the first range; neither is true where it says nothing
vma()
{
	host vma "$first" "$length" >/tmp/vma && [ -s /tmp/vma ] &&
		cut -d ' ' -f "$1" /tmp/vma >/tmp/vma.column
}

has()
{
	vma "$1" && grep -qw -e "$2" /tmp/vma.column
}

lacks()
{
	vma "$1" && ! grep -qw -e "$2" /tmp/vma.column
}

# shellcheck disable=SC2046 # `on` prints words
{
equal 'its content' "$(content fill own)" "$PAGES 0 0"
status 'where it is' 0 '^0x.*000 0x.*000$' pvmemctl mlock -N $(on own)
pvmemctl mlock -N $(on own) >/tmp/ranges
equal 'all of it' "$(while read -r start length; do
		sum=$((${sum:-0} + length)); echo $sum
	done </tmp/ranges | tail -n 1)" $((PAGES * 4096))
at_most 'in fewer ranges' "$(wc -l </tmp/ranges)" $((PAGES / 4))
note "$(wc -l </tmp/ranges) ranges"
read -r first length </tmp/ranges

status 'dontneed is refused' 6 'the process loses' pvmemctl dontneed $(on own)
equal 'and nothing is lost' "$(content count own)" "$PAGES 0 0"
equal 'the host has it' "$(in_host pvmemctl mlock -N $(on own))" \
	$((PAGES * 4096))
before=$(host resident)
quiet 'dontneed' pvmemctl dontneed -f $(on own)
after=$(host resident)
equal 'the host has nothing of it' "$(in_host pvmemctl mlock -N $(on own))" 0
note "resident: $before, then $after"
at_least 'the VM is smaller' $((before - after)) $((PAGES * 4096 / 2))
equal 'it is zero' "$(content count own)" "0 $PAGES 0"
equal 'and can be used' "$(content fill own)" "$PAGES 0 0"

for what in pageout dontdump mergeable unmergeable; do
	quiet "$what" pvmemctl $what $(on own)
done
equal 'all is kept' "$(content count own)" "$PAGES 0 0"

locked=$(host counter locked-bytes)
quiet 'mlock' pvmemctl mlock $(on own)
equal 'the host counts it' $(($(host counter locked-bytes) - locked)) \
	$((PAGES * 4096))
check 'it is locked' has 4 lo
quiet 'munlock' pvmemctl munlock $(on own)
equal 'the host counts it no more' "$(host counter locked-bytes)" "$locked"
check 'it is not locked' lacks 4 lo

# CONFIG_ANON_VMA_NAME is the host's choice.
naming=$(host naming)
case $naming in
0)	quiet 'name' pvmemctl name 77 $(on own)
	check 'the host has the name' has 5- pvmemcontrol-77
	quiet 'name none' pvmemctl name none $(on own)
	check 'the name is gone' lacks 5- pvmemcontrol-77 ;;
22)	skip 'name' 'the host cannot name memory'
	status 'name: as the host says' 1 'host says: Invalid argument' \
		pvmemctl name 77 $(on own) ;;
*)	not_ok 'name' "naming memory in the host: errno '$naming'" ;;
esac

status 'protect is refused' 6 'stops the guest' pvmemctl protect r $(on own)
quiet 'protect r' pvmemctl protect r -f $(on own)
equal 'the host lets nobody write' \
	"$(host vma "$first" "$length" | cut -d ' ' -f 3)" 'r--p'
equal 'it can be read' "$(content count own)" "$PAGES 0 0"
quiet 'protect rw' pvmemctl protect rw $(on own)
equal 'the host lets all write' \
	"$(host vma "$first" "$length" | cut -d ' ' -f 3)" 'rw-p'
quiet 'guard' pvmemctl guard -f $(on own)
equal 'guarded: the host has nothing' \
	"$(in_host pvmemctl mlock -N $(on own))" 0
quiet 'unguard' pvmemctl unguard $(on own)
equal 'it is zero again' "$(content count own)" "0 $PAGES 0"

# --- pages of others ---------------------------------------------------------------

status 'holes' 0 '^pvmemctl: pages left out: 32 not there$' \
	pvmemctl mlock $(on holes)
pvmemctl munlock $(on holes) 2>/tmp/error
equal 'holes: nothing has come' "$(content count holes)" '32 32 0'
pvmemctl mlock -N $(on holes) >/tmp/ranges 2>/tmp/error
status 'zeroes' 1 '16 of the kernel.s zeroes' pvmemctl dontneed -f $(on zero)
status 'shared' 6 '16 pages are shared' pvmemctl dontneed -f $(on shared)
status 'of a file' 6 'and 16 belong to files' pvmemctl remove -f $(on file)
status 'shared: left out' 1 '16 shared with others' \
	pvmemctl dontneed -f --shared=skip $(on shared)
equal 'shared: kept' "$(content count shared)" '16 0 0'
quiet 'shared: where nothing is lost' pvmemctl dontdump $(on shared)
quiet 'shared: included' pvmemctl dontneed -f --shared=include $(on shared)
equal 'shared: gone' "$(content count shared)" '0 16 0'
equal 'of a file: kept' "$(content count file)" '16 0 0'
status 'kernel thread' 1 'not there\|has no memory' pvmemctl mlock -p 2 0x400000 4K
status 'beyond what a process has' 1 'not there' \
	pvmemctl mlock -p $$ 0xffffffff80000000 4K
status 'verbose' 0 'dontdump: 32M (33554432 bytes) in' \
	pvmemctl dontdump -v $(on own)
}

# --- physical ranges -----------------------------------------------------------------

hole=0xfe000000
status 'phys: refused' 6 'whoever uses' pvmemctl dontneed -P "$first" 4K
status 'phys: no RAM' 1 'not RAM' pvmemctl mlock -P $hole 4K
status 'phys: beyond the CPU' 1 'driver refuses' \
	pvmemctl mlock -P 0xfffffffffff00000 4K
# The host's page is the guest's here.
quiet 'phys: advice' pvmemctl dontdump -P 16M 512M
at_least 'phys: no exit for more than the driver permits' \
	"$(host counter requests-dontdump)" 4

# --- how the VMM fails ---------------------------------------------------------------

host set x-fault-codes $((1 << 5))
host set x-fault-errno 12
host set x-fault-mode errno
status 'the host says no' 1 'host says: Cannot allocate' \
	pvmemctl dontdump -P "$first" 4K
host set x-fault-mode silent
status 'the VMM is silent' 1 'did not answer' pvmemctl dontdump -P "$first" 4K
host set x-fault-mode none
up()
{
	[ "$(cat $class/pvmemcontrol0/state)" = up ]
}
check 'the device is up again' wait_for 60 up

# --- counters -------------------------------------------------------------------------

# sum KEY of the JSON of `stat`, of the client ioctl
of_ioctl()
{
	pvmemctl stat -j | tr '{' '\n' | grep '"name": "ioctl"' |
		grep -o "\"$1\": [0-9]*" | cut -d ' ' -f 2
}

equal 'stat: as sysfs' "$(of_ioctl calls)" \
	"$(cat /sys/kernel/pvmemcontrol/ioctl/calls)"
before=$(of_ioctl pages)
quiet 'a call' pvmemctl dontdump -P 16M 64M
equal 'stat: it counts' $(($(of_ioctl pages) - before)) 16384
status 'stat: a line for each' 0 '^kstack ' pvmemctl stat
(
	while [ ! -e /tmp/enough ]; do
		pvmemctl dontdump -P 16M 64M
	done
) &
busy=$!
pvmemctl top -b -n 3 -i 1 -s calls >/tmp/top
touch /tmp/enough
wait $busy
equal 'top: three times' "$(grep -c '^CLIENT' /tmp/top)" 3
note "$(cat /tmp/top)"
equal 'top: who is busy comes first' \
	"$(grep -A 1 '^CLIENT' /tmp/top | grep -c '^ioctl')" 3
status 'top: no terminal' 2 'no terminal' pvmemctl top

before=$(cat /sys/module/pvmemcontrol_kstack/trim/runs)
status 'kstack trim' 0 '^pages [0-9]' pvmemctl kstack trim -v
equal 'it has run' $(($(cat /sys/module/pvmemcontrol_kstack/trim/runs) - before)) 1
status 'kstack stat' 0 '^runs  *[1-9]' pvmemctl kstack stat
status 'kstack trim: not for nobody' 4 'denied' \
	su -s /bin/sh nobody -c 'pvmemctl kstack trim'

# --- a VMM of version 1.0 ---------------------------------------------------------------

exec 7>&-
check 'device_del' host qmp \
	'{"execute": "device_del", "arguments": {"id": "pvmc0"}}'
check 'the guest lets it go' host wait-event DEVICE_DELETED 30
status 'no device: kstack trim' 3 'no device' pvmemctl kstack trim
check 'device_add' host qmp '{"execute": "device_add", "arguments":
	{"driver": "pvmemcontrol", "id": "pvmc0", "bus": "port0",
	 "version-minor": 0}}'
check 'it is there' wait_for 60 [ -e $class/pvmemcontrol0 ]
status '1.0: info' 0 'version         1.0' pvmemctl info
status '1.0: no guards' 5 'speaks version 1.0' \
	pvmemctl guard -f -P "$first" 4K
status '1.0: what it has' 0 'in 1 ranges' pvmemctl dontdump -v -P 16M 64M

finish
