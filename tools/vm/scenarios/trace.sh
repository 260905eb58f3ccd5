# SPDX-License-Identifier: GPL-2.0
# The tracepoints, read from tracefs under a load that is known, and compared
# with the counters: every call has two events with one number, and nothing is
# missing when the VMM fails, refuses or is silent.
#
# vm: --one-thread --memory 7G --cpus 2 --append 'mem=1G init_on_alloc=0'
# vm: --append 'hugepagesz=2M hugepages=8'
# vm: --add tools/vm/scenarios/facts:/lib/facts.sh
# vm: --add tools/record/linux-6.1.list:/root/list
# module: pvmc_guarded pvmc_perm_bench
# add: hugepage touch_page
# tier: kernels
. /lib/ktap.sh
. /lib/facts.sh

TRACE=/sys/kernel/tracing
BASE=1048576
clients=/sys/kernel/pvmemcontrol
device=/sys/class/pvmemcontrol/pvmemcontrol0
guarded=/sys/kernel/debug/pvmc_guarded
perm=/sys/kernel/debug/pvmc_perm_bench

# total COUNTER: of all clients
total()
{
	cat $clients/*/"$1" | awk '{ n += $1 } END { print n + 0 }'
}

totals()
{
	echo "calls $(total calls)
exits $(total exits)
errors $(total errors)
violations $(total violations)
no_answers $(cat $device/no_answers)"
}

# What the events say, as "name value" lines.
events()
{
	awk '
	function field(name,    i) {
		for (i = 1; i <= NF; i++)
			if (index($i, name "=") == 1)
				return substr($i, length(name) + 2)
		return ""
	}
	function number(hex,    n, i) {
		for (i = 3; i <= length(hex); i++)
			n = n * 16 + index("0123456789abcdef",
					   substr(hex, i, 1)) - 1
		return n + 0
	}
	/ pvmemcontrol_call_enter: / {
		id = field("id")
		if (id in batch_of)
			twice++
		batch_of[id] = field("batch")
		func_of[id] = field("func")
		start_of[id] = field("start")
		open++
	}
	/ pvmemcontrol_vector_entry: / {
		id = field("id")
		if (func_of[id] != "VECTOR" || id in ended)
			stray++
		if (field("error") == "0")
			bytes[id] += number(field("length"))
		entries++
	}
	/ pvmemcontrol_call_exit: / {
		id = field("id")
		if (!(id in batch_of) || id in ended ||
		    func_of[id] != field("func") ||
		    start_of[id] != field("start"))
			stray++
		ended[id] = 1
		open--
		if (func_of[id] == "VECTOR" &&
		    bytes[id] != number(field("done")))
			unlike++
		calls++
		exits += field("exits")
		of_batch[batch_of[id]] += field("exits")
		errors += field("error") != "0"
		if (field("ns") + 0 > 0)
			timed++
	}
	/ pvmemcontrol_batch: / {
		id = field("id")
		if (of_batch[id] + 0 != field("exits") + 0)
			unlike++
		delete of_batch[id]
		batches++
	}
	/ pvmemcontrol_no_answer: / { no_answers++ }
	/ pvmemcontrol_restore: / { restores[field("client")]++ }
	/ pvmemcontrol_violation: / { violations++ }
	/ pvmemcontrol_mem_table_split: / { splits++ }
	/ pvmemcontrol_mem_table_merge: / { merges++ }
	/ pvmemcontrol_hugetlb_/ { huge++ }
	/ pvmemcontrol_trim: / { trimmed += field("pages") }
	/ pvmemcontrol_perm_commit: / { commits++ }
	END {
		for (id in of_batch)
			if (id != "0")
				unlike++
		print "calls", calls + 0
		print "exits", exits + 0
		print "errors", errors + 0
		print "no_answers", no_answers + 0
		print "violations", violations + 0
		print "twice", twice + 0
		print "stray", stray + 0
		print "open", open + 0
		print "unlike", unlike + 0
		print "timed", timed + 0
		print "entries", entries + 0
		print "batches", batches + 0
		print "commits", commits + 0
		print "restores_of_perm", restores["perm"] + 0
		print "splits", splits + 0
		print "merges", merges + 0
		print "huge", huge + 0
		print "trimmed", trimmed + 0
	}' $TRACE/trace >/tmp/events
}

# counted and seen: the same, over what COMMAND... does
compare()
{
	compare_name=$1
	shift
	totals >/tmp/before
	: >$TRACE/trace
	echo 1 >$TRACE/tracing_on
	"$@" >/tmp/load 2>&1
	# What is done later has been done: nobody counts any more.
	wait_for 60 still
	echo 0 >$TRACE/tracing_on
	totals >/tmp/after
	events
	equal "$compare_name: nothing was lost" \
		"$(sed -n 's/^# entries-in-buffer\/entries-written: \([0-9]*\)\/\1 .*/same/p' \
			$TRACE/trace)" same
	for what in calls exits errors violations no_answers; do
		equal "$compare_name: $what" "$(value $what /tmp/events)" \
			$(($(value $what /tmp/after) - $(value $what /tmp/before)))
	done
	for what in twice stray open unlike; do
		equal "$compare_name: events that fit together: $what" \
			"$(value $what /tmp/events)" 0
	done
}

still()
{
	still_before=$(total calls)
	usleep 1200000
	[ "$(cat $device/state)" = up ] && [ "$(total calls)" = "$still_before" ]
}

# faults MODE COUNT [PERIOD]
faults()
{
	host set x-fault-period "${3:-1}"
	host set x-fault-count "$2"
	host set x-fault-mode "$1"
}

replay()
{
	echo "start txns $BASE" >$perm/run
	echo go >$perm/run
	echo stop >$perm/run
}

must 'load the transport' modprobe pvmemcontrol_pci
must 'load a client with protected pages' \
	insmod /lib/test-modules/pvmc_guarded.ko
must 'load perm' modprobe pvmemcontrol_perm seal_modules=0
must 'load what replays permissions' \
	insmod /lib/test-modules/pvmc_perm_bench.ko
must 'the list of them' eval "cat /root/list >$perm/list"
must 'load hugetlb' modprobe pvmemcontrol_hugetlb
must 'load kstack' modprobe pvmemcontrol_kstack
echo 8192 >$TRACE/buffer_size_kb
echo 0 >$TRACE/tracing_on
for system in pvmemcontrol pvmemcontrol_perm pvmemcontrol_hugetlb \
	      pvmemcontrol_trim; do
	must "events: $system" eval "echo 1 >$TRACE/events/$system/enable"
done

compare 'permissions' replay
at_least 'vectors had entries' "$(value entries /tmp/events)" 100
at_least 'batches were sent' "$(value batches /tmp/events)" 30
at_least 'transactions were committed' "$(value commits /tmp/events)" 30
at_least 'entries were split' "$(value splits /tmp/events)" 1
at_least 'and merged' "$(value merges /tmp/events)" 1
# Not each: the clock of an emulated CPU stands still when its tick is late.
at_least 'it took time' "$(value timed /tmp/events)" 1
check 'names, not numbers' grep -q 'func=MPROTECT_R ' $TRACE/trace

violate()
{
	echo 1 >$guarded/protect
	touch_page $guarded/page
	echo 'nmi read' >$guarded/run
	echo 'process write' >$guarded/run
}
compare 'violations' violate
equal 'all three are seen' "$(value violations /tmp/events)" 3

compare 'huge pages' hugepage 2 8 touch
at_least 'of which it is told' "$(value huge /tmp/events)" 8

pages=$(cat /sys/module/pvmemcontrol_kstack/trim/pages)
compare 'stacks' eval 'echo 1 >/sys/module/pvmemcontrol_kstack/trim/run'
equal 'as many pages of them' "$(value trimmed /tmp/events)" \
	$(($(cat /sys/module/pvmemcontrol_kstack/trim/pages) - pages))

# An entry in five fails; then vectors are refused as such; then no answer.
failing()
{
	faults "$@"
	replay
	faults none 0
}
compare 'requests that fail' failing errno 20 5
at_least 'they did' "$(value errors /tmp/events)" 1
compare 'requests that are refused' failing refuse 20 3
at_least 'they were' "$(value errors /tmp/events)" 1
compare 'no answer' failing silent 1
equal 'one was missing' "$(value no_answers /tmp/events)" 1
at_least 'perm was asked to say all again' \
	"$(value restores_of_perm /tmp/events)" 1
silent_alone()
{
	faults silent 1
	echo 1 >$guarded/protect
	faults none 0
	wait_for 30 still
	echo 0 >$guarded/protect
}
compare 'no answer to a call alone' silent_alone
equal 'that was missing' "$(value no_answers /tmp/events)" 1
equal 'and is an error' "$(value errors /tmp/events)" 1

# Without a device, calls end too.
no_device()
{
	echo "$(device_at)" >/sys/bus/pci/drivers/pvmemcontrol_pci/unbind
	echo 1 >$guarded/protect
}
totals >/tmp/before
: >$TRACE/trace
echo 1 >$TRACE/tracing_on
no_device >/dev/null 2>&1
echo 0 >$TRACE/tracing_on
events
equal 'no device: every call has its end' "$(value open /tmp/events)" 0
check 'no device: and says so' grep -q \
	'call_exit: client=guarded .* exits=0 error=-19 ' $TRACE/trace
finish
