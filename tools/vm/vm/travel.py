# SPDX-License-Identifier: GPL-2.0
"""Where a guest goes: to another QEMU, back to a snapshot, and off and on."""

import os
import tempfile
import time

from .hostmem import HostMemory
from .qmp import QmpError

POLL_SECONDS = 0.05
LONGEST = 300           # seconds that any of this may take
DOWNTIME_MS = 3000      # that a guest may stand still for
NODE = "travel"
FILE = "travel-file"
SNAPSHOT = "one"


class Travel:
    """What of a machine has to do with its guest's going elsewhere."""

    def __init__(self, machine, qmp):
        self._machine = machine
        self._folder = None
        self._has_disk = False
        self.qmp = qmp
        self.memory = HostMemory(machine.process.pid, qmp)

    def _path(self, name):
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="pvmemcontrol-")
        return os.path.join(self._folder.name, name)

    def _poll(self, what, question):
        """Until the question has an answer; returns that."""
        end = time.monotonic() + LONGEST
        while time.monotonic() < end:
            answer = question()
            if answer is not None:
                return answer
            time.sleep(POLL_SECONDS)
        raise QmpError(f"{what} did not end in {LONGEST} s")

    # To another QEMU

    def move(self):
        """Migrates the guest, running, to a QEMU that takes the place of this
        one.  Both are there meanwhile.  Returns how often all of its memory
        was gone through, and for how long it stood still."""
        path = self._path("socket")
        arrived = []

        def send(other):
            self.qmp.execute("migrate", uri=f"unix:{path}")
            arrived.append(self._poll("the migration", self._migrated))
            arrived.append(other)
            self._poll("the guest's arrival", lambda: other.execute(
                "query-status")["status"] != "inmigrate" or None)

        self.qmp.execute("migrate-set-parameters",
                         **{"max-bandwidth": 1 << 40,
                            # A guest that is busy is never done.
                            "downtime-limit": DOWNTIME_MS})
        self._machine.replace(f"unix:{path}", send)
        told, other = arrived
        self._arrive(other)
        # What this one is sent is not read by the other any more.
        self.qmp.execute("cont")
        self._poll("the guest's start", self._running)
        # A listening socket is not gone with who listened.
        if os.path.exists(path):
            os.unlink(path)
        return (f"rounds {told['ram']['dirty-sync-count']}\n"
                f"downtime_ms {told['downtime']}\n")

    def power_on(self):
        """Has the guest switched on when it has switched itself off."""
        self._machine.power_on_again(self._arrive)

    def _arrive(self, qmp):
        self.qmp = qmp
        self.memory = HostMemory(self._machine.process.pid, qmp)
        self._has_disk = False

    def _migrated(self):
        told = self.qmp.execute("query-migrate")
        if told.get("status") == "failed":
            raise QmpError(told.get("error-desc", "the migration failed"))
        return told if told.get("status") == "completed" else None

    def _running(self):
        return self.qmp.execute("query-status")["running"] or None

    # To a snapshot

    def snapshot(self):
        """Takes a snapshot of the machine, in place of an earlier one."""
        if self._has_disk:
            self._job("snapshot-delete", tag=SNAPSHOT, devices=[NODE])
        else:
            self._make_disk()
        self._job("snapshot-save", tag=SNAPSHOT, vmstate=NODE, devices=[NODE])

    def rollback(self):
        """Loads the snapshot."""
        if not self._has_disk:
            raise QmpError("there is no snapshot")
        self._job("snapshot-load", tag=SNAPSHOT, vmstate=NODE, devices=[NODE])
        self.qmp.execute("cont")
        self._poll("the guest's arrival", self._running)

    def _make_disk(self):
        path = self._path("disk")
        with open(path, "wb"):
            pass
        self.qmp.execute("blockdev-add", driver="file", filename=path,
                         **{"node-name": FILE})
        self._job("blockdev-create",
                  options={"driver": "qcow2", "file": FILE, "size": 1 << 20})
        self.qmp.execute("blockdev-add", driver="qcow2", file=FILE,
                         **{"node-name": NODE})
        self._has_disk = True

    def _job(self, name, **arguments):
        self.qmp.execute(name, **{"job-id": name}, **arguments)
        job = self._poll(name, lambda: self._concluded(name))
        self.qmp.execute("job-dismiss", id=name)
        if job.get("error"):
            raise QmpError(f"{name}: {job['error']}")

    def _concluded(self, name):
        for job in self.qmp.execute("query-jobs"):
            if job["id"] == name and job["status"] == "concluded":
                return job
        return None
