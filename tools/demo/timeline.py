# SPDX-License-Identifier: GPL-2.0
"""The resident memory of a VM over time, with what the guest says it is at."""

import os
import sys
import threading
import time
from pathlib import Path

INTERVAL = 0.1
PHASE = 'phase: '
PAGE = os.sysconf('SC_PAGESIZE')


def qemu_below(pid):
    """The QEMU that a process has started, or None."""
    try:
        children = Path(f'/proc/{pid}/task/{pid}/children').read_text(
            encoding='ascii').split()
    except OSError:
        return None
    for child in children:
        try:
            name = Path(f'/proc/{child}/comm').read_text(encoding='utf-8')
        except OSError:
            continue
        found = child if name.startswith('qemu-system') else \
            qemu_below(child)
        if found:
            return found
    return None


def resident(pid):
    """Bytes, or None if it is no more."""
    try:
        fields = Path(f'/proc/{pid}/statm').read_text(encoding='ascii').split()
    except OSError:
        return None
    return int(fields[1]) * PAGE


class Timeline:
    """Looks at a VM until it ends, and passes on what it says on stderr."""

    def __init__(self, process):
        self._process = process
        self._began = time.monotonic()
        self._samples = []      # (seconds, bytes)
        self._phases = []       # (seconds, name)
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=target, daemon=True)
                         for target in (self._sample, self._listen)]
        for thread in self._threads:
            thread.start()

    def _now(self):
        return time.monotonic() - self._began

    def _sample(self):
        qemu = None
        while not self._ended.wait(INTERVAL):
            qemu = qemu or qemu_below(self._process.pid)
            size = resident(qemu) if qemu else None
            if size:
                self._samples.append((self._now(), size))

    def _listen(self):
        for line in self._process.stderr:
            if line.startswith(PHASE):
                self._phases.append((self._now(),
                                     line[len(PHASE):].strip()))
            else:
                sys.stderr.write(line)
                sys.stderr.flush()

    def stop(self):
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def write(self, path):
        """Two blocks for gnuplot: time and MiB, time and phase."""
        with path.with_suffix('.data').open('w', encoding='utf-8') as out:
            print('# seconds, MiB resident', file=out)
            for seconds, size in self._samples:
                print(f'{seconds:.2f} {size / (1 << 20):.1f}', file=out)
            print('\n\n# seconds, what begins', file=out)
            for seconds, name in self._phases:
                print(f'{seconds:.2f} "{name}"', file=out)
