/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* repo: one place for many images: objects, images, streams, and the names that people give them.
 * Owns:  the layout on disk (shared with composefs-rs), meta.json, the lock, names, splitstreams, what
 *        is reachable, what is collected, what is damaged.
 * Uses:  base, hash, verity, tree, erofs (what an image refers to), store (objects); jansson, zstd.
 * Never: scans, mounts, prints; removes what is reachable or in use.
 *
 * A name leads to content in two links: images/refs/NAME -> images/ID -> objects/xx/rest. No link is
 * ever opened through: it is read, must have exactly the one good form, and the object is opened by
 * its id below the object directory. So whatever stands in a link, nothing outside the repository is
 * reached, and a name never gives other bytes than those of its id.
 *
 * The order of writes: objects, the image among them; one syncfs; images/ID; images/refs/NAME;
 * fsync of the directories that were touched. So a name stands only for what is on disk.
 */
#ifndef CFS_REPO_H
#define CFS_REPO_H

#include "base/base.h"
#include "hash/hash.h"
#include "verity/verity.h"
#include "tree/tree.h"
#include "erofs/erofs.h"
#include "store/store.h"
#include "repo/ids.h"
#include "repo/meta.h"
#include "repo/check.h"
#include "repo/collect.h"
#include "stream/stream.h"
#include "repo/usage.h"

/* --- opening ----------------------------------------------------------------------------- */

struct cfs_repo;

/* Where a repository lies when nobody says: that of the system, or of the user. The path is lent or
 * lies in buf; NULL: there is no $HOME (home). */
enum { CFS_REPO_PATH_MAX = 4096 };
const char *cfs_repo_system_path(void);
const char *cfs_repo_user_path(const char *home, char buf[CFS_REPO_PATH_MAX]);

struct cfs_repo_init {
	struct cfs_repo_meta meta;
	bool insecure; /* without fs-verity: contents are believed, not checked by the kernel */
	bool ensure;	 /* a repository that is there is good, whatever it says */
	bool ensure_alg; /* with ensure: but its algorithm must be this one */
	bool reset; /* images, streams and meta.json are removed first; objects stay */
	bool force; /* reset also what this program does not understand */
	struct cfs_lock_wait wait; /* for a reset, which has the repository alone */
};

/* Makes the directory path (its parents, too) a repository. One that is there must say the same, and objects
 * that are there must be named by the same algorithm, else -EEXIST; 0: made, 1: was there. -ENOTTY: fs-verity is wanted,
 * and the file system has none. A reset is refused as writing is (-EROFS, and the codes of cfs_repo_meta_parse), unless it is
 * forced. */
int cfs_repo_make(const char *path, const struct cfs_repo_init *init,
		  struct cfs_err *err) CFS_MUST_CHECK;

/* Gives a repository from before there was a meta.json the one that composefs-rs would give it: the algorithm and
 * fs-verity are those of its first object, the format of new images is 1. 0: done, and out is what it says; 1: it has
 * one. -ENOENT: it has no objects either. */
int cfs_repo_upgrade(const char *path, struct cfs_repo_init *out,
		     struct cfs_err *err) CFS_MUST_CHECK;

/* What the holder of a repository may do, by a lock that composefs-rs sees, too. */
enum cfs_repo_access {
	CFS_REPO_LOOK, /* shared if nobody has it alone, else without: for what opens a thing and keeps it open, or
			* lists names. The worst that a collection does to it is that what nobody refers to is not there. */
	CFS_REPO_READ, /* shared; where the file system has no locks, without */
	CFS_REPO_WRITE, /* shared; refused where a feature permits reading alone */
};

/* -ENOENT: no repository there; the codes of cfs_repo_meta_parse; -EROFS: WRITE is refused by a
 * feature; -EBUSY: the time is up, and err says who has the lock. The lock is held until cfs_repo_close, but for the time that
 * cfs_repo_repair waits for other places. wait may be NULL; its ctx is borrowed until then. */
int cfs_repo_open_waiting(const char *path, enum cfs_repo_access access,
			  const struct cfs_lock_wait *wait, struct cfs_repo **out,
			  struct cfs_err *err) CFS_MUST_CHECK;

/* The same, waiting as long as it takes. */
int cfs_repo_open(const char *path, enum cfs_repo_access access, struct cfs_repo **out,
		  struct cfs_err *err) CFS_MUST_CHECK;
void cfs_repo_close(struct cfs_repo *repo); /* NULL is fine */

/* The same gate for who writes into a directory of a repository without opening it, as into objects/ or
 * signatures/: asks the repository that is at path, or one or two levels above. path need not exist, but its parent
 * must. 0 where there is none. */
int cfs_repo_check_writable(const char *path, struct cfs_err *err) CFS_MUST_CHECK;

/* Lent until cfs_repo_close. */
const struct cfs_repo_meta *cfs_repo_meta(const struct cfs_repo *repo);
const char *cfs_repo_path(const struct cfs_repo *repo);

/* The kernel checks the contents: meta.json has fs-verity, so has each object. */
bool cfs_repo_is_secure(const struct cfs_repo *repo);

/* The directory itself, for stores and mounts. */
int cfs_repo_dirfd(const struct cfs_repo *repo);

/* --- names ------------------------------------------------------------------------------- */

enum cfs_repo_kind { CFS_REPO_IMAGES, CFS_REPO_STREAMS };

enum {
	CFS_REPO_REF_MAX = 1024, /* bytes of a name */
	CFS_REPO_REF_DEPTH = 8,	 /* its components */
};

/* May a ref have this name? -EINVAL, with the rule. */
int cfs_repo_check_ref(struct cfs_text name, struct cfs_err *err) CFS_MUST_CHECK;

/* The name behind "refs/", which people may write in front of it; lent. */
const char *cfs_repo_ref_name(const char *name);

/* A first-level entry (images/ID, streams/NAME) or a ref (below refs/). */
struct cfs_repo_entry {
	const char *name;     /* of a ref: below refs/ */
	const char *target;   /* of a ref: the name of the first-level entry */
	struct cfs_digest id; /* of a first-level entry: of its object */
	int code; /* 0; -EMLINK: not a link; -EUCLEAN: a link of another form; -errno: unread */
	const char *
		wrong; /* a sentence, when code is not 0; the two above mean nothing then */
	int64_t mtime_sec; /* when it was made */
	uint32_t mtime_nsec;
};

/* All of them by name. Starts zeroed. */
struct cfs_repo_list {
	struct cfs_arena arena;
	struct cfs_repo_entry *v;
	size_t n, cap;
};

void cfs_repo_list_fini(struct cfs_repo_list *list);

int cfs_repo_list_entries(const struct cfs_repo *repo, enum cfs_repo_kind kind,
			  struct cfs_repo_list *out, struct cfs_err *err) CFS_MUST_CHECK;
int cfs_repo_list_refs(const struct cfs_repo *repo, enum cfs_repo_kind kind,
		       struct cfs_repo_list *out, struct cfs_err *err) CFS_MUST_CHECK;

/* --- objects and images ------------------------------------------------------------------ */

/* What is done before the content of an object is believed. */
enum cfs_repo_trust {
	CFS_REPO_SEALED, /* a secure repository: the kernel's word; others: nothing */
	CFS_REPO_PROVEN, /* others: it is read and digested */
};

/* Opens an object for reading; returns the descriptor. -ENOENT: not there; -EILSEQ: it has another
 * digest; -ENOTTY: it lacks fs-verity; -EUCLEAN: not a regular file. */
int cfs_repo_open_object(const struct cfs_repo *repo, const struct cfs_digest *id,
			 enum cfs_repo_trust trust, struct cfs_err *err) CFS_MUST_CHECK;

/* The image that a person means: an id, "refs/NAME", or NAME. -ENOENT: there is none of that name;
 * -EUCLEAN: a link is not what it should be. */
int cfs_repo_find_image(const struct cfs_repo *repo, const char *name,
			struct cfs_digest *out, struct cfs_err *err) CFS_MUST_CHECK;

/* Finds it and maps it, checked against its id. The caller ends it with cfs_map_close(map). id may be
 * NULL. The codes of the two above, and of cfs_image_open. */
int cfs_repo_open_image(const struct cfs_repo *repo, const char *name,
			struct cfs_map *map, struct cfs_image *im, struct cfs_digest *id,
			struct cfs_err *err) CFS_MUST_CHECK;

/* The same for a stream: the name of a first-level entry, or "refs/NAME". */
int cfs_repo_open_stream(const struct cfs_repo *repo, const char *name,
			 struct cfs_map *map, struct cfs_stream *out,
			 struct cfs_err *err) CFS_MUST_CHECK;

/* The ids of all objects that an image needs; not settled. Files whose backing path is no object's are
 * passed over: nothing here can keep or check them. n_entries: how many names the image has, the root among
 * them; may be NULL. -EUCLEAN: the image is damaged. */
int cfs_repo_image_objects(const struct cfs_image *im, struct cfs_ids *out,
			   uint64_t *n_entries, struct cfs_err *err) CFS_MUST_CHECK;

/* The object of one file whose content is external. -EUCLEAN: it has none of this repository's. */
int cfs_repo_inode_object(const struct cfs_repo *repo, const struct cfs_image *im,
			  const struct cfs_inode *inode, struct cfs_digest *out,
			  struct cfs_err *err) CFS_MUST_CHECK;

/* The objects of the repository as a store, for adding. opts: alg and require_verity are set here. The
 * caller closes it before the repository. */
int cfs_repo_open_store(const struct cfs_repo *repo, const struct cfs_store_opts *opts,
			struct cfs_store **out, struct cfs_err *err) CFS_MUST_CHECK;

/* Adds the image of a tree, in that form, to the store; durable after
 * cfs_store_commit. -ENOTSUP: a format that cannot be written; else the codes of cfs_plan_new and of
 * the store. */
int cfs_repo_add_tree(const struct cfs_repo *repo, struct cfs_store *store,
		      const struct cfs_tree *tree, const struct cfs_image_opts *form,
		      struct cfs_digest *out, struct cfs_err *err) CFS_MUST_CHECK;

/* What an image needs and the repository does not have. */
struct cfs_repo_missing {
	size_t n;
	struct cfs_digest first; /* one of them, when n > 0 */
};

/* The same for the bytes of an image. It is checked first: -EINVAL, -ENOTSUP, -EUCLEAN as by
 * cfs_image_open and cfs_image_check. Missing objects are told, and are no failure. */
int cfs_repo_add_image(const struct cfs_repo *repo, struct cfs_store *store,
		       struct cfs_span bytes, struct cfs_digest *out,
		       struct cfs_repo_missing *missing,
		       struct cfs_err *err) CFS_MUST_CHECK;

/* Registers an object that is durable as an image, and gives it a name unless ref is NULL. Done and
 * durable when it returns. The repository is open for WRITE. -EEXIST: the name is a directory of other
 * names, or a part of it is a name. */
int cfs_repo_publish_image(struct cfs_repo *repo, const struct cfs_digest *id,
			   const char *ref, struct cfs_err *err) CFS_MUST_CHECK;

/* Removes a name ("refs/NAME" or NAME); the image stays until it is collected. -ENOENT. */
int cfs_repo_untag(struct cfs_repo *repo, const char *name,
		   struct cfs_err *err) CFS_MUST_CHECK;

#endif
