/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Resolving the names of images and streams. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "repo/repo_priv.h"

/* Checks that images/ID exists and refers to the object of that ID. */
static int check_image_entry(const struct cfs_repo *repo, const struct cfs_digest *id,
			     struct cfs_err *err)
{
	cfs_autofd int dirfd =
		cfs_beneath_open(repo->dirfd, "images", O_PATH | O_DIRECTORY, 0);
	char hex[CFS_DIGEST_HEX_MAX], text[CFS_DIGEST_TEXT_MAX], buf[CFS_REPO_LINK_MAX];
	struct cfs_digest linked;
	int len;

	cfs_digest_hex(id, hex);
	len = dirfd < 0 ? dirfd : cfs_repo_read_link(dirfd, hex, buf);
	if (len == -ENOENT)
		return cfs_fail(err, ENOENT, "no image %s", cfs_digest_text(id, text));
	if (len < 0 && len != -EINVAL && len != -EUCLEAN) {
		errno = -len;
		return cfs_fail_errno(err, "images/%s", hex);
	}
	if (len < 0 ||
	    !repo_parse_object_target((struct cfs_text){buf, (size_t)len}, id->alg,
				      &linked) ||
	    !cfs_digest_eq(&linked, id))
		return cfs_fail(err, EUCLEAN, "images/%s: expected a link to its object",
				hex);
	return 0;
}

int repo_open_ref_parent(const struct cfs_repo *repo, enum cfs_repo_kind kind,
			 const char *ref, const char **last)
{
	char path[sizeof("streams/refs/") + CFS_REPO_REF_MAX];
	const char *slash = strrchr(ref, '/');
	int n;

	*last = slash ? slash + 1 : ref;
	n = snprintf(path, sizeof(path), "%s/refs/%.*s", cfs_repo_get_kind_dir(kind),
		     (int)(*last - ref), ref);
	if (n >= (int)sizeof(path))
		return -ENAMETOOLONG;
	path[n - 1] = '\0'; /* drops the last slash */
	return cfs_beneath_open(repo->dirfd, path, O_RDONLY | O_DIRECTORY, 0);
}

int repo_fail_ref(enum cfs_repo_kind kind, const char *ref, int code, struct cfs_err *err)
{
	const char *what = kind == CFS_REPO_IMAGES ? "image" : "stream";

	if (code == -ENOENT || code == -ENOTDIR || code == -ELOOP)
		return cfs_fail(err, ENOENT, "no such %s: \"%s\"", what, ref);
	if (code == -EINVAL)
		return cfs_fail(err, ENOENT,
				"no such %s: \"%s\" is not a reference, but a directory "
				"for references such as %s/NAME",
				what, ref, ref);
	errno = -code;
	return cfs_fail_errno(err, "%s/refs/%s", cfs_repo_get_kind_dir(kind), ref);
}

/* Reads the first-level name that a reference links to into out. -ENOENT only when the
 * reference is absent; -EUCLEAN when its link leads anywhere else. */
static int read_ref(const struct cfs_repo *repo, enum cfs_repo_kind kind, const char *ref,
		    char out[CFS_REPO_LINK_MAX], struct cfs_err *err)
{
	cfs_autofd int dirfd = -1;
	struct cfs_text entry;
	const char *last;
	int rc = cfs_repo_check_ref(cfs_text(ref), err), len;

	if (rc < 0)
		return rc;
	dirfd = repo_open_ref_parent(repo, kind, ref, &last);
	len = dirfd < 0 ? dirfd : cfs_repo_read_link(dirfd, last, out);
	if (len < 0 && len != -EUCLEAN)
		return repo_fail_ref(kind, ref, len, err);
	if (len < 0 ||
	    !repo_parse_ref_target(cfs_text(ref), (struct cfs_text){out, (size_t)len},
				   &entry))
		return cfs_fail(err, EUCLEAN,
				"%s/refs/%s: expected a link to a first-level entry",
				cfs_repo_get_kind_dir(kind), ref);
	memmove(out, entry.s, entry.len + 1);
	return 0;
}

/* Resolves a reference to the ID of its image, and checks that the image exists. */
static int find_image_ref(const struct cfs_repo *repo, const char *ref,
			  struct cfs_digest *out, struct cfs_err *err)
{
	char entry[CFS_REPO_LINK_MAX];
	int rc = read_ref(repo, CFS_REPO_IMAGES, ref, entry, err);

	if (rc < 0)
		return rc;
	*out = (struct cfs_digest){.alg = repo->meta.alg};
	if (!cfs_hex_decode(cfs_text(entry), out->bytes, cfs_hash_len(out->alg)))
		return cfs_fail(err, EUCLEAN,
				"images/refs/%s: expected a link to an image", ref);
	return cfs_context(err, check_image_entry(repo, out, err), "images/refs/%s", ref);
}

int repo_has_ref(const struct cfs_repo *repo, const char *name, struct cfs_err *err)
{
	char path[sizeof("images/refs/") + CFS_REPO_REF_MAX];
	struct stat st;
	int rc;

	snprintf(path, sizeof(path), "images/refs/%s", name);
	rc = cfs_beneath_stat(repo->dirfd, path, &st);
	if (rc == 0)
		return 1;
	return rc == -ENOENT ? 0 : cfs_beneath_fail(rc, path, err);
}

/* Digits alone are the beginning of an ID unless they are a reference. */
static int find_image_name(const struct cfs_repo *repo, const char *name,
			   struct cfs_digest *out, struct cfs_err *err)
{
	struct cfs_hash_prefix prefix;
	int rc;

	if (!repo_parse_prefix(cfs_text(name), repo->meta.alg, &prefix)) {
		rc = find_image_ref(repo, cfs_repo_ref_name(name), out, err);
		return rc == -ENOENT && repo_has_ref(repo, name, NULL) == 0
			       ? repo_explain_prefix(repo, name, rc, err)
			       : rc;
	}
	rc = repo_has_ref(repo, name, err);
	if (rc > 0)
		return find_image_ref(repo, name, out, err);
	if (rc == 0)
		rc = repo_find_prefix(repo, &prefix, out, err);
	return rc < 0 ? rc : check_image_entry(repo, out, err);
}

int cfs_repo_find_image(const struct cfs_repo *repo, const char *name,
			struct cfs_digest *out, struct cfs_err *err)
{
	if (cfs_digest_parse(cfs_text(name), out, NULL) < 0)
		return find_image_name(repo, name, out, err);
	if (out->alg != repo->meta.alg)
		return cfs_fail(err, EINVAL, "%s: the IDs of this repository are %s",
				name, cfs_hash_name(repo->meta.alg));
	return check_image_entry(repo, out, err);
}

int cfs_repo_open_image(const struct cfs_repo *repo, const char *name,
			struct cfs_map *map, struct cfs_image *im, struct cfs_digest *id,
			struct cfs_err *err)
{
	struct cfs_digest found;
	int rc = cfs_repo_find_image(repo, name, &found, err);

	if (rc == 0)
		rc = cfs_repo_map_object(repo, &found, map, err);
	if (rc < 0)
		return rc;
	if (id)
		*id = found;
	rc = cfs_context(err, cfs_image_open(map->span, im, err), "image %s", name);
	if (rc < 0)
		cfs_map_close(map);
	return rc;
}

/* Reads the first-level link of a stream. */
static int read_stream_link(const struct cfs_repo *repo, const char *name,
			    struct cfs_digest *out, struct cfs_err *err)
{
	cfs_autofd int dirfd =
		cfs_beneath_open(repo->dirfd, "streams", O_PATH | O_DIRECTORY, 0);
	char buf[CFS_REPO_LINK_MAX];
	int len = dirfd < 0 ? dirfd : cfs_repo_read_link(dirfd, name, buf);

	if (len == -ENOENT)
		return cfs_fail(err, ENOENT, "no stream %s", name);
	if (len < 0 && len != -EINVAL && len != -EUCLEAN) {
		errno = -len;
		return cfs_fail_errno(err, "streams/%s", name);
	}
	if (len < 0 || !repo_parse_object_target((struct cfs_text){buf, (size_t)len},
						 repo->meta.alg, out))
		return cfs_fail(err, EUCLEAN, "streams/%s: expected a link to its object",
				name);
	return 0;
}

int cfs_repo_find_stream(const struct cfs_repo *repo, const char *name,
			 char entry[CFS_REPO_LINK_MAX], struct cfs_digest *out,
			 struct cfs_err *err)
{
	int rc = 0;

	if (cfs_repo_ref_name(name) != name) {
		rc = read_ref(repo, CFS_REPO_STREAMS, cfs_repo_ref_name(name), entry,
			      err);
	} else if (!repo_is_component(cfs_text(name))) {
		rc = cfs_fail(err, EINVAL,
			      "stream \"%s\": expected one component, or refs/NAME",
			      name);
	} else {
		snprintf(entry, CFS_REPO_LINK_MAX, "%s", name);
		rc = repo_complete_stream(repo, entry, err);
	}
	return rc < 0 ? rc : read_stream_link(repo, entry, out, err);
}

int cfs_repo_open_stream(const struct cfs_repo *repo, const char *name,
			 struct cfs_map *map, struct cfs_stream *out, struct cfs_err *err)
{
	char entry[CFS_REPO_LINK_MAX];
	struct cfs_digest id;
	int rc = cfs_repo_find_stream(repo, name, entry, &id, err);

	if (rc == 0)
		rc = cfs_repo_map_object(repo, &id, map, err);
	if (rc < 0)
		return rc;
	rc = cfs_context(err, cfs_stream_open(map->span, id.alg, out, err), "stream %s",
			 name);
	if (rc < 0)
		cfs_map_close(map);
	return rc;
}
