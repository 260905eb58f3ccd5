# SPDX-License-Identifier: GPL-2.0
"""The files of the checkout, as git sees them."""

import subprocess

from ktap import ROOT


def tracked(*patterns):
    """Files that are committed, or would be: sorted, relative to the root.

    New files that are not ignored are part of it, so that they are checked
    before they are committed and not after.
    """
    listing = subprocess.run(
        ['git', '-c', 'safe.directory=*', 'ls-files', '-z', '--cached',
         '--others', '--exclude-standard', '--', *patterns],
        cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    names = sorted(set(listing.decode().split('\0')) - {''})
    return [ROOT / n for n in names
            if (ROOT / n).is_file() and not (ROOT / n).is_symlink()]


def relative(path):
    """The path as a reader of a report wants it."""
    return str(path.relative_to(ROOT))
