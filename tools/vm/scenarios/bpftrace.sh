# SPDX-License-Identifier: GPL-2.0
# The bpftrace tools with the distribution's bpftrace.
#
# make: tools/deps trace
# vm: --one-thread --memory 7G --cpus 2 --timeout 1500
# vm: --append 'mem=2G init_on_alloc=0 hugepagesz=2M hugepages=8'
# vm: --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --add tools/vm/scenarios/bpftrace:/lib/bpftrace.sh
# vm: --add tools/record/linux-6.1.list:/root/list
# vm: --add tools/bpftrace:/tools --add /usr/bin/bpftrace:/usr/bin/
# not-with: debug it has no BTF, without which bpftrace needs headers of the kernel
# not-with: kcsan it has no BTF, without which bpftrace needs headers of the kernel
# module: pvmc_guarded pvmc_perm_bench pvmc_kstack_user
# add: hugepage touch_page
. /lib/ktap.sh
. /lib/facts.sh

. /lib/bpftrace.sh
