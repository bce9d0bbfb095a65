/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The layers of a pull: network -> digest of the blob -> decompressor -> digest of the layer
 * -> archive -> split stream and objects, in one pass, several layers at a time. */
#include <errno.h>

#include "containers/layer_check.h"
#include "containers/pull_priv.h"
#include "decompress/decompress.h"

struct cfs_containers_layer_opts pull_make_layer_opts(const struct pull *p,
						      unsigned worker)
{
	return (struct cfs_containers_layer_opts){
		.store = p->store,
		.worker = worker * CFS_CONTAINERS_LAYER_WORKERS,
		.alg = cfs_repo_get_meta(p->repo)->alg,
		.max_bytes = p->opts->max_layer_bytes,
		.watch = p->opts->watch,
	};
}

enum { WARN_RATIO = 1000 }; /* uncompressed to compressed */

/* --- a blob as it is transferred ---------------------------------------------------- */

struct blob_reader {
	struct pull *p;
	unsigned worker;
	const struct cfs_oci_descriptor *d;
	struct cfs_blob blob;
	struct cfs_hash hash;
	uint64_t size;
	bool has_ended; /* at the end or by an error: a feed may not be called again */
	bool has_failed;
	struct cfs_store_writer *keeper; /* of the blob; NULL: it is not kept */
};

/* Only the thread that started the work reports progress; its worker is number 0. */
void pull_count(struct pull *p, unsigned worker, uint64_t n)
{
	struct cfs_progress now = {.stage = "layers", .all = p->n_missing};

	now.bytes_done =
		atomic_fetch_add(&p->bytes_read, n) + n + atomic_load(&p->bytes_saved);
	now.bytes = atomic_load(&p->bytes_all);
	now.done = atomic_load(&p->n_done);
	if (worker == 0)
		cfs_watch_progress(p->opts->watch, &now);
}

/* The feed of a blob as it arrives: counts and digests the bytes, and keeps them if
 * asked to. More bytes than announced are refused at once, not after the last one. */
static ssize_t read_pulled_blob(void *ctx, void *p, size_t len, struct cfs_err *err)
{
	struct blob_reader *r = ctx;
	ssize_t n = 0;

	if (!r->has_ended)
		n = r->blob.feed.read(r->blob.feed.ctx, p, len, err);
	r->has_ended |= n <= 0;
	r->has_failed |= n < 0;
	if (n <= 0)
		return n;
	r->size += (uint64_t)n;
	if (r->size > r->d->size && !r->p->from->has_plain_layers)
		return cfs_fail(err, EILSEQ,
				"size mismatch: expected %llu bytes, got more",
				(unsigned long long)r->d->size);
	cfs_hash_update(&r->hash, p, (size_t)n);
	pull_count(r->p, r->worker, (uint64_t)n);
	if (r->keeper) {
		struct cfs_sink to = cfs_store_writer_get_sink(r->keeper);
		int rc = to.write(to.ctx, p, (size_t)n, err);

		r->has_failed |= rc < 0;
		r->has_ended |= rc < 0;
		if (rc < 0)
			return rc;
	}
	return n;
}

/* Reads what the decompressor left, so that digest and size cover the whole blob. */
static int check_pulled_blob(struct blob_reader *r, struct cfs_err *err)
{
	struct cfs_oci_digest actual;
	uint8_t rest[4096];
	ssize_t n;

	do
		n = read_pulled_blob(r, rest, sizeof(rest), err);
	while (n > 0);
	if (n < 0)
		return (int)n;
	if (r->size != r->d->size)
		return cfs_fail(
			err, EILSEQ, "size mismatch: expected %llu bytes, got %llu",
			(unsigned long long)r->d->size, (unsigned long long)r->size);
	cfs_oci_digest_final(&r->hash, &actual);
	return cfs_oci_digest_expect(&r->d->digest, &actual, err);
}

/* --- one layer ---------------------------------------------------------------------- */

/* One pass: the blob is decompressed, split into a stream and objects, and stored. Names
 * come later, after the caller compared the digest of the blob. */
static int write_pulled_layer(struct blob_reader *r, const struct pull_layer *l,
			      struct cfs_containers_layer *out, struct cfs_err *err)
{
	struct cfs_containers_layer_opts opts = pull_make_layer_opts(r->p, r->worker);
	struct cfs_feed blob = {read_pulled_blob, r};
	struct cfs_decompress_opts limits = {.watch = r->p->opts->watch,
					     .warn_ratio = WARN_RATIO};
	struct cfs_decompress *d;
	int rc;

	opts.open_file = r->blob.open_file;
	opts.open_file_ctx = r->blob.feed.ctx;
	if (r->p->from->has_plain_layers)
		return cfs_containers_write_layer(blob, l->diff_id->alg, &opts, out, err);
	rc = cfs_decompress_open(blob, &limits, &d, err);
	if (rc < 0)
		return rc;
	rc = cfs_containers_write_layer(cfs_decompress_get_feed(d), l->diff_id->alg,
					&opts, out, err);
	cfs_decompress_close(d);
	return rc;
}

/* If the archive is refused and the blob has a wrong digest, the error is the digest. */
static int read_checked_blob(struct blob_reader *r, const struct pull_layer *l,
			     struct cfs_containers_layer *out, struct cfs_err *err)
{
	struct cfs_err why;
	int rc = write_pulled_layer(r, l, out, err);

	if (r->p->from->has_plain_layers)
		return rc;
	if (rc == 0)
		return check_pulled_blob(r, err);
	if (rc == -EINVAL && !r->has_failed && check_pulled_blob(r, &why) == -EILSEQ) {
		*err = why;
		return -EILSEQ;
	}
	return rc;
}

static int open_keeper(struct blob_reader *r, const struct pull_layer *l,
		       struct cfs_err *err)
{
	unsigned worker = r->worker * CFS_CONTAINERS_LAYER_WORKERS;

	return l->keeps_blob ? cfs_store_writer_open(r->p->store,
						     worker + CFS_CONTAINERS_BLOB_WORKER,
						     l->blob->size, &r->keeper, err)
			     : 0;
}

/* Reads a whole layer, and keeps the compressed bytes beside it if that was asked for.
 * The layer counts only with the diff_id of the configuration. */
static int read_whole_blob(struct blob_reader *r, struct pull_layer *l,
			   struct cfs_err *err)
{
	struct cfs_containers_layer layer = {0};
	int rc = open_keeper(r, l, err);

	if (rc == 0)
		rc = read_checked_blob(r, l, &layer, err);
	if (rc == 0)
		rc = cfs_context(err,
				 cfs_oci_digest_expect(l->diff_id, &layer.diff_id, err),
				 "diff_id, the digest of the layer uncompressed");
	l->stream = layer.stream;
	if (rc == 0 && r->keeper)
		return pull_keep_blob(r->p, r->worker, r->keeper, l, err);
	cfs_store_writer_drop(r->keeper);
	return rc;
}

static int pull_whole(struct pull *p, unsigned worker, struct pull_layer *l,
		      struct cfs_err *err)
{
	struct blob_reader r = {.p = p, .worker = worker, .d = l->blob};
	int rc = p->from->blob(p->from->ctx, l->blob, &r.blob, err);

	if (rc < 0)
		return rc;
	cfs_hash_init(&r.hash, l->blob->digest.alg);
	rc = read_whole_blob(&r, l, err);
	r.blob.close(r.blob.feed.ctx);
	return rc;
}

/* One item of the pool: a layer, by ranges if that saves bytes, else whole. */
static int pull_one(void *ctx, unsigned worker, size_t i, struct cfs_err *err)
{
	struct pull *p = ctx;
	struct pull_layer *l = &p->layers[p->order[i]];
	char text[CFS_OCI_DIGEST_TEXT_MAX];
	int rc = l->keeps_blob ? 0 : pull_chunked(p, worker, l, err);

	if (rc == 0)
		rc = pull_whole(p, worker, l, err);
	rc = rc < 0 ? rc : 0;
	atomic_fetch_add(&p->n_done, 1);
	return cfs_context(err, rc, "layer %s",
			   cfs_oci_digest_text(&l->blob->digest, text));
}

/* --- all of them -------------------------------------------------------------------- */

static bool is_layer_repeated(const struct pull *p, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (cfs_oci_digest_eq(p->layers[k].diff_id, p->layers[i].diff_id))
			return true;
	return false;
}

/* Finds out whether the repository has the layer. */
static int find_pull_layer(struct pull *p, struct pull_layer *l, struct cfs_err *err)
{
	char name[CFS_CONTAINERS_STREAM_MAX], entry[CFS_REPO_LINK_MAX];
	int rc = cfs_containers_check_layer(
		p->repo, l->diff_id, p->opts->distrusts_present, p->opts->watch, err);

	if (rc == -EUCLEAN) {
		cfs_watch_warn(p->opts->watch, "%s: the layer is read again", err->msg);
		l->is_damaged = true;
		return 0;
	}
	if (rc <= 0)
		return rc;
	l->is_present = true;
	cfs_containers_format_stream_name(CFS_CONTAINERS_LAYER, l->diff_id, name);
	return cfs_repo_find_stream(p->repo, name, entry, &l->stream, err);
}

static int check_packing(const struct cfs_oci_descriptor *blob, size_t i,
			 struct cfs_err *err)
{
	if (cfs_oci_find_packing(blob->media_type) != CFS_OCI_NO_TAR)
		return 0;
	return cfs_fail(
		err, ENOTSUP,
		"layer %zu: expected the media type of an archive, got \"%.100s\"", i,
		blob->media_type);
}

/* Finds out which layers the repository lacks. */
static int find_layers(struct pull *p, struct cfs_err *err)
{
	for (size_t i = 0; i < p->n_layers; i++) {
		struct pull_layer *l = &p->layers[i];
		int rc;

		l->blob = &p->manifest.layers[i];
		l->diff_id = &p->config.diff_ids[i];
		rc = check_packing(l->blob, i, err);
		l->is_repeated = is_layer_repeated(p, i);
		if (rc == 0 && !l->is_repeated)
			rc = find_pull_layer(p, l, err);
		if (rc == 0 && !l->is_repeated)
			rc = pull_find_kept(p, l, err);
		if (rc < 0)
			return rc;
		if ((!l->is_present || l->keeps_blob) && !l->is_repeated) {
			p->order[p->n_missing++] = i;
			atomic_fetch_add(&p->bytes_all, l->blob->size);
		}
	}
	return 0;
}

static int compare_blob_sizes(const void *a, const void *b, void *ctx)
{
	const struct pull_layer *layers = ctx;
	uint64_t x = layers[*(const size_t *)a].blob->size,
		 y = layers[*(const size_t *)b].blob->size;

	return x == y ? 0 : x > y ? -1 : 1;
}

static void copy_repeated(struct pull *p)
{
	for (size_t i = 0; i < p->n_layers; i++)
		for (size_t k = 0; p->layers[i].is_repeated && k < i; k++)
			if (cfs_oci_digest_eq(p->layers[k].diff_id,
					      p->layers[i].diff_id)) {
				p->layers[i].stream = p->layers[k].stream;
				break;
			}
}

/* The index only saves transfers: that it cannot be written is a warning. */
static void add_contents(struct pull *p, struct pull_layer *l)
{
	bool keeps_old = !atomic_load(&p->has_bad_contents);
	struct cfs_err err;

	if (cfs_content_index_add(p->repo, l->contents, l->n_contents, keeps_old, &err) <
	    0)
		cfs_watch_warn(p->opts->watch, "%s", err.msg);
	atomic_store(&p->has_bad_contents, false);
}

/* A wrong index is replaced, also by an empty one. */
static void remember_contents(struct pull *p)
{
	for (size_t i = 0; i < p->n_missing; i++) {
		struct pull_layer *l = &p->layers[p->order[i]];

		if (l->n_contents || atomic_load(&p->has_bad_contents))
			add_contents(p, l);
	}
}

/* Makes the layers durable, then gives them names. A stream that was damaged is
 * replaced. */
static int publish_layers(struct pull *p, struct cfs_err *err)
{
	int rc = cfs_store_commit(p->store, err);

	for (size_t i = 0; rc == 0 && i < p->n_missing; i++) {
		const struct pull_layer *l = &p->layers[p->order[i]];
		char name[CFS_CONTAINERS_STREAM_MAX];
		struct cfs_repo_link link = {.kind = CFS_REPO_STREAMS,
					     .id = l->stream,
					     .replaces = l->is_damaged || l->is_present};

		link.name = cfs_containers_format_stream_name(CFS_CONTAINERS_LAYER,
							      l->diff_id, name);
		rc = cfs_repo_publish(p->repo, &link, err);
	}
	if (rc == 0)
		remember_contents(p);
	return rc < 0 ? rc : pull_publish_kept(p, err);
}

/* Large blobs first, so that the last worker does not end long after the others. A layer
 * that occurs twice is pulled once. p owns layers and order, also after a failure. */
int pull_layers(struct pull *p, struct cfs_err *err)
{
	unsigned n = p->opts->n_threads ? p->opts->n_threads : cfs_pool_count_cpus();
	int rc;

	if (p->opts->keeps_blobs && p->from->has_plain_layers)
		return cfs_fail(err, ENOTSUP,
				"the source does not have the blobs of layers, which are "
				"to be kept");
	p->n_layers = p->manifest.n_layers;
	p->layers = calloc(p->n_layers + 1, sizeof(*p->layers));
	p->order = calloc(p->n_layers + 1, sizeof(*p->order));
	if (!p->layers || !p->order)
		return cfs_fail(err, ENOMEM, "out of memory");
	rc = find_layers(p, err);
	if (rc < 0)
		return rc;
	if (p->n_missing && p->from->ranges)
		cfs_content_index_open(p->repo, &p->contents);
	qsort_r(p->order, p->n_missing, sizeof(*p->order), compare_blob_sizes, p->layers);
	if (p->n_missing)
		rc = cfs_pool_run(n, p->n_missing, pull_one, p, p->opts->watch, err);
	copy_repeated(p);
	return rc < 0 || p->n_missing == 0 ? rc : publish_layers(p, err);
}
