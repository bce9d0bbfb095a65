/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the name of a container image means: a tag, or a digest that may be shortened. */
#include "containers/container_priv.h"

#include <errno.h>
#include <string.h>

#include "repo/repo.h"

/* Finds the manifest or the index that a tag names. *is_index says which. */
static int find_tag(const struct cfs_repo *repo, const char *tag, bool *is_index,
		    struct cfs_oci_digest *out, struct cfs_err *err)
{
	char ref[sizeof("refs/") + CFS_CONTAINERS_REF_MAX] = "refs/";
	char entry[CFS_REPO_LINK_MAX];
	struct cfs_digest id;
	int rc = cfs_containers_format_ref(tag, ref + 5, err);

	if (rc == 0)
		rc = cfs_repo_find_stream(repo, ref, entry, &id, err);
	if (rc == -ENOENT)
		return cfs_fail(err, ENOENT, "no such container image: \"%s\"", tag);
	if (rc < 0)
		return rc;
	*is_index = cfs_containers_parse_stream(CFS_CONTAINERS_INDEX, entry, out);
	if (*is_index || cfs_containers_parse_stream(CFS_CONTAINERS_MANIFEST, entry, out))
		return 0;
	return cfs_fail(err, EUCLEAN,
			"streams/%s: expected a link to a manifest or an index", ref);
}

int cfs_containers_has_tag(const struct cfs_repo *repo, const char *name,
			   struct cfs_err *err)
{
	struct cfs_oci_digest unused;
	bool is_index;
	int rc = *name == '@' ? -ENOENT : find_tag(repo, name, &is_index, &unused, err);

	return rc == -ENOENT ? 0 : rc < 0 ? rc : 1;
}

/* --- digests ------------------------------------------------------------------------ */

/* Adds the digests of all streams of one kind that begin with the prefix. */
static void match_streams(const struct cfs_repo_list *list, const char *kind,
			  struct cfs_hash_matches *m)
{
	char text[CFS_OCI_DIGEST_TEXT_MAX];
	struct cfs_oci_digest digest;

	for (size_t i = 0; i < list->n; i++)
		if (cfs_containers_parse_stream(kind, list->v[i].name, &digest))
			cfs_hash_match_prefix(m, cfs_oci_digest_text(&digest, text));
}

static const char *get_plural(const char *kind)
{
	return strcmp(kind, CFS_CONTAINERS_LAYER) == 0 ? "layers" : "container images";
}

/* Finds the only stream of one of n kinds whose digest begins with the prefix. *which: its
 * kind. -ENOENT: none, and err is not filled; -ENOTUNIQ: several. */
static int find_digits(const struct cfs_repo *repo, const char *const *kinds, size_t n,
		       const struct cfs_hash_prefix *prefix, size_t *which,
		       struct cfs_oci_digest *out, struct cfs_err *err)
{
	struct cfs_hash_matches m = {.prefix = *prefix};
	struct cfs_repo_list list = {0};
	int rc = cfs_repo_list_entries(repo, CFS_REPO_STREAMS, &list, err);

	for (size_t i = 0; rc == 0 && i < n; i++) {
		size_t before = m.n;

		match_streams(&list, kinds[i], &m);
		if (m.n > before)
			*which = i;
	}
	cfs_repo_list_fini(&list);
	if (rc < 0)
		return rc;
	if (m.n > 1)
		return cfs_hash_fail_ambiguous(&m, "digest", get_plural(kinds[0]), err);
	return m.n == 0 ? -ENOENT : cfs_oci_digest_parse(cfs_text(m.found[0]), out, err);
}

int cfs_containers_find_layer(const struct cfs_repo *repo, const char *diff_id,
			      struct cfs_oci_digest *out, struct cfs_err *err)
{
	static const char *const kinds[] = {CFS_CONTAINERS_LAYER};
	struct cfs_hash_prefix prefix;
	size_t which;
	int rc;

	if (cfs_oci_digest_parse(cfs_text(diff_id), out, NULL) == 0)
		return 0;
	if (!cfs_hash_parse_prefix(cfs_text(diff_id), &prefix) ||
	    prefix.digits.len < CFS_HASH_PREFIX_MIN)
		return cfs_fail(err, EINVAL,
				"layer: expected a digest such as sha256:HEX, or %d or "
				"more of its digits, got \"%s\"",
				CFS_HASH_PREFIX_MIN, diff_id);
	rc = find_digits(repo, kinds, 1, &prefix, &which, out, err);
	return rc == -ENOENT ? cfs_fail(err, ENOENT, "no such layer: \"%s\"", diff_id)
			     : rc;
}

/* Explains why a name means nothing. */
static int fail_unknown(const struct cfs_repo *repo, const char *name,
			const struct cfs_hash_prefix *prefix, struct cfs_err *err)
{
	struct cfs_digest id;

	if (*name != '@' && cfs_repo_find_image(repo, name, &id, NULL) == 0)
		return cfs_fail(err, ENOENT,
				"no such container image: \"%s\" is an image, for "
				"commands such as \"composefs mount\"",
				name);
	if (prefix->digits.len < CFS_HASH_PREFIX_MIN)
		return cfs_fail(err, ENOENT,
				"no such container image: \"%s\": to shorten a digest, "
				"give %d digits or more",
				name, CFS_HASH_PREFIX_MIN);
	return cfs_fail(err, ENOENT,
			*name == '@' ? "no such container image: \"%s\""
				     : "no such container image: neither a tag nor the "
				       "beginning of a digest: \"%s\"",
			name);
}

static const char *const document_kinds[] = {CFS_CONTAINERS_MANIFEST,
					     CFS_CONTAINERS_INDEX};

/* Finds out whether a complete digest is that of a manifest or an index, without reading the
 * directory. -ENOENT: neither. */
static int find_whole_digest(const struct cfs_repo *repo,
			     const struct cfs_oci_digest *digest, size_t *which,
			     struct cfs_err *err)
{
	char name[CFS_CONTAINERS_STREAM_MAX], entry[CFS_REPO_LINK_MAX];
	struct cfs_digest id;
	int rc = -ENOENT;

	for (size_t i = 0; rc == -ENOENT && i < 2; i++) {
		cfs_containers_format_stream_name(document_kinds[i], digest, name);
		rc = cfs_repo_find_stream(repo, name, entry, &id, err);
		*which = i;
	}
	return rc;
}

/* The digest of a manifest or an index. */
static int find_digest(const struct cfs_repo *repo, const char *name,
		       const struct cfs_hash_prefix *prefix, bool *is_index,
		       struct cfs_oci_digest *out, struct cfs_err *err)
{
	struct cfs_oci_digest whole;
	size_t which = 0;
	int rc = -ENOENT;

	if (cfs_oci_digest_parse(cfs_text(name + (*name == '@')), &whole, NULL) == 0) {
		rc = find_whole_digest(repo, &whole, &which, err);
		if (rc != -ENOENT)
			*out = whole; /* that of a damaged stream as well */
	} else if (prefix->digits.len >= CFS_HASH_PREFIX_MIN) {
		rc = find_digits(repo, document_kinds, 2, prefix, &which, out, err);
	}
	*is_index = which == 1;
	return rc == -ENOENT ? fail_unknown(repo, name, prefix, err) : rc;
}

int containers_find_name(const struct cfs_repo *repo, const char *name, bool *is_index,
			 struct cfs_oci_digest *out, struct cfs_err *err)
{
	const bool is_digest = *name == '@';
	struct cfs_hash_prefix prefix;
	const bool has_digits =
		cfs_hash_parse_prefix(cfs_text(name + is_digest), &prefix) &&
		(prefix.alg || prefix.digits.len > 3);
	int rc;

	if (is_digest && has_digits)
		return find_digest(repo, name, &prefix, is_index, out, err);
	if (is_digest)
		return cfs_fail(err, EINVAL,
				"%s: expected @ and a digest, or %d or more of its "
				"digits",
				name, CFS_HASH_PREFIX_MIN);
	rc = find_tag(repo, name, is_index, out, err);
	return rc == -ENOENT && has_digits
		       ? find_digest(repo, name, &prefix, is_index, out, err)
		       : rc;
}
