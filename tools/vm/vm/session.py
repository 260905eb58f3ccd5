# SPDX-License-Identifier: GPL-2.0
"""One run: relays the guest's streams and finds out how it ended."""

import collections
import os
import select
import selectors
import shlex
import signal
import sys
import threading
import time

from .hostchannel import HostChannel
from .kernellog import KernelLog
from .machine import Machine
from .qmp import QmpError
from .travel import Travel

# Exit statuses that are not the script's.
PANIC = 120
VANISHED = 121
SPLAT = 122
TIMEOUT = 124
BROKEN = 125

CONSOLE_LINES = 300
PANIC_TEXT = b"Kernel panic - not syncing"
PANIC_GRACE = 60        # seconds from a panic until QEMU ought to be gone
LOG_GRACE = 30          # seconds from the verdict until the log ought to be in
STACKS_GRACE = 5        # seconds given to a hung guest to say where it hangs
BOOT_SECONDS = 180      # until the guest's init ought to have said something
GONE_SECONDS = 1        # how often to look for a QEMU that can be replaced
CHUNK = 1 << 16


class Stream:
    """Copies a port of the guest to a file of ours, up to the end marker."""

    def __init__(self, nonce, fd):
        self._marker = b"\0" + nonce + b"\0"
        self._fd = fd
        self._held = b""
        self._last = b""                # of what was written
        self._written = threading.Condition()   # guards _last
        self.ended = False

    def feed(self, data):
        data = self._held + data
        self._held = b""
        before, marker, after = data.partition(self._marker)
        if marker:
            self.ended = True
            data = before + after       # after: what the script left running
        elif not self.ended:
            # The start of the marker may be at the end of what has come.
            start = data.rfind(b"\0", max(0, len(data) - len(self._marker)))
            if start >= 0 and self._marker.startswith(data[start:]):
                data, self._held = data[:start], data[start:]
        self._write(data)

    def flush(self):
        self._write(self._held)
        self._held = b""

    def wait_written(self, text, seconds):
        """Waits for text to be among the last of what was written; returns
        whether it is."""
        with self._written:
            return self._written.wait_for(lambda: text in self._last, seconds)

    def _write(self, data):
        write_all(self._fd, data)
        with self._written:
            self._last = (self._last + data)[-CHUNK:]
            self._written.notify_all()


def write_all(fd, data):
    """Also to a file that another process has made non-blocking."""
    while data:
        try:
            data = data[os.write(fd, data):]
        except BlockingIOError:
            select.select([], [fd], [])


class Session:
    """Drives one machine from its start to the verdict."""

    def __init__(self, machine, options, nonce, terminal):
        self._machine = machine
        self._options = options
        self._guest = options.guest_name
        self._out = Stream(nonce.encode(), 1)
        self._err = Stream(nonce.encode(), 2)
        self._log = KernelLog(nonce)
        self._console = collections.deque(maxlen=CONSOLE_LINES)
        self._console_rest = b""
        self._console_file = None
        self._verdict = b""
        self._init_began = False
        self._hung_in_boot = False
        self._panic_at = None
        self._terminal = terminal
        self._selector = selectors.DefaultSelector()
        self._takers = ()
        self._qmp = None

    def run(self):
        """Returns the exit status of the run."""
        if self._options.console:
            self._console_file = open(self._options.console, "wb", 0)
        try:
            self._qmp = self._start()
            return self._judge(self._relay())
        finally:
            if self._terminal:
                self._terminal.restore()
            self._machine.kill()
            if self._console_file:
                self._console_file.close()

    def _start(self):
        try:
            qmp = self._machine.start()
        except Exception:
            sys.stderr.write(self._machine.errors())
            raise
        sockets = self._machine.sockets
        HostChannel(sockets["host"], Travel(self._machine, qmp),
                    self._out.wait_written).start()
        takers = {"out": self._out.feed, "err": self._err.feed,
                  "kmsg": self._log.feed, "verdict": self._take_verdict,
                  "console": self._take_console}
        self._takers = tuple(takers)
        for name, take in takers.items():
            self._selector.register(sockets[name], selectors.EVENT_READ, take)
        if self._terminal:
            self._terminal.attach(self._selector, sockets["terminal"])
        return qmp

    def failed_in_boot(self):
        """Whether QEMU crashed, or hung, before the guest's init had said
        anything."""
        process = self._machine.process
        return self._hung_in_boot or (
            not self._init_began and process is not None and
            process.poll() == -signal.SIGSEGV)

    def _take_verdict(self, data):
        self._verdict += data

    def _take_console(self, data):
        if self._console_file:
            self._console_file.write(data)
        if self._options.verbose:
            os.write(2, data)
        *lines, self._console_rest = (self._console_rest + data).split(b"\n")
        for line in lines:
            self._console.append(line.rstrip(b"\r"))
            if PANIC_TEXT in line and self._panic_at is None and \
                    not self._options.outlives_panic:
                self._panic_at = time.monotonic()

    def _complete(self):
        return self._verdict.endswith(b"\n") and self._out.ended and \
            self._err.ended and self._log.ended

    def _relay(self):
        """Until the run has ended; returns why, or None when the verdict and
        all that belongs to it have come."""
        start = time.monotonic()
        slowness = self._options.slowness
        ends = []
        if self._options.timeout:
            ends.append((start + self._options.timeout, TIMEOUT))
        said = False
        while not self._complete():
            if self._verdict and not said:
                said = True
                ends.append((time.monotonic() + LOG_GRACE * slowness, BROKEN))
            if self._panic_at:
                ends.append((self._panic_at + PANIC_GRACE * slowness, PANIC))
            end, reason = min(ends, default=(None, None))
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                return reason
            if not self._init_began:
                boot = start + BOOT_SECONDS * slowness - time.monotonic()
                if boot <= 0:
                    self._hung_in_boot = True
                    return TIMEOUT
                left = boot if left is None else min(left, boot)
            # Of a machine that can move, the sockets outlive QEMU.
            if self._options.movable:
                left = min(left or GONE_SECONDS, GONE_SECONDS)
            if not self._pump(left) or self._machine.gone():
                return PANIC if self._panic_at else VANISHED
        return None

    def _pump(self, seconds):
        """Waits for data and passes it on; False when QEMU is gone."""
        for key, _ in self._selector.select(seconds):
            try:
                data = os.read(key.fd, CHUNK)
            except ConnectionResetError:
                data = b""
            if data:
                if key.data != self._take_console:
                    self._init_began = True
                key.data(data)
            else:
                self._selector.unregister(key.fileobj)
        # All of them end together, with QEMU; what they still hold counts.
        return any(k.fileobj is self._machine.sockets[name]
                   for k in self._selector.get_map().values()
                   for name in self._takers)

    def _judge(self, reason):
        self._out.flush()
        self._err.flush()
        if reason is None:
            status = int(self._verdict.split()[1])
            splats = self._log.splats(self._options.expect_splat)
            if not splats or self._options.allow_splat:
                return status
            self._show(f"the script exited with {status}, but the kernel of "
                       f"{self._guest} complains:", splats)
            return SPLAT
        if reason == PANIC:
            self._show_console(f"{self._guest} panicked; its console:")
        elif reason == TIMEOUT and self._hung_in_boot:
            self._show_console(f"{self._guest} did not boot in "
                               f"{BOOT_SECONDS * self._options.slowness} s; "
                               "its console:")
        elif reason == TIMEOUT:
            self._show_pause()
            self._ask_for_stacks()
            self._show_console(f"no end after {self._options.timeout:g} s; "
                               f"the console of {self._guest}:")
        elif reason == BROKEN:
            self._show_console(f"the output of {self._guest} did not come to "
                               "an end; its console:")
        else:
            status = self._machine.process.wait()
            how = f"QEMU exited with {status}" if status >= 0 else \
                f"QEMU was killed by signal {-status}"
            self._show_console(f"{self._guest} is gone without a verdict "
                               f"({how}); its console:")
        return reason

    def _show_pause(self):
        """Says so if it waits for somebody to let it go on, and why."""
        try:
            status = self._qmp.execute("query-status")["status"]
        except (OSError, QmpError):
            return
        if status == "running":
            return
        self._show(f"{self._guest} is {status}; events:",
                   [str(event) for event in self._qmp.events()])

    def _ask_for_stacks(self):
        """Has the guest print what its CPUs and blocked tasks are doing, by
        the magic keys on its serial line: a break, then a letter."""
        end = time.monotonic() + STACKS_GRACE
        for letter in (b"l", b"w"):
            try:
                self._qmp.execute("chardev-send-break", id="console")
                self._machine.sockets["console"].send(letter)
            except (OSError, QmpError):
                return          # QEMU itself is past help
            pause = min(time.monotonic() + 1, end)
            while time.monotonic() < pause and \
                    self._pump(max(pause - time.monotonic(), 0)):
                pass

    def _show_console(self, title):
        lines = [line.decode(errors="replace") for line in self._console]
        if self._console_rest:
            lines.append(self._console_rest.decode(errors="replace"))
        self._show(title, lines)
        errors = self._machine.errors()
        if errors:
            self._show("QEMU said:", errors.splitlines())

    @staticmethod
    def _show(title, lines):
        sys.stdout.flush()
        sys.stderr.write("".join(
            [f"vm: {title}\n"] + [f"  | {line}\n" for line in lines]))
        sys.stderr.flush()


def run_machine(options, boot, nonce, terminal):
    """Boots a machine, runs it to its end and returns the exit status."""
    for last_try in (False, True):
        machine = Machine(options, boot, terminal)
        if options.verbose:
            print(shlex.join(machine.command), file=sys.stderr)
        session = Session(machine, options, nonce, terminal)
        status = session.run()
        if last_try or not session.failed_in_boot():
            return status
        print("vm: QEMU crashed or hung before the guest had begun; once more "
              "(see tools/vm/README.md)", file=sys.stderr)
    return status
