/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* signer: who makes a signature: a key file, a command, or somebody who has made it already.
 * Owns:  reading the key, calling the command, holding the signature against the public key.
 * Uses:  base, sig.
 * Never: prints, stores signatures.
 */
#ifndef CFS_SIGNER_H
#define CFS_SIGNER_H

#include "base/base.h"
#include "sig/sig.h"

/* Starts zeroed; lent. One of key, attach and command; the latter two with public_key. */
struct signer {
	const char *key;    /* file of a private key */
	const char *attach; /* file of a signature, "-" is stdin */
	const char *
		command; /* for sh: what is to be signed on its stdin, the signature on its
				 * stdout */
	const char *public_key; /* file */
};

/* The signature over message and the key that it is by. It fits, or that is the error: -EBADMSG. */
int signer_sign(const struct signer *s, struct cfs_span message, struct cfs_sig_key *key,
		uint8_t signature[CFS_SIG_LEN], struct cfs_err *err) CFS_MUST_CHECK;

#endif
