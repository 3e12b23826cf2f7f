# SPDX-License-Identifier: GPL-2.0
#
# Kernel code on the build host: with the kernel's own headers for userspace below tools/,
# what those lack in shim/, and gpu_buddy with the libraries under it. Its warnings are
# not ours. Wants O and TOP.

# The kernel source
KSRC ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/iommufd-mem/src/linux
UNIT := $(TOP)/tools/testing/unit
GPU := $(TOP)/drivers/gpu/nvgrace-vgpu
SHIM := $(wildcard $(UNIT)/shim/*/*.h)
KERNEL_CFLAGS := -std=gnu11 -O1 -g -w -I$(UNIT)/shim -I$(O)/kernel -I$(KSRC)/tools/include \
		 -I$(KSRC)/tools/arch/x86/include -include linux/slab.h \
		 -fsanitize=address,undefined -fno-sanitize-recover=all
BUDDY := $(addprefix $(KSRC)/,drivers/gpu/buddy.c lib/interval_tree.c tools/lib/rbtree.c \
			      tools/lib/list_sort.c tools/lib/hweight.c)
# gpu.h is shim_gpu.h
GPU_CFLAGS := $(KERNEL_CFLAGS) -I$(GPU) -include $(UNIT)/shim_gpu.h
GPU_HEADERS := $(wildcard $(GPU)/*.h) $(UNIT)/shim_gpu.h

BUDDY_HEADERS := $(O)/kernel/linux/gpu_buddy.h $(O)/kernel/linux/interval_tree.h
$(BUDDY_HEADERS): $(O)/kernel/linux/%.h: $(KSRC)/include/linux/%.h
	@mkdir -p $(@D)
	cp $< $@
