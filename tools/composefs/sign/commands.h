/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* sig_commands: the commands of composefs that sign and verify.
 * Owns:  their table, the options that they have in common.
 * Uses:  composefs, hash, verity, where.
 * Never: does a command's work.
 */
#ifndef CFS_SIG_COMMANDS_H
#define CFS_SIG_COMMANDS_H

#include <limits.h>

#include "composefs/composefs.h"
#include "hash/hash.h"
#include "verity/verity.h"

int cmd_sign(int argc, char **argv);
int cmd_verify(int argc, char **argv);

/* The value of --hash; false, after having said why, when it is no algorithm. */
bool sig_take_hash(const char *value, enum cfs_hash_alg *out);

/* Which images are meant, and how they get their digests. Starts zeroed. */
struct sig_images {
	const char *repo;      /* they are images of this repository; NULL: files */
	enum cfs_hash_alg alg; /* 0: any, and SHA-256 where it is computed */
	bool require_verity;
};

/* The digest of an image: measured by the kernel where the file has fs-verity, else, unless
 * require_verity, computed; in a repository its id, when the image is that. -ENOTTY: no fs-verity;
 * -EILSEQ: another algorithm than alg, or another image than its id says. */
int sig_measure(const struct sig_images *how, const char *image, struct cfs_digest *out,
		struct cfs_err *err) CFS_MUST_CHECK;

/* Where the signatures of a repository are, in buf; NULL when images are files. */
enum { SIG_PLACE_MAX = PATH_MAX + 16 }; /* behind any path that can be opened */
const char *sig_place(const struct sig_images *how, char buf[SIG_PLACE_MAX]);

#endif
