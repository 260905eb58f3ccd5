# SPDX-License-Identifier: GPL-2.0
"""Building a copy of the modules, so that the checkout's own objects stay."""

import fcntl
import os
import re
import shutil

from command import run
from files import relative
from target import FOLDERS, VM, read_by_kbuild

_held = None


def copy(destination):
    """Copy what a module build reads; return the C files among it."""
    global _held
    destination.parent.mkdir(parents=True, exist_ok=True)
    _held = destination.with_suffix('.lock').open('w')
    fcntl.flock(_held, fcntl.LOCK_EX)       # until this process ends
    shutil.rmtree(destination, ignore_errors=True)
    files = read_by_kbuild('Kbuild', *FOLDERS)
    for f in files:
        target = destination / relative(f)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(f, target)
    return [relative(f) for f in files if f.suffix == '.c']


def build(destination, *arguments, kernel='stock'):
    """Run the kernel's kbuild over the copy; return its status and its output's
    lines."""
    return run(VM / 'kernel-make', kernel, '--no-print-directory',
               f'M={destination}', f'-j{len(os.sched_getaffinity(0))}',
               *arguments, 'modules')


MESSAGE = re.compile(r'^(?P<file>[^\s:]+):\d+:(\d+:)? '
                     r'(?P<kind>fatal error|error|warning): ')


def complaints(destination, lines):
    """Sort messages by file: {relative name: lines}.

    Only those about our files; what the kernel's headers say of themselves is
    not ours to mend.
    """
    found = {}
    for line in lines:
        match = MESSAGE.match(line)
        if not match:
            continue
        name = match.group('file')
        if not name.startswith('/'):
            name = os.path.join(destination, name)
        name = os.path.relpath(os.path.realpath(name),
                               os.path.realpath(destination))
        if not name.startswith('..'):
            found.setdefault(name, []).append(line)
    return found
