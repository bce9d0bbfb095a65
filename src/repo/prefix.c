/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The first digits of an image ID, or of the digest in the name of a stream, instead of all. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "repo/repo_priv.h"

enum { SHORT_MIN = 4 }; /* fewer digits are probably no ID */

bool repo_parse_prefix(struct cfs_text text, enum cfs_hash_alg alg,
		       struct cfs_hash_prefix *out)
{
	if (!cfs_hash_parse_prefix(text, out) || (out->alg && out->alg != alg))
		return false;
	out->alg = alg;
	return out->digits.len >= CFS_HASH_PREFIX_MIN &&
	       out->digits.len < 2 * cfs_hash_len(alg);
}

int repo_explain_prefix(const struct cfs_repo *repo, const char *name, int code,
			struct cfs_err *err)
{
	enum cfs_hash_alg own = repo->meta.alg;
	struct cfs_hash_prefix prefix;

	if (!cfs_hash_parse_prefix(cfs_text(name), &prefix) ||
	    (!prefix.alg && prefix.digits.len < SHORT_MIN))
		return code;
	if (prefix.alg && prefix.alg != own)
		return cfs_fail(
			err, -code,
			"no such image: \"%s\": the IDs of this repository are %s", name,
			cfs_hash_name(own));
	if (prefix.digits.len >= CFS_HASH_PREFIX_MIN)
		return code;
	return cfs_fail(err, -code,
			"no such image: \"%s\": to shorten an ID, give %d digits or more",
			name, CFS_HASH_PREFIX_MIN);
}

/* --- image IDs ---------------------------------------------------------------------- */

/* A callback of repo_visit_names(). Takes names that are IDs in lower case. */
static int match_image_id(void *ctx, int dirfd, const char *name)
{
	struct cfs_hash_matches *m = ctx;
	struct cfs_digest id = {.alg = m->prefix.alg};
	char hex[CFS_DIGEST_HEX_MAX], text[CFS_DIGEST_TEXT_MAX];

	(void)dirfd;
	if (cfs_hex_decode(cfs_text(name), id.bytes, cfs_hash_len(id.alg)) &&
	    strcmp(name, cfs_digest_hex(&id, hex)) == 0)
		cfs_hash_match_prefix(m, cfs_digest_text(&id, text));
	return 0;
}

/* Calls match for each name in a directory of the repository, which may be absent. */
static int match_names(const struct cfs_repo *repo, const char *dir,
		       int (*match)(void *ctx, int dirfd, const char *name), void *ctx,
		       struct cfs_err *err)
{
	int fd = cfs_beneath_open(repo->dirfd, dir, O_RDONLY | O_DIRECTORY, 0);
	int rc = fd == -ENOENT ? 0 : fd;

	if (rc < 0)
		return cfs_beneath_fail(rc, dir, err);
	if (fd >= 0)
		rc = repo_visit_names(fd, match, ctx);
	if (rc < 0) {
		errno = -rc;
		return cfs_fail_errno(err, "%s", dir);
	}
	return 0;
}

int repo_find_prefix(const struct cfs_repo *repo, const struct cfs_hash_prefix *prefix,
		     struct cfs_digest *out, struct cfs_err *err)
{
	struct cfs_hash_matches m = {.prefix = *prefix};
	int rc = match_names(repo, "images", match_image_id, &m, err);

	if (rc < 0)
		return rc;
	if (m.n > 1)
		return cfs_hash_fail_ambiguous(&m, "image ID", "images", err);
	if (m.n == 0)
		return cfs_fail(
			err, ENOENT,
			"no such image: neither a name nor the beginning of an ID: "
			"\"%.*s\"",
			(int)prefix->digits.len, prefix->digits.s);
	return cfs_digest_parse(cfs_text(m.found[0]), out, err);
}

/* --- names of streams --------------------------------------------------------------- */

struct stream_search {
	struct cfs_text kind; /* "oci-layer-", what is before the digest */
	struct cfs_hash_matches matches;
};

/* A callback of repo_visit_names(). */
static int match_stream(void *ctx, int dirfd, const char *name)
{
	struct stream_search *s = ctx;

	(void)dirfd;
	if (cfs_text_has_prefix(cfs_text(name), s->kind) &&
	    strlen(name + s->kind.len) < CFS_HASH_TEXT_MAX)
		cfs_hash_match_prefix(&s->matches, name + s->kind.len);
	return 0;
}

/* Takes "oci-layer-sha256:DIGITS" apart. False: it is something else, or has all digits. */
static bool parse_stream_prefix(const char *name, struct stream_search *out)
{
	const struct cfs_hash_prefix *p = &out->matches.prefix;
	const char *dash = strrchr(name, '-');

	*out = (struct stream_search){0};
	if (!dash)
		return false;
	out->kind = (struct cfs_text){name, (size_t)(dash + 1 - name)};
	return cfs_hash_parse_prefix(cfs_text(dash + 1), &out->matches.prefix) &&
	       p->alg && p->digits.len >= CFS_HASH_PREFIX_MIN &&
	       p->digits.len < 2 * cfs_hash_len(p->alg);
}

int repo_complete_stream(const struct cfs_repo *repo, char entry[CFS_REPO_LINK_MAX],
			 struct cfs_err *err)
{
	struct stream_search s;
	int rc;

	if (!parse_stream_prefix(entry, &s))
		return 0;
	rc = match_names(repo, "streams", match_stream, &s, err);
	if (rc == 0 && s.matches.n > 1)
		rc = cfs_hash_fail_ambiguous(&s.matches, "stream", "streams", err);
	if (rc == 0 && s.matches.n == 1)
		snprintf(entry + s.kind.len, CFS_REPO_LINK_MAX - s.kind.len, "%s",
			 s.matches.found[0]);
	return rc;
}
