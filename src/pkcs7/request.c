/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* pkcs7: what the asking program sends to composefs-pkcs7, as the latter reads it.
 *
 * A request is a list of fields: a line "NAME LENGTH", then as many bytes. First come "message" and
 * "signature", then "trusted" or "revoked" for each certificate. */
#include "pkcs7/ask.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { LINE_MAX_LEN = 32 };

/* Takes the next field off *rest. */
static int take_field(struct cfs_span *rest, char name[LINE_MAX_LEN],
		      struct cfs_span *bytes, struct cfs_err *err)
{
	size_t max = rest->len < LINE_MAX_LEN ? rest->len : LINE_MAX_LEN;
	const uint8_t *end = max ? memchr(rest->p, '\n', max) : NULL;
	char line[LINE_MAX_LEN + 1] = "", *space;
	const char *number;
	uint64_t len, used;

	if (end)
		memcpy(line, rest->p, (size_t)(end - rest->p) + 1);
	space = strchr(line, ' ');
	if (!space)
		return cfs_fail(err, EINVAL, "request: expected a line NAME LENGTH");
	*space = '\0';
	strcpy(name, line);
	number = space + 1;
	if (!cfs_take_number(&number, 10, '\n', &len) ||
	    !cfs_span_sub(*rest, (uint64_t)(end - rest->p) + 1, len, bytes))
		return cfs_fail(err, EINVAL, "request: %s: expected its length", name);
	used = (uint64_t)(end - rest->p) + 1 + len;
	(void)cfs_span_sub(*rest, used, rest->len - used, rest);
	return 0;
}

static int take_named_field(struct cfs_span *rest, const char *expected,
			    struct cfs_span *bytes, struct cfs_err *err)
{
	char name[LINE_MAX_LEN];
	int rc = take_field(rest, name, bytes, err);

	if (rc == 0 && strcmp(name, expected) != 0)
		return cfs_fail(err, EINVAL, "request: expected %s, got %s", expected,
				name);
	return rc;
}

static int take_certificate(struct cfs_span *rest, struct cfs_pkcs7_certificate *c,
			    struct cfs_err *err)
{
	char name[LINE_MAX_LEN];
	int rc = take_field(rest, name, &c->file, err);

	if (rc < 0)
		return rc;
	c->is_revoked = strcmp(name, "revoked") == 0;
	if (!c->is_revoked && strcmp(name, "trusted") != 0)
		return cfs_fail(err, EINVAL,
				"request: expected trusted or revoked, got %s", name);
	return 0;
}

int cfs_pkcs7_request_parse(struct cfs_span text, struct cfs_pkcs7_request *out,
			    struct cfs_pkcs7_certificate **certificates,
			    struct cfs_err *err)
{
	struct cfs_pkcs7_certificate *v = NULL;
	size_t cap = 0, n = 0;
	int rc = take_named_field(&text, "message", &out->message, err);

	if (rc == 0)
		rc = take_named_field(&text, "signature", &out->signature, err);
	while (rc == 0 && text.len) {
		if (n == CFS_PKCS7_CERTIFICATES_MAX)
			rc = cfs_fail(err, EINVAL,
				      "request: expected at most %d certificates",
				      CFS_PKCS7_CERTIFICATES_MAX);
		else if (cfs_grow(&v, &cap, n + 1, sizeof(*v)) < 0)
			rc = cfs_fail(err, ENOMEM, "out of memory");
		else
			rc = take_certificate(&text, &v[n++], err);
	}
	*certificates = v;
	out->certificates = v;
	out->n = n;
	return rc;
}

int cfs_pkcs7_answer_format(int rc, const struct cfs_pkcs7_found *found,
			    const struct cfs_err *why, struct cfs_mem *out,
			    struct cfs_err *err)
{
	char line[CFS_ERR_MAX + LINE_MAX_LEN];
	int len = rc < 0 ? snprintf(line, sizeof(line), "refused %d %zu %s\n", -rc,
				    found->certificate, why->msg)
			 : snprintf(line, sizeof(line), "found %zu %s\n",
				    found->certificate, found->key);

	return cfs_sink_mem(out).write(out, line, (size_t)len, err);
}
