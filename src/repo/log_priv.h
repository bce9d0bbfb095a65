/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* repo, private: the logs of references. */
#ifndef CFS_REPO_LOG_PRIV_H
#define CFS_REPO_LOG_PRIV_H

#include "repo/repo_priv.h"

enum {
	REPO_LOG_COMMAND_MAX = 32, /* bytes of a command */
	REPO_LOG_LINE_MAX = 2 * CFS_DIGEST_TEXT_MAX + REPO_LOG_COMMAND_MAX + 32,
	/* CFS_REPO_LOG_ENTRIES lines with the longest IDs, the header, and one more */
	REPO_LOG_FILE_MAX =
		(CFS_REPO_LOG_ENTRIES + 1) * REPO_LOG_LINE_MAX + CFS_REPO_REF_MAX + 32,
	REPO_LOG_PATH_MAX = sizeof(CFS_REPO_LOG_DIR "/") + 2 * CFS_SHA256_LEN,
};

/* --- log.c -------------------------------------------------------------------------- */

/* Formats "log/HASH". */
void repo_log_format_path(const char *name, char out[REPO_LOG_PATH_MAX]);

/* Appends the file to out, whose memory the caller frees. A file that does not exist is
 * empty. -EINVAL: it is too long. */
int repo_log_load(const struct cfs_repo *repo, const char *path, struct cfs_mem *out,
		  struct cfs_err *err) CFS_MUST_CHECK;

/* Takes the header off and finds the name in it. False: it has another form. */
bool repo_log_parse_header(struct cfs_text *left, struct cfs_text *name);

/* Parses the log of that name. -EINVAL: it is of something else. */
int repo_log_parse(struct cfs_text text, const char *name, struct cfs_repo_log *out,
		   struct cfs_err *err) CFS_MUST_CHECK;

/* Can the word be the command of a line: small letters and dashes, not too many? */
bool repo_log_is_command(struct cfs_text word);

/* --- log_write.c -------------------------------------------------------------------- */

/* A change of a reference to an image, from before it until it is recorded. */
struct repo_log_change {
	int lock; /* the directory, locked; -1: nothing will be recorded */
	const char *ref;
	bool has_old;
	struct cfs_digest old_id;
};

/* Takes the lock of the logs and notes what the reference refers to, if changes are
 * recorded. A failure is a warning. */
void repo_log_begin(const struct cfs_repo *repo, const char *ref,
		    struct repo_log_change *out);

/* Records that the reference refers to new_id now, or is removed if NULL. Releases the
 * lock. A failure is a warning. */
void repo_log_end(const struct cfs_repo *repo, struct repo_log_change *change,
		  const struct cfs_digest *new_id);

/* Releases the lock: the change did not take place. */
void repo_log_drop(struct repo_log_change *change);

#endif
