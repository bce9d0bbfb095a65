/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* bootentries: what a boot loader offers, and which image each entry boots.
 * Owns:  where entries and UKIs are on a boot partition, reading them beneath it.
 * Uses:  base, verity (digests), pe (sections of UKIs), bls (text of entries), boot
 *        (kernel arguments).
 * Never: writes, decides what is booted.
 *
 * The partition may belong to any user: no symbolic link on it is followed, and sizes are
 * limited. The EFI system partition has no links.
 */
#ifndef CFS_BOOTENTRIES_H
#define CFS_BOOTENTRIES_H

#include "base/base.h"
#include "verity/verity.h"

enum {
	CFS_BOOTENTRIES_MAX = 4096,	   /* entries of one partition */
	CFS_BOOTENTRIES_UKI_MAX = 1 << 30, /* bytes of a UKI */
};

enum cfs_bootentry_type {
	CFS_BOOTENTRY_TYPE1, /* loader/entries/ID.conf, whose command line is not signed */
	CFS_BOOTENTRY_UKI,   /* EFI/Linux/ID.efi */
};

struct cfs_bootentry {
	char *file;    /* its path on the partition */
	char *id;      /* the name without counter and suffix */
	char *text;    /* of a type 1 entry, up to the first NUL; NULL: not read */
	char *title;   /* "title", or PRETTY_NAME of a UKI; NULL: none */
	char *version; /* NULL: none */
	char *problem; /* why the entry cannot be read, or boots no image of composefs; or NULL */
	enum cfs_bootentry_type type;
	bool has_image, insecure;
	struct cfs_digest image; /* the first of the kernel arguments */
	bool is_counted;	 /* the boot loader counts failed boots */
	unsigned tries_left, tries_done;
};

/* Starts zeroed. */
struct cfs_bootentries {
	struct cfs_bootentry *v;
	size_t n, cap;
};

/* Reads the entries of a boot partition: first loader/entries, then EFI/Linux and
 * EFI/Linux/bootc, each in the order of names. An entry that cannot be used has a problem;
 * other failures are errors. Directories that are absent have no entries. Call
 * cfs_bootentries_fini in any case. */
int cfs_bootentries_read(int dirfd, struct cfs_bootentries *out,
			 struct cfs_err *err) CFS_MUST_CHECK;
void cfs_bootentries_fini(struct cfs_bootentries *entries);

#endif
