/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* pkcs7: makes signatures. */
#include "pkcs7/pkcs7.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>

enum {
	PEM_FILE_MAX = 1 << 20, /* bytes */
	SIGN_FLAGS = PKCS7_BINARY | PKCS7_DETACHED | PKCS7_NOATTR | PKCS7_NOCERTS |
		     PKCS7_PARTIAL,
};

struct cfs_pkcs7_signer {
	EVP_PKEY *key;
	X509 *cert;
};

/* Reports the last error of libcrypto and empties its queue. */
static int fail_crypto(struct cfs_err *err, const char *what)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;

	ERR_clear_error();
	return cfs_fail(err, EINVAL, "%s: %s", what, reason ? reason : "refused");
}

/* Never asks for a password: there may be no terminal. */
static int no_password(char *buf, int size, int writing, void *ctx)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)ctx;
	return -1;
}

static void parse_key(struct cfs_pkcs7_signer *s, BIO *pem)
{
	s->key = PEM_read_bio_PrivateKey(pem, NULL, no_password, NULL);
}

static void parse_cert(struct cfs_pkcs7_signer *s, BIO *pem)
{
	s->cert = PEM_read_bio_X509(pem, NULL, no_password, NULL);
}

/* Reads the file first: libcrypto would wait for a FIFO, and read an endless file. */
static int parse_pem_file(struct cfs_pkcs7_signer *s, const char *path,
			  void (*parse)(struct cfs_pkcs7_signer *s, BIO *pem),
			  struct cfs_err *err)
{
	struct cfs_mem text = {0};
	int rc = cfs_input_read(AT_FDCWD, path, CFS_INPUT_PIPE, PEM_FILE_MAX, &text, err);
	BIO *pem = rc < 0 ? NULL : BIO_new_mem_buf(text.p, (int)text.len);

	if (pem)
		parse(s, pem);
	BIO_free(pem);
	if (text.cap)
		OPENSSL_cleanse(text.p, text.cap);
	free(text.p);
	return cfs_context(err, rc, "%s", path);
}

static int read_files(struct cfs_pkcs7_signer *s, const char *key, const char *cert,
		      struct cfs_err *err)
{
	int rc = parse_pem_file(s, key, parse_key, err);

	if (rc == 0)
		rc = parse_pem_file(s, cert, parse_cert, err);
	if (rc < 0)
		return rc;
	if (!s->key)
		return fail_crypto(err, key);
	return s->cert ? 0 : fail_crypto(err, cert);
}

/* A signature by a key that the certificate does not have would be refused by the
 * kernel, after everything is signed. */
static int check_pair(const struct cfs_pkcs7_signer *s, const char *key, const char *cert,
		      struct cfs_err *err)
{
	int kind = EVP_PKEY_get_base_id(s->key);

	if (kind != EVP_PKEY_RSA && kind != EVP_PKEY_EC)
		return cfs_fail(
			err, EINVAL,
			"%s: expected an RSA or ECDSA key: the kernel supports no other",
			key);
	if (X509_check_private_key(s->cert, s->key) == 1)
		return 0;
	ERR_clear_error();
	return cfs_fail(err, EINVAL, "%s: not the certificate of %s", cert, key);
}

int cfs_pkcs7_signer_open(const char *key, const char *cert,
			  struct cfs_pkcs7_signer **out, struct cfs_err *err)
{
	struct cfs_pkcs7_signer *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return cfs_fail(err, ENOMEM, "out of memory");
	rc = read_files(s, key, cert, err);
	if (rc == 0)
		rc = check_pair(s, key, cert, err);
	if (rc == 0)
		*out = s;
	else
		cfs_pkcs7_signer_close(s);
	return rc;
}

void cfs_pkcs7_signer_close(struct cfs_pkcs7_signer *s)
{
	if (!s)
		return;
	EVP_PKEY_free(s->key);
	X509_free(s->cert);
	free(s);
}

/* Appends the signature in the form that the kernel takes, which has a limit of its
 * own. */
static int append_der(PKCS7 *p7, struct cfs_mem *out, struct cfs_err *err)
{
	struct cfs_sink sink = cfs_sink_mem(out);
	unsigned char *der = NULL;
	int len = i2d_PKCS7(p7, &der), rc;

	if (len < 0)
		return fail_crypto(err, "PKCS#7");
	if (len > CFS_PKCS7_MAX)
		rc = cfs_fail(err, EMSGSIZE,
			      "PKCS#7: expected at most %d bytes, as the kernel, got %d",
			      CFS_PKCS7_MAX, len);
	else
		rc = sink.write(sink.ctx, der, (size_t)len, err);
	OPENSSL_free(der);
	return rc;
}

int cfs_pkcs7_sign(const struct cfs_pkcs7_signer *s, enum cfs_hash_alg alg,
		   struct cfs_span message, struct cfs_mem *out, struct cfs_err *err)
{
	const EVP_MD *md = alg == CFS_SHA512 ? EVP_sha512() : EVP_sha256();
	PKCS7 *p7 = NULL;
	BIO *in;
	int rc;

	if (message.len > INT_MAX)
		return cfs_fail(err, EINVAL, "PKCS#7: the message is too long");
	in = BIO_new_mem_buf(message.p, (int)message.len);
	if (in)
		p7 = PKCS7_sign(NULL, NULL, NULL, in, SIGN_FLAGS);
	if (p7 && PKCS7_sign_add_signer(p7, s->cert, s->key, md, SIGN_FLAGS) &&
	    PKCS7_final(p7, in, SIGN_FLAGS) == 1)
		rc = append_der(p7, out, err);
	else
		rc = fail_crypto(err, "PKCS#7");
	PKCS7_free(p7);
	BIO_free(in);
	return rc;
}
