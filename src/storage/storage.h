/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* storage: images in the local store of podman, buildah, CRI-O and skopeo (containers-storage).
 * Owns:  where such stores are (storage.conf), their JSON files and locks, the names of their
 *        files, layers as the archives that they were.
 * Uses:  base, toml, tar (paths of entries), tarsplit, oci (digests), decompress; jansson.
 * Never: writes to a store, mounts, asks podman.
 *
 * A store may belong to another user. Its directory is opened as the user named it; everything
 * beneath it without following links, and only regular files of the expected size are read. The
 * one exception are links between the directories of a layer, which an archive can lead through:
 * they are followed as in a chroot, and do not lead out of the layer. Who uses a layer compares
 * its digest with the diff_id of the image; nothing here is a proof of anything.
 *
 * images.lock and layers.lock are held, shared, while JSON files are read and the directory of a
 * layer is opened, at most for a moment, so that podman does not wait. The files of a layer that
 * is removed meanwhile are missing, which is an error.
 */
#ifndef CFS_STORAGE_H
#define CFS_STORAGE_H

#include "oci/oci.h"

/* What the environment says about the stores of a user. */
struct cfs_storage_env {
	const char *conf;	     /* CONTAINERS_STORAGE_CONF; NULL: not set */
	const char *home;	     /* NULL: unknown */
	const char *config_home;     /* XDG_CONFIG_HOME; NULL: not set */
	const char *data_home;	     /* XDG_DATA_HOME; NULL: not set */
	const char *system_confs[2]; /* the first that exists counts */
	bool is_root;
};

/* The environment of this process. Borrowed from it. */
void cfs_storage_env_read(struct cfs_storage_env *out);

/* An image of a store. */
struct cfs_storage;

/* Finds "[[DRIVER@]ROOT[+RUNROOT][:OPTIONS]]NAME", where the part in brackets is optional: without
 * it, the stores are those of storage.conf or the default ones, additional image stores
 * included. NAME is that of an image, with a tag or digest or without, or "@" and the ID of an
 * image, or an ID, of which the first digits are enough. -ENOENT: no such store or image;
 * -EBUSY: another process held a lock for too long; -EINVAL: malformed. watch may be NULL, else
 * outlives *out. */
int cfs_storage_open(const char *spec, const struct cfs_storage_env *env,
		     const struct cfs_watch *watch, struct cfs_storage **out,
		     struct cfs_err *err) CFS_MUST_CHECK;
void cfs_storage_close(struct cfs_storage *s); /* NULL is fine */

/* Appends the manifest of the image to out: the one of a digest; or, with NULL, the one of the
 * digest in the name, or else the one that the image was made from. At most
 * CFS_OCI_MANIFEST_MAX bytes; they are not checked. -ENOENT. */
int cfs_storage_read_manifest(const struct cfs_storage *s,
			      const struct cfs_oci_digest *digest, struct cfs_mem *out,
			      struct cfs_err *err) CFS_MUST_CHECK;

/* The same for the configuration that has this digest; at most CFS_OCI_CONFIG_MAX bytes. */
int cfs_storage_read_config(const struct cfs_storage *s,
			    const struct cfs_oci_digest *digest, struct cfs_mem *out,
			    struct cfs_err *err) CFS_MUST_CHECK;

/* The layers of the image, lowest first: their number. */
size_t cfs_storage_count_layers(const struct cfs_storage *s);

/* Layer i as an archive. Any thread; several at once. -ENOENT: the store lacks something;
 * -ENOTSUP: a layer whose files are not kept by their names. Reading: -EILSEQ: a file has another
 * size or checksum than when it was extracted. */
struct cfs_storage_layer;
int cfs_storage_open_layer(const struct cfs_storage *s, size_t i,
			   struct cfs_storage_layer **out,
			   struct cfs_err *err) CFS_MUST_CHECK;
struct cfs_feed cfs_storage_layer_feed(struct cfs_storage_layer *l);

/* Opens the regular file at path, that of an entry of the archive, for reading. It is not said that
 * the file has the content of the entry. A negative errno: it cannot be opened. While the feed is
 * read, only on the same thread. */
int cfs_storage_layer_open_file(struct cfs_storage_layer *l, struct cfs_text path);
void cfs_storage_layer_close(struct cfs_storage_layer *l); /* NULL is fine */

#endif
