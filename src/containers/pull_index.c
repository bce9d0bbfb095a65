/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Pulling an index: the images of all platforms, then the index that names them. */
#include <errno.h>
#include <stdio.h>

#include "containers/index.h"
#include "containers/pull_priv.h"

struct index_pull {
	struct cfs_repo *repo;
	const struct cfs_transport *from;
	const struct cfs_pull_opts *opts;
	int (*each)(void *ctx, const struct cfs_oci_index_entry *entry,
		    const struct cfs_pull_result *result, struct cfs_err *err);
	void *ctx;
	struct cfs_oci_index index;
	struct cfs_stream_writer *to; /* while its stream is written */
};

/* Reads the index that is to be pulled with all its platforms. json owns the bytes
 * that x->index borrows. */
static int read_index(struct index_pull *x, struct cfs_mem *json, struct cfs_err *err)
{
	struct cfs_transport_document doc = {0};
	enum cfs_oci_kind kind;
	int rc = x->from->document(x->from->ctx, NULL, &doc, err);

	*json = doc.bytes;
	if (rc == 0)
		rc = cfs_oci_find_kind(cfs_mem_text(json),
				       *doc.media_type ? doc.media_type : NULL, &kind,
				       err);
	if (rc == 0 && kind != CFS_OCI_INDEX)
		rc = cfs_fail(err, EINVAL,
			      "expected an index of several platforms, got the manifest "
			      "of one");
	return rc < 0 ? rc : cfs_oci_index_parse(cfs_mem_text(json), &x->index, err);
}

/* Callback for each platform of an index: pulls its manifest without a tag; the index
 * names it afterwards. */
static int pull_entry(void *ctx, const struct cfs_oci_index_entry *entry,
		      const char *name, struct cfs_err *err)
{
	struct index_pull *x = ctx;
	struct cfs_pull_opts opts = *x->opts;
	struct cfs_pull_result result;
	int rc;

	opts.tag = NULL;
	opts.entry = &entry->descriptor;
	rc = cfs_containers_pull(x->repo, x->from, &opts, &result, err);
	if (rc == 0)
		rc = x->each(x->ctx, entry, &result, err);
	return cfs_context(err, rc, "%s", name + 1);
}

/* --- the stream of the index -------------------------------------------------------- */

/* A stream cannot have two references of one name. */
static bool is_entry_repeated(const struct cfs_oci_index *index,
			      const struct cfs_oci_index_entry *entry)
{
	for (const struct cfs_oci_index_entry *e = index->entries; e < entry; e++)
		if (!e->is_attestation &&
		    cfs_oci_digest_eq(&e->descriptor.digest, &entry->descriptor.digest))
			return true;
	return false;
}

/* Adds the reference of an index to one of its manifests, which was pulled before. */
static int name_entry(void *ctx, const struct cfs_oci_index_entry *entry,
		      const char *name, struct cfs_err *err)
{
	const struct index_pull *x = ctx;
	char key[sizeof("manifest:") + CFS_OCI_DIGEST_TEXT_MAX];
	char stream[CFS_CONTAINERS_STREAM_MAX], link[CFS_REPO_LINK_MAX];
	struct cfs_digest id;
	int rc;

	if (is_entry_repeated(&x->index, entry))
		return 0;
	cfs_containers_format_stream_name(CFS_CONTAINERS_MANIFEST,
					  &entry->descriptor.digest, stream);
	rc = cfs_repo_find_stream(x->repo, stream, link, &id, err);
	snprintf(key, sizeof(key), "manifest:%s", name + 1);
	return rc < 0 ? rc : cfs_stream_name_stream(x->to, cfs_text(key), &id, err);
}

static int name_entries(void *ctx, struct cfs_stream_writer *w, struct cfs_err *err)
{
	struct index_pull *x = ctx;

	x->to = w;
	return cfs_container_index_visit(&x->index, name_entry, x, err);
}

/* Names the index as the last step of the pull, and moves the tag to it. */
static int publish_index(struct index_pull *x, const struct cfs_digest *id,
			 const struct cfs_oci_digest *digest, struct cfs_err *err)
{
	char name[CFS_CONTAINERS_STREAM_MAX], ref[CFS_CONTAINERS_REF_MAX];
	struct cfs_repo_link link = {
		.kind = CFS_REPO_STREAMS, .id = *id, .replaces = true};
	int rc = 0;

	link.name = cfs_containers_format_stream_name(CFS_CONTAINERS_INDEX, digest, name);
	if (x->opts->tag) {
		rc = cfs_containers_format_ref(x->opts->tag, ref, err);
		link.ref = ref;
	}
	return rc < 0 ? rc : cfs_repo_publish(x->repo, &link, err);
}

/* Stores the index when all its manifests are stored, then gives it the name. */
static int write_index(struct index_pull *x, const struct cfs_mem *json,
		       const struct cfs_oci_digest *digest, struct cfs_err *err)
{
	struct cfs_store_opts store = {.n_workers = 1, .watch = x->opts->watch};
	struct cfs_containers_layer_opts opts = {.alg = cfs_repo_get_meta(x->repo)->alg,
						 .watch = x->opts->watch};
	struct cfs_digest id;
	int rc = cfs_repo_open_store(x->repo, &store, &opts.store, err);

	if (rc == 0)
		rc = cfs_containers_write_document(&opts, CFS_CONTAINERS_TYPE_INDEX,
						   cfs_mem_span(json), name_entries, x,
						   &id, err);
	if (rc == 0)
		rc = cfs_store_commit(opts.store, err);
	cfs_store_close(opts.store);
	return rc < 0 ? rc : publish_index(x, &id, digest, err);
}

static size_t count_left_out(const struct cfs_oci_index *index)
{
	size_t n = 0;

	for (size_t i = 0; i < index->n_entries; i++)
		n += index->entries[i].is_attestation;
	return n;
}

int cfs_containers_pull_index(
	struct cfs_repo *repo, const struct cfs_transport *from,
	const struct cfs_pull_opts *opts,
	int (*each)(void *ctx, const struct cfs_oci_index_entry *entry,
		    const struct cfs_pull_result *result, struct cfs_err *err),
	void *ctx, struct cfs_pull_index_result *out, struct cfs_err *err)
{
	struct index_pull x = {repo, from, opts, each, ctx, .to = NULL};
	char ref[CFS_CONTAINERS_REF_MAX];
	struct cfs_mem json = {0};
	int rc = opts->tag ? cfs_containers_format_ref(opts->tag, ref, err) : 0;

	*out = (struct cfs_pull_index_result){0};
	if (rc == 0)
		rc = cfs_context(err, read_index(&x, &json, err), "index");
	cfs_oci_digest_of(CFS_SHA256, cfs_mem_span(&json), &out->digest);
	out->n_left_out = count_left_out(&x.index);
	if (rc == 0)
		rc = cfs_container_index_visit(&x.index, pull_entry, &x, err);
	if (rc == 0)
		rc = cfs_context(err, write_index(&x, &json, &out->digest, err), "index");
	cfs_oci_index_fini(&x.index);
	free(json.p);
	return rc;
}
