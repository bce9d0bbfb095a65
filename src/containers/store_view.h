/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* An additional image store of containers-storage, the library of podman, as data: which
 * images it has, their names, and its two indexes. Each image has one layer: the merged
 * tree. */
#ifndef CFS_CONTAINERS_STORE_VIEW_H
#define CFS_CONTAINERS_STORE_VIEW_H

#include "containers/container.h"

enum {
	CFS_STORE_ID_MAX = 2 * CFS_SHA256_LEN + 1,
	CFS_STORE_LINK_MAX = 26 + 1,
	CFS_STORE_KEY_MAX = 128, /* file name of a document */
};

/* An image of the store. Starts zeroed; free with cfs_store_image_fini. */
struct cfs_store_image {
	char id[CFS_STORE_ID_MAX];	 /* digest of the configuration */
	char layer[CFS_STORE_ID_MAX];	 /* made from the image ID of composefs */
	char link[CFS_STORE_LINK_MAX];	 /* short name of the layer */
	char manifest[CFS_STORE_ID_MAX]; /* digest */
	char created[sizeof("2024-01-01T00:00:00Z")];
	size_t manifest_len, config_len;
	uint64_t size; /* of the layers in a registry, at most INT64_MAX */
	struct cfs_digest image;
	char **names; /* "localhost/app:latest" */
	size_t n_names, cap;
};

/* Fills in all but the names. -ENOTSUP: a digest that is not SHA-256, which the store
 * requires; -ENOENT: no image was made of the container image. */
int cfs_store_image_init(const struct cfs_container *c, struct cfs_store_image *out,
			 struct cfs_err *err) CFS_MUST_CHECK;
void cfs_store_image_fini(struct cfs_store_image *image);

/* Adds the name of a tag: a tag without a host gets "localhost/", one without a version
 * ":latest". -EINVAL: podman would not accept it. */
int cfs_store_image_add_name(struct cfs_store_image *image, const char *tag,
			     struct cfs_err *err) CFS_MUST_CHECK;

/* The file name of the document "KIND-sha256:DIGEST" or, without kind, "sha256:DIGEST". */
void cfs_store_format_key(const char *kind, const char *digest,
			  char out[CFS_STORE_KEY_MAX]);

/* images.json and layers.json; free() is the caller's. */
int cfs_store_format_images_json(const struct cfs_store_image *v, size_t n, char **out,
				 struct cfs_err *err) CFS_MUST_CHECK;
int cfs_store_format_layers_json(const struct cfs_store_image *v, size_t n, char **out,
				 struct cfs_err *err) CFS_MUST_CHECK;

#endif
