/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* repo, inside: the open repository, and its links. */
#ifndef CFS_REPO_PRIV_H
#define CFS_REPO_PRIV_H

#include "repo/repo.h"

enum {
	REPO_LINK_MAX = 512, /* no good link is longer */
	REPO_NAME_MAX = 256, /* one component and its NUL */
};

/* The directory of files that were replaced or taken out of use: each named by the id of its object, then
 * ".N" where there is one already. gc removes nothing here. */
#define REPO_ASIDE ".quarantine"

struct cfs_repo {
	int dirfd; /* has the lock */
	char *path;
	struct cfs_repo_meta meta;
	bool secure;
	struct cfs_lock_wait wait; /* for the lock, when it is taken again */
};

/* --- open.c, lock.c ----------------------------------------------------------------------- */

/* meta.json of the directory. -ENOENT without a message: there is none. */
int repo_read_meta(int dirfd, struct cfs_repo_meta *out, bool *secure,
		   struct cfs_err *err) CFS_MUST_CHECK;

/* The gate of all that writes: is there no feature that permits reading alone? Else -EROFS; and the codes of
 * repo_read_meta. */
int repo_check_writable(int dirfd, struct cfs_err *err) CFS_MUST_CHECK;

/* Waits for a lock on the directory that all hold who use it. Who waits to be alone goes first. */
int repo_lock_shared(int dirfd, enum cfs_repo_access access,
		     const struct cfs_lock_wait *wait,
		     struct cfs_err *err) CFS_MUST_CHECK;

/* Gives the lock back while something takes long that needs none, as fetching does. Nothing that was known of the
 * repository is known any more then. */
void repo_unlock(const struct cfs_repo *repo);

/* Takes the lock again, for writing. -ESTALE: the repository is another one now; else as cfs_repo_open_waiting. */
int repo_relock(const struct cfs_repo *repo, struct cfs_err *err) CFS_MUST_CHECK;

/* Gives the lock back, and waits until nobody else has the repository, which stays the same directory. -EBUSY: the
 * time is up. Others may have changed it in between. */
int repo_make_alone(struct cfs_repo *r, const struct cfs_repo_collect_opts *opts,
		    struct cfs_err *err) CFS_MUST_CHECK;
/* The same for a directory that nobody has locked yet. */
int repo_lock_alone(int dirfd, const struct cfs_repo_collect_opts *opts,
		    struct cfs_err *err) CFS_MUST_CHECK;

/* --- infer.c ------------------------------------------------------------------------------- */

/* What the first object that is found tells of its repository: the algorithm by the length of its name. */
struct repo_inferred {
	enum cfs_hash_alg alg;
	bool sealed; /* it has fs-verity */
};

/* 1: told; 0: there are no objects. A name or file that is no object tells nothing. */
int repo_infer(int dirfd, struct repo_inferred *out, struct cfs_err *err) CFS_MUST_CHECK;

/* --- reset.c ------------------------------------------------------------------------------- */

/* Removes what goes by that name, a directory with all that it has. 0, also when there is none, or -errno. */
int repo_remove(int dirfd, const char *name);

/* Waits to have the directory alone, and removes all but the objects. Without force, what cannot be written is not
 * reset either. */
int repo_reset(int dirfd, const struct cfs_repo_init *init,
	       struct cfs_err *err) CFS_MUST_CHECK;

/* --- reach.c ----------------------------------------------------------------------------- */

/* Whether there is a regular file under the name of the object: 1, 0 (ENOENT alone), -EUCLEAN when
 * something else is there, or the -errno that left the question open. */
int repo_has_object(const struct cfs_repo *repo, const struct cfs_digest *id,
		    struct cfs_err *err) CFS_MUST_CHECK;

/* object.c: the bytes of an object of the repository's own (an image, a stream), held against its id. The
 * caller ends it with cfs_map_close. */
int repo_map_object(const struct cfs_repo *repo, const struct cfs_digest *id,
		    struct cfs_map *out, struct cfs_err *err) CFS_MUST_CHECK;

/* object.c: the id whose object is prefix/name, in lower case. */
bool repo_parse_object_name(const char *prefix, const char *name, enum cfs_hash_alg alg,
			    struct cfs_digest *out);

/* image.c: the first-level entry that a ref leads to; its name goes to out. -ENOENT: no such ref; -EUCLEAN:
 * the link has another form. */
int repo_read_ref(const struct cfs_repo *repo, enum cfs_repo_kind kind, const char *ref,
		  char out[REPO_LINK_MAX], struct cfs_err *err) CFS_MUST_CHECK;

/* image.c: removes a ref, and the directories that are empty then. -ENOENT. */
int repo_remove_ref(const struct cfs_repo *repo, enum cfs_repo_kind kind, const char *ref,
		    struct cfs_err *err) CFS_MUST_CHECK;

/* --- link.c: what stands in the links ------------------------------------------------------ */

/* "images" or "streams". */
const char *repo_kind_dir(enum cfs_repo_kind kind);

/* Reads the link name in dirfd into buf. Its length, or -errno: -EINVAL is what is no link, -EUCLEAN
 * one that is too long. */
int repo_read_link(int dirfd, const char *name, char buf[REPO_LINK_MAX]);

/* "../objects/xx/rest", in lower case. */
void repo_object_target(const struct cfs_digest *id, char out[REPO_LINK_MAX]);
bool repo_parse_object_target(struct cfs_text target, enum cfs_hash_alg alg,
			      struct cfs_digest *out);

/* "../" as often as the ref has components, then the name of a first-level entry. */
void repo_ref_target(struct cfs_text ref, struct cfs_text entry, char out[REPO_LINK_MAX]);
bool repo_parse_ref_target(struct cfs_text ref, struct cfs_text target,
			   struct cfs_text *out);

/* May this be a component of a name? */
bool repo_is_component(struct cfs_text t);

/* Makes or replaces the link name in dirfd, whole: beside, in the directory of the repository, and
 * renamed. */
int repo_put_link(const struct cfs_repo *repo, int dirfd, const char *name,
		  const char *target, struct cfs_err *err) CFS_MUST_CHECK;

#endif
