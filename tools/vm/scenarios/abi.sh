# SPDX-License-Identifier: GPL-2.0
# What is in sysfs and debugfs is what Documentation/ABI describes: no more, no
# less, and as readable and writable as it says.  What is in the files of debugfs
# is what the pages say that these files name.
#
# vm: --memory 512M --cpus 1 --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --add Documentation/ABI/:/lib/
# vm: --add Documentation/kstack.rst:/lib/pages/
# vm: --add Documentation/hugetlb.rst:/lib/pages/
# vm: --add Documentation/perm.rst:/lib/pages/
# vm: --add Documentation/sealing.rst:/lib/pages/
# module: pvmc_kstack_user
# tier: kernels
. /lib/ktap.sh
. /lib/facts.sh

must 'load the transport' modprobe pvmemcontrol_pci
for module in hugetlb perm kstack; do
	must "load $module" modprobe pvmemcontrol_$module
done

# "PATTERN MODE" lines: what may differ is in <> there, and a name here.  A third
# word, "Only", is of those that some kernels have.
cat /lib/ABI/testing/* | awk '
$1 == "What:" { what = $2 }
/^\t\t\((RO|WO|RW)\)/ && what {
	gsub(/[.]/, "[.]", what)
	gsub(/<[^>]*>/, "[^/]*", what)
	print what, substr($1, 2, 2), $2 == "Only" ? $2 : ""
	what = ""
}' >/tmp/described
at_least 'much is described' "$(wc -l </tmp/described)" 40

# Not what each device and each module has.
each_device='/(dev|uevent|power/.*)$'
each_module='/(coresize|initsize|initstate|refcnt|srcversion|taint|uevent)$'
each_module="$each_module|/(notes|sections)/"
{
	find /sys/class/pvmemcontrol/*/ -type f | grep -vE "$each_device"
	find /sys/module/pvmemcontrol* -type f | grep -vE "$each_module"
	find /sys/kernel/pvmemcontrol /sys/kernel/debug/pvmemcontrol* -type f
} | sed 's|//|/|' >/tmp/there
at_least 'much is there' "$(wc -l </tmp/there)" 40

mode()
{
	case $(stat -c %a "$1") in
	4?? | [04]) echo RO ;;
	2??) echo WO ;;
	6??) echo RW ;;
	*)	stat -c %a "$1" ;;
	esac
}

while read -r file; do
	described=$(awk -v file="$file" \
		'file ~ "^" $1 "$" { print $2; exit }' /tmp/described)
	equal "$file" "$(mode "$file")" "$described"
done </tmp/there

while read -r pattern _ only; do
	[ -n "$only" ] || check "there is $pattern" grep -qE "^$pattern$" /tmp/there
done </tmp/described

# "FILE NAME" lines, of the table after each line ".. counters of FILE".
cat /lib/pages/*.rst | awk '
/^[.][.] counters of / { file = $4; rules = 0; next }
file && /^===/ { if (++rules == 2) file = "" }
file && /^``/ { gsub(/`/, "", $1); print file, $1 }' >/tmp/told

# It has a line for each block of stacks, once there is one.
must 'load a driver that uses stacks' \
	insmod /lib/test-modules/pvmc_kstack_user.ko
must 'a stack is used' cat /sys/kernel/debug/pvmc_kstack_user/calls
for file in hugetlb/counters kstack/pool perm/counters perm/sealing; do
	file=pvmemcontrol_$file
	equal "names in $file" \
		"$(cut -d ' ' -f 1 "/sys/kernel/debug/$file" | sort -u)" \
		"$(awk -v file="$file" '$1 == file { print $2 }' /tmp/told |
			sort -u)"
	equal "numbers in $file" "$(grep -cvE '^[a-z_]+ (-?[0-9]+|0x[0-9a-f]+)$' \
		"/sys/kernel/debug/$file")" 0
done
check 'and in none is nothing' grep -q '^pvmemcontrol_kstack/pool block$' \
	/tmp/told
finish
