/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* bls: entries of boot loaders, as text.
 * Owns:  the grammar of type 1 entries, of boot counters in the names of files and of
 *        os-release, the order of versions.
 * Uses:  base (spans, sinks, errors).
 * Never: opens files, knows the arguments of composefs.
 *
 * Source: the UAPI group's Boot Loader Specification (UAPI.1), which systemd-boot, GRUB
 * and zipl read, and "Automatic Boot Assessment" of systemd for the counters; UAPI.10 for
 * the order of versions.
 */
#ifndef CFS_BLS_H
#define CFS_BLS_H

#include <stdbool.h>

#include "base/base.h"

enum { CFS_BLS_ENTRY_MAX = 65536 }; /* bytes of a type 1 entry */

/* A line of an entry: "key value". key.len is 0 for empty lines and comments. */
struct cfs_bls_line {
	struct cfs_text key, value;
};

/* Takes the next line from rest. Returns false at the end. */
bool cfs_bls_next(struct cfs_text *rest, struct cfs_bls_line *out);

/* Finds the first line with this key. Returns false if there is none. */
bool cfs_bls_find(struct cfs_text entry, struct cfs_text key, struct cfs_text *out);

/* Writes the kernel command line of an entry: the values of all "options" lines,
 * with a space between them. Fails if out does. */
int cfs_bls_write_options(struct cfs_text entry, struct cfs_sink out,
			  struct cfs_err *err) CFS_MUST_CHECK;

/* The name of the file of an entry, without its suffix and its counter. */
struct cfs_bls_name {
	struct cfs_text id;
	bool is_counted; /* the boot loader counts failed boots */
	unsigned tries_left, tries_done;
};

/* Parses "ID+LEFT-DONE.conf", "ID+LEFT.conf" or "ID.conf", or the same with ".efi".
 * Borrows from name. Returns false if the file is no entry: another suffix, or no ID. A
 * "+" without numbers behind it belongs to the ID. */
bool cfs_bls_parse_name(struct cfs_text name, struct cfs_text suffix,
			struct cfs_bls_name *out);

/* Compares two versions, or IDs of entries, as UAPI.10 says: negative if a is older, 0,
 * positive if it is newer. */
int cfs_bls_compare_versions(struct cfs_text a, struct cfs_text b);

/* Finds the value of a line KEY=VALUE of os-release, without its quotes. Returns false if
 * there is none. */
bool cfs_bls_find_release(struct cfs_text text, struct cfs_text key,
			  struct cfs_text *out);

#endif
