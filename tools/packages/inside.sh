# SPDX-License-Identifier: GPL-2.0
# What a machine with DKMS makes of the packages: run by `within`, prints KTAP.
# Modules that were built are left in /shared/RELEASE for who boots them.
#
# Arguments: the release of the kernel that has headers, that of the newer one,
# and the version of the packages.
. /shared/ktap.sh

older=$1
newer=$2
version=$3
modules='pvmemcontrol pvmemcontrol_pci pvmemcontrol_hugetlb pvmemcontrol_perm
	pvmemcontrol_kstack'

# Whether DKMS has the modules for a kernel, and has installed them.
installed()
{
	dkms status -m pvmemcontrol -v "$version" -k "$1" | tee /dev/stderr |
		grep -q ': installed$'
}

# Whether each of the modules is where modprobe finds it, for that kernel.
found()
{
	for module in $modules; do
		at=$(modinfo -k "$1" -F filename "$module") || return
		case $at in
		*/updates/dkms/*) ;;
		*)	echo "$module is $at"; return 1 ;;
		esac
		modinfo -F vermagic "$at" | grep -F "$1 " || return
	done
}

# The device's alias, as the kernel makes it, leads to the transport.
alias_known()
{
	modprobe -S "$1" -R \
		pci:v00001AE0d00000087sv00001AE0sd0000011Fbc08sc80i00 |
		grep -x pvmemcontrol_pci
}

gone()
{
	[ -z "$(dkms status -m pvmemcontrol)" ] &&
		[ -z "$(find /lib/modules -name 'pvmemcontrol*')" ]
}

keep()
{
	mkdir "/shared/$1" &&
		cp /lib/modules/"$1"/updates/dkms/pvmemcontrol*.ko* "/shared/$1"
}

# By hand, as from a tarball.
check 'dkms add' dkms add /shared/source
check 'dkms build' dkms build "pvmemcontrol/$version" -k "$older"
check 'dkms install' dkms install "pvmemcontrol/$version" -k "$older"
check 'dkms: installed' installed "$older"
check 'dkms: modprobe finds the modules' found "$older"
check 'dkms: remove' dkms remove "pvmemcontrol/$version" --all
check 'dkms: nothing is left' gone
rm -rf "/usr/src/pvmemcontrol-$version"

# By packages, and with the kernel's upgrade.
check 'the packages install' apt-get -qq -o Dpkg::Use-Pty=0 install -y \
	/shared/pvmemcontrol-dkms_*.deb /shared/pvmemcontrol-tools_*.deb
check 'package: the tool runs' pvmemctl --version
check 'package: built and installed' installed "$older"
check 'package: modprobe finds the modules' found "$older"
check 'package: the device finds its module' alias_known "$older"
check 'package: not for the kernel without headers' \
	eval "! installed $newer"
check 'the newer kernel gets headers' apt-get -qq -o Dpkg::Use-Pty=0 install -y \
	/packages/*.deb
check 'upgrade: built and installed' installed "$newer"
check 'upgrade: modprobe finds the modules' found "$newer"
check 'upgrade: the device finds its module' alias_known "$newer"
check 'upgrade: still there for the older' found "$older"
check 'keep them' keep "$older"
check 'keep those too' keep "$newer"
check 'the packages go' apt-get -qq -o Dpkg::Use-Pty=0 purge -y pvmemcontrol-dkms \
	pvmemcontrol-tools
check 'removed: nothing is left' gone
finish
