/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Manifests that refer to another one, in a registry: its list of referrers, or, where it has none,
 * an index with a tag that clients keep.
 * Source: OCI distribution specification 1.1, "Listing Referrers", "Referrers Tag Schema". */
#include <errno.h>
#include <string.h>

#include "transport/registry_priv.h"

/* --- reading ------------------------------------------------------------------------ */

struct listing {
	const char *type; /* NULL: all */
	cfs_referrer_fn fn;
	void *ctx;
	size_t n;
};

/* Calls back for each referrer of the wanted type. Their number has a limit, because
 * each costs a request. */
static int pass_entries(struct listing *l, const struct cfs_oci_index *index,
			struct cfs_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < index->n_entries; i++) {
		const struct cfs_oci_descriptor *d = &index->entries[i].descriptor;

		if (!cfs_transport_may_have_type(d, l->type))
			continue;
		if (++l->n > CFS_REFERRERS_MAX)
			return cfs_fail(err, EFBIG, "expected at most %d referrers",
					CFS_REFERRERS_MAX);
		rc = l->fn(l->ctx, d, err);
	}
	return rc;
}

/* Parses one page of the list of referrers. The registry decides what is in it, so it
 * is parsed like any index. */
static int pass_page(struct listing *l, const struct cfs_transport_document *page,
		     struct cfs_err *err)
{
	struct cfs_text json = cfs_mem_text(&page->bytes);
	struct cfs_oci_index index = {0};
	enum cfs_oci_kind kind;
	int rc = cfs_oci_find_kind(json, *page->media_type ? page->media_type : NULL,
				   &kind, err);

	if (rc == 0)
		rc = cfs_oci_index_parse(json, &index, err);
	rc = cfs_context(err, rc, "list of referrers");
	if (rc == 0)
		rc = pass_entries(l, &index, err);
	cfs_oci_index_fini(&index);
	return rc;
}

/* Reads one page. page: "" for the first one; it becomes that of the next, "" at the end. */
static int get_page(struct registry *r, const char *subject, const char *type,
		    char page[CFS_REGISTRY_LINK_MAX], struct cfs_transport_document *out,
		    struct cfs_err *err)
{
	cfs_autofree struct cfs_registry_head *head = malloc(sizeof(*head));
	struct registry_what what = {.action = CFS_REGISTRY_GET_REFERRERS,
				     .reference = subject,
				     .media_type = type,
				     .page = page,
				     .size = CFS_OCI_MANIFEST_MAX,
				     .fd = -1};
	struct registry_transfer t;
	int rc = head ? registry_transfer_start(r, &what, &t, head, err)
		      : cfs_fail(err, ENOMEM, "out of memory");

	if (rc < 0)
		return rc;
	memcpy(out->media_type, head->media_type, sizeof(out->media_type));
	memcpy(page, head->next, sizeof(head->next));
	rc = registry_read_document(&t, &out->bytes, err);
	registry_transfer_end(&t);
	return rc;
}

/* Only a first page that does not exist says that the registry keeps no list. */
static int list_pages(struct registry *r, const char *subject, struct listing *l,
		      bool *is_absent, struct cfs_err *err)
{
	cfs_autofree char *page = calloc(1, CFS_REGISTRY_LINK_MAX);
	int rc = page ? 0 : cfs_fail(err, ENOMEM, "out of memory");

	for (int n = 0; rc == 0; n++) {
		struct cfs_transport_document doc = {0};

		if (n == CFS_REFERRER_PAGES_MAX)
			return cfs_fail(err, EFBIG,
					"expected a list of at most %d pages of "
					"referrers",
					CFS_REFERRER_PAGES_MAX);
		rc = get_page(r, subject, l->type, page, &doc, err);
		*is_absent = rc == -ENOENT && n == 0;
		if (rc == 0)
			rc = pass_page(l, &doc, err);
		free(doc.bytes.p);
		if (!*page)
			break;
	}
	return rc;
}

static int list_tag(struct registry *r, const struct cfs_oci_digest *subject,
		    struct listing *l, struct cfs_err *err)
{
	struct cfs_transport_document doc = {0};
	char tag[CFS_OCI_TAG_MAX];
	int rc = registry_get_document(r, cfs_oci_referrers_format_tag(subject, tag),
				       &doc, err);

	if (rc == 0)
		rc = pass_page(l, &doc, err);
	free(doc.bytes.p);
	return rc == -ENOENT ? 0 : rc;
}

int registry_visit_referrers(void *ctx, const struct cfs_oci_digest *subject,
			     const char *type, cfs_referrer_fn fn, void *fn_ctx,
			     struct cfs_err *err)
{
	struct listing l = {.type = type, .fn = fn, .ctx = fn_ctx};
	char text[CFS_OCI_DIGEST_TEXT_MAX];
	bool is_absent = false;
	int rc = list_pages(ctx, cfs_oci_digest_text(subject, text), &l, &is_absent, err);

	return is_absent ? list_tag(ctx, subject, &l, err) : rc;
}

/* --- writing ------------------------------------------------------------------------ */

enum { TRIES_MAX = 5 }; /* other clients may replace the index at the same time */

/* 1: the index names the manifest; 0: it does not. */
static int is_listed(struct cfs_text index, const struct cfs_oci_digest *digest,
		     struct cfs_err *err)
{
	struct cfs_oci_index parsed;
	struct cfs_err unused;
	size_t i;
	int rc = cfs_oci_index_parse(index, &parsed, err);

	if (rc == 0)
		rc = cfs_oci_index_find(&parsed, digest, &i, &unused) == 0;
	cfs_oci_index_fini(&parsed);
	return rc;
}

/* Sends the index with one more entry, under the fallback tag. */
static int put_index(struct registry *r, const char *tag, struct cfs_text old,
		     const struct cfs_oci_descriptor *d, struct cfs_err *err)
{
	struct cfs_oci_descriptor index = {.media_type = CFS_OCI_TYPE_INDEX};
	struct cfs_mem json = {0};
	int rc = cfs_oci_index_put(old, d, NULL, &json, err);

	if (rc == 0) {
		cfs_oci_digest_of(CFS_SHA256, cfs_mem_span(&json), &index.digest);
		index.size = json.len;
		rc = registry_put_manifest(r, tag, cfs_mem_span(&json), &index, NULL,
					   err);
	}
	free(json.p);
	return rc;
}

/* 1: the index names the manifest already; 0: it was sent anew; the next call reads it back. */
static int add_to_index(struct registry *r, const char *tag,
			const struct cfs_oci_descriptor *d, struct cfs_err *err)
{
	struct cfs_transport_document doc = {0};
	int rc = registry_get_document(r, tag, &doc, err);

	if (rc == 0)
		rc = is_listed(cfs_mem_text(&doc.bytes), &d->digest, err);
	if (rc == 0 || rc == -ENOENT)
		rc = put_index(r, tag, cfs_mem_text(&doc.bytes), d, err);
	free(doc.bytes.p);
	return rc;
}

/* For registries without the referrers API: adds the artifact to the index with the
 * fallback tag. Another client may do the same at that moment, so it is tried again. */
static int list_by_tag(struct registry *r, const struct cfs_oci_descriptor *d,
		       const struct cfs_oci_digest *subject, struct cfs_err *err)
{
	char tag[CFS_OCI_TAG_MAX];
	int rc = 0;

	cfs_oci_referrers_format_tag(subject, tag);
	for (int n = 0; rc == 0 && n < TRIES_MAX; n++)
		rc = add_to_index(r, tag, d, err);
	if (rc == 0)
		rc = cfs_fail(
			err, EBUSY,
			"other clients change the list at the same time; try again");
	return rc < 0 ? cfs_context(err, rc, "%s", tag) : 0;
}

int registry_put_referrer(void *ctx, struct cfs_span json,
			  const struct cfs_oci_descriptor *d,
			  const struct cfs_oci_digest *subject, struct cfs_err *err)
{
	char text[CFS_OCI_DIGEST_TEXT_MAX];
	bool has_subject = false;
	int rc = registry_put_manifest(ctx, cfs_oci_digest_text(&d->digest, text), json,
				       d, &has_subject, err);

	return rc < 0 || has_subject ? rc : list_by_tag(ctx, d, subject, err);
}
