# SPDX-License-Identifier: GPL-2.0
# Writes to read-only data that is sealed, through every mapping: each is caught
# and names the module, the page is opened for the write and closed again.
#
# vm: --memory 1G --cpus 2 --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --add tools/vm/scenarios/seal:/lib/seal.sh
# module: pvmc_sealed
# tier: kernels
. /lib/ktap.sh
. /lib/facts.sh
. /lib/seal.sh

test=/sys/kernel/debug/pvmc_sealed
attempted=0
caught=0

# What the host permits of the page that was written last.
page_is()
{
	page=$(($(value phys $test/result) & ~4095))
	[ "$(host vma "$(printf 0x%x $page)" 4096 | cut -d ' ' -f 3 |
		cut -c 1-2)" = "$1" ]
}

said()
{
	dmesg | grep -c "write to protected page .* of perm: $1, stopped"
}

# attack NAME WHERE ALIAS HOW WHAT ADDED: WHAT is how the log has it
attack()
{
	violations=$(cat $client/violations)
	before=$(said "$5")
	attempted=$((attempted + 1))
	echo "$2 $3 $4" >$test/write || {
		not_ok "$1" 'the write failed'
		return
	}
	if [ "$(cat $client/violations)" -eq $((violations + 1)) ] &&
		[ "$(said "$5")" -eq $((before + 1)) ]; then
		caught=$((caught + 1))
		ok "$1: is caught, and says what it was"
	else
		not_ok "$1: is caught, and says what it was" "$(dmesg | tail -n 3)"
	fi
	equal "$1: completes" $(($(value after $test/result))) \
		$(($(value before $test/result) + $6))
	check "$1: it is closed again" wait_for 10 page_is r-
}

must 'load the transport' modprobe pvmemcontrol_pci
must 'load a module' modprobe loop
must 'load the consumer' modprobe pvmemcontrol_perm
agree 'all is sealed, as the host sees it'
areas=$(count areas)
check 'a module whose init fails' sh -c \
	'! insmod /lib/test-modules/pvmc_sealed.ko fail=1'
agree 'it is open, as the host sees it'
at_most 'it is forgotten' "$(count areas)" $((areas + 1))
must 'load the attacker' insmod /lib/test-modules/pvmc_sealed.ko
check 'the init of all is over' settle
agree 'all is sealed'

own='rodata of module pvmc_sealed'
for how in store locked copy string; do
	attack "a new mapping, $how" own vmap $how "$own" 1
done
attack 'the direct map, store' own direct store "$own" 1
attack 'the direct map, locked' own direct locked "$own" 1
attack 'its own mapping, store' own mapping store "$own" 1
attack 'read-only after init' own_after_init vmap store \
	'ro_after_init of module pvmc_sealed' 1
attack "another module's" \
	"$(awk '$3 == "lo_fops" { print $1 }' /proc/kallsyms)" vmap store \
	'rodata of module loop' 0
attack 'the same, direct map' \
	"$(awk '$3 == "lo_fops" { print $1 }' /proc/kallsyms)" direct copy \
	'rodata of module loop' 0
note "seal.attempted $attempted"
note "seal.caught $caught"
equal 'all were caught' "$caught" "$attempted"
agree 'all is sealed again'

check 'unload the consumer' rmmod pvmemcontrol_perm
equal 'all is open' "$(host_sealed)" 0
violations=$(host counter violations-total)
echo 'own vmap store' >$test/write
equal 'a write is no violation' "$(host counter violations-total)" \
	"$violations"
equal 'the VM was never paused' "$(host counter violations-paused)" 0
finish
