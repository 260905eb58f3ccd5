# SPDX-License-Identifier: GPL-2.0
# 100000 guards in one VM, which cost the host no mappings; on a host that cannot
# install guards, as many as its limit for ranges allows.
#
# vm: --memory 4G --cpus 2 --append 'mem=1G'
# vm: --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --add tools/vm/scenarios/guards:/lib/guards.sh
# module: pvmc_guards
. /lib/ktap.sh
. /lib/facts.sh
. /lib/guards.sh

guards_begin 100000
if guards_installed; then
	guards_many 100000
else
	note 'this host does not install guards'
	guards_limited 100000 16384
fi
check 'unload the client' rmmod pvmc_guards
check 'unload the transport' rmmod pvmemcontrol_pci
finish
