# SPDX-License-Identifier: GPL-2.0
# Memory of two kinds in one node: what DONTNEED zeroes in one it keeps in the
# other.  The second comes as a DIMM, and is brought online while the consumer
# is loaded.  Of all of it the VMM can promise nothing: what is a hole
# afterwards is dropped, the rest is cleared.
#
# vm: --memory 1G --cpus 2 --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --add tools/vm/scenarios/mixed:/lib/mixed.sh
# vm: --qemu '-m 1024M,slots=2,maxmem=8G'
# vm: --qemu '-object memory-backend-memfd,id=mix,size=1G,share=on'
# vm: --qemu '-device pc-dimm,memdev=mix,node=0'
# add: hugepage
. /lib/ktap.sh
. /lib/facts.sh
. /lib/mixed.sh

mixed_scenario said
