/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Pushing an index: the images of all platforms, then the index that names them. */
#include <errno.h>
#include <string.h>

#include "containers/index.h"

struct index_push {
	const struct cfs_repo *repo;
	const struct cfs_destination *to;
	const struct cfs_push_opts *opts;
	struct cfs_container_index index;
	struct cfs_oci_descriptor
		*sent; /* one for each entry; without a type: left out */
	struct cfs_push_result *sum;
};

static void add_result(struct cfs_push_result *sum, const struct cfs_push_result *r)
{
	sum->n_layers += r->n_layers;
	sum->n_present += r->n_present;
	sum->bytes_sent += r->bytes_sent;
	sum->n_referrers += r->n_referrers;
}

/* Callback for each platform of an index: sends its manifest, and notes the digest
 * that it has there. */
static int push_entry(void *ctx, const struct cfs_oci_index_entry *entry,
		      const char *name, struct cfs_err *err)
{
	struct index_push *x = ctx;
	struct cfs_oci_descriptor *sent = &x->sent[entry - x->index.index.entries];
	struct cfs_push_opts opts = *x->opts;
	struct cfs_push_result result;
	int rc;

	opts.is_entry = true;
	rc = cfs_containers_push(x->repo, name, x->to, &opts, &result, err);
	if (rc < 0)
		return cfs_context(err, rc, "%s", name + 1);
	*sent = entry->descriptor;
	if (!cfs_oci_digest_eq(&sent->digest, &result.manifest)) {
		sent->media_type = CFS_OCI_TYPE_MANIFEST;
		sent->digest = result.manifest;
		sent->size = result.manifest_len;
	}
	add_result(x->sum, &result);
	return 0;
}

static bool is_same_index(const struct index_push *x)
{
	const struct cfs_oci_index *index = &x->index.index;

	for (size_t i = 0; i < index->n_entries; i++)
		if (!x->sent[i].media_type ||
		    !cfs_oci_digest_eq(&x->sent[i].digest,
				       &index->entries[i].descriptor.digest))
			return false;
	return x->to->takes_docker || !index->media_type ||
	       strcmp(index->media_type, CFS_OCI_TYPE_INDEX) == 0;
}

static int put_index(const struct index_push *x, struct cfs_span json,
		     const char *media_type, enum cfs_hash_alg alg, struct cfs_err *err)
{
	struct cfs_oci_descriptor d = {.media_type = media_type, .size = json.len};

	cfs_oci_digest_of(alg, json, &d.digest);
	x->sum->manifest = d.digest;
	x->sum->manifest_len = json.len;
	return x->to->put_manifest(x->to->ctx, json, &d, err);
}

/* Sends the index: as it was pulled if no manifest in it changed, so that its digest
 * and signatures stay valid. */
static int push_document(const struct index_push *x, struct cfs_err *err)
{
	const struct cfs_oci_index *index = &x->index.index;
	struct cfs_mem json = {0};
	int rc;

	if (is_same_index(x))
		return put_index(x, cfs_mem_span(&x->index.json),
				 index->media_type ? index->media_type
						   : CFS_OCI_TYPE_INDEX,
				 x->index.digest.alg, err);
	rc = cfs_oci_index_repack(index, x->sent, &json, err);
	if (rc == 0)
		rc = put_index(x, cfs_mem_span(&json), CFS_OCI_TYPE_INDEX, CFS_SHA256,
			       err);
	free(json.p);
	return rc;
}

static int push_entries(struct index_push *x, struct cfs_err *err)
{
	size_t n = x->index.index.n_entries;
	int rc;

	x->sent = calloc(n ? n : 1, sizeof(*x->sent));
	if (!x->sent)
		return cfs_fail(err, ENOMEM, "out of memory");
	rc = cfs_container_index_visit(&x->index.index, push_entry, x, err);
	return rc < 0 ? rc : cfs_context(err, push_document(x, err), "index");
}

int cfs_containers_push_index(const struct cfs_repo *repo, const char *name,
			      const struct cfs_destination *to,
			      const struct cfs_push_opts *opts,
			      struct cfs_push_result *out, struct cfs_err *err)
{
	struct index_push x = {.repo = repo, .to = to, .opts = opts, .sum = out};
	int rc = cfs_container_index_open(repo, name, &x.index, err);

	*out = (struct cfs_push_result){0};
	if (rc == 0)
		rc = cfs_fail(err, ENOENT,
			      "%s: expected an index of several platforms, got one "
			      "image: pull it with --all-platforms",
			      name);
	else if (rc > 0)
		rc = to->put_entry ? push_entries(&x, err)
				   : cfs_fail(err, ENOTSUP,
					      "this destination takes the image of one "
					      "platform");
	cfs_container_index_close(&x.index);
	free(x.sent);
	return rc;
}
