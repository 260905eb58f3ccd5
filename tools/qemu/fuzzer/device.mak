# SPDX-License-Identifier: GPL-2.0
# What the fuzzer's machine is made of.
CONFIG_Q35=y
CONFIG_PVMEMCONTROL=y
