# SPDX-License-Identifier: GPL-2.0
"""Running a command whose words are looked at."""

import os
import subprocess

from ktap import ROOT


def run(*command):
    """Run it in the checkout; return its status and its output's lines."""
    # It is not to be as quiet as who called us.
    env = {name: value for name, value in os.environ.items()
           if name not in ('MAKEFLAGS', 'MFLAGS', 'MAKELEVEL')}
    done = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors='backslashreplace', cwd=ROOT,
                          env=env, check=False)
    return done.returncode, done.stdout.splitlines()
