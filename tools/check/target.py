# SPDX-License-Identifier: GPL-2.0
"""A kernel that guests run, and the modules that are built for it.

The first is the distribution's, with the modules of the checkout itself.  For
any other everything is built in a copy below build/kernels, so that there may
be many, and runs with different kernels do not meet.
"""

import fcntl
import os
import shutil
import subprocess

from files import relative, tracked
from ktap import ROOT

VM = ROOT / 'tools/vm'
FOLDERS = ('core', 'consumers', 'include')
TEST_MODULES = VM / 'modules'
JOBS = len(os.sched_getaffinity(0))


class BuildError(Exception):
    """Something cannot be built, or had: the words of who could not."""


def read_by_kbuild(*folders):
    """The files in these folders of the checkout that a build reads."""
    return [f for f in tracked(*folders)
            if f.suffix in ('.c', '.h', '.S') or
            f.name in ('Kbuild', 'Makefile', 'Kconfig')]


def run_quietly(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=ROOT,
                          stderr=subprocess.STDOUT, errors='backslashreplace',
                          stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise BuildError(f'{" ".join(map(str, command))}\n{done.stdout}')


def kernel_dir():
    """The headers of the kernel that guests run first."""
    done = subprocess.run(['make', '-s', '--no-print-directory', '-C', ROOT,
                           'print-guest-kerneldir'], check=True, text=True,
                          stdout=subprocess.PIPE)
    return done.stdout.strip()


def is_stock(name):
    """Whether tools/vm/kernel means the distribution's kernel by that."""
    return name in ('stock', '6.1')


class Checkout:
    """The distribution's kernel, for which `make guest-modules` builds."""

    kernel = 'stock'
    is_stock = True
    options = ()                # for tools/vm/run
    output = ROOT / 'build'     # what is built for tests alone
    api = ROOT                  # where include/ and Module.symvers are

    def prepare(self, names):
        """These modules of the tests will be asked for."""
        run_quietly(['make', '-s', '-C', ROOT, 'guest-modules'])

    def module(self, name):
        """Build a module of the tests; return its path."""
        source = TEST_MODULES / name
        if not source.is_dir():
            raise BuildError(f'there is no {relative(source)}')
        folder = self.output / 'test-modules' / name
        shutil.copytree(source, folder, dirs_exist_ok=True,
                        ignore=shutil.ignore_patterns('.*', '*.o', '*.ko',
                                                      '*.mod*'))
        run_quietly(self._make(folder) + ['modules'])
        return folder / f'{name}.ko'

    def _make(self, folder):
        """The command that builds modules of the tests."""
        command = [VM / 'kernel-make', self.kernel, '-s', f'M={folder}',
                   f'-j{JOBS}',
                   f'KCFLAGS=-I{self.api}/include -I{self.api}',
                   'KBUILD_MODPOST_WARN=']
        # make takes it for current when only the symbols it was made from
        # change.
        (folder / 'Module.symvers').unlink(missing_ok=True)
        symbols = self.api / 'Module.symvers'
        if symbols.exists():
            command.append(f'KBUILD_EXTRA_SYMBOLS={symbols}')
        return command


class Target(Checkout):
    """Another kernel, by a name that tools/vm/kernel knows."""

    def __init__(self, name):
        self.kernel = name
        self.is_stock = is_stock(name)
        self.output = ROOT / 'build/kernels' / name
        self.api = self.output / 'modules'
        self.options = ()
        self._lock = None
        self._said = ''         # by the build of the tests' modules

    def build(self):
        """Build our modules.  Until this process ends, nobody else does."""
        self.output.mkdir(parents=True, exist_ok=True)
        self._lock = (self.output / 'lock').open('w')
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        places = subprocess.run([VM / 'kernel', '--headers', self.kernel],
                                stdout=subprocess.PIPE, text=True, check=False)
        if places.returncode:
            raise BuildError('it cannot be had')
        self._forget_others(places.stdout)
        mirror(self.api, ROOT, read_by_kbuild('Kbuild', *FOLDERS))
        run_quietly([VM / 'kernel-make', self.kernel, '-s', f'M={self.api}',
                     f'-j{JOBS}', 'modules'])
        self.options = ('--kernel', places.stdout.splitlines()[0],
                        '--modules', str(self.api))

    def prepare(self, names):
        """Build them all at once: starting kbuild takes longer than they do."""
        folder = self.output / 'test-modules'
        names = sorted({n for n in names if (TEST_MODULES / n).is_dir()})
        if not names:
            return
        mirror(folder, TEST_MODULES,
               read_by_kbuild(*(relative(TEST_MODULES / n)
                                for n in names)))
        for name in names:
            (folder / name / f'{name}.ko').unlink(missing_ok=True)
        lines = ''.join(f'obj-m += {n}/\n' for n in names)
        (folder / 'Kbuild').write_text(lines)
        try:
            run_quietly(self._make(folder) + ['-k', 'modules'])
        except BuildError as error:
            self._said = str(error)

    def module(self, name):
        built = self.output / 'test-modules' / name / f'{name}.ko'
        if not built.exists():
            raise BuildError(self._said or f'there is no module {name}')
        return built

    def _forget_others(self, places):
        """What was built for another kernel that had this name is useless."""
        stamp = self.output / 'kernel'
        if stamp.exists() and stamp.read_text() == places:
            return
        for name in ('modules', 'test-modules'):
            shutil.rmtree(self.output / name, ignore_errors=True)
        stamp.write_text(places)


def mirror(destination, origin, files):
    """Bring a copy of files up to date; what has not changed stays, and is not
    built again."""
    wanted = {destination / f.relative_to(origin): f for f in files}
    for old in destination.rglob('*.[chS]'):
        if old not in wanted and not old.name.endswith('.mod.c'):
            old.unlink()
    for target_file, source in wanted.items():
        target_file.parent.mkdir(parents=True, exist_ok=True)
        if not target_file.exists() or \
                target_file.read_bytes() != source.read_bytes():
            shutil.copyfile(source, target_file)


def target(name=None):
    """The target of that name, built; without a name the checkout's own."""
    if name is None:
        return Checkout()
    made = Target(name)
    made.build()
    return made
