# SPDX-License-Identifier: GPL-2.0
#
# For Makefiles of programs that link the library: builds $(IOMMUFD_MEM), a static
# archive, into their own folder of objects. Needs CC, AR, KHDR and obj.

iommufd_mem_dir := $(abspath $(dir $(lastword $(MAKEFILE_LIST))))/
IOMMUFD_MEM := $(obj)/libiommufd-mem.a
IOMMUFD_MEM_CFLAGS := -I$(iommufd_mem_dir)include
iommufd_mem_objects := $(patsubst $(iommufd_mem_dir)%.c,$(obj)/iommufd-mem/%.o, \
			 $(wildcard $(iommufd_mem_dir)*.c))
iommufd_mem_compile = $(CC) -std=gnu11 -O2 -g -Wall -Wextra -Werror -D_GNU_SOURCE -MMD -MP \
	-I$(KHDR) $(IOMMUFD_MEM_CFLAGS) $(CFLAGS)

.DEFAULT_GOAL := all

$(IOMMUFD_MEM): $(iommufd_mem_objects)
	rm -f $@
	$(AR) rcD $@ $^

$(obj)/iommufd-mem/%.o: $(iommufd_mem_dir)%.c $(iommufd_mem_dir)archive.mk
	@mkdir -p $(@D)
	$(iommufd_mem_compile) -c -o $@ $<

$(obj)/iommufd-mem/%.pic.o: $(iommufd_mem_dir)%.c $(iommufd_mem_dir)archive.mk
	@mkdir -p $(@D)
	$(iommufd_mem_compile) -fPIC -c -o $@ $<

-include $(wildcard $(obj)/iommufd-mem/*.d)
