# SPDX-License-Identifier: GPL-2.0
# Guards on a host that makes them of protections: as many as its limit for
# ranges allows, an error that names the first beyond, and the rest works.
#
# vm: --memory 4G --cpus 2 --append 'mem=1G' --device x-no-guard-install=on
# vm: --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --add tools/vm/scenarios/guards:/lib/guards.sh
# module: pvmc_guards
. /lib/ktap.sh
. /lib/facts.sh
. /lib/guards.sh

guards_begin 17000
if guards_installed; then
	not_ok 'guards are protections'
fi
guards_limited 17000 16384
check 'unload the client' rmmod pvmc_guards
check 'unload the transport' rmmod pvmemcontrol_pci
finish
