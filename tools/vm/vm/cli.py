# SPDX-License-Identifier: GPL-2.0
"""The command line of tools/vm/run."""

import argparse
import os
import pathlib
import secrets
import shlex
import signal
import subprocess
import sys

from . import VmError
from .guestroot import GuestRoot
from .kernel import Kernel, project_modules
from .machine import Boot, die_with_parent
from .nested import run_nested
from .qmp import QmpError
from .session import BROKEN, PANIC, SPLAT, TIMEOUT, VANISHED, run_machine
from .terminal import Left, Terminal

DEFAULT_TIMEOUT = 600

DESCRIPTION = """\
Boots a virtual machine with the project's device and modules, runs SCRIPT as
root in it and exits with its status.  SCRIPT is a file of the host: a shell
script, or any program.  Without one, commands are read from stdin, or the
terminal gets a shell (Ctrl-] leaves it)."""

EPILOG = f"""\
exit status: that of SCRIPT, or
  {PANIC}  the guest's kernel panicked
  {VANISHED}  the guest was gone before SCRIPT had ended
  {SPLAT}  SCRIPT ended, but the kernel logged a warning, a BUG or the like
  {TIMEOUT}  SCRIPT did not end in time
  {BROKEN}  the machine could not be run

'host help' in the guest lists what it can ask the host.  PVMEMCONTROL_QEMU
names another QEMU to use.  See tools/vm/README.md."""


def _parser():
    parser = argparse.ArgumentParser(
        prog="tools/vm/run", description=DESCRIPTION, epilog=EPILOG,
        usage="tools/vm/run [OPTION]... [SCRIPT [ARGUMENT]...]",
        formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("-c", metavar="COMMANDS", dest="commands",
        help="run these shell commands instead of a SCRIPT")
    add("--memory", default="2G", metavar="SIZE", help="default 2G")
    add("--cpus", type=int, default=2, metavar="N", help="default 2")
    add("--numa", type=int, default=1, metavar="N",
        help="split memory and CPUs among N nodes")
    add("--ram", action="append", metavar="KIND[,KEY=VALUE]...",
        help="backing of the guest's memory: anon (the default), memfd "
             "(shared), hugetlb (huge pages of 2 MiB, reserved for the run "
             "if the host has none free) or file (a private mapping of a file "
             "that is full of data); with properties of the QEMU memory "
             "backend.  Repeated: the next for the next NUMA node")
    add("--kernel", default="stock", metavar="NAME",
        help="a name that tools/vm/kernel knows, a folder as it prints, or a "
             "bzImage (default: stock)")
    add("--append", action="append", default=[], metavar="ARGUMENTS",
        help="add to the kernel's command line")
    add("--kaslr", action="store_true",
        help="let the kernel unpack and place itself, as a boot loader does: "
             "random addresses, 3 s more")
    add("--modules", metavar="DIR",
        help="install the .ko files under DIR, or 'none', instead of those "
             "of core/ and consumers/")
    add("--add", action="append", default=[], metavar="FILE[:GUESTPATH]",
        help="put a file or folder into the guest (default: into /root), "
             "with the libraries that it needs")
    add("--add-kernel", action="store_true",
        help="put the kernel's image into the guest: /boot/vmlinuz")
    add("--outlives-panic", action="store_true",
        help="a panic is not the end: another kernel takes over")
    add("--env", action="append", default=[], metavar="NAME=VALUE",
        help="set a variable in the guest")
    add("--device", action="append", default=[], metavar="KEY=VALUE,...",
        help="add properties to the pvmemcontrol device")
    add("--no-device", action="store_true",
        help="leave the pvmemcontrol device out")
    add("--one-thread", action="store_true",
        help="emulate the CPUs in turn: for what has kernel code patched\n"
             "while other CPUs run it (see tools/vm/README.md)")
    add("--accel", choices=("auto", "tcg", "kvm"), default="auto",
        help="auto: KVM where it really works, else TCG")
    add("--movable", action="store_true",
        help="let 'host move' in the guest take it to another QEMU, and 'host "
             "power-on' switch it on again")
    add("--disk", metavar="SIZE",
        help="an empty virtio disk, which is there as long as the run: "
             "/dev/vda when virtio_blk is loaded")
    add("--kvm", action="store_true",
        help="run the guest under KVM in another, emulated guest")
    add("--outer-kernel", default="6.12", metavar="NAME",
        help="with --kvm, the kernel of the other guest, which is the host of "
             "this one; as for --kernel (default: 6.12)")
    add("--no-tracefs", action="store_true",
        help="with --kvm, a host on which QEMU may not trace KVM")
    add("--qemu", action="append", default=[], metavar="ARGUMENTS",
        help="add to QEMU's command line: --qemu='-device edu'")
    add("--timeout", type=float, metavar="SECONDS",
        help=f"default {DEFAULT_TIMEOUT}; 0, and with a terminal: none; for "
             "a kernel that checks memory, several times that")
    add("--console", metavar="FILE", help="copy the serial console to FILE")
    add("--results", metavar="DIR",
        help="make this folder of the host /results in the guest, writable")
    add("--allow-splat", action="store_true",
        help="let a complaint in the kernel's log pass")
    add("--expect-splat", action="append", default=[], metavar="REGEX",
        help="let those pass that this matches, from the start on and over "
             "lines")
    add("--verbose", action="store_true",
        help="show QEMU's command line and the console on stderr")
    add("command", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


def _parse(argv):
    parser = _parser()
    options = parser.parse_args(argv)
    if options.command[:1] == ["--"]:
        del options.command[0]
    if options.cpus < 1 or options.numa < 1:
        parser.error("--cpus and --numa count from 1")
    if options.kvm and options.accel == "tcg":
        parser.error("--kvm is not TCG")
    if options.no_tracefs and not options.kvm:
        parser.error("--no-tracefs is about the host that --kvm makes")
    if options.commands is not None and options.command:
        parser.error("either -c or a SCRIPT")
    options.append = [w for a in options.append for w in a.split()]
    options.qemu = [w for a in options.qemu for w in shlex.split(a)]
    # What only nested guests have otherwise.
    options.guest_name = "the guest"
    options.cpu_features = ""
    options.shares = []
    options.nested = False
    options.env = [e.partition("=")[::2] for e in options.env]
    for name, _ in options.env:
        if not name.isidentifier():
            parser.error(f"--env: '{name}' is no name")
    if options.results:
        folder = pathlib.Path(options.results)
        folder.mkdir(parents=True, exist_ok=True)
        options.results = folder.resolve()
    return options


def _initramfs(options, nonce, kernel, terminal):
    root = GuestRoot(nonce)
    extra = [] if options.modules == "none" else \
        project_modules(options.modules)
    kernel.install(root.tree, extra)
    if options.add_kernel:
        root.tree.file("/boot/vmlinuz", kernel.image)
    if options.results:
        root.tree.directory("/results")
    for argument in options.add:
        root.add(argument)
    if terminal:
        words = root.add_terminal_shell()
    elif options.command:
        words = root.add_script(options.command[0]) + options.command[1:]
    else:
        words = root.add_text(sys.stdin.read() if options.commands is None
                              else options.commands)
    root.set_command(words, options.env, terminal)
    # A file without a name, which QEMU inherits.
    image = os.fdopen(os.memfd_create("initramfs"), "wb")
    root.tree.write(image)
    return image


def _run(argv):
    options = _parse(argv)
    terminal = None
    if options.commands is None and not options.command and \
            os.isatty(0) and os.isatty(1):
        terminal = Terminal()
    if options.timeout is None:
        options.timeout = 0 if terminal else DEFAULT_TIMEOUT
    nonce = secrets.token_hex(16)
    kernel = Kernel.find(options.kernel)
    options.slowness = kernel.slowness
    options.timeout *= kernel.slowness
    if kernel.slowness > 1:
        options.env.append(("SLOWNESS", str(kernel.slowness)))
    with _initramfs(options, nonce, kernel, terminal) as image:
        boot = Boot(kernel.boot_image(options.kaslr), kernel.modules, image)
        run = run_nested if options.kvm else run_machine
        return run(options, boot, nonce, terminal)


def _stop(number, _frame):
    raise SystemExit(128 + number)


def main(argv):
    """Returns the exit status."""
    die_with_parent(signal.SIGTERM)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    os.environ["PATH"] = os.environ.get("PATH", "/usr/bin:/bin") + \
        ":/usr/sbin:/sbin"
    try:
        return _run(argv)
    except (VmError, QmpError, OSError,
            subprocess.CalledProcessError) as error:
        if isinstance(error, BrokenPipeError):
            return 128 + signal.SIGPIPE
        print(f"vm: {error}", file=sys.stderr)
        return BROKEN
    except Left:
        return 0
