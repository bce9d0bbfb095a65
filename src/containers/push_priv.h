/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the steps of a push share. */
#ifndef CFS_CONTAINERS_PUSH_PRIV_H
#define CFS_CONTAINERS_PUSH_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "containers/container.h"
#include "containers/push.h"

/* A blob, and the repository of the registry that has it. */
struct push_mount {
	struct cfs_oci_digest digest;
	char from[CFS_OCI_NAME_MAX];
};

struct push {
	const struct cfs_repo *repo;
	const struct cfs_destination *to;
	const struct cfs_push_opts *opts;
	struct cfs_container container;
	size_t n_layers;
	struct cfs_oci_descriptor *layers; /* as they are sent, lowest first */
	size_t *order;	 /* of the layers with different diff_ids: largest first */
	uint64_t *sizes; /* of the layers, uncompressed */
	size_t n_different;
	uint64_t bytes_all; /* of the different layers, uncompressed */
	atomic_uint_fast64_t bytes_read, bytes_sent;
	atomic_size_t n_done, n_present;
	/* Of a destination that takes blobs in order: */
	pthread_mutex_t lock;
	pthread_cond_t next;
	size_t turn;   /* the entry of order whose blob is sent next; guarded by lock */
	size_t failed; /* the first that is not sent, or SIZE_MAX; guarded by lock */
	struct push_mount *mounts;
	size_t n_mounts, mounts_cap;
	bool is_same_manifest; /* as in the repository: all blobs are the same */
	size_t n_referrers;
};

/* Compresses and sends the layers; fills in layers. */
int push_layers(struct push *p, struct cfs_err *err) CFS_MUST_CHECK;

/* push_mounts.c: lists what the destination can take from its other repositories. */
int push_list_mounts(struct push *p, struct cfs_err *err) CFS_MUST_CHECK;

/* Has the destination take a blob from another of its repositories. 1: it has it; 0: it is to be
 * sent. */
int push_mount_blob(const struct push *p, const struct cfs_oci_descriptor *d,
		    struct cfs_err *err) CFS_MUST_CHECK;

/* push_original.c: gives the destination a layer as it was pulled, and fills in its descriptor. 1:
 * done; 0: it is to be compressed. turn: the index in order. */
int push_original(struct push *p, size_t turn, size_t i,
		  struct cfs_err *err) CFS_MUST_CHECK;

/* Sends the blob in a file when it is its turn. */
int push_send_blob(struct push *p, size_t turn, int fd,
		   const struct cfs_oci_descriptor *d,
		   struct cfs_err *err) CFS_MUST_CHECK;

/* -ENOTSUP: the destination cannot take the artifacts that the options name. */
int push_check_referrers(const struct push *p, struct cfs_err *err) CFS_MUST_CHECK;

/* push_referrers.c: sends the container, which is an artifact, as it is. */
int push_named_artifact(const struct push *p, struct cfs_err *err) CFS_MUST_CHECK;

/* Sends the artifacts whose subject is the manifest. */
int push_referrers(struct push *p, struct cfs_err *err) CFS_MUST_CHECK;

#endif
