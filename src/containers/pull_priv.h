/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the steps of a pull share. */
#ifndef CFS_CONTAINERS_PULL_PRIV_H
#define CFS_CONTAINERS_PULL_PRIV_H

#include <stdatomic.h>

#include "containers/content_index.h"
#include "containers/layer_write.h"
#include "containers/names.h"
#include "containers/pull.h"
#include "repo/repo.h"
#include "stream/stream.h"

/* One layer of the image. */
struct pull_layer {
	const struct cfs_oci_descriptor *blob;
	const struct cfs_oci_digest *diff_id;
	bool is_present;  /* the repository has it */
	bool is_damaged;  /* the repository has a stream of its name, which is replaced */
	bool is_repeated; /* an earlier layer has the same diff_id */
	bool keeps_blob;  /* the blob is kept, too */
	bool has_kept;	  /* kept now or before: kept_stream */
	struct cfs_digest stream;      /* its object */
	struct cfs_digest kept_stream; /* of the blob: its object */
	struct cfs_content *contents;  /* of its files, if they were found out */
	size_t n_contents;
};

struct pull {
	struct cfs_repo *repo;
	struct cfs_store *store;
	const struct cfs_transport *from;
	const struct cfs_pull_opts *opts;
	struct cfs_oci_digest digest; /* of the manifest */
	struct cfs_mem manifest_json, config_json;
	struct cfs_oci_manifest manifest;
	struct cfs_oci_config config;
	struct pull_layer *layers;
	size_t n_layers;
	size_t *order; /* of the layers that are missing: largest first */
	size_t n_missing;
	atomic_uint_fast64_t bytes_read, bytes_saved;
	atomic_uint_fast64_t bytes_all; /* of the layers that are missing */
	atomic_size_t n_done;
	struct cfs_content_index contents; /* open if the source has ranges */
	atomic_bool has_bad_contents;	   /* the index was wrong */
	size_t n_referrers;		   /* that were stored */
};

/* Reads the manifest for the platform, and its configuration. */
int pull_documents(struct pull *p, struct cfs_err *err) CFS_MUST_CHECK;

/* Reads and stores the layers that the repository lacks, and gives them their names. */
int pull_layers(struct pull *p, struct cfs_err *err) CFS_MUST_CHECK;

/* Reads a zstd:chunked layer by the ranges of the files that the repository lacks, and rebuilds
 * and checks its archive: 1. 0: the layer, the source or its bytes do not permit that; the
 * whole layer is to be read. Else an error of the repository, or -ECANCELED. */
int pull_chunked(struct pull *p, unsigned worker, struct pull_layer *l,
		 struct cfs_err *err) CFS_MUST_CHECK;

/* pull_kept.c: finds out whether the repository has the blob of a layer. */
int pull_find_kept(const struct pull *p, struct pull_layer *l,
		   struct cfs_err *err) CFS_MUST_CHECK;

/* Adds the stream of a blob whose bytes were written, and compared with its digest. Frees the
 * writer. */
int pull_keep_blob(const struct pull *p, unsigned worker, struct cfs_store_writer *w,
		   struct pull_layer *l, struct cfs_err *err) CFS_MUST_CHECK;

/* Gives the blobs that were kept their names, or names them in the stream of a manifest. */
int pull_publish_kept(const struct pull *p, struct cfs_err *err) CFS_MUST_CHECK;
int pull_name_kept(const struct pull *p, struct cfs_stream_writer *w,
		   struct cfs_err *err) CFS_MUST_CHECK;

/* Counts bytes of blobs that were read, and reports the progress. */
void pull_count(struct pull *p, unsigned worker, uint64_t n);

/* Compares the image with the digest that the manifest announces. */
int pull_check_seal(const struct pull *p, const struct cfs_digest *image,
		    struct cfs_err *err) CFS_MUST_CHECK;

/* Stores the streams of configuration and manifest and gives them their names. image: NULL
 * for an artifact. */
int pull_publish(struct pull *p, const struct cfs_digest *image,
		 struct cfs_err *err) CFS_MUST_CHECK;

/* Reads and stores the artifacts whose subject is the manifest, as the options say. */
int pull_referrers(struct pull *p, struct cfs_err *err) CFS_MUST_CHECK;

/* pull_referrers.c: stores the manifest, which is that of an artifact, and its blobs as they are,
 * and gives it the tag. */
int pull_named_artifact(struct pull *p, struct cfs_err *err) CFS_MUST_CHECK;

/* The options for a writer of layers that is the given worker. */
struct cfs_containers_layer_opts pull_make_layer_opts(const struct pull *p,
						      unsigned worker);

#endif
