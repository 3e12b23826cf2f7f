// SPDX-License-Identifier: GPL-2.0
/*
 * Files of firmware that are not what they should be, each in one way. What the core driver
 * checks itself it refuses before the GPU learns of it; what is for FSP and FMC to check they
 * refuse, which their model counts as the driver's error. Probe says which file it is and
 * what is wrong with it, and with the good files the next probe succeeds.
 *
 * The broken files are in a tmpfs over those of the system. A path of the kernel's own
 * (firmware_class.path) would not do: it looks further where a file is missing or empty.
 *
 * Not here: a firmware of more than 256 MiB, which the machine has no memory for.
 */
#include "kselftest_harness.h"

#include <elf.h>
#include <mntent.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <nvgrace-gpu-regs.h>

#include "memtest.h"
#include "vgpu.h"

#define FIRMWARE	"/lib/firmware"
#define FILES		FIRMWARE "/nvgrace-vgpu/570.144"
#define MARK		"vgpu_firmware"		/* as who mounted it is told in /proc/mounts */
#define BOUND		60000			/* ms, as DEADLINE_MS of vgpu.c */
#define SMALL_MAX	(4 << 20)		/* bytes of all but the firmware itself */

static const char * const file_names[] = { "gsp.bin", "fmc.bin", "bootloader.bin" };

#define NR_FILES	ARRAY_SIZE(file_names)

/* A file, and what its damage is about */
struct image {
	uint8_t *data;
	uint64_t size;
	bool gone;
	const char *section;
	uint64_t value;
};

static Elf64_Ehdr *header(struct image *image)
{
	return (Elf64_Ehdr *)image->data;
}

static Elf64_Shdr *sections(struct image *image)
{
	return (Elf64_Shdr *)(image->data + header(image)->e_shoff);
}

static Elf64_Shdr *names(struct image *image)
{
	return sections(image) + header(image)->e_shstrndx;
}

/* That which the damage is about */
static Elf64_Shdr *section(struct image *image)
{
	const char *text = (char *)image->data + names(image)->sh_offset;
	unsigned int i;

	for (i = 0; i < header(image)->e_shnum; i++)
		if (!strcmp(text + sections(image)[i].sh_name, image->section))
			return sections(image) + i;
	ksft_exit_fail_msg("the good file has no section %s\n", image->section);
}

/* The ways to damage a file */

static void remove_it(struct image *image)
{
	image->gone = true;
}

static void resize(struct image *image)
{
	image->data = realloc(image->data, image->value);
	if (image->value > image->size)
		memset(image->data + image->size, 0, image->value - image->size);
	image->size = image->value;
}

static void shorten(struct image *image)
{
	image->size -= image->value;
}

static void set_magic(struct image *image)
{
	header(image)->e_ident[EI_MAG3] = image->value;
}

static void set_class(struct image *image)
{
	header(image)->e_ident[EI_CLASS] = image->value;
}

static void set_data(struct image *image)
{
	header(image)->e_ident[EI_DATA] = image->value;
}

static void set_entry_size(struct image *image)
{
	header(image)->e_shentsize = image->value;
}

static void set_count(struct image *image)
{
	header(image)->e_shnum = image->value;
}

static void set_table(struct image *image)
{
	header(image)->e_shoff = image->value;
}

static void set_names(struct image *image)
{
	header(image)->e_shstrndx = image->value;
}

static void set_names_type(struct image *image)
{
	names(image)->sh_type = image->value;
}

static void set_names_offset(struct image *image)
{
	names(image)->sh_offset = image->value;
}

static void cut_the_table(struct image *image)
{
	image->size = header(image)->e_shoff + sizeof(Elf64_Shdr);
}

/* The end of the names is within that of the section */
static void cut_the_name(struct image *image)
{
	names(image)->sh_size = section(image)->sh_name + strlen(image->section);
}

static void set_name(struct image *image)
{
	section(image)->sh_name = image->value;
}

static void set_type(struct image *image)
{
	section(image)->sh_type = image->value;
}

static void set_offset(struct image *image)
{
	section(image)->sh_offset = image->value;
}

static void set_size(struct image *image)
{
	section(image)->sh_size = image->value;
}

static void shorten_section(struct image *image)
{
	section(image)->sh_size -= image->value;
}

/* Zeros, of which there are as many as it says */
static void enlarge(struct image *image)
{
	uint64_t end = image->size, size = image->value;

	image->value = end + size;
	resize(image);
	section(image)->sh_offset = end;
	section(image)->sh_size = size;
}

static void flip_a_bit(struct image *image)
{
	image->data[image->value] ^= 1;
}

static void flip_a_bit_of_it(struct image *image)
{
	image->data[section(image)->sh_offset + image->value] ^= 1;
}

FIXTURE(vgpu_firmware)
{
	struct vgpu v;
	uint32_t errors;
	struct image image[NR_FILES];
};

FIXTURE_VARIANT(vgpu_firmware)
{
	const char *file;
	void (*damage)(struct image *image);
	const char *section;
	uint64_t value;
	int error;
	bool by_gpu;		/* the GPU finds it */
	const char *says;
};

#define VARIANT(name, _file, _damage, _error, _says, ...)			\
	FIXTURE_VARIANT_ADD(vgpu_firmware, name)				\
	{									\
		.file = _file, .damage = _damage, .error = _error,		\
		.says = _says, ##__VA_ARGS__					\
	}

/* The driver finds it */
#define BROKEN(name, _file, _damage, _error, text, ...)				\
	VARIANT(name, _file, _damage, _error,					\
		"firmware file nvgrace-vgpu/570.144/" _file ": " text, ##__VA_ARGS__)

#define MISSING(name, _file)							\
	BROKEN(name##_is_missing, _file, remove_it, -ENOENT, "cannot be read: -2");	\
	BROKEN(name##_is_empty, _file, resize, -EINVAL, "cannot be read: -22")

MISSING(gsp, "gsp.bin");
MISSING(fmc, "fmc.bin");
MISSING(bootloader, "bootloader.bin");

/* No ELF file that it knows, which shows when it looks for the first section */
#define NO_ELF(name, _damage, ...)						\
	BROKEN(gsp_##name, "gsp.bin", _damage, -EINVAL, "no section .fwversion",	\
	       ##__VA_ARGS__);							\
	BROKEN(fmc_##name, "fmc.bin", _damage, -EINVAL, "no section image", ##__VA_ARGS__)

NO_ELF(ends_in_its_header, resize, .value = sizeof(Elf64_Ehdr) - 1);
NO_ELF(has_no_magic, set_magic, .value = 'G');
NO_ELF(is_of_32_bits, set_class, .value = ELFCLASS32);
NO_ELF(is_big_endian, set_data, .value = ELFDATA2MSB);
NO_ELF(has_other_section_headers, set_entry_size, .value = sizeof(Elf32_Shdr));
NO_ELF(has_no_sections, set_count);
NO_ELF(has_its_section_table_outside, set_table, .value = 64 << 20);
NO_ELF(has_its_section_table_beyond_all, set_table, .value = UINT64_MAX);
NO_ELF(ends_in_its_section_table, cut_the_table);
NO_ELF(has_no_section_of_names, set_names, .value = UINT16_MAX);
NO_ELF(has_names_without_contents, set_names_type, .value = SHT_NOBITS);
NO_ELF(has_its_names_outside, set_names_offset, .value = 64 << 20);

#define NO_SECTION(name, _file, _section, _damage, ...)				\
	BROKEN(name, _file, _damage, -EINVAL, "no section " _section,		\
	       .section = _section, ##__VA_ARGS__)

NO_SECTION(gsp_has_no_version, "gsp.bin", ".fwversion", set_name);
NO_SECTION(gsp_has_no_signature, "gsp.bin", ".fwsignature_gb10x", set_name);
NO_SECTION(gsp_has_no_image, "gsp.bin", ".fwimage", set_name);
NO_SECTION(fmc_has_no_image, "fmc.bin", "image", set_name);
NO_SECTION(fmc_has_no_hash, "fmc.bin", "hash", set_name);
NO_SECTION(fmc_has_no_key, "fmc.bin", "publickey", set_name);
NO_SECTION(fmc_has_no_signature, "fmc.bin", "signature", set_name);
NO_SECTION(image_has_a_name_outside, "gsp.bin", ".fwimage", set_name, .value = UINT32_MAX);
NO_SECTION(version_has_a_name_that_does_not_end, "gsp.bin", ".fwversion", cut_the_name);
NO_SECTION(image_is_without_contents, "gsp.bin", ".fwimage", set_type, .value = SHT_NOBITS);
NO_SECTION(image_is_outside, "gsp.bin", ".fwimage", set_offset, .value = 64 << 20);
NO_SECTION(image_is_beyond_all, "gsp.bin", ".fwimage", set_offset, .value = UINT64_MAX);
NO_SECTION(image_ends_outside, "gsp.bin", ".fwimage", set_size, .value = 64 << 20);

#define WRONG_SIZE(name, _file, _section, _damage, _value, text)		\
	BROKEN(name, _file, _damage, -EINVAL, "section " _section " has " text " wanted",	\
	       .section = _section, .value = _value)

WRONG_SIZE(version_is_empty, "gsp.bin", ".fwversion", set_size, 0, "0 bytes, 1 to 31");
WRONG_SIZE(version_is_too_long, "gsp.bin", ".fwversion", enlarge, 32, "32 bytes, 1 to 31");
WRONG_SIZE(signature_is_empty, "gsp.bin", ".fwsignature_gb10x", set_size, 0,
	   "0 bytes, 1 to 4194304");
WRONG_SIZE(signature_is_too_large, "gsp.bin", ".fwsignature_gb10x", enlarge, SMALL_MAX + 1,
	   "4194305 bytes, 1 to 4194304");
WRONG_SIZE(image_is_empty, "gsp.bin", ".fwimage", set_size, 0, "0 bytes, 1 to 268435456");
WRONG_SIZE(fmc_image_is_empty, "fmc.bin", "image", set_size, 0, "0 bytes, 1 to 4194304");
WRONG_SIZE(fmc_image_is_too_large, "fmc.bin", "image", enlarge, SMALL_MAX + 1,
	   "4194305 bytes, 1 to 4194304");
WRONG_SIZE(hash_is_empty, "fmc.bin", "hash", set_size, 0, "0 bytes, 1 to 48");
WRONG_SIZE(hash_is_too_long, "fmc.bin", "hash", enlarge, 49, "49 bytes, 1 to 48");
WRONG_SIZE(key_is_empty, "fmc.bin", "publickey", set_size, 0, "0 bytes, 1 to 384");
WRONG_SIZE(key_is_too_long, "fmc.bin", "publickey", enlarge, 385, "385 bytes, 1 to 384");
WRONG_SIZE(fmc_signature_is_empty, "fmc.bin", "signature", set_size, 0, "0 bytes, 1 to 384");
WRONG_SIZE(fmc_signature_is_too_long, "fmc.bin", "signature", enlarge, 385,
	   "385 bytes, 1 to 384");

BROKEN(version_is_another, "gsp.bin", flip_a_bit_of_it, -EINVAL,
       "version 470.144, this driver speaks 570.144", .section = ".fwversion");
BROKEN(hash_is_short, "fmc.bin", set_size, -EINVAL, "hash of 47 bytes, 48 wanted",
       .section = "hash", .value = 47);
BROKEN(bootloader_is_too_large, "bootloader.bin", resize, -EINVAL,
       "4194305 bytes, 1 to 4194304 wanted", .value = SMALL_MAX + 1);

#define BY_FSP(name, _section, _damage, ...)					\
	VARIANT(name, "fmc.bin", _damage, -EREMOTEIO,				\
		"FSP: chain of trust: refused with error 0x102",		\
		.by_gpu = true, .section = _section, ##__VA_ARGS__)
#define BY_FMC(name, _file, _section, _damage, code, ...)			\
	VARIANT(name, _file, _damage, -EIO,					\
		"GSP lockdown: FMC failed with error " code,			\
		.by_gpu = true, .section = _section, ##__VA_ARGS__)

BY_FSP(fmc_image_has_another_bit, "image", flip_a_bit_of_it, .value = 4000);
BY_FSP(hash_has_another_bit, "hash", flip_a_bit_of_it);
BY_FSP(key_has_another_bit, "publickey", flip_a_bit_of_it, .value = 383);
BY_FSP(fmc_signature_has_another_bit, "signature", flip_a_bit_of_it);
BY_FSP(fmc_image_is_short, "image", shorten_section, .value = 1);
BY_FSP(key_is_short, "publickey", shorten_section, .value = 1);
BY_FSP(fmc_signature_is_short, "signature", set_size, .value = 47);
BY_FMC(image_has_another_bit, "gsp.bin", ".fwimage", flip_a_bit_of_it, "0x5",
       .value = 1 << 20);
BY_FMC(image_is_short, "gsp.bin", ".fwimage", shorten_section, "0x5", .value = 4096);
BY_FMC(image_has_part_of_a_page, "gsp.bin", ".fwimage", shorten_section, "0x5", .value = 1);
BY_FMC(signature_has_another_bit, "gsp.bin", ".fwsignature_gb10x", flip_a_bit_of_it, "0x6");
BY_FMC(signature_is_short, "gsp.bin", ".fwsignature_gb10x", shorten_section, "0x6",
       .value = 1);
BY_FMC(bootloader_has_another_bit, "bootloader.bin", NULL, flip_a_bit, "0x7");
BY_FMC(bootloader_is_short, "bootloader.bin", NULL, shorten, "0x7", .value = 1);

/* Also what a test has left that was killed */
static int show_good_files(void)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *entry;
	int ret = 0;

	if (!mounts)
		return -errno;
	while ((entry = getmntent(mounts)))
		if (!strcmp(entry->mnt_fsname, MARK) && umount2(FIRMWARE, MNT_DETACH))
			ret = -errno;
	endmntent(mounts);
	return ret;
}

static int read_file(struct image *image, const char *name)
{
	struct stat st;
	char path[128];
	int fd, ret;

	snprintf(path, sizeof(path), FILES "/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = fstat(fd, &st) ? -errno : 0;
	image->size = ret ? 0 : st.st_size;
	image->data = malloc(image->size);
	if (!ret && read(fd, image->data, image->size) != st.st_size)
		ret = -EIO;
	close(fd);
	return ret;
}

static int write_file(const struct image *image, const char *name)
{
	char path[128];
	int fd, ret;

	if (image->gone)
		return 0;
	snprintf(path, sizeof(path), FILES "/%s", name);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	ret = write(fd, image->data, image->size) == (ssize_t)image->size ? 0 : -EIO;
	close(fd);
	return ret;
}

static int show_files(const struct image *image)
{
	unsigned int i;
	int ret = 0;

	if (mount(MARK, FIRMWARE, "tmpfs", 0, "mode=0755") ||
	    mkdir(FIRMWARE "/nvgrace-vgpu", 0755) || mkdir(FILES, 0755))
		return -errno;
	for (i = 0; i < NR_FILES && !ret; i++)
		ret = write_file(&image[i], file_names[i]);
	return ret;
}

FIXTURE_SETUP(vgpu_firmware)
{
	unsigned int i;
	int ret;

	ret = vgpu_open(&self->v);
	if (ret == -ENODEV)
		SKIP(return, "no GPU");
	ASSERT_EQ(0, ret);
	vgpu_calm(&self->v);
	self->errors = vgpu_driver_errors(&self->v);
	ASSERT_EQ(0, show_good_files());
	for (i = 0; i < NR_FILES; i++)
		ASSERT_EQ(0, read_file(&self->image[i], file_names[i]));
	if (vgpu_is_bound(&self->v))
		ASSERT_EQ(0, vgpu_unbind(&self->v));
}

FIXTURE_TEARDOWN(vgpu_firmware)
{
	unsigned int i;

	if (!self->v.window)
		return;
	vgpu_write(&self->v, NVGRACE_TROUBLE_EXPECT, 0);
	EXPECT_EQ(0, show_good_files());
	if (!vgpu_is_bound(&self->v))
		EXPECT_EQ(0, vgpu_bind(&self->v));
	EXPECT_EQ(self->errors, vgpu_driver_errors(&self->v));
	for (i = 0; i < NR_FILES; i++)
		free(self->image[i].data);
	vgpu_close(&self->v);
}

static void damage(struct image *all, const FIXTURE_VARIANT(vgpu_firmware) *variant)
{
	struct image *image = all;
	unsigned int i;

	for (i = 0; i < NR_FILES; i++)
		if (!strcmp(file_names[i], variant->file))
			image = &all[i];
	image->section = variant->section;
	image->value = variant->value;
	variant->damage(image);
}

TEST_F_TIMEOUT(vgpu_firmware, that_is_broken_fails_probe_in_time_and_the_next_succeeds, 300)
{
	uint64_t start;

	damage(self->image, variant);
	ASSERT_EQ(0, show_files(self->image));
	vgpu_write(&self->v, NVGRACE_TROUBLE_EXPECT, variant->by_gpu);
	vgpu_write(&self->v, NVGRACE_TROUBLE_EXPECTED, 0);
	ASSERT_EQ(0, vgpu_log_mark(&self->v));
	start = vgpu_ms();
	EXPECT_EQ(variant->error, vgpu_bind(&self->v));
	EXPECT_GT(BOUND, vgpu_ms() - start);
	EXPECT_FALSE(vgpu_is_bound(&self->v));
	EXPECT_TRUE(vgpu_log_says(&self->v, variant->says));
	EXPECT_EQ(variant->by_gpu, vgpu_read(&self->v, NVGRACE_TROUBLE_EXPECTED));
	vgpu_write(&self->v, NVGRACE_TROUBLE_EXPECT, 0);

	ASSERT_EQ(0, show_good_files());
	EXPECT_EQ(0, vgpu_bind(&self->v));
	EXPECT_TRUE(vgpu_becomes(&self->v, "running"));
}

TEST_HARNESS_MAIN
