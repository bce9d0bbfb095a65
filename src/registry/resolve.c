/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* registries.conf: who is asked for an image. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "registry/registries_priv.h"

enum { PLACE_MAX = CFS_OCI_HOST_MAX + CFS_OCI_NAME_MAX };

/* The bytes of "HOST/NAME" that a prefix covers; 0: it does not apply. "HOST" is not a prefix of
 * "HOST:PORT": that is another server. */
static size_t match_prefix(struct cfs_text prefix, const char *place)
{
	size_t len = strlen(place), host_len = strcspn(place, "/"), at = 0;

	if (cfs_text_skip_prefix(&prefix, CFS_TEXT("*"))) {
		size_t suffix_len = prefix.len;
		const char *slash = prefix.len ? memchr(prefix.s, '/', prefix.len) : NULL;

		if (slash)
			suffix_len = (size_t)(slash - prefix.s);
		if (suffix_len < 2 || prefix.s[0] != '.' || suffix_len >= host_len)
			return 0;
		at = host_len - suffix_len;
	}
	if (prefix.len == 0 || prefix.len > len - at ||
	    memcmp(place + at, prefix.s, prefix.len) != 0)
		return 0;
	at += prefix.len;
	return place[at] == '\0' || place[at] == '/' ? at : 0;
}

/* The table of registries.conf with the longest matching prefix. *covered is how much
 * of the name it replaces. */
static const struct cfs_registries_table *find_table(const struct cfs_registries *r,
						     const char *place, size_t *covered)
{
	const struct cfs_registries_table *best = NULL;

	for (size_t i = 0; i < r->n_tables; i++) {
		size_t n = match_prefix(r->tables[i].prefix, place);

		if (n && (!best || r->tables[i].prefix.len > best->prefix.len)) {
			best = &r->tables[i];
			*covered = n;
		}
	}
	return best;
}

/* Splits "HOST/NAME", which is checked as any reference is. */
static int set_endpoint(struct cfs_text location, const char *rest,
			struct cfs_registries_endpoint *out, struct cfs_err *err)
{
	struct cfs_oci_reference made;
	char text[PLACE_MAX * 2];
	int n = snprintf(text, sizeof(text), "%.*s%s", (int)location.len, location.s,
			 rest);

	if (n < 0 || (size_t)n >= sizeof(text))
		return cfs_fail(err, EINVAL,
				"location: expected at most %zu bytes, got %d",
				sizeof(text) - 1, n);
	if (cfs_oci_reference_parse(text, &made, err) < 0)
		return cfs_context(err, -EINVAL, "location: %s", text);
	/* No tag: a host without a port has no colon. */
	if (!made.has_host || made.has_digest || strchr(text + strlen(made.host), ':'))
		return cfs_fail(err, EINVAL, "location: expected HOST[/NAME], got \"%s\"",
				text);
	memcpy(out->host, made.host, sizeof(out->host));
	memcpy(out->name, made.name, sizeof(out->name));
	return 0;
}

static bool is_used(const struct cfs_registries_table *t, const struct mirror *m,
		    bool has_digest)
{
	if (t->by_digest.is_on)
		return has_digest;
	return m->use == MIRROR_ALWAYS || (m->use == MIRROR_FOR_DIGESTS) == has_digest;
}

/* Adds the mirrors that may serve this pull: registries.conf can limit one to digests
 * or to tags. */
static int add_mirrors(const struct cfs_registries_table *t, const char *rest,
		       bool has_digest, struct cfs_registries_endpoint *out, size_t *n,
		       struct cfs_err *err)
{
	for (size_t i = 0; i < t->n_mirrors; i++) {
		const struct mirror *m = &t->mirrors[i];
		int rc;

		if (!is_used(t, m, has_digest))
			continue;
		rc = set_endpoint(m->location, rest, &out[*n], err);
		if (rc < 0)
			return rc;
		out[*n].is_insecure = m->insecure.is_on;
		out[(*n)++].is_mirror = true;
	}
	return 0;
}

int cfs_registries_resolve(
	const struct cfs_registries *r, const struct cfs_oci_reference *reference,
	bool is_push, struct cfs_registries_endpoint out[CFS_REGISTRIES_ENDPOINTS_MAX],
	size_t *n_out, struct cfs_err *err)
{
	const struct cfs_registries_table *t;
	struct cfs_registries_endpoint *last;
	char place[PLACE_MAX];
	size_t covered = 0, n = 0;
	int rc = 0;

	snprintf(place, sizeof(place), "%s/%s", reference->host, reference->name);
	memset(out, 0, CFS_REGISTRIES_ENDPOINTS_MAX * sizeof(*out));
	t = find_table(r, place, &covered);
	if (t && t->blocked.is_on)
		return cfs_fail(err, EACCES, "registries.conf blocks %.*s",
				(int)t->prefix.len, t->prefix.s);
	if (t && !is_push)
		rc = add_mirrors(t, place + covered, reference->has_digest, out, &n, err);
	if (rc < 0)
		return rc;
	last = &out[n++];
	memcpy(last->host, reference->host, sizeof(last->host));
	memcpy(last->name, reference->name, sizeof(last->name));
	last->is_insecure = t && t->insecure.is_on;
	*n_out = n;
	return t && !is_push && t->location.len
		       ? set_endpoint(t->location, place + covered, last, err)
		       : 0;
}
