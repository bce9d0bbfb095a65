/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Lists of first-level links and of references.
 */
#ifndef CFS_REPO_LIST_H
#define CFS_REPO_LIST_H

#include "repo/links.h"

/* A first-level link, or a reference. */
struct cfs_repo_entry {
	const char *name;     /* of a reference: below refs/ */
	const char *target;   /* of a reference: the name of the first-level link */
	struct cfs_digest id; /* of a first-level link: its object */
	/* 0; -EMLINK: not a symbolic link; -EUCLEAN: a damaged link; other -errno: it
	 * could not be read. */
	int code;
	const char *wrong; /* a description of code; target and id are undefined then */
	int64_t mtime_sec; /* of the link */
	uint32_t mtime_nsec;
};

/* Sorted by name. Starts zeroed. */
struct cfs_repo_list {
	struct cfs_arena arena;
	struct cfs_repo_entry *v;
	size_t n, cap;
};

/* Frees the entries, and zeroes it. A zeroed one is valid. */
void cfs_repo_list_fini(struct cfs_repo_list *list);

/* List the first-level links of images or streams, or their references at any depth. A
 * damaged link is an entry with a code, not an error. The caller calls
 * cfs_repo_list_fini, also after an error. */
int cfs_repo_list_entries(const struct cfs_repo *repo, enum cfs_repo_kind kind,
			  struct cfs_repo_list *out, struct cfs_err *err) CFS_MUST_CHECK;
int cfs_repo_list_refs(const struct cfs_repo *repo, enum cfs_repo_kind kind,
		       struct cfs_repo_list *out, struct cfs_err *err) CFS_MUST_CHECK;

#endif
