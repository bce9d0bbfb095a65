/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The digests of images, and the place of their signatures. */
#include "composefs/sign/images.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/repo_option.h"

/* Whether any image is a file: 1, 0 or an error; -EEXIST: it is an image as well. What a name means must not depend on who can
 * create a file here. */
static int are_files(struct where *w, const char *repo, char **images, size_t n,
		     struct cfs_err *err)
{
	struct cfs_err unused;
	struct cfs_image im;
	struct cfs_map map;
	size_t n_files = 0;
	int rc;

	for (size_t i = 0; i < n; i++) {
		if (faccessat(AT_FDCWD, images[i], F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
			if (errno == ENOENT || errno == ENOTDIR)
				continue;
			return cfs_fail_errno(err, "%s", images[i]);
		}
		n_files++;
		rc = where_open_image(w, images[i], &map, &im, NULL, &unused);
		if (rc == -ENOENT || rc == -EINVAL)
			continue;
		if (rc == 0)
			cfs_map_close(&map);
		return cli_add_advice(
			cfs_fail(err, EEXIST,
				 "%s: a file, and an image of the repository %s",
				 images[i], repo),
			err, "--repo=DIR for the image, ./FILE for the file");
	}
	return n_files > 0;
}

int sig_choose_repository(struct sig_images *how, char **images, size_t n,
			  struct cfs_err *err)
{
	static char found[PATH_MAX]; /* the stack may be small: 64 KiB are enough */
	struct where w = {0};
	const char *path;
	int rc;

	if (how->repo || !where_exists(&w))
		return 0;
	rc = where_find_path(&w, &path, err);
	if (rc < 0)
		return rc;
	snprintf(found, sizeof(found), "%s", path);
	rc = are_files(&w, found, images, n, err);
	if (rc == 0) {
		how->repo = found;
		cli_use_repository(found);
	}
	return rc < 0 ? rc : 0;
}

/* Asks the kernel for the digest of a file with fs-verity. */
static int measure_image_file(const struct sig_images *how, const char *path,
			      struct cfs_digest *out, struct cfs_err *err)
{
	cfs_autofd int fd = cfs_input_open(AT_FDCWD, path, 0, err);
	int rc;

	if (fd < 0) {
		cfs_context(err, fd, "%s", path);
		return fd == -ENOENT ? cli_add_advice(fd, err,
						      "an image of a repository needs "
						      "--repo=DIR")
				     : fd;
	}
	rc = cfs_verity_measure(fd, out, err);
	if (rc == -ENOTTY && !how->require_verity)
		rc = cfs_verity_digest_fd(how->alg ? how->alg : CFS_SHA256, fd, 1, NULL,
					  out, NULL, err);
	return cfs_context(err, rc, "%s", path);
}

static int measure_in_repo(const struct sig_images *how, const char *name,
			   struct cfs_digest *out, struct cfs_err *err)
{
	struct where w = {.repo = how->repo, .require_verity = how->require_verity};
	struct cfs_image im;
	struct cfs_map map;
	int rc = where_open_image(&w, name, &map, &im, out, err);

	if (rc == 0)
		cfs_map_close(&map);
	return rc;
}

int sig_measure(const struct sig_images *how, const char *image, struct cfs_digest *out,
		struct cfs_err *err)
{
	int rc = how->repo ? measure_in_repo(how, image, out, err)
			   : measure_image_file(how, image, out, err);

	if (rc == 0 && how->alg && out->alg != how->alg)
		rc = cfs_fail(err, EILSEQ, "%s: fs-verity algorithm: expected %s, got %s",
			      image, cfs_hash_name(how->alg), cfs_hash_name(out->alg));
	return rc;
}

const char *sig_get_place(const struct sig_images *how, char buf[SIG_PLACE_MAX])
{
	if (!how->repo)
		return NULL;
	snprintf(buf, SIG_PLACE_MAX, "%s/signatures", how->repo);
	return buf;
}
