/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* where: the repository that a command works on.
 * Owns:  the options that name it, its default places, the printed form of an id.
 * Uses:  base, erofs, options, repo.
 * Never: does a command's work.
 */
#ifndef CFS_WHERE_H
#define CFS_WHERE_H

#include "cli/options.h"
#include "repo/repo.h"

struct where {
	const char *repo;
	bool user, system;
	bool require_verity;
	const char *hash;	  /* what its ids must be; NULL: no matter */
	const char *lock_timeout; /* seconds, as text */
	const char *no_value;	  /* of what is taken and means nothing here */
	bool no_upgrade; /* of a repository without a meta.json; see cli_stands_in */
	const struct cfs_watch *
		watch; /* ends the wait for the lock, and the reading of objects; may be NULL */
	char home[CFS_REPO_PATH_MAX];
};

/* Rows for the option table of a command whose struct has a struct where. Those without help are there because
 * cfsctl takes them in front of any command: what --hash wants is seen to; the format of images matters
 * only where one is made; and a repository is upgraded under that name alone. */
#define WHERE_OPTIONS(type, member)                                                      \
	{.help = "Repository:"},                                                         \
		{"repo", "DIR", offsetof(type, member.repo), NULL,                       \
		 "The repository is DIR"},                                               \
		{"user", NULL, offsetof(type, member.user), NULL,                        \
		 "It is ~/.var/lib/composefs (the default but for root)"},               \
		{"system", NULL, offsetof(type, member.system), NULL,                    \
		 "It is /sysroot/composefs (the default for root)"},                     \
		{"require-verity", NULL, offsetof(type, member.require_verity), NULL,    \
		 "Fail when the repository does without fs-verity"},                     \
		{"lock-timeout", "SECONDS", offsetof(type, member.lock_timeout), NULL,   \
		 "Wait no longer for the lock; 0: not at all (default: for ever)"},      \
		{"hash", "NAME", offsetof(type, member.hash), NULL, NULL},               \
		{"erofs-version", "N", offsetof(type, member.no_value), NULL, NULL},     \
	{                                                                                \
		"no-upgrade", NULL, offsetof(type, member.no_upgrade), NULL, NULL        \
	}

/* Was one named? */
static inline bool where_is_given(const struct where *w)
{
	return w->repo || w->user || w->system;
}

/* Its path, lent from w. -EINVAL: several were named, or there is no home. */
int where_path(struct where *w, const char **out, struct cfs_err *err) CFS_MUST_CHECK;

/* What --lock-timeout says, as cfs_lock_wait has it. -EINVAL: it is no number of seconds. */
int where_lock_timeout(const struct where *w, int *ms,
		       struct cfs_err *err) CFS_MUST_CHECK;

/* The same with a note for people; path is lent to it. */
int where_lock_wait(const struct where *w, const char *path, struct cfs_lock_wait *out,
		    struct cfs_err *err) CFS_MUST_CHECK;

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
enum { WHERE_ID_MAX = sizeof("sha512:") + CFS_DIGEST_HEX_MAX };
const char *where_id(const struct cfs_digest *id, char out[WHERE_ID_MAX]);

#endif
