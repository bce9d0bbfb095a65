/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* sign/images: the images that are signed or verified.
 * Owns:  their digests, the place of their signatures.
 * Uses:  base, hash, verity, cli.
 * Never: signs, verifies.
 */
#ifndef CFS_SIG_IMAGES_H
#define CFS_SIG_IMAGES_H

#include <limits.h>

#include "base/base.h"
#include "hash/hash.h"
#include "verity/verity.h"

/* Where the images are, and how their digests are determined. Starts zeroed. */
struct sig_images {
	const char *repo;      /* repository of the images; NULL: they are files */
	enum cfs_hash_alg alg; /* 0: any, SHA-256 when computed */
	bool require_verity;
};

/* Chooses the repository of n images if none is given: that of $COMPOSEFS_REPO; the one that
 * contains the current directory, or the default one if it exists, unless the images are
 * files. -EEXIST: one is a file as well as an image of that repository. */
int sig_choose_repository(struct sig_images *how, char **images, size_t n,
			  struct cfs_err *err) CFS_MUST_CHECK;

/* Rows for the option table of a command whose struct contains a struct sig_images. */
#define SIG_IMAGES_OPTIONS(type, member)                                                 \
	{"hash",                                                                         \
	 "ALG",                                                                          \
	 CLI_AT(type, member.alg),                                                       \
	 "Without fs-verity use sha256 (default) or sha512",                             \
	 CLI_CHOICE,                                                                     \
	 .choices = cli_digest_algs},                                                    \
	{                                                                                \
		"require-verity", NULL, CLI_AT(type, member.require_verity),             \
			"Refuse an image without fs-verity"                              \
	}

/* The digest of an image: from the kernel when the file has fs-verity, else, unless require_verity, computed; in a
 * repository the image ID, after a check. -ENOTTY: no fs-verity; -EILSEQ: another algorithm than alg, or the image does
 * not match its ID. */
int sig_measure(const struct sig_images *how, const char *image, struct cfs_digest *out,
		struct cfs_err *err) CFS_MUST_CHECK;

/* The directory of the signatures of the repository, in buf; NULL when images are files. */
enum { SIG_PLACE_MAX = PATH_MAX + 16 }; /* after any path that can be opened */
const char *sig_get_place(const struct sig_images *how, char buf[SIG_PLACE_MAX]);

#endif
