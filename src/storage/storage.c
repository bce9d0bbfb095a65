/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* An image of a store, and its documents. */
#include <errno.h>
#include <string.h>

#include "storage/storage_priv.h"

void cfs_storage_close(struct cfs_storage *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n_stores; i++)
		storage_store_close(&s->stores[i]);
	free(s->stores);
	free(s->layers);
	free(s);
}

size_t cfs_storage_count_layers(const struct cfs_storage *s)
{
	return s->n_layers;
}

/* The JSON files can be large, and the image is known now. */
static void drop_json(struct cfs_storage *s)
{
	for (size_t i = 0; i < s->n_stores; i++) {
		json_decref(cfs_steal(&s->stores[i].images));
		json_decref(cfs_steal(&s->stores[i].layers));
		json_decref(cfs_steal(&s->stores[i].volatile_layers));
	}
}

static int open_places(struct cfs_storage *s, const struct storage_places *p,
		       struct cfs_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < p->n; i++)
		rc = storage_stores_open(&p->places[i], s->watch, &s->stores,
					 &s->n_stores, &s->cap_stores, err);
	if (rc == 0 && s->n_stores == 0)
		rc = cfs_fail(err, ENOENT,
			      "%s%s: no images of the drivers overlay and vfs",
			      p->places[0].root, p->n > 1 ? " and others" : "");
	return rc;
}

int cfs_storage_open(const char *spec, const struct cfs_storage_env *env,
		     const struct cfs_watch *watch, struct cfs_storage **out,
		     struct cfs_err *err)
{
	struct cfs_storage *s = calloc(1, sizeof(*s));
	struct storage_places places = {0};
	int rc = s ? storage_places_find(spec, env, &places, err)
		   : cfs_fail(err, ENOMEM, "out of memory");

	if (rc == 0) {
		s->watch = watch;
		rc = open_places(s, &places, err);
	}
	if (rc == 0)
		rc = storage_find_image(s, places.name, err);
	if (rc == 0)
		rc = storage_find_layers(s, err);
	storage_places_fini(&places);
	if (rc < 0) {
		cfs_storage_close(s);
		return rc;
	}
	drop_json(s);
	*out = s;
	return 0;
}

/* --- documents ---------------------------------------------------------------------- */

static bool is_plain_key(const char *key)
{
	return !key[strspn(key, ".0123456789abcdefghijklmnopqrstuvwxyz")];
}

/* Reads what the store calls big data: a file of the image, named by its key, or by "=" and the key
 * in base64 if the key has other characters than digits, lower-case letters and dots. Here it is
 * "manifest", or has a digest: none of these has a slash in base64. */
static int read_big_data(const struct cfs_storage *s, const char *key, size_t max,
			 struct cfs_mem *out, struct cfs_err *err)
{
	const struct storage_store *store = &s->stores[s->store];
	char name[STORAGE_PATH_MAX], path[STORAGE_PATH_MAX];
	bool is_plain = is_plain_key(key);
	int rc;

	if (!is_plain)
		cfs_base64_encode(key, strlen(key), name);
	rc = storage_store_format_path(path, err, "%s-images/%s/%s%s", store->driver,
				       s->id, is_plain ? "" : "=", is_plain ? key : name);
	if (rc == 0)
		rc = cfs_input_read(store->fd, path, CFS_INPUT_BENEATH, max, out, err);
	return cfs_context(err, rc, "%s/%s-images/%s: %s", store->root, store->driver,
			   s->id, key);
}

int cfs_storage_read_manifest(const struct cfs_storage *s,
			      const struct cfs_oci_digest *digest, struct cfs_mem *out,
			      struct cfs_err *err)
{
	char key[sizeof("manifest-") + CFS_OCI_DIGEST_TEXT_MAX] = "manifest";

	if (!digest && s->has_digest)
		digest = &s->digest;
	if (digest) {
		strcpy(key, "manifest-");
		cfs_oci_digest_text(digest, key + strlen(key));
	}
	return read_big_data(s, key, CFS_OCI_MANIFEST_MAX, out, err);
}

int cfs_storage_read_config(const struct cfs_storage *s,
			    const struct cfs_oci_digest *digest, struct cfs_mem *out,
			    struct cfs_err *err)
{
	char key[CFS_OCI_DIGEST_TEXT_MAX];

	cfs_oci_digest_text(digest, key);
	return read_big_data(s, key, CFS_OCI_CONFIG_MAX, out, err);
}
