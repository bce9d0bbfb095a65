/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The beginning of an image ID instead of the whole. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "repo/repo_priv.h"

enum {
	CANDIDATES_MAX = 8, /* in a message */
	SHORT_MIN = 4,	    /* fewer digits are probably no ID */
	MORE_DIGITS = 8,    /* of a candidate in a message, behind the prefix */
};

bool repo_parse_prefix(struct cfs_text text, enum cfs_hash_alg alg, struct cfs_text *out)
{
	struct cfs_text rest = text;

	if (cfs_text_skip_prefix(&rest, cfs_text(cfs_hash_name(alg))) &&
	    cfs_text_skip_prefix(&rest, CFS_TEXT(":")))
		text = rest;
	if (text.len < CFS_REPO_PREFIX_MIN || text.len >= 2 * cfs_hash_len(alg))
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (cfs_hex_decode_digit(text.s[i]) < 0)
			return false;
	*out = text;
	return true;
}

/* The algorithm whose name and a colon begin text; 0: none. */
static enum cfs_hash_alg get_alg(struct cfs_text text)
{
	static const enum cfs_hash_alg algs[] = {CFS_SHA256, CFS_SHA512};

	for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
		struct cfs_text name = cfs_text(cfs_hash_name(algs[i]));

		if (cfs_text_has_prefix(text, name) && text.len > name.len &&
		    text.s[name.len] == ':')
			return algs[i];
	}
	return 0;
}

int repo_explain_prefix(const struct cfs_repo *repo, const char *name, int code,
			struct cfs_err *err)
{
	enum cfs_hash_alg own = repo->meta.alg, alg = get_alg(cfs_text(name));
	const char *digits = alg ? strchr(name, ':') + 1 : name;
	size_t len = strspn(digits, "0123456789abcdefABCDEF");

	if (digits[len] || (!alg && len < SHORT_MIN))
		return code;
	if (alg && alg != own)
		return cfs_fail(
			err, -code,
			"no such image: \"%s\": the IDs of this repository are %s", name,
			cfs_hash_name(own));
	if (len >= CFS_REPO_PREFIX_MIN)
		return code;
	return cfs_fail(err, -code,
			"no such image: \"%s\": to shorten an ID, give %d digits or more",
			name, CFS_REPO_PREFIX_MIN);
}

/* Image IDs that begin with the digits. The first few are kept in order. */
struct search {
	const struct cfs_repo *repo;
	struct cfs_text digits;
	size_t n; /* all that were found */
	char found[CANDIDATES_MAX][CFS_DIGEST_HEX_MAX];
};

static void keep_candidate(struct search *s, const char *name)
{
	size_t at = s->n < CANDIDATES_MAX ? s->n : CANDIDATES_MAX - 1;

	if (s->n++ >= CANDIDATES_MAX && strcmp(name, s->found[at]) >= 0)
		return;
	while (at > 0 && strcmp(name, s->found[at - 1]) < 0) {
		memcpy(s->found[at], s->found[at - 1], sizeof(s->found[at]));
		at--;
	}
	snprintf(s->found[at], sizeof(s->found[at]), "%s", name);
}

/* A callback of repo_visit_names(). */
static int match_prefix_name(void *ctx, int dirfd, const char *name)
{
	struct search *s = ctx;
	struct cfs_digest id = {.alg = s->repo->meta.alg};
	char hex[CFS_DIGEST_HEX_MAX];

	(void)dirfd;
	if (strncasecmp(name, s->digits.s, s->digits.len) != 0 ||
	    !cfs_hex_decode(cfs_text(name), id.bytes, cfs_hash_len(id.alg)) ||
	    strcmp(name, cfs_digest_hex(&id, hex)) != 0) /* lower case only */
		return 0;
	keep_candidate(s, name);
	return 0;
}

static int fail_ambiguous(const struct search *s, struct cfs_err *err)
{
	const char *alg = cfs_hash_name(s->repo->meta.alg);
	size_t shown = s->n < CANDIDATES_MAX ? s->n : CANDIDATES_MAX;
	int digits = (int)s->digits.len + MORE_DIGITS;
	char list[CFS_ERR_MAX] = "";
	size_t len = 0;

	for (size_t i = 0; i < shown && len < sizeof(list); i++)
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s:%.*s",
					i ? ", " : "", alg, digits, s->found[i]);
	return cfs_fail(err, ENOTUNIQ, "image ID \"%.*s\": ambiguous, %zu images: %s%s",
			(int)s->digits.len, s->digits.s, s->n, list,
			shown < s->n ? ", ..." : "");
}

int repo_find_prefix(const struct cfs_repo *repo, struct cfs_text digits,
		     struct cfs_digest *out, struct cfs_err *err)
{
	struct search s = {.repo = repo, .digits = digits};
	int fd = cfs_beneath_open(repo->dirfd, "images", O_RDONLY | O_DIRECTORY, 0);
	int rc = fd == -ENOENT ? 0 : fd;

	if (rc < 0)
		return cfs_beneath_fail(rc, "images", err);
	if (fd >= 0)
		rc = repo_visit_names(fd, match_prefix_name, &s);
	if (rc < 0) {
		errno = -rc;
		return cfs_fail_errno(err, "images");
	}
	if (s.n > 1)
		return fail_ambiguous(&s, err);
	if (s.n == 0)
		return cfs_fail(
			err, ENOENT,
			"no such image: neither a name nor the beginning of an ID: "
			"\"%.*s\"",
			(int)digits.len, digits.s);
	return cfs_digest_parse(cfs_text(s.found[0]), out, err);
}
