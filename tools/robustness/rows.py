# SPDX-License-Identifier: GPL-2.0
"""The rows of the table of robustness: what is run, and how it is counted."""

from dataclasses import dataclass
from pathlib import Path

# All scenarios with a kernel that looks take long: what has to be run once more is
# a part of them.
PARTS = 4

SCENARIOS = Path(__file__).resolve().parents[1] / 'vm/scenarios'


@dataclass
class Row:
    name: str           # on the command line
    what: str           # in the table
    command: str        # for sh, in the checkout; {minutes}: for so long
    guest: bool = True  # needs QEMU and modules for guests
    unit: str = ''      # what it counts one by one: points, inputs or events
    fuzz: bool = False  # prints what tools/qemu/fuzz does, instead of KTAP


def scenarios(*patterns):
    """The command for the scenarios of these names that there are."""
    names = sorted({p.stem for pattern in patterns
                    for p in SCENARIOS.glob(f'{pattern}.sh')})
    return f'tools/check/scenarios --jobs 2 {" ".join(names)}'


ROWS = [
    Row('matrix', 'exits times faults',
        "kunit/run --filter 'pvmc_matrix*' --arg matrix.full=1", guest=False,
        unit='points'),
    Row('allocations', 'faults chosen, and allocations in turn',
        "kunit/run --filter 'pvmc_*fault*'", guest=False),
    Row('loads', 'loads and unloads without memory',
        'tools/check/scenarios --kernel debug load_faults', unit='points'),
    Row('fuzz', 'a hostile guest', 'tools/qemu/fuzz {minutes}', guest=False,
        fuzz=True),
    Row('ioctl', 'ioctls', scenarios('ioctl*'), unit='inputs'),
    Row('device', 'the device and modules come and go',
        scenarios('lifecycle', 'reload', 'device*', 'kstack_life',
                  'hugetlb_stale', 'seal_faults'), unit='points'),
    Row('hotplug', 'CPUs and memory come and go',
        scenarios('cpu_hotplug', 'memory_hotplug')),
    Row('kexec', 'another kernel: kexec, kdump', scenarios('kexec*', 'kdump*')),
    Row('suspend', 'suspend',
        scenarios('suspend*', 'hibernat*')),
    Row('travel', 'migration and snapshots', scenarios('travel*')),
    *(Row(f'debug-{part}', f'all, memory and locks checked, {part} of {PARTS}',
          'tools/check/scenarios --kernel debug --length short --jobs 2 '
          f'--part {part}/{PARTS}') for part in range(1, PARTS + 1)),
    Row('debug-kunit', 'all suites, the same, on two CPUs',
        'kunit/run --kernel debug'),
    Row('races', 'all, data races looked for, preempted anywhere',
        'tools/check/scenarios --kernel kcsan --length short --jobs 2'),
    Row('realtime', 'all, with PREEMPT_RT',
        'tools/check/scenarios --kernel 6.1-rt --length short --jobs 2'),
    Row('soak', 'all loads at once', 'tools/soak {minutes}', unit='events'),
    Row('soak-debug', 'the same, memory and locks checked',
        'tools/soak --kernel debug {minutes}', unit='events'),
]
