/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* pe: the sections of a PE file, such as a unified kernel image (UKI).
 * Owns:  the headers of the format, as far as they lead to sections.
 * Uses:  base (spans, errors).
 * Never: opens files, knows what a section means, checks signatures.
 *
 * Sources: "PE Format" of Microsoft (headers, section table); the UAPI group's
 * specification of unified kernel images, version 1 (names of sections, profiles).
 */
#ifndef CFS_PE_H
#define CFS_PE_H

#include "base/err.h"
#include "base/span.h"

enum {
	CFS_PE_SECTIONS_MAX = 256, /* a UKI has about ten, and some for each profile */
	CFS_PE_NAME_MAX = 8,	   /* bytes of a name that a header has room for */
};

/* A PE file. Borrows the bytes it was opened from. */
struct cfs_pe {
	struct cfs_span file, table; /* the section table */
	unsigned n_sections;
};

/* Finds the section table. -EUCLEAN: not a PE file, or the table is not inside. */
int cfs_pe_open(struct cfs_span file, struct cfs_pe *out,
		struct cfs_err *err) CFS_MUST_CHECK;

/* Finds the section with this name (".cmdline") and its content, without the padding to
 * the alignment of the file. Borrowed from the file. Returns 1, or 0 if there is none.
 * -ENOTUNIQ: several sections have the name, as in a UKI with profiles, whose firmware
 * decides which one is used. -EUCLEAN: the content is not inside the file. */
int cfs_pe_find(const struct cfs_pe *pe, struct cfs_text name, struct cfs_span *out,
		struct cfs_err *err) CFS_MUST_CHECK;

#endif
