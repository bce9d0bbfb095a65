/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* signer: make a signature with a key file or a command, or read one that was made elsewhere.
 * Owns:  reading the key, running the command, checking the signature with the public key.
 * Uses:  base, sig.
 * Never: prints, stores signatures.
 */
#ifndef CFS_SIGNER_H
#define CFS_SIGNER_H

#include "base/base.h"
#include "sig/sig.h"

/* Starts zeroed; the strings are borrowed. Set one of key, attach and command, the latter two with public_key. */
struct signer {
	const char *key;    /* file of a private key */
	const char *attach; /* file of a signature, "-" is stdin */
	/* For sh: reads the message from standard input, writes the signature to standard output. */
	const char *command;
	const char *public_key; /* file */
};

/* Returns the signature over message and its key. -EBADMSG: the signature does not match. */
int signer_sign(const struct signer *s, struct cfs_span message, struct cfs_sig_key *key,
		uint8_t signature[CFS_SIG_LEN], struct cfs_err *err) CFS_MUST_CHECK;

#endif
