# SPDX-License-Identifier: GPL-2.0
"""What is in the guest beside its kernel: programs, files, the command."""

import os
import pathlib
import shlex
import shutil
import subprocess

from . import VM_DIR, VmError
from .closure import Programs
from .initramfs import Tree

FOLDERS = ("/dev", "/proc", "/sys", "/etc", "/root", "/run", "/var/log",
           "/mnt", "/home")
KMOD = ("modprobe", "insmod", "rmmod", "lsmod", "modinfo", "depmod")
TERMINFO = (pathlib.Path("/lib/terminfo"), pathlib.Path("/usr/share/terminfo"))
PASSWD = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n"
GROUP = "root:x:0:\nnogroup:x:65534:\n"


def host_program(name):
    """Path of a program of the host, installed first if need be."""
    found = shutil.which(name)
    if found is None:
        subprocess.run([VM_DIR.parent / "deps", "vm"], check=False,
                       stdin=subprocess.DEVNULL)
        found = shutil.which(name)
        if found is None:
            raise VmError(f"there is no program '{name}' on the host")
    return found


class GuestRoot:
    """Builds the tree of the guest's root file system."""

    def __init__(self, nonce):
        self.tree = Tree()
        self._programs = Programs(self.tree)
        self._base(nonce)

    def _base(self, nonce):
        for folder in FOLDERS:
            self.tree.directory(folder)
        self.tree.directory("/tmp", 0o1777)
        self.tree.character_device("/dev/console", 5, 1)
        busybox = host_program("busybox")
        self.tree.file("/usr/bin/busybox", busybox, 0o755)
        # One that was linked dynamically will do as well.
        self._programs.add_needed(busybox)
        applets = subprocess.run([busybox, "--list"], check=True,
                                 capture_output=True, text=True).stdout
        for applet in applets.split():
            if applet not in ("busybox", "sh"):
                self.tree.symlink(f"/usr/bin/{applet}", "busybox")
        # The distribution's own shell: busybox's prefers its applets to what
        # is in the PATH, and its modprobe is not the one that users have.
        self._programs.add(host_program("dash"), "/usr/bin/sh")
        kmod = pathlib.Path(host_program("depmod")).resolve()
        self._programs.add(kmod, "/usr/bin/kmod")
        for name in KMOD:
            self.tree.symlink(f"/usr/bin/{name}", "kmod")
        # The distribution's busybox has no flock.
        self._programs.add(host_program("flock"), "/usr/bin/flock")
        self.tree.file("/init", VM_DIR / "guest/init", 0o755)
        self.tree.file("/usr/bin/host", VM_DIR / "guest/host", 0o755)
        self.tree.text("/etc/passwd", PASSWD)
        self.tree.text("/etc/group", GROUP)
        self.tree.text("/etc/vm/nonce", nonce + "\n", 0o400)

    def add(self, argument):
        """HOSTPATH or HOSTPATH:GUESTPATH; a guest path that ends in a slash
        is the folder to put it into."""
        source, guest = argument, ""
        if not os.path.exists(argument):
            source, _, guest = argument.rpartition(":")
        if not guest:
            guest = "/root/"
        if not guest.startswith("/"):
            raise VmError(f"--add {argument}: the guest's path must be "
                          "absolute")
        if not os.path.exists(source):
            raise VmError(f"--add {argument}: no such file")
        if guest.endswith("/"):
            guest += os.path.basename(os.path.realpath(source)
                                      if source.endswith("/") else source)
        if guest.split("/")[1] in ("dev", "proc", "sys"):
            raise VmError(f"--add {argument}: hidden by a file system of the "
                          "guest's kernel")
        self._programs.add(source, guest)

    def add_script(self, script):
        """The file to run; returns the words that run it in the guest."""
        if not os.path.isfile(script):
            raise VmError(f"{script}: no such script or program")
        guest = "/root/" + os.path.basename(script)
        self.add(f"{script}:{guest}")
        with open(script, "rb") as f:
            head = f.read(4)
        if head.startswith(b"#!") or head == b"\x7fELF":
            self.tree.file(guest, script, 0o755)
            return [guest]
        return ["/bin/sh", guest]

    def add_text(self, text):
        """Shell commands; returns the words that run them in the guest."""
        self.tree.text("/root/commands", text)
        return ["/bin/sh", "/root/commands"]

    def add_terminal_shell(self):
        """A shell with line editing; returns the words that run it."""
        self._programs.add(host_program("bash"), "/bin/bash")
        name = os.environ.get("TERM", "")
        for database in TERMINFO:
            entry = database / name[:1] / name
            if name and entry.is_file():
                self.tree.file(f"/usr/lib/terminfo/{name[0]}/{name}", entry)
                break
        return ["/bin/bash", "-l"]

    def set_command(self, words, environment, terminal):
        """What init is to run: it reads this file into its shell."""
        lines = []
        if self._programs.library_dirs:
            environment = [("LD_LIBRARY_PATH",
                            ":".join(self._programs.library_dirs)),
                           *environment]
        for name, value in environment:
            lines.append(f"export {name}={shlex.quote(value)}")
        lines += ["run_command()", "{"]
        if terminal:
            self.tree.text("/etc/vm/terminal", "")
            term = os.environ.get("TERM", "vt100")
            lines += [f"\texport TERM={shlex.quote(term)}",
                      f"\tstty rows {terminal.size.lines} "
                      f"cols {terminal.size.columns}",
                      f"\tsetsid -c {shlex.join(words)}"]
        else:
            lines += [f"\tsetsid {shlex.join(words)}"]
        lines += ["}", ""]
        self.tree.text("/etc/vm/command", "\n".join(lines))
