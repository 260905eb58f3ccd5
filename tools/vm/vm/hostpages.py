# SPDX-License-Identifier: GPL-2.0
"""Huge pages of the host, reserved for as long as a machine needs them."""

import fcntl
import pathlib

from . import VmError

SIZE = 2 << 20
POOL = pathlib.Path(f"/sys/kernel/mm/hugepages/hugepages-{SIZE >> 10}kB")
LOCK = "/run/lock/pvmemcontrol-hugepages"


def _read(name):
    return int((POOL / name).read_text())


class HostPages:
    """Pages that were added to the host's pool as it had too few."""

    def __init__(self):
        self._added = 0
        self._lock = None

    def reserve(self, size):
        """Sees to it that there are so many bytes of free huge pages.  Nobody
        else who asks here gets them before settled() is called."""
        if not POOL.is_dir():
            raise VmError("the host has no huge pages of 2 MiB")
        self._lock = open(LOCK, "w", encoding="ascii")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        free = _read("free_hugepages") - _read("resv_hugepages")
        missing = -(-size // SIZE) - free
        if missing <= 0:
            return
        before = _read("nr_hugepages")
        try:
            (POOL / "nr_hugepages").write_text(str(before + missing))
        except PermissionError:
            raise VmError(f"the host lacks {missing} free huge pages, and "
                          "only root may reserve some") from None
        self._added = max(_read("nr_hugepages") - before, 0)
        if self._added < missing:
            raise VmError(f"the host has memory for only {self._added} of "
                          f"{missing} more huge pages")

    def settled(self):
        """The machine has taken what was reserved, or never will."""
        if self._lock:
            self._lock.close()
            self._lock = None

    def release(self):
        """Takes out of the pool what was added.  The machine is gone."""
        self.settled()
        if not self._added:
            return
        with open(LOCK, "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            (POOL / "nr_hugepages").write_text(
                str(max(_read("nr_hugepages") - self._added, 0)))
        self._added = 0
