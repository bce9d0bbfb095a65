/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Shortened digests: parse, compare, report several matches. */
#include "hash/prefix.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/hex.h"

enum { MORE_DIGITS = 8 }; /* of a candidate in a message, behind the prefix */

bool cfs_hash_parse_prefix(struct cfs_text text, struct cfs_hash_prefix *out)
{
	static const enum cfs_hash_alg algs[] = {CFS_SHA256, CFS_SHA512};

	*out = (struct cfs_hash_prefix){0};
	for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]) && !out->alg; i++) {
		struct cfs_text rest = text;

		if (cfs_text_skip_prefix(&rest, cfs_text(cfs_hash_name(algs[i]))) &&
		    cfs_text_skip_prefix(&rest, CFS_TEXT(":"))) {
			out->alg = algs[i];
			text = rest;
		}
	}
	out->digits = text;
	for (size_t i = 0; i < text.len; i++)
		if (cfs_hex_decode_digit(text.s[i]) < 0)
			return false;
	return text.len <= 2 * CFS_HASH_MAX_LEN;
}

void cfs_hash_match_prefix(struct cfs_hash_matches *m, const char *digest)
{
	const struct cfs_hash_prefix *p = &m->prefix;
	const char *digits = strchr(digest, ':');
	size_t at = m->n < CFS_HASH_MATCHES_MAX ? m->n : CFS_HASH_MATCHES_MAX - 1;

	if (!digits || strncasecmp(digits + 1, p->digits.s, p->digits.len) != 0 ||
	    (p->alg &&
	     !cfs_text_has_prefix(cfs_text(digest), cfs_text(cfs_hash_name(p->alg)))))
		return;
	if (m->n++ >= CFS_HASH_MATCHES_MAX && strcmp(digest, m->found[at]) >= 0)
		return;
	while (at > 0 && strcmp(digest, m->found[at - 1]) < 0) {
		memcpy(m->found[at], m->found[at - 1], sizeof(m->found[at]));
		at--;
	}
	snprintf(m->found[at], sizeof(m->found[at]), "%s", digest);
}

int cfs_hash_fail_ambiguous(const struct cfs_hash_matches *m, const char *what,
			    const char *things, struct cfs_err *err)
{
	size_t shown = m->n < CFS_HASH_MATCHES_MAX ? m->n : CFS_HASH_MATCHES_MAX;
	int digits = (int)(sizeof("sha256:") - 1 + m->prefix.digits.len + MORE_DIGITS);
	char list[CFS_ERR_MAX] = "";
	size_t len = 0;

	for (size_t i = 0; i < shown && len < sizeof(list); i++)
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%.*s",
					i ? ", " : "", digits, m->found[i]);
	return cfs_fail(err, ENOTUNIQ, "%s \"%.*s\": ambiguous, %zu %s: %s%s", what,
			(int)m->prefix.digits.len, m->prefix.digits.s, m->n, things, list,
			shown < m->n ? ", ..." : "");
}
