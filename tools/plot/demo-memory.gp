# SPDX-License-Identifier: GPL-2.0
set title "Resident memory of the VM while huge pages are handed out (make demo)"
set xlabel "time since the VM was started (s)"
set ylabel "resident memory (MiB)"
set key off
stats data index 0 using 1:2 nooutput
top = STATS_max_y * 1.35
set xrange [0:STATS_max_x * 1.22]
set yrange [0:top]
# What the guest was at, and from when on; next to each other in four rows.
row(n) = top * (0.98 - 0.055 * (int(n) % 4))
plot data index 1 using 1:(row($0)):(0):(-row($0)) with vectors nohead \
	lc rgb "#bbbbbb", \
     data index 1 using 1:(row($0)):2 with labels left offset 0.4,0 \
	font "sans-serif,11" tc rgb "#333333", \
     data index 0 using 1:2 with lines lw 2 lc rgb "#1f5fa8"
