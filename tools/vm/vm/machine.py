# SPDX-License-Identifier: GPL-2.0
"""The QEMU process: its command line, its sockets, its end."""

import collections
import ctypes
import fcntl
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading

from . import TOOLS, VmError
from .hostpages import HostPages
from .qmp import Qmp

PR_SET_PDEATHSIG = 1
KVM_GET_API_VERSION = 0xAE00
KVM_CREATE_VM = 0xAE01
KVM_API = 12
MIB = 1 << 20

# What a machine is started with: the image that QEMU is to enter, the folder of
# stock modules that the guest is to see, or None, and the open initramfs.
Boot = collections.namedtuple("Boot", "image modules initramfs")

# The guest's side of each is /dev/virtio-ports/NAME.
PORTS = ("out", "err", "kmsg", "verdict", "host")


def die_with_parent(sig):
    """Asks the kernel to signal this process when its parent is gone."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, sig, 0, 0, 0)


def find_qemu():
    """Path of the QEMU binary, built first if need be."""
    override = os.environ.get("PVMEMCONTROL_QEMU")
    if override:
        found = shutil.which(override)
        if found is None:
            raise VmError(f"PVMEMCONTROL_QEMU: no program {override}")
        return found
    built = subprocess.run([TOOLS / "qemu/build"], stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, text=True, check=False)
    lines = built.stdout.split("\n")
    if built.returncode or len(lines) < 2 or not os.path.isfile(lines[-2]):
        raise VmError("tools/qemu/build failed")
    return lines[-2]


def kvm_works():
    """The CPU must be capable, and a VM must come into being: the device
    node alone proves nothing."""
    try:
        flags = pathlib.Path("/proc/cpuinfo").read_text().split()
        if "vmx" not in flags and "svm" not in flags:
            return False
        kvm = os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        if fcntl.ioctl(kvm, KVM_GET_API_VERSION) != KVM_API:
            return False
        os.close(fcntl.ioctl(kvm, KVM_CREATE_VM, 0))
        return True
    except OSError:
        return False
    finally:
        os.close(kvm)


def parse_size(text):
    """Bytes, from a number with an optional suffix M or G."""
    unit = {"M": MIB, "G": 1 << 30}.get(text[-1:].upper())
    digits = text[:-1] if unit else text
    if not digits.isdigit() or int(digits) == 0:
        raise VmError(f"'{text}' is no size, such as 512M or 4G")
    return int(digits) * (unit or MIB)


BACKENDS = {
    "anon": "memory-backend-ram",
    "memfd": "memory-backend-memfd,share=on",
    "hugetlb": "memory-backend-memfd,share=on,hugetlb=on,hugetlbsize=2M",
    # Of a file in which no byte is zero.
    "file": "memory-backend-file,share=off",
}
FILE_BYTE = b"F"


def _full_file(size):
    """A descriptor of a file without a name, full of data."""
    fd = os.memfd_create("ram", 0)
    piece = FILE_BYTE * (16 * MIB)
    with os.fdopen(os.dup(fd), "wb") as file:
        for start in range(0, size, len(piece)):
            file.write(piece[:size - start])
    return fd


def _backend(ram):
    kind, _, properties = ram.partition(",")
    if kind not in BACKENDS:
        raise VmError(f"--ram {kind}: neither {', '.join(BACKENDS)}")
    return BACKENDS[kind] + ("," + properties if properties else "")


def _memory_arguments(options):
    """QEMU's arguments, how many bytes of huge pages they take of the host's
    pool, and the descriptors that QEMU has to inherit."""
    size = parse_size(options.memory)
    nodes = options.numa
    rams = options.ram or ["anon"]
    if len(rams) > nodes:
        raise VmError(f"--ram {rams[nodes]}: there is no NUMA node for it")
    arguments = ["-m", f"{size // MIB}M",
                 "-smp", f"{options.cpus},sockets={options.cpus}"]
    each = size // nodes // (128 * MIB) * (128 * MIB) if nodes > 1 else size
    if each == 0:
        raise VmError(f"--memory {options.memory} is too little for "
                      f"{nodes} NUMA nodes")
    huge = 0
    files = []
    for node in range(nodes):
        this = each if node < nodes - 1 else size - each * (nodes - 1)
        ram = rams[min(node, len(rams) - 1)]
        backend = f"{_backend(ram)},id=ram{node},size={this}"
        kind = ram.partition(",")[0]
        if kind == "hugetlb":
            huge += this
        if kind == "file":
            files.append(_full_file(this))
            backend += f",mem-path=/proc/self/fd/{files[-1]}"
        arguments += ["-object", backend]
        if nodes > 1:
            first = options.cpus * node // nodes
            last = options.cpus * (node + 1) // nodes - 1
            cpus = f",cpus={first}-{last}" if first <= last else ""
            arguments += ["-numa",
                          f"node,nodeid={node},memdev=ram{node}{cpus}"]
    return arguments, huge, files


def _device_arguments(options):
    # Each behind a root port of its own, so that devices can come and go.
    arguments = []
    for name, chassis in (("port0", 1), ("port1", 2)):
        arguments += ["-device", f"pcie-root-port,id={name},bus=pcie.0,"
                                 f"chassis={chassis},slot={chassis}"]
    if not options.no_device:
        properties = "".join("," + p for p in options.device)
        arguments += ["-device",
                      f"pvmemcontrol,id=pvmc0,bus=port0{properties}"]
    return arguments


class Machine:
    """A running QEMU.  Each of its sockets is one half of a socket pair, so
    nothing of it is left in any file system."""

    def __init__(self, options, boot, terminal):
        self._inherited = [boot.initramfs.fileno()]
        self._movable = options.movable
        self._moving = threading.Lock()         # held while QEMU is replaced
        self._power_on = None                   # called with the QMP connection
        self._disk_file = None
        self.sockets = {}
        memory_backend = ",memory-backend=ram0" if options.numa == 1 else ""
        accel = options.accel
        if accel == "auto":
            accel = "kvm" if kvm_works() else "tcg"
        memory, self._huge, files = _memory_arguments(options)
        self._inherited += files
        self._host_pages = HostPages()
        command = [
            find_qemu(), "-nodefaults", "-no-user-config", "-no-reboot",
            "-display", "none", "-name", "pvmemcontrol",
            # Identical pages are merged only if the guest asks for it.
            "-machine", f"q35,vmport=off,mem-merge=off{memory_backend}",
            *memory]
        if accel == "tcg":
            thread = "single" if options.one_thread else "multi"
            command += ["-accel", f"tcg,thread={thread},tb-size=256",
                        "-cpu", "max,la57=off" + options.cpu_features]
        else:
            command += ["-accel", "kvm", "-cpu", "host"]
        command += self._channel("console")
        command += ["-serial", "chardev:console"]
        command += self._channel("qmp")
        command += ["-mon", "chardev=qmp,mode=control",
                    "-device", "virtio-serial-pci,id=serial,max_ports=16"]
        if terminal:
            command += self._channel("terminal")
            command += ["-device", "virtconsole,chardev=terminal"]
        for name in PORTS:
            command += self._channel(name)
            command += ["-device", f"virtserialport,chardev={name},"
                                   f"name={name}"]
        if boot.modules:
            command += self._share("modules", boot.modules, ",readonly=on")
        for tag, folder in options.shares:
            command += self._share(tag, folder, ",readonly=on")
        if options.results:
            command += self._share("results", options.results, "")
        command += _device_arguments(options)
        command += self._disk(options.disk)
        command += ["-kernel", str(boot.image),
                    "-initrd", f"/proc/self/fd/{self._inherited[0]}",
                    "-append", _kernel_arguments(options, accel)]
        command += options.qemu
        self.command = command
        # A file without a name: QEMU may say more than a pipe holds.
        self._errors = tempfile.TemporaryFile()
        self.process = None

    def _channel(self, name):
        ours, theirs = socket.socketpair()
        self.sockets[name] = ours
        self._inherited.append(theirs.detach())
        return ["-chardev",
                f"socket,id={name},fd={self._inherited[-1]}"]

    def _disk(self, size):
        """A file without a name, which outlives QEMU but not the run."""
        if not size:
            return []
        self._disk_file = tempfile.TemporaryFile()
        self._disk_file.truncate(parse_size(size))
        self._inherited.append(os.dup(self._disk_file.fileno()))
        return ["-blockdev", "driver=raw,node-name=disk,file.driver=file,"
                             f"file.filename=/proc/self/fd/{self._inherited[-1]}"
                             ",cache.no-flush=on",
                "-device", "virtio-blk-pci,drive=disk"]

    @staticmethod
    def _share(tag, folder, properties):
        path = str(folder).replace(",", ",,")
        return ["-fsdev", f"local,id={tag},path={path},security_model=none"
                          f",multidevs=remap{properties}",
                "-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag}"]

    def start(self):
        """Starts QEMU; returns the QMP connection, greeted."""
        if self._huge:
            self._host_pages.reserve(self._huge)
        qmp = self._launch(self.command)
        self._host_pages.settled()      # it has mapped its memory by now
        return qmp

    def replace(self, incoming, send):
        """Has another QEMU take the place of this one: starts it, waiting for
        the state that comes from there, has this one `send` it, with the QMP
        connection of the other, and ends this one.  Neither runs the guest then.
        If that fails this one stays."""
        if not self._movable:
            raise VmError("this machine cannot move: --movable")
        with self._moving:
            old, old_qmp = self.process, self.sockets["qmp"]
            try:
                send(self._relaunch(["-incoming", incoming, "-S"]))
            except BaseException:
                if self.process is not old:
                    self.process.kill()
                    self.process.wait()
                    self.sockets["qmp"].close()
                self.process, self.sockets["qmp"] = old, old_qmp
                raise
            old.kill()
            old.wait()
            old_qmp.close()

    def power_on_again(self, call):
        """When the guest has switched itself off, another QEMU is started,
        from the beginning; its QMP connection is what is called with."""
        if not self._movable:
            raise VmError("this machine ends when it is off: --movable")
        self._power_on = call

    def gone(self):
        """Whether there is no QEMU any more, of a machine that can move."""
        # One that is moving is there.
        if not self._movable or not self._moving.acquire(blocking=False):
            return False
        try:
            if self.process.poll() is None:
                return False
            if self._power_on is None or self.process.returncode:
                return True
            call, self._power_on = self._power_on, None
            self.sockets["qmp"].close()
            call(self._relaunch([]))
            return False
        finally:
            self._moving.release()

    def _relaunch(self, more):
        chardev = self._channel("qmp")[1]
        command = [chardev if w.startswith("socket,id=qmp,") else w
                   for w in self.command]
        return self._launch(command + more)

    def _launch(self, command):
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self._errors,
            stderr=self._errors, pass_fds=self._inherited,
            # The terminal's signals are the runner's to handle.
            start_new_session=True,
            preexec_fn=lambda: die_with_parent(signal.SIGKILL))
        if not self._movable:
            for fd in self._inherited[1:]:
                os.close(fd)
        qmp = Qmp(self.sockets["qmp"])
        qmp.execute("qmp_capabilities")
        return qmp

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self._host_pages.release()
        for sock in self.sockets.values():
            sock.close()

    def errors(self):
        """What QEMU itself has said."""
        size = os.fstat(self._errors.fileno()).st_size
        return os.pread(self._errors.fileno(), size, 0).decode(
            errors="replace")


def _kernel_arguments(options, accel):
    arguments = ["console=ttyS0", "loglevel=5", "panic=-1", "oops=panic",
                 "printk.devkmsg=on", "sysrq_always_enabled",
                 "log_buf_len=1M", "cryptomgr.notests"]
    if accel == "tcg" or options.nested:
        # Emulated CPUs share the host's with others: what is long for
        # hardware is no lockup here, and few ticks no broken timer.
        arguments += ["nmi_watchdog=0", "watchdog_thresh=60",
                      "rcupdate.rcu_cpu_stall_timeout=120",
                      "no_timer_check"]
    if options.nested:
        # Looks for bridges by thousands of port accesses, each a slow exit.
        arguments += ["pci=noearly"]
    if not options.kaslr:
        # Heard only by a kernel that cannot be entered directly.
        arguments += ["nokaslr"]
    return " ".join(arguments + options.append)
