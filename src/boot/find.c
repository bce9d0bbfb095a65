/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Finds the image on the state disk. All names there are hints: the digest is compared, or
 * the signature verified, when the image is mounted. Symbolic links are followed as if the
 * state disk were the root directory, so that none leads into the initrd. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "boot/boot_priv.h"

enum { POINTER_MAX = 256 };

/* Opens an image at this path below the state disk. -ENOENT without a message. */
static int open_boot_image(struct boot_run *r, const char *path, struct cfs_err *err)
{
	int fd = cfs_beneath_open_file_chroot(r->disk, path);

	if (fd == -ENOENT)
		return fd;
	if (fd < 0)
		return cfs_beneath_fail(fd, path, err);
	r->image = fd;
	return 0;
}

static int open_boot_objects(struct boot_run *r, const char *path, struct cfs_err *err)
{
	r->objects = cfs_beneath_open_dir_chroot(r->disk, path);
	if (r->objects >= 0)
		return 0;
	r->status = CFS_BOOT_NO_IMAGE;
	return cfs_beneath_fail(r->objects, path, err);
}

static void format_image(const struct boot_run *r, const struct cfs_digest *digest,
			 char *out, size_t cap)
{
	char hex[CFS_DIGEST_HEX_MAX];

	snprintf(out, cap, "%s/images/%s", r->request->choice->repo,
		 cfs_digest_hex(digest, hex));
}

/* Takes the first image that exists. Only "does not exist" leads to the next one. */
static int find_listed(struct boot_run *r, struct cfs_err *err)
{
	const struct cfs_boot_choice *choice = r->request->choice;
	char path[CFS_BOOT_FROM_MAX];

	for (size_t i = 0; i < choice->n_images; i++) {
		int rc;

		format_image(r, &choice->images[i].digest, path, sizeof(path));
		rc = open_boot_image(r, path, err);
		if (rc == -ENOENT)
			continue;
		r->facts.digest = choice->images[i].digest;
		r->facts.has_digest = true;
		r->insecure = choice->images[i].insecure;
		return rc;
	}
	format_image(r, &choice->images[0].digest, path, sizeof(path));
	r->status = CFS_BOOT_NO_IMAGE;
	return cfs_fail(err, ENOENT, "no image of the kernel arguments exists: %s%s",
			path, choice->n_images > 1 ? " and others" : "");
}

/* Reads the pointer: a link whose last component is the digest, or a file with it. */
static int read_pointer(struct boot_run *r, const char *dir, char out[POINTER_MAX],
			struct cfs_err *err)
{
	cfs_autofd int dirfd = cfs_beneath_open_dir_chroot(r->disk, dir);
	struct cfs_mem text = {0};
	ssize_t len;
	int rc;

	if (dirfd < 0)
		return cfs_beneath_fail(dirfd, dir, err);
	len = readlinkat(dirfd, "current", out, POINTER_MAX - 1);
	if (len >= 0) {
		out[len] = 0;
		return 0;
	}
	if (errno != EINVAL)
		return cfs_fail_errno(err, "current");
	rc = cfs_input_read(dirfd, "current", CFS_INPUT_NOFOLLOW, POINTER_MAX - 1, &text,
			    err);
	if (rc == 0) {
		memcpy(out, text.p, text.len);
		out[text.len] = 0;
		out[strcspn(out, "\n")] = 0;
	}
	free(text.p);
	return rc;
}

/* The image that the pointer of the repository names. */
static int find_current(struct boot_run *r, struct cfs_err *err)
{
	char dir[CFS_BOOT_FROM_MAX], pointer[POINTER_MAX], path[CFS_BOOT_FROM_MAX];
	const char *slash;
	int rc;

	snprintf(dir, sizeof(dir), "%s/boot", r->request->choice->repo);
	r->status = CFS_BOOT_NO_IMAGE;
	rc = cfs_context(err, read_pointer(r, dir, pointer, err), "%s", dir);
	if (rc < 0)
		return rc;
	slash = strrchr(pointer, '/');
	rc = cfs_digest_parse(cfs_text(slash ? slash + 1 : pointer), &r->facts.digest,
			      err);
	if (rc < 0)
		return cfs_context(err, rc, "%s/current", dir);
	r->facts.has_digest = true;
	format_image(r, &r->facts.digest, path, sizeof(path));
	rc = open_boot_image(r, path, err);
	return rc == -ENOENT ? cfs_fail(err, ENOENT, "%s does not exist", path) : rc;
}

/* The deployment has one image. The argument that its measured digest equals is the one
 * that counts; if there is none, the mount compares with the first, and fails. */
static int match_deployment(struct boot_run *r, struct cfs_err *err)
{
	const struct cfs_boot_choice *choice = r->request->choice;
	struct cfs_digest measured;
	int rc = cfs_verity_measure(r->image, &measured, err);
	size_t at = 0;

	if (rc == 0) {
		r->facts.digest = measured;
		r->facts.has_digest = true;
	} else if (rc != -ENOTTY) {
		return rc;
	}
	if (choice->n_images == 0)
		return 0;
	for (size_t i = 0; rc == 0 && i < choice->n_images; i++) {
		if (cfs_digest_eq(&choice->images[i].digest, &measured)) {
			at = i;
			break;
		}
	}
	r->facts.digest = choice->images[at].digest;
	r->facts.has_digest = true;
	r->insecure = choice->images[at].insecure;
	return 0;
}

/* Finds the image of an ostree deployment, which lies beside the checkout, and the
 * objects of ostree's repository. */
static int find_deployment(struct boot_run *r, struct cfs_err *err)
{
	const char *deployment = r->request->choice->ostree;
	char path[CFS_BOOT_FROM_MAX];
	int rc;

	snprintf(path, sizeof(path), "%s/.ostree.cfs", deployment);
	rc = open_boot_image(r, path, err);
	if (rc == -ENOENT) {
		r->status = CFS_BOOT_NO_IMAGE;
		return cfs_fail(err, ENOENT, "%s does not exist", path);
	}
	if (rc == 0)
		rc = match_deployment(r, err);
	return rc == 0 ? open_boot_objects(r, "ostree/repo/objects", err) : rc;
}

/* An image that no argument names was found on the state disk: only a required signature
 * can then make it verified. The descriptors of the image and objects are r's. */
int boot_find_image(struct boot_run *r, struct cfs_err *err)
{
	const struct cfs_boot_choice *choice = r->request->choice;
	char path[CFS_BOOT_FROM_MAX];
	bool expected = choice->n_images > 0;
	int rc;

	r->status = CFS_BOOT_FAILED;
	if (*choice->ostree) {
		rc = find_deployment(r, err);
	} else {
		rc = expected ? find_listed(r, err) : find_current(r, err);
		snprintf(path, sizeof(path), "%s/objects", choice->repo);
		if (rc == 0)
			rc = open_boot_objects(r, path, err);
	}
	if (!expected)
		r->insecure = !choice->require_signature;
	r->facts.verified = !r->insecure;
	return rc;
}
