# SPDX-License-Identifier: GPL-2.0
# What is in sysfs and debugfs is what Documentation/ABI describes: no more, no
# less, and as readable and writable as it says.
#
# vm: --memory 512M --cpus 1 --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --add Documentation/ABI/:/lib/
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
finish
