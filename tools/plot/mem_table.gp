# SPDX-License-Identifier: GPL-2.0
set title "A value for each page: mem_table and its peers (tools/bench/run mem_table)"
set ylabel "time of one operation (ns, logarithmic)"
set logscale y
set yrange [0.1:*]
set format y "%g"
set datafile missing "-"
set style data histogram
set style histogram clustered gap 1.5
set xtics rotate by -20
set key outside right top Left reverse
set key autotitle columnhead
plot for [i = 2:6] data using i:xtic(1)
