# SPDX-License-Identifier: GPL-2.0
"""How the host really backs the guest's memory, seen in QEMU's /proc."""

import array
import ctypes
import mmap
import os
import re

PAGE = os.sysconf("SC_PAGESIZE")

# /proc/PID/pagemap and /proc/kpageflags
PM_PRESENT = 1 << 63
PM_FRAME = (1 << 55) - 1
KPF_ZERO_PAGE = 1 << 24

SYS_PROCESS_MADVISE = 440       # on all architectures
MADV_PAGEOUT = 21
MOST_AT_ONCE = 64 << 20


class _IoVec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


PR_SET_VMA = 0x53564d41
PR_SET_VMA_ANON_NAME = 0

MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ (\d+) *(.*)")
HVA = re.compile(r"is (0x[0-9a-f]+)")


class HostMemoryError(Exception):
    """The question about memory has no answer."""


def naming_error():
    """The errno that naming a mapping gets in a process of this host, or 0."""
    libc = ctypes.CDLL(None, use_errno=True)
    with mmap.mmap(-1, PAGE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        byte = ctypes.c_char.from_buffer(memory)
        failed = libc.prctl(PR_SET_VMA, ctypes.c_ulong(PR_SET_VMA_ANON_NAME),
                            ctypes.c_void_p(ctypes.addressof(byte)),
                            ctypes.c_ulong(PAGE), ctypes.c_char_p(b"a-name"))
        del byte
    return ctypes.get_errno() if failed else 0


class Mapping:
    """One mapping of the process, as /proc/PID/smaps describes it."""

    def __init__(self, start, end, permissions, inode, name):
        self.start = start
        self.end = end
        self.permissions = permissions
        self.inode = inode
        self.name = name
        self.values = {}        # its other lines


class HostMemory:
    """Memory of the QEMU process, by guest physical address."""

    def __init__(self, pid, qmp):
        self._pid = pid
        self._proc = f"/proc/{pid}"
        self._qmp = qmp

    def rollup(self, *fields):
        """The sum of fields of smaps_rollup, in bytes."""
        told = {}
        with open(f"{self._proc}/smaps_rollup", encoding="ascii") as f:
            for line in f:
                words = line.split()
                told[words[0]] = words[1]
        try:
            return sum(int(told[field + ":"]) * 1024 for field in fields)
        except KeyError as missing:
            raise HostMemoryError(
                f"the host's kernel does not tell {missing}") from None

    def mappings(self):
        """How many mappings the process has."""
        with open(f"{self._proc}/maps", "rb") as f:
            return sum(1 for _ in f)

    def host_addresses(self, gpa, length):
        """Parts of a guest physical range as (hva, offset, length), each
        contiguous in the process."""
        if length <= 0 or gpa % PAGE or length % PAGE:
            raise HostMemoryError(f"range not in pages of {PAGE}")
        first = self._hva(gpa)
        last = self._hva(gpa + length - PAGE)
        if last - first == length - PAGE:
            return [(first, 0, length)]
        half = length // 2 // PAGE * PAGE
        return self.host_addresses(gpa, half) + [
            (hva, offset + half, part) for hva, offset, part in
            self.host_addresses(gpa + half, length - half)]

    def _hva(self, gpa):
        said = self._qmp.hmp(f"gpa2hva {gpa:#x}")
        match = HVA.search(said)
        if not match:
            raise HostMemoryError(said.strip() or f"{gpa:#x} is no RAM")
        return int(match.group(1), 16)

    def covering(self, hva, length):
        """The mappings that lie in [hva, hva + length), in order."""
        found = []
        inside = None
        with open(f"{self._proc}/smaps", encoding="utf-8",
                  errors="replace") as f:
            for line in f:
                match = MAPPING.match(line)
                if match:
                    start, end = (int(match.group(n), 16) for n in (1, 2))
                    inside = None
                    if start < hva + length and end > hva:
                        inside = Mapping(start, end, match.group(3),
                                         int(match.group(4)), match.group(5))
                        found.append(inside)
                elif inside:
                    key, _, value = line.partition(":")
                    inside.values[key] = value.strip()
        return found

    def resident(self, gpa, length):
        """Bytes of the range that occupy memory of the host."""
        total = 0
        for hva, _, part in self.host_addresses(gpa, length):
            for mapping in self.covering(hva, part):
                start = max(hva, mapping.start)
                end = min(hva + part, mapping.end)
                # A page of a shared file occupies memory whether or not the
                # process has it mapped at the moment.
                if mapping.permissions[3] == "s" and \
                        "ht" not in mapping.values.get("VmFlags", "").split():
                    total += self._file_resident(mapping, start, end)
                else:
                    total += self._mapped_resident(start, end)
        return total

    def page_out(self, gpa, length):
        """Has the host take its memory back from the range, as it does when it
        is short of memory; returns how many bytes of it that were."""
        where = self.host_addresses(gpa, length)
        if not _has_swap() and any(
                mapping.permissions[3] == "p"
                for hva, _, part in where
                for mapping in self.covering(hva, part)):
            raise HostMemoryError("the host has no swap")
        before = self.resident(gpa, length)
        libc = ctypes.CDLL(None, use_errno=True)
        pidfd = os.pidfd_open(self._pid)
        try:
            for hva, _, part in where:
                while part:
                    piece = min(part, MOST_AT_ONCE)
                    vec = _IoVec(hva, piece)
                    done = libc.syscall(SYS_PROCESS_MADVISE, pidfd,
                                        ctypes.byref(vec), ctypes.c_size_t(1),
                                        MADV_PAGEOUT, 0)
                    if done <= 0:
                        raise HostMemoryError(
                            "process_madvise: " +
                            os.strerror(ctypes.get_errno()))
                    hva += done
                    part -= done
        finally:
            os.close(pidfd)
        return max(before - self.resident(gpa, length), 0)

    def _file_resident(self, mapping, start, end):
        name = f"{mapping.start:x}-{mapping.end:x}"
        fd = os.open(f"{self._proc}/map_files/{name}", os.O_RDONLY)
        try:
            offset = self._file_offset(mapping)
            position = start - mapping.start + offset
            stop = end - mapping.start + offset
            total = 0
            while position < stop:
                try:
                    data = os.lseek(fd, position, os.SEEK_DATA)
                except OSError:
                    break       # no data beyond position
                if data >= stop:
                    break
                position = min(os.lseek(fd, data, os.SEEK_HOLE), stop)
                total += position - data
            return total
        finally:
            os.close(fd)

    def _file_offset(self, mapping):
        with open(f"{self._proc}/maps", encoding="utf-8",
                  errors="replace") as f:
            for line in f:
                words = line.split()
                if words[0] == f"{mapping.start:x}-{mapping.end:x}":
                    return int(words[2], 16)
        raise HostMemoryError("the mapping has changed meanwhile")

    def _mapped_resident(self, start, end):
        with open(f"{self._proc}/pagemap", "rb", buffering=0) as f:
            f.seek(start // PAGE * 8)
            want = (end - start) // PAGE * 8
            raw = b""
            while len(raw) < want:
                piece = f.read(want - len(raw))
                if not piece:
                    raise HostMemoryError("pagemap ends early")
                raw += piece
        frames = sorted(entry & PM_FRAME for entry in array.array("Q", raw)
                        if entry & PM_PRESENT)
        if frames and frames[-1] == 0:
            raise HostMemoryError("only root is told which pages are backed")
        return (len(frames) - _count_zero_pages(frames)) * PAGE


def _has_swap():
    with open("/proc/swaps", encoding="utf-8") as f:
        return len(f.readlines()) > 1       # the first is a title


def _count_zero_pages(frames):
    """How many of the sorted frames are the kernel's shared pages of zeroes,
    which a page that was only ever read is mapped to."""
    count = 0
    with open("/proc/kpageflags", "rb", buffering=0) as f:
        at = 0
        while at < len(frames):
            # One read for each run of neighbours (or repetitions).
            stop = at + 1
            while stop < len(frames) and frames[stop] - frames[stop - 1] <= 1:
                stop += 1
            f.seek(frames[at] * 8)
            flags = array.array("Q", _read_all(
                f, (frames[stop - 1] - frames[at] + 1) * 8))
            for frame in frames[at:stop]:
                if flags[frame - frames[at]] & KPF_ZERO_PAGE:
                    count += 1
            at = stop
    return count


def _read_all(f, length):
    raw = b""
    while len(raw) < length:
        piece = f.read(length - len(raw))
        if not piece:
            raise HostMemoryError("kpageflags ends early")
        raw += piece
    return raw
