/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Asking composefs-pkcs7, so that the program that asks needs no libcrypto. */
#ifndef CFS_PKCS7_ASK_H
#define CFS_PKCS7_ASK_H

#include "base/base.h"
#include "base/watch.h"

enum {
	CFS_PKCS7_KEY_ID_MAX = 65,	    /* SHA-256 in hex, and a NUL */
	CFS_PKCS7_CERTIFICATE_MAX = 65536,  /* bytes of a file */
	CFS_PKCS7_CERTIFICATES_MAX = 1024,  /* in a request */
	CFS_PKCS7_REQUEST_MAX = 64 << 20,   /* bytes */
	CFS_PKCS7_REQUEST_MESSAGE_MAX = 128 /* bytes; more than a formatted digest */
};

/* A file with one certificate, PEM or DER. */
struct cfs_pkcs7_certificate {
	const char *name; /* for messages */
	struct cfs_span file;
	bool is_revoked; /* the key in it is; takes precedence */
};

/* A request to verify a signature over a message. Everything in it is borrowed. */
struct cfs_pkcs7_request {
	struct cfs_span message, signature;
	const struct cfs_pkcs7_certificate *certificates;
	size_t n;
};

/* By which of the certificates, and the ID of its key: the SHA-256 of its SubjectPublicKeyInfo. */
struct cfs_pkcs7_found {
	size_t certificate;
	char key[CFS_PKCS7_KEY_ID_MAX];
};

/* Verifies the signature. -EINVAL: not a PKCS#7 signature without signed attributes, or a file that
 * is not a certificate; -ENOKEY: no certificate is trusted; -EKEYREVOKED: good, but by a revoked
 * key; -EBADMSG: not by a trusted key over this message; -ENOPKG: composefs-pkcs7 is not
 * installed. */
int cfs_pkcs7_ask_verify(const struct cfs_pkcs7_request *r, const struct cfs_watch *watch,
			 struct cfs_pkcs7_found *out, struct cfs_err *err) CFS_MUST_CHECK;

/* Appends a signature over the formatted digest, which is given in hex, to out. key, cert: PEM
 * files. Errors as above; what is wrong with the files is printed by the helper. */
int cfs_pkcs7_ask_sign(const char *key, const char *cert, const char *digest,
		       const struct cfs_watch *watch, struct cfs_mem *out,
		       struct cfs_err *err) CFS_MUST_CHECK;

/* --- for the helper ------------------------------------------------------------------- */

/* Parses a request. The certificates are allocated, and freed by the caller; they have no names.
 * -EINVAL: not a request. */
int cfs_pkcs7_request_parse(struct cfs_span text, struct cfs_pkcs7_request *out,
			    struct cfs_pkcs7_certificate **certificates,
			    struct cfs_err *err) CFS_MUST_CHECK;

/* Formats the answer: what was found, or rc and why. found->certificate: then the one that is not a
 * certificate; any other number: the certificates are good. */
int cfs_pkcs7_answer_format(int rc, const struct cfs_pkcs7_found *found,
			    const struct cfs_err *why, struct cfs_mem *out,
			    struct cfs_err *err) CFS_MUST_CHECK;

#endif
