# SPDX-License-Identifier: GPL-2.0
# What goes where: included by the Makefile.

.PHONY: install modules_install headers_install tools tools_install
.PHONY: dkms_install uninstall

install: modules_install headers_install tools_install

# Distributions keep their signing key, and kbuild would complain of that.
no-signing = $(if $(wildcard $(KERNELDIR)/certs/signing_key.pem),,CONFIG_MODULE_SIG_ALL=)

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
symvers = $(DESTDIR)/lib/modules/$(installed-kver)/pvmemcontrol
headers_install: modules
	$(INSTALL) -d "$(api)/linux" "$(api)/uapi/linux" \
		"$(DESTDIR)$(PREFIX)/include/linux" "$(symvers)"
	$(INSTALL) -m 644 include/linux/*.h "$(api)/linux"
	$(INSTALL) -m 644 include/uapi/linux/*.h "$(api)/uapi/linux"
	$(INSTALL) -m 644 include/uapi/linux/*.h \
		"$(DESTDIR)$(PREFIX)/include/linux"
	$(INSTALL) -m 644 Module.symvers "$(symvers)"

# None of these needs a kernel's headers.  What DKMS builds from has no tools.
programs = $(wildcard tools/pvmemctl/Makefile)
pvmemctl = $(MAKE) -C tools/pvmemctl O="$(CURDIR)/build/pvmemctl" \
	DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" INSTALL="$(INSTALL)"
scripts = $(wildcard tools/bpftrace/*.bt)
bpftrace = $(DESTDIR)$(PREFIX)/share/pvmemcontrol/bpftrace

pvmemctl tools:
	$(if $(programs),$(pvmemctl))

tools_install: tools
	$(if $(programs),$(pvmemctl) install)
	$(if $(scripts),$(INSTALL) -d "$(bpftrace)")
	$(if $(scripts),$(INSTALL) -m 755 $(scripts) "$(bpftrace)")

# What DKMS builds from.  It adds dkms.conf to what it knows by itself:
#	dkms install pvmemcontrol/VERSION
dkms = $(DESTDIR)/usr/src/pvmemcontrol-$(VERSION)
dkms-folders = $(shell find core consumers include -type d)
dkms_install:
	for folder in $(dkms-folders); do \
		$(INSTALL) -d "$(dkms)/$$folder" || exit; \
		for file in $$folder/*.[chS] $$folder/Kbuild; do \
			case $$file in *.mod.c) continue ;; esac; \
			[ ! -e "$$file" ] || $(INSTALL) -m 644 "$$file" \
				"$(dkms)/$$folder" || exit; \
		done; \
	done
	$(INSTALL) -d "$(dkms)/tools/packages"
	$(INSTALL) -m 644 Kbuild Makefile dkms.conf "$(dkms)"
	$(INSTALL) -m 644 tools/packages/install.mk "$(dkms)/tools/packages"

# Where headers have gone, KVER says which kernel's modules are meant: a guess
# would leave them, or take others'.
installed-kver = $(or $(kernelrelease),$(if $(kver-given),$(KVER)))
# Not what DKMS installed, in updates/dkms.
installed = $(DESTDIR)/lib/modules/$(installed-kver)/updates
uninstall:
	@if [ -z "$(installed-kver)" ]; then \
		echo "make: there are no headers in $(KERNELDIR): which KVER?" >&2; \
		exit 2; fi
	@if [ -n "$(not-running)" ]; then \
		echo "make: uninstalling for $(not-running)" >&2; fi
	rm -rf "$(api)" "$(symvers)" "$(bpftrace)"
	for h in include/uapi/linux/*.h; do \
		rm -f "$(DESTDIR)$(PREFIX)/include/linux/$${h##*/}"; done
	for folder in core consumers; do \
		folder="$(installed)/$$folder"; \
		[ ! -d "$$folder" ] || \
		find "$$folder" \( -name 'pvmemcontrol*.ko*' -o \
			-type d -empty \) -delete || exit; \
	done
	$(if $(programs),$(pvmemctl) uninstall)
	$(if $(DESTDIR),,$(if $(wildcard /lib/modules/$(installed-kver)), \
		$(DEPMOD) -a $(installed-kver)))
