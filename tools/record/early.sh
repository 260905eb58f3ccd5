#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# The guest's first process while permissions are recorded: keeps what the
# kernel traced while it booted, loads the recorder before any other module,
# and becomes the init that would have been the first.
export PATH=/usr/sbin:/usr/bin
mkdir -p /run/record/tracing
mount -t tracefs tracefs /run/record/tracing
cd /run/record/tracing
echo 0 >events/enable
cat trace >/run/record/boot
cd /
umount /run/record/tracing
insmod /lib/test-modules/pvmc_recorder.ko
exec /init
