/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Sealed images: the manifest announces the digest of the merged image in an annotation. It
 * protects as far as the manifest is trusted, for example since it was named by its digest. */
#include <errno.h>
#include <stdio.h>

#include "containers/pull_priv.h"

/* The key for images of format 1 with this algorithm. */
static const char *find_announced(const struct pull *p, bool bootable)
{
	const struct cfs_oci_descriptor manifest = {.annotations =
							    p->manifest.annotations};
	char key[128];

	snprintf(key, sizeof(key), "composefs.merged.%serofs.v1.fsverity-%s-12",
		 bootable ? "bootable." : "",
		 cfs_hash_name(cfs_repo_get_meta(p->repo)->alg));
	return cfs_oci_find_annotation(&manifest, key);
}

/* The manifest promises another image than the layers give. An error if seals are
 * required, else a warning. */
static int fail_mismatch(const struct pull *p, const char *announced,
			 const struct cfs_digest *image, struct cfs_err *err)
{
	char text[CFS_DIGEST_TEXT_MAX];
	int rc = cfs_fail(
		err, EILSEQ,
		"seal mismatch: expected image %.130s, as the manifest announces, got "
		"%s from its layers",
		announced, cfs_digest_text(image, text));

	if (p->opts->seal == CFS_SEAL_REQUIRE)
		return rc;
	cfs_watch_warn(p->opts->watch, "%s", err->msg);
	return 0;
}

/* Compares the image that was made with the digest that the manifest announces. ENODATA:
 * none is announced, but one is required. A digest that cannot be parsed counts as
 * another one. */
int pull_check_seal(const struct pull *p, const struct cfs_digest *image,
		    struct cfs_err *err)
{
	const char *announced = find_announced(p, p->opts->merge.bootable);
	struct cfs_digest digest;

	if (p->opts->seal == CFS_SEAL_IGNORE)
		return 0;
	if (!announced && p->opts->seal == CFS_SEAL_REQUIRE)
		return cfs_fail(
			err, ENODATA,
			"the image is not sealed: its manifest announces no digest for "
			"%s",
			cfs_hash_name(image->alg));
	if (!announced)
		return 0;
	if (cfs_digest_parse(cfs_text(announced), &digest, NULL) < 0 ||
	    !cfs_digest_eq(&digest, image))
		return fail_mismatch(p, announced, image, err);
	return 0;
}
