# SPDX-License-Identifier: GPL-2.0
"""Makes a list of permission changes of what a guest has recorded: the log of
the pvmc_recorder module, and before that the trace of the boot."""

import re
from bisect import bisect_right
from dataclasses import dataclass, field

from permissions import (ABSENT, PERMISSIONS, Change, Phase, Record,
                         Transaction)

PAGE = 4096
IMAGE = 0xffffffff80000000
MODULES = 0xffffffffc0000000

WRITE, EXECUTE = 2, 1        # as in the order of PERMISSIONS
# Bits of an entry of the page tables: x86.
PRESENT_BIT, RW_BIT, NX_BIT = 1, 2, 1 << 63
# What the kernel maps memory with before it says anything else.
AT_FIRST = {'direct': 'rw-', 'image': 'rwx', 'module': 'rw-'}

ATTR = re.compile(r': attr: \(.*?\) addr=0x([0-9a-f]+) pages=(-?\d+) '
                  r'set=0x([0-9a-f]+) clear=0x([0-9a-f]+) '
                  r'flags=0x([0-9a-f]+) caller=([^+ ]+)')
OTHER = re.compile(r': (allocated|free): .* addr=0x([0-9a-f]+)')

# What the recorder calls this; whoever called it says more.
ATTR_PROBE = 'change_page_attr_set_clr'


class ConvertError(Exception):
    """What was recorded cannot be made a list of."""


@dataclass
class Area:
    """Memory that was allocated where modules are; the name comes later."""

    start: int
    end: int
    owner: str = 'kernel'
    event: object = None    # that allocated it


@dataclass
class Seen:
    """A difference that the recorder logged."""

    part: str
    vaddr: int
    change: Change
    area: Area = None       # before the event, if of modules' memory


@dataclass
class Event:
    call: str
    phase: int
    seen: list
    area: Area = field(default_factory=lambda: Area(0, 0))


def bits(permissions):
    return PERMISSIONS.index(permissions)


class Log:
    """The recorder's log: events by phase, and whose memory each is about."""

    def __init__(self, text):
        self.phases = [Phase('start', 'kernel'), Phase('boot', 'kernel'),
                       Phase('init', 'guest')]
        self.start = None
        self.events = []
        self.pokes = 0
        self._areas = []
        self._by_page = {}      # pfn -> area of the last mapping
        lines = text.splitlines()
        if not lines or lines[-1] != 'end 0':
            raise ConvertError('the record is not whole: '
                               f'{lines[-1] if lines else "no line"}')
        for line in lines[:-1]:
            self._line(line.split())

    def _line(self, words):
        kind = words[0]
        if kind == 'e':
            self._last = self._event(*words[1:])
        elif kind == 'c':
            self._seen(Seen(words[1], int(words[2], 16), Change(
                words[1], int(words[3], 16), int(words[4], 16), *words[5:7])))
        elif kind == 'o':
            for base, size in (words[2:4], words[4:6]):
                if int(size, 16):
                    self._named(int(base, 16), int(size, 16), words[1])
        elif kind == 'm' and words[1] in ('load', 'unload'):
            self.phases.append(Phase(words[1], words[2]))

    def _event(self, probed, caller):
        if probed == 'unseen':
            raise ConvertError('something has changed without a probe')
        call = {'__vunmap': 'vfree', ATTR_PROBE: caller}.get(probed, probed)
        event = Event(call, len(self.phases) - 1, [])
        if probed == 'start':
            self.start = event
        else:
            self.events.append(event)
        self.pokes += probed == 'poke'
        return event

    def _seen(self, seen):
        event = self._last
        if seen.part == 'module':
            seen.area = self._area_at(seen.vaddr)
            end = seen.vaddr + (seen.change.end - seen.change.first) * PAGE
            if event.call != 'module_alloc' or seen.change.new == ABSENT:
                event.area = seen.area
            elif self._areas and self._areas[-1].event is event:
                self._areas[-1].end = end
            else:
                event.area = Area(seen.vaddr, end, event=event)
                self._areas.append(event.area)
            for pfn in range(seen.change.first, seen.change.end):
                self._by_page[pfn] = event.area
        elif not event.seen:
            event.area = self._by_page.get(seen.change.first, event.area)
        event.seen.append(seen)

    def _area_at(self, vaddr):
        """The last area there; an empty one if there is none."""
        for area in reversed(self._areas):
            if area.start <= vaddr < area.end:
                return area
        return Area(vaddr, vaddr)

    def _named(self, base, size, name):
        area = self._area_at(base)
        if area.start == area.end:     # older than the record
            area.end = base + size
            self._areas.append(area)
        area.owner = name


class Snapshot:
    """What was mapped where when the recorder started."""

    def __init__(self, seen):
        self.runs = sorted(seen, key=lambda s: s.vaddr)
        self._starts = [s.vaddr for s in self.runs]
        self.where = {}         # (part, pfn) -> bits
        for run in self.runs:
            for pfn in range(run.change.first, run.change.end):
                self.where[run.part, pfn] = bits(run.change.new)

    def lookup(self, vaddr):
        """(part, pfn) of what an address is mapped to, or None."""
        at = bisect_right(self._starts, vaddr) - 1
        if at < 0:
            return None
        run = self.runs[at]
        pfn = run.change.first + (vaddr - run.vaddr) // PAGE
        return (run.part, pfn) if pfn < run.change.end else None


@dataclass
class Call:
    """A traced call that sets and clears permissions."""

    name: str
    pages: list         # of (part, pfn)
    make: int           # permissions that it gives
    take: int           # and takes

    def applied(self, permissions):
        return permissions & ~self.take | self.make


def boot_calls(trace, snapshot):
    """The traced calls, with the pages that each was about: for each a list,
    since the kernel does the same to other mappings of the pages."""
    calls = []
    for line in trace.splitlines():
        if match := ATTR.search(line):
            addr, mask_set, mask_clear, flags = (
                int(match[i], 16) for i in (1, 3, 4, 5))
            if (mask_set | mask_clear) & (PRESENT_BIT | RW_BIT | NX_BIT):
                calls.append(_boot_call(match[6], addr, int(match[2]), mask_set,
                                        mask_clear, flags, snapshot))
        elif match := OTHER.search(line):
            if int(match[2], 16) >= MODULES:
                raise ConvertError(f'module memory while booting: {line}')
    return calls


def _boot_call(name, addr, nr_pages, mask_set, mask_clear, flags, snapshot):
    if flags or (mask_set | mask_clear) & PRESENT_BIT:
        raise ConvertError(f'{name}: a call while booting that is not known')
    make = (WRITE if mask_set & RW_BIT else 0) | \
        (EXECUTE if mask_clear & NX_BIT else 0)
    take = (WRITE if mask_clear & RW_BIT else 0) | \
        (EXECUTE if mask_set & NX_BIT else 0)
    pages = [p for p in (snapshot.lookup(addr + i * PAGE)
                         for i in range(nr_pages)) if p]
    same = [Call(name, pages, make, take)]
    # The kernel keeps the direct map like the others, but never executable.
    if addr >= IMAGE and (make | take) & WRITE:
        same.append(Call(name, [('direct', pfn) for _, pfn in pages],
                         make & WRITE, take & WRITE))
    return same


def before_boot(calls, snapshot):
    """What was before the calls.  Permissions that no call was about are those
    of the snapshot, others those that the kernel maps memory with."""
    about = {}
    for call in (one for same in calls for one in same):
        for page in call.pages:
            about[page] = about.get(page, 0) | call.make | call.take
    return {page: now & ~about.get(page, 0) |
            bits(AT_FIRST[page[0]]) & about.get(page, 0)
            for page, now in snapshot.where.items()}


def ranges(pages):
    """Changes of {(part, pfn): (old, new)}, in order."""
    changes = []
    for (part, pfn), (old, new) in sorted(pages.items()):
        last = changes[-1] if changes else None
        if last and (last.part, last.end, last.old, last.new) == \
                (part, pfn, PERMISSIONS[old], PERMISSIONS[new]):
            last.end += 1
        else:
            changes.append(Change(part, pfn, pfn + 1, PERMISSIONS[old],
                                  PERMISSIONS[new]))
    return changes


def boot_transactions(trace, log):
    """The start, the traced calls, and what the recorder has added itself.
    That they lead to what it found is checked."""
    own = [s for s in log.start.seen if s.part == 'module' and
           s.area.owner == 'pvmc_recorder']
    snapshot = Snapshot([s for s in log.start.seen if s not in own])
    own = Snapshot(own).where
    calls = boot_calls(trace, snapshot)
    state = before_boot(calls, snapshot)
    for _, pfn in own:
        state['direct', pfn] = bits(AT_FIRST['direct'])

    yield Transaction(0, 'kernel', 'start', ranges(
        {page: (0, now) for page, now in state.items()}))
    for same in calls:
        changed = {}
        for call in same:
            for page in call.pages:
                old, state[page] = state[page], call.applied(state[page])
                if state[page] != old:
                    changed[page] = old, state[page]
        if changed:
            yield Transaction(1, 'kernel', same[0].name, ranges(changed))

    differ = {page: (state[page], now) for page, now in snapshot.where.items()
              if state[page] != now}
    wrong = {page: change for page, change in differ.items()
             if page[0] != 'direct' or ('module', page[1]) not in own}
    if wrong:
        raise ConvertError('the traced calls do not lead to what was found '
                           'when the recorder started: ' +
                           ', '.join(map(str, ranges(wrong))))
    differ.update({page: (0, now) for page, now in own.items()})
    yield Transaction(2, 'pvmc_recorder', 'found', ranges(differ))


def convert(text, trace, comments, pokes):
    """The Record of a log and a trace, without writes to code if not @pokes."""
    log = Log(text)
    if log.start is None:
        raise ConvertError('the recorder has found nothing')
    record = Record(list(comments), log.phases,
                    list(boot_transactions(trace, log)))
    for event in log.events:
        if pokes or event.call != 'poke':
            record.transactions.append(Transaction(
                event.phase, event.area.owner, event.call,
                [s.change for s in event.seen]))
    if not pokes:
        record.comments.append(
            f'Without {log.pokes} changes of mappings to write to code through.')
    return record
