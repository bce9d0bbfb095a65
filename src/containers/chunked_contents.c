/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Contents from the repository and from ranges of a blob. */
#include "containers/chunked_contents.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "repo/repo.h"

/* --- the blob ----------------------------------------------------------------------- */

/* Reads from the current range; 0 only at the end of the feed, which is too early. */
static ssize_t read_range(struct chunked_contents *c, void *p, size_t len,
			  struct cfs_err *err)
{
	const struct cfs_oci_range *r = &c->ranges[c->i_range];
	uint64_t left = r->len - c->range_done;
	ssize_t n = c->blob.read(c->blob.ctx, p, len < left ? len : (size_t)left, err);

	if (n == 0)
		return cfs_fail(err, EILSEQ, "the ranges end early");
	if (n < 0)
		return n;
	c->range_done += (uint64_t)n;
	return n;
}

/* Drops bytes up to an offset of the blob, which a range has. */
static int skip_to(struct chunked_contents *c, uint64_t off, struct cfs_err *err)
{
	uint8_t drop[4096];

	for (;;) {
		const struct cfs_oci_range *r = c->ranges + c->i_range;
		uint64_t at, left;
		ssize_t n;

		if (c->i_range >= c->n_ranges)
			return cfs_fail(err, EILSEQ, "no range has the file");
		at = r->off + c->range_done;
		left = r->len - c->range_done;
		if (at == off && left)
			return 0;
		if (left == 0) {
			c->i_range++;
			c->range_done = 0;
			continue;
		}
		left = off > at && off - at < left ? off - at : left;
		n = read_range(c, drop, left < sizeof(drop) ? (size_t)left : sizeof(drop),
			       err);
		if (n < 0)
			return (int)n;
	}
}

/* The compressed bytes of one file, as a feed. */
static ssize_t read_frames(void *ctx, void *p, size_t len, struct cfs_err *err)
{
	struct chunked_contents *c = ctx;
	ssize_t n;

	if (c->frames_left == 0)
		return 0;
	n = read_range(c, p, len < c->frames_left ? len : (size_t)c->frames_left, err);
	if (n > 0)
		c->frames_left -= (uint64_t)n;
	return n;
}

static int begin_frames(struct chunked_contents *c, struct cfs_err *err)
{
	int rc = skip_to(c, c->file->off, err);

	if (rc < 0)
		return rc;
	c->frames_left = c->file->end - c->file->off;
	c->limits = (struct cfs_decompress_opts){.watch = c->object.watch,
						 .max_len = c->file->size};
	return cfs_decompress_open((struct cfs_feed){read_frames, c}, &c->limits,
				   &c->frames, err);
}

/* --- the repository ----------------------------------------------------------------- */

/* Opens what the store already has. The index is only a hint, so the bytes are hashed
 * as they are read. */
static int begin_reused(struct chunked_contents *c, struct cfs_err *err)
{
	const struct cfs_content *known =
		cfs_content_index_find(c->index, c->file->sha256, c->file->size);
	struct cfs_digest id;

	if (!known)
		return cfs_fail(err, EILSEQ, "the content is not in the index");
	if (c->file->size <= CFS_CONTAINERS_INLINE_MAX) {
		c->small = (struct cfs_span){known->value, (size_t)c->file->size};
		return 0;
	}
	cfs_content_get_object(known, cfs_repo_get_meta(c->repo)->alg, &id);
	c->object.fd = cfs_repo_open_object(c->repo, &id, CFS_REPO_SEALED, err);
	return c->object.fd < 0 ? c->object.fd : 0;
}

static ssize_t read_small_content(struct chunked_contents *c, void *p, size_t len)
{
	size_t n = len < c->small.len ? len : c->small.len;

	if (n)
		memcpy(p, c->small.p, n);
	(void)cfs_span_sub(c->small, n, c->small.len - n, &c->small);
	return (ssize_t)n;
}

/* --- one file after the other ------------------------------------------------------- */

static void end_chunked_file(struct chunked_contents *c)
{
	cfs_decompress_close(cfs_steal(&c->frames));
	if (c->object.fd >= 0)
		close(cfs_steal_fd(&c->object.fd));
	c->small = (struct cfs_span){0};
}

/* Callback of the tar-split reader: the next file. Its content comes from a range that
 * is fetched, or from an object that the store has. */
static int begin_chunked_file(void *ctx, const struct cfs_tarsplit_entry *file,
			      struct cfs_err *err)
{
	struct chunked_contents *c = ctx;
	size_t i = c->n_begun++;

	end_chunked_file(c);
	if (i >= c->toc->n_files || c->toc->files[i].size != file->size)
		return cfs_fail(err, EILSEQ,
				"table of contents and tar-split have different files");
	c->file = &c->toc->files[i];
	cfs_hash_init(&c->hash, CFS_SHA256);
	return c->wanted[i] ? begin_frames(c, err) : begin_reused(c, err);
}

static int check_chunked_file(struct chunked_contents *c, struct cfs_err *err)
{
	uint8_t sha256[CFS_SHA256_LEN];

	cfs_hash_final(&c->hash, sha256);
	if (memcmp(sha256, c->file->sha256, CFS_SHA256_LEN) == 0)
		return 0;
	c->is_reused_wrong |= !c->frames;
	return cfs_fail(err, EILSEQ, "file %zu: expected the digest from %s, got another",
			c->n_begun - 1,
			c->frames ? "the table of contents" : "the content index");
}

/* Feed of the current file's content, whatever it comes from, with its digest checked
 * at the end. */
static ssize_t read_chunked_file(void *ctx, void *p, size_t len, struct cfs_err *err)
{
	struct chunked_contents *c = ctx;
	struct cfs_feed from = {0};
	ssize_t n;

	if (c->frames)
		from = cfs_decompress_get_feed(c->frames);
	else if (c->object.fd >= 0)
		from = cfs_feed_watched_fd(&c->object);
	n = from.read ? from.read(from.ctx, p, len, err) : read_small_content(c, p, len);
	if (n > 0)
		cfs_hash_update(&c->hash, p, (size_t)n);
	return n == 0 ? check_chunked_file(c, err) : n;
}

struct cfs_tarsplit_contents chunked_contents_get(struct chunked_contents *c)
{
	return (struct cfs_tarsplit_contents){begin_chunked_file, read_chunked_file, c};
}

int chunked_contents_end(const struct chunked_contents *c, struct cfs_err *err)
{
	if (c->n_begun != c->toc->n_files)
		return cfs_fail(err, EILSEQ,
				"table of contents and tar-split have different files");
	return 0;
}

void chunked_contents_fini(struct chunked_contents *c)
{
	end_chunked_file(c);
}
