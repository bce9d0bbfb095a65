/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A split stream as an archive: inline data are fed to the tar reader, and the content of an
 * entry is taken as a reference to its object without reading it. */
#include "containers/layer_read.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>

#include "containers/layer_write.h"
#include "containers/names.h"
#include "containers/piece_reader.h"
#include "repo/repo.h"

struct layer_reader {
	struct cfs_piece_reader pieces;
	struct cfs_watch watch; /* cancellation: warnings were given when it was stored */
	bool reads_objects;	/* of a sparse file: its stored bytes are needed */
	struct cfs_tar *tar;
};

/* --- feeding ------------------------------------------------------------------------ */

/* The end of an object is not the end of the archive: go on with the next piece. */
static ssize_t read_archive_bytes(void *ctx, void *p, size_t len, struct cfs_err *err)
{
	struct layer_reader *l = ctx;
	struct cfs_piece_reader *r = &l->pieces;

	for (;;) {
		ssize_t n = cfs_piece_reader_need(r, err);

		if (n < 0 || r->piece.kind == CFS_STREAM_END)
			return n;
		if (r->piece.kind == CFS_STREAM_OBJECT && !l->reads_objects &&
		    r->object.fd < 0)
			return cfs_fail(err, EUCLEAN,
					"expected inline data, got a reference");
		n = cfs_piece_reader_read(r, p, len, err);
		if (n != 0)
			return n;
	}
}

/* --- contents ----------------------------------------------------------------------- */

/* An inode with its content, and the memory for it. */
struct filled {
	struct cfs_inode_spec inode;
	struct cfs_digest digest;
	char path[CFS_OBJECT_PATH_MAX];
	struct cfs_mem content;
};

static void set_object(struct filled *f, const struct cfs_digest *id)
{
	f->digest = *id;
	f->inode.digest = f->digest.bytes;
	f->inode.payload = cfs_text(cfs_digest_path(&f->digest, f->path));
}

/* A stream that was not written here can refer to any object: the size of the entry is that of
 * the file in an image. */
static int check_object_ref(const struct cfs_repo *repo, const struct cfs_digest *id,
			    uint64_t expected, struct cfs_err *err)
{
	char text[CFS_DIGEST_TEXT_MAX];
	uint64_t size = 0;
	int rc = cfs_repo_get_object_size(repo, id, &size, err);

	if (rc < 0)
		return rc;
	if (rc == 0)
		return cfs_fail(err, EUCLEAN, "object %s is missing",
				cfs_digest_text(id, text));
	if (size != expected)
		return cfs_fail(err, EUCLEAN,
				"object %s: expected %" PRIu64 " bytes, got %" PRIu64,
				cfs_digest_text(id, text), expected, size);
	return 0;
}

/* Takes the reference for the content of the entry. */
static int take_object(struct layer_reader *r, const struct cfs_tar_entry *e,
		       struct filled *f, struct cfs_err *err)
{
	int rc = cfs_piece_reader_need(&r->pieces, err);

	if (rc < 0)
		return rc;
	if (r->pieces.piece.kind != CFS_STREAM_OBJECT)
		return cfs_fail(err, EUCLEAN, "expected a reference, got inline data");
	rc = check_object_ref(r->pieces.repo, &r->pieces.piece.object, e->stored_len,
			      err);
	if (rc < 0)
		return rc;
	set_object(f, &r->pieces.piece.object);
	cfs_piece_reader_skip(&r->pieces);
	rc = cfs_stream_add_object_size(r->pieces.cursor, e->stored_len, err);
	return rc < 0 ? rc : cfs_tar_take_content(r->tar, err);
}

static int take_inline_content(struct layer_reader *r, struct filled *f,
			       struct cfs_err *err)
{
	int rc;

	f->content.len = 0;
	rc = cfs_tar_copy(r->tar, cfs_sink_mem(&f->content), NULL, err);
	f->inode.content = cfs_mem_span(&f->content);
	return rc;
}

/* The expanded file is an object that the archive does not have: compute its digest again. */
static int take_sparse(struct layer_reader *r, const struct cfs_tar_entry *e,
		       struct filled *f, struct cfs_err *err)
{
	struct cfs_verity *v;
	struct cfs_digest id;
	int rc;

	r->reads_objects = true;
	if (e->inode.size <= CFS_CONTAINERS_INLINE_MAX) {
		rc = take_inline_content(r, f, err);
	} else {
		rc = cfs_verity_new(cfs_repo_get_meta(r->pieces.repo)->alg, &v);
		if (rc < 0)
			return cfs_fail(err, ENOMEM, "out of memory");
		rc = cfs_tar_copy(r->tar, cfs_verity_get_sink(v), NULL, err);
		cfs_verity_final(v, &id);
		cfs_verity_free(v);
		if (rc == 0)
			rc = check_object_ref(r->pieces.repo, &id, e->inode.size, err);
		set_object(f, &id);
	}
	/* Up to a block of padding can follow; it is inline again. */
	r->reads_objects = false;
	return rc;
}

static int fill_inode(struct layer_reader *r, const struct cfs_tar_entry *e,
		      struct filled *f, struct cfs_err *err)
{
	f->inode = e->inode;
	if (e->is_link || !S_ISREG(e->inode.mode) || e->inode.size == 0)
		return 0;
	if (e->is_sparse)
		return take_sparse(r, e, f, err);
	return e->stored_len > CFS_CONTAINERS_INLINE_MAX ? take_object(r, e, f, err)
							 : take_inline_content(r, f, err);
}

/* --- entries ------------------------------------------------------------------------ */

/* Skips the content. The objects of a sparse file are read and dropped. */
static int skip_content(struct layer_reader *r, const struct cfs_tar_entry *e,
			struct filled *f, struct cfs_err *err)
{
	if (e->stored_len > CFS_CONTAINERS_INLINE_MAX && !e->is_sparse && !e->is_link)
		return take_object(r, e, f, err);
	r->reads_objects = e->is_sparse;
	return 0;
}

/* Calls fn for each entry. Without contents, objects are not read, which makes listing
 * fast. */
static int read_layer_entries(struct layer_reader *r, bool contents,
			      cfs_containers_entry_fn fn, void *ctx, struct cfs_err *err)
{
	struct filled f = {0};
	const struct cfs_tar_entry *e;
	int rc;

	while ((rc = cfs_tar_next(r->tar, &e, err)) > 0) {
		r->reads_objects = false;
		rc = contents ? fill_inode(r, e, &f, err) : skip_content(r, e, &f, err);
		if (rc == 0)
			rc = fn(ctx, e, contents ? &f.inode : NULL, err);
		if (rc < 0)
			break;
	}
	free(f.content.p);
	return rc;
}

/* Reads the archive of a layer through the tar reader, which gets zeros in the place
 * of objects that were not asked for. */
static int read_layer_stream(struct layer_reader *r, const struct cfs_stream *s,
			     bool contents, cfs_containers_entry_fn fn, void *ctx,
			     struct cfs_err *err)
{
	struct cfs_tar_opts opts = {.watch = &r->watch};
	int rc = cfs_stream_cursor_new(s, &r->pieces.cursor, err);

	if (rc == 0)
		rc = cfs_tar_open((struct cfs_feed){read_archive_bytes, r}, &opts,
				  &r->tar, err);
	if (rc == 0)
		rc = read_layer_entries(r, contents, fn, ctx, err);
	cfs_tar_close(r->tar);
	cfs_stream_cursor_free(r->pieces.cursor);
	cfs_piece_reader_fini(&r->pieces);
	return rc;
}

/* The archive is read from the stream and the objects again, so that fn gets entries as
 * from a tar file. Progress is not shown: only cancelling is passed on. */
int cfs_containers_read_layer(const struct cfs_repo *repo,
			      const struct cfs_oci_digest *diff_id, bool contents,
			      cfs_containers_entry_fn fn, void *ctx,
			      const struct cfs_watch *watch, struct cfs_err *err)
{
	struct layer_reader r = {.pieces = {.repo = repo, .object = {.fd = -1}}};
	char name[CFS_CONTAINERS_STREAM_MAX];
	struct cfs_stream s;
	struct cfs_map map;
	int rc;

	if (watch)
		r.watch.cancelled = watch->cancelled;
	cfs_containers_format_stream_name(CFS_CONTAINERS_LAYER, diff_id, name);
	rc = cfs_repo_open_stream(repo, name, &map, &s, err);
	if (rc < 0)
		return rc;
	if (strcmp(s.type, CFS_CONTAINERS_TYPE_LAYER) != 0)
		rc = cfs_fail(err, EUCLEAN, "expected a layer, got a stream of type %s",
			      s.type);
	else
		rc = read_layer_stream(&r, &s, contents, fn, ctx, err);
	cfs_map_close(&map);
	return cfs_context(err, rc, "%s", name);
}
