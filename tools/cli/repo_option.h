/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* where: the repository that a command works on.
 * Owns:  the options that select it, its default paths, the printed form of an ID.
 * Uses:  base, erofs, json, options, repo.
 * Never: does the work of a command.
 */
#ifndef CFS_WHERE_H
#define CFS_WHERE_H

#include <limits.h>

#include "cli/complete.h"
#include "cli/json.h"
#include "cli/options.h"
#include "repo/repo.h"

struct where {
	const char *repo;
	bool user, system;
	bool require_verity;
	enum cfs_hash_alg alg; /* required algorithm of its image IDs; 0: any */
	int lock_timeout;      /* seconds */
	bool has_lock_timeout;
	const char *no_value; /* value of an option that is accepted and ignored */
	bool no_upgrade;      /* do not create a missing meta.json; see cli_is_cfsctl */
	const struct cfs_watch *
		watch; /* cancels waiting for the lock and reading of objects; may be NULL */
	const char *
		origin; /* set by where_find_path: what decided for this repository; static */
	char found[CFS_REPO_PATH_MAX];
};

#define WHERE_ONE_OF "--repo, --user and --system"

/* Rows for the option table of a command whose struct contains a struct where. The rows
 * without help are accepted because cfsctl accepts them before any command. --hash is
 * checked; --erofs-version only matters for commands that create images; --no-upgrade
 * only matters for cfsctl. */
#define WHERE_OPTIONS(type, member)                                                      \
	{"repo",                                                                         \
	 "DIR",                                                                          \
	 CLI_AT(type, member.repo),                                                      \
	 "Use the repository DIR",                                                       \
	 CLI_TEXT,                                                                       \
	 .one_of = WHERE_ONE_OF,                                                         \
	 .group = "Repository"},                                                         \
		{"user", NULL, CLI_AT(type, member.user),                                \
		 "Use ~/.local/share/composefs (default for users other than root)",     \
		 .one_of = WHERE_ONE_OF},                                                \
		{"system", NULL, CLI_AT(type, member.system),                            \
		 "Use the repository of the system (default for root)",                  \
		 .one_of = WHERE_ONE_OF},                                                \
		{"require-verity", NULL, CLI_AT(type, member.require_verity),            \
		 "Fail if the repository does not use fs-verity"},                       \
		{"lock-timeout",                                                         \
		 "TIME",                                                                 \
		 CLI_AT(type, member.lock_timeout),                                      \
		 "Wait at most TIME for the lock; 0: do not wait (default: no limit)",   \
		 CLI_TIME,                                                               \
		 .max = INT_MAX / 1000,                                                  \
		 CLI_GIVEN(type, member.has_lock_timeout)},                              \
		{"hash", "NAME",     CLI_AT(type, member.alg),                           \
		 NULL,	 CLI_CHOICE, .choices = cli_repo_algs},                          \
		{"erofs-version", "N", CLI_AT(type, member.no_value), NULL, CLI_TEXT},   \
	{                                                                                \
		"no-upgrade", NULL, CLI_AT(type, member.no_upgrade)                      \
	}

/* Returns true if an option or $COMPOSEFS_REPO selects the repository. */
bool where_is_given(const struct where *w);

/* The same, or does a repository contain the current directory? Then a command that can do without a repository
 * uses it, as create-image does. */
bool where_is_chosen(struct where *w);

/* The same, or is there a default repository? For names that are no file. */
bool where_exists(struct where *w);

/* Returns its path, borrowed from w. -EINVAL: several options select it, or $HOME is not
 * usable. */
int where_find_path(struct where *w, const char **out,
		    struct cfs_err *err) CFS_MUST_CHECK;

/* The same for a repository that will be created: the default is the current
 * directory. */
int where_path_new(struct where *w, const char **out, struct cfs_err *err) CFS_MUST_CHECK;

/* Returns --lock-timeout as cfs_lock_wait has it: milliseconds, -1: do not wait, 0: no
 * limit. */
int where_lock_timeout(const struct where *w);

/* Fills in all of cfs_lock_wait, with a message for the user after some seconds. path is
 * borrowed. */
void where_lock_wait(const struct where *w, const char *path, struct cfs_lock_wait *out);

/* Opens the repository. If it has to wait for the lock, it prints which process holds it.
 * -EBUSY: timeout. -ENOTTY: the repository has no fs-verity, which is required. -EINVAL:
 * its IDs have another algorithm. */
int where_open(struct where *w, enum cfs_repo_access access, struct cfs_repo **out,
	       struct cfs_err *err) CFS_MUST_CHECK;

/* The options before the word that is completed. */
struct where where_get_completed(const struct cli_completion *c);
/* Opens the repository whose names complete a word: that of --from, or as where_open. */
int where_open_completed(const struct cli_completion *c,
			 struct cfs_repo **out) CFS_MUST_CHECK;

/* Refuses a directory that is part of a repository which this program must not write to
 * (cfs_repo_check_writable). */
int where_check_writable(const char *dir, struct cfs_err *err) CFS_MUST_CHECK;

/* Opens an image by name, verifies it against its ID, and closes the repository. The
 * caller calls cfs_map_close(map). id may be NULL. */
int where_open_image(struct where *w, const char *name, struct cfs_map *map,
		     struct cfs_image *im, struct cfs_digest *id,
		     struct cfs_err *err) CFS_MUST_CHECK;

/* Records changes of references in their logs as made by this command (static text). Does
 * nothing if this program was started as cfsctl: then the repository gets what composefs-rs
 * would leave. */
void where_record_as(struct cfs_repo *repo, const char *command);

/* Formats an ID for output: "sha256:..." and a NUL. Returns out. */
enum { WHERE_ID_MAX = CFS_DIGEST_TEXT_MAX };
const char *where_format_id(const struct cfs_digest *id, char out[WHERE_ID_MAX]);

/* The same for tables: the first 12 digits alone, or with full the whole. Returns out. */
const char *where_format_short_id(const struct cfs_digest *id, bool full,
				  char out[WHERE_ID_MAX]);

/* Writes an ID as a JSON string; NULL: null. */
void where_put_id(struct json *j, const char *key, const struct cfs_digest *id);

#endif
