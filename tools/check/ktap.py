# SPDX-License-Identifier: GPL-2.0
"""Counting of KTAP and TAP by the kernel's own parser, and the printing of it.

The parser is that of tools/testing/kunit in the distribution's kernel source.
It forgives what this project does not: a stream without a plan, a wrong
number, a subtest without a result.  What it reports as an error counts as a
failure here.
"""

import importlib
import io
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Result:
    """What a stream of results amounts to."""
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    problems: list = field(default_factory=list)    # of the stream as such
    failures: list = field(default_factory=list)    # (name, lines of log)
    skips: list = field(default_factory=list)       # names


def source_tree():
    """The folder of the unpacked kernel source."""
    return Path(subprocess.run([ROOT / 'kunit/source'], check=True, text=True,
                               stdout=subprocess.PIPE).stdout.strip())


def load_parser():
    """The kernel's kunit_parser module, silenced."""
    folder = str(source_tree() / 'tools/testing/kunit')
    sys.dont_write_bytecode = True
    if folder not in sys.path:
        sys.path.insert(0, folder)
    parser = importlib.import_module('kunit_parser')
    printer = importlib.import_module('kunit_printer')
    said = io.StringIO()
    parser.stdout = printer.Printer(said)
    return parser, said


START = re.compile(r'^(\s*)K?TAP version \d+$')
SUBTEST = re.compile(r'^\s*# Subtest: ')
PLAN = re.compile(r'^\s*1\.\.\d+')
RESULT = re.compile(r'^(\s*)(not ok|ok)\b(\s+\d+)?(.*)$')


def normalise(lines):
    """Yield lines in the form that the kernel's parser knows.

    A plan may follow comments (glib) or stand at the end (TAP 13): the parser
    wants it right after the version.  A name may not have a '#' in it unless
    it begins a directive.
    """
    lines = [line.rstrip() for line in lines]
    out = []
    opened = []                     # where a plan of this indent is missing
    for line in lines:
        start = START.match(line)
        if start:
            out.append(line)
            opened.append([start.group(1), len(out)])
            continue
        if SUBTEST.match(line) and opened and opened[-1][1] == len(out):
            out.append(line)
            opened[-1][1] = len(out)
            continue
        if PLAN.match(line):
            indent = re.match(r'\s*', line).group()
            while opened and len(opened[-1][0]) > len(indent):
                opened.pop()
            if opened and opened[-1][1] is not None:
                out.insert(opened[-1][1], line)
                opened[-1][1] = None
                continue
        result = RESULT.match(line)
        if result and not re.search(r' # (SKIP|skip)', line):
            line = line.replace('#', 'nr ')
        elif result:
            line = re.sub(r' # skip', ' # SKIP', line)
        out.append(line)
    return out


def walk(test, names, result):
    """Collect what failed or was skipped among the leaves of a parsed test."""
    status = test.status.name
    if test.subtests:
        for sub in test.subtests:
            walk(sub, names + [sub.name or '(planned, but did not run)'], result)
        if test.expected_count is None:
            result.problems.append(f"no plan in '{'.'.join(names) or 'main'}'")
        bad = any(not sub.ok_status() for sub in test.subtests)
        if names and status == 'FAILURE' and not bad:
            result.failures.append(('.'.join(names), test.log))
            result.failed += 1
    elif status == 'SUCCESS':
        result.passed += 1
    elif status == 'SKIPPED':
        result.skipped += 1
        result.skips.append('.'.join(names))
    else:
        result.failed += 1
        result.failures.append(('.'.join(names) or 'main', test.log))


def count(text):
    """Parse a whole stream and return its Result."""
    parser, said = load_parser()
    result = Result()
    try:
        test = parser.parse_run_tests(normalise(text.splitlines()))
    except ValueError as e:     # it went past the end, looking for more
        result.problems.append(f'the stream is cut short: {e}')
        return result
    if not test.subtests:
        result.problems.append('no test results at all')
        return result
    walk(test, [], result)
    errors = [line.split('[ERROR] ', 1)[1]
              for line in said.getvalue().splitlines() if '[ERROR]' in line]
    result.problems += dict.fromkeys(errors)
    if re.search(r'^\s*Bail out!', text, re.M):
        result.problems.append('the tests gave up: ' +
                               re.search(r'Bail out!.*', text).group())
    counts = test.counts
    if not result.failed and (counts.failed or counts.crashed):
        result.problems.append(f'the parser counts otherwise: {counts}')
    return result


class Stream:
    """Prints KTAP to standard output, one test after the other.

    The plan is printed first when the number of tests is known, else last.
    """

    def __init__(self, plan=None, out=sys.stdout):
        self.out = out
        self.number = 0
        self.failed = 0
        self.plan = plan
        print('KTAP version 1', file=out)
        if plan is not None:
            print(f'1..{plan}', file=out, flush=True)

    def test(self, name, problems=(), log=()):
        """Report one test: passed if there are no problems."""
        self.number += 1
        for line in list(problems) + list(log):
            print(f'# {line}', file=self.out)
        self.failed += bool(problems)
        print(f'{"not ok" if problems else "ok"} {self.number} {name}',
              file=self.out, flush=True)

    def skip(self, name, reason):
        """Report one that was not run."""
        self.number += 1
        print(f'ok {self.number} {name} # SKIP {reason}', file=self.out,
              flush=True)

    def finish(self):
        """Print the plan if it is still missing; return the exit status."""
        if self.plan is None:
            print(f'1..{self.number}', file=self.out, flush=True)
        return 1 if self.failed or not self.number else 0
