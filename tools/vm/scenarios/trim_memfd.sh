# SPDX-License-Identifier: GPL-2.0
# Dead pages of stacks when the VMM's memory is shared, where DONTNEED drops
# nothing.
#
# vm: --memory 1G --cpus 2 --ram memfd
# vm: --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --add tools/vm/scenarios/trim_facts:/lib/trim.sh
# add: trim_sleepers
. /lib/ktap.sh
. /lib/facts.sh
. /lib/trim.sh

SLEEPERS=4000
must 'load the transport' modprobe pvmemcontrol_pci
must 'load the consumer' modprobe pvmemcontrol_kstack
spared
equal 'no error' "$(host counter errors)" 0
equal 'DONTNEED was not used' "$(host counter requests-dontneed)" 0
finish
