/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A zstd:chunked layer of which only the missing files are transferred.
 *
 * The archive is rebuilt from tar-split, the files of the repository and ranges of the blob, in
 * one pass, and stored as a whole layer is; its digest is compared with the diff_id. Whatever goes wrong
 * with the source or its bytes, the whole layer is read instead: this way can only save
 * transfers. The digest of the blob is not compared, because not all of it is read. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "containers/chunked_contents.h"
#include "containers/pull_priv.h"

struct chunked_pull {
	struct pull *p;
	unsigned worker;
	struct pull_layer *l;
	struct cfs_chunked_layer parts;
	struct cfs_mem toc_frames, tarsplit_frames; /* compressed */
	struct cfs_chunked_toc toc;
	bool *wanted;
	size_t n_wanted;
	struct cfs_oci_range *ranges;
	size_t n_ranges;
	struct cfs_blob blob; /* that is being read */
	uint64_t bytes_fetched;
	struct cfs_content *contents; /* as they were stored */
	size_t n_contents;
	bool is_local; /* the failure is one of the repository: the whole layer has it too */
};

/* --- transfers ---------------------------------------------------------------------- */

static ssize_t read_counted(void *ctx, void *p, size_t len, struct cfs_err *err)
{
	struct chunked_pull *c = ctx;
	ssize_t n = c->blob.feed.read(c->blob.feed.ctx, p, len, err);

	if (n > 0) {
		c->bytes_fetched += (uint64_t)n;
		pull_count(c->p, c->worker, (uint64_t)n);
	}
	return n;
}

static int open_ranges(struct chunked_pull *c, const struct cfs_oci_range *ranges,
		       size_t n, struct cfs_err *err)
{
	const struct cfs_transport *from = c->p->from;

	return from->ranges(from->ctx, c->l->blob, ranges, n, &c->blob, err);
}

static void close_chunked_blob(struct chunked_pull *c)
{
	if (c->blob.close)
		c->blob.close(c->blob.feed.ctx);
	c->blob = (struct cfs_blob){0};
}

/* Reads one range of the answer into memory. Its length comes from the manifest and is
 * limited there. */
static int read_part(struct chunked_pull *c, uint64_t len, struct cfs_mem *out,
		     struct cfs_err *err)
{
	const struct cfs_feed from = {read_counted, c};
	ssize_t n;

	if (cfs_grow(&out->p, &out->cap, (size_t)len + 1, 1) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	n = cfs_feed_read(&from, out->p, (size_t)len, err);
	if (n < 0)
		return (int)n;
	out->len = (size_t)n;
	return out->len == len ? 0 : cfs_fail(err, EILSEQ, "the ranges end early");
}

static int check_part(const struct cfs_mem *part, const uint8_t expected[CFS_SHA256_LEN],
		      const char *what, struct cfs_err *err)
{
	uint8_t sha256[CFS_SHA256_LEN];
	struct cfs_hash h;

	cfs_hash_init(&h, CFS_SHA256);
	cfs_hash_update(&h, part->p, part->len);
	cfs_hash_final(&h, sha256);
	if (memcmp(sha256, expected, CFS_SHA256_LEN) == 0)
		return 0;
	return cfs_fail(err, EILSEQ, "%s: digest mismatch", what);
}

/* Fetches table of contents and tar-split, in one request for both. The table is
 * checked here, tar-split when the table has its digest. */
static int fetch_metadata(struct chunked_pull *c, struct cfs_err *err)
{
	const struct cfs_oci_range at[] = {c->parts.toc.at, c->parts.tarsplit.at};
	int rc = open_ranges(c, at, 2, err);

	if (rc < 0)
		return rc;
	rc = read_part(c, at[0].len, &c->toc_frames, err);
	if (rc == 0)
		rc = read_part(c, at[1].len, &c->tarsplit_frames, err);
	close_chunked_blob(c);
	return rc < 0 ? rc
		      : check_part(&c->toc_frames, c->parts.toc_sha256,
				   "table of contents", err);
}

/* --- what is missing ---------------------------------------------------------------- */

/* Parses the table of contents, whose digest was checked. It may have the digest of
 * tar-split, which is checked now. */
static int read_toc(struct chunked_pull *c, struct cfs_err *err)
{
	const struct cfs_decompress_opts limits = {.watch = c->p->opts->watch,
						   .max_len = c->parts.toc.plain_len};
	struct cfs_feed_mem from = {cfs_mem_span(&c->toc_frames), 0};
	struct cfs_decompress *d;
	int rc = cfs_decompress_open(cfs_feed_mem(&from), &limits, &d, err);

	if (rc < 0)
		return rc;
	rc = cfs_chunked_toc_parse(cfs_decompress_get_feed(d), c->parts.toc.at.off,
				   &c->toc, err);
	cfs_decompress_close(d);
	free(cfs_steal(&c->toc_frames.p));
	if (rc == 0 && c->toc.has_tarsplit_digest)
		rc = check_part(&c->tarsplit_frames, c->toc.tarsplit_sha256, "tar-split",
				err);
	return rc;
}

/* Whether the index has the content, and its object exists. Every doubt means that it is
 * transferred. */
static bool has_stored_content(const struct chunked_pull *c,
			       const struct cfs_chunked_file *f)
{
	const struct cfs_content *known =
		cfs_content_index_find(&c->p->contents, f->sha256, f->size);
	struct cfs_digest object;
	uint64_t size;

	if (!known || f->size <= CFS_CONTAINERS_INLINE_MAX)
		return known;
	cfs_content_get_object(known, cfs_repo_get_meta(c->p->repo)->alg, &object);
	return cfs_repo_get_object_size(c->p->repo, &object, &size, NULL) > 0 &&
	       size == f->size;
}

/* Decides which files are to be fetched, and by which ranges of the blob. */
static int plan_ranges(struct chunked_pull *c, struct cfs_err *err)
{
	size_t n = c->toc.n_files;

	c->wanted = calloc(n + 1, sizeof(*c->wanted));
	c->contents = calloc(n + 1, sizeof(*c->contents));
	if (!c->wanted || !c->contents)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		c->wanted[i] = !has_stored_content(c, &c->toc.files[i]);
		c->n_wanted += c->wanted[i];
	}
	return cfs_chunked_choose_ranges(&c->toc, c->wanted, CFS_TRANSPORT_RANGES_MAX,
					 &c->ranges, &c->n_ranges, err);
}

/* --- the archive -------------------------------------------------------------------- */

/* Remembers where a content was stored: files of the table and contents have one order. */
static int keep_stored_content(void *ctx, const struct cfs_digest *object, uint64_t len,
			       struct cfs_span bytes, struct cfs_err *err)
{
	struct chunked_pull *c = ctx;
	size_t i = c->n_contents++;
	struct cfs_content *out;

	if (i >= c->toc.n_files || c->toc.files[i].size != len)
		return cfs_fail(err, EILSEQ,
				"table of contents and archive have different files");
	out = &c->contents[i];
	memcpy(out->sha256, c->toc.files[i].sha256, CFS_SHA256_LEN);
	out->size = len;
	if (object)
		memcpy(out->value, object->bytes, cfs_hash_len(object->alg));
	else
		memcpy(out->value, bytes.p, bytes.len);
	return 0;
}

struct rebuild {
	struct cfs_tarsplit_archive archive;
	bool has_failed;
};

/* Distinguishes failures of what is read from failures of what is written. */
static ssize_t read_rebuilt(void *ctx, void *p, size_t len, struct cfs_err *err)
{
	struct rebuild *r = ctx;
	struct cfs_feed from = cfs_tarsplit_feed(&r->archive);
	ssize_t n = from.read(from.ctx, p, len, err);

	r->has_failed |= n < 0;
	return n;
}

/* Writes the layer from the rebuilt archive. Sets is_local, which tells an error of this
 * machine, which ends the pull, from one of the layer, after which the whole blob is
 * fetched. */
static int write_chunked_archive(struct chunked_pull *c, struct cfs_tarsplit *lines,
				 struct chunked_contents *contents,
				 struct cfs_containers_layer *out, struct cfs_err *err)
{
	struct cfs_containers_layer_opts opts = pull_make_layer_opts(c->p, c->worker);
	struct rebuild r = {
		.archive = {.lines = lines, .contents = chunked_contents_get(contents)}};
	int rc;

	opts.expected = c->l->diff_id;
	opts.content = keep_stored_content;
	opts.content_ctx = c;
	rc = cfs_containers_write_layer((struct cfs_feed){read_rebuilt, &r},
					c->l->diff_id->alg, &opts, out, err);
	if (contents->is_reused_wrong)
		atomic_store(&c->p->has_bad_contents, true);
	/* The archive is refused for what it is (see cfs_containers_write_layer), or the
	 * store failed. */
	c->is_local = rc < 0 && !r.has_failed && rc != -EINVAL && rc != -EFBIG &&
		      rc != -ENOTSUP && rc != -EILSEQ;
	return rc < 0 ? rc : chunked_contents_end(contents, err);
}

/* Reads the lines of tar-split and the contents, and stores the layer. */
static int rebuild_layer(struct chunked_pull *c, struct cfs_containers_layer *out,
			 struct cfs_err *err)
{
	const struct cfs_decompress_opts limits = {
		.watch = c->p->opts->watch, .max_len = c->parts.tarsplit.plain_len};
	struct cfs_feed_mem from = {cfs_mem_span(&c->tarsplit_frames), 0};
	struct chunked_contents contents = {.repo = c->p->repo,
					    .toc = &c->toc,
					    .index = &c->p->contents,
					    .wanted = c->wanted,
					    .ranges = c->ranges,
					    .n_ranges = c->n_ranges,
					    .blob = {read_counted, c},
					    .object = {-1, c->p->opts->watch}};
	struct cfs_tarsplit *lines = NULL;
	struct cfs_decompress *d;
	int rc = cfs_decompress_open(cfs_feed_mem(&from), &limits, &d, err);

	if (rc < 0)
		return rc;
	rc = cfs_tarsplit_open(cfs_decompress_get_feed(d), &lines, err);
	if (rc == 0)
		rc = write_chunked_archive(c, lines, &contents, out, err);
	cfs_tarsplit_close(lines);
	chunked_contents_fini(&contents);
	cfs_decompress_close(d);
	return rc;
}

/* Fetches a zstd:chunked layer by ranges. After any failure the caller fetches the
 * whole layer instead. */
static int fetch_layer(struct chunked_pull *c, struct cfs_containers_layer *out,
		       struct cfs_err *err)
{
	int rc = fetch_metadata(c, err);

	if (rc == 0)
		rc = read_toc(c, err);
	if (rc == 0)
		rc = plan_ranges(c, err);
	if (rc == 0 && c->n_ranges)
		rc = open_ranges(c, c->ranges, c->n_ranges, err);
	if (rc == 0)
		rc = rebuild_layer(c, out, err);
	close_chunked_blob(c);
	return rc;
}

/* --- the result --------------------------------------------------------------------- */

static void explain_layer(const struct chunked_pull *c, const char *what)
{
	char digest[CFS_OCI_DIGEST_TEXT_MAX], text[CFS_ERR_MAX + sizeof(digest) + 64];

	if (!c->p->opts->detail)
		return;
	snprintf(text, sizeof(text), "layer %s: %s",
		 cfs_oci_digest_text(&c->l->blob->digest, digest), what);
	c->p->opts->detail(c->p->opts->detail_ctx, text);
}

static void explain_fallback(const struct chunked_pull *c, const struct cfs_err *why)
{
	char text[CFS_ERR_MAX + 64];

	snprintf(text, sizeof(text), "the whole layer is read: %s", why->msg);
	explain_layer(c, text);
}

/* Hands the rebuilt layer over to the pull, and counts what was saved: bytes that no
 * whole download had to bring. */
static void accept_layer(struct chunked_pull *c, const struct cfs_containers_layer *layer)
{
	uint64_t size = c->l->blob->size;
	char text[200];

	c->l->stream = layer->stream;
	c->l->contents = cfs_steal(&c->contents);
	c->l->n_contents = c->n_contents;
	if (c->bytes_fetched < size)
		atomic_fetch_add(&c->p->bytes_saved, size - c->bytes_fetched);
	pull_count(c->p, c->worker, 0);
	snprintf(text, sizeof(text),
		 "%zu of %zu files were missing; %" PRIu64 " of %" PRIu64
		 " bytes were read, in %zu ranges",
		 c->n_wanted, c->toc.n_files, c->bytes_fetched, size, c->n_ranges + 2);
	explain_layer(c, text);
}

static void close_chunked(struct chunked_pull *c)
{
	cfs_chunked_toc_fini(&c->toc);
	free(c->toc_frames.p);
	free(c->tarsplit_frames.p);
	free(c->wanted);
	free(c->ranges);
	free(c->contents);
}

/* Whether the whole layer would fail in the same way. */
static bool is_final(const struct chunked_pull *c, int rc)
{
	return c->is_local || rc == -ENOMEM || cfs_watch_is_cancelled(c->p->opts->watch);
}

/* Returns 1 if the layer is stored, 0 if the caller must fetch the whole blob. What a
 * server says about parts is never trusted more than the diff_id: a wrong part costs
 * time only. */
int pull_chunked(struct pull *p, unsigned worker, struct pull_layer *l,
		 struct cfs_err *err)
{
	struct chunked_pull c = {.p = p, .worker = worker, .l = l};
	struct cfs_containers_layer layer;
	int rc;

	if (!p->from->ranges || p->from->has_plain_layers)
		return 0;
	rc = cfs_chunked_parse_layer(l->blob, &c.parts, err);
	if (rc == 0)
		return 0;
	if (rc > 0)
		rc = fetch_layer(&c, &layer, err);
	if (rc == 0) {
		accept_layer(&c, &layer);
	} else if (!is_final(&c, rc)) {
		explain_fallback(&c, err);
		atomic_fetch_add(&p->bytes_all, c.bytes_fetched);
	}
	close_chunked(&c);
	if (rc == 0)
		return 1;
	return is_final(&c, rc) ? rc : 0;
}
