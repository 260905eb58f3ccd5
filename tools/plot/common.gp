# SPDX-License-Identifier: GPL-2.0
# What all plots have in common.
set terminal svg noenhanced size 900,480 font "sans-serif,13" background rgb "white"
set border 3
set tics nomirror out
set grid ytics lc rgb "#dddddd" lw 1
set key top left reverse Left
set style fill solid 0.9 noborder
