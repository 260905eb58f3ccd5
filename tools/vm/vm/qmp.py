# SPDX-License-Identifier: GPL-2.0
"""The QEMU Machine Protocol: commands, and events kept until asked for."""

import json
import sys
import threading
import time

REPLY_SECONDS = 120


class QmpError(Exception):
    """QEMU refused a command, or is gone."""


class Qmp:
    """One connection.  Commands may come from several threads."""

    def __init__(self, sock):
        self._sock = sock
        self._changed = threading.Condition()
        self._replies = {}
        self._events = []
        self._next_id = 0
        self._reactions = {}
        self._closed = False
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            with self._sock.makefile("rb") as lines:
                for line in lines:
                    self._take(json.loads(line))
        except (OSError, ValueError):
            pass
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _take(self, message):
        with self._changed:
            if "event" in message:
                self._events.append(message)
                commands = self._reactions.pop(message["event"], None)
                if commands is not None:
                    # Not here, where their replies would be read.
                    threading.Thread(target=self._react, args=(commands,),
                                     daemon=True).start()
            elif "id" in message:
                self._replies[message["id"]] = message
            self._changed.notify_all()

    def send(self, command):
        """Runs a command given as a dictionary; returns its return value."""
        with self._changed:
            number = self._next_id
            self._next_id += 1
            try:
                self._sock.sendall(
                    json.dumps(dict(command, id=number)).encode() + b"\n")
            except OSError as error:
                raise QmpError(f"QEMU is gone: {error}") from error
            if not self._changed.wait_for(
                    lambda: number in self._replies or self._closed,
                    REPLY_SECONDS):
                raise QmpError("QEMU does not answer")
            if number not in self._replies:
                raise QmpError("QEMU is gone")
            reply = self._replies.pop(number)
        if "error" in reply:
            raise QmpError(reply["error"]["desc"])
        return reply["return"]

    def execute(self, name, **arguments):
        return self.send({"execute": name, "arguments": arguments})

    def hmp(self, line):
        """Runs a command of the human monitor; returns what it printed."""
        return self.execute("human-monitor-command",
                            **{"command-line": line})

    def when(self, name, commands):
        """Has the commands run once, at the next event of that name: nobody in
        the guest can when it is paused."""
        with self._changed:
            self._reactions[name] = commands

    def _react(self, commands):
        try:
            for command in commands:
                self.send(command)
        except QmpError as error:
            print(f"vm: at an event: {error}", file=sys.stderr)

    def events(self):
        """Those that have come and were not asked for."""
        return list(self._events)

    def wait_event(self, name, seconds):
        """The oldest event of that name that nobody has taken yet."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while True:
                for event in self._events:
                    if event["event"] == name:
                        self._events.remove(event)
                        return event
                left = deadline - time.monotonic()
                if self._closed or left <= 0:
                    raise QmpError(f"no event {name} in {seconds:g} s")
                self._changed.wait(left)
