# SPDX-License-Identifier: GPL-2.0
"""A list of permission changes: its lines (README.rst says what they mean),
and what follows from them."""

import re
from dataclasses import dataclass, field

PARTS = ('direct', 'image', 'module', 'poke')
PERMISSIONS = ('---', '--x', '-w-', '-wx', 'r--', 'r-x', 'rw-', 'rwx')
ACTIONS = ('start', 'boot', 'init', 'load', 'unload')
ABSENT = '---'

WORD = r'[A-Za-z0-9_.-]{1,55}'
PERMS = r'[r-][w-][x-]'
PHASE = re.compile(rf'phase (\d+) ({"|".join(ACTIONS)}) ({WORD})')
TRANSACTION = re.compile(rf'txn (\d+) (\d+) ({WORD}) ({WORD})')
CHANGE = re.compile(rf'({"|".join(PARTS)}) ([0-9a-f]+) ([0-9a-f]+) ({PERMS}) ({PERMS})')
END = re.compile(r'end (\d+) (\d+) (\d+)')


class ListError(Exception):
    """The list is not one, or contradicts itself."""


@dataclass
class Change:
    part: str
    first: int
    end: int
    old: str
    new: str

    def __str__(self):
        return f'{self.part} {self.first:x} {self.end:x} {self.old} {self.new}'


@dataclass
class Transaction:
    phase: int
    owner: str
    call: str
    changes: list = field(default_factory=list)


@dataclass
class Phase:
    action: str
    name: str


@dataclass
class Record:
    comments: list = field(default_factory=list)
    phases: list = field(default_factory=list)
    transactions: list = field(default_factory=list)

    def totals(self):
        """Transactions, changes and pages, of those after the start state."""
        real = self.transactions[1:]
        changes = [c for t in real for c in t.changes]
        return len(real), len(changes), sum(c.end - c.first for c in changes)

    def lines(self):
        yield from (f'# {c}'.rstrip() for c in self.comments)
        phase = -1
        for number, transaction in enumerate(self.transactions):
            while phase < transaction.phase:
                phase += 1
                said = self.phases[phase]
                yield f'phase {phase} {said.action} {said.name}'
            yield (f'txn {number} {transaction.phase} {transaction.owner} '
                   f'{transaction.call}')
            yield from map(str, transaction.changes)
        for rest in range(phase + 1, len(self.phases)):
            said = self.phases[rest]
            yield f'phase {rest} {said.action} {said.name}'
        yield 'end {} {} {}'.format(*self.totals())


def parse(lines):
    """A Record of the lines of a list; ListError says which is wrong."""
    record, ended = Record(), False
    for number, line in enumerate(lines, 1):
        line = line.rstrip('\n')
        try:
            if ended:
                raise ListError('there is more after the end')
            ended = _parse_line(record, line)
        except ListError as error:
            raise ListError(f'line {number}: {error}: {line}') from None
    if not ended:
        raise ListError('it has no end')
    return record


def _parse_line(record, line):
    """Add one line to the record; return whether it is the last."""
    if line.startswith('#'):
        record.comments.append(line[2:])
    elif match := PHASE.fullmatch(line):
        if int(match[1]) != len(record.phases):
            raise ListError('a phase is missing')
        record.phases.append(Phase(match[2], match[3]))
    elif match := TRANSACTION.fullmatch(line):
        if int(match[1]) != len(record.transactions):
            raise ListError('a transaction is missing')
        if int(match[2]) != len(record.phases) - 1:
            raise ListError('it is not of the phase before it')
        record.transactions.append(
            Transaction(int(match[2]), match[3], match[4]))
    elif match := CHANGE.fullmatch(line):
        change = Change(match[1], int(match[2], 16), int(match[3], 16),
                        match[4], match[5])
        if not record.transactions:
            raise ListError('it is of no transaction')
        if change.first >= change.end:
            raise ListError('it is of no page')
        if change.old == change.new:
            raise ListError('it changes nothing')
        record.transactions[-1].changes.append(change)
    elif match := END.fullmatch(line):
        if tuple(map(int, match.groups())) != record.totals():
            raise ListError('the totals are {} {} {}'.format(*record.totals()))
        return True
    else:
        raise ListError('no line of a list')
    return False


class Counters:
    """How many mappings of each page can be read, written and executed."""

    def __init__(self):
        self._counts = {}       # pfn -> [readable, writable, executable]

    def change(self, change):
        for pfn in range(change.first, change.end):
            counts = self._counts.setdefault(pfn, [0, 0, 0])
            for i in range(3):
                counts[i] += (change.new[i] != '-') - (change.old[i] != '-')
                if counts[i] < 0:
                    raise ListError(f'page {pfn:x} has fewer than no mappings '
                                    f'with {"rwx"[i]}: {change}')

    def wanted(self, pfn):
        """What a host that cannot tell reading from executing is to allow."""
        counts = self._counts.get(pfn, (0, 0, 0))
        return counts[0] > 0, counts[1] > 0


class Mappings:
    """The permissions of each page in each part."""

    def __init__(self):
        self._permissions = {}  # (part, pfn) -> permissions

    def change(self, change):
        for pfn in range(change.first, change.end):
            key = change.part, pfn
            now = self._permissions.get(key, ABSENT)
            if now != change.old:
                raise ListError(f'page {pfn:x} of {change.part} was {now}: '
                                f'{change}')
            if change.new == ABSENT:
                del self._permissions[key]
            else:
                self._permissions[key] = change.new


def segments(pages, wanted):
    """The fewest ranges of one wanted protection each that contain all of
    @pages; others in between may be in them if they want the same."""
    number, last = 0, None
    for pfn in sorted(pages):
        if last is None or any(wanted(between) != wanted(pfn)
                               for between in range(last, pfn)):
            number += 1
        last = pfn
    return number


@dataclass
class Figures:
    """What a check of a list has found, without the state at the start."""

    transactions: int
    changes: int
    pages: int          # of all changes
    told: int           # of which what is wanted of the host was another after
    ranges: int         # the transaction, and in how few ranges those are
    loads: int
    unloads: int
    last: int           # the highest page frame, of the start too


def check(record):
    """Play a list; ListError if a change is not of what was before it."""
    mappings, counters = Mappings(), Counters()
    told = ranges = last = 0
    for number, transaction in enumerate(record.transactions):
        pages = {pfn for c in transaction.changes
                 for pfn in range(c.first, c.end)}
        before = {pfn: counters.wanted(pfn) for pfn in pages}
        for change in transaction.changes:
            try:
                mappings.change(change)
                counters.change(change)
            except ListError as error:
                raise ListError(f'txn {number}: {error}') from None
        if number:
            changed = {pfn for pfn in pages
                       if counters.wanted(pfn) != before[pfn]}
            told += len(changed)
            ranges += segments(changed, counters.wanted)
        last = max(pages | {last})
    if not record.transactions or record.phases[0].action != 'start':
        raise ListError('it does not say what was at the start')
    actions = [p.action for p in record.phases]
    return Figures(*record.totals(), told, ranges, actions.count('load'),
                   actions.count('unload'), last)
