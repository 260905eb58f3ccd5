# SPDX-License-Identifier: GPL-2.0
"""Boots virtual machines for the project's demo, tests and benchmarks."""

import pathlib

VM_DIR = pathlib.Path(__file__).resolve().parent.parent
TOOLS = VM_DIR.parent
CHECKOUT = TOOLS.parent


class VmError(Exception):
    """The machine could not be prepared or started: a message for a person."""
