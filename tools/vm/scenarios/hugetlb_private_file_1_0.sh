# SPDX-License-Identifier: GPL-2.0
# As hugetlb_private_file, with a VMM of version 1.0: it says nothing of its
# memory, and what comes back the first time is what counts.
#
# vm: --memory 512M --cpus 2 --ram file --device version-minor=0
# vm: --append 'hugepagesz=2M hugepages=32'
# vm: --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --add tools/vm/scenarios/pages:/lib/pages.sh
# vm: --add tools/vm/scenarios/backing:/lib/backing.sh
# add: hugepage hugepool hugeways
. /lib/ktap.sh
. /lib/facts.sh
. /lib/pages.sh
. /lib/backing.sh

backing_zeroed_by_nothing
equal 'DONTNEED was tried once' "$(host counter requests-dontneed)" 1
equal 'the log says why' \
	"$(dmesg | grep -c 'memory of the VMM has content to come back to')" 1
finish
