# SPDX-License-Identifier: GPL-2.0
# A guest with a thousand protected ranges goes to another QEMU, live by way of a
# file, and back to a snapshot: all of them are enforced there, and violations
# reach it as before.
#
# vm: --memory 4G --cpus 2 --append 'mem=1G' --movable
# vm: --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --add tools/vm/scenarios/perm:/lib/perm.sh
# vm: --add tools/vm/scenarios/travel:/lib/travel.sh
# module: pvmc_perm_user pvmc_guarded
# add: touch_page
. /lib/ktap.sh
. /lib/facts.sh
. /lib/perm.sh
. /lib/travel.sh

guarded=/sys/kernel/debug/pvmc_guarded
device=/sys/class/pvmemcontrol/pvmemcontrol0

# violated NAME: the page that was protected before is still, and nobody may
# touch it; then it is protected anew.
violated()
{
	touch_page $guarded/page >/tmp/touched
	equal "$1: a page is as it was" "$(value value /tmp/touched)" \
		0x5a5a5a5a5a5a5a5a
	equal "$1: touching it is a violation" "$(value told $guarded/results)" 1
	equal "$1: of that instruction" "$(value ip $guarded/results)" \
		"$(value ip /tmp/touched)"
	check "$1: protect it again" eval "echo 1 >$guarded/protect"
}

travel_begin
must 'load a client' insmod /lib/test-modules/pvmc_guarded.ko
must 'protect a page' eval "echo 1 >$guarded/protect"
violated 'at first'

travel_move 'first journey'
violated 'first journey'
travel_snapshot
violated 'snapshot'
travel_move 'second journey'
violated 'second journey'

equal 'the device never lost its guest' "$(cat $device/recoveries)" 0
check 'unload the client' rmmod pvmc_guarded
travel_end
