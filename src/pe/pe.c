/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Headers of PE files. Offsets of fields are those of the specification. */
#include "pe/pe.h"

#include <errno.h>
#include <inttypes.h>

enum {
	DOS_LEN = 64,
	DOS_PE_OFF = 0x3c, /* where the PE signature is */
	COFF_OFF = 4,	   /* after the PE signature */
	COFF_LEN = 20,
	COFF_N_SECTIONS = 2,
	COFF_OPTIONAL_LEN = 16,
	SECTION_LEN = 40,
	SECTION_VIRTUAL_SIZE = 8,
	SECTION_RAW_SIZE = 16,
	SECTION_RAW_OFF = 20,
};

static int fail_pe(struct cfs_err *err, const char *what)
{
	return cfs_fail(err, EUCLEAN, "expected a PE file: %s", what);
}

int cfs_pe_open(struct cfs_span file, struct cfs_pe *out, struct cfs_err *err)
{
	struct cfs_span dos, coff;
	uint64_t pe_off, table_off;
	unsigned n;

	if (!cfs_span_sub(file, 0, DOS_LEN, &dos) || memcmp(dos.p, "MZ", 2) != 0)
		return fail_pe(err, "expected \"MZ\" and a header of 64 bytes");
	pe_off = cfs_le32(dos.p + DOS_PE_OFF);
	if (!cfs_span_sub(file, pe_off, COFF_OFF + COFF_LEN, &coff) ||
	    memcmp(coff.p, "PE\0", COFF_OFF) != 0)
		return fail_pe(err, "expected the signature \"PE\" behind the header");
	coff.p += COFF_OFF;
	n = cfs_le16(coff.p + COFF_N_SECTIONS);
	if (n > CFS_PE_SECTIONS_MAX)
		return cfs_fail(err, EUCLEAN,
				"PE file: expected at most %d sections, got %u",
				CFS_PE_SECTIONS_MAX, n);
	table_off = pe_off + COFF_OFF + COFF_LEN + cfs_le16(coff.p + COFF_OPTIONAL_LEN);
	*out = (struct cfs_pe){.file = file, .n_sections = n};
	if (!cfs_span_sub(file, table_off, (uint64_t)n * SECTION_LEN, &out->table))
		return fail_pe(err, "the section table is not inside the file");
	return 0;
}

static bool has_section_name(const uint8_t *section, struct cfs_text name)
{
	struct cfs_text padded = {(const char *)section, CFS_PE_NAME_MAX};
	const char *nul = memchr(padded.s, 0, padded.len);

	if (nul)
		padded.len = (size_t)(nul - padded.s);
	return cfs_text_eq(padded, name);
}

/* The raw data is padded to the alignment of the file. The virtual size, if it is
 * smaller, is that of the content. What the virtual size has beyond the raw data would be
 * zeros in memory. */
static int get_content(const struct cfs_pe *pe, const uint8_t *section,
		       struct cfs_text name, struct cfs_span *out, struct cfs_err *err)
{
	uint32_t raw = cfs_le32(section + SECTION_RAW_SIZE);
	uint32_t size = cfs_le32(section + SECTION_VIRTUAL_SIZE);

	if (!cfs_span_sub(pe->file, cfs_le32(section + SECTION_RAW_OFF),
			  size < raw ? size : raw, out))
		return cfs_fail(err, EUCLEAN,
				"PE file: the content of section %.*s is not inside",
				(int)name.len, name.s);
	return 1;
}

int cfs_pe_find(const struct cfs_pe *pe, struct cfs_text name, struct cfs_span *out,
		struct cfs_err *err)
{
	const uint8_t *found = NULL;

	for (unsigned i = 0; i < pe->n_sections; i++) {
		const uint8_t *section = pe->table.p + (size_t)i * SECTION_LEN;

		if (!has_section_name(section, name))
			continue;
		if (found)
			return cfs_fail(err, ENOTUNIQ,
					"PE file: expected one section %.*s, got several",
					(int)name.len, name.s);
		found = section;
	}
	return found ? get_content(pe, found, name, out, err) : 0;
}
