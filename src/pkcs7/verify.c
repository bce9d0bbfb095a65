/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* pkcs7: verifies signatures, as the kernel does: the certificate of the signer itself has to be
 * trusted. No chain is built, and no time is compared. */
#include "pkcs7/pkcs7.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>

struct cfs_pkcs7_certificates {
	size_t n;
	struct parsed_certificate {
		X509 *cert;
		bool is_revoked;
	} v[];
};

/* --- certificates ------------------------------------------------------------------- */

/* NULL: not exactly one. A second one would be ignored, although it may be meant as revoked. */
static X509 *parse_pem_certificate(struct cfs_span file)
{
	BIO *pem = BIO_new_mem_buf(file.p, (int)file.len);
	X509 *cert = pem ? PEM_read_bio_X509(pem, NULL, NULL, NULL) : NULL;
	X509 *second = cert ? PEM_read_bio_X509(pem, NULL, NULL, NULL) : NULL;

	if (second) {
		X509_free(second);
		X509_free(cert);
		cert = NULL;
	}
	BIO_free(pem);
	return cert;
}

/* Parses a certificate in DER or PEM; NULL: it is neither. Bytes behind it are an
 * error. */
static X509 *parse_certificate(struct cfs_span file)
{
	const unsigned char *p = file.p;
	X509 *cert;

	if (file.len > CFS_PKCS7_CERTIFICATE_MAX)
		return NULL;
	if (file.len == 0 || *p != 0x30)
		return parse_pem_certificate(file);
	cert = d2i_X509(NULL, &p, (long)file.len);
	if (cert && p == file.p + file.len)
		return cert;
	X509_free(cert);
	return NULL;
}

/* Also false if the kind of its key is not known. */
static bool has_key(X509 *cert)
{
	return cert && X509_get0_pubkey(cert);
}

int cfs_pkcs7_certificates_open(const struct cfs_pkcs7_certificate *files, size_t n,
				struct cfs_pkcs7_certificates **out, size_t *wrong,
				struct cfs_err *err)
{
	struct cfs_pkcs7_certificates *c =
		calloc(1, sizeof(*c) + (n + 1) * sizeof(c->v[0]));

	/* Now, because a sandbox could not read its configuration. */
	OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG | OPENSSL_INIT_ADD_ALL_DIGESTS |
				    OPENSSL_INIT_LOAD_CRYPTO_STRINGS,
			    NULL);
	ERR_clear_error();
	if (!c)
		return cfs_fail(err, ENOMEM, "out of memory");
	while (c->n < n) {
		struct parsed_certificate *v = &c->v[c->n++];

		v->is_revoked = files[c->n - 1].is_revoked;
		v->cert = parse_certificate(files[c->n - 1].file);
		ERR_clear_error();
		if (has_key(v->cert))
			continue;
		*wrong = c->n - 1;
		cfs_pkcs7_certificates_close(c);
		return cfs_fail(err, EINVAL, "expected one certificate, PEM or DER");
	}
	*out = c;
	return 0;
}

void cfs_pkcs7_certificates_close(struct cfs_pkcs7_certificates *c)
{
	for (size_t i = 0; c && i < c->n; i++)
		X509_free(c->v[i].cert);
	free(c);
}

/* Is the key of this certificate, in whatever certificate, revoked? Keys that OpenSSL cannot compare (-2) may be equal, and
 * then it is; keys of different kinds (-1) are not. */
static bool is_revoked_key(const struct cfs_pkcs7_certificates *c, X509 *cert)
{
	for (size_t i = 0; i < c->n; i++) {
		int same = EVP_PKEY_eq(X509_get0_pubkey(c->v[i].cert),
				       X509_get0_pubkey(cert));

		if (c->v[i].is_revoked && same != 0 && same != -1)
			return true;
	}
	return false;
}

static size_t count_trusted(const struct cfs_pkcs7_certificates *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++)
		n += !is_revoked_key(c, c->v[i].cert);
	return n;
}

/* Names a key by the digest of its public part, which does not change with the
 * certificate. */
static bool format_key_id(X509 *cert, char out[CFS_PKCS7_KEY_ID_MAX])
{
	unsigned char *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
	struct cfs_hash h;
	uint8_t id[32];

	if (len <= 0)
		return false;
	cfs_hash_init(&h, CFS_SHA256);
	cfs_hash_update(&h, der, (size_t)len);
	cfs_hash_final(&h, id);
	OPENSSL_free(der);
	cfs_hex_encode(id, sizeof(id), out);
	out[CFS_PKCS7_KEY_ID_MAX - 1] = '\0';
	return true;
}

/* --- one signer --------------------------------------------------------------------- */

/* The hash of the signature. NULL: one that is too weak, or unknown. */
static const EVP_MD *get_hash(const PKCS7_SIGNER_INFO *signer)
{
	switch (OBJ_obj2nid(signer->digest_alg->algorithm)) {
	case NID_sha256:
		return EVP_sha256();
	case NID_sha384:
		return EVP_sha384();
	case NID_sha512:
		return EVP_sha512();
	default:
		return NULL;
	}
}

/* Did the key of this certificate make the signature over message? Who the signature says made it
 * does not matter. */
static bool is_signed_by(const PKCS7_SIGNER_INFO *signer, X509 *cert,
			 struct cfs_span message)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);
	int kind = EVP_PKEY_get_base_id(key);
	const EVP_MD *md = get_hash(signer);
	EVP_MD_CTX *ctx;
	bool is_good;

	if (!md || (kind != EVP_PKEY_RSA && kind != EVP_PKEY_EC))
		return false;
	ctx = EVP_MD_CTX_new();
	is_good = ctx && EVP_DigestVerifyInit(ctx, NULL, md, NULL, key) == 1 &&
		  EVP_DigestVerify(ctx, signer->enc_digest->data,
				   (size_t)signer->enc_digest->length, message.p,
				   message.len) == 1;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return is_good;
}

/* --- the signature ------------------------------------------------------------------ */

/* Accepts only what fs-verity in the kernel accepts: a detached signature without
 * signed attributes. */
static int check_form(const PKCS7 *p7, struct cfs_err *err)
{
	const STACK_OF(PKCS7_SIGNER_INFO) * signers;

	if (!PKCS7_type_is_signed(p7))
		return cfs_fail(err, EINVAL, "PKCS#7: expected signed data");
	if (!p7->d.sign->contents || !PKCS7_type_is_data(p7->d.sign->contents) ||
	    p7->d.sign->contents->d.data)
		return cfs_fail(err, EINVAL, "PKCS#7: expected a detached signature");
	signers = p7->d.sign->signer_info;
	for (int i = 0; i < sk_PKCS7_SIGNER_INFO_num(signers); i++)
		if (sk_PKCS7_SIGNER_INFO_value(signers, i)->auth_attr)
			return cfs_fail(err, EINVAL,
					"PKCS#7: expected no signed attributes: the "
					"kernel refuses them");
	return 0;
}

/* Finds a certificate, revoked or not, whose key made one of the signatures. */
static const struct parsed_certificate *
find_signer(const PKCS7 *p7, const struct cfs_pkcs7_certificates *c, bool is_revoked,
	    struct cfs_span message)
{
	const STACK_OF(PKCS7_SIGNER_INFO) *signers = p7->d.sign->signer_info;

	for (size_t i = 0; i < c->n; i++) {
		if (is_revoked_key(c, c->v[i].cert) != is_revoked)
			continue;
		for (int k = 0; k < sk_PKCS7_SIGNER_INFO_num(signers); k++)
			if (is_signed_by(sk_PKCS7_SIGNER_INFO_value(signers, k),
					 c->v[i].cert, message))
				return &c->v[i];
	}
	return NULL;
}

/* A trusted signer is enough, even if a revoked key has signed as well. -EKEYREVOKED: only a
 * revoked key has signed; -ENOKEY: no key is trusted; -EBADMSG: no trusted key has signed. */
static int verify_parsed(const PKCS7 *p7, const struct cfs_pkcs7_certificates *c,
			 struct cfs_span message, struct cfs_pkcs7_found *out,
			 struct cfs_err *err)
{
	const struct parsed_certificate *by = find_signer(p7, c, false, message);

	if (by) {
		out->certificate = (size_t)(by - c->v);
		return format_key_id(by->cert, out->key)
			       ? 0
			       : cfs_fail(err, ENOMEM, "out of memory");
	}
	if (find_signer(p7, c, true, message))
		return cfs_fail(err, EKEYREVOKED,
				"PKCS#7: signed by a key that is revoked");
	if (count_trusted(c) == 0)
		return cfs_fail(
			err, ENOKEY,
			"PKCS#7: expected a trusted certificate that is not revoked, "
			"got none");
	return cfs_fail(err, EBADMSG,
			"PKCS#7: no signature by a trusted key (certificates: %zu)",
			count_trusted(c));
}

int cfs_pkcs7_verify(const struct cfs_pkcs7_certificates *c, struct cfs_span message,
		     struct cfs_span signature, struct cfs_pkcs7_found *out,
		     struct cfs_err *err)
{
	const unsigned char *p = signature.p;
	PKCS7 *p7;
	int rc;

	p7 = d2i_PKCS7(NULL, &p, (long)signature.len);
	ERR_clear_error();
	if (!p7 || p != signature.p + signature.len)
		rc = cfs_fail(err, EINVAL, "PKCS#7: expected one signature in DER");
	else
		rc = check_form(p7, err);
	if (rc == 0)
		rc = verify_parsed(p7, c, message, out, err);
	PKCS7_free(p7);
	return rc;
}
