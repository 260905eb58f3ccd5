# SPDX-License-Identifier: GPL-2.0
# A VMM of protocol 1.0 forgets the protections of a guest that comes to it. The
# driver notices, and says all of it again.
#
# vm: --memory 4G --cpus 2 --append 'mem=1G' --movable
# vm: --device version-minor=0
# vm: --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --add tools/vm/scenarios/perm:/lib/perm.sh
# vm: --add tools/vm/scenarios/travel:/lib/travel.sh
# module: pvmc_perm_user
. /lib/ktap.sh
. /lib/facts.sh
. /lib/perm.sh
. /lib/travel.sh

device=/sys/class/pvmemcontrol/pvmemcontrol0

travel_begin
travel_move 'first journey'
travel_snapshot
travel_move 'second journey'
at_least 'the device was connected anew' "$(cat $device/recoveries)" 1
travel_end
