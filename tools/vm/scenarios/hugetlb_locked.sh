# SPDX-License-Identifier: GPL-2.0
# Guest memory that is locked in the host: neither operation is allowed, and the
# kernel has to clear pages as ever.
#
# vm: --memory 1G --cpus 2 --qemu '-overcommit mem-lock=on'
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
finish
