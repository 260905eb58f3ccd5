# SPDX-License-Identifier: GPL-2.0
# Stacks of 4000 sleeping threads: what the host wins when they are trimmed, how
# long the guest stands still for it, and how late other threads wake while all
# is trimmed ten times a second and while it is not, in turn in one guest.
#
# The control are pauses of the same kind in which nothing is trimmed, as long in
# all: what is too long among them, the host has made so by taking the CPU away.
#
# Then what the host wins with a kernel that does not look at the last page of a
# stack.
#
# kernel: stock nocheck
# vm: --memory 1G --cpus 2 --timeout 600
# vm: --add tools/bench/lib/numbers.sh:/lib/numbers.sh
# add: trim_sleepers trim_latency
# module: pvmc_pause
set -eu
. /lib/numbers.sh

SLEEPERS=4000
ROUNDS=7
TRIM=/sys/module/pvmemcontrol_kstack/trim
PARAMETERS=/sys/module/pvmemcontrol_kstack/parameters
CONTROL=/sys/kernel/debug/pvmc_pause

cat >/tmp/measure <<'END'
ram=$(host ram 0 $((1 << 30)))
exits=$(cat $TRIM/exits)
pages=$(cat $TRIM/pages)
pauses=$(cat $TRIM/pauses)
begin=$(cut -d ' ' -f 1 /proc/uptime)
echo 1 >$TRIM/run
end=$(cut -d ' ' -f 1 /proc/uptime)
echo "won $((ram - $(host ram 0 $((1 << 30)))))"
echo "exits $(($(cat $TRIM/exits) - exits))"
echo "pages $(($(cat $TRIM/pages) - pages))"
echo "pauses $(($(cat $TRIM/pauses) - pauses))"
echo "ms $(awk -v a="$begin" -v b="$end" 'BEGIN { print (b - a) * 1000 }')"
exits=$(cat $TRIM/exits)
echo 1 >$TRIM/run
echo "exits_again $(($(cat $TRIM/exits) - exits))"
END

# One without, one with, one where also those are trimmed who do not sleep for long,
# and the control, in turn, the sleepers all asleep.
cat >/tmp/latency <<'END'
controlled=0
control()
{
	all=$(cat $TRIM/pause_total_ns)
	us=$((all / $(cat $TRIM/pauses) / 1000))
	echo "$us $(((all - controlled) / 1000000 + 1))" \
		"$(cat $PARAMETERS/trim_pause_us)" >$CONTROL/run
	controlled=$all
	cat $CONTROL/results >>/tmp/control
}
for round in $(seq $ROUNDS); do
	for who in without with impatient control; do
		case $who in
		with)	echo 100 >$PARAMETERS/trim_interval_ms ;;
		impatient)
			echo 0 >$PARAMETERS/trim_patient
			echo 100 >$PARAMETERS/trim_interval_ms ;;
		control) control & ;;
		esac
		trim_latency 16 5 2 >/tmp/run
		echo 0 >$PARAMETERS/trim_interval_ms
		echo 1 >$PARAMETERS/trim_patient
		wait
		for what in p50_us p99_us max_us; do
			awk -v key=$what '$1 == key { print $2 }' /tmp/run \
				>>/tmp/$what.$who
		done
	done
done
END

# in_all NAME, most NAME: of all runs of the control
in_all()
{
	awk -v key="$1" '$1 == key { n += $2 } END { print n }' /tmp/control
}

most()
{
	awk -v key="$1" '$1 == key && $2 > n { n = $2 } END { print n }' \
		/tmp/control
}

us()
{
	awk -v ns="$1" 'BEGIN { printf "%.1f\n", ns / 1000 }'
}

export ROUNDS TRIM PARAMETERS CONTROL
# Small kernels have fewer unless they are asked for.
echo 32768 >/proc/sys/kernel/pid_max
modprobe pvmemcontrol_pci
# Once before: what is emulated is translated the first time.
modprobe pvmemcontrol_kstack
trim_sleepers 1000 'sh /tmp/measure >/tmp/rehearsal' >&2
rmmod pvmemcontrol_kstack

modprobe pvmemcontrol_kstack
echo 1 >$TRIM/run
insmod /lib/test-modules/pvmc_pause.ko
afterwards='sh /tmp/latency'
[ "$KERNEL" = stock ] || afterwards=true
trim_sleepers $SLEEPERS "sh /tmp/measure >/tmp/won; $afterwards" >&2

awk -v won="$(value won /tmp/won)" -v all=$((SLEEPERS * 16384)) \
	-v name="kstack.trim_saved_fraction_$KERNEL" \
	'BEGIN { printf "%s %.4f\n", name, won / all }'
[ "$KERNEL" = stock ] || exit 0
echo "kstack.trim_longest_pause_us $(us "$(cat $TRIM/pause_longest_ns)")"
echo "kstack.trim_longest_pause_bound_us $(cat $PARAMETERS/trim_pause_us)"
echo "kstack.trim_longest_pause_control_us $(us "$(most longest_ns)")"
echo "trim.pauses $(cat $TRIM/pauses)"
echo "trim.pauses_ms $(us $(($(cat $TRIM/pause_total_ns) / 1000)))"
echo "trim.pauses_too_long $(cat $TRIM/pauses_too_long)"
echo "trim.control_pauses $(in_all pauses)"
echo "trim.control_pauses_ms $(us $(($(in_all total_ns) / 1000)))"
echo "trim.control_pauses_too_long $(in_all too_long)"
echo "trim.control_longest_gap_us $(us "$(most gap_ns)")"
echo "trim.pages_4000 $(value pages /tmp/won)"
echo "trim.exits_4000 $(value exits /tmp/won)"
echo "trim.pauses_4000 $(value pauses /tmp/won)"
echo "trim.ms_4000 $(value ms /tmp/won)"
echo "trim.exits_again $(value exits_again /tmp/won)"
for what in p50_us p99_us max_us; do
	for who in without with impatient control; do
		echo "trim.wake_$what.$who $(median /tmp/$what.$who)"
	done
done
