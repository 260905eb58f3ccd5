# SPDX-License-Identifier: GPL-2.0
"""The guest's root file system: a tree in memory, written as a newc cpio."""

import os
import pathlib
import stat

from . import VmError

# The guest has a merged /usr, as the distribution has: one file then has one
# path, whichever way a library was found on the host.
MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
COPY_BYTES = 1 << 20


def normal(path):
    """The guest path as a tuple of names, below the merged /usr."""
    parts = [p for p in str(path).split("/") if p not in ("", ".")]
    if ".." in parts or not parts:
        raise VmError(f"{path}: not a usable path in the guest")
    if parts[0] in MERGED:
        parts.insert(0, "usr")
    return tuple(parts)


class Tree:
    """Files of the guest, by path; adding one adds the folders above it."""

    def __init__(self):
        self._entries = {}
        for name in MERGED:
            self.directory(f"/usr/{name}")
            self._entries[(name,)] = (stat.S_IFLNK | 0o777, f"usr/{name}", 0)

    def __contains__(self, path):
        return normal(path) in self._entries

    def _put(self, path, mode, content, device=0):
        parts = normal(path)
        for depth in range(1, len(parts)):
            above = self._entries.setdefault(
                parts[:depth], (stat.S_IFDIR | 0o755, b"", 0))
            if not stat.S_ISDIR(above[0]):
                raise VmError(f"{path}: /{'/'.join(parts[:depth])} in the "
                              "guest is no folder")
        self._entries[parts] = (mode, content, device)

    def directory(self, path, mode=0o755):
        self._put(path, stat.S_IFDIR | mode, b"")

    def symlink(self, path, target):
        self._put(path, stat.S_IFLNK | 0o777, str(target))

    def text(self, path, content, mode=0o644):
        self.data(path, content.encode(), mode)

    def data(self, path, content, mode=0o644):
        self._put(path, stat.S_IFREG | mode, content)

    def character_device(self, path, major, minor):
        self._put(path, stat.S_IFCHR | 0o600, b"", (major << 16) | minor)

    def file(self, path, source, mode=None):
        """A copy of the host's file, read when the archive is written."""
        source = pathlib.Path(source)
        if mode is None:
            mode = stat.S_IMODE(source.stat().st_mode)
        self._put(path, stat.S_IFREG | mode, source)

    def write(self, out):
        """Writes the archive to the binary file out."""
        for inode, parts in enumerate(sorted(self._entries), start=1):
            mode, content, device = self._entries[parts]
            _write_member(out, inode, "/".join(parts), mode, content, device)
        _write_member(out, 0, "TRAILER!!!", 0, b"", 0)
        out.flush()


def _pad(out, written):
    out.write(b"\0" * (-written % 4))


def _write_header(out, inode, name, mode, size, device):
    encoded = os.fsencode(name) + b"\0"
    fields = (inode, mode, 0, 0, 1, 0, size, 0, 0, device >> 16,
              device & 0xffff, len(encoded), 0)
    header = b"070701" + b"".join(b"%08X" % f for f in fields) + encoded
    out.write(header)
    _pad(out, len(header))


def _write_member(out, inode, name, mode, content, device):
    if isinstance(content, pathlib.Path):
        with open(content, "rb") as source:
            size = os.fstat(source.fileno()).st_size
            _write_header(out, inode, name, mode, size, device)
            left = size
            while left:
                chunk = source.read(min(left, COPY_BYTES))
                if not chunk:
                    raise VmError(f"{content}: changed while it was read")
                out.write(chunk)
                left -= len(chunk)
        _pad(out, size)
        return
    if isinstance(content, str):
        content = os.fsencode(content)
    _write_header(out, inode, name, mode, len(content), device)
    out.write(content)
    _pad(out, len(content))
