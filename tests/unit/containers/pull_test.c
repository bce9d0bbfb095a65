/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A pull from a source in memory, whose blobs are never read beyond their end or an error. */
#include "containers/pull.h"

#include "../tar/archive.h"
#include "repo/repo.h"
#include "t.h"
#include "tmpdir.h"

static struct cfs_err err;

/* A source of one layer. */
struct source {
	char manifest[1024], config[512];
	struct cfs_span layer;
	size_t fail_at; /* the read of the blob from this byte on fails with -EINVAL; 0: none */
	/* of the blob that is read */
	struct cfs_span blob;
	size_t fail_now, off;
	bool has_ended;
};

static ssize_t read_blob(void *ctx, void *p, size_t len, struct cfs_err *e)
{
	struct source *s = ctx;
	size_t left = (s->fail_now ? s->fail_now : s->blob.len) - s->off;

	t_ok(!s->has_ended);
	s->has_ended = left == 0;
	if (left == 0 && s->fail_now)
		return cfs_fail(e, EINVAL, "the source is broken");
	len = len < left ? len : left;
	memcpy(p, s->blob.p + s->off, len);
	s->off += len;
	return (ssize_t)len;
}

static void close_blob(void *ctx)
{
	(void)ctx;
}

static int open_blob(void *ctx, const struct cfs_oci_descriptor *d, struct cfs_blob *out,
		     struct cfs_err *e)
{
	struct source *s = ctx;
	bool is_config = strstr(d->media_type, "config") != NULL;

	(void)e;
	s->blob = is_config ? (struct cfs_span){(uint8_t *)s->config, strlen(s->config)}
			    : s->layer;
	s->fail_now = is_config ? 0 : s->fail_at;
	s->off = 0;
	s->has_ended = false;
	*out = (struct cfs_blob){{read_blob, s}, close_blob};
	return 0;
}

static int read_manifest(void *ctx, const struct cfs_oci_digest *digest,
			 struct cfs_transport_document *out, struct cfs_err *e)
{
	struct source *s = ctx;

	(void)digest;
	(void)e;
	*out = (struct cfs_transport_document){0};
	add_bytes(&out->bytes, s->manifest, strlen(s->manifest));
	return 0;
}

static const char *digest_of(struct cfs_span bytes, char text[CFS_OCI_DIGEST_TEXT_MAX])
{
	struct cfs_oci_digest d;

	cfs_oci_digest_of(CFS_SHA256, bytes, &d);
	return cfs_oci_digest_text(&d, text);
}

/* layer: what is transferred; diff_id, blob: of which the digests are announced. */
static void make_source(struct source *s, struct cfs_span layer, struct cfs_span blob,
			struct cfs_span diff_id)
{
	char text[CFS_OCI_DIGEST_TEXT_MAX], of_config[CFS_OCI_DIGEST_TEXT_MAX];

	*s = (struct source){.layer = layer};
	snprintf(s->config, sizeof(s->config),
		 "{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{\"type\":"
		 "\"layers\",\"diff_ids\":[\"%s\"]}}",
		 digest_of(diff_id, text));
	digest_of((struct cfs_span){(uint8_t *)s->config, strlen(s->config)}, of_config);
	snprintf(s->manifest, sizeof(s->manifest),
		 "{\"schemaVersion\":2,\"mediaType\":"
		 "\"application/"
		 "vnd.oci.image.manifest.v1+json\",\"config\":{\"mediaType\":"
		 "\"application/"
		 "vnd.oci.image.config.v1+json\",\"digest\":\"%s\",\"size\":%zu},"
		 "\"layers\":[{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\","
		 "\"digest\":\"%s\",\"size\":%zu}]}",
		 of_config, strlen(s->config), digest_of(blob, text), blob.len);
}

static int pull(struct source *s)
{
	const struct cfs_repo_init init = {.meta = {.alg = CFS_SHA256, .format = 1},
					   .insecure = true};
	const struct cfs_transport from = {
		.document = read_manifest, .blob = open_blob, .ctx = s};
	const struct cfs_pull_opts opts = {
		.platform = &(struct cfs_oci_platform){"linux", "amd64", NULL},
		.n_threads = 1};
	struct cfs_pull_result result;
	struct cfs_repo *repo;
	int rc;

	tmp_fresh();
	t_eq(cfs_repo_make(tmp_in("r"), &init, &err), 0);
	t_eq(cfs_repo_open(tmp_in("r"), CFS_REPO_WRITE, &repo, &err), 0);
	rc = cfs_containers_pull(repo, &from, &opts, &result, &err);
	cfs_repo_close(repo);
	return rc;
}

static void make_layer(struct cfs_mem *out, const char *rest)
{
	*out = (struct cfs_mem){0};
	add_header(out, &(struct header){.name = "usr/", .type = '5'});
	add_file(out, "usr/file", "content");
	if (*rest)
		add_bytes(out, rest, strlen(rest));
	add_padding(out);
	add_end(out);
}

T(pull_reads_a_blob_to_its_end_once)
{
	struct source s;
	struct cfs_mem layer;

	make_layer(&layer, "");
	make_source(&s, cfs_mem_span(&layer), cfs_mem_span(&layer), cfs_mem_span(&layer));
	t_eq(pull(&s), 0);
	t_ok(s.has_ended);
	free(layer.p);
}

T(pull_reports_a_wrong_digest_rather_than_the_archive)
{
	struct source s;
	struct cfs_mem layer, other;

	make_layer(&layer, "no header");
	make_layer(&other, "another 1");
	make_source(&s, cfs_mem_span(&layer), cfs_mem_span(&other), cfs_mem_span(&layer));
	t_eq(pull(&s), -EILSEQ);
	t_has(err.msg, "digest");
	t_ok(s.has_ended);
	make_source(&s, cfs_mem_span(&layer), cfs_mem_span(&layer), cfs_mem_span(&layer));
	t_eq(pull(&s), -EINVAL);
	free(layer.p);
	free(other.p);
}

T(pull_reports_a_broken_source_and_reads_no_more_of_it)
{
	struct source s;
	struct cfs_mem layer;

	make_layer(&layer, "");
	make_source(&s, cfs_mem_span(&layer), cfs_mem_span(&layer), cfs_mem_span(&layer));
	for (s.fail_at = 1; s.fail_at < layer.len; s.fail_at += 100) {
		t_eq(pull(&s), -EINVAL);
		t_has(err.msg, "the source is broken");
		t_ok(s.has_ended);
	}
	free(layer.p);
}

T(pull_stops_at_the_size_of_the_blob)
{
	enum { MORE = 16 << 20 };
	struct source s;
	struct cfs_mem layer;
	size_t len;

	make_layer(&layer, "");
	len = layer.len;
	make_source(&s, cfs_mem_span(&layer), cfs_mem_span(&layer), cfs_mem_span(&layer));
	t_eq(cfs_grow(&layer.p, &layer.cap, len + MORE, 1), 0);
	memset(layer.p + len, 0, MORE);
	s.layer = (struct cfs_span){layer.p, len + MORE};
	t_eq(pull(&s), -EILSEQ);
	t_has(err.msg, "got more");
	t_ok(s.off < MORE / 2);
	free(layer.p);
}

T(pull_refuses_a_layer_that_is_no_archive_by_its_type)
{
	struct source s;
	struct cfs_mem layer;

	make_layer(&layer, "");
	make_source(&s, cfs_mem_span(&layer), cfs_mem_span(&layer), cfs_mem_span(&layer));
	memcpy(strstr(s.manifest, "layer.v1.tar"), "layer.v1.txt", 12);
	t_eq(pull(&s), -ENOTSUP);
	t_has(err.msg, "expected the media type of an archive");
	t_eq(s.off, strlen(s.config));
	free(layer.p);
}
