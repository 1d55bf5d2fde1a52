# SPDX-License-Identifier: Apache-2.0
# Build bpfshim.ko for one kernel, out of tree:
#   make -f compat/module.mk KDIR=/lib/modules/$(uname -r)/build [OUT=DIR] [CC=gcc-11] [V=1] [BPFSHIM_DEBUG=1]
# Needs sh, make, a C compiler and the kernel's build directory; leaves
# OUT/bpfshim.ko.  OUT holds a tree of links to the sources, so two kernels
# build side by side and the source tree stays clean.

TOP := $(abspath $(dir $(lastword $(MAKEFILE_LIST)))..)
ifeq ($(KDIR),)
$(error set KDIR to the build directory of the kernel, for example KDIR=/lib/modules/$(shell uname -r)/build)
endif
KABS := $(shell cd "$(KDIR)" 2>/dev/null && pwd -P)
ifeq ($(KABS),)
$(error KDIR=$(KDIR) is no directory)
endif
KNAME := $(or $(shell cat "$(KABS)/include/config/kernel.release" 2>/dev/null),unknown)
OUT ?= $(TOP)/build/module/$(KNAME)
OABS := $(abspath $(OUT))
HOSTCC ?= cc
# CC reaches the kernel's build only when the caller chose it.
KARGS := $(if $(filter command line environment,$(origin CC)),CC=$(CC))
SRCDIRS := ioctl compat verifier driver driver/exec driver/maps driver/helpers driver/attach

.PHONY: module tree probe clean
.DEFAULT_GOAL := module

# Links follow the sources: new files appear, removed ones vanish.
tree:
	@for d in $(SRCDIRS); do \
		[ -d "$(TOP)/$$d" ] || continue; \
		mkdir -p "$(OABS)/$$d"; \
		for f in "$(TOP)/$$d"/*.c "$(TOP)/$$d"/*.h "$(TOP)/$$d"/Kbuild; do \
			[ -f "$$f" ] || continue; \
			l="$(OABS)/$$d/$${f##*/}"; \
			[ "$$(readlink "$$l")" = "$$f" ] || ln -sf "$$f" "$$l"; \
		done; \
		for l in "$(OABS)/$$d"/*.c "$(OABS)/$$d"/*.h; do \
			[ -e "$$l" ] || rm -f "$$l"; \
		done; \
	done
	@ln -sf "$(TOP)/Kbuild" "$(OABS)/Kbuild"
	@ln -sf "$(TOP)/Kbuild" "$(OABS)/Makefile"

probe: tree
	@MAKEARGS="$(KARGS)" VERBOSE="$(filter-out 0,$(V))" sh "$(TOP)/compat/probe.sh" "$(KABS)" "$(OABS)"

$(OABS)/compat/plt32.host: $(TOP)/compat/plt32.c | tree
	@$(HOSTCC) -O2 -Wall -o $@ $<

module: probe $(OABS)/compat/plt32.host
	+@$(MAKE) --no-print-directory -C "$(KABS)" M="$(OABS)" $(KARGS) $(if $(BPFSHIM_DEBUG),BPFSHIM_DEBUG=$(BPFSHIM_DEBUG)) $(if $(V),V=$(V)) modules
	@"$(OABS)/compat/plt32.host" "$(OABS)/bpfshim.ko"

clean:
	rm -rf "$(OABS)"
