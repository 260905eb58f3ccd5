# SPDX-License-Identifier: GPL-2.0
# The bpftrace tools with the bpftrace of the newest Debian.
#
# make: tools/bpftrace/root trixie build/bpftrace/newest.tar
# vm: --one-thread --memory 7G --cpus 2 --timeout 1500
# vm: --append 'mem=2G init_on_alloc=0 hugepagesz=2M hugepages=8'
# vm: --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --add tools/vm/scenarios/bpftrace:/lib/bpftrace.sh
# vm: --add tools/record/linux-6.1.list:/root/list
# vm: --add tools/bpftrace:/tools --add build/bpftrace/newest.tar:/newest.tar
# not-with: debug it has no BTF, without which bpftrace needs headers of the kernel
# not-with: kcsan it has no BTF, without which bpftrace needs headers of the kernel
# module: pvmc_guarded pvmc_perm_bench pvmc_kstack_user
# add: hugepage touch_page
. /lib/ktap.sh
. /lib/facts.sh

# It does not run with the libraries of this guest.
mkdir -p /newest/tools
must 'unpack it' tar -C /newest -xf /newest.tar
rm /newest.tar
cp /usr/bin/busybox /newest/usr/bin/
ln -s busybox /newest/usr/bin/sh
cp /tools/pvmc-*.bt /newest/tools/
for folder in proc sys sys/kernel/tracing sys/kernel/debug dev tmp; do
	mount -o bind /$folder /newest/$folder
done

bpftrace()
{
	chroot /newest /usr/bin/bpftrace "$@"
}

. /lib/bpftrace.sh
