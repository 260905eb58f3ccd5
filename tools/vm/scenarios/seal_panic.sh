# SPDX-License-Identifier: GPL-2.0
# By the policy panic, a write to sealed data panics the kernel before it takes
# effect.
#
# vm: --memory 512M --cpus 2 --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --add tools/vm/scenarios/seal:/lib/seal.sh
# module: pvmc_sealed
# panic: write to protected page .* of perm: rodata of module pvmc_sealed, stopped
# panic: Kernel panic - not syncing: pvmemcontrol: a protected page was touched
# panic: pvmc_sealed: at the panic its data is as it was
. /lib/ktap.sh
. /lib/facts.sh
. /lib/seal.sh

plan 5
check 'load the core, which is to panic' modprobe pvmemcontrol violation=panic
check 'load the transport' modprobe pvmemcontrol_pci
check 'load the consumer' modprobe pvmemcontrol_perm
check 'load the attacker' insmod /lib/test-modules/pvmc_sealed.ko
check 'the init of all is over' settle
until_here
echo 'own vmap store' >/sys/kernel/debug/pvmc_sealed/write
finish
