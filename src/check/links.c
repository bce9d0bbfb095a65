/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Checking streams and images, and the names that lead to them. */
#include "check/check_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "erofs/erofs.h"

enum { PLACE_MAX = 2048 };

static void count(struct check *c, uint64_t *n)
{
	pthread_mutex_lock(&c->lock);
	++*n;
	pthread_mutex_unlock(&c->lock);
}

/* An object that something refers to is not there. */
static int tell_missing(struct check *c, enum cfs_check_fault fault,
			const struct cfs_digest *id, const char *place,
			struct cfs_err *err)
{
	char hex[CFS_DIGEST_HEX_MAX], what[CFS_DIGEST_HEX_MAX + 64];

	count(c, &c->out->n_missing);
	snprintf(what, sizeof(what), "object %s is not there", cfs_digest_hex(id, hex));
	return check_tell(c, fault, id, place, what, err);
}

/* --- links ------------------------------------------------------------------------------- */

/* Tells what is wrong with the link itself. 1: it is good. */
static int check_link(struct check *c, const struct cfs_repo_entry *e, const char *place,
		      struct cfs_err *err)
{
	enum cfs_check_fault fault = CFS_CHECK_STAT;

	if (e->code == 0)
		return 1;
	if (e->code == -EMLINK)
		fault = CFS_CHECK_ENTRY_NO_LINK;
	else if (e->code == -EUCLEAN)
		fault = CFS_CHECK_LINK_TARGET;
	return check_tell(c, fault, NULL, place, e->wrong, err);
}

static const struct cfs_repo_entry *find(const struct cfs_repo_list *l, const char *name)
{
	size_t low = 0, high = l->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int n = strcmp(l->v[mid].name, name);

		if (n == 0)
			return &l->v[mid];
		if (n < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

static int check_ref(struct check *c, enum cfs_repo_kind kind,
		     const struct cfs_repo_entry *e, struct cfs_err *err)
{
	char place[PLACE_MAX];
	struct cfs_err why;
	int rc;

	snprintf(place, sizeof(place), "%s/refs/%s", cfs_repo_kind_dir(kind), e->name);
	rc = check_link(c, e, place, err);
	if (rc <= 0)
		return rc;
	if (cfs_repo_check_ref(cfs_text(e->name), &why) < 0) {
		rc = check_tell(c, CFS_CHECK_REF_NAME, NULL, place, why.msg, err);
		if (rc < 0)
			return rc;
	}
	if (find(&c->entries[kind], e->target))
		return 0;
	count(c, &c->out->n_broken);
	return check_tell(c, CFS_CHECK_LINK_BROKEN, NULL, place,
			  "what it names is not there", err);
}

int check_list(struct check *c, struct cfs_err *err)
{
	int rc = 0;

	for (enum cfs_repo_kind kind = CFS_REPO_IMAGES;
	     rc == 0 && kind <= CFS_REPO_STREAMS; kind++) {
		rc = cfs_repo_list_refs(c->repo, kind, &c->refs[kind], err);
		if (rc == 0)
			rc = cfs_repo_list_entries(c->repo, kind, &c->entries[kind], err);
	}
	return rc;
}

/* Checks the refs of a kind, and begins to count its entries. */
static int check_refs(struct check *c, enum cfs_repo_kind kind, struct cfs_err *err)
{
	int rc = 0;

	atomic_store(&c->n_done, 0);
	for (size_t i = 0; rc == 0 && i < c->refs[kind].n; i++)
		rc = check_ref(c, kind, &c->refs[kind].v[i], err);
	return rc;
}

/* The bytes that an entry leads to. 1: they are there. */
static int map_entry(struct check *c, const struct cfs_repo_entry *e, const char *place,
		     enum cfs_check_fault fault, struct cfs_map *map, struct cfs_err *err)
{
	struct cfs_err why;
	uint64_t size;
	int rc = check_link(c, e, place, err);

	if (rc <= 0)
		return rc;
	if (!check_size(c, &e->id, &size)) {
		count(c, &c->out->n_broken);
		return check_tell(c, CFS_CHECK_LINK_BROKEN, &e->id, place,
				  "its object is not there", err);
	}
	rc = cfs_repo_map_object(c->repo, &e->id, map, &why);
	return rc < 0 ? check_tell(c, fault, &e->id, place, why.msg, err) : 1;
}

/* --- streams ----------------------------------------------------------------------------- */

struct stream_check {
	struct check *c;
	const char *place;
};

/* Sizes are those of the files; what is missing was told already, and is passed over as empty. */
static int skip_data(void *ctx, const void *p, size_t len, struct cfs_err *err)
{
	(void)ctx;
	(void)p;
	(void)len;
	(void)err;
	return 0;
}

static int size_of_object(void *ctx, const struct cfs_digest *id, uint64_t *size,
			  struct cfs_err *err)
{
	struct stream_check *s = ctx;

	if (!check_size(s->c, id, size) || *size == CHECK_NO_SIZE)
		return cfs_fail(err, ENOENT, "an object is not there");
	return 0;
}

static int check_name(void *ctx, struct cfs_text name, const struct cfs_digest *id,
		      struct cfs_err *err)
{
	struct stream_check *s = ctx;
	uint64_t size;

	(void)name;
	if (check_size(s->c, id, &size))
		return 0;
	return tell_missing(s->c, CFS_CHECK_STREAM_NAME, id, s->place, err);
}

static int check_stream_refs(struct stream_check *s, const struct cfs_stream *stream,
			     struct cfs_err *err)
{
	uint64_t size;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < cfs_stream_n_ids(stream, stream->object_refs);
	     i++) {
		struct cfs_digest id = cfs_stream_id(stream, stream->object_refs, i);

		if (!check_size(s->c, &id, &size))
			rc = tell_missing(s->c, CFS_CHECK_STREAM_OBJECT, &id, s->place,
					  err);
	}
	return rc;
}

/* What is wrong with the bytes themselves is told; -ENOENT was told already. */
static int check_stream_bytes(struct stream_check *s, struct cfs_span bytes,
			      struct cfs_err *err)
{
	struct cfs_stream_sink sink = {skip_data, size_of_object, s};
	struct cfs_stream stream;
	struct cfs_err why;
	int rc = cfs_stream_open(bytes, cfs_repo_meta(s->c->repo)->alg, &stream, &why);

	if (rc < 0)
		return check_tell(s->c, CFS_CHECK_STREAM_OPEN, NULL, s->place, why.msg,
				  err);
	rc = check_stream_refs(s, &stream, err);
	if (rc < 0)
		return rc;
	rc = cfs_stream_names(&stream, check_name, s, &why);
	if (rc == 0)
		rc = cfs_stream_read(&stream, &sink, &why);
	if (rc == -ENOMEM)
		return cfs_fail(err, ENOMEM, "out of memory");
	if (rc == 0 || rc == -ENOENT)
		return 0;
	return check_tell(s->c, CFS_CHECK_STREAM_READ, NULL, s->place, why.msg, err);
}

static int check_stream(void *ctx, unsigned worker, size_t i, struct cfs_err *err)
{
	struct check *c = ctx;
	const struct cfs_repo_entry *e = &c->entries[CFS_REPO_STREAMS].v[i];
	char place[PLACE_MAX];
	struct stream_check s = {c, place};
	struct cfs_map map;
	size_t before = c->out->n;
	int cold = check_cold_begin(c, &e->id), rc;

	snprintf(place, sizeof(place), "streams/%s", e->name);
	rc = map_entry(c, e, place, CFS_CHECK_STREAM_OPEN, &map, err);
	if (rc > 0) {
		rc = check_stream_bytes(&s, map.span, err);
		cfs_map_close(&map);
	}
	check_cold_end(cold);
	c->out->n_bad_streams += c->out->n > before;
	check_show(c, worker, "streams", c->entries[CFS_REPO_STREAMS].n);
	return rc;
}

/* One after the other: they are small, and few. */
int check_streams(struct check *c, struct cfs_err *err)
{
	int rc = check_refs(c, CFS_REPO_STREAMS, err);

	c->out->n_streams = c->entries[CFS_REPO_STREAMS].n;
	return rc < 0 ? rc
		      : cfs_pool_run(1, c->entries[CFS_REPO_STREAMS].n, check_stream, c,
				     err);
}

/* --- images ------------------------------------------------------------------------------ */

/* An image under check. */
struct image_check {
	struct check *c;
	const char *place;
	size_t entry; /* its index */
	bool bad;
};

/* Is something wrong with the object of a file? Then it is told later, once for all images. */
static int check_inode(struct image_check *x, const struct cfs_image *im,
		       const struct cfs_walk_entry *e, struct cfs_err *err)
{
	struct check_used used = {
		.image = x->entry, .path = e->path, .fault = CFS_CHECK_OBJECT_SIZE};
	char what[192];
	struct cfs_err why;
	size_t i;

	if (cfs_repo_inode_object(x->c->repo, im, &e->inode, &used.id, &why) < 0) {
		x->bad = true;
		snprintf(what, sizeof(what), "inode %" PRIu64 ": %.120s", e->inode.nid,
			 why.msg);
		return check_tell(x->c, CFS_CHECK_IMAGE_INVALID, NULL, x->place, what,
				  err);
	}
	i = check_find(x->c, &used.id);
	if (i == SIZE_MAX) {
		used.fault = CFS_CHECK_IMAGE_OBJECT;
		snprintf(what, sizeof(what), "the object is not there");
	} else if (x->c->sizes[i] != e->inode.size) {
		snprintf(what, sizeof(what),
			 "an image says %" PRIu64 " bytes, found %" PRIu64, e->inode.size,
			 x->c->sizes[i]);
	} else if (!x->c->is_bad[i]) {
		return 0;
	}
	x->bad = true;
	used.what = what;
	return check_note_use(x->c, &used, err);
}

static int check_inodes(struct image_check *x, const struct cfs_image *im,
			struct cfs_err *err)
{
	static const struct cfs_walk_opts everything;
	cfs_auto_walk struct cfs_walk *walk = NULL;
	const struct cfs_walk_entry *e;
	int rc = cfs_walk_new(im, &everything, &walk, err);

	while (rc >= 0 && (rc = cfs_walk_next(walk, &e, err)) > 0)
		if (e->inode.external && !e->again)
			rc = check_inode(x, im, e, err);
	return rc;
}

/* What is sound and shown otherwise by kernels is a remark: its digest is right, and the writer wanted it so. */
static int check_image_shown(struct image_check *x,
			     const struct cfs_kernel_finding *found, struct cfs_err *err)
{
	struct cfs_err why;

	if (cfs_kernel_fits_all(found, &why) == 0)
		return 0;
	return check_tell(x->c, CFS_CHECK_IMAGE_SHOWN, NULL, x->place, why.msg, err);
}

static int check_image_bytes(struct image_check *x, struct cfs_span bytes,
			     struct cfs_err *err)
{
	struct cfs_kernel_finding found[CFS_KERNEL_N_RULES];
	struct cfs_image im;
	struct cfs_err why;
	int rc = cfs_image_open(bytes, &im, &why);

	if (rc == 0)
		rc = cfs_image_check_kernels(&im, found, &why);
	if (rc == -ENOMEM)
		return cfs_fail(err, ENOMEM, "out of memory");
	if (rc < 0) {
		x->bad = true;
		return check_tell(x->c, CFS_CHECK_IMAGE_INVALID, NULL, x->place, why.msg,
				  err);
	}
	rc = check_inodes(x, &im, err);
	return rc < 0 ? rc : check_image_shown(x, found, err);
}

static int check_image(void *ctx, unsigned worker, size_t i, struct cfs_err *err)
{
	struct check *c = ctx;
	const struct cfs_repo_entry *e = &c->entries[CFS_REPO_IMAGES].v[i];
	char place[PLACE_MAX];
	struct image_check x = {.c = c, .place = place, .entry = i};
	struct cfs_map map;
	int cold = check_cold_begin(c, &e->id), rc;

	snprintf(place, sizeof(place), "images/%s", e->name);
	rc = map_entry(c, e, place, CFS_CHECK_IMAGE_OPEN, &map, err);
	if (rc > 0) {
		rc = check_image_bytes(&x, map.span, err);
		cfs_map_close(&map);
	} else {
		x.bad = true;
	}
	check_cold_end(cold);
	if (x.bad)
		count(c, &c->out->n_bad_images);
	check_show(c, worker, "images", c->entries[CFS_REPO_IMAGES].n);
	return rc;
}

int check_images(struct check *c, struct cfs_err *err)
{
	int rc = check_refs(c, CFS_REPO_IMAGES, err);

	c->out->n_images = c->entries[CFS_REPO_IMAGES].n;
	return rc < 0 ? rc
		      : cfs_pool_run(check_threads(c), c->entries[CFS_REPO_IMAGES].n,
				     check_image, c, err);
}
