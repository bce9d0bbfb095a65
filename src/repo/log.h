/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The log of a reference: which images it referred to, and which command changed that.
 *
 * log/HASH, where HASH is the SHA-256 of the name in hex, has the line
 * "composefs log 1 NAME", and a line for each change, oldest first: "TIME OLD NEW COMMAND"
 * with seconds since 1970, IDs as "sha256:HEX" or "-" for none, and a word or "-". Other
 * programs ignore the directory and change references without an entry, so the OLD of an
 * entry may differ from the NEW before it. Entries are not roots of garbage collection:
 * their images may be gone. A log that cannot be written does not stop a change; it is a
 * warning of the watch that the repository was opened with.
 */
#ifndef CFS_REPO_LOG_H
#define CFS_REPO_LOG_H

#include "base/base.h"
#include "verity/verity.h"

struct cfs_repo;

#define CFS_REPO_LOG_DIR "log"

enum {
	CFS_REPO_LOG_ENTRIES = 256,	      /* kept for each reference: the newest */
	CFS_REPO_LOG_EXPIRE_SEC = 90 * 86400, /* after a reference was removed */
};

struct cfs_repo_log_entry {
	int64_t time_sec;
	bool has_old, has_new; /* false: the reference did not exist */
	struct cfs_digest old_id, new_id;
	const char *command; /* "-": not known */
};

/* Oldest first. Starts zeroed. */
struct cfs_repo_log {
	struct cfs_arena arena;
	struct cfs_repo_log_entry *v;
	size_t n, cap;
	size_t n_bad; /* lines of another form, passed over */
};

/* Reads the log of a reference to an image ("refs/NAME" or NAME). One that does not exist
 * is empty. -EINVAL: not a valid name, or the file is not a log of it. */
int cfs_repo_log_read(const struct cfs_repo *repo, const char *name,
		      struct cfs_repo_log *out, struct cfs_err *err) CFS_MUST_CHECK;
void cfs_repo_log_fini(struct cfs_repo_log *log);

/* Records the changes that are made through repo, with this word, such as "tag". Without
 * it nothing is recorded. Borrowed until cfs_repo_close. */
void cfs_repo_set_command(struct cfs_repo *repo, const char *command);

/* Removes the logs of references that were removed CFS_REPO_LOG_EXPIRE_SEC before now, or
 * in a dry run counts them. Adds their number to *n. */
int cfs_repo_log_expire(const struct cfs_repo *repo, int64_t now, bool dry_run,
			uint64_t *n, struct cfs_err *err) CFS_MUST_CHECK;

#endif
