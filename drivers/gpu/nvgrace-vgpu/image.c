// SPDX-License-Identifier: GPL-2.0
/*
 * The firmware comes in three files: gsp.bin and fmc.bin are ELF files whose sections
 * hold images, hashes and signatures; bootloader.bin is an image itself. The sections
 * are copied to memory that GSP can read. That of the firmware itself, tens of MiB, is
 * in pages from all over, which GSP finds through three levels of tables (radix3).
 *
 * Files are not trusted to be well formed, though what they say is: GSP
 * checks signatures, this driver does not. How GSP boots is in gsp.c.
 */
#include <linux/dma-mapping.h>
#include <linux/elf.h>
#include <linux/firmware.h>
#include <linux/overflow.h>
#include <linux/unaligned.h>
#include <linux/vmalloc.h>

#include "gpu.h"
#include "image.h"

#define NVG_FW_GSP		NVG_FW_DIR "gsp.bin"
#define NVG_FW_FMC		NVG_FW_DIR "fmc.bin"
#define NVG_FW_BOOTLOADER	NVG_FW_DIR "bootloader.bin"

MODULE_FIRMWARE(NVG_FW_GSP);
MODULE_FIRMWARE(NVG_FW_FMC);
MODULE_FIRMWARE(NVG_FW_BOOTLOADER);

#define NVG_MAX_GSP_SIZE	SZ_256M
#define NVG_MAX_SMALL_SIZE	SZ_4M		/* of all else */

#define ELF_FIELD(base, type, field, bits) \
	get_unaligned_le##bits((const u8 *)(base) + offsetof(type, field))

/* Does [@offset, @offset + @len) lie in a file of @size bytes? */
static bool in_file(u64 offset, u64 len, size_t size)
{
	u64 end;

	return !check_add_overflow(offset, len, &end) && end <= size;
}

/* Section headers of a 64-bit ELF file, or NULL */
static const u8 *elf_headers(const struct firmware *fw, unsigned int *count, unsigned int *names)
{
	const u8 *data = fw->data;
	u64 offset;

	if (fw->size < sizeof(struct elf64_hdr) || memcmp(data, ELFMAG, SELFMAG) ||
	    data[EI_CLASS] != ELFCLASS64 || data[EI_DATA] != ELFDATA2LSB ||
	    ELF_FIELD(data, struct elf64_hdr, e_shentsize, 16) != sizeof(struct elf64_shdr))
		return NULL;
	offset = ELF_FIELD(data, struct elf64_hdr, e_shoff, 64);
	*count = ELF_FIELD(data, struct elf64_hdr, e_shnum, 16);
	*names = ELF_FIELD(data, struct elf64_hdr, e_shstrndx, 16);
	if (*names >= *count || !in_file(offset, *count * sizeof(struct elf64_shdr), fw->size))
		return NULL;
	return data + offset;
}

/* Contents of a section by its header, or NULL if they are not all in the file */
static const u8 *elf_contents(const struct firmware *fw, const u8 *header, size_t *len)
{
	u64 offset = ELF_FIELD(header, struct elf64_shdr, sh_offset, 64);
	u64 size = ELF_FIELD(header, struct elf64_shdr, sh_size, 64);

	if (ELF_FIELD(header, struct elf64_shdr, sh_type, 32) == SHT_NOBITS ||
	    !in_file(offset, size, fw->size))
		return NULL;
	*len = size;
	return fw->data + offset;
}

static const u8 *elf_section(const struct firmware *fw, const char *name, size_t *len)
{
	const u8 *headers, *header, *names;
	unsigned int count, names_index, i;
	size_t names_len, at;

	headers = elf_headers(fw, &count, &names_index);
	if (!headers)
		return NULL;
	names = elf_contents(fw, headers + names_index * sizeof(struct elf64_shdr), &names_len);
	if (!names)
		return NULL;
	for (i = 0; i < count; i++) {
		header = headers + i * sizeof(struct elf64_shdr);
		at = ELF_FIELD(header, struct elf64_shdr, sh_name, 32);
		if (at < names_len && names_len - at > strlen(name) &&
		    !memcmp(names + at, name, strlen(name) + 1))
			return elf_contents(fw, header, len);
	}
	return NULL;
}

/* A section of 1 to @max bytes */
static const u8 *need_section(struct nvg_gpu *gpu, const struct firmware *fw, const char *file,
			      const char *name, size_t max, size_t *len)
{
	const u8 *data = elf_section(fw, name, len);

	if (!data) {
		dev_err(gpu->dev, "firmware file %s: no section %s\n", file, name);
		return NULL;
	}
	if (!*len || *len > max) {
		dev_err(gpu->dev, "firmware file %s: section %s has %zu bytes, 1 to %zu wanted\n",
			file, name, *len, max);
		return NULL;
	}
	return data;
}

static int copy_to_mem(struct nvg_gpu *gpu, struct nvg_gsp_mem *mem, const void *data, size_t len)
{
	int rc;

	rc = nvg_gsp_mem_alloc(gpu, mem, len);
	if (!rc)
		memcpy(mem->va, data, len);
	return rc;
}

static int load_section(struct nvg_gpu *gpu, const struct firmware *fw, const char *file,
			const char *name, struct nvg_gsp_mem *mem)
{
	const u8 *data;
	size_t len;

	data = need_section(gpu, fw, file, name, NVG_MAX_SMALL_SIZE, &len);
	return data ? copy_to_mem(gpu, mem, data, len) : -EINVAL;
}

/* A section of at most @max bytes; what it lacks is 0 */
static int copy_section(struct nvg_gpu *gpu, const struct firmware *fw, const char *file,
			const char *name, void *to, size_t max)
{
	const u8 *data;
	size_t len;

	data = need_section(gpu, fw, file, name, max, &len);
	if (!data)
		return -EINVAL;
	memset(to, 0, max);
	memcpy(to, data, len);
	return 0;
}

/* One level of tables for what @mem of the level below holds */
static int radix3_table(struct nvg_gpu *gpu, struct nvg_gsp_mem *table,
			const struct nvg_gsp_mem *mem)
{
	size_t pages = DIV_ROUND_UP(mem->size, NVG_GSP_PAGE_SIZE);
	__le64 *entry;
	size_t i;
	int rc;

	rc = nvg_gsp_mem_alloc(gpu, table, pages * sizeof(*entry));
	if (rc)
		return rc;
	entry = table->va;
	for (i = 0; i < pages; i++)
		entry[i] = cpu_to_le64(mem->pa + (i << NVG_GSP_PAGE_SHIFT));
	return 0;
}

/* The last level: the pages of the image */
static int radix3_leaves(struct nvg_gpu *gpu, struct nvg_radix3 *radix3)
{
	size_t pages = DIV_ROUND_UP(radix3->size, NVG_GSP_PAGE_SIZE);
	struct scatterlist *sg;
	__le64 *entry;
	size_t n = 0;
	u64 offset;
	int rc, i;

	rc = nvg_gsp_mem_alloc(gpu, &radix3->level[NVG_RADIX3_LEVELS - 1], pages * sizeof(*entry));
	if (rc)
		return rc;
	entry = radix3->level[NVG_RADIX3_LEVELS - 1].va;
	for_each_sgtable_dma_sg(&radix3->sgt, sg, i) {
		for (offset = 0; offset < sg_dma_len(sg) && n < pages; offset += NVG_GSP_PAGE_SIZE)
			entry[n++] = cpu_to_le64(sg_dma_address(sg) + offset);
	}
	return 0;
}

/* Scatter list of the pages of @data, which vmalloc() gave */
static int vmalloc_to_sgt(void *data, size_t size, struct sg_table *sgt)
{
	unsigned int count = PFN_UP(size), i;
	struct page **pages;
	int rc;

	pages = kvmalloc_objs(*pages, count);
	if (!pages)
		return -ENOMEM;
	for (i = 0; i < count; i++)
		pages[i] = vmalloc_to_page(data + i * PAGE_SIZE);
	rc = sg_alloc_table_from_pages(sgt, pages, count, 0, count * PAGE_SIZE, GFP_KERNEL);
	kvfree(pages);
	return rc;
}

/* The image's own pages, mapped */
static int radix3_map(struct nvg_gpu *gpu, struct nvg_radix3 *radix3, const void *data,
		      size_t size)
{
	int rc;

	radix3->data = vzalloc(PAGE_ALIGN(size));
	if (!radix3->data)
		return -ENOMEM;
	radix3->size = size;
	memcpy(radix3->data, data, size);

	rc = vmalloc_to_sgt(radix3->data, size, &radix3->sgt);
	if (rc)
		goto err_free;
	rc = dma_map_sgtable(gpu->dev, &radix3->sgt, DMA_TO_DEVICE, 0);
	if (rc)
		goto err_table;
	return 0;

err_table:
	sg_free_table(&radix3->sgt);
err_free:
	vfree(radix3->data);
	radix3->data = NULL;
	return rc;
}

/* What fails is undone by radix3_destroy() */
static int radix3_create(struct nvg_gpu *gpu, struct nvg_radix3 *radix3, const void *data,
			 size_t size)
{
	int rc, i;

	rc = radix3_map(gpu, radix3, data, size);
	if (rc)
		return rc;
	rc = radix3_leaves(gpu, radix3);
	for (i = NVG_RADIX3_LEVELS - 2; i >= 0 && !rc; i--)
		rc = radix3_table(gpu, &radix3->level[i], &radix3->level[i + 1]);
	return rc;
}

static void radix3_destroy(struct nvg_gpu *gpu, struct nvg_radix3 *radix3)
{
	int i;

	for (i = 0; i < NVG_RADIX3_LEVELS; i++)
		nvg_gsp_mem_free(gpu, &radix3->level[i]);
	if (!radix3->data)
		return;
	dma_unmap_sgtable(gpu->dev, &radix3->sgt, DMA_TO_DEVICE, 0);
	sg_free_table(&radix3->sgt);
	vfree(radix3->data);
}

static int request_file(struct nvg_gpu *gpu, const char *file, const struct firmware **fw)
{
	int rc = request_firmware(fw, file, gpu->dev);

	if (rc)
		dev_err(gpu->dev, "firmware file %s: cannot be read: %d\n", file, rc);
	return rc;
}

static int check_version(struct nvg_gpu *gpu, const struct firmware *fw)
{
	char version[32] = "";
	int rc;

	rc = copy_section(gpu, fw, NVG_FW_GSP, ".fwversion", version, sizeof(version) - 1);
	if (rc)
		return rc;
	strim(version);
	if (strcmp(version, NVG_FW_VERSION)) {
		dev_err(gpu->dev, "firmware file %s: version %s, this driver speaks %s\n",
			NVG_FW_GSP, version, NVG_FW_VERSION);
		return -EINVAL;
	}
	return 0;
}

static int load_gsp(struct nvg_gpu *gpu, struct nvg_image *image)
{
	const struct firmware *fw;
	const u8 *data;
	size_t len;
	int rc;

	rc = request_file(gpu, NVG_FW_GSP, &fw);
	if (rc)
		return rc;
	rc = check_version(gpu, fw);
	if (rc)
		goto out;
	rc = load_section(gpu, fw, NVG_FW_GSP, ".fwsignature_gb10x", &image->signature);
	if (rc)
		goto out;
	data = need_section(gpu, fw, NVG_FW_GSP, ".fwimage", NVG_MAX_GSP_SIZE, &len);
	rc = data ? radix3_create(gpu, &image->gsp, data, len) : -EINVAL;
out:
	release_firmware(fw);
	return rc;
}

static int load_fmc(struct nvg_gpu *gpu, struct nvg_image *image)
{
	const struct firmware *fw;
	const u8 *hash;
	size_t len;
	int rc;

	rc = request_file(gpu, NVG_FW_FMC, &fw);
	if (rc)
		return rc;
	rc = load_section(gpu, fw, NVG_FW_FMC, "image", &image->fmc);
	if (rc)
		goto out;
	hash = need_section(gpu, fw, NVG_FW_FMC, "hash", sizeof(image->hash), &len);
	if (hash && len != sizeof(image->hash)) {
		dev_err(gpu->dev, "firmware file %s: hash of %zu bytes, %zu wanted\n", NVG_FW_FMC,
			len, sizeof(image->hash));
		hash = NULL;
	}
	if (!hash) {
		rc = -EINVAL;
		goto out;
	}
	memcpy(image->hash, hash, len);
	rc = copy_section(gpu, fw, NVG_FW_FMC, "publickey", image->key, sizeof(image->key));
	if (rc)
		goto out;
	rc = copy_section(gpu, fw, NVG_FW_FMC, "signature", image->fmc_signature,
			  sizeof(image->fmc_signature));
out:
	release_firmware(fw);
	return rc;
}

static int load_bootloader(struct nvg_gpu *gpu, struct nvg_image *image)
{
	const struct firmware *fw;
	int rc;

	rc = request_file(gpu, NVG_FW_BOOTLOADER, &fw);
	if (rc)
		return rc;
	if (!fw->size || fw->size > NVG_MAX_SMALL_SIZE) {
		dev_err(gpu->dev, "firmware file %s: %zu bytes, 1 to %u wanted\n",
			NVG_FW_BOOTLOADER, fw->size, NVG_MAX_SMALL_SIZE);
		rc = -EINVAL;
	} else {
		rc = copy_to_mem(gpu, &image->bootloader, fw->data, fw->size);
	}
	release_firmware(fw);
	return rc;
}

/**
 * nvg_image_load() - read the firmware's files into memory that GSP can read
 * @gpu: the GPU
 * @image: zeroed; nvg_image_unload() frees it, after a failure too
 *
 * Return: 0; -ENOENT when a file is missing, -EINVAL when one is not what it should be;
 * -ENOMEM.
 */
int nvg_image_load(struct nvg_gpu *gpu, struct nvg_image *image)
{
	int rc;

	rc = load_gsp(gpu, image);
	if (rc)
		return rc;
	rc = load_fmc(gpu, image);
	if (rc)
		return rc;
	return load_bootloader(gpu, image);
}

/**
 * nvg_image_unload() - free what nvg_image_load() took
 * @gpu: the GPU, which reads it no longer
 * @image: loaded, or not completely
 */
void nvg_image_unload(struct nvg_gpu *gpu, struct nvg_image *image)
{
	nvg_gsp_mem_free(gpu, &image->bootloader);
	nvg_gsp_mem_free(gpu, &image->fmc);
	nvg_gsp_mem_free(gpu, &image->signature);
	radix3_destroy(gpu, &image->gsp);
}
