/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* sig: statements about images: name, version, order. */
#include "sig/sig.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/show.h"
#include "sig/sig_priv.h"

#define HEAD "composefs-statement 1"

/* Bytes of untrusted text in a message. */
static int shown_len(struct cfs_text text)
{
	return (int)(text.len < 200 ? text.len : 200);
}

int sig_append(struct cfs_mem *out, struct cfs_err *err, const char *fmt, ...)
{
	char line[CFS_SIG_NAME_MAX + 64];
	struct cfs_sink sink = cfs_sink_mem(out);
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	return sink.write(sink.ctx, line, (size_t)n, err);
}

bool sig_parse_number(struct cfs_text text, uint64_t *out)
{
	uint64_t value = 0;

	if (text.len == 0 || (text.len > 1 && text.s[0] == '0'))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.s[i] < '0' || text.s[i] > '9' || !cfs_mul(value, 10, &value) ||
		    !cfs_add(value, (uint64_t)(text.s[i] - '0'), &value))
			return false;
	}
	*out = value;
	return true;
}

bool sig_is_name(struct cfs_text text)
{
	if (text.len == 0 || text.len > CFS_SIG_NAME_MAX)
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (text.s[i] <= ' ' || text.s[i] > '~')
			return false;
	return true;
}

/* "sha256:" or "sha512:" and the digest in lowercase hex. */
static bool is_digest(struct cfs_text text)
{
	static const enum cfs_hash_alg algs[] = {CFS_SHA256, CFS_SHA512};

	for (size_t i = 0; i < 2; i++) {
		struct cfs_text name = cfs_text(cfs_hash_name(algs[i]));

		if (text.len != name.len + 1 + 2 * cfs_hash_len(algs[i]) ||
		    !cfs_text_has_prefix(text, name) || text.s[name.len] != ':')
			continue;
		for (size_t k = name.len + 1; k < text.len; k++)
			if (cfs_hex_decode_digit(text.s[k]) < 0 ||
			    (text.s[k] >= 'A' && text.s[k] <= 'F'))
				return false;
		return true;
	}
	return false;
}

/* Cuts off a line that begins with key; value is the rest of the line. */
static int next_value(struct cfs_text *rest, const char *key, struct cfs_text *value,
		      struct cfs_err *err)
{
	if (!sig_next_line(rest, value) || !cfs_text_skip_prefix(value, cfs_text(key)))
		return cfs_fail(err, EINVAL,
				"statement: expected a line \"%s...\", got \"%.*s\"", key,
				shown_len(*value), value->s);
	return 0;
}

/* Fills in out->images, which borrow from the statement. Digests are accepted in one
 * spelling only, because they are compared as text. */
static int parse_images(struct cfs_text rest, struct cfs_sig_statement *out,
			struct cfs_err *err)
{
	struct cfs_text digest = {"", 0};

	for (out->n_images = 0; rest.len; out->images[out->n_images++] = digest) {
		int rc = next_value(&rest, "image ", &digest, err);

		if (rc < 0)
			return rc;
		if (!is_digest(digest))
			return cfs_fail(
				err, EINVAL,
				"statement: image: expected sha256: or sha512: and "
				"lowercase hex, got \"%.*s\"",
				shown_len(digest), digest.s);
		if (out->n_images == CFS_SIG_IMAGES_MAX)
			return cfs_fail(err, EINVAL,
					"statement: expected at most %d images",
					CFS_SIG_IMAGES_MAX);
	}
	return out->n_images
		       ? 0
		       : cfs_fail(err, EINVAL, "statement: expected an image, got none");
}

int cfs_sig_statement_parse(struct cfs_text text, struct cfs_sig_statement *out,
			    struct cfs_err *err)
{
	struct cfs_text value = {"", 0};
	int rc = next_value(&text, HEAD, &value, err);

	if (rc == 0 && value.len)
		rc = cfs_fail(err, EINVAL,
			      "statement: expected \"%s\", got another version", HEAD);
	if (rc == 0)
		rc = next_value(&text, "name ", &out->name, err);
	if (rc == 0 && !sig_is_name(out->name))
		rc = cfs_fail(err, EINVAL,
			      "statement: name: expected 1 to %d visible ASCII "
			      "characters, got \"%.*s\"",
			      CFS_SIG_NAME_MAX, shown_len(out->name), out->name.s);
	if (rc == 0)
		rc = next_value(&text, "version ", &value, err);
	if (rc == 0 && !sig_parse_number(value, &out->version))
		rc = cfs_fail(err, EINVAL,
			      "statement: version: expected a decimal number of 64 bits, "
			      "got \"%.*s\"",
			      shown_len(value), value.s);
	return rc == 0 ? parse_images(text, out, err) : rc;
}

int cfs_sig_statement_format(const struct cfs_sig_statement *s, struct cfs_mem *out,
			     struct cfs_err *err)
{
	struct cfs_sig_statement again;
	int rc = sig_append(out, err, HEAD "\nname ");
	struct cfs_sink sink = cfs_sink_mem(out);

	if (rc == 0)
		rc = sink.write(sink.ctx, s->name.s, s->name.len, err);
	if (rc == 0)
		rc = sig_append(out, err, "\nversion %" PRIu64 "\n", s->version);
	for (size_t i = 0; rc == 0 && i < s->n_images; i++)
		rc = sig_append(out, err, "image %.*s\n", shown_len(s->images[i]),
				s->images[i].s);
	if (rc < 0)
		return rc;
	return cfs_sig_statement_parse(cfs_mem_text(out), &again, err);
}

/* How often digest is among n images. */
static size_t count_image(const struct cfs_text *images, size_t n, struct cfs_text digest)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		found += cfs_text_eq(images[i], digest);
	return found;
}

int cfs_sig_statement_check_images(const struct cfs_sig_statement *s,
				   const struct cfs_text *images, size_t n,
				   struct cfs_err *err)
{
	if (n != s->n_images)
		return cfs_fail(err, EILSEQ,
				"expected a statement about %zu %s, got one about %zu", n,
				cfs_plural(n, "image", "images"), s->n_images);
	for (size_t i = 0; i < n; i++)
		if (count_image(images, n, images[i]) !=
		    count_image(s->images, n, images[i]))
			return cfs_fail(err, EILSEQ,
					"the statement is not about image %.*s",
					shown_len(images[i]), images[i].s);
	for (size_t i = 0; i < n; i++)
		if (!cfs_text_eq(images[i], s->images[i]))
			return cfs_fail(err, EPROTO,
					"another order: image %zu: expected %.*s, got "
					"%.*s in the statement",
					i + 1, shown_len(images[i]), images[i].s,
					shown_len(s->images[i]), s->images[i].s);
	return 0;
}

int cfs_sig_statement_check_name(const struct cfs_sig_statement *s, struct cfs_text name,
				 struct cfs_err *err)
{
	if (cfs_text_eq(s->name, name))
		return 0;
	return cfs_fail(err, ENXIO, "expected a statement about %.*s, got one about %.*s",
			shown_len(name), name.s, shown_len(s->name), s->name.s);
}
