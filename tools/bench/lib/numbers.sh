# SPDX-License-Identifier: GPL-2.0
# For what is measured in guests, which has it as /lib/numbers.sh.
#
#   value KEY FILE		the second words of lines that begin with KEY
#   median [FILE [COLUMN]]	of the numbers in a column, else the first; of
#				stdin where there is no file

value()
{
	awk -v key="$1" '$1 == key { print $2 }' "$2"
}

median()
{
	awk -v c="${2:-1}" '{ print $c }' "${1:--}" | sort -n |
		awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}
