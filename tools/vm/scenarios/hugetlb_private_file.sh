# SPDX-License-Identifier: GPL-2.0
# Guest memory that is a private mapping of a file in the host: DONTNEED brings
# the file's content back, which is nothing.
#
# vm: --memory 1G --cpus 2 --ram memfd,share=off
# vm: --append 'hugepagesz=2M hugepages=32'
# vm: --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --add tools/vm/scenarios/pages:/lib/pages.sh
# vm: --add tools/vm/scenarios/backing:/lib/backing.sh
# add: hugepage hugepool hugeways
. /lib/ktap.sh
. /lib/facts.sh
. /lib/pages.sh
. /lib/backing.sh

backing_zeroed_by dontneed
finish
