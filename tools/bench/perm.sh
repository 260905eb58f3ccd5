# SPDX-License-Identifier: GPL-2.0
# A recorded list of real permission changes, replayed on memory that nobody
# uses: a call for each page, coalesced without vectors, and with; and a
# transaction over a million pages, beside a batch of the same ranges.
#
# The list is what tools/record made. Its first transaction is the state from
# which it begins, and not counted.
#
# init_on_alloc=0, as an emulated CPU clears a page of its kernel byte by byte:
# some 10 us each, which are not what is to be measured here.
#
# vm: --memory 7G --cpus 2 --append 'mem=1G init_on_alloc=0' --timeout 900
# vm: --device version-minor=0
# vm: --qemu '-device pvmemcontrol,id=pvmc1,bus=port1'
# vm: --add tools/record/linux-6.1.list:/root/list
# vm: --add tools/bench/lib/numbers.sh:/lib/numbers.sh
# module: pvmc_perm_bench
set -eu
. /lib/numbers.sh

# 4 GiB, above all that the kernel has been left.
BASE=1048576
ROUNDS='1 2 3 4 5 6 7'
bench=/sys/kernel/debug/pvmc_perm_bench
driver=/sys/bus/pci/drivers/pvmemcontrol_pci

result()
{
	awk -v key="$1" '$1 == key { print $2 }' $bench/results
}

# exits DEVICE: so far, as the host has counted them
exits()
{
	echo $(($(host counter requests-total "$1") -
		$(host counter vector-entries "$1")))
}

# replay WAY DEVICE: sets exits_seen, and appends the time to /tmp/WAY.DEVICE
replay()
{
	echo "start $1 $BASE" >$bench/run
	before=$(exits "$2")
	echo go >$bench/run
	exits_seen=$(($(exits "$2") - before))
	echo stop >$bench/run
	result ns >>"/tmp/$1.$2"
	if [ "$exits_seen" -ne "$(result exits)" ]; then
		echo "the host has seen $exits_seen exits, not $(result exits)"
		exit 1
	fi
}

# us WAY DEVICE: the median of its times
us()
{
	echo $(($(median "/tmp/$1.$2") / 1000))
}

# The fewest ranges: for each transaction, the pages of which the host has to be
# told something else than it was; a range goes on to the next of them where all
# pages between want the same, and are mapped by somebody.
minimum()
{
	awk '
	function number(hex,    n, i) {
		for (i = 1; i <= length(hex); i++)
			n = n * 16 + index("0123456789abcdef",
					   substr(hex, i, 1)) - 1
		return n + 0
	}
	function count(p, perms, by) {
		if (perms == "---")
			return
		mapped[p] += by
		if (perms ~ /[rx]/) readable[p] += by
		if (perms ~ /w/) writable[p] += by
	}
	function wants(p) {
		if (!mapped[p])
			return "rw"
		return (readable[p] ? "r" : "-") (writable[p] ? "w" : "-")
	}
	function told_of(p) {
		return p in told ? told[p] : "rw"
	}
	# What has changed since the last time, and how many ranges it takes.
	function commit(counted,    i, j, k, p, q, last, same) {
		for (i = 2; i <= nr; i++)
			for (j = i; j > 1 && first[order[j]] < first[order[j - 1]]; j--) {
				k = order[j]; order[j] = order[j - 1]; order[j - 1] = k
			}
		last = -1
		p = -1
		for (i = 1; i <= nr; i++) {
			k = order[i]
			if (p < first[k])
				p = first[k]
			for (; p < end[k]; p++) {
				if (wants(p) == told_of(p))
					continue
				same = last >= 0
				for (q = last; same && q < p; q++)
					same = wants(q) == wants(p) &&
					       (mapped[q] || told_of(q) != "rw" ||
						sent[q])
				if (!same && counted)
					ranges++
				pages += counted
				sent[p] = 1
				at[++many] = p
				last = p
			}
		}
		for (i = 1; i <= many; i++) {
			told[at[i]] = wants(at[i])
			delete sent[at[i]]
		}
		many = 0
		nr = 0
	}
	$1 == "txn" || $1 == "end" { commit(seen++ > 1) }
	$1 == "direct" || $1 == "image" || $1 == "module" {
		first[++nr] = number($2)
		end[nr] = number($3)
		order[nr] = nr
		for (p = first[nr]; p < end[nr]; p++) {
			count(p, $4, -1)
			count(p, $5, 1)
		}
	}
	END { print pages, ranges }' /root/list
}

modprobe pvmemcontrol_pci
modprobe pvmemcontrol_perm seal_modules=0
insmod /lib/test-modules/pvmc_perm_bench.ko
cat /root/list >$bench/list

# The older device is of version 1.0, and the one that is used.
for _ in $ROUNDS; do
	replay txns pvmc0
	ranges=$(result ranges)
	exits_coalesced=$exits_seen
	replay pages pvmc0
	pages=$(result pages)
done
echo "perm.pages $pages"
echo "perm.exits_per_page $exits_seen"
echo "perm.us_per_page $(us pages pvmc0)"
echo "perm.ranges $ranges"
set -- $(minimum)
echo "perm.ranges_minimum $2"
echo "perm.exits_coalesced $exits_coalesced"
echo "perm.us_coalesced $(us txns pvmc0)"
if [ "$1" -ne "$pages" ] || [ "$2" -ne "$ranges" ]; then
	echo "the list takes $2 ranges of $1 pages"
	exit 1
fi

for device in "$driver"/0000:*; do
	[ -e "$device/pvmemcontrol/pvmemcontrol0" ] &&
		echo "${device##*/}" >"$driver/unbind"
done
for _ in $ROUNDS; do
	replay txns pvmc1
done
echo "perm.exits_vector $exits_seen"
echo "perm.us_vector $(us txns pvmc1)"
replay phases pvmc1
echo "perm.ranges_by_module $(result ranges)"
echo "perm.exits_vector_by_module $exits_seen"

echo "scatter $BASE 1000000 4096 288" >$bench/run
echo "perm.million_ranges $(result scatter_ranges)"
echo "perm.million_exits $(result scatter_exits)"
echo "perm.million_collect_us $(($(result scatter_collect_ns) / 1000))"
echo "perm.million_commit_us $(($(result scatter_commit_ns) / 1000))"
echo "perm.million_exits_us $(($(result scatter_bare_ns) / 1000))"
echo "perm.commit_vs_exits $(result scatter_ratio)"
