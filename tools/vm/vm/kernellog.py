# SPDX-License-Identifier: GPL-2.0
"""The guest's kernel log as /dev/kmsg delivers it, and splats in it."""

import re

SPLAT_LINES = 40
LONGEST_SPLAT = 300

# How the kernel begins what nobody wants to see in a log.
SPLAT = re.compile(
    r"""WARNING:\ | (\[\ )?BUG[:\ ] | kernel\ BUG\ at | Oops | UBSAN: |
        general\ protection\ fault | unchecked\ MSR\ access |
        traps:\ .*\ kernel | Bad\ page | page\ dumped\ because |
        (rcu:\ )?INFO:\ (rcu|task\ .*\ blocked|lockdep|trying\ to\ register) |
        watchdog:\ (BUG|Watchdog) | NMI\ watchdog:\ Watchdog |
        list_(add|del)\ corruption | stack\ segment: | divide\ error: |
        invalid\ opcode: | Memory\ corruption |
        kmemleak:\ (?!Kernel.*\ initialized|[0-9]+\ new|Automatic) |
        DMA-API: | ODEBUG: | Slab\ corruption | refcount_t: |
        Voluntary\ context\ switch\ within\ RCU""", re.VERBOSE)
BOUNDARY = re.compile(r"-+\[ cut here \]|=+$")
END = re.compile(r"---\[ end trace")

# A data race, of which the kernel has some between functions of its own.  It
# counts if a module of this project, or of its tests, is anywhere in the report.
RACE = re.compile(r"BUG: KCSAN: ")
OURS = re.compile(r"\[(pvmemcontrol|pvmc)")


class KernelLog:
    """Collects records; knows when the one that ends the log has come."""

    def __init__(self, end_marker):
        self.lines = []
        self.ended = False
        self._end_marker = end_marker
        self._rest = b""
        self._last = -1

    def feed(self, data):
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            # Lines that begin with a space are properties of the record.
            if line and not line.startswith(b" "):
                self._record(line.decode(errors="replace"))

    def _record(self, line):
        prefix, separator, message = line.partition(";")
        fields = prefix.split(",")
        if not separator or len(fields) < 3:
            return
        # The guest reads from the start again when records were lost to it, and
        # not all of them are there then: the first is that of another kernel.
        sequence = int(fields[1])
        if sequence == 0:
            self._last = -1
        if sequence <= self._last:
            return
        self._last = sequence
        if message == self._end_marker:
            self.ended = True
            return
        self.lines.append(message)

    def _is_others_race(self, number):
        """Whether what begins there is a race that is none of ours."""
        if not RACE.match(self.lines[number]):
            return False
        for line in self.lines[number:number + SPLAT_LINES]:
            if OURS.search(line):
                return False
            if BOUNDARY.match(line):
                break
        return True

    def _splat_at(self, number):
        """All of the splat that begins with this line."""
        lines = []
        for line in self.lines[number:number + LONGEST_SPLAT]:
            lines.append(line)
            if END.match(line):
                break
        return "\n".join(lines)

    def splats(self, expected=()):
        """Lines of the log from the start of each splat to its end, but for
        those that one of the patterns matches from their start."""
        shown = []
        left = 0
        for number, line in enumerate(self.lines):
            if SPLAT.match(line) and not self._is_others_race(number) and \
                    not any(re.match(pattern, self._splat_at(number), re.DOTALL)
                            for pattern in expected):
                if not left and number and \
                        BOUNDARY.match(self.lines[number - 1]):
                    shown.append(self.lines[number - 1])
                left = SPLAT_LINES
            if left:
                shown.append(line)
                left -= 1
            if END.match(line):
                left = 0
        return shown
