# SPDX-License-Identifier: GPL-2.0
"""The files of the checkout, as git sees them where it does."""

import subprocess
from fnmatch import fnmatchcase

from ktap import ROOT


def tracked(*patterns):
    """Files that are committed, or would be: sorted.  Patterns are names of
    folders, or have stars, which stand for slashes as well.

    New files that are not ignored are part of it, so that they are checked
    before they are committed and not after.
    """
    listing = subprocess.run([ROOT / 'tools/tracked'], check=True,
                             stdout=subprocess.PIPE).stdout
    names = sorted(set(listing.decode().split('\0')) - {''})
    return [ROOT / n for n in names
            if (not patterns or any(fnmatchcase(n, p) or n.startswith(f'{p}/')
                                    for p in patterns)) and
            (ROOT / n).is_file() and not (ROOT / n).is_symlink()]


def relative(path):
    """The path as a reader of a report wants it."""
    return str(path.relative_to(ROOT))
