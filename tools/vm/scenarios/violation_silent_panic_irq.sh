# SPDX-License-Identifier: GPL-2.0
# An interrupt handler on the only CPU touches a protected page, and the VMM never
# answers when it is asked to open it: nothing else runs on this CPU, no tick either,
# and it does not wait for ever.
#
# vm: --memory 1G --cpus 1 --add tools/vm/scenarios/facts:/lib/facts.sh
# module: pvmc_guarded
# panic: pvmemcontrol: and the VMM does not open that page: -(EIO|5)
# panic: Kernel panic - not syncing: pvmemcontrol: a protected page was touched
. /lib/ktap.sh
. /lib/facts.sh

plan 3

must 'load the core' modprobe pvmemcontrol_pci
must 'load the client' insmod /lib/test-modules/pvmc_guarded.ko
host set x-fault-codes $((1 << 12))	# MPROTECT_RW
must 'the VMM falls silent' host set x-fault-mode silent
until_here
echo 'hardirq read' >/sys/kernel/debug/pvmc_guarded/run
finish
