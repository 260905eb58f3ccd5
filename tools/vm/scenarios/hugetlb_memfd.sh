# SPDX-License-Identifier: GPL-2.0
# Guest memory that is a shared file in the host, as where another process has
# to reach it: DONTNEED keeps the content, REMOVE zeroes it.
#
# tier: kvm-6.1
# vm: --memory 1G --cpus 2 --ram memfd
# vm: --append 'hugepagesz=2M hugepages=32'
# vm: --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --add tools/vm/scenarios/pages:/lib/pages.sh
# vm: --add tools/vm/scenarios/backing:/lib/backing.sh
# add: hugepage hugepool hugeways
. /lib/ktap.sh
. /lib/facts.sh
. /lib/pages.sh
. /lib/backing.sh

backing_zeroed_by remove
finish
