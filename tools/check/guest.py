# SPDX-License-Identifier: GPL-2.0
"""Guest scripts that say at their top what they need: builds it, and makes the
command that runs them.

Each of these lines may be repeated, and may have several words:

    # vm: --memory 4G --cpus 2      options for tools/vm/run
    # add: PROGRAM                  tools/vm/programs/PROGRAM.c, built static,
                                    in the guest as /bin/PROGRAM
    # add32: PROGRAM                the same as a 32-bit program: /bin/PROGRAM32
    # module: NAME                  the module in tools/vm/modules/NAME, in the
                                    guest as /lib/test-modules/NAME.ko
"""

import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from ktap import ROOT
from sources import kernel_dir

VM = ROOT / 'tools/vm'
HEADER = re.compile(r'^# (vm|add|add32|module):\s*(.*)$')


class BuildError(Exception):
    """What a script needs cannot be built: the compiler's words."""


@dataclass
class Script:
    path: Path
    options: list = field(default_factory=list)     # for tools/vm/run
    programs: list = field(default_factory=list)    # (name, bits)
    modules: list = field(default_factory=list)

    @classmethod
    def read(cls, path):
        script = cls(path)
        for line in path.read_text(encoding='utf-8').splitlines():
            if not line.startswith('#'):
                break
            match = HEADER.match(line)
            if not match:
                continue
            words = shlex.split(match.group(2))
            if match.group(1) == 'vm':
                script.options += words
            elif match.group(1) == 'module':
                script.modules += words
            else:
                bits = 32 if match.group(1) == 'add32' else 64
                script.programs += [(name, bits) for name in words]
        return script


def run_quietly(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.STDOUT, errors='backslashreplace',
                          stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise BuildError(f'{shlex.join(map(str, command))}\n{done.stdout}')


def build_program(name, bits):
    """Compile a program for the guest; return its path here."""
    source = VM / 'programs' / f'{name}.c'
    if not source.exists():
        raise BuildError(f'there is no tools/vm/programs/{name}.c')
    output = ROOT / 'build/programs' / (name + ('32' if bits == 32 else ''))
    output.parent.mkdir(parents=True, exist_ok=True)
    run_quietly(['gcc', '-O2', '-static', '-Wall', '-Wextra', '-Werror',
                 '-pthread', f'-m{bits}', '-I', ROOT / 'include/uapi',
                 '-o', output, source])
    return output


def build_module(name):
    """Build a module of tools/vm/modules against the headers and our API."""
    source = VM / 'modules' / name
    if not source.is_dir():
        raise BuildError(f'there is no tools/vm/modules/{name}')
    folder = ROOT / 'build/test-modules' / name
    shutil.copytree(source, folder, dirs_exist_ok=True,
                    ignore=shutil.ignore_patterns('.*', '*.o', '*.ko', '*.mod*'))
    command = ['make', '-s', '-C', kernel_dir(), f'M={folder}',
               f'KCFLAGS=-I{ROOT}/include', 'KBUILD_MODPOST_WARN=']
    # make takes it for current when only the symbols it was made from change.
    (folder / 'Module.symvers').unlink(missing_ok=True)
    symbols = ROOT / 'Module.symvers'
    if symbols.exists():
        command.append(f'KBUILD_EXTRA_SYMBOLS={symbols}')
    run_quietly(command + ['modules'])
    return folder / f'{name}.ko'


def command_of(script):
    """Build what is needed; return the command that runs the script."""
    add = [f'{VM}/scenarios/lib/ktap.sh:/lib/ktap.sh']
    for name, bits in script.programs:
        built = build_program(name, bits)
        add.append(f'{built}:/bin/{built.name}')
    for name in script.modules:
        built = build_module(name)
        add.append(f'{built}:/lib/test-modules/{name}.ko')
    command = [str(VM / 'run')]
    for item in add:
        command += ['--add', item]
    return command + script.options + [str(script.path)]
