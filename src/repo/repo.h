/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* repo: a repository of objects, images, splitstreams and the references to them.
 * Owns:  the layout on disk (shared with composefs-rs), meta.json, the lock, links and
 *        names.
 * Uses:  base, hash, verity, tree, erofs (objects of an image), store, stream; jansson.
 * Never: removes objects, scans directories of files, mounts, prints.
 *
 * Two links lead from a name to the content: images/refs/NAME -> images/ID ->
 * objects/xx/REST. No file is ever opened through a link: the link is read, must have
 * exactly the expected form, and the object is opened by its ID beneath the objects
 * directory. A hostile link can therefore neither leave the repository nor make an ID
 * refer to other bytes.
 *
 * The order of writes: objects, the image included; one syncfs; images/ID;
 * images/refs/NAME; fsync of the changed directories. A name therefore exists only if
 * everything that it refers to is durable.
 */
#ifndef CFS_REPO_H
#define CFS_REPO_H

#include "base/base.h"
#include "repo/add.h"
#include "repo/aside.h"
#include "repo/copy.h"
#include "repo/ids.h"
#include "repo/in_use.h"
#include "repo/links.h"
#include "repo/list.h"
#include "repo/lock.h"
#include "repo/log.h"
#include "repo/meta.h"
#include "repo/names.h"
#include "repo/object.h"
#include "repo/place.h"
#include "repo/publish.h"
#include "repo/remove.h"
#include "repo/signatures.h"

struct cfs_repo;

struct cfs_repo_init {
	struct cfs_repo_meta meta;
	bool insecure;	 /* without fs-verity */
	bool ensure;	 /* accept an existing repository, whatever its parameters */
	bool ensure_alg; /* with ensure: but its algorithm must be that of meta */
	bool reset;	 /* remove images, streams and meta.json first; objects stay */
	bool force; /* reset also a repository with features that are not supported here; take
		     * a directory that is not empty */
	bool any_dir; /* take an existing directory as it is, not empty and with its mode */
	struct cfs_lock_wait wait; /* reset takes the lock exclusively */
};

/* Creates a repository at path, with missing parents. The directory has mode 0700 then: objects are
 * readable whatever the mode of the file in an image. One that exists must be empty, apart from objects of an old
 * repository, whose mode stays. Returns 0 if it was created, 1 if it existed with the same parameters. -ENOTEMPTY;
 * -EPERM: others can enter the directory, and it belongs to somebody else; -EEXIST: it has other parameters, or objects of
 * another algorithm; -ENOTTY: fs-verity is required and the filesystem does not support
 * it. A reset without force fails where writing does: -EROFS, and as
 * cfs_repo_meta_parse. */
int cfs_repo_make(const char *path, const struct cfs_repo_init *init,
		  struct cfs_err *err) CFS_MUST_CHECK;

/* Writes the meta.json of a repository that was created before composefs-rs had one, as
 * composefs-rs does: the algorithm and fs-verity are those of the first object, the
 * format of new images is 1. 0: written, *out tells what; 1: it has one already. -ENOENT:
 * it has no objects either. */
int cfs_repo_upgrade(const char *path, struct cfs_repo_init *out,
		     struct cfs_err *err) CFS_MUST_CHECK;

/* How a repository is locked while it is open. composefs-rs uses the same lock. */
enum cfs_repo_access {
	/* Shared if that is possible at once, else without: to open something that then
	 * stays open, or to list names. Garbage collection at the same time can at worst
	 * make unreferenced entries disappear. */
	CFS_REPO_LOOK,
	CFS_REPO_READ, /* shared; without where the filesystem has no locks */
	CFS_REPO_WRITE, /* shared; refused if a feature of the repository makes it read-only */
};

/* Opens a repository. -ENOENT: not a repository; -EROFS: WRITE is refused because of a
 * feature; -EBUSY: timeout, and err names the holder of the lock; else as
 * cfs_repo_meta_parse. The lock is held until cfs_repo_close, except where repo/lock.h
 * says so. wait may be NULL; its ctx is borrowed until cfs_repo_close. */
int cfs_repo_open_waiting(const char *path, enum cfs_repo_access access,
			  const struct cfs_lock_wait *wait, struct cfs_repo **out,
			  struct cfs_err *err) CFS_MUST_CHECK;

/* The same, without timeout. */
int cfs_repo_open(const char *path, enum cfs_repo_access access, struct cfs_repo **out,
		  struct cfs_err *err) CFS_MUST_CHECK;
void cfs_repo_close(struct cfs_repo *repo); /* NULL is fine */

/* Checks that files may be written into a directory of a repository, such as objects/ or
 * signatures/, without opening the repository: at path itself, or one or two levels
 * above, counted from the first directory of path that exists. 0 if there is no repository; errors as
 * WRITE of cfs_repo_open. */
int cfs_repo_check_writable(const char *path, struct cfs_err *err) CFS_MUST_CHECK;

/* Borrowed until cfs_repo_close. */
const struct cfs_repo_meta *cfs_repo_get_meta(const struct cfs_repo *repo);
const char *cfs_repo_get_path(const struct cfs_repo *repo);

/* meta.json has fs-verity, and so must each object. */
bool cfs_repo_is_secure(const struct cfs_repo *repo);

/* The directory of the repository, for the rooms gc and check. */
int cfs_repo_get_dirfd(const struct cfs_repo *repo);

#endif
