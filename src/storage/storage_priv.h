/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the files of the room share. */
#ifndef CFS_STORAGE_PRIV_H
#define CFS_STORAGE_PRIV_H

#include <jansson.h>
#include <limits.h>

#include "storage/storage.h"

enum {
	STORAGE_ID_LEN = 64,	      /* digits of the ID of an image or a layer */
	STORAGE_JSON_MAX = 64 << 20,  /* bytes of images.json, layers.json */
	STORAGE_VALUES_MAX = 1000000, /* in them; a layer has about 20 */
	STORAGE_CONF_MAX = 1 << 20,   /* bytes of storage.conf */
	STORAGE_STORES_MAX = 64,
	STORAGE_LOCK_MS = 30 * 1000,
	STORAGE_PATH_MAX = 512, /* of a file beneath a store, with its NUL */
};

/* --- storage.conf ------------------------------------------------------------------- */

/* Strings are NULL if the files do not set them; freed by storage_conf_fini. Starts zeroed. */
struct storage_conf {
	char *driver, *graphroot, *rootless_path, *image_store;
	char **additional; /* image stores */
	size_t n_additional, cap_additional;
};

/* Reads the settings of a file over those of conf. -EINVAL: malformed, with the line. */
int storage_conf_parse(struct cfs_text text, struct storage_conf *conf,
		       struct cfs_err *err) CFS_MUST_CHECK;
void storage_conf_fini(struct storage_conf *conf);

/* --- places ------------------------------------------------------------------------- */

/* A directory with stores of one or more drivers. */
struct storage_place {
	char *root;
	char *driver; /* NULL: each driver that has a store there */
};

/* What the user named. Starts zeroed; freed by storage_places_fini. */
struct storage_places {
	struct storage_place *places; /* the one that images are pulled to comes first */
	size_t n, cap;
	const char *name; /* of the image; borrowed from the specification */
};

/* Finds the stores that spec, [[DRIVER@]ROOT]NAME, can mean, the configured ones without
 * a ROOT. *out borrows from spec, and needs storage_places_fini only on success. -EINVAL:
 * malformed; -ENOMEM; and as storage.conf cannot be read. */
int storage_places_find(const char *spec, const struct cfs_storage_env *env,
			struct storage_places *out, struct cfs_err *err) CFS_MUST_CHECK;
void storage_places_fini(struct storage_places *p);

/* --- stores ------------------------------------------------------------------------- */

/* A store of one driver. */
struct storage_store {
	int fd; /* its directory */
	const char *driver;
	char *root;	/* for messages */
	json_t *images; /* images.json; NULL after the image was found */
	json_t *layers; /* layers.json and volatile-layers.json, each a list; the same */
	json_t *volatile_layers;
};

/* Opens the stores of a place and reads their JSON files. They are appended to *stores. */
int storage_stores_open(const struct storage_place *place, const struct cfs_watch *watch,
			struct storage_store **stores, size_t *n, size_t *cap,
			struct cfs_err *err) CFS_MUST_CHECK;
void storage_store_close(struct storage_store *store);

/* Takes a lock of the store, "images" or "layers", and returns a descriptor that holds it, or -1
 * in *out: a store that is only read may lack the file. */
int storage_store_lock(const struct storage_store *store, const char *what,
		       const struct cfs_watch *watch, int *out,
		       struct cfs_err *err) CFS_MUST_CHECK;

/* Formats a path beneath a store: "DRIVER-WHAT/REST" or "DRIVER/REST". -ENAMETOOLONG. */
int storage_store_format_path(char out[STORAGE_PATH_MAX], struct cfs_err *err,
			      const char *fmt, ...) CFS_PRINTF(3, 4) CFS_MUST_CHECK;

/* Whether text is an ID: 64 lower-case hex digits. IDs are names of directories. */
bool storage_is_id(const char *text);

/* --- the image ---------------------------------------------------------------------- */

struct storage_layer_id {
	char id[STORAGE_ID_LEN + 1];
	size_t store; /* in cfs_storage.stores */
};

struct cfs_storage {
	const struct cfs_watch *watch;
	struct storage_store *stores;
	size_t n_stores, cap_stores;
	size_t store; /* of the image */
	char id[STORAGE_ID_LEN + 1];
	char top[STORAGE_ID_LEN +
		 1];	 /* ID of the highest layer; "": the image has none */
	bool has_digest; /* the name had one */
	struct cfs_oci_digest digest;
	struct storage_layer_id *layers; /* lowest first */
	size_t n_layers;
};

/* Finds the image by text, a name or an ID, and sets store, id, top and digest. */
int storage_find_image(struct cfs_storage *s, const char *text,
		       struct cfs_err *err) CFS_MUST_CHECK;

/* Finds the layers from the highest one down. */
int storage_find_layers(struct cfs_storage *s, struct cfs_err *err) CFS_MUST_CHECK;

#endif
