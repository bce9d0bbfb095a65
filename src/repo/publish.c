/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Publishing: links are created in an order in which each refers only to what is durable. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "repo/repo_priv.h"

/* --- publishing -------------------------------------------------------------------------- */

static int sync_dir(int fd, struct cfs_err *err)
{
	return fsync(fd) < 0 ? cfs_fail_errno(err, "sync directory") : 0;
}

static int open_or_make(int dirfd, const char *name, struct cfs_err *err)
{
	int fd;

	if (mkdirat(dirfd, name, 0755) == 0) {
		int rc = sync_dir(dirfd, err);

		if (rc < 0)
			return rc;
	} else if (errno != EEXIST) {
		return cfs_fail_errno(err, "make directory %s", name);
	}
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		return cfs_fail(err, EEXIST, "%s is a name: there can be none below it",
				name);
	return fd < 0 ? cfs_fail_errno(err, "open directory %s", name) : fd;
}

/* images/ID. What stands there already is good, or is replaced. */
static int put_entry(const struct cfs_repo *repo, int images, const struct cfs_digest *id,
		     struct cfs_err *err)
{
	char hex[CFS_DIGEST_HEX_MAX], target[CFS_REPO_LINK_MAX], found[CFS_REPO_LINK_MAX];
	int len;

	cfs_digest_hex(id, hex);
	cfs_repo_object_target(id, target);
	if (symlinkat(target, images, hex) == 0)
		return sync_dir(images, err);
	if (errno != EEXIST)
		return cfs_fail_errno(err, "link");
	len = cfs_repo_read_link(images, hex, found);
	if (len < 0 || strcmp(found, target) != 0) {
		int rc = cfs_repo_put_link(repo, images, hex, target, err);

		if (rc < 0)
			return rc;
	}
	return sync_dir(images, err); /* it may be as fresh as ours */
}

/* Makes the directories that ref names, and returns that of the last component. */
static int make_parent(int images, const char *ref, const char **last,
		       struct cfs_err *err)
{
	int fd = open_or_make(images, "refs", err);

	for (const char *p = ref; fd >= 0;) {
		size_t len = strcspn(p, "/");
		char name[REPO_NAME_MAX];
		int next;

		if (p[len] == '\0') {
			*last = p;
			break;
		}
		memcpy(name, p, len); /* below REPO_NAME_MAX: the name was checked */
		name[len] = '\0';
		next = open_or_make(fd, name, err);
		close(fd);
		fd = next;
		p += len + 1;
	}
	return fd;
}

enum { PUT_TRIES = 100 };

/* A directory may vanish meanwhile: who takes the last name out of it removes it. */
static int put_ref(const struct cfs_repo *repo, int images, const char *ref,
		   const struct cfs_digest *id, struct cfs_err *err)
{
	char hex[CFS_DIGEST_HEX_MAX], target[CFS_REPO_LINK_MAX];
	int rc = -ENOENT;

	repo_ref_target(cfs_text(ref), cfs_text(cfs_digest_hex(id, hex)), target);
	for (int i = 0; rc == -ENOENT && i < PUT_TRIES; i++) {
		const char *last = NULL;
		cfs_autofd int dirfd = make_parent(images, ref, &last, err);

		rc = dirfd < 0 ? dirfd
			       : cfs_repo_put_link(repo, dirfd, last, target, err);
		if (rc == 0)
			rc = sync_dir(dirfd, err);
	}
	return cfs_context(err, rc, "refs/%s", ref);
}

int cfs_repo_publish_image(struct cfs_repo *repo, const struct cfs_digest *id,
			   const char *ref, struct cfs_err *err)
{
	cfs_autofd int images = -1;
	int rc = 0;

	if (ref) {
		ref = cfs_repo_ref_name(ref);
		rc = cfs_repo_check_ref(cfs_text(ref), err);
		if (rc < 0)
			return rc;
	}
	images = open_or_make(repo->dirfd, "images", err);
	if (images < 0)
		return images;
	rc = put_entry(repo, images, id, err);
	if (rc == 0 && ref)
		rc = put_ref(repo, images, ref, id, err);
	return cfs_context(err, rc, "images");
}

/* --- taking away ------------------------------------------------------------------------- */

/* The directories that are empty now, from the innermost; a full one ends it. */
static void remove_empty(const struct cfs_repo *repo, enum cfs_repo_kind kind,
			 const char *ref)
{
	cfs_autofree char *path = strdup(ref);
	char top[16], *slash;
	cfs_autofd int refs = -1;

	snprintf(top, sizeof(top), "%s/refs", cfs_repo_kind_dir(kind));
	refs = cfs_beneath_open(repo->dirfd, top, O_PATH | O_DIRECTORY, 0);
	while (refs >= 0 && path && (slash = strrchr(path, '/'))) {
		*slash = '\0';
		if (cfs_beneath_unlink(refs, path, AT_REMOVEDIR) < 0)
			break;
	}
}

int cfs_repo_remove_ref(const struct cfs_repo *repo, enum cfs_repo_kind kind,
			const char *ref, struct cfs_err *err)
{
	const char *last;
	cfs_autofd int dirfd = repo_open_ref_parent(repo, kind, ref, &last);
	char buf[CFS_REPO_LINK_MAX];
	int len = dirfd < 0 ? dirfd : cfs_repo_read_link(dirfd, last, buf), rc;

	if (len < 0 && len != -EUCLEAN)
		return repo_fail_ref(kind, ref, len, err);
	if (unlinkat(dirfd, last, 0) < 0)
		return errno == ENOENT ? repo_fail_ref(kind, ref, -ENOENT, err)
				       : cfs_fail_errno(err, "%s/refs/%s",
							cfs_repo_kind_dir(kind), ref);
	rc = cfs_context(err, sync_dir(dirfd, err), "%s/refs/%s", cfs_repo_kind_dir(kind),
			 ref);
	remove_empty(repo, kind, ref);
	return rc;
}

int cfs_repo_untag(struct cfs_repo *repo, const char *name, struct cfs_err *err)
{
	const char *ref = cfs_repo_ref_name(name);
	int rc = cfs_repo_check_ref(cfs_text(ref), err);

	return rc < 0 ? rc : cfs_repo_remove_ref(repo, CFS_REPO_IMAGES, ref, err);
}
