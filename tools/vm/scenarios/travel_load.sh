# SPDX-License-Identifier: GPL-2.0
# A guest goes to another QEMU, twice, and back to a snapshot, while on both CPUs
# calls are made in every context, guarded stacks come and go, permissions are
# committed and huge pages are dropped: nothing that the host was told is lost, and
# no memory is another.
#
# vm: --memory 4G --cpus 2 --append 'mem=1G hugepages=8' --movable
# vm: --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --add tools/vm/scenarios/seal:/lib/seal.sh
# vm: --add tools/vm/scenarios/load:/lib/load.sh
# module: pvmc_load pvmc_kstack_user pvmc_perm_user
# add: hugepage
. /lib/ktap.sh
. /lib/facts.sh
. /lib/seal.sh
. /lib/load.sh

stacks=/sys/kernel/debug/pvmc_kstack_user/stacks
user=/sys/kernel/debug/pvmc_perm_user
# Memory that the kernel was told to leave alone
MEMORY=$((0x100000000))
RANGES=40

# again NAME COMMAND...: until it is enough, and how often that was
again()
{
	again_name=$1
	again_times=0
	shift
	while [ ! -e /tmp/enough ]; do
		"$@" || {
			echo "failed $again_times"
			return 1
		}
		again_times=$((again_times + 1))
		# At once, for who reads it.
		echo "$again_times" >"/tmp/new.$again_name"
		mv "/tmp/new.$again_name" "/tmp/times.$again_name"
	done >"/tmp/log.$again_name" 2>&1
}

# They would leave the others no time.
some_calls()
{
	echo 1 >$load/run
	usleep 100000
	echo 0 >$load/run
	usleep 200000
}

some_stacks()
{
	echo 60 >$stacks && echo 0 >$stacks
}

# perms WHAT FIRST: of every fourth page from there on
perms()
{
	perms_page=$2
	while [ "$perms_page" -lt $((4 * RANGES)) ]; do
		printf '%s %x 1000 1\n' "$1" $((MEMORY + perms_page * 4096)) \
			>$user/run || return 1
		perms_page=$((perms_page + 4))
	done
	echo commit >$user/run
	[ "$(value error $user/result)" -eq 0 ]
}

some_perms()
{
	perms map 2 && perms unmap 2
}

some_pages()
{
	hugepage 2 3 touch zero fill filled unmap touch zero
}

# How many of those pages the host lets nobody write to, and how many it does.
permitted()
{
	protections $MEMORY $((4 * RANGES * 4096))
}

grown()
{
	sleep 0.3
	for grown_name in calls stacks perms pages; do
		[ "$(cat /tmp/times.$grown_name)" -gt \
			"$(cat /tmp/before.$grown_name)" ] || return 1
	done
}

# goes_on NAME: all that was going on before goes on
goes_on()
{
	for goes_name in calls stacks perms pages; do
		cp /tmp/times.$goes_name /tmp/before.$goes_name
	done
	goes_ok=$(result ok)
	check "$1: everything goes on" wait_for 20 grown
	at_least "$1: many calls" "$(result ok)" $((goes_ok + 100))
	equal "$1: every call has succeeded" \
		"$(result enodev) $(result eio) $(result other)" '0 0 0'
	equal "$1: memory is as the calls said" "$(result wrong)" 0
	note "$1: $(tr '\n' ' ' <$load/results)"
}

must 'load the transport' modprobe pvmemcontrol_pci
must 'load huge pages' modprobe pvmemcontrol_hugetlb
must 'load permissions' modprobe pvmemcontrol_perm
must 'load stacks' modprobe pvmemcontrol_kstack
must 'load a driver with stacks' insmod /lib/test-modules/pvmc_kstack_user.ko
must 'load a driver with permissions' \
	insmod /lib/test-modules/pvmc_perm_user.ko
must 'load a client' insmod /lib/test-modules/pvmc_load.ko
check 'the init of all is over' settle
head -c 20000000 /dev/urandom >/dev/shm/content
sum=$(sha1sum </dev/shm/content)
cd / || exit
must 'let go of the folder of modules' umount /usr/lib/modules/stock

# These stay as they are.
check 'permissions' perms map 0
equal 'pages are closed to writing' "$(permitted)" \
	"$RANGES $((3 * RANGES))"
agree 'pages are sealed, as the host sees it'

for name in calls stacks perms pages; do
	echo 0 >/tmp/times.$name
done
again calls some_calls &
again stacks some_stacks &
again perms some_perms &
again pages some_pages &
goes_on 'at rest'

# journey NAME: to another QEMU, which is there together with this one
journey()
{
	check "$1" eval 'host move >/tmp/moved'
	note "$1: $(tr '\n' ' ' </tmp/moved)"
	at_least "$1: while it ran" "$(value rounds /tmp/moved)" 2
}

journey 'first journey'
goes_on 'first journey'

what=$(host snapshot)
if [ "$what" = taken ]; then
	# Seconds that will not have been.
	echo 'will not have been' >/dev/shm/content
	sleep 2
	what=$(host rollback)
fi
equal 'the snapshot is loaded' "$what" loaded
goes_on 'snapshot'

journey 'second journey'
goes_on 'second journey'

touch /tmp/enough
wait
for name in calls stacks perms pages; do
	equal "$name: never failed" "$(grep failed /tmp/log.$name)" ''
	note "$name: $(cat /tmp/times.$name) times"
done
equal 'huge pages: zero over every byte' \
	"$(grep nonzero_bytes /tmp/log.pages | sort -u)" 'nonzero_bytes 0'
equal 'huge pages: what was written is there' \
	"$(grep changed_bytes /tmp/log.pages | sort -u)" 'changed_bytes 0'
equal 'files have their content' "$(sha1sum </dev/shm/content)" "$sum"
equal 'the host protects what it is to' "$(permitted)" \
	"$RANGES $((3 * RANGES))"
agree 'and what is sealed'
check 'stacks have guards' eval "echo 100 >$stacks"
at_least 'as the host sees it' "$(host counter guards)" 100
equal 'the device never lost its guest' "$(cat $class/recoveries)" 0
equal 'nothing was a violation' "$(host counter violations-total)" 0
check 'all of it can be unloaded' rmmod pvmc_load pvmc_kstack_user \
	pvmc_perm_user pvmemcontrol_hugetlb pvmemcontrol_kstack \
	pvmemcontrol_perm
equal 'then nothing is protected or guarded' \
	"$(host_sealed) $(permitted) $(host counter guards)" \
	"0 0 $((4 * RANGES)) 0"
finish
