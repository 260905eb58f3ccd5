# SPDX-License-Identifier: GPL-2.0
# As hugetlb_mixed, with a VMM of version 1.0, which says nothing: each is
# dropped with what was found to zero it.
#
# vm: --device version-minor=0
# vm: --memory 1G --cpus 2 --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --add tools/vm/scenarios/mixed:/lib/mixed.sh
# vm: --qemu '-m 1024M,slots=2,maxmem=8G'
# vm: --qemu '-object memory-backend-memfd,id=mix,size=1G,share=on'
# vm: --qemu '-device pc-dimm,memdev=mix,node=0'
# add: hugepage
. /lib/ktap.sh
. /lib/facts.sh
. /lib/mixed.sh

mixed_scenario tried
