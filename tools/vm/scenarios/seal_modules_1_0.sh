# SPDX-License-Identifier: GPL-2.0
# The read-only data of more than 50 modules of the stock kernel is sealed while
# they are loaded, used and unloaded.  With a device of version 1.0: each range
# takes an exit, and a violation would pause the VM.
#
# not-with: debug it has hardly any modules of its own
# not-with: kcsan it has hardly any modules of its own
# vm: --memory 1G --cpus 2 --device version-minor=0
# vm: --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --add tools/vm/scenarios/seal:/lib/seal.sh --add tools/record/modules
. /lib/ktap.sh
. /lib/facts.sh
. /lib/seal.sh

seal_modules any
