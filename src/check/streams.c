/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Checking streams. */
#include <errno.h>
#include <stdio.h>

#include "check/check_priv.h"

struct stream_check {
	struct check *c;
	const char *place;
};

/* Data is only counted. */
static int skip_data(void *ctx, const void *p, size_t len, struct cfs_err *err)
{
	(void)ctx;
	(void)p;
	(void)len;
	(void)err;
	return 0;
}

static int get_object_size(void *ctx, const struct cfs_digest *id, uint64_t *size,
			   struct cfs_err *err)
{
	struct stream_check *s = ctx;

	if (!check_get_size(s->c, id, size) || *size == CHECK_NO_SIZE)
		return cfs_fail(err, ENOENT, "an object does not exist");
	return 0;
}

static int check_name(void *ctx, struct cfs_text name, const struct cfs_digest *id,
		      struct cfs_err *err)
{
	struct stream_check *s = ctx;
	uint64_t size;

	(void)name;
	if (check_get_size(s->c, id, &size))
		return 0;
	return check_add_missing(s->c, CFS_CHECK_STREAM_NAME, id, s->place, err);
}

static int check_stream_refs(struct stream_check *s, const struct cfs_stream *stream,
			     struct cfs_err *err)
{
	uint64_t size;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < cfs_stream_n_ids(stream, stream->object_refs);
	     i++) {
		struct cfs_digest id = cfs_stream_id(stream, stream->object_refs, i);

		if (!check_get_size(s->c, &id, &size))
			rc = check_add_missing(s->c, CFS_CHECK_STREAM_OBJECT, &id,
					       s->place, err);
	}
	return rc;
}

/* -ENOENT: a missing object, which was reported already. */
static int check_stream_bytes(struct stream_check *s, struct cfs_span bytes,
			      struct cfs_err *err)
{
	struct cfs_stream_sink sink = {skip_data, get_object_size, s};
	struct cfs_stream stream;
	struct cfs_err why;
	int rc = cfs_stream_open(bytes, cfs_repo_meta(s->c->repo)->alg, &stream, &why);

	if (rc < 0)
		return check_add_finding(s->c, CFS_CHECK_STREAM_OPEN, NULL, s->place,
					 why.msg, err);
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
	return check_add_finding(s->c, CFS_CHECK_STREAM_READ, NULL, s->place, why.msg,
				 err);
}

static int check_stream(void *ctx, unsigned worker, size_t i, struct cfs_err *err)
{
	struct check *c = ctx;
	const struct cfs_repo_entry *e = &c->entries[CFS_REPO_STREAMS].v[i];
	char place[CHECK_PLACE_MAX];
	struct stream_check s = {c, place};
	struct cfs_map map;
	size_t before = c->out->n;
	int cold = check_cold_begin(c, &e->id), rc;

	snprintf(place, sizeof(place), "streams/%s", e->name);
	rc = check_map_entry(c, e, place, CFS_CHECK_STREAM_OPEN, &map, err);
	if (rc > 0) {
		rc = check_stream_bytes(&s, map.span, err);
		cfs_map_close(&map);
	}
	check_cold_end(cold);
	c->out->n_bad_streams += c->out->n > before;
	check_show_progress(c, worker, "streams", c->entries[CFS_REPO_STREAMS].n);
	return rc;
}

/* With one thread: streams are small and few. */
int check_streams(struct check *c, struct cfs_err *err)
{
	int rc = check_all_refs(c, CFS_REPO_STREAMS, err);

	c->out->n_streams = c->entries[CFS_REPO_STREAMS].n;
	return rc < 0 ? rc
		      : cfs_pool_run(1, c->entries[CFS_REPO_STREAMS].n, check_stream, c,
				     c->opts->watch, err);
}
