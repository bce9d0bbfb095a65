/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* References to images in registries. */
#include "oci/reference.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool is_reference_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* The length of a separator at t: ".", "_", "__" or dashes; 0: there is none. */
static size_t separator_len(struct cfs_text t)
{
	size_t n = 0;

	while (n < t.len && t.s[n] == '-')
		n++;
	if (n > 0)
		return n;
	if (t.len > 0 && t.s[0] == '.')
		return 1;
	if (t.len > 0 && t.s[0] == '_')
		return t.len > 1 && t.s[1] == '_' ? 2 : 1;
	return 0;
}

static void skip_chars(struct cfs_text *t, size_t n)
{
	t->s += n;
	t->len -= n;
}

/* [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)* */
static bool is_path_component(struct cfs_text t)
{
	for (;;) {
		size_t n = 0;

		while (n < t.len && is_reference_alnum(t.s[n]))
			n++;
		if (n == 0)
			return false;
		skip_chars(&t, n);
		if (t.len == 0)
			return true;
		n = separator_len(t);
		if (n == 0)
			return false;
		skip_chars(&t, n);
	}
}

bool cfs_oci_is_name(struct cfs_text text)
{
	if (text.len >= CFS_OCI_NAME_MAX)
		return false;
	for (;;) {
		const char *slash = text.len ? memchr(text.s, '/', text.len) : NULL;
		size_t len = slash ? (size_t)(slash - text.s) : text.len;

		if (!is_path_component((struct cfs_text){text.s, len}))
			return false;
		if (!slash)
			return true;
		skip_chars(&text, len + 1);
	}
}

bool cfs_oci_is_tag(struct cfs_text text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.s[i], lower = (char)(c | 0x20);
		bool is_word = is_reference_alnum(c) || (lower >= 'a' && lower <= 'z') ||
			       c == '_';

		if (!is_word && (i == 0 || (c != '.' && c != '-')))
			return false;
	}
	return text.len > 0 && text.len < CFS_OCI_TAG_MAX;
}

/* A name or address with an optional port; brackets for IPv6. */
static bool is_host(struct cfs_text t)
{
	for (size_t i = 0; i < t.len; i++) {
		char c = t.s[i], lower = (char)(c | 0x20);

		if (!is_reference_alnum(c) && !(lower >= 'a' && lower <= 'z') &&
		    !strchr(".-:[]", c))
			return false;
	}
	return t.len > 0 && t.len < CFS_OCI_HOST_MAX && t.s[0] != '-' && t.s[0] != '.';
}

static bool looks_like_host(struct cfs_text t)
{
	return memchr(t.s, '.', t.len) || memchr(t.s, ':', t.len) ||
	       cfs_text_eq(t, CFS_TEXT("localhost"));
}

/* Cuts "HOST/" off; the default is docker.io, whose official images are in "library/". */
static int take_host(struct cfs_text *t, struct cfs_oci_reference *out,
		     struct cfs_err *err)
{
	const char *slash = memchr(t->s, '/', t->len);
	struct cfs_text host = {t->s, slash ? (size_t)(slash - t->s) : 0};

	snprintf(out->host, sizeof(out->host), "docker.io");
	if (!slash || !looks_like_host(host))
		return 0;
	if (!is_host(host))
		return cfs_fail(err, EINVAL, "expected a host name, got \"%.*s\"",
				(int)host.len, host.s);
	snprintf(out->host, sizeof(out->host), "%.*s", (int)host.len, host.s);
	out->has_host = true;
	skip_chars(t, host.len + 1);
	return 0;
}

/* Cuts "@DIGEST" off the end. */
static int take_reference_digest(struct cfs_text *t, struct cfs_oci_reference *out,
				 struct cfs_err *err)
{
	const char *at = memchr(t->s, '@', t->len);
	struct cfs_text digest = *t;

	if (!at)
		return 0;
	skip_chars(&digest, (size_t)(at - t->s) + 1);
	t->len = (size_t)(at - t->s);
	out->has_digest = true;
	return cfs_oci_digest_parse(digest, &out->digest, err);
}

/* Cuts ":TAG" off the end; a colon of the host is gone already. */
static int take_tag(struct cfs_text *t, struct cfs_oci_reference *out,
		    struct cfs_err *err)
{
	const char *colon = memchr(t->s, ':', t->len);
	struct cfs_text tag = {0};

	if (!colon) {
		if (!out->has_digest)
			snprintf(out->tag, sizeof(out->tag), "latest");
		return 0;
	}
	tag.s = colon + 1;
	tag.len = t->len - (size_t)(tag.s - t->s);
	if (!cfs_oci_is_tag(tag))
		return cfs_fail(err, EINVAL, "expected a tag, got \"%.*s\"",
				(int)(tag.len < 200 ? tag.len : 200), tag.s);
	snprintf(out->tag, sizeof(out->tag), "%.*s", (int)tag.len, tag.s);
	t->len = (size_t)(colon - t->s);
	return 0;
}

/* Stores the name of the repository. docker.io keeps images without a user below
 * library/. */
static int set_name(struct cfs_text t, struct cfs_oci_reference *out, struct cfs_err *err)
{
	bool is_official =
		strcmp(out->host, "docker.io") == 0 && !memchr(t.s, '/', t.len);
	size_t prefix_len = is_official ? strlen("library/") : 0;

	if (!cfs_oci_is_name(t) || t.len + prefix_len >= CFS_OCI_NAME_MAX)
		return cfs_fail(
			err, EINVAL,
			"not a name: \"%.*s\": expected lower-case letters, digits, "
			"and single . _ - between them",
			(int)(t.len < 200 ? t.len : 200), t.s);
	snprintf(out->name, sizeof(out->name), "%s%.*s", is_official ? "library/" : "",
		 (int)t.len, t.s);
	return 0;
}

int cfs_oci_reference_parse(const char *text, struct cfs_oci_reference *out,
			    struct cfs_err *err)
{
	struct cfs_text t = cfs_text(text), scheme = CFS_TEXT("docker://");
	int rc;

	*out = (struct cfs_oci_reference){0};
	if (cfs_text_has_prefix(t, scheme))
		skip_chars(&t, scheme.len);
	if (t.len == 0 || t.len >= CFS_OCI_REFERENCE_MAX)
		return cfs_fail(err, EINVAL, "expected [HOST/]NAME[:TAG][@DIGEST]");
	rc = take_reference_digest(&t, out, err);
	if (rc == 0)
		rc = take_host(&t, out, err);
	if (rc == 0)
		rc = take_tag(&t, out, err);
	return rc < 0 ? rc : set_name(t, out, err);
}

const char *cfs_oci_reference_format(const struct cfs_oci_reference *r,
				     char out[CFS_OCI_REFERENCE_MAX])
{
	char digest[CFS_OCI_DIGEST_TEXT_MAX] = "";

	if (r->has_digest)
		cfs_oci_digest_text(&r->digest, digest);
	snprintf(out, CFS_OCI_REFERENCE_MAX, "%s/%s%s%s%s%s", r->host, r->name,
		 *r->tag ? ":" : "", r->tag, r->has_digest ? "@" : "", digest);
	return out;
}

const char *cfs_oci_referrers_format_tag(const struct cfs_oci_digest *subject,
					 char out[CFS_OCI_TAG_MAX])
{
	char text[CFS_OCI_DIGEST_TEXT_MAX];
	const char *colon = strchr(cfs_oci_digest_text(subject, text), ':');

	snprintf(out, CFS_OCI_TAG_MAX, "%.*s-%.64s", (int)(colon - text), text,
		 colon + 1);
	return out;
}
