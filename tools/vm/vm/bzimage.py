# SPDX-License-Identifier: GPL-2.0
"""The kernel inside a bzImage.

Unpacking it takes an emulated CPU three seconds, and the host much less, once.
"""

import fcntl
import hashlib
import lzma
import os
import pathlib
import shutil
import struct
import subprocess
import zlib

from . import TOOLS, VmError

SECTOR = 512
NT_XEN_PHYS32_ENTRY = 18
PT_NOTE = 4


def release(image):
    """The release that a bzImage says it is."""
    with open(image, "rb") as f:
        f.seek(0x202)
        header = f.read(14)
        if len(header) < 14 or header[:4] != b"HdrS":
            raise VmError(f"{image}: no x86 bzImage")
        f.seek(struct.unpack_from("<H", header, 12)[0] + SECTOR)
        words = f.read(256).split(b"\0")[0].split()
    if not words:
        raise VmError(f"{image}: names no kernel release")
    return words[0].decode()


def bootable_elf(image):
    """A cached file with the unpacked kernel, or None where it is packed in a
    way unknown here, or cannot be entered directly."""
    data = pathlib.Path(image).read_bytes()
    cache = pathlib.Path(subprocess.run(
        [TOOLS / "cache"], check=True, stdout=subprocess.PIPE,
        text=True).stdout.strip())
    cached = cache / f"vmlinux-{hashlib.sha256(data).hexdigest()[:16]}"
    with open(cache / "kernel.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not cached.exists():
            kernel = _unpack(_payload(data))
            # An empty file says that there is nothing to be had.
            if kernel is None or not _has_direct_entry(kernel):
                kernel = b""
            partial = cached.with_suffix(".partial")
            partial.write_bytes(kernel)
            os.rename(partial, cached)
    return cached if cached.stat().st_size else None


def _payload(data):
    start, length = struct.unpack_from("<II", data, 0x248)
    start += ((data[0x1f1] or 4) + 1) * SECTOR
    return data[start:start + length]


def _unpack(payload):
    """Unpacked; what follows the packed data is its length."""
    try:
        if payload.startswith(b"\xfd7zXZ"):
            return lzma.LZMADecompressor().decompress(payload)
        if payload.startswith(b"\x1f\x8b"):
            return zlib.decompressobj(wbits=31).decompress(payload)
    except (lzma.LZMAError, zlib.error):
        return None
    if payload.startswith(b"\x28\xb5\x2f\xfd") and shutil.which("zstd"):
        unpacked = subprocess.run(["zstd", "-dc"], input=payload[:-4],
                                  capture_output=True, check=False)
        return unpacked.stdout if unpacked.returncode == 0 else None
    return None


def _has_direct_entry(elf):
    """Has it the note that tells a VMM where to enter it (PVH)?"""
    if elf[:6] != b"\x7fELF\x02\x01":
        return False
    headers = struct.unpack_from("<Q", elf, 32)[0]
    size, count = struct.unpack_from("<HH", elf, 54)
    for number in range(count):
        kind, _, offset, _, _, length = struct.unpack_from(
            "<IIQQQQ", elf, headers + number * size)
        end = offset + length
        while kind == PT_NOTE and offset + 12 <= end:
            name, description, note = struct.unpack_from("<III", elf, offset)
            if note == NT_XEN_PHYS32_ENTRY and \
                    elf[offset + 12:offset + 16] == b"Xen\0":
                return True
            offset += 12 + (name + 3) // 4 * 4 + (description + 3) // 4 * 4
    return False
