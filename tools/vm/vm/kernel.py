# SPDX-License-Identifier: GPL-2.0
"""The guest's kernel, its modules, and the project's modules among them."""

import fcntl
import hashlib
import lzma
import os
import pathlib
import shutil
import subprocess

from . import CHECKOUT, VM_DIR, VmError, bzimage

# What init needs before it can reach the other modules, which lie on the host.
EARLY = ("virtio_pci", "virtio_console", "9pnet_virtio", "9p")

# Files beside the indexes that depmod writes, which it and modprobe read.
DEPMOD_INPUTS = ("modules.order", "modules.builtin", "modules.builtin.modinfo")
# With their text forms, which busybox's modprobe reads.
INDEXES = ("modules.dep", "modules.alias", "modules.symbols",
           "modules.dep.bin", "modules.alias.bin", "modules.symbols.bin",
           "modules.builtin.bin", "modules.builtin.alias.bin",
           "modules.softdep", "modules.devname") + DEPMOD_INPUTS
KEPT_INDEXES = 8        # sets of indexes kept in build/, for as many module sets

# Options that make a kernel slow, and how many times as long everything then may
# take.
SLOW_OPTIONS = ("CONFIG_KASAN=y", "CONFIG_KCSAN=y")
SLOWNESS = 5


class Kernel:
    """A bootable image and, where it has one, its folder of modules."""

    def __init__(self, image, modules):
        self.image = pathlib.Path(image)
        self.release = bzimage.release(self.image)
        self.modules = modules and pathlib.Path(modules)
        config = self.image.parent / "config"
        options = config.read_text().splitlines() if config.is_file() else []
        self.slowness = SLOWNESS if set(SLOW_OPTIONS) & set(options) else 1

    @classmethod
    def find(cls, name):
        """By a name that tools/vm/kernel knows, or a path: of a folder as it
        prints, or of an image."""
        path = pathlib.Path(name)
        if "/" not in name and not path.is_file():
            made = subprocess.run([VM_DIR / "kernel", name], check=False,
                                  stdout=subprocess.PIPE, text=True)
            if made.returncode:
                raise VmError(f"no kernel '{name}'")
            path = pathlib.Path(made.stdout.strip())
        if path.is_dir():
            path = path / "vmlinuz"
        if not path.is_file():
            raise VmError(f"{path}: no kernel image")
        release = bzimage.release(path)
        for root in (path.parent, pathlib.Path("/")):
            modules = root / "lib/modules" / release
            if modules.is_dir():
                return cls(path, modules)
        return cls(path, None)

    def boot_image(self, kaslr):
        """What QEMU is to enter."""
        if kaslr:
            return self.image
        return bzimage.bootable_elf(self.image) or self.image

    def early_modules(self, more):
        """Modules that init loads by itself, and more after them, in the order
        of loading."""
        if self.modules is None:
            return []
        needs = {}
        for line in (self.modules / "modules.dep").read_text().splitlines():
            module, _, dependencies = line.partition(":")
            needs[_module_name(module)] = (module, dependencies.split())
        order = []

        def visit(module):
            if module not in order:
                for dependency in needs[_module_name(module)][1]:
                    visit(dependency)
                order.append(module)

        # One that is missing is built in, or init will say what it lacks.
        for name in (*EARLY, *more):
            if name in needs:
                visit(needs[name][0])
        return [self.modules / module for module in order]

    def indexes(self, extra):
        """A folder with depmod's indexes over the kernel's own modules and the
        extra ones, the latter under updates/.  Kept in build/."""
        work = CHECKOUT / "build/vm"
        work.mkdir(parents=True, exist_ok=True)
        key = hashlib.sha256(f"{self.modules}\n".encode())
        for module in extra:
            key.update(f"{module.name}\n".encode())
            key.update(module.read_bytes())
        done = work / f"modules-{key.hexdigest()[:16]}"
        with open(work / "lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.is_dir():
                self._depmod(extra, work / "partial").rename(done)
                shutil.rmtree(work / "partial")
            os.utime(done)
            old = sorted(work.glob("modules-*"),
                         key=lambda p: p.stat().st_mtime)
            for index in old[:-KEPT_INDEXES]:
                shutil.rmtree(index)
        return done

    def _depmod(self, extra, base):
        if base.exists():
            shutil.rmtree(base)
        tree = base / "lib/modules" / self.release
        (tree / "updates").mkdir(parents=True)
        if self.modules:
            (tree / "kernel").symlink_to(self.modules / "kernel")
        for name in DEPMOD_INPUTS:
            if self.modules and (self.modules / name).exists():
                shutil.copy(self.modules / name, tree)
            else:
                (tree / name).touch()
        for module in extra:
            os.symlink(module, tree / "updates" / module.name)
        subprocess.run(["depmod", "-b", base, self.release], check=True)
        (tree / "kernel").unlink(missing_ok=True)
        shutil.rmtree(tree / "updates")
        return tree

    def install(self, tree, extra, early=()):
        """Puts early modules, extra modules and indexes into the guest."""
        names = []
        for number, module in enumerate(self.early_modules(early)):
            # An emulated CPU is slow at unpacking.
            packed = module.suffix == ".xz"
            name = module.stem if packed else module.name
            names.append(f"/etc/vm/modules/{number:02}-{name}")
            if packed:
                tree.data(names[-1], lzma.decompress(module.read_bytes()))
            else:
                tree.file(names[-1], module)
        tree.text("/etc/vm/early-modules", "".join(n + "\n" for n in names))
        root = f"/lib/modules/{self.release}"
        tree.directory("/lib/modules/stock")
        tree.symlink(f"{root}/kernel", "../stock/kernel")
        indexes = self.indexes(extra)
        for name in INDEXES:
            if (indexes / name).exists():
                tree.file(f"{root}/{name}", indexes / name)
        for module in extra:
            tree.file(f"{root}/updates/{module.name}", module)


def _module_name(path):
    return path.rsplit("/", 1)[-1].split(".")[0].replace("-", "_")


def project_modules(folder):
    """The .ko files under folder, or those of this checkout, made if there
    are none."""
    if folder is not None:
        if not pathlib.Path(folder).is_dir():
            raise VmError(f"{folder}: no folder")
        return sorted(p.resolve() for p in pathlib.Path(folder).rglob("*.ko"))
    modules = _checkout_modules()
    if modules:
        return modules
    work = CHECKOUT / "build/vm"
    work.mkdir(parents=True, exist_ok=True)
    with open(work / "make.lock", "w", encoding="ascii") as lock:
        # Several runs may find that there are none.
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = subprocess.run(["make", "-s", "-C", CHECKOUT, "modules"],
                              stdout=2, stdin=subprocess.DEVNULL, check=False)
        if made.returncode:
            raise VmError("'make modules' failed (--modules none runs without "
                          "the project's modules)")
    return _checkout_modules()


def _checkout_modules():
    return sorted(p for name in ("core", "consumers")
                  for p in (CHECKOUT / name).rglob("*.ko"))
