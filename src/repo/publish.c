/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Publishing: first-level link, then reference, each on disk before the next. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "repo/log_priv.h"

/* --- publishing --------------------------------------------------------------------- */

static int sync_dir(int fd, struct cfs_err *err)
{
	return fsync(fd) < 0 ? cfs_fail_errno(err, "sync directory") : 0;
}

/* Returns a descriptor of the directory, which is created and synced when it is
 * absent. -EEXIST when a reference has that name; a symbolic link is not followed. */
static int open_or_make_dir(int dirfd, const char *name, struct cfs_err *err)
{
	int fd;

	if (mkdirat(dirfd, name, 0755) == 0) {
		int rc = sync_dir(dirfd, err);

		if (rc < 0)
			return rc;
	} else if (errno != EEXIST) {
		return cfs_fail_errno(err, "create directory %s", name);
	}
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		return cfs_fail(
			err, EEXIST,
			"%s is a reference, and cannot be a directory of references",
			name);
	return fd < 0 ? cfs_fail_errno(err, "open directory %s", name) : fd;
}

/* The link exists with another target. That of an image is damaged then. A stream that
 * still has its object must not get another one: streams that refer to it do so by the ID
 * of the object, and garbage collection would not find the stream by that ID any more. */
static int check_replaceable(const struct cfs_repo *repo, const char *name,
			     const struct cfs_repo_link *link, const char *found,
			     struct cfs_err *err)
{
	char text[CFS_DIGEST_TEXT_MAX];
	struct cfs_digest id;
	int has;

	if (link->kind == CFS_REPO_IMAGES || link->replaces ||
	    !repo_parse_object_target(cfs_text(found), link->id.alg, &id))
		return 0;
	has = cfs_repo_has_object(repo, &id, err);
	if (has == 0 || has == -EUCLEAN)
		return 0;
	if (has < 0)
		return has;
	return cfs_fail(err, EEXIST, "stream %s exists with another object: %s", name,
			cfs_digest_text(&id, text));
}

/* Whatever exists in place of the link is correct, or is replaced if that is safe. */
static int put_first_level(const struct cfs_repo *repo, int dirfd, const char *name,
			   const struct cfs_repo_link *link, struct cfs_err *err)
{
	char target[CFS_REPO_LINK_MAX], found[CFS_REPO_LINK_MAX];
	int len, rc = 0;

	cfs_repo_format_object_target(&link->id, target);
	if (symlinkat(target, dirfd, name) == 0)
		return sync_dir(dirfd, err);
	if (errno != EEXIST)
		return cfs_fail_errno(err, "link");
	len = cfs_repo_read_link(dirfd, name, found);
	if (len >= 0 && strcmp(found, target) == 0)
		return sync_dir(dirfd, err); /* it may have been created just now */
	if (len >= 0)
		rc = check_replaceable(repo, name, link, found, err);
	if (rc == 0)
		rc = cfs_repo_put_link(repo, dirfd, name, target, err);
	return rc < 0 ? rc : sync_dir(dirfd, err);
}

/* Creates the parent directories of a reference and opens the last one. */
static int make_ref_parent(int dirfd, const char *ref, const char **last,
			   struct cfs_err *err)
{
	int fd = open_or_make_dir(dirfd, "refs", err);

	for (const char *p = ref; fd >= 0;) {
		size_t len = strcspn(p, "/");
		char name[REPO_NAME_MAX];
		int next;

		if (p[len] == '\0') {
			*last = p;
			break;
		}
		memcpy(name, p,
		       len); /* shorter than REPO_NAME_MAX: the name was checked */
		name[len] = '\0';
		next = open_or_make_dir(fd, name, err);
		close(fd);
		fd = next;
		p += len + 1;
	}
	return fd;
}

enum { PUT_TRIES = 100 };

/* Another process that removes the last reference of a directory also removes the
 * directory: try again then. */
static int put_ref(const struct cfs_repo *repo, int dirfd, const char *ref,
		   const char *name, struct cfs_err *err)
{
	char target[CFS_REPO_LINK_MAX];
	int rc = -ENOENT;

	repo_format_ref_target(cfs_text(ref), cfs_text(name), target);
	for (int i = 0; rc == -ENOENT && i < PUT_TRIES; i++) {
		const char *last = NULL;
		cfs_autofd int parent = make_ref_parent(dirfd, ref, &last, err);

		rc = parent < 0 ? parent
				: cfs_repo_put_link(repo, parent, last, target, err);
		if (rc == 0)
			rc = sync_dir(parent, err);
	}
	return cfs_context(err, rc, "refs/%s", ref);
}

/* Replaces a reference to an image, and records that. */
static int put_image_ref(const struct cfs_repo *repo, int dirfd, const char *ref,
			 const struct cfs_digest *id, struct cfs_err *err)
{
	char hex[CFS_DIGEST_HEX_MAX];
	struct repo_log_change change;
	int rc;

	repo_log_begin(repo, ref, &change);
	rc = put_ref(repo, dirfd, ref, cfs_digest_hex(id, hex), err);
	if (rc == 0)
		repo_log_end(repo, &change, id);
	else
		repo_log_drop(&change);
	return rc;
}

/* streams/refs is the directory of the references, and no stream. */
static bool is_first_level_name(const char *name)
{
	return repo_is_component(cfs_text(name)) && strcmp(name, "refs") != 0;
}

static int check_published_link(const struct cfs_repo *repo,
				const struct cfs_repo_link *link, const char *name,
				const char *ref, struct cfs_err *err)
{
	if (link->id.alg != repo->meta.alg)
		return cfs_fail(err, EINVAL, "id: expected %s, got %s",
				cfs_hash_name(repo->meta.alg),
				cfs_hash_name(link->id.alg));
	if (!is_first_level_name(name))
		return cfs_fail(err, EINVAL,
				"stream \"%s\": expected one component other than refs",
				name);
	return ref ? cfs_repo_check_ref(cfs_text(ref), err) : 0;
}

int cfs_repo_publish(struct cfs_repo *repo, const struct cfs_repo_link *link,
		     struct cfs_err *err)
{
	const char *dir = cfs_repo_get_kind_dir(link->kind);
	const char *ref = link->ref ? cfs_repo_ref_name(link->ref) : NULL;
	char hex[CFS_DIGEST_HEX_MAX];
	const char *name = link->kind == CFS_REPO_IMAGES ? cfs_digest_hex(&link->id, hex)
							 : link->name;
	cfs_autofd int dirfd = -1;
	int rc = check_published_link(repo, link, name, ref, err);

	if (rc < 0)
		return rc;
	dirfd = open_or_make_dir(repo->dirfd, dir, err);
	if (dirfd < 0)
		return dirfd;
	rc = put_first_level(repo, dirfd, name, link, err);
	if (rc == 0 && ref)
		rc = link->kind == CFS_REPO_IMAGES
			     ? put_image_ref(repo, dirfd, ref, &link->id, err)
			     : put_ref(repo, dirfd, ref, name, err);
	return cfs_context(err, rc, "%s", dir);
}

/* --- removing references ------------------------------------------------------------ */

/* Removes the directories that are empty now, from the innermost; stops at one that is
 * not. */
static void remove_empty_dirs(const struct cfs_repo *repo, enum cfs_repo_kind kind,
			      const char *ref)
{
	cfs_autofree char *path = strdup(ref);
	char top[16], *slash;
	cfs_autofd int refs = -1;

	snprintf(top, sizeof(top), "%s/refs", cfs_repo_get_kind_dir(kind));
	refs = cfs_beneath_open(repo->dirfd, top, O_PATH | O_DIRECTORY, 0);
	while (refs >= 0 && path && (slash = strrchr(path, '/'))) {
		*slash = '\0';
		if (cfs_beneath_unlink(refs, path, AT_REMOVEDIR) < 0)
			break;
	}
}

/* Removes a reference durably, and the directories that become empty by it. */
static int remove_published_ref(const struct cfs_repo *repo, enum cfs_repo_kind kind,
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
							cfs_repo_get_kind_dir(kind), ref);
	rc = cfs_context(err, sync_dir(dirfd, err), "%s/refs/%s",
			 cfs_repo_get_kind_dir(kind), ref);
	remove_empty_dirs(repo, kind, ref);
	return rc;
}

int cfs_repo_remove_ref(const struct cfs_repo *repo, enum cfs_repo_kind kind,
			const char *ref, struct cfs_err *err)
{
	struct repo_log_change change;
	int rc;

	/* Names of other forms have no log. */
	if (kind != CFS_REPO_IMAGES || cfs_repo_check_ref(cfs_text(ref), NULL) < 0)
		return remove_published_ref(repo, kind, ref, err);
	repo_log_begin(repo, ref, &change);
	rc = remove_published_ref(repo, kind, ref, err);
	if (rc == 0)
		repo_log_end(repo, &change, NULL);
	else
		repo_log_drop(&change);
	return rc;
}

int cfs_repo_untag(struct cfs_repo *repo, enum cfs_repo_kind kind, const char *name,
		   struct cfs_err *err)
{
	const char *ref = cfs_repo_ref_name(name);
	int rc = cfs_repo_check_ref(cfs_text(ref), err);

	return rc < 0 ? rc : cfs_repo_remove_ref(repo, kind, ref, err);
}
