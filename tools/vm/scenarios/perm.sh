# SPDX-License-Identifier: GPL-2.0
# The host permits each page what its mappings need, and no more: what drivers
# say, what the host's own mappings permit, and how many exits it takes. With
# vectors.
#
# vm: --memory 4G --cpus 2 --append 'mem=1G'
# vm: --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --add tools/vm/scenarios/perm:/lib/perm.sh
# module: pvmc_perm_user pvmc_perm_peer
. /lib/ktap.sh
. /lib/facts.sh
. /lib/perm.sh

perm_scenario 1
