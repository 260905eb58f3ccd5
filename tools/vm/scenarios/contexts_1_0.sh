# SPDX-License-Identifier: GPL-2.0
# Calls and batches from every context, with a VMM of protocol 1.0.
#
# vm: --memory 1G --cpus 2 --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --add tools/vm/scenarios/every_context:/lib/every_context.sh
# vm: --device version-minor=0
# module: pvmc_contexts
. /lib/ktap.sh
. /lib/facts.sh
. /lib/every_context.sh
