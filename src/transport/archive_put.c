/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Archives as destinations of container images: OCI layouts in a tar archive, and the form of
 * "docker save". The same image becomes the same bytes. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "tar/tar.h"
#include "transport/layout_priv.h"
#include "transport/place.h"

enum { COPY_LEN = 128 * 1024 };

struct archive_out {
	struct cfs_replace file;
	struct cfs_watched_fd to;
	struct cfs_tar_writer *tar;
	char *name; /* a tag, or the reference of docker; NULL: none */
	/* Writes what refers to the blobs: the last members. */
	int (*write_index)(struct archive_out *a, struct cfs_span json,
			   const struct cfs_oci_descriptor *d, struct cfs_err *err);
	void (*path_of)(const struct cfs_oci_descriptor *d, char out[LAYOUT_PATH_MAX]);
};

static void close_archive(void *ctx)
{
	struct archive_out *a = ctx;

	cfs_tar_writer_free(a->tar);
	cfs_replace_abort(&a->file);
	free(a->name);
	free(a);
}

/* --- members ------------------------------------------------------------------------ */

static int begin_member(struct archive_out *a, const char *path, uint64_t size,
			struct cfs_err *err)
{
	struct cfs_tar_entry e = {
		.path = cfs_text(path),
		.inode = {.mode = S_IFREG | 0644, .nlink = 1, .size = size},
	};

	return cfs_tar_write_entry(a->tar, &e, err);
}

static int put_archive_text(struct archive_out *a, const char *path, struct cfs_span text,
			    struct cfs_err *err)
{
	int rc = begin_member(a, path, text.len, err);

	return rc < 0 ? rc : cfs_tar_write_content(a->tar, text.p, text.len, err);
}

/* The bytes are compared once more as they are written. */
static int copy_archive_blob(struct archive_out *a, int fd,
			     const struct cfs_oci_descriptor *d, struct cfs_err *err)
{
	cfs_autofree uint8_t *buf = malloc(COPY_LEN);
	struct cfs_oci_digest actual = {.alg = d->digest.alg};
	struct cfs_hash h;
	uint64_t off = 0;
	ssize_t n;

	if (!buf)
		return cfs_fail(err, ENOMEM, "out of memory");
	cfs_hash_init(&h, d->digest.alg);
	for (; (n = cfs_io_pread(fd, buf, COPY_LEN, off, err)) > 0; off += (uint64_t)n) {
		int rc = cfs_watch_poll(a->to.watch, err);

		cfs_hash_update(&h, buf, (size_t)n);
		if (rc == 0)
			rc = cfs_tar_write_content(a->tar, buf, (size_t)n, err);
		if (rc < 0)
			return rc;
	}
	cfs_oci_digest_final(&h, &actual);
	return n < 0 ? (int)n : cfs_oci_digest_expect(&d->digest, &actual, err);
}

/* Appends a blob to the archive. Its size is in the header before its bytes, so the
 * source must keep its size. */
static int put_archive_blob(void *ctx, int fd, const struct cfs_oci_descriptor *d,
			    bool *is_present, struct cfs_err *err)
{
	struct archive_out *a = ctx;
	char path[LAYOUT_PATH_MAX];
	int rc;

	*is_present = false;
	a->path_of(d, path);
	rc = begin_member(a, path, d->size, err);
	if (rc == 0)
		rc = copy_archive_blob(a, fd, d, err);
	return cfs_context(err, rc, "%s", path);
}

static int put_archive_manifest(void *ctx, struct cfs_span json,
				const struct cfs_oci_descriptor *d, struct cfs_err *err)
{
	struct archive_out *a = ctx;
	int rc = a->write_index(a, json, d, err);

	if (rc == 0)
		rc = cfs_tar_write_end(a->tar, err);
	return rc < 0 ? rc : cfs_replace_commit(&a->file, err);
}

/* --- OCI layouts -------------------------------------------------------------------- */

static void layout_path_of(const struct cfs_oci_descriptor *d, char out[LAYOUT_PATH_MAX])
{
	layout_format_path(&d->digest, out);
}

/* Ends an archive with the manifest, the index that names it, and the marker of the
 * layout. */
static int write_layout_index(struct archive_out *a, struct cfs_span json,
			      const struct cfs_oci_descriptor *d, struct cfs_err *err)
{
	char path[LAYOUT_PATH_MAX];
	struct cfs_mem index = {0};
	int rc = put_archive_text(a, layout_format_path(&d->digest, path), json, err);

	if (rc == 0)
		rc = cfs_oci_index_put(CFS_TEXT(""), d, a->name, &index, err);
	if (rc == 0)
		rc = put_archive_text(a, "index.json", cfs_mem_span(&index), err);
	free(index.p);
	return rc < 0 ? rc
		      : put_archive_text(a, "oci-layout",
					 cfs_text_span(CFS_TEXT(LAYOUT_MARKER)), err);
}

/* --- the form of docker ------------------------------------------------------------- */

static void docker_path_of(const struct cfs_oci_descriptor *d, char out[LAYOUT_PATH_MAX])
{
	char text[CFS_OCI_DIGEST_TEXT_MAX];

	snprintf(out, LAYOUT_PATH_MAX, "%s.%s",
		 strchr(cfs_oci_digest_text(&d->digest, text), ':') + 1,
		 cfs_oci_find_packing(d->media_type) == CFS_OCI_NO_TAR ? "json" : "tar");
}

/* Returns a new reference; NULL: out of memory. */
static json_t *make_docker_name(const struct cfs_oci_descriptor *d)
{
	char path[LAYOUT_PATH_MAX];

	docker_path_of(d, path);
	return json_string(path);
}

/* NULL: memory ran out. */
static char *make_docker_index(const struct archive_out *a,
			       const struct cfs_oci_manifest *m)
{
	json_t *tags = json_array(), *layers = json_array();
	json_t *root;
	char *text;
	int rc = 0;

	if (a->name)
		rc = json_array_append_new(tags, json_string(a->name));
	for (size_t i = 0; rc == 0 && i < m->n_layers; i++)
		rc = json_array_append_new(layers, make_docker_name(&m->layers[i]));
	root = json_pack("[{s:o,s:o,s:o}]", "Config", make_docker_name(&m->config),
			 "RepoTags", tags, "Layers", layers);
	text = rc == 0 && root ? json_dumps(root, JSON_COMPACT) : NULL;
	json_decref(root);
	return text;
}

/* The archive has no manifest of OCI: its reader makes one of manifest.json. */
static int write_docker_index(struct archive_out *a, struct cfs_span json,
			      const struct cfs_oci_descriptor *d, struct cfs_err *err)
{
	struct cfs_oci_manifest m;
	cfs_autofree char *text = NULL;
	int rc = cfs_oci_manifest_parse(cfs_span_text(json), &m, err);

	(void)d;
	if (rc == 0) {
		text = make_docker_index(a, &m);
		rc = text ? put_archive_text(a, "manifest.json",
					     cfs_text_span(cfs_text(text)), err)
			  : cfs_fail(err, ENOMEM, "out of memory");
	}
	cfs_oci_manifest_fini(&m);
	return rc;
}

/* --- opening ------------------------------------------------------------------------ */

static int open_archive_file(struct archive_out *a, const char *path, struct cfs_err *err)
{
	int rc = cfs_replace_open(path, &a->file, err);

	if (rc < 0)
		return cfs_context(err, rc, "%s", path);
	a->to.fd = a->file.fd;
	rc = cfs_tar_writer_new(cfs_sink_watched_fd(&a->to), &a->tar, err);
	if (rc == 0)
		cfs_tar_writer_omit_dot(a->tar);
	return rc;
}

/* Returns an archive without a file, which close_archive frees; NULL: out of memory. */
static struct archive_out *new_archive(const struct cfs_watch *watch)
{
	struct archive_out *a = calloc(1, sizeof(*a));

	if (a) {
		a->file = (struct cfs_replace){.fd = -1, .dirfd = -1};
		a->to.watch = watch;
	}
	return a;
}

static int finish_open(struct archive_out *a, int rc, struct cfs_destination *out)
{
	if (rc < 0)
		close_archive(a);
	else
		*out = (struct cfs_destination){.put_blob = put_archive_blob,
						.put_manifest = put_archive_manifest,
						.close = close_archive,
						.ctx = a,
						.is_in_order = true};
	return rc;
}

int cfs_destination_open_oci_archive(const char *spec, const struct cfs_watch *watch,
				     struct cfs_destination *out, struct cfs_err *err)
{
	struct archive_out *a = new_archive(watch);
	cfs_autofree char *path = NULL;
	int rc;

	*out = (struct cfs_destination){0};
	if (!a)
		return cfs_fail(err, ENOMEM, "out of memory");
	a->write_index = write_layout_index;
	a->path_of = layout_path_of;
	rc = place_split(spec, &path, &a->name, err);
	if (rc == 0 && a->name && !cfs_oci_is_tag(cfs_text(a->name)))
		rc = cfs_fail(err, EINVAL, "expected a tag, got \"%.100s\"", a->name);
	if (rc == 0)
		rc = open_archive_file(a, path, err);
	return finish_open(a, rc, out);
}

/* As docker writes names: with a tag, and without a host that was not given. */
static int set_reference(struct archive_out *a, const char *text, struct cfs_err *err)
{
	struct cfs_oci_reference r;
	int rc = cfs_oci_reference_parse(text, &r, err);
	const char *slash = strrchr(text, '/');
	const char *colon = strchr(slash ? slash : text, ':');

	if (rc == 0 && r.has_digest)
		rc = cfs_fail(err, EINVAL, "expected [HOST/]NAME[:TAG], got a digest");
	if (rc == 0 && asprintf(&a->name, "%s%s", text, colon ? "" : ":latest") < 0) {
		a->name = NULL;
		rc = cfs_fail(err, ENOMEM, "out of memory");
	}
	return rc;
}

int cfs_destination_open_docker_archive(const char *spec, const struct cfs_watch *watch,
					struct cfs_destination *out, struct cfs_err *err)
{
	struct archive_out *a = new_archive(watch);
	cfs_autofree char *path = NULL;
	const char *reference;
	int rc;

	*out = (struct cfs_destination){0};
	if (!a)
		return cfs_fail(err, ENOMEM, "out of memory");
	a->write_index = write_docker_index;
	a->path_of = docker_path_of;
	rc = place_split_docker(spec, &path, &reference, err);
	if (rc == 0 && reference)
		rc = set_reference(a, reference, err);
	if (rc == 0)
		rc = open_archive_file(a, path, err);
	rc = finish_open(a, rc, out);
	out->has_plain_layers = true;
	return rc;
}
