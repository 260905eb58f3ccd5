# SPDX-License-Identifier: GPL-2.0
# For scenarios: sourced in the guest as /lib/ktap.sh, prints KTAP.
#
#   plan N			how many tests there will be; if it is not
#				called, `finish` says how many there were
#   ok NAME			a test that passed
#   not_ok NAME [WHY]		a test that failed
#   skip NAME WHY		a test that cannot run here
#   check NAME COMMAND...	passed if the command's status is 0; what it
#				printed is shown if not.  Runs in this shell.
#   run_tests PREFIX COMMAND...	runs a program that prints lines "ok NAME" and
#				"not ok NAME: WHY"; each is a test of its own,
#				and so is its ending with status 0
#   note TEXT...		a comment
#   until_here		what was printed until here has reached the host: for what
#			may not go on, as after a panic
#   by_length SHORT USUAL FULL	prints which of these it is, for what may repeat
#				itself more or less often (tools/check/scenarios)
#   finish			last: exits, with 1 if anything failed, or if the
#				kernel can tell that memory of ours was lost
#
# A script that ends in any other way than by `finish` has failed.

ktap_planned=''
ktap_number=0
ktap_failed=0

# Where another kernel goes on: how many tests there were, and failures.
if [ -r /etc/ktap ]; then
	read -r ktap_number ktap_failed </etc/ktap
else
	echo 'KTAP version 1'
fi
trap 'echo "# the script ended before its end"; exit 1' EXIT

plan()
{
	ktap_planned=$1
	echo "1..$1"
}

note()
{
	echo "$*" | sed 's/^/# /'
}

until_here()
{
	note "until here: $ktap_number"
	host printed "# until here: $ktap_number" >/dev/null ||
		not_ok 'what was printed reaches the host'
}

by_length()
{
	case ${PVMC_LENGTH:-full} in
	short)	echo "$1" ;;
	usual)	echo "$2" ;;
	full)	echo "$3" ;;
	esac
}

ktap_result()
{
	ktap_number=$((ktap_number + 1))
	echo "$1 $ktap_number $2"
}

ok()
{
	ktap_result ok "$1"
}

not_ok()
{
	[ -z "${2:-}" ] || note "$2"
	ktap_failed=$((ktap_failed + 1))
	ktap_result 'not ok' "$1"
}

skip()
{
	ktap_result ok "$1 # SKIP $2"
}

check()
{
	ktap_name=$1
	shift
	if "$@" >/tmp/ktap.out 2>&1; then
		ok "$ktap_name"
	else
		ktap_status=$?
		not_ok "$ktap_name" "$(cat /tmp/ktap.out
			echo "status $ktap_status of: $*")"
	fi
}

run_tests()
{
	ktap_prefix=$1
	shift
	ktap_status=0
	"$@" >/tmp/ktap.run 2>&1 || ktap_status=$?
	ktap_before=$ktap_number
	while IFS= read -r ktap_line; do
		case $ktap_line in
		'ok '*) ok "$ktap_prefix: ${ktap_line#ok }" ;;
		'not ok '*)
			ktap_line=${ktap_line#not ok }
			not_ok "$ktap_prefix: ${ktap_line%%: *}" "$ktap_line" ;;
		*)	note "$ktap_line" ;;
		esac
	done </tmp/ktap.run
	if [ "$ktap_number" -eq "$ktap_before" ]; then
		not_ok "$ktap_prefix: has results" "no results from: $*"
	elif [ "$ktap_status" -ne 0 ]; then
		not_ok "$ktap_prefix: ends well" "status $ktap_status of: $*"
	else
		ok "$ktap_prefix: ends well"
	fi
}

# On a kernel with kmemleak: what code of ours has allocated and nobody refers to
# any more.  Of a module that has gone only addresses are left, and a module of the
# kernel's own is not lost track of here; nor what was allocated in a function that
# matches KTAP_EXPECT_LEAK, where a script sets that.
ktap_leaks()
{
	ktap_leaks=/sys/kernel/debug/kmemleak
	[ -e $ktap_leaks ] || return 0
	# Only what has been so for five seconds, and was in the scan before.
	for ktap_scan in 1 2; do
		echo scan >$ktap_leaks || return 1
		sleep 3
	done
	echo scan >$ktap_leaks || return 1
	awk -v expected="${KTAP_EXPECT_LEAK:-^$}" '
		function show() { if (!known) printf "%s", one; one = "" }
		/^unreferenced/ { show(); known = 0 }
		{ one = one $0 "\n"; known = known || $0 ~ expected }
		END { show() }' $ktap_leaks >/tmp/ktap.leaks || return 1
	! grep -qE '\] 0x|\[pvm' /tmp/ktap.leaks || {
		note "memory is lost:"
		note "$(cat /tmp/ktap.leaks)"
		return 1
	}
}

finish()
{
	trap - EXIT
	ktap_leaks || ktap_failed=$((ktap_failed + 1))
	[ -n "$ktap_planned" ] || echo "1..$ktap_number"
	[ "$ktap_failed" -eq 0 ] || exit 1
	[ "$ktap_number" -gt 0 ] || exit 1
	[ "${ktap_planned:-$ktap_number}" -eq "$ktap_number" ] || exit 1
	exit 0
}
