# SPDX-License-Identifier: GPL-2.0
# Guarded stacks in memory that is a shared file in the host: what is idle is
# given back there too.  The file is looked at, not only what is mapped of it.
#
# vm: --memory 1G --cpus 2 --ram memfd --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --add tools/vm/scenarios/kstack_idle:/lib/idle.sh
# module: pvmc_kstack_user
. /lib/ktap.sh
. /lib/facts.sh
. /lib/idle.sh

idle_scenario
equal 'nothing was dropped with DONTNEED' "$(host counter requests-dontneed)" 0
finish
