# SPDX-License-Identifier: GPL-2.0
"""Guest scripts that say at their top what they need: builds it, and makes the
command that runs them.

Each of these lines may be repeated, and may have several words:

    # vm: --memory 4G --cpus 2      options for tools/vm/run
    # vm-stock: --append quiet      the same, if the kernel is the distribution's
    # add: PROGRAM                  tools/vm/programs/PROGRAM.c, built static,
                                    in the guest as /bin/PROGRAM
    # add32: PROGRAM                the same as a 32-bit program: /bin/PROGRAM32
    # tool: NAME                    the program in tools/NAME, in the guest as
                                    /bin/NAME
    # module: NAME                  the module in tools/vm/modules/NAME, in the
                                    guest as /lib/test-modules/NAME.ko
    # sample: NAME                  the module in tools/samples/NAME, built
                                    outside of the checkout with what `make
                                    install` puts in place; also there
    # make: COMMAND                 run in the checkout, before anything else:
                                    makes what one of the options names
    # tier: kvm-6.12 kvm-6.1        run it in this tier too: under KVM, on a
                                    host with such a kernel
    # tier: debug                   run it in this tier too: with the kernel
                                    debug (tools/vm/kernels)
    # tier: kernels                 run it in this tier too: with each of the
                                    kernels that are tested beside the first
    # tier: only kvm-6.1            and nowhere else
    # not-with: debug REASON        it cannot be run with this kernel: skipped

A script that has lines of this kind must end in a panic of the guest's kernel,
in the last lines of whose console each of them is found:

    # panic: REGEX
"""

import re
import shlex
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from ktap import ROOT
from target import VM, BuildError, Checkout, kernel_dir, run_quietly

HEADER = re.compile(r'^# (vm|vm-stock|make|add|add32|tool|module|sample|tier|'
                    r'not-with|panic):\s*(.*)$')
# The kernels of hosts in the kvm tier: one that says where a guest's memory
# fault was, and one that does not.
OUTER_KERNELS = ('6.12', '6.1')
KVM_TIERS = {f'kvm-{name}': name for name in OUTER_KERNELS}
# Kernels that scenarios are chosen for.
KERNEL_TIERS = ('debug', 'kernels')


@dataclass
class Script:
    path: Path
    options: list = field(default_factory=list)     # for tools/vm/run
    stock_options: list = field(default_factory=list)
    programs: list = field(default_factory=list)    # (name, bits)
    tools: list = field(default_factory=list)
    modules: list = field(default_factory=list)
    samples: list = field(default_factory=list)
    make: list = field(default_factory=list)        # commands
    tiers: list = field(default_factory=list)       # or 'only'
    not_with: dict = field(default_factory=dict)    # kernel: reason
    panic: list = field(default_factory=list)       # patterns

    @classmethod
    def read(cls, path):
        script = cls(path)
        for line in path.read_text(encoding='utf-8').splitlines():
            if not line.startswith('#'):
                break
            match = HEADER.match(line)
            if not match:
                continue
            if match.group(1) == 'panic':
                script.panic.append(match.group(2))
                continue
            words = shlex.split(match.group(2))
            if match.group(1) == 'make':
                script.make.append(words)
            elif match.group(1) == 'vm':
                script.options += words
            elif match.group(1) == 'vm-stock':
                script.stock_options += words
            elif match.group(1) == 'module':
                script.modules += words
            elif match.group(1) == 'sample':
                script.samples += words
            elif match.group(1) == 'tool':
                script.tools += words
            elif match.group(1) == 'tier':
                script.tiers += words
            elif match.group(1) == 'not-with':
                if len(words) < 2:
                    raise ValueError(f'{path}: not-with takes a kernel and '
                                     'the reason')
                script.not_with[words[0]] = ' '.join(words[1:])
            else:
                bits = 32 if match.group(1) == 'add32' else 64
                script.programs += [(name, bits) for name in words]
        unknown = set(script.tiers) - {*KVM_TIERS, *KERNEL_TIERS, 'only'}
        if unknown:
            raise ValueError(f'{path}: no tier {" ".join(unknown)}')
        return script

    def is_for(self, kernel):
        """Whether to run it with this kernel, the stock one without a name."""
        return 'only' not in self.tiers or kernel in self.tiers


def build_program(name, bits, target):
    """Compile a program for the guest; return its path here."""
    source = VM / 'programs' / f'{name}.c'
    if not source.exists():
        raise BuildError(f'there is no tools/vm/programs/{name}.c')
    output = target.output / 'programs' / (name + ('32' if bits == 32 else ''))
    output.parent.mkdir(parents=True, exist_ok=True)
    run_quietly(['gcc', '-O2', '-static', '-Wall', '-Wextra', '-Werror',
                 '-pthread', f'-m{bits}', '-I', ROOT / 'include/uapi',
                 '-o', output, source])
    return output


def build_tool(name):
    """Build a program that has a folder and a Makefile of its own."""
    output = ROOT / 'build' / name
    run_quietly(['make', '-s', '--no-print-directory', '-C',
                 ROOT / 'tools' / name, f'O={output}'])
    return output / name


def build_sample(name, target):
    """Build a sample as somebody who has only what is installed."""
    source = ROOT / 'tools/samples' / name
    if not source.is_dir():
        raise BuildError(f'there is no tools/samples/{name}')
    output = target.output / 'test-modules' / f'{name}.ko'
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        elsewhere = Path(folder, name)
        shutil.copytree(source, elsewhere)
        # Nothing but this folder may be there for another kernel's kbuild.
        installed = elsewhere / 'installed'
        kernel = kernel_dir()
        run_quietly(['make', '-s', '-C', ROOT, 'headers_install',
                     f'DESTDIR={installed}', 'PREFIX=/usr',
                     f'KERNELDIR={kernel}'])
        symbols, = installed.glob('lib/modules/*/pvmemcontrol/Module.symvers')
        variables = ['PVMEMCONTROL_INCLUDE='
                     f'{installed}/usr/include/pvmemcontrol',
                     'KCFLAGS=-Werror']
        if target.kernel == 'stock':
            command = ['make', '-s', '-C', elsewhere, f'KERNELDIR={kernel}',
                       f'PVMEMCONTROL_SYMVERS={symbols}']
        else:
            shutil.copy(target.api / 'Module.symvers', symbols)
            command = [VM / 'kernel-make', target.kernel, '-s',
                       f'M={elsewhere}', f'KBUILD_EXTRA_SYMBOLS={symbols}',
                       'modules']
        run_quietly(command + variables)
        shutil.copy(elsewhere / f'{name}.ko', output)
    return output


def command_of(script, outer_kernel=None, target=Checkout()):
    """Build what is needed; return the command that runs the script, under
    KVM on a host that has the outer kernel if that is given."""
    for words in script.make:
        run_quietly(words)
    add = [f'{VM}/scenarios/lib/ktap.sh:/lib/ktap.sh']
    for name, bits in script.programs:
        built = build_program(name, bits, target)
        add.append(f'{built}:/bin/{built.name}')
    for name in script.tools:
        add.append(f'{build_tool(name)}:/bin/{name}')
    for name in script.modules:
        built = target.module(name)
        add.append(f'{built}:/lib/test-modules/{name}.ko')
    for name in script.samples:
        add.append(f'{build_sample(name, target)}:/lib/test-modules/{name}.ko')
    command = [str(VM / 'run'), *target.options]
    if outer_kernel:
        command += ['--kvm', '--outer-kernel', outer_kernel]
    for item in add:
        command += ['--add', item]
    command += script.options
    if target.is_stock:
        command += script.stock_options
    return command + [str(script.path)]
