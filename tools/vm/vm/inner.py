# SPDX-License-Identifier: GPL-2.0
"""The runner inside the outer guest: runs the inner one, prepared by nested.py,
and ends as that does."""

import argparse
import json
import pathlib
import subprocess
import sys

from . import VmError
from .machine import Boot, kvm_works
from .qmp import QmpError
from .session import BROKEN, run_machine
from .terminal import Terminal

# Where nested.py puts what the inner machine is made of.
FOLDER = "/vm"
IMAGE = "image"
INITRAMFS = "initramfs"
OPTIONS = "options"
# The tag of the share with the inner guest's modules, and where it is mounted.
MODULES = "inner"
QEMU = "PVMEMCONTROL_QEMU"

NINE_P = "trans=virtio,version=9p2000.L,msize=524288,ro,cache=loose"


def _run():
    folder = pathlib.Path(FOLDER)
    options = argparse.Namespace(**json.loads((folder / OPTIONS).read_text()))
    if not kvm_works():
        raise VmError("KVM does not work in the outer guest")
    if options.no_tracefs:
        # The second holds another mount of the first.
        subprocess.run(["umount", "/sys/kernel/tracing", "/sys/kernel/debug"],
                       check=True)
    modules = None
    if options.has_modules:
        modules = folder / MODULES
        subprocess.run(["mount", "-t", "9p", "-o", NINE_P, MODULES, modules],
                       check=True)
    with open(folder / INITRAMFS, "rb") as initramfs:
        return run_machine(options, Boot(folder / IMAGE, modules, initramfs),
                           options.nonce,
                           Terminal() if options.terminal else None)


def main():
    """Returns the exit status."""
    try:
        return _run()
    except (VmError, QmpError, OSError,
            subprocess.CalledProcessError) as error:
        print(f"vm: in the outer guest: {error}", file=sys.stderr)
        return BROKEN
