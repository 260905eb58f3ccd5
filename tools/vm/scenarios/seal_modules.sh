# SPDX-License-Identifier: GPL-2.0
# The read-only data of more than 50 modules of the stock kernel is sealed while
# they are loaded, used and unloaded: they work, and each takes at most two
# exits.
#
# not-with: debug it has hardly any modules of its own
# not-with: kcsan it has hardly any modules of its own
# vm: --memory 1G --cpus 2 --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --add tools/vm/scenarios/seal:/lib/seal.sh --add tools/record/modules
# tier: kernels
. /lib/ktap.sh
. /lib/facts.sh
. /lib/seal.sh

seal_modules 2
