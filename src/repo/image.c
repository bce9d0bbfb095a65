/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Images and their names: found, published, taken away. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "repo/repo_priv.h"

/* --- finding ----------------------------------------------------------------------------- */

/* images/ID must be there, and lead to the object of that id. */
static int check_entry(const struct cfs_repo *repo, const struct cfs_digest *id,
		       struct cfs_err *err)
{
	cfs_autofd int dirfd =
		cfs_beneath_open(repo->dirfd, "images", O_PATH | O_DIRECTORY, 0);
	char hex[CFS_DIGEST_HEX_MAX], buf[REPO_LINK_MAX];
	struct cfs_digest led;
	int len;

	cfs_digest_hex(id, hex);
	len = dirfd < 0 ? dirfd : repo_read_link(dirfd, hex, buf);
	if (len == -ENOENT)
		return cfs_fail(err, ENOENT, "no image %s", hex);
	if (len < 0 && len != -EINVAL && len != -EUCLEAN) {
		errno = -len;
		return cfs_fail_errno(err, "images/%s", hex);
	}
	if (len < 0 ||
	    !repo_parse_object_target((struct cfs_text){buf, (size_t)len}, id->alg,
				      &led) ||
	    !cfs_digest_eq(&led, id))
		return cfs_fail(err, EUCLEAN, "images/%s: want a link to its object",
				hex);
	return 0;
}

/* Opens the directory of a ref, and points last to its last component. */
static int open_parent(const struct cfs_repo *repo, enum cfs_repo_kind kind,
		       const char *ref, const char **last)
{
	char path[sizeof("streams/refs/") + CFS_REPO_REF_MAX];
	const char *slash = strrchr(ref, '/');
	int n;

	*last = slash ? slash + 1 : ref;
	n = snprintf(path, sizeof(path), "%s/refs/%.*s", repo_kind_dir(kind),
		     (int)(*last - ref), ref);
	if (n >= (int)sizeof(path))
		return -ENAMETOOLONG;
	path[n - 1] = '\0'; /* the slash behind */
	return cfs_beneath_open(repo->dirfd, path, O_RDONLY | O_DIRECTORY, 0);
}

static int no_such_name(enum cfs_repo_kind kind, const char *ref, int code,
			struct cfs_err *err)
{
	const char *what = kind == CFS_REPO_IMAGES ? "image" : "stream";

	if (code == -ENOENT || code == -ENOTDIR || code == -ELOOP)
		return cfs_fail(err, ENOENT, "no %s is called \"%s\"", what, ref);
	if (code == -EINVAL)
		return cfs_fail(
			err, ENOENT,
			"\"%s\" is not the name of an %s, there are names below it", ref,
			what);
	errno = -code;
	return cfs_fail_errno(err, "%s/refs/%s", repo_kind_dir(kind), ref);
}

int repo_read_ref(const struct cfs_repo *repo, enum cfs_repo_kind kind, const char *ref,
		  char out[REPO_LINK_MAX], struct cfs_err *err)
{
	cfs_autofd int dirfd = -1;
	struct cfs_text entry;
	const char *last;
	int rc = cfs_repo_check_ref(cfs_text(ref), err), len;

	if (rc < 0)
		return rc;
	dirfd = open_parent(repo, kind, ref, &last);
	len = dirfd < 0 ? dirfd : repo_read_link(dirfd, last, out);
	if (len < 0 && len != -EUCLEAN)
		return no_such_name(kind, ref, len, err);
	if (len < 0 ||
	    !repo_parse_ref_target(cfs_text(ref), (struct cfs_text){out, (size_t)len},
				   &entry))
		return cfs_fail(err, EUCLEAN,
				"%s/refs/%s: want a link to a first-level entry",
				repo_kind_dir(kind), ref);
	memmove(out, entry.s, entry.len + 1);
	return 0;
}

static int find_ref(const struct cfs_repo *repo, const char *ref, struct cfs_digest *out,
		    struct cfs_err *err)
{
	char entry[REPO_LINK_MAX];
	int rc = repo_read_ref(repo, CFS_REPO_IMAGES, ref, entry, err);

	if (rc < 0)
		return rc;
	*out = (struct cfs_digest){.alg = repo->meta.alg};
	if (!cfs_hex_decode(cfs_text(entry), out->bytes, cfs_hash_len(out->alg)))
		return cfs_fail(err, EUCLEAN, "images/refs/%s: want a link to an image",
				ref);
	return cfs_context(err, check_entry(repo, out, err), "images/refs/%s", ref);
}

int cfs_repo_find_image(const struct cfs_repo *repo, const char *name,
			struct cfs_digest *out, struct cfs_err *err)
{
	if (cfs_digest_parse(cfs_text(name), out, NULL) < 0)
		return find_ref(repo, cfs_repo_ref_name(name), out, err);
	if (out->alg != repo->meta.alg)
		return cfs_fail(err, EINVAL, "%s: the ids of this repository are %s",
				name, cfs_hash_name(repo->meta.alg));
	return check_entry(repo, out, err);
}

int cfs_repo_open_image(const struct cfs_repo *repo, const char *name,
			struct cfs_map *map, struct cfs_image *im, struct cfs_digest *id,
			struct cfs_err *err)
{
	struct cfs_digest found;
	int rc = cfs_repo_find_image(repo, name, &found, err);

	if (rc == 0)
		rc = repo_map_object(repo, &found, map, err);
	if (rc < 0)
		return rc;
	if (id)
		*id = found;
	rc = cfs_context(err, cfs_image_open(map->span, im, err), "image %s", name);
	if (rc < 0)
		cfs_map_close(map);
	return rc;
}

/* The object that streams/NAME leads to. */
static int find_stream(const struct cfs_repo *repo, const char *name,
		       struct cfs_digest *out, struct cfs_err *err)
{
	char entry[REPO_LINK_MAX], buf[REPO_LINK_MAX];
	cfs_autofd int dirfd = -1;
	int rc = 0, len;

	if (cfs_repo_ref_name(name) != name) {
		rc = repo_read_ref(repo, CFS_REPO_STREAMS, cfs_repo_ref_name(name), entry,
				   err);
		name = entry;
	} else if (!repo_is_component(cfs_text(name))) {
		rc = cfs_fail(err, EINVAL,
			      "stream \"%s\": want one component, or refs/NAME", name);
	}
	if (rc < 0)
		return rc;
	dirfd = cfs_beneath_open(repo->dirfd, "streams", O_PATH | O_DIRECTORY, 0);
	len = dirfd < 0 ? dirfd : repo_read_link(dirfd, name, buf);
	if (len == -ENOENT)
		return cfs_fail(err, ENOENT, "no stream %s", name);
	if (len < 0 || !repo_parse_object_target((struct cfs_text){buf, (size_t)len},
						 repo->meta.alg, out))
		return cfs_fail(err, EUCLEAN, "streams/%s: want a link to its object",
				name);
	return 0;
}

int cfs_repo_open_stream(const struct cfs_repo *repo, const char *name,
			 struct cfs_map *map, struct cfs_stream *out, struct cfs_err *err)
{
	struct cfs_digest id;
	int rc = find_stream(repo, name, &id, err);

	if (rc == 0)
		rc = repo_map_object(repo, &id, map, err);
	if (rc < 0)
		return rc;
	rc = cfs_context(err, cfs_stream_open(map->span, id.alg, out, err), "stream %s",
			 name);
	if (rc < 0)
		cfs_map_close(map);
	return rc;
}

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
	char hex[CFS_DIGEST_HEX_MAX], target[REPO_LINK_MAX], found[REPO_LINK_MAX];
	int len;

	cfs_digest_hex(id, hex);
	repo_object_target(id, target);
	if (symlinkat(target, images, hex) == 0)
		return sync_dir(images, err);
	if (errno != EEXIST)
		return cfs_fail_errno(err, "link");
	len = repo_read_link(images, hex, found);
	if (len < 0 || strcmp(found, target) != 0) {
		int rc = repo_put_link(repo, images, hex, target, err);

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
	char hex[CFS_DIGEST_HEX_MAX], target[REPO_LINK_MAX];
	int rc = -ENOENT;

	repo_ref_target(cfs_text(ref), cfs_text(cfs_digest_hex(id, hex)), target);
	for (int i = 0; rc == -ENOENT && i < PUT_TRIES; i++) {
		const char *last = NULL;
		cfs_autofd int dirfd = make_parent(images, ref, &last, err);

		rc = dirfd < 0 ? dirfd : repo_put_link(repo, dirfd, last, target, err);
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

	snprintf(top, sizeof(top), "%s/refs", repo_kind_dir(kind));
	refs = cfs_beneath_open(repo->dirfd, top, O_PATH | O_DIRECTORY, 0);
	while (refs >= 0 && path && (slash = strrchr(path, '/'))) {
		*slash = '\0';
		if (cfs_beneath_unlink(refs, path, AT_REMOVEDIR) < 0)
			break;
	}
}

int repo_remove_ref(const struct cfs_repo *repo, enum cfs_repo_kind kind, const char *ref,
		    struct cfs_err *err)
{
	const char *last;
	cfs_autofd int dirfd = open_parent(repo, kind, ref, &last);
	char buf[REPO_LINK_MAX];
	int len = dirfd < 0 ? dirfd : repo_read_link(dirfd, last, buf), rc;

	if (len < 0 && len != -EUCLEAN)
		return no_such_name(kind, ref, len, err);
	if (unlinkat(dirfd, last, 0) < 0)
		return errno == ENOENT ? no_such_name(kind, ref, -ENOENT, err)
				       : cfs_fail_errno(err, "%s/refs/%s",
							repo_kind_dir(kind), ref);
	rc = cfs_context(err, sync_dir(dirfd, err), "%s/refs/%s", repo_kind_dir(kind),
			 ref);
	remove_empty(repo, kind, ref);
	return rc;
}

int cfs_repo_untag(struct cfs_repo *repo, const char *name, struct cfs_err *err)
{
	const char *ref = cfs_repo_ref_name(name);
	int rc = cfs_repo_check_ref(cfs_text(ref), err);

	return rc < 0 ? rc : repo_remove_ref(repo, CFS_REPO_IMAGES, ref, err);
}
