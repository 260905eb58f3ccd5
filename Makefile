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

# Modules are built for the running kernel, where its headers are installed.
KVER ?= $(if $(wildcard /lib/modules/$(running-kver)/build),$(running-kver),$(stock-kver))
KERNELDIR ?= /lib/modules/$(KVER)/build
DEPMOD ?= depmod
DESTDIR ?=
PREFIX ?= /usr/local
INSTALL ?= install

# As the kernel calls itself: `make kernelrelease` says less with Debian's headers.
kernelrelease = $(shell sed -n 's/.* UTS_RELEASE "\(.*\)".*/\1/p' \
	"$(KERNELDIR)/include/generated/utsrelease.h")
# Distributions keep their signing key, and kbuild would complain of that.
no-signing = $(if $(wildcard $(KERNELDIR)/certs/signing_key.pem),,CONFIG_MODULE_SIG_ALL=)
kbuild = $(MAKE) -C "$(KERNELDIR)" M="$(CURDIR)"
# Guests get the modules for their kernel, whatever this machine runs.
for-guests = $(MAKE) KVER=$(stock-kver) KERNELDIR=/lib/modules/$(stock-kver)/build

.PHONY: all modules clean install modules_install headers_install
.PHONY: uninstall guest-modules qemu print-qemu demo bench check
.PHONY: house kunit qtest scenarios sparse checkpatch help
.PHONY: print-version print-kerneldir print-guest-kerneldir
.PHONY: have-headers have-guest-headers

all: modules

modules: have-headers
	$(kbuild) modules

clean:
	$(if $(wildcard $(KERNELDIR)/Makefile),$(kbuild) clean)
	rm -rf build

# Not where headers are: a package manager may be what runs this.
have-headers:
	@[ -e "$(KERNELDIR)/Makefile" ] || tools/deps modules

have-guest-headers:
	@tools/deps modules

install: modules_install headers_install

# A staging folder has no kernel's modules to index; who unpacks it runs depmod.
modules_install: modules
	$(kbuild) INSTALL_MOD_PATH="$(DESTDIR)" INSTALL_MOD_DIR=updates \
		$(no-signing) cmd_depmod=true modules_install
	$(if $(DESTDIR),,$(DEPMOD) -a $(kernelrelease))

# For a driver that uses the kernel API, and was not built in this tree:
#	ccflags-y += -I$(PREFIX)/include/pvmemcontrol
#	make KBUILD_EXTRA_SYMBOLS=/lib/modules/$(KVER)/pvmemcontrol/Module.symvers
# Programs in user space find <linux/pvmemcontrol.h> as it is.
api = $(DESTDIR)$(PREFIX)/include/pvmemcontrol
headers_install: modules
	$(INSTALL) -d "$(api)/linux" "$(api)/uapi/linux" \
		"$(DESTDIR)$(PREFIX)/include/linux" \
		"$(DESTDIR)/lib/modules/$(kernelrelease)/pvmemcontrol"
	$(INSTALL) -m 644 include/linux/*.h "$(api)/linux"
	$(INSTALL) -m 644 include/uapi/linux/*.h "$(api)/uapi/linux"
	$(INSTALL) -m 644 include/uapi/linux/*.h \
		"$(DESTDIR)$(PREFIX)/include/linux"
	$(INSTALL) -m 644 Module.symvers \
		"$(DESTDIR)/lib/modules/$(kernelrelease)/pvmemcontrol"

uninstall:
	rm -rf "$(api)" "$(DESTDIR)/lib/modules/$(kernelrelease)/pvmemcontrol"
	for h in include/uapi/linux/*.h; do \
		rm -f "$(DESTDIR)$(PREFIX)/include/linux/$${h##*/}"; done
	for m in $$(sed -n 's/^BUILT_MODULE_NAME.*="\(.*\)"$$/\1/p' dkms.conf); do \
		find "$(DESTDIR)/lib/modules/$(kernelrelease)/updates" \
			-name "$$m.ko*" -delete; done
	$(if $(DESTDIR),,$(DEPMOD) -a $(kernelrelease))

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

bench: guest-modules qemu
	@tools/deps vm kunit
	@tools/bench/run

check:
	@tools/deps check
	@tools/check/run

# One tier of the tests; its output goes through the same counting.
house checkpatch sparse kunit qtest scenarios:
	@tools/deps check
	@tools/check/run $@

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
	@echo '  install          modules, headers and Module.symvers'
	@echo '  modules_install  only the modules'
	@echo '  headers_install  only what other drivers and programs build with'
	@echo '  uninstall        what install put there'
	@echo '  qemu             the QEMU that has the device; once, in the cache'
	@echo '  print-qemu       the path of its binary, and nothing else'
	@echo 'Seeing it work, in a guest:'
	@echo '  demo             huge pages with and without the consumer'
	@echo '  bench            figures; also in build/bench.json'
	@echo 'Tests:'
	@echo '  check            all of them'
	@echo '  house checkpatch sparse kunit qtest scenarios   one tier'
	@echo 'Variables: KVER, KERNELDIR, DESTDIR, PREFIX, DEPMOD,'
	@echo '  PVMEMCONTROL_CACHE (now $(shell tools/cache))'
