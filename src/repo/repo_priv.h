/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* repo, private: the open repository, and what its files share. */
#ifndef CFS_REPO_PRIV_H
#define CFS_REPO_PRIV_H

#include "repo/repo.h"

enum {
	REPO_NAME_MAX = 256, /* bytes of one component, with its NUL */
};

struct cfs_repo {
	int dirfd; /* holds the lock */
	char *path;
	struct cfs_repo_meta meta;
	bool secure;
	struct cfs_lock_wait wait; /* for the lock, when it is taken again */
	const char *command; /* for the logs of references; NULL: none are written */
};

/* --- meta_file.c -------------------------------------------------------------------- */

/* Reads meta.json of the directory. -ENOENT without a message: there is none. */
int repo_read_meta(int dirfd, struct cfs_repo_meta *out, bool *secure,
		   struct cfs_err *err) CFS_MUST_CHECK;

/* Checks that no feature makes the repository read-only: else -EROFS; or as
 * repo_read_meta. */
int repo_check_meta_writable(const struct cfs_repo_meta *meta,
			     struct cfs_err *err) CFS_MUST_CHECK;
int repo_check_writable(int dirfd, struct cfs_err *err) CFS_MUST_CHECK;

/* --- place.c ------------------------------------------------------------------------ */

/* Whether the directory is a repository: 1 or 0. */
int repo_is_repository(int dirfd, struct cfs_err *err) CFS_MUST_CHECK;

/* --- proven.c ----------------------------------------------------------------------- */

/* Computes the digest of the open file of an image with all CPUs, or takes it from the record of an earlier
 * call. The caller compares it with id. */
int repo_prove(const struct cfs_repo *repo, int fd, const struct cfs_digest *id,
	       struct cfs_digest *out, struct cfs_err *err) CFS_MUST_CHECK;

/* --- lock.c ------------------------------------------------------------------------- */

/* Takes the shared lock that every user of the repository holds. Waiting for the
 * exclusive lock has precedence. */
int repo_lock_shared(int dirfd, enum cfs_repo_access access,
		     const struct cfs_lock_wait *wait,
		     struct cfs_err *err) CFS_MUST_CHECK;

/* Takes the exclusive lock on a directory that this process has not locked. -EBUSY:
 * timeout. */
int repo_lock_exclusive(int dirfd, const struct cfs_lock_wait *wait,
			struct cfs_err *err) CFS_MUST_CHECK;

/* --- infer.c ------------------------------------------------------------------------ */

/* The parameters of a repository without meta.json, inferred from its first object. */
struct repo_inferred {
	enum cfs_hash_alg alg; /* from the length of its name */
	bool sealed;	       /* it has fs-verity */
};

/* 1, or 0 if there are no objects. Files that are not objects are skipped. */
int repo_infer(int dirfd, struct repo_inferred *out, struct cfs_err *err) CFS_MUST_CHECK;

/* --- claim.c ------------------------------------------------------------------------ */

/* Prepares an existing directory without objects for a new repository: empty unless force is set, and closed to
 * group and others. *before gets the mode that it had. -ENOTEMPTY; -EPERM: it belongs to another user and is open to others. */
int repo_claim_dir(int dirfd, bool force, mode_t *before,
		   struct cfs_err *err) CFS_MUST_CHECK;

/* --- reset.c ------------------------------------------------------------------------ */

/* Takes the exclusive lock and removes everything except the objects. */
int repo_reset(int dirfd, const struct cfs_repo_init *init,
	       struct cfs_err *err) CFS_MUST_CHECK;

/* --- aside.c: callbacks of cfs_store_opts ------------------------------------------- */

/* Gives an object that is about to be replaced a name in CFS_REPO_ASIDE; returns its
 * number. */
int repo_keep_replaced(const void *repo, const struct cfs_digest *id,
		       struct cfs_err *err) CFS_MUST_CHECK;

/* Removes that name after the replacement, unless the file is in use. ctx: the repository. */
int repo_drop_replaced(const void *ctx, const struct cfs_digest *id, int number,
		       struct cfs_err *err) CFS_MUST_CHECK;

/* --- remove.c ----------------------------------------------------------------------- */

/* Calls fn for each name in the directory fd until it returns other than 0, and returns
 * that. Closes fd. */
int repo_visit_names(int fd, int (*fn)(void *ctx, int dirfd, const char *name),
		     void *ctx);

/* --- links.c ------------------------------------------------------------------------ */

/* Parses "../objects/XX/REST", the target of a first-level link. Returns false for any
 * other form. */
bool repo_parse_object_target(struct cfs_text target, enum cfs_hash_alg alg,
			      struct cfs_digest *out);

/* Formats the target of a reference. entry: the name of a first-level link. */
void repo_format_ref_target(struct cfs_text ref, struct cfs_text entry,
			    char out[CFS_REPO_LINK_MAX]);
bool repo_parse_ref_target(struct cfs_text ref, struct cfs_text target,
			   struct cfs_text *out);

/* Opens the directory of a reference; *last is its last component, borrowed. -errno. */
int repo_open_ref_parent(const struct cfs_repo *repo, enum cfs_repo_kind kind,
			 const char *ref, const char **last) CFS_MUST_CHECK;

/* --- names.c ------------------------------------------------------------------------ */

/* Whether anything has this name, be it a valid reference to an image or not: 1, 0 or
 * -errno. The name is valid. */
int repo_has_ref(const struct cfs_repo *repo, const char *name,
		 struct cfs_err *err) CFS_MUST_CHECK;

/* --- prefix.c ----------------------------------------------------------------------- */

/* Whether text may be the beginning of an ID, with or without "sha256:". */
bool repo_parse_prefix(struct cfs_text text, enum cfs_hash_alg alg,
		       struct cfs_hash_prefix *out);

/* Completes the message of -ENOENT, code, if name looks like a shortened ID that cannot
 * match: too short, or of the other algorithm. Returns code. */
int repo_explain_prefix(const struct cfs_repo *repo, const char *name, int code,
			struct cfs_err *err);

/* The image whose ID begins with these digits. -ENOENT: none; -ENOTUNIQ: err lists them. */
int repo_find_prefix(const struct cfs_repo *repo, const struct cfs_hash_prefix *prefix,
		     struct cfs_digest *out, struct cfs_err *err) CFS_MUST_CHECK;

/* Completes the digest at the end of the name of a stream if there is one stream that has
 * these digits. -ENOTUNIQ: several; err lists them. */
int repo_complete_stream(const struct cfs_repo *repo, char entry[CFS_REPO_LINK_MAX],
			 struct cfs_err *err) CFS_MUST_CHECK;

/* --- ref_name.c --------------------------------------------------------------------- */

/* Whether t may be one component of a name. */
bool repo_is_component(struct cfs_text t);

/* Describes the -errno of opening or reading a reference. */
int repo_fail_ref(enum cfs_repo_kind kind, const char *ref, int code,
		  struct cfs_err *err);

#endif
