# SPDX-License-Identifier: GPL-2.0
# For kunit.py: the machine that kunit/run --kernel boots in QEMU.  -m comes after
# kunit.py's own, and counts.

from ..qemu_config import QemuArchParams

QEMU_ARCH = QemuArchParams(linux_arch='x86_64',
                           kconfig='',
                           qemu_arch='x86_64',
                           kernel_path='arch/x86/boot/bzImage',
                           kernel_command_line='console=ttyS0 panic=-1',
                           extra_qemu_params=['-machine', 'q35', '-cpu', 'max',
                                              '-accel', 'tcg,thread=multi',
                                              '-smp', '2', '-m', '2048'])
