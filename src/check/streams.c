/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Checking streams. */
#include <errno.h>
#include <stdio.h>

#include "check/check_priv.h"
#include "hash/hash.h"

struct stream_check {
	struct check *c;
	const char *place;
	bool is_document;	  /* its bytes have a digest, which its name has */
	struct cfs_digest digest; /* of a document */
	struct cfs_hash hash;	  /* of its bytes */
};

/* A manifest, a configuration or an index: "oci-manifest-sha256:HEX". Their links could be exchanged
 * without a trace in the objects. Layers are large: "composefs oci fsck" compares them. */
static bool parse_document_name(const char *name, struct cfs_digest *out)
{
	struct cfs_text rest = cfs_text(name);

	if (!cfs_text_skip_prefix(&rest, CFS_TEXT("oci-manifest-")) &&
	    !cfs_text_skip_prefix(&rest, CFS_TEXT("oci-config-")) &&
	    !cfs_text_skip_prefix(&rest, CFS_TEXT("oci-index-")))
		return false;
	return cfs_digest_parse(rest, out, NULL) == 0;
}

/* The data of other streams is only counted. */
static int add_data(void *ctx, const void *p, size_t len, struct cfs_err *err)
{
	struct stream_check *s = ctx;

	if (s->is_document)
		cfs_hash_update(&s->hash, p, len);
	return cfs_watch_poll(s->c->opts->watch, err);
}

/* The object itself is compared with its ID elsewhere. */
static int add_stream_object(struct stream_check *s, const struct cfs_digest *id,
			     struct cfs_err *err)
{
	cfs_autofd int fd = cfs_repo_open_object(s->c->repo, id, CFS_REPO_SEALED, err);
	struct cfs_map map;
	int rc = fd < 0 ? fd : cfs_map_stable(fd, &map, err);

	if (rc < 0)
		return rc;
	cfs_hash_update(&s->hash, map.span.p, map.span.len);
	cfs_map_close(&map);
	return 0;
}

static int get_object_size(void *ctx, const struct cfs_digest *id, uint64_t *size,
			   struct cfs_err *err)
{
	struct stream_check *s = ctx;
	int rc = cfs_watch_poll(s->c->opts->watch, err);

	if (rc < 0)
		return rc;
	if (!check_get_size(s->c, id, size) || *size == CHECK_NO_SIZE)
		return cfs_fail(err, ENOENT, "an object does not exist");
	return s->is_document ? add_stream_object(s, id, err) : 0;
}

/* Manifests and configurations are named by the digest of their bytes, which is
 * compared here. What differs is a finding, no error. */
static int check_stream_digest(struct stream_check *s, struct cfs_err *err)
{
	struct cfs_digest got = {.alg = s->digest.alg};
	char what[2 * CFS_DIGEST_TEXT_MAX + 64], text[CFS_DIGEST_TEXT_MAX];

	if (!s->is_document)
		return 0;
	cfs_hash_final(&s->hash, got.bytes);
	if (cfs_digest_eq(&got, &s->digest))
		return 0;
	snprintf(what, sizeof(what), "its bytes have the digest %s",
		 cfs_digest_text(&got, text));
	return check_add_finding(s->c, CFS_CHECK_STREAM_DIGEST, NULL, s->place, what,
				 err);
}

/* A callback for each stream that a manifest or an index names: one that is missing is
 * a finding. */
static int check_stream_name(void *ctx, struct cfs_text name, const struct cfs_digest *id,
			     struct cfs_err *err)
{
	struct stream_check *s = ctx;
	uint64_t size;
	int rc = cfs_watch_poll(s->c->opts->watch, err);

	(void)name;
	if (rc < 0)
		return rc;
	if (check_get_size(s->c, id, &size))
		return 0;
	return check_add_missing(s->c, CFS_CHECK_STREAM_NAME, id, s->place, err);
}

/* Each object that a stream needs must exist; its content is checked with the objects. */
static int check_stream_refs(struct stream_check *s, const struct cfs_stream *stream,
			     struct cfs_err *err)
{
	uint64_t size;
	int rc = 0;

	for (size_t i = 0;
	     rc == 0 && i < cfs_stream_count_ids(stream, stream->object_refs); i++) {
		struct cfs_digest id = cfs_stream_get_id(stream, stream->object_refs, i);

		rc = cfs_watch_poll(s->c->opts->watch, err);
		if (rc == 0 && !check_get_size(s->c, &id, &size))
			rc = check_add_missing(s->c, CFS_CHECK_STREAM_OBJECT, &id,
					       s->place, err);
	}
	return rc;
}

/* -ENOENT: a missing object, which was reported already. */
static int check_stream_bytes(struct stream_check *s, struct cfs_span bytes,
			      struct cfs_err *err)
{
	struct cfs_stream_sink sink = {add_data, get_object_size, s};
	struct cfs_stream stream;
	struct cfs_err why;
	int rc =
		cfs_stream_open(bytes, cfs_repo_get_meta(s->c->repo)->alg, &stream, &why);

	if (rc < 0)
		return check_add_finding(s->c, CFS_CHECK_STREAM_OPEN, NULL, s->place,
					 why.msg, err);
	rc = check_stream_refs(s, &stream, err);
	if (rc < 0)
		return rc;
	rc = cfs_stream_visit_names(&stream, check_stream_name, s, &why);
	if (rc == 0)
		rc = cfs_stream_read(&stream, &sink, &why);
	if (rc == -ENOMEM)
		return cfs_fail(err, ENOMEM, "out of memory");
	if (rc == -ECANCELED)
		return cfs_watch_poll(s->c->opts->watch, err);
	if (rc == 0)
		return check_stream_digest(s, err);
	if (rc == -ENOENT)
		return 0;
	return check_add_finding(s->c, CFS_CHECK_STREAM_READ, NULL, s->place, why.msg,
				 err);
}

/* One item of the pool. The digest in the name of a document is computed from its bytes
 * as they pass. A damaged stream is a finding and no error. */
static int check_stream(void *ctx, unsigned worker, size_t i, struct cfs_err *err)
{
	struct check *c = ctx;
	const struct cfs_repo_entry *e = &c->entries[CFS_REPO_STREAMS].v[i];
	char place[CHECK_PLACE_MAX];
	struct stream_check s = {.c = c, .place = place};
	struct cfs_map map;
	size_t before = c->out->n;
	int cold = check_cold_begin(c, &e->id), rc;

	snprintf(place, sizeof(place), "streams/%s", e->name);
	s.is_document = parse_document_name(e->name, &s.digest);
	if (s.is_document)
		cfs_hash_init(&s.hash, s.digest.alg);
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
