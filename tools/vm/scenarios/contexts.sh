# SPDX-License-Identifier: GPL-2.0
# Calls and batches from every context.
#
# tier: kvm-6.12 kernels
# vm: --memory 1G --cpus 2 --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --add tools/vm/scenarios/every_context:/lib/every_context.sh
# module: pvmc_contexts
. /lib/ktap.sh
. /lib/facts.sh
. /lib/every_context.sh
