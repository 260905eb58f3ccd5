# SPDX-License-Identifier: GPL-2.0
# As kstack_memfd, with a VMM of version 1.0, where it is tried what gives memory
# back.
#
# vm: --memory 1G --cpus 2 --ram memfd --device version-minor=0
# vm: --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --add tools/vm/scenarios/kstack_idle:/lib/idle.sh
# module: pvmc_kstack_user
. /lib/ktap.sh
. /lib/facts.sh
. /lib/idle.sh

idle_scenario
equal 'DONTNEED was tried once' "$(host counter requests-dontneed)" 1
finish
