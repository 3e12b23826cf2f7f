// SPDX-License-Identifier: GPL-2.0
/*
 * RAM is banks behind each other from GUEST_RAM. Each is one file mapping: a memory
 * object of iommufd, or a memfd. KVM gets the mapping; the IOAS gets the object, or the
 * file: no address of this process is ever pinned.
 *
 * Memory can fail. The kernel then takes it out of the guest's address space. A vCPU that
 * touches it makes KVM_RUN fail, with SIGBUS if it was a page of the host's: see vcpu.c.
 * The VMM's own accesses get SIGBUS, and are guarded here.
 */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <iommufd-mem/iommufd.h>

#include "error.h"
#include "layout.h"
#include "memory.h"
#include "vm.h"

#define HUGE		MIB(2)
#define MFD_HUGE_2MB	(21u << 26)	/* linux/memfd.h, which sys/mman.h excludes */

const char *const memory_type_names[] = {
	[MEMORY_HI] = "hi",
	[MEMORY_MEMFD] = "memfd",
	[MEMORY_HUGETLB] = "hugetlb",
};

static struct memory_bank *new_bank(struct memory *memory, uint64_t size)
{
	uint64_t used = memory_size(memory);
	struct memory_bank *bank;

	if (memory->count == MEMORY_BANKS_MAX) {
		vmm_error(0, "more than %d pieces of RAM", MEMORY_BANKS_MAX);
		return NULL;
	}
	if (!size || size % HUGE) {
		vmm_error(0, "RAM of %" PRIu64 " bytes: not a multiple of 2M", size);
		return NULL;
	}
	if (size > GUEST_RAM_MAX - used) {
		vmm_error(0, "more RAM than %" PRIu64 "G", (uint64_t)GUEST_RAM_MAX >> 30);
		return NULL;
	}
	bank = &memory->banks[memory->count++];
	*bank = (struct memory_bank){ .gpa = GUEST_RAM + used, .size = size, .memfd = -1 };
	return bank;
}

/*
 * KVM maps blocks only where guest-physical and virtual addresses are equally aligned:
 * those of 2 MiB, or of 512 MiB where a page is 64 KiB, or 1 GiB, if it is as large.
 */
static uint64_t alignment(const struct memory_bank *bank)
{
	uint64_t align = GIB(1);

	while (align > HUGE && (align > bank->size || bank->gpa % align))
		align /= 2;
	return align;
}

static int map_object(struct memory *memory, struct memory_bank *bank, uint64_t mmap_offset)
{
	void *va;
	int ret;

	ret = iommufd_mem_mmap(memory->iommufd, mmap_offset, bank->size, alignment(bank),
			       PROT_READ | PROT_WRITE, &va);
	if (ret)
		return vmm_error(ret, "mmap of memory object %u", bank->mem_id);
	bank->va = va;
	vmm_step("RAM: %" PRIu64 " MiB, memory object %u", bank->size >> 20, bank->mem_id);
	return 0;
}

static int add_object(struct memory *memory, struct memory_bank *bank, uint32_t dev_id,
		      const char *region)
{
	uint64_t offset;
	int ret;

	if (region)
		ret = iommufd_mem_alloc_named(memory->iommufd, region, bank->size, &bank->mem_id,
					      &offset);
	else
		ret = iommufd_mem_alloc_region(memory->iommufd, dev_id, bank->size, &bank->mem_id,
					       &offset);
	if (region && (ret == -ENOENT || ret == -EPERM))
		return vmm_error(ret, "region %s: see /sys/class/iommufd_mem; it takes CAP_SYS_RAWIO",
				 region);
	if (ret == -ENODEV)
		return vmm_error(ret, "the device is linked to no hypervisor-invisible memory: use --mem memfd, or another device");
	if (ret == -ENOTTY)
		return vmm_error(ret, "this kernel has no memory objects: use --mem memfd, or a kernel with CONFIG_IOMMUFD_MEM");
	if (ret)
		return vmm_error(ret, "%" PRIu64 " MiB of hypervisor-invisible memory (see /sys/class/iommufd_mem for what is free)",
				 bank->size >> 20);
	return map_object(memory, bank, offset);
}

static int add_file(struct memory *memory, struct memory_bank *bank)
{
	unsigned int flags = MFD_CLOEXEC;
	int ret;

	if (memory->type == MEMORY_HUGETLB)
		flags |= MFD_HUGETLB | MFD_HUGE_2MB;
	bank->memfd = memfd_create("guest-ram", flags);
	if (bank->memfd < 0 || ftruncate(bank->memfd, bank->size))
		return vmm_error(-errno, "memfd of %" PRIu64 " MiB", bank->size >> 20);
	ret = iommufd_mem_mmap(bank->memfd, 0, bank->size, alignment(bank),
			       PROT_READ | PROT_WRITE, (void **)&bank->va);
	if (ret == -ENOMEM && memory->type == MEMORY_HUGETLB)
		return vmm_error(ret, "%" PRIu64 " huge pages are needed: see /proc/sys/vm/nr_hugepages",
				 bank->size / HUGE);
	return ret ? vmm_error(ret, "mmap of RAM") : 0;
}

int memory_add(struct memory *memory, uint64_t size, uint32_t dev_id, const char *region)
{
	struct memory_bank *bank = new_bank(memory, size);

	if (!bank)
		return -EINVAL;
	return memory->type == MEMORY_HI ? add_object(memory, bank, dev_id, region) :
					   add_file(memory, bank);
}

int memory_adopt(struct memory *memory)
{
	struct iommu_mem_info info = {};
	struct memory_bank *bank;
	int ret;

	while (!(ret = iommufd_mem_next(memory->iommufd, &info))) {
		if (info.out_type != IOMMU_MEM_TYPE_REGION)
			continue;
		bank = new_bank(memory, info.out_length);
		if (!bank)
			return -EINVAL;
		bank->mem_id = info.mem_id;
		ret = map_object(memory, bank, info.out_mmap_offset);
		if (ret)
			return ret;
	}
	if (ret != -ENOENT)
		return vmm_error(ret, "IOMMU_MEM_INFO");
	return memory->count ? 0 : vmm_error(-ENOENT, "the iommufd has no memory object");
}

int memory_map_ioas(struct memory *memory, uint32_t ioas_id)
{
	unsigned int i;
	int ret;

	for (i = 0; i < memory->count; i++) {
		struct memory_bank *bank = &memory->banks[i];
		uint64_t iova = bank->gpa;

		if (memory->type == MEMORY_HI)
			ret = iommufd_ioas_map_mem(memory->iommufd, ioas_id, bank->mem_id, 0,
						   bank->size, IOMMUFD_FIXED_READ_WRITE, &iova);
		else
			ret = iommufd_ioas_map_file(memory->iommufd, ioas_id, bank->memfd, 0,
						    bank->size, IOMMUFD_FIXED_READ_WRITE, &iova);
		if (ret == -ENOMEM && memory->type != MEMORY_HI)
			return vmm_error(ret, "pinning %" PRIu64 " MiB (RLIMIT_MEMLOCK?)",
					 bank->size >> 20);
		if (ret)
			return vmm_error(ret, "IOMMU_IOAS_MAP of RAM at 0x%" PRIx64, bank->gpa);
		vmm_step("IOAS %u: 0x%" PRIx64 " is RAM, %" PRIu64 " MiB", ioas_id, bank->gpa,
			 bank->size >> 20);
	}
	return 0;
}

int memory_map_vm(struct memory *memory, struct vm *vm)
{
	unsigned int i;
	int ret;

	for (i = 0; i < memory->count; i++) {
		struct memory_bank *bank = &memory->banks[i];

		ret = vm_add_memory(vm, bank->gpa, bank->size, bank->va);
		if (ret < 0)
			return vmm_error(ret, "KVM refuses the RAM at 0x%" PRIx64, bank->gpa);
	}
	return 0;
}

/* The objects go with the iommufd, or stay for the next who has it */
void memory_free(struct memory *memory)
{
	unsigned int i;

	for (i = 0; i < memory->count; i++) {
		if (memory->banks[i].va)
			munmap(memory->banks[i].va, memory->banks[i].size);
		if (memory->banks[i].memfd >= 0)
			close(memory->banks[i].memfd);
	}
	memory->count = 0;
}

uint64_t memory_size(const struct memory *memory)
{
	uint64_t size = 0;
	unsigned int i;

	for (i = 0; i < memory->count; i++)
		size += memory->banks[i].size;
	return size;
}

void *memory_at(const struct memory *memory, uint64_t gpa, uint64_t length)
{
	unsigned int i;

	for (i = 0; i < memory->count; i++) {
		const struct memory_bank *bank = &memory->banks[i];

		if (gpa >= bank->gpa && gpa - bank->gpa < bank->size)
			return length <= bank->size - (gpa - bank->gpa) ?
				       bank->va + (gpa - bank->gpa) : NULL;
	}
	return NULL;
}

/* Of this thread: where to go on when an access fails; that one has failed in KVM_RUN */
static __thread sigjmp_buf *volatile guard;
static __thread volatile bool failed;

static int copy(void *to, const void *from, size_t length)
{
	sigjmp_buf here;

	if (sigsetjmp(here, 0)) {
		guard = NULL;
		return -EFAULT;
	}
	guard = &here;
	memcpy(to, from, length);
	guard = NULL;
	return 0;
}

int memory_read(const struct memory *memory, uint64_t gpa, void *to, size_t length)
{
	const void *from = memory_at(memory, gpa, length);

	return from ? copy(to, from, length) : -EFAULT;
}

int memory_write(const struct memory *memory, uint64_t gpa, const void *from, size_t length)
{
	void *to = memory_at(memory, gpa, length);

	return to ? copy(to, from, length) : -EFAULT;
}

static struct memory *of_signals;

static bool is_ram(const struct memory *memory, const void *address)
{
	const uint8_t *at = address;
	unsigned int i;

	for (i = 0; i < memory->count; i++)
		if (at >= memory->banks[i].va && at < memory->banks[i].va + memory->banks[i].size)
			return true;
	return false;
}

static void sigbus(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	/* Told beforehand, to whichever thread */
	if (info->si_code == BUS_MCEERR_AO)
		return;
	if (guard)
		siglongjmp(*guard, 1);
	/* An access that nobody guards would come back here for ever */
	if (info->si_code == BUS_MCEERR_AR && is_ram(of_signals, info->si_addr) && !failed) {
		failed = true;
		return;
	}
	vmm_error(0, "SIGBUS at %p", info->si_addr);
	_exit(1);
}

bool memory_failed(void)
{
	bool ret = failed;

	failed = false;
	return ret;
}

void memory_handle_sigbus(struct memory *memory)
{
	/* Not blocked while it is handled, for the handler can leave by siglongjmp() */
	struct sigaction action = {
		.sa_sigaction = sigbus, .sa_flags = SA_SIGINFO | SA_NODEFER,
	};

	of_signals = memory;
	sigaction(SIGBUS, &action, NULL);
}
