# SPDX-License-Identifier: GPL-2.0
# A program touches a protected page, and the VMM never answers when it is asked to
# open it: the CPU does not wait for ever.
#
# vm: --memory 1G --cpus 2 --add tools/vm/scenarios/facts:/lib/facts.sh
# module: pvmc_guarded
# add: touch_page
# panic: pvmemcontrol: and the VMM does not open that page: -(EIO|5)
# panic: Kernel panic - not syncing: pvmemcontrol: a protected page was touched
. /lib/ktap.sh
. /lib/facts.sh

plan 4
dir=/sys/kernel/debug/pvmc_guarded

must 'load the core' modprobe pvmemcontrol_pci
must 'load the client' insmod /lib/test-modules/pvmc_guarded.ko
must 'protect a page' eval "echo 1 >$dir/protect"
host set x-fault-codes $((1 << 12))	# MPROTECT_RW
must 'the VMM falls silent' host set x-fault-mode silent
until_here
touch_page $dir/page
finish
