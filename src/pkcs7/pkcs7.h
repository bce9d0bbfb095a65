/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* pkcs7: kernel signatures, the built-in signatures of fs-verity.
 * Owns:  their format: SignedData, detached, DER, no certificates, no signed attributes.
 * Uses:  base, hash (algorithms, key IDs), libcrypto. Who only asks composefs-pkcs7 (ask.h) needs
 *        no libcrypto.
 * Never: asks the kernel, knows images, prints.
 *
 * With an RSA key the bytes equal those of "fsverity sign"; ECDSA signatures are never
 * the same twice. The kernel's parser of certificates refuses Ed25519.
 */
#ifndef CFS_PKCS7_H
#define CFS_PKCS7_H

#include "base/base.h"
#include "hash/hash.h"
#include "pkcs7/ask.h"

enum { CFS_PKCS7_MAX = 16128 }; /* bytes; FS_VERITY_MAX_SIGNATURE_SIZE of the kernel */

/* A private key and its certificate. */
struct cfs_pkcs7_signer;

/* Reads a key and its certificate from PEM files. -EINVAL: not PEM, key and certificate
 * do not match, or a kind of key that the kernel does not support. The caller closes the
 * signer. */
int cfs_pkcs7_signer_open(const char *key, const char *cert,
			  struct cfs_pkcs7_signer **out,
			  struct cfs_err *err) CFS_MUST_CHECK;
void cfs_pkcs7_signer_close(struct cfs_pkcs7_signer *s);

/* Appends a signature over message, with the hash alg, to out, which the caller frees.
 * -EMSGSIZE: longer than CFS_PKCS7_MAX. */
int cfs_pkcs7_sign(const struct cfs_pkcs7_signer *s, enum cfs_hash_alg alg,
		   struct cfs_span message, struct cfs_mem *out,
		   struct cfs_err *err) CFS_MUST_CHECK;

/* Certificates that were parsed. */
struct cfs_pkcs7_certificates;

/* Parses the files. -EINVAL: *wrong of them is not exactly one certificate. */
int cfs_pkcs7_certificates_open(const struct cfs_pkcs7_certificate *files, size_t n,
				struct cfs_pkcs7_certificates **out, size_t *wrong,
				struct cfs_err *err) CFS_MUST_CHECK;
void cfs_pkcs7_certificates_close(struct cfs_pkcs7_certificates *c);

/* Verifies an untrusted signature, of at most 2 GiB, over message. Errors as cfs_pkcs7_ask_verify. */
int cfs_pkcs7_verify(const struct cfs_pkcs7_certificates *c, struct cfs_span message,
		     struct cfs_span signature, struct cfs_pkcs7_found *out,
		     struct cfs_err *err) CFS_MUST_CHECK;

#endif
