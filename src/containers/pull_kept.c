/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The blobs of layers that a pull keeps: streams "oci-blob-DIGEST" of a single object each, which
 * the stream of the manifest names. */
#include <errno.h>
#include <stdio.h>

#include "containers/artifact.h"
#include "containers/pull_priv.h"

/* A kept blob that is damaged or missing is not one: it is fetched and kept again. Other
 * errors end the pull, since they would also meet the new blob. */
int pull_find_kept(const struct pull *p, struct pull_layer *l, struct cfs_err *err)
{
	char name[CFS_CONTAINERS_STREAM_MAX], entry[CFS_REPO_LINK_MAX];
	int rc;

	cfs_containers_format_stream_name(CFS_CONTAINERS_BLOB, &l->blob->digest, name);
	rc = cfs_repo_find_stream(p->repo, name, entry, &l->kept_stream, err);
	l->has_kept = rc == 0;
	if (rc == 0 && p->opts->keeps_blobs) {
		int fd = cfs_containers_open_kept(p->repo, l->blob, err);

		if (fd >= 0)
			close(fd);
		else if (fd != -EUCLEAN && fd != -ENOENT)
			return fd;
		l->has_kept = fd >= 0;
	}
	if (rc < 0 && rc != -ENOENT)
		return rc;
	l->keeps_blob = p->opts->keeps_blobs && !l->has_kept;
	return 0;
}

int pull_keep_blob(const struct pull *p, unsigned worker, struct cfs_store_writer *w,
		   struct pull_layer *l, struct cfs_err *err)
{
	struct cfs_containers_layer_opts opts = pull_make_layer_opts(p, worker);
	struct cfs_digest object;
	int rc = cfs_store_writer_finish(w, NULL, &object, err);

	if (rc == 0)
		rc = cfs_containers_write_single(&opts, CFS_CONTAINERS_TYPE_BLOB, &object,
						 l->blob->size, NULL, NULL,
						 &l->kept_stream, err);
	l->has_kept = rc == 0;
	return rc;
}

int pull_publish_kept(const struct pull *p, struct cfs_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < p->n_layers; i++) {
		const struct pull_layer *l = &p->layers[i];
		char name[CFS_CONTAINERS_STREAM_MAX];
		struct cfs_repo_link link = {
			.kind = CFS_REPO_STREAMS, .id = l->kept_stream, .replaces = true};

		link.name = cfs_containers_format_stream_name(CFS_CONTAINERS_BLOB,
							      &l->blob->digest, name);
		if (l->keeps_blob && l->has_kept)
			rc = cfs_repo_publish(p->repo, &link, err);
	}
	return rc;
}

int pull_name_kept(const struct pull *p, struct cfs_stream_writer *w, struct cfs_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < p->n_layers; i++) {
		const struct pull_layer *l = &p->layers[i];
		char text[CFS_OCI_DIGEST_TEXT_MAX],
			key[sizeof("blob:") + CFS_OCI_DIGEST_TEXT_MAX];

		snprintf(key, sizeof(key), "blob:%s",
			 cfs_oci_digest_text(&l->blob->digest, text));
		if (l->has_kept)
			rc = cfs_stream_name_stream(w, cfs_text(key), &l->kept_stream,
						    err);
	}
	return rc;
}
