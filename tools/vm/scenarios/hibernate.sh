# SPDX-License-Identifier: GPL-2.0
# The guest writes all its memory to a disk and switches itself off, and goes on in
# another QEMU, where a kernel that has used the device itself, and has closed
# pages of its own, loads the image over them.
#
# Pages are sealed, guarded and dropped meanwhile, and one is closed by an ioctl,
# which belongs to nobody.  A VMM that does not open them makes it fail, no more.
#
# vm: --kaslr --memory 4G --cpus 2 --movable --disk 1G --timeout 300
# vm: --append 'mem=1G hugepages=4'
# vm: --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --add tools/vm/scenarios/seal:/lib/seal.sh
# vm: --add tools/vm/scenarios/load:/lib/load.sh
# module: pvmc_load pvmc_kstack_user pvmc_perm_user
# add: hugepage
# tool: pvmemctl
# not-with: kcsan what goes on from an image is watched before that can be done, see suspend
# not-with: newest 7.3.4 loses its virtio-serial ports when devices are frozen, see suspend
. /lib/load.sh

load_all()
{
	modprobe pvmemcontrol_pci &&
		modprobe pvmemcontrol_hugetlb &&
		modprobe pvmemcontrol_perm seal_kernel=1 &&
		modprobe pvmemcontrol_kstack &&
		insmod /lib/test-modules/pvmc_kstack_user.ko &&
		echo 200 >/sys/kernel/debug/pvmc_kstack_user/stacks
}

# close_page FILE: has a huge page with content, and the first of its small pages
# closed, until the file is there; what it finds then is in FILE.found
close_page()
{
	hugepage 2 1 fill run="pvmemctl protect none -f -P \$GPA 4096" \
		run="touch $1.closed; until [ -e $1 ]; do usleep 100000; done" \
		filled >"$1.found" 2>&1 &
}

closed()
{
	[ -e "$1.closed" ]
}

modprobe virtio_blk
# What swap has at the end of its first page, if there is an image in it.
if dd if=/dev/vda bs=4096 count=1 2>/dev/null | grep -q S1SUSPEND; then
	# The kernel that loads it.  What it closes is in the way.
	echo 'boot: an image' >/dev/kmsg
	load_all || echo 'boot: cannot load all' >/dev/kmsg
	close_page /tmp/boot
	until [ -e /tmp/boot.closed ]; do
		usleep 100000
	done
	echo "boot: $(host counter guards) guards" >/dev/kmsg
	let_go_of_modules
	cat /sys/block/vda/dev >/sys/power/resume
	echo 'not ok 1000 the image is loaded'
	exit 1
fi

. /lib/ktap.sh
. /lib/facts.sh
. /lib/seal.sh

user=/sys/kernel/debug/pvmc_perm_user

hibernate()
{
	echo disk >/sys/power/state
}

# as_told NAME: the host does all that it was told before
as_told()
{
	agree "$1: pages are sealed, as the host sees it"
	at_least "$1: many" "$(host_sealed)" 500
	# Memory that the kernel was told to leave alone: every second page is.
	equal "$1: pages are closed to writing" \
		"$(protections 0x100000000 $((200 * 4096)))" '100 100'
	at_least "$1: there are guards" "$(host counter guards)" 200
	touched=$(host counter violations-total)
	echo 3 >/sys/kernel/debug/pvmc_kstack_user/guard
	equal "$1: touching one is a violation" \
		$(($(host counter violations-total) - touched)) 1
	# It is open since.
	echo 0 >/sys/kernel/debug/pvmc_kstack_user/stacks
	echo 200 >/sys/kernel/debug/pvmc_kstack_user/stacks
	dropped=$(not_cleared)
	hugepage 2 2 fill unmap touch zero >/tmp/pages
	equal "$1: huge pages: zero over every byte" \
		"$(value nonzero_bytes /tmp/pages)" 0
	equal "$1: huge pages: dropped, not cleared" \
		$(($(not_cleared) - dropped)) 4
}

check 'the kernel can' grep -qw disk /sys/power/state
echo shutdown >/sys/power/disk
must 'load all' load_all
must 'load a driver with permissions' \
	insmod /lib/test-modules/pvmc_perm_user.ko
must 'load a client' insmod /lib/test-modules/pvmc_load.ko
check 'the init of all is over' settle
page=0
while [ $page -lt 200 ]; do
	printf 'map 0x%x 1000 1\n' $((0x100000000 + page * 4096)) >$user/run
	page=$((page + 2))
done
echo commit >$user/run
echo report >/sys/module/pvmemcontrol/parameters/violation
as_told 'at first'
close_page /tmp/resumed
must 'a page is closed by an ioctl' wait_for 30 closed /tmp/resumed
head -c 20000000 /dev/urandom >/dev/shm/content
sum=$(sha1sum </dev/shm/content)
must 'a place for the image' sh -c \
	'mkswap /dev/vda >/tmp/error 2>&1 && swapon /dev/vda'
let_go_of_modules
echo 1 >$load/run
check 'calls are made' wait_for 30 more_than ok 100

# --- a VMM that does not open ----------------------------------------------------

host set x-fault-errno 12
host set x-fault-codes $((1 << 12))
for mode in errno silent; do
	host set x-fault-mode $mode
	check "$mode: there is no image" eval '! hibernate 2>/tmp/error'
	host set x-fault-mode none
	check "$mode: the device is up again" wait_for 60 is_up
	touched=$(host counter violations-total)
	calls=$(result ok)
	check "$mode: calls succeed again" wait_for 60 more_than ok \
		$((calls + 100))
	sealed()
	{
		[ "$(host_sealed)" -eq "$(count pages)" ]
	}
	check "$mode: all is said again" wait_for 5 sealed
	as_told "$mode"
done

# --- one that does ------------------------------------------------------------------

close_page /tmp/resumed2
must 'a page is closed by an ioctl again' wait_for 30 closed /tmp/resumed2
# A new device does not have this.
host set x-fault-delay-ms 77
echo 1 >$load/clear
check 'calls are made' wait_for 30 more_than ok 100
check 'switch on what switches itself off' host power-on
check 'to disk, off, and on again' hibernate

equal 'it is another QEMU' "$(host counter x-fault-delay-ms)" 0
check 'the device is up' is_up
equal 'clients were told to forget and to restore' \
	"$(result forgot) $(result restored)" '1 1'
check 'calls succeed again' wait_for 60 more_than ok $(($(result ok) + 100))
echo 0 >$load/run
equal 'no other result than success, -ENODEV, -EIO' \
	"$(result other) ($(result other_errno))" '0 (0)'
equal 'memory is as the calls said' "$(result wrong)" 0
touch /tmp/resumed /tmp/resumed2
found()
{
	grep -q changed_bytes /tmp/resumed.found &&
		grep -q changed_bytes /tmp/resumed2.found
}
check 'what was closed can be read' wait_for 30 found
for page in resumed resumed2; do
	equal "it has its content: $page" \
		"$(value changed_bytes /tmp/$page.found)" 0
done
equal 'files have their content' "$(sha1sum </dev/shm/content)" "$sum"
as_told 'resumed'
equal 'one violation, which was meant to be' \
	"$(host counter violations-total)" 1
equal 'the VM was never paused' "$(host counter violations-paused)" 0
finish
