# SPDX-License-Identifier: GPL-2.0
# What people call; how the modules are built is in Kbuild.  `make help`.

SHELL := /bin/sh
MAKEFLAGS += --no-print-directory

# The version is said once, in dkms.conf.
VERSION = $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"$$/\1/p' dkms.conf)

# The kernel that the distribution's headers are for.  Guests run this one.
stock-kver = $(shell dpkg-query -W -f '$${Depends}\n' linux-headers-amd64 \
	2>/dev/null | sed -n 's/^\(.*, \)\?linux-headers-\([0-9][^ ,]*\).*/\2/p')
running-kver = $(shell uname -r)

# Whether whoever calls says which kernel it is about.
kver-given := $(filter-out undefined,$(origin KVER))
kerneldir-given := $(filter-out undefined,$(origin KERNELDIR))

# Modules are built for the running kernel, where its headers are installed.
KVER ?= $(if $(wildcard /lib/modules/$(running-kver)/build),$(running-kver),$(stock-kver))
KERNELDIR ?= /lib/modules/$(KVER)/build
DEPMOD ?= depmod
DESTDIR ?=
PREFIX ?= /usr/local
INSTALL ?= install

# As the kernel calls itself: `make kernelrelease` says less with Debian's headers.
kernelrelease = $(shell sed -n 's/.* UTS_RELEASE "\(.*\)".*/\1/p' \
	"$(KERNELDIR)/include/generated/utsrelease.h" 2>/dev/null)
kbuild = $(MAKE) -C "$(KERNELDIR)" M="$(CURDIR)"
# Guests get the modules for their kernel, whatever this machine runs.
for-guests = $(MAKE) KVER=$(stock-kver) KERNELDIR=/lib/modules/$(stock-kver)/build

.PHONY: all modules clean install modules_install headers_install
.PHONY: uninstall guest-modules qemu print-qemu demo trace bench soak check
.PHONY: docs deb export pvmemctl packages fuzz robust
.PHONY: house kunit kvm qtest scenarios sparse checkpatch debug help
.PHONY: kunit-smp races realtime
.PHONY: print-version print-kerneldir print-guest-kerneldir
.PHONY: have-headers have-guest-headers say-kernel

all: modules

modules: have-headers say-kernel
	$(kbuild) modules

clean:
	$(if $(wildcard $(KERNELDIR)/Makefile),$(kbuild) clean)
	rm -rf build

# Not where headers are: a package manager may be what runs this.
have-headers:
	@[ -e "$(KERNELDIR)/Makefile" ] || tools/deps modules

# Who has not asked for another kernel is told which it is.
not-running = $(if $(kver-given)$(kerneldir-given),,$(if $(filter-out \
	$(running-kver),$(KVER)),$(KVER)$(comma) not for the running $(running-kver)))
comma := ,
say-kernel: have-headers
	@if [ -n "$(not-running)" ]; then \
		echo "make: building for $(not-running)" >&2; fi

have-guest-headers:
	@tools/deps modules

include tools/packages/install.mk

guest-modules: have-guest-headers
	@$(for-guests) modules

qemu:
	@tools/deps qemu
	@tools/qemu/build >/dev/null

print-qemu:
	@tools/deps qemu
	@tools/qemu/build | tail -n 1

demo: guest-modules qemu
	@tools/deps vm
	@tools/demo/run

trace: guest-modules qemu
	@tools/deps vm trace
	@tools/demo/trace

bench: guest-modules qemu
	@tools/deps vm kunit
	@tools/bench/run

MINUTES ?= 10
KERNEL ?= stock
SEED ?= 1
SCENARIO ?= soak
soak: guest-modules qemu
	@tools/deps vm
	@tools/soak --scenario $(SCENARIO) --kernel $(KERNEL) --seed $(SEED) $(MINUTES)

fuzz:
	@tools/qemu/fuzz $(MINUTES)

# All rows of the table, or ROWS; BOUND minutes for all of them.
robust: qemu
	@tools/robustness/run --minutes $(MINUTES) \
		$(if $(BOUND),--bound $(BOUND)) $(ROWS)

# All scenarios with each of some kernels: make check KERNELS="6.1 6.12 newest".
# Without, all with the first of these, and some with the others.  FULL=1 is all
# there is, with every kernel there is, at full length.
FULL ?=
how-to-check = $(if $(KERNELS),--kernels "$(KERNELS)") $(if $(FULL),--full)
check:
	@tools/deps check
	@tools/check/run $(how-to-check)

# All scenarios that can be run with it.
debug: qemu
	@tools/deps check vm
	@tools/check/scenarios --kernel debug --length short --jobs $$(nproc)

# One tier of the tests; its output goes through the same counting.
house checkpatch sparse packages kunit kunit-smp races realtime qtest scenarios kvm:
	@tools/deps check
	@tools/check/run $(how-to-check) $@

docs:
	@tools/deps docs kunit
	@tools/docs/build

# The sources lie in build/ while they are packaged: debhelper writes to them.
deb:
	@tools/deps deb
	@tools/packages/deb

export:
	@: "$${KERNEL_TREE:?is not set: the folder of a kernel source}"
	@tools/packages/export "$(KERNEL_TREE)"

print-version:
	@echo $(VERSION)

print-kerneldir: have-headers
	@echo "$(KERNELDIR)"

print-guest-kerneldir: have-guest-headers
	@echo "/lib/modules/$(stock-kver)/build"

help:
	@echo 'Building:'
	@echo '  modules          the modules, for KVER=$(KVER)'
	@echo '  clean            remove what was built here (the cache stays)'
	@echo '  pvmemctl         the command line tool, into build/pvmemctl'
	@echo '  install          modules, headers, Module.symvers and tools'
	@echo '  modules_install  only the modules'
	@echo '  headers_install  only what other drivers and programs build with'
	@echo '  tools_install    only the programs, with manual pages'
	@echo '  dkms_install     only the sources for DKMS, in /usr/src'
	@echo '  uninstall        what install put there'
	@echo '  deb              Debian packages, in build/deb'
	@echo '  export           into the kernel tree in KERNEL_TREE, as a driver there'
	@echo '  docs             the documentation as HTML, in build/docs'
	@echo '  qemu             the QEMU that has the device; once, in the cache'
	@echo '  print-qemu       the path of its binary, and nothing else'
	@echo 'Seeing it work, in a guest:'
	@echo '  demo             huge pages with and without the consumer'
	@echo '  trace            bpftrace tools watch the consumers; also a plot'
	@echo '  bench            figures; also in build/bench.json'
	@echo 'Tests:'
	@echo '  check            all of them; with KERNELS="6.1 6.12 newest" the'
	@echo '                   scenarios with each of these kernels; with FULL=1'
	@echo '                   all with every kernel, those that look for errors too'
	@echo '  soak             all loads at once while all goes wrong, for'
	@echo '                   MINUTES=$(MINUTES) with KERNEL=$(KERNEL) SEED=$(SEED)'
	@echo '  debug            scenarios with a kernel that checks memory and locks'
	@echo '  fuzz             what a hostile guest does to the device, so long'
	@echo '  robust           all that is about what it holds up to; a table.'
	@echo '                   Some of it: ROWS="soak fuzz", BOUND=minutes'
	@echo '  house checkpatch sparse packages kunit qtest scenarios kvm   one tier'
	@echo 'Variables: KVER, KERNELDIR, DESTDIR, PREFIX, DEPMOD,'
	@echo '  PVMEMCONTROL_CACHE (now $(shell tools/cache))'
