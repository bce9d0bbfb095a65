/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Images by their names, IDs and digests. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "storage/storage_priv.h"

enum {
	NAME_MAX_LEN = 1024,
	PREFIX_MIN = 3, /* digits of an ID */
};

/* A name in its parts. */
struct name {
	char repo[NAME_MAX_LEN]; /* with its tag, if there is one */
	const char *digest;	 /* "sha256:..."; NULL: none */
	const char *id;		 /* digits of an ID, behind "@"; NULL: none */
};

/* Splits NAME@DIGEST or NAME@ID. Digests have a colon, IDs of podman have none. */
static int split_name(const char *text, struct name *out, struct cfs_err *err)
{
	const char *at = strchr(text, '@');
	size_t len = at ? (size_t)(at - text) : strlen(text);

	*out = (struct name){.digest = at && strchr(at, ':') ? at + 1 : NULL,
			     .id = at && !strchr(at, ':') ? at + 1 : NULL};
	if (len >= sizeof(out->repo))
		return cfs_fail(err, EINVAL,
				"expected an image name of at most %zu bytes, got %zu",
				sizeof(out->repo) - 1, len);
	memcpy(out->repo, text, len);
	out->repo[len] = '\0';
	return 0;
}

static const char *get_image_text(const json_t *image, const char *key)
{
	const char *text = json_string_value(json_object_get(image, key));

	return text ? text : "";
}

/* --- by name ------------------------------------------------------------------------ */

static bool has_tag(const char *repo)
{
	const char *slash = strrchr(repo, '/');

	return strchr(slash ? slash : repo, ':') != NULL;
}

static bool has_registry_host(const char *repo)
{
	size_t len = strcspn(repo, "/");

	return repo[len] && (memchr(repo, '.', len) || memchr(repo, ':', len) ||
			     strncmp(repo, "localhost/", len + 1) == 0);
}

/* Number i of the full names that podman tries for a short one; false: there is none. */
static bool full_name(const char *repo, size_t i, char out[NAME_MAX_LEN + 64])
{
	static const char *const hosts[] = {"", "localhost/", "docker.io/library/",
					    "docker.io/"};

	if (i >= (has_registry_host(repo) ? 1 : sizeof(hosts) / sizeof(hosts[0])))
		return false;
	snprintf(out, NAME_MAX_LEN + 64, "%s%s%s", hosts[i], repo,
		 has_tag(repo) ? "" : ":latest");
	return true;
}

/* Whether a list of the image has this text. */
static bool has_entry(const json_t *image, const char *list, const char *expected)
{
	const json_t *names = json_object_get(image, list);
	json_t *value;
	size_t i;

	json_array_foreach(names, i, value)
	{
		const char *text = json_string_value(value);

		if (text && strcmp(text, expected) == 0)
			return true;
	}
	return false;
}

/* The first image whose list has this text. */
static const json_t *find_listed_image(struct cfs_storage *s, const char *list,
				       const char *expected)
{
	for (s->store = 0; s->store < s->n_stores; s->store++) {
		const json_t *images = s->stores[s->store].images;
		json_t *image;
		size_t i;

		json_array_foreach(
			images, i,
			image) if (has_entry(image, list, expected)) return image;
	}
	return NULL;
}

static const json_t *find_short_name(struct cfs_storage *s, const char *repo)
{
	char name[NAME_MAX_LEN + 64];
	const json_t *image = NULL;

	for (size_t i = 0; !image && full_name(repo, i, name); i++)
		image = find_listed_image(s, "names", name);
	return image;
}

/* --- by ID and digest --------------------------------------------------------------- */

static bool is_id_prefix(const char *text)
{
	size_t n = strspn(text, "0123456789abcdef");

	return !text[n] && n >= PREFIX_MIN && n <= STORAGE_ID_LEN;
}

/* The image whose ID begins so. A store and its additional store can have the same image. */
static int find_image_id(struct cfs_storage *s, const char *prefix, const json_t **out,
			 struct cfs_err *err)
{
	size_t found = 0;

	*out = NULL;
	for (size_t k = 0; k < s->n_stores; k++) {
		json_t *image;
		size_t i;

		json_array_foreach(s->stores[k].images, i, image)
		{
			const char *id = get_image_text(image, "id");

			if (strncmp(id, prefix, strlen(prefix)) != 0)
				continue;
			if (*out && strcmp(get_image_text(*out, "id"), id) != 0)
				return cfs_fail(err, ENOTUNIQ,
						"the IDs of several images begin with "
						"%s",
						prefix);
			found = *out ? found : k;
			*out = *out ? *out : image;
		}
	}
	s->store = found;
	return 0;
}

/* --- the image ---------------------------------------------------------------------- */

/* An image has the manifests that lead to it, with their digests. */
static int find_image_digest(struct cfs_storage *s, const char *text, const json_t **out,
			     struct cfs_err *err)
{
	char key[sizeof("manifest-") + CFS_OCI_DIGEST_TEXT_MAX];
	int rc = cfs_oci_digest_parse(cfs_text(text), &s->digest, err);

	if (rc < 0)
		return rc;
	s->has_digest = true;
	snprintf(key, sizeof(key), "manifest-%s", text);
	*out = find_listed_image(s, "big-data-names", key);
	return 0;
}

static int find_named_image(struct cfs_storage *s, const struct name *name,
			    const json_t **out, struct cfs_err *err)
{
	if (name->id)
		return is_id_prefix(name->id)
			       ? find_image_id(s, name->id, out, err)
			       : cfs_fail(err, EINVAL, "expected @ID or @DIGEST");
	if (name->digest)
		return find_image_digest(s, name->digest, out, err);
	*out = find_short_name(s, name->repo);
	if (!*out && is_id_prefix(name->repo))
		return find_image_id(s, name->repo, out, err);
	return 0;
}

/* Keeps the IDs of the image. They become names of files, so nothing but hex digits is
 * accepted. */
static int take_image(struct cfs_storage *s, const json_t *image, struct cfs_err *err)
{
	const char *id = get_image_text(image, "id"),
		   *top = get_image_text(image, "layer");

	if (!storage_is_id(id))
		return cfs_fail(err, EINVAL,
				"images.json: id: expected %d hex digits, got \"%.80s\"",
				STORAGE_ID_LEN, id);
	if (*top && !storage_is_id(top))
		return cfs_fail(
			err, EINVAL,
			"images.json: layer: expected %d hex digits, got \"%.80s\"",
			STORAGE_ID_LEN, top);
	snprintf(s->id, sizeof(s->id), "%s", id);
	snprintf(s->top, sizeof(s->top), "%s", top);
	return 0;
}

int storage_find_image(struct cfs_storage *s, const char *text, struct cfs_err *err)
{
	const json_t *image = NULL;
	struct name name;
	int rc = split_name(text, &name, err);

	if (rc == 0)
		rc = find_named_image(s, &name, &image, err);
	if (rc < 0)
		return rc;
	if (!image)
		return cfs_fail(err, ENOENT, "no image \"%.200s\" in %s%s", text,
				s->stores[0].root, s->n_stores > 1 ? " and others" : "");
	return take_image(s, image, err);
}
