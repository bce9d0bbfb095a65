/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* pe: sections of PE files, and files that lie about them. */
#include "t.h"
#include "pe/pe.h"

enum {
	PE_OFF = 64,
	OPTIONAL_LEN = 16,
	TABLE_OFF = PE_OFF + 24 + OPTIONAL_LEN,
	LEN = 512
};

static uint8_t file[LEN];
static struct cfs_err err;

static void put_section(unsigned i, const char *name, uint32_t virtual_size, uint32_t raw,
			uint32_t off)
{
	uint8_t *s = file + TABLE_OFF + i * 40;

	strncpy((char *)s, name, 8);
	cfs_put_le32(s + 8, virtual_size);
	cfs_put_le32(s + 16, raw);
	cfs_put_le32(s + 20, off);
}

static void put_number(unsigned off, uint16_t value)
{
	file[off] = (uint8_t)value;
	file[off + 1] = (uint8_t)(value >> 8);
}

/* .osrel of 4 bytes, and .cmdline of 5 bytes in 16 of the file. */
static void make_file(void)
{
	memset(file, 0, LEN);
	memcpy(file, "MZ", 2);
	cfs_put_le32(file + 0x3c, PE_OFF);
	memcpy(file + PE_OFF, "PE", 2);
	put_number(PE_OFF + 4 + 2, 3);
	put_number(PE_OFF + 4 + 16, OPTIONAL_LEN);
	put_section(0, ".osrel", 4, 4, 300);
	put_section(1, ".cmdline", 5, 16, 400);
	put_section(2, ".longname", 1, 1, 1);
	memcpy(file + 300, "ID=x", 4);
	memcpy(file + 400, "quiet", 5);
}

static int open_file(size_t len, struct cfs_pe *pe)
{
	return cfs_pe_open((struct cfs_span){file, len}, pe, &err);
}

static void check_section(const char *name, const char *expected)
{
	struct cfs_span content;
	struct cfs_pe pe;

	t_eq(open_file(LEN, &pe), 0);
	t_eq(cfs_pe_find(&pe, cfs_text(name), &content, &err), 1);
	t_ok(cfs_text_eq(cfs_span_text(content), cfs_text(expected)));
}

static int find(const char *name)
{
	struct cfs_span content;
	struct cfs_pe pe;

	t_eq(open_file(LEN, &pe), 0);
	return cfs_pe_find(&pe, cfs_text(name), &content, &err);
}

T(section_is_found_without_padding)
{
	make_file();
	check_section(".osrel", "ID=x");
	check_section(".cmdline", "quiet");
	t_eq(find(".linux"), 0);
	t_eq(find(".cmd"), 0);
	t_eq(find(".cmdline2"), 0);
	t_eq(find(""), 0);
}

T(section_that_is_shorter_than_in_memory_ends_in_the_file)
{
	make_file();
	put_section(1, ".cmdline", 100, 5, 400);
	check_section(".cmdline", "quiet");
}

T(section_outside_the_file_is_refused)
{
	make_file();
	put_section(1, ".cmdline", 16, 16, LEN - 15);
	t_eq(find(".cmdline"), -EUCLEAN);
	t_str(err.msg, "PE file: the content of section .cmdline is not inside");
	put_section(1, ".cmdline", 1, 1, UINT32_MAX);
	t_eq(find(".cmdline"), -EUCLEAN);
	t_eq(find(".osrel"), 1);
}

T(section_that_stands_twice_is_refused)
{
	make_file();
	put_section(0, ".cmdline", 4, 4, 300);
	t_eq(find(".cmdline"), -ENOTUNIQ);
}

T(file_that_is_cut_anywhere_in_the_headers_is_refused)
{
	struct cfs_pe pe;

	make_file();
	for (size_t len = 0; len < TABLE_OFF + 3 * 40; len++)
		t_eq(open_file(len, &pe), -EUCLEAN);
	t_eq(open_file(TABLE_OFF + 3 * 40, &pe), 0);
}

T(headers_that_lie_are_refused)
{
	struct cfs_pe pe;

	make_file();
	file[0] = 'm';
	t_eq(open_file(LEN, &pe), -EUCLEAN);
	make_file();
	file[PE_OFF + 2] = 1;
	t_eq(open_file(LEN, &pe), -EUCLEAN);
	make_file();
	cfs_put_le32(file + 0x3c, UINT32_MAX);
	t_eq(open_file(LEN, &pe), -EUCLEAN);
	make_file();
	put_number(PE_OFF + 4 + 16, UINT16_MAX);
	t_eq(open_file(LEN, &pe), -EUCLEAN);
	make_file();
	put_number(PE_OFF + 4 + 2, CFS_PE_SECTIONS_MAX + 1);
	t_eq(open_file(LEN, &pe), -EUCLEAN);
	t_has(err.msg, "at most 256 sections, got 257");
}
