// SPDX-License-Identifier: GPL-2.0
/*
 * Loading of an arm64 Image, as Documentation/arch/arm64/booting.rst has it: all in the
 * first bank of RAM,
 *
 *	GUEST_RAM + text_offset		Image, and what it says it needs behind
 *	+ up to the next 2 MiB		device tree, up to 2 MiB
 *	+ 2 MiB				initrd
 *
 * The files stay open, for a guest that resets gets them once more.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "image.h"
#include "layout.h"
#include "memory.h"

#define DTB_MAX		MIB(2)
#define IMAGE_MAGIC	"ARM\x64"
#define FLAG_BIG_ENDIAN	1

struct image_header {
	uint32_t code[2];
	uint64_t text_offset;
	uint64_t image_size;
	uint64_t flags;
	uint64_t reserved[3];
	char magic[4];
	uint32_t reserved4;
};

int file_open(struct file *file, const char *path)
{
	struct stat stat;
	int fd, ret = 0;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &stat)) {
		ret = vmm_error(-errno, "%s", path);
	} else if (!stat.st_size) {
		ret = vmm_error(0, "%s is empty", path);
	} else {
		file->size = stat.st_size;
		file->data = mmap(NULL, file->size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (file->data == MAP_FAILED) {
			file->data = NULL;
			ret = vmm_error(-errno, "%s", path);
		}
	}
	if (fd >= 0)
		close(fd);
	return ret;
}

void file_close(struct file *file)
{
	if (file->data)
		munmap(file->data, file->size);
	file->data = NULL;
}

static int check(const struct image_header *header, size_t size)
{
	if (size < sizeof(*header) || memcmp(header->magic, IMAGE_MAGIC, 4))
		return vmm_error(0, "the kernel is no arm64 Image (a compressed one, or an EFI one, must be unpacked)");
	if (header->flags & FLAG_BIG_ENDIAN)
		return vmm_error(0, "the kernel is big-endian");
	if (!header->image_size || header->text_offset % KIB(4) || header->text_offset > MIB(2) ||
	    header->image_size > GUEST_RAM_MAX)
		return vmm_error(0, "the kernel's header makes no sense");
	return 0;
}

static uint64_t up(uint64_t value, uint64_t align)
{
	return (value + align - 1) / align * align;
}

int image_load(struct image *image, const struct memory *memory, const struct file *kernel,
	       const struct file *initrd)
{
	const struct image_header *header = kernel->data;
	uint64_t length;
	int ret;

	ret = check(header, kernel->size);
	if (ret)
		return ret;
	length = header->image_size > kernel->size ? header->image_size : kernel->size;
	image->entry = GUEST_RAM + header->text_offset;
	image->dtb = up(image->entry + length, MIB(2));
	image->dtb_max = DTB_MAX;
	image->initrd = image->dtb + DTB_MAX;
	image->initrd_end = image->initrd + initrd->size;
	if (image->initrd_end - GUEST_RAM > memory->banks[0].size)
		return vmm_error(0, "kernel and initrd need %" PRIu64 " MiB, the first RAM has %" PRIu64,
				 (image->initrd_end - GUEST_RAM + MIB(1) - 1) >> 20,
				 memory->banks[0].size >> 20);
	ret = memory_write(memory, image->entry, kernel->data, kernel->size);
	if (!ret && initrd->size)
		ret = memory_write(memory, image->initrd, initrd->data, initrd->size);
	return ret ? vmm_error(ret, "cannot write the kernel to RAM") : 0;
}
