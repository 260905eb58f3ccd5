# SPDX-License-Identifier: GPL-2.0
"""A guest under real KVM, on a machine that need not have any: in an outer
guest, whose emulated CPU can virtualize (AMD SVM), runs a QEMU with KVM, and in
it the guest.

The outer guest gets the very runner that would run the guest here, so that
everything about a run is the same, seen from inside and from outside; the host
that the guest asks is then the outer guest.  See inner.py for that side."""

import copy
import json
import os
import pathlib
import py_compile
import secrets
import subprocess
import sys

from . import CHECKOUT, VM_DIR, VmError
from .guestroot import GuestRoot
from .inner import FOLDER, IMAGE, INITRAMFS, MODULES, OPTIONS, QEMU
from .kernel import Kernel
from .machine import MIB, Boot, find_qemu, parse_size
from .session import run_machine

KVM_MODULE = "kvm_amd"
# The outer guest's own: its kernel, files, and what QEMU has beside the guest.
MEMORY = 1280 * MIB
# Until the inner machine starts, and after it has ended.
MORE_SECONDS = 120

LIST_MODULES = """
import sys
sys.path.insert(0, sys.argv[1])
import vm.inner, encodings.ascii, encodings.latin_1, traceback
for module in list(sys.modules.values()):
    if getattr(module, "__file__", None):
        print(module.__file__)
"""
# Without site-packages and the user's environment.
PYTHON_FLAGS = ("-I", "-S", "-B")


def _python_files():
    """Files of all Python modules that the runner in the outer guest uses."""
    done = subprocess.run([sys.executable, *PYTHON_FLAGS, "-c", LIST_MODULES,
                           VM_DIR], check=True, stdout=subprocess.PIPE,
                          text=True)
    return sorted(set(map(pathlib.Path, done.stdout.splitlines())))


def _compiled(source):
    """The module in the form that Python need not compile: the emulated CPU
    would take seconds.  Kept in build/."""
    done = CHECKOUT / "build/vm/python" / f"{source}c".lstrip("/")
    if not done.exists() or done.stat().st_mtime <= source.stat().st_mtime:
        done.parent.mkdir(parents=True, exist_ok=True)
        py_compile.compile(str(source), cfile=str(done), doraise=True)
    return done


def _add_python(root):
    """Puts Python and the runner to where they are on the host."""
    root.add(f"{sys.executable}:{sys.executable}")
    for source in _python_files():
        if source.suffix == ".py":
            root.add(f"{_compiled(source)}:{source}c")
        else:
            root.add(f"{source}:{source}")


def _inner_options(options):
    """The options as the runner in the outer guest gets them."""
    inner = copy.copy(options)
    inner.accel = "kvm"
    inner.nested = True
    inner.results = "/results" if options.results else None
    # It comes out on the outer guest's console.
    inner.console = "/dev/console" if options.console else None
    return inner


def _outer_options(options):
    """Those of the machine that the outer guest is."""
    outer = copy.copy(options)
    outer.guest_name = "the outer guest"
    outer.kernel = options.outer_kernel
    outer.accel = "tcg"
    # The emulated CPU does not let the host see what its guest does to XCR0.
    outer.cpu_features = ",+svm,-xsave"
    outer.no_device = True
    outer.memory = f"{(parse_size(options.memory) + MEMORY) // MIB}M"
    # KVM patches its code while its CPUs run it; see tools/vm/README.md for
    # what emulated CPUs make of that if there are several.
    outer.cpus = 1
    outer.numa = 1
    outer.ram = None
    outer.kaslr = False
    # There is nothing to be protected from, and it costs time in each exit.
    outer.append = ["mitigations=off"]
    outer.qemu = []
    if options.timeout:
        outer.timeout = options.timeout + MORE_SECONDS
    return outer


def _initramfs(options, boot, kernel, nonce, inner_nonce, terminal):
    root = GuestRoot(nonce)
    kernel.install(root.tree, [], [KVM_MODULE])
    _add_python(root)
    qemu = pathlib.Path(find_qemu())
    root.add(f"{qemu}:{qemu}")
    firmware = qemu.parent.parent / "share/qemu"
    if firmware.is_dir():
        root.add(f"{firmware}:{firmware}")
    for folder in (FOLDER, f"{FOLDER}/{MODULES}", "/run/lock"):
        root.tree.directory(folder)
    if options.results:
        root.tree.directory("/results")
    root.tree.file(f"{FOLDER}/{IMAGE}", boot.image)
    root.tree.file(f"{FOLDER}/{INITRAMFS}",
                   f"/proc/self/fd/{boot.initramfs.fileno()}")
    root.tree.text(f"{FOLDER}/{OPTIONS}", json.dumps(
        dict(vars(_inner_options(options)), nonce=inner_nonce,
             has_modules=bool(boot.modules), terminal=bool(terminal)),
        default=str))
    start = f"import sys; sys.path.insert(0, {str(VM_DIR)!r}); " \
            "from vm.inner import main; sys.exit(main())"
    root.set_command([sys.executable, *PYTHON_FLAGS, "-c", start],
                     [(QEMU, str(qemu))], terminal)
    image = os.fdopen(os.memfd_create("outer-initramfs"), "wb")
    root.tree.write(image)
    return image


def run_nested(options, boot, inner_nonce, terminal):
    """Runs the machine in the outer guest; returns the exit status, which is
    that of the inner run unless the outer guest itself fails."""
    kernel = Kernel.find(options.outer_kernel)
    if kernel.modules is None:
        raise VmError(f"--outer-kernel {options.outer_kernel}: without modules "
                      "there is no KVM")
    nonce = secrets.token_hex(16)
    outer = _outer_options(options)
    if boot.modules:
        outer.shares = [(MODULES, boot.modules)]
    with _initramfs(options, boot, kernel, nonce, inner_nonce,
                    terminal) as image:
        return run_machine(
            outer, Boot(kernel.boot_image(False), kernel.modules, image),
            nonce, terminal)
