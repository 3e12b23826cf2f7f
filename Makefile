# SPDX-License-Identifier: GPL-2.0
#
# The commands of the project. Building and booting is the work of
# tools/testing/vm/vm; this file only names what one usually wants.
#
# LINUX_SRC=/path and QEMU_SRC=/path use trees that you have already.

export LINUX_SRC QEMU_SRC

VM := tools/testing/vm/vm
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/iommufd-mem

help:
	@echo 'make demo      set up, build, boot the machine and run the DMA sample in it'
	@echo 'make check     every test: lint, unit, in the machine (every flavour)'
	@echo 'make check-upstream  the kernel'"'"'s own tests, compared with an unpatched kernel'
	@echo 'make bench     measure memory objects beside what else there is, in the machine'
	@echo 'make unit      the tests that run on this host'
	@echo 'make lint      checkpatch, kernel-doc, sparse, W=1, shellcheck'
	@echo 'make build     kernel (plain), QEMU and programs, no boot'
	@echo 'make man       manual pages of the ABI, the library, the provider API and the VMM, in build/man'
	@echo 'make compile_commands.json   for clangd'
	@echo 'make clean     remove build/'
	@echo 'make distclean also the cache: $(CACHE)'
	@echo
	@echo '$(VM) run -- COMMAND   runs a command in the machine (--help tells more)'

demo:
	@VM_EXTRA_STEPS=1 $(VM) build --programs
	@echo '[7/7] boot, run the DMA sample, then a guest' >&2
	@tools/testing/vmm/run --flavour plain --hi 4G -- /vmm-tests/demo 4G

check:
	@tools/testing/vm/check

check-upstream:
	@tools/testing/vm/check upstream

# BENCH="--help" tells what else it takes
bench:
	@tools/testing/bench/run $(BENCH)

unit lint:
	@tools/testing/vm/check $@

build:
	@$(VM) build --programs

# One page for each structure and function that has kernel-doc
MAN_FILES := include/uapi/linux/iommufd_mem.h include/linux/iommufd_mem.h \
	     drivers/iommu/iommufd/mem_region.c drivers/iommu/iommufd/mem_device.c
# And of each function of the library, in section 3
MAN_LIBRARY := $(wildcard tools/lib/iommufd-mem/include/iommufd-mem/*.h)
# What kernel-doc -man prints, a file for each page. $(1): the section
MAN_SPLIT = awk -F'"' '{ gsub(/\(9\)/, "($(1))") } /^\.TH / { sub(/" 9 "/, "\" $(1) \""); page = $$2; \
	sub(/^(struct|enum) /, "", page); gsub(/[^A-Za-z0-9_]+/, "_", page); \
	page = "build/man/" page ".$(1)" } { print >page }'

man:
	@$(VM) build --sources
	@rm -rf build/man && mkdir -p build/man
	@$(CACHE)/src/linux/scripts/kernel-doc -man $(MAN_FILES) | $(call MAN_SPLIT,9)
	@$(CACHE)/src/linux/scripts/kernel-doc -man $(MAN_LIBRARY) | $(call MAN_SPLIT,3)
	@cp samples/vmm/vmm.1 samples/vmm/launch/vmm-launch.1 build/man/
	@ls build/man/*

compile_commands.json: build
	@cd $(CACHE)/build/linux-plain && python3 $(CACHE)/src/linux/scripts/clang-tools/gen_compile_commands.py
	@tools/testing/vm/compile-commands $(CACHE)/src/linux $(CACHE)/build/linux-plain >$@.new && mv $@.new $@

clean:
	rm -rf build compile_commands.json

distclean: clean
	rm -rf $(CACHE)

.PHONY: help demo check check-upstream bench unit lint build man clean distclean compile_commands.json
