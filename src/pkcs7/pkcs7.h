/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* pkcs7: the signatures that the kernel itself checks, for fs-verity's builtin ones.
 * Owns:  their form: SignedData, detached, DER, no certificates, no signed attributes.
 * Uses:  base, hash (algorithms), libcrypto.
 * Never: asks the kernel, knows images, prints.
 *
 * Byte for byte what "fsverity sign" makes, for RSA; for ECDSA no two signatures are the same. The
 * kernel's parser of certificates refuses Ed25519.
 */
#ifndef CFS_PKCS7_H
#define CFS_PKCS7_H

#include "base/base.h"
#include "hash/hash.h"

enum {
	CFS_PKCS7_MAX = 16128
}; /* bytes that the kernel takes: FS_VERITY_MAX_SIGNATURE_SIZE */

/* A private key and its certificate. */
struct cfs_pkcs7_signer;

/* From PEM files. -EINVAL: they are none, do not belong together, or have a kind of key that
 * the kernel does not take. The signer is the caller's until _close. */
int cfs_pkcs7_signer_open(const char *key, const char *cert,
			  struct cfs_pkcs7_signer **out,
			  struct cfs_err *err) CFS_MUST_CHECK;
void cfs_pkcs7_signer_close(struct cfs_pkcs7_signer *s);

/* Appends a signature over message, made with alg, to out, which the caller frees. */
int cfs_pkcs7_sign(const struct cfs_pkcs7_signer *s, enum cfs_hash_alg alg,
		   struct cfs_span message, struct cfs_mem *out,
		   struct cfs_err *err) CFS_MUST_CHECK;

#endif
