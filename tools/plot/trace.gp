# SPDX-License-Identifier: GPL-2.0
set title "How long calls to the VMM took, as pvmc-latency.bt has seen it (make trace)"
set xlabel "time of a call (us, logarithmic)"
set ylabel "calls"
set logscale x
set format x "%g"
set yrange [0:*]
set key top right
stats data using 1:2 nooutput
plot for [i = 0:STATS_blocks - 1] data index i using 1:2 \
	with linespoints lw 2 pt 7 ps 0.7 title columnheader(1)
