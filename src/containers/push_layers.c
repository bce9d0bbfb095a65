/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The layers of a push: split stream and objects -> archive -> compressor -> digest of the blob and
 * an unnamed file, from which the destination takes it, also a second time after a failure. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "containers/layer_emit.h"
#include "containers/names.h"
#include "containers/push_priv.h"
#include "repo/repo.h"

enum { OUT_LEN = 256 * 1024 };

/* --- files without a name ----------------------------------------------------------- */

/* A compressed layer can be larger than memory, and /tmp is often in memory: hence
 * /var/tmp. The file has no name, so that a kill leaves nothing. */
static int open_temporary_blob(struct cfs_err *err)
{
	const char *dir = getenv("TMPDIR");
	char path[4096];
	int fd;

	if (!dir || *dir != '/')
		dir = "/var/tmp";
	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	if (snprintf(path, sizeof(path), "%s/composefs-XXXXXX", dir) >= (int)sizeof(path))
		return cfs_fail(err, ENAMETOOLONG, "TMPDIR: the path is too long");
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return cfs_fail_errno(err, "temporary file in %s", dir);
	unlink(path);
	return fd;
}

/* --- one layer ---------------------------------------------------------------------- */

/* The compressed bytes: counted, digested and written. */
struct blob_writer {
	struct cfs_out file;
	struct cfs_hash hash;
	uint64_t len;
};

static int write_push_blob(void *ctx, const void *p, size_t len, struct cfs_err *err)
{
	struct blob_writer *w = ctx;

	cfs_hash_update(&w->hash, p, len);
	w->len += len;
	cfs_out_put(&w->file, p, len);
	if (w->file.rc == 0)
		return 0;
	*err = w->file.err;
	return w->file.rc;
}

struct worker {
	struct push *p;
	unsigned number;
};

/* Only the thread that started the work reports progress; its worker is number 0. */
static void report_push_progress(void *ctx, uint64_t n)
{
	const struct worker *w = ctx;
	struct push *p = w->p;
	struct cfs_progress now = {.stage = "layers", .all = p->n_different};

	now.bytes_done = atomic_fetch_add(&p->bytes_read, n) + n;
	now.bytes = p->bytes_all;
	now.done = atomic_load(&p->n_done);
	if (w->number == 0)
		cfs_watch_progress(p->opts->watch, &now);
}

/* Reads a layer out of the repository, and compresses it into the blob that is sent.
 * Not reproducible by other versions of the compressor, unlike the layer itself. */
static int compress_into(struct worker *w, const struct cfs_oci_digest *diff_id,
			 struct blob_writer *blob, struct cfs_err *err)
{
	struct cfs_emit_progress progress = {report_push_progress, w};
	struct cfs_compress *c;
	int rc = cfs_compress_open(w->p->opts->compression,
				   (struct cfs_sink){write_push_blob, blob}, &c, err);

	if (rc < 0)
		return rc;
	rc = cfs_containers_emit_layer(w->p->repo, diff_id, cfs_compress_get_sink(c),
				       &progress, w->p->opts->watch, err);
	if (rc == 0)
		rc = cfs_compress_finish(c, err);
	cfs_compress_close(c);
	return rc < 0 ? rc : cfs_out_flush(&blob->file, err);
}

static const char *name_layer_type(enum cfs_compression compression)
{
	if (compression == CFS_COMPRESSION_GZIP)
		return CFS_OCI_TYPE_TAR "+gzip";
	return compression == CFS_COMPRESSION_ZSTD ? CFS_OCI_TYPE_TAR "+zstd"
						   : CFS_OCI_TYPE_TAR;
}

/* Writes the blob to fd; out becomes its descriptor. */
static int make_layer_blob(struct worker *w, const struct cfs_oci_digest *diff_id, int fd,
			   struct cfs_oci_descriptor *out, struct cfs_err *err)
{
	struct cfs_watched_fd to = {.fd = fd, .watch = w->p->opts->watch};
	struct blob_writer blob = {0};
	int rc;

	if (cfs_out_init(&blob.file, cfs_sink_watched_fd(&to), OUT_LEN) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	cfs_hash_init(&blob.hash, CFS_SHA256);
	rc = compress_into(w, diff_id, &blob, err);
	cfs_out_fini(&blob.file);
	*out = (struct cfs_oci_descriptor){
		.media_type = name_layer_type(w->p->opts->compression), .size = blob.len};
	cfs_oci_digest_final(&blob.hash, &out->digest);
	return rc;
}

/* Waits until the blobs before this one were sent, if the destination needs that. The pool starts
 * the work in ascending order, so the one whose turn it is always runs. */
static int wait_turn(struct push *p, size_t turn, struct cfs_err *err)
{
	int rc = 0;

	pthread_mutex_lock(&p->lock);
	while (p->turn != turn && p->failed > turn)
		pthread_cond_wait(&p->next, &p->lock);
	if (p->failed < turn)
		rc = cfs_fail(err, ECANCELED, "an earlier layer was not sent");
	pthread_mutex_unlock(&p->lock);
	return rc;
}

static void end_turn(struct push *p, size_t turn, int rc)
{
	pthread_mutex_lock(&p->lock);
	if (rc == 0)
		p->turn = turn + 1;
	else if (turn < p->failed)
		p->failed = turn;
	pthread_cond_broadcast(&p->next);
	pthread_mutex_unlock(&p->lock);
}

int push_send_blob(struct push *p, size_t turn, int fd,
		   const struct cfs_oci_descriptor *d, struct cfs_err *err)
{
	bool is_present = false;
	int rc = p->to->is_in_order ? wait_turn(p, turn, err) : 0;

	if (rc == 0)
		rc = p->to->put_blob(p->to->ctx, fd, d, &is_present, err);
	if (rc == 0 && p->to->is_in_order)
		end_turn(p, turn, rc);
	if (rc == 0 && is_present)
		atomic_fetch_add(&p->n_present, 1);
	else if (rc == 0)
		atomic_fetch_add(&p->bytes_sent, d->size);
	return rc;
}

/* Compresses a layer to a temporary file, since its digest must be known before it is
 * sent, and sends it unless the registry has it. */
static int push_compressed(struct worker *w, size_t turn, size_t i, struct cfs_err *err)
{
	struct push *p = w->p;
	cfs_autofd int fd = open_temporary_blob(err);
	int rc = fd < 0 ? fd
			: make_layer_blob(w, &p->container.config.diff_ids[i], fd,
					  &p->layers[i], err);

	if (rc == 0)
		rc = push_mount_blob(p, &p->layers[i], err);
	if (rc <= 0)
		return rc < 0 ? rc : push_send_blob(p, turn, fd, &p->layers[i], err);
	atomic_fetch_add(&p->n_present, 1);
	return 0;
}

static int push_layer(struct worker *w, size_t turn, size_t i, struct cfs_err *err)
{
	struct push *p = w->p;
	int rc = push_original(p, turn, i, err);

	if (rc > 0)
		report_push_progress(w, p->sizes[i]);
	else if (rc == 0)
		rc = push_compressed(w, turn, i, err);
	if (rc < 0 && p->to->is_in_order)
		end_turn(p, turn, rc);
	return rc < 0 ? rc : 0;
}

static int push_one(void *ctx, unsigned number, size_t i, struct cfs_err *err)
{
	struct worker w = {.p = ctx, .number = number};
	size_t layer = w.p->order[i];
	char text[CFS_OCI_DIGEST_TEXT_MAX];
	int rc = push_layer(&w, i, layer, err);

	atomic_fetch_add(&w.p->n_done, 1);
	return cfs_context(
		err, rc, "layer %s",
		cfs_oci_digest_text(&w.p->container.config.diff_ids[layer], text));
}

/* --- all of them -------------------------------------------------------------------- */

/* The first layer with the same diff_id. */
static size_t find_first_layer(const struct push *p, size_t i)
{
	const struct cfs_oci_digest *ids = p->container.config.diff_ids;
	size_t first = 0;

	while (!cfs_oci_digest_eq(&ids[first], &ids[i]))
		first++;
	return first;
}

/* A missing layer is noticed before the first one is sent. */
static int measure_layer(struct push *p, size_t i, struct cfs_err *err)
{
	char name[CFS_CONTAINERS_STREAM_MAX];
	struct cfs_stream s;
	struct cfs_map map;
	int rc;

	cfs_containers_format_stream_name(CFS_CONTAINERS_LAYER,
					  &p->container.config.diff_ids[i], name);
	rc = cfs_repo_open_stream(p->repo, name, &map, &s, err);
	if (rc < 0)
		return rc;
	p->sizes[i] = s.size;
	cfs_map_close(&map);
	return 0;
}

/* Measures the layers that are to be sent: a layer that the manifest names twice is
 * sent once. */
static int list_layers(struct push *p, struct cfs_err *err)
{
	for (size_t i = 0; i < p->n_layers; i++) {
		int rc = find_first_layer(p, i) < i ? 0 : measure_layer(p, i, err);

		if (rc < 0)
			return rc;
		if (find_first_layer(p, i) == i) {
			p->order[p->n_different++] = i;
			p->bytes_all += p->sizes[i];
		}
	}
	return 0;
}

static int compare_layer_sizes(const void *a, const void *b, void *ctx)
{
	const uint64_t *sizes = ctx;
	uint64_t x = sizes[*(const size_t *)a], y = sizes[*(const size_t *)b];

	return x == y ? 0 : x > y ? -1 : 1;
}

/* Large layers first, unless the destination writes one file in order. A layer that
 * occurs twice is sent once, and both places get the same descriptor. */
int push_layers(struct push *p, struct cfs_err *err)
{
	unsigned n = p->opts->n_threads ? p->opts->n_threads : cfs_pool_count_cpus();
	int rc;

	p->layers = calloc(p->n_layers + 1, sizeof(*p->layers));
	p->order = calloc(p->n_layers + 1, sizeof(*p->order));
	p->sizes = calloc(p->n_layers + 1, sizeof(*p->sizes));
	if (!p->layers || !p->order || !p->sizes)
		return cfs_fail(err, ENOMEM, "out of memory");
	rc = list_layers(p, err);
	if (rc < 0 || p->n_different == 0)
		return rc;
	if (!p->to->is_in_order)
		qsort_r(p->order, p->n_different, sizeof(*p->order), compare_layer_sizes,
			p->sizes);
	rc = cfs_pool_run(n, p->n_different, push_one, p, p->opts->watch, err);
	for (size_t i = 0; rc == 0 && i < p->n_layers; i++)
		p->layers[i] = p->layers[find_first_layer(p, i)];
	return rc;
}
