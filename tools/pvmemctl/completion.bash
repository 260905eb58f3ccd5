# SPDX-License-Identifier: GPL-2.0
# Completion of pvmemctl's command line, for bash.

_pvmemctl()
{
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
	local command=${COMP_WORDS[1]} words=

	case $before in
	-d|--device)
		words=$(cd /sys/class/pvmemcontrol 2>/dev/null && echo *) ;;
	-p|--pid)
		words=$(cd /proc && echo [0-9]*) ;;
	-s|--sort)
		words='exits calls ranges pages errors violations time' ;;
	--shared)
		words='refuse skip include' ;;
	--sysfs)
		mapfile -t COMPREPLY < <(compgen -d -- "$word")
		return ;;
	-i|--interval|-n|--count)
		return ;;
	esac
	if [ -z "$words" ] && [ "$COMP_CWORD" -eq 1 ]; then
		words='info stat top kstack dontneed remove free pageout
			dontdump mlock munlock mergeable unmergeable guard
			unguard name protect help --version'
	elif [ -z "$words" ]; then
		case $command in
		info)	words='--json' ;;
		stat)	words='--interval --count --json' ;;
		top)	words='--interval --count --sort --batch' ;;
		kstack)	words='trim stat --json --verbose' ;;
		protect) words='none r w rw' ;;
		name)	words='none' ;;
		esac
		case $command in
		info|stat|top|kstack) ;;
		*)	words="$words --pid --phys --dry-run --force --shared
				--device --verbose" ;;
		esac
		words="$words --help --sysfs"
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}

complete -F _pvmemctl pvmemctl
