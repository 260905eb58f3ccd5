# SPDX-License-Identifier: GPL-2.0
# Guest memory that is a private mapping of a file in the host, and the file is
# full of data: DONTNEED would bring that back.  The VMM promises nothing, so
# nothing is dropped, and nobody ever sees a byte of it.
#
# vm: --memory 512M --cpus 2 --ram file
# vm: --append 'hugepagesz=2M hugepages=32'
# vm: --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --add tools/vm/scenarios/pages:/lib/pages.sh
# vm: --add tools/vm/scenarios/backing:/lib/backing.sh
# add: hugepage hugepool hugeways
# tier: kernels
. /lib/ktap.sh
. /lib/facts.sh
. /lib/pages.sh
. /lib/backing.sh

backing_zeroed_by_nothing
equal 'nothing was dropped with DONTNEED' "$(host counter requests-dontneed)" 0
finish
