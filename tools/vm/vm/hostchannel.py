# SPDX-License-Identifier: GPL-2.0
"""Answers what the guest asks the host.

A request is one line, "ID REQUEST [ARGUMENT...]"; the answer is a line
"ID ok LENGTH" or "ID error LENGTH" and LENGTH bytes, the last a newline.
"""

import json
import threading

from . import VmError
from .hostmem import HostMemoryError, naming_error
from .qmp import QmpError

DEVICE = "pvmc0"
NUMERIC = ("uint8", "uint16", "uint32", "uint64",
           "int8", "int16", "int32", "int64", "int", "size")
LONGEST_WAIT = 600


class RequestError(Exception):
    """The request is wrong, or cannot be met."""


def _number(text):
    try:
        return int(text, 0)
    except ValueError:
        raise RequestError(f"'{text}' is no number") from None


def _plain(value):
    return value if isinstance(value, str) else json.dumps(value)


class HostChannel(threading.Thread):
    """Serves the guest's port until the machine is gone."""

    def __init__(self, sock, travel, wait_written):
        super().__init__(daemon=True)
        self._sock = sock
        self._travel = travel
        self._wait_written = wait_written
        self._inherited_properties = None
        self._snapshot_of = None        # the request that asked for it

    @property
    def _qmp(self):
        return self._travel.qmp

    @property
    def _memory(self):
        return self._travel.memory

    def run(self):
        try:
            with self._sock.makefile("rb") as lines:
                for line in lines:
                    self._serve(line.decode(errors="replace"))
        except (OSError, ValueError):
            pass        # QEMU is gone: the main thread finds out why

    def _serve(self, line):
        number, _, request = line.strip().partition(" ")
        verdict, answer = "ok", ""
        try:
            answer = self.answer(request.strip())
        except (RequestError, HostMemoryError, QmpError, VmError,
                OSError) as error:
            verdict, answer = "error", str(error)
        if answer and not answer.endswith("\n"):
            answer += "\n"
        if verdict == "ok" and request.strip() == "snapshot":
            self._snapshot_of = number
        if verdict == "ok" and request.strip() == "rollback":
            # Who asks for this is no more; who is there waits for an answer to
            # what he asked then.
            number = self._snapshot_of
        body = answer.encode()
        self._sock.sendall(f"{number} {verdict} {len(body)}\n".encode() + body)

    def answer(self, request):
        """The answer to a request without its id."""
        name, _, rest = request.partition(" ")
        handler = REQUESTS.get(name)
        if handler is None:
            raise RequestError(f"unknown request '{name}'; 'host help' lists "
                               "them")
        function, usage = handler
        if name in ("qmp", "when", "printed"):
            return function(self, rest)
        arguments = rest.split()
        needed = [w for w in usage.split() if not w.startswith("[")]
        if not len(needed) <= len(arguments) <= len(usage.split()):
            raise RequestError(f"usage: host {name} {usage}".rstrip())
        return function(self, *arguments)

    # Requests about the QEMU process

    def _resident(self):
        # Rss leaves huge pages from the pool out.
        return str(self._memory.rollup("Rss", "Shared_Hugetlb",
                                       "Private_Hugetlb"))

    def _anonymous(self):
        return str(self._memory.rollup("Anonymous"))

    def _mappings(self):
        return str(self._memory.mappings())

    def _ram(self, gpa, length):
        return str(self._memory.resident(_number(gpa), _number(length)))

    def _pageout(self, gpa, length):
        return str(self._memory.page_out(_number(gpa), _number(length)))

    def _vma(self, gpa, length):
        lines = []
        for hva, offset, part in self._memory.host_addresses(
                _number(gpa), _number(length)):
            for mapping in self._memory.covering(hva, part):
                start = max(mapping.start, hva) - hva + offset
                end = min(mapping.end, hva + part) - hva + offset
                flags = ",".join(mapping.values.get("VmFlags", "").split())
                lines.append(f"{start:#x} {end:#x} {mapping.permissions} "
                             f"{flags or '-'} {mapping.name or '-'}\n")
        return "".join(lines)

    def _naming(self):
        return str(naming_error())

    # Requests about the guest's output

    def _printed(self, text):
        if not text:
            raise RequestError("usage: host printed TEXT")
        if not self._wait_written(text.encode(), LONGEST_WAIT):
            raise RequestError("that was not printed")
        return ""

    # Requests about the device

    def _counter(self, name, device=DEVICE):
        return _plain(self._qmp.execute(
            "qom-get", path=f"/machine/peripheral/{device}", property=name))

    def _counters(self, device=DEVICE):
        if self._inherited_properties is None:
            self._inherited_properties = {
                p["name"] for p in self._qmp.execute(
                    "qom-list-properties", typename="pci-device")}
        path = f"/machine/peripheral/{device}"
        names = sorted(p["name"] for p in self._qmp.execute(
            "qom-list", path=path) if p["type"] in NUMERIC
            and p["name"] not in self._inherited_properties)
        return "".join(f"{name} {self._counter(name, device)}\n"
                       for name in names)

    def _set(self, name, text, device=DEVICE):
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        self._qmp.execute("qom-set", path=f"/machine/peripheral/{device}",
                          property=name, value=value)
        return ""

    # Requests that take the guest elsewhere

    def _move(self):
        return self._travel.move()

    def _snapshot(self):
        self._travel.snapshot()
        return "taken"

    def _rollback(self):
        self._travel.rollback()
        return "loaded"

    def _power_on(self):
        self._travel.power_on()
        return ""

    # Requests to QEMU

    def _qmp_command(self, text):
        try:
            command = json.loads(text)
        except ValueError as error:
            raise RequestError(f"no JSON: {error}") from None
        if not isinstance(command, dict) or "execute" not in command:
            raise RequestError('a command looks like {"execute": "NAME"}')
        return json.dumps(self._qmp.send(command))

    def _when(self, text):
        name, _, commands = text.partition(" ")
        try:
            commands = json.loads(commands)
        except ValueError as error:
            raise RequestError(f"no JSON: {error}") from None
        if not isinstance(commands, list):
            raise RequestError("usage: host when EVENT [COMMAND, ...]")
        self._qmp.when(name, commands)
        return ""

    def _wait_event(self, name, seconds):
        event = self._qmp.wait_event(
            name, min(max(_number(seconds), 0), LONGEST_WAIT))
        return json.dumps(event.get("data", {}))

    def _nmi(self):
        self._qmp.execute("inject-nmi")
        return ""

    def _help(self):
        return "".join(f"host {name} {usage}".rstrip() + "\n"
                       for name, (_, usage) in REQUESTS.items())


# name: (function, arguments)
# pylint: disable=protected-access
REQUESTS = {
    "resident": (HostChannel._resident, ""),
    "anonymous": (HostChannel._anonymous, ""),
    "mappings": (HostChannel._mappings, ""),
    "ram": (HostChannel._ram, "GPA LENGTH"),
    "pageout": (HostChannel._pageout, "GPA LENGTH"),
    "vma": (HostChannel._vma, "GPA LENGTH"),
    "naming": (HostChannel._naming, ""),
    "printed": (HostChannel._printed, "TEXT"),
    "counter": (HostChannel._counter, "NAME [DEVICE]"),
    "counters": (HostChannel._counters, "[DEVICE]"),
    "set": (HostChannel._set, "PROPERTY VALUE [DEVICE]"),
    "qmp": (HostChannel._qmp_command, "JSON"),
    "when": (HostChannel._when, "EVENT JSON"),
    "wait-event": (HostChannel._wait_event, "NAME SECONDS"),
    "nmi": (HostChannel._nmi, ""),
    "move": (HostChannel._move, ""),
    "snapshot": (HostChannel._snapshot, ""),
    "rollback": (HostChannel._rollback, ""),
    "power-on": (HostChannel._power_on, ""),
    "help": (HostChannel._help, ""),
}
