/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* sig_commands: the commands of composefs that sign and verify.
 * Owns:  their table, the options that they have in common.
 * Uses:  composefs, hash, verity.
 * Never: does a command's work.
 */
#ifndef CFS_SIG_COMMANDS_H
#define CFS_SIG_COMMANDS_H

#include "composefs.h"
#include "hash/hash.h"
#include "verity/verity.h"

int cmd_sign(int argc, char **argv);
int cmd_verify(int argc, char **argv);

/* The value of --hash; false, after having said why, when it is no algorithm. */
bool sig_take_hash(const char *value, enum cfs_hash_alg *out);

/* The digest of the file behind fd: measured by the kernel where the file has fs-verity, else, unless
 * require_verity, computed with alg (0: SHA-256). -ENOTTY: no fs-verity; -EILSEQ: it has
 * another algorithm than alg. */
int sig_digest(int fd, enum cfs_hash_alg alg, bool require_verity, struct cfs_digest *out,
	       struct cfs_err *err) CFS_MUST_CHECK;

#endif
