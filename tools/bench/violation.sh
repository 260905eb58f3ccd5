# SPDX-License-Identifier: GPL-2.0
# How long a violation takes to reach the client whose page was touched, what
# sealing a module costs in exits, and how many writes to sealed data are caught.
#
# vm: --memory 1G --cpus 2 --timeout 600
# vm: --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --add tools/vm/scenarios/seal:/lib/seal.sh
# vm: --add tools/record/modules:/root/modules
# vm: --add tools/bench/lib/numbers.sh:/lib/numbers.sh
# module: pvmc_guarded pvmc_sealed
set -eu
. /lib/numbers.sh
. /lib/facts.sh
. /lib/seal.sh

guarded=/sys/kernel/debug/pvmc_guarded
sealed=/sys/kernel/debug/pvmc_sealed

modprobe pvmemcontrol_pci
insmod /lib/test-modules/pvmc_guarded.ko

# From before the instruction to the client's callback in the NMI; a median.
round=0
while [ $round -lt 51 ]; do
	echo 'process read' >$guarded/run
	value delivery_ns $guarded/results >>/tmp/delivery
	round=$((round + 1))
done
echo "violation.delivery_ns $(median /tmp/delivery)"
rmmod pvmc_guarded

# The most of any: its read-only data, and what is after its init.
modprobe pvmemcontrol_perm
settle
load_exits=$(count exits)
load_modules=$(modules_loaded)
for name in $(sed '/^#/d' /root/modules); do
	load "$name"
done
awk '{ each = $3 / $2; if (each > most) most = each }
	END { print "seal.exits_per_module_load", most }' /tmp/loads

insmod /lib/test-modules/pvmc_sealed.ko
settle
attempted=0
before=$(cat $client/violations)
for where in own own_after_init; do
	for alias in vmap direct; do
		for how in store locked copy string; do
			attempted=$((attempted + 1))
			echo "$where $alias $how" >$sealed/write
			# It is closed again a second after it was opened.
			wait_for 10 agreed
		done
	done
done
echo "seal.attempted $attempted"
echo "seal.caught $(($(cat $client/violations) - before))"
