/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* sig: key files, as openssl and ostree write them. Source: RFC 7468 (PEM), RFC 8410
 * (Ed25519 in SubjectPublicKeyInfo and PKCS#8): with one algorithm and no parameters, all
 * of the DER in front of the key is constant.
 */
#include "sig/sig.h"

#include <errno.h>

#include "sig/sig_priv.h"

#define BEGIN  "-----BEGIN "
#define END    "-----END "
#define DASHES "-----"

enum { DER_MAX = 96 }; /* bytes; more than any Ed25519 key */

static const uint8_t public_head[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
				      0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
static const uint8_t private_head[] = {0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
				       0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20};

/* The expected form of a key file. */
struct form {
	const char *label;
	const char *made_by;
	struct cfs_span head;
};

static const struct form public_form = {
	"PUBLIC KEY",
	"openssl pkey -pubout",
	{public_head, sizeof(public_head)},
};

static const struct form private_form = {
	"PRIVATE KEY",
	"openssl genpkey -algorithm ed25519",
	{private_head, sizeof(private_head)},
};

const char *cfs_sig_key_format_id(const struct cfs_sig_key *key,
				  char out[CFS_SIG_KEY_ID_MAX])
{
	cfs_hex_encode(key->bytes, sizeof(key->bytes), out);
	out[CFS_SIG_KEY_ID_MAX - 1] = '\0';
	return out;
}

/* Is line the mark (BEGIN or END) of label? */
static bool is_pem_mark(struct cfs_text line, const char *mark, struct cfs_text label)
{
	struct cfs_text parts[] = {cfs_text(mark), label, CFS_TEXT(DASHES)};

	for (size_t i = 0; i < 3; i++) {
		if (!cfs_text_has_prefix(line, parts[i]))
			return false;
		line.s += parts[i].len;
		line.len -= parts[i].len;
	}
	return line.len == 0;
}

/* The label of a line "-----BEGIN label-----"; empty if it is another line. */
static struct cfs_text label_of(struct cfs_text line)
{
	size_t around = strlen(BEGIN) + strlen(DASHES);
	struct cfs_text label = {line.s + strlen(BEGIN), line.len - around};

	if (line.len <= around || !is_pem_mark(line, BEGIN, label))
		return (struct cfs_text){0};
	return label;
}

static int fail_certificate(struct cfs_err *err)
{
	return cfs_fail(err, ENOTSUP, "key: expected a key, got a certificate");
}

static int fail_other(const struct form *form, struct cfs_err *err)
{
	return cfs_fail(err, EINVAL, "key: expected an Ed25519 key as \"%s\" makes it",
			form->made_by);
}

/* Only the expected kind of key is taken; the frequent mistakes have their advice. */
static int check_label(struct cfs_text label, const struct form *form,
		       struct cfs_err *err)
{
	if (cfs_text_eq(label, cfs_text(form->label)))
		return 0;
	if (cfs_text_eq(label, CFS_TEXT("CERTIFICATE")))
		return fail_certificate(err);
	if (cfs_text_eq(label, CFS_TEXT("ENCRYPTED PRIVATE KEY")))
		return cfs_fail(err, EINVAL,
				"key: encrypted; decrypt it with openssl pkey -in FILE");
	if (label.len == 0)
		return cfs_fail(err, EINVAL, "key: expected a line %s%s%s, got another",
				BEGIN, form->label, DASHES);
	return cfs_fail(err, EINVAL, "key: expected PEM with a %s, got a %.*s",
			form->label, (int)(label.len < 64 ? label.len : 64), label.s);
}

/* Decodes a PEM text. One of more than DER_MAX bytes is not an Ed25519 key. */
static int decode_pem(struct cfs_text pem, const struct form *form, uint8_t der[DER_MAX],
		      size_t *len, struct cfs_err *err)
{
	struct cfs_text line, label = cfs_text(form->label);
	size_t n;
	int rc;

	if (!sig_next_line(&pem, &line))
		return cfs_fail(err, EINVAL, "key: expected lines of PEM");
	rc = check_label(label_of(line), form, err);
	if (rc < 0)
		return rc;
	for (*len = 0; sig_next_line(&pem, &line); *len += n) {
		if (is_pem_mark(line, END, label))
			return pem.len ? cfs_fail(err, EINVAL,
						  "key: expected the end of the file, "
						  "got %zu bytes",
						  pem.len)
				       : 0;
		if (line.len == 0 ||
		    !cfs_base64_decode(line, der + *len, DER_MAX - *len, &n))
			break;
	}
	return fail_other(form, err);
}

/* Decodes a key. An Ed25519 key has one DER form, so it is compared instead of parsed. */
static int parse_pem(struct cfs_text pem, const struct form *form,
		     uint8_t out[CFS_SIG_KEY_LEN], struct cfs_err *err)
{
	uint8_t der[DER_MAX];
	size_t len = 0;
	int rc = decode_pem(pem, form, der, &len, err);

	if (rc == 0 && (len != form->head.len + CFS_SIG_KEY_LEN ||
			memcmp(der, form->head.p, form->head.len) != 0))
		rc = fail_other(form, err);
	if (rc == 0)
		memcpy(out, der + form->head.len, CFS_SIG_KEY_LEN);
	explicit_bzero(der, sizeof(der));
	return rc;
}

int cfs_sig_key_parse(struct cfs_text file, struct cfs_sig_key *out, struct cfs_err *err)
{
	struct cfs_text line, rest = file;
	struct cfs_sig_key key;
	size_t len;

	/* A certificate in DER: a sequence with two bytes of length. */
	if (cfs_text_has_prefix(file, CFS_TEXT("\x30\x82")))
		return fail_certificate(err);
	if (cfs_text_has_prefix(file, CFS_TEXT(BEGIN)))
		return parse_pem(file, &public_form, out->bytes, err);
	if (!sig_next_line(&rest, &line))
		line = file;
	else if (rest.len)
		return cfs_fail(err, EINVAL,
				"key: expected one line of base64, got more");
	if (!cfs_base64_decode(line, key.bytes, sizeof(key.bytes), &len) ||
	    len != sizeof(key.bytes))
		return cfs_fail(err, EINVAL,
				"key: expected PEM, or base64 of %d bytes on one line",
				CFS_SIG_KEY_LEN);
	*out = key;
	return 0;
}

int cfs_sig_secret_parse(struct cfs_text file, struct cfs_sig_secret *out,
			 struct cfs_err *err)
{
	return parse_pem(file, &private_form, out->seed, err);
}
