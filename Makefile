# SPDX-License-Identifier: Apache-2.0
# `make help` lists the targets. Nothing generated lies outside build/.

GO	?= go
TIME	?= 600
KDIR	?= /lib/modules/$(shell uname -r)/build
OUT	?= build/module/$(shell uname -r)
LOOPS	?= 200
MAPTESTS ?= el7-514 el7-1160 debian-6.1
vmexec	:= $(GO) run ./qemu-tests/cmd/vmexec
kernels	:= $(GO) run ./qemu-tests/cmd/kernels
matrix	:= $(GO) run ./qemu-tests/cmd/matrix
hostdirs = $(patsubst %/Makefile,%,$(wildcard verifier/test/Makefile driver/exec/test/Makefile driver/maps/test/Makefile))

export CGO_ENABLED = 0

.PHONY: help all demo selftests faults test test-host test-go matrix module vmexec examples demo-root vectors cli bench golden man lint fuzz deps clean objects bpftool-root support

help: ## this text
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

demo: demo-root ## real events of the example tools in a guest [KERNEL=NAME]; default: the oldest kernel there
	@k=$${KERNEL:-$$($(kernels) oldest)} && $(kernels) ensure $$k >/dev/null && \
	echo "demo: kernel $$k" && \
	$(vmexec) -kernel $$k -overlay build/demo-root -- /examples/demo

test: deps test-host lint test-go demo-root vectors objects bpftool-root ## everything: host tests, lint, Go tests, and the matrix, in short, on all kernels there
	@$(kernels) ensure debian-6.1 >/dev/null
	@$(matrix) -quick

test-host: ## the C parts on the host, under ASan and UBSan
	@set -e; for d in $(hostdirs); do $(MAKE) --no-print-directory -C $$d test; done

test-go: ## go vet and go test
	$(GO) vet ./...
	$(GO) test ./...

matrix: demo-root vectors objects bpftool-root ## every suite on every kernel, in full [LOOPS=200 KERNELS="NAME ..."]
	@$(kernels) ensure debian-6.1 >/dev/null
	$(matrix) -loops $(LOOPS) $(KERNELS)

module: ## build the module: KDIR=(a kernel's build folder) [OUT=(where to)]
	@$(MAKE) --no-print-directory -f compat/module.mk KDIR=$(KDIR) OUT=$(abspath $(OUT))

cli: ## the command, static: build/bpfshim, and the verifier it runs, build/bpfshim-verify
	@$(MAKE) --no-print-directory -s -C cmd/bpfshim-verify OUT=$(CURDIR)/build/bpfshim-verify
	$(GO) build -trimpath -o build/bpfshim ./cmd/bpfshim

vmexec: ## the guest runner as a program, build/vmexec: `go run` hides exit statuses
	$(GO) build -trimpath -o build/vmexec ./qemu-tests/cmd/vmexec

examples: deps ## the example tools: build/examples
	@$(kernels) ensure debian-6.1 >/dev/null
	@$(MAKE) --no-print-directory -C examples

# What is laid over a guest's root for the demo.
demo-root: examples
	@rm -rf build/demo-root && mkdir -p build/demo-root && cp -rl build/examples build/demo-root/examples
	@rm -f build/demo-root/examples/vmlinux.h

# BPF objects of real tools, for the objects suite.
objects: examples
	@qemu-tests/deps.sh libbpf-tools
	@$(GO) run ./qemu-tests/cmd/objects build/objects-root/objects build/examples/*.o

# bpftool, and what it is to show, for the suite of that name.
bpftool-root: deps
	@$(MAKE) --no-print-directory -s -C qemu-tests/bpftool

# The engines' conformance vectors, as a program for guests.
vectors: deps
	@$(MAKE) --no-print-directory -s -C driver/exec/test guest

BENCH	?= el7-514 el7-1160 debian-6.1
bench: deps ## instructions retired by engine, build/bench.json, docs/PERFORMANCE.md [BENCH="KERNEL ..."]
	@mkdir -p build/bench/tests && $(GO) test -c -o build/bench/tests/bench.test ./qemu-tests/guest/bench
	@$(MAKE) --no-print-directory -s -C qemu-tests/selftests objects VERIFY=$(CURDIR)/build/bench-verify
	@mkdir -p build/bench-verify/tests && $(GO) test -c -o build/bench-verify/tests/verify.test ./qemu-tests/guest/verifybench
	@rm -rf build/bench-out; $(kernels) ensure debian-6.1 >/dev/null; set -e; for k in $(BENCH); do \
		$(kernels) path $$k >/dev/null 2>&1 || { echo "bench: $$k SKIPPED: not there"; continue; }; \
		echo "bench: $$k"; \
		$(vmexec) -kernel $$k -icount -mem 2048 -timeout 40m -overlay build/bench -env BENCH_KERNEL=$$k \
			-out build/bench-out/$$k -- /tests/bench.test -test.v -test.run Measure; \
		for e in jit native; do $(vmexec) -kernel $$k -icount -mem 2048 -timeout 20m -overlay build/bench -env BENCH_KERNEL=$$k \
			-env BENCH_MEMORY=$$e -out build/bench-out/$$k-memory-$$e -- /tests/bench.test -test.v -test.run MeasureMemory; done; \
		$(vmexec) -kernel $$k -icount -mem 2048 -timeout 20m -overlay build/bench-verify -env BENCH_KERNEL=$$k \
			-out build/bench-out/$$k-verify -- /tests/verify.test -test.v; \
		$(vmexec) -kernel $$k -timeout 20m -overlay build/bench -env BENCH_KERNEL=$$k -env BENCH_TIME=1 \
			-out build/bench-out/$$k-time -- /tests/bench.test -test.v -test.run 'Measure$$$$'; \
	done
	@$(MAKE) --no-print-directory -s -C driver/exec/test bench
	@$(GO) run ./qemu-tests/cmd/benchhost
	@$(GO) run ./qemu-tests/cmd/benchreport build/bench-out/*/bench*.json

selftests: deps ## Linux 6.1's own tests of the verifier and of maps, on each kernel there [MAPTESTS="KERNEL ..."]
	@set -e; $(kernels) ensure debian-6.1 >/dev/null; for k in $(MAPTESTS); do \
		$(kernels) path $$k >/dev/null 2>&1 || { echo "selftests: $$k SKIPPED: not there"; continue; }; \
		$(GO) run ./qemu-tests/cmd/selftests -kernel $$k -min 1300; \
		$(GO) run ./qemu-tests/cmd/selftests -kernel $$k -test maps -timeout 40m; \
	done

# A build of the module in which allocations can be made to fail, and the
# suites that make them.
FAULTS	?= el7-514 el7-1160 v3.10 debian-6.1
faults: deps ## fail each allocation of the module in turn, on each kernel there [FAULTS="KERNEL ..." QUICK=1]
	@$(kernels) ensure debian-6.1 >/dev/null; mkdir -p build/faults/tests
	@set -e; for s in faults maps lifetime errno model; do $(GO) test -c -o build/faults/tests/$$s.test ./qemu-tests/guest/$$s; done
	@rm -rf build/faults/testdata; mkdir -p build/faults/testdata; \
		for s in maps errno; do cp -l qemu-tests/guest/$$s/testdata/* build/faults/testdata/; done
	@set -e; for k in $(FAULTS); do \
		d=$$($(kernels) path $$k build 2>/dev/null) || { echo "faults: $$k SKIPPED: not there"; continue; }; \
		echo "faults: $$k"; \
		$(MAKE) --no-print-directory -s module KDIR=$$d OUT=build/module-debug/$$k BPFSHIM_DEBUG=1; \
		$(vmexec) -kernel $$k -smp 4 -timeout 40m -module build/module-debug/$$k/bpfshim.ko -overlay build/faults \
			$(if $(QUICK),-env BPFSHIM_QUICK=1) -- /tests/faults.test -test.v -test.timeout 40m; \
	done

# The suites that docs/SUPPORT.md rests on.
SUPPORT	?= helpers,support
support: ## docs/SUPPORT.md, from a run of the suites it rests on [KERNELS="NAME ..."]
	@$(kernels) ensure debian-6.1 >/dev/null
	$(matrix) -loops 0 -suite $(SUPPORT) $(or $(KERNELS),el7-514 el7-1160 v3.10 debian-6.1)
	@$(GO) run ./qemu-tests/cmd/support

golden: deps bpftool-root ## ask debian-6.1's own bpf(2) again what the driver is measured by
	@set -e; for s in errno differ helpers maps bpftool; do \
		$(GO) test -c -o build/golden/tests/$$s.test ./qemu-tests/guest/$$s; \
		$(vmexec) -kernel debian-6.1 -no-module -overlay build/golden -overlay build/bpftool-root -env BPFSHIM_UPDATE=1 \
			-out qemu-tests/guest/$$s/testdata -- /tests/$$s.test -test.run Golden; \
	done

man: ## write docs/man from the commands; go test checks that it is up to date
	$(GO) test ./cmd/bpfshim -run TestManPages -update

lint: ## arrows between the parts, names, licences, lengths, formatting
	@$(GO) run ./qemu-tests/cmd/lint

fuzz: ## random programs through verifier and interpreter for TIME seconds
	@set -e; for d in $(hostdirs); do $(MAKE) --no-print-directory -C $$d fuzz TIME=$(TIME); done

deps: ## install the Debian packages that are missing
	@qemu-tests/deps.sh

clean: ## remove build/
	rm -rf build
