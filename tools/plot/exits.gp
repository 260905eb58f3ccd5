# SPDX-License-Identifier: GPL-2.0
set title "Exits for a recorded list of permission changes (tools/bench/run perm)"
set ylabel "exits (logarithmic)"
set logscale y
stats data using 2 nooutput
set yrange [1:STATS_max * 2]
set format y "%g"
set key off
set boxwidth 0.5
set style data boxes
set xrange [-0.6:2.6]
plot data using 0:2:xtic(1) lc rgb "#1f5fa8", \
     data using 0:2:2 with labels offset 0,0.7
