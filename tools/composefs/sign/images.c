/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The digests of images, and the place of their signatures. */
#include "composefs/sign/images.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

#include "cli/cli.h"
#include "cli/repo_option.h"

/* Asks the kernel for the digest of a file with fs-verity. */
static int measure_image_file(const struct sig_images *how, const char *path,
			      struct cfs_digest *out, struct cfs_err *err)
{
	cfs_autofd int fd = cfs_input_open(AT_FDCWD, path, 0, err);
	char advice[PATH_MAX];
	int rc;

	if (fd < 0) {
		cfs_context(err, fd, "%s", path);
		snprintf(advice, sizeof(advice),
			 "an image of a repository needs --repo=%s",
			 where_get_env_repo("DIR"));
		return fd == -ENOENT ? cli_add_advice(fd, err, advice) : fd;
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
