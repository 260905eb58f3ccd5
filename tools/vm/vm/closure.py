# SPDX-License-Identifier: GPL-2.0
"""What a host program needs beside itself to run in the guest."""

import pathlib
import shutil
import struct
import subprocess

from . import VmError

ET_EXEC, ET_DYN = 2, 3

# Folders that the dynamic linker searches without being told.
LINKER_DEFAULTS = tuple(
    prefix + rest for prefix in ("/usr/", "/") for rest in
    ("lib", "lib64", "lib32", "lib/x86_64-linux-gnu", "lib/i386-linux-gnu"))


def is_elf_program(path):
    """Is this an ELF program or shared library (and no object or module)?"""
    with open(path, "rb") as f:
        head = f.read(18)
    if len(head) < 18 or head[:4] != b"\x7fELF":
        return False
    order = "<" if head[5] == 1 else ">"
    return struct.unpack_from(order + "H", head, 16)[0] in (ET_EXEC, ET_DYN)


def shebang(path):
    """The interpreter that the file names in its first line, or None."""
    with open(path, "rb") as f:
        line = f.readline(256)
    if not line.startswith(b"#!"):
        return None
    words = line[2:].split()
    return words[0].decode() if words else None


def libraries(path):
    """Host paths of the libraries and the dynamic linker of a program."""
    found = subprocess.run(["ldd", str(path)], stdin=subprocess.DEVNULL,
                           capture_output=True, text=True, check=False)
    result = []
    missing = []
    for line in found.stdout.splitlines():
        words = line.split()
        if "not found" in line:
            missing.append(words[0])
        elif "=>" in words and len(words) > 2 and words[2].startswith("/"):
            result.append(words[2])
        elif words and words[0].startswith("/") and words[0] != f"{path}:":
            result.append(words[0])
    if missing:
        raise VmError(f"{path}: the host lacks {', '.join(missing)}")
    return result


class Programs:
    """Puts files into a tree together with everything they need to run."""

    def __init__(self, tree):
        self._tree = tree
        self.library_dirs = []      # those that the linker must be told of
        self._done = set()

    def add(self, source, guest_path):
        """Adds a file, or a folder with all that it holds."""
        source = pathlib.Path(source)
        if source.is_dir():
            self._tree.directory(guest_path)
            for entry in sorted(source.iterdir()):
                target = f"{guest_path}/{entry.name}"
                if entry.is_symlink():
                    self._tree.symlink(target, entry.readlink())
                else:
                    self.add(entry, target)
            return
        if not source.is_file():
            raise VmError(f"{source}: neither a file nor a folder")
        self._tree.file(guest_path, source)
        self.add_needed(source)

    def add_needed(self, source):
        """Adds the libraries, or the interpreter, of a host file."""
        if is_elf_program(source):
            for library in libraries(source):
                self._add_library(library)
            return
        interpreter = shebang(source)
        if interpreter and interpreter not in self._tree:
            host = shutil.which(interpreter)
            if host is None:
                raise VmError(f"{source}: the host has no {interpreter}")
            self.add(host, interpreter)

    def _add_library(self, library):
        if library in self._done:
            return
        self._done.add(library)
        self._tree.file(library, pathlib.Path(library).resolve(), 0o755)
        folder = str(pathlib.Path(library).parent)
        if folder not in LINKER_DEFAULTS and folder not in self.library_dirs:
            self.library_dirs.append(folder)
