/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* where: the repository that a command works on.
 * Owns:  the options that name it, the order in which it is looked for, the printed form of an id.
 * Uses:  base, erofs, options, repo.
 * Never: does a command's work.
 */
#ifndef CFS_WHERE_H
#define CFS_WHERE_H

#include <limits.h>

#include "cli/options.h"
#include "repo/repo.h"

struct where {
	const char *repo;
	bool user, system;
	bool require_verity;
	enum cfs_hash_alg alg; /* that of its image IDs must be this one; 0: any */
	int lock_timeout;      /* seconds */
	bool has_lock_timeout;
	const char *no_value; /* of an option that is accepted and ignored */
	bool no_upgrade;      /* of a repository without a meta.json; see cli_stands_in */
	const struct cfs_watch *
		watch; /* ends the wait for the lock, and the reading of objects; may be NULL */
	const char
		*origin; /* set by where_path: what decided for this repository; static */
	char found[CFS_REPO_PATH_MAX];
};

/* Rows for the option table of a command whose struct has a struct where. Those without help are there because
 * cfsctl takes them in front of any command: what --hash wants is seen to; the format of images matters
 * only where one is made; and a repository is upgraded under that name alone. */
#define WHERE_OPTIONS(type, member)                                                      \
	{"repo",                                                                         \
	 "DIR",                                                                          \
	 CLI_AT(type, member.repo),                                                      \
	 "The repository is DIR",                                                        \
	 CLI_TEXT,                                                                       \
	 .group = "Repository"},                                                         \
		{"user", NULL, CLI_AT(type, member.user),                                \
		 "It is ~/.local/share/composefs (the default but for root)"},           \
		{"system", NULL, CLI_AT(type, member.system),                            \
		 "It is the one of the system (the default for root)"},                  \
		{"require-verity", NULL, CLI_AT(type, member.require_verity),            \
		 "Fail when the repository does without fs-verity"},                     \
		{"lock-timeout",                                                         \
		 "TIME",                                                                 \
		 CLI_AT(type, member.lock_timeout),                                      \
		 "Wait no longer for the lock; 0: not at all (default: for ever)",       \
		 CLI_TIME,                                                               \
		 .max = INT_MAX / 1000,                                                  \
		 CLI_GIVEN(type, member.has_lock_timeout)},                              \
		{"hash", "NAME",     CLI_AT(type, member.alg),                           \
		 NULL,	 CLI_CHOICE, .choices = cli_repo_algs},                          \
		{"erofs-version", "N", CLI_AT(type, member.no_value), NULL, CLI_TEXT},   \
	{                                                                                \
		"no-upgrade", NULL, CLI_AT(type, member.no_upgrade)                      \
	}

/* Was one named, by an option or by $COMPOSEFS_REPO? */
bool where_is_given(const struct where *w);

/* Its path, lent from w: that of the options; that of $COMPOSEFS_REPO; the one that contains the current directory; or the default
 * of the user or, for root, of the system. Under the name cfsctl, options and defaults are those of composefs-rs, and nothing else counts.
 * -EINVAL: several were named, or there is no home; -EPERM: see cfs_repo_find_above. */
int where_path(struct where *w, const char **out, struct cfs_err *err) CFS_MUST_CHECK;

/* The same for a repository that is to be created: the current directory in place of the default. */
int where_path_new(struct where *w, const char **out, struct cfs_err *err) CFS_MUST_CHECK;

/* What --lock-timeout means, as cfs_lock_wait has it: milliseconds, -1: do not wait, 0: no limit. */
int where_lock_timeout(const struct where *w);

/* The same with a note for people; path is lent to it. */
void where_lock_wait(const struct where *w, const char *path, struct cfs_lock_wait *out);

/* Opens it. Who waits for the lock for long is told whom for. -EBUSY: the time is up. -ENOTTY: it has no fs-verity, and that was required; -EINVAL: its ids are not what they must be. */
int where_open(struct where *w, enum cfs_repo_access access, struct cfs_repo **out,
	       struct cfs_err *err) CFS_MUST_CHECK;

/* Refuses a directory that is part of a repository which this program must not write to: see
 * cfs_repo_check_writable. */
int where_check_writable(const char *dir, struct cfs_err *err) CFS_MUST_CHECK;

/* Maps the image of that name, checked against its id. The repository is given back: what is open stays.
 * The caller ends it with cfs_map_close(map). id may be NULL. */
int where_open_image(struct where *w, const char *name, struct cfs_map *map,
		     struct cfs_image *im, struct cfs_digest *id,
		     struct cfs_err *err) CFS_MUST_CHECK;

/* "sha256:..." and a NUL: an id as people see it; returns out. */
enum { WHERE_ID_MAX = CFS_DIGEST_TEXT_MAX };
const char *where_id(const struct cfs_digest *id, char out[WHERE_ID_MAX]);

#endif
